"""Lengths that count letters: text of several bytes a letter whose length field holds the number of its letters.

Some writers put UTF-8 into a file and the length of the string they made it from beside it. Read as written, the value
ends in the middle, and the rest of its letters is taken for the next element: the data set falls to pieces. It is put
together again only where everything fits: the declared number of letters ends where an element begins or the container
ends, for one value after another, and then the whole data set can be read to its end without a fault.

Standard: PS3.5 section 7.1.1 (the length of a value is its number of bytes).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import Struct

from tolmach.dicom import dictionary
from tolmach.dicom.faults import Damaged
from tolmach.dicom.scanner import ITEM, ITEM_END, ROOT, SEQUENCE_END, UNDEFINED, Element, Encoding, Frame, Scanner
from tolmach.dicom.source import Corrected, Source
from tolmach.dicom.vrs import LONG_BY_CODE, SHORT_BY_CODE, STRING_VRS, VRS

MAX_LETTERS = 1 << 20  # of one value; a longer one is not looked at
MAX_SHORT = 0xFFFE  # bytes a length field of 16 bits can hold
_MOST_BYTES = 4  # of one letter in UTF-8

_SHORT = (Struct("<HH2sH").unpack_from, Struct(">HH2sH").unpack_from)
_IMPLICIT = (Struct("<HHL").unpack_from, Struct(">HHL").unpack_from)
_LONG = (Struct("<L").unpack_from, Struct(">L").unpack_from)
_NO_LETTER = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f-\x9f\ufffd\ufffe\uffff]")
_NO_LETTER_OF_A_LINE = re.compile("[\0-\x1f\x7f-\x9f\ufffd\ufffe\uffff]")
_OF_LINES = frozenset({"LT", "ST", "UT"})


@dataclass(frozen=True, slots=True)
class Recounted:
    """A data set whose lengths were set right: its bytes, the scan of them, and what was declared, by element."""

    source: Corrected
    scanner: Scanner
    declared: Mapping[int, int]


def recounted(source: Source, start: int, first: Scanner) -> Recounted | None:
    """Give the data set at `start` with its lengths counted in bytes; None when that was not what is wrong with it.

    `first` is the scan that went wrong. Lengths of sequences and items around such values may count them either way,
    for the whole data set: when both would fit, nobody can know, and it is None too. Reads the data set at most four
    times; may be repeated.
    """
    if not any(_may_be_cut(first, element) for element in first.elements):
        return None
    as_declared = _reading(source, start, first.encoding, grows=False)
    if as_declared is not None and not as_declared.is_enclosed:
        return _proved(as_declared)
    growing = _reading(source, start, first.encoding, grows=True)
    if as_declared is not None and growing is not None:
        return None
    found = as_declared or growing
    return None if found is None else _proved(found)


def _may_be_cut(scanner: Scanner, element: Element) -> bool:
    """Tell whether an element may end before its letters do, whatever comes behind them."""
    return (element.vr in STRING_VRS or (element.vr == "UN" and not element.undefined)) and (
        0 < element.length <= MAX_LETTERS and bool(_possible_lengths(scanner.source, element))
    )


def _possible_lengths(source: Source, element: Element) -> Sequence[int]:
    """Give how many bytes a value may have whose length counts letters, the likeliest first; none where it does not.

    The length may leave out the padding of the bytes, or count a padding that only the letters needed. A length that
    is right gives none, for what stands behind it, the header of an element, does not read as text.
    """
    count = element.length
    if bytes(source.read(element.value, count)).isascii():
        return ()
    raw = bytes(source.read(element.value, _MOST_BYTES * count))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        text = raw[: error.start].decode("utf-8")
    unwanted = (_NO_LETTER if element.vr in _OF_LINES else _NO_LETTER_OF_A_LINE).search(text)
    letters = len(text) if unwanted is None else unwanted.start() + (unwanted[0] == "\0")
    lengths: list[int] = []
    if letters >= count:
        whole = len(text[:count].encode("utf-8"))
        lengths += [whole, whole + 1] if raw[whole : whole + 1] in (b" ", b"\0") else [whole]
    if letters >= count - 1 and count % 2 == 0:
        lengths.append(len(text[: count - 1].encode("utf-8")))
    return [length for length in lengths if length > count]


def _reading(source: Source, start: int, encoding: Encoding, *, grows: bool) -> _CarefulScanner | None:
    """Read to the end, counting letters where that is what a length counts; None when that goes nowhere."""
    scanner = _CarefulScanner(source, start, encoding, grows=grows)
    try:
        scanner.run()
    except Damaged:
        return None
    is_whole = scanner.reaches_the_end and not scanner.problems
    return scanner if scanner.declared and is_whole else None


def _proved(found: _CarefulScanner) -> Recounted | None:
    """Scan the corrected bytes as any others: the same elements must come out, without a fault."""
    patches = found.patches | _group_lengths(found)
    source = Corrected.of(found.source, patches)
    again = Scanner(source, found.start, found.encoding)
    try:
        again.run()
    except Damaged:
        return None
    is_same = (again.elements, again.end, again.problems) == (found.elements, found.end, [])
    return Recounted(source, again, found.declared) if is_same else None


class _CarefulScanner(Scanner):
    """Walks a data set element by element and asks of each text whether its length counts letters."""

    def __init__(self, source: Source, start: int, encoding: Encoding, *, grows: bool) -> None:
        """Get ready; with `grows`, lengths of containers count letters as well, and grow with their values."""
        super().__init__(source, start, encoding)
        self.start, self.grows = start, grows
        self.declared: dict[int, int] = {}
        self.patches: dict[int, bytes] = {}
        self.is_enclosed = False

    @property
    def reaches_the_end(self) -> bool:
        """Tell whether nothing but padding stands behind the last element."""
        return self.end == self.source.size or self._only_zeros(self.end)

    def _walk_explicit(self, frame: Frame) -> None:
        self._walk(frame)

    def _walk_implicit(self, frame: Frame) -> None:
        self._walk(frame)

    def _walk(self, frame: Frame) -> None:
        """Walk the elements of one container, whose limit may move."""
        unpack_short, unpack = _SHORT[frame.encoding.big], _IMPLICIT[frame.encoding.big]
        depth = len(self.frames) - 1
        while self.position < (frame := self.frames[depth]).limit:
            at = self.position - self.base
            if (at < 0 or at + 12 > len(self.window)) and not self._refill(self.position):
                return
            at = self.position - self.base
            group, number, length = unpack(self.window, at)
            tag, code, vr = group << 16 | number, b"", None
            if frame.encoding.explicit:
                _group, _number, code, length = unpack_short(self.window, at)
                vr = SHORT_BY_CODE.get(code)
            elif length != UNDEFINED and tag:
                vr = dictionary.vr_of(tag)
            if vr in (None, "SQ") or group == 0xFFFE:
                if self._unusual(frame, tag, code, at):
                    return
            else:
                value = self.position + 8
                self._add(Element(tag, vr or "", self.position, value, length, frame.holder, False, 0))
                self.position = value + length
            self._recount(depth)
        self._close(frame, self.position)

    def _recount(self, depth: int) -> None:
        """Give the element that was just read its real length, where its letters were counted instead."""
        element = self.elements[-1]
        if self.position != element.value + element.length or not _may_be_cut(self, element):
            return
        for length in _possible_lengths(self.source, element):
            if self._fits(element, length) and self._goes_on_behind(depth, element, length):
                self._take(element, length)
                return

    def _fits(self, element: Element, length: int) -> bool:
        """Tell whether a length can be written into the field the old one stands in."""
        is_short = self.encoding_of(element).explicit and not VRS[element.vr].long
        return length <= MAX_SHORT or not is_short

    def _goes_on_behind(self, depth: int, element: Element, length: int) -> bool:
        """Tell whether the data set goes on behind the value if it has that length.

        Where containers end with it, what comes behind them counts: lengths that grow with the value prove nothing.
        """
        position, tag = element.value + length, element.tag
        growth = length - element.length if self.grows else 0
        while True:
            frame = self.frames[depth]
            limit = min(self.source.size, frame.limit + growth) if depth else frame.limit
            if position != limit or frame.undefined:
                return position < limit and self._begins(frame, tag, position, limit)
            if not depth:
                return True
            tag, depth = self.elements[frame.holder].tag, depth - 1

    def _begins(self, frame: Frame, tag: int, position: int, limit: int) -> bool:
        """Tell whether what may stand in a container behind the element `tag` begins there, or nothing but padding."""
        head, big = bytes(self.source.read(position, 12)), frame.encoding.big
        if frame.holder == ROOT and not any(head):
            return self._only_zeros(position)
        if len(head) < 8:
            return False
        group, number, stated = _IMPLICIT[big](head)
        following, header = group << 16 | number, 8
        if frame.is_sequence:
            return following == ITEM or (following == SEQUENCE_END and frame.undefined)
        if group == 0xFFFE:
            return following == ITEM_END and frame.undefined and stated == 0
        if frame.encoding.explicit:
            _group, _number, code, stated = _SHORT[big](head)
            if code in LONG_BY_CODE and len(head) == 12:
                header, stated = 12, _LONG[big](head, 8)[0]
            elif code not in SHORT_BY_CODE:
                return False
        elif not group & 1 and dictionary.lookup(following) is None:
            return False
        return bool(following > tag and (stated == UNDEFINED or position + header + stated <= limit))

    def encoding_of(self, element: Element) -> Encoding:
        """Give how an element is written."""
        return self.encodings.get(element.parent, self.encoding)

    def _take(self, element: Element, length: int) -> None:
        """Let an element, and what encloses it where that is counted alike, be as long as it is."""
        index, encoding = len(self.elements) - 1, self.encoding_of(element)
        self.declared[index] = element.length
        self.elements[index] = element._replace(length=length)
        self.position = element.value + length
        width = 2 if encoding.explicit and not VRS[element.vr].long else 4
        self._patch(element.value - width, length, width, encoding)
        self.is_enclosed = self.is_enclosed or self.frames[-1].limit < self.source.size
        if self.grows:
            growth, size = length - element.length, self.source.size
            self.frames[1:] = [one._replace(limit=min(size, one.limit + growth)) for one in self.frames[1:]]

    def _patch(self, at: int, length: int, width: int, encoding: Encoding) -> None:
        self.patches[at] = length.to_bytes(width, "big" if encoding.big else "little")

    def _finish(self, frame: Frame, position: int, *, undefined: bool) -> None:
        super()._finish(frame, position, undefined=undefined)
        element = self.elements[frame.holder]
        if not frame.undefined and position - element.value != element.length:
            length = position - element.value
            self.elements[frame.holder] = element._replace(length=length)
            self._patch(element.value - 4, length, 4, self.encoding_of(element))


def _group_lengths(found: _CarefulScanner) -> dict[int, bytes]:
    """Give the group lengths that count letters too, with the bytes of what they should be.

    Standard: PS3.5 section 7.2.
    """
    elements = found.elements
    growth: Counter[tuple[int, int]] = Counter()
    for index, declared in found.declared.items():
        grown, place = elements[index].length - declared, index
        while place != ROOT:
            if elements[place].vr:
                growth[elements[place].parent, elements[place].tag >> 16] += grown
            place = elements[place].parent
    sizes: Counter[tuple[int, int]] = Counter()
    for one in elements:
        if one.vr and one.tag & 0xFFFF:
            sizes[one.parent, one.tag >> 16] += one.end - one.start
    patches: dict[int, bytes] = {}
    for one in elements:
        group = (one.parent, one.tag >> 16)
        if one.vr == "UL" and not one.tag & 0xFFFF and one.length == 4 and growth[group]:
            order = _LONG[found.encoding_of(one).big]
            stated = order(bytes(found.source.read(one.value, 4)))[0]
            if stated == sizes[group] - growth[group]:
                patches[one.value] = sizes[group].to_bytes(4, "big" if found.encoding_of(one).big else "little")
    return patches
