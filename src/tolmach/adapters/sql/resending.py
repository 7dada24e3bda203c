"""Objects are sent once more, or somewhere else; how it went before stays in the events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import dialect, events
from tolmach.adapters.sql.again import AFRESH, LINES, afresh, earlier
from tolmach.adapters.sql.endings import new_line, tally
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.faults import NOT_READY_TO_RESEND, NOWHERE, UNKNOWN_OBJECTS, NoSuchThing
from tolmach.adapters.sql.lines import listed
from tolmach.adapters.sql.schema import deliveries, editions, objects
from tolmach.adapters.sql.stored import Clock, countable, plain, slices

_line = deliveries.c
_IDS: Final = sa.bindparam("ids", type_=sa.BigInteger, expanding=True)
_OBJECTS = sa.select(
    *(objects.c.id, objects.c.ended_at, objects.c.edition_shown, objects.c.editions_expected, objects.c.quarantine),
    *(objects.c.study_instance_uid, objects.c.found_sop_class_uid, objects.c.found_sop_instance_uid),
    editions.c.sop_instance_uid.label("shown_sop_instance_uid"),
).join(
    editions,
    sa.and_(editions.c.object_id == objects.c.id, editions.c.number == objects.c.edition_shown),
    isouter=True,
)
_OBJECTS = _OBJECTS.where(objects.c.id.in_(_IDS))
_QUEUE_AGAIN = (
    deliveries.update()
    .where(_line.id == sa.bindparam("delivery_id"))
    .values({**AFRESH} | {name: sa.bindparam(name) for name in ("attempts", "queued_at")})
)
_ADD_LINE = deliveries.insert()
_ADD_EDITION = dialect.insert(editions)
_EXPECT = (
    objects.update()
    .where(objects.c.id == sa.bindparam("of_object"))
    .values(
        lines_expected=objects.c.lines_expected + sa.bindparam("lines"),
        edition_shown=sa.bindparam("shown"),
        editions_expected=sa.bindparam("editions"),
    )
)


class Resending:
    """Queues lines for objects whose journey has ended."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def resend(self, object_ids: Sequence[int], to: Sequence[str] | None, actor: str) -> int:
        """Queue objects once more and give how many lines were queued; all or none.

        Without `to`: for every destination an object was delivered or queued to, the dropped ones only when there are
        no others. What goes out is what went out before; to a new destination goes the edition the history shows.
        Raises `NoSuchThing` for unknown objects, for those whose journey has not ended or ended in quarantine, and for
        those without any destination.
        """
        if not actor:
            raise ValueError("who does it?")
        ids = countable(object_ids)
        if len(ids) < len(set(object_ids)):
            raise NoSuchThing(UNKNOWN_OBJECTS, ids=listed(sorted(set(object_ids) - set(ids))))
        names = None if to is None else [plain(name) for name in dict.fromkeys(to)]
        return self._database.write(lambda connection: _resend(connection, ids, names, actor, self._clock()))


def _resend(connection: sa.Connection, ids: Sequence[int], to: Sequence[str] | None, actor: str, now: datetime) -> int:
    found: dict[int, Any] = {}
    lines: dict[int, dict[str, Any]] = defaultdict(dict)
    for some in slices(ids):
        found |= {row.id: row for row in connection.execute(_OBJECTS, {"ids": some})}
        for row in connection.execute(LINES, {"ids": some}):
            lines[row.object_id][row.destination] = row
    targets = _targets(ids, found, lines, to)
    again: list[dict[str, Any]] = []
    noted: list[dict[str, object]] = []
    added: list[dict[str, Any]] = []
    for one, names in targets.items():
        for name in names:
            line = lines[one].get(name)
            if line is None:
                added.append(_line_to(connection, found[one], name, now))
                noted.append(events.row(now, actor, "resent", one, None, name, {"earlier": None}))
            elif line.lease_owner is None:
                again.append(afresh(line, now))
                noted.append(events.row(now, actor, "resent", one, line.id, name, {"earlier": earlier(line)}))
    if again:
        connection.execute(_QUEUE_AGAIN, again)
    if added:
        connection.execute(_ADD_LINE, added)
        tally(connection, (line["destination"] for line in added))
        _expect(connection, found, added)
    events.note_all(connection, noted)
    return len(again) + len(added)


def _targets(
    ids: Sequence[int], found: Mapping[int, Any], lines: Mapping[int, Mapping[str, Any]], to: Sequence[str] | None
) -> dict[int, Sequence[str]]:
    """Give where each object is to go; raises `NoSuchThing` when one of them cannot."""
    if missing := [one for one in ids if one not in found]:
        raise NoSuchThing(UNKNOWN_OBJECTS, ids=listed(missing))
    if early := [one for one in ids if found[one].ended_at is None or found[one].quarantine is not None]:
        raise NoSuchThing(NOT_READY_TO_RESEND, ids=listed(early))
    if to is not None:
        targets: dict[int, Sequence[str]] = dict.fromkeys(ids, to)
    else:
        targets = {one: _before(lines.get(one, {})) for one in ids}
    if nowhere := [one for one, names in targets.items() if not names]:
        raise NoSuchThing(NOWHERE, ids=listed(nowhere))
    return targets


def _before(lines: Mapping[str, Any]) -> list[str]:
    wanted = [name for name, line in lines.items() if line.state != "deleted"]
    return wanted or list(lines)


def _line_to(connection: sa.Connection, row: Any, destination: str, now: datetime) -> dict[str, Any]:
    """Give a line for a destination the object was never queued for, with the edition shown or the stored bytes."""
    edition, uid = row.edition_shown, row.shown_sop_instance_uid
    if edition is None:
        edition, uid = 0, row.found_sop_instance_uid
        stored = {
            "object_id": row.id,
            "number": edition,
            "delta": b"",
            "sop_class_uid": row.found_sop_class_uid,
            "sop_instance_uid": uid,
        }
        connection.execute(_ADD_EDITION.on_conflict_do_nothing(), stored)
    more = {"edition": edition, "study_instance_uid": row.study_instance_uid, "sop_instance_uid": uid}
    return new_line(row.id, destination, now, **more)


def _expect(connection: sa.Connection, found: Mapping[int, Any], added: Sequence[Mapping[str, Any]]) -> None:
    """Write down that there are more lines now, and an edition where there was none."""
    counts = Counter(line["object_id"] for line in added)
    editions_of = {line["object_id"]: line["edition"] for line in added}
    rows = [
        {
            "of_object": one,
            "lines": count,
            "shown": editions_of[one],
            "editions": max(found[one].editions_expected, 1),
        }
        for one, count in counts.items()
    ]
    connection.execute(_EXPECT, rows)
