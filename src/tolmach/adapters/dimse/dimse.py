"""The command sets of C-STORE and C-ECHO, between bytes and values.

A command set is a short list of elements of group 0000 in Implicit VR Little Endian, whatever the data set is in.
A fault in the bytes raises `MalformedCommand`.

Standard: PS3.7 sections 6.3, 9.3.1 and 9.3.5, annex E.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tolmach.adapters.dimse.pdu import UID_LENGTH
from tolmach.dicom import uids

COMMAND_LIMIT = 1 << 16

# PS3.7 table E.1-1: command fields
C_STORE_RQ: Final = 0x0001
C_STORE_RSP: Final = 0x8001
C_ECHO_RQ: Final = 0x0030
C_ECHO_RSP: Final = 0x8030

# PS3.7 section E.1: elements of the command group, by element number
_GROUP_LENGTH = 0x0000
_AFFECTED_SOP_CLASS_UID = 0x0002
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
_PRIORITY = 0x0700
_COMMAND_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_ERROR_COMMENT = 0x0902
_AFFECTED_SOP_INSTANCE_UID = 0x1000
_MOVE_ORIGINATOR_AE_TITLE = 0x1030
_MOVE_ORIGINATOR_MESSAGE_ID = 0x1031

_NO_DATA_SET = 0x0101
_DATA_SET_FOLLOWS = 0x0001
_COMMENT_LENGTH = 64
_ELEMENT = struct.Struct("<HHL")
_SHORT = struct.Struct("<H")
_FOUR_SHORTS = struct.Struct("<" + "HHLH" * 4)


class MalformedCommand(ValueError):
    """The bytes are no command set, or not the one that may stand here; the text says why."""


@dataclass(frozen=True, slots=True)
class CStoreRequest:
    """C-STORE-RQ: a data set follows on the same presentation context.

    `move_originator` is who asked for it by C-MOVE, and the Message ID of that; only for sending.
    """

    message_id: int
    sop_class_uid: str
    sop_instance_uid: str
    priority: int = 0
    move_originator: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class CStoreResponse:
    """C-STORE-RSP; the UIDs are empty when the peer left them out, as PS3.7 lets it."""

    message_id: int
    status: int
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    error_comment: str = ""


@dataclass(frozen=True, slots=True)
class CEchoRequest:
    """C-ECHO-RQ."""

    message_id: int


@dataclass(frozen=True, slots=True)
class CEchoResponse:
    """C-ECHO-RSP."""

    message_id: int
    status: int


Command = CStoreRequest | CStoreResponse | CEchoRequest | CEchoResponse


def encode_command(command: Command) -> bytes:
    """Encode a command set, with its group length."""
    match command:
        case CStoreRequest():
            elements = [
                _uid(_AFFECTED_SOP_CLASS_UID, command.sop_class_uid),
                _us(_COMMAND_FIELD, C_STORE_RQ),
                _us(_MESSAGE_ID, command.message_id),
                _us(_PRIORITY, command.priority),
                _us(_COMMAND_DATA_SET_TYPE, _DATA_SET_FOLLOWS),
                _uid(_AFFECTED_SOP_INSTANCE_UID, command.sop_instance_uid),
                *_originator(command.move_originator),
            ]
        case CStoreResponse():
            elements = [
                _uid(_AFFECTED_SOP_CLASS_UID, command.sop_class_uid),
                _response(C_STORE_RSP, command.message_id, command.status),
                _text(_ERROR_COMMENT, command.error_comment),
                _uid(_AFFECTED_SOP_INSTANCE_UID, command.sop_instance_uid),
            ]
        case CEchoRequest():
            elements = [
                _uid(_AFFECTED_SOP_CLASS_UID, uids.Verification),
                _us(_COMMAND_FIELD, C_ECHO_RQ),
                _us(_MESSAGE_ID, command.message_id),
                _us(_COMMAND_DATA_SET_TYPE, _NO_DATA_SET),
            ]
        case CEchoResponse():
            elements = [
                _uid(_AFFECTED_SOP_CLASS_UID, uids.Verification),
                _response(C_ECHO_RSP, command.message_id, command.status),
            ]
    body = b"".join(elements)
    return _element(_GROUP_LENGTH, struct.pack("<L", len(body))) + body


def parse_command(raw: bytes | bytearray | memoryview) -> Command:
    """Read one command set of at most 64 KiB; raises `MalformedCommand` for any other command than ours."""
    elements = parse_elements(memoryview(raw))
    command_field = _short(elements, _COMMAND_FIELD)
    has_data_set = _short(elements, _COMMAND_DATA_SET_TYPE) != _NO_DATA_SET
    if has_data_set != (command_field == C_STORE_RQ):
        raise MalformedCommand(f"command {command_field:04X}H with a wrong command data set type")
    match command_field:
        case 0x0001:
            return CStoreRequest(
                _short(elements, _MESSAGE_ID),
                _required_uid(elements, _AFFECTED_SOP_CLASS_UID),
                _required_uid(elements, _AFFECTED_SOP_INSTANCE_UID),
                _short(elements, _PRIORITY) if _PRIORITY in elements else 0,
            )
        case 0x8001:
            return CStoreResponse(
                _short(elements, _MESSAGE_ID_BEING_RESPONDED_TO),
                _short(elements, _STATUS),
                _optional_uid(elements, _AFFECTED_SOP_CLASS_UID),
                _optional_uid(elements, _AFFECTED_SOP_INSTANCE_UID),
                _comment(elements),
            )
        case 0x0030:
            return CEchoRequest(_short(elements, _MESSAGE_ID))
        case 0x8030:
            return CEchoResponse(_short(elements, _MESSAGE_ID_BEING_RESPONDED_TO), _short(elements, _STATUS))
        case _:
            raise MalformedCommand(f"command {command_field:04X}H is not C-STORE or C-ECHO")


def _response(command_field: int, message_id: int, status: int) -> bytes:
    return _FOUR_SHORTS.pack(
        *(0, _COMMAND_FIELD, 2, command_field),
        *(0, _MESSAGE_ID_BEING_RESPONDED_TO, 2, message_id),
        *(0, _COMMAND_DATA_SET_TYPE, 2, _NO_DATA_SET),
        *(0, _STATUS, 2, status),
    )


def _originator(originator: tuple[str, int] | None) -> tuple[bytes, ...]:
    if originator is None:
        return ()
    ae_title, message_id = originator
    return _text(_MOVE_ORIGINATOR_AE_TITLE, ae_title), _us(_MOVE_ORIGINATOR_MESSAGE_ID, message_id)


def _element(element: int, value: bytes) -> bytes:
    return _ELEMENT.pack(0, element, len(value)) + value


def _us(element: int, value: int) -> bytes:
    return _element(element, _SHORT.pack(value))


def _uid(element: int, uid: str) -> bytes:
    raw = uid.encode("ascii")
    return _element(element, raw + b"\0" * (len(raw) % 2)) if raw else b""


def _text(element: int, text: str) -> bytes:
    raw = text.encode("ascii", "replace")[:_COMMENT_LENGTH]
    return _element(element, raw + b" " * (len(raw) % 2)) if raw else b""


def parse_elements(view: memoryview) -> Mapping[int, memoryview]:
    """Give the values of a command set by element number; raises `MalformedCommand` for what is not of group 0000."""
    size = len(view)
    if size > COMMAND_LIMIT:
        raise MalformedCommand(f"command set longer than {COMMAND_LIMIT} bytes")
    elements: dict[int, memoryview] = {}
    position = 0
    while position < size:
        value = position + _ELEMENT.size
        if value > size:
            raise MalformedCommand("command element cut short")
        group, element, length = _ELEMENT.unpack_from(view, position)
        end = value + length
        if group != 0 or end > size:
            raise MalformedCommand(f"command element ({group:04X},{element:04X}) claims {length} bytes")
        if element in elements:
            raise MalformedCommand(f"command element ({group:04X},{element:04X}) twice")
        elements[element] = view[value:end]
        position = end
    return elements


def _short(elements: Mapping[int, memoryview], element: int) -> int:
    value = elements.get(element)
    if value is None or len(value) != 2:
        raise MalformedCommand(f"command element (0000,{element:04X}) is missing or not 2 bytes long")
    return int.from_bytes(value, "little")


def _required_uid(elements: Mapping[int, memoryview], element: int) -> str:
    uid = _optional_uid(elements, element)
    if not uid:
        raise MalformedCommand(f"command element (0000,{element:04X}) is missing or empty")
    return uid


def _optional_uid(elements: Mapping[int, memoryview], element: int) -> str:
    raw = bytes(elements.get(element, b"")).strip(b" \0")
    if len(raw) > UID_LENGTH or not raw.isascii():
        raise MalformedCommand(f"the UID of (0000,{element:04X}) is longer than {UID_LENGTH} characters or not ASCII")
    return raw.decode("ascii")


def _comment(elements: Mapping[int, memoryview]) -> str:
    raw = bytes(elements.get(_ERROR_COMMENT, b"")[: 4 * _COMMENT_LENGTH])
    text = raw.decode("utf-8", "backslashreplace").strip(" \0")
    return "".join(letter if letter.isprintable() else "?" for letter in text)
