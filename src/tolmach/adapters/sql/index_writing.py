"""Instances come into the index, in the transaction that ends their journeys; and which version of them is found.

Every stored version has its row. Of those of one SOP Instance UID the newest is visible, or the first, as was chosen;
none that was deleted, and none whose object waits in quarantine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import sqlalchemy as sa

from tolmach.adapters.sql import events
from tolmach.adapters.sql.index_places import SOP_INSTANCE_UID, Place, Places, first, number_of
from tolmach.adapters.sql.index_schema import instances, series, studies
from tolmach.adapters.sql.index_totals import Totals, part_numbers, written_values
from tolmach.adapters.sql.schema import objects
from tolmach.adapters.sql.stored import slices
from tolmach.delivery.interfaces import IndexEntry

Versions = Literal["newest", "first"]

_IDS: Final = sa.bindparam("ids", type_=sa.BigInteger, expanding=True)
_UIDS: Final = sa.bindparam("uids", type_=sa.Text, expanding=True)
_placed = instances.join(series, series.c.id == instances.c.series).join(studies, studies.c.id == series.c.study)
_VERSIONS = (
    sa.select(
        *(instances.c.object_id, instances.c.uid, instances.c.sop_class, instances.c.is_visible),
        *(instances.c.is_withdrawn, instances.c.deletion, instances.c.series, series.c.study, studies.c.patient),
        *(instances.c.patient_part, instances.c.study_part, instances.c.series_part),
        *(objects.c.received_at, objects.c.sha256),
    )
    .select_from(_placed.join(objects, objects.c.id == instances.c.object_id))
    .order_by(instances.c.object_id)
)
_OF_OBJECTS = _VERSIONS.where(instances.c.object_id.in_(_IDS))
_OF_UIDS = _VERSIONS.where(instances.c.uid.in_(_UIDS))
_INSERT = instances.insert()
_PLACE: Final = ("series", "uid", "sop_class", "number", "frames", "attributes")
PARTS: Final = ("patient_part", "study_part", "series_part")
_UPDATE = (
    instances.update()
    .where(instances.c.object_id == sa.bindparam("of_object"))
    .values({name: sa.bindparam(f"new_{name}") for name in (*_PLACE, *PARTS, "is_visible", "is_withdrawn")})
)
_SHOW = (
    instances.update()
    .where(instances.c.object_id == sa.bindparam("of_object"))
    .values(is_visible=sa.bindparam("shown"))
)
_WITHDRAW = (
    instances.update().where(instances.c.object_id == sa.bindparam("of_object")).values(is_visible=0, is_withdrawn=1)
)
_TAKEN = sa.select(instances.c.uid).where(instances.c.uid.in_(_UIDS)).distinct()


@dataclass(frozen=True, slots=True)
class ToIndex:
    """An object whose journey has ended; without an entry, or withdrawn, nothing of it is found."""

    object_id: int
    entry: IndexEntry | None
    is_withdrawn: bool = False


def index_all(connection: sa.Connection, ended: Sequence[ToIndex], now: datetime, versions: Versions) -> None:
    """Bring objects into the index, in the caller's transaction; safe to repeat."""
    known = {row.object_id: row for row in _rows(connection, _OF_OBJECTS, "ids", [one.object_id for one in ended])}
    new = _new_rows(connection, ended, now)
    totals = Totals(connection)
    for row in known.values():  # what was said of it before counts no more
        if row.is_visible:
            totals.add(_place(row), _told(row), row.sop_class, -1)
    contested = {row.uid for row in known.values()} | _contested(connection, [row["uid"] for row, _ in new])
    for row, place in new:
        if row["uid"] not in contested and not row["is_withdrawn"]:
            row["is_visible"] = 1
            totals.add(place, [row[part] for part in PARTS], row["sop_class"], 1)
    _write(connection, [row for row, _ in new], known)
    before = {row.uid: row.object_id for row in known.values() if row.is_visible}
    _choose(connection, totals, contested, before, now, versions)
    totals.write()


def _contested(connection: sa.Connection, uids: Sequence[str]) -> set[str]:
    """Give those UIDs of which there is more than one version, or will be."""
    several = {uid for uid, count in Counter(uids).items() if count > 1}
    return several.union(*(connection.execute(_TAKEN, {"uids": some}).scalars() for some in slices(uids)))


def _write(connection: sa.Connection, new: Sequence[dict[str, Any]], known: Mapping[int, Any]) -> None:
    numbers = {row["object_id"] for row in new}
    again = [
        {"of_object": row["object_id"]} | {f"new_{name}": value for name, value in row.items() if name != "object_id"}
        for row in new
        if row["object_id"] in known
    ]
    gone = [{"of_object": number} for number in known if number not in numbers]
    fresh = [row for row in new if row["object_id"] not in known]
    for statement, rows in ((_INSERT, fresh), (_UPDATE, again), (_WITHDRAW, gone)):
        if rows:
            connection.execute(statement, rows)


def _choose(
    connection: sa.Connection,
    totals: Totals,
    uids: Collection[str],
    before: Mapping[str, int],
    now: datetime,
    versions: Versions,
) -> None:
    """Make one version of each instance visible; `before` was until now, where nothing is."""
    there: dict[str, list[Any]] = {}
    for row in _rows(connection, _OF_UIDS, "uids", sorted(uids)):
        there.setdefault(row.uid, []).append(row)
    flips: list[dict[str, int]] = []
    for uid, rows in there.items():
        candidates = [row for row in rows if not row.is_withdrawn and row.deletion is None]
        best = max if versions == "newest" else min
        shown = best(candidates, key=lambda row: (row.received_at, row.sha256)) if candidates else None
        for row in rows:
            if bool(row.is_visible) != (row is shown):
                flips.append({"of_object": row.object_id, "shown": int(row is shown)})
                totals.add(_place(row), _told(row), row.sop_class, 1 if row is shown else -1)
        was = next((row.object_id for row in rows if row.is_visible), before.get(uid))
        if shown is not None and was not in (None, shown.object_id):
            details = {"sop_instance_uid": uid, "before": was}
            events.note(connection, now, "", "version-shown", object_id=shown.object_id, details=details)
        if len({row.series for row in rows}) > 1:
            newest = max(row.object_id for row in rows)
            Places(connection, now).flag(SOP_INSTANCE_UID, uid, newest)
    if flips:
        connection.execute(_SHOW, flips)


def _place(row: Any) -> Place:
    return Place(row.patient, row.study, row.series)


def _told(row: Any) -> tuple[int, ...]:
    return tuple(getattr(row, part) for part in PARTS)


def hide(connection: sa.Connection, object_ids: Sequence[int]) -> None:
    """Take instances out of sight, in the caller's transaction; `reconsider` then says what is seen instead."""
    totals = Totals(connection)
    gone = [row for row in _rows(connection, _OF_OBJECTS, "ids", object_ids) if row.is_visible]
    for row in gone:
        totals.add(_place(row), _told(row), row.sop_class, -1)
    if gone:
        connection.execute(_SHOW, [{"of_object": row.object_id, "shown": 0} for row in gone])
    totals.write()


def reconsider(connection: sa.Connection, uids: Collection[str], now: datetime, versions: Versions) -> None:
    """Choose anew which versions of some instances are found, in the caller's transaction."""
    totals = Totals(connection)
    _choose(connection, totals, uids, {}, now, versions)
    totals.write()


def _rows(connection: sa.Connection, statement: sa.Select[Any], name: str, values: Sequence[Any]) -> Iterable[Any]:
    for some in slices(values):
        yield from connection.execute(statement, {name: some})


def _new_rows(connection: sa.Connection, ended: Sequence[ToIndex], now: datetime) -> list[tuple[dict[str, Any], Place]]:
    """Give the rows of instances, not visible yet, with their places, which are made."""
    wanted = [
        (one, one.entry) for one in ended if one.entry is not None and first(one.entry.instance, "SOPInstanceUID")
    ]
    told = [[written_values(level) for level in (entry.patient, entry.study, entry.series)] for _, entry in wanted]
    numbers = part_numbers(connection, sorted({text for some in told for text in some}))
    places = Places(connection, now)
    rows = []
    for (one, entry), texts in zip(wanted, told, strict=True):
        place, values = places.of(entry, one.object_id), entry.instance
        frames = number_of(values, "NumberOfFrames") if "NumberOfFrames" in values else 1
        row = {
            "object_id": one.object_id,
            "series": place.series,
            "uid": first(values, "SOPInstanceUID"),
            "sop_class": first(values, "SOPClassUID"),
            "number": number_of(values, "InstanceNumber"),
            "frames": min(max(1, frames), 1 << 30),
            "attributes": written_values(values),
            "is_visible": 0,
            "is_withdrawn": int(one.is_withdrawn),
        } | {part: numbers[text] for part, text in zip(PARTS, texts, strict=True)}
        rows.append((row, place))
    return rows
