"""Readings: how well the same bytes read under each code page, in nats, one scale for all scripts.

A *chunk* is a run of letters and high bytes with at least one high byte in it. Chunks of one file are collected once,
each different one counted once, and read under every code page that could be meant. A chunk that reads badly costs no
more than one that means nothing at all, so a single damaged value cannot outvote a file.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from tolmach.text.code_pages import codec_of
from tolmach.text.language import (
    ALIEN,
    APOSTROPHE,
    CAPITAL,
    HARMLESS,
    INITIALS,
    MARK,
    SIXTEENTHS,
    Model,
    is_plain,
    symbol_of,
)

CHUNK: Final = re.compile(rb"[A-Za-z'\x80-\xff]*[\x80-\xff][A-Za-z'\x80-\xff]*")
MOST_BYTES: Final = 4096
"""Evidence beyond this many bytes changes nothing any more and is not looked at."""

_HIGH_RUN: Final = re.compile(rb"[\x80-\xff]+")

# A byte on its own beside a figure is a sign in any code page (37°, №5, 5±1), no letter that could tell one.
_SIGN: Final = re.compile(rb"(?<=[0-9])[\x80-\xff](?![A-Za-z'\x80-\xff])|(?<![A-Za-z'\x80-\xff])[\x80-\xff](?= ?[0-9])")
FEWEST_BEFORE_CUT: Final = 3
"""Fewer whole UTF-8 characters than this before a broken one are chance."""

MOST_BEFORE: Final = 64
"""Of a very long value, so many bytes before its first high byte are looked at."""

ESCAPE: Final = b"\x1b"
_SMALL_SYMBOLS: Final = bytes(range(CAPITAL))
_TO_SMALL: Final = bytes((b & 63) if b < ALIEN else 0 for b in range(256))
_BREAKS: Final = bytes(0 if b in (ALIEN, MARK) else b for b in range(256))
_ASCII_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HIGH: Final = bytes(range(0x80, 0x100))
_LOW: Final = bytes(range(0x80))
_NO_LETTERS: Final = bytes((0, APOSTROPHE, ALIEN, MARK))

# Costs in nats, tuned on the build lists, checked on the hold-out (benchmarks/text.py).
COST_ALIEN: Final = 10.0  # a character that no word of the script holds
COST_MARK: Final = 8.0  # a quote or a numero sign glued to a word
COST_BROKEN: Final = 5.0  # a character that is no letter in the middle of a word
COST_LOOKALIKE: Final = 2.5  # a Latin letter standing for the Cyrillic one of the same shape
COST_KNOWN: Final = 9.5  # a word on the list, however long it is
COST_UPPER: Final = 0.5
COST_TITLE: Final = 1.0
COST_LOWER: Final = 2.6
COST_MIXED: Final = 7.0
COST_MIXED_LETTER: Final = 3.0
COST_CASELESS: Final = 0.7
COST_SIGN: Final = (4.0, 6.0)  # beside a figure: of a letter, of what is neither letter nor sign
COST_INITIAL: Final = (0.5, 6.5)  # of a letter on its own: a capital (an initial), a small one (a preposition)
COST_STRAY: Final = 2.0  # of a chunk that means nothing among others that do, on top
COST_IDEOGRAPH: Final = (1.5, 8.0, 10.5)  # of Chinese or Korean: once, per frequent character, per other one
LOWEST_EUC: Final = 0xA1
LAST_FREQUENT_LEAD: Final = 0xD7  # GB 2312 level 1 ends here, Hangul before it
COST_NOTHING: Final = (5.0, 5.1, 4.2)  # of a chunk that means nothing: once, per high byte, per ASCII letter

_SIGNS: Final = HARMLESS | frozenset("±×²³µ•√")
_LOOKALIKES: Final = dict(zip("AaBCcEeHIiKMOoPpTXxy", "АаВСсЕеНІіКМОоРрТХху", strict=True))
_TWINS: Final = str.maketrans(_LOOKALIKES)
_TWIN: Final = re.compile("[AaBCcEeHIiKMOoPpTXxy]")


@dataclass(frozen=True, slots=True)
class Sample:
    """What a file gives as evidence: its different chunks, and what each would cost if it meant nothing."""

    chunks: tuple[bytes, ...]
    joined: bytes
    high: int
    nothings: tuple[float, ...]
    ascii_letters: tuple[int, ...]
    signs: bytes = b""

    @property
    def nothing(self) -> float:
        """What the whole sample costs when no script explains it."""
        return sum(self.nothings)

    def part(self, high: int) -> Sample:
        """Give chunks from all over that hold about that many high bytes, or the sample itself when it is no longer."""
        step = (self.high + high - 1) // high
        return sample_of(self.chunks[::step], self.signs) if step > 1 and len(self.chunks) > 1 else self


def sample(values: Iterable[bytes]) -> Sample:
    """Collect the different chunks of all values; ASCII-only values and ISO 2022 values give none.

    Signs beside figures are collected apart, and are chunks only where there is nothing else.
    """
    seen: dict[bytes, None] = {}
    signs: dict[bytes, None] = {}
    size = 0
    for value in values:
        if value.isascii() or ESCAPE in value:
            continue
        start = _HIGH_RUN.search(value)
        part = value[max(0, start.start() - MOST_BEFORE) :][:MOST_BYTES] if start and len(value) > MOST_BYTES else value
        chunks = CHUNK.findall(part)
        if any(len(chunk) == 1 for chunk in chunks):
            signs.update(dict.fromkeys(_SIGN.findall(part)))
            chunks = CHUNK.findall(_SIGN.sub(b" ", part))
        seen.update(dict.fromkeys(chunks))
        size += len(part)
        if size > MOST_BYTES:
            break
    return sample_of(tuple(seen), b"".join(signs)) if seen else sample_of(tuple(signs))


def sample_of(chunks: tuple[bytes, ...], signs: bytes = b"") -> Sample:
    """Give the sample made of these chunks, and the signs beside figures."""
    once, per_high, per_ascii = COST_NOTHING
    joined = b"\0".join(chunks)
    ascii_letters = tuple([len(chunk.translate(None, _HIGH)) for chunk in chunks])
    nothings = tuple(
        [
            once + per_ascii * few + per_high * (len(chunk) - few)
            for chunk, few in zip(chunks, ascii_letters, strict=True)
        ]
    )
    return Sample(chunks, joined, len(joined.translate(None, _LOW)), nothings, ascii_letters, signs)


@cache
def table(code_page: str, script: str) -> bytes:
    """Give the translation of bytes of a code page into symbols of a script."""
    symbols = symbol_of(script)
    codec = codec_of(code_page)
    row = bytearray(256)
    for byte in range(256):
        try:
            character = bytes((byte,)).decode(codec)
        except UnicodeDecodeError:
            row[byte] = ALIEN
            continue
        if byte < 0x80:
            row[byte] = _ascii_symbol(character, script, symbols)
        elif character in symbols:
            row[byte] = symbols[character]
        else:
            row[byte] = MARK if character in HARMLESS else ALIEN
    return bytes(row)


@cache
def serbian_bytes(code_page: str) -> bytes:
    """Give the bytes of a code page that are letters only Serbian and Macedonian have."""
    letters_there = "ђѓѕјљњќћџЂЃЅЈЉЊЌЋЏ"
    return letters_there.encode(codec_of(code_page))


@cache
def sign_costs(code_page: str) -> tuple[float, ...]:
    """Give what each byte of a code page costs beside a figure, where signs are usual and letters are not."""
    codec = codec_of(code_page)
    costs = []
    for byte in range(256):
        character = bytes((byte,)).decode(codec, "replace")
        costs.append(0.0 if character in _SIGNS else COST_SIGN[not character.isalpha()])
    return tuple(costs)


def _ascii_symbol(character: str, script: str, symbols: dict[str, int]) -> int:
    if script in ("cyrillic", "kazakh"):
        character = _LOOKALIKES.get(character, character)
    if character in symbols:
        return symbols[character]
    if character == "\0":
        return 0
    return ALIEN if character.isalpha() else MARK


def shape_cost(word: bytes, caseless: bool) -> float:
    """Give what the capitals of one word (symbols) cost: УПЕР and Титул are usual, нижний less, меШАНый never."""
    if caseless:
        return COST_CASELESS
    capitals = len(word.translate(None, _SMALL_SYMBOLS))
    if capitals == 0:
        return COST_LOWER
    if capitals == len(word) - word.count(APOSTROPHE):
        return COST_UPPER
    if capitals == 1 and word[0] >= CAPITAL:
        return COST_TITLE
    return COST_MIXED + COST_MIXED_LETTER * min(capitals, len(word) - capitals)


def initial_cost(word: bytes, script: str, language: Model) -> float:
    """Give how surprising a letter on its own is; its neighbours say nothing, only how usual it is as an initial."""
    plain = word.translate(_TO_SMALL)
    capital, other = COST_INITIAL
    return language.surprise[script][INITIALS | plain[0]] / SIXTEENTHS + (other if plain == word else capital)


def chunk_cost(symbols: bytes, script: str, language: Model) -> float:
    """Give how surprising one chunk, already in symbols, is in a script."""
    aliens, marks = symbols.count(ALIEN), symbols.count(MARK)
    cost = COST_ALIEN * aliens + COST_MARK * marks
    caseless = script in ("hebrew", "arabic")
    listed = language.words["cyrillic" if script == "kazakh" else script]
    words: Sequence[bytes] = (symbols,)
    if aliens or marks:
        words = symbols.translate(_BREAKS).strip(b"\0").split(b"\0")
        cost += COST_BROKEN * (len(words) - 1)
    for word in words:
        if len(word) < 2:
            if word:
                cost += initial_cost(word, script, language)
            continue
        plain = word.translate(_TO_SMALL)
        nats = language.nats(script, plain)
        if nats > COST_KNOWN and plain in listed:
            nats = COST_KNOWN
        cost += nats + shape_cost(word, caseless)
    return cost


def read(
    given: Sample, code_page: str, script: str, language: Model, known: dict[bytes, float], most: float = COST_STRAY
) -> tuple[float, bytes] | None:
    """Give the cost of a whole sample under a code page, and its symbols; None when it is out of the question.

    No chunk costs more than `most` over what it costs when it means nothing.

    `known` carries the costs of chunks from one code page of a script to the next: they often agree. Words of a Kazakh
    file without letters of their own cost what they cost in any Cyrillic one.
    """
    symbols = given.joined.translate(table(code_page, script))
    if symbols.count(ALIEN) * 3 > given.high + len(given.chunks):
        return None
    cost = sum(map(sign_costs(code_page).__getitem__, given.signs)) if given.signs else 0.0
    lookalike = COST_LOOKALIKE if script in ("cyrillic", "kazakh") else 0.0
    for chunk, nothing, few in zip(symbols.split(b"\0"), given.nothings, given.ascii_letters, strict=True):
        key = chunk if script != "kazakh" or is_plain(chunk) else b"\xff" + chunk
        here = known.get(key)
        if here is None:
            known[key] = here = chunk_cost(chunk, script, language)
        here += lookalike * few
        cost += min(here, nothing + most)
    return cost, symbols


def reads_well(values: Sequence[bytes], code_page: str, script: str, language: Model, bar: tuple[float, float]) -> bool:
    """Tell whether no chunk of all values costs more under a code page than `bar`: nats once, and for each letter."""
    if sum(map(len, values)) > MOST_BYTES:
        return False
    known: dict[bytes, float] = {}
    once, per_letter = bar
    if read(sample(values), code_page, script, language, known, math.inf) is None:
        return False
    return all(cost <= once + per_letter * len(chunk) for chunk, cost in known.items())


def read_utf8(given: Sample, language: Model) -> tuple[float, bool] | None:
    """Give the cost of a sample as UTF-8 and whether its letters are Cyrillic; None when it is not UTF-8.

    A last character cut in two by a length limit is forgiven; every other fault is final for its chunk.
    """
    cyrillic = symbol_of("cyrillic")
    cost = 0.0
    ours = others = faults = 0
    for chunk, nothing in zip(given.chunks, given.nothings, strict=True):
        try:
            text, used = codecs.utf_8_decode(chunk, "strict", False)
            whole = _is_text(text, cut=used < len(chunk))
        except UnicodeDecodeError:
            whole = False
        if not whole:
            faults += 1
            cost += nothing + COST_STRAY
            continue
        foreign = [character for character in text if character > "\x7f"]
        known = sum(character in cyrillic for character in foreign)
        ours += known
        others += len(foreign) - known
        cost += text_cost(text, language, ("cyrillic",) if known * 2 >= len(foreign) else ("latin",))
    if faults * 4 > len(given.chunks) or ours + others == 0:
        return None
    return cost, ours > 0 and ours * 2 >= others


def text_cost(text: str, language: Model, scripts: Sequence[str]) -> float:
    """Give how surprising one chunk of decoded text is in the best of these scripts."""
    cost = 4.0 + sum(map(_character_cost, text))
    return min(cost, *[script_cost(text, script, language) for script in scripts])


def script_cost(text: str, script: str, language: Model) -> float:
    """Give how surprising one chunk of decoded text is in one script."""
    symbols = symbol_of(script)
    extra = 0.0
    if script == "cyrillic" and not text.isascii():
        text, extra = _without_twins(text)
    coded = bytes([symbols.get(character, MARK if character in HARMLESS else ALIEN) for character in text])
    return chunk_cost(coded, script, language) + extra


def _without_twins(text: str) -> tuple[str, float]:
    """Give a text with its Latin letters of Cyrillic shape made Cyrillic, and what that costs."""
    twins = _TWIN.findall(text)
    return (text.translate(_TWINS), COST_LOOKALIKE * len(twins)) if twins else (text, 0.0)


def _is_text(text: str, *, cut: bool) -> bool:
    """Tell whether UTF-8 gave characters that exist, and enough of them where the last one is cut in two."""
    if any(character > "\u07ff" and not character.isprintable() for character in text):
        return False
    return not cut or sum(character > "\x7f" for character in text) >= FEWEST_BEFORE_CUT


def _character_cost(character: str) -> float:
    """Give what a character of decoded text costs when its word is not known: little, if it is in use."""
    if character < "\u0180":
        return 4.2 if character < "\x80" else 5.5
    if "\u0370" <= character < "\u0700":
        return 5.5
    return 10.0 if character < "\u0800" else 8.0


def read_ideographs(given: Sample) -> float | None:
    """Give the cost of a sample as Chinese or Korean in pairs of high bytes (EUC); None when they are not pairs."""
    once, usual, rare = COST_IDEOGRAPH
    cost = 0.0
    for chunk, nothing, few in zip(given.chunks, given.nothings, given.ascii_letters, strict=True):
        here = once + COST_NOTHING[2] * few
        for run in _HIGH_RUN.findall(chunk):
            if len(run) % 2 or min(run) < LOWEST_EUC:
                return None
            frequent = sum(lead <= LAST_FREQUENT_LEAD for lead in run[::2])
            here += usual * frequent + rare * (len(run) // 2 - frequent)
        cost += min(here, nothing + COST_STRAY)
    return cost


def letters(symbols: bytes) -> int:
    """Give how many letters a string of symbols holds."""
    return len(symbols.translate(None, _NO_LETTERS))


def small(symbols: bytes) -> bytes:
    """Give the same letters without their capitals."""
    return symbols.translate(_TO_SMALL)


def has_word(value: bytes, fewest: int) -> bool:
    """Tell whether a value holds a run of that many letters with one outside ASCII among them."""
    return any(len(chunk) >= fewest for chunk in sample([value]).chunks)


def is_utf8(value: bytes, fewest: int) -> bool:
    """Tell whether a value is UTF-8 without a fault and has that many characters outside ASCII."""
    if value.isascii():
        return False
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return sum(character > "\x7f" for character in text) >= fewest and _is_text(text, cut=False)


def without_cut(value: bytes) -> bytes:
    """Give a value of UTF-8 whose last character a length limit cut in two without that one, any other as it is."""
    try:
        text, used = codecs.utf_8_decode(value, "strict", False)
    except UnicodeDecodeError:
        return value
    return value[:used] if used < len(value) and _is_text(text, cut=True) else value


def decodes(values: Sequence[bytes], code_page: str) -> bool:
    """Tell whether every value is legal under a code page."""
    codec = codec_of(code_page)
    try:
        for value in values:
            value.decode(codec)
    except UnicodeDecodeError:
        return False
    return True
