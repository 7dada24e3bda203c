"""Specific Character Set: what its defined terms mean, and text to bytes and back under them, strictly.

Nothing here guesses and nothing is replaced: bytes that do not fit the label give None, and so does text that the
character set cannot hold.

Standard: PS3.3 section C.12.1.1.2 (defined terms), PS3.5 sections 6.1.2.3 to 6.1.2.5 (code extensions).
"""

from __future__ import annotations

import codecs
import re
from functools import cache

UTF_8 = "ISO_IR 192"
CYRILLIC = "ISO_IR 144"

Terms = tuple[str, ...]

# Standard: PS3.3 tables C.12-2 to C.12-5. Without a term the default repertoire holds, which is ASCII (ISO-IR 6).
_CODECS: dict[str, str] = {
    "": "ascii",
    "ISO_IR 100": "latin_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 203": "iso8859_15",
    "ISO_IR 166": "tis_620",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 192": "utf_8",
    "GB18030": "gb18030",
    "GBK": "gbk",
    "ISO 2022 IR 6": "ascii",
    "ISO 2022 IR 100": "latin_1",
    "ISO 2022 IR 101": "iso8859_2",
    "ISO 2022 IR 109": "iso8859_3",
    "ISO 2022 IR 110": "iso8859_4",
    "ISO 2022 IR 144": "iso8859_5",
    "ISO 2022 IR 127": "iso8859_6",
    "ISO 2022 IR 126": "iso8859_7",
    "ISO 2022 IR 138": "iso8859_8",
    "ISO 2022 IR 148": "iso8859_9",
    "ISO 2022 IR 203": "iso8859_15",
    "ISO 2022 IR 166": "tis_620",
    "ISO 2022 IR 13": "shift_jis",
    "ISO 2022 IR 87": "iso2022_jp",
    "ISO 2022 IR 159": "iso2022_jp_2",
    "ISO 2022 IR 149": "euc_kr",
    "ISO 2022 IR 58": "gb2312",
}

# Escape sequence: codec, and whether the codec wants to see the escape itself.
# Standard: PS3.3 tables C.12-3 and C.12-4; PS3.5 section 6.1.2.5.
_ESCAPES: dict[bytes, tuple[str, bool]] = {
    b"\x1b(B": ("ascii", False),
    b"\x1b(J": ("shift_jis", False),
    b"\x1b)I": ("shift_jis", False),
    b"\x1b-A": ("latin_1", False),
    b"\x1b-B": ("iso8859_2", False),
    b"\x1b-C": ("iso8859_3", False),
    b"\x1b-D": ("iso8859_4", False),
    b"\x1b-L": ("iso8859_5", False),
    b"\x1b-G": ("iso8859_6", False),
    b"\x1b-F": ("iso8859_7", False),
    b"\x1b-H": ("iso8859_8", False),
    b"\x1b-M": ("iso8859_9", False),
    b"\x1b-b": ("iso8859_15", False),
    b"\x1b-T": ("tis_620", False),
    b"\x1b$B": ("iso2022_jp", True),
    b"\x1b$(D": ("iso2022_jp_2", True),
    b"\x1b$)C": ("euc_kr", False),
    b"\x1b$)A": ("gb2312", False),
}
_ESCAPE = re.compile(b"(" + b"|".join(re.escape(escape) for escape in _ESCAPES) + b")")
# Each of these brings back the initial character set. Standard: PS3.5 section 6.1.2.5.3.
_RESET = re.compile(rb"[\\^=\t\n\f\r]")

_PROBE = b"\\u0041+AEE- AZ09^=~"
# Character sets that allow no code extensions: an escape is a control character there, and nothing more.
_ALONE = frozenset({"utf_8", "utf-8", "gb18030", "gbk"})
_MISSPELT = re.compile(r"ISO[ _-]?(2022)?[ _-]?IR[ _-]?(\d+)")


def is_defined(term: str) -> bool:
    """Tell whether a value of Specific Character Set is one the standard knows, spelled as there."""
    return term in _CODECS


@cache
def respelt(term: str) -> str | None:
    """Give the defined term a misspelt one can only have meant ("ISO IR 144", "iso_ir144"), or None."""
    if term in _CODECS:
        return term
    match = _MISSPELT.fullmatch(term.upper())
    if match is None:
        return None
    candidate = f"ISO 2022 IR {match[2]}" if match[1] else f"ISO_IR {match[2]}"
    return candidate if candidate in _CODECS else None


@cache
def codec_of(terms: Terms | None) -> str | None:
    """Give the Python codec the label claims for text without escapes; None when the label means nothing.

    Labels that name a code page ("WINDOWS-1251") are understood, though the standard has no such term.
    """
    first = terms[0] if terms else ""
    known = respelt(first)
    if known is not None:
        return _CODECS[known]
    try:
        # Only what extends ASCII and gives letters for any byte: not hex, UTF-16, or escapes of Python and of IDNA.
        if _PROBE.decode(first) != _PROBE.decode("ascii") or not b"\xe0".decode(first, "replace"):
            return None
        return codecs.lookup(first).name
    except (LookupError, ValueError):
        return None


def decode(raw: bytes, terms: Terms | None) -> str | None:
    """Read bytes as the label claims them, escapes included; None when they do not fit it."""
    codec = codec_of(terms)
    try:
        if b"\x1b" in raw and codec not in _ALONE and _ESCAPE.search(raw):
            return _decode_extended(raw, codec or "ascii")
        return raw.decode(codec or "ascii")
    except (UnicodeDecodeError, LookupError):
        return None


def _decode_extended(raw: bytes, initial: str) -> str:
    parts = _ESCAPE.split(raw)
    text = [parts[0].decode(initial)]
    for escape, segment in zip(parts[1::2], parts[2::2], strict=True):
        codec, wants_escape = _ESCAPES[escape]
        if wants_escape:
            text.append((escape + segment).decode(codec))
            continue
        reset = _RESET.search(segment)
        cut = len(segment) if reset is None else reset.start()
        text.append(segment[:cut].decode(codec) + segment[cut:].decode(initial))
    return "".join(text)


def show(raw: bytes, terms: Terms | None) -> str:
    """Give what a viewer that believes the label would show; for people's eyes, never for writing.

    Without a usable label Latin-1 is shown, as most viewers do; bytes that fit nothing become U+FFFD.
    """
    text = decode(raw, terms)
    if text is not None:
        return text
    codec = codec_of(terms)
    return raw.decode(codec if codec not in (None, "ascii") else "latin_1", "replace")


def encode(text: str, terms: Terms | None) -> bytes | None:
    """Write text under the label without any escapes; None when the label cannot hold it all."""
    codec = codec_of(terms)
    if codec is None:
        return None
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return None
