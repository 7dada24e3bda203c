"""Spoilt text: letters that decode without a fault and still are not what was written.

Somewhere before, bytes in one code page were read as another and written again; *chains* below say which. `undo` reads
a text back along every chain and keeps the one that makes clearly better words. What is lost is said to be lost.

    chain                       Иванов looks like     met when
    cp1251-as-latin-1           Èâàíîâ                no label or ISO_IR 100, re-encoded by a PACS: the usual case
    cp1251-as-iso-8859-5        Штрэют                ISO_IR 144 claimed for Windows bytes
    cp1251-as-cp866             ╚трэют                a DOS viewer's export
    cp1251-as-koi8-r            хБЮМНБ
    cp866-as-cp1251             €ў ­®ў                DOS bytes on a Windows station
    koi8-r-as-latin-1           é×ÁÎÏ×                a Unix station
    koi8-r-as-cp1251            йЧБОПЧ
    iso-8859-5-as-latin-1       ¸ÒÐÝÞÒ                right bytes, label lost
    iso-8859-5-as-cp1251        ёТРЭЮТ                right bytes, label ignored
    utf-8-as-latin-1, -cp1252   Ð˜Ð²Ð°Ð½Ð¾Ð²          UTF-8 under ISO_IR 100, or encoded twice
    utf-8-as-cp1251             РРІР°РЅРѕРІ           UTF-8 read by a Windows program
    utf-8-as-iso-8859-5         а…аВаАаНаОаВ          UTF-8 under ISO_IR 144
    utf-8-as-cp866              ╨Ш╨▓╨░╨╜╨╛╨▓
    koi8-r-in-7-bits            iWANOW                the eighth bit was cut off
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from tolmach.base import N_, Phrase
from tolmach.text.code_pages import SCRIPT_OF_PAGE, codec_of, decode
from tolmach.text.detect import FEWEST_LETTERS, SURE, SURE_OF_FEW
from tolmach.text.language import Model, model, symbol_of
from tolmach.text.readings import letters, read, read_utf8, sample, script_cost, text_cost

SEVEN_BITS: Final = "koi8-r-in-7-bits"
MOST_STEPS: Final = 3
"""A text is read back at most this often: two gateways in a row are known, four are not."""

UNSPOILT_LEAD: Final = 6.0
"""How many nats a text that decodes has in favour of being right as it is."""

UNSPOILT_LEAD_OF_FEW: Final = 9.0
"""The same where most letters stay: a letter or two more usual than before are no reason to touch a name."""

RIGHT_FROM: Final = 4.0
RIGHT_PER_LETTER: Final = 2.8
"""Text that costs no more than this is right; spoilt text costs twice as much."""

TEMPERATURE: Final = 1.5
"""As in `detect`; higher, because more readings compete."""

MOST_CHARACTERS: Final = 4096
"""Longer texts are judged by their beginning."""

FEW_LETTERS: Final = 5

# How rare each chain is: what the bytes were taken for, and what they were.
_TAKEN_FOR: Final = {
    "latin-1": 0.0,
    "cp1252": 0.2,
    "cp1251": 0.5,
    "iso-8859-5": 0.5,
    "cp866": 2.0,
    "koi8-r": 3.0,
    "mac-cyrillic": 4.0,
}
_WERE: Final = {
    "utf-8": 0.0,
    "cp1251": 0.0,
    "koi8-r": 1.5,
    "koi8-u": 1.6,
    "cp866": 1.5,
    "cp1125": 1.6,
    "iso-8859-5": 2.0,
    "mac-cyrillic": 3.0,
    "kz-1048": 3.5,
}
_ONE_BYTE: Final = tuple(page for page in _WERE if page != "utf-8")
_SCRIPTS: Final = ("serbian", "latin", "greek", "hebrew", "arabic")
_CHUNK: Final = re.compile("[A-Za-z'\x80-\U0010ffff]*[\x80-\U0010ffff][A-Za-z'\x80-\U0010ffff]*")
_SWAPPED_CASE: Final = re.compile(r"[^A-Za-z]*(?:[a-z`{|}~][A-Z@\[\\\]^_']{2,}[^A-Za-z]*)+")
_LONE_D0: Final = re.compile(rb"\xd0(?:\?|(?=[^\x80-\xbf]))")
# Signs instead of letters, or letters of Serbian in one word with letters it lacks: nobody writes so.
_NO_WORD: Final = re.compile(
    "[€‚†‡‰‹][а-яёіїєґ]|(?:^|[\\s^=])[’‘§•—–…”»][а-яёіїєґ]|[а-яёіїєґ][»”§•][а-яёіїєґ]"
    "|[ђѓѕјљњќћџЂЃЅЈЉЊЌЋЏ][А-яґђѓѕјљњќћџ]*[йщъыьэюяёіїєґў]|[йщъыьэюяёіїєґў][А-яґ]*[ђѓѕјљњќћџЂЃЅЈЉЊЌЋЏ]"
)
_LOST: Final = re.compile("\\?{3,}|\ufffd|\x1a")


@dataclass(frozen=True, slots=True)
class Undone:
    """What spoilt a text, the text as it was written, the probability that this is right, and why."""

    chain: str
    text: str
    confidence: float
    evidence: Phrase


@dataclass(frozen=True, slots=True)
class _Mended:
    chain: str
    text: str
    cost: float
    letters: int


def undo(text: str) -> Undone | None:
    """Give the text as it was before a wrong code page spoilt it, when that is clear; None otherwise.

    Chains of several steps are followed one after the other and named with " + " between them, the last spoiling
    first. To judge the values of one file together, join them with a newline. What comes out gives None when put in.
    """
    chains: list[str] = []
    confidence = 1.0
    current = text
    for _ in range(MOST_STEPS):
        step = _undo_once(current)
        if step is None or step[0].text == current:
            break
        chains.append(step[0].chain)
        confidence *= step[1]
        current = step[0].text
    if not chains or confidence < SURE:
        return None
    chain = " + ".join(chains)
    facts = {"chain": chain, "percent": round(confidence * 100, 1)}
    return Undone(chain, current, confidence, Phrase(N_("The text was spoilt as {chain} ({percent} % sure)."), facts))


def mend(text: str, chain: str) -> str | None:
    """Give a text read back along a chain that `undo` named, or None when some character cannot have come that way.

    For the short values of a file whose long ones told which chain it was. Raises LookupError for an unknown chain.
    """
    current: str | None = text
    for step in chain.split(" + "):
        if current is None or (current.isascii() and step != SEVEN_BITS):
            return current
        if step == SEVEN_BITS:
            current = _from_seven_bits(current)
            continue
        were, _, taken_for = step.partition("-as-")
        raw = _raw_utf8(current, taken_for) if were == "utf-8" else _raw(current, taken_for)
        current = None if raw is None else _decoded(raw, were)
    return current


def lost(text: str) -> Phrase | None:
    """Say that letters of a text are gone for good, when they are: runs of `?`, U+FFFD, SUB. None when all is there."""
    found = _LOST.search(text)
    if found is None:
        return None
    facts = {"mark": "?" if found[0].startswith("?") else f"U+{ord(found[0][0]):04X}", "count": len(found[0])}
    return Phrase(N_("Letters were replaced by {mark} before and cannot be repaired from this file."), facts)


def without_cut_tail(raw: bytes) -> bytes | None:
    """Give UTF-8 bytes without the last character that a length limit cut in two; None when that is not the fault."""
    try:
        text, used = codecs.utf_8_decode(raw, "strict", False)
    except UnicodeDecodeError:
        return None
    return raw[:used] if used < len(raw) and not text.isascii() else None


def _undo_once(text: str) -> tuple[_Mended, float] | None:
    """Give the best single step back and its probability, or None when leaving the text alone is better or as good."""
    if text.isascii():
        return _undo_seven_bits(text)
    head = text[:MOST_CHARACTERS]
    language = model()
    as_it_is = _cost_as_it_is(head, language)
    if as_it_is is None:
        return None
    best: dict[str, _Mended] = {}
    for found in _read_back(head, language):
        if found.text not in best or found.cost < best[found.text].cost:
            best[found.text] = found
    if not best:
        return None
    winner = min(best.values(), key=lambda found: found.cost)
    weights = [math.exp((winner.cost - found.cost) / TEMPERATURE) for found in best.values()]
    lead = UNSPOILT_LEAD if _is_all_new(head, winner.text) or _NO_WORD.search(head) else UNSPOILT_LEAD_OF_FEW
    unspoilt = math.exp(min(50.0, (winner.cost - as_it_is + lead) / TEMPERATURE))
    confidence = 1.0 / (sum(weights) + unspoilt)
    needed = SURE if winner.letters >= FEW_LETTERS else SURE_OF_FEW
    if confidence < needed or winner.letters < FEWEST_LETTERS:
        return None
    whole = winner.text if head is text or len(head) == len(text) else mend(text, winner.chain)
    return None if whole is None else (_Mended(winner.chain, whole, winner.cost, winner.letters), confidence)


def _cost_as_it_is(text: str, language: Model) -> float | None:
    """Give what the words of a text cost as they are in the best script of each; None when they are plainly right."""
    chunks = dict.fromkeys(_CHUNK.findall(text))
    plain = RIGHT_FROM + RIGHT_PER_LETTER * sum(map(len, chunks))
    costs = [script_cost(chunk, "cyrillic", language) for chunk in chunks]
    if sum(costs) <= plain:
        return None
    cost = sum([min(cost, text_cost(chunk, language, _SCRIPTS)) for chunk, cost in zip(chunks, costs, strict=True)])
    return None if cost <= plain else cost


def _is_all_new(text: str, mended: str) -> bool:
    """Tell whether most letters outside ASCII became other ones; where most stay, the rest may be right as well."""
    foreign = [character for character in text if character > "\x7f"]
    if len(text) != len(mended):
        return True
    kept = sum(one == other for one, other in zip(text, mended, strict=True) if one > "\x7f")
    return 2 * kept < len(foreign)


def _read_back(text: str, language: Model) -> Iterator[_Mended]:
    """Give every text this one may have been, each with what its words cost."""
    for taken_for, rarity in _TAKEN_FOR.items():
        yield from _read_as_utf8(text, taken_for, rarity, language)
        yield from _read_as_one_byte(text, taken_for, rarity, language)


def _read_as_utf8(text: str, taken_for: str, rarity: float, language: Model) -> Iterator[_Mended]:
    raw = _raw_utf8(text, taken_for)
    found = read_utf8(sample((raw,)), language) if raw is not None else None
    mended = _decoded(raw, "utf-8") if raw is not None and found is not None else None
    if found is not None and mended is not None:
        foreign = sum(character > "\x7f" for character in mended)
        yield _Mended(f"utf-8-as-{taken_for}", mended, found[0] + rarity, foreign)


def _read_as_one_byte(text: str, taken_for: str, rarity: float, language: Model) -> Iterator[_Mended]:
    raw = _raw(text, taken_for)
    if raw is None:
        return
    given = sample((raw,))
    if not given.chunks:
        return
    known: dict[bytes, float] = {}
    for page in _ONE_BYTE:
        script = SCRIPT_OF_PAGE.get(page, "cyrillic")
        found = read(given, page, script, language, known) if page != taken_for else None
        mended = _decoded(raw, page) if found is not None else None
        if found is not None and mended is not None and _is_ours(mended):
            yield _Mended(f"{page}-as-{taken_for}", mended, found[0] + rarity + _WERE[page], letters(found[1]))


def _is_ours(text: str) -> bool:
    """Tell whether a text holds only what is written in Cyrillic here: no box drawing, no Serbian letters."""
    return all(character < "\x80" or character in _allowed() for character in text)


@cache
def _allowed() -> frozenset[str]:
    return frozenset(symbol_of("cyrillic")) | frozenset("\xa0«»–—…“”„’‘№°§±µ·×²³•")


def _decoded(raw: bytes, page: str) -> str | None:
    """Give the text of bytes, one that shows no C1 control; UTF-8 that was cut in two loses its broken end."""
    if page != "utf-8":
        return decode(raw, page)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        rest = without_cut_tail(raw)
        return None if rest is None else rest.decode("utf-8")


def _raw(text: str, taken_for: str) -> bytes | None:
    """Give the bytes a text was read from, if every one of its characters exists in that code page.

    Windows reads the bytes its code pages leave undefined as C1 controls; so do we.
    """
    codec = codec_of(taken_for)
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return _raw_with_undefined(text, codec)


def _raw_utf8(text: str, taken_for: str) -> bytes | None:
    """Give the bytes of UTF-8 a text was read from.

    cp1251 leaves one byte undefined, 98, the second half of И; where it fell out or became a mark it is put back.
    """
    if taken_for != "cp1251":
        return _raw(text, taken_for)
    raw = _raw(text.replace("\ufffd", "\x98"), taken_for)
    return None if raw is None else _LONE_D0.sub(b"\xd0\x98", raw)


def _raw_with_undefined(text: str, codec: str) -> bytes | None:
    undefined = _undefined(codec)
    output = bytearray()
    for character in text:
        try:
            output += character.encode(codec)
        except UnicodeEncodeError:
            if character not in undefined:
                return None
            output.append(ord(character))
    return bytes(output)


@cache
def _undefined(codec: str) -> frozenset[str]:
    return frozenset(chr(byte) for byte in range(0x80, 0xA0) if not bytes((byte,)).decode(codec, "ignore"))


def _undo_seven_bits(text: str) -> tuple[_Mended, float] | None:
    """Give KOI8-R its eighth bit back, where all words have their capitals the wrong way round and make known words."""
    if _SWAPPED_CASE.fullmatch(text) is None:
        return None
    mended = _from_seven_bits(text)
    if mended is None:
        return None
    language = model()
    words = re.findall("[^\\W\\d_]+", mended.lower())
    cyrillic = symbol_of("cyrillic")
    coded = [bytes(cyrillic.get(letter, 0) for letter in word) for word in words if len(word) > 1]
    count = sum(map(len, coded))
    cost = sum(language.nats("cyrillic", word) for word in coded if 0 not in word)
    if count < FEW_LETTERS or any(0 in word for word in coded) or cost > NATS_PER_LETTER * count:
        return None
    return _Mended(SEVEN_BITS, mended, cost, count), 0.95


NATS_PER_LETTER: Final = 3.2
"""Words of a language cost less than this per letter, letters thrown together more."""

_SEVEN_BIT_LETTERS: Final = re.compile(r"[A-Za-z@`\[{\]}\\|~_]+")


def _from_seven_bits(text: str) -> str | None:
    """Give every word of letters its eighth bit back; `^` and `=` stay, they delimit names."""

    def lift(match: re.Match[str]) -> str:
        return bytes(ord(letter) | 0x80 for letter in match[0]).decode("koi8_r")

    mended = _SEVEN_BIT_LETTERS.sub(lift, text)
    return mended if _is_ours(mended) else None
