"""Whose a data folder is at present, and whether there is anything in it: asked without opening its records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tolmach.adapters.objects.faults import IN_USE, IN_USE_BY_SOMEBODY
from tolmach.adapters.objects.lock import DataDirLock
from tolmach.adapters.sql.engine import FILE_NAME
from tolmach.base import TolmachError

if TYPE_CHECKING:
    from tolmach.apps.sections import Settings
    from tolmach.base import Problem


def kept_by_other(problem: Problem) -> Path | None:
    """Give the data folder that another program keeps, if that is what a problem says."""
    return Path(str(problem.facts["folder"])) if problem.fault in (IN_USE, IN_USE_BY_SOMEBODY) else None


def is_free(data_dir: Path) -> bool:
    """Tell whether a data folder is there and nobody keeps it.

    It is taken for a moment; whoever begins just then is refused.
    """
    lock = DataDirLock(data_dir)
    try:
        lock.take()
    except TolmachError:
        return False
    lock.release()
    return True


def may_have_records(settings: Settings) -> bool:
    """Tell whether there are records to be opened, as far as can be known without asking a server."""
    try:
        return settings.database != "sqlite" or (settings.data_dir / FILE_NAME).exists()
    except OSError:  # a folder of somebody else's: whoever opens them is told so
        return True
