"""The proof that nothing was lost: what was taken against what is there, each counted from its own tables.

Per destination, units are lines of the outbox: taken are those that were ever enqueued for it, counted in
`destinations` when they were; the states are counted from the lines themselves. The empty destination is quarantine.

In total, units are objects: taken are the receipts, written at each arrival and never touched again; the states are
counted from the objects and their lines. An object is in the first of these states that any of its lines has:
quarantined, held, queued, delivered, deleted. One whose journey has not ended is queued; one that goes nowhere is
delivered: it is kept here, as was asked.

It holds when every sum agrees, and when each object has as many lines and editions as its journey ended with, so that
whatever vanished is found and named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.faults import (
    BYTES_LOST,
    EDITIONS_VANISHED,
    LINE_WITHOUT_OBJECT,
    LINES_VANISHED,
    OBJECT_VANISHED,
    OBJECT_WITHOUT_RECEIPT,
    TALLY_DIFFERS,
)
from tolmach.adapters.sql.schema import deliveries, destinations, editions, objects, receipts
from tolmach.adapters.sql.stored import problem_from_json
from tolmach.base import Problem

MOST_NAMED: Final = 100
"""Findings of one kind that are named; one is enough to know that it does not hold."""

# In this order an object takes the state of its lines.
_RANKS: Final = ("quarantined", "held", "queued", "delivered", "deleted")

_rank = sa.case({state: number for number, state in enumerate(_RANKS)}, value=deliveries.c.state)
_of_lines = (
    sa.select(deliveries.c.object_id, sa.func.min(_rank).label("rank"), sa.func.count().label("lines"))
    .group_by(deliveries.c.object_id)
    .subquery()
)
_object_rank = sa.case(
    (objects.c.ended_at.is_(None), _RANKS.index("queued")),
    else_=sa.func.coalesce(_of_lines.c.rank, _RANKS.index("delivered")),
)
_with_lines = objects.outerjoin(_of_lines, _of_lines.c.object_id == objects.c.id)
_ranked = sa.select(_object_rank.label("object_rank")).select_from(_with_lines).subquery()
_BY_RANK = sa.select(_ranked.c.object_rank, sa.func.count().label("units")).group_by(_ranked.c.object_rank)
_TAKEN = sa.select(sa.func.count()).select_from(receipts)
_BY_DESTINATION = sa.select(deliveries.c.destination, deliveries.c.state, sa.func.count().label("units")).group_by(
    deliveries.c.destination, deliveries.c.state
)
_TALLIES = sa.select(destinations.c.name, destinations.c.taken)

_VANISHED = (
    sa.select(receipts.c.object_id, receipts.c.sop_instance_uid, receipts.c.sha256)
    .outerjoin(objects, objects.c.id == receipts.c.object_id)
    .where(objects.c.id.is_(None))
)
_UNRECEIPTED = (
    sa.select(objects.c.id.label("object_id"), objects.c.sop_instance_uid)
    .outerjoin(receipts, receipts.c.object_id == objects.c.id)
    .where(receipts.c.object_id.is_(None))
)
_found_lines = sa.func.coalesce(_of_lines.c.lines, 0)
_LINES_GONE = (
    sa.select(
        *(objects.c.id.label("object_id"), objects.c.sop_instance_uid),
        *(objects.c.lines_expected.label("expected"), _found_lines.label("found")),
    )
    .select_from(_with_lines)
    .where(objects.c.lines_expected != _found_lines)
)
_of_editions = (
    sa.select(editions.c.object_id, sa.func.count().label("editions")).group_by(editions.c.object_id).subquery()
)
_found_editions = sa.func.coalesce(_of_editions.c.editions, 0)
_EDITIONS_GONE = (
    sa.select(
        *(objects.c.id.label("object_id"), objects.c.sop_instance_uid),
        *(objects.c.editions_expected.label("expected"), _found_editions.label("found")),
    )
    .outerjoin(_of_editions, _of_editions.c.object_id == objects.c.id)
    .where(objects.c.editions_expected != _found_editions)
)
_OBJECTLESS = (
    sa.select(deliveries.c.id.label("delivery_id"), deliveries.c.destination, deliveries.c.object_id)
    .outerjoin(objects, objects.c.id == deliveries.c.object_id)
    .where(objects.c.id.is_(None))
)
# Bytes that are gone, of an object that nobody else has either.
_BYTELESS = (
    sa.select(objects.c.id.label("object_id"), objects.c.sop_instance_uid, objects.c.sha256, objects.c.flaw_problem)
    .select_from(_with_lines)
    .where(
        objects.c.flaw != "",
        objects.c.purged_at.is_(None),
        sa.or_(_of_lines.c.rank < _RANKS.index("delivered"), _of_lines.c.rank.is_(None)),
    )
)
_CHECKS: Final = (
    (OBJECT_VANISHED, _VANISHED),
    (OBJECT_WITHOUT_RECEIPT, _UNRECEIPTED),
    (LINES_VANISHED, _LINES_GONE),
    (EDITIONS_VANISHED, _EDITIONS_GONE),
    (LINE_WITHOUT_OBJECT, _OBJECTLESS),
    (BYTES_LOST, _BYTELESS),
)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """How many units were taken and where they are; `destination` is None for the total, empty for the quarantine."""

    destination: str | None
    taken: int
    delivered: int = 0
    queued: int = 0
    held: int = 0
    quarantined: int = 0
    deleted: int = 0
    holds: bool = True

    def as_json(self) -> dict[str, object]:
        """Give it as `tolmach audit --json` does."""
        named = {} if self.destination is None else {"to": self.destination}
        return named | {
            "taken": self.taken,
            "delivered": self.delivered,
            "queued": self.queued,
            "held": self.held,
            "quarantined": self.quarantined,
            "deleted": self.deleted,
            "holds": self.holds,
        }


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The total, the destinations by name, and what does not agree; `holds` of the total means all of it."""

    total: AuditRow
    destinations: Sequence[AuditRow]
    findings: Sequence[Problem] = field(default=())

    @property
    def holds(self) -> bool:
        """Whether nothing is missing."""
        return self.total.holds


def audit(database: Database) -> AuditReport:
    """Count everything in one state of the records and compare; reads only. Raises `RecordsTrouble`."""
    with database.reading() as connection:
        taken = connection.execute(_TAKEN).scalar_one()
        by_rank = {_RANKS[row.object_rank]: row.units for row in connection.execute(_BY_RANK)}
        rows = _rows(connection.execute(_BY_DESTINATION).all(), connection.execute(_TALLIES).all())
        findings = [
            Problem(fault, _facts(row))
            for fault, statement in _CHECKS
            for row in connection.execute(statement.limit(MOST_NAMED))
        ]
    findings += [_tally_differs(row) for row in rows if not row.holds]
    holds = taken == sum(by_rank.values()) and not findings
    return AuditReport(AuditRow(None, taken, **by_rank, holds=holds), rows, findings)


def _rows(counted: Sequence[Any], tallies: Sequence[Any]) -> list[AuditRow]:
    taken = {row.name: row.taken for row in tallies}
    states: dict[str, dict[str, int]] = {name: {} for name in taken}
    for row in counted:
        states.setdefault(row.destination, {})[row.state] = row.units
    return [
        AuditRow(name, taken.get(name, 0), **found, holds=taken.get(name, 0) == sum(found.values()))
        for name, found in sorted(states.items())
        if found or taken.get(name)
    ]


def _facts(row: Any) -> dict[str, object]:
    facts: dict[str, Any] = dict(zip(row._fields, row, strict=True))
    why = problem_from_json(facts.pop("flaw_problem", None))
    return facts if why is None else facts | {"why": why.what}


def _tally_differs(row: AuditRow) -> Problem:
    found = row.delivered + row.queued + row.held + row.quarantined + row.deleted
    return Problem(TALLY_DIFFERS, {"destination": row.destination or "-", "expected": row.taken, "found": found})
