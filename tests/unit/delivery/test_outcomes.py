from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.outbox_double import line_of
from tolmach.base import Fault, Problem
from tolmach.delivery.backoff import RetryPolicy
from tolmach.delivery.faults import ALREADY_THERE, PROOF_FAILED
from tolmach.delivery.interfaces import Claimed, Conclusion, Outcome, OutcomeKind, ProofAnswer, ProofKind
from tolmach.delivery.outcomes import conclusion_of, conclusion_of_proof, outcome_of_error
from tolmach.dicom.faults import CANNOT_CONVERT, Damaged
from tolmach.intake.faults import StoreTrouble

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
POLICY = RetryPolicy()
SAID = Problem(Fault("TLM-NET-999", "the peer said {word}.", "do"), {"word": "so"})


def line(attempts: int = 0) -> Claimed:
    return line_of(7, "00", 0, attempts=attempts)


def concluded(kind: OutcomeKind, proof: ProofKind = "response", attempts: int = 0) -> Conclusion:
    outcome = Outcome(7, kind, "0000", SAID)
    return conclusion_of(outcome, line(attempts), NOW, POLICY, proof, lambda: 0.5)


def test_stored_is_delivered_where_the_response_is_the_proof() -> None:
    assert concluded("stored") == Conclusion(7, "delivered", status="0000", proof="response", problem=SAID)


@pytest.mark.parametrize("kind", ["stored", "duplicate"])
@pytest.mark.parametrize("proof", ["commitment", "query"])
def test_where_proof_is_asked_for_it_is_awaited(kind: OutcomeKind, proof: ProofKind) -> None:
    assert concluded(kind, proof) == Conclusion(7, "queued", status="0000", awaits_proof=True, problem=SAID)


@pytest.mark.parametrize("proof", ["response", "query"])
def test_where_a_file_was_written_is_kept(proof: ProofKind) -> None:
    outcome = Outcome(7, "stored", "written", place="/out/1.dcm")
    assert conclusion_of(outcome, line(), NOW, POLICY, proof, lambda: 0.5).place == "/out/1.dcm"


def test_a_duplicate_that_nobody_proves_is_held_and_says_so() -> None:
    made = concluded("duplicate")
    assert (made.state, made.awaits_proof, made.proof) == ("held", False, None)
    assert made.problem is not None
    assert made.problem.fault is ALREADY_THERE
    assert "the peer said so" in str(made.problem)
    assert made.next_attempt_at is not None


def test_later_waits_by_the_attempts_there_were() -> None:
    assert concluded("later", attempts=0).next_attempt_at == NOW + timedelta(seconds=1)
    assert concluded("later", attempts=5).next_attempt_at == NOW + timedelta(seconds=32)
    assert concluded("later", attempts=10**6).next_attempt_at == NOW + timedelta(seconds=500)


def test_refused_is_held_and_tried_again_slowly() -> None:
    made = concluded("refused", attempts=0)
    assert made.state == "held"
    assert made.problem == SAID
    assert made.next_attempt_at == NOW + timedelta(seconds=540)


def test_what_was_not_tried_counts_no_attempt() -> None:
    made = conclusion_of(Outcome(7, "later", attempted=False), line(), NOW, POLICY, "response", lambda: 0.0)
    assert (made.state, made.attempted, made.next_attempt_at) == ("queued", False, NOW + timedelta(seconds=600))


@given(
    st.sampled_from(get_args(OutcomeKind)),
    st.sampled_from(get_args(ProofKind)),
    st.integers(0, 10**7),
    st.floats(0, 1, exclude_max=True),
    st.booleans(),
)
def test_nothing_is_ever_given_up_and_nothing_is_delivered_without_a_word(
    kind: OutcomeKind, proof: ProofKind, attempts: int, chance: float, attempted: bool
) -> None:
    outcome = Outcome(7, kind, problem=SAID, attempted=attempted)
    made = conclusion_of(outcome, line(attempts), NOW, POLICY, proof, lambda: chance)
    if made.state == "delivered":
        assert (kind, proof) == ("stored", "response")
    elif made.awaits_proof:
        assert kind in ("stored", "duplicate")
        assert proof != "response"
    else:
        assert made.state in ("queued", "held")
        assert made.next_attempt_at is not None
        assert NOW < made.next_attempt_at <= NOW + timedelta(seconds=600)


def proved(has_it: bool | None, attempts: int = 1) -> Conclusion | None:
    return conclusion_of_proof(ProofAnswer(7, has_it, SAID), line(attempts), NOW, POLICY, "query", lambda: 0.5)


def test_proof_delivers() -> None:
    assert proved(True) == Conclusion(7, "delivered", attempted=False, proof="query", problem=SAID)


def test_an_answer_that_is_to_come_changes_nothing() -> None:
    assert proved(None) is None


def test_what_the_destination_does_not_have_is_queued_again_with_the_reason() -> None:
    made = proved(False, attempts=3)
    assert made is not None
    assert (made.state, made.awaits_proof, made.attempted) == ("queued", False, False)
    assert made.next_attempt_at == NOW + timedelta(seconds=4)
    assert made.problem is not None
    assert made.problem.fault is PROOF_FAILED


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Damaged(CANNOT_CONVERT, source="a", target="b", why="c"), "refused"),
        (StoreTrouble(SAID.fault, word="no"), "later"),
        (RecursionError("deep"), "refused"),
        (MemoryError(), "refused"),
        (AssertionError(), "refused"),
    ],
)
def test_what_is_wrong_with_an_item_is_its_own_outcome(error: BaseException, kind: OutcomeKind) -> None:
    outcome = outcome_of_error(line(), error)
    assert outcome.kind == kind
    assert outcome.problem is not None
    assert str(outcome.problem)
