"""Rules: every operation and every condition, in order, and every way a rule can be wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from tests.builders import EXPLICIT, body, opened, part10
from tolmach.base import TolmachError
from tolmach.dicom.paths import parse_path
from tolmach.edit.conditions import Origin
from tolmach.edit.draft import Draft
from tolmach.edit.faults import BadRule
from tolmach.edit.finish import finish
from tolmach.edit.rules import Rule, apply_rules, parse_rules
from tolmach.repair.verify import verify

TABLES = {"rooms.csv": {"17": "Кабінет 3", "18": ""}, "codes.csv": {"DX": "dx"}}


def load_table(name: str) -> Mapping[str, str]:
    return TABLES[name]


def rules(text: str) -> tuple[Rule, ...]:
    return parse_rules(tomllib.loads(text)["rule"], load_table, "rules.toml")


def do(*steps: str, when: str = "{}") -> tuple[Rule, ...]:
    return rules(f"[[rule]]\nwhen = {when}\ndo = [{', '.join(steps)}]")


def file(**given: bytes) -> Draft:
    """Give a draft of an ordinary X-ray."""
    step = EXPLICIT.element(0x00400009, "SH", b"step-1")
    elements = {
        0x00080005: ("CS", b"ISO_IR 192"),
        0x00080050: ("SH", b""),
        0x00080060: ("CS", b"DX"),
        0x00080080: ("LO", "Лікарня".encode()),
        0x00100010: ("PN", "Шевченко^Тарас".encode()),
        0x00100020: ("LO", b"0017"),
        0x00104000: ("LT", b"  one \\ two "),
        0x00181030: ("LO", b"17"),
        0x00200013: ("IS", b"3 "),
        0x00280010: ("US", b"\1\0"),
        0x00400275: ("raw", EXPLICIT.sequence(0x00400275, [step])),
        0x7FE00010: ("OW", bytes(2)),
    }
    elements |= {parse_path(name).tag: (elements[parse_path(name).tag][0], value) for name, value in given.items()}
    return Draft(opened(part10(body(*((tag, vr, value) for tag, (vr, value) in elements.items())))))


def applied(given: tuple[Rule, ...], draft: Draft | None = None, **origin: str) -> Draft:
    draft = draft or file()
    apply_rules(given, draft, Origin({f"source.{key}": value for key, value in origin.items()}))
    verify(finish(draft))
    return draft


def after(step: str, name: str, **given: bytes) -> str | None:
    return applied(do(step), file(**given)).text(parse_path(name))


OPERATIONS = [
    ('{ set = "InstitutionName", value = "Міська лікарня №1" }', "InstitutionName", "Міська лікарня №1"),
    ('{ set = "(0008,0080)", value = "A" }', "InstitutionName", "A"),
    ('{ set = "StationName", value = 5 }', "StationName", "5"),
    ('{ set = "Rows", value = 512 }', "Rows", "512"),
    ('{ set = "PatientID", value = "" }', "PatientID", ""),
    ('{ set_if_missing = "AccessionNumber", value = "A1" }', "AccessionNumber", "A1"),
    ('{ set_if_missing = "StationName", value = "A1" }', "StationName", "A1"),
    ('{ set_if_missing = "PatientID", value = "A1" }', "PatientID", "0017"),
    ('{ set_if_missing = "Rows", value = "7" }', "Rows", "1"),
    ('{ empty = "PatientID" }', "PatientID", ""),
    ('{ empty = "StationName" }', "StationName", None),
    ('{ delete = "PatientID" }', "PatientID", None),
    ('{ delete = "00100020" }', "PatientID", None),
    ('{ delete = "StationName" }', "StationName", None),
    ('{ delete = "PixelData" }', "PixelData", None),
    ('{ replace = "PatientID", pattern = "^0+", with = "" }', "PatientID", "17"),
    (r"{ replace = 'PatientID', pattern = '(\d)(\d)$', with = '\2\1' }", "PatientID", "0071"),
    ('{ replace = "PatientID", pattern = "^", with = "{Modality}-" }', "PatientID", "DX-0017"),
    ('{ replace = "PatientID", pattern = "x", with = "y" }', "PatientID", "0017"),
    ('{ replace = "StationName", pattern = "^", with = "y" }', "StationName", None),
    ('{ copy = "PatientID", to = "OtherPatientIDs" }', "OtherPatientIDs", "0017"),
    ('{ copy = "PatientName", to = "InstitutionName" }', "InstitutionName", "Шевченко^Тарас"),
    ('{ copy = "StationName", to = "PatientID" }', "PatientID", "0017"),
    ('{ copy = "Rows", to = "Columns" }', "Columns", "1"),
    ('{ prefix = "PatientID", value = "A-" }', "PatientID", "A-0017"),
    ('{ prefix = "AccessionNumber", value = "A-" }', "AccessionNumber", ""),
    ('{ suffix = "PatientID", value = "/{Modality}" }', "PatientID", "0017/DX"),
    ('{ upper = "PatientName" }', "PatientName", "ШЕВЧЕНКО^ТАРАС"),
    ('{ trim = "PatientComments" }', "PatientComments", "one\\two"),
    ('{ map = "ProtocolName", table = "rooms.csv" }', "ProtocolName", "Кабінет 3"),
    ('{ map = "PatientID", table = "rooms.csv" }', "PatientID", "0017"),
    ('{ map = "PatientID", table = "rooms.csv", default = "X" }', "PatientID", "X"),
    ('{ map = "AccessionNumber", table = "rooms.csv", default = "X" }', "AccessionNumber", ""),
    ('{ transliterate = "PatientName", rule = "uk-kmu55" }', "PatientName", "Shevchenko^Taras"),
    ('{ set = "StudyDescription", value = "{Modality} {PatientID} {StationName}." }', "StudyDescription", "DX 0017 ."),
    ('{ set = "StudyDescription", value = "a { b" }', "StudyDescription", "a { b"),
    ('{ set = "StudyDescription", value = "{" }', "StudyDescription", "{"),
    ('{ set = "StudyDescription", value = "{}{x}{ Modality }}" }', "StudyDescription", "{}{x}{ Modality }}"),
    ('{ set = "StudyDescription", value = "{{Modality}}" }', "StudyDescription", "{DX}"),
    (
        '{ set = "RequestAttributesSequence[0].ScheduledProcedureStepID", value = "2" }',
        "00400275[0].00400009",
        "2",
    ),
    ('{ set = "00400275[1].00400009", value = "2" }', "RequestAttributesSequence[1].ScheduledProcedureStepID", "2"),
    (
        '{ set = "ProcedureCodeSequence[0].CodeMeaning", value = "{PatientID}" }',
        "ProcedureCodeSequence[0].CodeMeaning",
        "0017",
    ),
    ('{ delete = "RequestAttributesSequence" }', "RequestAttributesSequence[0].ScheduledProcedureStepID", None),
]


@pytest.mark.parametrize(("step", "name", "expected"), OPERATIONS)
def test_operations(step: str, name: str, expected: str | None) -> None:
    assert after(step, name) == expected


def test_every_operation_is_tried() -> None:
    from tolmach.edit.operations import VERBS

    tried = {step.split()[1] for step, _name, _expected in OPERATIONS}
    assert tried | {"new_uid"} == set(VERBS)


def test_new_uids_are_the_same_for_the_same_old_one() -> None:
    one, other = (applied(do('{ new_uid = "SOPInstanceUID" }')).text(parse_path("SOPInstanceUID")) for _ in range(2))
    assert one == other
    assert one is not None
    assert one.startswith("2.25.")
    assert len(one) <= 64
    missing = after('{ new_uid = "StudyInstanceUID" }', "StudyInstanceUID")
    assert missing is not None
    assert missing != one


CONDITIONS = [
    ('{ Modality = "DX" }', True),
    ('{ Modality = "CT" }', False),
    ('{ "(0008,0060)" = "DX" }', True),
    ("{ InstanceNumber = 3 }", True),
    ('{ StationName = "" }', False),
    ('{ PatientID = { matches = "^0" } }', True),
    ('{ PatientID = { matches = "17$" } }', True),
    ('{ PatientID = { matches = "^1" } }', False),
    ('{ StationName = { matches = "" } }', False),
    ('{ PatientName = { matches = "Шев" } }', True),
    ('{ Modality = { in = ["CT", "DX"] } }', True),
    ('{ Modality = { in = ["CT", "MR"] } }', False),
    ("{ Modality = { in = [] } }", False),
    ("{ StationName = { missing = true } }", True),
    ("{ AccessionNumber = { missing = true } }", True),
    ("{ PatientID = { missing = true } }", False),
    ("{ PatientID = { missing = false } }", True),
    ("{ PixelData = { missing = true } }", False),
    ("{ RequestAttributesSequence = { missing = true } }", False),
    ("{ ReferencedStudySequence = { missing = true } }", True),
    ('{ Modality = { not = "CT" } }', True),
    ('{ Modality = { not = "DX" } }', False),
    ('{ StationName = { not = "X" } }', True),
    ('{ Modality = { not = { in = ["CT", "DX"] } } }', False),
    ('{ PatientID = { not = { matches = "^9" } } }', True),
    ("{ PatientID = { not = { missing = true } } }", True),
    ('{ "00400275[0].00400009" = "step-1" }', True),
    ('{ Modality = "DX", PatientID = { matches = "^0" } }', True),
    ('{ Modality = "DX", PatientID = { matches = "^9" } }', False),
    ('{ "source.ae_title" = "ROOM1" }', True),
    ('{ "source.ae_title" = { in = ["ROOM2"] } }', False),
    ('{ "source.watch" = { missing = true } }', True),
    ("{ source.ae_title = 'ROOM1' }", True),
]


@pytest.mark.parametrize(("when", "holds"), CONDITIONS)
def test_conditions(when: str, holds: bool) -> None:
    draft = applied(do('{ set = "StudyID", value = "yes" }', when=when), ae_title="ROOM1")
    assert draft.text(parse_path("StudyID")) == ("yes" if holds else None)


def test_rules_and_operations_see_what_came_before() -> None:
    chain = """
    [[rule]]
    name = "room"
    when = { ProtocolName = "17" }
    do = [{ map = "ProtocolName", table = "rooms.csv" }, { prefix = "ProtocolName", value = "{Modality} " }]
    [[rule]]
    when = { ProtocolName = "17" }
    do = [{ set = "ProtocolName", value = "never" }]
    [[rule]]
    when = { ProtocolName = { matches = "Кабінет" } }
    do = [{ delete = "PatientID" }, { set_if_missing = "PatientID", value = "new" }]
    """
    draft = applied(rules(chain))
    assert draft.text(parse_path("ProtocolName")) == "DX Кабінет 3"
    assert draft.text(parse_path("PatientID")) == "new"
    assert {change.reason for change in draft.changes} == {"rule"}


@pytest.mark.parametrize(
    ("step", "code", "name"),
    [
        ('{ map = "PatientID", table = "rooms.csv" }', "TLM-EDT-020", "PatientID"),
        ('{ prefix = "PatientID", value = "' + "x" * 61 + '" }', "TLM-EDT-021", "PatientID"),
        ('{ set = "Modality", value = "{PatientName}" }', "TLM-EDT-021", "Modality"),
        ('{ copy = "PatientName", to = "Modality" }', "TLM-EDT-021", "PatientName"),
        ('{ set = "Rows", value = "{Modality}" }', "TLM-EDT-021", "Rows"),
        ('{ set = "AccessionNumber", value = "{PatientID}1234567890123" }', "TLM-EDT-021", "AccessionNumber"),
        ('{ set = "StudyDate", value = "{PatientID}" }', "TLM-EDT-021", "StudyDate"),
        ('{ copy = "PatientID", to = "StudyDate" }', "TLM-EDT-021", "PatientID"),
        ('{ copy = "ProtocolName", to = "StudyTime" }', None, ""),
        ('{ map = "Modality", table = "codes.csv" }', "TLM-EDT-021", "Modality"),
        ('{ prefix = "InstanceNumber", value = "No " }', "TLM-EDT-021", "InstanceNumber"),
        ('{ suffix = "Modality", value = "-x" }', "TLM-EDT-021", "Modality"),
        ('{ replace = "SOPInstanceUID", pattern = "^1", with = "01" }', "TLM-EDT-021", "SOPInstanceUID"),
        ('{ replace = "SOPInstanceUID", pattern = ".*", with = "" }', "TLM-EDT-021", "SOPInstanceUID"),
        ('{ set = "SOPInstanceUID", value = "{StationName}" }', "TLM-EDT-021", "SOPInstanceUID"),
        ('{ upper = "(0008,1090)" }', None, ""),
        ('{ set = "(0009,1001)", value = "x" }', "TLM-EDT-021", "00091001"),
        ('{ set = "00400275[5].00400009", value = "x" }', "TLM-EDT-021", "ScheduledProcedureStepID"),
        ('{ transliterate = "PatientName", rule = "ru-icao9303" }', None, ""),
    ],
)
def test_what_does_not_fit_is_told_and_changes_nothing(step: str, code: str | None, name: str) -> None:
    draft = applied(do(step))
    if code is None:
        assert not draft.problems
        return
    assert [(problem.code, problem.facts["path"]) for problem in draft.problems] == [(code, name)]
    assert not draft.changes
    assert not finish(draft).is_changed
    assert all("{" not in str(problem) for problem in draft.problems)


WRONG: list[tuple[str, str]] = [
    ("do = []", "rule 1: “do” must be a list"),
    ('do = "delete"', "“do” must be a list"),
    ("when = 5\ndo = [{ upper = 'PatientID' }]", "“when” must be a table"),
    ("wen = {}\ndo = [{ upper = 'PatientID' }]", "“wen” is unknown"),
    ("do = [5]", "an operation must be a table"),
    ("do = [{}]", "an operation must be a table"),
    ("do = [{ ste = 'PatientID', value = 'x' }]", "“ste” is not an operation"),
    ("do = [{ set = 'PatientID', delete = 'PatientID', value = 'x' }]", "“set \\+ delete” is not an operation"),
    ("do = [{ set = 'PatientID' }]", "“set” needs “value”"),
    ("do = [{ set = 'PatientID', value = 'x', with = 'y' }]", "“with” does not belong to “set”"),
    ("do = [{ set = 'PatientID', value = true }]", "“value” must be a text"),
    ("do = [{ set = 'PatientID', value = ['x'] }]", "“value” must be a text"),
    ("do = [{ set = 'PatientNam', value = 'x' }]", "the nearest is PatientName"),
    ("do = [{ set = '(0010,00)', value = 'x' }]", "it is not written like one"),
    ("do = [{ set = 'PatientName[0].PatientID', value = 'x' }]", "it is not written like one"),
    ("do = [{ set = 'SpecificCharacterSet', value = 'ISO_IR 192' }]", "TLM-EDT-005"),
    ("do = [{ delete = 'TransferSyntaxUID' }]", "TLM-EDT-005"),
    ("do = [{ copy = 'PatientID', to = 'MediaStorageSOPInstanceUID' }]", "TLM-EDT-005"),
    ("do = [{ set = '00400275[0].00080005', value = 'x' }]", "TLM-EDT-005"),
    ("do = [{ replace = 'PatientID', pattern = '(', with = '' }]", "the pattern “\\(” cannot be used"),
    ("do = [{ replace = 'PatientID', pattern = 'x', with = '\\1' }]", "the pattern .* cannot be used"),
    ("do = [{ replace = 'PatientID', pattern = 'x', with = '{Patientid}' }]", "“Patientid” is no keyword"),
    ("do = [{ set = 'PatientID', value = '{PatientNam}' }]", "the nearest is PatientName"),
    ("do = [{ prefix = 'PatientID', value = '{Foo}' }]", "“Foo” is no keyword"),
    ("do = [{ set = 'Modality', value = 'ДХ' }]", "only Latin letters"),
    ("do = [{ set_if_missing = 'StudyInstanceUID', value = 'Ю' }]", "only Latin letters"),
    ("do = [{ prefix = 'PatientID', value = '{NoSuchZzzqqq}' }]", "“NoSuchZzzqqq” is no keyword\\. "),
    ("do = [{ delete = 'SOPInstanceUID' }]", "TLM-EDT-008"),
    ("do = [{ delete = '(0008,0016)' }]", "TLM-EDT-008.*SOPClassUID cannot be deleted"),
    ("do = [{ empty = 'SOPInstanceUID' }]", "TLM-EDT-008"),
    ("do = [{ empty = 'PixelData' }]", "TLM-EDT-004"),
    ("do = [{ upper = 'RequestAttributesSequence' }]", "TLM-EDT-004"),
    ("do = [{ copy = 'PatientID', to = 'PixelData' }]", "TLM-EDT-004"),
    ("do = [{ map = 'Modality', table = 'rooms.csv', default = 'x' }]", "only capital letters"),
    ("do = [{ replace = 'PatientID', pattern = '^(a+)+$', with = '' }]", "might run for ever"),
    ("when = { PatientID = { matches = '(a|b)*c' } }\ndo = [{ upper = 'PatientID' }]", "might run for ever"),
    ("do = [{ transliterate = 'PatientName', rule = 'uk-kmu54' }]", "“uk-kmu54” is unknown"),
    ("when = { Modalty = 'DX' }\ndo = [{ upper = 'PatientID' }]", "the nearest is Modality"),
    ("when = { 'source.host' = 'x' }\ndo = [{ upper = 'PatientID' }]", "the condition on source.host"),
    ("when = { Modality = { matches = '[' } }\ndo = [{ upper = 'PatientID' }]", "the pattern “\\[” cannot be used"),
    ("when = { Modality = { like = 'x' } }\ndo = [{ upper = 'PatientID' }]", "the condition on Modality"),
    ("when = { Modality = { in = 'CT' } }\ndo = [{ upper = 'PatientID' }]", "the condition on Modality"),
    ("when = { Modality = { in = [5] } }\ndo = [{ upper = 'PatientID' }]", "the condition on Modality"),
    ("when = { Modality = { missing = 'yes' } }\ndo = [{ upper = 'PatientID' }]", "the condition on Modality"),
    ("when = { Modality = { in = ['CT'], not = 'MR' } }\ndo = [{ upper = 'PatientID' }]", "the condition on Modality"),
    ("when = { Modality = true }\ndo = [{ upper = 'PatientID' }]", "the condition on Modality"),
    ("when = { '(0009,1001)' = true }\ndo = [{ upper = 'PatientID' }]", "the condition on 00091001"),
]


NEVER_WORKS = [
    ("PixelData", "x", "PixelData cannot be used as text: its values are not written as text"),
    ("RequestAttributesSequence", "x", "it is a sequence; name an attribute inside it"),
    ("Rows", "abc", r"“abc” cannot stand in Rows \(VR US\): a whole number is expected there"),
    ("Rows", "70000", "from 0 to 65535"),
    ("Rows", "1_0", "a whole number"),
    ("SmallestImagePixelValue", "70000", "a number from"),
    ("InstanceNumber", "2147483648", "from -2147483648 to 2147483647"),
    ("SliceThickness", "abc", "such as -12.5"),
    ("SliceThickness", "1e", "such as -12.5"),
    ("StudyDate", "2020-01-01", "a date is eight digits"),
    ("StudyDate", "20201301", "a date is eight digits"),
    ("PatientBirthDate", "abc", "a date is eight digits"),
    ("StudyTime", "12:00", "a time is"),
    ("StudyTime", "245959", "a time is"),
    ("AcquisitionDateTime", "2020-01-01 12:00", "a date with time"),
    ("PatientAge", "42", "an age is"),
    ("StudyInstanceUID", "abc", "a UID is numbers"),
    ("StudyInstanceUID", "1.02", "a UID is numbers"),
    ("StudyInstanceUID", "1." + "2" * 63, "65 characters, and 64 are allowed"),
    ("Modality", "dx", "only capital letters A to Z"),
    ("StationAETitle", "a\tb", "only Latin letters"),
    ("AccessionNumber", "x" * 20, "20 characters, and 16 are allowed"),
    ("PatientName", "x" * 65, "65 characters, and 64 are allowed"),
    ("FrameIncrementPointer", "Rows", "a tag is expected"),
    ("SOPInstanceUID", "", "cannot be deleted or emptied"),
    ("SOPClassUID", " ", "cannot be deleted or emptied"),
]


@pytest.mark.parametrize("verb", ["set", "set_if_missing"])
@pytest.mark.parametrize(("name", "value", "says"), NEVER_WORKS)
def test_a_value_that_can_never_stand_there_is_refused_at_once(verb: str, name: str, value: str, says: str) -> None:
    table: list[Mapping[str, Any]] = [{"do": [{verb: name, "value": value}]}]
    with pytest.raises(BadRule, match=says):
        parse_rules(table, load_table, "--set")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("StudyDate", "20200229"),
        ("StudyDate", ""),
        ("StudyTime", "235960.123456"),
        ("StudyTime", "07"),
        ("AcquisitionDateTime", "20200229235959.5+0200"),
        ("AcquisitionDateTime", "2020"),
        ("SliceThickness", " -1.5e3 "),
        ("ImageOrientationPatient", r"1\0\0\0\1\0"),
        ("ImageType", r"ORIGINAL\PRIMARY\\AXIAL"),
        ("PatientAge", "042Y"),
        ("StudyInstanceUID", "2.25.0"),
        ("StationAETitle", "ct-1 room"),
        ("FrameIncrementPointer", "(0018,1063)"),
        ("SmallestImagePixelValue", "5"),
        ("(0009,1001)", "whatever"),
        ("AccessionNumber", "{PatientID}-and-much-more-text"),
        ("RequestAttributesSequence[0].ReferencedSOPInstanceUID", ""),
    ],
)
def test_what_may_stand_there_is_not_refused(name: str, value: str) -> None:
    assert parse_rules([{"do": [{"set": name, "value": value}]}], load_table, "--set")


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_a_wrong_rule_is_refused_with_its_place(text: str, says: str) -> None:
    good = "[[rule]]\ndo = [{ upper = 'PatientID' }]\n"
    with pytest.raises(BadRule, match=says) as caught:
        rules(f"[[rule]]\n{text}")
    assert caught.value.problem.facts["where"] == "rules.toml, rule 1"
    with pytest.raises(BadRule) as caught:
        rules(f"{good}[[rule]]\n{text}")
    assert caught.value.problem.facts["where"] == "rules.toml, rule 2"
    assert "{" not in str(caught.value).replace("“{", "").replace("{Foo}", "")


def test_half_a_surrogate_pair_is_no_text() -> None:
    table: list[Mapping[str, Any]] = [{"do": [{"set": "PatientID", "value": "\udcff"}]}]
    with pytest.raises(TolmachError):
        parse_rules(table, load_table, "--set")


SPOILED = "Пак".encode("koi8-r") + b" "


@pytest.mark.parametrize(
    "step",
    [
        '{ upper = "PatientName" }',
        '{ prefix = "PatientName", value = "A" }',
        '{ copy = "PatientName", to = "InstitutionName" }',
        '{ set = "InstitutionName", value = "{PatientName}" }',
        '{ replace = "PatientID", pattern = "0", with = "{PatientName}" }',
        '{ transliterate = "PatientName", rule = "ru" }',
    ],
)
def test_nothing_is_made_of_text_nobody_can_read(step: str) -> None:
    """Not even mojibake: the bytes stay, and the rule says why it did nothing."""
    draft = applied(do(step), file(PatientName=SPOILED))
    assert [problem.code for problem in draft.problems] == ["TLM-EDT-021"]
    assert not finish(draft).is_changed


def test_text_nobody_can_read_may_be_replaced() -> None:
    draft = applied(do('{ set = "PatientName", value = "Пак" }'), file(PatientName=SPOILED))
    assert draft.text(parse_path("PatientName")) == "Пак"
    assert not draft.problems
