"""An object in a bucket as a source: its first bytes with one request, more of it in growing windows.

Whoever reads a header asks once, for little. Whoever reads on gets larger windows, so that a large object costs few
requests and memory stays flat. Every window is of the same state of the object, or there is trouble.
"""

from __future__ import annotations

from tolmach.adapters.objects.faults import S3_CHANGED, missing
from tolmach.adapters.objects.s3_bucket import PART, Bucket, Piece
from tolmach.intake.faults import StoreTrouble

FIRST_WINDOW = 64 << 10
_NEXT_WINDOW = 1 << 20
_LARGEST_WINDOW = PART
_GROWTH = 4


class BucketSource:
    """A `Source` over one object; one thread at a time. Reading raises `ObjectMissing` and `StoreTrouble`."""

    def __init__(self, bucket: Bucket, key: str, first: Piece | None = None) -> None:
        """Ask for the first bytes, and with them for the size, unless they are there already."""
        self._bucket, self._key = bucket, key
        self._first = self._window = self._get(0, FIRST_WINDOW, "") if first is None else first

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._first.size

    @property
    def first(self) -> Piece:
        """The first bytes, and what the server says of the object."""
        return self._first

    def read(self, offset: int, length: int) -> memoryview | bytes:
        """Give exactly `length` bytes from `offset`, fewer only where the object ends."""
        length = max(0, min(length, self.size - offset))  # a length from outside asks for nothing
        if not length:
            return b""
        for window in (self._window, self._first):
            if window.start <= offset and offset + length <= window.start + len(window.content):
                return window.content[offset - window.start : offset - window.start + length]
        if length > _LARGEST_WINDOW:
            return b"".join(
                self._get(at, min(_LARGEST_WINDOW, offset + length - at)).content
                for at in range(offset, offset + length, _LARGEST_WINDOW)
            )
        return self._move_to(offset, length)[:length]

    def _move_to(self, offset: int, length: int) -> memoryview:
        """Let the window begin at `offset`: larger than the last where reading goes on, small where it jumps."""
        before = self._window
        goes_on = before.start <= offset <= before.start + len(before.content)
        wanted = min(max(_NEXT_WINDOW, len(before.content) * _GROWTH), _LARGEST_WINDOW) if goes_on else FIRST_WINDOW
        self._window = self._first  # one large window in memory, not two
        del before
        self._window = self._get(offset, min(max(wanted, length), self.size - offset))
        return self._window.content

    def _get(self, start: int, length: int, etag: str | None = None) -> Piece:
        piece = self._bucket.get(self._key, start, length, self._first.etag if etag is None else etag)
        if piece is None:
            raise missing(self._bucket.shown(self._key))
        if etag is None and (piece.etag, piece.size) != (self._first.etag, self._first.size):
            raise StoreTrouble(S3_CHANGED, path=self._bucket.shown(self._key))
        return piece
