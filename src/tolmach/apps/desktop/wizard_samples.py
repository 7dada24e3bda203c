"""Sample files of a folder, read for the passport of the machine that made them. Nothing here knows a widget."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from tolmach.adapters.folder import FileReader, FoundFile, inflate, walk
from tolmach.adapters.folder.faults import NO_FILES
from tolmach.apps.desktop.wizard_survey import MOST_COUNTED, suffix_of
from tolmach.apps.reports import printable
from tolmach.base import Problem, TolmachError
from tolmach.journeys.passport import DevicePassport, PassportMaker, Rejected

USUAL_SAMPLES, MOST_SAMPLES = 200, 5_000
_MOST_KEPT: Final = 20  # files that one may be chosen of, to be sent as a test
_TOLD_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the reading is; without a total the files are still being looked for."""

    read: int
    total: int
    usable: int


@dataclass(slots=True)
class Sampled:
    """What was read: a passport for each machine, what could not be used, and some of the files that could."""

    folder: Path
    passports: Sequence[DevicePassport] = ()
    rejected: Rejected = field(default_factory=Rejected)
    files: list[Path] = field(default_factory=list)
    suffixes: Counter[str] = field(default_factory=Counter)
    read: int = 0
    total: int = 0
    is_stopped: bool = False
    problem: Problem | None = None  # why nothing could be read at all

    @property
    def usable(self) -> int:
        """How many files had something to tell."""
        return sum(one.files for one in self.passports)


def take_samples(
    folder: Path,
    most: int,
    today: date,
    say: Callable[[Progress | Sampled], None],
    is_wanted: Callable[[], bool],
    is_enough: Callable[[], bool],
) -> None:
    """Read at most so many files of a folder, evenly from all of them, and say in the end what they tell.

    `is_enough` ends the reading early, and what was read until then counts; when it `is_wanted` no more nothing is
    said.
    """
    sampled = Sampled(folder)
    files = _spread(folder, most, sampled, lambda: is_wanted() and not is_enough())
    maker, reader = PassportMaker(inflate, today), FileReader()
    sampled.total, told = len(files), 0.0
    for file in files:
        if not is_wanted():
            return
        if is_enough():
            break
        if time.monotonic() - told > _TOLD_SECONDS:
            told = time.monotonic()
            say(Progress(sampled.read, sampled.total, sampled.read - maker.rejected.verdicts.total()))
        _take(file, maker, reader, sampled)
    sampled.is_stopped = is_enough()
    sampled.passports, sampled.rejected = maker.passports(), maker.rejected
    if not files and sampled.problem is None and not sampled.is_stopped:
        sampled.problem = Problem(NO_FILES, {"path": folder})
    say(sampled)


def _take(file: FoundFile, maker: PassportMaker, reader: FileReader, sampled: Sampled) -> None:
    sampled.read += 1
    name = printable(file.path)
    try:
        with reader.open(file.path) as source:
            maker.add(source, name)
    except TolmachError as error:
        maker.reject(name, error)
        return
    sampled.suffixes[suffix_of(file.path)] += 1
    if len(sampled.files) < _MOST_KEPT:
        sampled.files.append(file.path)


def _spread(folder: Path, most: int, sampled: Sampled, goes_on: Callable[[], bool]) -> list[FoundFile]:
    """Give at most so many files, taken evenly from all of them: those of one day or one patient are alike."""
    found: list[FoundFile] = []
    for one in walk([folder]):
        if not goes_on() or len(found) >= MOST_COUNTED:
            break
        if isinstance(one, TolmachError):
            sampled.problem = sampled.problem or one.problem
        else:
            found.append(one)
    if found:
        sampled.problem = None  # a part that cannot be listed matters only where there is nothing else
    if len(found) <= most:
        return found
    return [found[number * len(found) // most] for number in range(most)]
