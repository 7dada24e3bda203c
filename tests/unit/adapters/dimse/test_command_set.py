"""Command sets of any service: what goes in comes out, and whatever else comes in is refused, not half read."""

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pynetdicom.dimse_messages import N_ACTION_RQ as PYNETDICOM_N_ACTION_RQ
from pynetdicom.dsutils import decode

from tolmach.adapters.dimse import command_set
from tolmach.adapters.dimse.command_set import (
    AFFECTED_SOP_CLASS_UID,
    C_CANCEL_RQ,
    C_FIND_RQ,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    ERROR_COMMENT,
    MESSAGE_ID,
    MESSAGE_ID_BEING_RESPONDED_TO,
    MOVE_DESTINATION,
    N_ACTION_RQ,
    STATUS,
    CommandSet,
    encode_command_set,
    parse_command_set,
)
from tolmach.adapters.dimse.dimse import MalformedCommand
from tolmach.dicom import uids

FIND = CommandSet(
    {
        AFFECTED_SOP_CLASS_UID: uids.StudyRootQueryRetrieveInformationModelFind,
        COMMAND_FIELD: C_FIND_RQ,
        MESSAGE_ID: 7,
        command_set.PRIORITY: 0,
        COMMAND_DATA_SET_TYPE: 1,
    }
)


def test_a_command_set_comes_out_as_it_went_in() -> None:
    found = parse_command_set(encode_command_set(FIND))
    assert found == FIND
    assert (found.command_field, found.message_id, found.has_data_set) == (C_FIND_RQ, 7, True)
    assert not found.is_response
    assert not found.is_final


@pytest.mark.parametrize(("status", "is_final"), [(0, True), (0xFF00, False), (0xFF01, False), (0xFE00, True)])
def test_which_response_is_the_last(status: int, is_final: bool) -> None:
    response = {COMMAND_FIELD: 0x8020, MESSAGE_ID_BEING_RESPONDED_TO: 7, COMMAND_DATA_SET_TYPE: 0x0101, STATUS: status}
    found = parse_command_set(encode_command_set(response))
    assert (found.is_response, found.is_final, found.message_id, found.has_data_set) == (True, is_final, 7, False)


def test_a_cancel_says_what_it_cancels() -> None:
    cancel = {COMMAND_FIELD: C_CANCEL_RQ, MESSAGE_ID_BEING_RESPONDED_TO: 9, COMMAND_DATA_SET_TYPE: 0x0101}
    assert parse_command_set(encode_command_set(cancel)).message_id == 9


def test_pydicom_reads_what_we_write() -> None:
    values = {**FIND, MOVE_DESTINATION: "ODD", ERROR_COMMENT: "words"}
    read: Dataset = decode(BytesIO(encode_command_set(values)), True, True)
    assert read.AffectedSOPClassUID == FIND[AFFECTED_SOP_CLASS_UID]
    assert (read.CommandField, read.MessageID, read.MoveDestination) == (C_FIND_RQ, 7, "ODD")
    assert read.CommandGroupLength == len(encode_command_set(values)) - 12


def test_our_element_numbers_are_those_of_pynetdicom() -> None:
    message = PYNETDICOM_N_ACTION_RQ()
    known = {element.tag.element for element in message.command_set}
    assert {
        command_set.REQUESTED_SOP_CLASS_UID,
        COMMAND_FIELD,
        MESSAGE_ID,
        COMMAND_DATA_SET_TYPE,
        command_set.REQUESTED_SOP_INSTANCE_UID,
        command_set.ACTION_TYPE_ID,
    } <= known


def element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, number, len(value)) + value


GOOD = encode_command_set(FIND)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        GOOD[:-1],
        GOOD + b"\0",
        GOOD + element(COMMAND_FIELD, b"\x20\x00"),  # twice
        GOOD + struct.pack("<HHL", 8, 5, 0),  # not of the command group
        GOOD + element(STATUS, b"\0"),
        GOOD + element(MOVE_DESTINATION, b"A\\B "),
        GOOD + element(MOVE_DESTINATION, b"ABCDEFGHIJKLMNOPQR"),
        GOOD + element(command_set.AFFECTED_SOP_INSTANCE_UID, b"../../etc/passwd"),
        GOOD + element(command_set.AFFECTED_SOP_INSTANCE_UID, b"1." * 33),
        GOOD + element(command_set.ATTRIBUTE_IDENTIFIER_LIST, b"abc"),
        encode_command_set({**FIND, COMMAND_FIELD: 0x0002}),
        encode_command_set({**FIND, COMMAND_FIELD: 0x8020}),  # a response without what it responds to
        encode_command_set({**FIND, COMMAND_FIELD: 0x8020, MESSAGE_ID_BEING_RESPONDED_TO: 1}),  # and without status
        encode_command_set({**FIND, COMMAND_FIELD: C_CANCEL_RQ}),
        *(encode_command_set({k: v for k, v in FIND.items() if k != missing}) for missing in (0x0100, 0x0110, 0x0800)),
    ],
)
def test_what_is_no_command_set_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedCommand):
        parse_command_set(raw)


def test_what_nobody_knows_is_left_out() -> None:
    raw = GOOD + element(0x5555, b"anything at all.")
    assert encode_command_set(parse_command_set(raw)) == GOOD


def test_comments_are_cut_and_made_printable() -> None:
    raw = GOOD + element(ERROR_COMMENT, b"\x1b[2J" + "Ш".encode("cp1251") + b"x" * 300)
    comment = parse_command_set(raw).text(ERROR_COMMENT)
    assert comment.startswith("?[2J?xxx")
    assert len(comment) == 64


@given(st.binary(max_size=300))
def test_anything_is_refused_or_read_but_never_breaks(raw: bytes) -> None:
    for candidate in (raw, GOOD[: len(raw) % len(GOOD)] + raw, GOOD + raw):
        try:
            found = parse_command_set(candidate)
        except MalformedCommand:
            continue
        assert parse_command_set(encode_command_set(found)) == {k: v for k, v in found.items() if v != ""}


def test_the_command_fields_are_those_of_the_standard() -> None:
    assert N_ACTION_RQ in command_set.REQUESTS
    assert len(command_set.REQUESTS) == 12
