"""Random data sets made with pydicom, and what pydicom reads in bytes: the judge of scanner, splice and draft."""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from hypothesis import strategies as st
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from tests.builders import CT_IMAGE, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, INSTANCE, UNDEFINED, even, part10

LETTERS = st.text("ABCxyz 019ÄжЖґЇ漢", max_size=24).map(lambda text: text.strip(" "))
ASCII = st.text("ABC019_", max_size=16)
LINES = st.text("ABCж \r\n\t\\=^", max_size=300).map(lambda text: text.strip(" "))

# Every VR of text, and one or more of each other kind.
ATTRIBUTES: dict[int, tuple[str, st.SearchStrategy[Any]]] = {
    0x00080008: ("CS", st.lists(ASCII, max_size=3)),
    0x00080020: ("DA", st.sampled_from(["", "20240229"])),
    0x00080050: ("SH", LETTERS.map(lambda text: text[:16].strip())),
    0x00080080: ("LO", LETTERS),
    0x00080081: ("ST", LINES),
    0x00081155: ("UI", st.sampled_from(["", "1.2.3", "1.2.34"])),
    0x00091001: ("LO", LETTERS),
    0x00091002: ("OB", st.binary(max_size=9)),
    0x00091003: ("UN", st.binary(max_size=9)),
    0x00091004: ("FD", st.floats(allow_nan=False)),
    0x00100010: ("PN", LETTERS),
    0x00100020: ("LO", LETTERS),
    0x00101010: ("AS", st.sampled_from(["", "042Y"])),
    0x001021B0: ("LT", LINES),
    0x00120081: ("LO", st.lists(LETTERS, max_size=3)),
    0x00181151: ("IS", st.integers(-9, 9)),
    0x00189004: ("CS", ASCII),
    0x00280009: ("AT", st.sampled_from([0x00181063, 0x00181065])),
    0x00280010: ("US", st.integers(0, 65535)),
    0x00281052: ("DS", st.integers(-999, 999)),
    0x00400310: ("ST", LINES),
    0x0040A160: ("UT", LINES),
    0x0040E010: ("UR", ASCII),
    0x00420010: ("ST", LINES),
    0x00100212: ("UC", LETTERS),
    0x00080015: ("DT", st.sampled_from(["", "20240229101112"])),
    0x00091005: ("OW", st.binary(max_size=40).map(lambda raw: raw[: len(raw) // 2 * 2])),
}
SEQUENCES = (0x00081115, 0x00081140, 0x00091010, 0x00400275, 0x00409096)


@dataclass(frozen=True)
class Sample:
    """The bytes of a data set in a syntax, and the data set they came from."""

    body: bytes
    syntax: str
    data_set: Dataset

    @property
    def file(self) -> bytes:
        return part10(self.body, self.syntax)


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 2) -> Dataset:
    """Give a data set, nested up to `depth`, whose sequences and items have defined or undefined lengths."""
    data_set = Dataset()
    for tag in draw(st.lists(st.sampled_from(sorted(ATTRIBUTES)), max_size=6, unique=True)):
        vr, value = ATTRIBUTES[tag]
        data_set.add(DataElement(tag, vr, draw(value)))
    if depth:
        for tag in draw(st.lists(st.sampled_from(SEQUENCES), max_size=2, unique=True)):
            # An empty private sequence is nothing but UN to pydicom.
            items = draw(st.lists(data_sets(depth=depth - 1), min_size=tag == 0x00091010, max_size=2))
            for item in items:
                item.is_undefined_length_sequence_item = draw(st.booleans())
            element = DataElement(tag, "SQ", Sequence(items))
            # What nobody knows is a sequence in implicit VR only when its length is undefined.
            element.is_undefined_length = tag == 0x00091010 or draw(st.booleans())
            data_set.add(element)
    if any(element.tag.group == 0x0009 for element in data_set):
        data_set.add(DataElement(0x00090010, "LO", "TOLMACH TEST"))
    return data_set


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Give the bytes of a random data set in one of the native transfer syntaxes."""
    data_set = draw(data_sets())
    data_set.SpecificCharacterSet = "ISO_IR 192"
    data_set.SOPClassUID, data_set.SOPInstanceUID = CT_IMAGE, INSTANCE
    syntax = draw(st.sampled_from([EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE]))
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = syntax != EXPLICIT_BE, syntax == IMPLICIT_LE
    write_dataset(buffer, data_set)
    return Sample(buffer.getvalue(), syntax, data_set)


_DUMPED = re.compile(r"^( *)\(([0-9a-f]{4}),([0-9a-f]{4})\)", re.MULTILINE)
Flat = dict[str, tuple[str, bytes | int]]


def flat(data_set: Dataset, prefix: str = "") -> Flat:
    """Give every element by its path: its VR and raw bytes; of a sequence the number of its items."""
    found: Flat = {}
    for tag in sorted(data_set.keys()):
        path = f"{prefix}{int(tag):08X}"
        raw = data_set.get_item(tag)
        if not _is_sequence(raw):
            found[path] = (raw.VR or "", _bytes_of(raw))
            continue
        items = data_set[tag].value
        found[path] = ("SQ", len(items))
        for number, item in enumerate(items):
            found |= flat(item, f"{path}[{number}].")
    return found


def _bytes_of(raw: DataElement | RawDataElement) -> bytes:
    """Give the raw value; pydicom has decoded the character set and what is empty, and nothing else."""
    if isinstance(raw, DataElement):
        assert raw.tag == 0x00080005 or raw.is_empty
        return even(raw.value.encode()) if raw.tag == 0x00080005 and raw.value else b""
    return raw.value or b""


def _is_sequence(raw: DataElement | RawDataElement) -> bool:
    if isinstance(raw, DataElement) or raw.VR is not None:
        return raw.VR == "SQ" or (isinstance(raw, RawDataElement) and raw.length == UNDEFINED)
    return pydicom.datadict.dictionary_has_tag(raw.tag) and pydicom.datadict.dictionary_VR(raw.tag) == "SQ"


def read(body: bytes, syntax: str) -> Flat:
    """Give what pydicom reads in the bytes of a data set."""
    return flat(pydicom.dcmread(io.BytesIO(part10(body, syntax)), force=True))


def dumped(file: bytes, peer_program: Callable[[str], Path]) -> list[str]:
    """Give the paths `dcmdump` prints for a file, without item numbers, in order; fails where it complains."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.dcm"
        path.write_bytes(file)
        run = subprocess.run([peer_program("dcmdump"), str(path)], capture_output=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    assert b"E: " not in run.stderr, run.stderr
    paths, way = [], [""]
    for indent, group, number in _DUMPED.findall(run.stdout.decode("utf-8", "replace")):
        depth = len(indent) // 2
        if group == "fffe":
            continue
        way[depth // 2 + 1 :] = [way[depth // 2] + f"{group}{number}.".upper()]
        paths.append(way[-1].rstrip("."))
    return [path for path in paths if not path.startswith("0002")]
