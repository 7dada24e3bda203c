"""C-ECHO: is the peer there, does it know us, how long does it take.

Standard: PS3.4 annex A, PS3.7 section 9.1.5.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.addresses import PeerAddress
from tolmach.adapters.dimse.association import DEFAULT_CALLING_AE_TITLE, Association
from tolmach.adapters.dimse.dimse import CEchoRequest, CEchoResponse
from tolmach.adapters.dimse.errors import EchoFailed, ProtocolViolation
from tolmach.adapters.dimse.pdu import PresentationContext
from tolmach.adapters.dimse.status import SUCCESS
from tolmach.adapters.dimse.stream import Clock
from tolmach.adapters.dimse.timeouts import Timeouts
from tolmach.dicom import uids

if TYPE_CHECKING:
    from tolmach.adapters.dimse.tls import TlsClient

VERIFICATION_CONTEXT = PresentationContext(1, uids.Verification, (uids.ImplicitVRLittleEndian,))


@dataclass(frozen=True, slots=True)
class EchoResponse:
    """A successful C-ECHO, and how long it took."""

    seconds: float


def echo(assoc: Association, clock: Clock = time.monotonic) -> float:
    """Give the seconds that a C-ECHO on an open association took; may be repeated.

    Raises `ContextNotAccepted`, `EchoFailed`, and what ends an association.
    """
    context_id = assoc.required_context(uids.Verification, uids.ImplicitVRLittleEndian)
    message_id = assoc.next_message_id()
    started = clock()
    assoc.send(assoc.command_pdus(context_id, CEchoRequest(message_id)))
    response = assoc.await_response(context_id)
    seconds = clock() - started
    if not isinstance(response, CEchoResponse):
        assoc.abort()
        raise ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=assoc.peer, detail="C-ECHO was not answered by C-ECHO")
    if response.message_id != message_id:
        assoc.abort()
        raise EchoFailed(faults.WRONG_MESSAGE_ID, peer=assoc.peer, expected=message_id, received=response.message_id)
    if response.status != SUCCESS:
        raise EchoFailed(faults.ECHO_FAILED, peer=assoc.peer, status=f"{response.status:04X}")
    return seconds


def verify_peer(
    peer: PeerAddress,
    calling_ae_title: str = DEFAULT_CALLING_AE_TITLE,
    timeouts: Timeouts | None = None,
    clock: Clock = time.monotonic,
    tls: TlsClient | None = None,
) -> EchoResponse:
    """Open an association for C-ECHO alone, echo once, release; raises what `Association.open` and `echo` raise."""
    with Association.open(peer, [VERIFICATION_CONTEXT], calling_ae_title, timeouts, clock, tls) as assoc:
        return EchoResponse(echo(assoc, clock))
