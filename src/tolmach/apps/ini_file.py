"""Reading an INI file of whatever program wrote it: nothing is interpolated, nothing in a value is special, none lost.

Sections and keys may come twice; keys may stand before any section, and lines without a key are kept too. The letters
may be in UTF-8 or UTF-16, with a byte order mark or not, or in the code page the text itself tells.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from tolmach.text.code_pages import decode
from tolmach.text.detect import detect

LARGEST = 1 << 20  # bytes; no settings are longer
_COMMENTS = (";", "#", "//")
_BE = "utf-16-be"
_LIKELY = "cp1251"  # what programs of this kind write where their few letters do not tell


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a file: the section it stands in, its key (empty where the line has none), and its value."""

    line: int
    section: str
    key: str
    value: str

    def __str__(self) -> str:
        """Give the line as it may stand in a comment."""
        where = f"[{self.section}] " if self.section else ""
        return f"{where}{self.key} = {self.value}" if self.key else f"{where}{self.value}"


@dataclass(frozen=True, slots=True)
class IniText:
    """The text of a file, the code page it was in, and whether that is sure."""

    text: str
    code_page: str
    is_sure: bool = True


def read_text(raw: bytes) -> IniText | None:
    """Give the text of a file; None when its bytes are no text. May be repeated."""
    for mark, codec in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, _BE)):
        if raw.startswith(mark):
            return _in_codec(raw[len(mark) :], codec)
    codec = _utf_16_of(raw)
    if codec:
        return _in_codec(raw, codec)
    if b"\0" in raw:
        return None
    if raw.isascii():
        return IniText(raw.decode("ascii"), "ascii")
    found = detect([line for line in raw.splitlines() if not line.isascii()])
    page = found.code_page or ("utf-8" if decode(raw, "utf-8") is not None else _LIKELY)
    text = decode(raw, page)
    return None if text is None else IniText(text, page, is_sure=found.code_page is not None or page == "utf-8")


def _in_codec(raw: bytes, codec: str) -> IniText | None:
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else IniText(text, codec)


def _utf_16_of(raw: bytes) -> str:
    """Tell UTF-16 without a mark by the zeros that stand beside the many signs that are ASCII in any INI file."""
    even, odd = raw[::2].count(0), raw[1::2].count(0)
    if len(raw) % 2 or max(even, odd) < len(raw) // 8 or min(even, odd):
        return ""
    return "utf-16-le" if odd else _BE


def entries_of(text: str) -> Iterator[Entry]:
    """Give the entries of a file in their order; comments and empty lines are left out."""
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith(_COMMENTS):
            continue
        if stripped.startswith("[") and stripped.endswith("]"):
            section = stripped[1:-1].strip()
            continue
        key, equals, value = stripped.partition("=")
        # A tag in front, as (0008,0080)=X, is a key like any other; a line that begins with = has none.
        if equals and key.strip():
            yield Entry(number, section, key.strip(), _unquoted(value.strip()))
        else:
            yield Entry(number, section, "", _unquoted(stripped))


def _unquoted(value: str) -> str:
    """Take the quotation marks off that stand around a whole value; those inside it stay."""
    inside = value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'" and value[0] not in inside:
        return inside
    return value
