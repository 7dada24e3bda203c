"""`tolmach init --from-ini`: the settings of an older export program, written as a commented tolmach.toml.

What is not understood is listed and stands in the result as a comment, so that nothing is lost and nothing is guessed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tolmach.adapters.folder import FileProblem, write_file
from tolmach.adapters.folder.faults import ALREADY_THERE
from tolmach.apps.faults import CONFIGURATION_THERE, NO_CONFIGURATION, BadConfiguration
from tolmach.apps.ini_file import LARGEST, entries_of, read_text
from tolmach.apps.ini_meaning import Meaning, meaning_of
from tolmach.apps.profiles import require_usable
from tolmach.apps.sample_configuration import sample
from tolmach.apps.sections import Settings
from tolmach.apps.toml_text import comment, setting, toml_value
from tolmach.apps.translations import Translator
from tolmach.base import N_, Fault, Phrase, Problem, TolmachError

UNKNOWN_IN_INI = Fault(
    "TLM-CFG-041",
    N_("{file}, line {line}: it is not known what “{entry}” means; it was not taken over."),
    N_("It stands as a comment at the end of the new file; set what you need of it there."),
)
UNUSABLE_IN_INI = Fault(
    "TLM-CFG-042",
    N_("{file}, line {line}: “{entry}” cannot be taken over: {why}."),
    N_("It stands as a comment at the end of the new file; set the right value there."),
)
NO_INI = Fault(
    "TLM-CFG-043",
    N_("{file} is no INI file: no line of it is a setting."),
    N_("Name the settings file of the older program; nothing was written."),
)
UNSURE_INI = Fault(
    "TLM-CFG-044",
    N_("{file} has too few letters beyond plain Latin to tell its code page; it was read as {code_page}."),
    N_("Look at the folders and values with such letters in the new file, and correct them there."),
)
NOT_TOGETHER = Fault(
    "TLM-CFG-045",
    N_("The settings of {file} cannot be used together: {why}"),
    N_("They stand in the new file as comments; correct them there, take the # away, and run tolmach config check."),
)

_LONGEST = 200  # characters of a line that are shown
_FROM = N_("From here on: taken over from {file}")
_ADDED = N_("added where it was missing; changed in any case; or deleted, as the older program was told")
_NO_FOLDER = N_("No watched folder was found in the file: name it here and take the # away.")
_UNKNOWN_HEAD = N_("Not known, and not taken over:")
_UNUSABLE_HEAD = N_("Not usable, and not taken over:")
_LEFT_OUT_HEAD = N_("Understood, and not needed:")


@dataclass(frozen=True, slots=True)
class Migration:
    """The new file, and what is to be told: `notices` change nothing in the exit status, `failures` do."""

    text: str
    notices: Sequence[Problem]
    failures: Sequence[Problem]


def migrate(file: Path, translator: Translator) -> Migration:
    """Read an INI file and give the configuration it becomes; nothing is written.

    Raises `BadConfiguration` when the file cannot be read, `FileProblem` when it is something else.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST + 1)
    except OSError as error:
        raise BadConfiguration(NO_CONFIGURATION, file=file, why=f"{error.strerror or error}.") from error
    text = read_text(raw) if len(raw) <= LARGEST else None
    meaning = meaning_of(entries_of(text.text)) if text is not None else Meaning()
    if text is None or not _has_settings(meaning):
        raise FileProblem(NO_INI, file=file)
    notices = [] if text.is_sure else [Problem(UNSURE_INI, {"file": file, "code_page": text.code_page})]
    notices += [
        Problem(UNKNOWN_IN_INI, {"file": file, "line": one.line, "entry": str(one)[:_LONGEST]})
        for one in meaning.unknown
    ]
    failures = [
        Problem(UNUSABLE_IN_INI, {"file": file, "line": one.line, "entry": str(one)[:_LONGEST], "why": why})
        for one, why in meaning.unusable
    ]
    written = _written(meaning, file.name, translator)
    wrong = _wrong_with(written, file)
    if wrong is not None:
        failures.append(wrong)
        written = _written(meaning, file.name, translator, active=False)
    return Migration(written, tuple(notices), tuple(failures))


def _has_settings(meaning: Meaning) -> bool:
    """Tell whether a file looks like settings at all: any line with a key does."""
    known = meaning.values or meaning.servers or meaning.ignore or meaning.steps or meaning.extensions
    others = (*meaning.unknown, *(one for one, _why in (*meaning.unusable, *meaning.left_out)))
    return bool(known) or any(one.key for one in others)


def write_migration(target: Path, migration: Migration) -> None:
    """Write the new file, for its owner alone; raises `FileProblem` when something else is there already."""
    try:
        write_file(target, [migration.text.encode("utf-8")], is_private=True)
    except FileProblem as error:
        if error.problem.fault is not ALREADY_THERE:
            raise
        raise FileProblem(CONFIGURATION_THERE, file=target) from error


def _wrong_with(text: str, file: Path) -> Problem | None:
    """Give what `config check` would object to, if anything; files the settings name are none of our business."""
    try:
        require_usable(Settings.model_validate(tomllib.loads(text)))
    except ValidationError as error:
        return Problem(NOT_TOGETHER, {"file": file, "why": f"{error.errors()[0]['msg']}."})
    except TolmachError as error:
        return Problem(NOT_TOGETHER, {"file": file, "why": error.problem.what})
    return None


def _written(meaning: Meaning, name: str, translator: Translator, *, active: bool = True) -> str:
    text = sample()
    values = meaning.values
    if "language" in values:
        text = re.sub(r"(?m)^# language = .*$", lambda _: setting("language", values["language"]), text, count=1)
    if "own_ae" in values:
        text = re.sub(r"(?m)^ae_title = .*$", lambda _: setting("ae_title", values["own_ae"]), text, count=1)
    tables = [*_peers(meaning), *_profile(meaning, translator), *_watch(meaning, translator)]
    if not active:
        tables = [f"# {line}" if line and not line.startswith("#") else line for line in tables]
    lines = ["", comment(translator.gettext(_FROM, file=name)), *tables, *_left_over(meaning, translator)]
    return text + "\n".join(lines) + "\n"


def _names(meaning: Meaning) -> list[str]:
    return ["pacs" if number == 1 else f"pacs-{number}" for number, _server in enumerate(meaning.servers, 1)]


def _peers(meaning: Meaning) -> Iterator[str]:
    for name, server in zip(_names(meaning), meaning.servers, strict=True):
        yield "[[peer]]"
        yield setting("name", name)
        yield setting("ae_title", server.ae_title)
        yield setting("host", server.host)
        yield setting("port", server.port)
        yield ""


def _profile(meaning: Meaning, translator: Translator) -> Iterator[str]:
    values = meaning.values
    yield "[[profile]]"
    yield setting("name", "room-1")
    keys = {"from": "source_encoding", "code_string": "code_string", "transliteration": "transliteration"}
    for key, field in keys.items():
        if field in values:
            yield setting(key, values[field])
    if meaning.steps:
        yield ""
        yield comment(translator.gettext(_ADDED))
        yield "[[profile.rule]]"
        yield "do = ["
        for step in meaning.steps:
            yield f"    {toml_value(step)},"
        yield "]"
    yield ""


def _watch(meaning: Meaning, translator: Translator) -> Iterator[str]:
    values = meaning.values
    mark = "" if "watch_folder" in values else "# "
    if mark:
        yield comment(translator.gettext(_NO_FOLDER))
    yield f"{mark}[[watch]]"
    said = {"folder": values.get("watch_folder", "…"), "export_folder": values.get("export_folder")}
    said |= {"ignore": meaning.ignore, "extensions": meaning.extensions, "to": _names(meaning)}
    said |= {"recursive": values.get("recursive"), "original": values.get("original")}
    for key, value in {"name": "room-1", "profile": "room-1", **said}.items():
        if value not in (None, [], ""):
            yield f"{mark}{setting(key, value)}"


def _left_over(meaning: Meaning, translator: Translator) -> Iterator[str]:
    groups: list[tuple[str, list[tuple[object, Phrase | None]]]] = [
        (_UNKNOWN_HEAD, [(entry, None) for entry in meaning.unknown]),
        (_UNUSABLE_HEAD, list(meaning.unusable)),
        (_LEFT_OUT_HEAD, list(meaning.left_out)),
    ]
    for head, entries in groups:
        if entries:
            yield ""
            yield comment(translator.gettext(head))
        for entry, why in entries:
            yield comment(f"  {entry}" if why is None else f"  {entry}   ({translator.translate(why)})")
