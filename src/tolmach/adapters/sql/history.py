"""What came, what was changed, where it went: rows for lists, a few hundred at a time from the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql.again import ARRIVED_AGAIN, FOUND, PROVENANCE
from tolmach.adapters.sql.endings import folded, name_keys
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.schema import deliveries, editions, events, objects
from tolmach.adapters.sql.stored import (
    changes_from_json,
    countable,
    detected_from_json,
    from_json,
    micros,
    moment,
    plain,
    problem_from_json,
    problems_from_json,
    slices,
    to_json,
    written,
)
from tolmach.base import Problem
from tolmach.delivery.interfaces import Detected
from tolmach.edit.changes import Change

_BATCH: Final = 250
EXPORT: Final = " export"
"""What the name of a watch is followed by where its export folder is meant as a destination."""

_object = objects.c
_ROWS = (
    sa.select(
        *(_object.id, _object.sop_instance_uid, _object.found_sop_instance_uid, _object.received_at, _object.source),
        *(_object.ae_title, _object.host, _object.entrance, _object.verdict, _object.facts, _object.problems),
        _object.detected,
        *(_object.character_set, _object.version, _object.arrivals, _object.study_instance_uid, editions.c.changes),
        *(_object.quarantine, _object.flaw, _object.sha256, _object.ended_at),
    )
    .join(
        editions,
        sa.and_(editions.c.object_id == _object.id, editions.c.number == _object.edition_shown),
        isouter=True,
    )
    .where(_object.id > sa.bindparam("after"))
    .order_by(_object.id)
    .limit(_BATCH)
)
# Adding nothing keeps SQLite from walking the table by number to the first row that fits.
_FIRST_SINCE = sa.select(sa.func.min(_object.id + 0)).where(_object.received_at >= sa.bindparam("since"))
_IDS: Final = sa.bindparam("ids", type_=sa.BigInteger, expanding=True)
_LINES = (
    sa.select(deliveries, sa.func.length(editions.c.delta).label("delta_length"))
    .join(
        editions,
        sa.and_(editions.c.object_id == deliveries.c.object_id, editions.c.number == deliveries.c.edition),
        isouter=True,
    )
    .where(deliveries.c.object_id.in_(_IDS))
    .order_by(deliveries.c.id)
)
_RESENT: Final = "resent"
_EARLIER = (
    sa.select(
        *(events.c.object_id, events.c.delivery_id, events.c.destination, events.c.details),
        *(events.c.action, events.c.at),
    )
    .where(events.c.object_id.in_(_IDS), events.c.object_id.is_not(None), events.c.action.in_((_RESENT, ARRIVED_AGAIN)))
    .order_by(events.c.id)
)


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One line of the outbox in the history. `at`: when it came to its state, or was queued.

    `place` is the path of the file it was delivered as, empty where it is none. `is_original`: it is about the bytes as
    they came, and the changes of the history are not in them.
    """

    delivery_id: int
    destination: str
    state: str
    attempts: int
    status: str
    proof: str | None
    at: datetime
    problem: Problem | None = None
    decided_by: str = ""
    place: str = ""
    is_original: bool = False

    def as_json(self) -> dict[str, object]:
        """Give it as `tolmach history --json` does."""
        more: dict[str, object] = {"place": self.place} if self.place else {}
        if self.is_original:
            more["original"] = True
        return more | {
            "id": self.delivery_id,
            "to": self.destination,
            "state": self.state,
            "attempts": self.attempts,
            "status": self.status,
            "proof": self.proof,
            "at": written(self.at),
        }


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One object: where it came from, what was found and changed, and what became of it.

    `verdict` is empty while the journey goes on. `earlier` are deliveries that were sent again since. `received_at` and
    `first_source` are of its first receipt; `source` is whose journey is shown, which began at `again_at` where that is
    another.
    """

    object_id: int
    sop_instance_uid: str
    study_instance_uid: str
    sha256: str
    version: int
    arrivals: int
    received_at: datetime
    entrance: str
    source: str
    verdict: str
    character_set: Sequence[str]
    facts: Mapping[str, str]
    changes: Sequence[Change]
    problems: Sequence[Problem]
    quarantine: Problem | None
    flaw: str
    deliveries: Sequence[DeliveryRow]
    earlier: Sequence[Mapping[str, object]] = field(default=())
    detected: Detected | None = None
    first_source: str = ""
    first_entrance: str = ""
    again_at: datetime | None = None

    @property
    def export(self) -> str:
        """The path of the copy in the export folder of its watch; empty where there is none."""
        own = f"{self.source}{EXPORT}"
        places = {line.destination: line.place for line in self.deliveries if line.destination.endswith(EXPORT)}
        return places.get(own) or next((place for place in places.values() if place), "")

    def as_json(self) -> dict[str, object]:
        """Give it as `tolmach history --json` does; problems are in English."""
        detected = self.detected
        first = {
            "at": written(self.received_at),
            "source": self.first_source or self.source,
            "entrance": self.first_entrance or self.entrance,
        }
        again: dict[str, object] = {}
        if self.again_at is not None:
            again["again"] = {"at": written(self.again_at), "source": self.source, "entrance": self.entrance}
        return {
            "id": self.object_id,
            "sop_instance_uid": self.sop_instance_uid,
            "study_instance_uid": self.study_instance_uid,
            "patient_name": self.facts.get("PatientName", ""),
            "patient_id": self.facts.get("PatientID", ""),
            "received": first,
            **again,
            "version": self.version,
            "arrivals": self.arrivals,
            "verdict": self.verdict or None,
            "character_set": list(self.character_set),
            "detected": detected
            and {
                "code_page": detected.code_page,
                "confidence": round(detected.confidence, 4),
                "evidence": str(detected.evidence),
            },
            "changes": [change_as_json(change) for change in self.changes],
            "problems": [{"code": one.code, "message": str(one)} for one in self.problems],
            "export": self.export or None,
            "deliveries": [line.as_json() for line in self.deliveries],
            "earlier": list(self.earlier),
        }


def change_as_json(change: Change) -> dict[str, object]:
    """Give a change as `inspect`, `fix` and `history` show it."""
    return {
        "path": change.path,
        "keyword": change.keyword,
        "vr": change.vr,
        "before": change.before,
        "after": change.after,
        "reason": change.reason,
    }


class History:
    """Reads what the records know of objects; any thread may call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, since: datetime | None = None, patient: str = "", watch: str = "") -> Iterator[HistoryRow]:
        """Give objects in the order of their receipt, oldest first; what comes meanwhile comes at the end.

        `watch` names a watched folder that brought them, first or once more, whoever brought them since.
        `patient` is looked for in the name and the ID in any case, and the name also as it is spelt in other letters.
        Memory stays flat, and no transaction stays open between two portions. Raises `RecordsTrouble`.
        """
        statement = _ROWS
        bound: dict[str, Any] = {"after": 0}
        if since is not None:
            with self._database.reading() as connection:
                first = connection.execute(_FIRST_SINCE, {"since": micros(since)}).scalar_one()
            if first is None:
                return
            statement = statement.where(_object.received_at >= micros(since))
            bound["after"] = first - 1
        if watch:
            statement = statement.where(brought_by(plain(watch)))
        if patient.strip():
            statement = statement.where(matches(patient))
        yield from self._portions(statement, bound)

    def of(self, object_ids: Sequence[int]) -> list[HistoryRow]:
        """Give some objects, those of them that there are, in the order of their receipt."""
        found: list[HistoryRow] = []
        for some in slices(countable(object_ids)):
            found += self._portions(_ROWS.where(_object.id.in_(some)), {"after": 0})
        return found

    def _portions(self, statement: sa.Select[Any], bound: dict[str, Any]) -> Iterator[HistoryRow]:
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(statement, bound).all()
                ids = {"ids": [row.id for row in rows]}
                lines = _by_object(connection.execute(_LINES, ids).all()) if rows else {}
                earlier = _by_object(connection.execute(_EARLIER, ids).all()) if rows else {}
            for row in rows:
                yield _row(row, lines.get(row.id, ()), earlier.get(row.id, ()))
            if len(rows) < _BATCH:
                return
            bound = {"after": rows[-1].id}


def brought_by(watch: str) -> sa.ColumnElement[bool]:
    """Give the condition that a watched folder brought an object; events tell of those another source brought since."""
    here = sa.and_(_object.entrance == "folder", _object.source == watch)
    source = to_json(["folder", watch])[:-1] + ","
    return sa.or_(
        here,
        sa.exists().where(
            events.c.object_id == _object.id,
            events.c.action == ARRIVED_AGAIN,
            events.c.details.contains(source, autoescape=True),
        ),
    )


def matches(patient: str) -> sa.ColumnElement[bool]:
    """Give the condition that an object is of a patient: by name in any letters, or by ID.

    The beginning of a family name is enough in either script: people find while they type.
    """
    text = folded(patient)
    ways = [
        _object.patient_name_folded.contains(text, autoescape=True),
        _object.patient_id_folded.contains(text, autoescape=True),
    ]
    keys = name_keys(patient)
    if keys:
        ways.append(_object.patient_keys.contains(f" {keys[0]}", autoescape=True))
    return sa.or_(*ways)


def _by_object(rows: Sequence[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.object_id].append(row)
    return found


def _row(row: Any, lines: Sequence[Any], noted: Sequence[Any]) -> HistoryRow:
    resent = [(event, from_json(event.details)) for event in noted if event.action == _RESENT]
    came = [event for event in noted if event.action == ARRIVED_AGAIN]
    sources = [*(from_json(event.details)["earlier"] for event in came), [getattr(row, name) for name in PROVENANCE]]
    # What recovery had found on the disk was brought by whoever brought it first since.
    begun = next((number for number, one in enumerate(sources) if one[0] not in FOUND), 0)
    first = sources[begun]
    return HistoryRow(
        object_id=row.id,
        sop_instance_uid=row.found_sop_instance_uid or row.sop_instance_uid,
        study_instance_uid=row.study_instance_uid,
        sha256=row.sha256,
        version=row.version,
        arrivals=row.arrivals,
        received_at=moment(row.received_at),
        entrance=row.entrance,
        source=row.source or row.ae_title or row.host,
        verdict=row.verdict if row.ended_at is not None else "",
        character_set=tuple(from_json(row.character_set)),
        facts=from_json(row.facts),
        changes=changes_from_json(row.changes) if row.changes else (),
        problems=problems_from_json(row.problems),
        quarantine=problem_from_json(row.quarantine),
        flaw=row.flaw,
        detected=detected_from_json(row.detected),
        deliveries=tuple(_delivery(line, has_changes=row.changes not in (None, "[]")) for line in lines),
        earlier=tuple(
            {"id": event.delivery_id, "to": event.destination, **details["earlier"]}
            for event, details in resent
            if details.get("earlier")
        ),
        first_source=next((part for part in first[1:] if part), ""),
        first_entrance=first[0],
        again_at=moment(came[-1].at) if begun < len(came) else None,
    )


def _delivery(line: Any, *, has_changes: bool) -> DeliveryRow:
    return DeliveryRow(
        delivery_id=line.id,
        destination=line.destination,
        state=line.state,
        attempts=line.attempts,
        status=line.status,
        proof=line.proof,
        at=moment(line.queued_at if line.concluded_at is None else line.concluded_at),
        problem=problem_from_json(line.problem),
        decided_by=line.decided_by,
        place=line.place or "",
        is_original=has_changes and line.delta_length == 0,
    )
