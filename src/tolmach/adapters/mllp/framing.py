"""Frames of the minimal lower layer protocol: VT, the message, FS, CR.

Standard: HL7 v2 implementation guide, appendix C (MLLP release 1).
"""

from __future__ import annotations

VT, FS, CR = 0x0B, 0x1C, 0x0D
MAX_MESSAGE = 16 << 20


class BadFrame(ValueError):
    """The bytes are no frame, or more than is taken."""


def frame(message: bytes) -> bytes:
    """Give the bytes for the wire; raises `BadFrame` for a message that holds the marks themselves or is too long."""
    if VT in message or FS in message:
        raise BadFrame("it holds the bytes 0B or 1C, which end messages")
    if len(message) > MAX_MESSAGE:
        raise BadFrame(f"it is longer than {MAX_MESSAGE} bytes")
    return bytes([VT]) + message + bytes([FS, CR])


class FrameReader:
    """Finds messages in what arrives, in whatever pieces; for one connection.

    What stands between frames is skipped, and the CR behind FS may be missing.
    """

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        """Take messages of at most `limit` bytes, and skip no more than that between them."""
        self._limit = limit
        self._held = bytearray()
        self._searched = 0
        self._skipped = 0
        self._is_inside = False

    def take(self, raw: bytes | memoryview) -> list[bytes]:
        """Give the messages that are whole now; raises `BadFrame` beyond the limit."""
        self._held += raw
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> bytes | None:
        if not self._is_inside:
            start = self._held.find(VT)
            skipped = len(self._held) if start < 0 else start
            self._skipped += skipped
            del self._held[: skipped + (start >= 0)]
            if self._skipped > self._limit:
                raise BadFrame("no message begins")
            if start < 0:
                return None
            self._is_inside, self._searched, self._skipped = True, 0, 0
        end = self._held.find(FS, self._searched)
        if max(end, len(self._held) - 1 if end < 0 else 0) > self._limit:
            raise BadFrame(f"a message longer than {self._limit} bytes")
        if end < 0:
            self._searched = len(self._held)
            return None
        message = bytes(self._held[:end])
        del self._held[: end + 1]
        self._is_inside = False
        return message
