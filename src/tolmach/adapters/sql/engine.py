"""A database, open: one connection that writes, several that read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from tolmach.adapters.sql import postgres, sqlite
from tolmach.adapters.sql.commits import RETRY_SECONDS, Commits
from tolmach.adapters.sql.dialect import Dialect, Synchronous
from tolmach.adapters.sql.faults import MISSING, RecordsUnusable, needing_operator, trouble
from tolmach.adapters.sql.schema import REVISIONS
from tolmach.adapters.sql.upgrades import make_current, stored_version
from tolmach.intake.faults import RecordsTrouble

T = TypeVar("T")

FILE_NAME: Final = "tolmach.sqlite"


class Database:
    """Reads on snapshots, writes by shared commits; any thread may call. Other processes may have it open too."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.where = dialect.where
        self._commits = Commits(dialect)
        self.write = self._commits.run
        self._data_version: int | None = None

    @property
    def is_shared(self) -> bool:
        """Whether several nodes work on what is queued."""
        return bool(self.dialect.node)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the records throughout; raises `RecordsTrouble`."""
        try:
            with self._connected(self.dialect.readers) as connection:
                yield connection
        except SQLAlchemyError as error:
            raise trouble(error, self.where) from error

    def write_beside(self, work: Callable[[sa.Connection], T]) -> T:
        """Carry work out in a transaction that waits for no writer and sees what is committed at each statement.

        `work` locks what it relies on, and waits for nobody who may wait for it. Otherwise as `write`, which it is
        where one process alone works on what is queued.
        """
        engine = self.dialect.beside
        if engine is None:
            return self.write(work)
        for seconds in (*RETRY_SECONDS, None):
            try:
                with self._connected(engine) as connection:
                    return work(connection)
            except SQLAlchemyError as error:
                # Claims and heartbeats: whatever became of the commit, doing it again does no harm.
                if seconds is None or not self.dialect.passes(error):
                    raise trouble(error, self.where) from error
                time.sleep(seconds)
        raise AssertionError

    @contextmanager
    def _connected(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        """Give a connection with a transaction begun; one that was cut while it lay in the pool is replaced."""
        for seconds in (*RETRY_SECONDS, None):
            connection = None
            try:
                connection = engine.connect()
                transaction = connection.begin()
            except SQLAlchemyError as error:
                if connection is not None:
                    connection.invalidate()
                    connection.close()
                if seconds is None or not self.dialect.passes(error):
                    raise
                time.sleep(seconds)
                continue
            with connection, transaction:
                yield connection
            return

    def changed_elsewhere(self) -> bool:
        """Tell whether another process has committed anything since the last call."""
        heard = self.dialect.changed_elsewhere()
        if heard is not None:
            return heard
        version = self.write(self.dialect.data_version)
        before, self._data_version = self._data_version, version
        return before not in (None, version)

    def close(self) -> None:
        """Wait for what is being written and close every connection; nothing is lost without it."""
        self._commits.close()
        self.dialect.close()


def open_database(data_dir: Path, synchronous: Synchronous, *, create: bool, database: str = "sqlite") -> Database:
    """Open a database, its tables brought up to date; made new where allowed and there is none.

    `database` is "sqlite", for the file in the data folder, or the URL of a database on a PostgreSQL server, where the
    tables alone are made. Raises `RecordsUnusable` when a person must act first (no such database, tables of a newer
    program, damaged, not allowed, not durable there), and `RecordsTrouble` when it may go better next time (locked,
    disk full, out of reach).
    """
    if postgres.is_server(database):
        opened = Database(postgres.PostgresServer(database, synchronous))
    else:
        opened = Database(sqlite.SqliteFile(_file_in(data_dir, create=create), synchronous))
    try:
        _check(opened)
    except BaseException:
        opened.close()
        raise
    return opened


def _file_in(data_dir: Path, *, create: bool) -> Path:
    path = data_dir / FILE_NAME
    try:
        if create:
            sqlite.make_file(path)
        elif not path.is_file():
            raise RecordsUnusable(MISSING, path=path)
        sqlite.close_to_others(path)
    except OSError as error:
        raise needing_operator(trouble(error, path)) from error
    return path


def _check(database: Database) -> None:
    try:
        with database.reading() as connection:
            version = stored_version(connection)
        if version != REVISIONS[-1]:
            database.write(lambda connection: make_current(connection, database.dialect))
        else:
            # Opens the writing connection, which looks whether commits are durable.
            database.write(lambda _: None)
    except RecordsTrouble as error:
        raise needing_operator(error) from error
