"""What an operator sees and does: the queue, the history, the audit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql.audit import AuditReport, audit
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.history import History, HistoryRow
from tolmach.adapters.sql.lines import Lines
from tolmach.adapters.sql.resending import Resending
from tolmach.adapters.sql.schema import deliveries, destinations, objects
from tolmach.adapters.sql.stored import (
    Clock,
    countable,
    from_json,
    micros,
    moment,
    moment_or_none,
    plain,
    problem_from_json,
    slices,
    written,
)
from tolmach.base import Problem

_BATCH: Final = 500

_line = deliveries.c
_QUEUE = (
    sa.select(
        *(_line.id, _line.object_id, _line.sop_instance_uid, _line.destination, _line.state, _line.attempts),
        *(_line.queued_at, _line.due_at, _line.stored_at, _line.lease_owner, _line.problem, _line.decided_by),
        *(objects.c.facts, objects.c.received_at, objects.c.sop_instance_uid.label("arrived_as")),
    )
    .join(objects, objects.c.id == _line.object_id)
    .where(_line.concluded_at.is_(None), _line.id > sa.bindparam("after"))
    .order_by(_line.id)
    .limit(_BATCH)
)
_EXAMINED = (
    sa.select(
        *(objects.c.id, objects.c.sop_instance_uid, objects.c.facts, objects.c.verdict),
        *(objects.c.received_at, objects.c.last_arrived_at),
    )
    .where(objects.c.ended_at.is_(None), objects.c.id > sa.bindparam("after"))
    .order_by(objects.c.id)
    .limit(_BATCH)
)
_TROUBLES = sa.select(
    destinations.c.name, destinations.c.trouble, destinations.c.trouble_since, destinations.c.retry_at
)
_WAITING = (
    sa.select(
        _line.destination, _line.state, sa.func.count().label("lines"), sa.func.min(_line.queued_at).label("oldest")
    )
    .where(_line.concluded_at.is_(None))
    .group_by(_line.destination, _line.state)
)
_queued = _line.state == sa.literal_column("'queued'")
_AGES = (
    sa.select(
        _line.destination,
        *(
            sa.func.count().filter(_line.state == sa.literal_column(f"'{state}'")).label(state)
            for state in ("queued", "held", "quarantined")
        ),
        sa.func.min(sa.case((_queued, _line.queued_at))).label("oldest"),
        sa.func.count().filter(_queued, _line.queued_at < sa.bindparam("hour_ago")).label("over_hour"),
        sa.func.count().filter(_queued, _line.queued_at < sa.bindparam("day_ago")).label("over_day"),
    )
    .where(_line.concluded_at.is_(None))
    .group_by(_line.destination)
    .order_by(_line.destination)
)
_KNOWS = sa.select(destinations.c.name).where(destinations.c.name == sa.bindparam("asked"))
_OPEN_BY_DESTINATION = (
    sa.select(_line.destination, sa.func.count().label("lines"))
    .where(_line.concluded_at.is_(None), _line.state.in_(("queued", "held")))
    .group_by(_line.destination)
    .order_by(_line.destination)
)


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One line that is not delivered and not deleted; or an object that is being examined, before its lines are made.

    The latter is queued, has no destination, and 0 for a `delivery_id`, which no line has.
    `next_attempt_at` is None for a line that is due at once, is being tried, awaits proof, or waits for a person.
    `destination_problem` is why its destination cannot be reached at all.
    """

    delivery_id: int
    object_id: int
    sop_instance_uid: str
    destination: str
    state: str
    attempts: int
    queued_at: datetime
    next_attempt_at: datetime | None
    awaits_proof_since: datetime | None
    is_being_tried: bool
    problem: Problem | None
    destination_problem: Problem | None
    decided_by: str
    facts: Mapping[str, str]
    is_being_examined: bool = False

    @property
    def last_error(self) -> Problem | None:
        """What went wrong last with the line, or else with its destination."""
        return self.problem or (self.destination_problem if self.state == "queued" else None)

    def age_seconds(self, now: datetime) -> int:
        """Give how long it has been in the queue."""
        return max(0, int((now - self.queued_at).total_seconds()))

    def as_json(self, now: datetime) -> dict[str, object]:
        """Give it as `tolmach queue list --json` does; the error is in English."""
        problem = self.last_error
        return {
            "id": self.delivery_id or None,
            "sop_instance_uid": self.sop_instance_uid,
            "to": self.destination,
            "state": self.state,
            "attempts": self.attempts,
            "age_seconds": self.age_seconds(now),
            "next_attempt_at": written(self.next_attempt_at),
            "last_error": None if problem is None else f"{problem.code}: {problem}",
            "object": self.object_id,
            "patient_name": self.facts.get("PatientName", ""),
            "awaits_proof_since": written(self.awaits_proof_since),
            "being_examined": self.is_being_examined,
        }


@dataclass(frozen=True, slots=True)
class DestinationRow:
    """A destination that lines or notes are about, configured still or not."""

    name: str
    waiting: Mapping[str, int]
    oldest_at: datetime | None
    trouble: Problem | None
    trouble_since: datetime | None
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class AgeRow:
    """How many lines of a destination are open, and how old those are that are queued; "" is the quarantine.

    `oldest_seconds`, `over_hour` and `over_day` are of queued lines alone: what is held waits for somebody.
    """

    destination: str
    queued: int
    held: int
    quarantined: int
    oldest_seconds: float
    over_hour: int
    over_day: int


class Desk:
    """Any thread may call. `actor` is the name of whoever asks for a change, and is kept with it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._lines = Lines(database, clock)
        self._resending = Resending(database, clock)
        self._history = History(database)

    def queue(self, to: str | None = None, states: Collection[str] = ()) -> Iterator[QueueRow]:
        """Give the lines that are queued, held or quarantined, oldest first, in portions: memory stays flat.

        Then come the objects that are being examined, whose lines are not made yet: what is known of them has no
        destination, so they are left out where `to` names one. `to` and `states` choose some; destinations that are
        configured no more are there like the others.
        """
        yield from self._open_lines(to, states)
        if to is None and (not states or "queued" in states):
            yield from self._examined()

    def _open_lines(self, to: str | None, states: Collection[str]) -> Iterator[QueueRow]:
        statement = _QUEUE
        if to is not None:
            statement = statement.where(_line.destination == to)
        if states:
            statement = statement.where(_line.state.in_(sorted(states)))
        after = 0
        while True:
            with self._database.reading() as connection:
                troubles = {row.name: row.trouble for row in connection.execute(_TROUBLES)}
                rows = connection.execute(statement, {"after": after}).all()
            problems = {name: problem_from_json(kept) for name, kept in troubles.items()}
            for row in rows:
                yield _queue_row(row, problems.get(row.destination))
            if len(rows) < _BATCH:
                return
            after = rows[-1].id

    def _examined(self) -> Iterator[QueueRow]:
        after = 0
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(_EXAMINED, {"after": after}).all()
            for row in rows:
                yield _examined_row(row)
            if len(rows) < _BATCH:
                return
            after = rows[-1].id

    def lines(self, ids: Sequence[int]) -> list[QueueRow]:
        """Give some lines of the queue, those that are still in it, oldest first."""
        found: list[QueueRow] = []
        for some in slices(countable(ids)):
            with self._database.reading() as connection:
                troubles = {row.name: row.trouble for row in connection.execute(_TROUBLES)}
                rows = connection.execute(_QUEUE.where(_line.id.in_(some)), {"after": 0}).all()
            found += [_queue_row(row, problem_from_json(troubles.get(row.destination))) for row in rows]
        return found

    def destinations(self) -> list[DestinationRow]:
        """Give every destination with lines in the queue or with a note, by name."""
        with self._database.reading() as connection:
            notes = {row.name: row for row in connection.execute(_TROUBLES) if row.name}
            waiting: dict[str, dict[str, int]] = {name: {} for name in notes}
            oldest: dict[str, int] = {}
            for row in connection.execute(_WAITING):
                waiting.setdefault(row.destination, {})[row.state] = row.lines
                oldest[row.destination] = min(row.oldest, oldest.get(row.destination, row.oldest))
        return [
            DestinationRow(
                *(name, waiting[name], moment_or_none(oldest.get(name))),
                *(problem_from_json(notes[name].trouble), moment_or_none(notes[name].trouble_since)),
                moment_or_none(notes[name].retry_at),
            )
            for name in sorted(notes)
        ]

    def ages(self, now: datetime) -> list[AgeRow]:
        """Give every destination with open lines, by name, and how old they are; a tenth of a second for 300,000."""
        ago = {"hour_ago": micros(now - timedelta(hours=1)), "day_ago": micros(now - timedelta(days=1))}
        with self._database.reading() as connection:
            rows = connection.execute(_AGES, ago).all()
        return [
            AgeRow(
                *(row.destination, row.queued, row.held, row.quarantined),
                0.0 if row.oldest is None else max(0.0, (now - moment(row.oldest)).total_seconds()),
                *(row.over_hour, row.over_day),
            )
            for row in rows
        ]

    def knows(self, destination: str) -> bool:
        """Tell whether anything was ever queued for a destination or noted of it, configured still or not."""
        with self._database.reading() as connection:
            return connection.execute(_KNOWS, {"asked": plain(destination)}).first() is not None

    def unconfigured(self, known: Collection[str]) -> dict[str, int]:
        """Give how many queued or held lines go to destinations that are not among those known, by name."""
        with self._database.reading() as connection:
            found = {row.destination: row.lines for row in connection.execute(_OPEN_BY_DESTINATION)}
        return {name: lines for name, lines in found.items() if name not in known}

    def retry(self, ids: Sequence[int] | None, to: str | None, actor: str, *, keeps: Collection[str] = ()) -> int:
        """Make lines due at once and give how many changed; None means all, of a destination where one is named.

        A quarantined object is released: its journey begins anew, and its line goes in the same commit. Lines that are
        being tried stay as they are; so do lines that await proof, unless they are given by number: then they are sent
        once more. Without numbers, lines held for problems of the codes in `keeps` stay held. Raises `NoSuchThing` for
        unknown and for concluded numbers, and nothing is changed then.
        """
        return self._lines.change("retried", ids, to, actor, keeps)

    def hold(self, ids: Sequence[int] | None, to: str | None, actor: str) -> int:
        """Keep lines until somebody says otherwise; as `retry`. A line under way may be delivered all the same."""
        return self._lines.change("held", ids, to, actor)

    def drop(self, ids: Sequence[int] | None, to: str | None, actor: str, reason: str = "") -> int:
        """Give lines up for good; as `retry`. The bytes stay. A line under way may be delivered all the same.

        The events keep who did it, and the reason where one is given.
        """
        return self._lines.change("dropped", ids, to, actor, reason=reason)

    def resend(self, object_ids: Sequence[int], to: Sequence[str] | None, actor: str, *, original: bool = False) -> int:
        """Queue objects once more and give how many lines were queued; see `Resending.resend`."""
        return self._resending.resend(object_ids, to, actor, original=original)

    def release(self, watch: str, code: str, actor: str) -> int:
        """Let go the lines held for a problem of that code with that watch, and give how many; see `Lines.release`."""
        return self._lines.release(watch, code, actor)

    def history(self, since: datetime | None = None, patient: str = "", watch: str = "") -> Iterator[HistoryRow]:
        """Give objects in the order of their receipt; see `History.rows`."""
        return self._history.rows(since, patient, watch)

    def objects(self, object_ids: Sequence[int]) -> list[HistoryRow]:
        """Give some objects as the history shows them."""
        return self._history.of(object_ids)

    def audit(self) -> AuditReport:
        """Compare what was taken with what is there; see `tolmach.adapters.sql.audit`."""
        return audit(self._database)


def _queue_row(row: Any, trouble: Problem | None) -> QueueRow:
    return QueueRow(
        delivery_id=row.id,
        object_id=row.object_id,
        sop_instance_uid=row.sop_instance_uid or row.arrived_as,
        destination=row.destination,
        state=row.state,
        attempts=row.attempts,
        queued_at=moment(row.queued_at),
        next_attempt_at=moment(row.due_at) if row.due_at and row.lease_owner is None else None,
        awaits_proof_since=moment_or_none(row.stored_at),
        is_being_tried=row.lease_owner is not None,
        problem=problem_from_json(row.problem),
        destination_problem=trouble,
        decided_by=row.decided_by,
        facts=from_json(row.facts),
    )


def _examined_row(row: Any) -> QueueRow:
    # One that was examined before waits since it came once more.
    since = row.last_arrived_at if row.verdict else row.received_at
    return QueueRow(
        delivery_id=0,
        object_id=row.id,
        sop_instance_uid=row.sop_instance_uid,
        destination="",
        state="queued",
        attempts=0,
        queued_at=moment(since),
        next_attempt_at=None,
        awaits_proof_since=None,
        is_being_tried=False,
        problem=None,
        destination_problem=None,
        decided_by="",
        facts=from_json(row.facts),
        is_being_examined=True,
    )
