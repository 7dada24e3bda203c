"""What can go wrong when something arrives, and what the operator does then."""

from __future__ import annotations

from tolmach.base import N_, Fault, NeedsOperator, Retryable


class StoreTrouble(Retryable):
    """The bytes could not be made durable or could not be read; nothing may be acknowledged."""


class ObjectMissing(NeedsOperator):
    """The records know an object whose bytes are not there."""


class RecordsTrouble(Retryable):
    """The records could not be written or read; nothing may be acknowledged."""


class NoRoom(Retryable):
    """Too little disk space is free to take anything more."""


NO_ROOM = Fault(
    "TLM-INT-001",
    N_("Only {free} of disk space are free, and {reserve} are kept in reserve: nothing new is taken."),
    N_("Free some space in the data folder; receiving goes on by itself."),
)
