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
from tolmach.text.code_pages import (
    CYRILLIC_SCRIPTS,
    FAMILY,
    RARITY,
    SCRIPT_OF,
    SCRIPT_OF_PAGE,
    TRUSTED,
    canonical,
    codec_of,
)
from tolmach.text.language import SCRIPTS, Model, model
from tolmach.text.readings import (
    ESCAPE,
    Sample,
    decodes,
    letters,
    read,
    read_ideographs,
    read_utf8,
    sample,
    serbian_bytes,
    small,
)

SURE: Final = 0.9
"""A verdict below this probability is "unsure"; at most 0.2 % of the verdicts above it are wrong."""

FEWEST_LETTERS: Final = 3
"""Words of fewer letters than this are no evidence in a one-byte code page (ЛИ is also ЬТ and МК)."""

FEW_LETTERS: Final = 5
SURE_OF_FEW: Final = 0.95
"""What `SURE` is for fewer letters than `FEW_LETTERS`, which make a word in too many scripts, and where the next best
reading differs in little: a sibling of the code page (Є is Ї in the other DOS page), or the same letters, small."""

SURE_OF_FEW_SMALL: Final = 0.99
"""The same where the few letters are all small, as nobody writes a lone name."""

TEMPERATURE: Final = 1.4
"""Letters are not independent of one another, so their nats count for a little less than they say."""

LABEL_WEIGHT: Final = 1.5
SCRIPT_LABEL_WEIGHT: Final = 5.0
MEMORY_WEIGHT: Final = 3.0


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
    _Reading("iso8859-7", "greek", 3.0),
    _Reading("iso8859-8", "hebrew", 4.0),
    _Reading("iso8859-6", "arabic", 3.0),
    _Reading("cp737", "greek", 7.5),
    _Reading("cp862", "hebrew", 8.0),
    _Reading("gb18030", "ideographs", 7.0),
)
SERBIAN: Final = tuple((page, "serbian", RARITY[page] + 5.0) for page in ("cp1251", "iso-8859-5"))
SERBIAN_PAGES: Final = ("cp1251", "iso-8859-5", "mac-cyrillic")
COST_STRANGE: Final = 8.0
MOST_STRANGE: Final = 3
"""Each letter of Serbian in other Cyrillic text costs so much, up to so many: in the Kazakh page they are Kazakh."""
_NOTHING: Final = _Reading("", "", 2.0)

SIEVE_BYTES: Final = 20
SIEVE_NATS: Final = 30.0
"""After so many high bytes, a reading this much worse than the best one is not looked at any further."""

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
class Answer:
    """What one reading comes to: a text, or leaving the bytes alone, or not knowing what they are."""

    outcome: Outcome
    reading: _Reading
    cost: float
    symbols: bytes

    @property
    def page(self) -> str:
        """The code page of the reading."""
        return self.reading.code_page

    @property
    def letters(self) -> int:
        """How many letters the reading gives."""
        return len(self.symbols) if self.reading.script == "utf-8" else letters(self.symbols)

    @property
    def has_enough(self) -> bool:
        """Tell whether there are letters enough to judge by: one word of them in a one-byte code page."""
        if self.reading.code_page == "utf-8":
            return self.letters >= 2
        return any(letters(word) >= FEWEST_LETTERS for word in self.symbols.split(b"\0"))


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
    if label in TRUSTED and decodes([value for value in values if ESCAPE not in value], label):
        facts = {"code_page": label}
        return Detection(None, "leave", 0.99, Phrase(N_("The text is legal {code_page}, as its label says."), facts))
    language = model()
    return _verdict(answers_for(given, label, _shifts(label, memory), language), label)


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


def answers_for(given: Sample, label: str | None, shifts: Mapping[str, float], language: Model) -> list[Answer]:
    """Give every answer that is not hopeless, judged on the whole sample.

    A part of the sample sieves the readings; only those it leaves are read to the end.
    """
    readings = _readings(label, shifts)
    first = given.part(SIEVE_BYTES)
    answers = _read_all(first, readings, language)
    if first is given:
        return _merged(answers)
    limit = min(answer.cost for answer in answers) + SIEVE_NATS
    left = {answer.reading for answer in answers if answer.cost <= limit}
    return _merged(_read_all(given, [reading for reading in readings if reading in left], language))


def _readings(label: str | None, shifts: Mapping[str, float]) -> list[_Reading]:
    """Give all readings to try, each with how rare it is after what the label and the memory say."""
    readings = [
        _Reading(page, SCRIPT_OF_PAGE.get(page, "cyrillic"), rarity - shifts.get(page, 0.0))
        for page, rarity in RARITY.items()
    ]
    readings += [_Reading(page, script, rarity - shifts.get(page, 0.0)) for page, script, rarity in SERBIAN]
    labelled = SCRIPT_OF.get(label or "")
    readings += [reading for reading in OTHERS if labelled is None or codec_of(reading.code_page) != label]
    if label is not None and labelled is not None:
        readings.append(_Reading(label, labelled, -SCRIPT_LABEL_WEIGHT))
    return readings


def _read_all(given: Sample, readings: Sequence[_Reading], language: Model) -> list[Answer]:
    known: dict[str, dict[bytes, float]] = {script: {} for script in SCRIPTS}
    known["kazakh"] = known["cyrillic"]
    answers = [Answer("unsure", _NOTHING, given.nothing + _NOTHING.rarity, b"")]
    for reading in readings:
        answer = _read_one(given, reading, language, known)
        if answer is not None:
            answers.append(answer)
    return answers


def _read_one(
    given: Sample, reading: _Reading, language: Model, known: Mapping[str, dict[bytes, float]]
) -> Answer | None:
    if reading.script == "utf-8":
        utf8 = read_utf8(given, language)
        if utf8 is None:
            return None
        return Answer("cyrillic" if utf8[1] else "leave", reading, utf8[0] + reading.rarity, bytes(given.high // 2))
    if reading.script == "ideographs":
        cost = read_ideographs(given)
        return None if cost is None else Answer("leave", reading, cost + reading.rarity, b"")
    strange = _serbian_letters(given, reading.code_page)
    if reading.script == "serbian" and not strange:
        return None
    found = read(given, reading.code_page, reading.script, language, known[reading.script])
    if found is None:
        return None
    outcome: Outcome = "cyrillic" if reading.script in CYRILLIC_SCRIPTS else "leave"
    extra = min(strange, MOST_STRANGE) * COST_STRANGE if reading.script == "cyrillic" else 0.0
    return Answer(outcome, reading, found[0] + reading.rarity + extra, found[1])


def _serbian_letters(given: Sample, code_page: str) -> int:
    """Count the letters that only Serbian and Macedonian have, where a code page has them."""
    if code_page not in SERBIAN_PAGES:
        return 0
    return len(given.joined) - len(given.joined.translate(None, serbian_bytes(code_page)))


def _merged(answers: Sequence[Answer]) -> list[Answer]:
    """Give one answer per different text: of the readings that agree, the least rare."""
    merged: dict[tuple[str, bytes, str], Answer] = {}
    for answer in answers:
        text = answer.symbols if answer.outcome == "cyrillic" else b""
        script = answer.reading.script
        key = (answer.outcome, text, "" if script in ("cyrillic", "kazakh") else script)
        if key not in merged or answer.cost < merged[key].cost:
            merged[key] = answer
    return list(merged.values())


def _verdict(answers: Sequence[Answer], label: str | None) -> Detection:
    best = min(answers, key=lambda answer: answer.cost)
    total = 0.0
    alike = 0.0
    for answer in answers:
        share = math.exp((best.cost - answer.cost) / TEMPERATURE)
        total += share
        if answer.outcome == best.outcome and (answer.outcome == "leave" or answer.page == best.page):
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
    if best.outcome == "cyrillic" and not best.has_enough:
        evidence = Phrase(N_("Too few letters ({letters}) to tell the code page."), facts)
        return Detection(None, "unsure", min(confidence, SURE), evidence)
    if best.outcome == "cyrillic" and confidence >= _needed(best, answers):
        evidence = Phrase(N_("{letters} letters read as words in {code_page}."), facts)
        return Detection(best.reading.code_page, "cyrillic", confidence, evidence)
    evidence = Phrase(N_("Most likely {code_page}, but only {percent} % sure."), facts)
    return Detection(None, "unsure", min(confidence, SURE), evidence)


def _needed(best: Answer, answers: Sequence[Answer]) -> float:
    """Give the confidence that a Cyrillic verdict needs."""
    others = sorted((answer for answer in answers if answer.page != best.page), key=lambda answer: answer.cost)
    close = others and others[0].outcome == "cyrillic" and _close(best, others[0])
    if best.letters < FEW_LETTERS and best.symbols == small(best.symbols):
        return SURE_OF_FEW_SMALL
    return SURE_OF_FEW if close or best.letters < FEW_LETTERS else SURE


def _close(best: Answer, other: Answer) -> bool:
    are_siblings = FAMILY.get(best.page, best.page) == FAMILY.get(other.page, other.page)
    return are_siblings or small(best.symbols) == small(other.symbols)
