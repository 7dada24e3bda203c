"""The draft: a data set with changes pencilled in, until they are written out in one character set.

Text is kept as text here, whatever bytes it came from and will become. `finish` decides nothing about letters: it is
told the character set, encodes strictly, and widens to UTF-8 by itself only where the present one cannot hold a letter.
"""

from __future__ import annotations

from collections.abc import Mapping

from tolmach.base import N_, Phrase, Problem
from tolmach.dicom import character_sets, dictionary, encode, faults
from tolmach.dicom.data_set import MAX_TEXT, SOP_CLASS_UID, SOP_INSTANCE_UID, DataSet
from tolmach.dicom.faults import BadPath, BadValue
from tolmach.dicom.paths import NOT_WRITTEN_LIKE_ONE, AttributePath, Steps, path_of
from tolmach.dicom.scanner import ROOT
from tolmach.dicom.values import NUMBER_VRS, numbers_as_text, strip_padding, too_long, unfit
from tolmach.dicom.vrs import STRING_VRS, TEXT_VRS
from tolmach.edit.changes import Change, Reason

_NO_VR = N_("its VR is not known")
_IS_SEQUENCE = N_("it is a sequence; name an attribute inside it")
_NO_TEXT = N_("its values are not written as text")
_UNREADABLE = N_("its bytes do not fit its character set")
# Without them an object cannot be kept or sent. Standard: PS3.3 section C.12.1.
NEEDED = frozenset({SOP_CLASS_UID, SOP_INSTANCE_UID})


class Draft:
    """Changes to one data set, kept apart from it. Used by one journey, for one file."""

    def __init__(self, data_set: DataSet) -> None:
        """Begin with no changes."""
        self.data_set = data_set
        self.texts: dict[int, str] = {}  # new text of existing elements
        self.values: dict[int, bytes] = {}  # new bytes of existing elements that hold no text
        self.removed: set[int] = set()
        self.added: dict[AttributePath, tuple[str, str]] = {}  # VR and text of elements that are new
        self.readings: Mapping[int, str] = {}  # how elements whose label lies really read
        self.changes: list[Change] = []
        self.problems: list[Problem] = []

    # Reading.

    def position(self, tag: int, container: int) -> int | None:
        """Give the index of an existing element, directly inside a container, that was not deleted."""
        index = self.data_set.position(tag, container)
        return None if index in self.removed else index

    def container(self, path: AttributePath) -> int | None:
        """Give the container an attribute stands or would stand in, or None when an item on the way is missing."""
        container = ROOT
        for tag, item in path.steps:
            sequence = self.position(tag, container)
            found = None if sequence is None else self.data_set.index.get((sequence, item))
            if found is None:
                return None
            container = found
        return container

    def is_gone(self, index: int) -> bool:
        """Tell whether an element was deleted, itself or with what encloses it."""
        while self.removed and index != ROOT:
            if index in self.removed:
                return True
            index = self.data_set.elements[index].parent
        return False

    def _index(self, path: AttributePath) -> int | None:
        container = self.container(path)
        return None if container is None else self.position(path.tag, container)

    def has_value(self, path: AttributePath) -> bool:
        """Tell whether an attribute is there and not empty now; blanks alone are empty."""
        if path in self.added:
            return bool(self.added[path][1])
        index = self._index(path)
        if index is None:
            return any(_is_below(other, path) for other in self.added)
        text = self.text_at(index)
        return self.data_set.elements[index].length > 0 if text is None else bool(text)

    def text(self, path: AttributePath) -> str | None:
        """Give an attribute as it would read now; None when it is absent or not for reading."""
        if path in self.added:
            return self.added[path][1]
        index = self._index(path)
        return None if index is None else self.text_at(index)

    def text_at(self, index: int) -> str | None:
        """Give an existing element as it would read now."""
        for known in (self.texts, self.readings):
            if index in known:
                return known[index]
        return self._read(index, self.values.get(index))

    def require_readable(self, path: AttributePath) -> None:
        """Require that an attribute's text is what it says, so that new text may be made of it; raises `BadPath`.

        Absent attributes are; bytes that do not fit their label are not, unless the repair read them.
        """
        index = None if path in self.added else self._index(path)
        if index is None or index in self.texts or index in self.readings or self.vr_at(index) not in TEXT_VRS:
            return
        element = self.data_set.elements[index]
        terms = self.data_set.character_set_at(element.parent)
        if element.length <= MAX_TEXT and character_sets.decode(self.data_set.raw(element), terms) is None:
            raise BadPath(faults.NO_TEXT_THERE, path=path.shown, why=Phrase(_UNREADABLE))

    def shown(self, index: int) -> str | None:
        """Give an element as it stands in the file, read as its label says."""
        return self._read(index)

    def vr_at(self, index: int) -> str:
        """Give the VR of an existing element; where the file says only UN, that of the dictionary if it holds text."""
        element = self.data_set.elements[index]
        known = dictionary.vr_of(element.tag) if element.vr == "UN" else element.vr
        return known if known in STRING_VRS else element.vr

    def _read(self, index: int, raw: bytes | None = None) -> str | None:
        element, vr = self.data_set.elements[index], self.vr_at(index)
        if element.length > MAX_TEXT or not (vr in STRING_VRS or vr in NUMBER_VRS):
            return None
        if raw is None:
            raw = self.data_set.raw(element)
        if vr in TEXT_VRS:
            return strip_padding(character_sets.show(raw, self.data_set.character_set_at(element.parent)), vr)
        if vr in STRING_VRS:
            return strip_padding(raw.decode("latin_1"), vr)
        return numbers_as_text(raw, vr, self.data_set.encoding_in(element.parent))

    # Pencilling in.

    def rewrite(self, index: int, text: str, reason: Reason) -> None:
        """Give an existing text element a new text (repair); recorded with what a viewer showed before."""
        element, vr = self.data_set.elements[index], self.vr_at(index)
        path = path_of(self.data_set, element)
        after = strip_padding(text, vr)
        raw = self.data_set.raw(element)
        self.changes.append(Change(str(path), path.keyword, vr, self.shown(index), after, reason, raw))
        if vr in TEXT_VRS:
            self.texts[index] = text
        else:
            self.values[index] = text.encode("ascii")

    def set(self, path: AttributePath, text: str, reason: Reason = "rule") -> None:
        """Give an attribute a new text, making it when it is absent.

        Raises `BadValue` when the VR cannot hold it, `BadPath` when an item on the way is missing; nothing has changed
        then.
        """
        before = self.text(path)
        if before == text:
            return
        index = self._index(path)
        vr = self._vr_for(path, index)
        self._require_fit(path, vr, text)
        raw_before = None
        if index is None:
            self._require_way(path)
            self.added[path] = (vr, text)
        else:
            element = self.data_set.elements[index]
            raw_before = self.data_set.raw(element) if element.length <= MAX_TEXT else None
            if vr in TEXT_VRS:
                self.texts[index] = text
            else:
                self.values[index] = self._bytes(path, vr, text, element.parent)
        self.changes.append(Change(str(path), path.keyword, vr, before, text, reason, raw_before))

    def delete(self, path: AttributePath) -> None:
        """Take an attribute out, with all that is in it; nothing happens when it is absent."""
        for other in [other for other in self.added if other == path or _is_below(other, path)]:
            vr, before = self.added.pop(other)
            self.changes.append(Change(str(other), other.keyword, vr, before, None, "rule"))
        index = self._index(path)
        if index is None:
            return
        element = self.data_set.elements[index]
        raw = self.data_set.raw(element) if element.length <= MAX_TEXT else None
        self.changes.append(Change(str(path), path.keyword, element.vr, self.text_at(index), None, "rule", raw))
        self.removed.add(index)
        for changed in (self.texts, self.values):
            for other_index in [one for one in changed if self.is_gone(one)]:
                del changed[other_index]

    def _vr_for(self, path: AttributePath, index: int | None) -> str:
        vr = dictionary.vr_of(path.tag) if index is None else self.vr_at(index)
        require_text(path, vr)
        return vr

    def _require_fit(self, path: AttributePath, vr: str, text: str) -> None:
        if not path.steps and path.tag in NEEDED and not text.strip(" \0"):
            raise BadValue(faults.NEEDED, path=path.shown)
        excess = too_long(text, vr)
        if excess is not None:
            raise BadValue(faults.VALUE_TOO_LONG, path=path.shown, length=excess[0], limit=excess[1])
        why = unfit(text, vr)
        if why is not None:
            raise BadValue(faults.BAD_VALUE, value=text, path=path.shown, vr=vr, why=why)

    def _bytes(self, path: AttributePath, vr: str, text: str, container: int) -> bytes:
        if vr in STRING_VRS:
            return text.encode("ascii")
        encoding = self.data_set.encoding_in(container)
        return encode.binary(vr, text, encoding, path=path.shown) if text else b""

    def _require_way(self, path: AttributePath) -> None:
        """Require that every item on the way exists, is being added, or is the next of its sequence."""
        container: int | None = ROOT
        for depth, (tag, item) in enumerate(path.steps):
            sequence = None if container is None else self.position(tag, container)
            vr = dictionary.vr_of(tag) if sequence is None else self.data_set.elements[sequence].vr
            if vr != "SQ" and (sequence is None or not self.data_set.elements[sequence].undefined):
                raise BadPath(faults.BAD_PATH, path=str(path), why=Phrase(NOT_WRITTEN_LIKE_ONE))
            container = None if sequence is None else self.data_set.index.get((sequence, item))
            if container is None and item not in self._known_items(path.steps[:depth], tag, sequence):
                raise BadPath(faults.BAD_PATH, path=str(path), why=Phrase(N_("the item before it does not exist")))

    def _known_items(self, way: Steps, tag: int, sequence: int | None) -> frozenset[int]:
        """Give the numbers of the items a sequence has, is being given, and of the one that would be next."""
        count, depth = 0, len(way)
        while sequence is not None and (sequence, count) in self.data_set.index:
            count += 1
        begun = (
            other.steps[depth][1]
            for other in self.added
            if other.steps[:depth] == way and len(other.steps) > depth and other.steps[depth][0] == tag
        )
        known = frozenset((*range(count), *begun))
        return known | {len(known)}

    def note(self, problem: Problem) -> None:
        """Record a problem that did not stop the change of the rest."""
        self.problems.append(problem)


def require_text(path: AttributePath, vr: str) -> None:
    """Require that an attribute of that VR can be given a text at all; raises `BadPath`."""
    if vr not in STRING_VRS and vr not in NUMBER_VRS:
        why = {"UN": _NO_VR, "SQ": _IS_SEQUENCE}.get(vr, _NO_TEXT)
        raise BadPath(faults.NO_TEXT_THERE, path=path.shown, why=Phrase(why))


def _is_below(other: AttributePath, path: AttributePath) -> bool:
    """Tell whether an attribute stands inside the sequence at `path`."""
    depth = len(path.steps)
    return other.steps[:depth] == path.steps and len(other.steps) > depth and other.steps[depth][0] == path.tag
