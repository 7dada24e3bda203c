"""The records of what came and where it goes, in SQLite: one writer at a time, every commit synced."""

from tolmach.adapters.sql.faults import NoSuchThing, RecordsUnusable
from tolmach.adapters.sql.records import Records, open_records

__all__ = ["NoSuchThing", "Records", "RecordsUnusable", "open_records"]
