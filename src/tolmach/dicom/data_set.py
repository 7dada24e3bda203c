"""A scanned data set: its elements by place and by path, their raw values, and the character set in force at each.

Nothing is decoded here unless it is asked for, and nothing is ever changed: `splice` makes new bytes from this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tolmach.base import Problem
from tolmach.dicom import dictionary, faults
from tolmach.dicom.faults import Damaged
from tolmach.dicom.scanner import ROOT, Element, Encoding, Scanner
from tolmach.dicom.source import Source
from tolmach.dicom.vrs import STRING_VRS, TEXT_VRS

SPECIFIC_CHARACTER_SET = 0x00080005
MAX_TEXT = 16 << 20  # bytes of one text value that are ever read into memory
MAX_ALL_TEXT = 64 << 20  # bytes of such text in one data set
_MAX_LABEL = 1024  # bytes that are looked at of a UID or a character set
MARKED_VRS = TEXT_VRS | {"CS", "UN"}
# Letters and digits of the default repertoire only, whatever the label says. Standard: PS3.5 section 6.1.2.3.
PLAIN_VRS = STRING_VRS - TEXT_VRS - {"CS"}
SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
_META_SOP_CLASS_UID, _META_SOP_INSTANCE_UID = 0x00020002, 0x00020003


@dataclass(frozen=True)
class DataSet:
    """One data set and where it stands.

    `file` holds the whole file, `source` the data set's own bytes: the same, unless the data set is deflated. Offsets
    of `elements` refer to `source`, those of `meta` to `file`, where the meta information ends at `meta_end`. `end`
    leaves out stray bytes behind the last element. `odd_fragment` is the last fragment of odd length in encapsulated
    pixel data, as (index of its element, offset of the item, length). `recounted` are the elements whose length counts
    letters in the file, by index, with that length; `source` has the right ones.
    """

    file: Source
    source: Source
    meta: tuple[Element, ...]
    meta_end: int
    start: int
    end: int
    elements: list[Element]
    encoding: Encoding
    encodings: dict[int, Encoding]
    transfer_syntax_uid: str
    problems: tuple[Problem, ...]
    odd_fragment: tuple[int, int, int] | None = None
    recounted: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, file: Source, source: Source, scanner: Scanner, **known: Any) -> DataSet:
        """Join what a scanner found with what is known of the file around it."""
        return cls(
            file=file,
            source=source,
            end=scanner.end,
            elements=scanner.elements,
            encoding=scanner.encoding,
            encodings=scanner.encodings,
            odd_fragment=scanner.odd_fragment,
            **known,
        )

    def raw(self, element: Element) -> bytes:
        """Give a copy of an element's value as it stands in the file."""
        return bytes(self.source.read(element.value, element.length))

    def encoding_in(self, container: int) -> Encoding:
        """Give how the elements directly inside `container` (an index, or `ROOT`) are written."""
        return self.encodings.get(container, self.encoding)

    @cached_property
    def index(self) -> dict[tuple[int, int], int]:
        """Where each element is, by (container, tag); items by (sequence, item number). The last of duplicates wins."""
        return {
            (element[5], element[0] if element[1] else element[7]): position
            for position, element in enumerate(self.elements)
        }

    @cached_property
    def root_index(self) -> dict[int, int]:
        """Where each element of the data set itself is, by tag: quicker than `index` for what most files need."""
        return {element[0]: position for position, element in enumerate(self.elements) if element[5] == ROOT}

    def find(self, tag: int, container: int = ROOT) -> Element | None:
        """Give the element with that tag directly inside a container, or None."""
        position = self.position(tag, container)
        return None if position is None else self.elements[position]

    def position(self, tag: int, container: int = ROOT) -> int | None:
        """Give the index of the element with that tag directly inside a container, or None."""
        return self.root_index.get(tag) if container == ROOT else self.index.get((container, tag))

    def uid(self, tag: int) -> str:
        """Give a UID of the data set itself without its padding; empty when it is absent."""
        element = self.find(tag)
        return "" if element is None else _label(self.source, element)

    def _meta_uid(self, tag: int) -> str:
        for element in self.meta:
            if element.tag == tag:
                return _label(self.file, element)
        return ""

    @property
    def sop_class_uid(self) -> str:
        """The SOP Class UID of the data set, or else of the file meta information."""
        return self.uid(SOP_CLASS_UID) or self._meta_uid(_META_SOP_CLASS_UID)

    @property
    def sop_instance_uid(self) -> str:
        """The SOP Instance UID of the data set, or else of the file meta information."""
        return self.uid(SOP_INSTANCE_UID) or self._meta_uid(_META_SOP_INSTANCE_UID)

    @cached_property
    def marked_text(self) -> tuple[tuple[int, str, bytes], ...]:
        """Every text value that is not plain ASCII: (index, VR, raw value). CS is among them; huge values are not read.

        So are values with `???` in them, where a program before us may have lost letters.

        VRs are those the dictionary knows where the file says only UN. Raises `Damaged` where all together are beyond
        `MAX_ALL_TEXT`. Standard: PS3.5 section 6.1.2.2.
        """
        marked = [(index, element) for index, element in enumerate(self.elements) if element[1] in MARKED_VRS]
        found, room = [], MAX_ALL_TEXT
        read = self.source.read
        for index, (tag, vr, _start, value, length, *_rest) in marked:
            if vr == "UN":
                vr = dictionary.vr_of(tag)
                if vr == "UN" or vr not in MARKED_VRS:
                    continue
            if 0 < length <= MAX_TEXT:
                raw = bytes(read(value, length))
                if not raw.isascii() or b"\x1b" in raw or b"???" in raw:
                    found.append((index, vr, raw))
                    room -= length
                    if room < 0:
                        raise Damaged(faults.TOO_MUCH_TEXT, limit=MAX_ALL_TEXT)
        return tuple(found)

    @cached_property
    def illegal_strings(self) -> tuple[int, ...]:
        """Where identifiers, dates and numbers hold bytes beyond ASCII, which no character set makes legal there."""
        read = self.source.read
        plain = [(index, one) for index, one in enumerate(self.elements) if one[1] in PLAIN_VRS]
        return tuple(
            index for index, one in plain if 0 < one[4] <= MAX_TEXT and not bytes(read(one[3], one[4])).isascii()
        )

    @cached_property
    def illegal_meta(self) -> tuple[int, ...]:
        """The tags of the file meta information that hold bytes beyond ASCII, where nothing makes them legal.

        Standard: PS3.10 section 7.1 (the default character repertoire).
        """
        read = self.file.read
        strings = [one for one in self.meta if one.vr in STRING_VRS]
        return tuple(one.tag for one in strings if not bytes(read(one.value, min(one.length, _MAX_LABEL))).isascii())

    @cached_property
    def character_sets(self) -> dict[int, tuple[str, ...]]:
        """The values of every Specific Character Set, by the container it stands in.

        Values are as written, without padding, not judged. Standard: PS3.3 section C.12.1.1.2.
        """
        return {
            container: tuple(
                value.strip(" \0") for value in _label(self.source, self.elements[index], "latin-1").split("\\")
            )
            for container, index in self.labels.items()
        }

    @cached_property
    def labels(self) -> dict[int, int]:
        """Where each Specific Character Set stands, by its container."""
        tagged = [index for index, element in enumerate(self.elements) if element[0] == SPECIFIC_CHARACTER_SET]
        return {self.elements[index].parent: index for index in tagged}

    def character_set_at(self, container: int) -> tuple[str, ...] | None:
        """Give the character set in force inside a container: its own, or that of the nearest one around it.

        None when none is given anywhere. Standard: PS3.5 section 6.1.2.3, PS3.3 section C.12.1.1.2.
        """
        while True:
            own = self.character_sets.get(container)
            if own is not None or container == ROOT:
                return own
            container = self.elements[container].parent


def _label(source: Source, element: Element, codec: str = "ascii") -> str:
    raw = bytes(source.read(element.value, min(element.length, _MAX_LABEL)))
    return raw.rstrip(b"\0 ").decode(codec, "replace")
