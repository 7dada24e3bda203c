"""Which files of a watched folder are meant: by name, size and age, before anybody opens them."""

from __future__ import annotations

import fnmatch
import os
import re
from dataclasses import dataclass
from typing import Self

from tolmach.intake.stability import Manner

# Written by systems and discs beside images, never images themselves.
NEVER_IMAGES = ("dicomdir", "thumbs.db", ".ds_store", "desktop.ini", "._*")
_NANOSECONDS_OF_A_DAY = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filter of one watched folder; any thread may ask."""

    _names: re.Pattern[str]
    _paths: re.Pattern[str] | None
    _extensions: frozenset[str] | None  # None: any
    _own: tuple[str, ...]
    _smallest: int
    _largest: float
    _oldest_ns: float

    @classmethod
    def of(cls, manner: Manner, own_suffixes: tuple[str, ...] = ()) -> Self:
        """Make the filter; names that end in one of `own_suffixes` are never wanted."""
        patterns = [pattern.casefold() for pattern in manner.ignore]
        names = [*NEVER_IMAGES, *(pattern for pattern in patterns if "/" not in pattern)]
        paths = [pattern for pattern in patterns if "/" in pattern]
        days = manner.ignore_older_days
        extensions = frozenset(extension.casefold() for extension in manner.extensions)
        return cls(
            _names=_any_of(names),
            _paths=_any_of(paths) if paths else None,
            _extensions=None if "*" in extensions else extensions,
            _own=tuple(suffix.casefold() for suffix in own_suffixes),
            _smallest=manner.ignore_smaller or 0,
            _largest=float("inf") if manner.ignore_larger is None else manner.ignore_larger,
            _oldest_ns=float("inf") if days is None else days * _NANOSECONDS_OF_A_DAY,
        )

    def wants_name(self, path: bytes) -> bool:
        """Tell whether a file of that path below the folder may be an image, going by its name."""
        text = os.fsdecode(path).casefold()
        name = text.rpartition("/")[2]
        if name.endswith(self._own) or self._names.match(name) is not None:
            return False
        if self._paths is not None and self._paths.match(text) is not None:
            return False
        return self._extensions is None or extension_of(name) in self._extensions

    def wants_state(self, size: int, modified_ns: int, now_ns: int) -> bool:
        """Tell whether a file of that size and age is meant; `now_ns` counts nanoseconds since 1970."""
        return self._smallest <= size <= self._largest and now_ns - modified_ns <= self._oldest_ns


def extension_of(name: str) -> str:
    """Give the extension of a name with its dot, "" where it has none.

    Files are often named after their UID: what is only digits behind the last dot is no extension.
    """
    stem, dot, extension = name.rpartition(".")
    return f".{extension}" if dot and stem and not extension.isdigit() else ""


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))
