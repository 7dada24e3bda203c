"""What became of lines, written down in batches, so that many share the cost of one durable commit.

The lanes go on sending meanwhile. What is not yet written when the power fails is sent again, which is harmless.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from tolmach.base import TolmachError
from tolmach.delivery.bell import Bell
from tolmach.delivery.faults import UNEXPECTED
from tolmach.delivery.interfaces import Conclusion, Outbox
from tolmach.delivery.outcomes import UNFORESEEN, unforeseen

BATCH = 64
WITHIN_SECONDS = 0.1
_AT_ONCE = 512
_ROOM = 2048  # conclusions that may wait for the records before the lanes have to wait too


class Ledger:
    """Writes conclusions, in the order they were noted, from a thread of its own; any thread may note."""

    def __init__(
        self,
        outbox: Outbox,
        now: Callable[[], datetime],
        bell: Bell,
        proof_bell: Bell,
        retry_seconds: float = 1.0,
        within_seconds: float = WITHIN_SECONDS,
    ) -> None:
        """Write nothing before `run` or `flush` is called.

        `bell` is rung when lines are to be tried again, `proof_bell` when lines await proof.
        """
        self._outbox, self._now, self._bell, self._proof_bell = outbox, now, bell, proof_bell
        self._retry_seconds, self._within_seconds = retry_seconds, within_seconds
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._waiting: deque[Conclusion] = deque()
        self._unwritten: set[int] = set()
        self._stopped = self._hurries = False

    def note(self, conclusion: Conclusion) -> None:
        """Take a conclusion to be written soon; waits while the records cannot be written and too many wait."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < _ROOM or self._stopped)
            self._waiting.append(conclusion)
            self._unwritten.add(conclusion.delivery_id)
            if len(self._waiting) in (1, BATCH):
                self._changed.notify_all()

    def hurry(self) -> None:
        """Write what waits now: nothing more is to come soon that could share the commit."""
        with self._changed:
            if self._waiting:
                self._hurries = True
                self._changed.notify_all()

    def holds(self, delivery_id: int) -> bool:
        """Tell whether what became of a line is not written yet."""
        with self._changed:
            return delivery_id in self._unwritten

    def flush(self) -> bool:
        """Write what waits now, in one commit; False when the records could not be written, and it still waits."""
        with self._writing:
            with self._changed:
                batch = [self._waiting[at] for at in range(min(len(self._waiting), _AT_ONCE))]
            if not batch:
                return True
            if not self._write(batch):
                return False
            with self._changed:
                for conclusion in batch:
                    self._waiting.popleft()
                    self._unwritten.discard(conclusion.delivery_id)
                self._changed.notify_all()
        if any(conclusion.awaits_proof for conclusion in batch):
            self._proof_bell.ring()
        if any(conclusion.next_attempt_at is not None for conclusion in batch):
            # A lane that looked before this was written found nothing due, and would sleep for too long.
            self._bell.ring()
        return True

    def _write(self, batch: Sequence[Conclusion]) -> bool:
        """Write a batch; one conclusion that cannot be written at all must not keep the others."""
        try:
            self._outbox.conclude(batch, self._now())
        except TolmachError:
            return False
        except UNFORESEEN as error:
            if len(batch) > 1:
                written = [self._write([conclusion]) for conclusion in batch]
                return all(written)
            problem = batch[0].problem
            if problem is None or problem.fault is UNEXPECTED:
                return False
            return self._write([replace(batch[0], problem=unforeseen(error))])
        return True

    def run(self) -> None:
        """Write until `stop`, and what is left then; a record that cannot be written is tried again and again."""
        while self._await_batch():
            if not self.flush():
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped, self._retry_seconds)
        while self._waiting and self.flush():
            pass

    def _await_batch(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopped)
            self._changed.wait_for(
                lambda: len(self._waiting) >= BATCH or self._hurries or self._stopped, self._within_seconds
            )
            self._hurries = False
            return not self._stopped

    def stop(self) -> None:
        """Let `run` write the rest and end; may be repeated."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
