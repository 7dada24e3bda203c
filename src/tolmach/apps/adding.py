"""Changing a configuration file by program: tables are added at its end, and everything that stands there stays.

A change is made of the file as somebody saw it. The whole new text is tried out by the loader of the settings before
anything is written; the file then gets its new content at once, and the one before is kept beside it as .bak.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tolmach.adapters.folder.faults import mapped
from tolmach.adapters.folder.writing import PendingFile, write_file
from tolmach.apps.configuration import FILE_NAME, configuration_file, user_folder
from tolmach.apps.faults import NO_CONFIGURATION, NOT_UTF_8, BadConfiguration
from tolmach.apps.profiles import require_usable
from tolmach.apps.sample_configuration import sample
from tolmach.apps.sections import PeerSettings, ProfileSettings, RouteSettings, Section, Settings, WatchSettings
from tolmach.apps.settings import settings_from
from tolmach.apps.toml_text import comment, setting, toml_value
from tolmach.base import N_, Fault, NeedsOperator, Phrase

CHANGED_MEANWHILE = Fault(
    "TLM-CFG-051",
    N_("{file} was changed by somebody else meanwhile; nothing was written."),
    N_("Try again: the change is then made in the file as it is now. Or copy the text and insert it yourself."),
)
WRITE_PROTECTED = Fault(
    "TLM-CFG-052",
    N_("{file} is write-protected; nothing was written."),
    N_("Take the write protection away and try again, or copy the text and let somebody insert it who may."),
)
TOO_UNUSUAL = Fault(
    "TLM-CFG-053",
    N_("{file} is written in a way that cannot be changed safely by program: {why}. Nothing was written."),
    N_("Open the file and make the change there by hand; tolmach config check tries it out."),
)

BACKUP_SUFFIX: Final = ".bak"
BOM: Final = b"\xef\xbb\xbf"
_KINDS: Mapping[type[Section], str] = {
    PeerSettings: "peer",
    ProfileSettings: "profile",
    WatchSettings: "watch",
    RouteSettings: "route",
}


class NotChanged(NeedsOperator):
    """A configuration file that was left as it is."""


@dataclass(frozen=True, slots=True)
class Original:
    """A configuration file as it was when it was looked at; `raw` is None where there was none."""

    file: Path
    raw: bytes | None

    @property
    def text(self) -> str:
        """Its text without a byte order mark; raises `BadConfiguration`."""
        return _decoded(self.raw or b"", self.file)


@dataclass(frozen=True, slots=True)
class NewTable:
    """A table to be added. `reasons` stand as comments behind keys, `remarks` as lines of comments below the keys.

    Keys that have a reason are written even where they say what holds anyway.
    """

    model: Section
    reasons: Mapping[str, str] = field(default_factory=dict)
    remarks: Sequence[str] = ()


def target_file(named: Path | None) -> Path:
    """Give the file to change: the one the settings are read from, else the user's own, which is not there yet."""
    return (configuration_file(named) or user_folder() / FILE_NAME).absolute()


def look_at(file: Path) -> Original:
    """Give a configuration file as it is now, links followed; raises `BadConfiguration` when it cannot be read."""
    real = Path(os.path.realpath(file))
    try:
        return Original(real, real.read_bytes())
    except FileNotFoundError:
        return Original(real, None)
    except OSError as error:
        raise BadConfiguration(NO_CONFIGURATION, file=file, why=f"{error.strerror or error}.") from error


def settings_of(original: Original, environment: Mapping[str, str]) -> Settings:
    """Give what a file says as it is; raises `BadConfiguration`."""
    return _understood(original.text, original.file, environment)


def text_of(tables: Sequence[NewTable], head: str = "") -> str:
    """Give the TOML of some tables, one after another; `head` stands above them as a comment."""
    lines = [comment(head)] if head else []
    for table in tables:
        lines += ["", *_lines(table)] if lines else [*_lines(table)]
    return "\n".join(lines) + "\n"


def with_tables(original: Original, text: str, data_dir: Path) -> bytes:
    """Give the content of a file with tables added at its end; where there is no file yet, a commented new one.

    What stands there already stays byte for byte, and the new lines end as the others do. A new file keeps its data
    in `data_dir`.
    """
    before = original.raw
    if before is None:
        line = setting("data_dir", data_dir)
        before = re.sub(r"(?m)^data_dir = \S*", lambda _: line, sample(), count=1).encode("utf-8")
    # Most of the lines decide how lines end here; a file of one line without an end counts as ours.
    windows = before.partition(b"\n")[0].endswith(b"\r")
    gap = "" if not before.strip() else "\n" if before.endswith(b"\n") else "\n\n"
    added = f"{gap}{text}"
    return before + (added.replace("\n", "\r\n") if windows else added).encode("utf-8")


def tried(original: Original, content: bytes, environment: Mapping[str, str]) -> Settings:
    """Give what a file would say with another content; raises what `tolmach config check` would object to.

    Raises `NotChanged` when the text would be no TOML, though the file itself is.
    """
    before = original.text
    try:
        tomllib.loads(before)
    except ValueError as error:
        raise BadConfiguration(NO_CONFIGURATION, file=original.file, why=f"{error}.") from error
    settings = _understood(_decoded(content, original.file), original.file, environment)
    require_usable(settings, original.file)
    return settings


def require_read_back(original: Original, settings: Settings, wanted: Sequence[Section]) -> None:
    """Require that the settings hold exactly what was to be added; raises `NotChanged`."""
    held = (*settings.peer, *settings.profile, *settings.watch, *settings.route)
    for one in wanted:
        if one not in held:
            why = Phrase(N_("[[{table}]] does not read back as it was meant"), {"table": _KINDS[type(one)]})
            raise NotChanged(TOO_UNUSUAL, file=original.file, why=why)


def write_configuration(original: Original, content: bytes, settings: Settings) -> Path | None:
    """Make the content durable as the file; gives where the one before is kept now, if there was one.

    `settings` are what the content was tried out to say: with a new file its data folder is made. Raises `NotChanged`
    when the file is not what it was any more or is write-protected, `FileProblem` and `FileTrouble` where nothing can
    be written. Until the very end nothing has changed.
    """
    file = original.file
    _require_same(original)
    _require_writable(file)
    if original.raw is None:
        _make_data_folder(settings.data_dir)
    like = None if original.raw is None else file
    with PendingFile(file, [content], like, is_private=True) as pending:
        _require_same(original)
        backup = None
        if original.raw is not None:
            backup = file.with_name(f"{file.name}{BACKUP_SUFFIX}")
            write_file(backup, [original.raw], replace=True, like=file, is_private=True)
        pending.commit()
    return backup


def unique_name(wanted: str, taken: Sequence[str]) -> str:
    """Give a name that nobody has: the one that is wanted, or with a number behind it."""
    known = {one.casefold() for one in taken}
    names = (wanted if number == 1 else f"{wanted}-{number}" for number in range(1, len(known) + 2))
    return next(name for name in names if name.casefold() not in known)


def taken_names(settings: Settings) -> list[str]:
    """Give the names that peers and watches have, which share theirs, with those of export folders."""
    exports = [f"{one.name} export" for one in settings.watch]
    return [*(one.name for one in settings.peer), *(one.name for one in settings.watch), *exports]


def _understood(text: str, file: Path, environment: Mapping[str, str]) -> Settings:
    try:
        values = tomllib.loads(text)
    except ValueError as error:
        raise NotChanged(TOO_UNUSUAL, file=file, why=str(error)) from error
    return settings_from(values, environment, file)


def _decoded(raw: bytes, file: Path) -> str:
    try:
        return raw.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadConfiguration(NOT_UTF_8, file=file) from error


def _lines(table: NewTable) -> Iterator[str]:
    kind = _KINDS[type(table.model)]
    yield f"[[{kind}]]"
    values = table.model.model_dump(by_alias=True)
    meant = table.model.model_dump(by_alias=True, exclude_defaults=True)
    rules: Sequence[Mapping[str, Any]] = meant.pop("rule", ())
    for key, value in values.items():
        if key in meant or (key in table.reasons and value is not None):
            yield setting(key, value, table.reasons.get(key, ""))
    yield from (comment(line) if line else "" for line in table.remarks)
    for rule in rules:
        yield ""
        yield f"[[{kind}.rule]]"
        yield from (f"{key} = {toml_value(value)}" for key, value in rule.items())


def _require_same(original: Original) -> None:
    if look_at(original.file) != original:
        raise NotChanged(CHANGED_MEANWHILE, file=original.file)


def _require_writable(file: Path) -> None:
    # A folder that may be written to would let the file be replaced all the same: its owner has said no.
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise mapped(error, file) from error
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(file, os.W_OK):
        raise NotChanged(WRITE_PROTECTED, file=file)


def _make_data_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise mapped(error, folder) from error
