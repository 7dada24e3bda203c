"""Storage Commitment transactions: which lines were asked about, and what the answer says of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.outbox import CLAIMED, claimed
from tolmach.adapters.sql.schema import commitment_lines, commitments, deliveries
from tolmach.adapters.sql.stored import micros, moment, slices
from tolmach.delivery.interfaces import Claimed

KEPT: Final = timedelta(days=30)
"""How long a transaction that ended is remembered, for a destination that answers twice."""

_OF_TRANSACTION = commitments.c.transaction_uid == sa.bindparam("uid")
_FIND = sa.select(commitments).where(_OF_TRANSACTION)
_END = commitments.update().where(_OF_TRANSACTION, commitments.c.ended_at.is_(None)).values(ended_at=sa.bindparam("at"))
_ITS_LINES = CLAIMED.add_columns(deliveries.c.concluded_at).where(
    deliveries.c.id.in_(
        sa.select(commitment_lines.c.delivery_id).where(commitment_lines.c.transaction_uid == sa.bindparam("uid"))
    )
)
_WAITING = (
    sa.select(commitments.c.transaction_uid, commitments.c.begun_at, commitment_lines.c.delivery_id)
    .join(commitment_lines, commitment_lines.c.transaction_uid == commitments.c.transaction_uid)
    .where(commitments.c.destination == sa.bindparam("destination"), commitments.c.ended_at.is_(None))
    .order_by(commitments.c.begun_at, commitments.c.transaction_uid, commitment_lines.c.delivery_id)
)
_LATE = sa.select(commitments.c.transaction_uid).where(
    commitments.c.ended_at.is_(None), commitments.c.begun_at < sa.bindparam("before")
)
_OLD = sa.select(commitments.c.transaction_uid).where(commitments.c.ended_at < sa.bindparam("before"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A transaction without an answer yet."""

    transaction_uid: str
    begun_at: datetime
    delivery_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CommitmentAnswer:
    """What an answer says of the lines that were asked about and are not concluded.

    `refused` has the destination's failure reason beside each line, and leaves out what was sent again since it was
    asked about. `unmentioned` lines were in the question and not in the answer.
    """

    destination: str
    proved: tuple[Claimed, ...]
    refused: tuple[tuple[Claimed, int], ...]
    unmentioned: tuple[Claimed, ...]


class Commitments:
    """Transactions outlive a restart, and answers may come on another association; any thread may call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, transaction_uid: str, destination: str, delivery_ids: Sequence[int], at: datetime) -> None:
        """Remember what is about to be asked; durable on return. Raises `ValueError` for a UID that was used before."""
        rows = [{"transaction_uid": transaction_uid, "delivery_id": number} for number in dict.fromkeys(delivery_ids)]

        def work(connection: sa.Connection) -> None:
            if connection.execute(_FIND, {"uid": transaction_uid}).first() is not None:
                raise ValueError(f"transaction {transaction_uid} has begun already")
            values = {"transaction_uid": transaction_uid, "destination": destination, "begun_at": micros(at)}
            connection.execute(commitments.insert(), values)
            if rows:
                connection.execute(commitment_lines.insert(), rows)

        self._database.write(work)

    def answer(
        self, transaction_uid: str, stored: Collection[str], failed: Mapping[str, int], at: datetime
    ) -> CommitmentAnswer | None:
        """End a transaction and give what the answer says of its lines, for the caller to conclude them.

        `stored` and `failed` are SOP Instance UIDs as they went out, the latter with the reason. None for a transaction
        nobody knows. May be repeated: what is concluded by then is left out.
        """

        def work(connection: sa.Connection) -> CommitmentAnswer | None:
            known = connection.execute(_FIND, {"uid": transaction_uid}).first()
            if known is None:
                return None
            connection.execute(_END, {"uid": transaction_uid, "at": micros(at)})
            rows = connection.execute(_ITS_LINES, {"uid": transaction_uid}).all()
            return _sorted(known, [row for row in rows if row.concluded_at is None], stored, failed)

        return self._database.write(work)

    def waiting(self, destination: str) -> tuple[Asked, ...]:
        """Give the transactions of a destination without an answer yet, oldest first."""
        found: dict[str, tuple[datetime, list[int]]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(_WAITING, {"destination": destination}):
                found.setdefault(row.transaction_uid, (moment(row.begun_at), []))[1].append(row.delivery_id)
        return tuple(Asked(uid, begun_at, tuple(numbers)) for uid, (begun_at, numbers) in found.items())

    def expire(self, before: datetime) -> int:
        """Give up transactions that were begun before a moment, and forget what ended long before it; gives how many.

        An answer that comes all the same still counts.
        """

        def work(connection: sa.Connection) -> int:
            late = connection.execute(_LATE, {"before": micros(before)}).scalars().all()
            for uid in late:
                connection.execute(_END, {"uid": uid, "at": micros(before)})
            old = connection.execute(_OLD, {"before": micros(before - KEPT)}).scalars().all()
            for some in slices(old):
                for table in (commitment_lines, commitments):
                    connection.execute(table.delete().where(table.c.transaction_uid.in_(some)))
            return len(late)

        return self._database.write(work)


def _sorted(known: Any, rows: Sequence[Any], stored: Collection[str], failed: Mapping[str, int]) -> CommitmentAnswer:
    proved, refused, unmentioned = [], [], []
    there = set(stored)
    for row in rows:
        line = claimed(row)
        if line.sop_instance_uid in there:
            proved.append(line)
        elif row.stored_at is None or row.stored_at > known.begun_at:
            continue
        elif line.sop_instance_uid in failed:
            refused.append((line, failed[line.sop_instance_uid]))
        else:
            unmentioned.append(line)
    return CommitmentAnswer(known.destination, tuple(proved), tuple(refused), tuple(unmentioned))
