"""Between a peer and an association of pynetdicom: whole, checked messages one way, its answers the other way.

pynetdicom believes what a header declares, collects messages without end, and waits where it should not. So it never
holds the peer's socket: our side reads every PDU with all limits and deadlines, and passes on fragments of messages
that are grammatical, one request at a time, none longer than the limit. Nothing that a peer may send makes it hold more
than one message, and its own limits cannot lock us out, because it has none here.

Standard: PS3.7 section 6.3.1 (messages), PS3.8 annex E (fragments).
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Self

from tolmach.adapters.dimse import faults, pdu, pdu_codec
from tolmach.adapters.dimse.addresses import is_ae_title
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.command_set import C_CANCEL_RQ, CommandSet, encode_command_set, parse_command_set
from tolmach.adapters.dimse.dimse import COMMAND_LIMIT, MalformedCommand
from tolmach.adapters.dimse.errors import ProtocolViolation
from tolmach.adapters.dimse.relayed_service import MESSAGE_LIMIT, RelayedService
from tolmach.adapters.dimse.stream import Clock, Stream
from tolmach.adapters.dimse.timeouts import Timeouts
from tolmach.adapters.dimse.transport import Transport
from tolmach.base import TolmachError

log = logging.getLogger(__name__)

LONGEST_ANSWER = 1 << 17  # the PDU of pynetdicom's answers, where the peer would take even longer ones
ANSWER_PDU_LIMIT = 1 << 20
NEGOTIATION_SECONDS = 10.0
ANSWER_SECONDS = 600.0  # from a request to its last response
RELEASE_SECONDS = 1.0
# How long the pump sleeps at most before it looks whether it is still wanted.
_LOOK_AGAIN_SECONDS = 3600.0


class Relay:
    """One association of pynetdicom behind a local pair of sockets, already negotiated.

    `take_command` and `take_data` are called by the thread that reads from the peer; a thread of its own sends the
    answers. `sending` is held for the length of a message, so that messages of two engines never mix.
    """

    def __init__(self, inner: Transport, accept: pdu.AssociateAccept, peer: str, clock: Clock) -> None:
        """Take over our end of the pair; `accept` is what pynetdicom has answered there. Use `open` instead."""
        self.accept = accept
        self.contexts = frozenset(one.context_id for one in accept.results if one.result == pdu.ACCEPTANCE)
        self._inner = inner
        self._peer = peer
        self._clock = clock
        self._state = threading.Lock()
        self._asked: CommandSet | None = None  # by the peer, and not yet answered for the last time
        self._asked_at = 0.0
        self._cancelled = False
        self._own_request: int | None = None  # Message ID of what pynetdicom asks the peer
        self._is_over = False
        self._left = 0  # bytes of a data set that may still come
        self._context_id = 0  # on this context
        self._pump: threading.Thread | None = None

    @classmethod
    def open(
        cls,
        request: pdu.AssociateRequest,
        contexts: tuple[pdu.PresentationContext, ...],
        services: Sequence[RelayedService],
        caller: Caller,
        peer_host: str,
        clock: Clock,
    ) -> Self:
        """Let pynetdicom answer to these contexts of the request; the first time loads it, which takes a second.

        Raises `AssociationLost`, `PeerTimeout`, `ProtocolViolation`, `ValueError`, `OSError` when it does not answer.
        """
        from tolmach.adapters.dimse.pynetdicom_engine import serve_association

        peer = f"{request.calling_ae_title}@{peer_host}"
        theirs = _request_for(request, contexts)
        ours, other = socket.socketpair()
        inner = Transport(Stream(ours, clock), peer, Timeouts(), clock)
        try:
            serve_association(other, theirs, services, caller, peer_host)
            inner.send([pdu_codec.encode_associate_rq(theirs)])
            pdu_type, body = inner.read_pdu(clock() + NEGOTIATION_SECONDS, ANSWER_PDU_LIMIT)
            if pdu_type != pdu.ASSOCIATE_AC:
                raise ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=peer, detail=f"PDU {pdu_type:02X}H inside")
            return cls(inner, pdu_codec.parse_associate_ac(body), peer, clock)
        except BaseException:
            inner.close()
            other.close()
            raise

    def start(self, outer: Transport, sending: threading.Lock, on_lost: Callable[[], None]) -> None:
        """Send answers from now on; `on_lost` is called once when pynetdicom has given up before us."""
        self._pump = threading.Thread(
            target=self._send_answers, args=(outer, sending, on_lost), name="storage-scp relay", daemon=True
        )
        self._pump.start()

    @property
    def is_working(self) -> bool:
        """Whether the peer waits for our answer, and has not done so for too long."""
        with self._state:
            return self._asked is not None and self._clock() < self._asked_at + ANSWER_SECONDS

    # From the peer ----------------------------------------------------------------------------------------------------

    def take_command(self, context_id: int, command: CommandSet) -> None:
        """Pass on a whole command set; raises `ProtocolViolation` for one that may not come now."""
        if command.is_response:
            self._expect(command)
        elif command.command_field == C_CANCEL_RQ:
            if not self._take_cancel(command):
                return
        else:
            self._take_request(command)
        self._left, self._context_id = MESSAGE_LIMIT if command.has_data_set else 0, context_id
        raw = memoryview(encode_command_set(command))
        self._pass_on(context_id, raw, is_command=True, is_last=True)

    def take_data(self, fragment: memoryview, *, is_last: bool) -> None:
        """Pass on a fragment of the data set that belongs to the last command; raises `ProtocolViolation`."""
        if len(fragment) > self._left:
            raise self._violation(f"a message longer than {MESSAGE_LIMIT} bytes")
        self._left -= len(fragment)
        self._pass_on(self._context_id, fragment, is_command=False, is_last=is_last)

    def _expect(self, command: CommandSet) -> None:
        with self._state:
            if self._own_request != command.message_id:
                raise self._violation("a response that nothing was asked for")
            if command.is_final:
                self._own_request = None

    def _take_cancel(self, command: CommandSet) -> bool:
        """Tell whether there is something to cancel; said once, it is enough."""
        if command.has_data_set:
            raise self._violation("C-CANCEL with a data set")
        with self._state:
            is_new = self._asked is not None and self._asked.message_id == command.message_id and not self._cancelled
            self._cancelled = self._cancelled or is_new
            return is_new

    def _take_request(self, command: CommandSet) -> None:
        with self._state:
            if self._asked is not None:
                # Nobody has negotiated asynchronous operations with us.
                raise self._violation("a request while another one is not answered")
            self._asked, self._asked_at, self._cancelled = command, self._clock(), False

    def _pass_on(self, context_id: int, fragment: memoryview, *, is_command: bool, is_last: bool) -> None:
        header = pdu_codec.encode_p_data_header(context_id, len(fragment), is_command=is_command, is_last=is_last)
        self._inner.send([header, fragment])

    # To the peer ------------------------------------------------------------------------------------------------------

    def _send_answers(self, outer: Transport, sending: threading.Lock, on_lost: Callable[[], None]) -> None:
        answers = _Answers(self._peer)
        try:
            while (body := self._next_answer()) is not None:
                with sending:
                    self._send_message(answers, body, outer)
        except TolmachError as error:
            if not self._is_over:
                log.info("%s: an answer could not be given: %s", self._peer, error)
        with self._state:
            was_over, self._is_over = self._is_over, True
        if not was_over:
            on_lost()

    def _next_answer(self) -> memoryview | None:
        """Give the next P-DATA-TF of pynetdicom; None when no more will come."""
        while True:
            try:
                pdu_type, body = self._inner.read_pdu(self._clock() + _LOOK_AGAIN_SECONDS, ANSWER_PDU_LIMIT)
            except TimeoutError:
                continue
            return body if pdu_type == pdu.P_DATA_TF else None

    def _send_message(self, answers: _Answers, body: memoryview | None, outer: Transport) -> None:
        """Bring the message that begins with this PDU to the peer, to its end."""
        while body is not None:
            for command in answers.take(body):
                self._note(command)  # before the peer can react to it
            outer.send([pdu_codec.encode_header(pdu.P_DATA_TF, len(body)), body])
            if not answers.is_within:
                return
            body = self._next_answer()

    def _note(self, command: CommandSet) -> None:
        """Remember what a message to the peer means for what may come from it."""
        with self._state:
            if not command.is_response:
                self._own_request = command.message_id
            elif command.is_final and self._asked is not None and self._asked.message_id == command.message_id:
                self._asked = None

    # Ending -----------------------------------------------------------------------------------------------------------

    def close(self, *, released: bool) -> None:
        """End pynetdicom's association the way the peer's ended; returns when no answer can come any more."""
        with self._state:
            was_over, self._is_over = self._is_over, True
        try:
            if released and not was_over:
                self._inner.send([pdu_codec.encode_release_rq()])
                if self._pump is not None:
                    self._pump.join(RELEASE_SECONDS)
            elif not was_over:
                self._inner.send([pdu_codec.encode_abort(pdu.Abort(pdu.ABORT_BY_USER))])
        except TolmachError:
            # It is gone already.
            pass
        finally:
            self._inner.shut()
            if self._pump is not None:
                self._pump.join()
            self._inner.close()

    def _violation(self, detail: str) -> ProtocolViolation:
        return ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=self._peer, detail=detail)


def _request_for(request: pdu.AssociateRequest, contexts: tuple[pdu.PresentationContext, ...]) -> pdu.AssociateRequest:
    """Give the part of the request that is about these contexts, written anew."""
    asked, known = request.user_information, {context.abstract_syntax for context in contexts}
    return replace(
        request,
        # Where any called title goes, it may be one that pynetdicom does not take.
        called_ae_title=request.called_ae_title if is_ae_title(request.called_ae_title) else "ANY-SCP",
        contexts=contexts,
        user_information=pdu.UserInformation(
            # The peer's limit, so that the answers can go on to it as they are.
            min(asked.max_pdu_length or LONGEST_ANSWER, LONGEST_ANSWER),
            roles=tuple(role for role in asked.roles if role.sop_class_uid in known),
            extended=tuple((uid, raw) for uid, raw in asked.extended if uid in known),
        ),
    )


class _Answers:
    """Follows the messages of pynetdicom through their fragments: where one ends, and what it is."""

    def __init__(self, peer: str) -> None:
        self.is_within = False
        self._peer = peer
        self._command = bytearray()
        self._data_follow = False

    def take(self, body: memoryview) -> list[CommandSet]:
        """Give the commands that end in this PDU; afterwards `is_within` says whether a message goes on."""
        commands = []
        try:
            for pdv in pdu_codec.parse_pdvs(body):
                self.is_within = True
                if not pdv.is_command:
                    self.is_within = not pdv.is_last
                    continue
                self._command += pdv.fragment
                if len(self._command) > COMMAND_LIMIT:
                    raise MalformedCommand("command set too long")
                if pdv.is_last:
                    commands.append(parse_command_set(self._command))
                    self._command.clear()
                    self.is_within = commands[-1].has_data_set
        except (pdu.MalformedPdu, MalformedCommand) as error:
            raise ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=self._peer, detail=error) from error
        return commands
