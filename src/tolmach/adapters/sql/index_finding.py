"""Answers to a question: rows of a level with those above it, a page of them, and how many more there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import dialect
from tolmach.adapters.sql.index_conditions import Narrowed, narrowed
from tolmach.adapters.sql.index_schema import instances, patients, series, studies
from tolmach.adapters.sql.stored import from_json, slices
from tolmach.archive.attributes import COUNTED, KEPT, level_of, up_to, usual
from tolmach.archive.interfaces import Entity, Item, Level, Query
from tolmach.archive.matching import meets

_BATCH: Final = 500
_TABLES: Final[Mapping[Level, sa.Table]] = {
    "patient": patients,
    "study": studies,
    "series": series,
    "instance": instances,
}
_ABOVE: Final[Mapping[Level, sa.ColumnElement[bool]]] = {
    "study": studies.c.patient == patients.c.id,
    "series": series.c.study == studies.c.id,
    "instance": instances.c.series == series.c.id,
}
_VISIBLE: Final[Mapping[Level, sa.ColumnElement[bool]]] = {
    "patient": patients.c.visible > 0,
    "study": studies.c.visible > 0,
    "series": series.c.visible > 0,
    "instance": instances.c.is_visible == 1,
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
_IDS: Final = sa.bindparam("ids", type_=sa.BigInteger, expanding=True)
_STUDIES_OF = (
    sa.select(
        studies.c.patient.label("entity"),
        sa.func.count(sa.distinct(studies.c.id)).label("studies"),
        sa.func.count(series.c.id).label("series"),
    )
    .join(series, sa.and_(series.c.study == studies.c.id, series.c.visible > 0))
    .where(studies.c.patient.in_(_IDS), studies.c.visible > 0)
    .group_by(studies.c.patient)
)
_SERIES_OF = sa.select(series.c.study.label("entity"), series.c.modality, series.c.sop_classes).where(
    series.c.study.in_(_IDS), series.c.visible > 0
)


def found(connection: sa.Connection, query: Query) -> tuple[list[Entity], int]:
    """Give a page of what meets the query, and how many more there are behind it."""
    wanted = usual(query.level) if query.returned is None else query.returned
    narrow = narrowed(query.conditions)
    shown = [level for level in up_to(query.level) if _is_needed(level, wanted, narrow)]
    statement = _statement(query.level, shown, narrow)
    rows, more = (_picked if narrow.rest else _page)(connection, statement, query, narrow, shown)
    counts = {
        level: _COUNTS[level](connection, [_row_of(row, level) for row in rows])
        for level in up_to(query.level)
        if level in _COUNTS and not wanted.isdisjoint(COUNTED[level])
    }
    entities = []
    for row in rows:
        values = _values(row, shown)
        for level, counted in counts.items():
            values |= counted.get(_row_of(row, level), {}) | _visible(row, level)
        entities.append(Entity(query.level, {key: values[key] for key in values if key in wanted}))
    return entities, more


def explained(connection: sa.Connection, query: Query) -> list[str]:
    """Give how the database goes about a question, in its own words; for people and for tests."""
    wanted = usual(query.level) if query.returned is None else query.returned
    narrow = narrowed(query.conditions)
    shown = [level for level in up_to(query.level) if _is_needed(level, wanted, narrow)]
    return dialect.plan_of(connection, _statement(query.level, shown, narrow).limit(query.limit + 1))


def _is_needed(level: Level, wanted: frozenset[str], narrow: Narrowed) -> bool:
    return not wanted.isdisjoint(KEPT[level]) or any(level_of(keyword) == level for keyword in narrow.rest)


def _statement(level: Level, shown: Sequence[Level], narrow: Narrowed) -> sa.Select[Any]:
    columns: list[sa.ColumnElement[Any]] = []
    for each in up_to(level):
        table = _TABLES[each]
        if each != "instance":
            columns += [table.c.id.label(f"{each}_row"), table.c.visible.label(f"{each}_visible")]
        if each in shown:
            columns.append(table.c.attributes.label(f"{each}_attributes"))
    columns = columns or [_TABLES[level].c.id]
    statement = sa.select(*columns).select_from(_joined("patient", level)).where(_VISIBLE[level], *narrow.clauses)
    return statement.order_by(*_ORDER[level])


def _joined(highest: Level, lowest: Level) -> sa.FromClause:
    """Give the tables of a level and of those above it, as far up as is needed."""
    levels = up_to(lowest)[up_to(lowest).index(highest) :]
    joined: sa.FromClause = _TABLES[levels[0]]
    for level in levels[1:]:
        joined = joined.join(_TABLES[level], _ABOVE[level])
    return joined


def _page(
    connection: sa.Connection,
    statement: sa.Select[Any],
    query: Query,
    narrow: Narrowed,
    _shown: Sequence[Level],
) -> tuple[Sequence[Any], int]:
    """Let the database give the page; it counts the rest only where there is one."""
    rows = connection.execute(statement.limit(query.limit + 1).offset(query.offset)).all()
    if len(rows) <= query.limit:
        return rows, 0
    asked = [level for level in up_to(query.level) if any(level_of(keyword) == level for keyword in query.conditions)]
    joined = _joined([*asked, query.level][0], query.level)
    counting = sa.select(sa.func.count()).select_from(joined).where(_VISIBLE[query.level], *narrow.clauses)
    total = int(connection.execute(counting).scalar_one())
    return rows[: query.limit], total - query.offset - query.limit


def _picked(
    connection: sa.Connection,
    statement: sa.Select[Any],
    query: Query,
    narrow: Narrowed,
    shown: Sequence[Level],
) -> tuple[Sequence[Any], int]:
    """Look at each row the database gives; memory holds the page alone."""
    rows: list[Any] = []
    total = 0
    for row in connection.execute(statement.execution_options(yield_per=_BATCH)):
        if meets(narrow.rest, _values(row, shown)):
            if query.offset <= total < query.offset + query.limit:
                rows.append(row)
            total += 1
    return rows, max(0, total - query.offset - len(rows))


def _values(row: Any, shown: Sequence[Level]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for level in shown:
        values |= values_of(getattr(row, f"{level}_attributes"))
    return values


def values_of(text: str) -> dict[str, Any]:
    """Give values as they were before they were kept."""
    return {keyword: tuple(map(_value, some)) for keyword, some in from_json(text).items()}


def _value(one: Any) -> str | Item:
    return one if isinstance(one, str) else {keyword: tuple(texts) for keyword, texts in one.items()}


# What is counted --------------------------------------------------------------------------------------------


def _row_of(row: Any, level: Level) -> int:
    return int(getattr(row, f"{level}_row"))


def _visible(row: Any, level: Level) -> dict[str, Any]:
    return {_INSTANCES[level]: (str(getattr(row, f"{level}_visible")),)}


def _of_patients(connection: sa.Connection, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    counted: dict[int, dict[str, Any]] = {}
    for some in slices(sorted(set(rows))):
        for one in connection.execute(_STUDIES_OF, {"ids": some}):
            counted[one.entity] = {
                "NumberOfPatientRelatedStudies": (str(one.studies),),
                "NumberOfPatientRelatedSeries": (str(one.series),),
            }
    return counted


def _of_studies(connection: sa.Connection, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    known: dict[int, list[Any]] = {}
    for some in slices(sorted(set(rows))):
        for one in connection.execute(_SERIES_OF, {"ids": some}):
            known.setdefault(one.entity, []).append(one)
    counted: dict[int, dict[str, Any]] = {}
    for study, all_series in known.items():
        told: dict[str, Any] = {"NumberOfStudyRelatedSeries": (str(len(all_series)),)}
        if modalities := {one.modality for one in all_series} - {""}:
            told["ModalitiesInStudy"] = tuple(sorted(modalities))
        if classes := {uid for one in all_series for uid in one.sop_classes.split()}:
            told["SOPClassesInStudy"] = tuple(sorted(classes))
        counted[study] = told
    return counted


def _of_series(_connection: sa.Connection, _rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    return {}


_INSTANCES: Final[Mapping[Level, str]] = {
    "patient": "NumberOfPatientRelatedInstances",
    "study": "NumberOfStudyRelatedInstances",
    "series": "NumberOfSeriesRelatedInstances",
}
_COUNTS: Final[Mapping[Level, Callable[[sa.Connection, Sequence[int]], dict[int, dict[str, Any]]]]] = {
    "patient": _of_patients,
    "study": _of_studies,
    "series": _of_series,
}
