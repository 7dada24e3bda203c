"""The draft: a data set with changes pencilled in, until they are written out in one character set.

Text is kept as text here, whatever bytes it came from and will become. `finish` decides nothing about letters: it is
told the character set, encodes strictly, and widens to UTF-8 by itself only where the present one cannot hold a letter.
"""

from __future__ import annotations

from collections.abc import Mapping

from tolmach.base import N_, Phrase, Problem
from tolmach.dicom import character_sets, dictionary, encode, faults
from tolmach.dicom.data_set import MAX_TEXT, DataSet
from tolmach.dicom.faults import BadPath, BadValue
from tolmach.dicom.paths import AttributePath, container_of, path_of
from tolmach.dicom.scanner import ROOT
from tolmach.dicom.values import numbers_as_text, strip_padding, too_long
from tolmach.dicom.vrs import STRING_VRS, TEXT_VRS
from tolmach.edit.changes import Change, Reason

_NO_VR = N_("its VR is not known")
_IS_SEQUENCE = N_("it is a sequence; name an attribute inside it")
_ASCII_ONLY = N_("only Latin letters without accents are allowed there")


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

    def _index(self, path: AttributePath) -> int | None:
        container = container_of(self.data_set, path)
        if container is None:
            return None
        index = self.data_set.index.get((container, path.tag))
        return None if index is None or index in self.removed else index

    def text(self, path: AttributePath) -> str | None:
        """Give an attribute as it would read now; None when it is absent or not for reading."""
        if path in self.added:
            return self.added[path][1]
        index = self._index(path)
        return None if index is None else self.text_at(index)

    def text_at(self, index: int) -> str | None:
        """Give an existing element as it would read now."""
        if index in self.texts:
            return self.texts[index]
        if index in self.readings:
            return self.readings[index]
        data_set = self.data_set
        element = data_set.elements[index]
        if element.length > MAX_TEXT:
            return None
        raw = self.values.get(index)
        if raw is None:
            raw = data_set.raw(element)
        return self._read(raw, element.vr, element.parent)

    def _read(self, raw: bytes, vr: str, container: int) -> str | None:
        if vr in TEXT_VRS:
            return strip_padding(character_sets.show(raw, self.data_set.character_set_at(container)), vr)
        if vr in STRING_VRS:
            return strip_padding(raw.decode("latin_1"), vr)
        return numbers_as_text(raw, vr, self.data_set.encoding_in(container))

    def shown(self, index: int) -> str | None:
        """Give an element as it stands in the file, read as its label says."""
        element = self.data_set.elements[index]
        if element.length > MAX_TEXT:
            return None
        return self._read(self.data_set.raw(element), element.vr, element.parent)

    # Pencilling in.

    def rewrite(self, index: int, text: str, reason: Reason) -> None:
        """Give an existing text element a new text (repair); recorded with what a viewer showed before."""
        element = self.data_set.elements[index]
        path = path_of(self.data_set, element)
        raw = self.data_set.raw(element)
        before = self._read(raw, element.vr, element.parent)
        text = text.rstrip("\0 ")  # padding, which the new bytes may need otherwise
        after = strip_padding(text, element.vr)
        self.changes.append(Change(str(path), path.keyword, element.vr, before, after, reason, raw))
        if element.vr in TEXT_VRS:
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
        if path in self.added:
            vr, before = self.added.pop(path)
            self.changes.append(Change(str(path), path.keyword, vr, before, None, "rule"))
            return
        index = self._index(path)
        if index is None:
            return
        element = self.data_set.elements[index]
        shown = self.text_at(index) if element.vr != "SQ" else None
        raw = self.data_set.raw(element) if element.length <= MAX_TEXT else None
        self.removed.add(index)
        self.texts.pop(index, None)
        self.values.pop(index, None)
        self.changes.append(Change(str(path), path.keyword, element.vr, shown, None, "rule", raw))

    def _vr_for(self, path: AttributePath, index: int | None) -> str:
        known = dictionary.vr_of(path.tag)
        if index is None:
            if known in ("UN", "SQ"):
                why = Phrase(_NO_VR if known == "UN" else _IS_SEQUENCE)
                raise BadPath(faults.BAD_PATH, path=str(path), why=why)
            return known
        vr = self.data_set.elements[index].vr
        if vr == "SQ" or (vr not in STRING_VRS and vr not in ("US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT")):
            if vr == "UN" and known in STRING_VRS:
                return known
            raise BadPath(faults.BAD_PATH, path=str(path), why=Phrase(N_("it holds no text")))
        return vr

    def _require_fit(self, path: AttributePath, vr: str, text: str) -> None:
        excess = too_long(text, vr)
        if excess is not None:
            raise BadValue(faults.VALUE_TOO_LONG, path=str(path), length=excess[0], limit=excess[1])
        if vr not in TEXT_VRS:
            self._bytes(path, vr, text, ROOT)

    def _bytes(self, path: AttributePath, vr: str, text: str, container: int) -> bytes:
        if vr in STRING_VRS:
            if not text.isascii():
                why = Phrase(_ASCII_ONLY)
                raise BadValue(faults.BAD_VALUE, value=text, path=str(path), vr=vr, why=why)
            return text.encode("ascii")
        return encode.binary(vr, text, self.data_set.encoding_in(container)) if text else b""

    def _require_way(self, path: AttributePath) -> None:
        """Require that every item on the way exists, is being added, or is the next of its sequence."""
        container: int | None = ROOT
        for depth, (tag, item) in enumerate(path.steps):
            sequence = None if container is None else self.data_set.index.get((container, tag))
            count = 0
            if sequence is not None:
                while (sequence, count) in self.data_set.index:
                    count += 1
            container = None if sequence is None else self.data_set.index.get((sequence, item))
            if container is not None:
                continue
            prefix = path.steps[:depth]
            begun = {
                other.steps[depth][1]
                for other in self.added
                if other.steps[:depth] == prefix and len(other.steps) > depth and other.steps[depth][0] == tag
            }
            if item not in begun and item != count + len(begun):
                raise BadPath(faults.BAD_PATH, path=str(path), why=Phrase(N_("the item before it does not exist")))

    def note(self, problem: Problem) -> None:
        """Record a problem that did not stop the change of the rest."""
        self.problems.append(problem)
