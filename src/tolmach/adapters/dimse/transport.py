"""PDUs over a stream: read through one buffer, sent without copying, with a deadline on every wait."""

from __future__ import annotations

from collections.abc import Sequence

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.errors import AssociationLost, PeerTimeout, ProtocolViolation
from tolmach.adapters.dimse.pdu import HEADER_LENGTH, P_DATA_TF, PDV_OVERHEAD, Buffer, MalformedPdu
from tolmach.adapters.dimse.pdu_codec import check_length, parse_header, parse_length
from tolmach.adapters.dimse.stream import Clock, Stream
from tolmach.adapters.dimse.timeouts import Timeouts

__all__ = ["Clock", "Transport"]

READ_AHEAD = 1 << 14
READ_AHEAD_AT_MOST = 1 << 19  # fits the cache of a processor core, where the bytes are hashed and written from
DRAIN_SECONDS = 1.0
DRAIN_BYTES = 1 << 20


class Transport:
    """A stream that speaks in PDUs; used by one thread at a time."""

    def __init__(self, stream: Stream, peer: str, timeouts: Timeouts, clock: Clock) -> None:
        """Take over the stream; `peer` is the name for messages, `clock` is monotonic seconds."""
        self._stream = stream
        self._peer = peer
        self._timeouts = timeouts
        self._clock = clock
        self._buffer = memoryview(bytearray(READ_AHEAD))
        self._start = 0
        self._end = 0

    # Sending ----------------------------------------------------------------------------------------------------------

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Bring every byte of the buffers to the kernel; they may be reused afterwards. Not repeatable.

        Raises `PeerTimeout` when the peer takes nothing for too long, `AssociationLost` when the connection is gone.
        """
        patience = self._timeouts.network_timeout_seconds + self._seconds_for(sum(map(len, buffers)))
        rate_deadline = self._clock() + patience
        try:
            self._send(list(buffers), rate_deadline)
        except TimeoutError as error:
            seconds = round(self._timeouts.network_timeout_seconds, 1)
            raise PeerTimeout(faults.SEND_TIMEOUT, peer=self._peer, seconds=seconds) from error
        except OSError as error:
            raise self._lost(error) from error
        self._stream.ask_for_quick_acknowledgement()

    def _send(self, buffers: list[Buffer], rate_deadline: float) -> None:
        first = 0
        while first < len(buffers):
            deadline = min(self._clock() + self._timeouts.network_timeout_seconds, rate_deadline)
            sent = self._stream.send_some(buffers[first:] if first else buffers, deadline)
            while first < len(buffers) and sent >= len(buffers[first]):
                sent -= len(buffers[first])
                first += 1
            if sent:
                buffers[first] = memoryview(buffers[first])[sent:]

    # Receiving --------------------------------------------------------------------------------------------------------

    def peek(self, deadline: float) -> int:
        """Give the first byte, which stays; only before anything has been read. Raises as `read_pdu` does."""
        try:
            first = self._stream.peek(deadline)
        except TimeoutError:
            raise
        except OSError as error:
            raise self._lost(error) from error
        if not first:
            raise AssociationLost(faults.CONNECTION_LOST, peer=self._peer, detail="the peer closed it")
        return first[0]

    def has_more(self, deadline: float) -> bool:
        """Wait until something has arrived, or the end; False when nothing comes in time."""
        if self._start < self._end:
            return True
        try:
            self._stream.wait_for_more(deadline)
        except TimeoutError:
            return False
        return True

    def read_pdu(self, first_byte_by: float, p_data_limit: int) -> tuple[int, memoryview]:
        """Give the type and the variable part of the next PDU; the view is valid until the next call.

        `first_byte_by` is a moment of the clock. Memory grows with what arrives, never with what is claimed.
        Raises `TimeoutError` when not even a first byte came, `PeerTimeout`, `AssociationLost`, `ProtocolViolation`.
        """
        if self._end - self._start < HEADER_LENGTH:
            self.await_length(first_byte_by)
        try:
            pdu_type, length = parse_header(self._buffer, self._start)
            if pdu_type != P_DATA_TF or not PDV_OVERHEAD <= length <= p_data_limit:
                check_length(pdu_type, length, p_data_limit)
        except MalformedPdu as error:
            raise ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=self._peer, detail=error) from error
        whole = HEADER_LENGTH + length
        if self._end - self._start < whole:
            # Only data may take its time: nobody needs a quarter of an hour for an A-ASSOCIATE-RQ.
            seconds = self._timeouts.header_timeout_seconds + (
                self._seconds_for(length) if pdu_type == P_DATA_TF else 0
            )
            self._fill(whole, self._clock() + seconds, "a cut PDU")
        start = self._start
        self._start = end = start + whole
        return pdu_type, self._buffer[start + HEADER_LENGTH : end]

    def await_length(self, first_byte_by: float) -> int:
        """Give how long the next PDU claims to be, before anything else of it is read; raises as `read_pdu` does."""
        if self._start == self._end:
            self._rewind()
            self._receive(first_byte_by)
        if self._end - self._start < HEADER_LENGTH:
            self._fill(HEADER_LENGTH, self._clock() + self._timeouts.header_timeout_seconds, "half a PDU header")
        return parse_length(self._buffer, self._start)

    @property
    def holds_pdu(self) -> bool:
        """Whether the next PDU is here already, so that reading it waits for nothing and spoils no earlier view."""
        held = self._end - self._start - HEADER_LENGTH
        return held >= 0 and held >= parse_length(self._buffer, self._start)

    def _fill(self, needed: int, deadline: float, what: str) -> None:
        """Have `needed` bytes from `_start` on in one piece."""
        try:
            while self._end - self._start < needed:
                self._make_room(needed)
                self._receive(deadline)
        except TimeoutError as error:
            raise PeerTimeout(faults.TOO_SLOW, peer=self._peer, detail=what) from error

    def _make_room(self, needed: int) -> None:
        if self._end == len(self._buffer) or self._start + needed > len(self._buffer):
            self._rewind()

    def _rewind(self) -> None:
        """Begin at the front of the buffer again; of a larger one when the last receive filled it to the end."""
        rest = self._buffer[self._start : self._end]
        overran = self._end == len(self._buffer)
        if len(rest) == len(self._buffer) or (overran and len(self._buffer) < READ_AHEAD_AT_MOST):
            self._buffer = memoryview(bytearray(2 * len(self._buffer)))
        if len(rest):
            self._buffer[: len(rest)] = rest
        self._start, self._end = 0, len(rest)

    def _receive(self, deadline: float) -> None:
        try:
            received = self._stream.receive_into(self._buffer[self._end :], deadline)
        except TimeoutError:
            raise
        except OSError as error:
            raise self._lost(error) from error
        if not received:
            detail = "the peer closed it" if self._start == self._end else "the peer closed it in the middle of a PDU"
            raise AssociationLost(faults.CONNECTION_LOST, peer=self._peer, detail=detail)
        self._end += received

    # Ending -----------------------------------------------------------------------------------------------------------

    def shut(self) -> None:
        """Make every wait on the connection end, in whichever thread; may be repeated."""
        self._stream.shut()

    def close(self) -> None:
        """Close the connection at once; may be repeated."""
        self._stream.close()

    def close_gently(self) -> None:
        """Close the connection so that the peer can still read our last PDU; may be repeated.

        Closing with unread bytes makes TCP reset the connection, and the reset overtakes what we have just sent.
        """
        deadline, drained = self._clock() + DRAIN_SECONDS, 0
        try:
            self._stream.finish_sending()
            while drained < DRAIN_BYTES and (received := self._stream.receive_into(self._buffer, deadline)):
                drained += received
        except OSError:
            # Already closed, reset or silent: nothing is left that could be lost.
            pass
        finally:
            self._stream.close()

    def _seconds_for(self, length: int) -> float:
        return length / self._timeouts.minimum_bytes_per_second

    def _lost(self, error: OSError) -> AssociationLost:
        detail = error.strerror or type(error).__name__
        return AssociationLost(faults.CONNECTION_LOST, peer=self._peer, detail=detail)
