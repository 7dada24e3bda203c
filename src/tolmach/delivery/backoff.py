"""When to try again: waits that double up to a cap, spread so that a recovering peer is not met by everybody at once.

Nothing here gives up. Pure: no clock is read, and chance is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Chance = Callable[[], float]
"""Gives a number from 0 up to, not including, 1."""

AgeClass = Literal["fresh", "old", "overdue"]
OLD, OVERDUE = timedelta(hours=1), timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How delivery to one destination goes on when something is not taken."""

    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 600.0
    spread: float = 0.2  # a wait is so much longer or shorter than it would be, by chance; never above the longest
    # A connection that was lost with an object in flight may be that object's doing: the others wait half as long.
    longest_wait_after_loss_seconds: float = 5.0
    proof_timeout_seconds: float = 600.0  # asked again for proof that does not come
    proof_grace_seconds: float = 60.0  # a destination may store first and find later

    def wait_seconds(self, failures: int, chance: Chance, longest: float | None = None) -> float:
        """Give how long to wait after so many failures in a row, from 1; never more than `longest` nor the policy's."""
        longest = self.longest_wait_seconds if longest is None else min(longest, self.longest_wait_seconds)
        doublings = min(max(failures, 1) - 1, 64)  # beyond any cap; a float is not for ever
        # The spread stays whole at the cap too, where most of a long outage is spent.
        wait = min(self.first_wait_seconds * 2.0**doublings, longest / (1 + self.spread))
        return min(wait * (1 + self.spread * (2 * chance() - 1)), longest)

    def next_attempt_at(self, failures: int, now: datetime, chance: Chance) -> datetime:
        """Choose when to try an item again that has failed so often, from 1."""
        return now + timedelta(seconds=self.wait_seconds(failures, chance))

    def slow_attempt_at(self, now: datetime, chance: Chance) -> datetime:
        """Choose when to try an item again that only a change somewhere can help: about once every longest wait."""
        return now + timedelta(seconds=self.longest_wait_seconds * (1 - self.spread * chance()))


def age_class(waiting_since: datetime, now: datetime) -> AgeClass:
    """Tell how worrying the age of an undelivered item is: old after an hour, overdue after a day."""
    age = now - waiting_since
    return "overdue" if age >= OVERDUE else "old" if age >= OLD else "fresh"
