"""What a careful archive objects to, in files made byte by byte."""

import struct

import pytest

from tests.builders import BIG, EXPLICIT, EXPLICIT_BE, IMPLICIT_LE, body, even, opened, part10, rich_file
from tolmach.dicom.conformance import NEEDS, absences, value_faults
from tolmach.dicom.dictionary import tag_of

PATIENT_SEX, PATIENT_NAME, BIRTH_DATE, STATION = 0x00100040, 0x00100010, 0x00100030, 0x00081010


def faults(*elements: tuple[int, str, bytes]) -> list[tuple[int, str, str, str]]:
    return [(one.tag, one.vr, one.kind, str(one.why)) for one in value_faults(opened(part10(body(*elements))))]


def test_a_file_as_it_should_be_has_no_faults() -> None:
    elements = (
        (0x00080005, "CS", b"ISO_IR 192"),
        (0x00080020, "DA", b"20260131"),
        (0x00080030, "TM", b"101112.5"),
        (PATIENT_NAME, "PN", even("Шевченко^Тарас".encode())),
        (PATIENT_SEX, "CS", b"M "),
        (0x00101010, "AS", b"042Y"),
        (0x00204000, "LT", b"line\r\nline\tend"),
        (0x00280010, "US", b"\1\0"),
    )
    assert faults(*elements) == []


@pytest.mark.parametrize(
    ("tag", "vr", "value", "kind"),
    [
        (0x00080020, "DA", b"today ", "form"),
        (0x00080020, "DA", b"2026.01.31", "form"),
        (0x00080030, "TM", b"25:00 ", "form"),
        (0x0020000D, "UI", b"1.2.ABC\0", "form"),
        (0x0020000D, "UI", b"1.02\0\0", "form"),
        (PATIENT_SEX, "CS", b"m ", "form"),
        (PATIENT_SEX, "CS", "М".encode("cp1251") + b" ", "form"),
        (0x00200013, "IS", b"one ", "form"),
        (0x00281050, "DS", b"1,5 ", "form"),
        (0x0020000D, "UI", b"1." + b"2" * 64, "length"),
        (STATION, "SH", b"SEVENTEEN LETTERS ", "length"),
        (PATIENT_SEX, "CS", b"SEVENTEENLETTERSX ", "length"),
        (PATIENT_NAME, "PN", b"one\r\ntwo", "control"),
        (STATION, "SH", b"abc", "odd"),
        (0x00280010, "US", b"\1\0\2\0\3", "length"),
        (STATION, "LO", b"as LO ", "vr"),
    ],
)
def test_each_kind_of_fault_is_found(tag: int, vr: str, value: bytes, kind: str) -> None:
    found = faults((tag, vr, value))
    assert (tag, kind) in [(one[0], one[2]) for one in found]
    assert all(one[3] and "{" not in one[3] for one in found)


def test_letters_are_counted_and_not_bytes() -> None:
    name = even("Ы".encode() * 60)
    label = (0x00080005, "CS", b"ISO_IR 192")
    assert faults(label, (PATIENT_NAME, "PN", name)) == []
    assert [one[2] for one in faults(label, (PATIENT_NAME, "PN", even("Ы".encode() * 65)))] == ["length"]


def test_the_limit_of_a_name_holds_for_each_group_of_components() -> None:
    assert faults((PATIENT_NAME, "PN", b"A" * 60 + b"=" + b"B" * 61)) == []


def test_faults_inside_sequences_are_found_and_huge_values_are_left() -> None:
    item = EXPLICIT.element(BIRTH_DATE, "DA", b"never ")
    nested = EXPLICIT.sequence(0x00400275, [item])
    assert [one[:3] for one in faults((0x00400275, "raw", nested))] == [(BIRTH_DATE, "DA", "form")]
    assert faults((0x00081199, "UT", b"\x01" * 200_000)) == []


@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_BE])
def test_other_ways_of_writing_are_judged_alike(syntax: str) -> None:
    file = rich_file(syntax, undefined=True)
    assert {one.kind for one in value_faults(opened(file))} <= {"odd", "form"}
    made = body((BIRTH_DATE, "DA", b"nonsense"), form=BIG)
    found = list(value_faults(opened(part10(made, EXPLICIT_BE))))
    assert [(one.tag, one.kind, one.shown) for one in found] == [(BIRTH_DATE, "form", "nonsense")]


def test_what_is_missing_and_what_is_empty() -> None:
    data_set = opened(part10(body((PATIENT_NAME, "PN", b"A^B "), (0x00100020, "LO", b"  "), (BIRTH_DATE, "DA", b""))))
    states = {need.keyword: state for need, state in absences(data_set)}
    assert "PatientName" not in states
    assert "SOPInstanceUID" not in states
    assert (states["PatientID"], states["PatientBirthDate"], states["StudyInstanceUID"]) == ("empty", "empty", "absent")
    assert "Rows" not in states, "what has no pixels needs no rows"


def test_an_image_needs_what_its_pixels_are_read_by() -> None:
    zero = (0x00280103, "US", struct.pack("<H", 0))
    data_set = opened(part10(body(zero, (0x7FE00010, "OW", b"\0\0"))))
    states = {need.keyword: state for need, state in absences(data_set)}
    assert states["Rows"] == "absent"
    assert "PixelRepresentation" not in states, "zero is a value"


def test_every_need_names_an_attribute_and_a_clause() -> None:
    assert all(tag_of(need.keyword) and need.clause.startswith("PS3.3 C.") for need in NEEDS)
    assert len({need.keyword for need in NEEDS}) == len(NEEDS)
