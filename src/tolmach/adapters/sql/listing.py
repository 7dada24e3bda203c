"""What long lists are made of: the numbers of what belongs in them at once, and the rows themselves as they are seen.

A list of a hundred thousand rows is opened, scrolled and brought up to date without reading more than is on the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.history import brought_by, matches
from tolmach.adapters.sql.schema import deliveries, editions, objects
from tolmach.adapters.sql.stored import micros, moment, plain

MOST: Final = 200_000
"""So many rows a list has at most; what is older is found by looking for it."""

_object, _line = objects.c, deliveries.c
_OPEN: Final = _line.concluded_at.is_(None)


def _has(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(_line.object_id == _object.id, *conditions)


def _in_state(state: str) -> sa.ColumnElement[bool]:
    return _has(_line.state == sa.literal_column(f"'{state}'"))


_EXAMINED = _object.ended_at.is_(None)
_IS_SHOWN = sa.and_(editions.c.object_id == _object.id, editions.c.number == _object.edition_shown)
KINDS: Final[dict[str, sa.ColumnElement[bool]]] = {
    "delivered": sa.and_(~_EXAMINED, _in_state("delivered"), ~_has(_OPEN)),
    "waiting": sa.or_(_EXAMINED, _in_state("queued")),
    "held": _in_state("held"),
    "quarantined": _in_state("quarantined"),
    "deleted": _in_state("deleted"),
    "unsure": _object.verdict == sa.literal_column("'unsure'"),
    "changed": sa.exists().where(_IS_SHOWN, editions.c.changes != sa.literal_column("'[]'")),
}
_OF_FOLDERS = _object.entrance == sa.literal_column("'folder'")
_DELIVERED = (
    sa.select(_object.source, sa.func.count().label("objects"))
    .where(_OF_FOLDERS, KINDS["delivered"])
    .group_by(_object.source)
)
# Problems are kept as JSON that begins with the code, which has eleven letters: `{"code":"TLM-INT-014",…`.
_CODE = sa.func.substr(_line.problem, sa.literal_column("10"), sa.literal_column("11"))
_BY_PERSON = _line.decided_by != sa.literal_column("''")
_NOT_DELIVERED = (
    sa.select(
        *(_object.source, _line.state, _CODE.label("code"), _BY_PERSON.label("by_person")),
        sa.func.count(sa.distinct(_line.object_id)).label("objects"),
    )
    .join(objects, _object.id == _line.object_id)
    .where(_OPEN, _OF_FOLDERS)
    .group_by(_object.source, _line.state, _CODE, _BY_PERSON)
)
_WALKED = sa.select(_object.source, sa.func.count().label("objects")).where(_EXAMINED, _OF_FOLDERS)
_WALKED = _WALKED.group_by(_object.source)
_EXAMINED_NOW = sa.select(sa.func.count()).select_from(objects).where(_EXAMINED)
_VERSIONS = (
    sa.select(
        *(_object.id, _object.version, _object.sha256, _object.size, _object.received_at, _object.verdict),
        *(_object.source, _object.ae_title, _object.host, _object.arrivals, _object.purged_at),
    )
    .where(
        _object.sop_instance_uid
        == sa.select(_object.sop_instance_uid).where(_object.id == sa.bindparam("of_object")).scalar_subquery()
    )
    .order_by(_object.id)
    .limit(100)
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the history is looked for; what is empty or None, anything. `kind` is one of `KINDS`."""

    patient: str = ""
    since: datetime | None = None
    until: datetime | None = None
    kind: str = ""
    watch: str = ""


@dataclass(frozen=True, slots=True)
class WatchCount:
    """How many images of one watch have lines in one state, for problems of one code, by a person's word or not.

    `state` is also "walked": they are being examined. Only what is delivered everywhere counts as delivered.
    """

    watch: str
    state: str
    code: str
    by_person: bool
    images: int


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One of the objects that came under one SOP Instance UID."""

    object_id: int
    version: int
    sha256: str
    size: int
    received_at: datetime
    source: str
    verdict: str
    arrivals: int
    is_purged: bool


class Listing:
    """Any thread may call; everything raises `RecordsTrouble`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def history(self, wanted: Wanted, newer_than: int = 0) -> list[int]:
        """Give the numbers of the objects that are looked for, the newest first, `MOST` of them at most.

        With `newer_than`, only those that came after that one.
        """
        statement = sa.select(_object.id).where(*_conditions(wanted)).order_by(_object.id.desc()).limit(MOST)
        if newer_than:
            statement = statement.where(_object.id > newer_than)
        return sorted(self._numbers(statement), reverse=True)

    def queue(self, to: str | None = None, state: str = "") -> list[int]:
        """Give the numbers of the lines that are queued, held or quarantined, oldest first, `MOST` of them at most."""
        statement = sa.select(_line.id).where(_OPEN).order_by(_line.id).limit(MOST)
        if to is not None:
            statement = statement.where(_line.destination == plain(to))
        if state:
            statement = statement.where(_line.state == plain(state))
        return sorted(self._numbers(statement))

    def _numbers(self, statement: sa.Select[Any]) -> list[int]:
        """Give the numbers a statement finds, fetched as one text.

        SQLite gives the interpreter away at every row; among busy threads a hundred thousand of them take seconds.
        """
        found = statement.subquery()
        as_text = sa.select(sa.func.aggregate_strings(sa.cast(found.c.id, sa.Text), ","))
        with self._database.reading() as connection:
            text = connection.execute(as_text).scalar()
        return [int(number) for number in text.split(",")] if text else []

    def examined(self) -> int:
        """Give how many objects are being examined, before their lines are made."""
        with self._database.reading() as connection:
            return int(connection.execute(_EXAMINED_NOW).scalar_one())

    def watches(self) -> list[WatchCount]:
        """Give what became of the images that watched folders brought; a fifth of a second for a hundred thousand."""
        with self._database.reading() as connection:
            found = [
                WatchCount(row.source, "delivered", "", False, row.objects) for row in _all(connection, _DELIVERED)
            ]
            found += [WatchCount(row.source, "walked", "", False, row.objects) for row in _all(connection, _WALKED)]
            found += [
                WatchCount(row.source, row.state, row.code or "", bool(row.by_person), row.objects)
                for row in _all(connection, _NOT_DELIVERED)
            ]
        return found

    def versions(self, object_id: int) -> list[VersionRow]:
        """Give all objects that came under the SOP Instance UID of one, itself among them, a hundred at most."""
        with self._database.reading() as connection:
            rows = connection.execute(_VERSIONS, {"of_object": object_id}).all()
        return [
            VersionRow(
                *(row.id, row.version, row.sha256, row.size, moment(row.received_at)),
                row.source or row.ae_title or row.host,
                *(row.verdict, row.arrivals, row.purged_at is not None),
            )
            for row in rows
        ]


def _all(connection: sa.Connection, statement: sa.Select[Any]) -> Sequence[Any]:
    return connection.execute(statement).all()


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(_object.received_at >= micros(wanted.since))
    if wanted.until is not None:
        found.append(_object.received_at < micros(wanted.until))
    if wanted.watch:
        found.append(brought_by(plain(wanted.watch)))
    if wanted.patient.strip():
        found.append(matches(wanted.patient))
    if wanted.kind:
        found.append(KINDS[wanted.kind])
    return found
