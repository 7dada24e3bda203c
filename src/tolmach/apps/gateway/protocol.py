"""uvicorn's reading of HTTP/1.1 with two things more: heads that never end are given up, too large ones are told so.

uvicorn waits for ever for the rest of a head, and answers 400 to everything it cannot read.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_HEAD_BYTES = 65_536
HEAD_SECONDS = 10.0


class _HintingConnection(h11.Connection):
    """Remembers what status would suit the error that ended the reading."""

    hint = 400

    def next_event(self) -> Any:
        """Give the next event; see `h11.Connection`."""
        try:
            return super().next_event()
        except h11.RemoteProtocolError as error:
            self.hint = error.error_status_hint
            raise


class CarefulProtocol(H11Protocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Read with limits."""
        super().__init__(*arguments, **named)
        self._reading = self.conn = _HintingConnection(h11.SERVER, MAX_HEAD_BYTES)
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take what came; while a head is not complete, time runs."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._patience is None:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what could not be read, with the status that suits it, and close."""
        status = self._reading.hint if self._reading.hint in (413, 431, 501) else 400
        head = f"HTTP/1.1 {status} \r\nconnection: close\r\ncontent-length: {len(msg)}\r\ncontent-type: text/plain\r\n"
        head += "x-content-type-options: nosniff\r\n\r\n"
        self.transport.write(head.encode("ascii") + msg.encode("ascii"))
        self.transport.close()

    def _await_head(self) -> None:
        self._patience = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if not is_answering and not self.transport.is_closing():
            self.transport.abort()
