"""What was changed stands in the data set itself: one item for each event, old values and illegal bytes included."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from tests.builders import (
    EXPLICIT,
    FORM_OF,
    SYNTAXES,
    Spoiled,
    body,
    even,
    mended,
    opened,
    part10,
    read_back,
    written,
)
from tests.random_data_sets import Sample, dumped, flat, samples
from tests.unit.dicom.test_splice import SLOW_DRAWING
from tolmach.dicom.paths import path_of
from tolmach.edit.conditions import Origin
from tolmach.edit.draft import Draft
from tolmach.edit.finish import finish
from tolmach.edit.original_attributes import with_original_attributes
from tolmach.edit.rules import parse_rules
from tolmach.repair.profile import Profile, parse_text_policy
from tolmach.repair.verify import verify

NOW = datetime(2026, 11, 22, 12, 30, 15, 250_000, tzinfo=UTC)
TEXTS = {0x00100010: ("PN", "Щербаков^Юрий"), 0x00080080: ("LO", "Городская больница")}
CODE = (0x00180015, "CS", even("ЧЕРЕП".encode("cp1251")))


def asking(*steps: dict[str, str], **given: Any) -> Profile:
    rules = parse_rules([{"do": list(steps)}], lambda _name: {}, "test") if steps else ()
    return Profile(rules=rules, original_attributes=True, **given)


def recorded(file: bytes, profile: Profile, **given: Any) -> Dataset:
    """Give the only item of the record, after the proof that it was planned."""
    data_set = read_back(written(mended(file, profile, now=NOW, **given)))
    (item,) = data_set.OriginalAttributesSequence
    return item


def test_the_event_is_described() -> None:
    file = Spoiled(TEXTS, "cp1251", "ISO_IR 100").file()
    item = recorded(file, asking(), origin=Origin({"source.ae_title": "ROOM1"}))
    assert item.AttributeModificationDateTime == "20261122123015.250000+0000"
    assert (item.ModifyingSystem, item.SourceOfPreviousValues) == ("TOLMACH", "ROOM1")
    assert item.ReasonForTheAttributeModification == "CORRECT"
    assert len(item.ModifiedAttributesSequence) == 1


def test_the_time_is_given_in_utc() -> None:
    kyiv = NOW.astimezone(timezone(timedelta(hours=2)))
    file = Spoiled(TEXTS, "cp1251", None).file()
    assert written(mended(file, asking(), now=kyiv)) == written(mended(file, asking(), now=NOW))
    with pytest.raises(ValueError, match="time"):
        mended(file, asking())


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("label", [None, "ISO_IR 100", "ISO_IR 144"])
def test_spoiled_text_is_kept_as_bytes(syntax: str, label: str | None) -> None:
    """Bytes that never fitted their label are not legal as text: the attribute is named, the bytes stand beside it."""
    file = Spoiled(TEXTS, "cp1251", label, syntax, raw=(CODE,)).file()
    item = recorded(file, asking())
    modified = item.ModifiedAttributesSequence[0]
    assert (modified.PatientName, modified.InstitutionName, modified.BodyPartExamined) == ("", "", "")
    assert modified.get("SpecificCharacterSet") == label
    nonconforming = {
        int(one.SelectorAttribute): one.NonconformingDataElementValue
        for one in item.NonconformingModifiedAttributesSequence
    }
    expected = {tag: even(text.encode("cp1251")) for tag, (_vr, text) in TEXTS.items()}
    assert nonconforming == expected | {CODE[0]: CODE[2]}
    assert {one.SelectorValueNumber for one in item.NonconformingModifiedAttributesSequence} == {1}


def test_a_label_that_is_no_label_is_kept_as_bytes() -> None:
    item = recorded(Spoiled(TEXTS, "cp1251", "ISO 2022 IR 6\\IS").file(), asking())
    values = {
        int(one.SelectorAttribute): one.NonconformingDataElementValue
        for one in item.NonconformingModifiedAttributesSequence
    }
    assert values[0x00080005] == even(b"ISO 2022 IR 6\\IS")
    assert not item.ModifiedAttributesSequence[0].get("SpecificCharacterSet")


def test_old_values_of_rules_are_kept_under_the_old_label() -> None:
    texts = {0x00100010: ("PN", "Müller^Jörg"), 0x00080080: ("LO", "Klinikum Köln")}
    file = Spoiled(texts, "latin_1", "ISO_IR 100", raw=((0x00100020, "LO", b"0017"),)).file()
    steps = (
        {"set": "InstitutionName", "value": "Лікарня"},
        {"delete": "PatientID"},
        {"set": "StudyID", "value": "7"},
    )
    item = recorded(file, asking(*steps))
    modified = item.ModifiedAttributesSequence[0]
    assert {element.keyword: str(element.value or "") for element in modified} == {
        "SpecificCharacterSet": "ISO_IR 100",
        "InstitutionName": "Klinikum Köln",
        "PatientID": "0017",
        "StudyID": "",
    }
    assert item.ReasonForTheAttributeModification == "COERCE"
    assert "NonconformingModifiedAttributesSequence" not in item


def test_text_that_was_only_written_anew_is_the_labels_change_alone() -> None:
    file = Spoiled(TEXTS, "iso8859-5", "ISO_IR 144").file()
    item = recorded(file, asking(text=parse_text_policy("utf-8", converts=True)))
    assert [element.keyword for element in item.ModifiedAttributesSequence[0]] == ["SpecificCharacterSet"]
    assert item.ModifiedAttributesSequence[0].SpecificCharacterSet == "ISO_IR 144"


@pytest.mark.parametrize("undefined", [False, True])
def test_a_sequence_is_kept_whole(undefined: bool) -> None:
    own = EXPLICIT.element(0x00080005, "CS", b"ISO_IR 100")
    name = EXPLICIT.element(0x00321060, "LO", even("Рентгенография кисти".encode("cp1251")))
    step = EXPLICIT.element(0x00400009, "SH", b"step")
    request = EXPLICIT.sequence(0x00400275, [step, own + name + step], undefined=undefined)
    file = Spoiled(TEXTS, "cp1251", None, raw=((0x00400275, "raw", request),)).file()
    item = recorded(file, asking())
    kept = item.ModifiedAttributesSequence[0].RequestAttributesSequence
    assert [one.ScheduledProcedureStepID for one in kept] == ["step", "step"]
    assert (kept[1].SpecificCharacterSet, kept[1].RequestedProcedureDescription) == ("ISO_IR 100", "")
    (nested,) = [one for one in item.NonconformingModifiedAttributesSequence if "SelectorSequencePointer" in one]
    assert (int(nested.SelectorAttribute), int(nested.SelectorSequencePointer)) == (0x00321060, 0x00400275)
    assert nested.SelectorSequencePointerItems == 2
    assert nested.NonconformingDataElementValue == even("Рентгенография кисти".encode("cp1251"))


def test_a_private_attribute_is_kept_with_its_creator() -> None:
    private = ((0x00090010, "LO", b"VENDOR"), (0x00091001, "LO", b"secret"), (0x00091002, "LO", b"kept"))
    file = Spoiled({}, "ascii", None, raw=private).file()
    item = recorded(file, asking({"delete": "(0009,1001)"}))
    assert {path: value for path, (_vr, value) in flat(item.ModifiedAttributesSequence[0]).items()} == {
        "00090010": b"VENDOR",
        "00091001": b"secret",
    }


def test_private_text_that_was_spoiled_names_its_creator() -> None:
    private = ((0x00090010, "LO", b"VENDOR"), (0x00091001, "LO", even("Снимок кисти".encode("cp1251"))))
    item = recorded(Spoiled(TEXTS, "cp1251", None, raw=private).file(), asking())
    (one,) = [one for one in item.NonconformingModifiedAttributesSequence if int(one.SelectorAttribute) == 0x00091001]
    assert one.SelectorAttributePrivateCreator == "VENDOR"


def test_what_is_too_large_is_named_and_left_empty() -> None:
    file = part10(body((0x00420011, "OB", bytes(3 << 20))))
    out = written(mended(file, asking({"delete": "(0042,0011)"}), now=NOW))
    assert len(out) < 4096
    (item,) = read_back(out).OriginalAttributesSequence
    assert item.ModifiedAttributesSequence[0][0x00420011].is_empty


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_an_item_is_added_only_when_something_changed_again(syntax: str) -> None:
    file = Spoiled(TEXTS, "cp1251", "ISO_IR 100", syntax).file()
    first = written(mended(file, asking(), now=NOW))
    same = mended(first, asking(), now=NOW + timedelta(days=1))
    assert (same.verdict, written(same)) == ("clean", first)
    steps = ({"set": "StudyID", "value": "8"}, {"upper": "PatientName"})
    second = written(mended(first, asking(*steps), now=NOW + timedelta(days=2)))
    before, after = (read_back(one).OriginalAttributesSequence for one in (first, second))
    assert (len(before), len(after)) == (1, 2)
    assert flat(after[0]) == flat(before[0])
    assert after[1].AttributeModificationDateTime == "20261124123015.250000+0000"
    assert after[1].ModifiedAttributesSequence[0].PatientName == "Щербаков^Юрий"
    assert "OriginalAttributesSequence" not in after[1].ModifiedAttributesSequence[0]
    third = mended(second, asking(*steps), now=NOW + timedelta(days=3))
    assert (third.verdict, written(third)) == ("clean", second)


@pytest.mark.parametrize("undefined", [False, True])
def test_records_of_other_systems_stay(undefined: bool) -> None:
    foreign = EXPLICIT.element(0x04000563, "LO", b"OTHER ") + EXPLICIT.element(0x04000565, "CS", b"COERCE")
    sequence = EXPLICIT.sequence(0x04000561, [foreign], undefined=undefined)
    file = Spoiled(TEXTS, "cp1251", None, raw=((0x04000561, "raw", sequence),)).file()
    out = read_back(written(mended(file, asking(), now=NOW)))
    assert [item.ModifyingSystem for item in out.OriginalAttributesSequence] == ["OTHER", "TOLMACH"]


def test_nothing_is_recorded_where_nobody_asked_or_nothing_changed() -> None:
    spoiled, clean = Spoiled(TEXTS, "cp1251", None).file(), part10(body((0x00100010, "PN", b"PETROV")))
    assert "OriginalAttributesSequence" not in read_back(written(mended(spoiled, Profile(), now=NOW)))
    assert written(mended(clean, asking(), now=NOW)) == clean


def test_the_undo_is_in_the_file() -> None:
    """From the record alone, the old bytes of every changed attribute can be put back."""
    file = Spoiled(TEXTS, "cp1251", "ISO_IR 100", raw=(CODE,)).file()
    out = written(mended(file, asking(), now=NOW))
    item = read_back(out).OriginalAttributesSequence[0]
    old = {path: value for path, (_vr, value) in flat(item.ModifiedAttributesSequence[0]).items()}
    for one in item.NonconformingModifiedAttributesSequence:
        old[f"{int(one.SelectorAttribute):08X}"] = one.NonconformingDataElementValue
    before = {path: value for path, (_vr, value) in flat(read_back(file)).items()}
    after = {path: value for path, (_vr, value) in flat(read_back(out)).items()}
    restored = {path: old.get(path, value) for path, value in after.items() if not path.startswith("04000561")}
    assert restored == before


@given(sample=samples(), draw=st.data())
@SLOW_DRAWING
def test_any_change_is_recorded_and_proved(sample: Sample, draw: st.DataObject) -> None:
    data_set = opened(sample.file)
    draft = Draft(data_set)
    for element in data_set.elements:
        if element.vr in ("LO", "PN", "SH", "LT", "ST", "UT", "SQ") and element.tag & 0xFFFF > 0xFF:
            path = path_of(data_set, element)
            if draw.draw(st.booleans()):
                draft.delete(path)
            elif element.vr != "SQ" and draft.text(path) is not None:
                draft.set(path, draw.draw(st.text("ABЖґ", max_size=9)))
    revision = with_original_attributes(finish(draft), NOW)
    verify(revision)
    again = read_back(part10(bytes(revision.pieces.read(0, 1 << 20)), sample.syntax))
    assert ("OriginalAttributesSequence" in again) == bool(draft.changes)
    if not draft.changes:
        return
    (item,) = again.OriginalAttributesSequence
    kept = flat(item.ModifiedAttributesSequence[0])
    before = flat(read_back(sample.file))
    changed = {re.split(r"\[", change.path)[0] for change in draft.changes}
    for path, (_vr, value) in before.items():
        if re.split(r"\[", path)[0] in changed:
            assert kept[path][1] == value, path


def test_dcmdump_reads_the_record(peer_program: Callable[[str], Path]) -> None:
    for syntax in SYNTAXES:
        form = FORM_OF[syntax]
        step = form.element(0x00321060, "LO", even("Рентгенография".encode("cp1251")))
        request = (0x00400275, "raw", form.sequence(0x00400275, [step], undefined=True))
        file = Spoiled(TEXTS, "cp1251", "ISO_IR 100", syntax, raw=(CODE, request)).file()
        paths = dumped(written(mended(file, asking(), now=NOW)), peer_program)
        assert "04000561.04000550.00400275.00321060" in paths
        assert paths.count("04000561.04000551.04000552") == 4
        assert paths[-1] == "04000561.04000565"
