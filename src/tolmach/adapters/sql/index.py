"""The index of what is held, for C-FIND, QIDO-RS, retrieval and Storage Commitment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import sqlalchemy as sa

from tolmach.adapters.sql.dialect import Prepared
from tolmach.adapters.sql.engine import Database
from tolmach.adapters.sql.index_finding import found
from tolmach.adapters.sql.index_schema import conflicts, instances, patients, series, studies
from tolmach.adapters.sql.schema import editions, objects
from tolmach.adapters.sql.stored import from_json, moment, moment_or_none, plain
from tolmach.archive.interfaces import Entity, Held, Query
from tolmach.intake.faults import ObjectMissing
from tolmach.intake.interfaces import Examined

_BATCH: Final = 500

_SERIES = (
    sa.select(series.c.id, series.c.uid, studies.c.uid.label("study_uid"))
    .select_from(series.join(studies, studies.c.id == series.c.study))
    .where(series.c.visible > 0)
    .order_by(studies.c.uid, series.c.number, series.c.uid, series.c.id)
)
_HELD = (
    sa.select(
        *(instances.c.object_id, instances.c.uid, instances.c.sop_class, instances.c.number, instances.c.frames),
        *(objects.c.sha256, objects.c.data_set_offset, objects.c.size, objects.c.received_at),
        *(objects.c.transfer_syntax_uid, objects.c.found_transfer_syntax_uid, editions.c.delta),
    )
    .join(objects, objects.c.id == instances.c.object_id)
    .outerjoin(editions, sa.and_(editions.c.object_id == objects.c.id, editions.c.number == objects.c.edition_shown))
    .where(
        instances.c.series == sa.bindparam("of_series"),
        instances.c.is_visible == 1,
        sa.tuple_(instances.c.number, instances.c.uid)
        > sa.tuple_(sa.bindparam("after_number", type_=sa.BigInteger), sa.bindparam("after_uid", type_=sa.Text)),
    )
    .order_by(instances.c.number, instances.c.uid)
    .limit(_BATCH)
)
_SOUND = (
    sa.select(objects.c.sha256, instances.c.sop_class)
    .join(objects, objects.c.id == instances.c.object_id)
    .where(instances.c.uid == sa.bindparam("wanted"), instances.c.is_visible == 1)
)
_PENDING = Prepared(
    sa.select(objects.c.received_at)
    .where(objects.c.ended_at.is_(None))
    .order_by(objects.c.id)
    .limit(sa.literal_column("1"))
)
_CONFLICTS = sa.select(conflicts).where(conflicts.c.id > sa.bindparam("after")).order_by(conflicts.c.id).limit(_BATCH)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two things that should be one, or one that should be two, and were kept apart.

    `kind`: "patient-id" (several people bear it), "study-uid", "series-uid" or "sop-instance-uid" (it turned up in
    another patient, study or series). `key` is the UID, or the patient ID with its issuer and the number of the row.
    """

    kind: str
    key: str
    at: datetime
    object_id: int | None
    details: Mapping[str, object]


class SqlIndex:
    """`Index` of `tolmach.archive.interfaces`.

    `settle` is called before each question and returns when what was acknowledged until then is in the index, or gives
    since when something is not.
    `examine` reads a stored file to its end (`ObjectInventory.examine`); without it nothing is sound.
    """

    def __init__(
        self,
        database: Database,
        settle: Callable[[], datetime | None] | None = None,
        examine: Callable[[str], Examined] | None = None,
    ) -> None:
        self._database = database
        self._settle = settle
        self._examine = examine

    def missing_since(self) -> datetime | None:
        """Give since when something acknowledged is not in the index yet, see `Index.missing_since`."""
        return self._settled()

    def find(self, query: Query) -> tuple[Sequence[Entity], int]:
        """Give the entities that meet the query, at most `limit`, and how many more there are, see `Index.find`."""
        self._settled()
        with self._database.reading() as connection:
            return found(connection, query)

    def held(
        self,
        *,
        patient_id: str | None = None,
        studies: Sequence[str] = (),
        series: Sequence[str] = (),
        instances: Sequence[str] = (),
    ) -> Iterator[Held]:
        """Give the visible instances that meet all that is given, see `Index.held`; nothing where nothing is given."""
        self._settled()
        if patient_id is None and not (studies or series or instances):
            return
        wanted = {plain(uid) for uid in instances}
        for one in self._series(patient_id, studies, series, instances):
            yield from self._held_of(one, wanted)

    def is_sound(self, sop_class_uid: str, sop_instance_uid: str) -> Literal["sound", "unknown", "other-class", "bad"]:
        """Tell whether an instance is held and its bytes are those that were taken; they are read and hashed again.

        Raises `StoreTrouble` when they cannot be read this time.
        """
        self._settled()
        with self._database.reading() as connection:
            row = connection.execute(_SOUND, {"wanted": plain(sop_instance_uid)}).first()
        if row is None:
            return "unknown"
        if row.sop_class != sop_class_uid:
            return "other-class"
        try:
            return "sound" if self._examine is not None and self._examine(row.sha256).is_sound else "bad"
        except ObjectMissing:
            return "bad"

    def oldest_pending(self) -> datetime | None:
        """Give when the oldest object was received whose journey has not ended; None where there is none."""
        with self._database.reading() as connection:
            row = _PENDING.one(connection, {})
        return None if row is None else moment_or_none(row[0])

    def conflicts(self) -> Iterator[Conflict]:
        """Give what was kept apart and needs a person's eye, oldest first, in portions."""
        after = 0
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(_CONFLICTS, {"after": after}).all()
            for row in rows:
                yield Conflict(row.kind, row.key, moment(row.at), row.object_id, from_json(row.details))
            if len(rows) < _BATCH:
                return
            after = rows[-1].id

    def _settled(self) -> datetime | None:
        return None if self._settle is None else self._settle()

    def _series(
        self, patient_id: str | None, of_studies: Sequence[str], of_series: Sequence[str], of_instances: Sequence[str]
    ) -> Sequence[Any]:
        """Give the series that hold what is wanted, in order."""
        statement = _SERIES
        if patient_id is not None:
            of_patient = sa.select(patients.c.id).where(patients.c.patient_id == plain(patient_id))
            statement = statement.where(studies.c.patient.in_(of_patient))
        if of_studies:
            statement = statement.where(studies.c.uid.in_([plain(uid) for uid in of_studies]))
        if of_series:
            statement = statement.where(series.c.uid.in_([plain(uid) for uid in of_series]))
        if of_instances:
            holding = sa.select(instances.c.series).where(
                instances.c.uid.in_([plain(uid) for uid in of_instances]), instances.c.is_visible == 1
            )
            statement = statement.where(series.c.id.in_(holding))
        with self._database.reading() as connection:
            return connection.execute(statement).all()

    def _held_of(self, one: Any, wanted: set[str]) -> Iterator[Held]:
        statement = _HELD
        if 0 < len(wanted) <= _BATCH:
            statement = statement.where(instances.c.uid.in_(sorted(wanted)))
        after: tuple[int, str] = (-(1 << 62), "")
        while True:
            bound = {"of_series": one.id, "after_number": after[0], "after_uid": after[1]}
            with self._database.reading() as connection:
                rows = connection.execute(statement, bound).all()
            for row in rows:
                if not wanted or row.uid in wanted:
                    yield _held(row, one)
            if len(rows) < _BATCH:
                return
            after = (rows[-1].number, rows[-1].uid)


def _held(row: Any, one: Any) -> Held:
    return Held(
        object_id=row.object_id,
        stored_sha256=row.sha256,
        data_set_offset=row.data_set_offset,
        delta=b"" if row.delta is None else bytes(row.delta),
        sop_class_uid=row.sop_class,
        sop_instance_uid=row.uid,
        transfer_syntax_uid=row.found_transfer_syntax_uid or row.transfer_syntax_uid,
        study_instance_uid=one.study_uid,
        series_instance_uid=one.uid,
        size=row.size,
        received_at=moment(row.received_at),
        frames=row.frames,
    )
