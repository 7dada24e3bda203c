"""Finding attributes by what people call them: keyword, tag, or a name in English, Russian or Ukrainian."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tolmach.apps.desktop.common_elements import COMMON
from tolmach.apps.translations import LANGUAGES, Translator, translator
from tolmach.dicom import dictionary

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_TAG = re.compile(r"\(?([0-9a-fA-F]{2,4})[ ,]?([0-9a-fA-F]{0,4})\)?")
_UNLIKE = str.maketrans({"ё": "е", "’": "'", "ʼ": "'", "`": "'", "ґ": "г"})


@dataclass(frozen=True, slots=True)
class Found:
    """An attribute that a search gave."""

    tag: int
    keyword: str
    vr: str


def spelled_out(keyword: str) -> str:
    """Give a keyword as words: `SOPInstanceUID` reads “SOP Instance UID”."""
    return " ".join(_WORD.findall(keyword))


def name_of(keyword: str, gettext: Callable[[str], str]) -> str:
    """Give an attribute's name in somebody's language where it has one there, in English otherwise."""
    common = COMMON.get(keyword)
    return gettext(common) if common is not None else spelled_out(keyword)


class ElementSearch:
    """All attributes of the dictionary with the names people may look for."""

    def __init__(self) -> None:
        """Gather the names; a few milliseconds."""
        speakers: Mapping[str, Translator] = {one: translator(one) for one in LANGUAGES}
        self._entries: list[tuple[Found, tuple[str, ...]]] = []
        for keyword in dictionary.keywords():
            tag = dictionary.tag_of(keyword) or 0
            found = Found(tag, keyword, dictionary.vr_of(tag))
            names = {keyword, spelled_out(keyword)}
            if keyword in COMMON:
                names |= {speaker.gettext(COMMON[keyword]) for speaker in speakers.values()}
            self._entries.append((found, tuple(_folded(name) for name in names)))

    def find(self, query: str, most: int = 40) -> Sequence[Found]:
        """Give what fits best first: the name itself, its beginning, then all words anywhere in it."""
        wanted = _folded(query)
        if not wanted:
            return []
        digits = _digits(query)
        ranked = []
        for found, names in self._entries:
            if digits and f"{found.tag:08X}".startswith(digits):
                ranked.append((0, 0, found.keyword, found))
                continue
            rank = min(_rank(wanted, name) for name in names)
            if rank < _NOWHERE:
                ranked.append((rank, found.keyword not in COMMON, found.keyword, found))
        ranked.sort(key=lambda one: one[:3])
        return [one[3] for one in ranked[:most]]


_NOWHERE = 9


def _rank(wanted: str, name: str) -> int:
    if name == wanted:
        return 1
    if name.startswith(wanted):
        return 2
    words = name.split()
    parts = wanted.split()
    if all(any(word.startswith(part) for word in words) for part in parts):
        return 3
    return 4 if len(wanted) > 2 and all(part in name for part in parts) else _NOWHERE


def _folded(text: str) -> str:
    return " ".join(text.casefold().translate(_UNLIKE).split())


def _digits(query: str) -> str:
    """Give the digits of a tag, or of the beginning of one; empty when it is not written like one."""
    match = _TAG.fullmatch(query.strip())
    if match is None or not any(one.isdigit() for one in query):
        return ""
    return (match[1] + match[2]).upper() if len(match[1]) == 4 else ""
