"""Profiles, rules and tables as the configuration writes them."""

from pathlib import Path

import pytest

from tests.builders import mended
from tests.calling import spoiled
from tolmach.apps.profiles import load_rules_file, load_table, profile_named, require_usable
from tolmach.apps.sections import Settings
from tolmach.apps.settings import load_settings
from tolmach.base import TolmachError


def settings(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "tolmach.toml"
    file.write_text(text, "utf-8")
    return load_settings(file, {})


def test_a_profile_says_everything_the_repair_asks(tmp_path: Path) -> None:
    made = profile_named(
        settings(
            tmp_path,
            '[[profile]]\nname = "x"\nfrom = "KOI8-R"\ntext = "transliterate:uk-kmu55"\nunsure = "hold"\n'
            'code_string = "leave"\ntransliteration = "uk"\noriginal_attributes = true\n'
            '[[profile.rule]]\nwhen = { Modality = "DX" }\ndo = [{ set = "InstitutionName", value = "№1" }]',
        ),
        "x",
    )
    assert (made.code_page, made.unsure, made.code_strings, made.original_attributes) == (
        "koi8-r",
        "hold",
        "leave",
        True,
    )
    assert (made.text.writing, made.text.argument, made.transliteration) == ("transliterate", "uk-kmu55", "uk-kmu55")
    assert len(made.rules) == 1


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        ('from = "cp1252"', "TLM-TXT-016"),
        ('text = "utf-16"', "TLM-TXT-015"),
        ('text = "transliterate:ru-iso9"', "TLM-TXT-001"),
        ('transliteration = "ru-iso9"', "TLM-TXT-001"),
        ('rule = [{ do = [{ sett = "PatientName", value = "x" }] }]', "TLM-EDT-001"),
        ('rule = [{ do = [{ set = "PatientNam", value = "x" }] }]', "TLM-EDT-004"),
        ('rule = [{ do = [{ map = "PatientID", table = "no.csv" }] }]', "TLM-CFG-006"),
    ],
)
def test_what_is_wrong_in_a_profile_is_found_before_any_file(tmp_path: Path, profile: str, code: str) -> None:
    made = settings(tmp_path, f'[[profile]]\nname = "x"\n{profile}')
    for find in (lambda: profile_named(made, "x"), lambda: require_usable(made)):
        with pytest.raises(TolmachError, match=code):
            find()


def test_an_unknown_profile_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(TolmachError, match=r"TLM-CFG-004: There is no profile “y”; there are: x\."):
        profile_named(settings(tmp_path, '[[profile]]\nname = "x"'), "y")


@pytest.mark.parametrize(
    "content",
    ["CHEST;ОГК\r\nHEAD;Голова\r\n", '\ufeffCHEST,ОГК\n\n"HEAD","Голова"\n', "CHEST\tОГК\nHEAD\tГолова"],
)
def test_tables_of_any_spreadsheet(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_bytes(content.encode())
    assert load_table(tmp_path / "t.csv") == {"CHEST": "ОГК", "HEAD": "Голова"}


@pytest.mark.parametrize(
    ("content", "code", "word"),
    [
        (b"A;B;C\n", "TLM-CFG-006", "3 columns"),
        (b"A\n", "TLM-CFG-006", "1 columns"),
        ("А;Б\n".encode("cp1251"), "TLM-CFG-007", "UTF-8"),
        (b'A;"' + b"x" * 200_000, "TLM-CFG-006", "field"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, content: bytes, code: str, word: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(TolmachError, match=code) as caught:
        load_table(tmp_path / "t.csv")
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_lies_beside_the_rules_that_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "parts.csv").write_text("ИВАНОВ^ПЁТР^СЕРГЕЕВИЧ;Another", "utf-8")
    rules = tmp_path / "rules" / "r.toml"
    rules.write_text('[[rule]]\ndo = [{ map = "PatientName", table = "parts.csv" }]', "utf-8")
    monkeypatch.chdir("/")
    (rule,) = load_rules_file(rules)
    assert rule.do[0].table == {"ИВАНОВ^ПЁТР^СЕРГЕЕВИЧ": "Another"}
    assert mended(spoiled()).changes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('rule = "x"', ["TLM-CFG-001", "[[rule]]"]),
        ("rule = 5", ["TLM-CFG-001", "[[rule]]"]),
        ("rule = [1]", ["TLM-CFG-001", "[[rule]]"]),
        ("", ["TLM-CFG-001", "[[rule]]"]),
        ('[[rules]]\ndo = [{ delete = "PatientID" }]', ["TLM-CFG-002", "rules", "nearest is rule"]),
        ('\n\n[[rule]]\ndo = [{ delete = "PatientIDD" }]', ["TLM-EDT-004", "r.toml", "PatientID"]),
        ('[[rule]]\ndo = [{ replace = "PatientID", pattern = "(", with = "" }]', ["TLM-EDT-003", "r.toml"]),
        ("[[rule]\n", ["TLM-CFG-003", "r.toml", "line 1"]),
    ],
)
def test_rules_that_cannot_be_used(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "r.toml").write_text(text, "utf-8")
    with pytest.raises(TolmachError) as caught:
        load_rules_file(tmp_path / "r.toml")
    for word in words:
        assert word in str(caught.value)


def test_a_rules_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('\ufeff[[rule]]\ndo = [{ delete = "PatientID" }]', "utf-8")
    assert len(load_rules_file(tmp_path / "r.toml")) == 1
