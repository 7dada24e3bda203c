"""What came: arrivals become receipts, and objects wait for their journey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast

import sqlalchemy as sa

from tolmach.adapters.sql import dialect
from tolmach.adapters.sql.again import FOUND, arrive_again, take_turns, turns
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.events import note
from tolmach.adapters.sql.faults import BEING_PURGED
from tolmach.adapters.sql.index_writing import Versions
from tolmach.adapters.sql.inventory import unflag
from tolmach.adapters.sql.nodes import Nodes
from tolmach.adapters.sql.other_heads import HAS_MOVED, move
from tolmach.adapters.sql.retention import arrived_again
from tolmach.adapters.sql.schema import objects, receipts
from tolmach.adapters.sql.stored import Clock, micros, moment, plain, slices
from tolmach.intake.faults import RecordsTrouble
from tolmach.intake.interfaces import Arrival, Entrance, Pending, Provenance, Receipt

_versions = objects.alias("versions")
_NEXT_VERSION = (
    sa.select(sa.func.coalesce(sa.func.max(_versions.c.version), 0) + 1)
    .where(_versions.c.sop_instance_uid == sa.bindparam("sop_instance_uid"))
    .scalar_subquery()
)
_ARRIVED = (
    *("sha256", "size", "data_set_offset", "sop_class_uid", "sop_instance_uid", "transfer_syntax_uid"),
    *("entrance", "source", "ae_title", "host", "received_at"),
)
_REPEATED = {"arrivals": objects.c.arrivals + 1, "last_arrived_at": sa.bindparam("received_at")}


class _Known(NamedTuple):
    """What is known of an object once it is recorded."""

    id: int
    arrivals: int
    version: int
    flaw: str
    entrance: str
    source: str
    ae_title: str
    host: str
    ended_at: int | None
    sources_to_come: str
    purged_at: int | None
    gone_at: int | None
    has_moved: bool


_others = objects.alias("others")
# When bytes like these were removed, of this object or of another.
_GONE = (
    sa.select(sa.func.max(_others.c.purged_at))
    .where(_others.c.sha256 == sa.bindparam("sha256"), sa.literal_column("others.purged_at IS NOT NULL"))
    .scalar_subquery()
    .label("gone_at")
)


def _record(version: object) -> sa.Executable:
    values: dict[str, Any] = {name: sa.bindparam(name) for name in _ARRIVED}
    return (
        dialect.insert(objects)
        .values(**values, last_arrived_at=sa.bindparam("received_at"), version=version)
        .on_conflict_do_update(index_elements=["sha256", "sop_instance_uid"], set_=_REPEATED)
        .returning(*(objects.c[name] for name in _Known._fields[:-2]), _GONE, HAS_MOVED)
    )


_RECORD = dialect.Prepared(_record(_NEXT_VERSION))
# Things without a UID are no versions of one another.
_RECORD_NAMELESS = dialect.Prepared(_record(1))
_RECEIPT = dialect.Prepared(receipts.insert())
# So long, in microseconds, an arrival may be on its way from the store to the records: whoever purges meanwhile has
# taken its bytes.
_ON_ITS_WAY: Final = 60_000_000

_PENDING = (
    sa.select(objects.c.id, *(objects.c[name] for name in _ARRIVED), objects.c.released)
    .where(objects.c.ended_at.is_(None))
    .order_by(objects.c.id)
    .limit(sa.bindparam("limit"))
)
# What tells sources apart, as in `again`.
_source = sa.case((objects.c.source != "", objects.c.source), else_=objects.c.ae_title)
_OTHERS: Final = sa.bindparam("others", type_=sa.Text, expanding=True)
_WALKED = sa.select(_source).where(objects.c.ended_at.is_(None), objects.c.walker.in_(_OTHERS)).distinct()
_FREE = _PENDING.where(
    sa.or_(objects.c.walker.is_(None), objects.c.walker.not_in(_OTHERS)),
    _source.not_in(sa.bindparam("walked", type_=sa.Text, expanding=True)),
)
_WALK = (
    objects.update()
    .where(objects.c.id.in_(sa.bindparam("ids", type_=sa.BigInteger, expanding=True)))
    .values(walker=sa.bindparam("new_walker"))
)


class SqlReceipts:
    """`Receipts` and `Journeys` of `tolmach.intake.interfaces`."""

    def __init__(self, database: Database, clock: Clock, versions: Versions, nodes: Nodes) -> None:
        self._database = database
        self._clock = clock
        self._versions = versions
        self._nodes = nodes

    def record(self, arrival: Arrival) -> Receipt:
        """Commit an arrival as taken and waiting for its journey; see `Receipts.record`."""
        values = _values(arrival)
        return self._database.write(lambda connection: self._recorded(connection, values))

    def record_all(self, arrivals: Sequence[Arrival]) -> Sequence[Receipt]:
        """Commit several arrivals together, all or nothing: what `rebuild` uses; otherwise as `record`."""
        rows = [_values(arrival) for arrival in arrivals]
        return self._database.write(lambda connection: [self._recorded(connection, values) for values in rows])

    def pending(self, limit: int) -> Sequence[Pending]:
        """Give the oldest objects whose journey has not ended, in the order of their receipt.

        Where another source brought an object while its journey went on, that one's journey begins here, in a commit:
        the end of the first may be written twice and never ends the second.

        Where nodes share the database, what is given is this node's to walk until it has ended, or until the node is
        dead. Sources are parted among nodes, and not objects: a study stays in the order it came in, and what is
        learned of its text stays together.
        """
        with self._database.reading() as connection:
            has_turns = bool(turns(connection, 1))
        if has_turns:
            self._database.write(lambda connection: take_turns(connection, limit, self._clock()))
        if not self._nodes.has_company:
            with self._database.reading() as connection:
                return [_pending(row) for row in connection.execute(_PENDING, {"limit": limit})]
        with self._database.reading() as connection:
            if not self._free(connection, 1):
                return []
        return self._database.write(lambda connection: self._claim(connection, limit))

    def _free(self, connection: sa.Connection, limit: int) -> Sequence[Any]:
        """Give objects that no other node walks, of sources that none has in hand."""
        others = sorted(self._nodes.alive(connection, self._nodes.now(connection)) - {self._nodes.name})
        walked = connection.execute(_WALKED, {"others": others}).scalars().all()
        return connection.execute(_FREE, {"others": others, "walked": walked, "limit": limit}).all()

    def _claim(self, connection: sa.Connection, limit: int) -> Sequence[Pending]:
        self._nodes.beat_if_due(connection, self._nodes.now(connection))
        rows = self._free(connection, limit)
        for some in slices([row.id for row in rows]):
            connection.execute(_WALK, {"ids": some, "new_walker": self._nodes.name})
        return [_pending(row) for row in rows]

    def _recorded(self, connection: sa.Connection, values: dict[str, Any]) -> Receipt:
        statement = _RECORD if values["sop_instance_uid"] else _RECORD_NAMELESS
        known = _Known(*statement.one(connection, values))
        is_new = known.arrivals == 1
        if known.gone_at is not None and abs(values["received_at"] - known.gone_at) < _ON_ITS_WAY:
            raise RecordsTrouble(BEING_PURGED, sha256=values["sha256"])
        if known.has_moved:
            move(connection, values)
        if is_new:
            _RECEIPT.one(connection, values | {"object_id": known.id})
            if known.version > 1:
                details = {"version": known.version}
                note(connection, self._clock(), "", "new-version", object_id=known.id, details=details)
        else:
            if values["entrance"] not in FOUND:
                arrived_again(connection, known.id, values["sha256"], self._clock(), self._versions)
            arrive_again(connection, known, values, self._clock())
        if known.flaw:
            # The store has just made sure that the bytes are there and good.
            unflag(connection, [values["sha256"]], self._clock())
        return Receipt(known.id, is_new, known.version)


def _values(arrival: Arrival) -> dict[str, Any]:
    provenance = arrival.provenance
    return {
        "sha256": arrival.sha256,
        "size": arrival.size,
        "data_set_offset": arrival.data_set_offset,
        "sop_class_uid": plain(arrival.sop_class_uid),
        "sop_instance_uid": plain(arrival.sop_instance_uid),
        "transfer_syntax_uid": plain(arrival.transfer_syntax_uid),
        "entrance": provenance.entrance,
        "source": plain(provenance.name),
        "ae_title": plain(provenance.ae_title),
        "host": plain(provenance.host),
        "received_at": micros(arrival.received_at),
    }


def _pending(row: Any) -> Pending:
    provenance = Provenance(cast("Entrance", row.entrance), row.source, row.ae_title, row.host)
    arrival = Arrival(
        sha256=row.sha256,
        size=row.size,
        data_set_offset=row.data_set_offset,
        sop_class_uid=row.sop_class_uid,
        sop_instance_uid=row.sop_instance_uid,
        transfer_syntax_uid=row.transfer_syntax_uid,
        provenance=provenance,
        received_at=moment(row.received_at),
    )
    return Pending(row.id, arrival, bool(row.released))
