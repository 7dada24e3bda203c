"""A file that was cut is never called whole: wherever it ends, the pixels are there or it is refused."""

import struct
from pathlib import Path

import pytest

from tests.builders import CT_IMAGE, EXPLICIT, EXPLICIT_BE, FORM_OF, IMPLICIT_LE, SYNTAXES, body, meta, opened, part10
from tolmach.dicom.faults import Damaged, NotDicom
from tolmach.dicom.part10 import MAX_META

PIXELS = 0x7FE00010
SPECTROSCOPY = "1.2.840.10008.5.1.4.1.1.4.2"


def image(
    *more: tuple[int, str, bytes], syntax: str = "1.2.840.10008.1.2.1", frames: bytes = b"1 ", **uids: str
) -> bytes:
    """Give an image of 4 rows, 3 columns and 16 bits: 24 bytes a frame."""
    form = FORM_OF[syntax]
    shape = ((0x00280010, 4), (0x00280011, 3), (0x00280100, 16))
    numbers = [(tag, "US", struct.pack(form.order + "H", number)) for tag, number in shape]
    return part10(body(*numbers, (0x00280008, "IS", frames), *more, form=form), syntax, **uids)


def outcome(file: bytes) -> str:
    try:
        data_set = opened(file)
    except (Damaged, NotDicom) as error:
        return error.code
    told = [problem.code for problem in data_set.problems]
    return "whole" if data_set.find(PIXELS) else "told" if "TLM-DCM-015" in told else "no pixels"


def test_no_cut_of_a_real_image_is_called_whole(corpus: Path) -> None:
    """Every third byte of the header, every place where an element begins and those around it, some of the pixels."""
    file = (corpus / "pydicom" / "test_files" / "CT_small.dcm").read_bytes()
    data_set = opened(file)
    pixels = data_set.find(PIXELS)
    bits = data_set.find(0x00280100)
    assert pixels is not None
    assert bits is not None
    edges = {one.start + by for one in data_set.elements for by in range(-2, 9)}
    places = edges | set(range(0, pixels.value, 3)) | set(range(pixels.value, pixels.end, 997))
    found = {place: outcome(file[:place]) for place in sorted(places) if place < pixels.end}
    assert set(found.values()) <= {"TLM-DCM-001", "TLM-DCM-002", "TLM-DCM-003", "told", "no pixels"}
    # Before the image says that it has bits, a file that ends between two elements is as good as one without pixels.
    silent = {place for place, said in found.items() if said == "no pixels"}
    assert silent <= {one.start for one in data_set.elements if one.start <= bits.start}
    # A cut in the padding behind the pixels loses nothing, and may be refused.
    assert outcome(file) == "whole"
    assert (
        {"whole"} <= {outcome(file[:place]) for place in range(pixels.end, len(file) + 1)} <= {"whole", "TLM-DCM-002"}
    )


@pytest.mark.parametrize("count", range(1, 8))
@pytest.mark.parametrize("syntax", [*SYNTAXES])
def test_the_beginning_of_another_header_is_a_cut(count: int, syntax: str) -> None:
    form = FORM_OF[syntax]
    header = form.element(0x00100020, "LO", b"1")[:count]
    content = body((0x00100010, "PN", b"PETROV"), form=form) + header
    if any(header):
        with pytest.raises(Damaged, match=r"TLM-DCM-002.*where more must follow"):
            opened(part10(content, syntax))
    else:
        assert syntax == EXPLICIT_BE
        assert opened(part10(content, syntax)).problems[0].code == "TLM-DCM-022"


def test_pixels_inside_an_icon_are_not_those_of_the_image() -> None:
    icon = EXPLICIT.sequence(0x00880200, [EXPLICIT.element(PIXELS, "OW", bytes(8))])
    file = image((0x00880200, "raw", icon))
    assert [problem.code for problem in opened(file).problems] == ["TLM-DCM-015"]
    with pytest.raises(Damaged, match="TLM-DCM-002"):
        opened(file + b"\xe0\x7f\x10")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_rows_and_columns_without_pixels(syntax: str) -> None:
    assert [problem.code for problem in opened(image(syntax=syntax)).problems] == ["TLM-DCM-015"]


@pytest.mark.parametrize(
    "instead",
    [
        (PIXELS, "OW", bytes(24)),
        (0x7FE00008, "OF", bytes(48)),
        (0x7FE00009, "OD", bytes(96)),
        (0x00287FE0, "UR", b"https://archive.example/1 "),
    ],
)
def test_pixels_of_any_kind_will_do(instead: tuple[int, str, bytes]) -> None:
    assert not opened(image(instead)).problems


def test_spectroscopy_has_rows_and_no_pixels() -> None:
    padded = SPECTROSCOPY.ljust(len(CT_IMAGE) + 3, "\0").encode()
    file = image().replace(
        EXPLICIT.element(0x00080016, "UI", CT_IMAGE.encode() + b"\0"), EXPLICIT.element(0x00080016, "UI", padded)
    )
    assert opened(file).sop_class_uid == SPECTROSCOPY


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(("frames", "length", "short"), [(b"1 ", 24, False), (b"1 ", 22, True), (b"3 ", 48, True)])
def test_native_pixels_that_are_too_few_are_noted(syntax: str, frames: bytes, length: int, short: bool) -> None:
    data_set = opened(image((PIXELS, "OW", bytes(length)), syntax=syntax, frames=frames))
    told = [(problem.code, *problem.facts.values()) for problem in data_set.problems]
    assert told == ([("TLM-DCM-026", 24 * int(frames), length)] if short else [])


def test_subsampled_colours_and_fragments_are_not_counted() -> None:
    assert not opened(image((0x00280004, "CS", b"YBR_FULL_422"), (PIXELS, "OW", bytes(16)))).problems
    assert not opened(image((PIXELS, "raw", EXPLICIT.fragments(PIXELS, [b"", b"\xff\xd8"])))).problems


@pytest.mark.parametrize("frames", [b"1A", b"", b"\xb2 ", b"1\\2 ", b"-1"])
def test_numbers_that_are_none_count_as_absent(frames: bytes) -> None:
    assert not opened(image((PIXELS, "OW", bytes(24)), frames=frames)).problems


def test_file_meta_information_without_end() -> None:
    endless = EXPLICIT.element(0x00020102, "OB", bytes(MAX_META))
    with pytest.raises(Damaged, match=r"TLM-DCM-003.*does not end"):
        opened(bytes(128) + b"DICM" + endless + bytes(40))


def test_a_cut_is_told_as_it_is() -> None:
    """No number nobody announced."""
    header = bytes(128) + b"DICM" + meta(IMPLICIT_LE)
    for file, says in (
        (header, "it ends before the data set begins"),
        (header[:200], "it ends before the data set begins"),
        (part10(EXPLICIT.head(0x00100010, "PN", 40) + b"PETROV"), "40 bytes are announced at byte 278, 6 are there"),
    ):
        with pytest.raises(Damaged, match=says):
            opened(file)
