"""A data set as it goes over the network or into a file: in the negotiated transfer syntax, and of even length.

Standard: PS3.5 sections 7.1.1 (even length), annex A (transfer syntaxes), A.5 (deflated); PS3.10 section 7.1.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator
from struct import pack

from tolmach.base import N_, Phrase
from tolmach.dicom import faults, uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import Damaged
from tolmach.dicom.paths import path_of
from tolmach.dicom.scanner import ITEM, ITEM_END, PIXEL_DATA, SEQUENCE_END, UNDEFINED, Element
from tolmach.dicom.source import Source
from tolmach.dicom.splice import Edits, Extent, Part, Pieces, splice
from tolmach.dicom.vrs import VRS

_SWAP_BLOCK = 1 << 20


def can_become(data_set: DataSet, syntax: str) -> bool:
    """Tell whether a data set can be rewritten in a transfer syntax without touching what it means."""
    own = data_set.transfer_syntax_uid
    if syntax == own:
        return True
    if own == uids.DeflatedExplicitVRLittleEndian:
        return syntax == uids.ExplicitVRLittleEndian and data_set.encoding.explicit
    return own in uids.UNCOMPRESSED and syntax == uids.ImplicitVRLittleEndian


def as_source(data_set: DataSet, syntax: str) -> tuple[Source, str]:
    """Give the data set's bytes in a transfer syntax, and the path of the element that had to be padded (or nothing).

    Bytes are slices of the original wherever the syntax is its own. Raises `Damaged` when it cannot be rewritten so.
    """
    if not can_become(data_set, syntax):
        facts = {"source": uids.name_of(data_set.transfer_syntax_uid), "target": uids.name_of(syntax)}
        why = Phrase(N_("the pixels would have to be decoded"))
        raise Damaged(faults.CANNOT_CONVERT, **facts, why=why)
    if syntax == uids.ImplicitVRLittleEndian and data_set.encoding.explicit:
        return _implicit(data_set), ""
    even, padded = _even(data_set)
    if syntax == uids.DeflatedExplicitVRLittleEndian:
        return Pieces.of(even, _deflated(even)), padded
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


def _deflated(source: Source) -> list[Part]:
    """Deflate, padded to even length. Standard: PS3.5 annex A.5."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    blocks = range(0, source.size, _SWAP_BLOCK)
    parts: list[Part] = [deflater.compress(source.read(start, _SWAP_BLOCK)) for start in blocks]
    parts.append(deflater.flush())
    if sum(len(part) for part in parts) % 2:
        parts.append(b"\0")
    return parts


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
        parts.extend(_leaf(data_set, element))
    while open_containers:
        parts.append(_closing(data_set, open_containers.pop()))
    return Pieces.of(data_set.source, parts)


def _closing(data_set: DataSet, container: int) -> bytes:
    tag = ITEM_END if data_set.elements[container].tag == ITEM else SEQUENCE_END
    return pack("<HHL", tag >> 16, tag & 0xFFFF, 0)


def _leaf(data_set: DataSet, element: Element) -> list[Part]:
    odd = element.length % 2
    head = pack("<HHL", element.tag >> 16, element.tag & 0xFFFF, element.length + odd)
    parts: list[Part] = [head, Extent(element.value, element.value + element.length)]
    if data_set.encoding_in(element.parent).big and VRS[element.vr].word > 1:
        parts[1:] = _swapped(data_set.source, element)
    if odd:
        parts.append(VRS[element.vr].pad)
    return parts


def _swapped(source: Source, element: Element) -> Iterator[bytes]:
    """Turn big-endian values around. Standard: PS3.5 section 7.3."""
    word = VRS[element.vr].word
    code = {2: "H", 4: "I", 8: "Q"}[word]
    for start in range(element.value, element.value + element.length, _SWAP_BLOCK):
        block = bytes(source.read(start, min(_SWAP_BLOCK, element.value + element.length - start)))
        whole = len(block) - len(block) % word
        values = array(code, block[:whole])
        values.byteswap()
        yield values.tobytes() + block[whole:]


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
        yield from (bytes(part) for part in _deflated(splice(after, Edits())) if isinstance(part, bytes))
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
