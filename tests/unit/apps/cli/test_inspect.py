"""`tolmach inspect`, and how rows, errors and JSON look whatever stands in the files."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.builders import EXPLICIT, body, part10
from tests.calling import CLEAN, IVANOV, NAME, UNSURE, call, folder_of, spawn, spoiled, start

KEYS = ["path", "verdict", "sop_instance_uid", "character_set", "detected", "changes", "problems"]
CHANGE_KEYS = ["path", "keyword", "vr", "before", "after", "reason"]
CUT = spoiled()[:-7]
HOSTILE = {
    "escape": "\x1b[2J\x1b]0;owned\x07",
    "csi": "\x9b31m",
    "right to left": "\u202egnp.exe",
    "zero width": "a\u200bb\u2066c",
    "markup": "[bold red]x[/] <script>alert(1)</script> {{7*7}} ${jndi:ldap} %s {name}",
    "delete": "\x7f\x08\r\n",
    "emoji": "😀👨‍👩‍👧",
    "long": "Ж" * 32_000,
    "many components": "^" * 500 + "=" * 50,
}
UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def named(text: str) -> bytes:
    """Give a file whose patient is called so, in honest UTF-8."""
    raw = text.encode()
    return part10(body((NAME, "PN", raw + b" " * (len(raw) % 2)), (0x00080005, "CS", b"ISO_IR 192")))


def test_json_has_exactly_the_keys_of_the_contract_and_nothing_else(tmp_path: Path) -> None:
    called = call("inspect", folder_of(tmp_path / "in", a=spoiled(), b=CLEAN), "--json")
    assert (called.status, called.err) == (0, "")
    first, second = called.objects
    assert [list(first), list(first["detected"])] == [KEYS, ["code_page", "confidence", "evidence"]]
    assert [list(change) for change in first["changes"]] == [CHANGE_KEYS] * 2
    assert first["path"].endswith("in/a.dcm")
    assert (first["verdict"], first["character_set"]) == ("repairable", ["ISO_IR 100"])
    assert first["detected"]["code_page"] == "cp1251"
    name = {change["keyword"]: change for change in first["changes"]}["PatientName"]
    assert (name["path"], name["vr"], name["before"]) == ("00100010", "PN", "ÈÂÀÍÎÂ^Ï¨ÒÐ^ÑÅÐÃÅÅÂÈ×")
    assert (name["after"], name["reason"]) == (IVANOV, "character-set")
    assert (second["verdict"], second["changes"], second["problems"], second["detected"]) == ("clean", [], [], None)


@pytest.mark.parametrize(
    ("content", "verdict", "code"),
    [
        (UNSURE, "unsure", "TLM-TXT-010"),
        (CUT, "unreadable", "TLM-DCM-002"),
        (b"", "not-dicom", "TLM-DCM-001"),
        (b"just text", "not-dicom", "TLM-DCM-001"),
    ],
)
def test_one_bad_file_is_told_and_does_not_stop_the_others(
    tmp_path: Path, content: bytes, verdict: str, code: str
) -> None:
    called = call("inspect", folder_of(tmp_path / "in", a=spoiled(), b=content, c=CLEAN), "--json")
    assert called.status == 1
    assert [one["verdict"] for one in called.objects] == ["repairable", verdict, "clean"]
    assert [problem["code"] for problem in called.objects[1]["problems"]] == [code]
    assert list(called.objects[1]) == KEYS
    if verdict != "unsure":
        assert len(called.lines) == 1
        assert called.lines[0].startswith(f"{code}: {tmp_path}/in/b.dcm: ")


def test_paths_that_are_not_there_or_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    folder_of(tmp_path / "in", a=CLEAN)
    assert call("inspect", "no", "--json").codes == ["TLM-FIL-001"]
    assert call("inspect", "empty", "--json").codes == ["TLM-FIL-010"]
    called = call("inspect", "no", "in", "--json")
    assert (called.status, called.codes, len(called.objects)) == (1, ["TLM-FIL-001"], 1)


def test_inspect_writes_nothing(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=UNSURE)
    before = sorted(tmp_path.rglob("*"))
    call("inspect", "in", "--set", "PatientID=5")
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "in" / "a.dcm").read_bytes() == spoiled()


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("options", [[], ["--json"], ["--set", "PatientName=x"], ["--lang", "uk"]], ids=str)
@pytest.mark.parametrize("watched", [False, True], ids=["pipe", "terminal"])
def test_no_name_reaches_the_terminal_raw(tmp_path: Path, name: str, options: list[str], watched: bool) -> None:
    called = call("inspect", folder_of(tmp_path / "in", a=named(name)), *options, watched=watched)
    for text in (called.out, called.err):
        plain = re.sub(r"\x1b\[\d+m(.*?)\x1b\[0m", r"\1", text)
        assert not UNPRINTABLE.search(plain), repr(plain)
    if "--json" in options:
        assert called.objects[0]["verdict"] in ("clean", "unsure")


def test_json_gives_hostile_values_back_exactly(tmp_path: Path) -> None:
    name = "\x1b[2J\x9b\x7f\u202e😀\U000e0041Ж"
    called = call("inspect", folder_of(tmp_path / "in", a=named(name)), "--set", "PatientName=x", "--json")
    assert called.objects[0]["changes"][0]["before"] == name
    assert called.out.rstrip("\n").isprintable()


@pytest.mark.parametrize(
    "raw", [b"\xc8\xe2\xe0\xed\xee\xe2", b"\xff\xfe", b"a\nb\x1b[2J", b"\xe2\x80\xaegnp", "Їжак".encode(), b"-rf"]
)
@pytest.mark.parametrize("options", [[], ["--json"]], ids=str)
def test_no_file_name_reaches_the_terminal_raw_or_stops_the_work(
    tmp_path: Path, raw: bytes, options: list[str]
) -> None:
    for content in (CLEAN, CUT):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / os.fsdecode(raw)).write_bytes(content)
        called = call("inspect", "in", *options)
        assert called.status == (content == CUT)
        assert not UNPRINTABLE.search(called.out + called.err), repr(called)
    if raw == "Їжак".encode():
        assert "in/Їжак" in called.out


def test_the_same_in_the_poorest_environment(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in (b"\xff", "Їжак".encode()):
        (tmp_path / "in" / os.fsdecode(name)).write_bytes(spoiled())
    for env in ({"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}, {"LC_ALL": "xx_YY.NONE"}):
        called = spawn("inspect", "in", **env)
        assert (called.status, called.err) == (0, "")
        assert IVANOV in called.out
        assert "in/Їжак" in called.out


# Rows for people ------------------------------------------------------------------------------------------------------


def test_rows_line_up_in_every_language(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=CLEAN, c=UNSURE, d=b"text", e=CUT)
    for language in ("en", "ru", "uk"):
        rows = [
            line
            for line in call("inspect", "in", "--lang", language).out.splitlines()
            if "in/" in line and "TLM" not in line
        ]
        assert len({row.index("in/") for row in rows}) == 1, rows


def test_colours_are_for_a_terminal_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path / "in", a=spoiled(), b=CUT)
    assert "\x1b" not in call("inspect", "in").out
    shown = call("inspect", "in", watched=True).out
    assert "\x1b[32mrepairable" in shown
    assert "\x1b[31munreadable" in shown
    assert "\x1b" not in call("inspect", "in", "--json", watched=True).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in call("inspect", "in", watched=True).out


def test_on_one_screen_nothing_is_told_twice(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=CUT)
    called = call("inspect", "in", watched=True)
    assert "TLM-DCM-002" not in called.err
    assert called.out.count("The file is cut short") == 1


def test_the_same_note_is_told_in_words_once(tmp_path: Path) -> None:
    odd = spoiled(label="ISO_IR 999")
    called = call("inspect", folder_of(tmp_path / "in", a=odd, b=odd, c=odd))
    assert called.out.count("which the standard does not know") == 1
    assert called.out.count("TLM-TXT-013") == 3


def test_a_hundred_bad_files_do_not_flood_stderr(tmp_path: Path) -> None:
    called = call("inspect", folder_of(tmp_path / "in", **{f"f{number}": b"text" for number in range(100)}), "--json")
    assert len(called.objects) == 100
    assert len(called.lines) == 26
    assert called.lines[-1] == "TLM-DCM-001: The same with 75 more files."


def test_the_sum_names_what_failed(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=CUT, b=b"text", c=b"text", d=CLEAN)
    called = call("inspect", "in")
    sums = called.out.splitlines()[-3:]
    assert sums[0] == "4 files: clean 1, unreadable 1, not DICOM 2."
    assert sums[1:] == [
        "    2 × TLM-DCM-001: in/b.dcm: This is not a DICOM file: it is too short. …",
        "    1 × TLM-DCM-002: in/a.dcm: The file is cut short: 22 bytes are announced at byte 366, 15 are there.",
    ]


def test_progress_is_shown_on_a_terminal_and_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tolmach.apps.cli.terminal._REDRAW_SECONDS", 0.0)
    folder_of(tmp_path / "in", **{f"f{number}": CLEAN for number in range(9)})
    called = call("inspect", "in", watched=True)
    assert "3/9" in called.err
    assert max(len(part) for part in re.split(r"[\r\n]", called.err)) < 80
    assert called.err.split("\r")[-1] == ""
    assert call("inspect", "in", "--json", watched=True).err == ""
    assert call("inspect", "in").err == ""


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", **{f"f{number}": spoiled() for number in range(300)})
    for options in ([], ["--json"]):
        process = start("inspect", "in", *options)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b""
        process.stderr.close()


def test_rows_arrive_one_by_one_in_a_pipe(tmp_path: Path) -> None:
    """Whoever watches a long run through a pipe must not wait for its end."""
    folder_of(tmp_path / "in", a=spoiled())
    os.mkfifo(tmp_path / "in" / "b")  # told at once, as no regular file
    called = call("inspect", "in", "--json")
    assert [one["verdict"] for one in called.objects] == ["repairable", "unreadable"]
    assert called.codes == ["TLM-FIL-003"]


def test_private_and_nested_names(tmp_path: Path) -> None:
    inner = EXPLICIT.sequence(
        0x00081140,
        [EXPLICIT.element(0x00081155, "UI", b"1.2\0"), EXPLICIT.element(NAME, "PN", IVANOV.encode("cp1251") + b" ")],
    )
    called = call(
        "inspect",
        folder_of(tmp_path / "in", a=part10(body((0x00081140, "raw", inner), (0x00080005, "CS", b"ISO_IR 100")))),
        "--json",
    )
    assert "00081140[1].00100010" in [change["path"] for change in called.objects[0]["changes"]]


def test_json_is_one_line_for_one_file(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=named("a\nb\u2028c\x85d"))
    lines = call("inspect", "in", "--set", "PatientName=x", "--json").out.split("\n")
    assert len(lines) == 2
    assert json.loads(lines[0])["changes"][0]["before"] == "a\nb\u2028c\x85d"


def test_names_that_are_no_text_are_given_as_bytes_too(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for raw in (b"\xcf.dcm", "Ї.dcm".encode()):
        (tmp_path / "in" / os.fsdecode(raw)).write_bytes(CUT)
    first, second = call("inspect", "in", "--json").objects
    assert (first["path"], bytes.fromhex(second["path_bytes"])) == ("in/Ї.dcm", b"in/\xcf.dcm")
    assert list(first) == KEYS
    assert list(second) == [KEYS[0], "path_bytes", *KEYS[1:]]
    assert second["path"] == r"in/\xcf.dcm"
    for command in (["inspect", "in"], ["fix", "in", "--out", "out"], ["undo", "in/" + os.fsdecode(b"\xcf.dcm")]):
        called = call(*command, "--json")
        assert "\\ud" not in called.out
        assert bytes.fromhex(called.objects[-1]["path_bytes"]) == b"in/\xcf.dcm"


def test_errors_show_a_name_as_its_row_does(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / os.fsdecode(b"\xcf"))  # told at once, as no regular file
    for options in ([], ["--json"]):
        called = call("inspect", "in", *options)
        assert "\\udccf" not in called.out + called.err
        assert called.err.startswith(r"TLM-FIL-003: in/\xcf is")
    assert called.objects[0]["problems"][0]["message"].startswith(r"in/\xcf is")
