"""The proof: the new bytes are read again, and only what was named differs."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from hashlib import blake2b
from typing import Literal

from tolmach.base import N_, Phrase
from tolmach.dicom import character_sets, encode
from tolmach.dicom.data_set import SPECIFIC_CHARACTER_SET, DataSet
from tolmach.dicom.faults import Damaged
from tolmach.dicom.paths import path_of
from tolmach.dicom.scanner import ROOT, Element
from tolmach.dicom.splice import Extent, Pieces, grown, reread
from tolmach.dicom.values import strip_padding
from tolmach.edit.finish import Revision
from tolmach.repair import faults
from tolmach.repair.faults import NotVerified
from tolmach.repair.touched import is_plain, is_proved

_COMPARED_BYTES = 1 << 16  # longer values are proved by being the very slice of the source


def verify(revision: Revision) -> None:
    """Read what was written again and require that exactly the planned attributes differ; raises `NotVerified`.

    Plain repairs are proved by their touched places alone (`touched`). Everything else, and whatever that proof does
    not cover, is read anew from the first byte to the last and walked in step: untouched elements must be the bytes
    they were, rewritten and new ones the planned bytes, and delimiters and lengths must fit.
    Either way every rewritten text must read as planned under the label now in force.
    """
    if not revision.is_changed:
        return
    if is_plain(revision) and is_proved(revision) and _reads_as_planned(revision):
        return
    old = revision.data_set
    try:
        new = reread(old, revision.pieces)
    except Damaged as error:
        raise _failed(old, None, error.problem.what) from error
    if new.end != revision.pieces.size:
        raise _failed(old, None, Phrase(N_("it ends too early")))
    _Comparison(revision, old, new).walk()


def _reads_as_planned(revision: Revision) -> bool:
    """Tell whether each planned text is what its new bytes give under the new label; bytes are proved already."""
    data_set, edits = revision.data_set, revision.edits
    for index, reading in revision.readings.items():
        element = data_set.elements[index]
        raw = edits.replacements.get(index)
        if raw is None:
            raw = data_set.raw(element)
        if revision.codec is None:
            text = character_sets.decode(raw, _label_now(revision, element.parent))
        else:
            text = raw.decode(revision.codec)
        if text is None or strip_padding(text, element.vr) != strip_padding(reading, element.vr):
            return False
    return True


def _label_now(revision: Revision, container: int) -> tuple[str, ...] | None:
    """Give the character set in force in a container after the edits."""
    data_set, edits = revision.data_set, revision.edits
    while True:
        index = data_set.labels.get(container)
        if index is not None:
            raw = edits.replacements.get(index)
            return data_set.character_sets[container] if raw is None else (raw.decode("ascii"),)
        if container == ROOT:
            inserted = (
                one.value for one in edits.insertions if (one.container, one.tag) == (ROOT, SPECIFIC_CHARACTER_SET)
            )
            return next(((value.decode("ascii"),) for value in inserted), None)
        container = data_set.elements[container].parent


class _Comparison:
    """Walks the old and the new data set in step and accounts for every byte of both.

    Each element is a header and a value; what stands between elements are delimiters. Headers and values are compared
    one by one, delimiters as one stream, since they have no place of their own.
    """

    def __init__(self, revision: Revision, old: DataSet, new: DataSet) -> None:
        self.revision, self.old, self.new = revision, old, new
        edits = revision.edits
        self.insertions = {
            (one.container, one.tag): one for one in edits.insertions if not self._is_gone(one.container)
        }
        self.items: dict[int, list[bytes]] = defaultdict(list)
        for item in edits.items:
            if not self._is_gone(item.sequence):
                self.items[item.sequence].append(item.content)
        self.matches: dict[int, int] = {ROOT: ROOT}  # container in the new data set: its counterpart in the old
        self.gaps = (_Gaps(old), _Gaps(new))
        self.group_lengths: list[tuple[Element, Element]] = []

    def _is_gone(self, container: int) -> bool:
        """Tell whether a container is taken out, itself or with what encloses it."""
        while container != ROOT:
            if container in self.revision.edits.removals:
                return True
            container = self.old.elements[container].parent
        return False

    def walk(self) -> None:
        """Compare from the first element to the last; raises `NotVerified`."""
        position, count = 0, len(self.new.elements)
        gone: set[int] = set()
        for index, element in enumerate(self.old.elements):
            if index in self.revision.edits.removals or element.parent in gone:
                if element.parent not in gone:
                    self.gaps[0].step_over(element)
                gone.add(index)
                continue
            position = self._skip_planned(position, element)
            if position >= count:
                raise _failed(self.old, element, Phrase(N_("it is missing")))
            self._compare(index, element, position, self.new.elements[position])
            position += 1
        position = self._skip_planned(position, None)
        if position != count:
            raise _failed(self.new, self.new.elements[position], Phrase(N_("it was not planned")))
        if self.insertions or any(self.items.values()):
            raise _failed(self.old, None, Phrase(N_("it is missing")))
        if self.gaps[0].content() != self.gaps[1].content():
            raise _failed(self.old, None, Phrase(N_("its length changed")))
        self._compare_group_lengths()

    def _skip_planned(self, position: int, until: Element | None) -> int:
        """Step over elements and items that were planned to be new, and require them to be as planned."""
        elements = self.new.elements
        while position < len(elements):
            element = elements[position]
            home = self.matches.get(element.parent)
            if home is None:
                return position
            made = self._take_planned(element, home, until)
            if made is None:
                return position
            if element.end - element.start != len(made) or self.new.source.read(element.start, len(made)) != made:
                raise _failed(self.new, element, Phrase(N_("its value is not the planned one")))
            self.gaps[1].step_over(element)
            position += 1
            while position < len(elements) and elements[position].start < element.end:
                position += 1
        return position

    def _take_planned(self, element: Element, home: int, until: Element | None) -> bytes | None:
        """Give the bytes of the planned element or item that must stand here, and count it as found."""
        is_ahead = until is not None and until.parent == home
        encoding = self.old.encoding_in(home)
        if not element.vr:
            return None if is_ahead or not self.items.get(home) else encode.item(self.items[home].pop(0), encoding)
        if is_ahead and until is not None and until.tag == element.tag:
            return None
        planned = self.insertions.pop((home, element.tag), None)
        return None if planned is None else encode.element(planned.tag, planned.vr, planned.value, encoding)

    def _compare(self, index: int, old: Element, position: int, new: Element) -> None:
        if old.tag != new.tag or old.vr != new.vr or self.matches.get(new.parent) != old.parent:
            raise _failed(self.old, old, Phrase(N_("another element stands in its place")))
        self.matches[position] = index
        planned = self.revision.edits.replacements.get(index)
        if planned is None and (old.vr in ("SQ", "") or index in self.old.encodings):
            self._compare_heads(old, new)
            for gaps, element in zip(self.gaps, (old, new), strict=True):
                gaps.step_into(element)
            return
        for gaps, element in zip(self.gaps, (old, new), strict=True):
            gaps.step_over(element)
        if planned is not None:
            self._compare_heads(old, new)
            if self.new.raw(new) != encode.padded(planned, old.vr):
                raise _failed(self.old, old, Phrase(N_("its value is not the planned one")))
        elif old.vr == "UL" and old.tag & 0xFFFF == 0 and old.length == new.length == 4:
            self._compare_heads(old, new)
            self.group_lengths.append((old, new))
        elif not self._is_same(old, new):
            raise _failed(self.old, old, Phrase(N_("its value changed")))
        self._compare_reading(index, old, new)

    def _compare_heads(self, old: Element, new: Element) -> None:
        """Require the same header but for the length, which the scan has proved."""
        before = bytes(self.old.source.read(old.start, old.value - old.start))
        after = bytes(self.new.source.read(new.start, new.value - new.start))
        cut = len(before)
        if old.undefined != new.undefined or (old.length != new.length and not old.undefined):
            # A header of eight bytes ends in a length of two or of four, and only the old length tells which.
            order: Literal["big", "little"] = "big" if self.old.encoding_in(old.parent).big else "little"
            cut -= 2 if cut == 8 and int.from_bytes(before[4:], order) != old.length and not old.undefined else 4
        if len(before) != len(after) or before[:cut] != after[:cut]:
            raise _failed(self.old, old, Phrase(N_("another element stands in its place")))

    def _is_same(self, old: Element, new: Element) -> bool:
        """Tell whether an element is, header and value, the very bytes that came."""
        if (old.length, old.undefined, old.value - old.start) != (new.length, new.undefined, new.value - new.start):
            return False
        size = old.end - old.start
        if size <= _COMPARED_BYTES:
            return self.old.source.read(old.start, size) == self.new.source.read(new.start, size)
        return _is_slice(self.revision.pieces, new.start, size, old.start)

    def _compare_reading(self, index: int, old: Element, new: Element) -> None:
        """Require that a text reads as planned under the label now in force, whether its bytes changed or not."""
        reading = self.revision.readings.get(index)
        if reading is None:
            return
        text = self._read(self.new.raw(new), new.parent)
        if text is None or strip_padding(text, old.vr) != strip_padding(reading, old.vr):
            raise _failed(self.old, old, Phrase(N_("it does not read as planned")))

    def _read(self, raw: bytes, container: int) -> str | None:
        """Read text as its receiver will: by the label, or by the code page asked for when the label stays silent."""
        codec = self.revision.codec
        if codec is not None:
            return raw.decode(codec)
        return character_sets.decode(raw, self.new.character_set_at(container))

    def _compare_group_lengths(self) -> None:
        """Require that each group length grew by as much as its group. Standard: PS3.5 section 7.2."""
        for old, new in self.group_lengths:
            growth = _size_of_group(self.new, new) - _size_of_group(self.old, old)
            is_followed = self.old.find(old.tag, old.parent) == old  # of duplicates, the last one
            if _stated(self.new, new) != grown(_stated(self.old, old), growth if is_followed else 0):
                raise _failed(self.old, old, Phrase(N_("its value is not the planned one")))


class _Gaps:
    """What stands between the elements of a data set: delimiters, right and stray ones."""

    def __init__(self, data_set: DataSet) -> None:
        self.data_set, self.position, self.digest = data_set, data_set.start, blake2b()

    def _step(self, start: int, end: int) -> None:
        while self.position < start:
            block = self.data_set.source.read(self.position, min(start - self.position, _COMPARED_BYTES))
            self.digest.update(block)
            self.position += len(block)
        self.position = end

    def step_over(self, element: Element) -> None:
        """Leave out a whole element."""
        self._step(element.start, element.end)

    def step_into(self, element: Element) -> None:
        """Leave out the header of a container."""
        self._step(element.start, element.value)

    def content(self) -> bytes:
        """Give what is the same for the same gaps, after the last element."""
        self._step(self.data_set.end, self.data_set.end)
        return self.digest.digest()


def _stated(data_set: DataSet, element: Element) -> int:
    order: Literal["big", "little"] = "big" if data_set.encoding_in(element.parent).big else "little"
    return int.from_bytes(data_set.raw(element), order)


def _size_of_group(data_set: DataSet, length: Element) -> int:
    group = length.tag >> 16
    members = (one for one in data_set.elements if one.parent == length.parent and one.vr and one.tag >> 16 == group)
    return sum(one.end - one.start for one in members)


def _is_slice(pieces: Pieces, place: int, size: int, start: int) -> bool:
    """Tell whether bytes are, one for one, the slice of the source that begins at `start`."""
    position = bisect_right(pieces.ends, place)
    part = pieces.parts[position]
    begin = pieces.ends[position - 1] if position else 0
    return isinstance(part, Extent) and part.start + place - begin == start and place + size <= pieces.ends[position]


def _failed(data_set: DataSet, element: Element | None, why: Phrase) -> NotVerified:
    return NotVerified(faults.NOT_VERIFIED, path="" if element is None else str(path_of(data_set, element)), why=why)
