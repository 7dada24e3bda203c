"""Drafts: what an attribute reads now, what may be pencilled in, and what comes out of it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.builders import (
    BIG,
    EXPLICIT,
    EXPLICIT_BE,
    EXPLICIT_LE,
    FORM_OF,
    IMPLICIT,
    IMPLICIT_LE,
    SYNTAXES,
    body,
    even,
    opened,
    part10,
    read_back,
)
from tests.random_data_sets import Sample, read, samples
from tests.unit.dicom.test_splice import SLOW_DRAWING, without_vr
from tolmach.dicom.faults import BadPath, BadValue
from tolmach.dicom.paths import AttributePath, parse_path, path_of
from tolmach.edit.draft import Draft
from tolmach.edit.finish import UTF_8, Revision, Target, finish
from tolmach.repair.verify import verify

NAME, ID, REQUEST = parse_path("PatientName"), parse_path("PatientID"), "RequestAttributesSequence"


def draft_of(*elements: tuple[int, str, bytes], syntax: str = EXPLICIT_LE) -> Draft:
    return Draft(opened(part10(body(*elements, form=FORM_OF[syntax]), syntax)))


def proved(draft: Draft) -> Revision:
    revision = finish(draft)
    verify(revision)
    return revision


def values(revision: Revision) -> dict[str, bytes | int]:
    return without_vr(read(revision.pieces.read(0, 1 << 20), revision.data_set.transfer_syntax_uid))


def item(*attributes: bytes) -> bytes:
    return EXPLICIT.sequence(0x00400275, [b"".join(attributes)])


STEP = EXPLICIT.element(0x00400009, "SH", b"step")


@given(samples(), st.data())
@SLOW_DRAWING
def test_any_change_comes_out_as_itself(sample: Sample, draw: st.DataObject) -> None:
    """Set, grown, shrunk, emptied and deleted, at any depth: pydicom reads just that, the rest byte for byte."""
    data_set = opened(sample.file)
    assume(data_set.find(0x00080005) is not None)
    draft, expected = Draft(data_set), without_vr(read(sample.body, sample.syntax))
    places = [element for element in data_set.elements if element.vr in ("LO", "SH", "PN", "ST", "LT", "UT", "UC")]
    for element in places:
        path = path_of(data_set, element)
        if element.tag & 0xFFFF <= 0xFF or str(path) not in expected:
            continue
        text = draw.draw(st.text("ABЖҐ漢 19", max_size=16).map(str.strip) | st.none())
        if text is None:
            draft.delete(path)
            expected = {known: value for known, value in expected.items() if known != str(path)}
        elif text != draft.text(path):
            draft.set(path, text)
            expected[str(path)] = even(text.encode())
    for text in draw.draw(st.lists(st.text("ABЖҐ", min_size=1, max_size=9), max_size=3)):
        number = sum(path.startswith("00401001") for path in expected)
        path = AttributePath(((0x00081032, number),), 0x00080104)
        draft.set(path, text)
        expected |= {str(path): even(text.encode()), "00081032": number + 1, "00401001" + str(number): 0}
    revision = proved(draft)
    assert values(revision) == {path: value for path, value in expected.items() if not path.startswith("00401001")}


def test_what_rules_see_is_what_was_repaired() -> None:
    draft = draft_of((0x00100010, "PN", "Петров ".encode("cp1251")))
    assert draft.text(NAME) is not None
    draft.readings = {2: "Петров"}
    assert draft.text(NAME) == "Петров"
    assert draft.shown(2) == "Ïåòðîâ"


def test_emptied_text_stays_empty_when_everything_is_rewritten() -> None:
    draft = draft_of((0x00100010, "PN", "Петров ".encode("cp1251")), (0x00104000, "LT", "снимок".encode("cp1251")))
    draft.readings = {2: "Петров", 3: "снимок"}
    for index, text in draft.readings.items():
        draft.rewrite(index, text, "character-set")
    draft.set(NAME, "")
    revision = finish(draft, UTF_8)
    verify(revision)
    assert values(revision)["00100010"] == b""
    assert values(revision)["00104000"] == "снимок".encode()


def test_a_deleted_sequence_takes_what_is_in_it_along() -> None:
    draft = draft_of((0x00400275, "raw", item(STEP)))
    step = parse_path(f"{REQUEST}[0].ScheduledProcedureStepID")
    draft.set(step, "other")
    draft.delete(parse_path(REQUEST))
    assert draft.text(step) is None
    assert not draft.has_value(parse_path(REQUEST))
    assert "00400275" not in values(proved(draft))


def test_a_deleted_sequence_can_be_made_anew() -> None:
    draft = draft_of((0x00400275, "raw", item(STEP, EXPLICIT.element(0x00400007, "LO", b"hip "))))
    draft.delete(parse_path(REQUEST))
    draft.set(parse_path(f"{REQUEST}[0].ScheduledProcedureStepID"), "new")
    found = values(proved(draft))
    assert {path: value for path, value in found.items() if path.startswith("00400275")} == {
        "00400275": 1,
        "00400275[0].00400009": b"new ",
    }


def test_transcoding_leaves_alone_what_is_deleted() -> None:
    name = EXPLICIT.element(0x00100010, "PN", "Петров ".encode("cp1251"))
    draft = draft_of((0x00104000, "LT", "снимок".encode("cp1251")), (0x00400275, "raw", item(name)))
    index = next(index for index, element in enumerate(draft.data_set.elements) if element.tag == 0x00104000)
    draft.readings = {index: "снимок"}
    draft.rewrite(index, "снимок", "character-set")
    draft.delete(parse_path(REQUEST))
    revision = finish(draft, UTF_8)
    verify(revision)
    assert [change.path for change in revision.changes] == ["00080005", "00104000", "00400275"]
    assert not revision.problems


def test_deleting_takes_back_what_was_added() -> None:
    draft = draft_of()
    draft.set(parse_path(f"{REQUEST}[0].ScheduledProcedureStepID"), "1")
    draft.set(NAME, "A")
    draft.delete(parse_path(REQUEST))
    draft.delete(NAME)
    assert not finish(draft).is_changed


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_items_are_made_where_they_are_missing(syntax: str) -> None:
    draft = draft_of((0x00100020, "LO", b"17"), syntax=syntax)
    draft.set(parse_path(f"{REQUEST}[0].ScheduledProcedureStepID"), "1")
    draft.set(parse_path(f"{REQUEST}[1].ScheduledProcedureStepID"), "2")
    draft.set(parse_path(f"{REQUEST}[1].(0040,0008)[0].CodeValue"), "XR")
    draft.set(parse_path("Rows"), "3")
    revision = proved(draft)
    again = read_back(part10(bytes(revision.pieces.read(0, 1 << 16)), syntax))
    assert [one.ScheduledProcedureStepID for one in again.RequestAttributesSequence] == ["1", "2"]
    assert again.RequestAttributesSequence[1].ScheduledProtocolCodeSequence[0].CodeValue == "XR"
    assert again.Rows == 3


@pytest.mark.parametrize("undefined", [False, True])
def test_items_are_added_to_a_sequence_that_is_there(undefined: bool) -> None:
    request = EXPLICIT.sequence(0x00400275, [STEP, STEP], undefined=undefined)
    draft = draft_of((0x00400275, "raw", request))
    with pytest.raises(BadPath, match="TLM-DCM-010"):
        draft.set(parse_path(f"{REQUEST}[3].RequestedProcedureID"), "early")
    for number in range(4):
        draft.set(parse_path(f"{REQUEST}[{number}].RequestedProcedureID"), str(number))
    found = values(proved(draft))
    assert found["00400275"] == 4
    assert [found[f"00400275[{number}].00401001"] for number in range(4)] == [b"0 ", b"1 ", b"2 ", b"3 "]


def test_an_item_in_a_sequence_of_unknown_vr_is_implicit() -> None:
    inside = IMPLICIT.element(0x00400009, "SH", b"step")
    unknown = EXPLICIT.head(0x00400275, "UN", 0xFFFFFFFF) + IMPLICIT.item(inside) + IMPLICIT.head(0xFFFEE0DD, "", 0)
    draft = draft_of((0x00400275, "raw", unknown))
    draft.set(parse_path(f"{REQUEST}[0].RequestedProcedureID"), "7")
    draft.set(parse_path(f"{REQUEST}[1].RequestedProcedureID"), "8")
    assert {path: value for path, value in values(proved(draft)).items() if path.startswith("00400275[")} == {
        "00400275[0].00400009": b"step",
        "00400275[0].00401001": b"7 ",
        "00400275[1].00401001": b"8 ",
    }


@pytest.mark.parametrize("path", ["PatientName[0].PatientID", "(0009,1010)[0].PatientID"])
def test_a_way_through_what_is_no_sequence(path: str) -> None:
    draft = draft_of((0x00091010, "LO", b"private "), (0x00100010, "PN", b"A "))
    with pytest.raises(BadPath, match="TLM-DCM-010"):
        draft.set(parse_path(path), "X")
    assert not finish(draft).is_changed


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        ("PatientName", "x" * 65, "TLM-DCM-011"),
        ("PatientName", "Ж" * 64 + "=" + "x" * 65, "TLM-DCM-011"),
        ("AccessionNumber", "1" * 17, "TLM-DCM-011"),
        ("Modality", "ДХ", "TLM-DCM-012"),
        ("Rows", "many", "TLM-DCM-012"),
        ("Rows", "70000", "TLM-DCM-012"),
        ("Rows", "-1", "TLM-DCM-012"),
        ("SelectorAttribute", "PatientName", "TLM-DCM-012"),
        ("PixelData", "x", "TLM-DCM-016: PixelData cannot be used as text: its values are not written as text"),
        (REQUEST, "x", "TLM-DCM-016"),
        ("(0009,1001)", "x", "TLM-DCM-016"),
        ("SOPInstanceUID", " ", "TLM-DCM-017"),
        ("(0009,1001)[0].PatientID", "x", "TLM-DCM-010"),
    ],
)
def test_what_cannot_stand_there_is_refused_and_nothing_changes(path: str, text: str, code: str) -> None:
    draft = draft_of((0x00280010, "US", b"\1\0"), (0x00400275, "raw", item(STEP)), (0x7FE00010, "OW", bytes(2)))
    with pytest.raises((BadPath, BadValue), match=code):
        draft.set(parse_path(path), text)
    assert not draft.changes
    assert not finish(draft).is_changed


@pytest.mark.parametrize(("text", "says"), [("abc", "a whole number is expected"), ("70000", "from 0 to 65535")])
def test_a_number_that_is_none_is_told_in_words_of_ours(text: str, says: str) -> None:
    with pytest.raises(BadValue, match=rf"“{text}” cannot stand in Rows \(VR US\): .*{says}"):
        draft_of((0x00280010, "US", b"\1\0")).set(parse_path("Rows"), text)


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (Target("", lambda _text: None, "cp1251"), "cp1251"),
        (Target("ISO_IR 100", lambda _text: None, "koi8_u"), "koi8-u"),
        (Target("ISO_IR 144", lambda _text: None, "iso8859_5"), "ISO_IR 144"),
    ],
)
def test_the_character_set_that_lacks_a_letter_is_named(target: Target, shown: str) -> None:
    draft = draft_of((0x00100010, "PN", b"A "))
    draft.set(NAME, "Ж")
    (problem,) = finish(draft, target).problems
    assert (problem.code, problem.facts["term"]) == ("TLM-EDT-022", shown)


@pytest.mark.parametrize("text", ["x" * 64, "Ж" * 64, "Ж" * 64 + "=" + "x" * 64 + "\\" + "y" * 64])
def test_limits_are_counted_in_characters_of_each_part(text: str) -> None:
    draft = draft_of()
    draft.set(NAME, text)
    assert values(proved(draft))["00100010"] == even(text.encode())


def test_text_in_an_element_of_unknown_vr_is_text_all_the_same() -> None:
    """PS3.5 section 6.2.2: a gateway that did not know the VR wrote UN; the attribute is still a name."""
    unknown = EXPLICIT.element(0x00100010, "UN", "Петров ".encode("cp1251"))
    draft = draft_of((0x00100010, "raw", unknown), (0x00100020, "UN", b"17"), (0x00080060, "UN", b"DX"))
    assert (draft.text(ID), draft.text(parse_path("Modality"))) == ("17", "DX")
    draft.readings = {3: "Петров"}
    draft.rewrite(3, "Петров", "character-set")
    draft.set(ID, "18")
    draft.set(parse_path("Modality"), "CR")
    revision = finish(draft, UTF_8)
    verify(revision)
    found = values(revision)
    assert (found["00100010"], found["00100020"], found["00080060"]) == ("Петров".encode(), b"18", b"CR")


@pytest.mark.parametrize("form", [EXPLICIT, IMPLICIT, BIG], ids=str)
def test_numbers_are_read_exactly(form: object) -> None:
    syntax = {EXPLICIT: EXPLICIT_LE, IMPLICIT: IMPLICIT_LE, BIG: EXPLICIT_BE}[form]
    order = FORM_OF[syntax].order
    draft = draft_of(
        (0x00189073, "FD", struct.pack(order + "d", 0.1234567890123)),
        (0x00189090, "FD", struct.pack(order + "2d", 1e300, -0.5)),
        (0x00280010, "US", struct.pack(order + "H", 513)),
        (0x00280009, "AT", struct.pack(order + "HH", 0x0018, 0x1063)),
        syntax=syntax,
    )
    assert draft.text(parse_path("(0018,9073)")) == "0.1234567890123"
    assert draft.text(parse_path("(0018,9090)")) == "1e+300\\-0.5"
    assert draft.text(parse_path("Rows")) == "513"
    assert draft.text(parse_path("FrameIncrementPointer")) == "(0018,1063)"
    draft.set(parse_path("Columns"), "513")
    draft.set(parse_path("(0018,9087)"), draft.text(parse_path("(0018,9073)")) or "")
    found = values(proved(draft))
    assert (found["00280011"], found["00189087"]) == (found["00280010"], found["00189073"])


@given(st.floats(width=32, allow_nan=False))
def test_single_precision_keeps_every_bit(number: float) -> None:
    draft = draft_of((0x00186020, "FL", struct.pack("<f", number)))
    text = draft.text(parse_path("(0018,6020)"))
    assert text is not None
    assert struct.pack("<f", float(text)) == struct.pack("<f", number)


def test_more_numbers_than_anybody_reads_are_not_text() -> None:
    draft = draft_of((0x00280010, "US", bytes(2 * 65)))
    assert draft.text(parse_path("Rows")) is None
    assert draft.has_value(parse_path("Rows"))


def test_what_is_there_and_what_is_empty() -> None:
    draft = draft_of(
        (0x00080050, "SH", b""),
        (0x00080080, "LO", b"  "),
        (0x00100010, "PN", b"A "),
        (0x00400275, "raw", item(STEP)),
        (0x00400555, "raw", EXPLICIT.sequence(0x00400555, [])),
        (0x7FE00010, "OW", bytes(2)),
    )
    states = {
        name: draft.has_value(parse_path(name))
        for name in (
            "AccessionNumber InstitutionName PatientName RequestAttributesSequence "
            "AcquisitionContextSequence PixelData PatientID RequestAttributesSequence[0].ScheduledProcedureStepID"
        ).split()
    }
    assert states == {
        "AccessionNumber": False,
        "InstitutionName": False,
        "PatientName": True,
        "RequestAttributesSequence": True,
        "AcquisitionContextSequence": False,
        "PixelData": True,
        "PatientID": False,
        "RequestAttributesSequence[0].ScheduledProcedureStepID": True,
    }


def test_a_letter_the_label_lacks_makes_the_file_utf_8() -> None:
    draft = draft_of((0x00080005, "CS", b"ISO_IR 100"), (0x00100010, "PN", "Müller^Jörg ".encode("latin_1")))
    draft.set(parse_path("InstitutionName"), "Міська лікарня №1")
    revision = proved(draft)
    again = read_back(part10(revision.pieces.read(0, 1 << 16)))
    assert again.SpecificCharacterSet == "ISO_IR 192"
    assert again.PatientName == "Müller^Jörg"
    assert again.InstitutionName == "Міська лікарня №1"
    assert {change.path for change in revision.changes} == {"00080005", "00080080", "00100010"}


def test_a_letter_the_label_has_keeps_the_file_in_it() -> None:
    draft = draft_of((0x00080005, "CS", b"ISO_IR 144"), (0x00100010, "PN", "Петров".encode("iso8859_5")))
    draft.set(parse_path("InstitutionName"), "Больница №1")
    found = values(proved(draft))
    assert found["00080080"] == even("Больница №1".encode("iso8859_5"))
    assert found["00100010"] == "Петров".encode("iso8859_5")
    assert found["00080005"] == b"ISO_IR 144"


def test_setting_what_is_there_already_is_no_change() -> None:
    draft = draft_of((0x00100010, "PN", b"PETROV"), (0x00280010, "US", b"\1\0"))
    draft.set(NAME, "PETROV")
    draft.set(parse_path("Rows"), "1")
    revision = finish(draft)
    assert not revision.is_changed
    assert revision.changes == ()
