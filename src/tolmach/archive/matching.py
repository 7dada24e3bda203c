"""Whether what is held meets the conditions of a question: the rules of matching, for every index alike.

An attribute without a value meets no condition. Attributes of a sequence must be met by one item together.

Standard: PS3.4 section C.2.2.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tolmach.archive.attributes import STUDY_MOMENT, vr_of
from tolmach.archive.interfaces import Between, Condition, Item, Like, Named, OneOf, Values
from tolmach.archive.names import compiled_pattern, fits_literally, fits_name, groups_of, literally

NUMBERS: Final = frozenset({"IS", "US", "UL", "SS", "SL"})
_LATEST: Final = {"TM": "235959.999999", "DA": "99991231"}


def meets(conditions: Mapping[str, Condition], values: Values) -> bool:
    """Tell whether the values, of an entity and of those above it, meet every condition."""
    nested: dict[str, dict[str, Condition]] = {}
    for keyword, condition in conditions.items():
        sequence, _, inside = keyword.partition(".")
        if inside:
            nested.setdefault(sequence, {})[inside] = condition
        elif keyword == STUDY_MOMENT:
            if not fits(condition, "DT", [study_moment(values)]):
                return False
        elif not fits(condition, vr_of(keyword), texts(values, keyword)):
            return False
    return all(_an_item_meets(inside, values.get(sequence, ())) for sequence, inside in nested.items())


def _an_item_meets(conditions: Mapping[str, Condition], items: Iterable[str | Item]) -> bool:
    return any(
        all(fits(condition, vr_of(keyword), item.get(keyword, ())) for keyword, condition in conditions.items())
        for item in items
        if not isinstance(item, str)
    )


def fits(condition: Condition, vr: str, values: Iterable[str]) -> bool:
    """Tell whether one of the values of an attribute meets a condition; empty values meet none."""
    present = [value for value in values if value]
    match condition:
        case OneOf(wanted):
            known = {comparable(one, vr) for one in wanted}
            return any(comparable(value, vr) in known for value in present)
        case Like(pattern):
            return any(_is_like(pattern, vr, value) for value in present)
        case Between(first, last):
            return any(_lies_within(first, last, vr, value) for value in present)
        case Named(pattern):
            return any(fits_name(pattern, value) for value in present)


def _is_like(pattern: str, vr: str, value: str) -> bool:
    if vr == "PN":
        literals = list(map(literally, groups_of(value)))
        return any(fits_literally(literally(group), literals) for group in groups_of(pattern))
    return compiled_pattern(pattern.casefold()).fullmatch(value.casefold()) is not None


def _lies_within(first: str, last: str, vr: str, value: str) -> bool:
    known = comparable(value, vr)
    return bool(known) and (not first or first <= known) and (not last or known <= latest(last, vr))


def latest(value: str, vr: str) -> str:
    """Give the last moment of a date or time that may be cut off: `10` is 105959.999999."""
    if vr == "DT":
        return value[:8] + latest(value[8:], "TM")
    full = _LATEST.get(vr, "")
    return value + full[len(value) :]


def comparable(value: str, vr: str) -> str:
    """Give a value as it is compared: numbers without signs that say nothing, dates and times as digits alone."""
    if vr in NUMBERS:
        return _number(value)
    if vr == "DA":
        return value.replace(".", "").replace("-", "")
    if vr == "TM":
        digits, dot, fraction = value.replace(":", "").partition(".")
        return f"{digits:0<6}{dot}{fraction}"
    return value


def _number(value: str) -> str:
    try:
        return str(int(value))
    except ValueError:
        return value


def study_moment(values: Values) -> str:
    """Give date and time of a study as one, the day's beginning where there is no time; empty without a date."""
    date = comparable(next(iter(texts(values, "StudyDate")), ""), "DA")
    time = comparable(next(iter(texts(values, "StudyTime")), ""), "TM")
    return date + time if date else ""


def texts(values: Values, keyword: str) -> list[str]:
    """Give the values of an attribute that is no sequence."""
    return [value for value in values.get(keyword, ()) if isinstance(value, str)]
