"""The lane that asks a destination whether it truly holds what it said it stores; it never stops asking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from tolmach.base import Problem, TolmachError
from tolmach.delivery.faults import NO_ANSWER_YET
from tolmach.delivery.interfaces import Claimed, ProofAnswer, Prover
from tolmach.delivery.outcomes import UNFORESEEN, conclusion_of_proof, unforeseen
from tolmach.delivery.outlet import Outlet

_PAGE = 500  # lines in memory at once, however many await proof


Place = tuple[datetime, int]


class _Walk:
    """A walk through the lines that await proof: where it has come to, and which it has met."""

    def __init__(self, after: Place | None) -> None:
        self.is_whole, self.after = after is None, after
        self.met: set[int] = set()


class ProofLane:
    """One worker of a destination, in a thread of its own. Answers that come by themselves are given to `answer`.

    A line is asked about as soon as the destination said that it stores it. One without an answer is asked about again:
    after growing waits where the answer is a query's, after `proof_timeout_seconds` where it comes by itself.
    """

    def __init__(self, outlet: Outlet, prover: Prover) -> None:
        """Take a prover that nobody else uses."""
        self._outlet, self._prover = outlet, prover
        self._asked: dict[int, tuple[int, datetime]] = {}  # how often, and when to ask again
        self._walk: _Walk | None = None
        self._end: Place | None = None  # everything up to there was asked about
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
        """Ask about what is to be asked about now, and give how many seconds nothing more is to be asked.

        A page at a time: from the oldest line on where one is to be asked about again, else behind the last one known.
        """
        outlet, now = self._outlet, self._outlet.timing.now()
        walk = self._walk = self._walk or self._begun(now)
        try:
            page = outlet.outbox.awaiting_proof(outlet.destination, _PAGE, walk.after)
        except TolmachError:
            return outlet.retry.first_wait_seconds
        waiting = [(line, since) for line, since in page if not outlet.ledger.holds(line.delivery_id)]
        walk.met.update(line.delivery_id for line, _since in waiting)
        if page:
            line, since = page[-1]
            walk.after = since, line.delivery_id
        if len(page) < _PAGE:
            self._ended(walk)
        due = [(line, since) for line, since in waiting if self._is_due(line, now)]
        if due:
            return self._ask(due)
        return 0 if self._walk is not None else self._until_due(now)

    def _begun(self, now: datetime) -> _Walk:
        asks_again = any(at <= now for _count, at in self._asked.values())
        return _Walk(None if asks_again or not self._asked else self._end)

    def _ended(self, walk: _Walk) -> None:
        if walk.is_whole:
            self._asked = {number: asked for number, asked in self._asked.items() if number in walk.met}
        self._walk, self._end = None, walk.after

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
        self._walk = self._end = None
        return outlet.retry.wait_seconds(self._failures, outlet.timing.chance)
