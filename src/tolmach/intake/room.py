"""The free-space reserve: nothing new is taken before the disk is so full that nothing else works any more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from tolmach.base import Problem
from tolmach.intake.faults import NO_ROOM, NoRoom

USUAL_PERCENT = 5.0
USUAL_BYTES = 5 << 30
_SECONDS_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True, slots=True)
class Reserve:
    """How much of the disk stays free: so many bytes, so many percent, or the smaller of 5 % and 5 GiB."""

    bytes: int | None = None
    percent: float | None = None

    def of(self, total: int) -> int:
        """Give the reserve in bytes on a file system of `total` bytes; bytes count before percent."""
        if self.bytes is not None:
            return self.bytes
        if self.percent is not None:
            return int(total * self.percent / 100)
        return min(int(total * USUAL_PERCENT / 100), USUAL_BYTES)


class FreeSpace:
    """Knows whether there is room; asks the system at most once a second. Any thread may call."""

    def __init__(self, ask: Callable[[], tuple[int, int]], reserve: Reserve, clock: Callable[[], float]) -> None:
        """Ask for (free, total) bytes with `ask`; `clock` counts seconds and never goes back."""
        self._ask, self._reserve, self._clock = ask, reserve, clock
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._free = self._total = 0

    def require(self, size: int = 0) -> None:
        """Raise `NoRoom` when taking `size` more bytes would touch the reserve; once there is room, nothing is raised.

        Raises `StoreTrouble` when the system cannot tell.
        """
        with self._lock:
            now = self._clock()
            if self._asked_at is None or now - self._asked_at >= _SECONDS_BETWEEN_LOOKS:
                self._free, self._total = self._ask()
                self._asked_at = now
            free, reserve = self._free, self._reserve.of(self._total)
        problem = shortage(free, reserve, size)
        if problem is not None:
            raise NoRoom(problem.fault, **problem.facts)

    def spend(self, size: int) -> None:
        """Count bytes that were taken since the system was asked."""
        with self._lock:
            self._free -= size


def shortage(free: int, reserve: int, size: int = 0) -> Problem | None:
    """Give what is wrong where taking `size` more bytes would touch the reserve; None where there is room."""
    if free - size >= reserve:
        return None
    return Problem(NO_ROOM, {"free": in_units(max(0, free)), "reserve": in_units(reserve)})


def in_units(size: int) -> str:
    """Give a number of bytes as people read it: 512 MiB, 4.9 GiB."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if amount >= 100 or unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
