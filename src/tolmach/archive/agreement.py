"""What a patient, a study or a series is said to be, where its instances do not all say the same.

It depends on what the instances say and on nothing else, least of all on the order in which they came: an index made
again from the stored files says the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tolmach.archive.identity import is_telling
from tolmach.archive.interfaces import Values
from tolmach.archive.matching import texts

MOST_PARTS: Final = 64
"""Different things said of one entity that are looked at, the most frequent."""

_NAME: Final = "PatientName"


def agreed(parts: Iterable[tuple[int, Values]]) -> Values:
    """Give for each attribute what most instances say, of values said as often the first in the order of letters.

    Parts come with how many instances say them. A name without letters gives way to any with.
    """
    told: dict[str, dict[str, tuple[int, Any]]] = {}
    for count, part in parts:
        for keyword, value in part.items():
            known = told.setdefault(keyword, {})
            text = repr(value)
            known[text] = (known.get(text, (0, value))[0] + count, value)
    return {keyword: _agreed(keyword, known) for keyword, known in sorted(told.items())}


def _agreed(keyword: str, known: Mapping[str, tuple[int, Any]]) -> Any:
    def rank(item: tuple[str, tuple[int, Any]]) -> tuple[bool, int, str]:
        text, (count, value) = item
        is_lost = keyword == _NAME and not any(is_telling(name) for name in texts({keyword: value}, keyword))
        return is_lost, -count, text

    return min(known.items(), key=rank)[1][1]
