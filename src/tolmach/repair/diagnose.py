"""The diagnosis: whether the text of a data set is what its label says, and how it really reads when it is not.

Values under one label are judged together, because one machine writes one code page: a lone surname may be ambiguous
where a whole file is not. Nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from tolmach.base import Problem
from tolmach.dicom import character_sets
from tolmach.dicom.character_sets import Terms
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.dictionary import keyword_of
from tolmach.repair import faults
from tolmach.text.code_pages import canonical, decode
from tolmach.text.detect import Detection, detect

# Codecs of several bytes a character: text that fits one of them strictly is what it says.
_MULTI_BYTE = frozenset({"shift_jis", "iso2022_jp", "iso2022_jp_2", "euc_kr", "gb2312", "gb18030", "gbk"})
_CACHED_BYTES = 4096

Marked = Sequence[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found out about the text of one data set. Values are named by their index among the elements.

    `readings` are texts whose label lies, as they really read; `right` those that are what the label says; `doubtful`
    those nobody can read surely. `code_strings` are CS values with letters CS may not hold, `None` when unreadable.
    """

    detection: Detection | None = None
    readings: Mapping[int, str] = field(default_factory=dict)
    right: Mapping[int, str] = field(default_factory=dict)
    doubtful: Sequence[int] = ()
    code_strings: Mapping[int, str | None] = field(default_factory=dict)
    problems: Sequence[Problem] = ()


def diagnose(data_set: DataSet, code_page: str = "auto") -> Diagnosis:
    """Judge every text value of a data set; `code_page` other than `auto` is taken as the operator's word for it.

    Reads only; the same data set always gives the same diagnosis.
    """
    if not data_set.marked_text:
        return Diagnosis()
    work = _Judge(data_set, code_page)
    return work.diagnosis()


class _Judge:
    """Gathers the judgement of one data set, label by label."""

    def __init__(self, data_set: DataSet, code_page: str) -> None:
        self.data_set, self.code_page = data_set, code_page
        self.groups: dict[Terms | None, list[tuple[int, bytes]]] = {}
        self.code_values: list[tuple[int, bytes]] = []
        for index, vr, raw in data_set.marked_text:
            if vr == "CS":
                self.code_values.append((index, raw))
            else:
                terms = data_set.character_set_at(data_set.elements[index].parent)
                self.groups.setdefault(terms, []).append((index, raw))
        self.readings: dict[int, str] = {}
        self.right: dict[int, str] = {}
        self.doubtful: list[int] = []
        self.problems: list[Problem] = []
        self.detection: Detection | None = None

    def diagnosis(self) -> Diagnosis:
        for terms, marked in self.groups.items():
            self._note_label(terms)
            if self.code_page == "auto":
                self._judge(terms, marked)
            else:
                self._obey(terms, marked)
        if self.doubtful:
            self.problems.append(Problem(faults.UNSURE, {"attributes": self._names(self.doubtful)}))
        code_strings = {
            index: self._read_code(raw) for index, raw in self.code_values if not self._is_foreign(index, raw)
        }
        return Diagnosis(
            self.detection, self.readings, self.right, tuple(self.doubtful), code_strings, tuple(self.problems)
        )

    def _note_label(self, terms: Terms | None) -> None:
        for term in terms or ():
            if not character_sets.is_defined(term):
                self.problems.append(Problem(faults.UNKNOWN_LABEL, {"term": term}))

    def _judge(self, terms: Terms | None, marked: Marked) -> None:
        codec = character_sets.codec_of(terms)
        claimed = {index: character_sets.decode(raw, terms) for index, raw in marked}
        fits = all(text is not None for text in claimed.values())
        extended = codec in _MULTI_BYTE or any(b"\x1b" in raw for _index, raw in marked)
        if fits and extended:
            self.right.update({index: text for index, text in claimed.items() if text is not None})
            return
        found = _detect(tuple(raw for _index, raw in marked), codec)
        if self.detection is None or found.confidence > self.detection.confidence:
            self.detection = found
        if found.code_page is not None:
            self._read(found.code_page, codec, marked)
        elif found.outcome == "leave" or (fits and _is_trustworthy(terms)):
            self.right.update({index: text for index, text in claimed.items() if text is not None})
        else:
            self.doubtful.extend(index for index, _raw in marked)

    def _read(self, code_page: str, codec: str | None, marked: Marked) -> None:
        """Read values in the code page that was found, whether the label says so too or not."""
        honest = codec is not None and canonical(codec) == code_page
        misfits = []
        for index, raw in marked:
            text = decode(raw, code_page)
            if text is None:
                misfits.append(index)
            elif honest:
                self.right[index] = text
            else:
                self.readings[index] = text
        self._note_misfits(misfits, code_page)

    def _obey(self, terms: Terms | None, marked: Marked) -> None:
        """Take the operator's word for the code page; values that do not fit it stay as they are."""
        self._read(self.code_page, character_sets.codec_of(terms), marked)

    def _note_misfits(self, misfits: Sequence[int], code_page: str) -> None:
        if misfits:
            self.doubtful.extend(misfits)
            facts = {"attributes": self._names(misfits), "code_page": code_page}
            self.problems.append(Problem(faults.ODD_ONE_OUT, facts))

    def _is_foreign(self, index: int, raw: bytes) -> bool:
        """Tell whether a code string is right under the label, in another script: illegal, but not spoiled."""
        terms = self.data_set.character_set_at(self.data_set.elements[index].parent)
        codec = character_sets.codec_of(terms)
        if codec not in _MULTI_BYTE or character_sets.decode(raw, terms) is None:
            return False
        self.problems.append(Problem(faults.FOREIGN_CODE, {"attribute": self._names([index])}))
        return True

    def _read_code(self, raw: bytes) -> str | None:
        """Read a code string nobody may write so: in the code page of the file's text, or on its own evidence."""
        page = self.code_page if self.code_page != "auto" else None
        if page is None and self.detection is not None:
            page = self.detection.code_page
        if page is not None:
            text = decode(raw, page)
            if text is not None:
                return text
        found = _detect(tuple(value for _index, value in self.code_values), None)
        return None if found.code_page is None else decode(raw, found.code_page)

    def _names(self, indexes: Sequence[int]) -> str:
        elements = self.data_set.elements
        names = dict.fromkeys(_name(elements[index].tag) for index in indexes)
        return ", ".join(list(names)[:5]) + (" …" if len(names) > 5 else "")


def _name(tag: int) -> str:
    return keyword_of(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _is_trustworthy(terms: Terms | None) -> bool:
    """Tell whether a label is one a machine writes only when it means it: anything legal but Latin-1 and nothing."""
    return bool(terms) and all(character_sets.is_defined(term) for term in terms or ()) and terms != ("ISO_IR 100",)


def _detect(values: tuple[bytes, ...], declared: str | None) -> Detection:
    if sum(map(len, values)) > _CACHED_BYTES:
        return detect(values, declared=declared)
    return _detect_cached(values, declared)


@lru_cache(maxsize=1024)
def _detect_cached(values: tuple[bytes, ...], declared: str | None) -> Detection:
    """Judge once what all images of one series carry alike."""
    return detect(values, declared=declared)
