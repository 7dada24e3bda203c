"""The splice: a new data set made of slices of the old one and a few new bytes.

An edit replaces, removes or inserts whole elements. What encloses them and has a defined length gets that length
corrected, and so do group lengths; every other byte is a slice of the source, never copied until it is written or sent.

Standard: PS3.5 sections 7.1, 7.5; 7.2 (group length).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import itemgetter
from typing import Literal, NamedTuple

from tolmach.dicom import encode, faults
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import BadValue
from tolmach.dicom.scanner import ROOT, Element, Scanner
from tolmach.dicom.source import Corrected, Source
from tolmach.dicom.vrs import VRS

MAX_GROUP_LENGTH = 0xFFFFFFFF
_UNDEFINED = b"\xff\xff\xff\xff"


class Extent(NamedTuple):
    """A slice of the source, from `start` up to `end`."""

    start: int
    end: int


Part = bytes | Extent


class Insertion(NamedTuple):
    """An element to be put where its tag belongs in a container (an index, or `ROOT`). `value` needs no padding."""

    container: int
    tag: int
    vr: str
    value: bytes


class AppendedItem(NamedTuple):
    """An item to be put at the end of the sequence at index `sequence`; `content` is the bytes of its elements."""

    sequence: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Edits:
    """What is to change, by index into the data set's elements. Values need no padding."""

    replacements: Mapping[int, bytes] = field(default_factory=dict)
    removals: frozenset[int] = frozenset()
    insertions: Sequence[Insertion] = ()
    items: Sequence[AppendedItem] = ()
    paddings: frozenset[int] = frozenset()  # elements that get one padding byte, whatever their size

    def __bool__(self) -> bool:
        """Tell whether anything is to change at all."""
        return bool(self.replacements or self.removals or self.insertions or self.items or self.paddings)


@dataclass(frozen=True)
class Pieces:
    """Bytes made of parts; itself a `Source`, so that what was written can be read again before it leaves."""

    source: Source
    parts: tuple[Part, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, source: Source, parts: Sequence[Part]) -> Pieces:
        """Join parts; empty ones are dropped. Slices are of bytes as they came, corrected ones bytes of their own."""
        if isinstance(source, Corrected):
            return cls.of(source.source, [piece for part in parts for piece in _apart(source, part)])
        kept = tuple(part for part in parts if (len(part) if isinstance(part, bytes) else part.end > part.start))
        sizes = (len(part) if isinstance(part, bytes) else part.end - part.start for part in kept)
        return cls(source, kept, tuple(accumulate(sizes)))

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.ends[-1] if self.ends else 0

    def read(self, offset: int, length: int) -> bytes:
        """Give exactly `length` bytes from `offset`, fewer only at the end."""
        found: list[bytes] = []
        position = bisect_right(self.ends, offset)
        while length > 0 and position < len(self.parts):
            part = self.parts[position]
            skip = offset - (self.ends[position - 1] if position else 0)
            if isinstance(part, bytes):
                block = part[skip : skip + length]
            else:
                block = bytes(self.source.read(part.start + skip, min(length, part.end - part.start - skip)))
            if not block:
                break
            found.append(block)
            offset += len(block)
            length -= len(block)
            position += 1
        return b"".join(found)

    def chunks(self, limit: int = 1 << 20) -> Iterator[memoryview | bytes]:
        """Give the bytes in order, each buffer at most `limit` long and valid only until the next is asked for."""
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
                continue
            for start in range(part.start, part.end, limit):
                yield self.source.read(start, min(limit, part.end - start))


def _apart(corrected: Corrected, part: Part) -> Iterator[Part]:
    """Give a part with the corrected bytes in it apart from the slices between them."""
    if isinstance(part, bytes):
        yield part
        return
    position = part.start
    first = max(0, bisect_left(corrected.places, part.start) - 1)
    last = bisect_left(corrected.places, part.end, first)
    for place, new in zip(corrected.places[first:last], corrected.news[first:last], strict=True):
        start, end = max(place, part.start), min(place + len(new), part.end)
        if start < end:
            yield Extent(position, start)
            yield new[start - place : end - place]
            position = end
    yield Extent(position, part.end)


class _Patch(NamedTuple):
    start: int
    end: int
    depth: int  # deeper ones first where two start together
    tag: int
    new: bytes


def splice(data_set: DataSet, edits: Edits) -> Pieces:
    """Give the bytes of the data set with the edits made and all lengths right.

    Raises `BadValue` when a length no longer fits its field. The data set is not changed; may be repeated.
    """
    if not edits:
        source = data_set.source
        if isinstance(source, Pieces) and (data_set.start, data_set.end) == (0, source.size):
            return source
        return Pieces.of(data_set.source, [Extent(data_set.start, data_set.end)])
    work = _Splicer(data_set, edits)
    return Pieces.of(data_set.source, work.parts())


def reread(before: DataSet, pieces: Pieces) -> DataSet:
    """Scan spliced bytes anew; what comes back has no file around it. Raises `Damaged` when they are not whole.

    May be repeated.
    """
    if pieces is before.source:
        return before
    scanner = Scanner(pieces, 0, before.encoding)
    scanner.run()
    return DataSet.of(
        pieces,
        pieces,
        scanner,
        meta=(),
        meta_end=0,
        start=0,
        transfer_syntax_uid=before.transfer_syntax_uid,
        problems=(),
    )


def grown(length: int, growth: int) -> int:
    """Give a group length after its group grew, kept within its four bytes."""
    return min(max(0, length + growth), MAX_GROUP_LENGTH)


class _Splicer:
    """Collects patches and how much each container grows, then cuts the source along them."""

    def __init__(self, data_set: DataSet, edits: Edits) -> None:
        self.data_set, self.edits = data_set, edits
        self.patches: list[_Patch] = []
        self.growth: dict[int, int] = defaultdict(int)
        self.group_growth: dict[tuple[int, int], int] = defaultdict(int)

    def parts(self) -> list[Part]:
        elements = self.data_set.elements
        for index in self.edits.removals:
            if not self._is_gone(elements[index].parent):
                self._patch_element(elements[index], b"")
        for index, value in self.edits.replacements.items():
            if index not in self.edits.removals and not self._is_gone(elements[index].parent):
                self._replace(elements[index], value)
        for insertion in self.edits.insertions:
            self._insert(insertion)
        for item in self.edits.items:
            self._append_item(item)
        for index in self.edits.paddings:
            self._pad(elements[index], index)
        self._correct_lengths()
        return self._cut()

    def _is_gone(self, container: int) -> bool:
        while container != ROOT:
            if container in self.edits.removals or container in self.edits.replacements:
                return True
            container = self.data_set.elements[container].parent
        return False

    def _replace(self, element: Element, value: bytes) -> None:
        encoding = self.data_set.encoding_in(element.parent)
        value = encode.padded(value, element.vr)
        if value == b"" and element.undefined:
            self._patch_element(element, encode.header(element.tag, element.vr, 0, encoding))
            return
        # Where only the value changes the header stays byte for byte: an odd VR is not our business.
        head = bytes(self.data_set.source.read(element.start, element.value - element.start))
        if len(value) != element.length or element.undefined:
            head = self._with_length(head, len(value), element)
        self._patch_element(element, head + value)

    def _pad(self, element: Element, index: int) -> None:
        """Put one byte behind a value of odd length, or behind the odd fragment of encapsulated pixel data."""
        odd = self.data_set.odd_fragment
        pad = VRS[element.vr].pad or b"\0"
        if odd is not None and odd[0] == index:
            at, length = odd[1] + 8 + odd[2], (odd[2] + 1).to_bytes(4, "little")
            self.patches.append(_Patch(odd[1] + 4, odd[1] + 8, 0, element.tag, length))
            self._grow(index, 0, 1)
        else:
            at = element.value + element.length
            head = bytes(self.data_set.source.read(element.start, element.value - element.start))
            head = self._with_length(head, element.length + 1, element)
            self.patches.append(_Patch(element.start, element.value, 0, element.tag, head))
            self._grow(element.parent, element.tag, 1)
        self.patches.append(_Patch(at, at, -self._depth(element.parent) - 1, element.tag, pad))

    def _with_length(self, head: bytes, length: int, element: Element) -> bytes:
        """Write a length where the old one stands; an illegal VR has either form, and the old length tells which."""
        order: Literal["big", "little"] = "big" if self.data_set.encoding_in(element.parent).big else "little"
        if len(head) == 8 and int.from_bytes(head[-4:], order) != element.length and not element.undefined:
            if length > encode.MAX_SHORT_LENGTH:
                facts = {"path": f"{element.tag:08X}", "length": length, "limit": encode.MAX_SHORT_LENGTH}
                raise BadValue(faults.VALUE_TOO_LONG, **facts)
            return head[:-2] + length.to_bytes(2, order)
        return head[:-4] + length.to_bytes(4, order)

    def _insert(self, insertion: Insertion) -> None:
        container, tag = insertion.container, insertion.tag
        if self._is_gone(container):
            return
        new = encode.element(tag, insertion.vr, insertion.value, self.data_set.encoding_in(container))
        at = self._place_for(container, tag)
        self.patches.append(_Patch(at, at, -self._depth(container), tag, new))
        self._grow(container, tag, len(new))

    def _place_for(self, container: int, tag: int) -> int:
        for element in self.data_set.elements[container + 1 :]:
            if element.parent == container and element.tag > tag:
                return element.start
            if container != ROOT and element.start >= self._end_of(container):
                break
        return self._end_of(container)

    def _end_of(self, container: int) -> int:
        if container == ROOT:
            return self.data_set.end
        element = self.data_set.elements[container]
        return element.value + element.length

    def _append_item(self, item: AppendedItem) -> None:
        if self._is_gone(item.sequence):
            return
        new = encode.item(item.content, self.data_set.encoding_in(item.sequence))
        at = self._end_of(item.sequence)
        self.patches.append(_Patch(at, at, -self._depth(item.sequence), 0, new))
        self._grow(item.sequence, 0, len(new))

    def _patch_element(self, element: Element, new: bytes) -> None:
        self.patches.append(_Patch(element.start, element.end, 0, element.tag, new))
        self._grow(element.parent, element.tag, len(new) - (element.end - element.start))

    def _grow(self, container: int, tag: int, by: int) -> None:
        """Pass a change of length up through everything that encloses it."""
        elements = self.data_set.elements
        while True:
            self.growth[container] += by
            if tag:
                self.group_growth[container, tag >> 16] += by
            if container == ROOT:
                return
            tag, container = elements[container].tag if elements[container].vr else 0, elements[container].parent

    def _depth(self, container: int) -> int:
        depth = 0
        while container != ROOT:
            container, depth = self.data_set.elements[container].parent, depth + 1
        return depth

    def _correct_lengths(self) -> None:
        data_set = self.data_set
        for container, growth in self.growth.items():
            if container == ROOT or not growth or data_set.elements[container].undefined:
                continue
            element = data_set.elements[container]
            if data_set.source.read(element.value - 4, 4) == _UNDEFINED:  # left open, and closed by what encloses it
                continue
            length = element.length + growth
            if length > encode.MAX_LENGTH:
                facts = {"path": f"{element.tag:08X}", "length": length, "limit": encode.MAX_LENGTH}
                raise BadValue(faults.VALUE_TOO_LONG, **facts)
            order = "big" if data_set.encoding_in(element.parent).big else "little"
            self.patches.append(
                _Patch(element.value - 4, element.value, 0, element.tag, length.to_bytes(4, order))  # type: ignore[arg-type]
            )
        for (container, group), growth in self.group_growth.items():
            index = data_set.position(group << 16, container)
            if index is None or not growth or index in self.edits.removals or index in self.edits.replacements:
                continue
            element = data_set.elements[index]
            if element.length == 4 and element.vr == "UL":
                self.patches.append(self._group_length(element, growth))

    def _group_length(self, element: Element, growth: int) -> _Patch:
        """Let a group length grow with its group; one that was nonsense stays within its four bytes."""
        order: Literal["big", "little"] = "big" if self.data_set.encoding_in(element.parent).big else "little"
        length = grown(int.from_bytes(self.data_set.raw(element), order), growth)
        return _Patch(element.value, element.value + 4, 0, element.tag, length.to_bytes(4, order))

    def _cut(self) -> list[Part]:
        parts: list[Part] = []
        position = self.data_set.start
        for patch in sorted(self.patches, key=itemgetter(0, 1, 2, 3)):  # items keep the order they were given in
            parts.append(Extent(position, patch.start))
            parts.append(patch.new)
            position = patch.end
        parts.append(Extent(position, self.data_set.end))
        return parts
