"""Build src/tolmach/text/language.bin from the word lists in scripts/words.

Run:  python scripts/build_language_model.py

Family names beyond the lists come from stems and endings; patronymics from given names; feminine forms and the
neighbour's spelling (Шевченко in Russian, Кузнєцов in Ukrainian) from rules. Every word of
tests/data/text/holdout_*.txt is left out, so that what the tests measure is what a hospital will see.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from tolmach.text.language import APOSTROPHE, INITIALS, SCRIPTS, SIXTEENTHS, symbol_of  # noqa: E402

WORDS = ROOT / "scripts" / "words"
HOLDOUT = ROOT / "tests" / "data" / "text"
TARGET = ROOT / "src" / "tolmach" / "text" / "language.bin"

LISTED = 6.0  # weight of a word somebody wrote down
GENERATED = 0.35  # weight of a word made from a stem and an ending

NEVER_AN_INITIAL = 0.05  # of a letter that begins no given name

LATIN = ("de", "fr", "es", "pl", "cs", "tr", "sv", "hu", "ro", "pt")
OTHER = {"greek": ("el",), "hebrew": ("he",), "arabic": ("ar",), "latin": LATIN, "serbian": ("sr",)}

UK_ENDINGS = (
    "енко", "ченко", "чук", "ук", "юк", "ський", "ська", "цький", "цька", "ко", "ик", "ник", "як", "ак", "ець", "ів",
    "ишин", "ович", "евич", "ай", "ій", "иха", "ий", "ла", "ло", "ун", "ач", "аш", "ура", "юра", "ала", "ий", "ова",
    "ов", "ян", "ець", "івський", "івська",
)  # fmt: skip
RU_ENDINGS = (
    "ов", "ова", "ев", "ева", "ин", "ина", "ский", "ская", "цкий", "цкая", "их", "ых", "ской", "ко", "енко", "юк",
    "чук", "ников", "никова", "ёв", "ёва", "евич", "ович", "енков", "енкова", "кин", "кина", "ушкин", "ушкина",
)  # fmt: skip
BE_ENDINGS = ("овіч", "евіч", "скі", "ская", "енка", "ёнак", "чык", "аў", "ава", "еў", "ева", "ін", "іна", "ук", "юк")
BG_ENDINGS = ("ов", "ова", "ев", "ева", "ски", "ска", "чев", "чева")
KK_ENDINGS = ("ов", "ова", "ев", "ева", "ұлы", "қызы", "баев", "баева", "беков", "бекова", "ханов", "хан", "бай", "бек")

CONSONANTS = "бвгґғджзйкқлмнңпрстфхһцчшщ"


Weights = defaultdict[str, float]
Symbols = defaultdict[int, float]


def read(path: Path) -> list[str]:
    """Give the words of one list, lower-case, in order; a line starting with # is a remark."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [word.lower().replace("’", "'") for line in lines for word in line.replace("-", " ").split()]


def several(*names: str) -> list[str]:
    """Give the words of several lists one after the other."""
    return [word for name in names for word in read(WORDS / f"{name}.txt")]


def held_out() -> frozenset[str]:
    """Give every word the model must not have seen."""
    return frozenset(word for path in sorted(HOLDOUT.glob("holdout_*.txt")) for word in read(path))


def stems(surnames: list[str], endings: tuple[str, ...]) -> list[str]:
    """Give what remains of each family name when its longest known ending is taken off."""
    found = []
    for name in surnames:
        ending = max((e for e in endings if name.endswith(e)), key=len, default="")
        stem = name[: len(name) - len(ending)].rstrip("ьйаяоеиіыую")
        if len(stem) >= 3 and stem[-1] in CONSONANTS:
            found.append(stem)
    return list(dict.fromkeys(found))


def grown(surnames: list[str], endings: tuple[str, ...]) -> list[str]:
    """Give stem times ending."""
    return [stem + ending for stem in stems(surnames, endings) for ending in dict.fromkeys(endings)]


# Endings of masculine given names, longest first, and what a patronymic puts in their place.
UK_PATRONYMICS = (
    ("ій", ("ійович", "іївна")),
    ("о", ("ович", "івна")),
    ("а", ("ович", "івна")),
    ("ь", ("ьович", "івна", "ович")),
    ("", ("ович", "івна")),
)
RU_PATRONYMICS = (
    ("ий", ("ьевич", "ьевна", "иевич", "иевна")),
    ("й", ("евич", "евна")),
    ("ь", ("евич", "евна")),
    ("", ("ович", "овна")),
)
MEN_IN_A = ("микола", "микита", "лука", "сава", "хома", "кузьма", "никита", "илья")


def patronymics(given: list[str], language: str) -> list[str]:
    """Give the patronymics made from masculine given names of a language."""
    made = []
    for name in given:
        if name[-1] in "аяюїи" and name not in MEN_IN_A:
            continue
        rules = UK_PATRONYMICS if language == "uk" else RU_PATRONYMICS
        ending, forms = next(rule for rule in rules if name.endswith(rule[0]))
        made += [name[: len(name) - len(ending)] + form for form in forms]
    return made


def feminine(surnames: list[str], language: str) -> list[str]:
    """Give the feminine forms of family names that have one."""
    made = []
    for name in surnames:
        if name.endswith(("ов", "ев", "ёв", "єв", "їв", "ин", "ін", "ын")):
            made.append(name + "а")
        elif language == "ru" and name.endswith(("ий", "ый", "ой")):
            made.append(name[:-2] + "ая")
        elif language == "uk" and name.endswith("ий"):
            made.append(name[:-2] + "а")
    return made


def respelt(words: list[str], language: str) -> list[str]:
    """Give the words of Ukrainian as a Russian clerk writes them (to `ru`), or the other way round (to `uk`)."""
    if language == "ru":
        table = {"і": "и", "ї": "и", "є": "е", "ґ": "г", "'": "ь"}
        return ["".join(table.get(letter, letter) for letter in word) for word in words]
    if language == "be":
        return [belarusian(word) for word in words]
    made = []
    for word in words:
        plain = word.replace("ё", "ьо").replace("ъ", "'").replace("э", "е").replace("ы", "и")
        made.append(plain)
        made.append(plain.replace("и", "і"))
        made.append(plain.replace("е", "є", 1) if "ле" in plain or "не" in plain else plain)
    return made


def belarusian(word: str) -> str:
    """Give a Russian word roughly as Belarusian spells it (after the ear: о to а, hard р, дз and ц)."""
    for russian, spelt in (
        ("ов", "оў"), ("ев", "еў"), ("ёв", "ёў"), ("щ", "шч"), ("ре", "рэ"), ("ри", "ры"), ("ти", "ці"), ("те", "це"),
        ("ть", "ць"), ("ди", "дзі"), ("де", "дзе"), ("чи", "чы"), ("жи", "жы"), ("ши", "шы"), ("че", "чэ"),
        ("ше", "шэ"), ("же", "жэ"), ("ци", "цы"), ("ий", "і"), ("и", "і"), ("ъ", "'"),
    ):  # fmt: skip
        word = word.replace(russian, spelt)
    return word[0] + word[1:].replace("о", "а") if word.count("о") > 1 else word


def cyrillic_words() -> tuple[list[str], list[str]]:
    """Give the words somebody wrote down, and the words made from them."""
    uk, ru = several("uk_surnames", "uk_short_surnames"), several("ru_surnames", "ru_short_surnames")
    uk_given, ru_given = read(WORDS / "uk_given.txt"), read(WORDS / "ru_given.txt")
    be, kk, bg = (read(WORDS / f"{name}_words.txt") for name in ("be", "kk", "bg"))
    neighbours = read(WORDS / "ru_neighbour_names.txt")
    uk_nouns, ru_nouns = read(WORDS / "uk_stems.txt"), read(WORDS / "ru_stems.txt")
    medical = several("uk_words", "ru_words", "uk_abbreviations", "ru_abbreviations")
    medical += several("bg_phrases", "kk_phrases", "be_phrases")
    uk_patronymics, ru_patronymics = patronymics(uk_given, "uk"), patronymics(ru_given, "ru")
    listed = uk * 2 + ru * 2 + uk_given * 4 + ru_given * 4 + medical + neighbours + uk_patronymics + ru_patronymics
    listed += be + kk + bg + uk_nouns + ru_nouns
    women = feminine(uk, "uk") + feminine(ru, "ru") + feminine(neighbours, "ru")
    made = women * 4 + grown(uk, UK_ENDINGS) + grown(ru, RU_ENDINGS)
    made += grown(be, BE_ENDINGS) + grown(bg, BG_ENDINGS) + grown(kk, KK_ENDINGS) + grown(neighbours, RU_ENDINGS)
    made += grown(uk_nouns, UK_ENDINGS) + grown(ru_nouns, RU_ENDINGS)
    made += grown(uk_given, UK_ENDINGS) + grown(ru_given, RU_ENDINGS)
    made += respelt(uk, "ru") * 3 + respelt(ru + feminine(ru, "ru"), "uk") + respelt(uk_patronymics, "ru")
    made += respelt(ru + ru_given + ru_nouns, "be")
    return listed, made


def weights() -> dict[str, Weights]:
    """Give, per script, every word with its weight; hold-out words are not among them."""
    forbidden = held_out()
    listed, made = cyrillic_words()
    kazakh = several("kk_words", "kk_phrases")
    sources = [
        ("cyrillic", listed, LISTED),
        ("cyrillic", made, GENERATED),
        ("kazakh", kazakh, LISTED),
        ("kazakh", grown(kazakh, KK_ENDINGS), LISTED / 6),
        *((script, read(WORDS / f"{name}_words.txt"), LISTED) for script, names in OTHER.items() for name in names),
    ]
    result: dict[str, Weights] = {script: defaultdict(float) for script in SCRIPTS}
    for script, words, weight in sources:
        for word in words:
            if word not in forbidden:
                result[script][word] += weight
    return result


def symbols(script: str, word: str) -> bytes | None:
    """Give a word as symbols, or None when it holds a character the script lacks."""
    table = symbol_of(script)
    if any(letter not in table for letter in word):
        return None
    return bytes(table[letter] & 63 for letter in word)


def counter() -> Symbols:
    """Give an empty count of symbols."""
    return defaultdict(float)


def table_of(script: str, words: Weights, names: list[str]) -> bytes:
    """Give the 64 x 64 x 64 table of surprise: interpolated trigrams (Witten and Bell), one byte each.

    The row after two apostrophes, which no word has, holds how usual each letter is as an initial.
    """
    threes: defaultdict[tuple[int, int, int], float] = defaultdict(float)
    for word, weight in words.items():
        coded = symbols(script, word)
        if coded is None:
            continue
        padded = (0, 0, *coded, 0)
        for index in range(2, len(padded)):
            threes[padded[index - 2], padded[index - 1], padded[index]] += weight / LISTED
    twos: dict[tuple[int, int], Symbols] = defaultdict(counter)
    ones: dict[int, Symbols] = defaultdict(counter)
    every = counter()
    for (first, second, third), weight in threes.items():
        twos[first, second][third] += weight
        ones[second][third] += weight
        every[third] += weight
    alphabet = (*range(len(SCRIPTS[script]) + 1), APOSTROPHE)
    total = sum(every.values())
    base = [(every[s] + 0.5) / (total + 0.5 * len(alphabet)) for s in range(64)]
    output = bytearray(b"\xff" * 64**3)
    for second in alphabet:
        lower = blend(ones.get(second, counter()), base)
        for first in alphabet:
            row = blend(twos.get((first, second), counter()), lower)
            start = first << 12 | second << 6
            for third in alphabet:
                output[start + third] = min(254, round(-math.log(row[third]) * SIXTEENTHS))
    initials = counter()
    for name in names:
        initials[symbol_of(script).get(name[0], 0)] += 1.0
    total = sum(initials.values())
    row = [(initials[symbol] + NEVER_AN_INITIAL) / (total + NEVER_AN_INITIAL * 64) for symbol in range(64)]
    for third in alphabet:
        output[INITIALS + third] = min(254, round(-math.log(row[third]) * SIXTEENTHS))
    return bytes(output)


def known(script: str, words: Weights) -> bytes:
    """Give the words somebody wrote down, as symbols: the detector knows them whole."""
    listed = {symbols(script, word) for word, weight in words.items() if weight >= LISTED and len(word) > 2}
    return b"\0".join(sorted(word for word in listed if word is not None))


def blend(seen: Symbols, lower: list[float]) -> list[float]:
    """Give probabilities that trust what was seen as far as it is varied and frequent, and `lower` for the rest."""
    kinds = len(seen) or 1
    total = sum(seen.values())
    return [(seen[symbol] + kinds * lower[symbol]) / (total + kinds) for symbol in range(64)]


def main() -> None:
    """Write the model and say how large it is."""
    words = weights()
    names = {script: sorted(words[script]) for script in SCRIPTS}
    names["cyrillic"] = read(WORDS / "uk_given.txt") + read(WORDS / "ru_given.txt")
    parts = [table_of(script, words[script], names[script]) for script in SCRIPTS]
    lists = [known(script, words[script]) for script in SCRIPTS]
    packed = zlib.compress(b"".join(parts) + b"\0\0".join(lists), 9)
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    target.write_bytes(packed)
    for script, counter, listed in zip(SCRIPTS, words.values(), lists, strict=True):
        print(f"{script}: {len(counter)} words, {listed.count(0) + 1} of them listed")
    print(target.name, len(packed), "bytes")


if __name__ == "__main__":
    main()
