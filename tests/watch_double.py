"""Watched folders in memory, as `WatchRecords` promises them; and a real folder in which time passes when told to."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.builders import CT_IMAGE, EXPLICIT, even, part10
from tests.unit.intake.ledger import Ledger
from tolmach.adapters.folder.reading import inflate
from tolmach.adapters.folder.tidying import Tidier
from tolmach.adapters.folder.watched_folder import WatchedFolder
from tolmach.adapters.objects import FolderStore
from tolmach.base import Problem
from tolmach.intake.interfaces import Dealing, FileMark, Tidying
from tolmach.intake.receive import Intake
from tolmach.intake.room import Reserve
from tolmach.intake.stability import Manner
from tolmach.intake.taking import Taker
from tolmach.intake.watch import Hints, Watch

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 1_000_000_000


@dataclass
class WatchRecordsDouble:
    """Dictionaries behind a lock. `confirmed` holds the objects that every destination has confirmed."""

    dealings: dict[tuple[str, bytes], Dealing] = field(default_factory=dict)
    words: list[Dealing] = field(default_factory=list)  # everything that was ever noted
    confirmed: set[int] = field(default_factory=set)
    tidy: list[Dealing] = field(default_factory=list)
    states: list[Problem | None] = field(default_factory=list)
    trouble: Exception | None = None
    note_trouble: Exception | None = None
    asked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def settled(self, watch: str, marks: Sequence[FileMark]) -> set[FileMark]:
        assert len(marks) <= 1000
        self._fail()
        with self.lock:
            self.asked += 1
            known = (self.dealings.get((watch, mark.path)) for mark in marks)
            return {one.mark for one in known if one is not None} & set(marks)

    def note(self, watch: str, dealings: Sequence[Dealing]) -> None:
        self._fail()
        if self.note_trouble is not None:
            raise self.note_trouble
        assert len({one.mark.path for one in dealings}) == len(dealings)
        with self.lock:
            self.words += dealings
            self.dealings.update({(watch, one.mark.path): one for one in dealings})

    def tidyings(self, watch: str, limit: int, after: int = 0) -> Sequence[Tidying]:
        self._fail()
        with self.lock:
            done = {one.mark for one in self.tidy}
            return [
                Tidying(one.mark, one.sha256, one.object_id)
                for (name, _path), one in self.dealings.items()
                if name == watch and one.object_id in self.confirmed and one.mark not in done
                if one.object_id is not None and one.object_id > after
            ][:limit]

    def tidied(self, watch: str, dealings: Sequence[Dealing]) -> None:
        self._fail()
        with self.lock:
            self.tidy += dealings

    def paths(self, watch: str, after: bytes, limit: int) -> Sequence[bytes]:
        with self.lock:
            return sorted(path for name, path in self.dealings if name == watch and path > after)[:limit]

    def forget(self, watch: str, paths: Sequence[bytes]) -> None:
        with self.lock:
            for path in paths:
                del self.dealings[watch, path]

    def note_state(self, watch: str, problem: Problem | None, now: datetime) -> None:
        self._fail()
        with self.lock:
            self.states.append(problem)

    def _fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@dataclass
class ToldTime:
    """A monotonic clock that stands still until it is told."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


class SilentBell:
    """A bell that counts how often it was rung and never sleeps."""

    def __init__(self) -> None:
        self.rings = 0
        self.stopped = False

    def ring(self) -> None:
        self.rings += 1

    def sleep(self, seconds: float) -> bool:
        return True

    def pause(self, seconds: float) -> None:
        pass


class Scene:
    """A watched folder on the disk, a store, records and a clock; time passes only when a test says so."""

    def __init__(self, folder: Path, manner: Manner, *, after: str = "keep", **options: Any) -> None:
        self.root = folder / "in"
        self.root.mkdir(exist_ok=True)
        self.clock = ToldTime()
        self.bell = SilentBell()
        self.records = WatchRecordsDouble()
        self.ledger = Ledger()
        self.arrived = 0
        self.store = FolderStore(folder / "data")
        self.hints = Hints(self.bell)
        self.moved = folder / "done"
        self.moved.mkdir(exist_ok=True)
        self.folder = WatchedFolder(self.root, manner, lambda: NOW_NS, **options)
        self.intake = Intake(self.store, self.ledger, Reserve(bytes=0), lambda: NOW, self.clock)
        self.taker = Taker(
            "room-1", self.folder, manner, self.intake, self.store, inflate, self.clock, lambda: self.bell.stopped
        )
        tidier = {"keep": None, "move": Tidier(self.root, self.moved), "delete": Tidier(self.root)}[after]
        self.watch = Watch(
            "room-1",
            self.folder,
            manner,
            self.records,
            self.taker,
            self._arrived,
            self.bell,
            self.hints,
            lambda: NOW,
            self.clock,
            tidier,
        )

    def write(self, name: str, content: bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def during(self, seconds: float) -> None:
        """Let time pass, and the watch do its rounds in it."""
        end = self.clock.seconds + seconds
        while self.clock.seconds < end:
            rest = self.watch.round()
            self.clock.seconds = min(end, self.clock.seconds + max(rest, 0.001))
        self.watch.round()

    def close(self, name: str) -> None:
        """Let the system say that a file was closed or got its name."""
        self.hints.tell(name.encode(), True)

    def taken(self) -> list[bytes]:
        """Give the names of the files that were taken, in that order, as often as they were."""
        return [one.mark.path for one in self.records.words if one.object_id is not None]

    def passed_over(self) -> dict[bytes, str]:
        """Give the names of the files that were not, with the code of the reason."""
        return {
            one.mark.path: one.problem.code
            for one in self.records.dealings.values()
            if one.problem and not one.object_id
        }

    def stored(self) -> set[bytes]:
        """Give the bytes of everything that is stored."""
        return {self.store.path_of(sha256).read_bytes() for sha256 in self.store.walk()}

    def _arrived(self) -> None:
        self.arrived += 1


def image(number: int = 1, *elements: tuple[int, str, bytes], pixels: bytes = b"\1\2" * 8) -> bytes:
    """Give a small image of its own, whole."""
    uid = f"1.2.826.0.1.3680043.9.7.8.{number}"
    every = [
        (0x00080016, "UI", even(CT_IMAGE.encode(), b"\0")),
        (0x00080018, "UI", even(uid.encode(), b"\0")),
        (0x00100010, "PN", even("Шевченко^Тарас".encode("cp1251"))),
        *elements,
        (0x7FE00010, "OW", pixels),
    ]
    return part10(b"".join(EXPLICIT.element(*one) for one in sorted(every)), instance=uid)


def listing(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Give everything that is in a folder: content, inode and time of change, by path."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }
