"""The database of one data folder, open: one connection that writes, several that read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from tolmach.adapters.sql import dialect
from tolmach.adapters.sql.commits import Commits
from tolmach.adapters.sql.dialect import Synchronous
from tolmach.adapters.sql.faults import MISSING, RecordsUnusable, needing_operator, trouble
from tolmach.adapters.sql.schema import REVISIONS
from tolmach.adapters.sql.upgrades import make_current, stored_version
from tolmach.intake.faults import RecordsTrouble

FILE_NAME: Final = "tolmach.sqlite"


class Database:
    """Reads on snapshots, writes by shared commits; any thread may call. Other processes may have it open too."""

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        self.path = path
        self._writer = dialect.writing_engine(path, synchronous)
        self._readers = dialect.reading_engine(path)
        self._commits = Commits(self._writer, path)
        self.write = self._commits.run
        self._data_version: int | None = None

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the records throughout; raises `RecordsTrouble`."""
        try:
            with self._readers.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise trouble(error, self.path) from error

    def changed_elsewhere(self) -> bool:
        """Tell whether another process has committed anything since the last call."""
        version = self.write(dialect.data_version)
        before, self._data_version = self._data_version, version
        return before not in (None, version)

    def close(self) -> None:
        """Wait for what is being written and close every connection; nothing is lost without it."""
        self._commits.close()
        self._readers.dispose()


def open_database(data_dir: Path, synchronous: Synchronous, *, create: bool) -> Database:
    """Open the database in a data folder, its tables brought up to date; made new where allowed and there is none.

    Raises `RecordsUnusable` when a person must act first (no such database, tables of a newer program, damaged, not
    allowed, not durable there), and `RecordsTrouble` when it may go better next time (locked, disk full).
    """
    path = data_dir / FILE_NAME
    try:
        if create:
            dialect.make_file(path)
        elif not path.is_file():
            raise RecordsUnusable(MISSING, path=path)
        dialect.close_to_others(path)
    except OSError as error:
        raise needing_operator(trouble(error, path)) from error
    database = Database(path, synchronous)
    try:
        _check(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _check(database: Database, path: Path) -> None:
    try:
        with database.reading() as connection:
            version = stored_version(connection)
        if version != REVISIONS[-1]:
            database.write(lambda connection: make_current(connection, path))
        else:
            # Opens the writing connection, which looks whether commits are durable.
            database.write(lambda _: None)
    except RecordsTrouble as error:
        raise needing_operator(error) from error
