"""Detection: which code page the text of one file is in, how sure that is, and why.

Every reading (a code page and a script) gets a cost in nats from `readings`, plus how rare it is; what the label
claims and what the device did before shift these costs a little. Readings that give the same text are one answer. The
costs become probabilities with a temperature that was chosen so that they are honest (see `benchmarks/text.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tolmach.base import N_, Phrase
from tolmach.text.code_pages import canonical, codec_of
from tolmach.text.language import SCRIPTS, Model, model
from tolmach.text.readings import (
    ESCAPE,
    FEWEST_BEFORE_CUT,
    Sample,
    decodes,
    is_utf8,
    letters,
    read,
    read_ideographs,
    read_utf8,
    sample,
    small,
)

SURE: Final = 0.9
"""A verdict below this probability is "unsure"; at most 0.2 % of the verdicts above it are wrong."""

FEWEST_LETTERS: Final = 3
"""Fewer letters than this are no evidence in a one-byte code page (ЛИ is also ЬТ and МК)."""

FEW_LETTERS: Final = 5
SURE_OF_FEW: Final = 0.97
"""What `SURE` is for fewer letters than `FEW_LETTERS`, which make a word in too many scripts, and where the next best
reading differs in little: a sibling of the code page (Є is Ї in the other DOS page), or the same letters, small."""

SIBLINGS: Final = (("cp866", "cp1125"), ("koi8-r", "koi8-u"), ("cp1251", "kz-1048"))

TEMPERATURE: Final = 1.4
"""Letters are not independent of one another, so their nats count for a little less than they say."""

LABEL_WEIGHT: Final = 1.5
SCRIPT_LABEL_WEIGHT: Final = 5.0
MEMORY_WEIGHT: Final = 3.0

# How rare each reading is, in nats, before anything is known.
RARITY: Final = {
    "utf-8": 0.0,
    "cp1251": 0.0,
    "cp866": 1.2,
    "koi8-r": 1.6,
    "iso-8859-5": 0.6,
    "cp1125": 1.5,
    "koi8-u": 1.7,
    "mac-cyrillic": 2.5,
    "kz-1048": 3.5,
}


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read the bytes, and how rare it is in nats before the bytes are looked at."""

    code_page: str
    script: str
    rarity: float


OTHERS: Final = (
    _Reading("cp1252", "latin", 0.0),
    _Reading("iso8859-2", "latin", 1.0),
    _Reading("cp1250", "latin", 1.0),
    _Reading("cp1254", "latin", 1.0),
    _Reading("iso8859-7", "greek", 2.0),
    _Reading("iso8859-8", "hebrew", 1.5),
    _Reading("iso8859-6", "arabic", 2.0),
    _Reading("cp737", "greek", 5.5),
    _Reading("cp862", "hebrew", 5.0),
    _Reading("gb18030", "ideographs", 5.0),
)
_NOTHING: Final = _Reading("", "", 2.0)

STRAY_NATS: Final = 8.0
"""By so much must a value read better as Latin than in the code page of its file to be left alone."""

SIEVE_BYTES: Final = 40
SIEVE_NATS: Final = 30.0
"""After so many high bytes, a reading this much worse than the best one is not looked at any further."""

# Scripts of one-byte labels that the model knows, and labels it trusts as soon as the bytes are legal under them.
_LABELLED_SCRIPT: Final = {
    "greek": ("iso8859-7", "cp1253", "mac-greek", "cp737", "cp869"),
    "hebrew": ("iso8859-8", "cp1255", "cp862"),
    "arabic": ("iso8859-6", "cp1256", "cp864", "cp720"),
    "latin": (
        "iso8859-2", "iso8859-3", "iso8859-4", "iso8859-9", "iso8859-10", "iso8859-13", "iso8859-14", "iso8859-15",
        "iso8859-16", "cp1250", "cp1254", "cp1257", "cp850", "cp852", "cp437", "mac-roman", "mac-latin2",
    ),
}  # fmt: skip
_SCRIPT_OF: Final = {page: script for script, pages in _LABELLED_SCRIPT.items() for page in pages}
_TRUSTED: Final = frozenset(
    "gb18030 gbk gb2312 hz big5 big5hkscs cp950 shift_jis cp932 shift_jis_2004 shift_jisx0213 euc_jp euc_jis_2004 "
    "euc_jisx0213 iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_3 iso2022_kr euc_kr cp949 johab tis-620 iso8859-11 "
    "cp874".split()
)

Outcome = Literal["cyrillic", "leave", "unsure"]


@dataclass(frozen=True, slots=True)
class Detection:
    """What the bytes of one file are in.

    `code_page` is a canonical name when the outcome is "cyrillic", else None. `confidence` is the probability that the
    outcome is right; of an "unsure" one, the probability of the best guess, which is below `SURE`.
    """

    code_page: str | None
    outcome: Outcome
    confidence: float
    evidence: Phrase


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one reading comes to: a text, or leaving the bytes alone, or not knowing what they are."""

    outcome: Outcome
    reading: _Reading
    cost: float
    symbols: bytes

    @property
    def letters(self) -> int:
        return len(self.symbols) if self.reading.script == "utf-8" else letters(self.symbols)


def detect(
    values: Sequence[bytes], *, declared: str | None = None, memory: Mapping[str, float] | None = None
) -> Detection:
    """Give the verdict on the raw text values of one file, or on one lone value.

    ASCII-only values and values with ISO 2022 escapes are ignored. `declared` is the code page the label claims
    (canonical or Python name); `memory` holds non-negative weights per canonical code page from the device's past.
    Both are weak evidence. Never raises for any bytes; may be repeated with the same result.
    """
    given = sample(values)
    if not given.chunks:
        return Detection(None, "leave", 1.0, Phrase(N_("There is no text outside ASCII to judge.")))
    label = canonical(declared) if declared else None
    if label in _TRUSTED and decodes([value for value in values if ESCAPE not in value], label):
        facts = {"code_page": label}
        return Detection(None, "leave", 0.99, Phrase(N_("The text is legal {code_page}, as its label says."), facts))
    language = model()
    return _verdict(_answers(given, label, _shifts(label, memory), language), label)


def detect_each(
    values: Sequence[bytes], *, declared: str | None = None, memory: Mapping[str, float] | None = None
) -> tuple[Detection, ...]:
    """Give one verdict per value of a file whose values need not all be in the same code page.

    Values that are UTF-8 on their own (written by another program than the rest) are judged together and apart from
    the others. In a Cyrillic file, a value that reads clearly better as a Latin word with an accent is left alone.
    Otherwise as `detect`, which says the same of every value of a file of one code page.
    """
    apart = any(is_utf8(value, FEWEST_BEFORE_CUT) for value in values)
    kinds = [apart and is_utf8(value, 1) for value in values]
    verdicts = {
        kind: detect(
            [value for value, its_kind in zip(values, kinds, strict=True) if its_kind == kind or value.isascii()],
            declared=declared,
            memory=memory,
        )
        for kind in set(kinds)
    }
    if all(kind or value.isascii() for value, kind in zip(values, kinds, strict=True)) and True in verdicts:
        verdicts[False] = verdicts[True]
    return tuple(_of_value(value, verdicts[kind]) for value, kind in zip(values, kinds, strict=True))


def _of_value(value: bytes, of_file: Detection) -> Detection:
    """Give the verdict of the file, or "leave it" for a value that is a Latin word in a Cyrillic file."""
    if of_file.code_page in (None, "utf-8") or value.isascii():
        return of_file
    given = sample([value])
    if not any(given.ascii_letters):
        return of_file
    language = model()
    ours = read(given, of_file.code_page or "", "cyrillic", language, {})
    theirs = [read(given, r.code_page, r.script, language, {}) for r in OTHERS if r.script == "latin"]
    cost = min((found[0] for found in theirs if found is not None), default=math.inf)
    if cost + STRAY_NATS > (math.inf if ours is None else ours[0]):
        return of_file
    msgid = N_("This value reads as a Latin word, unlike the rest of the file in {code_page}.")
    return Detection(None, "leave", of_file.confidence, Phrase(msgid, {"code_page": of_file.code_page}))


def _shifts(label: str | None, memory: Mapping[str, float] | None) -> dict[str, float]:
    """Give how many nats each Cyrillic code page gains from the label and from the device's memory."""
    shifts: dict[str, float] = {}
    if label in RARITY:
        shifts[label] = LABEL_WEIGHT
    total = sum(memory.values()) if memory else 0.0
    if memory and total > 0:
        for name, weight in memory.items():
            page = canonical(name) or name
            share = weight / total
            strength = total / (total + 2.0)
            shifts[page] = shifts.get(page, 0.0) + MEMORY_WEIGHT * share * strength
    return shifts


def _answers(given: Sample, label: str | None, shifts: Mapping[str, float], language: Model) -> list[_Answer]:
    """Give every answer that is not hopeless, judged on the whole sample.

    A first part of the sample sieves the readings; only those it leaves are read to the end.
    """
    readings = _readings(label, shifts)
    first = given.first(SIEVE_BYTES)
    answers = _read_all(first, readings, language)
    if first is given:
        return _merged(answers)
    limit = min(answer.cost for answer in answers) + SIEVE_NATS
    left = {answer.reading for answer in answers if answer.cost <= limit}
    return _merged(_read_all(given, [reading for reading in readings if reading in left], language))


def _readings(label: str | None, shifts: Mapping[str, float]) -> list[_Reading]:
    """Give all readings to try, each with how rare it is after what the label and the memory say."""
    readings = [
        _Reading(page, "utf-8" if page == "utf-8" else "cyrillic", rarity - shifts.get(page, 0.0))
        for page, rarity in RARITY.items()
    ]
    labelled = _SCRIPT_OF.get(label or "")
    readings += [reading for reading in OTHERS if labelled is None or codec_of(reading.code_page) != label]
    if label is not None and labelled is not None:
        readings.append(_Reading(label, labelled, -SCRIPT_LABEL_WEIGHT))
    return readings


def _read_all(given: Sample, readings: Sequence[_Reading], language: Model) -> list[_Answer]:
    known: dict[str, dict[bytes, float]] = {script: {} for script in SCRIPTS}
    answers = [_Answer("unsure", _NOTHING, given.nothing + _NOTHING.rarity, b"")]
    for reading in readings:
        answer = _read_one(given, reading, language, known)
        if answer is not None:
            answers.append(answer)
    return answers


def _read_one(
    given: Sample, reading: _Reading, language: Model, known: Mapping[str, dict[bytes, float]]
) -> _Answer | None:
    if reading.script == "utf-8":
        utf8 = read_utf8(given, language)
        if utf8 is None:
            return None
        return _Answer("cyrillic" if utf8[1] else "leave", reading, utf8[0] + reading.rarity, bytes(given.high // 2))
    if reading.script == "ideographs":
        cost = read_ideographs(given)
        return None if cost is None else _Answer("leave", reading, cost + reading.rarity, b"")
    found = read(given, reading.code_page, reading.script, language, known[reading.script])
    if found is None:
        return None
    outcome: Outcome = "cyrillic" if reading.script == "cyrillic" else "leave"
    return _Answer(outcome, reading, found[0] + reading.rarity, found[1])


def _merged(answers: Sequence[_Answer]) -> list[_Answer]:
    """Give one answer per different text: of the readings that agree, the least rare."""
    merged: dict[tuple[str, bytes, str], _Answer] = {}
    for answer in answers:
        text = answer.symbols if answer.outcome == "cyrillic" else b""
        key = (answer.outcome, text, answer.reading.script)
        if key not in merged or answer.cost < merged[key].cost:
            merged[key] = answer
    return list(merged.values())


def _verdict(answers: Sequence[_Answer], label: str | None) -> Detection:
    best = min(answers, key=lambda answer: answer.cost)
    total = 0.0
    alike = 0.0
    for answer in answers:
        share = math.exp((best.cost - answer.cost) / TEMPERATURE)
        total += share
        if answer.outcome == best.outcome and (answer.outcome == "leave" or answer is best):
            alike += share
    confidence = alike / total
    facts: dict[str, object] = {
        "code_page": best.reading.code_page,
        "letters": best.letters,
        "percent": round(confidence * 100, 1),
        "label": label or "",
    }
    if best.outcome == "unsure":
        return Detection(
            None, "unsure", min(confidence, SURE), Phrase(N_("The bytes make no words in any script."), facts)
        )
    if best.outcome == "leave" and confidence >= 0.5:
        return Detection(
            None, "leave", confidence, Phrase(N_("The text reads as another script ({code_page})."), facts)
        )
    if best.outcome == "cyrillic" and best.letters < _enough(best):
        evidence = Phrase(N_("Too few letters ({letters}) to tell the code page."), facts)
        return Detection(None, "unsure", min(confidence, SURE), evidence)
    if best.outcome == "cyrillic" and confidence >= _needed(best, answers):
        evidence = Phrase(N_("{letters} letters read as words in {code_page}."), facts)
        return Detection(best.reading.code_page, "cyrillic", confidence, evidence)
    evidence = Phrase(N_("Most likely {code_page}, but only {percent} % sure."), facts)
    return Detection(None, "unsure", min(confidence, SURE), evidence)


def _needed(best: _Answer, answers: Sequence[_Answer]) -> float:
    """Give the confidence that a Cyrillic verdict needs."""
    others = sorted((answer for answer in answers if answer is not best), key=lambda answer: answer.cost)
    close = others and others[0].outcome == "cyrillic" and _close(best, others[0])
    return SURE_OF_FEW if close or best.letters < FEW_LETTERS else SURE


def _close(best: _Answer, other: _Answer) -> bool:
    pages = {best.reading.code_page, other.reading.code_page}
    return any(pages == set(pair) for pair in SIBLINGS) or small(best.symbols) == small(other.symbols)


def _enough(answer: _Answer) -> int:
    return 2 if answer.reading.code_page == "utf-8" else FEWEST_LETTERS
