"""Everything the records can do, by who needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tolmach.adapters.sql.commitment_requests import SqlCommitmentRequests
from tolmach.adapters.sql.commitments import Commitments
from tolmach.adapters.sql.desk import Desk
from tolmach.adapters.sql.devices import Devices
from tolmach.adapters.sql.dialect import Synchronous
from tolmach.adapters.sql.endings import SqlJourneyEnds
from tolmach.adapters.sql.engine import Database, open_database
from tolmach.adapters.sql.events import Event, stream
from tolmach.adapters.sql.index import SqlIndex
from tolmach.adapters.sql.index_backlog import SqlBacklog
from tolmach.adapters.sql.index_writing import Versions
from tolmach.adapters.sql.inventory import SqlStoredRecords
from tolmach.adapters.sql.listing import Listing
from tolmach.adapters.sql.nodes import Nodes
from tolmach.adapters.sql.outbox import SqlOutbox
from tolmach.adapters.sql.receipts import SqlReceipts
from tolmach.adapters.sql.retention import Retention
from tolmach.adapters.sql.stored import Clock
from tolmach.adapters.sql.tokens import Tokens
from tolmach.adapters.sql.unknown_peers import UnknownPeers
from tolmach.adapters.sql.watched import Watched
from tolmach.intake.faults import RecordsTrouble
from tolmach.intake.interfaces import Examined


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Records:
    """The records of one data folder, open; any thread may use any part, and other processes may have them open too.

    Protocols: `receipts` are `Receipts`, `journeys` are `Journeys`, `ends` are `JourneyEnds`, `outbox` is an `Outbox`,
    `stored` are `StoredRecords`, `watched` are `WatchRecords`. `desk` is for operators, `listing` for long lists they
    look at; `commitments`, `devices`, `nodes` and `unknown_peers` are what their names say. `index` is an `Index` as it
    stands, `index_backlog` what it has not looked at since the tables were upgraded.
    """

    def __init__(self, database: Database, clock: Clock | None = None, versions: Versions = "newest") -> None:
        self._database = database
        self.nodes = nodes = Nodes(database, clock)
        clock = clock or _utc_now
        self.receipts = self.journeys = SqlReceipts(database, clock, versions, nodes)
        self.ends = SqlJourneyEnds(database, clock, versions, nodes)
        self.outbox = SqlOutbox(database, clock, nodes)
        self.stored = SqlStoredRecords(database, clock)
        self.desk = Desk(database, clock)
        self.listing = Listing(database)
        self.commitments = Commitments(database)
        self.commitment_requests = SqlCommitmentRequests(database)
        self.devices = Devices(database)
        self.unknown_peers = UnknownPeers(database, clock)
        self.watched = Watched(database, clock, nodes)
        self.tokens = Tokens(database, clock)
        self.index = SqlIndex(database)
        self.index_backlog = SqlBacklog(database, clock, versions)
        self.retention = Retention(database, clock, versions)

    def index_with(
        self, settle: Callable[[], datetime | None] | None = None, examine: Callable[[str], Examined] | None = None
    ) -> SqlIndex:
        """Give the index as questions are put to it: settled first, and able to tell what is sound; see `SqlIndex`."""
        return SqlIndex(self._database, settle, examine)

    @property
    def path(self) -> Path | str:
        """The database file, or the URL of the database without its password."""
        return self._database.where

    @property
    def is_shared(self) -> bool:
        """Whether several nodes work on what is queued."""
        return self._database.is_shared

    def events(self, object_id: int | None = None, after: int = 0) -> Iterator[Event]:
        """Give the audit log, of one object or of all, in the order things happened, from behind an event's number."""
        return stream(self._database, object_id=object_id, after=after)

    def changed_elsewhere(self) -> bool:
        """Tell whether another process has written anything since the last call; cheap, for polling."""
        return self._database.changed_elsewhere()

    def online_backup(self, path: Path) -> None:
        """Write one state of the records into a file, synced and checked, while work goes on.

        The file appears whole or not at all and replaces one of that name. It is a database that `open_records` takes
        when it is put into a data folder. Raises `RecordsUnusable` when it cannot be written, and when what there is to
        be copied is damaged.
        """
        with self._database.reading() as connection:
            self._database.dialect.copy_to(connection, path)

    def integrity_findings(self) -> list[str]:
        """Read the whole database and give what is damaged, in the database's own words; empty when it is sound."""
        with self._database.reading() as connection:
            return self._database.dialect.integrity_findings(connection)

    def close(self) -> None:
        """Wait for what is being written and close; nothing is lost without it. Nothing may be called afterwards.

        What this node has claimed is free for others at once.
        """
        with suppress(RecordsTrouble):
            self.nodes.leave()
        self._database.close()

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_records(
    data_dir: Path,
    synchronous: Synchronous = "FULL",
    *,
    create: bool = True,
    clock: Clock | None = None,
    versions: Versions = "newest",
    database: str = "sqlite",
) -> Records:
    """Open the records of a data folder, made new where there are none and `create` allows it.

    `database` may be the URL of a PostgreSQL database in place of the file in the folder; leases go by its clock then,
    unless another `clock` is given, by which everything goes.
    `versions` says which of several versions of an instance the archive's index shows. Anything but
    `synchronous="FULL"` loses acknowledged objects in a power cut, and is for the tests that must notice.
    Raises `RecordsUnusable` (a person must act first) or `RecordsTrouble` (it may go better next time).
    """
    return Records(open_database(data_dir, synchronous, create=create, database=database), clock, versions)
