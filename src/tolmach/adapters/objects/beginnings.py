"""Where the data set of a stored file may begin: of several possible places, the one that fits its name counts."""

from __future__ import annotations

from tolmach.intake.head import Head


def beginnings(head: Head, expected: int = 0) -> tuple[int, ...]:
    """Give the places to hash from, the likeliest first: as the head is read, as it announces, as expected, and all."""
    return tuple(dict.fromkeys((head.data_set_offset, head.announced_offset, expected, 0)))
