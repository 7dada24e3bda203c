"""Values that are not like the rest of their file: written by another program, or in another alphabet.

One machine writes one code page, so the values of a file are judged together (`detect`); but a header may hold what
other programs wrote into it. Those are judged apart where that is clear, and doubted where it is not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from tolmach.base import N_, Phrase
from tolmach.text.code_pages import FAMILY, RARITY, SCRIPT_OF_PAGE, canonical
from tolmach.text.detect import FEWEST_LETTERS, SURE, Detection, answers_for, detect
from tolmach.text.language import model
from tolmach.text.readings import (
    CHUNK,
    ESCAPE,
    FEWEST_BEFORE_CUT,
    has_word,
    is_utf8,
    letters,
    read,
    reads_well,
    sample,
    sample_of,
    without_cut,
)

STRAY_NATS: Final = 8.0
"""By so much must a value read better otherwise than in the code page of its file to be judged apart."""

DOUBTFUL_NATS: Final = 4.0
"""By so much better, and it is unsure."""

ODD: Final = (4.0, 3.0)
"""A value that costs no more than this, once and for each letter, reads well enough to ask no further."""

LONE_NATS: Final = 2.0
"""A letter on its own beside Latin words is only believed to be Cyrillic when it is more usual as that by this much."""

_LATIN_WORD: Final = re.compile(rb"[A-Za-z]{2}")


def detect_each(
    values: Sequence[bytes], *, declared: str | None = None, memory: Mapping[str, float] | None = None
) -> tuple[Detection, ...]:
    """Give one verdict per value of a file whose values need not all be in the same code page.

    Values that are UTF-8 on their own (written by another program than the rest) are judged together and apart from
    the others. In a Cyrillic file, a value that reads badly in the code page of the rest and clearly better in another
    one, or as a Latin word with an accent, gets a verdict of its own, or "unsure"; "unsure" is also a letter on its own
    beside Latin words, if the label does not say that code page. Otherwise as `detect`, which says the same of every
    value of a file of one code page.
    """
    judge = partial(detect, declared=declared, memory=memory)
    values = [value if value.isascii() else without_cut(value) for value in values]
    apart = any(is_utf8(value, FEWEST_BEFORE_CUT) for value in values)
    kinds = [apart and is_utf8(value, 1) for value in values]
    one_byte = [value for value, kind in zip(values, kinds, strict=True) if not kind]
    foreign = [value for value in one_byte if not value.isascii() and ESCAPE not in value]
    verdicts = (
        {True: judge([value for value, kind in zip(values, kinds, strict=True) if kind])} if True in kinds else {}
    )
    if True in verdicts and not foreign:
        verdicts[False] = verdicts[True]
    odd: dict[bytes, Detection] = {}
    if False not in verdicts:
        verdicts[False], odd = _of_several(one_byte, foreign, judge)
        page = verdicts[False].code_page
        if page is not None and page != "utf-8" and page != canonical(declared or ""):
            odd |= {value: _LONE for value in foreign if value not in odd and _is_lone(value, page)}
    return tuple(
        verdicts[True] if kind else odd.get(value, verdicts[False]) for value, kind in zip(values, kinds, strict=True)
    )


_LONE: Final = Detection(
    None,
    "unsure",
    0.5,
    Phrase(N_("One letter on its own beside Latin words may be an accented one as well as a Cyrillic one.")),
)


def _is_lone(value: bytes, page: str) -> bool:
    """Tell whether all that is not ASCII in a value are letters on their own, and Latin ones as likely as Cyrillic."""
    chunks = CHUNK.findall(value)
    if any(len(chunk) > 1 for chunk in chunks) or _LATIN_WORD.search(value) is None:
        return False
    given, language = sample_of(tuple(chunks)), model()
    here = read(given, page, SCRIPT_OF_PAGE.get(page, "cyrillic"), language, {}, math.inf)
    latin = read(given, "cp1252", "latin", language, {}, math.inf)
    if latin is None or letters(latin[1]) < len(chunks):
        return False
    return here is None or latin[0] - here[0] <= LONE_NATS


Judge = Callable[[Sequence[bytes]], Detection]


def _of_several(
    values: Sequence[bytes], foreign: Sequence[bytes], judge: Judge
) -> tuple[Detection, dict[bytes, Detection]]:
    """Give the verdict on most values, and the verdicts on those that are not like most."""
    most = judge(values)
    if len(foreign) > 1 and most.outcome == "unsure":
        most = judge(_of_one_family(foreign, judge))
    if len(foreign) < 2 or most.code_page in (None, "utf-8"):
        return most, {}
    odd = _odd(foreign, most, judge)
    if odd and 2 * len(odd) > sum(has_word(value, FEWEST_LETTERS) for value in foreign) > 1:
        other = judge(list(odd))
        if other.code_page not in (None, "utf-8"):
            most, odd = other, _odd(foreign, other, judge)
    return most, odd


def _of_one_family(foreign: Sequence[bytes], judge: Judge) -> Sequence[bytes]:
    """Give the values of a file without those that are surely in another code page than most letters are."""
    alone = [judge([value]) for value in foreign]
    families = [FAMILY.get(found.code_page or "", found.code_page) for found in alone]
    sizes: dict[str, int] = {}
    for value, family in zip(foreign, families, strict=True):
        if family is not None:
            sizes[family] = sizes.get(family, 0) + len(value)
    if len(sizes) < 2:
        return foreign
    main = max(sizes, key=lambda family: sizes[family])
    return [value for value, family in zip(foreign, families, strict=True) if family in (None, main)]


def _odd(values: Sequence[bytes], of_file: Detection, judge: Judge) -> dict[bytes, Detection]:
    """Give the verdicts on those values that read badly in the code page of their file and better otherwise."""
    page = of_file.code_page or ""
    if reads_well(values, page, SCRIPT_OF_PAGE.get(page, "cyrillic"), model(), ODD):
        return {}
    verdicts = ((value, _of_odd(value, of_file, judge)) for value in dict.fromkeys(values))
    return {value: verdict for value, verdict in verdicts if verdict is not None}


def _is_sibling(page: str, other: str) -> bool:
    return FAMILY.get(page, page) == FAMILY.get(other, other)


def _of_odd(value: bytes, of_file: Detection, judge: Judge) -> Detection | None:
    """Give the verdict on a value that is not in the code page of its file, its own when that is clear; else None."""
    given = sample([value])
    language = model()
    page = of_file.code_page or ""
    here = read(given, page, SCRIPT_OF_PAGE.get(page, "cyrillic"), language, {}, math.inf)
    if here is not None and here[0] <= ODD[0] + ODD[1] * letters(here[1]):
        return None
    has_latin = any(given.ascii_letters)
    # Abbreviations and rare words read badly, and in no other code page better; nobody mixes two of one family.
    answers = [
        answer
        for answer in answers_for(given, None, {}, language)
        if (answer.outcome == "cyrillic" and not _is_sibling(answer.page, page))
        or (answer.reading.script == "latin" and has_latin)
    ]
    best = min(answers, key=lambda answer: answer.cost, default=None)
    if best is None or (best.outcome == "cyrillic" and not best.has_enough):
        return None
    lead = math.inf if here is None else here[0] + RARITY[page] - best.cost
    if lead < (DOUBTFUL_NATS if best.outcome == "cyrillic" else STRAY_NATS):
        return None
    facts = {"code_page": page}
    if best.outcome == "leave":
        msgid = N_("This value reads as a Latin word, unlike the rest of the file in {code_page}.")
        return Detection(None, "leave", of_file.confidence, Phrase(msgid, facts))
    alone = judge([value])
    if lead >= STRAY_NATS and alone.code_page is not None:
        return alone
    msgid = N_("This value reads better in another code page than in that of the file, {code_page}.")
    return Detection(None, "unsure", min(alone.confidence, SURE), Phrase(msgid, facts))
