"""Search keys of people's names: one key for all spellings in Cyrillic and Latin, and how alike two names are.

A key is a skeleton in a-z: letters that standards and habits spell differently fall together (и і ї й ы y j = i; г ґ х
h kh = g; ш щ sh sch shch = sh; ц ts tc cz = c; ё йо ьо yo = e), signs and apostrophes vanish, doubled letters become
single. It is made to find, not to show and not to prove: two people may share a key.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tolmach.text.lookalikes import mend_lookalikes


def _spelt(text: str) -> dict[str, str]:
    """Read `я=ia ь=` into a mapping."""
    return {letter: latin for letter, _, latin in (pair.partition("=") for pair in text.split())}


# Inside a skeleton S stands for ш щ, Z for ж, C for ч; small letters stand for themselves, c for ц.
_FROM_CYRILLIC = str.maketrans(
    {
        **dict(zip("абвгґдеёєжзиіїйклмнопрстуфхцчшщыэ", "abvggdeeeZziiiiklmnoprstufgcCSSie", strict=True)),
        **dict(zip("әғқңөұүһјђћќѓѕѣѳѵў", "agknouugidCkgzefiv", strict=True)),
        **_spelt("ю=iu я=ia ъ= ь= љ=l њ=n џ=dZ"),
    }
)
# Latin letters with marks as the standards of `translit` and the neighbours use them; from all others the mark is
# dropped.
_FROM_MARKED = str.maketrans(
    {
        **dict(zip("čćçšşșŝžżđłıøæȳŭ", "CCCSSSSZZdlioeiv", strict=True)),
        **_spelt("û=iu â=ia ß=ss ĵ= ǒ="),
    }
)
_APOSTROPHES = str.maketrans(dict.fromkeys("'’ʼ`\"′ʹ‘´ʺ″"))
_DIGRAPH = re.compile(
    r"(?P<S>schtsch|shtsh|stsch|shch|szcz|shh|sch|sh|sz)"
    r"|(?P<C>tsch|tch|ch|cz(?=[eiyj]|uk\b|ak\b|arn)|(?<=i)cz\b)"
    r"|(?P<Z>zh)"
    r"|(?P<c>ts(?!h)|tc(?!h)|tz|cz)"
    # x is х in GOST 7.79 and DSTU 9112, and ks in these stems only.
    r"|(?P<ks>(?<=ale)x(?=[aes])|(?<=ma)x(?=im)|(?<=feli)x|(?<=\ba)x(?=[eu]n)|(?<=o)x(?=an)|\bx(?=en))"
    r"|(?P<g>kh|gh|h|x)"
    r"|(?P<v>w|(?<=[eo])ff\b)"
    r"|(?P<k>q)"
    # The j of DSTU 9112 that is a soft sign: before a consonant or at the end.
    r"|(?P<none>(?<=[bcdfghklmnpqrstvwxzCSZ])j(?![aeiou]))"
    r"|(?P<i>[yj])"
)

# What both alphabets need after that, in this order.
# йе ye ie, ио йо yo; Горбачов for Горбачёв, Чорний for Чёрный, but not Шостак for Шестак
_YO = re.compile("i+[eo]|(?<=[SZC])o(?=v)|(?<=C)o(?=rn)")
_HARD_SIGN = re.compile("e+(?=i[au])")  # the ie of ICAO for ъ: Podieiachev
_CLUSTER = re.compile("StS|[sS]t*C|t+S|t+s|t+(?=[cC])")
_DOUBLED = re.compile(r"(.)\1+")
_FEMININE = re.compile("(?<=[sc])kaia$")  # -ская is -ська in Ukrainian
_SHOWN = str.maketrans({"S": "sh", "Z": "zh", "C": "ch"})

_KAZAKH = frozenset("ñışū")  # with one of these j is ж, as in the Kazakh alphabet of 2021
_HAS_CYRILLIC = re.compile("[\u0400-\u052f]")
_HAS_LATIN = re.compile("[a-zß-ɏ]")
_LETTER = r"[^\W\d_ʰ-˿]"
_TOKEN = re.compile(rf"{_LETTER}(?:[\u0300-\u036f'’ʼ`\"′ʹ‘´ʺ″-]*{_LETTER})*")
_GROUP = re.compile(r"[=\\]")
_PATRONYMIC = re.compile("(?:[oe]v)?iC$|(?:[oei]v|i?niC|iC)na$")
_SURELY_PATRONYMIC = re.compile("[oe]viC$|(?:[oei]v|iC)na$")

# Given names whose forms differ by more than letters, between bars; the first gives the key. A name alone is there to
# be known as a given name when the order of a name's parts is unsure. Composed for this table.
_EQUIVALENTS = """
александр олександр аляксандр alexander | александра олександра аляксандра | алексей олексій аляксей | анастасия
анастасія настасся | анатолий анатолій анатоль | андрей андрій андрэй andrew | анна ганна | антон антін | антонина
антоніна антаніна | артём артемий арцём | борис барыс | василий василь васіль | вера віра | виктор віктар victor |
виктория вікторія вікторыя victoria | владимир володимир уладзімір | владислав уладзіслаў | вячеслав вячаслаў | галина
галіна | георгий георгій george | григорий григорій рыгор gregory | даниил данило даніла daniel | дарья дарина | денис
дзяніс | дмитрий дмитро дзмітрый | евгений євген яўген eugene | евгения євгенія яўгенія | евдокия явдоха | егор єгор
ягор | екатерина катерина кацярына catherine | елена олена алена алёна helena | елизавета єлизавета лізавета elizabeth
| ефим юхим яўхім | зинаида зінаїда | иван іван ян | игорь ігор ігар | илья ілля | иосиф йосип язэп joseph | ирина
ірина irene | кирилл кирило кірыл | константин костянтин канстанцін constantine | ксения ксенія xenia | лариса ларыса
| лев | леонид леонід леанід | лидия лідія | любовь любов | людмила людміла | максим максім | маргарита маргарыта |
мария марія марыя | марфа марта | матвей матвій мацвей | михаил михайло міхаіл міхась michael | надежда надія надзея |
наталья наталія наталля | никита микита мікіта | николай микола мікалай nicholas | нина ніна | оксана аксана | олег
алег | ольга вольга | павел павло павал paul | пётр петро пятро peter | прасковья параска | роман раман | семён сямён
symon | сергей сергій сяргей serge | софия софія sophia | станислав станіслаў | степан сцяпан | светлана світлана
святлана | татьяна тетяна таццяна | тимофей тимофій цімафей | фёдор федір theodore | филипп пилип піліп philip | юлия
юлія julia | юрий юрій юрась | яков яків якаў jacob | вадим | валентин | валентина | валерий валерій | валерия |
вероника | виталий віталій | глеб гліб | диана | инна | лилия | марина | олеся алеся | руслан | тамара | ярослав |
айгуль айгүл | алия әлия | асель әсел | бауыржан | болат булат | гульнара гүлнар | динара | ержан | ерлан | жанна |
мухаммед мұхаммед мухаммад | нурлан нұрлан | серик серік | юсуф жүсіп
"""


@dataclass(frozen=True, slots=True)
class _Parts:
    """One component group of a name in skeletons: halves of the family name, given name, patronymic, initials."""

    family: tuple[str, ...]
    given: str = ""
    patronymic: str = ""
    initials: tuple[str, ...] = ()
    other_readings: tuple[str, ...] = ()


def fold_keys(name: str) -> tuple[str, ...]:
    """Give the search keys of a name, the family name's first; the empty tuple when there is no letter in it.

    The name is a PN value (`family^given^middle`, groups parted by `=`) or free text ("Ivan Petrov", "Петров И.И."). In
    free text, and where `given^family` was entered, known given names and patronymics tell the order; what stays
    unknown counts as family name first. The tuple holds, each once:

    0. the family name, halves of a double name joined (Петрова-Водкина: petrovavodkina);
    1. the given name, the same for its forms in all languages (Микола, Николай: nikolai);
    2. the patronymic, likewise (Олександрівна, Александровна: aleksandrvna);
    3. where they differ: the halves of a double family name, other readings (a part that may be family or given name,
       ьо without its soft sign: Ковальов, Kovalov), and the keys of further component groups.

    Absent parts and initials leave no key. A stored name is indexed under all its keys; a query matches it when the
    first key of the query is among them, so a name stored with its parts swapped is found too. Keys are a-z for
    Cyrillic and Latin names; letters of other alphabets stay. The same input always gives the same keys.
    """
    keys: dict[str, None] = {}
    for group in _GROUP.split(name):
        parts = _parts_of(group)
        if parts is None:
            continue
        for key in (
            "".join(parts.family),
            parts.given,
            parts.patronymic,
            *(parts.family if len(parts.family) > 1 else ()),
            *parts.other_readings,
        ):
            if key:
                keys[key.translate(_SHOWN)] = None
    return tuple(keys)


def similarity(a: str, b: str) -> float:
    """Tell how alike two names are, 0 to 1; 1 means the same name by every part both have, and nothing missing.

    The family name weighs 0.55, the given name 0.3, the patronymic 0.15, of what both names have. An initial that fits
    counts 0.9 of its part; a part that only one name has costs a tenth (given) or a fiftieth (patronymic). Parts in an
    order that no known given name tells cost 0.03. Symmetric; 0 when one name has no letters. It is evidence, not
    proof of identity.
    """
    best = 0.0
    ours = [parts for group in _GROUP.split(a) if (parts := _parts_of(group))]
    theirs = [parts for group in _GROUP.split(b) if (parts := _parts_of(group))]
    for one in ours:
        for other in theirs:
            best = max(
                best, _alike(one, other), _alike(one, _swapped(other)) - 0.03, _alike(_swapped(one), other) - 0.03
            )
    return round(best, 4)


def _skeleton(word: str) -> str:
    """Give the skeleton of one word without hyphens."""
    word = word.lower().translate(_APOSTROPHES)
    if _HAS_CYRILLIC.search(word):
        mixed = _HAS_LATIN.search(word)
        word = word.replace("ьо", "ё").translate(_FROM_CYRILLIC)
        if mixed:
            word = _from_latin(word)
    else:
        word = _from_latin(word)
    word = _HARD_SIGN.sub("", _YO.sub("e", word))
    word = _DOUBLED.sub(r"\1", _CLUSTER.sub(_cluster, word))
    return _FEMININE.sub("ka", word)


def _from_latin(word: str) -> str:
    if not word.isascii():
        if not _KAZAKH.isdisjoint(word):
            word = word.replace("j", "Z")
        word = unicodedata.normalize("NFD", word.translate(_FROM_MARKED))
        word = "".join(letter for letter in word if not unicodedata.combining(letter))
    return _DIGRAPH.sub(_digraph, word)


def _digraph(match: re.Match[str]) -> str:
    sound = match.lastgroup or ""
    return "" if sound == "none" else sound


def _cluster(match: re.Match[str]) -> str:
    """Write тс as ц, тш (the tş of Kazakh) as ч, сч стч шч and ştş as щ; drop т before ц and ч."""
    cluster = match.group()
    if cluster[0] in "sS":
        return "S"
    return {"S": "C", "s": "c"}.get(cluster[-1], "")


def _given_keys() -> Mapping[str, str]:
    """Read the table of equivalents: the skeleton of each form gives the skeleton of the first."""
    keys: dict[str, str] = {}
    for line in " ".join(_EQUIVALENTS.split()).split("|"):
        forms = [_skeleton(form) for form in line.split()]
        for form in forms:
            keys.setdefault(form, forms[0])
    return MappingProxyType(keys)


_GIVEN = _given_keys()
# The stem a patronymic is made from. The names are read backwards, so that the first name of a stem wins (Александр,
# not Александра); Яковлевич is made from Яковл-, Якович from Як-.
_STEM: Mapping[str, str] = MappingProxyType(
    {
        **{form.rstrip("aeiou"): key for form, key in reversed(list(_GIVEN.items()))},
        **_spelt("iakovl=iakov iak=iakov il=ilia"),
    }
)


def _parts_of(group: str) -> _Parts | None:
    """Take one component group apart; None when there is no letter in it."""
    family, given, middle = (_TOKEN.findall(mend_lookalikes(text)) for text in _three_components(group))
    if family and (given or middle):
        reordered = bool(given) and _is_given(family) and not _is_given(given)
        if reordered:
            family, given = given, family
        return _parts(family, [*given, *middle], reordered)
    tokens = [*family, *given, *middle]
    if not tokens:
        return None
    words = [token for token in tokens if len(token) > 1] or tokens[:1]
    initials = [token for token in tokens if len(token) == 1 and token not in words]
    at = _family_at(words)
    others = [word for place, word in enumerate(words) if place != at]
    return _parts([words[at]], [*others, *initials], at > 0)


def _three_components(group: str) -> tuple[str, str, str]:
    """Give family, given and middle name; a comma in free text is read as the caret of a PN."""
    if not unicodedata.is_normalized("NFC", group):
        group = unicodedata.normalize("NFC", group)
    if "^" not in group:
        group = group.replace(",", "^", 1)
    components = [*group.split("^"), "", ""]
    return components[0], components[1], components[2]


def _family_at(words: list[str]) -> int:
    """Tell which word of free text is the family name: the first, unless given names and patronymics say otherwise."""
    if len(words) == 2 and _is_given(words[:1]) and not _is_given(words[1:]):
        return 1
    if len(words) > 2 and _SURELY_PATRONYMIC.search(_skeleton(words[1])):
        family_last = _is_given(words[:1]) or not _SURELY_PATRONYMIC.search(_skeleton(words[2]))
        return 2 if family_last else 0
    return 0


def _is_given(words: list[str]) -> bool:
    return len(words) == 1 and _skeleton(words[0]) in _GIVEN


def _parts(family: list[str], others: list[str], reordered: bool) -> _Parts:
    """Make skeletons; a family name may be read as a given name, and where the order was changed the other way too."""
    halves = tuple(_skeleton(half) for word in family for half in word.split("-") if half)
    names = [_joined(word) for word in others if len(word) > 1]
    # Decree 55 drops the soft sign, so Ковальов is Kovalov there, where ь and о would else mean ё.
    softened = "".join(family).lower()
    without_soft_sign = _joined(softened.replace("ьо", "о")) if "ьо" in softened else ""
    given = names[0] if names else ""
    patronymic = names[1] if len(names) > 1 else ""
    return _Parts(
        family=halves,
        given=_GIVEN.get(given, given),
        patronymic=_patronymic_key(patronymic),
        initials=tuple(_skeleton(word)[:1] for word in others if len(word) == 1),
        other_readings=(_GIVEN.get("".join(halves), ""), given if reordered else "", without_soft_sign),
    )


def _joined(word: str) -> str:
    return "".join(_skeleton(half) for half in word.split("-"))


def _patronymic_key(skeleton: str) -> str:
    """Give the key of the father's name and the ending, the same for -ович, -івна and their like in each language."""
    ending = _PATRONYMIC.search(skeleton)
    if ending is None:
        return _GIVEN.get(skeleton, skeleton)
    stem = skeleton[: ending.start()].rstrip("aeiou")
    return _STEM.get(stem, stem) + ("vna" if skeleton.endswith("a") else "vich")


def _swapped(parts: _Parts) -> _Parts:
    """Give the name with family name and given name in each other's place."""
    return _Parts((parts.given,), "".join(parts.family), parts.patronymic, parts.initials)


def _alike(one: _Parts, other: _Parts) -> float:
    family = max(
        _closeness("".join(one.family), "".join(other.family)),
        *(0.9 * _closeness("".join(one.family), half) for half in other.family),
        *(0.9 * _closeness(half, "".join(other.family)) for half in one.family),
    )
    weighed, weight, kept = 0.55 * family, 0.55, 1.0
    for share, cost, at, ours, theirs in (
        (0.3, 0.9, 0, one.given, other.given),
        (0.15, 0.98, 1, one.patronymic, other.patronymic),
    ):
        mine, yours = ours or _initial(one, at), theirs or _initial(other, at)
        if mine and yours:
            weighed += share * _part_closeness(mine, yours)
            weight += share
        elif mine or yours:
            kept *= cost
    return weighed / weight * kept


def _initial(parts: _Parts, at: int) -> str:
    return parts.initials[at] if at < len(parts.initials) else ""


def _part_closeness(mine: str, yours: str) -> float:
    """Compare given names or patronymics, either of which may be an initial."""
    if mine != yours and 1 in (len(mine), len(yours)):
        return 0.9 if mine[0] == yours[0] else 0.0
    return _closeness(mine, yours)


def _closeness(mine: str, yours: str) -> float:
    """Give 1 for equal skeletons, less for each letter changed, added, dropped or swapped, 0 below a half."""
    if mine == yours:
        return 1.0 if mine else 0.0
    longest = max(len(mine), len(yours))
    alike = 1.0 - _distance(mine, yours) / longest
    return alike if alike > 0.5 else 0.0


def _distance(mine: str, yours: str) -> int:
    """Count the changes between two words; two neighbours swapped are one."""
    before: list[int] = []
    last = list(range(len(yours) + 1))
    for row, letter in enumerate(mine, start=1):
        line = [row]
        for column, other in enumerate(yours, start=1):
            cost = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != other))
            if row > 1 and column > 1 and letter == yours[column - 2] and mine[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, last = last, line
    return last[-1]
