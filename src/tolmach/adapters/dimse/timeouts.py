"""How long the association waits for what, and how much it takes at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines of one association; each is a ceiling for one wait, not for the whole association."""

    connect_timeout_seconds: float = 10.0
    acse_timeout_seconds: float = 30.0  # answer to A-ASSOCIATE-RQ and A-RELEASE-RQ
    dimse_timeout_seconds: float = 60.0  # answer to a request, from its last byte on
    network_timeout_seconds: float = 60.0  # the peer takes at least one byte of what we send
    header_timeout_seconds: float = 10.0  # a PDU header that has begun is complete, and then any PDU but data
    minimum_bytes_per_second: int = 1024  # data that has begun goes on at this rate or better, in both directions
