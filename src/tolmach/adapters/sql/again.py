"""Objects that come once more: which of them begin their journey anew, and what becomes of the lines they have.

The bytes are the same; what may differ is the route. So another source has a journey of its own, and so has an object
that a person gave up and its machine sends again. Journeys are walked one after another: what comes from a third source
while the second is on its way waits in `sources_to_come`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import events
from tolmach.adapters.sql.schema import deliveries, objects
from tolmach.adapters.sql.stored import from_json, micros, moment, to_json, written

# Recovery reads them from the disk: nobody has sent them once more.
FOUND: Final = ("found", "rebuild")
PROVENANCE: Final = ("entrance", "source", "ae_title", "host")
STATE: Final = (*PROVENANCE, "ended_at", "sources_to_come")
"""What must be known of an object to say whether it begins anew."""

ARRIVED_AGAIN: Final = "arrived-again"
"""The event that another source has brought an object; its details are both sources, as `PROVENANCE` lists them."""

_line = deliveries.c
_IDS: Final = sa.bindparam("ids", type_=sa.BigInteger, expanding=True)
_STATES = sa.select(_line.state).where(_line.object_id == sa.bindparam("of_object")).distinct()
_BEGIN_ANEW = (
    objects.update()
    .where(objects.c.id == sa.bindparam("of_object"))
    .values(
        {name: sa.bindparam(f"new_{name}") for name in (*PROVENANCE, "sources_to_come")}
        | {"ended_at": None, "walker": None}
    )
)
_COME_LATER = (
    objects.update().where(objects.c.id == sa.bindparam("of_object")).values(sources_to_come=sa.bindparam("to_come"))
)
_TURN = (
    sa.select(objects.c.id, *(objects.c[name] for name in STATE))
    .where(
        sa.literal_column("sources_to_come <> '[]'"),
        objects.c.ended_at.is_not(None),
        sa.or_(objects.c.quarantine.is_(None), objects.c.released == 1),
    )
    .order_by(objects.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
LINES: Final[sa.Select[Any]] = sa.select(
    *(_line.id, _line.object_id, _line.destination, _line.state, _line.attempts, _line.status, _line.proof),
    *(_line.decided_by, _line.queued_at, _line.concluded_at, _line.lease_owner, _line.stored_at),
).where(_line.object_id.in_(_IDS))
"""The lines of some objects, by `ids`, as far as sending them once more asks."""

AFRESH: Final[Mapping[str, Any]] = {
    "state": "queued",
    "due_at": 0,
    "lease_owner": None,
    "lease_until": None,
    "stored_at": None,
    "status": "",
    "proof": None,
    "problem": None,
    "decided_by": "",
    "concluded_at": None,
}
"""What a line begins anew with."""
_REWRITTEN: Final = ("edition", "study_instance_uid", "sop_instance_uid", "state", "due_at", "problem", "queued_at")
_REVIVE = (
    deliveries.update()
    .where(_line.id == sa.bindparam("delivery_id"))
    .values({**AFRESH, "attempts": 0} | {name: sa.bindparam(f"new_{name}") for name in _REWRITTEN})
)


def arrive_again(connection: sa.Connection, known: Any, came: Mapping[str, Any], now: datetime) -> None:
    """Begin the journey of a known object anew where what came asks for it; `known` has `id` and `STATE`."""
    if came["entrance"] in FOUND:
        return
    source = [came[name] for name in PROVENANCE]
    is_other = _key(source) != _key(_source(known))
    if known.ended_at is None:
        if is_other:
            _come_later(connection, known, source)
        return
    states = set(connection.execute(_STATES, {"of_object": known.id}).scalars())
    if "quarantined" in states:
        if is_other:
            _come_later(connection, known, source)
    elif is_other or states == {"deleted"}:
        _begin_anew(connection, known, source, now)


def turns(connection: sa.Connection, limit: int) -> Sequence[Any]:
    """Give objects whose journey has ended while another source of theirs has still to have its own."""
    return connection.execute(_TURN, {"limit": limit}).all()


def take_turns(connection: sa.Connection, limit: int, now: datetime) -> None:
    """Begin the journeys of the sources that waited, one for each object."""
    for known in turns(connection, limit):
        _begin_anew(connection, known, from_json(known.sources_to_come)[0], now)


def revive(connection: sa.Connection, pairs: Sequence[tuple[Any, Mapping[str, Any]]], now: datetime) -> None:
    """Let deleted lines begin anew as a second journey says; how each of them went before is kept in the events."""
    rows = [{"delivery_id": line.id} | {f"new_{name}": new[name] for name in _REWRITTEN} for line, new in pairs]
    if rows:
        connection.execute(_REVIVE, rows)
    noted = [
        events.row(now, "", "resent", line.object_id, line.id, line.destination, {"earlier": earlier(line)})
        for line, _ in pairs
    ]
    events.note_all(connection, noted)


def afresh(line: Any, now: datetime) -> dict[str, Any]:
    """Give what a line begins anew with; one that was not concluded only goes on, and at once."""
    concluded = line.concluded_at is not None
    return {
        "delivery_id": line.id,
        "attempts": 0 if concluded else line.attempts,
        "queued_at": micros(now) if concluded else line.queued_at,
    }


def earlier(line: Any) -> dict[str, object] | None:
    """Give how it went before, as the history shows deliveries; None where nothing had come to its end."""
    if line.concluded_at is None:
        return None
    return {
        "state": line.state,
        "attempts": line.attempts,
        "status": line.status,
        "proof": line.proof,
        "at": written(moment(line.concluded_at)),
        "decided_by": line.decided_by,
    }


def _source(known: Any) -> list[str]:
    return [getattr(known, name) for name in PROVENANCE]


def _key(source: Sequence[str]) -> str:
    """Give what tells sources apart: the configured name, or else the AE title."""
    _, name, ae_title, _ = source
    return name or ae_title


def _come_later(connection: sa.Connection, known: Any, source: list[str]) -> None:
    waiting = from_json(known.sources_to_come)
    if _key(source) not in map(_key, waiting):
        connection.execute(_COME_LATER, {"of_object": known.id, "to_come": to_json([*waiting, source])})


def _begin_anew(connection: sa.Connection, known: Any, source: list[str], now: datetime) -> None:
    waiting = [one for one in from_json(known.sources_to_come) if _key(one) != _key(source)]
    row = {f"new_{name}": value for name, value in zip(PROVENANCE, source, strict=True)}
    connection.execute(_BEGIN_ANEW, {"of_object": known.id, "new_sources_to_come": to_json(waiting)} | row)
    details = {"source": source, "earlier": _source(known)}
    events.note(connection, now, "", ARRIVED_AGAIN, object_id=known.id, details=details)
