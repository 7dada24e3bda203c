"""Code pages: what bytes may be in, decoded and encoded strictly.

    code page      Python codec   Russian  Ukrainian      Belarusian  Kazakh   « » – ’ „   №
    utf-8          utf_8          yes      yes            yes         yes      yes         yes
    cp1251         cp1251         yes      yes            yes         no       yes         yes
    kz-1048        kz1048         yes      no Ґ Є Ї       no Ў        yes      yes         yes
    cp866          cp866          yes      no І Ґ         no І        no       no          yes
    cp1125         cp1125         yes      yes            no Ў        no       no          yes
    koi8-r         koi8_r         yes      no             no          no       no          no
    koi8-u         koi8_u         yes      yes            no Ў        no       no          no
    iso-8859-5     iso8859_5      yes      no Ґ           yes         no       no          yes
    mac-cyrillic   mac_cyrillic   yes      yes            yes         no       yes         yes

`test_code_pages.py` proves this table. Strict means: a byte without a meaning, or one that means a C1 control, makes
the whole value undecodable (None), because no device means a control character in a name.
"""

from __future__ import annotations

import codecs
import re
from functools import cache
from typing import Final

CYRILLIC_CODE_PAGES: Final = (
    "utf-8",
    "cp1251",
    "cp866",
    "cp1125",
    "koi8-r",
    "koi8-u",
    "iso-8859-5",
    "mac-cyrillic",
    "kz-1048",
)
"""The code pages tolmach repairs from, by their canonical names; the first one that gives a text is preferred."""

_CODECS: Final = {
    "utf-8": "utf_8",
    "cp1251": "cp1251",
    "cp866": "cp866",
    "cp1125": "cp1125",
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
    "iso-8859-5": "iso8859_5",
    "mac-cyrillic": "mac_cyrillic",
    "kz-1048": "kz1048",
}
_CANONICAL: Final = {codecs.lookup(codec).name: name for name, codec in _CODECS.items()}
_OTHER_NAMES: Final = {"iso_ir_144": "iso-8859-5", "iso_ir_192": "utf-8", "utf8": "utf-8", "windows-1251": "cp1251"}
_C1: Final = re.compile("[\x80-\x9f]")

LEAVE_CODE_PAGES: Final = (
    "cp1252",
    "iso8859-2",
    "cp1250",
    "cp1254",
    "iso8859-7",
    "iso8859-8",
    "iso8859-6",
)
"""Code pages of other scripts (Python codec names), known only as evidence that a file must be left as it is."""

_LABELLED_SCRIPT: Final = {
    "greek": ("iso8859-7", "cp1253", "mac-greek", "cp737", "cp869"),
    "hebrew": ("iso8859-8", "cp1255", "cp862"),
    "arabic": ("iso8859-6", "cp1256", "cp864", "cp720"),
    "latin": (
        "iso8859-2", "iso8859-3", "iso8859-4", "iso8859-9", "iso8859-10", "iso8859-13", "iso8859-14", "iso8859-15",
        "iso8859-16", "cp1250", "cp1254", "cp1257", "cp850", "cp852", "cp437", "mac-roman", "mac-latin2",
    ),
}  # fmt: skip
SCRIPT_OF: Final = {page: script for script, pages in _LABELLED_SCRIPT.items() for page in pages}
"""The script of each one-byte code page of another one (Python codec names) that the language model knows."""

SCRIPT_OF_PAGE: Final = {"utf-8": "utf-8", "kz-1048": "kazakh"}
"""How the letters of a Cyrillic code page are judged, where it is not as `cyrillic`."""

RARITY: Final = {
    "utf-8": 0.0,
    "cp1251": 0.0,
    "cp866": 1.2,
    "koi8-r": 1.6,
    "iso-8859-5": 0.6,
    "cp1125": 1.5,
    "koi8-u": 1.7,
    "mac-cyrillic": 2.5,
    "kz-1048": 3.5,
}
"""How rare each Cyrillic code page is, in nats, before anything is known."""

FAMILY: Final = {"cp1125": "cp866", "koi8-u": "koi8-r", "kz-1048": "cp1251"}
"""Which code page another one differs from in a few letters only."""

CYRILLIC_SCRIPTS: Final = frozenset({"cyrillic", "kazakh", "serbian"})
"""What text may be judged as that is worth repairing."""

TRUSTED: Final = frozenset(
    "gb18030 gbk gb2312 hz big5 big5hkscs cp950 shift_jis cp932 shift_jis_2004 shift_jisx0213 euc_jp euc_jis_2004 "
    "euc_jisx0213 iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_3 iso2022_kr euc_kr cp949 johab tis-620 iso8859-11 "
    "cp874".split()
)
"""Code pages (Python codec names) whose claim is believed as soon as the bytes are legal under them."""


@cache
def canonical(name: str) -> str | None:
    """Give tolmach's name of a code page: the canonical one if Cyrillic, else Python's; None when nobody knows it."""
    plain = name.strip().lower()
    if plain in _CODECS:
        return plain
    if plain in _OTHER_NAMES:
        return _OTHER_NAMES[plain]
    try:
        info = codecs.lookup(plain)
        is_text = b"A".decode(plain) == "A"  # not hex, not UTF-16
    except (LookupError, ValueError):
        return None
    return _CANONICAL.get(info.name, info.name) if is_text else None


@cache
def codec_of(code_page: str) -> str:
    """Give the Python codec of a code page; raises LookupError for a name nobody knows."""
    name = canonical(code_page)
    if name is None:
        raise LookupError(code_page)
    return _CODECS.get(name, name)


def decode(raw: bytes, code_page: str) -> str | None:
    """Give the text when every byte means a character under that code page, else None.

    Pure ASCII decodes under every code page. C1 controls count as meaningless. Raises LookupError for an unknown name.
    """
    try:
        text = raw.decode(codec_of(code_page))
    except UnicodeError:
        return None
    if not text.isascii() and _C1.search(text):
        return None
    return text


def encode(text: str, code_page: str) -> bytes | None:
    """Give the bytes when every character exists in that code page, else None; never substitutes.

    What `encode` gives, `decode` gives back unchanged. Raises LookupError for an unknown name.
    """
    if not text.isascii() and _C1.search(text):
        return None
    try:
        return text.encode(codec_of(code_page))
    except UnicodeError:
        return None


def missing(text: str, code_page: str) -> str:
    """Give the characters of a text that a code page cannot hold, each once, in order of appearance."""
    return "".join(character for character in dict.fromkeys(text) if encode(character, code_page) is None)
