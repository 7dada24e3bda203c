"""What we answer to an A-ASSOCIATE-RQ: reject it, or which of its contexts we take.

Standard: PS3.8 sections 7.1 and 9.3.3, 9.3.4.
"""

from __future__ import annotations

from dataclasses import dataclass

from tolmach.adapters.dimse.addresses import is_ae_title
from tolmach.adapters.dimse.pdu import (
    ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ACCEPTANCE,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextResult,
    UserInformation,
)
from tolmach.dicom import uids

PERMANENT = 1
TRANSIENT = 2

APPLICATION_CONTEXT_NOT_SUPPORTED = AssociateReject(PERMANENT, 1, 2)
CALLING_AE_TITLE_NOT_RECOGNISED = AssociateReject(PERMANENT, 1, 3)
CALLED_AE_TITLE_NOT_RECOGNISED = AssociateReject(PERMANENT, 1, 7)
PROTOCOL_VERSION_NOT_SUPPORTED = AssociateReject(PERMANENT, 2, 2)
LOCAL_LIMIT_EXCEEDED = AssociateReject(TRANSIENT, 3, 2)

# The standard's own root, and the part of it where storage classes are registered.
_STANDARD_ROOT = uids.Verification.removesuffix("1.1")
_STORAGE_ROOT = uids.CTImageStorage.removesuffix("2")


@dataclass(frozen=True, slots=True)
class AcceptancePolicy:
    """Who may associate: our AE title (None: any called title goes), and the callers' (None: anybody)."""

    called_ae_title: str | None = None
    calling_ae_titles: frozenset[str] | None = None


def reason_to_reject(request: AssociateRequest, policy: AcceptancePolicy) -> AssociateReject | None:
    """Give the rejection this request deserves, or None."""
    if not request.protocol_version & 1:
        return PROTOCOL_VERSION_NOT_SUPPORTED
    if request.application_context != uids.DICOMApplicationContext:
        return APPLICATION_CONTEXT_NOT_SUPPORTED
    calling = request.calling_ae_title
    if not is_ae_title(calling) or (policy.calling_ae_titles is not None and calling not in policy.calling_ae_titles):
        return CALLING_AE_TITLE_NOT_RECOGNISED
    if policy.called_ae_title is not None and request.called_ae_title != policy.called_ae_title:
        return CALLED_AE_TITLE_NOT_RECOGNISED
    return None


def accept_contexts(request: AssociateRequest, max_pdu_length: int) -> AssociateAccept:
    """Take every storage and Verification context in the first syntax offered, refuse the others one by one."""
    results = tuple(
        ContextResult(
            context.context_id,
            ACCEPTANCE if is_ours(context.abstract_syntax) else ABSTRACT_SYNTAX_NOT_SUPPORTED,
            context.transfer_syntaxes[0],
        )
        for context in request.contexts
    )
    # PS3.8 table 9-17: the titles are returned as they came, though nobody may look at them.
    called = request.called_ae_title if is_ae_title(request.called_ae_title) else ""
    return AssociateAccept(called, request.calling_ae_title, results, UserInformation(max_pdu_length))


def is_ours(abstract_syntax: str) -> bool:
    """Tell whether this SCP serves the abstract syntax: Verification, and everything that may be a storage class.

    A private or future class is taken as storage: its instances travel on unread, and refusing them loses images.
    """
    if abstract_syntax == uids.Verification:
        return True
    keyword = uids.SOP_CLASSES.get(abstract_syntax)
    if keyword is None:
        return not abstract_syntax.startswith(_STANDARD_ROOT) or abstract_syntax.startswith(_STORAGE_ROOT)
    return "Storage" in keyword and not keyword.startswith(("StorageCommitment", "MediaStorageDirectory"))
