"""Counting without growing: how often each value was met, of a bounded number of different ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

LONGEST = 120  # characters of a value that are kept
T = TypeVar("T", bound=Hashable)


@dataclass(slots=True)
class Tally(Generic[T]):
    """How often each value was met; of what came after `most` different ones only the number is known."""

    most: int = 50
    counts: Counter[T] = field(default_factory=Counter)
    others: int = 0

    def add(self, value: T) -> None:
        """Count a value."""
        if value in self.counts or len(self.counts) < self.most:
            self.counts[value] += 1
        else:
            self.others += 1

    def top(self, number: int | None = None) -> list[tuple[T, int]]:
        """Give the values met most often, with how often."""
        return self.counts.most_common(number)

    @property
    def total(self) -> int:
        """How many values were counted."""
        return self.counts.total() + self.others

    def __bool__(self) -> bool:
        """Tell whether anything was counted."""
        return bool(self.counts)


def clipped(text: str) -> str:
    """Give text of a length that can be kept and shown; of a longer one the beginning, and how long it was."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… [{len(text)}]"
