"""The diagnosis: whether the text of a data set is what its label says, and how it really reads when it is not.

Values under one label are judged together, because one machine writes one code page: a lone surname may be ambiguous
where a whole file is not. Nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tolmach.base import Fault, Problem
from tolmach.dicom import character_sets
from tolmach.dicom.character_sets import Terms
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.dictionary import keyword_of
from tolmach.repair import faults
from tolmach.repair.judge import AUTO, MULTI_BYTE, NO_MEMORY, Judgement, judge
from tolmach.text.apart import detect_each
from tolmach.text.code_pages import decode
from tolmach.text.detect import Detection
from tolmach.text.lookalikes import has_lookalikes, mend_lookalikes


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


def diagnose(data_set: DataSet, code_page: str = AUTO, memory: Mapping[str, float] = NO_MEMORY) -> Diagnosis:
    """Judge every text value of a data set; `code_page` other than `auto` is taken as the operator's word for it.

    `memory` is how often the machine was found to write each code page. Reads only; the same data set and memory
    always give the same diagnosis.
    """
    if not data_set.marked_text and not data_set.illegal_strings and not data_set.illegal_meta:
        return Diagnosis()
    return _Case(data_set, code_page, memory).diagnosis()


class _Case:
    """Gathers the judgements of one data set, label by label."""

    def __init__(self, data_set: DataSet, code_page: str, memory: Mapping[str, float]) -> None:
        self.data_set, self.code_page, self.memory = data_set, code_page, memory
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
        """Judge each group and give the sum."""
        data_set = self.data_set
        for terms, marked in self.groups.items():
            unknown = [term for term in terms or () if not character_sets.is_defined(term)]
            self.problems.extend(Problem(faults.UNKNOWN_LABEL, {"term": term}) for term in unknown)
            judgement = judge([raw for _index, raw in marked], terms, self.code_page, self.memory)
            self._take(judgement, [index for index, _raw in marked])
        if data_set.illegal_strings:
            self.doubtful.extend(data_set.illegal_strings)
            self.problems.append(Problem(faults.ILLEGAL_LETTERS, {"attributes": self._names(data_set.illegal_strings)}))
        if data_set.illegal_meta:
            names = ", ".join(map(_name, data_set.illegal_meta))
            self.problems.append(Problem(faults.ILLEGAL_META, {"attributes": names}))
        self._note_lookalikes()
        code_strings = {
            index: self._read_code(raw) for index, raw in self.code_values if not self._is_foreign(index, raw)
        }
        return Diagnosis(
            self.detection, self.readings, self.right, tuple(self.doubtful), code_strings, tuple(self.problems)
        )

    def _take(self, judgement: Judgement, indexes: Sequence[int]) -> None:
        found = judgement.detection
        if found is not None and (self.detection is None or found.confidence > self.detection.confidence):
            self.detection = found
        troubles: dict[Fault, list[int]] = {}
        for index, ruling in zip(indexes, judgement.rulings, strict=True):
            if ruling.kind == "lies" and ruling.text is not None:
                self.readings[index] = ruling.text
            elif ruling.kind == "right" and ruling.text is not None:
                self.right[index] = ruling.text
            for fault, is_so in (
                (faults.UNSURE, ruling.kind == "doubtful"),
                (faults.ODD_ONE_OUT, ruling.kind == "misfit"),
                (faults.LOST, ruling.is_lost),
                (faults.CUT_CHARACTER, ruling.is_cut),
            ):
                if is_so:
                    troubles.setdefault(fault, []).append(index)
        page = self.code_page if found is None else found.code_page
        for fault, those in troubles.items():
            self.problems.append(Problem(fault, {"attributes": self._names(those), "code_page": page}))
            if fault is not faults.CUT_CHARACTER:
                self.doubtful.extend(those)

    def _note_lookalikes(self) -> None:
        """Propose what a word would be without the letters that only look like its own; nothing is changed."""
        for index, text in {**self.right, **self.readings}.items():
            if has_lookalikes(text):
                facts = {"attribute": self._names([index]), "text": text, "proposed": mend_lookalikes(text)}
                self.problems.append(Problem(faults.LOOKALIKES, facts))

    def _is_foreign(self, index: int, raw: bytes) -> bool:
        """Tell whether a code string is right under the label, in another script: illegal, but not spoiled."""
        terms = self.data_set.character_set_at(self.data_set.elements[index].parent)
        codec = character_sets.codec_of(terms)
        if codec not in MULTI_BYTE or character_sets.decode(raw, terms) is None:
            return False
        self.problems.append(Problem(faults.FOREIGN_CODE, {"attribute": self._names([index])}))
        return True

    def _read_code(self, raw: bytes) -> str | None:
        """Read a code string nobody may write so: beside the file's text, or on its own evidence."""
        page = None if self.code_page == AUTO else self.code_page
        if page is None and self.detection is not None and self.detection.code_page is not None:
            # Where all text is in capitals, several code pages give the same; small letters then tell them apart.
            texts = [value for marked in self.groups.values() for _index, value in marked]
            verdict = detect_each([*texts, raw], memory=self.memory)[-1]
            if verdict.outcome == "unsure":
                return None
            page = verdict.code_page or self.detection.code_page
        text = None if page is None else decode(raw, page)
        if text is not None:
            return text
        values = [value for _index, value in self.code_values]
        return judge(values, None, memory=self.memory).rulings[values.index(raw)].text

    def _names(self, indexes: Sequence[int]) -> str:
        elements = self.data_set.elements
        names = dict.fromkeys(_name(elements[index].tag) for index in indexes)
        return ", ".join(list(names)[:5]) + (" …" if len(names) > 5 else "")


def _name(tag: int) -> str:
    return keyword_of(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
