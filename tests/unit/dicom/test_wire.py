"""What goes over the network or into a file: the negotiated syntax, an even length, and every byte that came."""

import io
import struct
import tracemalloc
import warnings
from dataclasses import dataclass, replace
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from tests.builders import (
    DEFLATED,
    EXPLICIT,
    EXPLICIT_BE,
    EXPLICIT_LE,
    FORM_OF,
    IMPLICIT,
    IMPLICIT_LE,
    JPEG_BASELINE,
    SYNTAXES,
    body,
    meta,
    opened,
    part10,
    read_back,
)
from tests.random_data_sets import Sample, read, samples
from tests.unit.dicom.test_splice import SLOW_DRAWING, without_vr
from tolmach.dicom.faults import Damaged
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.paths import parse_path
from tolmach.dicom.scanner import ROOT
from tolmach.dicom.splice import Edits, Pieces, reread, splice
from tolmach.dicom.wire import Turned, as_source, can_become, file_parts
from tolmach.edit.draft import Draft
from tolmach.edit.finish import finish


def on_wire(file: bytes, syntax: str) -> tuple[bytes, str]:
    source, padded = as_source(opened(file), syntax)
    return bytes(source.read(0, source.size)), padded


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_its_own_syntax_is_the_bytes_themselves(syntax: str) -> None:
    content = body((0x00100010, "PN", b"PETROV"), (0x7FE00010, "OW", bytes(64)), form=FORM_OF[syntax])
    sent, padded = on_wire(part10(content, syntax), syntax)
    assert padded == ""
    assert (sent == content) == (syntax != DEFLATED)
    assert read(content, syntax if syntax != DEFLATED else EXPLICIT_LE) == read_sent(sent, syntax)


def read_sent(sent: bytes, syntax: str) -> dict[str, Any]:
    if syntax != DEFLATED:
        return dict(read(sent, syntax))
    file = bytes(128) + b"DICM" + meta(DEFLATED) + sent
    return dict(read(opened(file).source.read(0, 1 << 20).tobytes(), EXPLICIT_LE))  # type: ignore[union-attr]


def decoded(data_set: Dataset) -> dict[int, Any]:
    """Give the values as pydicom decodes them; it counts the bytes of a text, where the standard counts characters."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The value length .* exceeds the maximum length")
        return _decoded(data_set)


def _decoded(data_set: Dataset) -> dict[int, Any]:
    return {
        int(element.tag): [_decoded(item) for item in element.value] if element.VR == "SQ" else element.value
        for element in data_set
        if element.tag.group != 0x0009
    }


@given(samples())
@SLOW_DRAWING
def test_implicit_reads_as_the_original_did(sample: Sample) -> None:
    """Explicit, little and big endian, to implicit: pydicom decodes the same values, byte order turned."""
    if sample.syntax == IMPLICIT_LE:
        return
    sent, _padded = on_wire(sample.file, IMPLICIT_LE)
    before, after = read_back(sample.file), read_back(part10(sent, IMPLICIT_LE))
    assert decoded(after) == decoded(before)
    private = {path: value for path, (_vr, value) in read(sent, IMPLICIT_LE).items() if path.startswith("00091002")}
    assert private == {
        path: value for path, (_vr, value) in read(sample.body, sample.syntax).items() if path.startswith("00091002")
    }


def test_a_text_of_few_characters_and_many_bytes_is_compared_without_complaint() -> None:
    file = part10(body((0x00080005, "CS", b"ISO_IR 192"), (0x00080050, "SH", "0000000000000ÄÄÄ".encode())))
    sent, _padded = on_wire(file, IMPLICIT_LE)
    assert decoded(read_back(part10(sent, IMPLICIT_LE))) == decoded(read_back(file))


def test_every_word_size_is_turned_around() -> None:
    values = {
        0x00280010: ("US", struct.pack(">H", 515)),
        0x00280106: ("SS", struct.pack(">h", -2)),
        0x00186010: ("SL", struct.pack(">l", -70_000)),
        0x00186016: ("UL", struct.pack(">L", 70_000)),
        0x00189073: ("FD", struct.pack(">d", 0.1)),
        0x00189087: ("FD", struct.pack(">2d", 0.1, 0.2)),
        0x00186024: ("US", b""),
        0x00280009: ("AT", struct.pack(">HH", 0x0018, 0x1063)),
        0x00082003: ("FL", struct.pack(">f", 0.5)),
        0x7FE00008: ("OF", struct.pack(">2f", 1.5, 2.5)),
        0x7FE00009: ("OD", struct.pack(">d", 1.25)),
        0x7FE00010: ("OW", struct.pack(">3H", 1, 2, 515)),
        0x00660040: ("OL", struct.pack(">L", 5)),
        0x7FE00001: ("OV", struct.pack(">Q", 9)),
        0x00420011: ("OB", b"\1\2\3\4"),
        0x00660041: ("UN", b"\1\2\3\4"),
    }
    file = part10(body(*((tag, *value) for tag, value in values.items()), form=FORM_OF[EXPLICIT_BE]), EXPLICIT_BE)
    sent, _padded = on_wire(file, IMPLICIT_LE)
    flat = {path: value for path, (_vr, value) in read(sent, IMPLICIT_LE).items()}
    for tag, (vr, raw) in values.items():
        word = {"US": 2, "SS": 2, "AT": 2, "OW": 2, "FD": 8, "OD": 8, "OV": 8, "OB": 1, "UN": 1}.get(vr, 4)
        turned = b"".join(raw[at : at + word][::-1] for at in range(0, len(raw), word))
        assert flat[f"{tag:08X}"] == turned, vr


def test_big_endian_pixels_have_the_same_values(corpus: Any) -> None:
    file = (corpus / "pydicom" / "test_files" / "MR_small_bigendian.dcm").read_bytes()
    sent, _padded = on_wire(file, IMPLICIT_LE)
    before, after = read_back(file), read_back(part10(sent, IMPLICIT_LE))
    assert before["PixelData"].VR == "OW"
    swapped = bytearray(before.PixelData)
    swapped[0::2], swapped[1::2] = before.PixelData[1::2], before.PixelData[0::2]
    assert after.PixelData == bytes(swapped)


def test_a_large_value_is_turned_around_in_pieces() -> None:
    words = struct.pack(">700000H", *(number % 65536 for number in range(700_000)))
    file = part10(body((0x7FE00010, "OW", words), form=FORM_OF[EXPLICIT_BE]), EXPLICIT_BE)
    sent, _padded = on_wire(file, IMPLICIT_LE)
    assert sent.endswith(struct.pack("<700000H", *(number % 65536 for number in range(700_000))))


@dataclass
class Endless:
    """A file whose pixels are made only when they are read, and which notes how much was asked for at once."""

    head: bytes
    size: int
    largest: int = 0

    def read(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        self.largest = max(self.largest, length)
        return self.head[offset : offset + length].ljust(length, b"\1")


@pytest.mark.parametrize("syntax", [EXPLICIT_BE, DEFLATED])
def test_large_pixels_are_rewritten_in_constant_memory(syntax: str) -> None:
    pixels = 100 << 20
    form = FORM_OF[syntax]
    head = part10(body(form=form) + form.head(0x7FE00010, "OW", pixels), EXPLICIT_LE if syntax == DEFLATED else syntax)
    source = Endless(head, len(head) + pixels)
    data_set = open_data_set(source)
    if syntax == DEFLATED:
        data_set = replace(data_set, transfer_syntax_uid=DEFLATED)
    tracemalloc.start()
    try:
        if syntax == DEFLATED:
            count = sum(len(part) for part in file_parts(data_set, replace(data_set)))
            kept, _padded = as_source(data_set, DEFLATED, keep=lambda blocks: Endless(b"", sum(map(len, blocks))))
            assert 1 << 10 < kept.size < count < 1 << 20
        else:
            sent, _padded = as_source(data_set, IMPLICIT_LE)
            assert isinstance(sent, Pieces)
            assert sum(len(part) for part in sent.chunks()) == sent.size > pixels
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert source.largest <= 2 << 20


@given(st.data())
def test_turned_values_read_the_same_in_any_pieces(data: st.DataObject) -> None:
    values = [
        (0x00280009, "AT", bytes(range(8))),
        (0x00189087, "FD", bytes(range(16))),
        (0x7FE00010, "OW", bytes(range(7))),
    ]
    data_set = opened(part10(body(*values, form=FORM_OF[EXPLICIT_BE]), EXPLICIT_BE))
    turned = Turned.of(data_set)
    whole = bytes(turned.read(0, turned.size))
    assert whole != bytes(data_set.source.read(0, turned.size))
    start, length = data.draw(st.integers(0, turned.size)), data.draw(st.integers(0, turned.size))
    assert bytes(turned.read(start, length)) == whole[start : start + length]


def test_group_lengths_are_left_out_of_what_is_rewritten() -> None:
    file = part10(body((0x00080000, "UL", struct.pack("<L", 70)), (0x00100000, "UL", bytes(4))))
    sent, _padded = on_wire(file, IMPLICIT_LE)
    assert sent == body(form=IMPLICIT)


@pytest.mark.parametrize("label", [EXPLICIT_LE, JPEG_BASELINE])
def test_compressed_pixels_are_never_lost(label: str) -> None:
    """A file that claims to be uncompressed and is not: fragments cannot be rewritten, and are not left out."""
    content = body((0x7FE00010, "raw", EXPLICIT.fragments(0x7FE00010, [b"", b"\xff\xd8\xff\xd9"])))
    file = part10(content, label)
    with pytest.raises(Damaged, match="TLM-DCM-013"):
        on_wire(file, IMPLICIT_LE)
    assert on_wire(file, label)[0] == content


def test_what_can_become_what() -> None:
    for syntax, targets in {
        EXPLICIT_LE: {EXPLICIT_LE, IMPLICIT_LE},
        EXPLICIT_BE: {EXPLICIT_BE, IMPLICIT_LE},
        IMPLICIT_LE: {IMPLICIT_LE},
        DEFLATED: {DEFLATED, EXPLICIT_LE},
        JPEG_BASELINE: {JPEG_BASELINE},
    }.items():
        data_set = opened(part10(body(form=FORM_OF.get(syntax, EXPLICIT)), syntax))
        assert {one for one in (*SYNTAXES, JPEG_BASELINE) if can_become(data_set, one)} == targets


def test_a_deflated_data_set_with_a_lying_inside_is_not_called_explicit() -> None:
    file = part10(body((0x00100010, "PN", b"PETROV"), form=IMPLICIT), DEFLATED)
    assert not can_become(opened(file), EXPLICIT_LE)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("odd", [[0x00100010], [0x00100010, 0x00100020, 0x00101001]])
def test_an_odd_data_set_is_padded_by_one_byte(syntax: str, odd: list[int]) -> None:
    form = FORM_OF[syntax]
    texts = [(tag, "LO", b"ODD") for tag in odd]
    content = body(*texts, (0x7FE00010, "OW", bytes(8)), form=form)
    sent, padded = on_wire(part10(content, syntax), syntax)
    assert len(sent) % 2 == 0
    assert padded == f"{odd[-1]:08X}"
    if syntax == DEFLATED:
        return
    assert len(sent) == len(content) + 1
    before, after = without_vr(read(content, syntax)), without_vr(read(sent, syntax))
    assert after.pop(padded) == b"ODD "
    assert before.pop(padded) == b"ODD"
    assert after == before


@pytest.mark.parametrize("undefined", [False, True])
def test_an_odd_element_deep_inside(undefined: bool) -> None:
    inner = EXPLICIT.sequence(0x00081115, [EXPLICIT.element(0x00081155, "UI", b"1.2")], undefined=undefined)
    content = body((0x00081140, "raw", EXPLICIT.sequence(0x00081140, [inner], undefined=undefined)))
    sent, padded = on_wire(part10(content), EXPLICIT_LE)
    assert padded == "00081140[0].00081115[0].00081155"
    assert read(sent, EXPLICIT_LE)[padded] == ("UI", b"1.2\0")
    assert len(sent) == len(content) + 1


def test_an_odd_fragment() -> None:
    content = body((0x7FE00010, "raw", EXPLICIT.fragments(0x7FE00010, [b"", b"\xff\xd8\1", b"\1\2"])))
    sent, padded = on_wire(part10(content, JPEG_BASELINE), JPEG_BASELINE)
    assert padded == "7FE00010"
    assert sent == body((0x7FE00010, "raw", EXPLICIT.fragments(0x7FE00010, [b"", b"\xff\xd8\1\0", b"\1\2"])))


def test_odd_by_nature_but_even_in_sum_is_left_alone() -> None:
    content = body((0x00100010, "PN", b"ODD"), (0x00100020, "LO", b"1"))
    assert on_wire(part10(content), EXPLICIT_LE) == (content, "")


def test_stray_bytes_are_left_out_on_the_wire_and_kept_in_a_file() -> None:
    content = body((0x00100010, "PN", b"PETROV"))
    file = part10(content) + bytes(12)
    assert on_wire(file, EXPLICIT_LE)[0] == content
    data_set = opened(file)
    assert b"".join(bytes(part) for part in file_parts(data_set, data_set)) == file
    changed = reread(data_set, splice(data_set, Edits({2: b"IVANOV"})))
    assert b"".join(bytes(part) for part in file_parts(data_set, changed)) == file.replace(b"PETROV", b"IVANOV")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_changed_uid_is_carried_into_the_file_meta_information(syntax: str) -> None:
    data_set = opened(part10(body((0x00100010, "PN", b"PETROV"), form=FORM_OF[syntax]), syntax))
    draft = Draft(data_set)
    draft.set(parse_path("SOPInstanceUID"), "2.25.7")
    revision = finish(draft)
    after = reread(data_set, revision.pieces)
    file = b"".join(bytes(part) for part in file_parts(data_set, after))
    again = pydicom.dcmread(io.BytesIO(file))
    assert again.file_meta.MediaStorageSOPInstanceUID == again.SOPInstanceUID == "2.25.7"
    assert again.PatientName == "PETROV"
    (length,) = struct.unpack("<L", file[140:144])
    assert opened(file).meta_end == 144 + length
    assert after.find(0x00080018, ROOT) is not None


@pytest.mark.parametrize("cut", [0, 128, 132])
def test_a_file_without_preamble_or_meta_is_written_as_it_came(cut: int) -> None:
    whole = part10(body((0x00100010, "PN", b"PETROV")))
    file = {0: whole, 128: whole[128:], 132: whole[132 + len(meta(EXPLICIT_LE)) :]}[cut]
    data_set = opened(file)
    changed = reread(data_set, splice(data_set, Edits({2: b"IVANOV"})))
    assert b"".join(bytes(part) for part in file_parts(data_set, changed)) == file.replace(b"PETROV", b"IVANOV")
