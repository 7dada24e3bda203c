"""The identifier of a C-FIND, C-MOVE or C-GET: which level, which keys, and how its letters really read.

What stands in the keys is judged as the text of any data set is: by evidence, and what the caller is known to write.
Where even that leaves doubt, several readings are given, the likelier first: the archive knows whom it holds.

Standard: PS3.4 sections C.4.1.1.3 and C.4.2.1.4 (identifiers), PS3.5 section 6.1.2.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tolmach.adapters.dimse.message_data import parse_message_data
from tolmach.archive.interfaces import Level
from tolmach.dicom import character_sets, dictionary
from tolmach.dicom.character_sets import Terms
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import Damaged
from tolmach.dicom.scanner import ROOT, Element
from tolmach.dicom.values import numbers_as_text
from tolmach.dicom.vrs import TEXT_VRS
from tolmach.repair.judge import NO_MEMORY, judge
from tolmach.text.code_pages import CYRILLIC_CODE_PAGES, decode

QUERY_RETRIEVE_LEVEL: Final = "QueryRetrieveLevel"
LEVELS: Final[Mapping[str, Level]] = {"PATIENT": "patient", "STUDY": "study", "SERIES": "series", "IMAGE": "instance"}
LEVEL_NAMES: Final = {level: name for name, level in LEVELS.items()}

MOST_KEYS: Final = 512
KNOWN_PAGE_WEIGHT: Final = 20.0  # what a caller is configured to write counts like so many images of its
_MORE_READINGS: Final = 4
_CYRILLIC_WORD: Final = re.compile("[\u0400-\u04ff*?^='\\s.,\\-\\\\0-9]+")


class BadIdentifier(ValueError):
    """The data set is no identifier; the text says why, in plain ASCII, for an Error Comment."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """What is asked. Keys go by keyword, those of a sequence as "Sequence.Attribute"; universal ones are empty.

    `readings` hold the same keys, one mapping for each way the letters may be meant. `is_complete` is False when a key
    was left out because no dictionary knows its tag.
    """

    level: Level
    readings: Sequence[Mapping[str, str]]
    terms: Terms | None = None
    is_complete: bool = True
    sequences: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def keys(self) -> Mapping[str, str]:
        """The keys as they most likely read."""
        return self.readings[0]


@dataclass(slots=True)
class _Text:
    """A key with letters beyond ASCII, and its readings."""

    name: str
    raw: bytes
    terms: Terms | None
    readings: list[str] = field(default_factory=list)


def parse_identifier(raw: bytes, transfer_syntax_uid: str, known_page: str = "") -> Identifier:
    """Read an identifier; `known_page` is the code page that the caller is known to write, or empty.

    Raises `BadIdentifier`. Private keys and those nobody knows are left out.
    """
    try:
        data_set = parse_message_data(raw, transfer_syntax_uid)
    except Damaged as error:
        raise BadIdentifier("the identifier cannot be read") from error
    keys: dict[str, str] = {}
    texts: list[_Text] = []
    sequences: dict[str, list[str]] = {}
    is_complete = True
    for index, element in enumerate(data_set.elements):
        if element.parent != ROOT or element.tag & 0xFFFF == 0:
            continue
        keyword = dictionary.keyword_of(element.tag)
        if not keyword:
            is_complete = False
        elif dictionary.vr_of(element.tag) == "SQ":
            sequences[keyword] = list(_take_items(data_set, index, keyword, keys, texts))
        else:
            _take(data_set, element, keyword, keys, texts)
        if len(keys) > MOST_KEYS:
            raise BadIdentifier(f"more than {MOST_KEYS} keys")
    level = LEVELS.get(keys.pop(QUERY_RETRIEVE_LEVEL, "").strip(" \0").upper())
    if level is None:
        raise BadIdentifier("Query/Retrieve Level is missing or unknown")
    terms = data_set.character_set_at(ROOT)
    return Identifier(level, _readings(keys, texts, known_page), terms, is_complete, sequences)


def _take_items(
    data_set: DataSet, sequence: int, keyword: str, keys: dict[str, str], texts: list[_Text]
) -> Iterator[str]:
    """Take the keys of the first item: a query has one. An empty sequence asks for it whole."""
    keys[keyword] = ""
    item = data_set.index.get((sequence, 0))
    if item is None:
        return
    for element in data_set.elements[item + 1 :]:
        if element.parent < item and element.parent != ROOT:
            break
        inner = dictionary.keyword_of(element.tag)
        if element.parent == item and inner and dictionary.vr_of(element.tag) != "SQ":
            _take(data_set, element, f"{keyword}.{inner}", keys, texts)
            yield inner


def _take(data_set: DataSet, element: Element, name: str, keys: dict[str, str], texts: list[_Text]) -> None:
    vr, raw = dictionary.vr_of(element.tag), data_set.raw(element)
    number = numbers_as_text(raw, vr, data_set.encoding_in(element.parent)) if raw else None
    if number is not None:
        keys[name] = number
    elif vr in TEXT_VRS and (not raw.isascii() or b"\x1b" in raw):
        keys[name] = ""
        texts.append(_Text(name, raw, data_set.character_set_at(element.parent)))
    else:
        keys[name] = raw.decode("ascii", "replace").rstrip(" \0")


# Letters --------------------------------------------------------------------------------------------------------------


def _readings(keys: Mapping[str, str], texts: Sequence[_Text], known_page: str) -> Sequence[Mapping[str, str]]:
    if not texts:
        return [keys]
    for terms in dict.fromkeys(text.terms for text in texts):
        _judge([text for text in texts if text.terms == terms], terms, known_page)
    count = max(len(text.readings) for text in texts)
    return [
        {**keys, **{text.name: text.readings[min(number, len(text.readings) - 1)] for text in texts}}
        for number in range(count)
    ]


def _judge(texts: Sequence[_Text], terms: Terms | None, known_page: str) -> None:
    """Give every text its readings: one where the evidence is clear, else the few that make Cyrillic words."""
    memory = {known_page: KNOWN_PAGE_WEIGHT} if known_page in CYRILLIC_CODE_PAGES else NO_MEMORY
    rulings = judge([text.raw for text in texts], terms, memory=memory).rulings
    for text, ruling in zip(texts, rulings, strict=True):
        if ruling.text is not None:
            text.readings = [_plain(ruling.text)]
            continue
        pages = dict.fromkeys((*([known_page] if memory else []), *CYRILLIC_CODE_PAGES))
        tried = [decode(text.raw, page) for page in pages]
        words = [one for one in tried if one is not None and _CYRILLIC_WORD.fullmatch(one.strip(" \0"))]
        claimed = character_sets.decode(text.raw, terms)
        readings = [*words[:_MORE_READINGS], *([] if claimed is None else [claimed])]
        text.readings = [_plain(one) for one in dict.fromkeys(readings)] or [character_sets.show(text.raw, terms)]


def _plain(text: str) -> str:
    return text.strip(" \0")
