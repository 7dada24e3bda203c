"""Scripted archives for the services that are not storage: each does exactly what a test tells it."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from tests.unit.adapters.dimse.parrot import Line
from tolmach.adapters.dimse import pdu, pdu_codec
from tolmach.adapters.dimse.command_set import (
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    C_CANCEL_RQ,
    C_FIND_RQ,
    C_FIND_RSP,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    ERROR_COMMENT,
    EVENT_TYPE_ID,
    MESSAGE_ID,
    MESSAGE_ID_BEING_RESPONDED_TO,
    N_ACTION_RQ,
    N_ACTION_RSP,
    N_EVENT_REPORT_RQ,
    STATUS,
    CommandSet,
    Value,
    encode_command_set,
    parse_command_set,
)
from tolmach.adapters.dimse.commitment import PUSH_MODEL_INSTANCE
from tolmach.adapters.dimse.message_data import (
    element_of,
    encoding_of,
    items_in,
    parse_message_data,
    sequence_of,
    uid_in,
)
from tolmach.dicom import uids

EXPLICIT = uids.ExplicitVRLittleEndian
ENCODING = encoding_of(EXPLICIT)
PENDING, NO_DATA_SET = 0xFF00, 0x0101


def hear(line: Line) -> tuple[int, CommandSet, bytes]:
    """Give context id, command and data set of the next message."""
    raw, data = bytearray(), bytearray()
    command: CommandSet | None = None
    while True:
        pdu_type, body = line.hear()
        assert pdu_type == pdu.P_DATA_TF, pdu_type
        for pdv in pdu_codec.parse_pdvs(body):
            (raw if pdv.is_command else data).extend(pdv.fragment)
            if pdv.is_last and pdv.is_command:
                command = parse_command_set(raw)
            if pdv.is_last and command is not None and (not pdv.is_command or not command.has_data_set):
                return pdv.context_id, command, bytes(data)


def say(line: Line, context_id: int, command: Mapping[int, Value], data: bytes = b"") -> None:
    """Send a message, whose data set type follows from its data, in fragments of 8 KiB."""
    raw = encode_command_set({**command, COMMAND_DATA_SET_TYPE: 1 if data else NO_DATA_SET})
    line.say(pdu_codec.encode_p_data_header(context_id, len(raw), is_command=True, is_last=True) + raw)
    for start in range(0, len(data), 8192):
        piece = data[start : start + 8192]
        is_last = start + len(piece) == len(data)
        header = pdu_codec.encode_p_data_header(context_id, len(piece), is_command=False, is_last=is_last)
        line.say(header + piece)


# Storage Commitment ---------------------------------------------------------------------------------------------------


def hear_request(line: Line) -> tuple[int, CommandSet, str, list[tuple[str, str]]]:
    """Give an N-ACTION: context, command, Transaction UID, references."""
    context_id, command, data = hear(line)
    assert command.command_field == N_ACTION_RQ
    data_set = parse_message_data(data, EXPLICIT)
    references = [
        (uid_in(data_set, "ReferencedSOPClassUID", item), uid_in(data_set, "ReferencedSOPInstanceUID", item))
        for item in items_in(data_set, "ReferencedSOPSequence")
    ]
    return context_id, command, uid_in(data_set, "TransactionUID"), references


def confirm(line: Line, context_id: int, request: CommandSet, status: int = 0) -> None:
    """Answer an N-ACTION."""
    answer: dict[int, Value] = {
        COMMAND_FIELD: N_ACTION_RSP,
        MESSAGE_ID_BEING_RESPONDED_TO: request.message_id,
        STATUS: status,
    }
    say(line, context_id, answer)


def report(
    line: Line,
    context_id: int,
    transaction_uid: str,
    stored: Sequence[tuple[str, str]],
    failed: Sequence[tuple[str, str, int]] = (),
) -> int:
    """Send an N-EVENT-REPORT and give the status of its answer."""
    data = element_of("TransactionUID", transaction_uid, ENCODING)
    failures = [
        _reference(sop_class, instance) + b"\x08\x00\x97\x11US\x02\x00" + reason.to_bytes(2, "little")
        for sop_class, instance, reason in failed
    ]
    if failures:
        data += sequence_of("FailedSOPSequence", failures, ENCODING)
    data += sequence_of("ReferencedSOPSequence", [_reference(*one) for one in stored], ENCODING)
    command: dict[int, Value] = {
        AFFECTED_SOP_CLASS_UID: uids.StorageCommitmentPushModel,
        COMMAND_FIELD: N_EVENT_REPORT_RQ,
        MESSAGE_ID: 99,
        AFFECTED_SOP_INSTANCE_UID: PUSH_MODEL_INSTANCE,
        EVENT_TYPE_ID: 2 if failed else 1,
    }
    say(line, context_id, command, data)
    _, answer, _ = hear(line)
    assert answer.message_id == 99
    return answer.number(STATUS)


def _reference(sop_class: str, instance: str) -> bytes:
    return element_of("ReferencedSOPClassUID", sop_class, ENCODING) + element_of(
        "ReferencedSOPInstanceUID", instance, ENCODING
    )


# Queries --------------------------------------------------------------------------------------------------------------

# Takes the UIDs that are asked for (none: all); gives those it answers with, or a status to fail with.
Find = Callable[[list[str]], Iterable[str] | int]


def serve_queries(line: Line, find: Find, comment: str = "") -> list[list[str]]:
    """Accept, answer C-FIND until the release or an abort, and give what was asked for each time."""
    asked: list[list[str]] = []
    line.accept()
    while line.sock.recv(1, 2) == bytes([pdu.P_DATA_TF]):  # MSG_PEEK
        context_id, command, data = hear(line)
        if command.command_field == C_CANCEL_RQ:
            continue
        assert command.command_field == C_FIND_RQ
        data_set = parse_message_data(data, EXPLICIT)
        position = data_set.find(0x00080018)
        listed = data_set.raw(position).decode().strip("\0") if position else ""
        asked.append(listed.split("\\") if listed else [])
        found = find(asked[-1])
        if isinstance(found, int):
            said = {ERROR_COMMENT: comment} if comment else {}
            say(line, context_id, {**_answer(command, found), **said})
            continue
        for uid in found:
            say(line, context_id, _answer(command, PENDING), element_of("SOPInstanceUID", uid, ENCODING))
        say(line, context_id, _answer(command, 0))
    if line.hear()[0] == pdu.RELEASE_RQ:
        line.say(pdu_codec.encode_release_rp())
    return asked


def _answer(request: CommandSet, status: int) -> dict[int, Value]:
    return {COMMAND_FIELD: C_FIND_RSP, MESSAGE_ID_BEING_RESPONDED_TO: request.message_id, STATUS: status}
