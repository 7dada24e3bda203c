"""DICOM over the network: our own bounded upper layer, and a bounded way to pynetdicom for what it does not serve."""

# The names of the calling side; whoever listens imports `storage_scp`, which senders need not load.

from tolmach.adapters.dimse.addresses import PeerAddress, is_ae_title, parse_ae_title, parse_peer_address
from tolmach.adapters.dimse.association import DEFAULT_CALLING_AE_TITLE, Association
from tolmach.adapters.dimse.context_plan import AssociationPlan, alternatives_to, plan_contexts
from tolmach.adapters.dimse.pdu import PresentationContext
from tolmach.adapters.dimse.status import StatusMeaning, StoreOutcomeClass, meaning_of
from tolmach.adapters.dimse.storage_scu import OutgoingInstance, StoreOutcome, StoreResponse, store_all
from tolmach.adapters.dimse.timeouts import Timeouts
from tolmach.adapters.dimse.verification_scu import EchoResponse, echo, verify_peer

__all__ = [
    "DEFAULT_CALLING_AE_TITLE",
    "Association",
    "AssociationPlan",
    "EchoResponse",
    "OutgoingInstance",
    "PeerAddress",
    "PresentationContext",
    "StatusMeaning",
    "StoreOutcome",
    "StoreOutcomeClass",
    "StoreResponse",
    "Timeouts",
    "alternatives_to",
    "echo",
    "is_ae_title",
    "meaning_of",
    "parse_ae_title",
    "parse_peer_address",
    "plan_contexts",
    "store_all",
    "verify_peer",
]
