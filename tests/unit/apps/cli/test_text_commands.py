"""`tolmach detect` and `tolmach translit`: line by line, whatever the lines are."""

import re
import subprocess
import sys
import time

import pytest

from tests.calling import PROGRAM, call, spawn

KEYS = ["code_page", "confidence", "text"]
LINES = {"cp1251": "ЩЕРБАКОВ ЮРИЙ СЕРГЕЕВИЧ", "koi8-r": "КУЗНЕЦОВА ЕЛЕНА ПЕТРОВНА", "cp866": "ПЕТРЕНКО ГАЛИНА ИВАНОВНА"}


def test_every_line_is_judged_on_its_own() -> None:
    stdin = b"\n".join(text.encode(page) for page, text in LINES.items())
    called = call("detect", "--json", stdin=stdin)
    assert (called.status, called.err) == (0, "")
    assert [list(one) for one in called.objects] == [KEYS] * 3
    assert {one["code_page"]: one["text"] for one in called.objects} == LINES


def test_together_all_lines_are_judged_as_one_file() -> None:
    stdin = "Иванов\nЩи\nПетрова\n".encode("cp866")
    called = call("detect", "--together", "--json", stdin=stdin)
    assert [(one["code_page"], one["text"]) for one in called.objects] == [
        ("cp866", "Иванов"),
        ("cp866", "Щи"),
        ("cp866", "Петрова"),
    ]
    assert len({one["confidence"] for one in called.objects}) == 1


@pytest.mark.parametrize("options", [["--json"], ["--json", "--together"]], ids=str)
def test_there_is_one_answer_for_each_line_empty_ones_too(options: list[str]) -> None:
    for stdin, count in ((b"", 0), (b"\n", 1), (b"a\n\nb\r\n", 3), (b"a\nb", 2), (b"\r\n\r\n", 2), (b"\0\xff\x1a", 1)):
        called = call("detect", *options, stdin=stdin)
        assert (len(called.objects), called.err) == (count, "")


def test_plain_letters_are_left_alone() -> None:
    called = call("detect", "--json", stdin=b"SMITH^JOHN\n\n" + "Müller\n".encode("latin-1"))
    assert (called.status, [one["code_page"] for one in called.objects]) == (0, [None] * 3)
    assert [one["text"] for one in called.objects] == ["SMITH^JOHN", "", "Müller"]


def test_an_unsure_line_makes_the_status_1() -> None:
    called = call("detect", "--json", stdin=b"\xc0\xe1\n")
    assert (called.status, called.objects[0]["code_page"]) == (1, None)


@pytest.mark.parametrize("raw", [b"\x1b[2J\x07", b"\x9b31m", "\u202egnp".encode(), b"\x7f\x08\x00", b"a\tb\x0b\x0c"])
def test_no_line_reaches_the_terminal_raw(raw: bytes) -> None:
    for options in ([], ["--json"]):
        for watched in (False, True):
            called = call("detect", *options, stdin=raw, watched=watched)
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", called.out), repr(called.out)


def test_answers_come_while_lines_still_arrive() -> None:
    with subprocess.Popen(
        [*PROGRAM, "detect", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for text in LINES.values():
            process.stdin.write(text.encode("cp1251") + b"\n")
            process.stdin.flush()
            assert text.encode() in process.stdout.readline()
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.slow
def test_a_hundred_thousand_lines() -> None:
    stdin = "\n".join(f"{text} {number}" for number in range(33_334) for text in LINES.values()).encode("cp1251")
    started = time.monotonic()
    called = spawn("detect", "--json", stdin=stdin)
    assert (called.status, called.out.count("\n")) == (0, 100_002)
    assert time.monotonic() - started < 100


@pytest.mark.parametrize(
    ("rule", "text", "latin"),
    [
        ("ru-icao9303", "ЩЕРБАКОВ^ЮРИЙ", "SHCHERBAKOV^IURII"),
        ("uk-kmu55", "Згурський Юрій", "Zghurskyi Yurii"),
        ("uk", "Їжакевич", "Yizhakevych"),
        ("ru", "", ""),
        ("ru", "plain", "plain"),
    ],
)
def test_transliteration(rule: str, text: str, latin: str) -> None:
    called = call("translit", rule, text)
    assert (called.status, called.out, called.err) == (0, f"{latin}\n", "")
    if text:
        assert call("translit", rule, stdin=f"{text}\r\n\n{text}".encode()).out == f"{latin}\n\n{latin}\n"


def test_lines_that_are_no_text_are_told_and_left() -> None:
    called = call("translit", "ru", stdin="Иванов\n".encode() + "Петров\n".encode("cp1251") + "Ом".encode())
    assert (called.status, called.codes) == (1, ["TLM-CLI-014"])
    assert "Line 2" in called.err
    assert called.out.splitlines()[::2] == ["Ivanov", "Om"]


def test_text_is_shown_to_a_person_and_passed_on_to_a_pipe() -> None:
    assert call("translit", "ru", "\x1b[2JА\tБ").out == "\x1b[2JA\tB\n"
    assert call("translit", "ru", "\x1b[2JА\tБ", watched=True).out == "\\x1b[2JA\\tB\n"


def test_a_rule_that_does_not_exist_names_the_nearest_and_reads_nothing() -> None:
    called = spawn("translit", "uk-kmu5", stdin="Иванов".encode())
    assert (called.status, called.out, called.codes) == (2, "", ["TLM-TXT-001"])
    assert "“uk-kmu55”" in called.err


def test_without_any_input_there_is_no_crash() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.stdin = None\n{PROGRAM[2]}", "detect"],
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in ran.stderr


def test_names_that_are_no_text_have_no_keys_and_are_told() -> None:
    stdin = "Щи\n".encode() + "Борщ\n".encode("cp1251") + "Квас".encode()
    called = call("fold", "--json", stdin=stdin)
    assert (called.status, called.codes) == (1, ["TLM-CLI-014"])
    assert "Line 2" in called.err
    assert [one["text"] for one in called.objects] == ["Щи", r"\xc1\xee\xf0\xf9", "Квас"]
    assert [bool(one["keys"]) for one in called.objects] == [True, False, True]
    plain = call("fold", stdin=stdin)
    assert (plain.status, plain.codes, plain.out.count("\n")) == (1, ["TLM-CLI-014"], 3)
    assert plain.out.splitlines()[1] == ""


@pytest.mark.parametrize("command", [["fold"], ["fold", "--json"], ["translit", "ru"]])
@pytest.mark.parametrize("text", ["\udcc1\udcee", "\ud800"])
def test_an_argument_that_is_no_text_is_told_too(command: list[str], text: str) -> None:
    called = call(*command, text)
    assert (called.status, called.codes) == (1, ["TLM-CLI-014"])
