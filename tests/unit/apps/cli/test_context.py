"""What concerns every command: global options, language, wrong calls, exit statuses."""

from pathlib import Path

import pytest

from tests.calling import IVANOV, call, folder_of, spoiled
from tolmach.apps.cli.context import take_global_options


@pytest.mark.parametrize(
    ("arguments", "rest", "taken"),
    [
        (["--lang", "ru", "inspect", "x"], ["inspect", "x"], {"--lang": "ru"}),
        (["inspect", "x", "--lang=uk"], ["inspect", "x"], {"--lang": "uk"}),
        (["inspect", "--config", "a.toml", "x"], ["inspect", "x"], {"--config": "a.toml"}),
        (["translit", "ru", "--", "--lang", "ru"], ["translit", "ru", "--", "--lang", "ru"], {}),
        (["inspect", "--lang"], ["inspect"], {"--lang": ""}),
        (["--config"], [], {"--config": ""}),
        (["--lang", "ru", "--lang", "uk"], [], {"--lang": "uk"}),
        (["fix", "--set", "PatientID=--lang=ru"], ["fix", "--set", "PatientID=--lang=ru"], {}),
        ([], [], {}),
    ],
)
def test_global_options_may_stand_anywhere(arguments: list[str], rest: list[str], taken: dict[str, str]) -> None:
    assert take_global_options(arguments) == (rest, taken)


def test_help_and_version_are_no_errors() -> None:
    for arguments in ([], ["--help"], ["inspect", "--help"], ["send", "--help"], ["--version"]):
        called = call(*arguments)
        assert (called.status, called.err) == (0, "")
        assert called.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["sned", "x", "A@b:1"], "TLM-CLI-010", ["sned", "nearest is send"]),
        (["inspect", "--jsno", "x"], "TLM-CLI-011", ["--jsno", "nearest is --json", "tolmach inspect --help"]),
        (["inspect"], "TLM-CLI-012", ["inspect” needs: PATH. Run"]),
        (["send", "x"], "TLM-CLI-012", ["send” needs: PATH TO. Run"]),
        (["echo"], "TLM-CLI-012", ["echo” needs: TO. Run"]),
        (["inspect", "x", "--lang"], "TLM-CLI-020", ["--lang"]),
        (["inspect", "x", "--lang="], "TLM-CLI-020", ["--lang"]),
        (["inspect", "x", "--config"], "TLM-CLI-020", ["--config"]),
        (["send", "x", "A@b:1", "--associations", "0"], "TLM-CLI-013", ["--associations", "1…32"]),
        (["send", "x", "A@b:1", "--associations", "no"], "TLM-CLI-013", ["--associations", "1…32"]),
        (["archive", "purge", "--days", "-1"], "TLM-CLI-013", ["--days", "0…36525"]),
        (["archive", "purge", "--days", "999999999999"], "TLM-CLI-013", ["--days", "0…36525"]),
        (["archive", "purge", "--days", "9999999"], "TLM-CLI-013", ["--days", "0…36525"]),
        (["send", "x", "A@b:1", "--proof", "word"], "TLM-CLI-008", ["word"]),
        (["send", "x", "A@b:1", "--as-is", "--set", "PatientID=1"], "TLM-CLI-016", ["--as-is", "--set"]),
        (["send", "x", "A@b:1", "--as-is", "--unsure", "hold"], "TLM-CLI-016", ["--as-is", "--unsure"]),
        (["send", "x", "A@b:1", "--as-is", "--unsure", "pass"], "TLM-CLI-016", ["--as-is", "--unsure"]),
        (["send", "x", "A@b:1", "--as-is", "--profile", "p"], "TLM-CLI-016", ["--as-is", "--profile"]),
        (["send", "x", "pacs"], "TLM-CFG-005", ["pacs", "AETITLE@host:port"]),
        (["send", "x", "pacs@host"], "TLM-NET-002", ["port"]),
        (["send", "x", "@host:1"], "TLM-NET-001", ["AE title"]),
        (["send", "x", "A_TITLE_THAT_IS_TOO_LONG@host:1"], "TLM-NET-004", ["16"]),
        (["echo", "pacs@host:70000"], "TLM-NET-002", ["port"]),
        (["inspect", "x", "--unsure", "no"], "TLM-CLI-013", ["--unsure", "pass, hold, fail"]),
        (["inspect", "x", "--lang", "de"], "TLM-CLI-013", ["--lang", "en, ru, uk"]),
        (["inspect", "x", "--config", "no.toml"], "TLM-CFG-003", ["no.toml"]),
        (["inspect", "x", "--profile", "no"], "TLM-CFG-004", ["no"]),
        (["inspect", "x", "--from", "cp1252"], "TLM-TXT-016", ["cp1252", "cp1251"]),
        (["inspect", "x", "--text", "latin"], "TLM-TXT-015", ["latin"]),
        (["inspect", "x", "--text", "transliterate:xx"], "TLM-TXT-001", ["xx", "ru-icao9303"]),
        (["inspect", "x", "--set", "PatientNam=x"], "TLM-EDT-004", ["PatientName"]),
        (["inspect", "x", "--set", "PatientName"], "TLM-CLI-007", ["KEYWORD=VALUE"]),
        (["inspect", "x", "--set", "PatientSex=Ж"], "TLM-EDT-006", ["the command line: ", "PatientSex"]),
        (["inspect", "x", "--delete", "(0010,001)"], "TLM-EDT-004", ["(0010,001)"]),
        (["inspect", "x", "--rules", "no.toml"], "TLM-CFG-003", ["no.toml"]),
        (["fix", "x"], "TLM-CLI-003", ["--out"]),
        (["fix", "x", "--out", "o", "--in-place"], "TLM-CLI-004", ["--in-place"]),
        (["translit", "uk-kmu5", "x"], "TLM-TXT-001", ["uk-kmu55"]),
        (["translit"], "TLM-CLI-012", ["RULE"]),
    ],
)
@pytest.mark.parametrize("language", ["en", "ru", "uk"])
def test_a_wrong_call_is_one_line_and_status_2(
    tmp_path: Path, arguments: list[str], code: str, words: list[str], language: str
) -> None:
    folder_of(tmp_path / "x", a=spoiled())
    called = call(*([] if "--lang" in "".join(arguments) else ["--lang", language]), *arguments)
    assert (called.status, called.out, len(called.lines)) == (2, "", 1)
    assert called.lines[0].startswith(f"{code}: ")
    for word in words if language == "en" else ():
        assert word in called.lines[0]


def test_the_language_is_chosen_by_option_then_configuration_then_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")
    assert "соединени" in call("echo", "A@127.0.0.1:1").err
    (tmp_path / "tolmach.toml").write_text('\ufefflanguage = "uk"', "utf-8")
    assert "відмовив" in call("echo", "A@127.0.0.1:1").err
    assert "refused the connection" in call("echo", "A@127.0.0.1:1", "--lang", "en").err


def test_a_configuration_that_was_named_must_be_right_even_where_it_is_not_needed(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("langage = 'uk'")
    assert call("translit", "ru", "Иванов", "--config", "bad.toml").codes == ["TLM-CFG-002"]


def test_a_broken_configuration_in_the_folder_does_not_stop_what_needs_none(tmp_path: Path) -> None:
    (tmp_path / "tolmach.toml").write_text("[dicom")
    assert call("translit", "ru", "Иванов").status == 0
    assert call("send", "x", "A@127.0.0.1:1").codes == ["TLM-CFG-003"]


def test_a_peer_and_a_profile_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "tolmach.toml").write_text(
        '[[peer]]\nname = "pacs"\nae_title = "PACS"\nhost = "127.0.0.1"\nport = 1\n'
        '[[profile]]\nname = "p"\nfrom = "koi8-r"'
    )
    called = call("echo", "pacs", "--json")
    assert (called.status, called.codes) == (1, ["TLM-NET-011"])
    assert called.objects[0]["to"] == "pacs"
    folder_of(tmp_path / "x", a=spoiled(code_page="koi8-r"))
    assert call("inspect", "x", "--profile", "p", "--json").objects[0]["changes"][1]["after"] == IVANOV
    assert call("inspect", "x", "--profile", "q").codes == ["TLM-CFG-004"]
