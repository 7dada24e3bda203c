"""One lane of a destination: lease lines, send them, say what became of each; wait, and never give up.

A destination has several lanes in threads of their own. They share its health: where it cannot be reached, one of them
tries from time to time and the others wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime

from tolmach.base import Problem, TolmachError
from tolmach.delivery.faults import NotNow
from tolmach.delivery.interfaces import Claimed, Conclusion, Outcome, Sender
from tolmach.delivery.outcomes import UNFORESEEN, conclusion_of, outcome_of_error, unforeseen
from tolmach.delivery.outlet import Outlet
from tolmach.delivery.wrappers import following


class Lane:
    """A worker of one destination. `run` belongs to one thread; `owner` names it in the leases."""

    def __init__(self, outlet: Outlet, sender: Sender, owner: str) -> None:
        """Take a sender that nobody else uses."""
        self._outlet, self._sender, self._owner = outlet, sender, owner
        self._has_unknown_leases = False

    def run(self) -> None:
        """Deliver until the outlet's bell says stop; what is not tried by then is given back."""
        try:
            while not self._outlet.bell.stopped:
                self._rest(self.step())
        finally:
            self._sender.close()

    def step(self) -> float:
        """Do one round and give how many seconds nothing more is to be done, 0 when there may be more at once."""
        outlet, now = self._outlet, self._outlet.timing.now()
        retry_at = outlet.health.admit(now)
        if retry_at is not None:
            return (retry_at - now).total_seconds()
        try:
            lines = self._claim(now)
            free = [line for line in lines if not outlet.ledger.holds(line.delivery_id)]
            mine = outlet.in_hand.take(free)
            try:
                self._leave(lines, mine)
            except UNFORESEEN:
                outlet.in_hand.let_go(mine)  # or nobody would ever send them
                raise
            if not mine:
                outlet.health.release()
                outlet.ledger.hurry()
                return self._until_due()
        except TolmachError:  # the records; there is nowhere to note it
            outlet.health.release()
            return outlet.retry.first_wait_seconds
        except UNFORESEEN as error:
            outlet.health.failed(unforeseen(error), now, is_loss=True)
            return outlet.retry.first_wait_seconds
        outlet.bell.ring()  # there may be more than one lane's worth
        if outlet.health.was_lost:
            mine = sorted(mine, key=lambda line: line.attempts > 0)
        attempt = _Attempt(outlet, mine, self._owner)
        seconds = attempt.deliver(self._sender)
        self._has_unknown_leases |= attempt.keeps_leases
        return seconds

    def _claim(self, now: datetime) -> Sequence[Claimed]:
        """Lease lines. Where a claim got no answer, or lines could not be given back, those leases are ended first.

        Nobody works on such lines, and nobody else may have them for as long as this process lives.
        """
        outlet = self._outlet
        if self._has_unknown_leases:
            outlet.ledger.flush()  # what became of the others is not to be forgotten with their leases
            outlet.outbox.clear_leases(self._owner)
        self._has_unknown_leases = True  # until there is an answer
        lines = outlet.outbox.claim(
            outlet.destination,
            self._owner,
            outlet.lane.batch,
            now,
            outlet.lane.lease_seconds,
            2 * outlet.retry.longest_wait_seconds,
        )
        self._has_unknown_leases = False
        return lines

    def _leave(self, lines: Sequence[Claimed], mine: Sequence[Claimed]) -> None:
        """Give back leased lines that are in others' hands, or were until a moment ago.

        What became of a line may be written before this lane claims it anew and yet count as unwritten when it looks:
        kept, the line would wait for its lease to end, though nobody works on it.
        """
        others = {line.delivery_id for line in lines}.difference(line.delivery_id for line in mine)
        if others:
            self._outlet.ledger.flush()  # a line that is given back before its conclusion is written is sent again
            self._has_unknown_leases = True  # until there is an answer
            with suppress(TolmachError):
                self._outlet.outbox.give_back(list(others), self._owner)
                self._has_unknown_leases = False

    def _until_due(self) -> float:
        lane, due = self._outlet.lane, self._outlet.outbox.next_due(self._outlet.destination)
        if due is None:
            return lane.poll_seconds
        seconds = (due - self._outlet.timing.now()).total_seconds()
        return lane.blocked_seconds if seconds <= 0 else min(seconds, lane.poll_seconds)

    def _rest(self, seconds: float) -> None:
        """Sleep until something is due or somebody rings; connections are kept only for a moment."""
        if seconds <= 0:
            return
        lane, bell = self._outlet.lane, self._outlet.bell
        settling = min(seconds, lane.settle_seconds)
        bell.pause(settling)
        idle = min(seconds, lane.idle_seconds) - settling
        if bell.sleep(max(0.0, idle)) or seconds <= lane.idle_seconds:
            return
        self._sender.close()
        bell.sleep(seconds - lane.idle_seconds)


class _Attempt:
    """One batch of leased lines on its way."""

    def __init__(self, outlet: Outlet, lines: Sequence[Claimed], owner: str) -> None:
        self.outlet, self.lines, self.owner = outlet, lines, owner
        self.left = {line.delivery_id: line for line in lines}
        self.begun = outlet.timing.monotonic()
        self.streak = 0
        self.is_heard = False  # the destination gave its word on something
        self.last: Outcome | None = None
        self.keeps_leases = False  # of lines that were to be given back

    def deliver(self, sender: Sender) -> float:
        """Send, conclude what was tried, give back the rest; gives the seconds to wait then."""
        outlet = self.outlet
        parcels = [outlet.unpacker.parcel(line) for line in self.lines]
        try:
            with following(sender.send(parcels)) as outcomes:
                self._follow(outcomes)
            if not self.is_heard:
                outlet.health.release()
        except NotNow as closed:
            outlet.health.closed_until(closed.problem, closed.until)
        except TolmachError as error:
            self._lost(error.problem)
        except UNFORESEEN as error:
            self._blame(error)
        finally:
            self._give_back()
        # A sender that tries nothing and says nothing must not be asked in circles.
        return 0 if self.last is not None else outlet.retry.first_wait_seconds

    def _follow(self, outcomes: Iterator[Outcome]) -> None:
        for outcome in outcomes:
            line = self.left.pop(outcome.delivery_id, None)
            if line is None:
                continue
            self.last = outcome
            self._conclude(outcome, line)
            self._weigh(outcome)
            if self._is_enough():
                return

    def _conclude(self, outcome: Outcome, line: Claimed) -> None:
        outlet = self.outlet
        now = outlet.timing.now()
        outlet.ledger.note(conclusion_of(outcome, line, now, outlet.retry, outlet.proof, outlet.timing.chance))
        outlet.in_hand.let_go([line])

    def _weigh(self, outcome: Outcome) -> None:
        """Learn from an outcome how the destination fares."""
        if outcome.kind == "later" and outcome.status:
            self.streak += 1
            if self.streak >= self.outlet.lane.streak and outcome.problem is not None:
                self.is_heard = True
                self.outlet.health.failed(outcome.problem, self.outlet.timing.now(), is_loss=False)
        elif outcome.kind == "stored" or outcome.status:
            self.streak, self.is_heard = 0, True
            self.outlet.health.succeeded()
        elif not outcome.attempted and outcome.problem is not None:
            self.outlet.health.remark(outcome.problem)

    def _is_enough(self) -> bool:
        outlet = self.outlet
        is_late = outlet.timing.monotonic() - self.begun > outlet.lane.lease_seconds / 2
        return is_late or outlet.bell.stopped or self.streak >= outlet.lane.streak

    def _lost(self, problem: Problem) -> None:
        """Let everybody wait for a destination that went away; where nothing was tried the first line tells why."""
        outlet = self.outlet
        retry_at = outlet.health.failed(problem, outlet.timing.now(), is_loss=self.last is not None)
        if self.last is None and self.left:
            first = self.left.pop(next(iter(self.left)))
            outlet.ledger.note(Conclusion(first.delivery_id, "queued", retry_at, problem=problem))
            outlet.in_hand.let_go([first])

    def _blame(self, error: BaseException) -> None:
        """Hold the line that was being sent when something unforeseen happened; the others go on."""
        self.outlet.health.release()
        if self.left:
            first = self.left.pop(next(iter(self.left)))
            self.last = outcome_of_error(first, error)
            self._conclude(self.last, first)

    def _give_back(self) -> None:
        """Leave the lines that were not tried to whoever claims them next."""
        outlet, rest = self.outlet, list(self.left)
        outlet.in_hand.let_go(self.lines)
        if rest:
            try:
                outlet.outbox.give_back(rest, self.owner)
            except TolmachError:
                self.keeps_leases = True
