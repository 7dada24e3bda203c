"""How fast the records are. `python -m tests.unit.adapters.sql.measuring FOLDER [WAITING]` prints medians in ms.

FOLDER decides what is measured: a RAM disk shows the program's own cost, a real one the disk's syncs.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from tests.contracts.records_values import NOW, arrival, ending
from tolmach.adapters.sql import Records, open_records
from tolmach.delivery.interfaces import Conclusion
from tolmach.intake.interfaces import Dealing, FileMark

SINGLE = 1000
THREADS = 8


class Stopwatch:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    @contextmanager
    def lap(self) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds.append(time.perf_counter() - begun)

    def __str__(self) -> str:
        ordered = sorted(self.seconds)
        return f"{statistics.median(ordered) * 1e3:8.3f} ms  (99 %: {ordered[len(ordered) * 99 // 100] * 1e3:.3f} ms)"


def record_alone(records: Records) -> list[int]:
    watch, numbers = Stopwatch(), []
    for number in range(SINGLE):
        one = arrival(number)
        with watch.lap():
            numbers.append(records.receipts.record(one).object_id)
    print(f"record, one caller           {watch}  {SINGLE / sum(watch.seconds):7.0f}/s")
    return numbers


def record_together(records: Records) -> None:
    def work(thread: int) -> None:
        for number in range(SINGLE // 2):
            records.receipts.record(arrival(1_000_000 * (thread + 1) + number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    print(f"record, {THREADS} callers            {THREADS * SINGLE // 2 / seconds:29.0f}/s")


def finish(records: Records, numbers: list[int]) -> None:
    watch = Stopwatch()
    for start in range(0, len(numbers), 32):
        endings = [ending(number, study=f"1.2.3.{number // 200}") for number in numbers[start : start + 32]]
        with watch.lap():
            records.ends.finish(endings)
    print(f"finish, 32 endings           {watch}")


def fill(records: Records, waiting: int) -> None:
    """Queue lines quickly; what is measured is what comes after."""
    begun = time.perf_counter()
    for start in range(0, waiting, 2000):
        arrivals = [arrival(10_000_000 + number) for number in range(start, start + 2000)]
        receipts = records.receipts.record_all(arrivals)
        ends = [
            ending(receipt.object_id, study=f"1.2.4.{(start + at) // 200}", destinations=("full",))
            for at, receipt in enumerate(receipts)
        ]
        records.ends.finish(ends)
    print(f"({waiting} lines queued in {time.perf_counter() - begun:.1f} s)")


def claim_and_conclude(records: Records, destination: str, rounds: int, say: str) -> None:
    claims, conclusions = Stopwatch(), Stopwatch()
    for _ in range(rounds):
        with claims.lap():
            lines = records.outbox.claim(destination, "worker", 64, NOW, 60)
        if not lines:
            break
        done = [Conclusion(line.delivery_id, "delivered", status="0000", proof="response") for line in lines]
        with conclusions.lap():
            records.outbox.conclude(done, NOW)
    print(f"claim of 64, {say:<16}{claims}\nconclude of 64, {say:<13}{conclusions}")


def mark(number: int) -> FileMark:
    path = b"2026/11/22/dir-%03d/IMG-%08d-long-name.dcm" % (number % 500, number)
    return FileMark(path, 64_770, 100 + number, 524_288, 1_795_000_000_123_456_789 + number)


def watched(records: Records, files: int = 200_000) -> None:
    """Know as many files as a folder may hold, none of whose objects is delivered."""
    numbers = [row.object_id for row in itertools.islice(records.desk.queue(), files)]
    notes, looks = Stopwatch(), Stopwatch()
    for start in range(0, len(numbers), 1000):
        dealings = [Dealing(mark(at), "0" * 64, numbers[at]) for at in range(start, min(start + 1000, len(numbers)))]
        with notes.lap():
            records.watched.note("room", dealings)
    for start in range(0, files, 2000):
        marks = [mark(at) for at in range(start, start + 1000)]
        with looks.lap():
            records.watched.settled("room", marks)
    print(f"note of 1000 files           {notes}\nsettled of 1000, {len(numbers):<12}{looks}")
    timed("tidyings, none confirmed", lambda: records.watched.tidyings("room", 100))
    timed("paths, 1000", lambda: records.watched.paths("room", mark(files // 2).path, 1000))
    timed("forget, 1000", lambda: records.watched.forget("room", [mark(at).path for at in range(1000)]))


def timed(say: str, work: Callable[[], object]) -> None:
    begun = time.perf_counter()
    work()
    print(f"{say:<29}{(time.perf_counter() - begun) * 1e3:8.1f} ms")


def main(folder: Path, waiting: int) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as data_dir, open_records(Path(data_dir)) as records:
        numbers = record_alone(records)
        record_together(records)
        finish(records, numbers)
        claim_and_conclude(records, "pacs", 100, "few waiting")
        fill(records, waiting)
        claim_and_conclude(records, "full", 100, f"{waiting}")
        timed("claim, all studies taken", lambda: take_everything(records))
        timed("next_due", lambda: records.outbox.next_due("full"))
        timed("queue, all", lambda: sum(1 for _ in records.desk.queue()))
        timed("history, all", lambda: sum(1 for _ in records.desk.history()))
        timed("history, one patient", lambda: sum(1 for _ in records.desk.history(patient="шевченко")))
        timed("ages", lambda: records.desk.ages(NOW))
        timed("audit", records.desk.audit)
        assert records.desk.audit().holds
        timed("retry, all", lambda: records.desk.retry(None, "full", "somebody"))
        timed("hold, all", lambda: records.desk.hold(None, "full", "somebody"))
        watched(records)
    with tempfile.TemporaryDirectory(dir=folder) as data_dir:
        timed("open, new", lambda: open_records(Path(data_dir)).close())
        timed("open, again", lambda: open_records(Path(data_dir)).close())


def take_everything(records: Records) -> None:
    """Look once while the first twenty thousand lines belong to others."""
    later = NOW + timedelta(seconds=1)
    for _ in range(100):
        records.outbox.claim("full", f"other-{_}", 1, later, 60)
    begun = time.perf_counter()
    records.outbox.claim("full", "late", 64, later, 60)
    print(f"  of which the last           {(time.perf_counter() - begun) * 1e3:8.3f} ms")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 300_000)
