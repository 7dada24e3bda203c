"""Conditions of a question in SQL: what the database can decide by itself, and what only narrows the search.

What is not decided here is decided by `tolmach.archive.matching`, row by row. Texts are compared by their bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from tolmach.adapters.sql.index_places import LAST
from tolmach.adapters.sql.index_schema import instances, patient_names, patients, series, studies
from tolmach.adapters.sql.stored import plain
from tolmach.archive.attributes import STUDY_MOMENT, vr_of
from tolmach.archive.interfaces import Between, Condition, Like, Named, OneOf
from tolmach.archive.matching import NUMBERS, comparable, latest
from tolmach.archive.names import WILD, Asked, asked, exact_keys, groups_of, has_wild_cards, key_runs, literally
from tolmach.text.fold import fold_keys

Clause = sa.ColumnElement[bool]
_LAST_LETTER: Final = "\U0010ffff"

_COLUMNS: Final[Mapping[str, sa.Column[Any]]] = {
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
class Narrowed:
    """What the database looks for, and the conditions that rows must meet besides."""

    clauses: list[Clause] = field(default_factory=list)
    rest: dict[str, Condition] = field(default_factory=dict)


def narrowed(conditions: Mapping[str, Condition]) -> Narrowed:
    """Give a question's conditions as far as SQL goes."""
    found = Narrowed()
    for keyword, condition in conditions.items():
        clause, decides = _clause(keyword, condition)
        if clause is not None:
            found.clauses.append(clause)
        if not decides:
            found.rest[keyword] = condition
    return found


def _clause(keyword: str, condition: Condition) -> tuple[Clause | None, bool]:
    """Give what SQL can say of a condition, and whether that is all."""
    if keyword == "PatientName":
        return _name(condition)
    if keyword in _IN_STUDY:
        return _IN_STUDY[keyword](condition), True
    if keyword == STUDY_MOMENT and isinstance(condition, Between):
        return _between(studies.c.date + studies.c.time, "DT", condition, studies.c.date != ""), True
    column = _COLUMNS.get(keyword)
    if column is None:
        return None, False
    match condition:
        case OneOf(values):
            return _one_of(column, vr_of(keyword), values)
        case Between():
            return _between(column, vr_of(keyword), condition, column != ""), True
        case Like(pattern):
            return _beginning(column, pattern), False
        case Named():
            return None, False


def _one_of(column: sa.Column[Any], vr: str, values: Iterable[str]) -> tuple[Clause | None, bool]:
    wanted = [comparable(plain(value), vr) for value in values]
    if vr in NUMBERS:
        numbers = [int(value) for value in wanted if value.removeprefix("-").isdecimal()]
        if len(numbers) < len(wanted) or any(abs(number) >= LAST for number in numbers):
            return None, False
        return column.in_(numbers), True
    return sa.and_(column.in_(wanted), column != ""), True


def _between(column: sa.ColumnElement[Any], vr: str, condition: Between, there: Clause) -> Clause:
    clauses = [there]
    if condition.first:
        clauses.append(column >= condition.first)
    if condition.last:
        clauses.append(column <= latest(condition.last, vr))
    return sa.and_(*clauses)


def _beginning(column: sa.Column[Any], pattern: str) -> Clause | None:
    """Narrow by what stands before the first wild card, where it has no case."""
    begins = plain(_before_wild_cards(pattern))
    if not begins or begins.lower() != begins.upper() or column.type.python_type is not str:
        return None
    return _begins_with(column, begins)


def _begins_with(column: sa.Column[Any], begins: str) -> Clause:
    return sa.and_(column >= begins, column < begins + _LAST_LETTER)


def _before_wild_cards(pattern: str) -> str:
    return WILD.split(pattern, maxsplit=1)[0]


def _pattern(text: str) -> str:
    r"""Give a pattern of `*` and `?` as LIKE has it, with a backslash before what is meant literally."""
    for letter in "\\%_":
        text = text.replace(letter, f"\\{letter}")
    return text.replace("*", "%").replace("?", "_")


# What a study has in its series -----------------------------------------------------------------------------


def _modalities(condition: Condition) -> Clause:
    of_series = series.alias("series_with_modality")
    match condition:
        case OneOf(values):
            clause: Clause = of_series.c.modality.in_([plain(value) for value in values if value])
        case Like(pattern):
            clause = sa.func.lower(of_series.c.modality).like(_pattern(plain(pattern).lower()), escape="\\")
        case _:
            clause = sa.false()
    return sa.exists().where(of_series.c.study == studies.c.id, of_series.c.visible > 0, clause)


def _classes(condition: Condition) -> Clause:
    of_series = series.alias("series_with_class")
    values = condition.values if isinstance(condition, OneOf) else ()
    clauses = [of_series.c.sop_classes.contains(f" {plain(value)} ", autoescape=True) for value in values]
    return sa.exists().where(of_series.c.study == studies.c.id, of_series.c.visible > 0, sa.or_(sa.false(), *clauses))


_IN_STUDY: Final[Mapping[str, Callable[[Condition], Clause]]] = {
    "ModalitiesInStudy": _modalities,
    "SOPClassesInStudy": _classes,
}


# Names ------------------------------------------------------------------------------------------------------


def _name(condition: Condition) -> tuple[Clause | None, bool]:
    """Give the patients whose name may fit, and whether they all do."""
    match condition:
        case Like(pattern):
            literals = [_literally(literally(group)) for group in groups_of(pattern)]
            return (_patients(literals), True) if literals else (None, False)
        case Named(pattern):
            ways = [_literally(one.literal) for one in asked(pattern)]
            decides = True
            for one in asked(pattern):
                clause, is_all = _folded(one)
                decides = decides and is_all
                if clause is not None:
                    ways.append(clause)
            return _patients(ways), decides
        case _:
            return None, False


def _patients(ways: Iterable[Clause]) -> Clause:
    # Each way by its own index: joined by OR the planner would walk through all names.
    selects = [sa.select(patient_names.c.patient).where(way) for way in ways]
    found = sa.union(*selects) if len(selects) > 1 else selects[0]
    return patients.c.id.in_(found)


def _literally(pattern: str) -> Clause:
    return _fitting("l", plain(pattern), plain(_before_wild_cards(pattern)))


def _fitting(role: str, pattern: str, begins: str) -> Clause:
    """Give the names of a role that fit a pattern and begin so."""
    column = patient_names.c.key
    clauses: list[Clause] = [patient_names.c.role == role]
    if not has_wild_cards(pattern):
        return sa.and_(*clauses, column == pattern)
    if begins:
        clauses.append(_begins_with(column, begins))
    if pattern != begins + "*":
        clauses.append(column.like(_pattern(pattern), escape="\\"))
    return sa.and_(*clauses)


def _folded(one: Asked) -> tuple[Clause | None, bool]:
    """Give the names whose keys may be those asked for, and whether they are; None where there is no key to ask by."""
    if one.is_free_text:
        keys = fold_keys(one.family)
        return (_has_key("f", keys[:1]) if keys else None), not keys
    if one.family:
        clause = _part(one.family, 0)
        return clause, clause is None or (one.is_bare and "?" not in one.family and len(one.family) > 1)
    for place, part in enumerate(one.others, 1):
        clause = _part(part, place) if part else None
        if clause is not None:
            return clause, False
    return None, True


def _part(part: str, place: int) -> Clause | None:
    """Give the names with a key like that of a part; `?` stands for any number of letters here."""
    role = "f" if place == 0 else "o"
    exact = exact_keys(part, place)
    if exact:
        return _has_key(role, sorted(exact))
    runs = key_runs(part)
    if not any(runs):
        return None
    pattern = "*".join(runs) if len(runs) > 1 else f"{runs[0]}*"
    return _fitting(role, pattern, runs[0])


def _has_key(role: str, keys: Iterable[str]) -> Clause:
    return sa.and_(patient_names.c.role == role, patient_names.c.key.in_([plain(key) for key in keys]))
