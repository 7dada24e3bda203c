"""Who keeps records: each is held to the suites `test_records_*.py`. Another database adds itself here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from tests.contracts.records_values import NOW
from tolmach.adapters.sql import Records, open_records


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now


Factory = Callable[[Path, Clock], Records]


def on_sqlite(folder: Path, clock: Clock) -> Records:
    return open_records(folder, clock=clock)


FACTORIES: dict[str, Factory] = {"sqlite": on_sqlite}


def opened(name: str, folder: Path, clock: Clock) -> Iterator[Records]:
    with FACTORIES[name](folder, clock) as records:
        yield records
        # Whatever a test did, nothing may be lost by it.
        assert records.desk.audit().holds, records.desk.audit()
        assert records.integrity_findings() == []
