"""Whether identifiers and dates look as a person would expect: their shapes, and days that cannot be.

Nothing here is an error of the encoding; it is what makes an archive unable to find a patient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

from tolmach.base import N_

Run = tuple[str, int]  # what stands there (`digits`, `latin`, `cyrillic`, `letters`, or a sign itself) and how often
Shape = tuple[Run, ...]
MIXED = "mixed"
_MOST_RUNS = 7

_EXAMINED = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_BORN = "PatientBirthDate"
DATES = (*_EXAMINED, _BORN)

NO_DATE = N_("is no day of the calendar")
FUTURE = N_("lies in the future")
TOO_OLD = N_("is older than digital images are")
TOO_LONG_AGO = N_("would make the patient older than 120 years")
BORN_LATER = N_("lies after the examination")
CLOCK_RESET = N_("is the day clocks begin with when their battery is empty")

_OLDEST_IMAGE = 1970
_OLDEST_PATIENT = 120
_FIRST_DAYS = frozenset({date(1970, 1, 1), date(1980, 1, 1), date(1980, 1, 4), date(2000, 1, 1), date(2001, 1, 1)})
_DIGITS = re.compile("[0-9]{8}")


def shape_of(text: str) -> Shape:
    """Give what an identifier is made of, run by run; many short runs are only `mixed`, with the length."""
    runs: list[Run] = []
    for one in text:
        kind = _kind(one)
        if runs and runs[-1][0] == kind:
            runs[-1] = (kind, runs[-1][1] + 1)
        elif len(runs) == _MOST_RUNS:
            return ((MIXED, len(text)),)
        else:
            runs.append((kind, 1))
    return tuple(runs)


def _kind(one: str) -> str:
    if "0" <= one <= "9":
        return "digits"
    if one.isascii() and one.isalpha():
        return "latin"
    if "\u0400" <= one <= "\u052f":
        return "cyrillic"
    return "letters" if one.isalpha() else one


def date_oddities(dates: Mapping[str, str], today: date) -> Iterator[tuple[str, str]]:
    """Give (keyword, what is odd) for dates of one object, written as in DA; empty ones are none of its business.

    `today` is the day at the place of the reader; a day more is allowed for other time zones.
    """
    examined = _parsed(dates.get("StudyDate", ""))
    for keyword, text in dates.items():
        if not text:
            continue
        day = _parsed(text)
        if day is None:
            yield keyword, NO_DATE
        elif (day - today).days > 1:
            yield keyword, FUTURE
        elif keyword == _BORN:
            if examined is not None and day > examined:
                yield keyword, BORN_LATER
            elif today.year - day.year > _OLDEST_PATIENT:
                yield keyword, TOO_LONG_AGO
        elif day in _FIRST_DAYS:
            yield keyword, CLOCK_RESET
        elif day.year < _OLDEST_IMAGE:
            yield keyword, TOO_OLD


def _parsed(text: str) -> date | None:
    if not _DIGITS.fullmatch(text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
