"""What an A-ASSOCIATE-RJ means for the operator, and whether it may pass by itself.

Standard: PS3.8 table 9-21.
"""

from __future__ import annotations

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.addresses import PeerAddress
from tolmach.adapters.dimse.errors import AssociationRejected, AssociationRejectedForNow
from tolmach.adapters.dimse.pdu import AssociateReject
from tolmach.base import TolmachError

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
