"""A data set as the DICOM JSON model says it: built from the scanner's elements, whatever the depth, in one pass.

Text is read with the character set in force where it stands and becomes UTF-8; what is large, or means nothing as text,
is left where it is and named by a BulkDataURI.

Standard: PS3.18 annex F (DICOM JSON model).
"""

from __future__ import annotations

import base64
import math
import re
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from tolmach.archive.interfaces import Item, Values
from tolmach.dicom import dictionary
from tolmach.dicom.character_sets import UTF_8, show
from tolmach.dicom.data_set import SPECIFIC_CHARACTER_SET, DataSet
from tolmach.dicom.pixels import PIXEL_ELEMENTS
from tolmach.dicom.scanner import ITEM, ROOT, Element, Encoding
from tolmach.dicom.vrs import STRING_VRS, VRS

Json = dict[str, Any]

INLINE = 1024  # bytes that stand in the answer itself
LONG_TEXT = 1 << 16
LONG_LIST = 1 << 14
MOST_INLINE = 16 << 20  # bytes of values that stand in the answer for one instance; thousands of times the usual
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_NUMBERS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
# Standard: PS3.18 table F.2.3-1 names what else may be left out of the answer.
_MAY_BE_ELSEWHERE = frozenset("DS FL FD IS LT SL SS ST SV UC UL US UT UV".split())
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_MOST_DIGITS = 15  # that a double holds for sure
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def json_of(data_set: DataSet, bulk_data: str) -> Json:
    """Give a data set without file meta information; `bulk_data` is the address that BulkDataURIs begin with.

    Attributes ascend by tag, also inside items; of duplicates the last counts. Raises what reading the source raises.
    """
    root: Json = {}
    holders: dict[int, Any] = {ROOT: root}
    nodes: dict[int, Json] = {}
    scrambled = [root]
    last: dict[int, int] = {}
    writer = _Writer(data_set, bulk_data)
    for index, element in enumerate(data_set.elements):
        tag, parent = element[0], element[5]
        if tag == ITEM:
            item: Json = {}
            holders[index] = item
            nodes[parent].setdefault("Value", []).append(item)
            continue
        if tag & 0xFFFF == 0:
            continue  # group lengths say nothing in JSON
        if last.get(parent, -1) >= tag and parent != ROOT:
            scrambled.append(holders[parent])
        last[parent] = tag
        if is_sequence(element):
            node: Json = {"vr": "SQ"}
            nodes[index] = node
        else:
            node = writer.node(element)
        holders[parent][f"{tag:08X}"] = node
    root[f"{SPECIFIC_CHARACTER_SET:08X}"] = _UTF_8
    for one in scrambled:
        ordered = sorted(one.items())
        one.clear()
        one.update(ordered)
    return root


def is_sequence(element: Element) -> bool:
    """Tell whether an element holds items: of UN of undefined length it is known. Standard: PS3.5 section 6.2.2."""
    return element.vr == "SQ" or (element.vr == "UN" and element.undefined)


_UTF_8: Json = {"vr": "CS", "Value": [UTF_8]}


class _Writer:
    """Turns single elements into nodes; remembers the character set of each container."""

    def __init__(self, data_set: DataSet, bulk_data: str) -> None:
        self._data_set, self._bulk_data = data_set, bulk_data
        self._terms: dict[int, tuple[str, ...] | None] = {}
        self._is_signed: bool | None = None
        self._inline = 0

    def node(self, element: Element) -> Json:
        data_set, tag, length = self._data_set, element.tag, element.length
        encoding = data_set.encoding_in(element.parent)
        vr = vr_of(data_set, element, encoding)
        if element.vr == "UN":
            encoding = Encoding(False, False)  # whatever surrounds it. Standard: PS3.5 section 6.2.2
        if tag == SPECIFIC_CHARACTER_SET:
            return _UTF_8
        if not length and not element.undefined:
            return {"vr": vr}
        if element.undefined or tag in PIXEL_ELEMENTS or self._is_elsewhere(vr, length):
            if vr not in _BINARY and vr not in _MAY_BE_ELSEWHERE:
                vr = "UN"  # names and the like of a megabyte are none
            return {"vr": vr, "BulkDataURI": f"{self._bulk_data}/{place_of(data_set, element)}"}
        raw = data_set.raw(element)
        if vr in _BINARY:
            return {"vr": vr, "InlineBinary": base64.b64encode(_little(raw, vr, encoding)).decode("ascii")}
        if vr in STRING_VRS:
            values = self._texts(raw, vr, element.parent)
        else:
            values = _numbers(raw, vr, encoding)
        return {"vr": vr, "Value": values} if any(one is not None for one in values) else {"vr": vr}

    def _is_elsewhere(self, vr: str, length: int) -> bool:
        """Tell whether a value is too large for the answer, or one too many of those that are not."""
        if _is_elsewhere(vr, length) or self._inline + length > MOST_INLINE:
            return True
        self._inline += length
        return False

    def _texts(self, raw: bytes, vr: str, container: int) -> list[Any]:
        if raw.isascii() and b"\x1b" not in raw:
            text = raw.decode("ascii")
        else:
            if container not in self._terms:
                self._terms[container] = self._data_set.character_set_at(container)
            text = show(raw, self._terms[container])
        return values_of_text(text, vr)


def values_of_text(text: str, vr: str) -> list[Any]:
    """Give the values a text holds, as JSON has them: None for an empty one among others."""
    text = text.rstrip("\0 ")
    if not text:
        return []
    if not VRS[vr].multi:
        return [text]
    return [_value(one, vr) for one in text.split("\\")]


def _value(text: str, vr: str) -> Any:
    text = text.rstrip("\0 ") if vr == "UC" else text.strip("\0 ")
    if not text:
        return None
    if vr == "PN":
        groups = zip(_GROUPS, text.split("="), strict=False)
        return {name: group.strip() for name, group in groups if group.strip()} or None
    if vr == "IS" and _WHOLE.fullmatch(text):
        return int(text)
    if vr == "DS" and _DECIMAL.fullmatch(text) and sum(sign.isdigit() for sign in text) <= _MOST_DIGITS:
        number = float(text)
        if math.isfinite(number):
            return int(number) if number.is_integer() and abs(number) < 10**_MOST_DIGITS else number
    return text


def _numbers(raw: bytes, vr: str, encoding: Encoding) -> list[Any]:
    order = ">" if encoding.big else "<"
    if vr == "AT":
        whole = len(raw) - len(raw) % 4
        return [f"{group:04X}{element:04X}" for group, element in struct.iter_unpack(f"{order}HH", raw[:whole])]
    form = order + _NUMBERS[vr]
    whole = len(raw) - len(raw) % struct.calcsize(form)
    return [_finite(number) for (number,) in struct.iter_unpack(form, raw[:whole])]


def _finite(number: float) -> Any:
    if isinstance(number, int) or math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else ("-" if number < 0 else "") + "Infinity"


def _little(raw: bytes, vr: str, encoding: Encoding) -> bytes:
    """Give a value in little endian, whose words are turned where they must be. Standard: PS3.18 section F.2.7."""
    word = VRS[vr].word
    if not encoding.big or word == 1:
        return raw
    whole = len(raw) - len(raw) % word
    turned = b"".join(raw[at : at + word][::-1] for at in range(0, whole, word))
    return turned + raw[whole:]


def _is_elsewhere(vr: str, length: int) -> bool:
    if vr in _BINARY:
        return length > INLINE
    if vr in ("LT", "ST", "UC", "UT", "UR"):
        return length > LONG_TEXT
    return length > (LONG_LIST if vr in _MAY_BE_ELSEWHERE else LONG_TEXT)


# Which VR an element really has ------------------------------------------------------------------------------

_SIGNED_OR_NOT = frozenset(
    dictionary.tag_of(keyword)
    for keyword in (
        *("SmallestImagePixelValue", "LargestImagePixelValue", "SmallestPixelValueInSeries"),
        *("LargestPixelValueInSeries", "SmallestImagePixelValueInPlane", "LargestImagePixelValueInPlane"),
        *("PixelPaddingValue", "PixelPaddingRangeLimit", "RealWorldValueFirstValueMapped"),
        *("RealWorldValueLastValueMapped", "RedPaletteColorLookupTableDescriptor", "LUTDescriptor"),
        *("GreenPaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableDescriptor"),
    )
)
_WORDS = frozenset(dictionary.tag_of(keyword) for keyword in ("PixelData", "LUTData", "VariablePixelData"))
_PIXEL_REPRESENTATION = dictionary.tag_of("PixelRepresentation") or 0


def vr_of(data_set: DataSet, element: Element, encoding: Encoding) -> str:
    """Give the VR of an element that is no sequence, where the encoding does not say it or says only UN.

    Standard: PS3.5 annex A.1 (pixels are words in Implicit VR), PS3.6 (US or SS is decided by Pixel Representation).
    """
    vr, tag = element.vr, element.tag
    if vr == "UN":
        known = dictionary.vr_of(tag)
        size = struct.calcsize(_NUMBERS.get(known, "4s" if known == "AT" else "0s"))
        is_number = size > 0 and element.length % size == 0
        return known if known in STRING_VRS or is_number else vr
    if encoding.explicit:
        return vr
    if tag in _WORDS or _is_overlay(tag):
        return "OW"
    if vr == "US" and tag in _SIGNED_OR_NOT and _is_signed(data_set, element.parent):
        return "SS"
    return vr if vr in VRS else "UN"


def _is_overlay(tag: int) -> bool:
    return dictionary.keyword_of(tag) == "OverlayData"


def _is_signed(data_set: DataSet, container: int) -> bool:
    """Tell what the nearest Pixel Representation around an element says."""
    while True:
        found = data_set.find(_PIXEL_REPRESENTATION, container)
        if found is not None:
            return bytes(data_set.source.read(found.value, min(found.length, 2))) in (b"\1\0", b"\0\1")
        if container == ROOT:
            return False
        container = data_set.elements[container].parent


# Where an element stands, in an address ----------------------------------------------------------------------


def place_of(data_set: DataSet, element: Element) -> str:
    """Give the place of an element as it stands in a BulkDataURI: 00091001, or 54000100.0.54001010 inside an item."""
    steps = [f"{element.tag:08X}"]
    container = element.parent
    while container != ROOT:
        item = data_set.elements[container]
        sequence = data_set.elements[item.parent]
        steps += [str(item.number), f"{sequence.tag:08X}"]
        container = sequence.parent
    return ".".join(reversed(steps))


def element_at(data_set: DataSet, place: str) -> Element | None:
    """Give the element at such a place, None where there is none or the place means nothing."""
    container = ROOT
    steps = place.split(".")
    if len(steps) % 2 == 0 or not all(step.isascii() and step.isalnum() for step in steps):
        return None
    try:
        for tag, number in zip(steps[::2], steps[1::2], strict=False):
            sequence = data_set.position(int(tag, 16), container)
            item = None if sequence is None else data_set.index.get((sequence, int(number)))
            if item is None:
                return None
            container = item
        return data_set.find(int(steps[-1], 16), container)
    except ValueError:
        return None


def places_elsewhere(model: Json, bulk_data: str) -> Iterator[str]:
    """Give the places of all values that a model names by BulkDataURIs beginning with `bulk_data`."""
    waiting = [model]
    while waiting:
        for node in waiting.pop().values():
            if "BulkDataURI" in node:
                yield node["BulkDataURI"].removeprefix(f"{bulk_data}/")
            elif node["vr"] == "SQ":
                waiting += node.get("Value", ())


# Answers of the index ----------------------------------------------------------------------------------------


def json_of_values(values: Values) -> Json:
    """Give attributes by keyword, as the index knows them, in the JSON model; names of no attribute are left out."""
    found = sorted((*named, keyword) for keyword in values if (named := _named(keyword)) is not None)
    return {tag: _node_of(vr, values[keyword]) for tag, vr, keyword in found}


@lru_cache(maxsize=1024)
def _named(keyword: str) -> tuple[str, str] | None:
    """Give the tag as it stands in the model, and the VR."""
    tag = dictionary.tag_of(keyword)
    return None if tag is None else (f"{tag:08X}", dictionary.vr_of(tag))


def _node_of(vr: str, values: Sequence[str | Item]) -> Json:
    if vr == "SQ":
        items = [json_of_values(dict(one)) for one in values if not isinstance(one, str)]
        return {"vr": vr, "Value": items} if items else {"vr": vr}
    if vr in _PLAIN:
        turned: list[Any] = [str(one).strip("\0 ") or None for one in values]
    else:
        turned = [_of_index(str(one), vr) for one in values]
    return {"vr": vr} if turned.count(None) == len(turned) else {"vr": vr, "Value": turned}


# What `_value` only strips.
_PLAIN = frozenset(vr for vr in STRING_VRS if VRS[vr].multi) - {"PN", "IS", "DS", "UC"}


def _of_index(text: str, vr: str) -> Any:
    if vr in ("US", "SS", "UL", "SL", "UV", "SV") and _WHOLE.fullmatch(text.strip()):
        return int(text)
    if vr in ("FL", "FD") and _DECIMAL.fullmatch(text.strip()):
        return float(text)
    if vr in STRING_VRS:
        return _value(text, vr) if VRS[vr].multi else (text or None)
    return text or None


def items_of(model: Json, keyword: str) -> Iterator[Json]:
    """Give the items of a sequence in a model, none where it is not built so."""
    tag = dictionary.tag_of(keyword)
    node = model.get(f"{tag:08X}") if tag is not None else None
    values = node.get("Value") if isinstance(node, dict) else None
    for one in values if isinstance(values, list) else ():
        if isinstance(one, dict):
            yield one
