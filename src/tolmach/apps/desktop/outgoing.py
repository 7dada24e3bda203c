"""Sending and copying in a thread of their own: every word of the peer comes as a message, also late ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from tolmach.apps.desktop.faults import SEND_BROKE_OFF
from tolmach.apps.desktop.rows import Ending, ending_of
from tolmach.apps.reports import FileReport
from tolmach.base import Problem, TolmachError


@dataclass(frozen=True, slots=True)
class Concluded:
    """What became of one file."""

    path: Path
    ending: Ending
    out: Path | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """That the work is over: all done, stopped, or broken off by a problem."""

    problem: Problem | None = None


Told = Concluded | Ended
Work = Callable[[], Iterator[FileReport]]


class Outgoing:
    """One piece of work: what it reports is told until it ends or is stopped. `tell` is called in its thread."""

    def __init__(self, work: Work, tell: Callable[[Told], None]) -> None:
        """Begin at once."""
        self._work, self._tell = work, tell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outgoing", daemon=True)
        self._thread.start()

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask it to end after the file in hand; a file whose confirmation is on its way is still told."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, so long at most; tells whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        problem: Problem | None = Problem(SEND_BROKE_OFF)
        try:
            self._tell_all()
            problem = None
        except TolmachError as error:
            problem = error.problem
        finally:
            self._tell(Ended(problem))

    def _tell_all(self) -> None:
        reports = self._work()
        try:
            for report in reports:
                self._tell(Concluded(report.path, ending_of(report), report.out))
                if self._stop.is_set():
                    return
        finally:
            if isinstance(reports, Generator):
                reports.close()
