import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import body, even, opened, part10
from tolmach.adapters.folder.path_template import MAX_NAME, BadTemplate, PathTemplate, safe_name, shortened

# What attackers and careless people write, beside anything at all.
NASTY = (
    "..", ".", "/", "\\", ":", "\0", "\n", "CON", "nul", "LPT1", "COM9", "aux.", " ", "  .", "~", "Щ", "й", "й",
    "é", "é", "Ивано́в", "^", "=", "*", "?", "|", '"', "<", "$(x)", ";", "\u202e", "\ud800", "名", "x" * 130, ".dcm",
)  # fmt: skip
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(NASTY), max_size=12).map("".join))


@given(TEXTS)
def test_a_name_is_safe_everywhere(text: str) -> None:
    name = safe_name(text)
    assert name
    assert len(name.encode()) <= MAX_NAME
    assert not set(name) & set('/\\:*?"<>|\0')
    assert name == name.strip(" .")
    assert all(unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Mn") for sign in name)
    assert unicodedata.normalize("NFC", name) == name
    stem = name.split(".")[0].strip().casefold()
    assert stem not in {
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789"),
    }


@given(TEXTS)
def test_a_safe_name_stays_as_it_is(text: str) -> None:
    assert safe_name(safe_name(text)) == safe_name(text)


@given(TEXTS)
def test_composed_or_not_is_one_name(text: str) -> None:
    assert safe_name(unicodedata.normalize("NFC", text)) == safe_name(unicodedata.normalize("NFD", text))


@given(TEXTS, st.text("0123456789abcdef", min_size=1, max_size=64))
def test_a_name_with_an_ending_is_as_safe(text: str, ending: str) -> None:
    name = shortened(safe_name(text), f"~{ending}")
    assert len(name.encode()) <= MAX_NAME
    assert f"~{ending}" in name
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ИВАНОВ^ИВАН^ИВАНОВИЧ", "ИВАНОВ ИВАН ИВАНОВИЧ"),
        ("ІВАНЧЕНКО Їжак ґ", "ІВАНЧЕНКО Їжак ґ"),
        ("1.2.840.1.dcm", "1.2.840.1.dcm"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\Windows", "C__Windows"),
        ("nul.dcm", "_nul.dcm"),
        ("COM1", "_COM1"),
        ("", "_"),
        (". .", "_"),
        ("x.tolmach-part", "x.tolmach-part_"),
        ("Щ" * 100 + ".dcm", "Щ" * 58 + ".dcm"),
    ],
)
def test_names_say_what_can_be_said(text: str, name: str) -> None:
    assert safe_name(text) == name


@pytest.mark.parametrize(
    "template",
    ["", " ", "/{PatientID}", "\\{PatientID}", "C:/{PatientID}", "../{PatientID}", "{PatientID}/../{StudyDate}",
     "a//{PatientID}", "{PatientID}/all.dcm", "{PatientId}", "{PatientID}/{Nonsense}", "a/" * 11 + "{PatientID}"],
)  # fmt: skip
def test_bad_templates_are_refused(template: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        PathTemplate.parse(template)
    assert str(caught.value)


def named(template: str, *elements: tuple[int, str, bytes]) -> tuple[str, ...]:
    return PathTemplate.parse(template).names(opened(part10(body(*elements))))


def test_attributes_become_names() -> None:
    template = "{PatientID} {PatientName}/{StudyDate}\\{Modality}/{SOPInstanceUID}.dcm"
    assert named(
        template,
        (0x00080005, "CS", b"ISO_IR 192"),
        (0x00080020, "DA", b"20261122"),
        (0x00080060, "CS", b"DX"),
        (0x00100010, "PN", even("Петренко^Ганна".encode())),
        (0x00100020, "LO", b"12/34"),
    ) == ("12_34 Петренко Ганна", "20261122", "DX", "1.2.826.0.1.3680043.9.7.1.1.dcm")


def test_what_is_missing_or_unreadable_leaves_a_name_all_the_same() -> None:
    assert named("{PatientID}/{PatientName}/{SOPInstanceUID}", (0x00100010, "PN", b"\xff\xfe")) == (
        "_",
        "ÿþ",
        "1.2.826.0.1.3680043.9.7.1.1",
    )


def test_a_value_cannot_add_a_folder() -> None:
    assert named("{PatientID}/{SOPInstanceUID}.dcm", (0x00100020, "LO", b"a/b\\c/../d"))[0] == "a_b_c_.._d"
