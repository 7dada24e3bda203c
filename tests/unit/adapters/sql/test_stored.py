"""What columns keep comes back as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.records_values import CHANGE, PROBLEM
from tolmach.adapters.sql import stored
from tolmach.base import Fault, Phrase, Problem
from tolmach.edit.changes import Change

TEXTS = st.text(st.characters(codec=None))
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
FACTS = st.dictionaries(TEXTS, PLAIN, max_size=3)
PHRASES = st.builds(Phrase, TEXTS, FACTS)
PROBLEMS = st.builds(
    Problem, st.builds(Fault, TEXTS, TEXTS, TEXTS), st.dictionaries(TEXTS, PLAIN | PHRASES, max_size=3)
)
CHANGES = st.builds(
    Change,
    *(TEXTS, TEXTS, TEXTS, st.none() | TEXTS, st.none() | TEXTS),
    reason=st.sampled_from(["character-set", "code-string", "rule", "text-policy"]),
    raw_before=st.none() | st.binary(),
)


@given(st.datetimes(timezones=st.timezones()))
def test_moments_are_exact(when: datetime) -> None:
    assert stored.moment(stored.micros(when)) == when.astimezone(UTC)
    assert stored.moment(stored.micros(when)).tzinfo is UTC


def test_moments_are_written_as_the_faces_do() -> None:
    kyiv = timezone(timedelta(hours=2))
    assert stored.written(datetime(2026, 11, 22, 12, 0, tzinfo=kyiv)) == "2026-11-22T10:00:00Z"
    assert stored.written(datetime(2026, 11, 22, 10, 0, 0, 5000, tzinfo=UTC)) == "2026-11-22T10:00:00.005000Z"
    assert stored.written(None) is None


@given(PROBLEMS)
def test_problems_come_back(problem: Problem) -> None:
    assert stored.problem_from_json(stored.problem_to_json(problem)) == problem
    assert stored.problems_from_json(stored.problems_to_json([problem, problem])) == (problem, problem)


@given(CHANGES)
def test_changes_come_back(change: Change) -> None:
    assert stored.changes_from_json(stored.changes_to_json([change])) == (change,)


@given(TEXTS)
def test_what_is_written_is_utf_8_without_nul(text: str) -> None:
    for kept in (stored.to_json({"x": text}), stored.plain(text)):
        assert b"\0" not in kept.encode("utf-8")
    assert stored.from_json(stored.to_json(text)) == text
    if "\0" not in text and text.isprintable():
        assert stored.plain(text) == text


def test_a_kept_problem_can_still_be_said() -> None:
    kept = stored.problem_from_json(stored.problem_to_json(PROBLEM))
    assert kept is not None
    assert (kept.code, str(kept)) == (PROBLEM.code, str(PROBLEM))


@pytest.mark.parametrize(
    ("fact", "kept"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01 00:00:00+00:00"),
        (b"x", "b'x'"),
        ((1, "a"), [1, "a"]),
        (PROBLEM, PROBLEM),
    ],
)
def test_facts_of_other_kinds_are_kept_readable(fact: object, kept: object) -> None:
    problem = stored.problem_from_json(stored.problem_to_json(Problem(PROBLEM.fault, {"x": fact})))
    assert problem is not None
    assert problem.facts == {"x": kept}


def test_nothing_stays_nothing() -> None:
    assert stored.problem_to_json(None) is None
    assert stored.problem_from_json(None) is None
    assert stored.changes_from_json(stored.changes_to_json(())) == ()
    assert stored.changes_to_json([CHANGE]).isascii() is False
