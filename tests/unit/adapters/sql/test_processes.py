"""Several processes on one database, and processes that are killed."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contracts.records_values import sha256_of
from tolmach.adapters.sql import open_records

ROOT = Path(__file__).resolve().parents[4]


@contextmanager
def worker(data_dir: Path, first: int, count: int = 0) -> Iterator[subprocess.Popen[str]]:
    how = "counted" if count else "endless"
    command = [sys.executable, "-m", "tests.unit.adapters.sql.worker", str(data_dir), str(first), str(count), how]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def said(lines: list[str]) -> dict[str, list[tuple[int, ...]]]:
    """Give what a worker said, whole lines only: the last may be cut by the kill."""
    found: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for line in lines:
        word, *numbers = line.split()
        if line.endswith("\n"):
            found[word].append(tuple(map(int, numbers)))
    return found


def killed_after(data_dir: Path, first: int, seconds: float) -> dict[str, list[tuple[int, ...]]]:
    """Let a worker work for so long after it has opened the records, kill it, and give what it said by then."""
    lines: list[str] = []
    with worker(data_dir, first) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
        reader.start()
        reader.join(seconds)
        process.kill()
        reader.join(30)
    return said(lines)


def assert_nothing_is_lost(data_dir: Path, rounds: int) -> None:
    chance = random.Random(rounds)
    taken: dict[int, int] = {}
    ended: set[int] = set()
    delivered: set[int] = set()
    for number in range(rounds):
        heard = killed_after(data_dir, 1_000_000 * number, chance.uniform(0.05, 0.8))
        taken |= {number: object_id for number, object_id, _ in heard["taken"]}
        ended |= {object_id for (object_id,) in heard["ended"]}
        delivered |= {object_id for (object_id,) in heard["delivered"]}
        with open_records(data_dir, create=False) as records:
            assert records.integrity_findings() == []
            report = records.desk.audit()
            assert report.holds, report
            assert report.total.taken >= len(taken)
            rows = {row.object_id: row for row in records.desk.history()}
            assert all(rows[object_id].sha256 == sha256_of(number) for number, object_id in taken.items())
            assert ended.isdisjoint(one.object_id for one in records.journeys.pending(1_000_000))
            assert all(rows[object_id].deliveries[0].state == "delivered" for object_id in delivered)
    assert taken
    assert delivered


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    assert_nothing_is_lost(tmp_path, rounds=3)


@pytest.mark.slow
def test_what_was_acknowledged_survives_many_kills(tmp_path: Path) -> None:
    assert_nothing_is_lost(tmp_path, rounds=20)


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    """Both begin on a folder without a database, and half of what they take is the same."""
    with worker(tmp_path, 0, 200) as one, worker(tmp_path, 100, 200) as other:
        heard = [
            said((process.communicate(timeout=120)[0] or "").splitlines(keepends=True)) for process in (one, other)
        ]
        assert [one.returncode, other.returncode] == [0, 0]
    both = heard[0]["taken"] + heard[1]["taken"]
    assert len(both) == 400
    assert sum(is_new for _, _, is_new in both) == 300
    assert len({object_id for _, object_id, _ in both}) == 300
    with open_records(tmp_path, create=False) as records:
        assert records.desk.audit().total.taken == 300
        assert records.desk.audit().holds


def test_a_command_works_beside_a_running_program(tmp_path: Path) -> None:
    with worker(tmp_path, 0) as process:
        assert process.stdout is not None
        drain = threading.Thread(target=lambda: [None for _ in process.stdout or ()])
        assert process.stdout.readline() == "open\n"
        drain.start()
        with open_records(tmp_path, create=False) as records:
            for _ in range(5):
                records.desk.hold(None, None, "doctor")
                records.desk.retry(None, None, "doctor")
                assert records.desk.audit().holds
                assert sum(1 for _ in records.desk.history()) >= 0
        process.kill()
        drain.join(30)
    with open_records(tmp_path, create=False) as records:
        assert records.desk.audit().holds
