"""What a fault peer says when it is asked for proof: the answers to C-FIND and to storage commitment.

Identifiers are read and written with pydicom; what is said depends on nothing but what was kept.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

from pydicom import Dataset, Sequence
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from tests.faults import plainwire as wire

PENDING = 0xFF00
NO_SUCH_INSTANCE = 0x0112
HAS_DATA_SET = 0x0001


def is_implicit(raw: bytes) -> bool:
    """Bytes 4 and 5 spell a VR in explicit syntaxes, and are a length in the implicit one."""
    return not raw[4:6].isalpha()


def parse(raw: bytes) -> Dataset:
    return read_dataset(io.BytesIO(raw), is_implicit_VR=is_implicit(raw), is_little_endian=True)


def encode(identifier: Dataset, *, implicit: bool) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, True
    write_dataset(buffer, identifier)
    return buffer.getvalue()


def found_answer(message: wire.Message, kept: Mapping[str, str], max_length: int) -> bytes:
    """Answer a C-FIND at IMAGE level: one pending response for every instance asked for that was kept, and the last."""
    query = parse(message.data)
    wanted = query.get("SOPInstanceUID", "")
    uids = [wanted] if isinstance(wanted, str) else list(wanted)
    answers = []
    for uid in uids:
        if uid in kept:
            found = Dataset()
            found.update(query)
            found.SOPInstanceUID = uid
            found.RetrieveAETitle = "PEER"
            command = {**wire.answer_to(message.command, PENDING), wire.DATA_SET_TYPE: HAS_DATA_SET}
            data = encode(found, implicit=is_implicit(message.data))
            answers.append(wire.message_bytes(message.context_id, command, data, max_length))
    answers.append(wire.message_bytes(message.context_id, wire.answer_to(message.command, 0), b"", max_length))
    return b"".join(answers)


def commit_answers(message: wire.Message, kept: Mapping[str, str]) -> tuple[bytes, tuple[wire.Command, bytes]]:
    """Give the answer to an N-ACTION, and the N-EVENT-REPORT (command, data set) that says what is committed."""
    asked = parse(message.data)
    report = Dataset()
    report.TransactionUID = asked.TransactionUID
    safe: list[Dataset] = []
    lost: list[Dataset] = []
    for reference in asked.ReferencedSOPSequence:
        (safe if reference.ReferencedSOPInstanceUID in kept else lost).append(reference)
    for reference in lost:
        reference.FailureReason = NO_SUCH_INSTANCE
    if safe:
        report.ReferencedSOPSequence = Sequence(safe)
    if lost:
        report.FailedSOPSequence = Sequence(lost)
    command: wire.Command = {
        wire.FIELD: wire.N_EVENT_REPORT,
        wire.SOP_CLASS: wire.COMMITMENT,
        wire.INSTANCE: wire.COMMITMENT_INSTANCE,
        wire.EVENT_TYPE: 2 if lost else 1,
    }
    response = wire.answer_to(message.command, 0)
    response[wire.ACTION_TYPE] = 1
    data = encode(report, implicit=is_implicit(message.data))
    return wire.message_bytes(message.context_id, response), (command, data)


def event_report(context_id: int, report: tuple[wire.Command, bytes], max_length: int) -> bytes:
    """Give the N-EVENT-REPORT as a request on the association that is open."""
    command, data = report
    whole = {**command, wire.MESSAGE_ID: 1, wire.DATA_SET_TYPE: HAS_DATA_SET}
    return wire.message_bytes(context_id, whole, data, max_length)
