"""Everything the records can do, by who needs it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tolmach.adapters.sql.dialect import Synchronous
from tolmach.adapters.sql.endings import SqlJourneyEnds
from tolmach.adapters.sql.engine import Database, open_database
from tolmach.adapters.sql.outbox import SqlOutbox
from tolmach.adapters.sql.receipts import SqlReceipts
from tolmach.adapters.sql.stored import Clock


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Records:
    """The records of one data folder, open; any thread may use any part, and other processes may have them open too.

    `receipts` are `Receipts`, `journeys` are `Journeys`, `ends` are `JourneyEnds`, `outbox` is an `Outbox`.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self.receipts = self.journeys = SqlReceipts(database, clock)
        self.ends = SqlJourneyEnds(database, clock)
        self.outbox = SqlOutbox(database, clock)

    @property
    def path(self) -> Path:
        """The database file."""
        return self._database.path

    def close(self) -> None:
        """Wait for what is being written and close; nothing is lost without it. Nothing may be called afterwards."""
        self._database.close()

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_records(
    data_dir: Path, synchronous: Synchronous = "FULL", *, create: bool = True, clock: Clock = _utc_now
) -> Records:
    """Open the records of a data folder, made new where there are none and `create` allows it.

    Anything but `synchronous="FULL"` loses acknowledged objects in a power cut, and is for the tests that must notice.
    Raises `RecordsUnusable` (a person must act first) or `RecordsTrouble` (it may go better next time).
    """
    return Records(open_database(data_dir, synchronous, create=create), clock)
