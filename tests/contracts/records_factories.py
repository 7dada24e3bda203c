"""Who keeps records: each is held to the suites `test_records_*.py`. Another database adds itself here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from tests.contracts.records_values import NOW
from tests.postgres_server import the_server
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
"""What opens the records of a folder; the same folder gives the same records."""


def on_sqlite(folder: Path, clock: Clock) -> Records:
    return open_records(folder, clock=clock)


def on_postgres(folder: Path, clock: Clock) -> Records:
    return open_records(folder, clock=clock, database=database_of(folder))


def database_of(folder: Path) -> str:
    """Give the URL of the database that stands for a folder."""
    return the_server().make("t" + hashlib.sha256(str(folder).encode()).hexdigest()[:20])


FACTORIES: dict[str, Factory] = {"sqlite": on_sqlite, "postgres": on_postgres}


def lose(folder: Path) -> None:
    """Destroy whatever database stands for a folder."""
    for path in folder.glob("tolmach.sqlite*"):
        path.unlink()
    database = database_of(folder).rpartition("/")[2]
    the_server().sql(f'DROP DATABASE "{database}" WITH (FORCE)')


def again(records: Records, folder: Path, clock: Clock) -> Records:
    """Open the records of a folder once more, as another process does."""
    return (on_postgres if records.is_shared else on_sqlite)(folder, clock)


def opened(name: str, folder: Path, clock: Clock) -> Iterator[Records]:
    with FACTORIES[name](folder, clock) as records:
        yield records
        # Whatever a test did, nothing may be lost by it.
        assert records.desk.audit().holds, records.desk.audit()
        assert records.integrity_findings() == []
    if records.is_shared:
        lose(folder)
