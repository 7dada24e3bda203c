"""The profile: what is to happen to the objects of one source or destination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tolmach.edit.rules import Rule
from tolmach.repair import faults
from tolmach.repair.faults import UnknownPolicy
from tolmach.text.code_pages import CYRILLIC_CODE_PAGES
from tolmach.text.translit import rule_named

Unsure = Literal["pass", "hold", "fail"]
CodeStrings = Literal["transliterate", "map", "leave"]
Writing = Literal["utf-8", "iso_ir_144", "code-page", "transliterate", "as-is"]


@dataclass(frozen=True, slots=True)
class TextPolicy:
    """How text is to be written. `argument` is the code page or the transliteration rule.

    `converts` says that text which is right already is put into the asked form too; without it only repaired text is
    written anew.
    """

    writing: Writing = "utf-8"
    argument: str = ""
    converts: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """How text is read and written, what is done when it is doubtful, and the rules that follow."""

    code_page: str = "auto"
    text: TextPolicy = TextPolicy()
    unsure: Unsure = "pass"
    code_strings: CodeStrings = "transliterate"
    transliteration: str = "ru-icao9303"  # for code strings, which must become ASCII
    rules: Sequence[Rule] = ()
    original_attributes: bool = False


def parse_text_policy(text: str, *, converts: bool) -> TextPolicy:
    """Understand `utf-8`, `iso_ir_144`, `as-is`, a code page, or `transliterate:RULE`; raises `UnknownPolicy`."""
    name = text.strip().lower()
    if name in ("utf-8", "utf8", "iso_ir_192"):
        return TextPolicy("utf-8", converts=converts)
    if name in ("iso_ir_144", "iso-8859-5"):
        return TextPolicy("iso_ir_144", converts=converts)
    if name == "as-is":
        return TextPolicy("as-is")
    if name.startswith("transliterate:"):
        rule_named(name.partition(":")[2])
        return TextPolicy("transliterate", name.partition(":")[2], converts=True)
    if name in CYRILLIC_CODE_PAGES:
        return TextPolicy("code-page", name, converts=True)
    raise UnknownPolicy(faults.UNKNOWN_POLICY, policy=text)


def parse_code_page(text: str) -> str:
    """Understand a code page named with `--from`; raises `UnknownPolicy`."""
    name = text.strip().lower()
    if name == "auto" or name in CYRILLIC_CODE_PAGES:
        return name
    raise UnknownPolicy(faults.UNKNOWN_CODE_PAGE, code_page=text, known=", ".join(CYRILLIC_CODE_PAGES))
