"""What an attempt, or an answer to a question for proof, makes of a line of the outbox. Pure functions."""

from __future__ import annotations

from datetime import datetime

from tolmach.base import Problem, Retryable, TolmachError
from tolmach.delivery.backoff import Chance, RetryPolicy
from tolmach.delivery.faults import ALREADY_THERE, PROOF_FAILED, UNEXPECTED
from tolmach.delivery.interfaces import Claimed, Conclusion, Outcome, ProofAnswer, ProofKind

# What may come of one item by an error in the program or by a limit of the machine: it must not stop the others.
UNFORESEEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
ITEM_ERRORS = (TolmachError, *UNFORESEEN)


def conclusion_of(
    outcome: Outcome, line: Claimed, now: datetime, policy: RetryPolicy, proof: ProofKind, chance: Chance
) -> Conclusion:
    """Decide what a line becomes after an attempt. `proof` is what the destination must give.

    Nothing is delivered without its word, a word that was not asked to be proved counts alone, and a duplicate counts
    only when proved. Whatever is not stored is tried again for ever: soon when that may help, slowly when a person must
    change something first.
    """
    number, problem = outcome.delivery_id, outcome.problem
    if outcome.kind == "stored":
        if proof == "response":
            return Conclusion(
                number, "delivered", status=outcome.status, proof=proof, problem=problem, place=outcome.place
            )
        return Conclusion(
            number, "queued", status=outcome.status, awaits_proof=True, problem=problem, place=outcome.place
        )
    if outcome.kind == "duplicate" and proof != "response":
        return Conclusion(number, "queued", status=outcome.status, awaits_proof=True, problem=problem)
    if outcome.kind == "later":
        failures = line.attempts + 1
        at = policy.next_attempt_at(failures, now, chance) if outcome.attempted else policy.slow_attempt_at(now, chance)
        return Conclusion(number, "queued", at, outcome.attempted, status=outcome.status, problem=problem)
    if outcome.kind == "duplicate":
        said = "" if problem is None else problem.what
        problem = Problem(ALREADY_THERE, {"destination": line.destination, "said": said})
    return Conclusion(
        number, "held", policy.slow_attempt_at(now, chance), outcome.attempted, status=outcome.status, problem=problem
    )


def conclusion_of_proof(
    answer: ProofAnswer, line: Claimed, now: datetime, policy: RetryPolicy, proof: ProofKind, chance: Chance
) -> Conclusion | None:
    """Decide what a line becomes after an answer about proof; None while the answer is to come."""
    if answer.has_it is None:
        return None
    if answer.has_it:
        return Conclusion(answer.delivery_id, "delivered", attempted=False, proof=proof, problem=answer.problem)
    said = "" if answer.problem is None else answer.problem.what
    problem = Problem(PROOF_FAILED, {"destination": line.destination, "said": said})
    at = policy.next_attempt_at(max(line.attempts, 1), now, chance)
    return Conclusion(answer.delivery_id, "queued", at, attempted=False, problem=problem)


def outcome_of_error(line: Claimed, error: BaseException) -> Outcome:
    """Give the outcome of an item that could not be sent because of itself; never "stored"."""
    problem = error.problem if isinstance(error, TolmachError) else unforeseen(error)
    return Outcome(line.delivery_id, "later" if isinstance(error, Retryable) else "refused", problem=problem)


def unforeseen(error: BaseException) -> Problem:
    """Put an error nobody foresaw into words that can be reported."""
    return Problem(UNEXPECTED, {"why": f"{type(error).__name__}: {error}" if str(error) else type(error).__name__})
