"""Finding and reading the files of the list, in a thread of its own; what it finds comes in messages."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tolmach.adapters.folder import FileReader, FoundFile, inflate, walk
from tolmach.adapters.folder.faults import NO_FILES
from tolmach.apps.desktop.edits import with_edits
from tolmach.apps.desktop.rows import Reading, Step, reading_of
from tolmach.apps.reports import printable, report_failure, report_on
from tolmach.base import Problem, TolmachError
from tolmach.edit.conditions import Origin
from tolmach.journeys.series import SeriesMender
from tolmach.repair.memory import DeviceMemory
from tolmach.repair.profile import Profile

_BATCH = 64

Order = tuple[FoundFile, tuple[Step, ...]]


@dataclass(frozen=True, slots=True)
class FilesFound:
    """Files that paths lead to."""

    files: Sequence[FoundFile]


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A path, or a part of one, that cannot be listed."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class FileRead:
    """What was read in one file, with the edits it was read for."""

    path: Path
    reading: Reading
    steps: tuple[Step, ...]
    generation: int


@dataclass(frozen=True, slots=True)
class JobDone:
    """One thing that was asked for is done, or was let go."""


Told = FilesFound | Unlisted | FileRead | JobDone


class Reader:
    """Reads what it is asked to, in order. `tell` is called in its thread."""

    def __init__(self, tell: Callable[[Told], None], memory: Callable[[], DeviceMemory | None]) -> None:
        """Wait for orders; `memory` gives what is known of devices, asked anew for each generation."""
        self._tell, self._load_memory = tell, memory
        self._memory: tuple[int, DeviceMemory | None] = (-1, None)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.generation = 0
        self._menders: dict[tuple[int, tuple[Step, ...]], SeriesMender] = {}
        self._thread = threading.Thread(target=self._work, name="reader", daemon=True)
        self._thread.start()

    def find(self, paths: Sequence[Path]) -> None:
        """Look which files the paths lead to; they come as `FilesFound`."""
        self._jobs.put(lambda: self._find(paths))

    def read(self, orders: Sequence[Order], profile: Profile) -> None:
        """Read files as a profile would mend them; each comes as `FileRead`."""
        generation = self.generation
        self._jobs.put(lambda: self._read(orders, profile, generation))

    def forget(self) -> None:
        """Let go of what was asked to be read and has not been yet."""
        self.generation += 1

    def close(self, seconds: float = 5.0) -> None:
        """End the thread, waiting so long at most for the file in hand."""
        self.forget()
        self._jobs.put(None)
        self._thread.join(seconds)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            finally:
                self._tell(JobDone())

    def _find(self, paths: Sequence[Path]) -> None:
        batch: list[FoundFile] = []
        count = errors = 0
        for one in walk(paths):
            if isinstance(one, TolmachError):
                errors += 1
                self._tell(Unlisted(one.problem))
                continue
            batch.append(one)
            count += 1
            if len(batch) >= _BATCH:
                self._tell(FilesFound(batch))
                batch = []
        if batch:
            self._tell(FilesFound(batch))
        if not count and not errors:
            self._tell(Unlisted(Problem(NO_FILES, {"path": ", ".join(map(printable, paths))})))

    def _read(self, orders: Sequence[Order], profile: Profile, generation: int) -> None:
        for file, reading, steps in self._readings(orders, profile, generation):
            self._tell(FileRead(file.path, reading, steps, generation))

    def _readings(
        self, orders: Sequence[Order], profile: Profile, generation: int
    ) -> Iterator[tuple[FoundFile, Reading, tuple[Step, ...]]]:
        reader = FileReader()
        for file, steps in orders:
            if generation != self.generation:
                return
            size = 0
            try:
                mender = self._mender(profile, steps, generation)
                with reader.open(file.path) as source:
                    size = source.size
                    came, mended = mender.mend(source, Origin())
                    yield file, reading_of(report_on(file.path, came, mended), came, size), steps
            except TolmachError as error:
                yield file, reading_of(report_failure(file.path, error), None, size), steps

    def _mender(self, profile: Profile, steps: tuple[Step, ...], generation: int) -> SeriesMender:
        """Give the mender of these edits: files of one series are read one after another, and help each other."""
        key = (generation, steps)
        if key not in self._menders:
            # What was read with edits is seldom read again; the one without is kept.
            self._menders = {one: kept for one, kept in self._menders.items() if one == (generation, ())}
            wanted = with_edits(replace(profile, original_attributes=False), steps)
            self._menders[key] = SeriesMender(wanted, inflate, self._memory_of(generation))
        return self._menders[key]

    def _memory_of(self, generation: int) -> DeviceMemory | None:
        if self._memory[0] != generation:
            self._memory = (generation, self._load_memory())
        return self._memory[1]
