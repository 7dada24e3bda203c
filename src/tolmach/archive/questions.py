"""Questions as they come over the wire, in the matching strings of DICOM, become conditions.

A bare family name stands for everybody of that family in any script. A name whose letters were lost on its way, and
is now a row of question marks, is never taken for wild cards: it would find everybody whose name is that long.

Standard: PS3.4 section C.2.2.2 (matching), PS3.18 section 8.3.4 (query parameters).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tolmach.archive import faults
from tolmach.archive.attributes import (
    COUNTED,
    FOR_THE_ASKER,
    MATCHED_COUNTS,
    STUDY_MOMENT,
    UNIQUE,
    level_of,
    up_to,
    vr_of,
)
from tolmach.archive.faults import Unanswerable
from tolmach.archive.interfaces import LEVELS, Between, Condition, Level, Like, Named, OneOf, Query
from tolmach.archive.matching import comparable, latest
from tolmach.archive.names import asked, groups_of, has_wild_cards
from tolmach.base import Problem

LONGEST: Final = 1024
"""Characters of one value that is looked for; DICOM allows 64, and ranges and wild cards a little more."""
MOST_VALUES: Final = 1000
"""Values in one list."""
MOST_WILD_CARDS: Final = 12
"""Of `*` in one value: each may multiply the time a comparison takes."""
MOST_RESULTS: Final = 100_000
"""Answers to one question."""

_NARROWING: Final = frozenset(
    """
    PatientID OtherPatientIDs OtherPatientIDsSequence.PatientID PatientBirthDate StudyDate StudyInstanceUID
    AccessionNumber StudyID SeriesInstanceUID SOPInstanceUID PerformedProcedureStepStartDate PerformedProcedureStepID
    RequestAttributesSequence.RequestedProcedureID RequestAttributesSequence.ScheduledProcedureStepID
    RequestAttributesSequence.AccessionNumber
    """.split()
)
_LISTED: Final = frozenset({"UI", "CS", "AE", "SH", "LO", "IS", "US", "AS"})
_PATTERNED: Final = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "DA", "TM", "IS", "AS"})
# What is left of a key that asks for anything.
_SAYING_NOTHING: Final = {"PN": " *^=\0", "DA": " *-\0", "TM": " *-\0", "DT": " *-\0", "UI": " *\\\0"}
_DATE: Final = re.compile(r"\d{4}(?:\d{2}(?:\d{2})?)?")
_TIME: Final = re.compile(r"\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?")


@dataclass(frozen=True, slots=True)
class Question(Query):
    """A query, and what could not be done as it was asked.

    `not_supported` are the keywords that the index does not know at that level, or that cannot be a condition.
    """

    not_supported: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def question(
    level: Level,
    conditions: Mapping[str, str],
    returned: Iterable[str] | None = None,
    *,
    fuzzy: bool = False,
    relational: bool = False,
    combined: bool = False,
    limit: int = 10_000,
    offset: int = 0,
) -> Question:
    r"""Give the query that asks what the matching strings ask, by keyword or "Sequence.Attribute".

    Universal keys (empty, or `*` alone) are no conditions and are asked back; with `returned` None the usual attributes
    are. `fuzzy` compares whole names by their folding keys; a bare family name is compared so always. `relational`
    says that unique keys of the levels above may be missing; otherwise that is told as a problem and answered all the
    same. `combined` takes the ranges of a study's date and time as one. Lists of values are parted by a backslash.
    Raises `Unanswerable` for a name whose letters were lost, where nothing else narrows the question, for what is no
    date or time, and beyond the limits.
    """
    raw = {_canonical(level, keyword): value for keyword, value in conditions.items() if keyword not in FOR_THE_ASKER}
    wanted = None if returned is None else {_canonical(level, keyword) for keyword in returned} - FOR_THE_ASKER
    asked_for = [*raw, *(wanted or ())]
    unknown = [keyword for keyword in asked_for if not _is_known(level, keyword)]
    problems: list[Problem] = []
    found = _conditions(raw, unknown, problems, fuzzy=fuzzy)
    if combined:
        _join_moments(found)
    if not relational:
        problems += _missing_unique_keys(level, found)
    return Question(
        level=level,
        conditions=found,
        returned=None
        if wanted is None
        else frozenset(one.partition(".")[0] for one in asked_for if one not in unknown),
        offset=max(0, offset),
        limit=max(0, min(limit, MOST_RESULTS)),
        not_supported=tuple(dict.fromkeys(unknown)),
        problems=tuple(problems),
    )


def _conditions(
    raw: Mapping[str, str], unknown: list[str], problems: list[Problem], *, fuzzy: bool
) -> dict[str, Condition]:
    """Give the conditions of what is known, and add what cannot be one to what is not."""
    found: dict[str, Condition] = {}
    for keyword, value in raw.items():
        _require_bounds(keyword, value)
        if keyword in unknown or _is_universal(keyword, value):
            continue
        if not _can_be_condition(keyword):
            unknown.append(keyword)
            continue
        wanted = _without_lost_letters(value, raw, problems) if vr_of(keyword) == "PN" else value
        if wanted:
            found[keyword] = _condition(keyword, wanted, fuzzy=fuzzy)
    return found


def _canonical(level: Level, keyword: str) -> str:
    """Take the modality of a study for those of its series: many a client asks so."""
    return "ModalitiesInStudy" if keyword == "Modality" and level == "study" else keyword


def _is_known(level: Level, keyword: str) -> bool:
    own = level_of(keyword)
    return own is not None and LEVELS.index(own) <= LEVELS.index(level) and keyword != STUDY_MOMENT


def _can_be_condition(keyword: str) -> bool:
    counted = any(keyword in COUNTED[level] for level in LEVELS)
    is_whole_sequence = vr_of(keyword) == "SQ"
    return not is_whole_sequence and (not counted or keyword in MATCHED_COUNTS)


def _is_universal(keyword: str, value: str) -> bool:
    return not value.strip(_SAYING_NOTHING.get(vr_of(keyword), " *\0"))


def _require_bounds(keyword: str, value: str) -> None:
    values = value.split("\\")
    if len(values) > MOST_VALUES or max(map(len, values)) > LONGEST or value.count("*") > MOST_WILD_CARDS:
        raise Unanswerable(faults.TOO_LONG, keyword=keyword, limit=LONGEST)


def _missing_unique_keys(level: Level, found: Mapping[str, Condition]) -> list[Problem]:
    above = [UNIQUE[each] for each in up_to(level)[1:-1]]
    return [Problem(faults.NO_UNIQUE_KEY, {"keyword": key}) for key in above if key not in found]


# Values -----------------------------------------------------------------------------------------------------


def _condition(keyword: str, value: str, *, fuzzy: bool) -> Condition:
    vr = vr_of(keyword)
    text = value.strip(" \0")
    if vr == "PN":
        return _name(text, fuzzy=fuzzy)
    if vr in ("DA", "TM", "DT") and not has_wild_cards(text):
        return _moment(keyword, vr, text)
    if has_wild_cards(text) and vr in _PATTERNED:
        return Like(text)
    values = [one.strip(" \0") for one in text.split("\\")] if vr in _LISTED else [text]
    return OneOf(tuple(dict.fromkeys(one for one in values if one)))


def _name(text: str, *, fuzzy: bool) -> Condition:
    is_bare = all(one.is_bare and " " not in one.family for one in asked(text))
    return Named(text) if fuzzy or is_bare else Like(text)


def _moment(keyword: str, vr: str, text: str) -> Condition:
    """Read a date or time, or a range of them; one that is cut off stands for all of the hour, minute or month."""
    first, dash, last = text.partition("-")
    if not dash:
        first = last = text
    first, last = first.strip(), last.strip()
    first, last = (_digits(keyword, vr, one, text) for one in (first, last))
    if not dash and vr == "DA" and len(first) == 8:
        return OneOf((first,))
    return Between(first, last)


def _digits(keyword: str, vr: str, value: str, text: str) -> str:
    digits = value.replace(":", "") if vr == "TM" else value.replace(".", "")
    form = _TIME if vr == "TM" else _DATE
    if digits and not form.fullmatch(digits):
        raise Unanswerable(faults.BAD_RANGE, keyword=keyword, value=text)
    return digits


def _join_moments(found: dict[str, Condition]) -> None:
    """Make one range of a study's date and time where both are there."""
    date, time = found.get("StudyDate"), found.get("StudyTime")
    if isinstance(date, OneOf) and len(date.values) == 1:
        date = Between(date.values[0], date.values[0])
    if not isinstance(date, Between) or not isinstance(time, Between):
        return
    first = date.first and f"{date.first}{comparable(time.first, 'TM') if time.first else ''}"
    last = date.last and f"{date.last}{latest(time.last, 'TM')}"
    found[STUDY_MOMENT] = Between(first, last)
    del found["StudyTime"]
    found["StudyDate"] = date


# Letters that were lost -------------------------------------------------------------------------------------


def _without_lost_letters(value: str, raw: Mapping[str, str], problems: list[Problem]) -> str:
    """Give a name without the parts that are question marks alone; raises where nothing else would be left."""
    kept = [_kept_parts(group) for group in groups_of(value.replace("\N{REPLACEMENT CHARACTER}", "?"))]
    if all(is_whole for _group, is_whole in kept):
        return value
    rest = "=".join(group for group, _is_whole in kept if group.strip("*^ "))
    narrowed = any(key in _NARROWING and not _is_universal(key, other) for key, other in raw.items())
    if not rest and not narrowed:
        raise Unanswerable(faults.LOST_LETTERS, name=value)
    problems.append(Problem(faults.LOST_LETTERS_IGNORED, {"name": value}))
    return rest


def _kept_parts(group: str) -> tuple[str, bool]:
    """Give a group with `*` for every part whose letters were lost, and whether there was none."""
    parts = [part.strip() for part in group.split("^")]
    kept = ["*" if _is_lost(part) else part for part in parts]
    return "^".join(kept), kept == parts


def _is_lost(part: str) -> bool:
    return "?" in part and not any(letter.isalnum() for letter in part)
