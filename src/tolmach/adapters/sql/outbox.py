"""The queue: claims with leases, study after study, and what became of the lines.

`due_at` and `lease_owner` alone decide what may be claimed, so two partial indexes serve every claim however many lines
wait: one finds the oldest due line, the other the rest of its study.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import dialect
from tolmach.adapters.sql.conclusions import conclude_lines
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.nodes import Nodes
from tolmach.adapters.sql.schema import deliveries, destinations, editions, objects
from tolmach.adapters.sql.stored import Clock, micros, micros_or_none, moment, moment_or_none, problem_to_json, slices
from tolmach.base import Problem
from tolmach.delivery.interfaces import LONGEST_WAIT_SECONDS, Claimed, Conclusion

LONGEST_LEASE: Final = timedelta(days=1)
"""A lease that is to last longer likewise: it has ended."""
# How many due lines a claim looks at for one whose study nobody else works on.
_WINDOW: Final = 20_000
_BEFORE_ALL: Final = -(1 << 62)

_line = deliveries.c
_READY = (_line.due_at.is_not(None), _line.lease_owner.is_(None))
_OF_DESTINATION = _line.destination == sa.bindparam("destination")
_NOW: Final = sa.bindparam("now", type_=sa.BigInteger)
_LIMIT: Final = sa.bindparam("limit", type_=sa.Integer)
_FAR: Final = sa.bindparam("far", type_=sa.BigInteger)


def _oldest(*due: sa.ColumnElement[bool], order: Sequence[sa.ColumnElement[Any]]) -> sa.Select[tuple[int, str]]:
    """Give the first due line in an order, leaving the studies out that others work on."""
    window = (
        sa.select(_line.object_id, _line.study_instance_uid)
        .where(_OF_DESTINATION, *_READY, *due)
        .order_by(*order)
        .limit(_WINDOW)
        .subquery()
    )
    free = window.c.study_instance_uid.not_in(sa.bindparam("taken", expanding=True))
    first = sa.select(window).where(free).limit(1).subquery()
    return sa.select(first.c.object_id, first.c.study_instance_uid)


# New lines are due at 0 and stand in the order of their receipt; lines that were tried before, in the order they fall
# due. Of both the older object goes first, so that neither starves the other.
_HEADS = sa.union_all(
    _oldest(_line.due_at == 0, order=(_line.object_id,)),
    _oldest(_line.due_at > 0, _line.due_at <= _NOW, order=(_line.due_at, _line.object_id)),
    _oldest(_line.due_at > _FAR, order=(_line.due_at, _line.object_id)),
).order_by("object_id")

_LEASED = sa.select(_line.id, _line.study_instance_uid, _line.lease_owner, _line.lease_until).where(
    _OF_DESTINATION, _line.lease_owner.is_not(None)
)
_ALL_LEASED = sa.select(_line.id, _line.lease_owner).where(_line.lease_owner.is_not(None))
CLAIMED: Final[sa.Select[Any]] = (
    sa.select(
        *(_line.id, _line.object_id, _line.destination, objects.c.sha256, objects.c.data_set_offset, editions.c.delta),
        *(editions.c.sop_class_uid, editions.c.sop_instance_uid, objects.c.found_transfer_syntax_uid),
        *(_line.study_instance_uid, objects.c.series_instance_uid, _line.attempts, objects.c.received_at),
        _line.stored_at,
    )
    .join(objects, objects.c.id == _line.object_id)
    .join(editions, sa.and_(editions.c.object_id == _line.object_id, editions.c.number == _line.edition))
)
_OF_STUDY = (
    CLAIMED.where(
        _OF_DESTINATION,
        _line.study_instance_uid == sa.bindparam("study"),
        *_READY,
        sa.or_(_line.due_at <= _NOW, _line.due_at > _FAR),
    )
    .order_by(_line.object_id)
    .limit(_LIMIT)
)
_AWAITING = (
    CLAIMED.where(
        _OF_DESTINATION,
        _line.stored_at.is_not(None),
        _line.state == sa.literal_column("'queued'"),
        _line.lease_owner.is_(None),
        sa.tuple_(_line.stored_at, _line.id)
        > sa.tuple_(sa.bindparam("after", type_=sa.BigInteger), sa.bindparam("after_id", type_=sa.BigInteger)),
    )
    .order_by(_line.stored_at, _line.id)
    .limit(_LIMIT)
)

_IDS: Final = sa.bindparam("ids", type_=sa.BigInteger, expanding=True)
# Rows that somebody is writing at this moment are left alone: whoever claims waits for nobody, so nobody waits in a
# circle. SQLite has nothing like it, and no need of it.
_LOCKED = sa.select(_line.id).where(_line.id.in_(_IDS)).with_for_update(skip_locked=True)
_STILL_READY = _LOCKED.where(*_READY)
_LEASE = (
    deliveries.update()
    .where(_line.id.in_(_IDS))
    .values(lease_owner=sa.bindparam("owner"), lease_until=sa.bindparam("until"))
)
_UNLEASE = deliveries.update().where(_line.id.in_(_IDS)).values(lease_owner=None, lease_until=None)
_GIVE_BACK = _UNLEASE.where(_line.lease_owner == sa.bindparam("of_owner"))
# Lines with a lease are being worked on: what comes of them is written when it ends.
_SETTLE = (
    deliveries.update()
    .where(
        _line.destination == sa.bindparam("of_destination"),
        _line.stored_at.is_not(None),
        _line.state == sa.literal_column("'queued'"),
        _line.lease_owner.is_(None),
    )
    .values(stored_at=None, due_at=0)
)
_CLEAR = deliveries.update().where(_line.lease_owner.is_not(None)).values(lease_owner=None, lease_until=None)
_NEXT_DUE = sa.select(sa.func.min(_line.due_at)).where(_OF_DESTINATION, *_READY)
_NOTE = dialect.insert(destinations).values(
    {name: sa.bindparam(name) for name in ("name", "trouble", "trouble_since", "retry_at")}
)
_NOTE = _NOTE.on_conflict_do_update(
    index_elements=["name"],
    set_={
        "trouble": _NOTE.excluded.trouble,
        "retry_at": _NOTE.excluded.retry_at,
        "trouble_since": sa.case(
            (_NOTE.excluded.trouble.is_(None), None),
            else_=sa.func.coalesce(destinations.c.trouble_since, _NOTE.excluded.trouble_since),
        ),
    },
)


class SqlOutbox:
    """`Outbox` of `tolmach.delivery.interfaces`."""

    def __init__(self, database: Database, clock: Clock, nodes: Nodes) -> None:
        self._database = database
        self._clock = clock
        self._nodes = nodes

    def claim(
        self,
        destination: str,
        owner: str,
        limit: int,
        now: datetime,
        lease_seconds: float,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> Sequence[Claimed]:
        """Lease due lines of one study to `owner`; see `Outbox.claim`.

        Order among studies: the one with the oldest due object first. When twenty thousand due lines of one destination
        belong to studies that others work on, what is behind them waits.
        """
        micros_long = min(timedelta(seconds=lease_seconds), LONGEST_LEASE) // timedelta(microseconds=1)
        bound = {"destination": destination, "now": micros(now), "far": micros(now) + int(longest_wait_seconds * 1e6)}
        mine = self._nodes.owner(owner)
        with self._database.reading() as connection:
            # Looking costs no writer anything; most looks find nothing.
            at = self._nodes.lease_now(connection, now)
            _, expired, study = _look(connection, bound, mine, self._still(connection, at))
        if study is None and not expired:
            return ()

        unanswered: list[int] = []

        def work(connection: sa.Connection) -> Sequence[Claimed]:
            self._database.dialect.lock(connection, f"claim {destination}")
            at = self._nodes.lease_now(connection, now)
            self._nodes.beat_if_due(connection, at)
            # Done once more, the first time may have been committed all the same.
            for some in slices(unanswered):
                connection.execute(_GIVE_BACK, {"ids": some, "of_owner": mine})
            found = _claim(connection, bound, (mine, limit, at + micros_long), self._still(connection, at))
            unanswered[:] = [one.delivery_id for one in found]
            return found

        return self._database.write_beside(work)

    def _still(self, connection: sa.Connection, at: int) -> _Lease:
        """Give what tells whether a lease goes on: its time is not over, and its node is alive."""
        alive, longest = self._nodes.alive(connection, at), at + LONGEST_LEASE // timedelta(microseconds=1)

        def goes_on(row: Any) -> bool:
            return at < row.lease_until <= longest and self._nodes.node_of(row.lease_owner) in alive

        return goes_on

    def conclude(self, conclusions: Sequence[Conclusion], now: datetime) -> None:
        """Write what became of claimed lines, in one commit; see `Outbox.conclude`.

        Without a lease (it ended, or the conclusion was written before) only what proves delivery counts: "delivered",
        and the end of waiting for proof.
        """
        if conclusions:
            self._database.write(lambda connection: conclude_lines(connection, conclusions, now, self._nodes.is_mine))

    def give_back(self, delivery_ids: Sequence[int], owner: str) -> None:
        """End the leases `owner` has on lines that were not tried; they are due as before and no attempt is counted."""
        ids = list(delivery_ids)

        def work(connection: sa.Connection) -> None:
            for some in slices(ids):
                connection.execute(_GIVE_BACK, {"ids": some, "of_owner": self._nodes.owner(owner)})

        if ids:
            self._database.write(work)

    def next_due(self, destination: str) -> datetime | None:
        """Give when the next unleased line of a destination falls due (1970 for "at once"), or None when none waits.

        It may be due and yet not given by `claim` while another owner works on its study.
        """
        with self._database.reading() as connection:
            return moment_or_none(connection.execute(_NEXT_DUE, {"destination": destination}).scalar_one())

    def awaiting_proof(
        self, destination: str, limit: int, after: tuple[datetime, int] | None = None
    ) -> Sequence[tuple[Claimed, datetime]]:
        """Give lines that await proof, oldest first; see `Outbox.awaiting_proof`."""
        at, number = (_BEFORE_ALL, 0) if after is None else (micros(after[0]), after[1])
        with self._database.reading() as connection:
            bound = {"destination": destination, "limit": limit, "after": at, "after_id": number}
            rows = connection.execute(_AWAITING, bound).all()
        return [(claimed(row), moment(row.stored_at)) for row in rows]

    def settle_unproved(self, destination: str) -> int:
        """Make the lines of a destination that await proof due at once, in one commit, and give how many.

        For the start, when nobody asks that destination for proof any more: sending once more is harmless, and waiting
        would never end. May be repeated.
        """
        settled = {"of_destination": destination}
        return self._database.write(lambda connection: connection.execute(_SETTLE, settled).rowcount)

    def note_destination(self, destination: str, problem: Problem | None, retry_at: datetime | None) -> None:
        """Remember why a destination cannot be reached now, for people to see; None when it is well again."""
        values = {
            "name": destination,
            "trouble": problem_to_json(problem),
            "trouble_since": None if problem is None else micros(self._clock()),
            "retry_at": micros_or_none(retry_at),
        }
        self._database.write(lambda connection: connection.execute(_NOTE, values) and None)

    def clear_leases(self, owner: str | None = None) -> int:
        """End the leases of one owner, or all: for the start, when nobody else owns the data folder. Gives how many.

        Where nodes share the database, all are those of this node and of the dead: no other's work is disturbed.
        """
        if owner is not None:
            mine = _CLEAR.where(_line.lease_owner == self._nodes.owner(owner))
            return self._database.write(lambda connection: connection.execute(mine).rowcount)
        if not self._nodes.has_company:
            return self._database.write(lambda connection: connection.execute(_CLEAR).rowcount)
        return self._database.write(self._clear_dead)

    def _clear_dead(self, connection: sa.Connection) -> int:
        others = self._nodes.alive(connection, self._nodes.now(connection)) - {self._nodes.name}
        ids = [row.id for row in connection.execute(_ALL_LEASED) if self._nodes.node_of(row.lease_owner) not in others]
        for some in slices(ids):
            connection.execute(_UNLEASE, {"ids": some})
        return len(ids)


_Lease = Callable[[Any], bool]


def _look(
    connection: sa.Connection, bound: dict[str, Any], owner: str, goes_on: _Lease
) -> tuple[set[str], list[int], str | None]:
    """Give the studies others work on, the lines whose lease has ended, and the study whose turn it is."""
    taken, expired = set(), []
    for row in connection.execute(_LEASED, bound):
        if not goes_on(row):
            expired.append(row.id)
        elif row.lease_owner != owner:
            taken.add(row.study_instance_uid)
    head = connection.execute(_HEADS, bound | {"taken": sorted(taken)}).first()
    return taken, expired, None if head is None else head.study_instance_uid


def _claim(
    connection: sa.Connection, bound: dict[str, Any], lease: tuple[str, int, int], goes_on: _Lease
) -> Sequence[Claimed]:
    owner, limit, until = lease
    _, expired, study = _look(connection, bound, owner, goes_on)
    if expired:
        for some in slices(expired):
            if free := connection.execute(_LOCKED, {"ids": some}).scalars().all():
                connection.execute(_UNLEASE, {"ids": free})
        _, _, study = _look(connection, bound, owner, goes_on)
    if study is None:
        return ()
    rows = connection.execute(_OF_STUDY, bound | {"study": study, "limit": limit}).all()
    ready: set[int] = set()
    for some in slices([row.id for row in rows]):
        ready.update(connection.execute(_STILL_READY, {"ids": some}).scalars())
    # Up to the first that somebody else has just now: what stands behind it keeps its place in the study.
    mine = list(takewhile(lambda row: row.id in ready, rows))
    for some in slices([row.id for row in mine]):
        connection.execute(_LEASE, {"ids": some, "owner": owner, "until": until})
    return [claimed(row) for row in mine]


def claimed(row: Any) -> Claimed:
    """Give a row of `CLAIMED` as the value the others know."""
    return Claimed(
        delivery_id=row.id,
        object_id=row.object_id,
        destination=row.destination,
        stored_sha256=row.sha256,
        data_set_offset=row.data_set_offset,
        delta=row.delta,
        sop_class_uid=row.sop_class_uid,
        sop_instance_uid=row.sop_instance_uid,
        transfer_syntax_uid=row.found_transfer_syntax_uid,
        study_instance_uid=row.study_instance_uid,
        series_instance_uid=row.series_instance_uid,
        attempts=row.attempts,
        received_at=moment(row.received_at),
    )
