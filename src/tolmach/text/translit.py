"""Cyrillic written in Latin letters by named standards, capitals kept right.

The tables are data; one engine applies them. Each rule says whether its Latin is pure ASCII (fit for a peer that knows no
character set) and where its table comes from. What was verified is said at each table; "examples" means that the examples
published with the standard are tests here, not that the text of the standard was at hand.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tolmach.base import N_, Fault, Refused
from tolmach.text.lookalikes import mend_lookalikes

UNKNOWN_RULE = Fault(
    "TLM-TXT-001",
    N_("There is no transliteration rule “{rule}”."),
    N_("Did you mean “{nearest}”? The rules are: {known}."),
)

_APOSTROPHE = "'"  # the one form every spelling of it is brought to inside a word
_START = "^"  # stands for the word's beginning in `Context.after`; never a letter


@dataclass(frozen=True, slots=True)
class Context:
    """One letter that is written otherwise in some places: after and before which letters (empty: after or before any)."""

    letter: str
    into: str
    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One standard: its letters (lower case), the places where they differ, its apostrophe, and whether it is ASCII."""

    id: str
    source: str
    ascii: bool
    letters: Mapping[str, str]
    contexts: Mapping[str, tuple[Context, ...]] = field(default_factory=lambda: MappingProxyType({}))
    apostrophe: str = ""
    upper: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def _table(text: str, base: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Read `а=a ь= …` into a mapping on top of `base`."""
    pairs = (pair.partition("=") for pair in text.split())
    return MappingProxyType({**(base or {}), **{letter: latin for letter, _, latin in pairs}})


def _places(*contexts: Context) -> Mapping[str, tuple[Context, ...]]:
    """Group contexts by letter, first match first."""
    grouped: dict[str, tuple[Context, ...]] = {}
    for context in contexts:
        for letter in context.letter:
            grouped[letter] = (*grouped.get(letter, ()), context)
    return MappingProxyType(grouped)


# ICAO Doc 9303 part 3, section 6.B (Cyrillic), with the letters of Russian passports since 2014 (FMS order 211, succeeded by
# MVD order 889); it is also the table every other rule falls back to, so it holds the letters of all our neighbours.
# Russian: examples verified. Belarusian Ё=IO and Ukrainian Ї=I, Є=IE as printed there; Г stays G because the table is
# applied here to Russian first. Ђ Љ Њ … and Bulgarian Ѫ as in the facts sheet. Kazakh letters (Ә Ғ Қ Ң Ө Ұ Ү Һ) are not in
# Doc 9303: passports write the bare letter, which is what stands here (practice varies, unverified). Kyrgyz, Tatar,
# Bashkir, Tajik and Mongol letters likewise, so that nothing Cyrillic is left over.
_ICAO = _table(
    "а=a б=b в=v г=g д=d е=e ё=e ж=zh з=z и=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch ш=sh щ=shch "
    "ъ=ie ы=y ь= э=e ю=iu я=ia "
    "ґ=g є=ie і=i ї=i ў=u ђ=d ѓ=g ѕ=dz ј=j љ=lj њ=nj ћ=c ќ=k џ=dz ѫ=u ѣ=e ѳ=f ѵ=i ѐ=e ѝ=i "
    "ә=a ғ=g қ=k ң=n ө=o ұ=u ү=u һ=h җ=zh ҙ=z ҡ=k ҫ=s ҳ=kh ҷ=ch ӣ=i ӯ=u ҹ=ch ӱ=u ӳ=u ӧ=o ӑ=a ӗ=e ҥ=n"
)

# GOST R 52535.1-2006, passports 2010-2014 (FMS order 26). Examples verified.
_GOST_52535 = _table("ц=tc ъ= ", _ICAO)

# GOST 7.79-2000 system A (= ISO 9:1995): one letter, one letter with a mark. The prime and double prime are U+02B9 and
# U+02BA. Ukrainian and Belarusian letters are those of ISO 9; Kazakh ones too, from general knowledge (unverified).
_GOST_779A = _table(
    "ё=ë ж=ž й=j х=h ц=c ч=č ш=š щ=ŝ ъ=ʺ ь=ʹ э=è ю=û я=â ґ=g̀ є=ê і=ì ї=ï ў=ŭ ђ=đ ѓ=ǵ ѕ=ẑ ј=ǰ љ=l̂ њ=n̂ ћ=ć ќ=ḱ џ=d̂ "
    "ә=a̋ ғ=ġ қ=ķ ң=ṇ ө=ô ұ=u̇ ү=ù һ=ḥ",
    _ICAO,
)

# GOST 7.79-2000 system B: ASCII; the signs are the grave accent, once for ь, twice for ъ, and one grave after ы=y`, э=e`.
# ц is c before the Latin i e y j, otherwise cz. Examples verified. Ukrainian and Belarusian columns of system B: є=ye, ї=yi,
# і=i (the standard adds a grave for some languages), ў=u`; unverified.
_GOST_779B = _table("ё=yo й=j х=x ц=cz щ=shh ъ=`` ы=y` ь=` э=e` ю=yu я=ya є=ye ї=yi ґ=g` ў=u`", _ICAO)

# MVD order 310 of 1997, annex 6. Sources differ on ъ and ь: one writes " and ', another ' for both, and the passports of the
# time mostly dropped them. ъ=" and ь=' (iuliia, our oracle) are chosen because they keep the two signs apart. ье and ъе are
# ye in both sources for ь; for ъ the same is taken from iuliia. ьё: iuliia keeps the sign (Solov'ev), taken as well.
_MVD_310 = _table("й=y ъ=\" ь=' ю=yu я=ya є=ye ї=yi", _ICAO)

# Resolution of the Cabinet of Ministers of Ukraine No. 55 of 27.01.2010. All examples of the resolution verified as known.
# The letter after an apostrophe is not the word's first (Знам'янка); ь and the apostrophe are dropped; зг is zgh.
_KMU_55 = _table("г=h и=y", _ICAO)

_ICAO_RULE = Rule("ru-icao9303", "ICAO Doc 9303-3 section 6; FMS order 211 (2014)", True, _ICAO)
_RULE_LIST = (
    _ICAO_RULE,
    Rule(
        "uk-kmu55",
        "Cabinet of Ministers of Ukraine, resolution 55 (2010)",
        True,
        _KMU_55,
        _places(
            Context("є", "ye", after=_START),
            Context("ї", "yi", after=_START),
            Context("й", "y", after=_START),
            Context("ю", "yu", after=_START),
            Context("я", "ya", after=_START),
            Context("г", "gh", after="з"),
        ),
    ),
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in _RULE_LIST})
ALIASES: Mapping[str, str] = MappingProxyType(
    {"ru": "ru-icao9303", "uk": "uk-kmu55", "be": "be-2023", "kk": "kk-2021"}
)

_CYRILLIC = re.compile("[\u0400-\u052f]")
# A word: Cyrillic letters with their combining marks; signs that serve as an apostrophe count only between letters.
_WORD = re.compile("[\u0400-\u052fA-Za-z\u0300-\u036f]+(?:[’'ʼ`\"′ʹ‘´][\u0400-\u052fA-Za-z\u0300-\u036f]+)*")
_APOSTROPHES = str.maketrans(dict.fromkeys("’ʼ`\"′ʹ‘´", _APOSTROPHE))


def rule_named(rule: str) -> Rule:
    """Give the rule of this id or alias.

    Refused with TLM-TXT-001, naming the nearest id, when there is none.
    """
    found = RULES.get(ALIASES.get(rule, rule))
    if found is None:
        known = (*RULES, *ALIASES)
        nearest = difflib.get_close_matches(rule.lower(), known, n=1, cutoff=0.0)[0]
        raise Refused(UNKNOWN_RULE, rule=rule, nearest=nearest, known=", ".join(RULES))
    return found


def transliterate(text: str, rule: str) -> str:
    """Write every Cyrillic letter of the text in Latin by the named rule; text without Cyrillic passes unchanged.

    `rule` is an id of `RULES` or an alias (ru, uk, be, kk). Words are taken one by one, so `^`, `=`, a backslash, spaces,
    hyphens and digits stay and begin a new word; an apostrophe does not. A capital becomes a capital followed by small
    letters (Щукин, Shchukin) unless its neighbour is a capital too (ЩУКИН, SHCHUKIN); a lone capital follows the text
    (`ЩУКИН^Ю` gives IU) except before a full stop (`Ю.` gives Iu.). Latin twins inside a Cyrillic word count as Cyrillic.
    Letters the rule does not know take ICAO's spelling. Repeating an ASCII rule changes nothing.

    Refused with TLM-TXT-001 when there is no such rule.
    """
    chosen = rule_named(rule)
    if not _CYRILLIC.search(text):
        return text
    shouting = _is_shouting(text)
    mended = mend_lookalikes(text)

    def written(match: re.Match[str]) -> str:
        word = match.group()
        if not _CYRILLIC.search(word):
            return word
        lone_upper = shouting and not mended.startswith(".", match.end())
        return _write_word(unicodedata.normalize("NFC", word).translate(_APOSTROPHES), chosen, lone_upper)

    return _WORD.sub(written, mended)


def _is_shouting(text: str) -> bool:
    """Tell whether the words of the text that show their case are all in capitals."""
    words = [word for word in _WORD.findall(text) if len(word) > 1]
    return bool(words) and all(word.isupper() for word in words)


def _write_word(word: str, rule: Rule, lone_upper: bool) -> str:
    lower = word.lower()
    out: list[str] = []
    for place, letter in enumerate(lower):
        latin = _latin_of(lower, place, rule)
        if letter != word[place]:
            latin = _in_capitals(latin, rule) if _neighbour_is_upper(word, place, lone_upper) else _titled(latin, rule)
        out.append(latin)
    return "".join(out)


def _latin_of(lower: str, place: int, rule: Rule) -> str:
    letter = lower[place]
    if letter == _APOSTROPHE:
        return rule.apostrophe
    for context in rule.contexts.get(letter, ()):
        before = lower[place - 1] if place else _START
        after = lower[place + 1 : place + 2] or " "
        if (not context.after or before in context.after) and (not context.before or after in context.before):
            return context.into
    return rule.letters.get(letter, letter)


def _neighbour_is_upper(word: str, place: int, lone_upper: bool) -> bool:
    """Tell whether the capital at `place` stands among capitals: the next letter decides, at the end the one before."""
    following = word[place + 1 :].lstrip(_APOSTROPHE)
    if following:
        return following[0].isupper()
    preceding = word[:place].rstrip(_APOSTROPHE)
    return preceding[-1].isupper() if preceding else lone_upper


def _in_capitals(latin: str, rule: Rule) -> str:
    return "".join(rule.upper.get(letter) or letter.upper() for letter in latin)


def _titled(latin: str, rule: Rule) -> str:
    return _in_capitals(latin[:1], rule) + latin[1:]
