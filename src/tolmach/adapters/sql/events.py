"""The audit log: who did what to which object or line, and when. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.schema import events
from tolmach.adapters.sql.stored import from_json, micros, moment, plain, to_json

_NOTE = events.insert()
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Event:
    """A past fact. `actor` is a person's or a rule's name, empty for the program's own doing."""

    event_id: int
    at: datetime
    actor: str
    action: str
    object_id: int | None
    delivery_id: int | None
    destination: str
    details: Mapping[str, object] = field(default_factory=dict)


def note(
    connection: sa.Connection,
    at: datetime,
    actor: str,
    action: str,
    *,
    object_id: int | None = None,
    delivery_id: int | None = None,
    destination: str = "",
    details: Mapping[str, object] | None = None,
) -> None:
    """Add an event, in the transaction that makes it true."""
    note_all(connection, [row(at, actor, action, object_id, delivery_id, destination, details)])


def row(
    at: datetime,
    actor: str,
    action: str,
    object_id: int | None,
    delivery_id: int | None,
    destination: str,
    details: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Give an event for `note_all`."""
    return {
        "at": micros(at),
        "actor": plain(actor),
        "action": action,
        "object_id": object_id,
        "delivery_id": delivery_id,
        "destination": destination,
        "details": to_json(dict(details)) if details else "{}",
    }


def note_all(connection: sa.Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Add several events at once."""
    if rows:
        connection.execute(_NOTE, rows)


def stream(database: Database, *, object_id: int | None = None, after: int = 0) -> Iterator[Event]:
    """Give the events in the order they happened, of one object or all, a few hundred at a time from the database."""
    query = sa.select(events).where(events.c.id > sa.bindparam("after")).order_by(events.c.id).limit(_BATCH)
    if object_id is not None:
        query = query.where(events.c.object_id == object_id, events.c.object_id.is_not(None))
    while True:
        with database.reading() as connection:
            rows = connection.execute(query, {"after": after}).all()
        for one in rows:
            yield Event(
                *(one.id, moment(one.at), one.actor, one.action),
                *(one.object_id, one.delivery_id, one.destination, from_json(one.details)),
            )
        if len(rows) < _BATCH:
            return
        after = rows[-1].id
