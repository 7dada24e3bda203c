"""The scanner: where every element of a data set stands, without reading what it holds.

One pass over the headers of the elements, iterative, bounded, and never allocating by a declared length: a value that
is not a container is jumped over. What comes out is a flat list of `Element`, in the order of the bytes; editing is
then a matter of replacing spans (`splice`). Damage ends the scan with an error that names the byte; oddities that a
careful reader can see through are noted as problems and kept as they are.

Standard: PS3.5 chapter 7 (data element structure, nesting) and annex A (transfer syntaxes).
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from tolmach.base import N_, Fault, Phrase, Problem
from tolmach.dicom import dictionary, faults
from tolmach.dicom.faults import Damaged
from tolmach.dicom.source import Source
from tolmach.dicom.vrs import LONG_BY_CODE, SHORT_BY_CODE

MAX_DEPTH = 64  # nested sequences; real objects stay below ten
MAX_ELEMENTS = 200_000
MAX_FRAGMENTS = 4_000_000  # of one pixel data; whole slides reach a million
WINDOW = 1 << 16  # bytes of headers looked at in one piece
UNDEFINED = 0xFFFFFFFF

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
ROOT = -1

_NO_VR = Phrase(N_("an element has no readable VR and length"))
_NO_ITEM = Phrase(N_("an item of a sequence was expected"))
_STRAY_ITEM = Phrase(N_("an item stands outside a sequence"))
_OVERLONG = Phrase(N_("a value is longer than what encloses it"))

_MAX_PROBLEMS = 100
_SHORT_LE, _SHORT_BE = Struct("<HH2sH").unpack_from, Struct(">HH2sH").unpack_from
_IMPLICIT_LE, _IMPLICIT_BE = Struct("<HHL").unpack_from, Struct(">HHL").unpack_from
_LONG_LE, _LONG_BE = Struct("<L").unpack_from, Struct(">L").unpack_from


class Element(NamedTuple):
    """Where one element, item or fragment stands. Offsets are bytes from the start of the source.

    `parent` is the index of the container in the list of elements: an item for an element, a sequence for an item,
    `ROOT` for the data set itself. `length` is what is really there; `undefined` says that a delimiter ends it.
    """

    tag: int
    vr: str
    start: int
    value: int
    length: int
    parent: int
    undefined: bool
    number: int  # which item of its sequence an item is, from 0

    @property
    def end(self) -> int:
        """Where the next element starts: behind the value and behind the delimiter, if there is one."""
        return self.value + self.length + (8 if self.undefined else 0)


class Encoding(NamedTuple):
    """How the elements of a data set are written."""

    explicit: bool
    big: bool


class Frame(NamedTuple):
    """A container that is open while the scanner is inside it."""

    holder: int
    limit: int
    undefined: bool
    encoding: Encoding
    is_sequence: bool


class Scanner:
    """Walks one data set; used once. `elements`, `encodings` and `problems` are the result."""

    def __init__(self, source: Source, start: int, encoding: Encoding) -> None:
        """Get ready to walk the data set that starts at `start` and ends with the source."""
        self.source, self.position, self.encoding = source, start, encoding
        self.window, self.base = b"", 0
        self.elements: list[Element] = []
        # Containers whose elements are written otherwise than the data set itself (UN of undefined length).
        self.encodings: dict[int, Encoding] = {}
        self.problems: list[Problem] = []
        self.frames = [Frame(ROOT, source.size, False, encoding, is_sequence=False)]
        self.counts: dict[int, int] = {}
        self.end = source.size
        self.odd_fragment: tuple[int, int, int] | None = None
        self.nonzero = -1  # a place known to hold something else than zeros

    def run(self) -> None:
        """Walk to the end of the data set; raises `Damaged` where that cannot be reached."""
        self._refill(self.position)
        while self.frames:
            frame = self.frames[-1]
            if frame.is_sequence:
                self._walk_sequence(frame)
            elif frame.encoding.explicit:
                self._walk_explicit(frame)
            else:
                self._walk_implicit(frame)

    # The two hot loops. Each handles the plain case itself and leaves everything else to `_unusual`.

    def _walk_explicit(self, frame: Frame) -> None:
        unpack = _SHORT_BE if frame.encoding.big else _SHORT_LE
        append, new, short = self.elements.append, tuple.__new__, SHORT_BY_CODE
        parent, limit = frame.holder, frame.limit
        position, base, window = self.position, self.base, self.window
        fill = len(window) - 12
        while position < limit:
            at = position - base
            if at > fill:
                if not self._refill(position):
                    return
                base, window, at = self.base, self.window, 0
                fill = len(window) - 12 if base + len(window) < self.source.size else len(window) - 8
            group, number, code, length = unpack(window, at)
            vr = short.get(code)
            if vr is None or group == 0xFFFE:
                self.position = position
                if self._unusual(frame, group << 16 | number, code, at):
                    return
                position, base, window = self.position, self.base, self.window
                continue
            value = position + 8
            append(new(Element, (group << 16 | number, vr, position, value, length, parent, False, 0)))
            position = value + length
        self._close(frame, position)

    def _walk_implicit(self, frame: Frame) -> None:
        unpack = _IMPLICIT_BE if frame.encoding.big else _IMPLICIT_LE
        append, new, vr_of = self.elements.append, tuple.__new__, dictionary.vr_of
        parent, limit = frame.holder, frame.limit
        position, base, window = self.position, self.base, self.window
        fill = len(window) - 8
        while position < limit:
            at = position - base
            if at > fill:
                if not self._refill(position):
                    return
                base, window, at = self.base, self.window, 0
                fill = len(window) - 8
            group, number, length = unpack(window, at)
            tag = group << 16 | number
            vr = vr_of(tag)
            if length == UNDEFINED or vr == "SQ" or group == 0xFFFE or (tag == 0 and parent == ROOT):
                self.position = position
                if self._unusual(frame, tag, b"", at):
                    return
                position, base, window = self.position, self.base, self.window
                continue
            value = position + 8
            append(new(Element, (tag, vr, position, value, length, parent, False, 0)))
            position = value + length
        self._close(frame, position)

    def _unusual(self, frame: Frame, tag: int, code: bytes, at: int) -> bool:
        """Take the element at `self.position` that the hot loop left; True when another container is now on top."""
        position = self.position
        if tag >> 16 == 0xFFFE:
            return self._delimiter(frame, tag)
        if tag == 0 and frame.holder == ROOT and self._only_zeros(position):
            self.end = position
            self.frames.clear()
            return True
        vr, header, length = self._long_header(frame, tag, code, at)
        if not frame.encoding.explicit and vr == "UN" and length == UNDEFINED:
            vr = "SQ"
        value = position + header
        known = 0 if length == UNDEFINED else length
        self._add(Element(tag, vr, position, value, known, frame.holder, length == UNDEFINED, 0))
        if vr == "SQ" or length == UNDEFINED:
            # Standard: PS3.5 section 6.2.2 note: UN of undefined length is a sequence in Implicit VR Little Endian.
            self._open(frame, value, length, Encoding(False, False) if vr == "UN" else frame.encoding)
            return True
        self.position = value + length
        return False

    def _long_header(self, frame: Frame, tag: int, code: bytes, at: int) -> tuple[str, int, int]:
        """Read VR, header size and length of an element that has no short explicit header."""
        read = _LONG_BE if frame.encoding.big else _LONG_LE
        window = self.window
        if not frame.encoding.explicit:
            return dictionary.vr_of(tag), 8, read(window, at + 4)[0]
        vr = LONG_BY_CODE.get(code)
        if vr is not None:
            if at + 12 > len(window):
                raise self._cut()
            return vr, 12, read(window, at + 8)[0]
        self._note(faults.ODD_ENCODING, offset=self.position)
        return self._illegal_vr(frame, tag, code, at)

    def _illegal_vr(self, frame: Frame, tag: int, code: bytes, at: int) -> tuple[str, int, int]:
        """Choose the reading of an element with no legal VR after which the data set goes on sensibly.

        Seen: implicit elements inside an explicit data set, VR "??" or blanks with a 16-bit length, and VRs newer than
        the table, which have the long form (PS3.5 section 6.2, 7.1.2).
        """
        long, short = (
            (_LONG_BE, Struct(">H").unpack_from) if frame.encoding.big else (_LONG_LE, Struct("<H").unpack_from)
        )
        window = self.window
        vr = dictionary.vr_of(tag)
        readings = [(8, short(window, at + 6)[0]), (8, long(window, at + 4)[0])]
        if code.isalpha() and code.isupper() and at + 12 <= len(window):
            readings = [(12, long(window, at + 8)[0]), *readings]
        elif not code.isascii() or min(code) < 0x20:
            readings.reverse()
        for header, length in readings:
            if self._goes_on(frame, tag, self.position + header + length):
                return ("UN" if vr == "SQ" else vr), header, length
        raise self._broken(_NO_VR)

    def _goes_on(self, frame: Frame, tag: int, position: int) -> bool:
        if position >= frame.limit:
            return position == frame.limit
        head = bytes(self.source.read(position, 8))
        if len(head) < 8:
            return False
        group, number, _length = (_IMPLICIT_BE if frame.encoding.big else _IMPLICIT_LE)(head)
        following = group << 16 | number
        return following > tag and (
            group == 0xFFFE or group - (tag >> 16) < 0x2000 or group in (0x7FE0, 0xFFFC, 0xFFFA)
        )

    # Containers.

    def _open(self, frame: Frame, value: int, length: int, encoding: Encoding) -> None:
        index = len(self.elements) - 1
        if encoding != self.encoding:
            self.encodings[index] = encoding
        limit = frame.limit if length == UNDEFINED else value + length
        if limit > frame.limit:
            raise self._overlong(value, length, frame)
        # The root is one frame; a sequence and its item are two.
        if len(self.frames) > 2 * MAX_DEPTH:
            raise Damaged(faults.TOO_DEEP, limit=MAX_DEPTH, offset=self.position)
        self.frames.append(Frame(index, limit, length == UNDEFINED, encoding, is_sequence=True))
        self.position = value

    def _walk_sequence(self, frame: Frame) -> None:
        """Step into the next item of a sequence, over the next fragment of pixel data, or out of the sequence."""
        unpack = _IMPLICIT_BE if frame.encoding.big else _IMPLICIT_LE
        holder = self.elements[frame.holder]
        fragments = holder.vr not in ("SQ", "UN")
        while self.position < frame.limit:
            position = self.position
            if position - self.base + 8 > len(self.window) or position < self.base:
                self._refill(position, 8 if fragments else WINDOW)
            if len(self.window) < 8 + position - self.base:
                raise self._cut()
            group, number, length = unpack(self.window, position - self.base)
            tag, value = group << 16 | number, position + 8
            if tag == SEQUENCE_END and frame.undefined:
                self._close(frame, position)
                return
            if tag == SEQUENCE_END:
                self._note(faults.STRAY_DELIMITER, offset=position)
                self.position = value
                continue
            if tag != ITEM:
                raise self._broken(_NO_ITEM)
            if fragments:
                self._step_over_fragment(frame, position, length)
                continue
            self._enter_item(frame, position, value, length)
            return
        self._close(frame, self.position)

    def _step_over_fragment(self, frame: Frame, position: int, length: int) -> None:
        value = position + 8
        if length == UNDEFINED or value + length > frame.limit:
            raise self._overlong(value, length, frame)
        self.counts[frame.holder] = self.counts.get(frame.holder, 0) + 1
        if self.counts[frame.holder] > MAX_FRAGMENTS:
            raise Damaged(faults.TOO_MANY_ELEMENTS, limit=MAX_FRAGMENTS)
        if length % 2:
            self.odd_fragment = (frame.holder, position, length)
        self.position = value + length

    def _enter_item(self, frame: Frame, position: int, value: int, length: int) -> None:
        number = self.counts.get(frame.holder, 0)
        self.counts[frame.holder] = number + 1
        undefined = length == UNDEFINED
        limit = frame.limit if undefined else value + length
        if limit > frame.limit:
            raise self._overlong(value, length, frame)
        self._add(Element(ITEM, "", position, value, 0 if undefined else length, frame.holder, undefined, number))
        self.position = value
        index = len(self.elements) - 1
        if frame.encoding != self.encoding:
            self.encodings[index] = frame.encoding
        self.frames.append(Frame(index, limit, undefined, frame.encoding, is_sequence=False))

    def _delimiter(self, frame: Frame, tag: int) -> bool:
        """Meet an item or sequence delimiter among the elements of a data set; True when that closed the item."""
        position = self.position
        if tag == ITEM_END and frame.undefined:
            self._close(frame, position)
            return True
        if frame.holder == ROOT or tag == ITEM:
            raise self._broken(_STRAY_ITEM)
        self._note(faults.STRAY_DELIMITER, offset=position)
        if tag == SEQUENCE_END and frame.undefined:
            # The item was left open and its sequence closed: the item ends here, without a delimiter of its own.
            self._finish(frame, position, undefined=False)
            return True
        self.position = position + 8
        return False

    def _close(self, frame: Frame, position: int) -> None:
        """Leave a container whose content ends at `position`."""
        if position > frame.limit:
            last = self.elements[-1]
            raise self._overlong(last.value, last.length, frame)
        if frame.undefined and position == frame.limit:
            if frame.limit == self.source.size:
                raise self._cut()
            self._note(faults.STRAY_DELIMITER, offset=position)
            self._finish(frame, position, undefined=False)
            return
        if frame.holder == ROOT:
            self.end = position
            self.frames.pop()
            return
        self._finish(frame, position, undefined=frame.undefined)

    def _finish(self, frame: Frame, position: int, *, undefined: bool) -> None:
        self.frames.pop()
        self.position = position
        if frame.undefined:
            element = self.elements[frame.holder]
            self.elements[frame.holder] = element._replace(length=position - element.value, undefined=undefined)
            if undefined:
                self.position = position + 8
                if self.position > self.source.size:
                    raise self._cut()

    # The window over the source, and what is told of trouble.

    def _refill(self, position: int, length: int = WINDOW) -> bool:
        """Move the window to `position`; False when the root ends there with a few stray bytes."""
        if len(self.elements) > MAX_ELEMENTS:
            raise Damaged(faults.TOO_MANY_ELEMENTS, limit=MAX_ELEMENTS)
        if position > self.source.size:
            last = self.elements[-1]
            raise self._overlong(last.value, last.length, self.frames[-1])
        self.window, self.base = bytes(self.source.read(position, length)), position
        if len(self.window) >= 8:
            return True
        if len(self.frames) == 1 and self.elements:
            self.end = position
            self.frames.clear()
            return False
        raise self._cut()

    def _add(self, element: Element) -> None:
        if len(self.elements) >= MAX_ELEMENTS:
            raise Damaged(faults.TOO_MANY_ELEMENTS, limit=MAX_ELEMENTS)
        self.elements.append(element)

    def _only_zeros(self, position: int) -> bool:
        while position < self.source.size and position > self.nonzero:
            block = bytes(self.source.read(position, WINDOW))
            content = block.lstrip(b"\0")
            position += len(block) - len(content)
            if content:
                self.nonzero = position
        return position >= self.source.size

    def _note(self, fault: Fault, **facts: object) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(Problem(fault, facts))

    def _cut(self) -> Damaged:
        return Damaged(faults.CUT_SHORT, why=Phrase(faults.CUT_INSIDE, {"size": self.source.size}))

    def _overlong(self, value: int, length: int, frame: Frame) -> Damaged:
        if length == UNDEFINED:
            return self._cut()
        if frame.limit == self.source.size:
            return faults.cut_short(value, length, self.source.size - value)
        self.position = value
        return self._broken(_OVERLONG)

    def _broken(self, why: Phrase) -> Damaged:
        return Damaged(faults.BROKEN_STRUCTURE, offset=self.position, why=why)
