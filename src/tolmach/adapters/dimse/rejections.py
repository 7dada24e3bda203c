"""The peer's answer to an A-ASSOCIATE-RQ: what an A-ASSOCIATE-RJ means for the operator, and whether it may pass.

Standard: PS3.8 table 9-21.
"""

from __future__ import annotations

from tolmach.adapters.dimse import faults, pdu, pdu_codec
from tolmach.adapters.dimse.addresses import PeerAddress
from tolmach.adapters.dimse.errors import (
    AssociationAborted,
    AssociationRejected,
    AssociationRejectedForNow,
    PeerTimeout,
    ProtocolViolation,
)
from tolmach.adapters.dimse.pdu import AssociateReject
from tolmach.adapters.dimse.stream import Clock
from tolmach.adapters.dimse.timeouts import Timeouts
from tolmach.adapters.dimse.transport import Transport
from tolmach.base import TolmachError

RECEIVE_PDU_LENGTH = 1 << 16
_TRANSIENT = 2

# (source, reason): the fault, and whether it may pass without anybody changing anything
_REJECTIONS = {
    (1, 2): (faults.REJECTED_APPLICATION_CONTEXT, False),
    (1, 3): (faults.REJECTED_CALLING_AE_TITLE, False),
    (1, 7): (faults.REJECTED_CALLED_AE_TITLE, False),
    (2, 2): (faults.REJECTED_PROTOCOL_VERSION, False),
    (3, 1): (faults.REJECTED_CONGESTION, True),
    (3, 2): (faults.REJECTED_LOCAL_LIMIT, True),
}


def rejection_error(reject: AssociateReject, peer: PeerAddress, calling_ae_title: str) -> TolmachError:
    """Give the error of a rejected association.

    The reason decides, not the result: servers mark unknown AE titles as transient and full tables as permanent. Only
    where no reason is given does the result say whether to wait for a person.
    """
    without_reason = (faults.REJECTED, reject.result == _TRANSIENT)
    fault, may_pass = _REJECTIONS.get((reject.source, reject.reason), without_reason)
    kind = AssociationRejectedForNow if may_pass else AssociationRejected
    return kind(
        fault,
        peer=peer,
        calling_ae_title=calling_ae_title,
        called_ae_title=peer.ae_title,
        result=reject.result,
        source=reject.source,
        reason=reject.reason,
    )


def await_accept(
    transport: Transport, peer: PeerAddress, calling_ae_title: str, timeouts: Timeouts, clock: Clock
) -> pdu.AssociateAccept:
    """Give the peer's answer to our A-ASSOCIATE-RQ; raises what it was instead of an acceptance."""
    try:
        pdu_type, body = transport.read_pdu(clock() + timeouts.acse_timeout_seconds, RECEIVE_PDU_LENGTH)
    except TimeoutError as error:
        seconds = round(timeouts.acse_timeout_seconds, 1)
        raise PeerTimeout(faults.ASSOCIATION_TIMEOUT, peer=peer, seconds=seconds) from error
    except ProtocolViolation as error:
        raise ProtocolViolation(faults.NOT_DICOM, peer=peer, detail=error.problem.facts["detail"]) from error
    try:
        if pdu_type == pdu.ASSOCIATE_AC:
            return pdu_codec.parse_associate_ac(body)
        if pdu_type == pdu.ASSOCIATE_RJ:
            raise rejection_error(pdu_codec.parse_associate_rj(body), peer, calling_ae_title)
    except pdu.MalformedPdu as error:
        raise ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=peer, detail=error) from error
    if pdu_type == pdu.ABORT:
        raise aborted(peer, body)
    raise ProtocolViolation(faults.PROTOCOL_VIOLATION, peer=peer, detail=f"unexpected PDU {pdu_type:02X}H")


def aborted(peer: PeerAddress, body: memoryview) -> AssociationAborted:
    """Give the error of an A-ABORT that came."""
    return AssociationAborted(faults.ABORTED, peer=peer, reason=pdu_codec.parse_abort(body).words)
