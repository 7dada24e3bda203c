"""Answers to a question: entities of a level with what is told of those above it, a page of them, and how many more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql import dialect
from tolmach.adapters.sql.index_conditions import narrowed
from tolmach.adapters.sql.index_statements import (
    AT_ONCE,
    Form,
    a_page,
    counted,
    in_order,
    levels_from,
    numbers_of,
    on_a_page,
    series_of,
    studies_of,
    told,
    with_modality,
)
from tolmach.adapters.sql.index_terms import Bound, bound_values
from tolmach.adapters.sql.stored import from_json, slices
from tolmach.archive.attributes import COUNTED, ITEMS, KEPT, level_of, up_to, usual
from tolmach.archive.interfaces import LEVELS, MOST_COUNTED, Condition, Entity, Item, Level, Query
from tolmach.archive.matching import meets

_FEW, _VERY_FEW = 1_000, 100
# Of each level that a row tells of.
_ROW, _VISIBLE, _ATTRIBUTES, _WIDTH = 0, 1, 2, 3
Told = tuple[tuple[Any, ...], dict[str, Any]]


def found(connection: sa.Connection, query: Query) -> tuple[list[Entity], int]:
    """Give a page of what meets the query, and how many more there are behind it, see `Index.find`."""
    wanted = usual(query.level) if query.returned is None else query.returned
    narrow = narrowed(query.conditions)
    form, values = _formed(connection, query.level, narrow.bounds)
    reading = _Reading.of(connection, query.level, wanted, narrow.rest)
    page, more = (_picked if narrow.rest else _page)(query, form, values, reading)
    return reading.entities(page), more


def explained(connection: sa.Connection, query: Query) -> list[str]:
    """Give how the database goes about a question, in its own words; for people and for tests."""
    form, values = _formed(connection, query.level, narrowed(query.conditions).bounds)
    page = {"most": query.limit + 1, "passed": query.offset}
    return dialect.plan_of(connection, on_a_page(form).params({**values, **page}))


def _formed(connection: sa.Connection, level: Level, bounds: Sequence[Bound]) -> tuple[Form, Mapping[str, str | int]]:
    """Give the form of a question and its values."""
    few = _FEW if len(bounds) == 1 else _VERY_FEW
    best = [_rare(connection, one, few) for one in bounds]
    return Form(level, tuple(one.term for one in best)), bound_values(best)


def _rare(connection: sa.Connection, bound: Bound, few: int) -> Bound:
    """Ask for a modality by its series where there are few of them: no database knows that without statistics."""
    if bound.term.how != "modalities":
        return bound
    asked = {**bound_values([bound]), "most": few}
    if with_modality(bound.term.count).one(connection, asked)[0] >= few:
        return bound
    return replace(bound, term=replace(bound.term, how="rare modalities"))


def _page(query: Query, form: Form, values: Mapping[str, str | int], reading: _Reading) -> tuple[Sequence[Told], int]:
    """Let the database give the page; it counts the rest only where there is one."""
    asked = {**values, "most": query.limit + 1, "passed": query.offset}
    numbers = [row[0] for row in a_page(form).rows(reading.connection, asked)]
    more = 0
    if len(numbers) > query.limit:
        del numbers[query.limit :]
        behind = {**values, "most": MOST_COUNTED, "passed": query.offset + query.limit}
        more = int(counted(form).one(reading.connection, behind)[0])
    return [one for some in slices(numbers) for one in reading.told(some)], more


def _picked(query: Query, form: Form, values: Mapping[str, str | int], reading: _Reading) -> tuple[Sequence[Told], int]:
    """Look at each row the database means, until there are enough; memory holds the page alone."""
    page: list[Told] = []
    total, first, behind = 0, query.offset, query.offset + query.limit
    statement = in_order(form).execution_options(yield_per=AT_ONCE)
    with reading.connection.execute(statement, values) as numbers:
        for some in numbers.scalars().partitions():
            for told_of in reading.told(some):
                if total < behind + MOST_COUNTED and meets(reading.rest, told_of[1]):
                    if first <= total < behind:
                        page.append(told_of)
                    total += 1
            if total >= behind + MOST_COUNTED:
                break
    return page, max(0, total - behind)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads rows of a level for one question.

    `levels` are those that are read, the highest first; `shown` and `counting` are the places in a row where a level
    begins whose attributes, or counts, are wanted. `rest` is what rows are matched by besides.
    """

    connection: sa.Connection
    wanted: frozenset[str]
    rest: Mapping[str, Condition]
    levels: tuple[Level, ...]
    shown: tuple[int, ...]
    counting: tuple[tuple[int, Level], ...]

    @classmethod
    def of(
        cls, connection: sa.Connection, level: Level, wanted: frozenset[str], rest: Mapping[str, Condition]
    ) -> _Reading:
        """Read for what is wanted, and for what rows are matched by besides."""
        matched = {level_of(keyword) for keyword in rest}
        shown = [one for one in up_to(level) if one in matched or not wanted.isdisjoint(KEPT[one])]
        counting = [one for one in up_to(level) if not wanted.isdisjoint(COUNTED[one])]
        levels = levels_from(min((*shown, *counting, level), key=LEVELS.index), level)
        return cls(
            *(connection, wanted, rest, levels),
            tuple(levels.index(one) * _WIDTH for one in shown),
            tuple((levels.index(one) * _WIDTH, one) for one in counting),
        )

    def told(self, numbers: Sequence[int]) -> Iterator[Told]:
        """Give the rows of some numbers, at most `AT_ONCE`, in the same order, and what they say."""
        if not numbers:
            return
        count, asked = numbers_of(numbers)
        own = (len(self.levels) - 1) * _WIDTH + _ROW
        rows = {row[own]: row for row in told(self.levels[-1], self.levels[0], count).rows(self.connection, asked)}
        # Rows say the same of those above them; all that is said is read as one text.
        texts = list({row[place + _ATTRIBUTES] for row in rows.values() for place in self.shown})
        said = dict(zip(texts, map(self._values, from_json(f"[{','.join(texts)}]")), strict=True))
        for number in numbers:
            row = rows[number]
            values: dict[str, Any] = {}
            for place in self.shown:
                values |= said[row[place + _ATTRIBUTES]]
            yield row, values

    def _values(self, kept: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        """Give values as they were before they were kept."""
        return {
            keyword: tuple(map(_item, some)) if keyword in ITEMS else tuple(some)
            for keyword, some in kept.items()
            if self.rest or keyword in self.wanted
        }

    def entities(self, page: Sequence[Told]) -> list[Entity]:
        """Give what is wanted of rows, with what is counted of them."""
        for place, level in self.counting:
            counts = _COUNTS[level](self.connection, sorted({row[place + _ROW] for row, _ in page}))
            visible = _INSTANCES[level]
            for row, values in page:
                told_of = {**counts.get(row[place + _ROW], {}), visible: (str(row[place + _VISIBLE]),)}
                values.update((key, told_of[key]) for key in told_of if key in self.wanted)
        if self.rest:
            return [
                Entity(self.levels[-1], {key: values[key] for key in values if key in self.wanted})
                for _, values in page
            ]
        return [Entity(self.levels[-1], values) for _, values in page]


def _item(one: Any) -> str | Item:
    return one if isinstance(one, str) else {keyword: tuple(texts) for keyword, texts in one.items()}


# What is counted --------------------------------------------------------------------------------------------


def _of_patients(connection: sa.Connection, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    told_of: dict[int, dict[str, Any]] = {}
    for some in slices(rows):
        count, asked = numbers_of(some)
        for patient, all_studies, all_series in studies_of(count).rows(connection, asked):
            told_of[patient] = {
                "NumberOfPatientRelatedStudies": (str(all_studies),),
                "NumberOfPatientRelatedSeries": (str(all_series),),
            }
    return told_of


def _of_studies(connection: sa.Connection, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    known: dict[int, list[tuple[str, str]]] = {}
    for some in slices(rows):
        count, asked = numbers_of(some)
        for study, modality, classes in series_of(count).rows(connection, asked):
            known.setdefault(study, []).append((modality, classes))
    return {study: _of_study(all_series) for study, all_series in known.items()}


def _of_study(all_series: Sequence[tuple[str, str]]) -> dict[str, Any]:
    values: dict[str, Any] = {"NumberOfStudyRelatedSeries": (str(len(all_series)),)}
    if modalities := {modality for modality, _ in all_series} - {""}:
        values["ModalitiesInStudy"] = tuple(sorted(modalities))
    if uids := {uid for _, classes in all_series for uid in classes.split()}:
        values["SOPClassesInStudy"] = tuple(sorted(uids))
    return values


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
