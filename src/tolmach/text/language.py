"""What letters look like next to one another: the language model behind `detect` and `spoil`.

One table per script holds how surprising each letter is after the two before it, in sixteenths of a nat, one byte per
triple of letters; a list of whole words beside it tells known names and words from letters that merely get along.
`scripts/build_language_model.py` builds `language.bin`; this module reads it on first use (a few milliseconds).

A *symbol* is one byte: 0 a boundary, 1 to 62 a lower-case letter of the script, plus 64 when it is a capital, 63 the
apostrophe, `ALIEN` a character that has no business in a word, `MARK` harmless punctuation such as a quote.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

CAPITAL: Final = 64
APOSTROPHE: Final = 63
INITIALS: Final = APOSTROPHE << 12 | APOSTROPHE << 6
"""Where a table tells how usual each letter is as an initial: after two apostrophes, which no word has."""

ALIEN: Final = 127
MARK: Final = 128
SIXTEENTHS: Final = 16.0
HARMLESS: Final = frozenset("\u00a0«»–—…“”„°§·№”‘")

CYRILLIC: Final = "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґўәғқңөұүһ"
SCRIPTS: Final = {
    "cyrillic": CYRILLIC,
    "kazakh": CYRILLIC,
    "serbian": "абвгдђѓежзѕијклљмнњопрстћќуфхцчџшѐѝ",
    "latin": "abcdefghijklmnopqrstuvwxyzàáâãäåæçèéêëíîñòóôõöøúüßþąćżłčšěğşő",
    "greek": "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ",
    "hebrew": "אבגדהוזחטיךכלםמןנסעףפץצקרשת",
    "arabic": "ءآأؤإئابةتثجحخدذرزسشصضطظعغـفقكلمنهوىيًٌٍَُِّْ",
}
"""The letters of each script, in the order of their symbols; Kazakh is told apart by the letters only it has.

Serbian, with Macedonian, is only there to be left alone: text in it is right where it decodes.
"""

_KAZAKH: Final = bytes(CYRILLIC.index(letter) + 1 for letter in "әғқңөұүһ")
_IN_KAZAKH_FILES: Final = _KAZAKH + bytes((CYRILLIC.index("і") + 1,))
_NEVER_PLAIN: Final = _IN_KAZAKH_FILES + bytes(symbol + CAPITAL for symbol in _IN_KAZAKH_FILES)
COST_KAZAKH: Final = 1.5

# Rare Latin letters share the symbol of a letter that behaves like them, so that all fit in 62.
_ALIKE: Final = {
    "ę": "ą", "ń": "ć", "ś": "ć", "ź": "ć", "ď": "č", "ť": "č", "ň": "č", "ľ": "č", "ĺ": "č", "ŕ": "č", "ž": "š",
    "ř": "ě", "ů": "ě", "ı": "ğ", "ţ": "ş", "ș": "ş", "ț": "ş", "ă": "â", "ű": "ő", "ì": "î", "ï": "î",
    "ù": "ú", "û": "ú", "ý": "í",
    "ð": "þ", "đ": "þ", "ÿ": "í", "œ": "æ", "ō": "ő", "ē": "ě", "ū": "ő", "ī": "î", "ā": "à",
    "ĝ": "ğ", "ģ": "ğ", "ķ": "č", "ļ": "ł", "ņ": "ć", "į": "ą", "ų": "ą", "ė": "ě", "ŗ": "ě",
}  # fmt: skip


@cache
def symbol_of(script: str) -> dict[str, int]:
    """Give the symbol of every letter of a script, small and capital."""
    symbols = {letter: number for number, letter in enumerate(SCRIPTS[script], start=1)}
    symbols["'"] = symbols["’"] = APOSTROPHE
    for letter, like in _ALIKE.items():
        if like in symbols:
            symbols[letter] = symbols[like]
    for letter, number in list(symbols.items()):
        capital = letter.upper()
        if capital != letter and len(capital) == 1:
            symbols.setdefault(capital, number + CAPITAL)
    if script == "latin":
        symbols["İ"] = symbols["i"] + CAPITAL
    return symbols


def is_plain(word: bytes) -> bool:
    """Tell whether a word in Cyrillic symbols costs the same in a Kazakh file as in any other."""
    return len(word.translate(None, _NEVER_PLAIN)) == len(word)


@dataclass(frozen=True, slots=True)
class Model:
    """The built tables: per script 64 x 64 x 64 bytes of surprise, and its whole words as symbols."""

    surprise: dict[str, bytes]
    words: dict[str, frozenset[bytes]]

    def nats(self, script: str, word: bytes) -> float:
        """Give how surprising the letters of one word (symbols, small) are, boundaries included, in nats.

        `kazakh` as a script means the words of a Kazakh file, Russian ones too, where і is no Ukrainian letter.
        """
        extra = 0.0
        if script in ("cyrillic", "kazakh"):
            only = _KAZAKH if script == "cyrillic" else _IN_KAZAKH_FILES
            is_kazakh = len(word.translate(None, only)) != len(word)
            script, extra = ("kazakh", COST_KAZAKH) if is_kazakh else ("cyrillic", 0.0)
        table = self.surprise[script]
        state = total = 0
        for symbol in word:
            state = (state << 6 | symbol) & 0x3FFFF
            total += table[state]
        return (total + table[state << 6 & 0x3FFFF]) / SIXTEENTHS + extra


@cache
def model() -> Model:
    """Give the language model, read from the package on the first call."""
    packed = resources.files("tolmach.text").joinpath("language.bin").read_bytes()
    plain = zlib.decompress(packed)
    size = 64 * 64 * 64
    surprise = {script: plain[number * size : (number + 1) * size] for number, script in enumerate(SCRIPTS)}
    lists = plain[len(SCRIPTS) * size :].split(b"\0\0")
    words = {script: frozenset(known.split(b"\0")) for script, known in zip(SCRIPTS, lists, strict=True)}
    return Model(surprise, words)
