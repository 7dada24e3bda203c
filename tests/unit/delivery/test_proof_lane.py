import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.outbox_double import OutboxDouble
from tests.unit.delivery.scripted import START, Clock, gone, lines, outlet_of
from tolmach.delivery.backoff import RetryPolicy
from tolmach.delivery.faults import NO_ANSWER_YET, PROOF_FAILED
from tolmach.delivery.interfaces import Claimed, Conclusion, ProofAnswer, ProofKind
from tolmach.delivery.proof_lane import ProofLane


@dataclass
class ScriptedProver:
    kind: ProofKind = "commitment"
    answers: dict[int, bool] = field(default_factory=dict)
    asked: list[list[int]] = field(default_factory=list)
    error: BaseException | None = None

    def prove(self, claimed: Sequence[Claimed]) -> Iterator[ProofAnswer]:
        self.asked.append([line.delivery_id for line in claimed])
        if self.error is not None:
            raise self.error
        for line in claimed:
            yield ProofAnswer(line.delivery_id, self.answers.get(line.delivery_id))


class Bench:
    def __init__(self, prover: ScriptedProver, *numbers: int) -> None:
        self.outbox, self.clock, self.prover = OutboxDouble(), Clock(), prover
        self.outlet = outlet_of(self.outbox, self.clock.timing, proof=prover.kind)
        self.lane = ProofLane(self.outlet, prover)
        self.lines = lines(*numbers)
        self.outbox.add(*self.lines)
        self.outbox.conclude([Conclusion(number, "queued", awaits_proof=True) for number in numbers], START)

    def step(self) -> float:
        seconds = self.lane.step()
        assert self.outlet.ledger.flush()
        return seconds

    def rest(self) -> None:
        """Do rounds until one says to wait, and wait so long."""
        while (seconds := self.step()) <= 0:
            pass
        self.clock.go(seconds)


@pytest.mark.parametrize("kind", ["commitment", "query"])
def test_proved_lines_are_delivered_with_that_proof(kind: ProofKind) -> None:
    bench = Bench(ScriptedProver(kind, {1: True, 2: True}), 1, 2)
    bench.step()
    assert bench.outbox.states() == {"delivered": 2}
    assert [row.last.proof for row in bench.outbox.rows.values() if row.last] == [kind, kind]
    assert bench.prover.asked == [[1, 2]]


def test_what_a_commitment_denies_is_sent_again() -> None:
    bench = Bench(ScriptedProver(answers={1: False, 2: True}), 1, 2)
    bench.step()
    assert bench.outbox.states() == {"delivered": 1, "queued": 1}
    row = bench.outbox.rows[1]
    assert row.awaits_proof_since is None
    assert row.last is not None
    assert row.last.problem is not None
    assert row.last.problem.fault is PROOF_FAILED


def test_what_no_answer_comes_for_is_asked_again_after_the_timeout_for_ever() -> None:
    bench = Bench(ScriptedProver(), 1)
    moments = []
    while len(bench.prover.asked) < 6:
        before = len(bench.prover.asked)
        bench.rest()
        if len(bench.prover.asked) > before:
            moments.append((bench.clock.now - START).total_seconds())
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert all(600 <= gap <= 620 for gap in gaps)
    assert bench.outbox.rows[1].awaits_proof_since is not None
    problem = bench.outbox.notes[-1][0]
    assert problem is not None
    assert problem.fault is NO_ANSWER_YET


def test_answers_that_come_by_themselves_are_taken() -> None:
    bench = Bench(ScriptedProver(), 1, 2)
    bench.step()
    bench.lane.answer(ProofAnswer(1, True), bench.lines[0])
    bench.lane.answer(ProofAnswer(1, True), bench.lines[0])
    bench.lane.answer(ProofAnswer(2, None), bench.lines[1])
    assert bench.outlet.ledger.flush()
    assert bench.outbox.states() == {"delivered": 1, "queued": 1}
    assert len(bench.outbox.rows[1].history) == 2


def test_a_query_that_finds_nothing_at_first_is_asked_again_before_the_object_is_sent_again() -> None:
    bench = Bench(ScriptedProver("query", {1: False}), 1)
    bench.rest()
    assert bench.outbox.rows[1].awaits_proof_since is not None
    bench.prover.answers[1] = True
    bench.rest()
    assert bench.outbox.states() == {"delivered": 1}
    assert bench.clock.now - START < timedelta(seconds=20)


def test_a_query_that_finds_nothing_for_long_sends_the_object_again() -> None:
    bench = Bench(ScriptedProver("query", {1: False}), 1)
    while bench.outbox.rows[1].awaits_proof_since is not None:
        bench.rest()
    assert timedelta(seconds=60) <= bench.clock.now - START <= timedelta(seconds=300)
    assert 4 <= len(bench.prover.asked) <= 12


def test_a_destination_that_cannot_be_asked_is_asked_later() -> None:
    bench = Bench(ScriptedProver(error=gone()), 1)
    waits = []
    for _ in range(4):
        seconds = bench.step()
        waits.append(seconds)
        bench.clock.go(seconds)
    assert waits == [1, 2, 4, 8]
    assert bench.outbox.notes[-1] == (gone().problem, None)
    bench.prover.error, bench.prover.answers = None, {1: True}
    bench.step()
    assert bench.outbox.states() == {"delivered": 1}
    assert bench.outbox.notes[-1] == (None, None)


def test_an_unforeseen_error_of_the_prover_ends_nothing() -> None:
    bench = Bench(ScriptedProver(error=RecursionError("deep")), 1)
    assert bench.step() == 1
    bench.prover.error, bench.prover.answers = None, {1: True}
    bench.clock.go(1)
    bench.step()
    assert bench.outbox.states() == {"delivered": 1}


def test_many_without_an_answer_do_not_keep_the_others() -> None:
    silent = range(1, 1201)
    bench = Bench(ScriptedProver(answers={1201: True}), *silent, 1201)
    for _ in range(10):
        bench.step()
    assert bench.outbox.states() == {"queued": 1200, "delivered": 1}
    assert len(bench.prover.asked) <= 3
    assert RetryPolicy().proof_timeout_seconds == 600


def test_what_waits_long_is_read_page_by_page_and_only_when_it_is_its_turn() -> None:
    bench = Bench(ScriptedProver(), *range(1, 2602))
    pages: list[int] = []
    read = bench.outbox.awaiting_proof

    def counted(*asked: object) -> Sequence[tuple[Claimed, object]]:
        page = read(*asked)  # type: ignore[arg-type]
        pages.append(len(page))
        return page

    bench.outbox.awaiting_proof = counted  # type: ignore[assignment,method-assign]
    while bench.step() <= 0:
        pass
    assert pages == [500, 500, 500, 500, 500, 101, 0]
    assert sorted(number for asked in bench.prover.asked for number in asked) == list(range(1, 2602))
    pages.clear()
    bench.outbox.add(*lines(2602))
    bench.clock.go(1)
    bench.outbox.conclude([Conclusion(2602, "queued", awaits_proof=True)], bench.clock.now)
    bench.prover.answers[2602] = True
    while bench.step() <= 0:
        pass
    assert sum(pages) == 1  # the others were not read again for its sake
    assert bench.outbox.rows[2602].state == "delivered"
    pages.clear()
    bench.clock.go(620)
    bench.prover.answers |= dict.fromkeys(range(1, 2602), True)
    while bench.step() <= 0:
        pass
    assert bench.outbox.states() == {"delivered": 2602}
    assert max(pages) == 500


def test_after_trouble_everything_that_was_not_answered_is_asked_about() -> None:
    bench = Bench(ScriptedProver(), *range(1, 1202))
    bench.step()
    bench.prover.error = gone()
    bench.step()
    bench.prover.error, bench.prover.answers = None, dict.fromkeys(range(1, 1202), True)
    bench.prover.asked.clear()
    bench.clock.go(5)
    while bench.step() <= 0:
        pass
    assert sorted(number for asked in bench.prover.asked for number in asked) == list(range(501, 1202))
