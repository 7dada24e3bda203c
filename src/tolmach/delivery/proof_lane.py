"""The lane that asks a destination whether it truly holds what it said it stores; it never stops asking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from tolmach.base import Problem, TolmachError
from tolmach.delivery.faults import NO_ANSWER_YET
from tolmach.delivery.interfaces import Claimed, ProofAnswer, Prover
from tolmach.delivery.outcomes import UNFORESEEN, conclusion_of_proof, unforeseen
from tolmach.delivery.outlet import Outlet

_LIMIT = 500
_LIMIT_EVER = 100_000


class ProofLane:
    """One worker of a destination, in a thread of its own. Answers that come by themselves are given to `answer`.

    A line is asked about as soon as the destination said that it stores it. One without an answer is asked about again:
    after growing waits where the answer is a query's, after `proof_timeout_seconds` where it comes by itself.
    """

    def __init__(self, outlet: Outlet, prover: Prover) -> None:
        """Take a prover that nobody else uses."""
        self._outlet, self._prover = outlet, prover
        self._asked: dict[int, tuple[int, datetime]] = {}  # how often, and when to ask again
        self._limit = _LIMIT
        self._failures = 0

    def run(self) -> None:
        """Ask until the bell says stop."""
        bell = self._outlet.proof_bell
        while not bell.stopped:
            seconds = self.step()
            if seconds > 0 and bell.sleep(seconds):
                bell.pause(self._outlet.lane.proof_gather_seconds)

    def answer(self, answer: ProofAnswer, line: Claimed) -> None:
        """Take an answer that came by itself, such as an N-EVENT-REPORT; any thread may call, and repeat it."""
        outlet = self._outlet
        now = outlet.timing.now()
        conclusion = conclusion_of_proof(answer, line, now, outlet.retry, self._prover.kind, outlet.timing.chance)
        if conclusion is not None and not outlet.ledger.holds(answer.delivery_id):
            outlet.ledger.note(conclusion)

    def step(self) -> float:
        """Ask about what is to be asked about now, and give how many seconds nothing more is to be asked."""
        outlet, now = self._outlet, self._outlet.timing.now()
        try:
            awaiting = outlet.outbox.awaiting_proof(outlet.destination, self._limit)
        except TolmachError:
            return outlet.retry.first_wait_seconds
        waiting = [(line, since) for line, since in awaiting if not outlet.ledger.holds(line.delivery_id)]
        numbers = {line.delivery_id for line, _since in waiting}
        self._asked = {number: asked for number, asked in self._asked.items() if number in numbers}
        due = [(line, since) for line, since in waiting if self._is_due(line, now)]
        if due:
            return self._ask(due)
        if len(awaiting) >= self._limit:  # what is behind those that give no answer has its turn too
            self._limit = min(2 * self._limit, _LIMIT_EVER)
            return 0 if self._limit < _LIMIT_EVER else outlet.retry.first_wait_seconds
        self._limit = max(_LIMIT, len(awaiting) * 2)
        return self._until_due(now)

    def _is_due(self, line: Claimed, now: datetime) -> bool:
        asked = self._asked.get(line.delivery_id)
        return asked is None or asked[1] <= now

    def _until_due(self, now: datetime) -> float:
        soonest = min((at for _count, at in self._asked.values()), default=None)
        poll = self._outlet.lane.poll_seconds
        return poll if soonest is None else min(poll, max(0.0, (soonest - now).total_seconds()))

    def _ask(self, due: Sequence[tuple[Claimed, datetime]]) -> float:
        outlet = self._outlet
        lines, since = {line.delivery_id: line for line, _since in due}, {line.delivery_id: at for line, at in due}
        self._postpone(lines.values(), outlet.timing.now())
        self._remark_silence(min(since.values()))
        try:
            for answer in self._prover.prove(list(lines.values())):
                line = lines.get(answer.delivery_id)
                if answer.has_it is None and answer.problem is not None:
                    outlet.health.remark(answer.problem)
                elif line is not None and not self._may_still_come(answer, since[line.delivery_id]):
                    self.answer(answer, line)
                if outlet.proof_bell.stopped:
                    break
        except TolmachError as error:
            return self._wait_for_it(error.problem, lines)
        except UNFORESEEN as error:
            return self._wait_for_it(unforeseen(error), lines)
        if self._failures:
            self._failures = 0
            outlet.health.remark_is_over()
        return 0

    def _remark_silence(self, oldest: datetime) -> None:
        outlet = self._outlet
        seconds = outlet.retry.proof_timeout_seconds
        if outlet.timing.now() - oldest > timedelta(seconds=seconds):
            facts = {"destination": outlet.destination, "seconds": round(seconds)}
            outlet.health.remark(Problem(NO_ANSWER_YET, facts))

    def _may_still_come(self, answer: ProofAnswer, since: datetime) -> bool:
        """Tell whether a destination that was asked by a query may have stored first and will find later."""
        grace = timedelta(seconds=self._outlet.retry.proof_grace_seconds)
        return answer.has_it is False and self._prover.kind == "query" and self._outlet.timing.now() - since < grace

    def _postpone(self, lines: Iterable[Claimed], now: datetime) -> None:
        """Choose when to ask again about lines that are being asked about now, should no answer come."""
        retry, chance = self._outlet.retry, self._outlet.timing.chance
        for line in lines:
            count = self._asked.get(line.delivery_id, (0, now))[0] + 1
            # A query that found nothing may find it soon; an answer that comes by itself takes its time.
            is_query = self._prover.kind == "query"
            longest = retry.proof_timeout_seconds
            seconds = retry.wait_seconds(count, chance, longest) if is_query else longest
            self._asked[line.delivery_id] = (count, now + timedelta(seconds=seconds))

    def _wait_for_it(self, problem: Problem, lines: Iterable[int]) -> float:
        """Wait for a destination that cannot be asked; what was to be asked is asked then."""
        outlet = self._outlet
        self._failures += 1
        outlet.health.remark(problem)
        for number in lines:
            self._asked.pop(number, None)
        return outlet.retry.wait_seconds(self._failures, outlet.timing.chance)
