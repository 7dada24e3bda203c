"""Deleting, restoring, protecting and purging what the archive holds. Deliveries and receipts are never touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import events
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.index_schema import deletions, instances, series, studies
from tolmach.adapters.sql.index_writing import Versions, hide, reconsider
from tolmach.adapters.sql.schema import deliveries, objects
from tolmach.adapters.sql.stored import Clock, micros, moment, plain, slices
from tolmach.archive.interfaces import Level
from tolmach.archive.retention import (
    KEPT_FOR,
    NO_REASON,
    NOT_DELETED,
    NOT_HELD,
    PROTECTED,
    Deleted,
    Deletion,
    Purged,
    RetentionRefused,
)

_TOGETHER: Final = 20
"""Files removed while nobody else can write: so long does an arrival wait."""

_IDS: Final = sa.bindparam("ids", type_=sa.BigInteger, expanding=True)
_placed = instances.join(series, series.c.id == instances.c.series).join(studies, studies.c.id == series.c.study)
_COLUMNS = {"study": studies.c.uid, "series": series.c.uid, "instance": instances.c.uid}
_OF: Final[dict[str, sa.Select[Any]]] = {
    level: sa.select(
        *(instances.c.object_id, instances.c.uid, instances.c.deletion, studies.c.is_protected),
        *(studies.c.uid.label("study_uid"), objects.c.purged_at),
    )
    .select_from(_placed.join(objects, objects.c.id == instances.c.object_id))
    .where(column == sa.bindparam("wanted"))
    .order_by(instances.c.object_id)
    for level, column in _COLUMNS.items()
}
_DELETION = deletions.insert().returning(deletions.c.id)
_MARK = (
    instances.update()
    .where(instances.c.object_id == sa.bindparam("of_object"))
    .values(deletion=sa.bindparam("new_deletion"))
)
_open_lines = sa.select(sa.func.count()).select_from(deliveries).where(deliveries.c.concluded_at.is_(None))
_WAITING = _open_lines.where(deliveries.c.object_id.in_(_IDS))
_PROTECT = (
    studies.update().where(studies.c.uid == sa.bindparam("wanted")).values(is_protected=sa.bindparam("protected"))
)
_LIST = (
    sa.select(
        deletions,
        sa.func.count(instances.c.object_id).label("instances"),
        sa.func.count(objects.c.purged_at).label("purged"),
    )
    .outerjoin(instances, instances.c.deletion == deletions.c.id)
    .outerjoin(objects, objects.c.id == instances.c.object_id)
    .where(deletions.c.id > sa.bindparam("after"))
    .group_by(deletions.c.id)
    .order_by(deletions.c.id)
    .limit(500)
)
_others = objects.alias("others")
_other_rows = instances.alias("other_rows")
_RIPE = (
    sa.select(
        *(objects.c.id, objects.c.sha256, objects.c.size, studies.c.is_protected),
        sa.exists()
        .where(deliveries.c.object_id == objects.c.id, deliveries.c.concluded_at.is_(None))
        .label("is_awaited"),
        # Bytes that another object has as well, which is not deleted.
        sa.exists()
        .where(
            _others.c.sha256 == objects.c.sha256,
            _others.c.id != objects.c.id,
            ~sa.exists().where(_other_rows.c.object_id == _others.c.id, _other_rows.c.deletion.is_not(None)),
        )
        .label("is_shared"),
    )
    .select_from(
        _placed.join(objects, objects.c.id == instances.c.object_id).join(
            deletions, deletions.c.id == instances.c.deletion
        )
    )
    .where(
        sa.literal_column("instances.deletion IS NOT NULL"),
        deletions.c.at <= sa.bindparam("until"),
        objects.c.purged_at.is_(None),
        objects.c.ended_at.is_not(None),
    )
)
_RIPE_NOW = _RIPE.where(objects.c.id.in_(_IDS))
_SAME_BYTES = sa.select(objects.c.id).where(objects.c.sha256 == sa.bindparam("wanted"), objects.c.purged_at.is_(None))
_PURGED = objects.update().where(objects.c.id == sa.bindparam("of_object")).values(purged_at=sa.bindparam("new_at"))


_DELETED = sa.select(instances.c.object_id, instances.c.uid).where(
    instances.c.object_id == sa.bindparam("of_object"), instances.c.deletion.is_not(None)
)
_THERE_AGAIN = objects.update().where(objects.c.sha256 == sa.bindparam("wanted")).values(purged_at=None)


class Retention:
    """Any thread may call. `actor` is the name of whoever asks; everything is kept with it in the audit log."""

    def __init__(self, database: Database, clock: Clock, versions: Versions) -> None:
        self._database = database
        self._clock = clock
        self._versions = versions

    def delete(self, uid: str, reason: str, actor: str) -> Deleted:
        """Take a study, a series or an instance out of sight, all its versions; the bytes stay, deliveries go on.

        Raises `RetentionRefused`: nothing of that UID, protected, or no reason; nothing has changed then.
        """
        if not reason.strip():
            raise RetentionRefused(NO_REASON)
        return self._database.write(lambda connection: self._delete(connection, plain(uid), plain(reason), _by(actor)))

    def restore(self, uid: str, actor: str) -> int:
        """Bring back what was deleted of a study, series or instance and has its bytes still; give how many instances.

        Raises `RetentionRefused` where there is none.
        """
        return self._database.write(lambda connection: self._restore(connection, plain(uid), _by(actor)))

    def protect(self, uid: str, actor: str, *, protected: bool = True) -> None:
        """Protect a study against deleting and purging, or no longer; may be repeated. Raises `RetentionRefused`."""
        self._database.write(lambda connection: self._protect(connection, plain(uid), _by(actor), protected=protected))

    def deletions(self) -> Iterator[Deletion]:
        """Give every deletion, oldest first, in portions."""
        after = 0
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(_LIST, {"after": after}).all()
            for row in rows:
                yield Deletion(
                    *(row.level, row.uid, moment(row.at), row.actor, row.reason),
                    *(row.instances, row.purged),
                )
            if len(rows) < 500:
                return
            after = rows[-1].id

    def ripe(self, keep: timedelta = KEPT_FOR) -> Purged:
        """Give what a purge would do; where bytes are shared it may do less."""
        rows = self._ripe(micros(self._clock() - keep))
        sizes = [row.size for row in rows if not _is_kept(row)]
        return Purged(len(sizes), sum(sizes), len(rows) - len(sizes))

    def purge(self, actor: str, remove: Callable[[str], None], keep: timedelta = KEPT_FOR) -> Purged:
        """Remove the bytes of what was deleted longer than `keep` ago, and give what was done.

        `remove` removes a stored file by its sha256, which may not be there; what it raises ends the purge, and the
        next begins where it ended. Kept are bytes that anything refers to that is not deleted, that a delivery waits
        for, or that are protected. While a file is removed nothing can arrive, so nothing that comes again is lost.
        """
        by = _by(actor)
        until = micros(self._clock() - keep)
        rows = self._ripe(until)
        ids = [row.id for row in rows if not _is_kept(row)]
        count = size = 0
        for start in range(0, len(ids), _TOGETHER):
            some = ids[start : start + _TOGETHER]
            done = self._database.write(
                lambda connection, some=some: self._purge(connection, some, until, remove, by)  # type: ignore[misc]
            )
            count += len(done)
            size += sum(done)
        return Purged(count, size, len(rows) - count)

    def _ripe(self, until: int) -> Sequence[Any]:
        with self._database.reading() as connection:
            return connection.execute(_RIPE, {"until": until}).all()

    def _delete(self, connection: sa.Connection, uid: str, reason: str, actor: str) -> Deleted:
        level, rows = _named(connection, uid)
        if any(row.is_protected for row in rows):
            raise RetentionRefused(PROTECTED, uid=rows[0].study_uid)
        fresh = [row for row in rows if row.deletion is None]
        now = self._clock()
        if fresh:
            told = {"at": micros(now), "actor": actor, "reason": reason, "level": level, "uid": uid}
            number = connection.execute(_DELETION, told).scalar_one()
            hide(connection, [row.object_id for row in fresh])
            connection.execute(_MARK, [{"of_object": row.object_id, "new_deletion": number} for row in fresh])
            reconsider(connection, {row.uid for row in fresh}, now, self._versions)
            details = {"level": level, "uid": uid, "reason": reason}
            events.note_all(
                connection,
                [events.row(now, actor, "archive-deleted", row.object_id, None, "", details) for row in fresh],
            )
        waiting = sum(
            connection.execute(_WAITING, {"ids": some}).scalar_one()
            for some in slices([row.object_id for row in fresh])
        )
        return Deleted(level, uid, len(fresh), waiting)

    def _restore(self, connection: sa.Connection, uid: str, actor: str) -> int:
        _, rows = _named(connection, uid)
        found = [row for row in rows if row.deletion is not None and row.purged_at is None]
        if not found:
            raise RetentionRefused(NOT_DELETED, uid=uid)
        restore_all(connection, found, self._clock(), self._versions, actor, {"uid": uid})
        return len(found)

    def _protect(self, connection: sa.Connection, uid: str, actor: str, *, protected: bool) -> None:
        found = connection.execute(_PROTECT, {"wanted": uid, "protected": int(protected)})
        if not found.rowcount:
            raise RetentionRefused(NOT_HELD, uid=uid)
        action = "archive-protected" if protected else "archive-unprotected"
        events.note(connection, self._clock(), actor, action, details={"uid": uid})

    def _purge(
        self, connection: sa.Connection, ids: Sequence[int], until: int, remove: Callable[[str], None], actor: str
    ) -> list[int]:
        """Remove some files within the transaction, after another look; give their sizes."""
        now = self._clock()
        ripe = {row.id: row for row in connection.execute(_RIPE_NOW, {"until": until, "ids": ids}) if not _is_kept(row)}
        sizes = []
        for number, row in ripe.items():
            same = set(connection.execute(_SAME_BYTES, {"wanted": row.sha256}).scalars())
            if number in same and same <= ripe.keys():
                remove(row.sha256)
                sizes.append(row.size)
                connection.execute(_PURGED, [{"of_object": one, "new_at": micros(now)} for one in same])
                details = {"sha256": row.sha256}
                events.note(connection, now, actor, "archive-purged", object_id=number, details=details)
        return sizes


def arrived_again(connection: sa.Connection, object_id: int, sha256: str, now: datetime, versions: Versions) -> None:
    """Bring a deleted instance back that was sent again, in the caller's transaction: its receipt promises it is there.

    Its bytes are there again, too, where they had been purged.
    """
    row = connection.execute(_DELETED, {"of_object": object_id}).first()
    if row is not None:
        connection.execute(_THERE_AGAIN, {"wanted": sha256})
        restore_all(connection, [row], now, versions, "", {"why": "arrived-again"})


def restore_all(
    connection: sa.Connection,
    rows: Sequence[Any],
    now: datetime,
    versions: Versions,
    actor: str,
    details: dict[str, Any],
) -> None:
    """Bring deleted instances back into sight, in the caller's transaction."""
    connection.execute(_MARK, [{"of_object": row.object_id, "new_deletion": None} for row in rows])
    reconsider(connection, {row.uid for row in rows}, now, versions)
    noted = [events.row(now, actor, "archive-restored", row.object_id, None, "", details) for row in rows]
    events.note_all(connection, noted)


def _named(connection: sa.Connection, uid: str) -> tuple[Level, Sequence[Any]]:
    """Give what a UID is of, and the versions of all its instances."""
    levels: tuple[Level, ...] = ("study", "series", "instance")
    for level in levels if uid else ():
        rows = connection.execute(_OF[level], {"wanted": uid}).all()
        if rows:
            return level, rows
    raise RetentionRefused(NOT_HELD, uid=uid)


def _is_kept(row: Any) -> bool:
    return bool(row.is_awaited or row.is_shared or row.is_protected)


def _by(actor: str) -> str:
    if not actor:
        raise ValueError("who does it?")
    return plain(actor)
