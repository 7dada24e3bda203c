"""Whether the disks of the data folder have room for anything new: asked of the system, not of who takes something.

What is refused for want of room cannot be noted in records that lie on the same disk; a look at the disk tells it.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from tolmach.adapters.objects.faults import NO_SPACE
from tolmach.base import Problem
from tolmach.intake.faults import NoRoom
from tolmach.intake.room import Reserve, shortage

if TYPE_CHECKING:
    from tolmach.apps.sections import Settings

LEAST_BYTES: Final = 1 << 16
"""With less than this nothing is taken, whatever is kept in reserve: an image and its records need some blocks."""


def reserve_of(settings: Settings) -> Reserve:
    """Give how much of the disk stays free."""
    text = settings.storage.reserve.strip()
    if text.endswith("%"):
        return Reserve(percent=float(text[:-1]))
    return Reserve(bytes=int(text)) if text else Reserve()


def room_trouble(settings: Settings) -> Problem | None:
    """Give why nothing new can be taken, where a disk is too full; None also where the system does not tell.

    Asks the system, which may take long where a drive hangs: in no window's thread.
    """
    reserve = reserve_of(settings)
    for folder in filter(None, (settings.data_dir, settings.storage.folder)):
        try:
            usage = shutil.disk_usage(folder)
        except OSError:
            continue
        problem = shortage(usage.free, reserve.of(usage.total))
        if problem is not None:
            return problem
        if usage.free < LEAST_BYTES:
            return Problem(NO_SPACE, {"path": folder})
    return None


def require_room(settings: Settings) -> None:
    """Raise `NoRoom` where `room_trouble` gives a problem."""
    problem = room_trouble(settings)
    if problem is not None:
        raise NoRoom(problem.fault, **problem.facts)
