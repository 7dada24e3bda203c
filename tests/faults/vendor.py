"""Writes images into watched folders in the ways machines do, until told otherwise, and notes each that it completed.

The folders are told by name, and files are dealt out among them in turn. The journal has a synced line when a file is
begun, {"uid", "status": 1, "watch", "path"}, and one when it is completed: {"uid", "sha256", "status": 0, "watch",
"path", "file_sha256", "size", "inode", "modified_ns", "at"}; `at` is read before the last byte is written or the last
name given, so that nobody can have had the whole file earlier. With --synced a file is on the disk before it is noted.
What an earlier vendor with the same journal has begun and not completed is written anew under the same name.

JSON lines on stdin steer it ({"do": "pause"}, {"do": "go"}, {"tally": true}); it ends when stdin does.

    python -m tests.faults.vendor --folder room=/watched --seed 7 --writers 4 --journal written.jsonl
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.journal import Journal, read_journal
from tests.faults.sample_objects import Sample, as_file, number_of, sample, sha256

# Longer than a file has to be quiet in the watches of this harness; only for these is a pause a danger.
PAUSE_SECONDS = (0.35, 0.8)
SHORT_SECONDS = 0.05
REST_SECONDS = 0.08
PIXEL_HEAD = b"\xe0\x7f\x10\x00OW"
LONG_AGO = 1_000_000_000
IN_A_SERIES = 40


@dataclass(frozen=True)
class Plan:
    """What to write where; `count` 0 means without end."""

    folders: Sequence[tuple[str, Path]]
    seed: int
    count: int
    writers: int
    large_every: int
    synced: bool


class Writing:
    """One file being written: where, what, and the moment before which nobody can have had all of it."""

    def __init__(self, folder: Path, number: int, content: bytes, chance: random.Random, *, synced: bool) -> None:
        self.folder, self.number, self.content, self.chance = folder, number, content, chance
        self.at = 0.0
        self._synced = synced

    def path(self, name: str) -> Path:
        return self.folder / name

    def pause(self) -> None:
        time.sleep(self.chance.uniform(*PAUSE_SECONDS))

    def cuts(self) -> list[int]:
        """Give where to pause: in the header, right in front of the pixels, in them, or in front of the last byte."""
        size = len(self.content)
        places = [100, self.content.index(PIXEL_HEAD), size // 2, size - 1]
        return sorted(self.chance.sample(places, 2))

    def pieces(self) -> list[bytes]:
        first, second = self.cuts()
        return [self.content[:first], self.content[first:second], self.content[second:]]

    def end(self) -> None:
        """Say that what is done next makes the file whole."""
        self.at = time.time()

    def sync(self, path: Path) -> None:
        if self._synced:
            _sync(path)


# The ways of machines -------------------------------------------------------------------------------------------------


def directly(one: Writing) -> Path:
    """Write it in one go."""
    path = one.path(f"{one.number}.dcm")
    one.end()
    path.write_bytes(one.content)
    return path


def renamed(one: Writing) -> Path:
    """Write x.tmp whole but wrong, edit it, rename it."""
    part, path = one.path(f"{one.number}.tmp"), one.path(f"{one.number}.dcm")
    part.write_bytes(one.content[:-8] + bytes(8))
    one.pause()
    with part.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(one.content[-8:])
    one.sync(part)
    one.end()
    return part.rename(path)


def copied(one: Writing) -> Path:
    """Write a temporary file, copy it with its date of years ago, delete it; the name is in a code page of its own."""
    part = one.path(f"~{one.number}.dcm")
    path = one.path(os.fsdecode(f"снимок {one.number}.DIC".encode("cp1251")))
    part.write_bytes(one.content)
    os.utime(part, (LONG_AGO + one.number, LONG_AGO))
    one.end()
    shutil.copy2(part, path)
    time.sleep(SHORT_SECONDS)
    part.unlink()
    return path


def slowly(one: Writing) -> Path:
    """Keep it open and write it in pieces with pauses; it has no extension."""
    path = one.path(f"IM{one.number}")
    first, second, third = one.pieces()
    with path.open("wb", buffering=0) as file:
        for piece in (first, second):
            file.write(piece)
            one.pause()
        one.end()
        file.write(third)
    return path


def appended(one: Writing) -> Path:
    """Open, append and close again and again: nobody but the bytes themselves can tell that more comes."""
    path = one.path(f"{one.number}.dcm")
    first, second, third = one.pieces()
    path.write_bytes(first)
    for piece in (second, third):
        one.pause()
        one.end()
        with path.open("ab", buffering=0) as file:
            file.write(piece)
    return path


def allocated(one: Writing) -> Path:
    """Give the file its whole length first, and then its bytes."""
    path = one.path(f"{one.number}.dcm")
    first, second, third = one.pieces()
    with path.open("wb", buffering=0) as file:
        file.truncate(len(one.content))
        for piece in (first, second):
            one.pause()
            file.write(piece)
        one.end()
        file.write(third)
    return path


def reserved(one: Writing) -> Path:
    """Make an empty file of that name, write another, and put that in its place."""
    part, path = one.path(f"{one.number}.part"), one.path(f"{one.number}.dcm")
    path.touch()
    part.write_bytes(one.content)
    one.pause()
    one.sync(part)
    one.end()
    return part.replace(path)


MANNERS: Sequence[Callable[[Writing], Path]] = (directly, renamed, copied, slowly, appended, allocated, reserved)


class Vendor:
    """Shares out the numbers of images among writers."""

    def __init__(self, plan: Plan, journal: Path) -> None:
        self.plan = plan
        self.completed = self.writing = 0
        self.errors: list[str] = []
        self._again, self._next = _left_by(journal)
        self._journal = Journal(journal)
        self._turn = threading.Condition()
        self._paused = True

    def start(self) -> None:
        for _ in range(self.plan.writers):
            threading.Thread(target=self._work, daemon=True).start()

    def go(self) -> None:
        with self._turn:
            self._paused = False
            self._turn.notify_all()

    def pause(self) -> None:
        """Return when nothing is being written any more, and nothing stands half written."""
        with self._turn:
            self._paused = True
            self._turn.wait_for(lambda: not self.writing and not self._again)

    def done(self) -> bool:
        with self._turn:
            return bool(self.plan.count) and self.completed >= self.plan.count

    def _take(self) -> int:
        """Give the number of the next image; what was begun earlier is finished even in a pause."""
        with self._turn:
            while not self._again and (self._paused or (self.plan.count and self._next >= self.plan.count)):
                self._turn.wait()
            self.writing += 1
            if self._again:
                return self._again.popleft()
            self._next += 1
            return self._next - 1

    def _work(self) -> None:
        while True:
            number = self._take()
            problem = ""
            try:
                self.write(number)
            except OSError as error:
                problem = f"{number}: {type(error).__name__}: {error}"
                time.sleep(SHORT_SECONDS)
            with self._turn:
                self.writing -= 1
                self.completed += not problem
                if problem:
                    self.errors = [*self.errors[-9:], problem]
                    self._again.append(number)
                self._turn.notify_all()
            time.sleep(REST_SECONDS)

    def write(self, number: int) -> None:
        """Write one image and note it; raises `OSError`."""
        plan = self.plan
        made = sample(plan.seed, number, large_every=plan.large_every)
        watch, root = plan.folders[number % len(plan.folders)]
        manner = MANNERS[number // len(plan.folders) % len(MANNERS)]
        folder = root / str(number // IN_A_SERIES) if number // IN_A_SERIES % 2 else root
        if folder != root and not folder.is_dir():
            folder.mkdir(exist_ok=True)
            if plan.synced:
                _sync(root)
        one = Writing(folder, number, as_file(made), random.Random(number), synced=plan.synced)
        self._journal.write({"uid": made.sop_instance_uid, "status": 1, "watch": watch, "manner": manner.__name__})
        path = manner(one)
        if plan.synced:
            _sync(path)
            _sync(folder)
        self._journal.write(_completed(one, made, watch, path.relative_to(root), path.stat()))


def _completed(one: Writing, made: Sample, watch: str, path: Path, status: os.stat_result) -> dict[str, Any]:
    return {
        "uid": made.sop_instance_uid,
        "sha256": made.sha256,
        "status": 0,
        "watch": watch,
        "path": str(path),
        "file_sha256": sha256(one.content),
        "size": status.st_size,
        "inode": status.st_ino,
        "modified_ns": status.st_mtime_ns,
        "at": one.at,
    }


def _left_by(journal: Path) -> tuple[deque[int], int]:
    """Give the numbers that an earlier vendor has begun and not completed, and the first it has not begun."""
    entries = read_journal(journal)[0]
    begun = {number_of(entry["uid"]) for entry in entries if entry["status"]}
    completed = {number_of(entry["uid"]) for entry in entries if not entry["status"]}
    return deque(sorted(begun - completed)), max(begun, default=-1) + 1


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _obey(vendor: Vendor, order: dict[str, Any]) -> dict[str, Any]:
    if order.get("do") == "pause":
        vendor.pause()
    elif order.get("do") == "go":
        vendor.go()
    tally = {"completed": vendor.completed, "errors": vendor.errors}
    return {"tally": tally, "done": vendor.done()}


def _folder(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    return name, Path(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("seed", 1), ("count", 0), ("writers", 4), ("large-every", 50)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", dest="folders", type=_folder, action="append", required=True)
    parser.add_argument("--synced", action="store_true")
    parser.add_argument("--journal", type=Path, required=True)
    arguments = vars(parser.parse_args())
    journal = arguments.pop("journal")
    vendor = Vendor(Plan(**arguments), journal)
    vendor.start()
    print(json.dumps({"ready": True}), flush=True)
    for order in sys.stdin:
        print(json.dumps(_obey(vendor, json.loads(order))), flush=True)


if __name__ == "__main__":
    main()
