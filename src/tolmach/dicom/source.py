"""Where the bytes of a data set come from: a buffer in memory, or anything that can be read at an offset."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self


class Source(Protocol):
    """Bytes of known size that can be read anywhere, as often as needed."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def read(self, offset: int, length: int) -> memoryview | bytes:
        """Give exactly `length` bytes from `offset`, fewer only where the source ends.

        The buffer is valid until the next read: a caller that keeps it makes a copy. May be called any number of times.
        """
        ...


@dataclass(frozen=True, slots=True)
class MemorySource:
    """A source whose bytes are all in memory already."""

    buffer: memoryview | bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.buffer)

    def read(self, offset: int, length: int) -> memoryview:
        """Give a view of the bytes; nothing is copied."""
        return memoryview(self.buffer)[offset : offset + length]


@dataclass(frozen=True, slots=True)
class Corrected:
    """A source in which a few bytes read as others; nothing moves, and the bytes that came stay what they were."""

    source: Source
    places: tuple[int, ...]  # in order, apart from one another
    news: tuple[bytes, ...]

    @classmethod
    def of(cls, source: Source, news: Mapping[int, bytes]) -> Self:
        """Let bytes read as others, by the places they begin at."""
        return cls(source, tuple(sorted(news)), tuple(news[place] for place in sorted(news)))

    @property
    def size(self) -> int:
        """How many bytes there are: as many as before."""
        return self.source.size

    def read(self, offset: int, length: int) -> memoryview | bytes:
        """Give exactly `length` bytes from `offset`, fewer only where the source ends."""
        block = self.source.read(offset, length)
        end = offset + len(block)
        first = max(0, bisect_left(self.places, offset) - 1)
        last = bisect_left(self.places, end, first)
        fixed: bytearray | None = None
        for place, new in zip(self.places[first:last], self.news[first:last], strict=True):
            start, stop = max(place, offset), min(place + len(new), end)
            if start < stop:
                fixed = bytearray(block) if fixed is None else fixed
                fixed[start - offset : stop - offset] = new[start - place : stop - place]
        return block if fixed is None else bytes(fixed)
