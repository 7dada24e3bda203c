"""The work in hand: which files it is about, how many are done, how fast it goes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from tolmach.apps.desktop.faults import NO_WORD
from tolmach.apps.desktop.outgoing import Outgoing
from tolmach.apps.desktop.rows import Row, State
from tolmach.base import Problem

_RATE_SECONDS = 8.0
_LEAST_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far sending or copying is. `left` is the seconds it will take, where that can be said."""

    done: int
    total: int
    good: int
    rate: float
    left: float | None


@dataclass(slots=True)
class InHand:
    """One piece of work. Times are seconds of one clock, given by whoever asks."""

    outgoing: Outgoing
    rows: dict[Path, Row]
    is_copying: bool
    total: int
    began: float
    done: int = 0
    good: int = 0
    _times: deque[tuple[float, int]] = field(default_factory=deque)

    def conclude(self, *, is_good: bool) -> None:
        """Count one file more."""
        self.done += 1
        self.good += is_good

    def progress(self, now: float) -> Progress:
        """Give how far it is, and how fast it went in the last seconds."""
        if not self._times:
            self._times.append((self.began, 0))
        self._times.append((now, self.done))
        while len(self._times) > 2 and now - self._times[0][0] > _RATE_SECONDS:
            self._times.popleft()
        seconds, files = now - self._times[0][0], self.done - self._times[0][1]
        rate = files / seconds if seconds > _LEAST_SECONDS else 0.0
        left = (self.total - self.done) / rate if rate > 0 else None
        return Progress(self.done, self.total, self.good, rate, left)

    def leave_unsent(self, problem: Problem | None) -> None:
        """Say of every file without an answer that it is not sent; where a person stopped, they are as before."""
        for row in self.rows.values():
            if row.state is not State.WAITING:
                continue
            if self.outgoing.is_stopping and problem is None:
                row.back_to_ready()
            else:
                row.state, row.problems = State.FAILED, (problem or Problem(NO_WORD),)
