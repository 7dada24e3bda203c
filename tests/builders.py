"""Files made byte by byte, so that the product's own encoder and pydicom are never their own judges."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pydicom

from tolmach.dicom.data_set import DataSet
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource
from tolmach.dicom.wire import file_parts
from tolmach.edit.conditions import Origin
from tolmach.journeys.file import Mended, mend
from tolmach.repair.profile import Profile

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
INSTANCE = "1.2.826.0.1.3680043.9.7.1.1"
SYNTAXES = (IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED)

LONG_FORM = frozenset("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Form:
    """How elements are written: explicit or implicit, little or big endian."""

    explicit: bool = True
    big: bool = False

    @property
    def order(self) -> str:
        return ">" if self.big else "<"

    def head(self, tag: int, vr: str, length: int) -> bytes:
        order, group, number = self.order, tag >> 16, tag & 0xFFFF
        if not self.explicit or group == 0xFFFE:
            return struct.pack(f"{order}HHL", group, number, length)
        if vr in LONG_FORM:
            return struct.pack(f"{order}HH2sHL", group, number, vr.encode(), 0, length)
        return struct.pack(f"{order}HH2sH", group, number, vr.encode(), length)

    def element(self, tag: int, vr: str, value: bytes, *, length: int | None = None) -> bytes:
        """Give an element exactly as told: nothing is padded, and `length` may lie."""
        return self.head(tag, vr, len(value) if length is None else length) + value

    def item(self, content: bytes, *, undefined: bool = False) -> bytes:
        if undefined:
            return self.head(ITEM, "", UNDEFINED) + content + self.head(ITEM_END, "", 0)
        return self.head(ITEM, "", len(content)) + content

    def sequence(self, tag: int, items: Iterable[bytes], *, undefined: bool = False, vr: str = "SQ") -> bytes:
        content = b"".join(self.item(item, undefined=undefined) for item in items)
        if undefined:
            return self.head(tag, vr, UNDEFINED) + content + self.head(SEQUENCE_END, "", 0)
        return self.head(tag, vr, len(content)) + content

    def fragments(self, tag: int, fragments: Sequence[bytes]) -> bytes:
        """Give encapsulated pixel data; fragments are written as they are, odd ones too."""
        content = b"".join(self.head(ITEM, "", len(fragment)) + fragment for fragment in fragments)
        return self.head(tag, "OB", UNDEFINED) + content + self.head(SEQUENCE_END, "", 0)

    def nested(self, depth: int, *, undefined: bool = False) -> bytes:
        """Give `depth` sequences inside one another; linear in time, so that 100,000 levels can be made."""
        tag = 0x00400275
        if undefined:
            opening = self.head(tag, "SQ", UNDEFINED) + self.head(ITEM, "", UNDEFINED)
            return opening * depth + (self.head(ITEM_END, "", 0) + self.head(SEQUENCE_END, "", 0)) * depth
        heads: list[bytes] = []
        size = 0
        for _ in range(depth):
            heads += [self.head(ITEM, "", size), self.head(tag, "SQ", size + 8)]
            size += 8 + len(heads[-1])
        return b"".join(reversed(heads))


EXPLICIT, IMPLICIT, BIG = Form(), Form(explicit=False), Form(big=True)
FORM_OF = {IMPLICIT_LE: IMPLICIT, EXPLICIT_LE: EXPLICIT, EXPLICIT_BE: BIG, DEFLATED: EXPLICIT}


def even(value: bytes, pad: bytes = b" ") -> bytes:
    return value + pad if len(value) % 2 else value


def meta(syntax: str, *, sop_class: str = CT_IMAGE, instance: str = INSTANCE) -> bytes:
    content = EXPLICIT.element(0x00020001, "OB", b"\0\1")
    for tag, uid in ((0x00020002, sop_class), (0x00020003, instance), (0x00020010, syntax), (0x00020012, "1.2.3")):
        content += EXPLICIT.element(tag, "UI", even(uid.encode(), b"\0"))
    return EXPLICIT.element(0x00020000, "UL", struct.pack("<L", len(content))) + content


def part10(body: bytes, syntax: str = EXPLICIT_LE, **known: str) -> bytes:
    """Give a whole file around the bytes of a data set; deflated when the syntax says so."""
    if syntax == DEFLATED:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = even(packer.compress(body) + packer.flush(), b"\0")
    return bytes(128) + b"DICM" + meta(syntax, **known) + body


def body(*elements: tuple[int, str, bytes], form: Form = EXPLICIT) -> bytes:
    """Give a data set of the elements asked for and the two UIDs no instance is without, in the order of tags."""
    own = [
        (0x00080016, form.element(0x00080016, "UI", even(CT_IMAGE.encode(), b"\0"))),
        (0x00080018, form.element(0x00080018, "UI", even(INSTANCE.encode(), b"\0"))),
    ]
    own += [(tag, value if vr == "raw" else form.element(tag, vr, value)) for tag, vr, value in elements]
    return b"".join(made for _tag, made in sorted(own))


@dataclass(frozen=True)
class Spoiled:
    """A file whose text stands in `code_page` while its label says `label` (None: no label at all)."""

    texts: dict[int, tuple[str, str]]  # tag: VR and text
    code_page: str
    label: str | None
    syntax: str = EXPLICIT_LE
    raw: tuple[tuple[int, str, bytes], ...] = field(default=())

    def file(self) -> bytes:
        form = FORM_OF[self.syntax]
        elements = [(tag, vr, even(text.encode(self.code_page))) for tag, (vr, text) in self.texts.items()]
        if self.label is not None:
            elements.append((0x00080005, "CS", even(self.label.encode())))
        return part10(body(*elements, *self.raw, form=form), self.syntax)


def rich_file(syntax: str, *, undefined: bool) -> bytes:
    """Give a file with everything an edit has to leave alone: sequences, delimiters, group lengths, pixels."""
    form = FORM_OF.get(syntax, EXPLICIT)
    label = form.element(0x00080005, "CS", b"ISO_IR 144")
    name = form.element(0x00100010, "PN", "Сидоров".encode("iso8859_5") + b" ")
    inner = form.sequence(0x00081140, [form.element(0x00081155, "UI", b"1.2\0"), b""], undefined=undefined)
    request = form.sequence(
        0x00400275, [label + inner + name, form.element(0x00400007, "LO", b"hip ")], undefined=undefined
    )
    patient = form.element(0x00100010, "PN", "Петров^Пётр".encode("cp1251") + b" ") + form.element(
        0x00100020, "LO", b"17"
    )
    group = form.element(0x00100000, "UL", struct.pack(form.order + "L", len(patient)))
    # A delimiter nobody asked for, which stays as well.
    stray = form.head(0x00081115, "SQ", 8) + form.head(0xFFFEE0DD, "", 0)
    pixels = (
        form.fragments(0x7FE00010, [b"", b"\xff\xd8\xff\xd9", b"ab"])
        if syntax == JPEG_BASELINE
        else form.element(0x7FE00010, "OW", bytes(range(16)))
    )
    elements = [
        (0x00081115, "raw", stray),
        (0x00100000, "raw", group + patient),
        (0x00280010, "US", struct.pack(form.order + "H", 1)),
        (0x00400275, "raw", request),
        (0x00420010, "ST", b"kept"),
        (0x7FE00010, "raw", pixels),
    ]
    return part10(body(*elements, form=form), syntax)


def opened(file: bytes) -> DataSet:
    return open_data_set(MemorySource(file))


def mended(file: bytes, profile: Profile | None = None, origin: Origin | None = None, **given: datetime) -> Mended:
    return mend(opened(file), profile or Profile(), origin or Origin(), **given)


def written(result: Mended) -> bytes:
    """Give the file a mended data set would be written to."""
    return b"".join(bytes(part) for part in file_parts(result.revision.data_set, result.result))


def read_back(file: bytes) -> pydicom.Dataset:
    """Read as pydicom does, the judge of what was written."""
    return pydicom.dcmread(io.BytesIO(file), force=True)
