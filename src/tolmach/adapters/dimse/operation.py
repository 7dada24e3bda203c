"""One request of a peer that our own upper layer serves: what it asks, whether that is still wanted, and the answers.

Standard: PS3.7 sections 9.1 and 10.1 (responses), 9.3.2.3 (C-CANCEL).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.command_set import (
    ACTION_TYPE_ID,
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    DATA_SET_FOLLOWS,
    ERROR_COMMENT,
    EVENT_TYPE_ID,
    MESSAGE_ID_BEING_RESPONDED_TO,
    NO_DATA_SET,
    PENDING,
    REQUESTED_SOP_CLASS_UID,
    REQUESTED_SOP_INSTANCE_UID,
    STATUS,
    CommandSet,
    Value,
    encode_command_set,
)
from tolmach.adapters.dimse.messages import message_pdus
from tolmach.adapters.dimse.pdu import Buffer
from tolmach.adapters.dimse.peer_line import PeerLine
from tolmach.adapters.dimse.stream import Clock
from tolmach.dicom.scanner import Encoding

RESPONSE = 0x8000
HELD_BYTES = 1 << 16  # of responses that are sent together
COMMENT_LENGTH = 64

_REPEATED = (
    (AFFECTED_SOP_INSTANCE_UID, AFFECTED_SOP_INSTANCE_UID),
    (REQUESTED_SOP_INSTANCE_UID, AFFECTED_SOP_INSTANCE_UID),
    (EVENT_TYPE_ID, EVENT_TYPE_ID),
    (ACTION_TYPE_ID, ACTION_TYPE_ID),
)


@dataclass(slots=True, eq=False)
class Operation:
    """A request with its whole data set; the thread that serves it gives responses, any thread may ask and cancel.

    `extended` is what was negotiated for the SOP class, empty where nothing was. `contexts` are the accepted contexts
    of our services and, for C-GET, of storage, by SOP class and transfer syntax.
    """

    line: PeerLine
    caller: Caller
    peer: str  # AETITLE@host, for people
    context_id: int
    abstract_syntax: str
    encoding: Encoding
    transfer_syntax_uid: str
    command: CommandSet
    extended: bytes
    on_final: Callable[[Operation], None]
    contexts: Mapping[tuple[str, str], int]
    clock: Clock
    data: bytes = b""
    _stirred: threading.Event = field(default_factory=threading.Event)
    _is_cancelled: bool = False
    _is_answered: bool = False
    _held: list[Buffer] = field(default_factory=list)
    _held_bytes: int = 0
    _pending_command: tuple[int, bytes] | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer wants no more of it, or has gone."""
        return self._is_cancelled

    @property
    def is_answered(self) -> bool:
        """Whether the final response was given."""
        return self._is_answered

    def cancel(self) -> None:
        """Note that the peer wants no more of it."""
        self._is_cancelled = True
        self._stirred.set()

    def stir(self) -> None:
        """Wake who waits in `wait`."""
        self._stirred.set()

    def wait(self, seconds: float) -> None:
        """Wait until something stirs, or the time is over."""
        if self._stirred.wait(seconds):
            self._stirred.clear()

    def respond(self, status: int, data: bytes = b"", more: Mapping[int, Value] | None = None) -> None:
        """Send a response now, behind those that were held back; raises `AssociationLost` or `PeerTimeout`.

        A status that is not pending ends the operation.
        """
        self.hold(status, data, more)
        self.flush()

    def hold(self, status: int, data: bytes = b"", more: Mapping[int, Value] | None = None) -> None:
        """Put a response behind those that wait to be sent together; a few of them are sent at once when they are many.

        Raises as `respond` does.
        """
        raw = self._encoded(status, has_data=bool(data), more=more)
        for buffer in message_pdus(self.context_id, raw, data, self.line.fragment_length):
            self._held.append(buffer)
            self._held_bytes += len(buffer)
        if status not in PENDING:
            self._is_answered = True
            self.on_final(self)  # before the peer can react to it
        elif self._held_bytes >= HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what was held back; raises as `respond` does."""
        held, self._held, self._held_bytes = self._held, [], 0
        if held:
            self.line.send(held)

    def fail(self, status: int, comment: str, more: Mapping[int, Value] | None = None) -> None:
        """Answer with a failure and say why in a few words of ASCII; raises as `respond` does."""
        self.respond(status, more={**(more or {}), ERROR_COMMENT: plain_comment(comment)})

    def _encoded(self, status: int, *, has_data: bool, more: Mapping[int, Value] | None) -> bytes:
        known = self._pending_command
        if not more and has_data and known is not None and known[0] == status:
            return known[1]
        request = self.command
        values: dict[int, Value] = {
            AFFECTED_SOP_CLASS_UID: request.text(AFFECTED_SOP_CLASS_UID) or request.text(REQUESTED_SOP_CLASS_UID),
            COMMAND_FIELD: request.command_field | RESPONSE,
            MESSAGE_ID_BEING_RESPONDED_TO: request.message_id,
            COMMAND_DATA_SET_TYPE: DATA_SET_FOLLOWS if has_data else NO_DATA_SET,
            STATUS: status,
        }
        values.update({answered: request[asked] for asked, answered in _REPEATED if asked in request})
        raw = encode_command_set({**values, **(more or {})})
        if not more and has_data and status in PENDING:
            self._pending_command = (status, raw)
        return raw


def plain_comment(text: str) -> str:
    """Give an Error Comment: printable ASCII, no backslash, 64 characters. Standard: PS3.7 annex C, PS3.5 (LO)."""
    shown = (letter if " " <= letter <= "~" and letter != "\\" else "?" for letter in text)
    return "".join(shown)[:COMMENT_LENGTH].rstrip()
