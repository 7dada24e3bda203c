"""A connected TCP socket as a stream of bytes with a deadline on every wait, and as few system calls as there can be.

The socket never blocks: a call is tried first, and only when there is nothing to do is it waited for. Why
TCP_QUICKACK: DCMTK and Orthanc write each answer in two small pieces, Nagle's algorithm holds the second until we
acknowledge the first, and Linux delays that by 40 ms. Asking for quick acknowledgement lasts only for a moment, so it
is asked for again before each wait and after each send. Measured against storescp 3.6.7: 23 → 1,500 objects/s.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Sequence
from typing import Final

from tolmach.adapters.dimse.pdu import Buffer

Clock = Callable[[], float]

QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
IOV_MAX = 1000  # Linux, macOS and the BSDs allow 1024 buffers in one call
JOINED_BYTES = 1 << 16  # where buffers cannot be sent as a list, so many bytes of them are copied together


class Stream:
    """One connected socket, owned by whoever made it, used by one thread at a time.

    Any method raises `TimeoutError` at its deadline, a moment of the clock, and `OSError` when the connection is gone.
    """

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        """Take over the socket; `clock` gives monotonic seconds."""
        self._socket = sock
        self._clock = clock
        self._sends_lists = hasattr(sock, "sendmsg")
        sock.setblocking(False)
        self._is_tcp = sock.family in (socket.AF_INET, socket.AF_INET6)
        if self._is_tcp:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def receive_into(self, view: memoryview, deadline: float) -> int:
        """Take what has arrived, at least one byte, and give its length; 0 when the peer has closed."""
        while True:
            try:
                return self._socket.recv_into(view)
            except BlockingIOError:
                self.ask_for_quick_acknowledgement()
                self.wait(deadline)

    def peek(self, deadline: float) -> bytes:
        """Give the first byte that has arrived and leave it there; nothing when the peer has closed."""
        while True:
            try:
                return self._socket.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                self.wait(deadline)

    def send_some(self, buffers: Sequence[Buffer], deadline: float) -> int:
        """Bring a few bytes of the buffers to the kernel, at least one, and give their number."""
        while True:
            try:
                if self._sends_lists:
                    return self._socket.sendmsg(buffers[:IOV_MAX])
                return self._socket.send(joined(buffers))
            except BlockingIOError:
                self.wait(deadline, for_room=True)

    def wait_for_more(self, deadline: float) -> None:
        """Return when there is something to receive, or the end; raises `TimeoutError` when there is not."""
        self.wait(deadline)

    def wait(self, deadline: float, *, for_room: bool = False) -> None:
        """Return when there is something to receive, or room to send, or the end."""
        seconds = deadline - self._clock()
        if seconds <= 0 or not _ready(self._socket, seconds, for_room=for_room):
            raise TimeoutError

    def ask_for_quick_acknowledgement(self) -> None:
        """Have the kernel acknowledge what has come at once."""
        if QUICKACK is not None and self._is_tcp:
            try:
                self._socket.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
            except OSError:
                # The connection is gone; the next send or receive says so, this is only about speed.
                return

    def finish_sending(self) -> None:
        """Tell the peer that nothing more comes."""
        self._socket.shutdown(socket.SHUT_WR)

    def shut(self) -> None:
        """Make every wait on the connection end, in whichever thread; may be repeated."""
        wake(self._socket)

    def close(self) -> None:
        """Close the connection at once; may be repeated."""
        self._socket.close()


def wake(sock: socket.socket) -> None:
    """Make every wait on the socket end; where a system cannot do that, the deadline of the wait does."""
    try:
        # Not the way of an `SSLSocket`, which would take its TLS away from the thread that uses it.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        # Closed already, or a listener outside Linux.
        return


def joined(buffers: Sequence[Buffer], limit: int = JOINED_BYTES) -> Buffer:
    """Give the first buffer, or the first few of them in one piece when they are small."""
    taken, size = 0, 0
    while taken < len(buffers) and size + len(buffers[taken]) <= limit:
        size += len(buffers[taken])
        taken += 1
    return b"".join(buffers[:taken]) if taken > 1 else buffers[0]


if hasattr(select, "poll"):

    def _ready(sock: socket.socket, seconds: float, *, for_room: bool) -> bool:
        poll = select.poll()
        poll.register(sock, select.POLLOUT if for_room else select.POLLIN)
        return bool(poll.poll(seconds * 1000))

else:

    def _ready(sock: socket.socket, seconds: float, *, for_room: bool) -> bool:
        readers, writers = ([], [sock]) if for_room else ([sock], [])
        return any(select.select(readers, writers, [sock], seconds))
