"""Whether two who bear the same patient ID are the same person: evidence, never proof.

The same number on two people is the dangerous case, so doubt keeps them apart; a person can see both, and why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tolmach.archive.names import has_wild_cards
from tolmach.text.fold import similarity

ALIKE_ENOUGH: Final = 0.87
"""Another patronymic gives 0.85, another given name 0.65; one wrong letter in a family name of five 0.89."""

_DATE: Final = re.compile(r"(?!19000101)(?:1[89]|20)\d{6}")


@dataclass(frozen=True, slots=True)
class Person:
    """What tells people apart besides their ID; empty where it is not known."""

    name: str
    birth_date: str


def resemblance(one: Person, other: Person) -> float | None:
    """Tell how alike two people are, 0 to 1; None when they are not the same.

    Dates of birth that differ make two people, whatever their names. A name without letters says nothing.
    """
    if _is_date(one.birth_date) and _is_date(other.birth_date) and one.birth_date != other.birth_date:
        return None
    if not (is_telling(one.name) and is_telling(other.name)):
        return 0.0
    if one.name == other.name:
        return 1.0
    alike = similarity(one.name, other.name)
    return alike if alike >= ALIKE_ENOUGH else None


def most_alike(person: Person, known: Sequence[Person]) -> int | None:
    """Give the place of the one of some people with the same ID who this is; None when it is somebody else."""
    found = [(resemblance(person, other), -place) for place, other in enumerate(known)]
    likely = [(alike, place) for alike, place in found if alike is not None]
    return -max(likely)[1] if likely else None


def is_telling(name: str) -> bool:
    """Tell whether a name has letters, and not question marks in their place."""
    return (
        any(letter.isalpha() for letter in name)
        and not has_wild_cards(name)
        and "\N{REPLACEMENT CHARACTER}" not in name
    )


def _is_date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None
