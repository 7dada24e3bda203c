"""The records of what came and where it goes, in SQLite: one writer at a time, every commit synced."""

from tolmach.adapters.sql.audit import AuditReport, AuditRow
from tolmach.adapters.sql.commitments import Asked, CommitmentAnswer
from tolmach.adapters.sql.desk import AgeRow, Desk, DestinationRow, QueueRow
from tolmach.adapters.sql.events import Event
from tolmach.adapters.sql.faults import NoSuchThing, RecordsUnusable
from tolmach.adapters.sql.history import DeliveryRow, HistoryRow
from tolmach.adapters.sql.listing import VersionRow, Wanted, WatchCount
from tolmach.adapters.sql.records import Records, open_records
from tolmach.adapters.sql.unknown_peers import UnknownPeer
from tolmach.adapters.sql.watched import WatchState

__all__ = [
    "AgeRow",
    "Asked",
    "AuditReport",
    "AuditRow",
    "CommitmentAnswer",
    "DeliveryRow",
    "Desk",
    "DestinationRow",
    "Event",
    "HistoryRow",
    "NoSuchThing",
    "QueueRow",
    "Records",
    "RecordsUnusable",
    "UnknownPeer",
    "VersionRow",
    "Wanted",
    "WatchCount",
    "WatchState",
    "open_records",
]
