"""What databases differ in: each of them is one object behind `Dialect`; statements are the same for all.

`sqlite` and `postgres` are the two there are. Another one is another module beside them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as _insert
from sqlalchemy.exc import DBAPIError

Synchronous = Literal["FULL", "NORMAL"]

_NAMED: Final = sqlite.dialect(paramstyle="named")


class Transaction(Protocol):
    """Commits when it is left, unless an error leaves it or it was rolled back."""

    def rollback(self) -> None:
        """Take everything back; leaving it does nothing more."""
        ...

    def __enter__(self) -> Transaction: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> object: ...


class Dialect(Protocol):
    """One database, and how things are said and done in it; any thread may call.

    `where` names it for people. `writer` gives the transactions of `Commits`: one at a time in the whole database, each
    seeing all that was committed before it. `readers` give transactions that see one state throughout. `beside` gives
    transactions that wait for no writer and say themselves what they lock; None where that is no use. `node` is empty
    where only one process works on what is queued.
    """

    @property
    def where(self) -> Path | str:
        """The database for people, without any secret."""
        ...

    @property
    def node(self) -> str:
        """Who this process is among those that share the database."""
        ...

    @property
    def has_quick_savepoints(self) -> bool:
        """Whether a savepoint costs next to nothing."""
        ...

    @property
    def writer(self) -> sa.Engine:
        """Where transactions write, one at a time."""
        ...

    @property
    def readers(self) -> sa.Engine:
        """Where transactions read."""
        ...

    @property
    def beside(self) -> sa.Engine | None:
        """Where transactions write beside the others."""
        ...

    def transaction(self, connection: sa.Connection) -> Transaction:
        """Give a transaction on the connection that writes, begun when it is entered."""
        ...

    def in_transaction(self, connection: sa.Connection) -> bool:
        """Tell whether our transaction is open and may be committed: the database may have ended it by itself."""
        ...

    def passes(self, error: BaseException) -> bool:
        """Tell whether the same work may go well at once, on a new connection: nothing of it was committed."""
        ...

    def is_over(self, error: BaseException) -> bool:
        """Tell whether an error met in a commit says for certain that nothing was committed."""
        ...

    def lock(self, connection: sa.Connection, name: str) -> None:
        """Wait for whoever else has locked that name, and keep it until the transaction ends."""
        ...

    def now(self, connection: sa.Connection) -> int | None:
        """Give the database's own clock in microseconds since 1970; None where it has none but ours."""
        ...

    def data_version(self, connection: sa.Connection) -> int:
        """Give a number that changes when another process has committed; asked on the connection that writes."""
        ...

    def changed_elsewhere(self) -> bool | None:
        """Tell whether another process has committed anything since the last call; None: ask `data_version`."""
        ...

    def tables_made(self, connection: sa.Connection) -> None:
        """Do what tables need that were just made or changed, in the transaction that does it."""
        ...

    def integrity_findings(self, connection: sa.Connection) -> list[str]:
        """Read the whole database and give what is damaged in it, in the database's own words."""
        ...

    def copy_to(self, connection: sa.Connection, target: Path) -> None:
        """Write what the transaction sees into a new SQLite file, synced and checked; writers go on meanwhile."""
        ...

    def close(self) -> None:
        """Give every connection up."""
        ...


def insert(table: sa.Table) -> Insert:
    """Give an INSERT that may say what to do on conflict, in the words both databases have."""
    return _insert(table)


class Prepared:
    """A statement put into SQL once, for where an acknowledgement waits for it: a third of the usual time.

    Its values go to the database as they are, so they must be texts, numbers, bytes or None.
    """

    def __init__(self, statement: sa.Executable) -> None:
        """Put it into SQL, for SQLite at once and for others when they ask."""
        self._statement = statement
        self._sqlite = _said(statement, _NAMED)
        self._other: tuple[str, dict[str, Any]] | None = None

    def one(self, connection: sa.Connection, values: Mapping[str, Any]) -> Any:
        """Execute it and give its first row, None where there is none; errors are those of SQLAlchemy."""
        return self._fetched(connection, values, lambda cursor: cursor.fetchone())

    def rows(self, connection: sa.Connection, values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        """Execute it and give all rows, none where it gives no rows; errors are those of SQLAlchemy."""
        return self._fetched(connection, values, lambda cursor: cursor.fetchall()) or ()

    def _fetched(self, connection: sa.Connection, values: Mapping[str, Any], fetch: Callable[[Any], Any]) -> Any:
        database: Any = connection.connection.driver_connection
        base: Any = sqlite3.Error
        if isinstance(database, sqlite3.Connection):
            sql, constants = self._sqlite
            parameters = {**constants, **values}
        else:
            if self._other is None:
                self._other = _said(self._statement, connection.dialect)
            sql, constants = self._other
            parameters, base = {**constants, **values}, connection.dialect.loaded_dbapi.Error
        try:
            cursor = database.execute(sql, parameters)
            return None if cursor.description is None else fetch(cursor)
        except base as error:
            raise DBAPIError.instance(sql, parameters, error, base) from error


def _said(statement: sa.Executable, dialect: sa.Dialect) -> tuple[str, dict[str, Any]]:
    compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}


def plan_of(connection: sa.Connection, statement: sa.Executable) -> list[str]:
    """Give how the database would carry a statement out, in its own words."""
    compiled = statement.compile(  # type: ignore[attr-defined]
        dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
    )
    if connection.dialect.name == "sqlite":
        values: Any = tuple(compiled.params[name] for name in compiled.positiontup)
        return [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values)]
    return [str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {compiled}", compiled.params)]
