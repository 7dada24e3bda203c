"""The statements that answer questions, one for each form of question; put into SQL once and kept while they are used.

First come the numbers of the rows that are meant, in order and without anything to carry along; then what is told of
the few that are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql.dialect import Prepared
from tolmach.adapters.sql.index_schema import instances, patients, series, studies
from tolmach.adapters.sql.index_terms import Term, clauses_of
from tolmach.archive.interfaces import LEVELS, Level

AT_ONCE: Final = 512
"""Rows that are told of by one statement."""

_FORMS_KEPT: Final = 256
_TABLES: Final[Mapping[Level, sa.Table]] = {
    "patient": patients,
    "study": studies,
    "series": series,
    "instance": instances,
}
_ROW: Final[Mapping[Level, sa.Column[int]]] = {
    level: instances.c.object_id if level == "instance" else table.c.id for level, table in _TABLES.items()
}
_ABOVE: Final[Mapping[Level, sa.ColumnElement[bool]]] = {
    "study": studies.c.patient == patients.c.id,
    "series": series.c.study == studies.c.id,
    "instance": instances.c.series == series.c.id,
}
_VISIBLE: Final[Mapping[Level, sa.ColumnElement[bool]]] = {
    "patient": patients.c.visible > sa.literal_column("0"),
    "study": studies.c.visible > sa.literal_column("0"),
    "series": series.c.visible > sa.literal_column("0"),
    "instance": instances.c.is_visible == sa.literal_column("1"),
}
_newest_study = (studies.c.date.desc(), studies.c.time.desc(), studies.c.uid, studies.c.id)
_ORDER: Final[Mapping[Level, Sequence[sa.ColumnElement[Any]]]] = {
    "patient": (
        *(patients.c.patient_id, patients.c.issuer, patients.c.scope),
        *(patients.c.name, patients.c.birth_date, patients.c.id),
    ),
    "study": _newest_study,
    "series": (*_newest_study, series.c.uid, series.c.id),
    "instance": (*_newest_study, series.c.uid, series.c.id, instances.c.uid),
}


@dataclass(frozen=True, slots=True)
class Form:
    """What makes questions alike: whose rows are asked for, and what must hold of them."""

    level: Level
    terms: tuple[Term, ...]


@lru_cache(maxsize=_FORMS_KEPT)
def in_order(form: Form) -> sa.Select[Any]:
    """Give the statement for the numbers of all rows that are meant, in order."""
    highest: Level = "patient" if form.level == "patient" else "study"
    return _meant(form, _ROW[form.level], highest).order_by(*_ORDER[form.level])


@lru_cache(maxsize=_FORMS_KEPT)
def a_page(form: Form) -> Prepared:
    """Give the statement for `most` of those numbers behind the first `passed`."""
    return Prepared(on_a_page(form))


def on_a_page(form: Form) -> sa.Select[Any]:
    """Give the statement of `a_page`."""
    return in_order(form).limit(_number("most")).offset(_number("passed"))


@lru_cache(maxsize=_FORMS_KEPT)
def counted(form: Form) -> Prepared:
    """Give the statement that counts the rows behind the first `passed`, `most` of them."""
    some = _meant(form, sa.literal_column("1").label("one"), form.level)
    return Prepared(
        sa.select(sa.func.count()).select_from(some.limit(_number("most")).offset(_number("passed")).subquery())
    )


@lru_cache(maxsize=_FORMS_KEPT)
def with_modality(count: int) -> Prepared:
    """Give the statement that counts the series with one of `count` modalities, `most` of them."""
    some = sa.select(series.c.modality).where(series.c.modality.in_([sa.bindparam(f"v{n}") for n in range(count)]))
    return Prepared(sa.select(sa.func.count()).select_from(some.limit(_number("most")).subquery()))


@lru_cache(maxsize=_FORMS_KEPT)
def told(level: Level, highest: Level, count: int) -> Prepared:
    """Give the statement for what is told of `count` rows of a level, whose numbers are bound by `numbers_of`.

    Of each level from the highest down there are three columns: the number of the row, how many of its instances are
    visible, and its attributes. The order is any.
    """
    columns: list[sa.ColumnElement[Any]] = []
    for each in levels_from(highest, level):
        visible = sa.literal_column("1").label("one") if each == "instance" else _TABLES[each].c.visible
        columns += [_ROW[each], visible, _TABLES[each].c.attributes]
    return Prepared(sa.select(*columns).select_from(_joined(highest, level)).where(_ROW[level].in_(_numbers(count))))


@lru_cache(maxsize=_FORMS_KEPT)
def series_of(count: int) -> Prepared:
    """Give the statement for the visible series of `count` studies: study, modality, SOP classes."""
    return Prepared(
        sa.select(series.c.study, series.c.modality, series.c.sop_classes).where(
            series.c.study.in_(_numbers(count)), _VISIBLE["series"]
        )
    )


@lru_cache(maxsize=_FORMS_KEPT)
def studies_of(count: int) -> Prepared:
    """Give the statement for what `count` patients have: patient, number of studies, number of series."""
    return Prepared(
        sa.select(studies.c.patient, sa.func.count(sa.distinct(studies.c.id)), sa.func.count(series.c.id))
        .select_from(studies.join(series, sa.and_(_ABOVE["series"], _VISIBLE["series"])))
        .where(studies.c.patient.in_(_numbers(count)), _VISIBLE["study"])
        .group_by(studies.c.patient)
    )


def numbers_of(rows: Sequence[int]) -> tuple[int, Mapping[str, int]]:
    """Give how many rows a statement is to be for, and the values it gets: few statements do for all numbers."""
    count = 1 << (len(rows) - 1).bit_length()
    return count, {f"r{place}": rows[min(place, len(rows) - 1)] for place in range(count)}


def levels_from(highest: Level, lowest: Level) -> tuple[Level, ...]:
    """Give the levels between two, both included."""
    return LEVELS[LEVELS.index(highest) : LEVELS.index(lowest) + 1]


def _meant(form: Form, column: sa.ColumnElement[Any], highest: Level) -> sa.Select[Any]:
    needed = [highest, *(one for term in form.terms if (one := term.needs(form.level)) is not None)]
    joined = _joined(min(needed, key=LEVELS.index), form.level)
    return sa.select(column).select_from(joined).where(_VISIBLE[form.level], *clauses_of(form.terms, form.level))


def _joined(highest: Level, lowest: Level) -> sa.FromClause:
    """Give the tables of a level and of those above it, as far up as is needed."""
    joined: sa.FromClause = _TABLES[highest]
    for level in levels_from(highest, lowest)[1:]:
        joined = joined.join(_TABLES[level], _ABOVE[level])
    return joined


def _numbers(count: int) -> list[sa.BindParameter[int]]:
    return [_number(f"r{place}") for place in range(count)]


def _number(name: str) -> sa.BindParameter[int]:
    return sa.bindparam(name, type_=sa.BigInteger)
