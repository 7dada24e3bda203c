"""The same data set behind another head: what the records keep of an object must fit the file that is there now.

A file that was purged, lost or spoiled is replaced by the next that brings the same data set, and its preamble and File
Meta Information may be longer or shorter. Deltas count from the beginning of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql.schema import editions, objects
from tolmach.dicom import uids
from tolmach.dicom.delta import BrokenDelta, moved_delta

_others = objects.alias("elsewhere")
HAS_MOVED: Final = (
    sa.exists()
    .where(
        _others.c.sha256 == sa.bindparam("sha256"),
        sa.or_(
            _others.c.size != sa.bindparam("size"),
            _others.c.data_set_offset != sa.bindparam("data_set_offset"),
        ),
    )
    .label("has_moved")
)
"""Whether the records have any object of these bytes in a file of another shape."""

_MOVED = sa.select(
    *(objects.c.id, objects.c.data_set_offset, objects.c.transfer_syntax_uid, objects.c.found_transfer_syntax_uid)
).where(objects.c.sha256 == sa.bindparam("wanted"))
_DELTAS = sa.select(editions.c.number, editions.c.delta).where(
    editions.c.object_id == sa.bindparam("of_object"), sa.func.length(editions.c.delta) > 0
)
_REWRITE = (
    editions.update()
    .where(editions.c.object_id == sa.bindparam("of_object"), editions.c.number == sa.bindparam("of_number"))
    .values(delta=sa.bindparam("new_delta"))
)
_PLACE = (
    objects.update()
    .where(objects.c.sha256 == sa.bindparam("wanted"))
    .values(size=sa.bindparam("new_size"), data_set_offset=sa.bindparam("new_offset"))
)


def move(connection: sa.Connection, came: Mapping[str, Any]) -> None:
    """Let everything kept of these bytes fit the file they are in now, in the caller's transaction; repeatable."""
    wanted = {"wanted": came["sha256"]}
    for row in connection.execute(_MOVED, wanted).all():
        by = came["data_set_offset"] - row.data_set_offset
        is_deflated = uids.DeflatedExplicitVRLittleEndian in (row.found_transfer_syntax_uid, row.transfer_syntax_uid)
        if by and not is_deflated:  # else its deltas count in what it inflates to
            _move_deltas(connection, row.id, by)
    places = {"new_size": came["size"], "new_offset": came["data_set_offset"]}
    connection.execute(_PLACE, wanted | places)


def _move_deltas(connection: sa.Connection, object_id: int, by: int) -> None:
    for edition in connection.execute(_DELTAS, {"of_object": object_id}).all():
        try:
            delta = moved_delta(bytes(edition.delta), by)
        except BrokenDelta:  # told by whoever reads the object; nothing better can be written
            continue
        connection.execute(_REWRITE, {"of_object": object_id, "of_number": edition.number, "new_delta": delta})
