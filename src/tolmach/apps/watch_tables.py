"""One [[watch]] table in the text of a configuration: its keys changed or the whole taken out, all else untouched.

Where a statement begins is asked of the TOML parser itself: what stands before a line is TOML by itself exactly when
the line begins something new, and not in the middle of a text or a list. What cannot be told apart so is refused.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tolmach.apps.adding import BOM, TOO_UNUSUAL, NotChanged, Original
from tolmach.apps.sections import WatchSettings
from tolmach.apps.toml_text import setting
from tolmach.base import N_, Phrase

NO_TABLES = N_("not every watch stands in a [[watch]] table of its own")
NO_SUCH_WATCH = N_("no watch is named {name}, or more than one is")
ODD_KEYS = N_("a key of the table is written with dots, in quotation marks, or in tables inside it")

_HEADER = re.compile(r"[ \t]*\[")
_WATCH = re.compile(r"[ \t]*\[\[[ \t]*watch[ \t]*\]\][ \t]*(#.*)?$")
_INNER = re.compile(r"[ \t]*\[+[ \t]*[\"']?watch[\"']?[ \t]*\.")
_KEY = re.compile(r"([ \t]*)([A-Za-z0-9_-]+)([ \t]*=[ \t]*)")
_BLANK = re.compile(r"[ \t]*(#.*)?$")


@dataclass(frozen=True, slots=True)
class _Statement:
    """A key and its value: the lines from `start` up to `end`."""

    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Table:
    """A [[watch]] table: the line of its header, its statements, and the end of the last of them."""

    header: int
    statements: tuple[_Statement, ...]

    @property
    def end(self) -> int:
        return self.statements[-1].end if self.statements else self.header + 1


def with_watch(original: Original, name: str, watch: WatchSettings) -> bytes:
    """Give the content of a file with the table of one watch saying what `watch` says; raises `NotChanged`.

    Keys that say the same already stay as they are, with their comments; those that are not needed any more go.
    """
    lines = _lines(original.text)
    table, before = _found(original, lines, name)
    wanted = watch.model_dump(by_alias=True, exclude_defaults=True)
    same = WatchSettings.model_validate(before).model_dump(by_alias=True)
    usual = watch.model_dump(by_alias=True)
    ending = "\r\n" if lines[table.header].endswith("\r\n") else "\n"
    new: list[str] = []
    at = table.header + 1
    for one in table.statements:
        new += lines[at : one.start]  # comments and blank lines above it
        if usual[one.key] == same[one.key]:
            new += lines[one.start : one.end]
        elif one.key in wanted:
            new.append(_changed(lines[one.start : one.end], one.key, wanted[one.key], ending))
        at = one.end
    known = {one.key for one in table.statements}
    added = [f"{setting(key, value)}{ending}" for key, value in wanted.items() if key not in known]
    above = [*lines[: table.header + 1], *new]
    if added and not above[-1].endswith("\n"):
        above[-1] += ending
    return _content(original, (*above, *added, *lines[table.end :]))


def without_watch(original: Original, name: str) -> bytes:
    """Give the content of a file without the table of one watch; raises `NotChanged`. Comments around it stay."""
    lines = _lines(original.text)
    table, _ = _found(original, lines, name)
    after = table.end
    # The blank line behind it goes with it; what was a paragraph of its own leaves no hole.
    while after < len(lines) and not lines[after].strip() and (not table.header or not lines[table.header - 1].strip()):
        after += 1
    return _content(original, (*lines[: table.header], *lines[after:]))


def _content(original: Original, lines: Iterable[str]) -> bytes:
    mark = BOM if (original.raw or b"").startswith(BOM) else b""
    return mark + "".join(lines).encode("utf-8")


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+$", text)


def _bare(line: str) -> str:
    return line.rstrip("\r\n")


def _unusual(original: Original, why: str, **facts: object) -> NotChanged:
    return NotChanged(TOO_UNUSUAL, file=original.file, why=Phrase(why, facts))


def _found(original: Original, lines: list[str], name: str) -> tuple[_Table, Mapping[str, Any]]:
    """Give where the table of a watch stands, and its values."""
    watches = (_parsed(original.text) or {}).get("watch", [])
    headers = [number for number, line in enumerate(lines) if _HEADER.match(line) and _begins(lines, number)]
    own = [number for number in headers if _WATCH.match(_bare(lines[number]))]
    if not isinstance(watches, list) or len(own) != len(watches):
        raise _unusual(original, NO_TABLES)
    named = [number for number, one in enumerate(watches) if one.get("name") == name]
    if len(named) != 1:
        raise _unusual(original, NO_SUCH_WATCH, name=name)
    header = own[named[0]]
    end = next((number for number in headers if number > header), len(lines))
    statements = _statements(lines, header + 1, end)
    values: Mapping[str, Any] = watches[named[0]]
    is_inner = end < len(lines) and _INNER.match(lines[end])
    if is_inner or statements is None or [one.key for one in statements] != list(values):
        raise _unusual(original, ODD_KEYS)
    return _Table(header, statements), values


def _begins(lines: list[str], number: int) -> bool:
    """Tell whether a line begins something new."""
    return _parsed("".join(lines[:number])) is not None


def _parsed(text: str) -> Mapping[str, Any] | None:
    try:
        return tomllib.loads(text)
    except ValueError:
        return None


def _statements(lines: list[str], start: int, end: int) -> tuple[_Statement, ...] | None:
    """Give the statements between two lines; None when one of them is not a plain key and its value."""
    found = []
    number = start
    while number < end:
        line = lines[number]
        if _BLANK.match(_bare(line)):
            number += 1
            continue
        key = _KEY.match(line)
        after = next((one for one in range(number + 1, end + 1) if _parsed("".join(lines[number:one])) is not None), 0)
        if key is None or not after:
            return None
        found.append(_Statement(key[2], number, after))
        number = after
    return tuple(found)


def _changed(old: list[str], key: str, value: object, ending: str) -> str:
    """Give a statement with another value; what stands before it and a comment behind it stay."""
    head = _KEY.match(old[0])
    assert head is not None
    written = setting(key, value).partition("=")[2].lstrip()
    tail = _comment_of(old[0]) if len(old) == 1 else ""
    end = ending if old[-1].endswith("\n") else ""
    return f"{head[0]}{written}{tail}{end}"


def _comment_of(line: str) -> str:
    """Give the comment behind a value, with the space before it: the first # without which the value is the same."""
    whole = _parsed(line)
    for place, sign in enumerate(line):
        if sign == "#" and (short := _parsed(line[:place])) is not None and short == whole:
            value = line[:place].rstrip()
            return _bare(line)[len(value) :]
    return ""
