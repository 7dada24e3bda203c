"""A program that keeps records until it is killed, and says on its output what it was told is durable."""

from __future__ import annotations

import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from tests.contracts.records_values import arrival, ending
from tolmach.adapters.sql import Records, open_records
from tolmach.delivery.interfaces import Conclusion


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def take(records: Records, first: int, count: int) -> None:
    for number in range(first, first + count):
        receipt = records.receipts.record(arrival(number))
        say("taken", number, receipt.object_id, int(receipt.is_new))


def walk(records: Records) -> None:
    while True:
        pending = records.journeys.pending(8)
        records.ends.finish([ending(one.object_id, study=str(one.object_id % 5)) for one in pending])
        for one in pending:
            say("ended", one.object_id)


def deliver(records: Records, owner: str) -> None:
    while True:
        now = datetime.now(UTC)
        lines = records.outbox.claim("pacs", owner, 4, now, 60)
        records.outbox.conclude([Conclusion(line.delivery_id, "delivered", status="0000") for line in lines], now)
        for line in lines:
            say("delivered", line.object_id)


def main(data_dir: str, first: str, count: str, endless: str) -> None:
    records = open_records(Path(data_dir))
    say("open")
    if endless != "endless":
        take(records, int(first), int(count))
        records.close()
        return
    records.outbox.clear_leases()
    work = [
        *(lambda thread=thread: take(records, int(first) + thread * 100_000, 100_000) for thread in range(3)),
        lambda: walk(records),
        *(lambda owner=owner: deliver(records, owner) for owner in ("one", "two")),
    ]
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main(*sys.argv[1:])
