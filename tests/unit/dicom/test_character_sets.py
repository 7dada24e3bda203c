"""Specific Character Set: read as pydicom reads it where it is right, and strictly where it is not."""

from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import FORM_OF, opened, read_back
from tolmach.dicom.character_sets import codec_of, decode, encode, is_defined, respelt, show
from tolmach.dicom.paths import path_of
from tolmach.dicom.values import strip_padding, too_long

CYRILLIC = st.text("АБЯабяЁёІіЇїЄє", max_size=20)


def pixels_are_there(file: bytes) -> bool:
    return "Rows" not in read_back(file) or "PixelData" in read_back(file)


def test_charset_files_read_as_in_pydicom(corpus: Path) -> None:
    compared = 0
    for path in sorted((corpus / "pydicom" / "charset_files").glob("*.dcm")):
        file = path.read_bytes()
        if not pixels_are_there(file):  # taken out of some of these samples, which would be called cut
            file += FORM_OF[str(read_back(file).file_meta.TransferSyntaxUID)].element(0x7FE00010, "OW", bytes(2))
        data_set, judge = opened(file), read_back(file)
        for index, vr, raw in data_set.marked_text:
            element = data_set.elements[index]
            text = decode(raw, data_set.character_set_at(element.parent))
            place = path_of(data_set, element)
            if place.steps or vr == "CS":
                continue
            theirs = judge[element.tag].value
            values = theirs if isinstance(theirs, pydicom.multival.MultiValue) else [theirs]
            assert text is not None, path.name
            assert strip_padding(text, vr).rstrip("=") == "\\".join(str(value) for value in values).rstrip(), path.name
            compared += 1
    assert compared >= 14


@given(CYRILLIC)
def test_what_is_written_is_read_again(text: str) -> None:
    for terms in (("ISO_IR 144",), ("ISO_IR 192",), ("GB18030",), ("ISO 2022 IR 144",), ("iso ir 144",)):
        raw = encode(text, terms)
        if terms == ("GB18030",) or raw is not None:
            assert raw is not None
            assert decode(raw, terms) == text


@pytest.mark.parametrize(
    ("text", "terms"),
    [("Ґ", ("ISO_IR 144",)), ("«", ("ISO_IR 144",)), ("Ж", ("ISO_IR 100",)), ("Ж", ()), ("Ж", None), ("a", ("hex",))],
)
def test_nothing_is_substituted(text: str, terms: tuple[str, ...] | None) -> None:
    assert encode(text, terms) is None


@pytest.mark.parametrize(
    ("raw", "terms"),
    [(b"\xcf", None), (b"\xcf", ("ISO_IR 192",)), (b"\xcf", ("",)), (b"\xff\xff", ("GBK",)), (b"a", ("rot13",))],
)
def test_what_does_not_fit_the_label(raw: bytes, terms: tuple[str, ...] | None) -> None:
    assert decode(raw, terms) is None or terms == ("rot13",)
    assert isinstance(show(raw, terms), str)


def test_escapes_are_read_only_where_there_may_be_any() -> None:
    raw = b"Ivanov=\x1b-L" + "Иванов".encode("iso8859_5") + b"^\x1b-L" + "Иван".encode("iso8859_5")
    assert decode(raw, ("", "ISO 2022 IR 144")) == "Ivanov=Иванов^Иван"
    assert decode(b"A\x1b-LB", ("ISO_IR 192",)) == "A\x1b-LB"
    after_caret = b"\x1b-L" + "Ж".encode("iso8859_5") + b"^" + "Ж".encode("iso8859_5")
    assert decode(after_caret, ("", "ISO 2022 IR 144")) is None  # PS3.5 section 6.1.2.5.3: back to the first set


@pytest.mark.parametrize(
    ("term", "meant"),
    [
        ("ISO_IR 144", "ISO_IR 144"),
        ("ISO IR 144", "ISO_IR 144"),
        ("ISO_IR144", "ISO_IR 144"),
        ("iso-ir-192", "ISO_IR 192"),
        ("ISO 2022 IR 144", "ISO 2022 IR 144"),
        ("ISO2022IR144", "ISO 2022 IR 144"),
        ("ISO_IR 6", None),
        ("ISO_IR 999", None),
        ("WINDOWS-1251", None),
    ],
)
def test_misspelt_terms(term: str, meant: str | None) -> None:
    assert respelt(term) == meant
    assert is_defined(term) == (term == meant)


def test_labels_that_name_a_code_page_are_understood() -> None:
    assert decode("Жук".encode("cp1251"), ("WINDOWS-1251",)) == "Жук"
    assert codec_of(("nonsense",)) is None


@pytest.mark.parametrize(
    ("text", "vr", "excess"),
    [
        ("x" * 64, "LO", None),
        ("Ж" * 64, "LO", None),
        ("x" * 65, "LO", (65, 64)),
        ("x" * 60 + "\\" + "y" * 65, "LO", (65, 64)),
        ("x" * 17, "SH", (17, 16)),
        ("x" * 64 + "=" + "Ж" * 64, "PN", None),
        ("x" * 64 + "=" + "Ж" * 65, "PN", (65, 64)),
        ("x\\" * 600, "ST", (1200, 1024)),
        ("x" * 10240, "LT", None),
        ("x" * 99_999, "UT", None),
        ("x" * 99_999, "OB", None),
    ],
)
def test_limits_are_counted_in_characters(text: str, vr: str, excess: tuple[int, int] | None) -> None:
    assert too_long(text, vr) == excess
