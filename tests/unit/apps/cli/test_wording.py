"""No word of click's own reaches a person past our catalogue: neither in help nor in what is said of a wrong call."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator

import click
import pytest

from tests.calling import call
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.program import build, run
from tolmach.apps.translations import Translator
from tolmach.apps.translations.catalogue import LANGUAGES

CLICKS_OWN = (
    "Usage", "Options", "Commands", "Positional arguments", "Show this message", "OPTIONS", "ARGS", "INTEGER", "RANGE",
    "No such", "requires", "take a value", "Got unexpected", "Missing", "Invalid", "Try '", "Error", "is not a valid",
)  # fmt: skip


class _Marked(gettext.NullTranslations):
    """A language in which every sentence is the English one in angle brackets."""

    def gettext(self, message: str) -> str:
        return f"<{message}>"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"<{msgid1 if n == 1 else msgid2}>"


MARKED = Translator("xx", _Marked())


def outside(text: str) -> str:
    """Give what stands outside the angle brackets, of which there may be some inside others."""
    while (without := re.sub("<[^<>]*>", "", text)) != text:
        text = without
    return text


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = list(commands(build(Run(MARKED))))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_is_all_ours(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    program = build(Run(MARKED))
    program.main([*path, "--help"], prog_name="tolmach", standalone_mode=False, obj=MARKED, max_content_width=500)
    told = capsys.readouterr().out
    assert "<Usage:> tolmach" in told
    assert "<Show this message and exit.>" in told
    assert not [word for word in CLICKS_OWN if word in outside(told)], told


@pytest.mark.parametrize(
    "arguments",
    [
        ["devices"],
        ["devices", "nothere"],
        ["devices", "reset", "a", "b"],
        ["fix", "a", "--out"],
        ["fix", "a", "--in-place=1"],
        ["inspect", "--nothing", "a"],
        ["inspect"],
        ["send", "a", "A@b:1", "--associations", "many"],
        ["send", "a", "A@b:1", "--associations", "99"],
        ["fix", "a", "--unsure", "perhaps"],
        ["nothere"],
        ["-x"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_told_in_our_words(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tolmach.apps.cli.context.translator", lambda _language: MARKED)
    called = call(*arguments)
    assert (called.status, called.out, len(called.lines)) == (2, "", 1)
    assert re.fullmatch(r"TLM-CLI-0[0-9]{2}: <.*>", called.err.strip())
    assert not [word for word in CLICKS_OWN if word in called.err.replace("“", "<").replace("”", ">")], called.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["devices"], "TLM-CLI-012", ["list | pin | reset", "tolmach devices --help"]),
        (["devices", "lst"], "TLM-CLI-010", ["devices lst", "nearest is devices list"]),
        (["devices", "reset", "a", "b", "c"], "TLM-CLI-001", ["more", "b c", "tolmach devices reset --help"]),
        (["fix", "a", "--out"], "TLM-CLI-020", ["--out"]),
        (["fix", "a", "--in-place=1"], "TLM-CLI-001", ["--in-place takes no value", "tolmach fix --help"]),
    ],
)
def test_what_is_said(arguments: list[str], code: str, words: list[str]) -> None:
    called = call(*arguments)
    assert called.codes == [code]
    assert all(word in called.err for word in words), called.err


def test_without_a_translator_help_is_english(capsys: pytest.CaptureFixture[str]) -> None:
    build(Run(MARKED)).main(["fold", "--help"], prog_name="tolmach", standalone_mode=False)
    assert "Usage: tolmach fold [OPTIONS]" in capsys.readouterr().out


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_shows_its_help(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--lang", language, "send", "--help"]) == 0
    assert "--associations" in capsys.readouterr().out
