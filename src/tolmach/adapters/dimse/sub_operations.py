"""C-STORE sub-operations of C-MOVE and C-GET: opened one ahead of the peer, sent, counted, reported.

Standard: PS3.4 sections C.4.2.1.4 to C.4.2.1.7 (C-MOVE) and C.4.3.1 (C-GET), PS3.7 section 9.1.3.1.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final

from tolmach.adapters.dimse.command_set import (
    COMPLETED_SUB_OPERATIONS,
    ERROR_COMMENT,
    FAILED_SUB_OPERATIONS,
    REMAINING_SUB_OPERATIONS,
    WARNING_SUB_OPERATIONS,
    Value,
)
from tolmach.adapters.dimse.context_plan import alternatives_to
from tolmach.adapters.dimse.message_data import element_of
from tolmach.adapters.dimse.operation import Operation, plain_comment
from tolmach.adapters.dimse.status import SUCCESS, StoreOutcomeClass
from tolmach.adapters.dimse.storage_scu import OutgoingInstance, StoreChannel, StoreOutcome, store_all
from tolmach.adapters.dimse.storage_sender import chunks_of
from tolmach.archive.interfaces import Held, Opener
from tolmach.base import TolmachError
from tolmach.delivery.outcomes import ITEM_ERRORS
from tolmach.intake.faults import RecordsTrouble

log = logging.getLogger(__name__)

PENDING: Final = 0xFF00
CANCELLED: Final = 0xFE00
SOME_FAILED: Final = 0xB000
CANNOT_COUNT: Final = 0xA701
CANNOT_SEND: Final = 0xA702

REPORT_SECONDS: Final = 0.5  # between two pending responses
MOST_NAMED: Final = 1000  # UIDs in the list of what failed: an element of explicit VR holds no more
HIGHEST_COUNT: Final = 0xFFFF


@dataclass(slots=True)
class Tally:
    """How far a retrieval is; one thread counts, another may look.

    `missing_since` is when the oldest object was received that the index does not know yet and that may belong to it.
    """

    total: int = 0
    completed: int = 0
    failed: int = 0
    warnings: int = 0
    failed_uids: list[str] = field(default_factory=list)
    trouble: Exception | None = None  # the first one, for the log
    missing_since: datetime | None = None

    @property
    def remaining(self) -> int:
        """How many have not been tried."""
        return max(0, self.total - self.completed - self.failed - self.warnings)

    def counts(self, *, with_remaining: bool = True) -> dict[int, Value]:
        """Give the numbers of sub-operations as elements of a response. Standard: PS3.7 table 9.3-9."""
        values: dict[int, Value] = {
            COMPLETED_SUB_OPERATIONS: min(self.completed, HIGHEST_COUNT),
            FAILED_SUB_OPERATIONS: min(self.failed, HIGHEST_COUNT),
            WARNING_SUB_OPERATIONS: min(self.warnings, HIGHEST_COUNT),
        }
        return {REMAINING_SUB_OPERATIONS: min(self.remaining, HIGHEST_COUNT), **values} if with_remaining else values

    def fail(self, sop_instance_uid: str, error: Exception | None) -> None:
        """Count one that is not there now."""
        self.failed += 1
        self.trouble = self.trouble or error
        if len(self.failed_uids) < MOST_NAMED:
            self.failed_uids.append(sop_instance_uid)

    def take(self, outcome: StoreOutcome) -> None:
        """Count what became of one."""
        if outcome.error is None and outcome.response is not None:
            if outcome.response.meaning.outcome is StoreOutcomeClass.WARNING:
                self.warnings += 1
            else:
                self.completed += 1
            return
        self.fail(outcome.instance.sop_instance_uid, outcome.error)


@dataclass(slots=True)
class _Note:
    """Where it is kept that the bytes of an instance could not be read to their end."""

    trouble: TolmachError | None = None


class Sending:
    """Opens what is held, one ahead of the peer, and sends it over a channel; failures to open are counted."""

    def __init__(
        self,
        opener: Opener,
        channel: StoreChannel,
        tally: Tally,
        must_stop: Callable[[], bool],
        originator: tuple[str, int] | None = None,
    ) -> None:
        self._opener, self._channel, self._tally = opener, channel, tally
        self._must_stop, self._originator = must_stop, originator
        self._notes: deque[_Note] = deque()

    def outcomes(self, held: Iterator[Held]) -> Iterator[StoreOutcome]:
        """Give an outcome for each instance that could be opened, until one of the sides wants no more.

        What is left of `held` then has not been tried. Raises nothing of what happens to instances or to the index.
        """
        instances = self._instances(held)
        try:
            for outcome in store_all(self._channel, instances):
                self._tally.trouble = self._tally.trouble or self._notes.popleft().trouble
                yield outcome
        finally:
            instances.close()

    def _instances(self, held: Iterator[Held]) -> Generator[OutgoingInstance, None, None]:
        while not self._must_stop() and (one := self._next(held)) is not None:
            is_given = False
            try:
                syntax = self._syntax(one)
                with self._opener(one) as content:
                    source, _padded = content.in_syntax(syntax)
                    note = _Note()
                    self._notes.append(note)
                    is_given = True
                    yield OutgoingInstance(
                        one.sop_class_uid,
                        one.sop_instance_uid,
                        syntax,
                        source.size,
                        partial(chunks_of, source, note),
                        self._originator,
                    )
            except ITEM_ERRORS as error:
                if not is_given:
                    self._tally.fail(one.sop_instance_uid, error)

    def _next(self, held: Iterator[Held]) -> Held | None:
        try:
            return next(held, None)
        except RecordsTrouble as error:
            self._tally.trouble = self._tally.trouble or error
            return None

    def _syntax(self, one: Held) -> str:
        """Give the syntax an instance goes out in; raises `ContextNotAccepted` where the peer takes none of its."""
        own = one.transfer_syntax_uid
        for syntax in alternatives_to(own):
            if self._accepts(one.sop_class_uid, syntax):
                return syntax
        self._channel.required_context(one.sop_class_uid, own)
        return own

    def _accepts(self, sop_class_uid: str, syntax: str) -> bool:
        return self._channel.context_for(sop_class_uid, syntax) is not None


class Reporter:
    """Sends pending responses now and then."""

    def __init__(self, operation: Operation, tally: Tally, first_after: float = 0.0) -> None:
        """Say nothing yet; the first time is due at once by default, for it says how much there is."""
        self._operation, self._tally = operation, tally
        self._due = operation.clock() + first_after

    def report_when_due(self) -> None:
        """Say how far it is, unless that was said a moment ago."""
        now = self._operation.clock()
        if now >= self._due and self._tally.remaining:
            self._due = now + REPORT_SECONDS
            self._operation.respond(PENDING, more=self._tally.counts())


def conclude(operation: Operation, tally: Tally, what: str) -> None:
    """Give the final response, and tell the log."""
    was_cancelled = operation.is_cancelled
    if not was_cancelled and tally.remaining:  # what could not even be tried
        tally.failed += tally.remaining
    log.info(
        "%s: %s: %d of %d sent, %d failed%s",
        *(operation.peer, what, tally.completed + tally.warnings, tally.total, tally.failed),
        ", cancelled" if was_cancelled else "",
    )
    if tally.trouble is not None:
        known = isinstance(tally.trouble, TolmachError)
        log.warning("%s: %s: %s", operation.peer, what, tally.trouble if known else type(tally.trouble).__name__)
    status = _status_of(tally, was_cancelled=was_cancelled)
    data = b""
    if tally.failed_uids and status != SUCCESS:
        data = element_of("FailedSOPInstanceUIDList", "\\".join(tally.failed_uids), operation.encoding)
    more = tally.counts(with_remaining=was_cancelled)
    if tally.missing_since is not None:
        more[ERROR_COMMENT] = plain_comment(cannot_be_found(tally.missing_since))
    operation.respond(status, data, more)


def _status_of(tally: Tally, *, was_cancelled: bool) -> int:
    """Give how a retrieval ended. What cannot be whole is a warning, and where nothing was found nobody knows how much.

    Standard: PS3.4 tables C.4-2 and C.4-3.
    """
    if was_cancelled:
        return CANCELLED
    if tally.failed and not tally.completed + tally.warnings:
        return CANNOT_SEND
    if tally.missing_since is not None and not tally.total:
        return CANNOT_COUNT
    return SOME_FAILED if tally.failed or tally.missing_since is not None else SUCCESS


def cannot_be_found(since: datetime) -> str:
    """Give the comment on an answer that may lack what the index does not know yet."""
    return f"some received since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC cannot be found yet"
