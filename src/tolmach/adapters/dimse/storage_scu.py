"""C-STORE as SCU: one instance on the wire while the caller prepares the next.

Standard: PS3.4 annex B, PS3.7 section 9.1.1, PS3.8 annex E.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.data_pdus import DataPdus, LengthLies
from tolmach.adapters.dimse.dimse import Command, CStoreRequest, CStoreResponse
from tolmach.adapters.dimse.errors import (
    AssociationLost,
    InstanceNotSendable,
    ProtocolViolation,
    StoreFailedForNow,
    sentence_of,
)
from tolmach.adapters.dimse.pdu import Buffer
from tolmach.adapters.dimse.status import StatusMeaning, meaning_of, store_error
from tolmach.adapters.dimse.stream import Clock
from tolmach.base import Fault, TolmachError


@dataclass(frozen=True, slots=True)
class OutgoingInstance:
    """A data set ready for the wire, in the transfer syntax named, without File Meta Information.

    `length` is in bytes and even. `chunks` gives consecutive buffers, each valid only until the next is asked for; when
    it gives a list or tuple, all of them are taken as valid at once, checked before anything is sent and sent with
    the fewest calls. It is called once for each attempt. `move_originator` is who asked for it by C-MOVE, and the
    Message ID of that.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    length: int
    chunks: Callable[[], Iterable[memoryview | bytes]]
    move_originator: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class StoreResponse:
    """What the peer answered, and the seconds from the first byte sent to the answer."""

    status: int
    seconds: float
    error_comment: str = ""

    @property
    def meaning(self) -> StatusMeaning:
        """The row of the status table."""
        return meaning_of(self.status)


@dataclass(frozen=True, slots=True)
class StoreOutcome:
    """How one instance fared: `error` is None when, and only when, the peer confirmed that it stores this instance.

    `may_be_stored` is True when bytes of it left and no valid answer came: send it again, which is harmless.
    """

    instance: OutgoingInstance
    response: StoreResponse | None
    error: TolmachError | None
    may_be_stored: bool = False

    @property
    def stored(self) -> bool:
        """Whether the peer confirmed, by success or warning, that it stores the instance."""
        return self.error is None


class StoreChannel(Protocol):
    """What instances are stored over: an association of ours (`Association`), or one that the peer opened for C-GET."""

    fragment_length: int

    @property
    def peer(self) -> object:
        """Who is at the other end, for people."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether another operation may be tried."""
        ...

    def context_for(self, sop_class_uid: str, transfer_syntax_uid: str) -> int | None:
        """Give the id of the accepted context, or None."""
        ...

    def required_context(self, sop_class_uid: str, transfer_syntax_uid: str) -> int:
        """Give the id of the accepted context; raises `ContextNotAccepted`."""
        ...

    def next_message_id(self) -> int:
        """Give the next Message ID."""
        ...

    def command_pdus(self, context_id: int, command: Command) -> list[Buffer]:
        """Encode a command as P-DATA-TF buffers."""
        ...

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Bring bytes of a request to the kernel."""
        ...

    def await_response(self, context_id: int, /) -> Command:
        """Give the answer to the request sent last, which went out on this context; any error ends the association."""
        ...

    def abort(self) -> None:
        """End the association and tell the peer."""
        ...

    def close(self) -> None:
        """End the association without a word."""
        ...


@dataclass(frozen=True, slots=True)
class _InFlight:
    instance: OutgoingInstance
    context_id: int
    message_id: int
    started: float


def store_all(
    assoc: StoreChannel, instances: Iterator[OutgoingInstance], clock: Clock = time.monotonic
) -> Iterator[StoreOutcome]:
    """Send instances one after another and give one outcome for each instance taken from the iterator, in order.

    The next instance is asked for while the peer works on the one before, so that reading and repairing cost no time.
    Failures of one instance are outcomes, not exceptions. When the association ends, the instance in flight is "may be
    stored", one already taken is "not sent", and nothing more is taken. The iterator must not raise: if it does, the
    outcome of the instance in flight is lost with it and the association must be closed.
    """
    current = next(instances, None)
    while current is not None:
        sent = _send(assoc, current, clock)
        following = next(instances, None) if assoc.is_open else None
        yield _await_outcome(assoc, sent, clock) if isinstance(sent, _InFlight) else sent
        if following is not None and not assoc.is_open:
            over = AssociationLost(faults.ASSOCIATION_OVER, peer=assoc.peer)
            yield StoreOutcome(following, None, over)
            return
        current = following


def _send(assoc: StoreChannel, instance: OutgoingInstance, clock: Clock) -> _InFlight | StoreOutcome:
    if instance.length <= 0 or instance.length % 2:
        return StoreOutcome(instance, None, _not_sendable(faults.LENGTH_ODD, instance, length=instance.length))
    try:
        context_id = assoc.required_context(instance.sop_class_uid, instance.transfer_syntax_uid)
    except TolmachError as error:
        return StoreOutcome(instance, None, error)
    started, message_id = clock(), assoc.next_message_id()
    request = CStoreRequest(
        message_id, instance.sop_class_uid, instance.sop_instance_uid, move_originator=instance.move_originator
    )
    data = DataPdus(context_id, instance.length, assoc.fragment_length, assoc.command_pdus(context_id, request))
    begun = False
    try:
        for batch in data.batches(instance.chunks()):
            begun = True
            assoc.send(batch)
    except (LengthLies, TolmachError) as trouble:
        # Part of a PDU may be out already, so that even an A-ABORT would be read as pixels: only closing is honest.
        if begun:
            assoc.close()
        if isinstance(trouble, TolmachError):
            return StoreOutcome(instance, None, trouble, may_be_stored=True)
        changed = _not_sendable(faults.LENGTH_LIES, instance, declared=instance.length, found=trouble.found)
        return StoreOutcome(instance, None, changed)
    return _InFlight(instance, context_id, message_id, started)


def _await_outcome(assoc: StoreChannel, sent: _InFlight, clock: Clock) -> StoreOutcome:
    instance = sent.instance
    try:
        answer = assoc.await_response(sent.context_id)
    except TolmachError as error:
        return StoreOutcome(instance, None, error, may_be_stored=True)
    mismatch = _mismatch(assoc, sent, answer)
    if mismatch is not None:
        assoc.abort()
        return StoreOutcome(instance, None, mismatch, may_be_stored=True)
    assert isinstance(answer, CStoreResponse)
    response = StoreResponse(answer.status, clock() - sent.started, answer.error_comment)
    facts = {"peer": assoc.peer, "status": f"{answer.status:04X}", "comment": sentence_of(answer.error_comment)}
    return StoreOutcome(instance, response, store_error(answer.status, facts))


def _mismatch(assoc: StoreChannel, sent: _InFlight, answer: object) -> TolmachError | None:
    """Give the error of an answer that is not the answer to this instance, whatever status it carries."""
    if not isinstance(answer, CStoreResponse):
        return ProtocolViolation(
            faults.PROTOCOL_VIOLATION, peer=assoc.peer, detail="C-STORE was not answered by C-STORE"
        )
    if answer.message_id != sent.message_id:
        return StoreFailedForNow(
            faults.WRONG_MESSAGE_ID, peer=assoc.peer, expected=sent.message_id, received=answer.message_id
        )
    expected = sent.instance.sop_instance_uid
    if answer.sop_instance_uid and answer.sop_instance_uid != expected:
        return StoreFailedForNow(
            faults.WRONG_SOP_INSTANCE_UID, peer=assoc.peer, expected=expected, received=answer.sop_instance_uid
        )
    return None


def _not_sendable(fault: Fault, instance: OutgoingInstance, **facts: object) -> InstanceNotSendable:
    return InstanceNotSendable(fault, sop_instance_uid=instance.sop_instance_uid, **facts)
