"""What the commands on the records share: opening them beside a running `serve`, numbers, names, ages."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tolmach.apps.cli.context import Run

if TYPE_CHECKING:
    from tolmach.adapters.sql import Records


@contextmanager
def records_of(run: Run) -> Iterator[Records]:
    """Give the records of the configured data folder; raises `RecordsUnusable` where nothing ever arrived."""
    from tolmach.adapters.sql import open_records

    with open_records(run.settings.data_dir, create=False) as records:
        yield records


def actor() -> str:
    """Give the name of the person at the keyboard, which the audit log keeps."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
