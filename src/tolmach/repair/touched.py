"""The quick proof: what was written in place of old bytes is read again, and all the rest are slices of the source.

Good for the usual repair, where values are replaced and simple attributes put in. It is sound for that: a data set
whose untouched bytes are the very bytes that came, in order, and whose touched places hold well-formed elements that
end where the untouched bytes go on, inside containers whose lengths grew by as much, differs in those places only.
Anything else is proved by reading the whole data set again (`verify`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from struct import Struct
from typing import NamedTuple

from tolmach.dicom.data_set import DataSet
from tolmach.dicom.encode import padded
from tolmach.dicom.scanner import ROOT, Element, Encoding
from tolmach.dicom.splice import Extent
from tolmach.dicom.vrs import VRS
from tolmach.edit.finish import Revision

_SHORT = (Struct("<HH2sH"), Struct(">HH2sH"))
_IMPLICIT = (Struct("<HHL"), Struct(">HHL"))


class _Place(NamedTuple):
    """A place in the source where something else must stand now: an element, or the length of a container."""

    start: int
    end: int
    tag: int
    vr: str  # empty for a length
    value: bytes
    encoding: Encoding


def is_plain(revision: Revision) -> bool:
    """Tell whether the quick proof covers everything a revision does."""
    edits, elements = revision.edits, revision.data_set.elements
    if edits.removals or edits.items or edits.paddings:
        return False
    if any(insertion.vr == "SQ" for insertion in edits.insertions):
        return False
    return not any(elements[index].undefined or elements[index].vr in ("SQ", "") for index in edits.replacements)


def is_proved(revision: Revision) -> bool:
    """Tell whether the bytes of a plain revision are the old ones with exactly the planned places changed."""
    places = _places(revision)
    if places is None:
        return False
    old = revision.data_set
    position, number = old.start, 0
    fresh = b""
    for part in (*revision.pieces.parts, Extent(old.end, old.end)):
        if isinstance(part, bytes):
            fresh += part
            continue
        # Between the slice before and this one stand the places that begin where the former ended.
        while number < len(places) and places[number].start == position and (fresh or places[number].end <= part.start):
            place = places[number]
            size = _read(place, fresh)
            if size is None:
                return False
            fresh, position, number = fresh[size:], place.end, number + 1
            if position == part.start and not fresh:
                break
        if fresh or part.start != position:
            return False
        position = part.end
    return number == len(places) and position == old.end


def _read(place: _Place, fresh: bytes) -> int | None:
    """Read one place from the new bytes; gives how many it takes, None when they are not what was planned."""
    if not place.vr:
        return len(place.value) if fresh.startswith(place.value) else None
    group, number = place.tag >> 16, place.tag & 0xFFFF
    if len(fresh) < 8:
        return None
    if not place.encoding.explicit:
        head, (read_group, read_number, length) = 8, _IMPLICIT[place.encoding.big].unpack_from(fresh)
    else:
        read_group, read_number, code, length = _SHORT[place.encoding.big].unpack_from(fresh)
        head = 8
        if code.decode("latin_1") != place.vr:
            return None
        if VRS[place.vr].long:
            head, length = 12, int.from_bytes(fresh[8:12], "big" if place.encoding.big else "little")
    if (read_group, read_number, length) != (group, number, len(place.value)):
        return None
    return head + length if fresh[head : head + length] == place.value else None


def _places(revision: Revision) -> list[_Place] | None:
    """Give the places the edits must have changed, in order; None when the quick proof does not cover one of them."""
    data_set, edits = revision.data_set, revision.edits
    places: list[_Place] = []
    growth: dict[int, int] = defaultdict(int)
    for index, planned in edits.replacements.items():
        element = data_set.elements[index]
        encoding = data_set.encoding_in(element.parent)
        value = padded(planned, element.vr)
        places.append(_Place(element.start, element.end, element.tag, element.vr, value, encoding))
        if _has_group_length(data_set, element.parent, element.tag):
            return None
        _grow(growth, data_set, element.parent, len(value) - element.length)
    for insertion in edits.insertions:
        encoding = data_set.encoding_in(insertion.container)
        value = padded(insertion.value, insertion.vr)
        at = _boundary(data_set, insertion.container, insertion.tag)
        if _has_group_length(data_set, insertion.container, insertion.tag):
            return None
        places.append(_Place(at, at, insertion.tag, insertion.vr, value, encoding))
        head = 12 if encoding.explicit and VRS[insertion.vr].long else 8
        _grow(growth, data_set, insertion.container, head + len(value))
    for container, by in growth.items():
        element = data_set.elements[container]
        if by and not element.undefined:
            places.append(_length_place(data_set, element, element.length + by))
    return sorted(places)


def _grow(growth: dict[int, int], data_set: DataSet, container: int, by: int) -> None:
    while container != ROOT:
        growth[container] += by
        container = data_set.elements[container].parent


def _length_place(data_set: DataSet, element: Element, length: int) -> _Place:
    encoding = data_set.encoding_in(element.parent)
    value = length.to_bytes(4, "big" if encoding.big else "little")
    return _Place(element.value - 4, element.value, element.tag, "", value, encoding)


def _has_group_length(data_set: DataSet, container: int, tag: int) -> bool:
    """Tell whether a length of the group, here or around it, would have to follow: left to the full proof."""
    while True:
        if data_set.find(tag & 0xFFFF0000, container) is not None:
            return True
        if container == ROOT:
            return False
        sequence = data_set.elements[data_set.elements[container].parent]
        tag, container = sequence.tag, sequence.parent


def _boundary(data_set: DataSet, container: int, tag: int) -> int:
    """Give where an attribute belongs: before the first of a higher tag in its container, or at the container's end."""
    elements = data_set.elements
    first = 0 if container == ROOT else bisect_left(elements, elements[container].value, key=lambda one: one.start)
    for element in elements[first:]:
        if element.parent == container and element.tag > tag:
            return element.start
        if container != ROOT and element.start >= elements[container].value + elements[container].length:
            break
    return data_set.end if container == ROOT else elements[container].value + elements[container].length
