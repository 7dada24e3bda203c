"""HL7 messages to one receiver over MLLP: a message counts as stored when its own acknowledgement says so.

Standard: HL7 v2.5.1 chapter 2, section 2.9 (original mode: one acknowledgement for each message, in order).
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tolmach.adapters.mllp.framing import MAX_MESSAGE, BadFrame, FrameReader, frame
from tolmach.base import N_, Fault, NeedsOperator, Problem, Refused, Retryable
from tolmach.delivery.interfaces import Outcome, OutcomeKind, Parcel
from tolmach.delivery.outcomes import ITEM_ERRORS, outcome_of_error
from tolmach.hl7.acknowledgement import MalformedMessage, Verdict, message_control_id, parse_acknowledgement

UNREACHABLE = Fault(
    "TLM-DLV-070",
    N_("{peer} cannot be reached: {why}."),
    N_("Check that the receiving program is running, and host and port in the settings; delivery goes on by itself."),
)
CONNECTION_LOST = Fault(
    "TLM-DLV-071",
    N_("The connection to {peer} ended before it acknowledged the message: {why}."),
    N_("Nothing to do: the message is sent again. If it lasts, look into the log of the receiving program."),
)
NO_ACKNOWLEDGEMENT = Fault(
    "TLM-DLV-072",
    N_("{peer} did not acknowledge the message within {seconds} s."),
    N_("Nothing to do: the message is sent again. If it lasts, look into the log of the receiving program."),
)
WRONG_ACKNOWLEDGEMENT = Fault(
    "TLM-DLV-073",
    N_("{peer} answered with something that is not the acknowledgement of this message: {why}."),
    N_("Nothing to do: the message is sent again. If it lasts, show this line to whoever looks after the receiver."),
)
NOT_ACCEPTED = Fault(
    "TLM-DLV-074",
    N_("{peer} did not accept the message ({code}): {text}"),
    N_("Correct the order or the patient there or here, then retry; the receiver's log says more."),
)
NO_MESSAGE = Fault(
    "TLM-DLV-075",
    N_("The object is no HL7 message that could be sent: {why}."),
    N_("Leave such objects out of this destination."),
)
NOT_TRUSTED = Fault(
    "TLM-DLV-076",
    N_("No encrypted connection to {peer} could be set up: {why}."),
    N_("Check the certificates and their dates on both sides, and that the port is the encrypted one."),
)

ACKNOWLEDGEMENT_LIMIT = 1 << 20
IDLE_SECONDS = 10.0
_RECEIVE = 1 << 14
_KINDS: dict[Verdict, OutcomeKind] = {"accepted": "stored", "later": "later", "refused": "refused"}


class ReceiverUnreachable(Retryable):
    """No connection came about."""


class ReceiverNotTrusted(NeedsOperator):
    """The receiver could not be told from a stranger."""


class ReceiverLost(Retryable):
    """The connection ended, was silent, or gave an answer that proves nothing."""


class NoMessage(Refused):
    """The object is no message, or cannot be framed."""


@dataclass(frozen=True, slots=True)
class MllpAddress:
    """Where a receiver listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """Write it as host:port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class MllpTimeouts:
    """Deadlines in seconds; each is for the whole of what it names."""

    connect_seconds: float = 10.0
    send_seconds: float = 30.0
    acknowledge_seconds: float = 30.0


class MllpSender:
    """Sends parcels to one receiver; see `delivery.interfaces.Sender`. One thread at a time.

    A message goes out as it is stored. With `tls` the connection is encrypted by that context.
    """

    def __init__(
        self,
        address: MllpAddress,
        timeouts: MllpTimeouts | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect at the first parcel."""
        self._address, self._timeouts, self._tls, self._clock = address, timeouts or MllpTimeouts(), tls, clock
        self._socket: socket.socket | None = None
        self._used_at = 0.0

    def send(self, parcels: Sequence[Parcel]) -> Iterator[Outcome]:
        """Send messages in order, each after the acknowledgement of the one before."""
        for parcel in parcels:
            number = parcel.line.delivery_id
            try:
                raw, control_id = _message_of(parcel)
            except ITEM_ERRORS as error:
                yield outcome_of_error(parcel.line, error)
                continue
            self._connect()
            try:
                answer = self._exchange(raw)
                yield self._outcome(number, control_id, answer)
            except ReceiverLost as error:
                self.close()
                yield Outcome(number, "later", problem=error.problem)
                raise

    def close(self) -> None:
        """Give up the connection; may be repeated."""
        kept, self._socket = self._socket, None
        if kept is not None:
            kept.close()

    def _outcome(self, number: int, control_id: str, answer: bytes) -> Outcome:
        """Read the answer; only the acknowledgement of this very message counts."""
        try:
            said = parse_acknowledgement(answer)
        except MalformedMessage as error:
            raise self._lost(WRONG_ACKNOWLEDGEMENT, why=error) from error
        if said.message_control_id != control_id:
            why = f"MSA-2 {said.message_control_id!r}, MSH-10 {control_id!r}"
            raise self._lost(WRONG_ACKNOWLEDGEMENT, why=why)
        if said.verdict == "accepted":
            return Outcome(number, "stored", said.code)
        code = f"{said.code} {said.error_code}".strip()
        problem = Problem(NOT_ACCEPTED, {"peer": self._address, "code": code, "text": said.text})
        return Outcome(number, _KINDS[said.verdict], said.code, problem)

    # The wire ---------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """Have a connection; one that was idle for long, or has something to say already, is not used again."""
        if self._socket is not None and (self._clock() - self._used_at > IDLE_SECONDS or _speaks(self._socket)):
            self.close()
        if self._socket is not None:
            return
        address, seconds = self._address, self._timeouts.connect_seconds
        try:
            plain = socket.create_connection((address.host, address.port), seconds)
        except (OSError, UnicodeError) as error:
            raise ReceiverUnreachable(UNREACHABLE, peer=address, why=_why(error)) from error
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._socket = plain if self._tls is None else self._tls.wrap_socket(plain, server_hostname=address.host)
        except ssl.SSLError as error:
            plain.close()
            raise ReceiverNotTrusted(NOT_TRUSTED, peer=address, why=_why(error)) from error
        except OSError as error:
            plain.close()
            raise ReceiverUnreachable(UNREACHABLE, peer=address, why=_why(error)) from error

    def _exchange(self, raw: bytes) -> bytes:
        """Send a frame and give the message of the next one that comes."""
        assert self._socket is not None
        reader, deadline = FrameReader(ACKNOWLEDGEMENT_LIMIT), 0.0
        try:
            self._socket.settimeout(self._timeouts.send_seconds)
            self._socket.sendall(raw)
            deadline = self._clock() + self._timeouts.acknowledge_seconds
            while True:
                left = deadline - self._clock()
                if left <= 0:
                    raise TimeoutError
                self._socket.settimeout(left)
                received = self._socket.recv(_RECEIVE)
                if not received:
                    raise self._lost(CONNECTION_LOST, why="EOF")
                found = reader.take(received)
                if found:
                    self._used_at = self._clock()
                    if len(found) > 1:  # what nobody asked for must not be taken for the next answer
                        self.close()
                    return found[0]
        except TimeoutError as error:
            seconds = self._timeouts.acknowledge_seconds if deadline else self._timeouts.send_seconds
            raise self._lost(NO_ACKNOWLEDGEMENT, seconds=round(seconds, 1)) from error
        except BadFrame as error:
            raise self._lost(WRONG_ACKNOWLEDGEMENT, why=error) from error
        except OSError as error:
            raise self._lost(CONNECTION_LOST, why=_why(error)) from error

    def _lost(self, fault: Fault, **facts: object) -> ReceiverLost:
        return ReceiverLost(fault, peer=self._address, **facts)


def _message_of(parcel: Parcel) -> tuple[bytes, str]:
    """Give the frame of a message and its control id; raises `NoMessage` and what opening the parcel raises."""
    with parcel.open() as content:
        size = content.stored.size
        if size > MAX_MESSAGE:
            raise NoMessage(NO_MESSAGE, why=f"{size} bytes")
        message = bytes(content.stored.read(0, size))
    try:
        return frame(message), message_control_id(message)
    except (BadFrame, MalformedMessage) as error:
        raise NoMessage(NO_MESSAGE, why=error) from error


def _speaks(kept: socket.socket) -> bool:
    """Tell whether a connection that should be silent is not: the receiver closed it, or says what nobody asked."""
    try:
        kept.settimeout(0)
        kept.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    return True


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
