"""Data sets as the web wants them: Explicit VR Little Endian, whatever they are stored in.

Bytes are slices of the original wherever it is written so already. Pixels that are decoded come from elsewhere, block
by block, into the place of those that were compressed.

Standard: PS3.18 section 8.7.3.5 (transfer syntaxes on the web), PS3.5 sections 7.1.2 and annex A.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from struct import pack

from tolmach.adapters.dicomweb.json_model import is_sequence, vr_of
from tolmach.dicom import dictionary, uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.encode import MAX_SHORT_LENGTH, header, padded
from tolmach.dicom.scanner import ITEM, ITEM_END, PIXEL_DATA, ROOT, SEQUENCE_END, UNDEFINED, Element, Encoding
from tolmach.dicom.source import Source
from tolmach.dicom.splice import Extent, Part, Pieces
from tolmach.dicom.vrs import VRS
from tolmach.dicom.wire import Turned

EXPLICIT_LITTLE = Encoding(True, False)
_LEFT_OUT = frozenset(dictionary.tag_of(one) for one in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"))


def can_be_explicit(data_set: DataSet) -> bool:
    """Tell whether no pixel has to be decoded for it."""
    return data_set.transfer_syntax_uid in uids.UNCOMPRESSED or (
        data_set.transfer_syntax_uid == uids.DeflatedExplicitVRLittleEndian
    )


def as_explicit(data_set: DataSet) -> Source:
    """Give an uncompressed data set in Explicit VR Little Endian; group lengths, which would be wrong, are left out.

    Values too long for their VR's short length become UN. Standard: PS3.5 section 6.2.2.
    """
    parts: list[Part] = []
    open_containers: list[int] = []
    for index, element in enumerate(data_set.elements):
        while open_containers and open_containers[-1] != element.parent:
            parts.append(_closing(data_set, open_containers.pop()))
        if element.tag & 0xFFFF == 0 and element.tag != ITEM:
            continue
        if element.tag == ITEM or is_sequence(element):
            parts.append(_opening(element))
            open_containers.append(index)
            continue
        parts += _leaf(data_set, element)
    while open_containers:
        parts.append(_closing(data_set, open_containers.pop()))
    return Pieces.of(Turned.of(data_set), parts)


def _opening(element: Element) -> bytes:
    if element.tag == ITEM:
        return pack("<HHL", ITEM >> 16, ITEM & 0xFFFF, UNDEFINED)
    return header(element.tag, "SQ", UNDEFINED, EXPLICIT_LITTLE)


def _closing(data_set: DataSet, container: int) -> bytes:
    tag = ITEM_END if data_set.elements[container].tag == ITEM else SEQUENCE_END
    return pack("<HHL", tag >> 16, tag & 0xFFFF, 0)


def _leaf(data_set: DataSet, element: Element) -> list[Part]:
    vr = vr_of(data_set, element, data_set.encoding_in(element.parent))
    odd = element.length % 2
    if not VRS[vr].long and element.length + odd > MAX_SHORT_LENGTH:
        vr = "UN"
    head = header(element.tag, vr, element.length + odd, EXPLICIT_LITTLE)
    parts: list[Part] = [head, Extent(element.value, element.value + element.length)]
    if odd:
        parts.append(VRS[vr].pad)
    return parts


@dataclass(frozen=True, slots=True)
class DecodedPixels:
    """Pixels that take the place of compressed ones, and the attributes that describe them then.

    `frames` gives them in order, `frame_size` bytes each. `attributes` are raw values by keyword.
    """

    frames: Iterator[bytes] = field(repr=False)
    count: int
    frame_size: int
    vr: str
    attributes: Mapping[str, bytes]

    @property
    def size(self) -> int:
        """How many bytes the value has, with its padding."""
        return self.count * self.frame_size + self.count * self.frame_size % 2


def with_pixels(data_set: DataSet, pixels: DecodedPixels) -> Iterator[memoryview | bytes]:
    """Give a compressed data set in Explicit VR Little Endian with other pixels; each block is valid until the next.

    Everything but the pixels and the attributes that describe them stays byte for byte.
    """
    new = {dictionary.tag_of(keyword): (keyword, value) for keyword, value in pixels.attributes.items()}
    waiting = sorted(tag for tag in new if tag is not None)
    roots = [element for element in data_set.elements if element.parent == ROOT]
    for at, element in enumerate(roots):
        while waiting and waiting[0] <= element.tag:
            yield _attribute(waiting.pop(0), new)
        if element.tag == PIXEL_DATA:
            yield header(PIXEL_DATA, pixels.vr, pixels.size, EXPLICIT_LITTLE)
            yield from pixels.frames
            yield b"\0" * (pixels.count * pixels.frame_size % 2)
        elif element.tag not in new and element.tag not in _LEFT_OUT and element.tag & 0xFFFF:
            end = roots[at + 1].start if at + 1 < len(roots) else data_set.end
            yield from Pieces.of(data_set.source, [Extent(element.start, end)]).chunks()


def _attribute(tag: int, new: Mapping[int | None, tuple[str, bytes]]) -> bytes:
    vr = dictionary.vr_of(tag)
    value = padded(new[tag][1], vr)
    return header(tag, vr, len(value), EXPLICIT_LITTLE) + value
