"""Regular expressions of rules, kept from running for ever: Python cannot interrupt one that has begun.

Two limits hold. A pattern that repeats what is itself variable, `(a+)+` or `(a|b)*`, is refused when the rule is read:
such a pattern may take twice as long for every further letter. And patterns are applied to short values only, so that
the few repeats that are left come to an end in a fraction of a second.
"""

from __future__ import annotations

import re

from tolmach.base import N_, Phrase
from tolmach.dicom.faults import BadValue
from tolmach.edit import faults
from tolmach.edit.faults import BadRule

MAX_MATCHED = 256  # characters of a value
MAX_PATTERN = 1000
MAX_REPEATS = 3  # open repeats in one pattern: four can take a quarter of a minute
_FEW = 8  # repeats up to which a bounded repeat is not counted

# One thing a pattern is made of: an escape, a set, the opening of a group, a quantifier, or a single sign.
_TOKEN = re.compile(
    r"(?P<escape>\\.)"
    r"|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<open>\((?:\?(?:P<\w+>|P=\w+|#[^)]*|[a-zA-Z]*(?:-[a-zA-Z]+)?:|<?[=!]|>|[a-zA-Z]+(?=\))|\(\w+\))?)?)"
    r"|(?P<quantifier>(?:[*+?]|\{(?P<least>\d*)(?P<comma>,?)(?P<most>\d*)\})(?P<manner>[?+]?))"
    r"|(?P<sign>.)",
    re.DOTALL,
)
_VERBOSE = re.compile(r"\(\?[a-zA-Z]*x")
_NESTED = Phrase(N_("it repeats a part that may itself be read in several ways, and might run for ever"))
_TOO_MANY = Phrase(N_("it has more than {limit} open repeats"), {"limit": MAX_REPEATS})
_LONG = Phrase(N_("it is longer than {limit} characters"), {"limit": MAX_PATTERN})
_NO_VERBOSE = Phrase(N_("the verbose form (x) is not understood here"))


def parse_pattern(text: str, where: str) -> re.Pattern[str]:
    """Understand a regular expression; raises `BadRule` when it is none, or might run for ever."""
    try:
        pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadRule(faults.BAD_PATTERN, where=where, pattern=text, why=str(error)) from error
    why = _danger(text)
    if why is not None:
        raise BadRule(faults.BAD_PATTERN, where=where, pattern=text, why=why)
    return pattern


def require_short(text: str, path: str) -> None:
    """Require that a value is short enough for a pattern; raises `BadValue`."""
    if len(text) > MAX_MATCHED:
        raise BadValue(faults.TOO_LONG_FOR_PATTERN, path=path, length=len(text), limit=MAX_MATCHED)


def _danger(text: str) -> Phrase | None:
    """Tell why a pattern might run for ever; it is one Python has understood already.

    A possessive quantifier (`a++`) takes what it can and never gives it back, so it makes nothing variable.
    """
    if len(text) > MAX_PATTERN:
        return _LONG
    if _VERBOSE.search(text):
        return _NO_VERBOSE
    groups = [False]  # whether the group, and what encloses it, may be read in several ways
    closed = False  # whether the thing just read is a group, or a sign, that may
    repeats = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "quantifier" or token["quantifier"]:
            most = _most(token)
            if closed and most > 1 and token["manner"] != "+":
                return _NESTED
            repeats += most > _FEW
            groups[-1] |= token["manner"] != "+" and not _is_exact(token)
            continue
        closed = False
        if token["open"]:
            groups.append(False)
        elif token["sign"] == "|":
            groups[-1] = True
        elif token["sign"] == ")" and len(groups) > 1:
            closed = groups.pop()
            groups[-1] |= closed
    return _TOO_MANY if repeats > MAX_REPEATS else None


def _most(token: re.Match[str]) -> int:
    """Give how often a quantifier repeats at most; open ones count as very often."""
    sign = token["quantifier"][0]
    if sign in "*+":
        return 1 << 30
    if sign == "?":
        return 1
    if not token["comma"]:
        return int(token["least"] or 1)
    return int(token["most"] or 1 << 30)


def _is_exact(token: re.Match[str]) -> bool:
    """Tell whether a quantifier allows one number of repeats only."""
    return token["quantifier"][0] == "{" and (not token["comma"] or token["least"] == token["most"] != "")
