"""Nodes that share a database: signs of life, and whose leases count.

Everything a node has claimed (lines of the outbox, journeys, watched folders) bears its name, and is its own for as
long as it gives signs of life. So a node that dies gives everything back soon, however long its leases were to last,
and the clocks of the nodes need not agree: time is the database's.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from tolmach.adapters.sql import dialect, nodes_schema
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.nodes_schema import nodes
from tolmach.adapters.sql.stored import Clock, micros, moment, plain

BEAT_SECONDS: Final = 3.0
ALIVE: Final = nodes_schema.ALIVE
_FORGOTTEN: Final = timedelta(days=1)

_ALIVE = sa.select(nodes.c.name).where(nodes.c.seen_at > sa.bindparam("since", type_=sa.BigInteger))
_BEAT = dialect.insert(nodes).values({name: sa.bindparam(name) for name in ("name", "place", "begun_at", "seen_at")})
_BEAT = _BEAT.on_conflict_do_update(index_elements=["name"], set_={"seen_at": _BEAT.excluded.seen_at})
_PREDECESSORS = nodes.delete().where(
    nodes.c.place == sa.bindparam("of_place"), nodes.c.place != "", nodes.c.name != sa.bindparam("of_name")
)
_OLD = nodes.delete().where(nodes.c.seen_at < sa.bindparam("before", type_=sa.BigInteger))
_LEAVE = nodes.delete().where(nodes.c.name == sa.bindparam("of_name"))
_ELDEST = (
    sa.select(nodes.c.name)
    .where(nodes.c.seen_at > sa.bindparam("since", type_=sa.BigInteger))
    .order_by(nodes.c.begun_at, nodes.c.name)
    .limit(1)
)
_ALL = sa.select(nodes).order_by(nodes.c.begun_at, nodes.c.name)


class Nodes:
    """This process among those that share the database; any thread may call. Without company there is nothing to do.

    A part that claims calls `beat_if_due` in the same transaction, so nobody has a lease without a sign of life.
    """

    def __init__(self, database: Database, clock: Clock | None) -> None:
        """Go by `clock` in place of the database's own, where one is given."""
        self._database = database
        self._clock = clock
        self._place = ""
        self._mutex = threading.Lock()
        self._begun_at: int | None = None
        self._beaten_at = 0.0

    @property
    def name(self) -> str:
        """What claims bear; empty where there is no company."""
        return self._database.dialect.node

    @property
    def has_company(self) -> bool:
        """Whether other processes may claim what this one claims."""
        return bool(self.name)

    def join(self, place: str) -> None:
        """Begin to give signs of life as the one process that has `place`: whoever had it before is dead."""
        if not self.has_company:
            return
        self._place = plain(place)

        def work(connection: sa.Connection) -> None:
            self._database.dialect.lock(connection, "nodes")
            connection.execute(_PREDECESSORS, {"of_place": self._place, "of_name": self.name})
            now = self.now(connection)
            connection.execute(_OLD, {"before": now - _FORGOTTEN // timedelta(microseconds=1)})
            self._beat(connection, now)

        self._database.write_beside(work)

    def beat(self) -> None:
        """Give a sign of life; to be called every `BEAT_SECONDS` while anything is claimed. Raises `RecordsTrouble`."""
        if self.has_company:
            self._database.write_beside(lambda connection: self._beat(connection, self.now(connection)))

    def beat_alone_if_due(self) -> None:
        """Give a sign of life in a transaction of its own, where the last one was some seconds ago."""
        if self._begun_at is None or time.monotonic() - self._beaten_at > BEAT_SECONDS:
            self.beat()

    def leave(self) -> None:
        """Give everything back at once, at the end; nothing is lost without it."""
        if self.has_company and self._begun_at is not None:
            self._begun_at = None
            self._database.write_beside(lambda connection: connection.execute(_LEAVE, {"of_name": self.name}) and None)

    def all(self) -> list[tuple[str, datetime, bool]]:
        """Give every node that has not left: its name, its last sign of life, and whether it counts as alive."""
        with self._database.reading() as connection:
            since = self.now(connection) - ALIVE // timedelta(microseconds=1)
            return [(row.name, moment(row.seen_at), row.seen_at > since) for row in connection.execute(_ALL)]

    def is_eldest(self) -> bool:
        """Tell whether this node has been alive longest: it does what one of them all is to do.

        Without company always. For a moment two may think so, or nobody; what depends on it must bear that.
        """
        if not self.has_company:
            return True
        with self._database.reading() as connection:
            since = self.now(connection) - ALIVE // timedelta(microseconds=1)
            return connection.execute(_ELDEST, {"since": since}).scalar() == self.name

    def now(self, connection: sa.Connection) -> int:
        """Give the time that leases go by."""
        told = None if self._clock is not None else self._database.dialect.now(connection)
        return micros((self._clock or _no_clock)()) if told is None else told

    def lease_now(self, connection: sa.Connection, now: datetime) -> int:
        """Give the time that a lease is compared with: the database's, or the caller's where it has none of its own."""
        told = None if self._clock is not None or not self.has_company else self._database.dialect.now(connection)
        return micros(now) if told is None else told

    def beat_if_due(self, connection: sa.Connection, now: int) -> None:
        """Give a sign of life in the caller's transaction, where the last one was some seconds ago."""
        if self.has_company and (self._begun_at is None or time.monotonic() - self._beaten_at > BEAT_SECONDS):
            self._beat(connection, now)

    def alive(self, connection: sa.Connection, now: int) -> set[str]:
        """Give the names of all that are alive, this one included."""
        if not self.has_company:
            return {""}
        since = now - ALIVE // timedelta(microseconds=1)
        return {self.name, *connection.execute(_ALIVE, {"since": since}).scalars()}

    def _beat(self, connection: sa.Connection, now: int) -> None:
        with self._mutex:
            begun_at = now if self._begun_at is None else self._begun_at
        row = {"name": self.name, "place": self._place, "begun_at": begun_at, "seen_at": now}
        connection.execute(_BEAT, row)
        with self._mutex:
            self._begun_at, self._beaten_at = begun_at, time.monotonic()

    # Names in leases --------------------------------------------------------------------------------------------

    def owner(self, name: str) -> str:
        """Give what a lease bears that a part of this process takes."""
        return f"{self.name} {name}" if self.has_company else name

    def is_mine(self, owner: str | None) -> bool:
        """Tell whether a lease is of this process."""
        return owner is not None and (not self.has_company or owner.startswith(f"{self.name} "))

    def node_of(self, owner: str) -> str:
        """Give the node of a lease; empty where there is no company."""
        return owner.split(" ", 1)[0] if self.has_company else ""


def _no_clock() -> datetime:
    raise AssertionError("a database without a clock shares no work")
