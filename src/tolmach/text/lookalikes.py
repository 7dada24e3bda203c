"""Letters of one alphabet standing in words of the other, and words typed under the wrong keyboard layout.

Everything here is a proposal: the caller decides whether a person must agree (identifiers) or not (search keys).
"""

from __future__ import annotations

import re
from typing import Literal

Layout = Literal["ru", "uk"]

# Pairs that look the same in the fonts of modality consoles. Lower-case к, м, т, н, в have no Latin twin; J/Ј and S/Ѕ
# are left out of the Latin-to-Cyrillic direction: Serbian and Macedonian letters are never meant in our words.
_LATIN_TWINS = "ABCEHKMOPTXYIËÏaceopxyiëï"
_CYRILLIC_TWINS = "АВСЕНКМОРТХУІЁЇасеорхуіёї"
_TO_CYRILLIC = str.maketrans(_LATIN_TWINS, _CYRILLIC_TWINS)
_TO_LATIN = str.maketrans(_CYRILLIC_TWINS + "ЅЈѕјҺһ", _LATIN_TWINS + "SJsjHh")
_LATIN_TWIN_SET = frozenset(_LATIN_TWINS)
_CYRILLIC_TWIN_SET = frozenset(_CYRILLIC_TWINS + "ЅЈѕјҺһ")

_LATIN_CLASS = "A-Za-zÀ-ÖØ-öø-ɏ"
_CYRILLIC_CLASS = "\u0400-\u0481\u048a-\u052f"
_LETTER_RUN = re.compile(f"[{_LATIN_CLASS}{_CYRILLIC_CLASS}]+")
_ALNUM_RUN = re.compile(f"[0-9{_LATIN_CLASS}{_CYRILLIC_CLASS}]+")
_LATIN = re.compile(f"[{_LATIN_CLASS}]")
_CYRILLIC = re.compile(f"[{_CYRILLIC_CLASS}]")

# Keys of a PC keyboard, unshifted then shifted, and what the ЙЦУКЕН layouts print for the same keys.
_QWERTY = "qwertyuiop[]asdfghjkl;'zxcvbnm,./`" + 'QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?~' + "@#$^&"
_RUSSIAN = "йцукенгшщзхъфывапролджэячсмитьбю.ё" + "ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,Ё" + '"№;:?'
_UKRAINIAN = "йцукенгшщзхїфівапролджєячсмитьбю.'" + "ЙЦУКЕНГШЩЗХЇФІВАПРОЛДЖЄЯЧСМИТЬБЮ,₴" + '"№;:?'
_TYPED_UNDER: dict[str, dict[int, int]] = {
    "ru": str.maketrans(_QWERTY, _RUSSIAN),
    "uk": str.maketrans(_QWERTY, _UKRAINIAN),
}
# Back to Latin one table serves both layouts: each letter sits on one key, whichever layout has it.
_BACK_TO_QWERTY = str.maketrans(_UKRAINIAN + _RUSSIAN + "ґҐ", _QWERTY + _QWERTY + "\\|")


def has_lookalikes(text: str) -> bool:
    """Tell whether some word mixes Latin and Cyrillic letters.

    Letters parted by digits belong to one word when all of them have a twin in the other alphabet (`А123B` is
    suspicious, `КТ3D` is ordinary). A whole word in the wrong alphabet (`CAXAPOBA`) cannot be seen here.
    """
    if text.isascii():
        return False
    for run in _ALNUM_RUN.findall(text):
        latin, cyrillic = _LATIN.findall(run), _CYRILLIC.findall(run)
        if not latin or not cyrillic:
            continue
        if any(_is_mixed(word) for word in _LETTER_RUN.findall(run)):
            return True
        if _LATIN_TWIN_SET.issuperset(latin) and _CYRILLIC_TWIN_SET.issuperset(cyrillic):
            return True
    return False


def mend_lookalikes(text: str) -> str:
    """Propose the text with every mixed-script word written in one alphabet; the length never changes.

    A letter without a twin decides the alphabet of its word (И in `ИВАHОВ`, S in `SHCHUКIN`); a word that has such
    letters of both alphabets is left alone. Where every letter has a twin the majority decides and Cyrillic wins a tie,
    but a word with digits becomes Latin (identifiers are Latin by standard). Repeating changes nothing.
    """
    if text.isascii() or not _LATIN.search(text):
        return text
    return _ALNUM_RUN.sub(_mend_run, text)


def switch_layout(text: str, layout: Layout = "ru") -> str:
    """Give the text as the same keys print it under the other keyboard layout (ФИ1234 ↔ AB1234).

    Any Cyrillic letter means "typed under ЙЦУКЕН, meant in Latin" (Russian and Ukrainian layouts both); text without
    one goes the other way, into `layout`. Punctuation follows its key, digits stay.
    """
    if _CYRILLIC.search(text):
        return text.translate(_BACK_TO_QWERTY)
    return text.translate(_TYPED_UNDER[layout])


def _is_mixed(word: str) -> bool:
    return _LATIN.search(word) is not None and _CYRILLIC.search(word) is not None


def _mend_run(match: re.Match[str]) -> str:
    run = match.group()
    latin, cyrillic = _LATIN.findall(run), _CYRILLIC.findall(run)
    if not latin or not cyrillic:
        return run
    has_digit = len(latin) + len(cyrillic) < len(run)
    if has_digit and _LATIN_TWIN_SET.issuperset(latin) and _CYRILLIC_TWIN_SET.issuperset(cyrillic):
        return run.translate(_TO_LATIN)
    return _LETTER_RUN.sub(_mend_word, run)


def _mend_word(match: re.Match[str]) -> str:
    word = match.group()
    latin, cyrillic = _LATIN.findall(word), _CYRILLIC.findall(word)
    if not latin or not cyrillic:
        return word
    surely_latin = not _LATIN_TWIN_SET.issuperset(latin)
    surely_cyrillic = not _CYRILLIC_TWIN_SET.issuperset(cyrillic)
    if surely_latin and surely_cyrillic:
        return word
    if surely_latin or (not surely_cyrillic and len(latin) > len(cyrillic)):
        return word.translate(_TO_LATIN)
    return word.translate(_TO_CYRILLIC)
