"""The SCU's side of one association: opened, negotiated, spoken over, released or aborted.

Standard: PS3.8 sections 7 and 9.2 (the requestor's half of the state table, with one operation at a time).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self, TypeVar

from tolmach.adapters.dimse import faults, pdu, pdu_codec
from tolmach.adapters.dimse.addresses import PeerAddress, parse_ae_title
from tolmach.adapters.dimse.command_set import CommandSet, encode_command_set, parse_command_set
from tolmach.adapters.dimse.connecting import connect
from tolmach.adapters.dimse.dimse import COMMAND_LIMIT, Command, MalformedCommand, encode_command, parse_command
from tolmach.adapters.dimse.errors import (
    AssociationAborted,
    AssociationLost,
    ContextNotAccepted,
    PeerTimeout,
    ProtocolViolation,
)
from tolmach.adapters.dimse.rejections import RECEIVE_PDU_LENGTH, aborted, await_accept
from tolmach.adapters.dimse.stream import Clock
from tolmach.adapters.dimse.timeouts import Timeouts
from tolmach.adapters.dimse.transport import Transport
from tolmach.base import TolmachError
from tolmach.dicom import uids

if TYPE_CHECKING:
    from tolmach.adapters.dimse.tls import TlsClient

DEFAULT_CALLING_AE_TITLE = "TOLMACH"
SEND_PDU_CAP = 1 << 18  # a peer without a limit gets PDUs of this size: larger ones are no faster and cost it memory
HIGHEST_MESSAGE_ID = 0xFFFF
MESSAGE_LIMIT = 4 << 20  # bytes of the data set of one message that is not an instance


Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Message:
    """A command with its data set, empty where there is none, and the presentation context it came on."""

    context_id: int
    command: CommandSet
    data: bytes


class Association:
    """An open association with one peer; one thread at a time, one operation at a time.

    As a context manager it is released at the end, or aborted when an exception passes through.
    """

    def __init__(
        self,
        transport: Transport,
        peer: PeerAddress,
        proposed: Sequence[pdu.PresentationContext],
        accept: pdu.AssociateAccept,
        timeouts: Timeouts,
        clock: Clock,
    ) -> None:
        """Take over a negotiated connection; use `open` instead."""
        self.peer = peer
        self.fragment_length = _fragment_length(accept.user_information.max_pdu_length)
        self.implementation_version_name = accept.user_information.implementation_version_name
        self._transport = transport
        self._timeouts = timeouts
        self._clock = clock
        self._proposed = {context.context_id: context for context in proposed}
        self._results = {result.context_id: result for result in accept.results}
        self._accepted = self._accepted_contexts()
        self._message_id = 0
        self._pdvs: Iterator[pdu.Pdv] = iter(())
        self._awaiting = False
        self._open = True

    @classmethod
    def open(
        cls,
        peer: PeerAddress,
        contexts: Sequence[pdu.PresentationContext],
        calling_ae_title: str = DEFAULT_CALLING_AE_TITLE,
        timeouts: Timeouts | None = None,
        clock: Clock = time.monotonic,
        tls: TlsClient | None = None,
        roles: Sequence[pdu.RoleSelection] = (),
        extended: Sequence[tuple[str, bytes]] = (),
    ) -> Self:
        """Connect and negotiate, over TLS if it is given; afterwards some of the contexts are accepted, maybe none.

        Raises `PeerUnreachable`, `AssociationRejected`, `AssociationRejectedForNow`, `AssociationAborted`,
        `AssociationLost`, `PeerTimeout`, `ProtocolViolation`, `BadAddress`, `TlsRefused`, `TlsFailed`. May be repeated.
        """
        timeouts = timeouts or Timeouts()
        calling_ae_title = parse_ae_title(calling_ae_title)
        stream = connect(peer, timeouts, clock, tls)
        transport = Transport(stream, str(peer), timeouts, clock)
        try:
            request = pdu.AssociateRequest(
                called_ae_title=peer.ae_title,
                calling_ae_title=calling_ae_title,
                contexts=tuple(contexts),
                user_information=pdu.UserInformation(RECEIVE_PDU_LENGTH, roles=tuple(roles), extended=tuple(extended)),
            )
            transport.send([pdu_codec.encode_associate_rq(request)])
            accept = await_accept(transport, peer, calling_ae_title, timeouts, clock)
            return cls(transport, peer, contexts, accept, timeouts, clock)
        except TolmachError:
            transport.close()
            raise

    @property
    def is_open(self) -> bool:
        """Whether another operation may be tried; a peer that went away silently is not noticed before that."""
        return self._open

    # Presentation contexts --------------------------------------------------------------------------------------------

    def context_for(self, sop_class_uid: str, transfer_syntax_uid: str) -> int | None:
        """Give the id of the accepted context for exactly this pair, or None."""
        return self._accepted.get((sop_class_uid, transfer_syntax_uid))

    def syntax_of(self, context_id: int) -> str:
        """Give the transfer syntax that was agreed on for a context; empty where it was not accepted."""
        found = (syntax for (_sop_class, syntax), known in self._accepted.items() if known == context_id)
        return next(found, "")

    def required_context(self, sop_class_uid: str, transfer_syntax_uid: str) -> int:
        """Give the id of the accepted context, or raise `ContextNotAccepted` that says what the peer lacks."""
        context_id = self._accepted.get((sop_class_uid, transfer_syntax_uid))
        if context_id is not None:
            return context_id
        facts = {
            "peer": self.peer,
            "sop_class": uids.name_of(sop_class_uid),
            "transfer_syntax": uids.name_of(transfer_syntax_uid),
        }
        proposed = [c for c in self._proposed.values() if c.abstract_syntax == sop_class_uid]
        if not any(transfer_syntax_uid in context.transfer_syntaxes for context in proposed):
            raise ContextNotAccepted(faults.CONTEXT_NOT_PROPOSED, **facts)
        reasons = {self._results[c.context_id].result for c in proposed if c.context_id in self._results}
        if reasons <= {pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED}:
            raise ContextNotAccepted(faults.SOP_CLASS_NOT_ACCEPTED, **facts)
        raise ContextNotAccepted(faults.TRANSFER_SYNTAX_NOT_ACCEPTED, **facts)

    def _accepted_contexts(self) -> dict[tuple[str, str], int]:
        accepted: dict[tuple[str, str], int] = {}
        for context_id, context in self._proposed.items():
            result = self._results.get(context_id)
            # An acceptor that answers with a syntax we did not offer has not accepted what we can send.
            if result and result.result == pdu.ACCEPTANCE and result.transfer_syntax in context.transfer_syntaxes:
                accepted.setdefault((context.abstract_syntax, result.transfer_syntax), context_id)
        return accepted

    # Messages ---------------------------------------------------------------------------------------------------------

    def next_message_id(self) -> int:
        """Give the next Message ID: 1 to 65535, then from 1 again."""
        self._message_id = self._message_id % HIGHEST_MESSAGE_ID + 1
        return self._message_id

    def command_pdus(self, context_id: int, command: Command) -> list[pdu.Buffer]:
        """Encode a command as P-DATA-TF buffers for this peer; nothing is sent."""
        return self._pdus(context_id, encode_command(command), is_command=True)

    def _pdus(self, context_id: int, raw: bytes, *, is_command: bool) -> list[pdu.Buffer]:
        view = memoryview(raw)
        buffers: list[pdu.Buffer] = []
        for start in range(0, len(view), self.fragment_length):
            fragment = view[start : start + self.fragment_length]
            is_last = start + len(fragment) == len(view)
            header = pdu_codec.encode_p_data_header(context_id, len(fragment), is_command=is_command, is_last=is_last)
            buffers += (header, fragment)
        return buffers

    def send_message(self, context_id: int, command: CommandSet, data: bytes = b"") -> None:
        """Send a command of any service and its small data set; raises as `send` does."""
        buffers = self._pdus(context_id, encode_command_set(command), is_command=True)
        self.send(buffers + self._pdus(context_id, data, is_command=False))
        # A response leaves nobody waiting for the peer.
        self._awaiting = self._awaiting and not command.is_response

    def send(self, buffers: Sequence[pdu.Buffer]) -> None:
        """Bring bytes of a request to the kernel; from the first one on an answer is awaited.

        When sending fails because the peer aborted, the abort is what is raised.
        """
        if not self._open:
            raise AssociationLost(faults.ASSOCIATION_OVER, peer=self.peer)
        self._awaiting = True
        try:
            self._transport.send(buffers)
        except AssociationLost as lost:
            self._explain(lost)
        except TolmachError:
            self.abort()
            raise

    def await_response(self, context_id: int) -> Command:
        """Give the next command the peer sends on this context; it belongs to the request sent last.

        Any error ends the association: `PeerTimeout`, `AssociationLost`, `AssociationAborted`, `ProtocolViolation`.
        """
        return self._await(lambda deadline: self._read_command(context_id, deadline))

    def await_message(self, seconds: float | None = None, data_limit: int = MESSAGE_LIMIT) -> Message:
        """Give the next message of the peer, whatever it is, with its data set; raises as `await_response` does."""
        message = self._await(lambda deadline: self._read_message(deadline, data_limit), seconds)
        self._awaiting = message.command.is_response and not message.command.is_final
        return message

    def await_command(self, seconds: float | None = None) -> tuple[int, CommandSet]:
        """Give the next command and its context; a data set behind it is read by `receive_data`, before anything else.

        Raises as `await_response` does.
        """

        def read(deadline: float) -> tuple[int, CommandSet]:
            context_id, raw = self._read_fragments(deadline, is_command=True, limit=COMMAND_LIMIT)
            return context_id, parse_command_set(raw)

        return self._await(read, seconds)

    def receive_data(self, context_id: int, take: Callable[[memoryview], None]) -> None:
        """Give a data set of any length to `take`, piece by piece as it comes; each piece dies when `take` returns.

        Raises as `await_response` does.
        """
        while not self._await(lambda deadline: self._take_piece(context_id, deadline, take)):
            pass

    def _take_piece(self, context_id: int, deadline: float, take: Callable[[memoryview], None]) -> bool:
        pdv = self._next_pdv(deadline)
        if pdv.is_command or pdv.context_id != context_id:
            raise pdu.MalformedPdu("the fragments of two messages, or of command and data, are mixed")
        take(pdv.fragment)
        return pdv.is_last

    def is_addressed(self, seconds: float) -> bool:
        """Wait for the peer to begin a message; False when it does not, and the association is as it was."""
        if not self._open:
            raise AssociationLost(faults.ASSOCIATION_OVER, peer=self.peer)
        return self._transport.has_more(self._clock() + seconds)

    def _await(self, read: Callable[[float], Answer], seconds: float | None = None) -> Answer:
        if not self._open:
            raise AssociationLost(faults.ASSOCIATION_OVER, peer=self.peer)
        seconds = self._timeouts.dimse_timeout_seconds if seconds is None else seconds
        try:
            answer = read(self._clock() + seconds)
        except TimeoutError as error:
            self.abort()
            raise PeerTimeout(faults.RESPONSE_TIMEOUT, peer=self.peer, seconds=round(seconds, 1)) from error
        except (ProtocolViolation, PeerTimeout):
            self.abort()
            raise
        except (pdu.MalformedPdu, MalformedCommand) as error:
            self.abort()
            raise ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=self.peer, detail=error) from error
        except TolmachError:
            self.close()
            raise
        self._awaiting = False
        return answer

    def _read_command(self, context_id: int, deadline: float) -> Command:
        read_on, raw = self._read_fragments(deadline, is_command=True, limit=COMMAND_LIMIT)
        if read_on != context_id:
            raise pdu.MalformedPdu("an answer on a context that nothing was asked on")
        return parse_command(raw)

    def _read_message(self, deadline: float, data_limit: int) -> Message:
        context_id, raw = self._read_fragments(deadline, is_command=True, limit=COMMAND_LIMIT)
        command, data = parse_command_set(raw), bytearray()
        if command.has_data_set:
            data_context, data = self._read_fragments(deadline, is_command=False, limit=data_limit)
            if data_context != context_id:
                raise pdu.MalformedPdu("a data set on another context than its command")
        return Message(context_id, command, bytes(data))

    def _read_fragments(self, deadline: float, *, is_command: bool, limit: int) -> tuple[int, bytearray]:
        """Give a whole command set or data set, and the context it came on."""
        raw = bytearray()
        context_id: int | None = None
        while True:
            pdv = self._next_pdv(deadline)
            if pdv.is_command != is_command or context_id not in (None, pdv.context_id):
                raise pdu.MalformedPdu("the fragments of two messages, or of command and data, are mixed")
            context_id = pdv.context_id
            raw += pdv.fragment
            if len(raw) > limit:
                raise pdu.MalformedPdu(f"{'command' if is_command else 'data'} set longer than {limit} bytes")
            if pdv.is_last:
                return context_id, raw

    def _next_pdv(self, deadline: float) -> pdu.Pdv:
        while (pdv := next(self._pdvs, None)) is None:
            self._pdvs = iter(pdu_codec.parse_pdvs(self._read_p_data(deadline)))
        return pdv

    def _read_p_data(self, deadline: float) -> memoryview:
        pdu_type, body = self._transport.read_pdu(deadline, RECEIVE_PDU_LENGTH)
        if pdu_type == pdu.P_DATA_TF:
            return body
        if pdu_type == pdu.ABORT:
            raise aborted(self.peer, body)
        if pdu_type == pdu.RELEASE_RQ:
            self._transport.send([pdu_codec.encode_release_rp()])
            raise AssociationAborted(faults.RELEASED_BY_PEER, peer=self.peer)
        raise ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=self.peer, detail=f"unexpected PDU {pdu_type:02X}H")

    def _explain(self, lost: AssociationLost) -> NoReturn:
        """Raise the abort that the peer sent before it closed, or else the loss itself."""
        try:
            self._read_p_data(self._clock() + self._timeouts.header_timeout_seconds)
        except AssociationAborted as aborted:
            raise aborted from lost
        except (TolmachError, TimeoutError):
            raise lost from None
        finally:
            self.close()
        raise lost

    # Ending -----------------------------------------------------------------------------------------------------------

    def release(self) -> bool:
        """End the association; True when the peer confirmed it. May be repeated.

        A peer that drops A-RELEASE is no error: every answer was read before. While an answer is outstanding the
        association is aborted instead, because a release then would let the peer believe that all is well.
        """
        if not self._open:
            return False
        if self._awaiting:
            self.abort()
            return False
        try:
            self._transport.send([pdu_codec.encode_release_rq()])
            return self._await_release(self._clock() + self._timeouts.acse_timeout_seconds)
        except (TolmachError, TimeoutError):
            return False
        finally:
            self.close()

    def _await_release(self, deadline: float) -> bool:
        while True:
            pdu_type, _ = self._transport.read_pdu(deadline, RECEIVE_PDU_LENGTH)
            if pdu_type == pdu.RELEASE_RQ:  # both sides at once: PS3.8 section 7.2.2.7, the requestor answers first
                self._transport.send([pdu_codec.encode_release_rp()])
            elif pdu_type != pdu.P_DATA_TF:
                return pdu_type == pdu.RELEASE_RP

    def abort(self) -> None:
        """End the association at once and tell the peer, as far as it listens; may be repeated."""
        if self._open:
            try:
                self._transport.send([pdu_codec.encode_abort(pdu.Abort(pdu.ABORT_BY_USER))])
            except TolmachError:
                # The peer is gone already, which is all that an abort asks for.
                pass
            finally:
                self._open = False
                self._transport.close_gently()

    def shut(self) -> None:
        """Make every wait of this association end with `AssociationLost`; the one thing another thread may call."""
        self._transport.shut()

    def close(self) -> None:
        """Close the connection without a word to the peer; may be repeated."""
        self._open = False
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()


def _fragment_length(peer_max_pdu_length: int) -> int:
    """Give the even number of data bytes that fit in one P-DATA-TF for a peer with this limit (0: none)."""
    limit = min(peer_max_pdu_length or SEND_PDU_CAP, SEND_PDU_CAP)
    return max(limit, pdu.SMALLEST_PEER_PDU) - pdu.PDV_OVERHEAD & ~1
