"""Where an instance belongs in the index: its patient, study and series, made where they are not there yet.

The same patient ID is not the same person: who does not resemble any of those who bear it becomes a patient of his own,
and all of them are flagged. The same holds for UIDs that turn up where they do not belong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import dialect, events
from tolmach.adapters.sql.index_schema import conflicts, patients, series, studies
from tolmach.adapters.sql.stored import micros, plain, to_json
from tolmach.archive.identity import Person, most_alike
from tolmach.archive.matching import comparable, texts
from tolmach.delivery.interfaces import IndexEntry

LAST: Final = 1 << 40
"""The number of a series or an instance that has none: it comes behind the others."""

PATIENT_ID: Final = "patient-id"
STUDY_UID: Final = "study-uid"
SERIES_UID: Final = "series-uid"
SOP_INSTANCE_UID: Final = "sop-instance-uid"

_BEARERS = (
    sa.select(patients.c.id, patients.c.name, patients.c.birth_date)
    .where(
        patients.c.patient_id == sa.bindparam("bears"),
        patients.c.issuer == sa.bindparam("issued_by"),
        patients.c.scope == sa.bindparam("within"),
    )
    .order_by(patients.c.id)
)
_DOUBT = (
    patients.update()
    .where(patients.c.patient_id == sa.bindparam("bears"), patients.c.issuer == sa.bindparam("issued_by"))
    .values(is_doubtful=1)
)
_NEW_PATIENT = patients.insert().returning(patients.c.id)
_STUDY = sa.select(studies.c.id).where(
    studies.c.patient == sa.bindparam("of_patient"), studies.c.uid == sa.bindparam("wanted")
)
_STUDIES = sa.select(studies.c.id).where(studies.c.uid == sa.bindparam("wanted"))
_NEW_STUDY = studies.insert().returning(studies.c.id)
_SERIES = sa.select(series.c.id).where(
    series.c.study == sa.bindparam("of_study"), series.c.uid == sa.bindparam("wanted")
)
_ALL_SERIES = sa.select(series.c.id).where(series.c.uid == sa.bindparam("wanted"))
_NEW_SERIES = series.insert().returning(series.c.id)
_CONFLICT = dialect.insert(conflicts).on_conflict_do_nothing().returning(conflicts.c.id)


@dataclass(frozen=True, slots=True)
class Place:
    """The rows of the patient, the study and the series of an instance."""

    patient: int
    study: int
    series: int


def first(values: Mapping[str, Any], keyword: str) -> str:
    """Give the first value of an attribute, empty where there is none."""
    return plain(next(iter(texts(values, keyword)), ""))


def number_of(values: Mapping[str, Any], keyword: str) -> int:
    """Give a number for the order of things."""
    try:
        number = int(first(values, keyword))
    except ValueError:
        return LAST
    return number if abs(number) < LAST else LAST


@dataclass(slots=True)
class Places:
    """Finds places within one transaction; what it has found it does not ask again."""

    connection: sa.Connection
    now: datetime
    _bearers: dict[tuple[str, str, str], list[tuple[int, Person]]] = field(default_factory=dict)
    _studies: dict[tuple[int, str], int] = field(default_factory=dict)
    _series: dict[tuple[int, str], int] = field(default_factory=dict)

    def of(self, entry: IndexEntry, object_id: int) -> Place:
        """Give the place of an instance; made, and flagged, where there is none."""
        patient = self._patient(entry, object_id)
        study = self._study(patient, first(entry.study, "StudyInstanceUID"), object_id)
        return Place(patient, study, self._series_of(study, first(entry.series, "SeriesInstanceUID"), object_id))

    def flag(self, kind: str, key: str, object_id: int, **details: object) -> None:
        """Remember a conflict once, and when it came up."""
        told = to_json(details)
        row = {"kind": kind, "key": key, "at": micros(self.now), "object_id": object_id, "details": told}
        if self.connection.execute(_CONFLICT, row).first() is not None:
            events.note(
                self.connection,
                *(self.now, "", "archive-conflict"),
                object_id=object_id,
                details={"kind": kind, "key": key, **details},
            )

    def _patient(self, entry: IndexEntry, object_id: int) -> int:
        bears, issuer = first(entry.patient, "PatientID"), first(entry.patient, "IssuerOfPatientID")
        # Whoever has no ID is nobody else: each study stands alone.
        scope = "" if bears else first(entry.study, "StudyInstanceUID")
        name, birth = first(entry.patient, "PatientName"), first(entry.patient, "PatientBirthDate")
        person = Person(name, comparable(birth, "DA"))
        asked = {"bears": bears, "issued_by": issuer, "within": scope}
        key = (bears, issuer, scope)
        if key not in self._bearers:
            rows = self.connection.execute(_BEARERS, asked)
            self._bearers[key] = [(row.id, Person(row.name, row.birth_date)) for row in rows]
        known = self._bearers[key]
        place = most_alike(person, [other for _, other in known])
        if place is not None:
            return known[place][0]
        new = {"patient_id": bears, "issuer": issuer, "scope": scope, "is_doubtful": int(bool(known and bears))}
        number = int(self.connection.execute(_NEW_PATIENT, new).scalar_one())
        if known and bears:
            self.connection.execute(_DOUBT, {"bears": bears, "issued_by": issuer})
            people = [[other.name, other.birth_date] for other in (*(one for _, one in known[:8]), person)]
            self.flag(PATIENT_ID, to_json([bears, issuer, number]), object_id, people=people)
        known.append((number, person))
        return number

    def _study(self, patient: int, uid: str, object_id: int) -> int:
        key = (patient, uid)
        if key not in self._studies:
            found = self.connection.execute(_STUDY, {"of_patient": patient, "wanted": uid}).scalar()
            if found is None:
                elsewhere = self.connection.execute(_STUDIES, {"wanted": uid}).first() if uid else None
                found = self.connection.execute(_NEW_STUDY, {"patient": patient, "uid": uid}).scalar_one()
                if elsewhere is not None:
                    self.flag(STUDY_UID, uid, object_id)
            self._studies[key] = int(found)
        return self._studies[key]

    def _series_of(self, study: int, uid: str, object_id: int) -> int:
        key = (study, uid)
        if key not in self._series:
            found = self.connection.execute(_SERIES, {"of_study": study, "wanted": uid}).scalar()
            if found is None:
                elsewhere = self.connection.execute(_ALL_SERIES, {"wanted": uid}).first() if uid else None
                new = {"study": study, "uid": uid, "number": LAST}
                found = self.connection.execute(_NEW_SERIES, new).scalar_one()
                if elsewhere is not None:
                    self.flag(SERIES_UID, uid, object_id)
            self._series[key] = int(found)
        return self._series[key]
