"""Storage Commitment requests of modalities, kept until they have the answer; see `archive.commitment`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql.commitment_schema import UNANSWERED, commitment_requests
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.stored import micros, moment
from tolmach.archive.commitment import CommitmentRequest, Reference, Taken

MOST_WAITING: Final = 1000
"""Requests of one peer that may wait for their answers."""

_C = commitment_requests.c
_WAITS = sa.text(UNANSWERED)
_BY_ID = _C.id == sa.bindparam("key")
_KNOWN = sa.select(_C.id, _C.reference_pairs, _C.answered_at).where(
    _C.peer == sa.bindparam("peer"), _C.transaction_uid == sa.bindparam("uid")
)
_COUNT = sa.select(sa.func.count()).select_from(commitment_requests).where(_C.peer == sa.bindparam("peer"), _WAITS)
_DUE = (
    sa.select(commitment_requests)
    .where(_WAITS, _C.due_at <= sa.bindparam("now"))
    .order_by(_C.due_at, _C.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_NEXT = sa.select(sa.func.min(_C.due_at)).where(_WAITS)
_OLD = _C.asked_at < sa.bindparam("before")


class SqlCommitmentRequests:
    """See `archive.commitment.CommitmentRequests`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, peer: str, transaction_uid: str, references: Sequence[Reference], at: datetime) -> Taken:
        """Keep a request, durable on return."""
        pairs = json.dumps([list(one) for one in references])

        def work(connection: sa.Connection) -> Taken:
            known = connection.execute(_KNOWN, {"peer": peer, "uid": transaction_uid}).first()
            if known is None:
                if connection.execute(_COUNT, {"peer": peer}).scalar_one() >= MOST_WAITING:
                    return "full"
                values = {"peer": peer, "transaction_uid": transaction_uid, "reference_pairs": pairs}
                times = {"asked_at": micros(at), "due_at": micros(at)}
                connection.execute(commitment_requests.insert(), {**values, **times})
                return "new"
            if known.reference_pairs != pairs:
                return "other"
            if known.answered_at is not None:
                again = {"answered_at": None, "reasons": None, "attempts": 0}
                self._update(connection, known.id, asked_at=micros(at), due_at=micros(at), **again)
            return "again"

        return self._database.write(work)

    def claim(self, now: datetime, until: datetime) -> CommitmentRequest | None:
        """Give the request whose turn it is, which nobody else is given before `until`."""

        def work(connection: sa.Connection) -> CommitmentRequest | None:
            row = connection.execute(_DUE, {"now": micros(now)}).first()
            if row is None:
                return None
            self._update(connection, row.id, due_at=micros(until))
            return _request(row)

        return self._database.write(work)

    def keep(self, request_id: int, until: datetime) -> None:
        """Have a claimed request for longer."""
        self._database.write(lambda connection: self._update(connection, request_id, due_at=micros(until)))

    def note_reasons(self, request_id: int, reasons: Sequence[int]) -> None:
        """Keep what was found."""
        found = json.dumps(list(reasons))
        self._database.write(lambda connection: self._update(connection, request_id, reasons=found))

    def postpone(self, request_id: int, until: datetime) -> None:
        """Count an attempt that failed."""
        self._database.write(
            lambda connection: self._update(connection, request_id, due_at=micros(until), attempts=_C.attempts + 1)
        )

    def conclude(self, request_id: int, at: datetime) -> None:
        """Note that the peer has the answer."""
        self._database.write(lambda connection: self._update(connection, request_id, answered_at=micros(at)))

    def next_due(self) -> datetime | None:
        """Tell when the next request is due."""
        with self._database.reading() as connection:
            due = connection.execute(_NEXT).scalar_one_or_none()
        return None if due is None else moment(due)

    def forget(self, before: datetime) -> int:
        """Forget what was asked before a moment; gives how many had no answer."""

        def work(connection: sa.Connection) -> int:
            old = {"before": micros(before)}
            count = sa.select(sa.func.count()).select_from(commitment_requests).where(_OLD, _WAITS)
            unanswered: int = connection.execute(count, old).scalar_one()
            connection.execute(commitment_requests.delete().where(_OLD), old)
            return unanswered

        return self._database.write(work)

    def _update(self, connection: sa.Connection, request_id: int, **values: Any) -> None:
        connection.execute(commitment_requests.update().where(_BY_ID).values(values), {"key": request_id})


def _request(row: Any) -> CommitmentRequest:
    return CommitmentRequest(
        request_id=row.id,
        peer=row.peer,
        transaction_uid=row.transaction_uid,
        references=tuple((sop_class, instance) for sop_class, instance in json.loads(row.reference_pairs)),
        asked_at=moment(row.asked_at),
        attempts=row.attempts,
        reasons=None if row.reasons is None else tuple(json.loads(row.reasons)),
    )
