"""What differs between a stored data set and the one that goes out, as a few bytes that can be kept in a database.

A delta is the parts of a `Pieces`: slices of the source, and new bytes. Applied to the same source it gives the same
bytes again, whatever the program has learned since.
"""

from __future__ import annotations

from struct import Struct

from tolmach.dicom.source import Source
from tolmach.dicom.splice import Extent, Part, Pieces

_VERSION = b"\x01"
_SIZE = Struct("<Q")  # of the bytes it describes
_START = len(_VERSION) + _SIZE.size
_EXTENT, _BYTES = 0, 1
_HEAD = Struct("<BQQ")  # kind; start and end of a slice, or 0 and the length of the bytes that follow
_OUTSIDE = "a part outside the source"


class BrokenDelta(ValueError):
    """The bytes are no delta, or one for another source: the records are damaged."""


def encode_delta(parts: tuple[Part, ...]) -> bytes:
    """Give the parts as bytes for keeping."""
    size = 0
    blocks: list[bytes] = []
    for part in parts:
        if isinstance(part, bytes):
            blocks += (_HEAD.pack(_BYTES, 0, len(part)), part)
            size += len(part)
        else:
            blocks.append(_HEAD.pack(_EXTENT, part.start, part.end))
            size += part.end - part.start
    return b"".join((_VERSION, _SIZE.pack(size), *blocks))


def apply_delta(delta: bytes, source: Source) -> Pieces:
    """Give the bytes a delta describes, over the source it was made for; raises `BrokenDelta`."""
    parts = _parts(delta)
    if any(isinstance(part, Extent) and part.end > source.size for part in parts):
        raise BrokenDelta(_OUTSIDE)
    pieces = Pieces.of(source, parts)
    if pieces.size != _SIZE.unpack_from(delta, len(_VERSION))[0]:
        raise BrokenDelta("another size")
    return pieces


def moved_delta(delta: bytes, by: int) -> bytes:
    """Give the delta for a source in which the same bytes begin so much later, or earlier; raises `BrokenDelta`."""
    parts = [part if isinstance(part, bytes) else Extent(part.start + by, part.end + by) for part in _parts(delta)]
    if any(isinstance(part, Extent) and part.start < 0 for part in parts):
        raise BrokenDelta(_OUTSIDE)
    return encode_delta(tuple(parts))


def _parts(delta: bytes) -> list[Part]:
    if delta[:1] != _VERSION or len(delta) < _START:
        raise BrokenDelta("unknown version")
    parts: list[Part] = []
    position = _START
    while position < len(delta):
        if position + _HEAD.size > len(delta):
            raise BrokenDelta("cut short")
        kind, start, end = _HEAD.unpack_from(delta, position)
        position += _HEAD.size
        if kind == _EXTENT and start <= end:
            parts.append(Extent(start, end))
        elif kind == _BYTES and position + end <= len(delta):
            parts.append(delta[position : position + end])
            position += end
        else:
            raise BrokenDelta(_OUTSIDE)
    return parts
