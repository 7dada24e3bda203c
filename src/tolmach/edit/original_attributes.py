"""Recording in the data set itself what was changed: the Original Attributes Sequence (0400,0561).

Each modification event adds one item; items that are there stay. Old values keep their bytes and stand beside the old
character set where that changed, so nothing is transcoded for the record. Values that never were legal (a code page
under a label that lies, Cyrillic in CS) stand there empty, and their bytes beside them in the Nonconforming Modified
Attributes Sequence (0400,0551).

Standard: PS3.3 section C.12.1.1.9 (Original Attributes Macro), table 10-20 (selector of an attribute in sequences).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from tolmach.dicom import character_sets, dictionary, encode
from tolmach.dicom.data_set import SPECIFIC_CHARACTER_SET
from tolmach.dicom.paths import path_of
from tolmach.dicom.scanner import ROOT, Element, Encoding
from tolmach.dicom.splice import AppendedItem, Edits, Insertion, splice
from tolmach.dicom.values import strip_padding
from tolmach.dicom.vrs import TEXT_VRS
from tolmach.edit.changes import Change
from tolmach.edit.finish import Revision

SYSTEM = "TOLMACH"
MOST_RECORDED = 1 << 20  # bytes of one old attribute; larger ones are named and left empty
_RECORD = "OriginalAttributesSequence"
_CORRECTIONS = ("character-set", "code-string", "length")


def with_original_attributes(revision: Revision, now: datetime, source: str = "") -> Revision:
    """Add the record of a revision's changes to the revision; one that changes nothing is given back as it is.

    `now` must know its time zone; `source` is the system the values came from, if known. Not to be repeated on its own
    result. Where the attribute is there and is no legible sequence, nothing is recorded.
    """
    record = _Record(revision)
    edits, data_set = revision.edits, revision.data_set
    index = data_set.position(_tag(_RECORD))
    if index in edits.removals:
        index = None
    if not record.tags or (index is not None and data_set.elements[index].vr != "SQ"):
        return revision
    content = record.item(now, source)
    if index is not None:
        edits = replace(edits, items=(*edits.items, AppendedItem(index, content)))
    else:
        place = (ROOT, _tag(_RECORD))  # a rule may have made items of it, too
        begun = b"".join(one.value for one in edits.insertions if (one.container, one.tag) == place)
        others = (one for one in edits.insertions if (one.container, one.tag) != place)
        value = begun + encode.item(content, data_set.encoding)
        edits = replace(edits, insertions=(*others, Insertion(*place, "SQ", value)))
    return replace(revision, edits=edits, pieces=splice(data_set, edits))


class _Record:
    """What one revision did, attribute by attribute of the data set itself."""

    def __init__(self, revision: Revision) -> None:
        self.revision, self.data_set = revision, revision.data_set
        self.encoding: Encoding = revision.data_set.encoding
        self.nonconforming = self._nonconforming()
        self.tags = sorted(self._changed_tags())

    def _changed_tags(self) -> set[int]:
        """Give the attributes of the data set itself that were changed, or in which something was."""
        edits, elements = self.revision.edits, self.data_set.elements
        places = [index for index in edits.replacements if not self._follows(index)]
        places += [*edits.removals, *(item.sequence for item in edits.items)]
        places += [insertion.container for insertion in edits.insertions if insertion.container != ROOT]
        tags = {insertion.tag for insertion in edits.insertions if insertion.container == ROOT}
        tags |= {elements[self._top(index)].tag for index in places}
        return tags - {_tag(_RECORD)}

    def _top(self, index: int) -> int:
        while self.data_set.elements[index].parent != ROOT:
            index = self.data_set.elements[index].parent
        return index

    def _follows(self, index: int) -> bool:
        """Tell whether a value only follows the data set's character set: the same text, or the label of an item."""
        element, reading = self.data_set.elements[index], self.revision.readings.get(index)
        if index in self.nonconforming:
            return False
        if reading is None:
            return element.tag == SPECIFIC_CHARACTER_SET and element.parent != ROOT
        old = character_sets.decode(self.data_set.raw(element), self.data_set.character_set_at(element.parent))
        return old is not None and strip_padding(old, element.vr) == strip_padding(reading, element.vr)

    def _nonconforming(self) -> Mapping[int, bytes]:
        """Give the changed or removed values that were not legal where they stood, with their bytes."""
        corrected = {change.path for change in self.revision.changes if _is_correction(change)}
        edits, found = self.revision.edits, {}
        for index in (*edits.replacements, *edits.removals):
            element = self.data_set.elements[index]
            if element.vr in ("SQ", "") or element.undefined or element.length > MOST_RECORDED:
                continue
            raw = self.data_set.raw(element)
            is_corrected = str(path_of(self.data_set, element)) in corrected
            if not self._is_legal(element, raw, is_corrected=is_corrected):
                found[index] = raw
        return found

    def _is_legal(self, element: Element, raw: bytes, *, is_corrected: bool) -> bool:
        if element.tag == SPECIFIC_CHARACTER_SET:
            terms = self.data_set.character_sets.get(element.parent, ())
            return all(character_sets.is_defined(term) for term in terms)
        if element.vr in TEXT_VRS and not raw.isascii():
            terms = self.data_set.character_set_at(element.parent) or ()
            known = all(character_sets.is_defined(term) for term in terms)
            return known and not is_corrected and character_sets.decode(raw, terms) is not None
        return element.vr not in ("CS", "AE", "UI", "DA", "TM", "DT", "DS", "IS", "AS") or raw.isascii()

    def item(self, now: datetime, source: str) -> bytes:
        """Give the content of the item that records this event."""
        items = [self._selected(index, raw) for index, raw in sorted(self.nonconforming.items())]
        nonconforming = b"".join(encode.item(item, self.encoding) for item in items)
        parts = [
            self._element("ModifiedAttributesSequence", encode.item(self._modified(), self.encoding)),
            self._element("NonconformingModifiedAttributesSequence", nonconforming) if items else b"",
            self._element("AttributeModificationDateTime", _date_time(now)),
            self._element("ModifyingSystem", SYSTEM.encode("ascii")),
            self._element("SourceOfPreviousValues", source.encode("ascii", "replace")[:64]),
            self._element("ReasonForTheAttributeModification", _reason(self.revision.changes).encode("ascii")),
        ]
        return b"".join(parts)

    def _element(self, keyword: str, value: bytes) -> bytes:
        tag = _tag(keyword)
        return encode.element(tag, dictionary.vr_of(tag), value, self.encoding)

    def _modified(self) -> bytes:
        """Give the old attributes in the order of their tags, with the creators of private ones."""
        creators = {
            tag & 0xFFFF0000 | (tag >> 8 & 0xFF) for tag in self.tags if tag >> 16 & 1 and tag & 0xFFFF > 0x00FF
        }
        old = {tag: self._old(tag) for tag in creators if self.data_set.find(tag) is not None}
        old |= {tag: self._old(tag) for tag in self.tags}
        return b"".join(old[tag] for tag in sorted(old))

    def _old(self, tag: int) -> bytes:
        index = self.data_set.position(tag)
        if index is None:
            # Where there was no character set the default one held, and what is recorded here fits that: ASCII.
            vr = next(one.vr for one in self.revision.edits.insertions if (one.container, one.tag) == (ROOT, tag))
            return b"" if tag == SPECIFIC_CHARACTER_SET else encode.element(tag, vr, b"", self.encoding)
        element = self.data_set.elements[index]
        if element.end - element.start > MOST_RECORDED:
            return encode.element(tag, element.vr, b"", self.encoding)
        inside = {one: b"" for one in self.nonconforming if self._top(one) == index}
        emptied = splice(self.data_set, Edits(inside))
        grown = emptied.size - (self.data_set.end - self.data_set.start)
        return emptied.read(element.start - self.data_set.start, element.end - element.start + grown)

    def _selected(self, index: int, raw: bytes) -> bytes:
        """Give an item that names an attribute, wherever it stands, and holds its bytes."""
        path = path_of(self.data_set, self.data_set.elements[index])
        parts = [self._element("SelectorAttribute", self._tags(path.tag))]
        if b"\\" not in raw:
            parts.append(self._element("SelectorValueNumber", encode.binary("US", "1", self.encoding)))
        if path.steps:
            parts.append(self._element("SelectorSequencePointer", self._tags(*(tag for tag, _item in path.steps))))
        if creator := self._creator(index):
            parts.append(self._element("SelectorAttributePrivateCreator", creator))
        if path.steps:
            numbers = "\\".join(str(item + 1) for _tag, item in path.steps)
            parts.append(self._element("SelectorSequencePointerItems", numbers.encode("ascii")))
        parts.append(self._element("NonconformingDataElementValue", raw))
        return b"".join(parts)

    def _tags(self, *tags: int) -> bytes:
        return encode.binary("AT", "\\".join(f"{tag:08X}" for tag in tags), self.encoding)

    def _creator(self, index: int) -> bytes:
        element = self.data_set.elements[index]
        if not element.tag >> 16 & 1:
            return b""
        creator = self.data_set.find(element.tag & 0xFFFF0000 | (element.tag >> 8 & 0xFF), element.parent)
        raw = b"" if creator is None or creator.length > 64 else self.data_set.raw(creator)
        return raw if raw.isascii() else b""


def _tag(keyword: str) -> int:
    tag = dictionary.tag_of(keyword)
    if tag is None:
        raise LookupError(keyword)
    return tag


def _date_time(now: datetime) -> bytes:
    return now.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f%z").encode("ascii")


def _reason(changes: Iterable[Change]) -> Literal["CORRECT", "COERCE"]:
    """Say CORRECT where something was wrong, COERCE where only other values were wanted."""
    return "CORRECT" if any(_is_correction(change) for change in changes) else "COERCE"


def _is_correction(change: Change) -> bool:
    """Tell whether a value was wrong, and not only written anew under another label."""
    return (
        change.reason in _CORRECTIONS
        and change.before != change.after
        and not change.path.endswith(f"{SPECIFIC_CHARACTER_SET:08X}")
    )
