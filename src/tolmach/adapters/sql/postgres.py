"""What is PostgreSQL's alone.

Transactions that write are READ COMMITTED and begin by taking one lock of the whole database, which they keep to their
end, so each statement sees everything that was committed before it, and numbers are given in the order of the commits:
it is what BEGIN IMMEDIATE is to SQLite, and the code that relies on it is the same. (A snapshot of REPEATABLE READ
would be older than the lock.) What many nodes do at the same time stands beside it: claims lock rows that nobody else
has, and wait for none. Reading sees one snapshot throughout (REPEATABLE READ, READ ONLY) and waits for nobody.

A node that falls silent in a transaction, frozen or cut off, loses its session and with it the lock within seconds.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, QueuePool

from tolmach.adapters.sql.copying import copy_as_sqlite
from tolmach.adapters.sql.dialect import Synchronous
from tolmach.adapters.sql.faults import (
    NO_DRIVER,
    SERVER_NOT_DURABLE,
    WRONG_ENCODING,
    RecordsUnusable,
)

SCHEMES: Final = ("postgresql://", "postgres://")
CHANNEL: Final = "tolmach"
LISTEN_SECONDS: Final = 5.0
"""So often something counts as changed without a word: notifications are a help, looking is the truth."""
LISTEN_FOR: Final = 0.05
"""A word that is on its way is waited for."""
_WRITERS_LOCK: Final = 0x746F6C6D616368  # one for all of tolmach in a database
_READERS, _MORE_READERS = 8, 16
_CLAIMERS, _MORE_CLAIMERS = 2, 6
# What a failed statement says when nothing of its transaction is there and another try may go well.
_PASSES: Final = ("08", "40001", "40P01", "57P", "25006", "25P03", "53300")
_CONNECT: Final = {
    "connect_timeout": 5,
    "client_encoding": "UTF8",
    "application_name": "tolmach",
    # Of several hosts, the one that is the primary now.
    "target_session_attrs": "read-write",
    # A server that has gone without a word is noticed within half a minute.
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_SESSION: Final = """
SET idle_in_transaction_session_timeout = '15s';
SET lock_timeout = '20s';
SET tcp_keepalives_idle = 5;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET tcp_user_timeout = 20000;
SET timezone = 'UTC';
SET jit = off;
"""
_BEGIN_TO_WRITE: Final = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({_WRITERS_LOCK})"
_BEGIN_BESIDE: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
_BEGIN_TO_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_LOCK: Final = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_NOW: Final = sa.text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
_TEXTS: Final = sa.text(
    "SELECT c.table_name, c.column_name FROM information_schema.columns c"
    " JOIN information_schema.tables t USING (table_schema, table_name)"
    " WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'"
    " AND c.data_type IN ('text', 'character varying') AND c.collation_name IS DISTINCT FROM 'C'"
    " ORDER BY c.table_name, c.column_name"
)
_TABLES: Final = sa.text(
    "SELECT table_name FROM information_schema.tables"
    " WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name"
)


def is_server(database: str) -> bool:
    """Tell whether a setting names a database of a PostgreSQL server."""
    return database.startswith(SCHEMES)


def _without_secrets(url: sa.URL) -> str:
    named = sa.URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return named.render_as_string()


class PostgresServer:
    """A `Dialect`: one database of a PostgreSQL server, which several nodes share."""

    has_quick_savepoints: Final = False

    def __init__(self, url: str, synchronous: Synchronous = "FULL") -> None:
        """Connect to nothing yet; raises `RecordsUnusable` when what talks to PostgreSQL is not installed."""
        parsed = sa.make_url(url).set(drivername="postgresql+psycopg")
        self.where = _without_secrets(parsed)
        self.node = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
        self._synchronous = synchronous
        self._url = parsed
        self._listener: Any = None
        self._listening = threading.Lock()
        self._heard_at = time.monotonic()
        try:
            self.writer = self._engine(_BEGIN_TO_WRITE, poolclass=NullPool)
        except ImportError as error:
            raise RecordsUnusable(NO_DRIVER, path=self.where, why=str(error)) from error
        pool: dict[str, Any] = {"poolclass": QueuePool, "pool_timeout": 20}
        self.readers = self._engine(_BEGIN_TO_READ, pool_size=_READERS, max_overflow=_MORE_READERS, **pool)
        self.beside = self._engine(_BEGIN_BESIDE, pool_size=_CLAIMERS, max_overflow=_MORE_CLAIMERS, **pool)
        event.listen(self.writer, "commit", self._notify)

    def _engine(self, begin: str, **pool: Any) -> sa.Engine:
        connect_args = {**_CONNECT, **self._url.query}
        engine = sa.create_engine(self._url.set(query={}), connect_args=connect_args, **pool)

        @event.listens_for(engine, "connect")
        def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
            self._settle(connection)

        @event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    def _settle(self, connection: Any) -> None:
        """Set what makes commits durable, and look whether it is so."""
        connection.autocommit = True  # BEGIN is said by us
        level = "on" if self._synchronous == "FULL" else "off"
        connection.execute(f"{_SESSION} SET synchronous_commit = {level}")
        said = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in ("fsync", "full_page_writes")}
        if off := [name for name, value in said.items() if value != "on"]:
            raise RecordsUnusable(SERVER_NOT_DURABLE, path=self.where, why=", ".join(f"{one} is off" for one in off))
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise RecordsUnusable(WRONG_ENCODING, path=self.where, encoding=encoding)

    def transaction(self, connection: sa.Connection) -> sa.RootTransaction:
        """Give SQLAlchemy's own."""
        return connection.begin()

    def in_transaction(self, connection: sa.Connection) -> bool:
        """Tell it, for a transaction that met an error answers COMMIT with a rollback, and not with an error."""
        database: Any = connection.connection.driver_connection
        return bool(database.info.transaction_status.name == "INTRANS")

    def passes(self, error: BaseException) -> bool:
        """Tell cut connections, deadlocks, failed serializations and a server that has just been started."""
        original: Any = error.orig if isinstance(error, DBAPIError) else error
        if not hasattr(original, "sqlstate"):
            return False
        if original.sqlstate is None:
            return type(original).__name__ == "OperationalError"
        return str(original.sqlstate).startswith(_PASSES)

    def is_over(self, error: BaseException) -> bool:
        """Tell whether the server itself has said that it rolled back."""
        original = error.orig if isinstance(error, DBAPIError) else None
        return str(getattr(original, "sqlstate", None)).startswith("40")

    def lock(self, connection: sa.Connection, name: str) -> None:
        """Wait for whoever else has locked that name, and keep it until the transaction ends."""
        connection.execute(_LOCK, {"name": name})

    def now(self, connection: sa.Connection) -> int:
        """Give the server's clock."""
        return int(connection.execute(_NOW).scalar_one())

    def data_version(self, _: sa.Connection) -> int:
        """Not asked here: see `changed_elsewhere`."""
        return 0

    def tables_made(self, connection: sa.Connection) -> None:
        """Let texts be compared by their bytes, whatever language the database was made in."""
        changed: dict[str, list[str]] = {}
        for table, column in connection.execute(_TEXTS).all():
            changed.setdefault(table, []).append(f'ALTER COLUMN "{column}" TYPE text COLLATE "C"')
        for table, words in changed.items():
            connection.exec_driver_sql(f'ALTER TABLE "{table}" {", ".join(words)}')

    def integrity_findings(self, connection: sa.Connection) -> list[str]:
        """Read every row of every table: where checksums are on, the server finds what has rotted."""
        found = []
        for table in connection.execute(_TABLES).scalars().all():
            try:
                connection.exec_driver_sql(f'SELECT count(*), max(length(t::text)) FROM "{table}" t')  # noqa: S608
            except DBAPIError as error:
                found.append(f"{table}: {getattr(error.orig, 'sqlstate', '')}")
                break  # the transaction is over
        return found

    def copy_to(self, connection: sa.Connection, target: Path) -> None:
        """Copy row by row into a SQLite database of the same tables."""
        copy_as_sqlite(connection, self.where, target)

    def close(self) -> None:
        """Give every connection up."""
        with self._listening:
            self._drop_listener()
        for engine in (self.readers, self.beside, self.writer):
            engine.dispose()

    # Who else writes --------------------------------------------------------------------------------------------

    def _notify(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"NOTIFY {CHANNEL}, '{self.node}'")

    def changed_elsewhere(self) -> bool:
        """Hear whether others have committed since the last call; every few seconds it is so in any case."""
        import psycopg

        with self._listening:
            is_new = self._listener is None
            try:
                if is_new:
                    self._listener = self._listen()
                heard = any(one.payload != self.node for one in list(self._listener.notifies(timeout=LISTEN_FOR)))
            except psycopg.Error:
                self._drop_listener()
                heard = True
            now = time.monotonic()
            if now - self._heard_at > LISTEN_SECONDS:
                heard = True
            if heard:
                self._heard_at = now
            return heard

    def _listen(self) -> Any:
        import psycopg

        url = self._url.set(query={})
        known = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
        given = {key: value for key, value in known.items() if value is not None}
        options: dict[str, Any] = {**_CONNECT, **given, "dbname": url.database, **self._url.query}
        listener = psycopg.connect(autocommit=True, **options)
        listener.execute(f"LISTEN {CHANNEL}")
        return listener

    def _drop_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
