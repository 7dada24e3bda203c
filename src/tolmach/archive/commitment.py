"""Storage Commitment as the archive gives it: what modalities ask, and what keeps that until they have the answer.

Standard: PS3.4 annex J.3 (Push Model), PS3.3 section C.14 (failure reasons).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Reference = tuple[str, str]  # SOP Class UID, SOP Instance UID

Taken = Literal["new", "again", "other", "full"]


@dataclass(frozen=True, slots=True)
class CommitmentRequest:
    """A request that was taken and not yet answered.

    `reasons` are the failure reasons in the order of the references, 0 for what is held and sound; None until that was
    looked at. `attempts` counts the reports that did not arrive.
    """

    request_id: int
    peer: str
    transaction_uid: str
    references: tuple[Reference, ...]
    asked_at: datetime
    attempts: int = 0
    reasons: tuple[int, ...] | None = None


class CommitmentRequests(Protocol):
    """Where requests are kept across restarts; any thread and any process may call. Raises `RecordsTrouble`."""

    def take(self, peer: str, transaction_uid: str, references: Sequence[Reference], at: datetime) -> Taken:
        """Keep a request, durable on return.

        "again": the same one is known, and is answered once more where it had been answered. "other": that peer used
        the transaction UID for something else. "full": too many of its requests wait; nothing was kept.
        """
        ...

    def claim(self, now: datetime, until: datetime) -> CommitmentRequest | None:
        """Give the request whose turn it is, which nobody else is given before `until`; None where none is due."""
        ...

    def keep(self, request_id: int, until: datetime) -> None:
        """Have a claimed request for longer: nobody else is given it before `until`. Safe to repeat."""
        ...

    def note_reasons(self, request_id: int, reasons: Sequence[int]) -> None:
        """Keep what was found, durable on return; safe to repeat."""
        ...

    def postpone(self, request_id: int, until: datetime) -> None:
        """Count an attempt that failed; it is not due again before `until`."""
        ...

    def conclude(self, request_id: int, at: datetime) -> None:
        """Note that the peer has the answer; safe to repeat."""
        ...

    def next_due(self) -> datetime | None:
        """Tell when the next request is due; None where none waits."""
        ...

    def forget(self, before: datetime) -> int:
        """Forget what was asked before a moment, answered or not; gives how many had no answer."""
        ...
