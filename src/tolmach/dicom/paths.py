"""Where an attribute is: a tag, or a way through sequences to one.

People write `PatientName`, `(0010,0010)`, `00100010` or `RequestAttributesSequence[0].RequestedProcedureID`; tolmach
writes `00400275[0].00401001`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from tolmach.base import N_, Phrase
from tolmach.dicom import dictionary, faults
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import BadPath
from tolmach.dicom.scanner import ROOT, Element

Steps = tuple[tuple[int, int], ...]  # (sequence tag, item number) each

NOT_WRITTEN_LIKE_ONE = N_("it is not written like one")
_ITEM_AT_END = N_("it ends in an item number")
_NO_ITEM = N_("a sequence on the way has no item number, as in [0]")
_NO_KEYWORD = N_("there is no such keyword")
_NEAREST = N_("there is no such keyword; the nearest is {near}")

_STEP = re.compile(
    r"(?:\(?(?P<tag>[0-9A-Fa-f]{4},?[0-9A-Fa-f]{4})\)?|(?P<keyword>[A-Za-z][A-Za-z0-9]*))(?:\[(?P<item>\d{1,6})\])?"
)


@dataclass(frozen=True, slots=True)
class AttributePath:
    """A way from the data set to an attribute: (sequence tag, item number) steps, then the attribute's tag."""

    steps: Steps
    tag: int

    def __str__(self) -> str:
        """Give the path as tolmach writes it, `00400275[0].00401001`."""
        return "".join(f"{tag:08X}[{item}]." for tag, item in self.steps) + f"{self.tag:08X}"

    @property
    def keyword(self) -> str:
        """The keyword of the attribute itself; empty when the dictionary has none."""
        return dictionary.keyword_of(self.tag)

    @property
    def shown(self) -> str:
        """The attribute as people call it: its keyword, or the path where it has none."""
        return self.keyword or str(self)


def parse_path(text: str) -> AttributePath:
    """Understand a path as a person writes it; raises `BadPath` naming what is wrong and the nearest keyword."""
    steps: list[tuple[int, int]] = []
    parts = text.strip().split(".")
    for position, part in enumerate(parts):
        match = _STEP.fullmatch(part)
        if match is None:
            raise BadPath(faults.BAD_PATH, path=text, why=Phrase(NOT_WRITTEN_LIKE_ONE))
        tag = _tag_of(match, text)
        last = position == len(parts) - 1
        if last != (match["item"] is None):
            why = Phrase(_ITEM_AT_END if last else _NO_ITEM)
            raise BadPath(faults.BAD_PATH, path=text, why=why)
        if last:
            return AttributePath(tuple(steps), tag)
        if dictionary.vr_of(tag) not in ("SQ", "UN"):
            raise BadPath(faults.BAD_PATH, path=text, why=Phrase(NOT_WRITTEN_LIKE_ONE))
        steps.append((tag, int(match["item"])))
    raise BadPath(faults.BAD_PATH, path=text, why=Phrase(N_("it is empty")))


def _tag_of(match: re.Match[str], text: str) -> int:
    if match["tag"]:
        return int(match["tag"].replace(",", ""), 16)
    keyword = match["keyword"]
    tag = dictionary.tag_of(keyword)
    if tag is None:
        near = difflib.get_close_matches(keyword, dictionary.keywords(), 1, 0.6)
        why = Phrase(_NEAREST, {"near": near[0]}) if near else Phrase(_NO_KEYWORD)
        raise BadPath(faults.BAD_PATH, path=text, why=why)
    return tag


def path_of(data_set: DataSet, element: Element) -> AttributePath:
    """Give the path of an element that stands in a data set."""
    steps: list[tuple[int, int]] = []
    if not element.vr:
        return path_of(data_set, data_set.elements[element.parent])  # an item has no path of its own
    container = element.parent
    while container != ROOT:
        item = data_set.elements[container]
        sequence = data_set.elements[item.parent]
        steps.append((sequence.tag, item.number))
        container = sequence.parent
    return AttributePath(tuple(reversed(steps)), element.tag)
