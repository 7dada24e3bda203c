"""Storage Commitment as SCU: the archive is asked to answer for instances, and says so now or later.

Standard: PS3.4 annex J, PS3.7 sections 10.1.1 (N-EVENT-REPORT) and 10.1.4 (N-ACTION).
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.association import Association, Message
from tolmach.adapters.dimse.command_set import (
    ACTION_TYPE_ID,
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    DATA_SET_FOLLOWS,
    EVENT_TYPE_ID,
    MESSAGE_ID,
    MESSAGE_ID_BEING_RESPONDED_TO,
    N_ACTION_RQ,
    N_ACTION_RSP,
    N_EVENT_REPORT_RQ,
    N_EVENT_REPORT_RSP,
    NO_DATA_SET,
    REQUESTED_SOP_CLASS_UID,
    REQUESTED_SOP_INSTANCE_UID,
    STATUS,
    CommandSet,
)
from tolmach.adapters.dimse.commitment import (
    PROCESSING_FAILURE,
    PUSH_MODEL_INSTANCE,
    REQUEST_COMMITMENT,
    CommitmentReport,
    NoReport,
    OnCommitment,
    Reference,
    encode_request,
    parse_report,
)
from tolmach.adapters.dimse.errors import AssociationAborted, AssociationLost
from tolmach.adapters.dimse.message_data import MESSAGE_SYNTAXES, encoding_of
from tolmach.adapters.dimse.message_scu import accepted_context, failure, unexpected
from tolmach.adapters.dimse.pdu import PresentationContext
from tolmach.adapters.dimse.status import SUCCESS
from tolmach.adapters.dimse.stream import Clock
from tolmach.base import TolmachError
from tolmach.dicom import uids
from tolmach.dicom.faults import Damaged

COMMITMENT_CONTEXT = PresentationContext(1, uids.StorageCommitmentPushModel, MESSAGE_SYNTAXES)
REPORTS_AT_MOST = 1000  # on one association, about whatever transactions


def request_commitment(
    assoc: Association,
    transaction_uid: str,
    references: Sequence[Reference],
    on_commitment: OnCommitment,
    wait_seconds: float = 0.0,
    clock: Clock = time.monotonic,
) -> bool:
    """Ask the archive to answer for instances it said it stores; True when its report came on this association.

    Every report that comes meanwhile, also about earlier transactions, goes to `on_commitment`, and is confirmed only
    after that returned. False: the report may still come on another association. Ask again with a new Transaction UID.
    Raises `ContextNotAccepted`, `ServiceFailedForNow`, `ServiceRefused`, and what ends an association.
    """
    context_id, syntax = accepted_context(assoc, uids.StorageCommitmentPushModel)
    message_id = assoc.next_message_id()
    command = CommandSet(
        {
            REQUESTED_SOP_CLASS_UID: uids.StorageCommitmentPushModel,
            COMMAND_FIELD: N_ACTION_RQ,
            MESSAGE_ID: message_id,
            COMMAND_DATA_SET_TYPE: DATA_SET_FOLLOWS,
            REQUESTED_SOP_INSTANCE_UID: PUSH_MODEL_INSTANCE,
            ACTION_TYPE_ID: REQUEST_COMMITMENT,
        }
    )
    assoc.send_message(context_id, command, encode_request(transaction_uid, references, encoding_of(syntax)))
    reported = False
    for _ in range(REPORTS_AT_MOST):
        message = assoc.await_message()
        if message.command.command_field == N_EVENT_REPORT_RQ:  # some archives are quicker than their own answer
            reported = _take_report(assoc, message, syntax, on_commitment) == transaction_uid or reported
            continue
        answer = message.command
        if answer.command_field != N_ACTION_RSP or answer.message_id != message_id:
            raise unexpected(assoc, answer)
        if answer.number(STATUS) != SUCCESS:
            raise failure(assoc, answer, faults.COMMITMENT_FAILED)
        return reported or _await_report(assoc, transaction_uid, syntax, on_commitment, clock() + wait_seconds, clock)
    raise unexpected(assoc, message.command)


def _await_report(
    assoc: Association,
    transaction_uid: str,
    syntax: str,
    on_commitment: OnCommitment,
    deadline: float,
    clock: Clock,
) -> bool:
    try:
        for _ in range(REPORTS_AT_MOST):
            if not assoc.is_addressed(max(0.0, deadline - clock())):
                return False
            message = assoc.await_message()
            if message.command.command_field != N_EVENT_REPORT_RQ:
                raise unexpected(assoc, message.command)
            if _take_report(assoc, message, syntax, on_commitment) == transaction_uid:
                return True
    except (AssociationAborted, AssociationLost):
        # It has taken the request, and may well hang up before it reports.
        return False
    return False


def _take_report(assoc: Association, message: Message, syntax: str, on_commitment: OnCommitment) -> str:
    """Give a report to whom it concerns, confirm it, and give its transaction."""
    report, status = _report_in(message, syntax), PROCESSING_FAILURE
    if report is not None:
        try:
            status = on_commitment(report.transaction_uid, report.stored, report.failed)
        except TolmachError:
            # Not kept: the archive is told so and reports again.
            status = PROCESSING_FAILURE
    command = message.command
    answer = CommandSet(
        {
            AFFECTED_SOP_CLASS_UID: command.text(AFFECTED_SOP_CLASS_UID),
            COMMAND_FIELD: N_EVENT_REPORT_RSP,
            MESSAGE_ID_BEING_RESPONDED_TO: command.message_id,
            COMMAND_DATA_SET_TYPE: NO_DATA_SET,
            STATUS: status,
            AFFECTED_SOP_INSTANCE_UID: command.text(AFFECTED_SOP_INSTANCE_UID),
            EVENT_TYPE_ID: command.number(EVENT_TYPE_ID),
        }
    )
    assoc.send_message(message.context_id, answer)
    return report.transaction_uid if report is not None and status == SUCCESS else ""


def _report_in(message: Message, syntax: str) -> CommitmentReport | None:
    try:
        return parse_report(message.data, syntax)
    except (Damaged, NoReport):
        return None
