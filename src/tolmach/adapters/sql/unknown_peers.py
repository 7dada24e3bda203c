"""Who called and is not allowed to: so that an operator can add them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from tolmach.adapters.sql import dialect
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.schema import unknown_peers
from tolmach.adapters.sql.stored import Clock, micros, moment, plain

MOST_REMEMBERED: Final = 1000

_peer = unknown_peers.c
_NOTE = dialect.insert(unknown_peers).values(
    ae_title=sa.bindparam("ae_title"),
    host=sa.bindparam("host"),
    first_seen_at=sa.bindparam("at"),
    last_seen_at=sa.bindparam("at"),
    times=1,
)
_NOTE = _NOTE.on_conflict_do_update(
    index_elements=["ae_title", "host"],
    set_={"last_seen_at": _NOTE.excluded.last_seen_at, "times": _peer.times + 1},
)
_COUNT = sa.select(sa.func.count()).select_from(unknown_peers)
_OLDEST = sa.select(_peer.ae_title, _peer.host).order_by(_peer.last_seen_at).limit(1)


@dataclass(frozen=True, slots=True)
class UnknownPeer:
    """Somebody who was turned away, how often, and when first and last."""

    ae_title: str
    host: str
    first_seen_at: datetime
    last_seen_at: datetime
    times: int


class UnknownPeers:
    """Remembers the last thousand; any thread may call."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def note(self, ae_title: str, host: str) -> None:
        """Remember that somebody was turned away; each call is a commit, so callers limit how often they call."""
        values = {"ae_title": plain(ae_title), "host": plain(host), "at": micros(self._clock())}

        def work(connection: sa.Connection) -> None:
            connection.execute(_NOTE, values)
            if connection.execute(_COUNT).scalar_one() > MOST_REMEMBERED:
                oldest = connection.execute(_OLDEST).one()
                self._delete(connection, oldest.ae_title, oldest.host)

        self._database.write(work)

    def list(self) -> tuple[UnknownPeer, ...]:
        """Give those remembered, the one who called last first."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(unknown_peers).order_by(_peer.last_seen_at.desc())).all()
        return tuple(
            UnknownPeer(row.ae_title, row.host, moment(row.first_seen_at), moment(row.last_seen_at), row.times)
            for row in rows
        )

    def forget(self, ae_title: str, host: str) -> None:
        """Take somebody from the list, who was added or is of no interest."""
        self._database.write(lambda connection: self._delete(connection, plain(ae_title), plain(host)))

    @staticmethod
    def _delete(connection: sa.Connection, ae_title: str, host: str) -> None:
        connection.execute(unknown_peers.delete().where(_peer.ae_title == ae_title, _peer.host == host))
