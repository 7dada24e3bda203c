"""What the lanes of one destination share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tolmach.delivery.backoff import Chance, RetryPolicy
from tolmach.delivery.bell import Bell
from tolmach.delivery.health import Health
from tolmach.delivery.interfaces import Claimed, Outbox, ProofKind
from tolmach.delivery.ledger import Ledger
from tolmach.delivery.parcel import Unpacker


@dataclass(frozen=True, slots=True)
class Timing:
    """The clocks and the chance that delivery goes by: UTC now, monotonic seconds, numbers from 0 up to 1."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    chance: Chance


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """How much a lane takes at once, and how long it sleeps."""

    batch: int = 100  # lines leased at once
    lease_seconds: float = 300.0  # no attempt is begun in the second half of it
    poll_seconds: float = 15.0  # a dead node's leases end without a ring
    blocked_seconds: float = 1.0  # another lane has the study that is due
    settle_seconds: float = 0.02  # a lane that found nothing does not look again sooner, however often it is rung
    proof_gather_seconds: float = 0.25  # so long lines are gathered that are asked about together
    idle_seconds: float = 2.0  # then connections kept for the next call are given up
    streak: int = 8  # so many in a row answered with "later" are the destination's doing, not theirs


@dataclass(frozen=True, slots=True)
class Outlet:
    """One destination, as its lanes see it."""

    destination: str
    outbox: Outbox
    unpacker: Unpacker
    retry: RetryPolicy
    lane: LanePolicy
    proof: ProofKind
    timing: Timing
    bell: Bell
    proof_bell: Bell
    health: Health
    ledger: Ledger
    in_hand: InHand

    @classmethod
    def of(
        cls,
        destination: str,
        outbox: Outbox,
        unpacker: Unpacker,
        timing: Timing,
        *,
        retry: RetryPolicy | None = None,
        lane: LanePolicy | None = None,
        proof: ProofKind = "response",
    ) -> Outlet:
        """Join what is given with what the lanes need beside it."""
        retry, bell, proof_bell = retry or RetryPolicy(), Bell(), Bell()
        return cls(
            destination,
            outbox,
            unpacker,
            retry,
            lane or LanePolicy(),
            proof,
            timing,
            bell,
            proof_bell,
            Health(destination, outbox, retry, timing.chance, bell),
            Ledger(outbox, timing.now, bell, proof_bell),
            InHand(),
        )


@dataclass(slots=True)
class InHand:
    """The lines that lanes of this process work on, so that none is sent twice when a lease ends too early."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _held: set[int] = field(default_factory=set)

    def take(self, lines: Iterable[Claimed]) -> Sequence[Claimed]:
        """Give the lines that nobody has in hand; they are in the caller's now."""
        with self._lock:
            free = [line for line in lines if line.delivery_id not in self._held]
            self._held.update(line.delivery_id for line in free)
            return free

    def let_go(self, lines: Iterable[Claimed]) -> None:
        """Put lines out of hand; may be repeated."""
        with self._lock:
            self._held.difference_update(line.delivery_id for line in lines)
