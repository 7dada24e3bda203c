"""N-EVENT-REPORT of Storage Commitment on an association that the archive opens to us: the SCU's side, answering.

Standard: PS3.4 section J.3.3.
"""

from __future__ import annotations

import logging

from tolmach.adapters.dimse.command_set import N_EVENT_REPORT_RQ
from tolmach.adapters.dimse.commitment import NoReport, OnCommitment, parse_report
from tolmach.adapters.dimse.message_data import MESSAGE_SYNTAXES
from tolmach.adapters.dimse.operation import Operation
from tolmach.adapters.dimse.relayed_service import RelayedService
from tolmach.base import TolmachError
from tolmach.dicom import uids

log = logging.getLogger(__name__)

INVALID_ARGUMENT_VALUE = 0x0115
PROCESSING_FAILURE = 0x0110


def commitment_report_scp(on_commitment: OnCommitment) -> RelayedService:
    """Give the service that takes reports; "success" is answered only after `on_commitment` has returned that.

    An error of tolmach's from it is answered with 0110H, so that the archive reports again.
    """

    def status_of(operation: Operation) -> int:
        name = operation.caller.name or operation.caller.ae_title
        try:
            report = parse_report(operation.data, operation.transfer_syntax_uid)
            return on_commitment(report.transaction_uid, report.stored, report.failed)
        except NoReport as error:
            log.warning("the commitment report of %s is none: %s", name, error)
            return INVALID_ARGUMENT_VALUE
        except TolmachError as error:
            log.warning("the commitment report of %s: %s", name, error)
            return PROCESSING_FAILURE

    return RelayedService(
        frozenset({uids.StorageCommitmentPushModel}),
        transfer_syntaxes=MESSAGE_SYNTAXES,
        caller_is_scp=True,
        performs={N_EVENT_REPORT_RQ: lambda operation: operation.respond(status_of(operation))},
    )
