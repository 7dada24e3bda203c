"""A data set as it goes over the network or into a file: in the negotiated transfer syntax, and of even length.

Standard: PS3.5 sections 7.1.1 (even length), annex A (transfer syntaxes), A.5 (deflated); PS3.10 section 7.1.
"""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from struct import pack
from typing import NamedTuple

from tolmach.base import N_, Phrase
from tolmach.dicom import faults, uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import Damaged
from tolmach.dicom.paths import path_of
from tolmach.dicom.scanner import ITEM, ITEM_END, PIXEL_DATA, SEQUENCE_END, UNDEFINED, Element
from tolmach.dicom.source import MemorySource, Source
from tolmach.dicom.splice import Edits, Extent, Part, Pieces, splice
from tolmach.dicom.vrs import VRS

_BLOCK = 1 << 20

Keep = Callable[[Iterable[bytes]], Source]


def _join(blocks: Iterable[bytes]) -> Source:
    return MemorySource(b"".join(blocks))


def can_become(data_set: DataSet, syntax: str) -> bool:
    """Tell whether a data set can be rewritten in a transfer syntax without touching what it means."""
    own = data_set.transfer_syntax_uid
    if syntax == own:
        return True
    if own == uids.DeflatedExplicitVRLittleEndian:
        return syntax == uids.ExplicitVRLittleEndian and data_set.encoding.explicit
    return own in uids.UNCOMPRESSED and syntax == uids.ImplicitVRLittleEndian


def as_source(data_set: DataSet, syntax: str, keep: Keep = _join) -> tuple[Source, str]:
    """Give the data set's bytes in a transfer syntax, and the path of the element that had to be padded (or nothing).

    Bytes are slices of the original wherever the syntax is its own. `keep` turns the blocks of a deflated data set into
    a source, kept wherever the caller likes, for its size must be known beforehand; without it they are joined in
    memory. Raises `Damaged` when it cannot be rewritten so.
    """
    if not can_become(data_set, syntax):
        facts = {"source": uids.name_of(data_set.transfer_syntax_uid), "target": uids.name_of(syntax)}
        why = Phrase(N_("the pixels would have to be decoded"))
        raise Damaged(faults.CANNOT_CONVERT, **facts, why=why)
    if syntax == uids.ImplicitVRLittleEndian and data_set.encoding.explicit:
        return _implicit(data_set), ""
    even, padded = _even(data_set)
    if syntax == uids.DeflatedExplicitVRLittleEndian:
        return keep(_deflated(even)), padded
    return even, padded


def _even(data_set: DataSet) -> tuple[Pieces, str]:
    """Pad one odd element, the last, when the whole has an odd length: the network forbids that and DCMTK aborts."""
    whole = splice(data_set, Edits())
    if whole.size % 2 == 0:
        return whole, ""
    for index in range(len(data_set.elements) - 1, -1, -1):
        element = data_set.elements[index]
        in_fragment = data_set.odd_fragment is not None and data_set.odd_fragment[0] == index
        if in_fragment or (element.length % 2 and element.vr not in ("SQ", "") and not element.undefined):
            padded = splice(data_set, Edits(paddings=frozenset({index})))
            return padded, str(path_of(data_set, element))
    raise Damaged(
        faults.BROKEN_STRUCTURE, offset=data_set.end, why=Phrase(N_("its length is odd for no visible reason"))
    )


def _deflated(source: Source) -> Iterator[bytes]:
    """Deflate block by block, padded to even length. Standard: PS3.5 annex A.5."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    total = 0
    for start in range(0, source.size, _BLOCK):
        packed = deflater.compress(source.read(start, _BLOCK))
        total += len(packed)
        if packed:
            yield packed
    packed = deflater.flush()
    yield packed + b"\0" * ((total + len(packed)) % 2)


def _implicit(data_set: DataSet) -> Source:
    """Rewrite an uncompressed data set as Implicit VR Little Endian, sequences with delimiters.

    Group lengths are left out: they are retired and would be wrong. Standard: PS3.5 annex A.1 and section 7.2.
    """
    parts: list[Part] = []
    open_containers: list[int] = []
    for index, element in enumerate(data_set.elements):
        while open_containers and open_containers[-1] != element.parent:
            parts.append(_closing(data_set, open_containers.pop()))
        if element.tag & 0xFFFF == 0 and element.vr == "UL":
            continue
        if element.vr in ("SQ", "") or index in data_set.encodings:
            parts.append(pack("<HHL", element.tag >> 16, element.tag & 0xFFFF, UNDEFINED))
            open_containers.append(index)
            continue
        if element.undefined:
            raise _not_native(data_set)
        parts.extend(_leaf(element))
    while open_containers:
        parts.append(_closing(data_set, open_containers.pop()))
    return Pieces.of(Turned.of(data_set), parts)


def _closing(data_set: DataSet, container: int) -> bytes:
    tag = ITEM_END if data_set.elements[container].tag == ITEM else SEQUENCE_END
    return pack("<HHL", tag >> 16, tag & 0xFFFF, 0)


def _leaf(element: Element) -> list[Part]:
    odd = element.length % 2
    head = pack("<HHL", element.tag >> 16, element.tag & 0xFFFF, element.length + odd)
    parts: list[Part] = [head, Extent(element.value, element.value + element.length)]
    if odd:
        parts.append(VRS[element.vr].pad)
    return parts


class _Span(NamedTuple):
    """A big-endian value and the size of its words, in bytes."""

    start: int
    end: int
    word: int


@dataclass(frozen=True, slots=True)
class Turned:
    """A source whose big-endian values read as little-endian ones; turned around only when they are read.

    Standard: PS3.5 section 7.3.
    """

    source: Source
    spans: tuple[_Span, ...]  # in the order of their places, apart from one another

    @classmethod
    def of(cls, data_set: DataSet) -> Source:
        """Turn every value of a data set that has words; its own source where there is none."""
        spans = tuple(
            _Span(one.value, one.value + one.length, VRS[one.vr].word)
            for one in data_set.elements
            if one.vr not in ("", "SQ") and VRS[one.vr].word > 1 and data_set.encoding_in(one.parent).big
        )
        return cls(data_set.source, spans) if spans else data_set.source

    @property
    def size(self) -> int:
        """How many bytes there are: as many as before."""
        return self.source.size

    def read(self, offset: int, length: int) -> memoryview | bytes:
        """Give exactly `length` bytes from `offset`, fewer only where the source ends; holds no more than these."""
        end = min(offset + length, self.size)
        found: list[bytes] = []
        at = bisect_right(self.spans, offset, key=itemgetter(1))  # the first value that ends behind the offset
        while offset < end:
            span = self.spans[at] if at < len(self.spans) else _Span(end, end, 1)
            until = min(end, span.start if offset < span.start else span.end)
            if offset < span.start:
                found.append(bytes(self.source.read(offset, until - offset)))
            else:
                found.append(self._turned(span, offset, until))
                at += 1
            offset = until
        return found[0] if len(found) == 1 else b"".join(found)

    def _turned(self, span: _Span, start: int, end: int) -> bytes:
        """Read whole words around what is asked for; what is left over at the end of a value stays as it is."""
        first = start - (start - span.start) % span.word
        last = min(span.end, end + (span.start - end) % span.word)
        block = bytes(self.source.read(first, last - first))
        whole = len(block) - len(block) % span.word
        values = array({2: "H", 4: "I", 8: "Q"}[span.word], block[:whole])
        values.byteswap()
        return (values.tobytes() + block[whole:])[start - first : end - first]


def _not_native(data_set: DataSet) -> Damaged:
    facts = {"source": uids.name_of(data_set.transfer_syntax_uid), "target": "ImplicitVRLittleEndian"}
    why = Phrase(N_("it holds compressed pixels ({keyword})"), {"keyword": f"{PIXEL_DATA:08X}"})
    return Damaged(faults.CANNOT_CONVERT, **facts, why=why)


def file_parts(before: DataSet, after: DataSet) -> Iterator[memoryview | bytes]:
    """Give the bytes of a Part 10 file holding `after`, in the surroundings `before` had: preamble, meta, stray bytes.

    `after` is `before` itself when nothing changed: then the file comes out byte for byte. A changed SOP Instance or
    Class UID is carried into the file meta information. Buffers are valid only until the next is asked for.

    Standard: PS3.10 section 7.1 (0002,0002 and 0002,0003 equal those of the data set).
    """
    if after is before:
        yield from Pieces.of(before.file, [Extent(0, before.file.size)]).chunks()
        return
    yield _meta(before, after)
    if before.transfer_syntax_uid == uids.DeflatedExplicitVRLittleEndian:
        yield from _deflated(splice(after, Edits()))
        return
    yield from splice(after, Edits()).chunks()
    yield from Pieces.of(before.source, [Extent(before.end, before.source.size)]).chunks()


def _meta(before: DataSet, after: DataSet) -> bytes:
    """Give everything before the data set, with the UIDs of (0002,0002) and (0002,0003) brought in step."""
    head = bytes(before.file.read(0, before.meta_end))
    wanted = {0x00020002: after.uid(0x00080016), 0x00020003: after.uid(0x00080018)}
    unchanged = {0x00020002: before.uid(0x00080016), 0x00020003: before.uid(0x00080018)}
    growth = 0
    for element in reversed(before.meta):
        uid = wanted.get(element.tag, "")
        if not uid or uid == unchanged[element.tag]:
            continue
        value = uid.encode("ascii") + b"\0" * (len(uid) % 2)
        new = pack("<HH2sH", 2, element.tag & 0xFFFF, b"UI", len(value)) + value
        growth += len(new) - (element.end - element.start)
        head = head[: element.start] + new + head[element.end :]
    if growth and before.meta and before.meta[0].tag == 0x00020000 and before.meta[0].length == 4:
        at = before.meta[0].value
        length = int.from_bytes(head[at : at + 4], "little") + growth
        head = head[:at] + length.to_bytes(4, "little") + head[at + 4 :]
    return head
