"""Part 10: from the bytes of a file to its data set, whatever the machine left out or wrote wrongly.

What is found by evidence wins over what the label says, and the difference is noted. A file is called DICOM when it has
the prefix `DICM`, or when a plausible data set stands at its start.

Standard: PS3.10 section 7.1; PS3.5 annex A.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, NamedTuple

from tolmach.base import N_, Phrase, Problem
from tolmach.dicom import dictionary, faults, uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import Damaged, NotDicom
from tolmach.dicom.pixels import ends_in_header, missing_pixels
from tolmach.dicom.recount import recounted
from tolmach.dicom.scanner import ROOT, UNDEFINED, Element, Encoding, Scanner
from tolmach.dicom.source import MemorySource, Source
from tolmach.dicom.vrs import LONG_BY_CODE, SHORT_BY_CODE

PREAMBLE = 128
MAX_META = 1 << 20
_USUAL_META = 1 << 11
_MOST_NAMES = 5  # of attributes in one sentence
_META_WITHOUT_VR = Phrase(N_("the file meta information has no readable VR"))
_META_WITHOUT_END = Phrase(N_("the file meta information does not end"))

# A real deflated image shrinks 2 to 10 times; a bomb a thousand times.
INFLATE_LIMIT = 2 << 30
INFLATE_FREE = 64 << 20
INFLATE_RATIO = 200
_INFLATE_BLOCK = 1 << 20

_EXPLICIT, _IMPLICIT, _BIG = Encoding(True, False), Encoding(False, False), Encoding(True, True)
_SYNTAX_OF = {
    _EXPLICIT: uids.ExplicitVRLittleEndian,
    _IMPLICIT: uids.ImplicitVRLittleEndian,
    _BIG: uids.ExplicitVRBigEndian,
}
_ENCODING_OF = {uids.ImplicitVRLittleEndian: _IMPLICIT, uids.ExplicitVRBigEndian: _BIG}

# What other kinds of files begin with, so that the line can say what it is instead.
_MAGIC = (
    (b"\xff\xd8\xff", Phrase(N_("it is a JPEG picture"))),
    (b"\x89PNG", Phrase(N_("it is a PNG picture"))),
    (b"%PDF", Phrase(N_("it is a PDF document"))),
    (b"BM", Phrase(N_("it is a Windows bitmap"))),
    (b"PK\x03\x04", Phrase(N_("it is a ZIP archive"))),
    (b"\x1f\x8b", Phrase(N_("it is a gzip archive"))),
    (b"GIF8", Phrase(N_("it is a GIF picture"))),
    (b"MZ", Phrase(N_("it is a Windows program"))),
    (b"<", Phrase(N_("it is a web page or XML"))),
)

Inflate = Callable[[Iterable[bytes]], Source]


class _Meta(NamedTuple):
    elements: tuple[Element, ...]
    end: int


def open_data_set(source: Source, inflate: Inflate | None = None) -> DataSet:
    """Find the data set in a file's bytes and scan it to its end.

    `inflate` turns the blocks of a deflated data set into a source (kept wherever the caller likes); without it they
    are joined in memory. Raises `NotDicom` when the bytes are something else, `Damaged` when the data set is cut short,
    broken or beyond a limit. Reads only; may be repeated.

    Standard: PS3.10 section 7.1, PS3.5 annex A.5 (deflated).
    """
    problems: list[Problem] = []
    if source.size == 0:
        raise NotDicom(faults.NOT_DICOM, why=Phrase(N_("it is empty")))
    start, is_marked = _start_of_content(source)
    meta = _read_meta(source, start)
    is_marked = is_marked or bool(meta.elements)
    declared = _declared_syntax(source, meta)
    if not meta.elements:
        problems.append(Problem(faults.NO_META))
    if declared == uids.DeflatedExplicitVRLittleEndian:
        return _open_deflated(source, meta, inflate or _join, problems)
    if not is_marked and source.size < 8:
        raise NotDicom(faults.NOT_DICOM, why=Phrase(N_("it is too short")))
    if source.size - meta.end < 8:
        raise Damaged(faults.CUT_SHORT, why=Phrase(faults.NO_DATA_SET))
    encoding = _find_encoding(source, meta.end, declared, problems)
    if not is_marked:
        _require_plausible(source, start, encoding)
    syntax = declared if declared and _ENCODING_OF.get(declared, _EXPLICIT) == encoding else _SYNTAX_OF[encoding]
    return _scan(source, source, meta, encoding, syntax, problems)


def peek(source: Source) -> tuple[str, str] | None:
    """Give (SOP Class UID, Transfer Syntax UID) that the file meta information claims, or None when it does not.

    Quick and unproved: good for planning what to propose to a peer, not for sending. Never raises for bad bytes.
    """
    try:
        meta = _read_meta(source, _start_of_content(source)[0])
    except (NotDicom, Damaged):
        return None
    values = {element.tag: element for element in meta.elements if element.tag in (0x00020002, 0x00020010)}
    if len(values) < 2:
        return None
    sop_class, syntax = (
        bytes(source.read(values[tag].value, values[tag].length)).rstrip(b"\0 ").decode("ascii", "replace")
        for tag in (0x00020002, 0x00020010)
    )
    return sop_class, syntax


def _scan(
    file: Source, source: Source, meta: _Meta, encoding: Encoding, syntax: str, problems: Sequence[Problem]
) -> DataSet:
    """Scan a data set; where that goes wrong, ask whether its lengths count letters, and scan it with the right ones.

    A scan that came to an end all the same is taken for right only when there was nothing odd about it.
    """
    start = meta.end if source is file else 0
    known = partial(_data_set, meta=meta, start=start, syntax=syntax)
    scanner = Scanner(source, start, encoding)
    try:
        scanner.run()
        data_set = known(file, source, scanner, problems)
        if len(data_set.problems) == len(problems):
            return data_set
        found = recounted(source, start, scanner)
        if found is None:
            return data_set
    except Damaged:
        found = recounted(source, start, scanner)
        if found is None:
            raise
    names = [_name(found.scanner.elements[index].tag) for index in found.declared]
    told = Problem(faults.COUNTED_LETTERS, {"attributes": _list(names)})
    data_set = known(found.source if source is file else file, found.source, found.scanner, [*problems, told])
    return replace(data_set, recounted=found.declared)


def _data_set(
    file: Source, source: Source, scanner: Scanner, problems: Sequence[Problem], *, meta: _Meta, start: int, syntax: str
) -> DataSet:
    """Give the data set a scan found, with what is to be noted; raises `Damaged` where the file was cut."""
    odd = [*problems]
    if scanner.end < source.size:
        odd.append(Problem(faults.TRAILING_BYTES, {"count": source.size - scanner.end}))
    data_set = DataSet.of(
        file,
        source,
        scanner,
        meta=meta.elements,
        meta_end=meta.end,
        start=start,
        transfer_syntax_uid=syntax,
        problems=(*odd, *scanner.problems),
    )
    if ends_in_header(data_set):
        raise Damaged(faults.CUT_SHORT, why=Phrase(faults.CUT_INSIDE, {"size": source.size}))
    missing = missing_pixels(data_set)
    return data_set if missing is None else replace(data_set, problems=(*data_set.problems, missing))


def _name(tag: int) -> str:
    return dictionary.keyword_of(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _list(names: Iterable[str]) -> str:
    """Give a few names in words, each once."""
    known = [*dict.fromkeys(names)]
    return ", ".join(known[:_MOST_NAMES]) + (" …" if len(known) > _MOST_NAMES else "")


def _start_of_content(source: Source) -> tuple[int, bool]:
    """Give where the content begins, and whether the prefix `DICM` stands before it.

    Seen: no preamble, no preamble and prefix, zeros in place of both.
    """
    head = bytes(source.read(0, PREAMBLE + 4))
    if head[PREAMBLE:] == b"DICM":
        return PREAMBLE + 4, True
    if head[:4] == b"DICM":
        return 4, True
    if source.size > PREAMBLE + 4 and not any(head):
        return PREAMBLE + 4, False
    for magic, why in _MAGIC:
        if head.startswith(magic):
            raise NotDicom(faults.NOT_DICOM, why=why)
    return 0, False


def _read_meta(source: Source, start: int) -> _Meta:
    """Read the file meta information by walking it: its group length is often wrong.

    Standard: PS3.10 section 7.1 (always Explicit VR Little Endian).
    """
    for room in (_USUAL_META, MAX_META):
        block = bytes(source.read(start, room))
        meta = _walk_meta(block, start)
        if meta is not None:
            return meta
    if source.size - start > MAX_META:
        raise Damaged(faults.BROKEN_STRUCTURE, offset=start, why=_META_WITHOUT_END)
    raise Damaged(faults.CUT_SHORT, why=Phrase(faults.NO_DATA_SET))


def _walk_meta(block: bytes, start: int) -> _Meta | None:
    """Walk group 0002 in a block; None when it goes on behind the block."""
    elements: list[Element] = []
    at = 0
    while block[at : at + 2] == b"\x02\x00":
        code = block[at + 4 : at + 6]
        vr, header = SHORT_BY_CODE.get(code), 8
        length = int.from_bytes(block[at + 6 : at + 8], "little")
        if vr is None:
            vr, header = LONG_BY_CODE.get(code, ""), 12
            length = int.from_bytes(block[at + 8 : at + 12], "little")
        if at + header + length + 2 > len(block):
            return None
        if not vr:
            raise Damaged(faults.BROKEN_STRUCTURE, offset=start + at, why=_META_WITHOUT_VR)
        tag = 0x00020000 | int.from_bytes(block[at + 2 : at + 4], "little")
        elements.append(Element(tag, vr, start + at, start + at + header, length, ROOT, False, 0))
        at += header + length
    return _Meta(tuple(elements), start + at)


def _declared_syntax(source: Source, meta: _Meta) -> str:
    for element in meta.elements:
        if element.tag == 0x00020010:
            return bytes(source.read(element.value, element.length)).rstrip(b"\0 ").decode("ascii", "replace")
    return ""


def _find_encoding(source: Source, start: int, declared: str, problems: list[Problem]) -> Encoding:
    """Decide by the first element how the data set is written, and note it when the label says otherwise."""
    head = bytes(source.read(start, 8))
    found = _evident_encoding(head, source.size - start - 8)
    expected = _ENCODING_OF.get(declared, _EXPLICIT) if declared else None
    if found is None:
        found = expected or _IMPLICIT
    if expected is not None and expected != found:
        facts = {"declared": uids.name_of(declared), "found": uids.name_of(_SYNTAX_OF[found])}
        problems.append(Problem(faults.LABEL_LIES, facts))
    return found


def _evident_encoding(head: bytes, room: int) -> Encoding | None:
    little, big = int.from_bytes(head[:2], "little"), int.from_bytes(head[:2], "big")
    code = head[4:6]
    explicit = code in SHORT_BY_CODE or code in LONG_BY_CODE
    if explicit:
        return _BIG if big < little else _EXPLICIT
    length = int.from_bytes(head[4:8], "little")
    return _IMPLICIT if little <= big and (length <= room or length == UNDEFINED) else None


def _require_plausible(source: Source, start: int, encoding: Encoding) -> None:
    """Refuse bytes without any header whose first elements no data set would begin with.

    A data set starts in a low group, its tags rise, and the first of them are in the dictionary (PS3.5 section 7.1).
    """
    order: Literal["big", "little"] = "big" if encoding.big else "little"
    position, previous, known = start, -1, 0
    for _ in range(3):
        head = bytes(source.read(position, 12))
        if len(head) < 8:
            break
        tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
        if tag <= previous or (previous < 0 and tag >> 16 not in (0x0002, 0x0004, 0x0008)):
            raise NotDicom(faults.NOT_DICOM, why=Phrase(N_("it does not begin like one")))
        known += dictionary.lookup(tag) is not None
        length = int.from_bytes(head[4:8], order)
        header = 8
        if encoding.explicit and head[4:6] in SHORT_BY_CODE:
            length = int.from_bytes(head[6:8], order)
        elif encoding.explicit:
            length, header = int.from_bytes(head[8:12], order), 12
        if length == UNDEFINED:
            break
        position, previous = position + header + length, tag
    if not known:
        raise NotDicom(faults.NOT_DICOM, why=Phrase(N_("it does not begin like one")))


def _open_deflated(file: Source, meta: _Meta, inflate: Inflate, problems: list[Problem]) -> DataSet:
    source = inflate(inflated_blocks(file, meta.end))
    if source.size < 8:
        raise Damaged(faults.CUT_SHORT, why=Phrase(faults.NO_DATA_SET))
    encoding = _find_encoding(source, 0, uids.ExplicitVRLittleEndian, problems)
    return _scan(file, source, meta, encoding, uids.DeflatedExplicitVRLittleEndian, problems)


def _join(blocks: Iterable[bytes]) -> Source:
    return MemorySource(b"".join(blocks))


def inflated_blocks(source: Source, start: int) -> Iterator[bytes]:
    """Unpack a deflated data set block by block, giving up where no honest file would go.

    Raises `Damaged` beyond `INFLATE_LIMIT` bytes, beyond `INFLATE_RATIO` times what was unpacked once `INFLATE_FREE`
    bytes have come out, and when the stream is broken or ends early. Blocks are at most 1 MiB.

    Standard: PS3.5 annex A.5 (RFC 1951, no zlib header).
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    total, position, pending, block = 0, start, b"", b""
    while not inflater.eof:
        if not pending:
            pending = bytes(source.read(position, 1 << 16))
            position += len(pending)
            # With all packed bytes read, the unpacker may still hold some back: it gives a full block at a time.
            if not pending and len(block) < _INFLATE_BLOCK:
                raise Damaged(faults.CUT_SHORT, why=Phrase(faults.CUT_IN_DEFLATED))
        try:
            block = inflater.decompress(pending, _INFLATE_BLOCK)
        except zlib.error as error:
            raise Damaged(faults.BROKEN_DEFLATE, why=str(error)) from error
        pending = inflater.unconsumed_tail
        total += len(block)
        unpacked = position - start - len(pending)
        if total > INFLATE_LIMIT or (total > INFLATE_FREE and total > INFLATE_RATIO * unpacked):
            raise Damaged(faults.INFLATES_TOO_FAR, limit=INFLATE_LIMIT, ratio=INFLATE_RATIO)
        if block:
            yield block
