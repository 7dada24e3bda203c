"""Cyrillic written in Latin letters by named standards, capitals kept right.

The tables are data; one engine applies them. Each rule says whether its Latin is pure ASCII (fit for a peer that knows
no character set) and where its table comes from. The comment above a table says what was checked: "examples" means that
the examples published with the standard are tests here, not that the text of the standard was at hand.
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

_APOSTROPHE = "'"  # every spelling of the apostrophe inside a word is brought to this one
_START = "^"  # stands for the word's beginning in `Context.after`; never a letter
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Context:
    """Letters written otherwise in some places: after and before which letters (empty: any, or none at all)."""

    letters: str
    into: str
    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One standard: its letters (lower case), the places where they differ, its apostrophe, and whether it is ASCII.

    `upper` holds the capitals that differ from what Unicode says (Kazakh i and İ).
    """

    id: str
    source: str
    ascii: bool
    letters: Mapping[str, str]
    contexts: tuple[Context, ...] = ()
    apostrophe: str = ""
    upper: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


def _table(text: str, base: Mapping[str, str] = _NOTHING) -> Mapping[str, str]:
    """Read `а=a ь= …` into a mapping on top of `base`."""
    pairs = (pair.partition("=") for pair in text.split())
    return MappingProxyType({**base, **{letter: latin for letter, _, latin in pairs}})


# ICAO Doc 9303 part 3, section 6 (Cyrillic), the letters of Russian passports since 2014 (FMS order 211, succeeded by
# MVD order 889). Every rule falls back to this table, so it holds the letters of all neighbours. Russian: examples
# checked. Г stays G, because the rule is the Russian one (Doc 9303 has H for Belarusian). Ё is E by the Russian
# orders (IO in the Belarusian note). Ђ Ѓ Ѕ Ј Љ Њ Ќ Џ Ѫ as in Doc 9303. Kazakh Ә Ғ Қ Ң Ө Ұ Ү Һ are not in Doc 9303:
# the bare letter stands here, as the most common passport practice (varies, unchecked). Letters of Kyrgyz, Tatar,
# Bashkir, Tajik, Mari and Chuvash likewise, and the letters abolished in 1918, so that nothing Cyrillic is left over.
_ICAO = _table(
    "а=a б=b в=v г=g д=d е=e ё=e ж=zh з=z и=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch "
    "ш=sh щ=shch ъ=ie ы=y ь= э=e ю=iu я=ia "
    "ґ=g є=ie і=i ї=i ў=u ђ=d ѓ=g ѕ=dz ј=j љ=lj њ=nj ћ=c ќ=k џ=dz ѫ=u ѣ=e ѳ=f ѵ=i ѐ=e ѝ=i "
    "ә=a ғ=g қ=k ң=n ө=o ұ=u ү=u һ=h җ=zh ҙ=z ҡ=k ҫ=s ҳ=kh ҷ=ch ҹ=ch ҥ=n ӣ=i ӯ=u ӱ=u ӳ=u ӧ=o ӑ=a ӓ=a ӗ=e ӹ=y ӏ="
)

# GOST R 52535.1-2006, annex A; passports of 2010-2014 (FMS order 26). Examples checked.
_GOST_52535 = _table("ц=tc ъ=", _ICAO)

# GOST 7.79-2000 system A (= ISO 9:1995), table 1: one letter, one letter with a mark. Sources write the signs as
# U+02BA and U+02B9 or as primes; the modifier letters are chosen, because they are letters and never end a word for a
# program. Other alphabets as in ISO 9 from general knowledge (unchecked). ј is written decomposed: ǰ has no capital
# of one character.
_GOST_779A = _table(
    "ё=ë ж=ž й=j х=h ц=c ч=č ш=š щ=ŝ ъ=ʺ ь=ʹ э=è ю=û я=â ґ=g̀ є=ê і=ì ї=ï ў=ŭ ђ=đ ѓ=ǵ ѕ=ẑ ј=j\u030c љ=l̂ њ=n̂ ћ=ć "
    "ќ=ḱ џ=d̂ ә=a̋ ғ=ġ қ=ķ ң=ṇ ө=ô ұ=u̇ ү=ù һ=ḥ",
    _ICAO,
)

# GOST 7.79-2000 system B, table 2: ASCII; ь is one grave accent, ъ two, and one follows y` (ы) and e` (э). ц is c
# before the Latin i e y j, otherwise cz. Russian: examples checked. Ukrainian and Belarusian columns from general
# knowledge.
_GOST_779B = _table("ё=yo й=j х=x ц=cz щ=shh ъ=`` ы=y` ь=` э=e` ю=yu я=ya є=ye ї=yi ґ=g` ў=u`", _ICAO)

# MVD order 310 of 1997, annex 6. Sources differ on the signs: iuliia writes ъ as a double and ь as a single quote,
# translitua a single quote for both; passports of the time mostly dropped them. The first is chosen, because it keeps
# the two apart. Both sources write ye for ье; for ъе and ьё they differ and iuliia is followed (Obyedkov, Solov'ev),
# so that one published table is the oracle of the whole rule. Examples checked against it.
_MVD_310 = _table("й=y ъ=\" ь=' ю=yu я=ya є=ye ї=yi", _ICAO)

# Cabinet of Ministers of Ukraine, resolution 55 of 27.01.2010. The resolution's own examples are tests. The letter
# after an apostrophe is not the word's first (Знам'янка); ь and the apostrophe are dropped; зг is zgh. Its table has
# no Russian letters: ы э ё ъ come from ICAO.
_KMU_55 = _table("г=h и=y", _ICAO)
_KMU_55_START = (
    Context("є", "ye", after=_START),
    Context("ї", "yi", after=_START),
    Context("й", "y", after=_START),
    Context("ю", "yu", after=_START),
    Context("я", "ya", after=_START),
)

# DSTU 9112:2021, systems A and B (reversible). Checked against the test vectors of an independent implementation
# (uklatn) and the Kyїv, Kyjiv examples of the body that wrote it; the standard itself was not at hand. ь is j after a
# consonant, with an apostrophe before the vowels it would otherwise run into; й after a consonant takes an apostrophe
# before it. The foreign ё ъ ы э ў have their own letters there.
_DSTU_A = _table("г=ğ є=je ж=ž и=y ї=ï й=j х=x ц=c ч=č ш=š щ=ŝ ь=ĵ ю=ju я=ja ё=ö ъ=ǒ ы=ȳ э=ē ў=ŭ", _ICAO)
_DSTU_B = _table("г=gh є=je и=y ї=ji й=j х=kh ц=c ь=hj ю=ju я=ja ё=jow ъ=oh ы=yw э=ehw ў=uh", _ICAO)
_UK_CONSONANTS = "бвгґджзйклмнпрстфхцчшщ"
_DSTU_CONTEXTS = (Context("ь", "j", after=_UK_CONSONANTS), Context("й", "'j", after=_UK_CONSONANTS.replace("й", "")))

# Belarus, State Committee on Property, resolution 19 of 24.03.2023, instruction on names of geographical objects
# (there is no newer national table for people's names that is ASCII). The instruction was not at hand; г=g ж=zh ў=w
# х=h ц=c ч=ch ш=sh, "no marks of softness", je and ie and the dropped apostrophe are checked on examples that the
# press printed from it (Vierabjovichy, Safijewka, Ulukawje, Shchuchynshchyna, Liepiel, Varodzkaw). Unchecked: ъ, and
# ґ=g.
_BE_2023 = _table("г=g е=ie ё=io ж=zh й=j х=h ц=c ю=iu я=ia ў=w э=e ъ=", _ICAO)
_BE_AFTER_VOWEL = _START + "аеёіиоуыэюяўьъ" + _APOSTROPHE
_BE_CONTEXTS = (
    Context("е", "je", after=_BE_AFTER_VOWEL),
    Context("ё", "jo", after=_BE_AFTER_VOWEL),
    Context("ю", "ju", after=_BE_AFTER_VOWEL),
    Context("я", "ja", after=_BE_AFTER_VOWEL),
)

# Kazakhstan, the Latin alphabet of 2021 (31 letters, presented by the government on 28.01.2021; ş ñ ğ ū of April
# 2021). The Kazakh letters are checked on the published declaration text and anthem. The alphabet has no C: ц ч щ ё ю
# я ъ ь occur in loan words only and are not settled there; ts, tş, ştş, io, iu, ia and nothing are our choice. I has
# a dot in the capital too (и й = i İ), і is the dotless one (ı I).
_KK_2021 = _table(
    "ә=ä ғ=ğ ж=j и=i й=i қ=q ң=ñ ө=ö ұ=ū ү=ü х=h һ=h ш=ş ы=y і=ı э=e ц=ts ч=tş щ=ştş ё=io ю=iu я=ia ъ= ь=", _ICAO
)

_RULE_LIST = (
    Rule("ru-icao9303", "ICAO Doc 9303-3, section 6; Russian passports since 2014", True, _ICAO),
    Rule("ru-gost52535", "GOST R 52535.1-2006; Russian passports 2010-2014", True, _GOST_52535),
    Rule("ru-gost779a", "GOST 7.79-2000 system A, ISO 9:1995", False, _GOST_779A, apostrophe="'"),
    Rule(
        "ru-gost779b",
        "GOST 7.79-2000 system B",
        True,
        _GOST_779B,
        (Context("ц", "c", before="еёиіїйыэєюя"),),
        apostrophe="'",
    ),
    Rule(
        "ru-mvd310",
        "Order of the Ministry of the Interior 310 (1997)",
        True,
        _MVD_310,
        (Context("ьъ", "", before="е"), Context("е", "ye", after="ьъ")),
        apostrophe="'",
    ),
    Rule(
        "uk-kmu55",
        "Cabinet of Ministers of Ukraine, resolution 55 (2010)",
        True,
        _KMU_55,
        (*_KMU_55_START, Context("г", "gh", after="з")),
    ),
    Rule(
        "uk-dstu9112a",
        "DSTU 9112:2021 system A",
        False,
        _DSTU_A,
        (Context("ь", "j'", after=_UK_CONSONANTS, before="аеу"), *_DSTU_CONTEXTS),
        apostrophe="'",
    ),
    Rule(
        "uk-dstu9112b",
        "DSTU 9112:2021 system B",
        True,
        _DSTU_B,
        (Context("ь", "j'", after=_UK_CONSONANTS, before="аеуі"), *_DSTU_CONTEXTS),
        apostrophe="'",
    ),
    Rule("be-2023", "Belarus, State Committee on Property, resolution 19 (2023)", True, _BE_2023, _BE_CONTEXTS),
    Rule("kk-2021", "Kazakhstan, Latin alphabet of 2021", False, _KK_2021, upper=MappingProxyType({"i": "İ"})),
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in _RULE_LIST})
ALIASES: Mapping[str, str] = MappingProxyType({"ru": "ru-icao9303", "uk": "uk-kmu55", "be": "be-2023", "kk": "kk-2021"})

# Which contexts each letter has, by rule id; built once, so that a letter without any costs one look-up.
_CONTEXTS_OF: Mapping[str, Mapping[str, tuple[Context, ...]]] = MappingProxyType(
    {
        rule.id: {
            letter: tuple(context for context in rule.contexts if letter in context.letters)
            for letter in "".join(context.letters for context in rule.contexts)
        }
        for rule in _RULE_LIST
    }
)

_CYRILLIC = re.compile("[\u0400-\u0481\u048a-\u052f№]")
_LETTERS = "[\u0400-\u0481\u048a-\u052fA-Za-zÀ-ÖØ-öø-ɏ\u0300-\u036f]+"
# A word: letters with their combining marks; signs that serve as an apostrophe count only between letters.
_WORD = re.compile(f"{_LETTERS}(?:[’'ʼ`\"′ʹ‘´]{_LETTERS})*")
_APOSTROPHES = str.maketrans(dict.fromkeys('’ʼ`"′ʹ‘´', _APOSTROPHE))
_MARKS = dict.fromkeys(range(0x0300, 0x0370))
# Printers' signs of Cyrillic text that an ASCII rule has to spell too.
_SIGNS = str.maketrans({**dict.fromkeys("«»„“”", '"'), **dict.fromkeys("’‘ʼ", "'"), **dict.fromkeys("‐‑–—−", "-")}) | {
    ord("№"): "No",
    ord("…"): "...",
    0xA0: " ",
}


def rule_named(rule: str) -> Rule:
    """Give the rule of this id or alias.

    Refused with TLM-TXT-001, naming the nearest id, when there is none.
    """
    found = RULES.get(ALIASES.get(rule, rule))
    if found is None:
        nearest = difflib.get_close_matches(rule.lower(), (*RULES, *ALIASES), n=1, cutoff=0.0)[0]
        raise Refused(UNKNOWN_RULE, rule=rule, nearest=nearest, known=", ".join(RULES))
    return found


def transliterate(text: str, rule: str) -> str:
    """Write every Cyrillic letter of the text in Latin by the named rule; text without Cyrillic passes unchanged.

    `rule` is an id of `RULES` or an alias (ru, uk, be, kk). Words are taken one by one, so `^`, `=`, a backslash,
    spaces, hyphens and digits stay and begin a new word; an apostrophe does not. A capital becomes a capital followed
    by small letters (Щукин, Shchukin) unless its neighbour is a capital too (ЩУКИН, SHCHUKIN); a lone capital follows
    the text (`ЩУКИН^Ю` gives IU) except before a full stop (`Ю.` gives Iu.). Latin twins inside a Cyrillic word count
    as Cyrillic. Letters the rule does not know take ICAO's spelling; rules that are ASCII also spell «», —, … and №,
    and drop stress marks. Repeating an ASCII rule changes nothing.

    Refused with TLM-TXT-001 when there is no such rule.
    """
    chosen = rule_named(rule)
    if text.isascii() or not _CYRILLIC.search(text):
        return text
    shouting = _is_shouting(text)

    def written(match: re.Match[str]) -> str:
        word = match.group()
        if not _CYRILLIC.search(word):
            return word
        word = mend_lookalikes(unicodedata.normalize("NFC", word)).translate(_APOSTROPHES)
        lone_upper = shouting and not text.startswith(".", match.end())
        return _write_word(word.translate(_MARKS) if chosen.ascii else word, chosen, lone_upper)

    latin = _WORD.sub(written, text)
    return latin.translate(_SIGNS) if chosen.ascii else latin


def _is_shouting(text: str) -> bool:
    """Tell whether the words of the text that show their case are all in capitals."""
    words = [word for word in _WORD.findall(text) if len(word) > 1]
    return bool(words) and all(word.isupper() for word in words)


def _write_word(word: str, rule: Rule, lone_upper: bool) -> str:
    lower = word.lower()
    contexts_of = _CONTEXTS_OF[rule.id]
    out: list[str] = []
    for place, letter in enumerate(lower):
        contexts = contexts_of.get(letter)
        latin = _in_context(contexts, lower, place) if contexts else None
        if latin is None:
            latin = rule.apostrophe if letter == _APOSTROPHE else rule.letters.get(letter, letter)
        if letter != word[place]:
            shown = len(latin) if _stands_among_capitals(word, place, lone_upper) else 1
            latin = "".join(rule.upper.get(each) or each.upper() for each in latin[:shown]) + latin[shown:]
        out.append(latin)
    return "".join(out)


def _in_context(contexts: tuple[Context, ...], lower: str, place: int) -> str | None:
    """Give what the first context that fits writes; None when none fits."""
    before = lower[place - 1] if place else _START
    after = lower[place + 1 : place + 2] or " "
    for context in contexts:
        if (not context.after or before in context.after) and (not context.before or after in context.before):
            return context.into
    return None


def _stands_among_capitals(word: str, place: int, lone_upper: bool) -> bool:
    """Tell whether the capital at `place` has a capital neighbour: the next letter, or at the end the one before."""
    following = word[place + 1 :].lstrip(_APOSTROPHE)
    if following:
        return following[0].isupper()
    preceding = word[:place].rstrip(_APOSTROPHE)
    return preceding[-1].isupper() if preceding else lone_upper
