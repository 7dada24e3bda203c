"""C-STORE sub-operations of a C-GET, over the association that the peer opened.

Standard: PS3.4 section C.4.3.2 (sub-operations on the same association, roles negotiated for them).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.command_set import (
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    ERROR_COMMENT,
    STATUS,
)
from tolmach.adapters.dimse.dimse import Command, CStoreResponse, encode_command
from tolmach.adapters.dimse.errors import ContextNotAccepted, PeerTimeout, ProtocolViolation
from tolmach.adapters.dimse.messages import part_pdus
from tolmach.adapters.dimse.operation import Operation
from tolmach.adapters.dimse.pdu import Buffer
from tolmach.dicom import uids

C_STORE_RSP: Final = 0x8001


class GetChannel:
    """See `storage_scu.StoreChannel`; used by the thread that serves the C-GET."""

    def __init__(self, operation: Operation) -> None:
        """Send over the line that the request came on."""
        self._line = operation.line
        self._contexts = operation.contexts
        self._message_id = 0
        self._is_begun = False
        self.fragment_length = self._line.fragment_length

    @property
    def peer(self) -> str:
        """Who is at the other end, for people."""
        return self._line.peer

    @property
    def is_open(self) -> bool:
        """Whether anything can be sent."""
        return self._line.is_open

    def context_for(self, sop_class_uid: str, transfer_syntax_uid: str) -> int | None:
        """Give the id of the accepted context for exactly this pair, or None."""
        return self._contexts.get((sop_class_uid, transfer_syntax_uid))

    def required_context(self, sop_class_uid: str, transfer_syntax_uid: str) -> int:
        """Give the id of the accepted context; raises `ContextNotAccepted`."""
        context_id = self._contexts.get((sop_class_uid, transfer_syntax_uid))
        if context_id is None:
            names = {"sop_class": uids.name_of(sop_class_uid), "transfer_syntax": uids.name_of(transfer_syntax_uid)}
            raise ContextNotAccepted(faults.CONTEXT_NOT_ASKED_FOR, peer=self.peer, **names)
        return context_id

    def next_message_id(self) -> int:
        """Have the line for the next instance, and give its Message ID."""
        self.release()
        self._message_id = self._line.next_message_id()
        self._line.begin_request(self._message_id)
        self._is_begun = True
        return self._message_id

    def command_pdus(self, context_id: int, command: Command) -> list[Buffer]:
        """Encode a command as P-DATA-TF buffers; nothing is sent."""
        return part_pdus(context_id, encode_command(command), self.fragment_length, is_command=True)

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Send a part of an instance; raises `AssociationLost` or `PeerTimeout`."""
        self._line.send_part(buffers)

    def await_response(self, _context_id: int, /) -> Command:
        """Give the peer's answer to the instance; raises `AssociationLost`, `PeerTimeout` or `ProtocolViolation`."""
        try:
            answer = self._line.await_answer()
        except PeerTimeout:
            self.abort()
            raise
        finally:
            self.release()
        if answer.command_field != C_STORE_RSP:
            self.abort()
            raise ProtocolViolation(
                faults.PROTOCOL_VIOLATION, peer=self.peer, detail="C-STORE was not answered by C-STORE"
            )
        return CStoreResponse(
            answer.message_id,
            answer.number(STATUS),
            answer.text(AFFECTED_SOP_CLASS_UID),
            answer.text(AFFECTED_SOP_INSTANCE_UID),
            answer.text(ERROR_COMMENT),
        )

    def release(self) -> None:
        """Let others use the line; may be repeated."""
        if self._is_begun:
            self._is_begun = False
            self._line.end_request()

    def abort(self) -> None:
        """End the association; may be repeated."""
        self.release()
        self._line.abandon()

    def close(self) -> None:
        """End the association without a word, because half an instance is out; may be repeated."""
        self.abort()
