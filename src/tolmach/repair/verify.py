"""The proof: the new bytes are read again, and only what was named differs."""

from __future__ import annotations

from tolmach.base import N_, Phrase
from tolmach.dicom import character_sets, encode
from tolmach.dicom.data_set import SPECIFIC_CHARACTER_SET, DataSet
from tolmach.dicom.paths import path_of
from tolmach.dicom.scanner import ROOT, Element
from tolmach.dicom.splice import Extent, Pieces, reread
from tolmach.dicom.values import strip_padding
from tolmach.edit.finish import Revision
from tolmach.repair import faults
from tolmach.repair.faults import NotVerified
from tolmach.repair.touched import is_plain, is_proved

_COMPARED_BYTES = 1 << 16  # longer values are proved by being the very slice of the source


def verify(revision: Revision) -> None:
    """Read what was written again and require that exactly the planned attributes differ; raises `NotVerified`.

    Plain repairs are proved by their touched places alone (`touched`). Everything else, and whatever that proof does
    not cover, is read anew from the first byte to the last and walked in step: untouched elements must have the same
    tag, VR, length and bytes, rewritten ones the planned bytes, and new ones must be among the planned insertions.
    Either way every rewritten text must read as planned under the label now in force.
    """
    if not revision.is_changed:
        return
    if is_plain(revision) and is_proved(revision) and _reads_as_planned(revision):
        return
    old = revision.data_set
    new = reread(old, revision.pieces)
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
        codec = revision.codec
        if codec in (None, "utf_8"):
            text = character_sets.decode(raw, _label_now(revision, element.parent))
        else:
            text = raw.decode(codec)
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
    """Walks the old and the new data set in step."""

    def __init__(self, revision: Revision, old: DataSet, new: DataSet) -> None:
        self.revision, self.old, self.new = revision, old, new
        self.grown = self._containers_of_edits()
        self.planned = {(insertion.container, insertion.tag) for insertion in revision.edits.insertions}
        self.extended = {item.sequence for item in revision.edits.items}
        self.matches: dict[int, int] = {ROOT: ROOT}  # container in the new data set: its counterpart in the old

    def _containers_of_edits(self) -> set[int]:
        """Containers whose length may differ, because something inside them does."""
        elements, edits = self.old.elements, self.revision.edits
        grown: set[int] = set()
        starts = [elements[index].parent for index in (*edits.replacements, *edits.removals)]
        starts += [insertion.container for insertion in edits.insertions] + [item.sequence for item in edits.items]
        for container in starts:
            while container != ROOT and container not in grown:
                grown.add(container)
                container = elements[container].parent
        return grown

    def walk(self) -> None:
        edits = self.revision.edits
        position, count = 0, len(self.new.elements)
        gone: set[int] = set()
        for index, element in enumerate(self.old.elements):
            if index in edits.removals or element.parent in gone:
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

    def _skip_planned(self, position: int, until: Element | None) -> int:
        """Step over elements that were planned to be new."""
        elements = self.new.elements
        while position < len(elements):
            element = elements[position]
            home = self.matches.get(element.parent)
            if home is None:  # inside something new
                position += 1
                continue
            if not element.vr and home in self.extended and (until is None or until.parent != home):
                position += 1
                continue
            if (home, element.tag) in self.planned and not self._is_old(home, element.tag, until):
                position += 1
                continue
            break
        return position

    def _is_old(self, home: int, tag: int, until: Element | None) -> bool:
        return until is not None and until.parent == home and until.tag == tag

    def _compare(self, index: int, old: Element, position: int, new: Element) -> None:
        if old.tag != new.tag or old.vr != new.vr or self.matches.get(new.parent) != old.parent:
            raise _failed(self.old, old, Phrase(N_("another element stands in its place")))
        self.matches[position] = index
        planned = self.revision.edits.replacements.get(index)
        if planned is not None:
            self._compare_planned(old, new, planned)
        elif old.vr in ("SQ", "") or index in self.old.encodings:
            if index not in self.grown and (old.length, old.undefined) != (new.length, new.undefined):
                raise _failed(self.old, old, Phrase(N_("its length changed")))
        elif old.tag & 0xFFFF == 0 and old.tag >> 16 > 2:
            return  # a group length follows its group
        elif not self._same_bytes(old, new):
            raise _failed(self.old, old, Phrase(N_("its value changed")))
        self._compare_reading(index, old, new)

    def _compare_planned(self, old: Element, new: Element, planned: bytes) -> None:
        raw = self.new.raw(new)
        if raw != encode.padded(planned, old.vr):
            raise _failed(self.old, old, Phrase(N_("its value is not the planned one")))

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
        if codec not in (None, "utf_8"):
            return raw.decode(codec)
        return character_sets.decode(raw, self.new.character_set_at(container))

    def _same_bytes(self, old: Element, new: Element) -> bool:
        if old.length != new.length:
            return False
        if old.length <= _COMPARED_BYTES:
            return self.old.source.read(old.value, old.length) == self.new.source.read(new.value, new.length)
        return _is_slice(self.revision.pieces, new, old.value)


def _is_slice(pieces: Pieces, new: Element, start: int) -> bool:
    """Tell whether a value is, byte for byte, the slice of the source that begins at `start`."""
    begin = 0
    for part, end in zip(pieces.parts, pieces.ends, strict=True):
        if begin <= new.value < end:
            return (
                isinstance(part, Extent) and part.start + new.value - begin == start and new.value + new.length <= end
            )
        begin = end
    return False


def _failed(data_set: DataSet, element: Element | None, why: Phrase) -> NotVerified:
    return NotVerified(faults.NOT_VERIFIED, path="" if element is None else str(path_of(data_set, element)), why=why)
