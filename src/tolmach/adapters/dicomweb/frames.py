"""Where the frames of an image stand: in native pixels by counting, in compressed ones by their offset tables.

Nothing is decoded, and nothing that a file says of itself is believed beyond the bytes that are there.

Standard: PS3.5 sections 8.1 (native), 8.2 and annex A.4 (encapsulated, Basic Offset Table); PS3.3 section C.7.6.3.1.8
(Extended Offset Table).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tolmach.dicom import dictionary, uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.pixels import PIXEL_ELEMENTS
from tolmach.dicom.scanner import Element
from tolmach.dicom.source import Source
from tolmach.dicom.splice import Extent, Pieces
from tolmach.dicom.values import numbers_as_text
from tolmach.dicom.vrs import STRING_VRS
from tolmach.dicom.wire import Turned

MAX_FRAMES = 1_000_000
MAX_TABLE = 16 << 20
_EXTENDED = dictionary.tag_of("ExtendedOffsetTable") or 0


@dataclass(frozen=True, slots=True)
class Layout:
    """What the Image Pixel module says; numbers as they stand, however absurd."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool
    photometric: str
    planar: int
    frames: int
    transfer_syntax_uid: str

    @property
    def frame_bits(self) -> int:
        """How many bits a native frame has."""
        return self.rows * self.columns * self.samples * self.bits_allocated

    @property
    def pixels(self) -> int:
        """How many pixels a frame has."""
        return self.rows * self.columns


def layout_of(data_set: DataSet) -> Layout:
    """Read the Image Pixel module of the data set itself. Standard: PS3.3 section C.7.6.3."""
    bits = number(data_set, "BitsAllocated", 0)
    return Layout(
        rows=number(data_set, "Rows", 0),
        columns=number(data_set, "Columns", 0),
        samples=number(data_set, "SamplesPerPixel", 1),
        bits_allocated=bits,
        bits_stored=number(data_set, "BitsStored", bits),
        is_signed=number(data_set, "PixelRepresentation", 0) == 1,
        photometric=text(data_set, "PhotometricInterpretation"),
        planar=number(data_set, "PlanarConfiguration", 0),
        frames=max(1, number(data_set, "NumberOfFrames", 1)),
        transfer_syntax_uid=data_set.transfer_syntax_uid,
    )


def text(data_set: DataSet, keyword: str) -> str:
    """Give a short plain value of the data set itself, empty where there is none."""
    element = data_set.find(dictionary.tag_of(keyword) or 0)
    if element is None or not 0 < element.length <= 1024:
        return ""
    raw = data_set.raw(element)
    if element.vr in STRING_VRS:
        return raw.decode("ascii", "replace").strip(" \0")
    return numbers_as_text(raw, element.vr, data_set.encoding) or ""


def number(data_set: DataSet, keyword: str, absent: int) -> int:
    """Give a whole number of the data set itself; `absent` where there is none."""
    first = text(data_set, keyword).split("\\")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and len(first) <= 10 else absent


class Frames:
    """The frames of one image, by number from 0. The data set must stay open while they are read."""

    def __init__(self, data_set: DataSet) -> None:
        """Find the pixels; an object without any has no frames."""
        self.layout = layout_of(data_set)
        self.data_set = data_set
        found = (data_set.find(tag) for tag in PIXEL_ELEMENTS)
        self._pixels: Element | None = next((one for one in found if one is not None), None)
        self._fragments: Sequence[Sequence[Extent]] = ()
        if self._pixels is not None and self._pixels.undefined:
            self._fragments = _frames_of(data_set, self._pixels, min(self.layout.frames, MAX_FRAMES))

    @property
    def are_compressed(self) -> bool:
        """Whether the pixels are encapsulated."""
        return self._pixels is not None and self._pixels.undefined

    @property
    def count(self) -> int:
        """How many whole frames are there, whatever the file says."""
        if self._pixels is None:
            return 0
        if self._pixels.undefined:
            return len(self._fragments)
        bits = self.layout.frame_bits
        return min(self.layout.frames, self._pixels.length * 8 // bits, MAX_FRAMES) if bits else 0

    def source_of(self, frame: int) -> Source:
        """Give the bytes of a frame: native ones in little endian, compressed ones as one stream.

        Frames of single bits begin where a byte does, which other frames share.
        """
        assert self._pixels is not None
        if self.are_compressed:
            return Pieces.of(self.data_set.source, self._fragments[frame])
        first, last = self.layout.frame_bits * frame, self.layout.frame_bits * (frame + 1)
        place = self._pixels.value
        extent = Extent(place + first // 8, place + (last + 7) // 8)
        return Pieces.of(Turned.of(self.data_set), [extent])

    def read(self, frame: int) -> bytes:
        """Give a frame's bytes as a decoder wants them: single bits moved to where a byte begins."""
        source = self.source_of(frame)
        block = bytes(source.read(0, source.size))
        shift = 0 if self.are_compressed else self.layout.frame_bits * frame % 8
        if not shift:
            return block
        moved = int.from_bytes(block, "little") >> shift
        return moved.to_bytes(len(block), "little")[: (self.layout.frame_bits + 7) // 8]


def _frames_of(data_set: DataSet, pixels: Element, frames: int) -> Sequence[Sequence[Extent]]:
    """Give the fragments of each frame. Without usable offsets a fragment is a frame, or all are the only one."""
    items = list(_items(data_set, pixels))
    if not items:
        return ()
    table, fragments = items[0], items[1:]
    if not fragments:
        return ()
    if frames == 1:
        return (fragments,)
    starts = _extended(data_set) or _basic(data_set, table)
    if starts:
        grouped = _grouped(fragments, starts)
        if grouped:
            return grouped[:frames]
    if len(fragments) >= frames and len(fragments) % frames == 0 and len(fragments) != frames:
        each = len(fragments) // frames
        return [fragments[at : at + each] for at in range(0, len(fragments), each)]
    return [(one,) for one in fragments[:frames]]


def _items(data_set: DataSet, pixels: Element) -> Iterator[Extent]:
    """Give the items of encapsulated pixel data: first the Basic Offset Table, then the fragments."""
    position, end = pixels.value, pixels.value + pixels.length
    while position + 8 <= end:
        length = int.from_bytes(data_set.source.read(position + 4, 4), "little")
        stop = min(position + 8 + length, end)
        yield Extent(position + 8, stop)
        position = stop


def _extended(data_set: DataSet) -> Sequence[int]:
    element = data_set.find(_EXTENDED)
    if element is None or not 0 < element.length <= MAX_TABLE or element.length % 8:
        return ()
    return [start for (start,) in struct.iter_unpack("<Q", data_set.raw(element))]


def _basic(data_set: DataSet, table: Extent) -> Sequence[int]:
    length = table.end - table.start
    if not 0 < length <= MAX_TABLE or length % 4:
        return ()
    return [start for (start,) in struct.iter_unpack("<L", bytes(data_set.source.read(table.start, length)))]


def _grouped(fragments: Sequence[Extent], starts: Sequence[int]) -> Sequence[Sequence[Extent]]:
    """Put fragments together by the offsets of frames, counted from the first fragment's item; nothing if they lie."""
    first = fragments[0].start - 8
    at = {one.start - 8 - first: index for index, one in enumerate(fragments)}
    if starts[0] != 0 or any(start not in at for start in starts):
        return ()
    places = [at[start] for start in starts]
    if places != sorted(set(places)):
        return ()
    return [fragments[begin:end] for begin, end in zip(places, [*places[1:], len(fragments)], strict=True)]


# What there are decoders for. The others are given as they are stored.
DECODABLE = frozenset(
    {
        uids.RLELossless,
        uids.JPEGBaseline8Bit,
        uids.JPEGExtended12Bit,  # of 8 bits only, as most are
        uids.JPEGLSLossless,
        uids.JPEGLSNearLossless,
        uids.JPEG2000Lossless,
        uids.JPEG2000,
        uids.HTJ2KLossless,
        uids.HTJ2KLosslessRPCL,
        uids.HTJ2K,
    }
)
LOSSY = frozenset({uids.JPEGBaseline8Bit, uids.JPEGExtended12Bit, uids.JPEGLSNearLossless, uids.JPEG2000})
