"""Our side of an association that a peer opened, for more than answers: many threads send, and we may ask the peer.

Standard: PS3.7 section 6.3 (messages), one operation at a time in each direction.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.command_set import MESSAGE_ID, CommandSet, encode_command_set
from tolmach.adapters.dimse.errors import AssociationLost, PeerTimeout
from tolmach.adapters.dimse.messages import fragment_length, message_pdus
from tolmach.adapters.dimse.pdu import Buffer
from tolmach.adapters.dimse.transport import Transport

HIGHEST_MESSAGE_ID = 0xFFFF
ANSWER_SECONDS = 60.0  # how long a peer may take to answer what we ask


class PeerLine:
    """The way to the peer; any thread may send, whole messages at a time, and ask, one question at a time."""

    def __init__(self, peer: str, max_pdu_length: int) -> None:
        """Know the peer by its name for people; nothing can be sent before `connect`."""
        self.peer = peer
        self.fragment_length = fragment_length(max_pdu_length)
        self._outer: Transport | None = None
        self._sending = threading.Lock()
        self._asking = threading.Lock()  # held from a request of ours to its end, by the thread that asks
        self._is_sending = False  # that thread holds `_sending`, because its message goes out in parts
        self._state = threading.Condition()
        self._asked: int | None = None
        self._answer: CommandSet | None = None
        self._message_id = 0
        self._is_over = False

    def connect(self, outer: Transport, sending: threading.Lock) -> None:
        """Send over this transport from now on; `sending` is held while a message goes out."""
        self._outer, self._sending = outer, sending

    @property
    def is_open(self) -> bool:
        """Whether anything can be sent."""
        return self._outer is not None and not self._is_over

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Send whole messages; raises `AssociationLost` or `PeerTimeout`."""
        with self._sending:
            self._send(buffers)

    def _send(self, buffers: Sequence[Buffer]) -> None:
        if self._outer is None or self._is_over:
            raise AssociationLost(faults.ASSOCIATION_OVER, peer=self.peer)
        self._outer.send(buffers)

    # Asking the peer --------------------------------------------------------------------------------------------------

    def ask(self, context_id: int, command: CommandSet, data: bytes = b"") -> CommandSet:
        """Send a request of ours, whose Message ID is set here, and give the answer; one is asked at a time.

        Raises `AssociationLost` or `PeerTimeout`.
        """
        command[MESSAGE_ID] = self.next_message_id()
        self.begin_request(command.message_id)
        try:
            self.send_part(message_pdus(context_id, encode_command_set(command), data, self.fragment_length))
            return self.await_answer()
        finally:
            self.end_request()

    def next_message_id(self) -> int:
        """Give the next Message ID of our own requests: 1 to 65535, then from 1 again."""
        with self._state:
            self._message_id = self._message_id % HIGHEST_MESSAGE_ID + 1
            return self._message_id

    def begin_request(self, message_id: int) -> None:
        """Have the line for a request of ours until `end_request`; waits until it is free."""
        self._asking.acquire()
        with self._state:
            self._asked, self._answer = message_id, None

    def send_part(self, buffers: Sequence[Buffer]) -> None:
        """Send a part of our request; nobody else sends until `await_answer`. Raises as `send` does."""
        if not self._is_sending:
            self._sending.acquire()
            self._is_sending = True
        self._send(buffers)

    def await_answer(self, seconds: float = ANSWER_SECONDS) -> CommandSet:
        """Let others send again, and give the answer; raises `AssociationLost` or `PeerTimeout`."""
        self._let_others_send()
        with self._state:
            self._state.wait_for(lambda: self._answer is not None or self._is_over, seconds)
            if self._answer is not None:
                return self._answer
        if self._is_over:
            raise AssociationLost(faults.CONNECTION_LOST, peer=self.peer, detail="the association is over")
        raise PeerTimeout(faults.RESPONSE_TIMEOUT, peer=self.peer, seconds=seconds)

    def end_request(self) -> None:
        """Free the line; only by who began."""
        self._let_others_send()
        with self._state:
            self._asked = None
        self._asking.release()

    def _let_others_send(self) -> None:
        if self._is_sending:
            self._is_sending = False
            self._sending.release()

    # What the peer says -----------------------------------------------------------------------------------------------

    def take_answer(self, command: CommandSet) -> bool:
        """Give a response to who waits for it; False when nobody asked."""
        with self._state:
            if self._asked != command.message_id:
                return False
            if command.is_final:
                self._asked, self._answer = None, command
                self._state.notify_all()
            return True

    def end(self) -> None:
        """Note that the association is over: who waits hears of it. May be repeated."""
        with self._state:
            self._is_over = True
            self._state.notify_all()

    def abandon(self) -> None:
        """End the association because half a message is out: only closing is honest then. May be repeated."""
        self.end()
        if self._outer is not None:
            self._outer.shut()
