"""What a patient, a study or a series is said to be, where its instances do not all say the same.

It depends on what the instances say and on nothing else, least of all on the order in which they came: an index made
again from the stored files says the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tolmach.archive.identity import is_telling
from tolmach.archive.interfaces import Values
from tolmach.archive.matching import texts

MOST_PARTS: Final = 64
"""Different things said of one entity that are looked at, the most frequent."""

_NAME: Final = "PatientName"


def agreed(parts: Iterable[Values]) -> Values:
    """Give for each attribute the first value there is; parts come in their order, the most frequent first.

    A name without letters gives way to any with.
    """
    told = list(parts)
    values = {keyword: value for part in reversed(told) for keyword, value in part.items()}
    names = [part[_NAME] for part in told if any(is_telling(name) for name in texts(part, _NAME))]
    return values | {_NAME: names[0]} if names else values
