"""SPDX licence expressions, judged: what may go into the built program, and what may only with its source named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum


class Verdict(IntEnum):
    """What an expression allows; the larger the better."""

    UNKNOWN = 0
    REFUSED = 1
    WITH_SOURCE = 2
    FREE = 3


FREE = frozenset(
    "0BSD Apache-2.0 blessing BSD-2-Clause BSD-3-Clause BSD-Attribution-HPND-disclaimer BSL-1.0 bzip2-1.0.6 CC0-1.0 FTL"
    " HPND IJG ISC libtiff MIT MIT-0 MIT-CMU OLDAP-2.8 PostgreSQL PSF-2.0 Python-2.0 Unicode-3.0 Unicode-DFS-2016"
    " Unlicense X11 Zlib LicenseRef-Microsoft-Redistributable".split()
)
# As libraries that are loaded and may be replaced, with a notice and the place of their source.
WITH_SOURCE = frozenset("LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later MPL-2.0".split())
REFUSED = re.compile(r"^(A?GPL|SSPL|BUSL|CC-BY-NC|CC-BY-SA|EUPL|OSL|CECILL)", re.IGNORECASE)
# Exceptions that let any program carry the library, whatever its own licence.
LIBERATING = frozenset({"GCC-exception-3.1", "Bootloader-exception"})
HARMLESS = frozenset({"LLVM-exception"})

# What is written where an expression should be.
ALIASES: Mapping[str, str] = {
    "mit": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "isc license (iscl)": "ISC",
    "python software foundation license": "PSF-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "gnu general public license v2 (gplv2)": "GPL-2.0-only",
    "gnu general public license v3 (gplv3)": "GPL-3.0-only",
    "gnu general public license (gpl)": "GPL-2.0-only",
    "gnu general public license v2 or later (gplv2+)": "GPL-2.0-or-later",
    "gnu general public license v3 or later (gplv3+)": "GPL-3.0-or-later",
    "gnu affero general public license v3": "AGPL-3.0-only",
    "gnu affero general public license v3 or later (agplv3+)": "AGPL-3.0-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "gnu lesser general public license v3 or later (lgplv3+)": "LGPL-3.0-or-later",
}
_WORDS = re.compile(r"\(|\)|[^\s()]+")


def normal(text: str) -> str:
    """Give an expression for what is written in old metadata; what is not known stays as it is."""
    return ALIASES.get(text.strip().lower(), text.strip())


def judge(expression: str) -> tuple[Verdict, str]:
    """Give the verdict on an expression, and the part of it that is chosen where it offers a choice.

    What cannot be read is unknown. Standard: SPDX 2.3 annex D.
    """
    words = _WORDS.findall(expression)
    try:
        verdict, chosen = _either(words)
    except IndexError:
        return Verdict.UNKNOWN, expression
    return (Verdict.UNKNOWN, expression) if words else (verdict, chosen)


def _either(words: list[str]) -> tuple[Verdict, str]:
    found = [_both(words)]
    while words and words[0].upper() == "OR":
        words.pop(0)
        found.append(_both(words))
    return max(found, key=lambda one: one[0])


def _both(words: list[str]) -> tuple[Verdict, str]:
    found = [_one(words)]
    while words and words[0].upper() == "AND":
        words.pop(0)
        found.append(_one(words))
    return min(one[0] for one in found), " AND ".join(dict.fromkeys(one[1] for one in found))


def _one(words: list[str]) -> tuple[Verdict, str]:
    name = words.pop(0)
    if name == "(":
        found = _either(words)
        if words.pop(0) != ")":
            raise IndexError
        return found
    verdict = _plain(name)
    if words and words[0].upper() == "WITH":
        words.pop(0)
        exception = words.pop(0)
        name = f"{name} WITH {exception}"
        if exception in LIBERATING:
            verdict = Verdict.FREE
        elif exception not in HARMLESS:
            verdict = min(verdict, Verdict.UNKNOWN)
    return verdict, name


def _plain(name: str) -> Verdict:
    if name in FREE:
        return Verdict.FREE
    if name in WITH_SOURCE:
        return Verdict.WITH_SOURCE
    return Verdict.REFUSED if REFUSED.match(name) else Verdict.UNKNOWN
