"""What Storage Commitment says: which instances it is about, and which of them the archive answers for.

Standard: PS3.4 annex J.3 (Push Model, tables J.3-1 and J.3-2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tolmach.adapters.dimse.message_data import (
    element_of,
    element_of_number,
    items_in,
    number_in,
    parse_message_data,
    sequence_of,
    uid_in,
)
from tolmach.dicom import uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.scanner import Encoding

# Every request and report is about this one instance. Standard: PS3.4 section J.3.5.
PUSH_MODEL_INSTANCE = f"{uids.StorageCommitmentPushModel}.1"

REQUEST_COMMITMENT = 1  # Action Type ID
ALL_STORED, SOME_FAILED = 1, 2  # Event Type ID

PROCESSING_FAILURE = 0x0110

Reference = tuple[str, str]  # SOP Class UID, SOP Instance UID
Failure = tuple[str, str, int]  # and why not

# Takes the transaction, what is stored, and what is not; gives the status to answer, 0000H when it is all kept. An
# answer may come more than once, and about transactions nobody began: 0110H lets it come again.
OnCommitment = Callable[[str, Sequence[Reference], Sequence[Failure]], int]


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """The archive's answer to one transaction."""

    transaction_uid: str
    stored: tuple[Reference, ...]
    failed: tuple[Failure, ...]


class NoReport(ValueError):
    """The data set is no report on a transaction, or no request of one; the text says what it lacks."""


def encode_request(transaction_uid: str, references: Sequence[Reference], encoding: Encoding) -> bytes:
    """Give the action information of a request."""
    items = [_pair(sop_class, instance, encoding) for sop_class, instance in references]
    return element_of("TransactionUID", transaction_uid, encoding) + sequence_of(
        "ReferencedSOPSequence", items, encoding
    )


def parse_request(raw: bytes, transfer_syntax_uid: str) -> tuple[str, tuple[Reference, ...]]:
    """Read the action information of a request: transaction and references; raises `Damaged` or `NoReport`."""
    data_set = parse_message_data(raw, transfer_syntax_uid)
    transaction_uid = uid_in(data_set, "TransactionUID")
    if not transaction_uid:
        raise NoReport("no Transaction UID")
    references = tuple(_reference(data_set, item) for item in items_in(data_set, "ReferencedSOPSequence"))
    if not references:
        raise NoReport("no references")
    return transaction_uid, references


def encode_report(report: CommitmentReport, encoding: Encoding) -> bytes:
    """Give the event information of a report. Standard: PS3.4 table J.3-2."""
    failed = [
        _pair(sop_class, instance, encoding) + element_of_number("FailureReason", reason, encoding)
        for sop_class, instance, reason in report.failed
    ]
    stored = [_pair(sop_class, instance, encoding) for sop_class, instance in report.stored]
    parts = [element_of("TransactionUID", report.transaction_uid, encoding)]
    parts += [sequence_of("FailedSOPSequence", failed, encoding)] if failed else []
    parts += [sequence_of("ReferencedSOPSequence", stored, encoding)] if stored else []
    return b"".join(parts)


def parse_report(raw: bytes, transfer_syntax_uid: str) -> CommitmentReport:
    """Read the event information of a report; raises `Damaged` or `NoReport`."""
    data_set = parse_message_data(raw, transfer_syntax_uid)
    transaction_uid = uid_in(data_set, "TransactionUID")
    if not transaction_uid:
        raise NoReport("no Transaction UID")
    stored = tuple(_reference(data_set, item) for item in items_in(data_set, "ReferencedSOPSequence"))
    failed = tuple(
        (*_reference(data_set, item), _reason(data_set, item)) for item in items_in(data_set, "FailedSOPSequence")
    )
    return CommitmentReport(transaction_uid, stored, failed)


def _pair(sop_class_uid: str, sop_instance_uid: str, encoding: Encoding) -> bytes:
    return element_of("ReferencedSOPClassUID", sop_class_uid, encoding) + element_of(
        "ReferencedSOPInstanceUID", sop_instance_uid, encoding
    )


def _reference(data_set: DataSet, item: int) -> Reference:
    instance = uid_in(data_set, "ReferencedSOPInstanceUID", item)
    if not instance:
        raise NoReport("a reference without a SOP Instance UID")
    return uid_in(data_set, "ReferencedSOPClassUID", item), instance


def _reason(data_set: DataSet, item: int) -> int:
    reason = number_in(data_set, "FailureReason", item)
    return PROCESSING_FAILURE if reason is None else reason
