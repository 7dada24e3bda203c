"""What a person does to lines of the outbox, and how each of them takes it. Every change is written to the events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import events
from tolmach.adapters.sql.endings import tally
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.faults import CONCLUDED_LINES, UNKNOWN_LINES, NoSuchThing
from tolmach.adapters.sql.schema import deliveries, objects
from tolmach.adapters.sql.stored import Clock, countable, micros, plain, problem_from_json, slices

_AT_ONCE: Final = 500
_NAMED_IN_AN_ERROR: Final = 10
LONGEST_REASON: Final = 500
"""So many letters of what a person gives as the reason are kept."""

_line = deliveries.c
_COLUMNS = (
    *(_line.id, _line.object_id, _line.destination, _line.state, _line.due_at, _line.lease_owner, _line.stored_at),
    *(_line.problem, _line.decided_by, _line.concluded_at, _line.attempts, _line.status, _line.proof),
)
_BY_ID = sa.select(*_COLUMNS).where(_line.id.in_(sa.bindparam("ids", expanding=True))).order_by(_line.id)
_OPEN = (
    sa.select(*_COLUMNS)
    .where(_line.concluded_at.is_(None), _line.id > sa.bindparam("after"))
    .order_by(_line.id)
    .limit(_AT_ONCE)
)
_HELD = _OPEN.where(_line.state == sa.literal_column("'held'"), _line.decided_by == "")
_OPEN_TO = _OPEN.where(_line.destination == sa.bindparam("destination"))
_CHANGED: Final = ("state", "due_at", "stored_at", "problem", "decided_by", "concluded_at")
_CHANGE = (
    deliveries.update()
    .where(_line.id == sa.bindparam("delivery_id"))
    .values({name: sa.bindparam(name) for name in _CHANGED})
)
_REMOVE = deliveries.delete().where(_line.id == sa.bindparam("delivery_id"))
_PENDING_AGAIN = (
    objects.update()
    .where(objects.c.id == sa.bindparam("of_object"))
    .values(ended_at=None, released=1, quarantine=None, lines_expected=objects.c.lines_expected - 1)
)

# Gives the values of a line that change, None where it stays as it is. The last argument: it was asked for by number.
_Verb = Callable[[Any, str, int, bool], dict[str, Any] | None]


def retry(line: Any, _actor: str, _now: int, named: bool) -> dict[str, Any] | None:
    """Make a line due at once. One that is being tried stays as it is; so does, unless named, one that awaits proof."""
    is_queued = line.state == "queued"
    is_under_way = line.lease_owner is not None or line.due_at == 0
    if is_queued and (is_under_way or (line.stored_at is not None and not named)):
        return None
    problem = line.problem if is_queued else None
    return {"state": "queued", "due_at": 0, "stored_at": None, "problem": problem, "decided_by": ""}


def hold(line: Any, actor: str, _now: int, _named: bool) -> dict[str, Any] | None:
    """Keep a line until somebody says otherwise; one under way is kept when it comes back undelivered."""
    if line.state == "quarantined" or (line.state == "held" and line.decided_by):
        return None
    return {"state": "held", "due_at": None, "decided_by": actor}


def drop(_line: Any, actor: str, now: int, _named: bool) -> dict[str, Any] | None:
    """Give a line up; the bytes stay, and delivery that was under way still counts when it succeeds."""
    return {"state": "deleted", "due_at": None, "stored_at": None, "decided_by": actor, "concluded_at": now}


_ACTIONS: Final[dict[str, _Verb]] = {"retried": retry, "held": hold, "dropped": drop}


class Lines:
    """Carries verbs out on some lines or on all of them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def change(
        self,
        action: str,
        ids: Sequence[int] | None,
        to: str | None,
        actor: str,
        keeps: Collection[str] = (),
        reason: str = "",
    ) -> int:
        """Carry an action out and give how many lines it changed.

        Lines given by number change all or none: an unknown or concluded one raises `NoSuchThing`. Without numbers all
        open lines of a destination, or of all, change in portions, so that receiving goes on beside it; but not those
        held for problems of the codes in `keeps`. A `reason` is written to the events.
        """
        if not actor:
            raise ValueError("who does it?")
        why = plain(reason.strip())[:LONGEST_REASON]
        if ids is not None:
            wanted = countable(ids)
            if len(wanted) < len(set(ids)):
                raise NoSuchThing(UNKNOWN_LINES, ids=listed(sorted(set(ids) - set(wanted))))
            return self._database.write(lambda connection: self._named(connection, action, wanted, to, actor, why))
        changed = 0
        step: tuple[int, int] | None = (0, 0)
        while step is not None:
            portion = partial(self._portion, action=action, after=step[1], to=to, actor=actor, keeps=keeps, why=why)
            step = self._database.write(portion)
            changed += 0 if step is None else step[0]
        return changed

    def release(self, watch: str, code: str, actor: str) -> int:
        """Make due the held lines whose problem has this code and names this watch, and give how many.

        What a person holds stays held. Goes in portions, as `change`; may be repeated.
        """
        if not actor:
            raise ValueError("who does it?")
        released, after = 0, 0
        while True:
            with self._database.reading() as connection:
                lines = connection.execute(_HELD, {"after": after}).all()
            ids = [line.id for line in lines if _is_held_for(line, code, watch)]
            if ids:
                released += self._database.write(partial(self._released, ids=ids, code=code, watch=watch, actor=actor))
            if len(lines) < _AT_ONCE:
                return released
            after = lines[-1].id

    def _released(self, connection: sa.Connection, *, ids: Sequence[int], code: str, watch: str, actor: str) -> int:
        lines = connection.execute(_BY_ID, {"ids": ids}).all()
        # Somebody may have decided otherwise since they were read.
        still = [line for line in lines if line.state == "held" and _is_held_for(line, code, watch)]
        return _carry_out(connection, "retried", still, actor, self._clock(), named=True)

    def _named(
        self, connection: sa.Connection, action: str, ids: Sequence[int], to: str | None, actor: str, why: str
    ) -> int:
        lines: list[Any] = []
        for some in slices(ids):
            lines += connection.execute(_BY_ID, {"ids": some})
        known = {line.id for line in lines if to is None or line.destination == to}
        if missing := [one for one in ids if one not in known]:
            raise NoSuchThing(UNKNOWN_LINES, ids=listed(missing))
        if concluded := [line.id for line in lines if line.concluded_at is not None]:
            raise NoSuchThing(CONCLUDED_LINES, ids=listed(concluded))
        return _carry_out(connection, action, lines, actor, self._clock(), named=True, why=why)

    def _portion(
        self,
        connection: sa.Connection,
        *,
        action: str,
        after: int,
        to: str | None,
        actor: str,
        keeps: Collection[str],
        why: str,
    ) -> tuple[int, int] | None:
        statement, bound = (_OPEN, {}) if to is None else (_OPEN_TO, {"destination": to})
        lines = connection.execute(statement, {"after": after, **bound}).all()
        if not lines:
            return None
        changing = [line for line in lines if not (line.state == "held" and _code_of(line) in keeps)]
        return _carry_out(connection, action, changing, actor, self._clock(), named=False, why=why), lines[-1].id


def listed(ids: Iterable[int]) -> str:
    """Name some numbers in an error, the first few when there are many."""
    numbers = [str(one) for one in ids]
    more = len(numbers) - _NAMED_IN_AN_ERROR
    return ", ".join(numbers[:_NAMED_IN_AN_ERROR]) + (f", … (+{more})" if more > 0 else "")


def _carry_out(
    connection: sa.Connection,
    action: str,
    lines: Sequence[Any],
    actor: str,
    now: datetime,
    *,
    named: bool,
    why: str = "",
) -> int:
    verb, at = _ACTIONS[action], micros(now)
    changed, noted, released = [], [], []
    for line in lines:
        if action == "retried" and line.state == "quarantined":
            released.append(line)
            continue
        values = verb(line, actor, at, named)
        if values is not None:
            kept = {name: getattr(line, name) for name in _CHANGED}
            changed.append({"delivery_id": line.id} | kept | values)
            noted.append(_event(line, actor, action, now, why))
    if changed:
        connection.execute(_CHANGE, changed)
    events.note_all(connection, noted)
    _release(connection, released, actor, now)
    return len(changed) + len(released)


def _release(connection: sa.Connection, lines: Sequence[Any], actor: str, now: datetime) -> None:
    """Let objects out of quarantine: their journey begins anew, and the lines that showed them go at once."""
    if lines:
        connection.execute(_REMOVE, [{"delivery_id": line.id} for line in lines])
        connection.execute(_PENDING_AGAIN, [{"of_object": line.object_id} for line in lines])
        tally(connection, (line.destination for line in lines), -1)
        events.note_all(connection, [_event(line, actor, "released", now) for line in lines])


def _is_held_for(line: Any, code: str, watch: str) -> bool:
    problem = None if line.decided_by else problem_from_json(line.problem)
    return problem is not None and problem.code == code and problem.facts.get("watch") == watch


def _code_of(line: Any) -> str:
    problem = problem_from_json(line.problem)
    return "" if problem is None else problem.code


def _event(line: Any, actor: str, action: str, now: datetime, why: str = "") -> dict[str, object]:
    details = {"state": line.state, "attempts": line.attempts, "code": _code_of(line)} | (
        {"reason": why} if why else {}
    )
    return events.row(now, actor, action, line.object_id, line.id, line.destination, details)
