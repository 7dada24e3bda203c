"""What a careful archive would object to: values their VR does not allow, and attributes it needs that are not there.

Nothing is decided and nothing is changed here; the letter of the standard is held against the file, so that the maker
of a machine can be shown what to mend.

Standard: PS3.5 section 6.2 (values and their lengths) and 7.1 (even length); PS3.3 annex C (modules); PS3.4 section
C.6.2.1 (what archives are asked for by).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from tolmach.base import N_, Phrase
from tolmach.dicom import character_sets
from tolmach.dicom.character_sets import Terms
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.dictionary import keyword_of, lookup, tag_of, vr_of
from tolmach.dicom.pixels import PIXEL_ELEMENTS
from tolmach.dicom.scanner import Element
from tolmach.dicom.values import strip_padding, too_long, unfit
from tolmach.dicom.vrs import STRING_VRS, TEXT_VRS, VRS

Kind = Literal["form", "length", "odd", "control", "vr"]

ODD = Phrase(N_("the value has an odd number of bytes"))
CONTROL = Phrase(N_("it holds control characters, which are not allowed there"))
TOO_LONG = N_("it has {length} characters, {limit} are allowed")
CUT_NUMBER = N_("{length} bytes are no whole number of values of {size} bytes")
OTHER_VR = N_("it is written as {found}, the standard says {expected}")

_LOOKED_AT = 128 << 10  # bytes; longer values, which only a few VRs can have, are not judged
_REMEMBERED = 128  # bytes of a value whose judgement is kept: names, dates and identifiers come again and again
_SHOWN = 64  # characters of a value that are given as an example
# Line ends, tabulators and form feeds are text in these. Standard: PS3.5 section 6.1.3.
_FREE_TEXT = frozenset({"LT", "ST", "UT"})
_CONTROL = re.compile("[\x00-\x1a\x1c-\x1f\x7f]")
_CONTROL_IN_FREE_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


class ValueFault(NamedTuple):
    """One value the standard does not allow: where it stands, what is wrong, and how it begins."""

    tag: int
    vr: str
    kind: Kind
    why: Phrase
    shown: str


@dataclass(frozen=True, slots=True)
class Need:
    """An attribute archives need. Type 1 must have a value, type 2 must be there and may be empty.

    `is_key` says that archives and worklists are searched by it, so that an empty one is found by nobody.
    """

    keyword: str
    type: Literal["1", "2"]
    clause: str
    is_key: bool = False
    of_images: bool = False

    @property
    def tag(self) -> int:
        """The attribute's tag."""
        return tag_of(self.keyword) or 0


# Standard: PS3.3, the section named in each row; keys: PS3.4 tables C.6-5 and those after it.
NEEDS = (
    Need("SOPClassUID", "1", "PS3.3 C.12.1"),
    Need("SOPInstanceUID", "1", "PS3.3 C.12.1", is_key=True),
    Need("PatientName", "2", "PS3.3 C.7.1.1", is_key=True),
    Need("PatientID", "2", "PS3.3 C.7.1.1", is_key=True),
    Need("PatientBirthDate", "2", "PS3.3 C.7.1.1"),
    Need("PatientSex", "2", "PS3.3 C.7.1.1"),
    Need("StudyInstanceUID", "1", "PS3.3 C.7.2.1", is_key=True),
    Need("StudyDate", "2", "PS3.3 C.7.2.1", is_key=True),
    Need("StudyTime", "2", "PS3.3 C.7.2.1", is_key=True),
    Need("AccessionNumber", "2", "PS3.3 C.7.2.1", is_key=True),
    Need("StudyID", "2", "PS3.3 C.7.2.1", is_key=True),
    Need("ReferringPhysicianName", "2", "PS3.3 C.7.2.1"),
    Need("Modality", "1", "PS3.3 C.7.3.1", is_key=True),
    Need("SeriesInstanceUID", "1", "PS3.3 C.7.3.1", is_key=True),
    Need("SeriesNumber", "2", "PS3.3 C.7.3.1", is_key=True),
    Need("Manufacturer", "2", "PS3.3 C.7.5.1"),
    Need("InstanceNumber", "2", "PS3.3 C.7.6.1", is_key=True, of_images=True),
    Need("SamplesPerPixel", "1", "PS3.3 C.7.6.3", of_images=True),
    Need("PhotometricInterpretation", "1", "PS3.3 C.7.6.3", of_images=True),
    Need("Rows", "1", "PS3.3 C.7.6.3", of_images=True),
    Need("Columns", "1", "PS3.3 C.7.6.3", of_images=True),
    Need("BitsAllocated", "1", "PS3.3 C.7.6.3", of_images=True),
    Need("BitsStored", "1", "PS3.3 C.7.6.3", of_images=True),
    Need("HighBit", "1", "PS3.3 C.7.6.3", of_images=True),
    Need("PixelRepresentation", "1", "PS3.3 C.7.6.3", of_images=True),
)


def value_faults(data_set: DataSet) -> Iterator[ValueFault]:
    """Give every value of a data set, inside sequences too, that its VR does not allow. Reads only; repeatable.

    Standard: PS3.5 section 6.2 (table 6.2-1) and 7.1.
    """
    for element in data_set.elements:
        tag, vr, _start, _value, length, parent, undefined, _number = element
        if not vr or not length or undefined or vr == "SQ":
            continue
        if length % 2:
            yield ValueFault(tag, vr, "odd", ODD, "")
        if vr == "UN":
            vr = vr_of(tag)
        elif (wrong := _other_vr(tag, vr)) is not None:
            yield ValueFault(tag, vr, "vr", wrong, "")
        if vr in STRING_VRS:
            terms = data_set.character_set_at(parent) if vr in TEXT_VRS else None
            for kind, why, shown in _judged(data_set, element, vr, terms):
                yield ValueFault(tag, vr, kind, why, shown)
        elif length % VRS[vr].word:
            why = Phrase(CUT_NUMBER, {"length": length, "size": VRS[vr].word})
            yield ValueFault(tag, vr, "length", why, "")


def absences(data_set: DataSet) -> Iterator[tuple[Need, Literal["absent", "empty"]]]:
    """Give what archives need and a data set lacks, or has without a value. Reads only; repeatable."""
    here = data_set.root_index
    is_image = any(tag in here for tag in PIXEL_ELEMENTS)
    for need in NEEDS:
        if need.of_images and not is_image:
            continue
        element = data_set.find(need.tag)
        if element is None:
            yield need, "absent"
        elif not element.length or _is_blank(data_set, element):
            yield need, "empty"


def _is_blank(data_set: DataSet, element: Element) -> bool:
    """Tell whether a value is nothing but padding; the zeros of a number are its value."""
    return element.vr in STRING_VRS and element.length <= _SHOWN and not data_set.raw(element).strip(b" \0")


_Judged = tuple[tuple[Kind, Phrase, str], ...]


def _judged(data_set: DataSet, element: Element, vr: str, terms: Terms | None) -> _Judged:
    if element.length > _LOOKED_AT:
        return ()
    raw = bytes(data_set.source.read(element.value, element.length))
    return _judge_known(vr, raw, terms) if len(raw) <= _REMEMBERED else _judge(vr, raw, terms)


def _judge(vr: str, raw: bytes, terms: Terms | None) -> _Judged:
    text = strip_padding(character_sets.show(raw, terms), vr)
    if not text:
        return ()
    found: list[tuple[Kind, Phrase, str]] = []
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    if vr in TEXT_VRS:
        illegal = _CONTROL_IN_FREE_TEXT if vr in _FREE_TEXT else _CONTROL
        if illegal.search(text):
            found.append(("control", CONTROL, shown))
    elif (why := unfit(text, vr)) is not None:
        found.append(("form", why, shown))
    if (beyond := too_long(text, vr)) is not None:
        found.append(("length", Phrase(TOO_LONG, {"length": beyond[0], "limit": beyond[1]}), shown))
    return tuple(found)


# The images of one machine say the same again and again.
_judge_known = lru_cache(maxsize=8192)(_judge)


@lru_cache(maxsize=8192)
def _other_vr(tag: int, vr: str) -> Phrase | None:
    """Give what is wrong with the VR an element is written in; only where both are strings."""
    known = lookup(tag)
    if known is None or known[0] == vr or known[0] not in STRING_VRS or vr not in STRING_VRS:
        return None
    return Phrase(OTHER_VR, {"found": vr, "expected": known[0]})


def named(tag: int) -> str:
    """Give an attribute as people call it: its keyword, or `(gggg,eeee)` where it has none."""
    return keyword_of(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
