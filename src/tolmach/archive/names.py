"""People's names as they are looked for: literally, whatever the case, and by folding keys, whatever the script.

A name is asked for in parts: the family name, the given name, the middle name, each with wild cards or without. What
holds of a stored name is what `keys_of` says of it, so that an index of those keys finds what matching finds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tolmach.text.fold import fold_keys

LONGEST_NAME: Final = 256
"""Three component groups of 64 letters, and some room; what is longer is no name, and folding it would take long."""

_MOST_KEYS: Final = 12
_EQUAL = str.maketrans({"ё": "е", "’": "'", "ʼ": "'", "`": "'", "′": "'", "\N{REPLACEMENT CHARACTER}": "?"})
WILD: Final = re.compile(r"[*?]")
_NUMBERED: Final = re.compile(r"[^\W\d_]\d|\d[^\W\d_]")
# How most family names end, in skeletons; it tells them from given names where no table does.
_FAMILY_ENDING: Final = re.compile(r".{3,}(?:[oe]va?|enko|ski|sk?aia|[cs]ka|chuk|chik|iuk|ian|shvili|dze)$")


@dataclass(frozen=True, slots=True)
class NameKeys:
    """What a name is found by: the keys of its family name, those of its other parts, and how it reads literally."""

    family: frozenset[str]
    others: frozenset[str]
    literal: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A name that is asked for: `literal` is the pattern as it reads; the others are the parts that were asked.

    `is_bare`: nothing but a family name is asked for.
    """

    literal: str
    family: str
    others: tuple[str, ...]

    @property
    def is_bare(self) -> bool:
        """Whether the family name alone was asked for."""
        return bool(self.family) and not self.others

    @property
    def is_free_text(self) -> bool:
        """Whether several words came without saying which is the family name."""
        return not self.others and " " in self.family and not has_wild_cards(self.family)


def has_wild_cards(text: str) -> bool:
    """Tell whether a text holds `*` or `?`."""
    return "*" in text or "?" in text


def is_numbered(part: str) -> bool:
    """Tell whether a part of a name is compared as it reads alone: folding would find every phantom for Phantom01."""
    return _NUMBERED.search(part) is not None


def literally(name: str) -> str:
    """Give one component group as it is compared literally: no case, no padding, ё as е, one kind of apostrophe."""
    text = unicodedata.normalize("NFC", name[:LONGEST_NAME]).casefold().translate(_EQUAL)
    return "^".join(" ".join(part.split()) for part in text.split("^")).rstrip("^")


def groups_of(name: str) -> list[str]:
    """Give the component groups of a name that hold anything."""
    return [group for group in name[: 3 * LONGEST_NAME].split("=")[:3] if group.strip(" ^")]


@lru_cache(maxsize=4096)
def keys_of(name: str) -> NameKeys:
    """Give what a stored name is found by; all of it is empty where there is no name."""
    family: dict[str, None] = {}
    others: dict[str, None] = {}
    groups = groups_of(name)
    for group in groups:
        keys = fold_keys(group[:LONGEST_NAME])
        first, _, rest = group.partition("^")
        ours = dict.fromkeys(keys[:1])
        if rest.strip("^ ") or " " not in first.strip():
            ours |= dict.fromkeys(fold_keys(first))
        if keys and not _FAMILY_ENDING.match(keys[0]):  # nobody knows the order: it may be the other way round
            ours |= dict.fromkeys(key for key in keys if _FAMILY_ENDING.match(key))
        family |= ours
        others |= dict.fromkeys(key for key in keys[1:] if key)
        # As they are spelt here, besides the key of all their forms: for whoever asks for the beginning.
        others |= dict.fromkeys(key for part in rest.split("^")[:2] for key in fold_keys(part)[:1])
    return NameKeys(
        frozenset(list(family)[:_MOST_KEYS]),
        frozenset(list(others)[:_MOST_KEYS]),
        tuple(dict.fromkeys(literally(group) for group in groups)),
    )


@lru_cache(maxsize=256)
def asked(pattern: str) -> tuple[Asked, ...]:
    """Take a pattern apart, one for each of its component groups."""
    return tuple(_asked(group) for group in groups_of(pattern))


def _asked(group: str) -> Asked:
    text = literally(group)
    if "^" not in text and "," in text:
        text = "^".join(part.strip() for part in text.split(",", 1))
    family, *others = text.split("^")
    parts = ["" if not part.strip("*") else part for part in (family, *others[:2])]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return Asked(text, parts[0], tuple(parts[1:]))


def fits_name(pattern: str, name: str) -> bool:
    """Tell whether a stored name is one that was asked for, in any script and spelling."""
    if not name:
        return False
    keys = keys_of(name)
    return any(fits_literally(one.literal, keys.literal) or _fits(one, keys) for one in asked(pattern))


def fits_literally(pattern: str, literals: Iterable[str]) -> bool:
    """Tell whether one of the groups of a name reads like the pattern; both as `literally` gives them."""
    compiled = compiled_pattern(pattern)
    return any(compiled.fullmatch(literal) for literal in literals)


@lru_cache(maxsize=512)
def compiled_pattern(pattern: str) -> re.Pattern[str]:
    """Give a pattern of `*` and `?` for comparing; its time grows with the product of both lengths at worst."""
    return _in_order([_run(part) for part in pattern.split("*")], re.DOTALL)


def _in_order(runs: Sequence[str], flags: re.RegexFlag) -> re.Pattern[str]:
    """Give what begins with the first run, ends with the last and has the others between, in order.

    Each between is taken at its first place, which loses nothing and never goes back.
    """
    if len(runs) == 1:
        return re.compile(runs[0], flags)
    middle = "".join(f"(?>.*?{run})" for run in runs[1:-1] if run)
    return re.compile(f"{runs[0]}{middle}.*{runs[-1]}", flags)


def _run(text: str) -> str:
    return "".join("." if letter == "?" else re.escape(letter) for letter in text)


def _fits(one: Asked, keys: NameKeys) -> bool:
    """Compare the parts that were asked with the keys of the parts there are."""
    if one.is_free_text:
        wanted = fold_keys(one.family)
        return bool(wanted) and wanted[0] in keys.family and keys.others.union(keys.family).issuperset(wanted[1:3])
    parts = [(part, place) for place, part in enumerate((one.family, *one.others)) if part]
    return bool(parts) and all(_part_fits(part, place, keys) for part, place in parts)


def _part_fits(part: str, place: int, keys: NameKeys) -> bool:
    if is_numbered(part):
        return fits_literally(part, (component for one in keys.literal for component in one.split("^")[place:][:1]))
    there = keys.others if place else keys.family
    exact = exact_keys(part, place)
    if exact:
        return not exact.isdisjoint(there)
    pattern = key_pattern(part)
    return pattern is not None and any(pattern.fullmatch(key) for key in there)


# In front of a part that is not the family name; hard signs leave no key.
_BEFORE: Final = ("", "ъъ^", "ъъ^ъъ^")


@lru_cache(maxsize=512)
def exact_keys(part: str, place: int) -> frozenset[str]:
    """Give the keys of a part of which one must be there; none for an initial and where there are wild cards.

    `place` is 0 for the family name, 1 for the given name, 2 for the middle name.
    """
    if has_wild_cards(part) or len(part) == 1:
        return frozenset()
    keys = fold_keys(_BEFORE[place] + part)
    if place:
        return frozenset(keys)
    # Decree 55 writes Ковальов as Kovalov, and other rules as Kovalyov: both are meant.
    return frozenset((*keys[:1], *fold_keys(part.replace("ьо", "о"))[:1]))


@lru_cache(maxsize=512)
def key_pattern(part: str) -> re.Pattern[str] | None:
    """Give what the key of a part must be like; None where the part has no letter that makes a key."""
    runs = key_runs(part)
    if not any(runs):
        return None
    if len(part) == 1:  # an initial
        return re.compile(f"{re.escape(runs[0])}.*")
    return _in_order("".join(_key_pieces(part, runs)).split("*"), re.DOTALL)


def _key_pieces(part: str, runs: list[str]) -> Iterator[str]:
    """Put the keys of the runs together again: `?` is the key of one letter, which may be two or none."""
    cards = WILD.findall(part)
    for place, run in enumerate(runs):
        yield re.escape(run)
        if place < len(cards):
            yield "*" if cards[place] == "*" else ".{0,2}"


def key_runs(part: str) -> list[str]:
    """Give the keys of what is between the wild cards of a part, in order."""
    return ["".join(fold_keys(run)[:1]) for run in WILD.split(part)]
