"""What a line of the outbox becomes, and which word counts when two speak of one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tolmach.adapters.sql import events
from tolmach.adapters.sql.schema import deliveries
from tolmach.adapters.sql.stored import micros, plain, problem_to_json, slices
from tolmach.delivery.interfaces import Conclusion

_line = deliveries.c
_WRITTEN = (
    "state",
    "attempts",
    "due_at",
    "stored_at",
    "status",
    "proof",
    "problem",
    "decided_by",
    "concluded_at",
    "place",
)
_READ = ("id", "object_id", "destination", "lease_owner", *_WRITTEN)
_CURRENT = sa.select(*(_line[name] for name in _READ)).where(
    _line.id.in_(sa.bindparam("ids", type_=sa.BigInteger, expanding=True))
)
_CONCLUDE = (
    deliveries.update()
    .where(_line.id == sa.bindparam("delivery_id"))
    .values({name: sa.bindparam(name) for name in _WRITTEN} | {"lease_owner": None, "lease_until": None})
)


def conclude_lines(
    connection: sa.Connection,
    conclusions: Sequence[Conclusion],
    now: datetime,
    is_mine: Callable[[str | None], bool],
) -> None:
    """Write conclusions one after another, in the caller's transaction; `is_mine` tells whose leases are ours."""
    current: dict[int, dict[str, Any]] = {}
    for ids in slices([conclusion.delivery_id for conclusion in conclusions]):
        current |= {row.id: dict(zip(_READ, row, strict=True)) for row in connection.execute(_CURRENT, {"ids": ids})}
    written: dict[int, dict[str, Any]] = {}
    noted = []
    for conclusion in conclusions:
        line = current.get(conclusion.delivery_id)
        if line is None or not _counts(line, conclusion, is_mine):
            continue
        if conclusion.state == "delivered" and line["state"] == "deleted":
            details = {"decided_by": line["decided_by"], "status": conclusion.status}
            noted.append(
                events.row(now, "", "delivered-after-drop", line["object_id"], line["id"], line["destination"], details)
            )
        line.update(_concluded(line, conclusion, now))
        written[line["id"]] = {"delivery_id": line["id"]} | {name: line[name] for name in _WRITTEN}
    if written:
        connection.execute(_CONCLUDE, list(written.values()))
    events.note_all(connection, noted)


def _counts(line: dict[str, Any], conclusion: Conclusion, is_mine: Callable[[str | None], bool]) -> bool:
    """Tell whether a conclusion still says something new of its line; another node's lease is none of ours."""
    if line["state"] in ("delivered", "quarantined"):
        return False
    return conclusion.state == "delivered" or is_mine(line["lease_owner"]) or line["stored_at"] is not None


def _concluded(line: dict[str, Any], conclusion: Conclusion, now: datetime) -> dict[str, Any]:
    """Give what changes in a line."""
    changed = {
        "attempts": line["attempts"] + (1 if conclusion.attempted else 0),
        # An answer about proof brings no status; the one the destination stored it with stays.
        "status": conclusion.status if conclusion.attempted or conclusion.status else line["status"],
        "proof": conclusion.proof,
        "problem": problem_to_json(conclusion.problem),
        "stored_at": None,
        "lease_owner": None,
        # What was written once lies there still, also while the line is sent once more.
        "place": plain(conclusion.place) or line["place"],
    }
    if line["decided_by"] and conclusion.state != "delivered":
        # A person has held or dropped it meanwhile: that word stands.
        return changed
    ended = conclusion.state in ("delivered", "deleted")
    changed |= {
        "state": conclusion.state,
        "decided_by": "",
        "due_at": None,
        "concluded_at": micros(now) if ended else None,
    }
    if conclusion.state == "queued" and conclusion.awaits_proof:
        changed["stored_at"] = micros(now) if line["stored_at"] is None else line["stored_at"]
    elif conclusion.state in ("queued", "held"):
        # Held without a time waits for a person; queued without one is due at once.
        at_once = 0 if conclusion.state == "queued" else None
        next_at = conclusion.next_attempt_at
        changed["due_at"] = at_once if next_at is None else max(micros(next_at), 1)
    return changed
