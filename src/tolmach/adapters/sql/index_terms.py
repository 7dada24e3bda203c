"""What SQL is asked, apart from the values: questions of one form become one statement, put into words once.

Texts are compared by their bytes. Constants stand in the statement itself, as the conditions of partial indexes do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa

from tolmach.adapters.sql.index_schema import instances, patient_names, patients, series, studies
from tolmach.archive.attributes import STUDY_MOMENT, level_of
from tolmach.archive.interfaces import Level

Clause = sa.ColumnElement[bool]
How = (
    Literal["nothing", "there", "among", "from", "to", "before", "like"]
    | Literal["modalities", "rare modalities", "classes", "names"]
)

COLUMNS: Final[Mapping[str, sa.Column[Any]]] = {
    "PatientID": patients.c.patient_id,
    "IssuerOfPatientID": patients.c.issuer,
    "PatientBirthDate": patients.c.birth_date,
    "StudyInstanceUID": studies.c.uid,
    "StudyDate": studies.c.date,
    "StudyTime": studies.c.time,
    "AccessionNumber": studies.c.accession,
    "StudyID": studies.c.study_id,
    "SeriesInstanceUID": series.c.uid,
    "Modality": series.c.modality,
    "SeriesNumber": series.c.number,
    "SOPInstanceUID": instances.c.uid,
    "SOPClassUID": instances.c.sop_class,
    "InstanceNumber": instances.c.number,
}
"""Attributes with a column of their own, whose values are as `comparable` gives them."""


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that must hold; its values are bound beside it, in order.

    `of` is a keyword, or the role of a name; `count` is how many values are meant where that may differ. The terms in
    `ways` are alternatives, each of which is a row of several that must hold together.
    """

    how: How
    of: str = ""
    count: int = 1
    ways: tuple[tuple[Term, ...], ...] = ()

    def needs(self, level: Level) -> Level | None:
        """Tell the highest level whose table a question at `level` needs for it."""
        match self.how:
            case "nothing":
                return None
            case "names":
                return "patient" if level == "patient" else "study"
            case _:
                return level_of(self.of)


@dataclass(frozen=True, slots=True)
class Bound:
    """A term and its values."""

    term: Term
    values: tuple[str | int, ...] = ()


NOTHING: Final = Bound(Term("nothing"))


def among(how: How, of: str, values: Sequence[str | int]) -> Bound:
    """Ask for one of some values; how many there are is rounded up, so that there are few forms."""
    if not values:
        return NOTHING
    count = 1 << (len(values) - 1).bit_length()
    return Bound(Term(how, of, count), tuple(values[min(place, len(values) - 1)] for place in range(count)))


def bound_values(bounds: Sequence[Bound]) -> dict[str, str | int]:
    """Give the values of terms by the names they have in `clauses_of`."""
    return {f"v{place}": value for place, value in enumerate(value for one in bounds for value in one.values)}


def clauses_of(terms: Sequence[Term], level: Level) -> list[Clause]:
    """Give terms in SQL, for a statement over the tables of a level and of those above it as far as terms need."""
    binds = _Binds()
    return [_names(term, binds, level) if term.how == "names" else _CLAUSES[term.how](term, binds) for term in terms]


@dataclass(slots=True)
class _Binds:
    """Gives places for values, in order."""

    _count: int = 0

    def some(self, count: int, kind: sa.types.TypeEngine[Any]) -> list[sa.BindParameter[Any]]:
        first, self._count = self._count, self._count + count
        return [sa.bindparam(f"v{place}", type_=kind) for place in range(first, self._count)]

    def texts(self, count: int) -> Iterator[sa.BindParameter[Any]]:
        return iter(self.some(count, sa.Text()))


_EMPTY: Final[sa.ColumnElement[str]] = sa.literal_column("''")
_ESCAPE: Final = "\\"
_moment: Final = studies.c.date + studies.c.time


def _there(term: Term, _: _Binds) -> Clause:
    return (studies.c.date if term.of == STUDY_MOMENT else COLUMNS[term.of]) != _EMPTY


def _among(term: Term, binds: _Binds) -> Clause:
    column = COLUMNS[term.of]
    clause = column.in_(binds.some(term.count, column.type))
    return clause if column.type.python_type is int else sa.and_(clause, column != _EMPTY)


def _bound(term: Term, binds: _Binds) -> Clause:
    column = _moment if term.of == STUDY_MOMENT else COLUMNS[term.of]
    (value,) = binds.some(1, column.type)
    match term.how:
        case "from":
            return column >= value
        case "to":
            return column <= value
        case _:
            return column < value


def _modalities(term: Term, binds: _Binds) -> Clause:
    of_series = series.alias("series_with_modality")
    clause = of_series.c.modality.in_(binds.some(term.count, sa.Text()))
    return sa.exists().where(of_series.c.study == studies.c.id, of_series.c.visible > _ZERO, clause)


def _rare_modalities(term: Term, binds: _Binds) -> Clause:
    """Begin with the series, as few as they are; from the newest study on the whole archive might be walked through."""
    modality = series.c.modality.in_(binds.some(term.count, sa.Text()))
    return studies.c.id.in_(sa.select(series.c.study).where(series.c.visible > _ZERO, modality))


def _like_modality(_: Term, binds: _Binds) -> Clause:
    of_series = series.alias("series_with_modality")
    clause = sa.func.lower(of_series.c.modality).like(next(binds.texts(1)), escape=_ESCAPE)
    return sa.exists().where(of_series.c.study == studies.c.id, of_series.c.visible > _ZERO, clause)


def _classes(term: Term, binds: _Binds) -> Clause:
    of_series = series.alias("series_with_class")
    clauses = [of_series.c.sop_classes.like(pattern, escape=_ESCAPE) for pattern in binds.texts(term.count)]
    return sa.exists().where(of_series.c.study == studies.c.id, of_series.c.visible > _ZERO, sa.or_(*clauses))


_ZERO: Final[sa.ColumnElement[int]] = sa.literal_column("0")
_CLAUSES: Final[Mapping[How, Callable[[Term, _Binds], Clause]]] = {
    "nothing": lambda _term, _binds: sa.false(),
    "there": _there,
    "among": _among,
    "from": _bound,
    "to": _bound,
    "before": _bound,
    "like": _like_modality,
    "modalities": _modalities,
    "rare modalities": _rare_modalities,
    "classes": _classes,
}


def _names(term: Term, binds: _Binds, level: Level) -> Clause:
    # Each way by its own index: joined by OR the planner would walk through all names.
    selects = [sa.select(patient_names.c.patient).where(*(_key(one, binds) for one in way)) for way in term.ways]
    found = sa.union(*selects) if len(selects) > 1 else selects[0]
    return (patients.c.id if level == "patient" else studies.c.patient).in_(found)


def _key(term: Term, binds: _Binds) -> Clause:
    """Give a term of a name's keys; their role is part of it."""
    role, key = patient_names.c.role == sa.literal_column(f"'{term.of}'"), patient_names.c.key
    match term.how:
        case "among":
            return sa.and_(role, key.in_(binds.some(term.count, sa.Text())))
        case "from":
            return sa.and_(role, key >= next(binds.texts(1)))
        case "before":
            return sa.and_(role, key < next(binds.texts(1)))
        case _:
            return sa.and_(role, key.like(next(binds.texts(1)), escape=_ESCAPE))
