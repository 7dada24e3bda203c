"""The data dictionary of PS3.6: what VR an attribute has and what its keyword is.

The table is read on first use, in a few milliseconds. Repeating groups (overlays, curves) are looked up by mask.

Standard: PS3.6 chapter 6 to 8, edition as carried by the pydicom named in `attributes_generated`.
"""

from __future__ import annotations

from functools import cache

from tolmach.dicom.attributes_generated import ATTRIBUTES

Entry = tuple[str, str]


@cache
def _entries() -> dict[int, Entry]:
    return {int(tag, 16): (vr, keyword) for tag, vr, keyword in _rows() if "x" not in tag}


@cache
def _masks() -> list[tuple[int, int, Entry]]:
    masks = []
    for tag, vr, keyword in _rows():
        if "x" in tag:
            fixed = int("".join("0" if digit == "x" else "F" for digit in tag), 16)
            masks.append((fixed, int(tag.replace("x", "0"), 16), (vr, keyword)))
    return masks


@cache
def _tags_by_keyword() -> dict[str, int]:
    return {keyword: tag for tag, (_vr, keyword) in _entries().items()}


def _rows() -> list[list[str]]:
    return [line.split(" ") for line in ATTRIBUTES.splitlines()]


@cache
def lookup(tag: int) -> Entry | None:
    """Give (VR, keyword) of a public attribute, or None when the dictionary does not know it."""
    entry = _entries().get(tag)
    if entry is not None:
        return entry
    for fixed, value, masked in _masks():
        if tag & fixed == value:
            return masked
    return None


def vr_of(tag: int) -> str:
    """Give the VR an attribute has when the encoding does not say it (Implicit VR Little Endian).

    Group lengths are UL, private creators LO; what nobody knows is UN.

    Standard: PS3.5 section 7.8.1, annex A.1 and 6.2.2.
    """
    entry = lookup(tag)
    if entry is not None:
        return entry[0]
    group, element = tag >> 16, tag & 0xFFFF
    if element == 0:
        return "UL"
    if group % 2 and 0x0010 <= element <= 0x00FF:
        return "LO"
    return "UN"


def keyword_of(tag: int) -> str:
    """Give the keyword of an attribute, or an empty text when it has none (private, unknown)."""
    entry = lookup(tag)
    return entry[1] if entry else ""


def tag_of(keyword: str) -> int | None:
    """Give the tag of a keyword, spelled exactly as in PS3.6, or None."""
    return _tags_by_keyword().get(keyword)


def keywords() -> list[str]:
    """Give every keyword, for suggestions when one is misspelt."""
    return list(_tags_by_keyword())
