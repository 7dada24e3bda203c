"""What is stored, as the records know it: for recovery, verification and rebuilding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import events
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.other_heads import move
from tolmach.adapters.sql.schema import deliveries, objects
from tolmach.adapters.sql.stored import Clock, micros, problem_to_json, slices
from tolmach.base import Fault, Problem
from tolmach.intake.faults import FILE_MISSING, FILE_ROTTEN
from tolmach.intake.interfaces import KnownObject, Stored

_BATCH: Final = 500
# Lines of an object whose bytes are not there are looked at again so often: somebody may have put the file back.
LOOK_AGAIN: Final = timedelta(minutes=10)

_SHA256S: Final = sa.bindparam("sha256s", type_=sa.Text, expanding=True)
_KNOWN = sa.select(objects.c.sha256).where(objects.c.sha256.in_(_SHA256S)).distinct()
_STORED = (
    sa.select(objects.c.sha256, sa.func.max(objects.c.size).label("size"))
    .where(objects.c.sha256 > sa.bindparam("after"), objects.c.purged_at.is_(None))
    .group_by(objects.c.sha256)
    .order_by(objects.c.sha256)
    .limit(_BATCH)
)
_SOUND = sa.select(objects.c.id, objects.c.sha256).where(
    objects.c.sha256.in_(_SHA256S), objects.c.flaw != sa.bindparam("flaw")
)
_FLAGGED = sa.select(objects.c.id).where(objects.c.sha256.in_(_SHA256S), objects.c.flaw != "")
_FLAG = (
    objects.update()
    .where(objects.c.id == sa.bindparam("object_id"))
    .values(flaw=sa.bindparam("flaw"), flaw_problem=sa.bindparam("problem"))
)
_HOLD = (
    deliveries.update()
    .where(
        deliveries.c.object_id == sa.bindparam("of_object"),
        # Not `IN`: a list of values cannot be bound for many objects at once.
        sa.or_(deliveries.c.state == "queued", deliveries.c.state == "held"),
        deliveries.c.stored_at.is_(None),
        deliveries.c.decided_by == "",
    )
    .values(state="held", due_at=sa.bindparam("due"), problem=sa.bindparam("problem"))
)
_REQUEUE = (
    deliveries.update()
    .where(
        deliveries.c.object_id == sa.bindparam("of_object"),
        deliveries.c.state == "held",
        deliveries.c.due_at.is_not(None),
        deliveries.c.decided_by == "",
    )
    .values(state="queued", due_at=0)
)


class SqlStoredRecords:
    """`StoredRecords` of `tolmach.intake.interfaces`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def known(self, sha256s: Sequence[str]) -> set[str]:
        """Give those of some sha256 that the records know."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for some in slices(list(sha256s)):
                found.update(connection.execute(_KNOWN, {"sha256s": some}).scalars())
        return found

    def stored_objects(self, after: str = "") -> Iterator[KnownObject]:
        """Give every stored file the records refer to, in the order of sha256; no transaction stays open meanwhile."""
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(_STORED, {"after": after}).all()
            for row in rows:
                yield KnownObject(row.sha256, row.size)
            if len(rows) < _BATCH:
                return
            after = rows[-1].sha256

    def flag_missing(self, sha256s: Sequence[str]) -> None:
        """Remember that the files of these objects are not there; see `StoredRecords.flag_missing`.

        Their undelivered lines are held with the reason and looked at again every ten minutes; what a person holds, and
        what awaits proof, stays as it is. The flag goes when the bytes come again, and the lines go on.
        """
        self._flag(sha256s, "missing", FILE_MISSING)

    def flag_rotten(self, sha256s: Sequence[str]) -> None:
        """Remember that the files of these objects hold other bytes now; otherwise as `flag_missing`."""
        self._flag(sha256s, "rotten", FILE_ROTTEN)

    def unflag(self, sha256s: Sequence[str]) -> None:
        """Take the flags from objects whose files were found good; lines they had held go on at once."""
        for some in slices(list(sha256s)):
            self._database.write(partial(unflag, sha256s=some, now=self._clock()))

    def follow(self, stored: Stored) -> None:
        """Let everything that is kept of a data set fit the file it is in now; see `StoredRecords.follow`."""
        came = {"sha256": stored.sha256, "size": stored.size, "data_set_offset": stored.data_set_offset}
        self._database.write(lambda connection: move(connection, came))

    def _flag(self, sha256s: Sequence[str], flaw: str, fault: Fault) -> None:
        for some in slices(list(sha256s)):
            self._database.write(partial(self._flag_some, sha256s=some, flaw=flaw, fault=fault))

    def _flag_some(self, connection: sa.Connection, sha256s: Sequence[str], flaw: str, fault: Fault) -> None:
        now = self._clock()
        flagged: list[dict[str, Any]] = []
        held: list[dict[str, Any]] = []
        noted = []
        for row in connection.execute(_SOUND, {"sha256s": sha256s, "flaw": flaw}):
            problem = problem_to_json(Problem(fault, {"sha256": row.sha256}))
            flagged.append({"object_id": row.id, "flaw": flaw, "problem": problem})
            held.append({"of_object": row.id, "due": micros(now + LOOK_AGAIN), "problem": problem})
            noted.append(events.row(now, "", f"flagged-{flaw}", row.id, None, "", {"sha256": row.sha256}))
        if flagged:
            connection.execute(_FLAG, flagged)
            connection.execute(_HOLD, held)
            events.note_all(connection, noted)


def unflag(connection: sa.Connection, sha256s: Sequence[str], now: datetime) -> None:
    """Take the flags from objects whose bytes are good again, in the caller's transaction; their lines go on."""
    ids = list(connection.execute(_FLAGGED, {"sha256s": sha256s}).scalars())
    if ids:
        connection.execute(_FLAG, [{"object_id": one, "flaw": "", "problem": None} for one in ids])
        connection.execute(_REQUEUE, [{"of_object": one} for one in ids])
        events.note_all(connection, [events.row(now, "", "unflagged", one, None, "") for one in ids])
