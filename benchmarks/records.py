"""Receipts and jobs of the outbox per second: SQLite, PostgreSQL, and two nodes on PostgreSQL, in one run.

Every commit is synced to the disk of the temporary folder, which both databases have. "One caller" waits for each
receipt before the next arrives; eight share commits. A job is a line claimed in batches of 64 and concluded as
delivered. Two nodes are two processes, and their rates are added. Ways take turns; medians count.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.contracts.records_values import NOW, arrival, ending
from tests.postgres_server import PostgresServer
from tolmach.adapters.sql import Records, open_records
from tolmach.delivery.interfaces import Conclusion

ROUNDS = 3
ALONE, TOGETHER, CALLERS, JOBS = 400, 300, 8, 1600
NAMES = ("receipts/s, one caller", "receipts/s, eight callers", "jobs/s")


def alone(records: Records, first: int) -> float:
    begun = time.perf_counter()
    for number in range(first, first + ALONE):
        records.receipts.record(arrival(number))
    return ALONE / (time.perf_counter() - begun)


def together(records: Records, first: int) -> float:
    def work(caller: int) -> None:
        for number in range(TOGETHER):
            records.receipts.record(arrival(first + caller * TOGETHER + number))

    threads = [threading.Thread(target=work, args=(caller,)) for caller in range(CALLERS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CALLERS * TOGETHER / (time.perf_counter() - begun)


def jobs(records: Records, first: int) -> float:
    to = f"pacs-{first}"
    receipts = records.receipts.record_all([arrival(number) for number in range(first, first + JOBS)])
    ids = [one.object_id for one in receipts]
    records.ends.finish([ending(one, study=f"{first}.{at // 200}", destinations=(to,)) for at, one in enumerate(ids)])
    begun, done = time.perf_counter(), 0
    while lines := records.outbox.claim(to, "lane", 64, NOW, 300):
        ended = [Conclusion(line.delivery_id, "delivered", status="0000", proof="response") for line in lines]
        records.outbox.conclude(ended, NOW)
        done += len(lines)
    return done / (time.perf_counter() - begun)


MEASURES: Sequence[Callable[[Records, int], float]] = (alone, together, jobs)


def rates(records: Records, base: int) -> list[float]:
    return [measure(records, base + (number + 1) * 100_000) for number, measure in enumerate(MEASURES)]


def two_nodes(url: str, base: int) -> list[float]:
    """Add what two processes say that work at the same time; each begins a measure when told."""
    command = [sys.executable, "-m", "benchmarks.records", url]
    nodes = [
        subprocess.Popen([*command, str(base + number * 1_000_000)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in range(2)
    ]
    found = []
    for _ in MEASURES:
        for node in nodes:
            node.stdout.readline()  # type: ignore[union-attr]
        for node in nodes:
            node.stdin.write(b"\n")  # type: ignore[union-attr]
            node.stdin.flush()  # type: ignore[union-attr]
        found.append(sum(float(node.stdout.readline()) for node in nodes))  # type: ignore[union-attr]
    for node in nodes:
        node.communicate()
    return found


def be_a_node(url: str, base: int) -> None:
    with open_records(Path(), database=url) as records:
        for number, measure in enumerate(MEASURES):
            print("ready", flush=True)
            sys.stdin.readline()
            print(measure(records, base + (number + 1) * 100_000), flush=True)


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="tolmach-records-"))
    folder.chmod(0o755)
    found: dict[str, list[list[float]]] = {"SQLite": [], "PostgreSQL": [], "PostgreSQL, two nodes": []}
    server = PostgresServer(folder)
    try:
        for turn in range(ROUNDS):
            base = (turn + 1) * 10_000_000
            with open_records(folder / "data") as records:
                found["SQLite"].append(rates(records, base))
            with open_records(Path(), database=server.make("one")) as records:
                found["PostgreSQL"].append(rates(records, base))
            found["PostgreSQL, two nodes"].append(two_nodes(server.make("two"), base))
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)
    for way, some in found.items():
        medians = [statistics.median(column) for column in zip(*some, strict=True)]
        print(f"{way:<24}" + "".join(f"{rate:8.0f} {name}" for name, rate in zip(NAMES, medians, strict=True)))
    return 0


if __name__ == "__main__":
    be_a_node(sys.argv[1], int(sys.argv[2]))
