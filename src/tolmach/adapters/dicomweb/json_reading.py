"""A data set from the DICOM JSON model: what comes by STOW-RS as metadata, written as Explicit VR Little Endian.

Nothing is fetched: a BulkDataURI stands for a part of the same request, or for nothing.

Standard: PS3.18 annex F (JSON model), section 10.5.1 (metadata and bulk data).
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import pack
from typing import Any

from tolmach.adapters.dicomweb.explicit import EXPLICIT_LITTLE
from tolmach.adapters.dicomweb.served_faults import bad
from tolmach.base import N_, Phrase
from tolmach.dicom import dictionary
from tolmach.dicom.character_sets import UTF_8
from tolmach.dicom.data_set import SPECIFIC_CHARACTER_SET
from tolmach.dicom.encode import MAX_SHORT_LENGTH, header, padded
from tolmach.dicom.scanner import ITEM, ITEM_END, MAX_DEPTH, MAX_ELEMENTS, PIXEL_DATA, SEQUENCE_END, UNDEFINED
from tolmach.dicom.source import Source
from tolmach.dicom.vrs import VRS

_FORMS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


@dataclass(frozen=True, slots=True)
class Bulk:
    """Bytes of an attribute that came in parts of their own; several of pixel data are its fragments."""

    parts: Sequence[Source]
    is_compressed: bool = False

    @property
    def size(self) -> int:
        """How many bytes there are together."""
        return sum(one.size for one in self.parts)


BulkOf = Callable[[str], Bulk | None]
Piece = bytes | Source


def parse_models(body: bytes) -> Sequence[Mapping[str, Any]]:
    """Give the data sets of a JSON part; raises `BadRequest`. Numbers beyond every type stay text."""
    try:
        found = json.loads(body, parse_constant=str, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise bad(Phrase(N_("the JSON cannot be read: {detail}"), {"detail": str(error)[:100]})) from error
    models = found if isinstance(found, list) else [found]
    if not models or not all(isinstance(one, dict) for one in models):
        raise bad(Phrase(N_("the JSON holds no data sets")))
    return models


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def text_of(model: Mapping[str, Any], keyword: str) -> str:
    """Give the first value of an attribute of the model as text, empty where there is none."""
    node = model.get(f"{dictionary.tag_of(keyword) or 0:08X}")
    values = node.get("Value") if isinstance(node, dict) else None
    return str(values[0]).strip() if isinstance(values, list) and values and isinstance(values[0], str) else ""


class ModelWriter:
    """Writes one model as the bytes of a data set. Raises `BadRequest` for what is no model."""

    def __init__(self, bulk_of: BulkOf) -> None:
        """Take bulk data by their URIs from `bulk_of`, which gives None for one that did not come."""
        self._bulk_of, self._count = bulk_of, 0

    def pieces(self, model: Mapping[str, Any]) -> Iterator[Piece]:
        """Give the bytes in order; bulk data are given as the sources they are."""
        labelled = dict(model)
        labelled[f"{SPECIFIC_CHARACTER_SET:08X}"] = {"vr": "CS", "Value": [UTF_8]}
        yield from self._data_set(labelled, 0)

    def _data_set(self, model: Mapping[str, Any], depth: int) -> Iterator[Piece]:
        if depth > MAX_DEPTH:
            raise bad(Phrase(N_("sequences are nested deeper than {limit} levels"), {"limit": MAX_DEPTH}))
        for name, node in sorted(model.items()):
            self._count += 1
            if self._count > MAX_ELEMENTS:
                raise bad(Phrase(N_("there are more than {limit} attributes"), {"limit": MAX_ELEMENTS}))
            tag = _tag_of(name)
            if tag >> 16 == 2 or tag & 0xFFFF == 0:
                continue  # file meta information and group lengths are no part of a data set
            if not isinstance(node, dict):
                raise _odd(name)
            yield from self._element(tag, node, name, depth)

    def _element(self, tag: int, node: Mapping[str, Any], name: str, depth: int) -> Iterator[Piece]:
        vr = node.get("vr") or dictionary.vr_of(tag)
        if vr not in VRS:
            raise _odd(name)
        if vr == "SQ":
            yield from self._sequence(tag, node, name, depth)
        elif "BulkDataURI" in node:
            yield from self._bulk(tag, vr, str(node["BulkDataURI"]))
        elif "InlineBinary" in node:
            yield _whole(tag, vr, _binary(node["InlineBinary"], name))
        else:
            values = node.get("Value", [])
            if not isinstance(values, list):
                raise _odd(name)
            yield _whole(tag, vr, _encoded(values, vr, name))

    def _sequence(self, tag: int, node: Mapping[str, Any], name: str, depth: int) -> Iterator[Piece]:
        items = node.get("Value", [])
        if not isinstance(items, list):
            raise _odd(name)
        yield header(tag, "SQ", UNDEFINED, EXPLICIT_LITTLE)
        for item in items:
            if not isinstance(item, dict | None):
                raise _odd(name)
            yield pack("<HHL", ITEM >> 16, ITEM & 0xFFFF, UNDEFINED)
            yield from self._data_set(item or {}, depth + 1)
            yield _delimiter(ITEM_END)
        yield _delimiter(SEQUENCE_END)

    def _bulk(self, tag: int, vr: str, uri: str) -> Iterator[Piece]:
        bulk = self._bulk_of(uri)
        if bulk is None:
            raise bad(Phrase(N_("no part of the request is {uri}, and nothing is fetched"), {"uri": uri[:200]}))
        if bulk.is_compressed and tag == PIXEL_DATA:
            yield header(tag, "OB", UNDEFINED, EXPLICIT_LITTLE)
            yield pack("<HHL", ITEM >> 16, ITEM & 0xFFFF, 0)
            for part in bulk.parts:
                yield pack("<HHL", ITEM >> 16, ITEM & 0xFFFF, part.size + part.size % 2)
                yield part
                yield b"\0" * (part.size % 2)
            yield _delimiter(SEQUENCE_END)
            return
        odd = bulk.size % 2
        if not VRS[vr].long and bulk.size + odd > MAX_SHORT_LENGTH:
            vr = "UN"
        yield header(tag, vr, bulk.size + odd, EXPLICIT_LITTLE)
        yield from bulk.parts
        yield VRS[vr].pad * odd


def _delimiter(tag: int) -> bytes:
    return pack("<HHL", tag >> 16, tag & 0xFFFF, 0)


def _whole(tag: int, vr: str, value: bytes) -> bytes:
    value = padded(value, vr)
    if not VRS[vr].long and len(value) > MAX_SHORT_LENGTH:
        vr = "UN"
    return header(tag, vr, len(value), EXPLICIT_LITTLE) + value


def _tag_of(name: str) -> int:
    if len(name) != 8 or not all(sign in "0123456789ABCDEFabcdef" for sign in name):
        raise _odd(name)
    return int(name, 16)


def _binary(text: Any, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise _odd(name) from error


def _encoded(values: Sequence[Any], vr: str, name: str) -> bytes:
    try:
        if vr in _FORMS:
            whole = vr not in ("FL", "FD")
            return b"".join(pack(f"<{_FORMS[vr]}", int(one) if whole else float(one)) for one in values)
        if vr == "AT":
            return b"".join(pack("<HH", int(one[:4], 16), int(one[4:], 16)) for one in values)
        return "\\".join(_text(one, vr) for one in values).encode("utf-8")
    except (TypeError, ValueError, OverflowError, struct.error) as error:
        raise _odd(name) from error


def _text(value: Any, vr: str) -> str:
    if value is None:
        return ""
    if vr == "PN" and isinstance(value, dict):
        return "=".join(str(value.get(group) or "") for group in _GROUPS).rstrip("=")
    if isinstance(value, bool | dict | list) or (isinstance(value, float) and not math.isfinite(value)):
        raise TypeError
    return str(value)


def _odd(name: str) -> Exception:
    return bad(Phrase(N_("the attribute {name} is not written as it should be"), {"name": name[:40]}))
