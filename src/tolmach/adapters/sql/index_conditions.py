"""Conditions of a question as terms of SQL: what the database can decide by itself, and what only narrows the search.

What is not decided here is decided by `tolmach.archive.matching`, row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tolmach.adapters.sql.index_places import LAST
from tolmach.adapters.sql.index_terms import COLUMNS, NOTHING, Bound, Term, among
from tolmach.adapters.sql.stored import plain
from tolmach.archive.attributes import STUDY_MOMENT, vr_of
from tolmach.archive.interfaces import Between, Condition, Like, Named, OneOf
from tolmach.archive.matching import NUMBERS, comparable, latest
from tolmach.archive.names import (
    WILD,
    Asked,
    asked,
    exact_keys,
    groups_of,
    has_wild_cards,
    is_numbered,
    key_runs,
    literally,
)
from tolmach.text.fold import fold_keys

_LAST_LETTER: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the database looks for, and the conditions that rows must meet besides."""

    bounds: tuple[Bound, ...]
    rest: Mapping[str, Condition]


def narrowed(conditions: Mapping[str, Condition]) -> Narrowed:
    """Give a question's conditions as far as SQL goes."""
    bounds: list[Bound] = []
    rest: dict[str, Condition] = {}
    for keyword, condition in conditions.items():
        found, decides = _bounds(keyword, condition)
        bounds += found
        if not decides:
            rest[keyword] = condition
    return Narrowed(tuple(bounds), rest)


def _bounds(keyword: str, condition: Condition) -> tuple[Sequence[Bound], bool]:
    """Give what SQL can say of a condition, and whether that is all."""
    if keyword == "PatientName":
        return _name(condition)
    if keyword == "ModalitiesInStudy":
        return [_modalities(condition)], True
    if keyword == "SOPClassesInStudy":
        return [_classes(condition)], True
    if keyword not in COLUMNS and keyword != STUDY_MOMENT:
        return [], False
    match condition:
        case OneOf(values) if keyword != STUDY_MOMENT:
            return _one_of(keyword, values)
        case Between():
            return _between(keyword, condition), True
        case Like(pattern) if keyword != STUDY_MOMENT:
            return _beginning(keyword, pattern), False
        case _:
            return [], False


def _one_of(keyword: str, values: Iterable[str]) -> tuple[Sequence[Bound], bool]:
    vr = vr_of(keyword)
    wanted = [comparable(plain(value), vr) for value in values]
    if vr not in NUMBERS:
        return [among("among", keyword, wanted)], True
    numbers = [int(value) for value in wanted if value.removeprefix("-").isdecimal()]
    if len(numbers) < len(wanted) or any(abs(number) >= LAST for number in numbers):
        return [], False
    return [among("among", keyword, numbers)], True


def _between(keyword: str, condition: Between) -> Sequence[Bound]:
    found = [Bound(Term("there", keyword))]
    if condition.first:
        found.append(Bound(Term("from", keyword), (condition.first,)))
    if condition.last:
        vr = "DT" if keyword == STUDY_MOMENT else vr_of(keyword)
        found.append(Bound(Term("to", keyword), (latest(condition.last, vr),)))
    return found


def _beginning(keyword: str, pattern: str) -> Sequence[Bound]:
    """Narrow by what stands before the first wild card, where it has no case."""
    begins = plain(_before_wild_cards(pattern))
    if not begins or begins.lower() != begins.upper() or COLUMNS[keyword].type.python_type is not str:
        return []
    return _begins_with(keyword, begins)


def _begins_with(of: str, begins: str) -> list[Bound]:
    return [Bound(Term("from", of), (begins,)), Bound(Term("before", of), (begins + _LAST_LETTER,))]


def _before_wild_cards(pattern: str) -> str:
    return WILD.split(pattern, maxsplit=1)[0]


def _pattern(text: str) -> str:
    """Give a pattern of `*` and `?` as LIKE has it."""
    return _escaped(text).replace("*", "%").replace("?", "_")


def _escaped(text: str) -> str:
    """Put a backslash before what LIKE would not take literally."""
    for letter in "\\%_":
        text = text.replace(letter, f"\\{letter}")
    return text


# What a study has in its series -----------------------------------------------------------------------------


def _modalities(condition: Condition) -> Bound:
    match condition:
        case OneOf(values):
            return among("modalities", "ModalitiesInStudy", [plain(value) for value in values if value])
        case Like(pattern):
            return Bound(Term("like", "ModalitiesInStudy"), (_pattern(plain(pattern).lower()),))
        case _:
            return NOTHING


def _classes(condition: Condition) -> Bound:
    values = condition.values if isinstance(condition, OneOf) else ()
    # Each class of a series stands between blanks.
    return among("classes", "SOPClassesInStudy", [f"% {_escaped(plain(value))} %" for value in values])


# Names ------------------------------------------------------------------------------------------------------


def _name(condition: Condition) -> tuple[Sequence[Bound], bool]:
    """Give the patients whose name may fit, and whether they all do."""
    match condition:
        case Like(pattern):
            literals = [_literally(literally(group)) for group in groups_of(pattern)]
            return ([_names(literals)], True) if literals else ([], False)
        case Named(pattern):
            ways = [_literally(one.literal) for one in asked(pattern)]
            decides = True
            for one in asked(pattern):
                way, is_all = _folded(one)
                decides = decides and is_all
                if way:
                    ways.append(way)
            return [_names(ways)], decides
        case _:
            return [], False


def _names(ways: Sequence[Sequence[Bound]]) -> Bound:
    return Bound(
        Term("names", "PatientName", ways=tuple(tuple(one.term for one in way) for way in ways)),
        tuple(value for way in ways for one in way for value in one.values),
    )


def _literally(pattern: str) -> Sequence[Bound]:
    return _fitting("l", plain(pattern), plain(_before_wild_cards(pattern)))


def _fitting(role: str, pattern: str, begins: str) -> Sequence[Bound]:
    """Give the names of a role that fit a pattern and begin so."""
    if not has_wild_cards(pattern):
        return [among("among", role, [pattern])]
    found = _begins_with(role, begins) if begins else []
    if pattern != begins + "*":
        found.append(Bound(Term("like", role), (_pattern(pattern),)))
    return found or [Bound(Term("from", role), ("",))]


def _folded(one: Asked) -> tuple[Sequence[Bound], bool]:
    """Give the names whose keys may be those asked for, and whether they are; nothing where no key can be asked by."""
    if one.is_free_text:
        keys = fold_keys(one.family)
        return (_has_key("f", keys[:1]) if keys else []), not keys
    if is_numbered(one.family) and one.family == one.literal and one.family.endswith("*"):
        return [], True  # what begins so is found as it reads
    if one.family:
        way = _part(one.family, 0)
        decides = one.is_bare and "?" not in one.family and len(one.family) > 1 and not is_numbered(one.family)
        return way, decides or not way
    for place, part in enumerate(one.others, 1):
        way = _part(part, place) if part else []
        if way:
            return way, False
    return [], True


def _part(part: str, place: int) -> Sequence[Bound]:
    """Give the names with a key like that of a part; `?` stands for any number of letters here."""
    if is_numbered(part):
        return _literally(f"*^{part}*" if place else f"{part}*")
    role = "f" if place == 0 else "o"
    exact = exact_keys(part, place)
    if exact:
        return _has_key(role, sorted(exact))
    runs = key_runs(part)
    if not any(runs):
        return []
    pattern = "*".join(runs) if len(runs) > 1 else f"{runs[0]}*"
    return _fitting(role, pattern, runs[0])


def _has_key(role: str, keys: Iterable[str]) -> Sequence[Bound]:
    return [among("among", role, [plain(key) for key in keys])]
