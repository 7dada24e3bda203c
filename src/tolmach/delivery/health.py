"""How one destination fares: when it went away all its lanes wait, one of them tries, and one success calls the others.

Any thread may call.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import datetime, timedelta

from tolmach.base import Problem, TolmachError
from tolmach.delivery.backoff import Chance, RetryPolicy
from tolmach.delivery.bell import Bell
from tolmach.delivery.interfaces import Outbox

_A_DAY = timedelta(days=1, minutes=1)


class Health:
    """Whether a destination may be tried now. What is found out is noted for people in the outbox."""

    def __init__(self, destination: str, outbox: Outbox, policy: RetryPolicy, chance: Chance, bell: Bell) -> None:
        """Begin well, as far as anybody knows."""
        self._destination, self._outbox, self._policy, self._chance = destination, outbox, policy, chance
        self._bell = bell
        self._lock = threading.Lock()
        self._failures = 0
        self._is_loss = False
        self._retry_at: datetime | None = None
        self._longest_wait = _A_DAY
        self._is_probed = False
        # What was noted before the program was started last is known to be over only at the first success.
        self._is_noted = True

    def admit(self, now: datetime) -> datetime | None:
        """Give None when the caller may try, which it must tell the outcome of; else when to ask again.

        A destination that went away is tried by one caller at a time. Whoever is told to wait longer than anybody ever
        waits would wait for a clock that was wrong.
        """
        with self._lock:
            if self._retry_at is None:
                return None
            if now < self._retry_at <= now + self._longest_wait:
                return self._retry_at
            if self._is_probed:
                return now + timedelta(seconds=self._policy.first_wait_seconds)
            self._is_probed = True
            return None

    @property
    def was_lost(self) -> bool:
        """Whether it was lost on the way and nothing came through since: it may have fallen over one of the objects."""
        return self._is_loss

    def release(self) -> None:
        """Say that nothing was tried after all, or that what came of it says nothing about the destination."""
        with self._lock:
            self._is_probed = False

    def succeeded(self) -> None:
        """Say that the destination answered like one that is well."""
        with self._lock:
            was_ill, was_noted = self._retry_at is not None, self._is_noted
            self._failures, self._retry_at, self._is_probed, self._is_noted = 0, None, False, False
            self._is_loss = False
        if was_noted:
            self._note(None, None)
        if was_ill:
            self._bell.ring()

    def failed(self, problem: Problem, now: datetime, *, is_loss: bool) -> datetime:
        """Say that the destination cannot be reached, or was lost on the way, and give when to try again."""
        with self._lock:
            self._failures += 1
            wait = self._policy.wait_seconds(self._failures, self._chance)
            if is_loss:  # the others have their turn before what was in flight has its own again
                wait = min(wait / 2, self._policy.longest_wait_after_loss_seconds)
            retry_at = now + timedelta(seconds=wait)
            self._retry_at, self._is_probed, self._is_noted, self._is_loss = retry_at, False, True, is_loss
            self._longest_wait = timedelta(seconds=2 * self._policy.longest_wait_seconds)
        self._note(problem, retry_at)
        return retry_at

    def closed_until(self, problem: Problem, until: datetime) -> None:
        """Say that nothing may be tried before then, for which nobody is to blame."""
        with self._lock:
            self._failures, self._retry_at, self._is_probed, self._is_noted = 0, until, False, True
            self._longest_wait = _A_DAY
        self._note(problem, until)

    def remark(self, problem: Problem) -> None:
        """Note something for people that keeps nobody from trying."""
        with self._lock:
            self._is_noted = True
        self._note(problem, None)

    def remark_is_over(self) -> None:
        """Take a remark back, unless the destination cannot be reached now."""
        with self._lock:
            is_over = self._is_noted and self._retry_at is None
            self._is_noted = self._is_noted and not is_over
        if is_over:
            self._note(None, None)

    def _note(self, problem: Problem | None, retry_at: datetime | None) -> None:
        with suppress(TolmachError):  # for people to see; the lines themselves are what counts
            self._outbox.note_destination(self._destination, problem, retry_at)
