"""What is SQLite's alone.

WAL with `synchronous=FULL` syncs the log at every commit; the file's folder is synced when the file is made, the log's
by SQLite. Writers begin with BEGIN IMMEDIATE, so that two processes wait for one another at the beginning and never
meet in the middle.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool, StaticPool

from tolmach.adapters.sql.dialect import Prepared, Synchronous
from tolmach.adapters.sql.faults import CORRUPT, NO_BACKUP, NOT_DURABLE, RecordsUnusable, fault_of, why

BUSY_SECONDS: Final = 30.0
_LEVELS: Final = {"NORMAL": 1, "FULL": 2}
# KiB of the database that each connection keeps in memory.
_WRITERS_CACHE: Final = 32_768
_READERS_CACHE: Final = 4_096
# Pages of 4 KiB in the log before it is copied into the database, and bytes it keeps afterwards.
_CHECKPOINT_PAGES: Final = 2000
_LOG_BYTES_KEPT: Final = 64 * 1024 * 1024
_READERS: Final = 8
_MORE_READERS: Final = 64


_BEGIN: Final = Prepared(sa.text("BEGIN IMMEDIATE"))
_COMMIT: Final = Prepared(sa.text("COMMIT"))
_ROLLBACK: Final = Prepared(sa.text("ROLLBACK"))


def make_file(path: Path) -> bool:
    """Make an empty database file that nobody else may read; False when there is one. Names that are new are synced."""
    new_folders = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in new_folders:
        sync_folder(folder.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    os.close(descriptor)
    sync_folder(path.parent)
    return True


def close_to_others(path: Path) -> None:
    """Take others' rights to the file and to the files SQLite has beside it, which hold patients' data."""
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        try:
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)
        except FileNotFoundError:
            continue


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system has a way to."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def writing_engine(path: Path, synchronous: Synchronous) -> sa.Engine:
    """Give an engine with one connection, whose transactions begin as writers and end synced."""
    engine = sa.create_engine(_url(path), poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        _settle(connection, synchronous, path)

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        if not _is_begun(connection):
            _BEGIN.one(connection, {})

    return engine


def reading_engine(path: Path) -> sa.Engine:
    """Give an engine whose transactions each see one state of the records, and can write nothing."""
    engine = sa.create_engine(_url(path), poolclass=QueuePool, pool_size=_READERS, max_overflow=_MORE_READERS)

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        _pragma(connection, f"busy_timeout={int(BUSY_SECONDS * 1000)}")
        _pragma(connection, "query_only=ON")
        _pragma(connection, f"cache_size=-{_READERS_CACHE}")

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _is_begun(connection: sa.Connection) -> bool:
    return bool(getattr(connection.connection.driver_connection, "in_transaction", False))


class _Transaction:
    """A `dialect.Transaction`; SQLAlchemy has a part in it as soon as something is carried out by its ways."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._is_over = False

    def rollback(self) -> None:
        """Take everything back, unless SQLite has done so by itself."""
        self._is_over = True
        if self._connection.in_transaction():
            self._connection.rollback()
        elif _is_begun(self._connection):
            _ROLLBACK.one(self._connection, {})

    def __enter__(self) -> Self:
        _BEGIN.one(self._connection, {})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if kind is not None:
            with suppress(SQLAlchemyError):  # what is wrong is told already
                self.rollback()
        elif not self._is_over and self._connection.in_transaction():
            self._connection.commit()
        elif not self._is_over:
            _COMMIT.one(self._connection, {})


class SqliteFile:
    """A `Dialect`: the database of one data folder."""

    node: Final = ""
    has_quick_savepoints: Final = True
    beside: Final = None

    def __init__(self, path: Path, synchronous: Synchronous) -> None:
        """Open nothing yet."""
        self.where = path
        self.writer = writing_engine(path, synchronous)
        self.readers = reading_engine(path)

    def transaction(self, connection: sa.Connection) -> _Transaction:
        """Give one that goes past SQLAlchemy, whose own costs as much as what is done in it."""
        return _Transaction(connection)

    def in_transaction(self, connection: sa.Connection) -> bool:
        """After some errors SQLite has ended the transaction by itself."""
        return _is_begun(connection)

    def passes(self, _: BaseException) -> bool:
        """Trouble with a file passes when somebody does something about it."""
        return False

    def is_over(self, _: BaseException) -> bool:
        """Tell nothing for certain: a commit that failed may be there after all."""
        return False

    def lock(self, connection: sa.Connection, name: str) -> None:
        """Nobody else writes."""

    def now(self, _: sa.Connection) -> None:
        """Its clock is ours."""

    def data_version(self, connection: sa.Connection) -> int:
        """Give SQLite's own count of what others have committed."""
        return int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())

    def changed_elsewhere(self) -> None:
        """See `data_version`."""

    def tables_made(self, connection: sa.Connection) -> None:
        """Nothing is to be done."""

    def integrity_findings(self, connection: sa.Connection) -> list[str]:
        """Let SQLite check the file and every reference."""
        return integrity_findings(connection)

    def copy_to(self, connection: sa.Connection, target: Path) -> None:
        """Copy the file page by page; raises `RecordsUnusable` when it cannot be, or is damaged."""
        copy_to(connection, self.where, target)

    def close(self) -> None:
        """Give every connection up."""
        self.readers.dispose()
        self.writer.dispose()


def integrity_findings(connection: sa.Connection) -> list[str]:
    """Read the whole database and give what is damaged in it, in the database's own words."""
    found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    found = [] if found == ["ok"] else found
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        found.append(f"row {row} in table {table} refers to nothing in {parent}")
    return found


def copy_to(connection: sa.Connection, source_path: Path, target: Path) -> None:
    """Write what the connection's transaction sees into a new file, synced and checked; writers go on meanwhile.

    Raises `RecordsUnusable` when the target cannot be written and when what is copied is damaged.
    """
    partial = target.with_name(f"{target.name}.part")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        _copy(connection, source_path, partial)
        partial.replace(target)
        sync_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        is_damaged = fault_of(error) is CORRUPT
        fault, path = (CORRUPT, source_path) if is_damaged else (NO_BACKUP, target)
        raise RecordsUnusable(fault, path=path, why=why(error)) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _copy(connection: sa.Connection, source_path: Path, partial: Path) -> None:
    source = connection.connection.driver_connection
    if not isinstance(source, sqlite3.Connection):
        raise TypeError(type(source))
    with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        found = copy.execute("PRAGMA integrity_check").fetchone()
    if found != ("ok",):
        raise RecordsUnusable(CORRUPT, path=source_path, why=str(found[0]))
    with partial.open("rb+") as file:
        os.fsync(file.fileno())


def _url(path: Path) -> sa.URL:
    return sa.URL.create("sqlite", database=str(path))


def _settle(connection: DBAPIConnection, synchronous: Synchronous, path: Path) -> None:
    """Set what makes commits durable, and look whether it is so."""
    connection.isolation_level = None
    _pragma(connection, f"busy_timeout={int(BUSY_SECONDS * 1000)}")
    mode = _pragma(connection, "journal_mode=WAL")
    if mode != "wal":
        raise RecordsUnusable(NOT_DURABLE, path=path, why=f"journal_mode={mode}")
    _pragma(connection, f"synchronous={synchronous}")
    _pragma(connection, "fullfsync=ON")
    _pragma(connection, "checkpoint_fullfsync=ON")
    _pragma(connection, "foreign_keys=ON")
    _pragma(connection, f"cache_size=-{_WRITERS_CACHE}")
    _pragma(connection, f"wal_autocheckpoint={_CHECKPOINT_PAGES}")
    _pragma(connection, f"journal_size_limit={_LOG_BYTES_KEPT}")
    level = _pragma(connection, "synchronous")
    if level != _LEVELS[synchronous] or _pragma(connection, "foreign_keys") != 1:
        raise RecordsUnusable(NOT_DURABLE, path=path, why=f"synchronous={level}")


def _pragma(connection: DBAPIConnection, words: str) -> object:
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA {words}")
        row = cursor.fetchone()
    finally:
        cursor.close()
    return None if row is None else row[0]
