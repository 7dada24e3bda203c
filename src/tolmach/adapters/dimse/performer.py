"""What our own upper layer serves beyond Storage and Verification, on one association.

Requests are read by the thread of the association and served in a thread of their own, so that a C-CANCEL is heard
while a query is answered, and the answer of a C-GET's sub-operation while the next instance is opened.

Standard: PS3.7 sections 7 and 8 (services), annex D.3.3.4 (role selection) and D.3.3.5 (extended negotiation).
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tolmach.adapters.dimse import faults, pdu
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.command_set import (
    AFFECTED_SOP_CLASS_UID,
    C_CANCEL_RQ,
    REQUESTED_SOP_CLASS_UID,
    CommandSet,
)
from tolmach.adapters.dimse.errors import ProtocolViolation
from tolmach.adapters.dimse.message_data import encoding_of
from tolmach.adapters.dimse.operation import Operation
from tolmach.adapters.dimse.peer_line import PeerLine
from tolmach.adapters.dimse.relayed_service import MESSAGE_LIMIT, Perform, RelayedService
from tolmach.adapters.dimse.rights import is_granted, is_storage
from tolmach.adapters.dimse.stream import Clock
from tolmach.adapters.dimse.transport import Transport
from tolmach.base import TolmachError
from tolmach.dicom import uids

log = logging.getLogger(__name__)

SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
UNRECOGNISED_OPERATION: Final = 0x0211
TRANSFER_SYNTAXES_NOT_SUPPORTED: Final = 4  # Standard: PS3.8 table 9-18
GRACE_SECONDS: Final = 1.0
REPLY_LIMIT: Final = 1 << 16  # bytes of a data set behind an answer to us, which nobody needs


@dataclass(frozen=True, slots=True)
class _Context:
    """An accepted context and what is served on it."""

    abstract_syntax: str
    transfer_syntax: str
    performs: Mapping[int, Perform]
    message_limit: int


class Performer:
    """Serves the contexts of one association that are ours; see `Relay` for who calls what."""

    def __init__(
        self,
        request: pdu.AssociateRequest,
        contexts: Sequence[pdu.PresentationContext],
        services: Sequence[RelayedService],
        caller: Caller,
        peer_host: str,
        clock: Clock,
    ) -> None:
        """Decide what is answered to these contexts of the request; nothing is served before `start`."""
        by_class = _services_by_class(services)
        results = tuple(_result(context, by_class.get(context.abstract_syntax)) for context in contexts)
        self._known = dict(_accepted(contexts, results, by_class))
        self._extended = dict(_negotiated(request, by_class))
        self.accept = pdu.AssociateAccept(
            "",
            "",
            results,
            pdu.UserInformation(
                0, roles=tuple(_roles(request, contexts, caller)), extended=tuple(self._extended.items())
            ),
        )
        self.contexts = frozenset(self._known)
        self._peer = f"{request.calling_ae_title}@{peer_host}"
        self._caller, self._clock = caller, clock
        self.line = PeerLine(self._peer, request.user_information.max_pdu_length)
        # Where each (SOP class, transfer syntax) may be sent: C-GET asks for it.
        self.line_contexts = {
            (one.abstract_syntax, one.transfer_syntax): context_id for context_id, one in self._known.items()
        }
        self._state = threading.Lock()
        self._asked: Operation | None = None  # by the peer, and not yet answered for the last time
        self._coming = bytearray()
        self._coming_for: Operation | None = None
        self._left = 0
        self._todo: queue.SimpleQueue[Operation | None] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None
        self._on_lost: Callable[[], None] | None = None
        self._is_over = False

    def start(self, outer: Transport, sending: threading.Lock, on_lost: Callable[[], None]) -> None:
        """Serve from now on; `on_lost` is called once when we cannot go on."""
        self.line.connect(outer, sending)
        self._on_lost = on_lost

    @property
    def is_working(self) -> bool:
        """Whether the peer waits for our answer."""
        with self._state:
            return self._asked is not None

    # From the peer ----------------------------------------------------------------------------------------------------

    def take_command(self, context_id: int, command: CommandSet) -> None:
        """Take a whole command set; raises `ProtocolViolation` for one that may not come now."""
        self._coming_for, self._left = None, REPLY_LIMIT
        if command.is_response:
            if not self.line.take_answer(command):
                raise self._violation("a response that nothing was asked for")
        elif command.command_field == C_CANCEL_RQ:
            self._take_cancel(command)
        else:
            self._take_request(context_id, command)

    def take_data(self, fragment: memoryview, *, is_last: bool) -> None:
        """Take a fragment of the data set that belongs to the last command; raises `ProtocolViolation`."""
        if len(fragment) > self._left:
            raise self._violation("a message longer than its service allows")
        self._left -= len(fragment)
        operation = self._coming_for
        if operation is None:
            return
        self._coming += fragment
        if is_last:
            operation.data, self._coming = bytes(self._coming), bytearray()
            self._begin(operation)

    def _take_cancel(self, command: CommandSet) -> None:
        if command.has_data_set:
            raise self._violation("C-CANCEL with a data set")
        with self._state:
            operation = self._asked
        if operation is not None and operation.command.message_id == command.message_id:
            operation.cancel()

    def _take_request(self, context_id: int, command: CommandSet) -> None:
        context = self._known[context_id]
        operation = Operation(
            line=self.line,
            caller=self._caller,
            peer=self._peer,
            context_id=context_id,
            abstract_syntax=context.abstract_syntax,
            encoding=encoding_of(context.transfer_syntax)
            if context.performs
            else encoding_of(uids.ImplicitVRLittleEndian),
            transfer_syntax_uid=context.transfer_syntax,
            command=command,
            extended=self._extended.get(context.abstract_syntax, b""),
            on_final=self._note_final,
            contexts=self.line_contexts,
            clock=self._clock,
        )
        with self._state:
            if self._asked is not None:
                # Nobody has negotiated asynchronous operations with us.
                raise self._violation("a request while another one is not answered")
            self._asked = operation
        if command.has_data_set:
            self._coming_for, self._left, self._coming = operation, context.message_limit, bytearray()
        else:
            self._begin(operation)

    def _begin(self, operation: Operation) -> None:
        self._coming_for = None
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name=f"services of {self._peer}", daemon=True)
            self._worker.start()
        self._todo.put(operation)

    # Serving ----------------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        is_well = False
        try:
            while (operation := self._todo.get()) is not None:
                self._perform(operation)
            is_well = True
        except TolmachError as error:
            if not self._is_over:
                log.info("%s: an answer could not be given: %s", self._peer, error)
        finally:
            if not is_well:
                self._give_up()

    def _perform(self, operation: Operation) -> None:
        """Serve one request to its final response."""
        known = self._known[operation.context_id]
        perform = known.performs.get(operation.command.command_field)
        command = operation.command
        named = command.text(AFFECTED_SOP_CLASS_UID) or command.text(REQUESTED_SOP_CLASS_UID)
        if perform is None:
            operation.fail(UNRECOGNISED_OPERATION, "not an operation of this service")
        elif named != known.abstract_syntax:
            operation.fail(SOP_CLASS_NOT_SUPPORTED, "not the SOP class of the presentation context")
        else:
            perform(operation)
        assert operation.is_answered, "a service left its request without a final response"

    def _note_final(self, operation: Operation) -> None:
        with self._state:
            if self._asked is operation:
                self._asked = None

    def _give_up(self) -> None:
        self.line.end()
        with self._state:
            was_over, self._is_over, self._asked = self._is_over, True, None
        if not was_over and self._on_lost is not None:
            self._on_lost()

    # Ending -----------------------------------------------------------------------------------------------------------

    def close(self, *, released: bool) -> None:
        """End what is being served, because the association has ended; returns when nothing more is done for it."""
        with self._state:
            self._is_over = True
            asked = self._asked
        self.line.end()
        if asked is not None and not released:
            asked.cancel()
        self._todo.put(None)
        if self._worker is not None:
            self._worker.join(GRACE_SECONDS)
            if self._worker.is_alive():  # it may wait for a peer that takes nothing
                self.line.abandon()
            self._worker.join()

    def _violation(self, detail: str) -> ProtocolViolation:
        return ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=self._peer, detail=detail)


# Negotiation ----------------------------------------------------------------------------------------------------------


def _services_by_class(services: Sequence[RelayedService]) -> Mapping[str, Sequence[RelayedService]]:
    by_class: dict[str, list[RelayedService]] = {}
    for service in services:
        for uid in service.abstract_syntaxes:
            by_class.setdefault(uid, []).append(service)
    return by_class


def _result(context: pdu.PresentationContext, services: Sequence[RelayedService] | None) -> pdu.ContextResult:
    """Answer to one context: services in the syntax they like best, instances in the one most of them can go out in."""
    offered = context.transfer_syntaxes
    if services is None:
        # Whatever is not compressed can become Implicit VR Little Endian, and nothing else.
        wanted = uids.ImplicitVRLittleEndian if uids.ImplicitVRLittleEndian in offered else offered[0]
        return pdu.ContextResult(context.context_id, pdu.ACCEPTANCE, wanted)
    found = next((syntax for one in services for syntax in one.transfer_syntaxes if syntax in offered), None)
    if found is None:
        return pdu.ContextResult(context.context_id, TRANSFER_SYNTAXES_NOT_SUPPORTED, offered[0])
    return pdu.ContextResult(context.context_id, pdu.ACCEPTANCE, found)


def _accepted(
    contexts: Sequence[pdu.PresentationContext],
    results: Sequence[pdu.ContextResult],
    by_class: Mapping[str, Sequence[RelayedService]],
) -> Iterator[tuple[int, _Context]]:
    for context, result in zip(contexts, results, strict=True):
        if result.result == pdu.ACCEPTANCE:
            services = by_class.get(context.abstract_syntax, ())
            performs = {field: perform for one in services for field, perform in one.performs.items()}
            limit = max((one.message_limit for one in services), default=MESSAGE_LIMIT)
            yield context.context_id, _Context(context.abstract_syntax, result.transfer_syntax, performs, limit)


def _roles(
    request: pdu.AssociateRequest, contexts: Sequence[pdu.PresentationContext], caller: Caller
) -> Iterator[pdu.RoleSelection]:
    """Let the caller be what it asked for; to be the SCU of a storage class takes the right to store."""
    known = {context.abstract_syntax for context in contexts}
    for role in request.user_information.roles:
        if role.sop_class_uid in known:
            may_ask = not is_storage(role.sop_class_uid) or is_granted(role.sop_class_uid, caller.rights)
            yield pdu.RoleSelection(role.sop_class_uid, role.scu and may_ask, role.scp)


def _negotiated(
    request: pdu.AssociateRequest, by_class: Mapping[str, Sequence[RelayedService]]
) -> Iterator[tuple[str, bytes]]:
    for uid, raw in request.user_information.extended:
        for service in by_class.get(uid, ()):
            if service.negotiate is not None:
                yield uid, service.negotiate(raw)
