"""Where the bytes of a data set come from: a buffer in memory, or anything that can be read at an offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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
