"""Objects are sent once more, or somewhere else; how it went before stays in the events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import events
from tolmach.adapters.sql.again import AFRESH, LINES, afresh, earlier
from tolmach.adapters.sql.endings import new_line, tally
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.faults import NOT_READY_TO_RESEND, NOWHERE, PURGED, UNKNOWN_OBJECTS, NoSuchThing
from tolmach.adapters.sql.lines import listed
from tolmach.adapters.sql.schema import deliveries, editions, objects
from tolmach.adapters.sql.stored import Clock, countable, plain, slices

_line = deliveries.c
_IDS: Final = sa.bindparam("ids", type_=sa.BigInteger, expanding=True)
_OBJECTS = sa.select(
    *(objects.c.id, objects.c.ended_at, objects.c.edition_shown, objects.c.editions_expected, objects.c.quarantine),
    *(
        objects.c.purged_at,
        objects.c.study_instance_uid,
        objects.c.found_sop_class_uid,
        objects.c.found_sop_instance_uid,
    ),
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
_CHANGE_EDITION = (
    deliveries.update()
    .where(_line.id == sa.bindparam("delivery_id"))
    .values({name: sa.bindparam(f"new_{name}") for name in ("edition", "sop_instance_uid")})
)
_ADD_LINE = deliveries.insert()
_ADD_EDITION = editions.insert()
_ORIGINALS = (
    sa.select(editions.c.object_id, sa.func.min(editions.c.number).label("number"), editions.c.sop_instance_uid)
    .where(editions.c.object_id.in_(_IDS), sa.func.length(editions.c.delta) == 0)
    .group_by(editions.c.object_id, editions.c.sop_instance_uid)
)
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

    def resend(self, object_ids: Sequence[int], to: Sequence[str] | None, actor: str, *, original: bool = False) -> int:
        """Queue objects once more and give how many lines were queued; all or none.

        Without `to`: for every destination an object was delivered or queued to, the dropped ones only when there are
        no others. What goes out is what went out before; to a new destination goes the edition the history shows. With
        `original` the object goes out as it came, which takes back what was changed. Lines that are being tried stay as
        they are. Raises `NoSuchThing` for unknown objects, for those whose journey has not ended or ended in
        quarantine, and for those without any destination.
        """
        if not actor:
            raise ValueError("who does it?")
        ids = countable(object_ids)
        if len(ids) < len(set(object_ids)):
            raise NoSuchThing(UNKNOWN_OBJECTS, ids=listed(sorted(set(object_ids) - set(ids))))
        names = None if to is None else [plain(name) for name in dict.fromkeys(to)]
        return self._database.write(
            lambda connection: _resend(connection, ids, names, actor, self._clock(), original=original)
        )


class _Editions:
    """Finds what is to go out, and adds the edition that is the stored bytes where it is needed and not there."""

    def __init__(self, connection: sa.Connection, found: Mapping[int, Any], *, original: bool) -> None:
        self.found, self.original = found, original
        self.added: dict[int, dict[str, Any]] = {}
        self.as_stored: dict[int, tuple[int, str]] = {}
        for some in slices(list(found)) if original else ():
            rows = connection.execute(_ORIGINALS, {"ids": some})
            self.as_stored |= {row.object_id: (row.number, row.sop_instance_uid) for row in rows}

    def of(self, one: int) -> tuple[int, str]:
        """Give the number and the SOP Instance UID of what an object goes out as."""
        row = self.found[one]
        if not self.original and row.edition_shown is not None:
            return row.edition_shown, row.shown_sop_instance_uid
        if one not in self.as_stored:
            self.as_stored[one] = row.editions_expected, row.found_sop_instance_uid
            self.added[one] = {
                "object_id": one,
                "number": row.editions_expected,
                "delta": b"",
                "sop_class_uid": row.found_sop_class_uid,
                "sop_instance_uid": row.found_sop_instance_uid,
            }
        return self.as_stored[one]


def _resend(
    connection: sa.Connection,
    ids: Sequence[int],
    to: Sequence[str] | None,
    actor: str,
    now: datetime,
    *,
    original: bool,
) -> int:
    found: dict[int, Any] = {}
    lines: dict[int, dict[str, Any]] = defaultdict(dict)
    for some in slices(ids):
        found |= {row.id: row for row in connection.execute(_OBJECTS, {"ids": some})}
        for row in connection.execute(LINES, {"ids": some}):
            lines[row.object_id][row.destination] = row
    targets = _targets(ids, found, lines, to)
    goes_as = _Editions(connection, found, original=original)
    again: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    added: list[dict[str, Any]] = []
    noted: list[dict[str, object]] = []
    how: dict[str, object] = {"original": True} if original else {}
    for one, name in ((one, name) for one, names in targets.items() for name in names):
        line = lines[one].get(name)
        if line is not None and line.lease_owner is not None:
            continue
        if line is None:
            number, uid = goes_as.of(one)
            more = {"edition": number, "study_instance_uid": found[one].study_instance_uid, "sop_instance_uid": uid}
            added.append(new_line(one, name, now, **more))
        else:
            again.append(afresh(line, now))
            if original:
                number, uid = goes_as.of(one)
                changed.append({"delivery_id": line.id, "new_edition": number, "new_sop_instance_uid": uid})
        before = None if line is None else earlier(line)
        noted.append(events.row(now, actor, "resent", one, line and line.id, name, {"earlier": before} | how))
    _expect(connection, goes_as, added)
    rows = ((_ADD_EDITION, list(goes_as.added.values())), (_QUEUE_AGAIN, again), (_CHANGE_EDITION, changed))
    for statement, values in (*rows, (_ADD_LINE, added)):
        if values:
            connection.execute(statement, values)
    tally(connection, (line["destination"] for line in added))
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
    if gone := [one for one in ids if found[one].purged_at is not None]:
        raise NoSuchThing(PURGED, ids=listed(gone))
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


def _expect(connection: sa.Connection, goes_as: _Editions, added: Sequence[Mapping[str, Any]]) -> None:
    """Write down that there are more lines now, and more editions."""
    counts = Counter(line["object_id"] for line in added)
    rows = []
    for one in sorted(counts.keys() | goes_as.added.keys()):
        row = goes_as.found[one]
        rows.append(
            {
                "of_object": one,
                "lines": counts[one],
                "shown": goes_as.of(one)[0] if row.edition_shown is None else row.edition_shown,
                "editions": row.editions_expected + (one in goes_as.added),
            }
        )
    if rows:
        connection.execute(_EXPECT, rows)
