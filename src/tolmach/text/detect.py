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
from tolmach.text.language import Model, model
from tolmach.text.readings import ESCAPE, Sample, decodes, letters, read, read_utf8, sample

SURE: Final = 0.9
"""A verdict below this probability is "unsure"; at most 0.2 % of the verdicts above it are wrong."""

FEWEST_LETTERS: Final = 3
"""Fewer letters than this are no evidence in a one-byte code page (ЛИ is also ЬТ and МК)."""

TEMPERATURE: Final = 1.6
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
    "kz-1048": 2.5,
}
_OTHERS: Final = (
    ("cp1252", "latin", 0.0),
    ("iso8859-2", "latin", 1.0),
    ("cp1250", "latin", 1.0),
    ("cp1254", "latin", 1.0),
    ("iso8859-7", "greek", 2.0),
    ("iso8859-8", "hebrew", 2.5),
    ("iso8859-6", "arabic", 2.5),
)
NOTHING_RARITY: Final = 2.0

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
    """Readings that come to the same: one text, or leaving the bytes alone, or not knowing what they are."""

    outcome: Outcome
    code_page: str
    cost: float
    letters: int


def detect(
    values: Sequence[bytes], *, declared: str | None = None, memory: Mapping[str, float] | None = None
) -> Detection:
    """Give the verdict on the raw text values of one file, or on one lone value.

    ASCII-only values and values with ISO 2022 escapes are ignored. `declared` is the code page the label claims
    (canonical or Python name); `memory` holds non-negative weights per canonical code page from the device's past.
    Both are weak evidence. Never raises for any bytes; may be repeated with the same result.
    """
    given = sample(values)
    if given.empty:
        return Detection(None, "leave", 1.0, Phrase(N_("There is nothing but ASCII.")))
    label = canonical(declared) if declared else None
    if label in _TRUSTED and decodes([value for value in values if ESCAPE not in value], label):
        facts = {"code_page": label}
        return Detection(None, "leave", 0.99, Phrase(N_("The text is legal {code_page}, as its label says."), facts))
    language = model()
    answers = _answers(given, label, _shifts(label, memory), language)
    return _verdict(answers, label)


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
    answers = [_Answer("unsure", "", given.nothing + NOTHING_RARITY, 0)]
    answers += _utf8_answers(given, shifts, language)
    answers += _cyrillic_answers(given, shifts, language)
    answers += _other_answers(given, label, language)
    return answers


def _utf8_answers(given: Sample, shifts: Mapping[str, float], language: Model) -> list[_Answer]:
    found = read_utf8(given, language)
    if found is None:
        return []
    cost, cyrillic = found
    cost += RARITY["utf-8"] - shifts.get("utf-8", 0.0)
    return [_Answer("cyrillic" if cyrillic else "leave", "utf-8", cost, given.high // 2)]


def _cyrillic_answers(given: Sample, shifts: Mapping[str, float], language: Model) -> list[_Answer]:
    """Give one answer per different text; its code page is the least rare of those that give this text."""
    answers: dict[bytes, _Answer] = {}
    for page, rarity in RARITY.items():
        if page == "utf-8":
            continue
        found = read(given, page, "cyrillic", language)
        if found is None:
            continue
        cost, symbols = found
        cost += rarity - shifts.get(page, 0.0)
        if symbols not in answers or cost < answers[symbols].cost:
            answers[symbols] = _Answer("cyrillic", page, cost, letters(symbols))
    return list(answers.values())


def _other_answers(given: Sample, label: str | None, language: Model) -> list[_Answer]:
    """Give the single answer "leave it", its probability that of all readings in other scripts together."""
    readings = list(_OTHERS)
    labelled = _SCRIPT_OF.get(label or "")
    if label is not None and labelled is not None:
        readings = [r for r in readings if codec_of(r[0]) != label]
        readings.append((label, labelled, -SCRIPT_LABEL_WEIGHT))
    costs = []
    for page, script, rarity in readings:
        found = read(given, page, script, language)
        if found is not None:
            costs.append((found[0] + rarity, page))
    if not costs:
        return []
    cost, page = min(costs)
    return [_Answer("leave", page, cost, 0)]


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
        "code_page": best.code_page,
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
        evidence = Phrase(N_("Only {letters} letters: too few to tell the code page."), facts)
        return Detection(None, "unsure", min(confidence, SURE), evidence)
    if best.outcome == "cyrillic" and confidence >= SURE:
        evidence = Phrase(N_("{letters} letters read as words in {code_page}."), facts)
        return Detection(best.code_page, "cyrillic", confidence, evidence)
    evidence = Phrase(N_("Most likely {code_page}, but only {percent} % sure."), facts)
    return Detection(None, "unsure", min(confidence, SURE), evidence)


def _enough(answer: _Answer) -> int:
    return 2 if answer.code_page == "utf-8" else FEWEST_LETTERS
