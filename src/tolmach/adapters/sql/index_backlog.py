"""What the index has not looked at yet: objects whose journey had ended before there was an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.index_writing import ToIndex, Versions, index_all
from tolmach.adapters.sql.schema import editions, objects
from tolmach.adapters.sql.stored import Clock, changes_from_json
from tolmach.archive.catching_up import Unindexed
from tolmach.archive.interfaces import Entry

_waiting: sa.ColumnElement[bool] = sa.literal_column("is_indexed = 0 AND ended_at IS NOT NULL")
_WAITING = (
    sa.select(
        *(objects.c.id, objects.c.sha256, objects.c.found_sop_class_uid, objects.c.found_sop_instance_uid),
        *(editions.c.sop_class_uid, editions.c.sop_instance_uid, editions.c.changes),
    )
    .outerjoin(editions, sa.and_(editions.c.object_id == objects.c.id, editions.c.number == objects.c.edition_shown))
    # One in quarantine is indexed when its journey ends better.
    .where(_waiting, objects.c.quarantine.is_(None), objects.c.id > sa.bindparam("after"))
    .order_by(objects.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_LEFT = sa.select(sa.func.count()).select_from(objects).where(_waiting, objects.c.quarantine.is_(None))
_LOOKED_AT = (
    objects.update()
    .where(objects.c.id == sa.bindparam("of_object"), objects.c.is_indexed == 0, objects.c.ended_at.is_not(None))
    .values(is_indexed=1)
    .returning(objects.c.id)
)


class SqlBacklog:
    """`Backlog` of `tolmach.archive.catching_up`; several processes may work on it."""

    def __init__(self, database: Database, clock: Clock, versions: Versions) -> None:
        self._database = database
        self._clock = clock
        self._versions = versions

    def left(self) -> int:
        """Give how many objects the index has not looked at."""
        with self._database.reading() as connection:
            return int(connection.execute(_LEFT).scalar_one())

    def waiting(self, after: int, limit: int) -> Sequence[Unindexed]:
        """Give the objects with the lowest numbers above `after`; see `Backlog.waiting`."""
        with self._database.reading() as connection:
            return [_unindexed(row) for row in connection.execute(_WAITING, {"after": after, "limit": limit})]

    def index(self, entries: Mapping[int, Entry | None]) -> None:
        """Commit that these objects were looked at, and what they are found by; see `Backlog.index`."""
        if entries:
            self._database.write(lambda connection: self._index(connection, entries))

    def _index(self, connection: sa.Connection, entries: Mapping[int, Entry | None]) -> None:
        # What began a journey anew meanwhile, or was looked at by another process, has said its own word since.
        mine = [one for one in sorted(entries) if connection.execute(_LOOKED_AT, {"of_object": one}).first()]
        read = [ToIndex(one, entry) for one in mine if (entry := entries[one]) is not None]
        index_all(connection, read, self._clock(), self._versions)


def _unindexed(row: Any) -> Unindexed:
    if row.changes is None:
        return Unindexed(row.id, row.sha256, row.found_sop_class_uid, row.found_sop_instance_uid)
    return Unindexed(row.id, row.sha256, row.sop_class_uid, row.sop_instance_uid, changes_from_json(row.changes))
