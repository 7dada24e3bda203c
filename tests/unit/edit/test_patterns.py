"""No pattern an operator writes makes the program hang: it is refused, or it comes to an end soon."""

import re
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.builders import body, opened, part10
from tolmach.dicom.paths import parse_path
from tolmach.edit.conditions import Origin
from tolmach.edit.draft import Draft
from tolmach.edit.faults import BadRule
from tolmach.edit.patterns import MAX_MATCHED, parse_pattern
from tolmach.edit.rules import apply_rules, parse_rules

HANGING = [
    "^(a+)+$",
    "(a*)*b",
    "(?:a+){2,}b",
    "(?:a?){40}b",
    "(?P<all>a+)+b",
    "(a|a)*b",
    "((a+))+b",
    "(a+b?)+c",
    "([a-z]+)*!",
    r"(\w+\s?)*$",
    r"(\(+)+x",
    "(?i:a+)+b",
    "(?=(a+)+b)a",
    "(?x)( a+ ) +b",
    "(?x:(a+) +)b",
    ".*a.*b.*c.*d",
    "a" * 1001,
]
HARMLESS = [
    "^0+",
    r"(\d)(\d)$",
    "^(CT|MR)$",
    "(CT|MR)?-[0-9]{1,8}",
    "[(+]*[)*+]+",
    r"\(a+\)+",
    r"^\d{4}(-\d{2})*$",
    r"^1(\.\d++)*$",
    "(?>a+)b",
    "(?#a+)b+",
    "[]()+*]+x",
    ".*a.*b.*c",
    "a{,3}b{2}c{",
    "(?P<first>A+)-(?P=first)",
]


@pytest.mark.parametrize("pattern", HANGING)
def test_what_might_run_for_ever_is_refused(pattern: str) -> None:
    re.compile(pattern)
    with pytest.raises(BadRule, match="TLM-EDT-003"):
        parse_pattern(pattern, "test")


@pytest.mark.parametrize("pattern", HARMLESS)
def test_what_comes_to_an_end_is_understood(pattern: str) -> None:
    understood = parse_pattern(pattern, "test")
    started = time.monotonic()
    for value in ("a" * MAX_MATCHED, "(" * MAX_MATCHED, "1." * (MAX_MATCHED // 2)):
        understood.search(value)
    assert time.monotonic() - started < 5


def test_the_worst_that_is_allowed_comes_to_an_end() -> None:
    worst = parse_pattern("[ab]*[ab]*[ab]*c", "test")
    started = time.monotonic()
    assert worst.search("a" * MAX_MATCHED) is None
    assert time.monotonic() - started < 10


STEPS: list[Mapping[str, Any]] = [
    {"do": [{"replace": "PatientComments", "pattern": "x", "with": "y"}]},
    {"when": {"PatientComments": {"matches": "x"}}, "do": [{"set": "StudyID", "value": "1"}]},
    {"when": {"PatientComments": {"not": {"matches": "x"}}}, "do": [{"set": "StudyID", "value": "1"}]},
]


@pytest.mark.parametrize("rule", STEPS)
@pytest.mark.parametrize(("length", "fits"), [(MAX_MATCHED, True), (MAX_MATCHED + 1, False)])
def test_long_values_are_not_searched_and_that_is_told(rule: Mapping[str, Any], length: int, fits: bool) -> None:
    draft = Draft(opened(part10(body((0x00104000, "LT", b"x" * length)))))
    apply_rules(parse_rules([rule], lambda _name: {}, "test"), draft, Origin())
    assert bool(draft.problems) is not fits
    assert all("256" in str(problem) and "PatientComments" in str(problem) for problem in draft.problems)
    if not fits:
        assert draft.text(parse_path("StudyID")) is None
        assert not draft.changes
