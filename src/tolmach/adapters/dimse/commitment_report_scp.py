"""N-EVENT-REPORT of Storage Commitment on an association that the archive opens to us: the SCU's side, answering.

Standard: PS3.4 section J.3.3.
"""

from __future__ import annotations

import logging
from typing import Any

from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.commitment import NoReport, OnCommitment, parse_report
from tolmach.adapters.dimse.message_data import MESSAGE_SYNTAXES
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

    def answer(event: Any, caller: Caller) -> tuple[int, None]:
        raw = event.request.EventInformation
        try:
            report = parse_report(b"" if raw is None else raw.getvalue(), event.context.transfer_syntax)
            return on_commitment(report.transaction_uid, report.stored, report.failed), None
        except NoReport as error:
            log.warning("the commitment report of %s is none: %s", caller.name or caller.ae_title, error)
            return INVALID_ARGUMENT_VALUE, None
        except TolmachError as error:
            log.warning("the commitment report of %s: %s", caller.name or caller.ae_title, error)
            return PROCESSING_FAILURE, None

    return RelayedService(
        frozenset({uids.StorageCommitmentPushModel}),
        {"EVT_N_EVENT_REPORT": answer},
        MESSAGE_SYNTAXES,
        caller_is_scp=True,
    )
