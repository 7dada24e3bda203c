"""What we answer to an A-ASSOCIATE-RQ: reject it, or which of its contexts we take.

Standard: PS3.8 sections 7.1 and 9.3.3, 9.3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tolmach.adapters.dimse.addresses import is_ae_title
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.pdu import (
    ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ACCEPTANCE,
    NO_REASON,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextResult,
    PresentationContext,
    UserInformation,
)
from tolmach.adapters.dimse.rights import Right, is_granted, is_storage
from tolmach.dicom import uids

PERMANENT = 1
TRANSIENT = 2

APPLICATION_CONTEXT_NOT_SUPPORTED = AssociateReject(PERMANENT, 1, 2)
CALLING_AE_TITLE_NOT_RECOGNISED = AssociateReject(PERMANENT, 1, 3)
CALLED_AE_TITLE_NOT_RECOGNISED = AssociateReject(PERMANENT, 1, 7)
PROTOCOL_VERSION_NOT_SUPPORTED = AssociateReject(PERMANENT, 2, 2)
LOCAL_LIMIT_EXCEEDED = AssociateReject(TRANSIENT, 3, 2)


@dataclass(frozen=True, slots=True)
class AcceptancePolicy:
    """Who may associate: our AE title (None: any called title goes), and the callers (None: anybody, for anything)."""

    called_ae_title: str | None = None
    callers: tuple[Caller, ...] | None = None


ANYBODY = AcceptancePolicy()


def reason_to_reject(
    request: AssociateRequest, caller: Caller | None, called_ae_title: str | None
) -> AssociateReject | None:
    """Give the rejection this request deserves, or None; `caller` is who it comes from, None for nobody we know."""
    if not request.protocol_version & 1:
        return PROTOCOL_VERSION_NOT_SUPPORTED
    if request.application_context != uids.DICOMApplicationContext:
        return APPLICATION_CONTEXT_NOT_SUPPORTED
    if caller is None or not is_ae_title(request.calling_ae_title):
        return CALLING_AE_TITLE_NOT_RECOGNISED
    if called_ae_title is not None and request.called_ae_title != called_ae_title:
        return CALLED_AE_TITLE_NOT_RECOGNISED
    return None


def accept_contexts(
    request: AssociateRequest,
    rights: frozenset[Right],
    max_pdu_length: int,
    relayed: Sequence[AssociateAccept] = (),
    unanswered: frozenset[int] = frozenset(),
) -> AssociateAccept:
    """Take every context we serve and the caller has a right to, in the first syntax offered; refuse the others.

    `relayed` is what those who serve other contexts answered to their parts of the request; for these, their word
    counts. `unanswered` are the contexts that pynetdicom would have been asked about: they are refused without a
    reason, which may pass.
    """
    theirs = {result.context_id: result for one in relayed for result in one.results}
    theirs |= {context_id: ContextResult(context_id, NO_REASON, "") for context_id in unanswered}
    results = tuple(_result(context, rights, theirs.get(context.context_id)) for context in request.contexts)
    info = UserInformation(
        max_pdu_length,
        roles=tuple(role for one in relayed for role in one.user_information.roles),
        extended=tuple(item for one in relayed for item in one.user_information.extended),
    )
    # PS3.8 table 9-17: the titles are returned as they came, though nobody may look at them.
    called = request.called_ae_title if is_ae_title(request.called_ae_title) else ""
    return AssociateAccept(called, request.calling_ae_title, results, info)


def is_ours(abstract_syntax: str, rights: frozenset[Right]) -> bool:
    """Tell whether our own upper layer serves the abstract syntax for such a caller: Verification and storage."""
    is_served = abstract_syntax == uids.Verification or is_storage(abstract_syntax)
    return is_served and is_granted(abstract_syntax, rights)


def _result(context: PresentationContext, rights: frozenset[Right], theirs: ContextResult | None) -> ContextResult:
    if theirs is not None and theirs.result == ACCEPTANCE:
        return theirs
    if is_ours(context.abstract_syntax, rights):
        result = ACCEPTANCE
    else:
        result = theirs.result if theirs else ABSTRACT_SYNTAX_NOT_SUPPORTED
    return ContextResult(context.context_id, result, context.transfer_syntaxes[0])
