"""A copy of the records as a SQLite database, whatever database they are in: what `tolmach backup` keeps."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from tolmach.adapters.sql.faults import NO_BACKUP, RecordsUnusable, fault_of, why
from tolmach.adapters.sql.schema import REVISIONS, alembic_version, metadata

_AT_ONCE: Final = 1000


def copy_as_sqlite(connection: sa.Connection, where: str, target: Path) -> None:
    """Write what a transaction sees into a new SQLite file, synced; memory stays flat.

    Raises `RecordsUnusable` when it cannot be written, or the database not be read to its end.
    """
    partial = target.with_name(f"{target.name}.part")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        engine = sa.create_engine(sa.URL.create("sqlite", database=str(partial)))
        try:
            with engine.begin() as copy:
                _copy(connection, copy)
        finally:
            engine.dispose()
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(target)
        _sync_folder(target.parent)
    except (OSError, SQLAlchemyError) as error:
        is_ours = isinstance(error, OSError) or not hasattr(getattr(error, "orig", None), "sqlstate")
        fault, path = (NO_BACKUP, target) if is_ours else (fault_of(error), where)
        raise RecordsUnusable(fault, path=path, why=why(error)) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _copy(source: sa.Connection, copy: sa.Connection) -> None:
    metadata.create_all(copy)
    alembic_version.create(copy)
    copy.execute(alembic_version.insert().values(version_num=REVISIONS[-1]))
    for table in metadata.sorted_tables:
        rows = source.execute(sa.select(table).execution_options(yield_per=_AT_ONCE)).mappings()
        for some in rows.partitions():
            copy.execute(table.insert(), [dict(row) for row in some])


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
