"""What the commands on the records share: opening them beside a running `serve`, names, comparing what is stored."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tolmach.apps.cli.context import Run
from tolmach.base import N_, Problem

if TYPE_CHECKING:
    from tolmach.adapters.sql import Records
    from tolmach.apps.cli.terminal import Terminal
    from tolmach.intake.recovery import Pace, Recovery


@contextmanager
def records_of(run: Run) -> Iterator[Records]:
    """Give the records of the configured data folder; raises `RecordsUnusable` where nothing ever arrived."""
    from tolmach.apps.holding import records_by

    with records_by(run.settings, create=False) as records:
        yield records


@contextmanager
def data_dir_in_hand(run: Run) -> Iterator[None]:
    """Keep the data folder for this command alone; raises `StoreUnusable` while `serve` runs there."""
    from tolmach.adapters.objects.lock import DataDirLock

    with DataDirLock(run.settings.data_dir):
        yield


@contextmanager
def recovery_of(
    run: Run, records: Records, terminal: Terminal, *, tells_adopted: bool = True
) -> Iterator[tuple[Recovery, Pace]]:
    """Give what compares stored files with the records, at full speed, telling what it finds."""
    from tolmach.apps.holding import store_by
    from tolmach.intake.faults import ADOPTED
    from tolmach.intake.recovery import Pace, Recovery, Tally

    def tell(_sha256: str, problem: Problem) -> None:
        if tells_adopted or problem.fault is not ADOPTED:
            terminal.complain(problem)

    seen = 0
    store = store_by(run.settings, os.environ)
    total = sum(1 for _ in store.walk())
    with terminal.progress(N_("Reading"), total) as step:

        def progress(tally: Tally) -> None:
            nonlocal seen
            while seen < tally.seen:
                seen += 1
                step()

        recovery = Recovery(
            store, records.stored, records.receipts, lambda: datetime.now(UTC), tell=tell, progress=progress
        )
        yield recovery, Pace(time.monotonic)
    terminal.complain_of_the_rest()


def actor() -> str:
    """Give the name of the person at the keyboard, which the audit log keeps."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
