"""Command sets of any DIMSE service, between bytes and values by element number; each value checked against its VR.

C-STORE and C-ECHO have their own, quicker way in `dimse`; everything else comes through here, also what goes on to
pynetdicom: it is written anew from the values, so that nothing odd in the bytes goes with them.

Standard: PS3.7 section 6.3, annex E (table E.1-1).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Final

from tolmach.adapters.dimse.addresses import is_ae_title
from tolmach.adapters.dimse.dimse import MalformedCommand, parse_elements
from tolmach.adapters.dimse.pdu import UID_LENGTH

C_STORE_RQ: Final = 0x0001
C_GET_RQ: Final = 0x0010
C_GET_RSP: Final = 0x8010
C_FIND_RQ: Final = 0x0020
C_FIND_RSP: Final = 0x8020
C_MOVE_RQ: Final = 0x0021
C_MOVE_RSP: Final = 0x8021
C_ECHO_RQ: Final = 0x0030
N_EVENT_REPORT_RQ: Final = 0x0100
N_EVENT_REPORT_RSP: Final = 0x8100
N_GET_RQ: Final = 0x0110
N_SET_RQ: Final = 0x0120
N_ACTION_RQ: Final = 0x0130
N_ACTION_RSP: Final = 0x8130
N_CREATE_RQ: Final = 0x0140
N_DELETE_RQ: Final = 0x0150
C_CANCEL_RQ: Final = 0x0FFF
_RESPONSE: Final = 0x8000

REQUESTS = frozenset(
    {
        C_STORE_RQ, C_GET_RQ, C_FIND_RQ, C_MOVE_RQ, C_ECHO_RQ, N_EVENT_REPORT_RQ, N_GET_RQ, N_SET_RQ, N_ACTION_RQ,
        N_CREATE_RQ, N_DELETE_RQ, C_CANCEL_RQ,
    }
)  # fmt: skip

GROUP_LENGTH: Final = 0x0000
AFFECTED_SOP_CLASS_UID: Final = 0x0002
REQUESTED_SOP_CLASS_UID: Final = 0x0003
COMMAND_FIELD: Final = 0x0100
MESSAGE_ID: Final = 0x0110
MESSAGE_ID_BEING_RESPONDED_TO: Final = 0x0120
MOVE_DESTINATION: Final = 0x0600
PRIORITY: Final = 0x0700
COMMAND_DATA_SET_TYPE: Final = 0x0800
STATUS: Final = 0x0900
OFFENDING_ELEMENT: Final = 0x0901
ERROR_COMMENT: Final = 0x0902
ERROR_ID: Final = 0x0903
AFFECTED_SOP_INSTANCE_UID: Final = 0x1000
REQUESTED_SOP_INSTANCE_UID: Final = 0x1001
EVENT_TYPE_ID: Final = 0x1002
ATTRIBUTE_IDENTIFIER_LIST: Final = 0x1005
ACTION_TYPE_ID: Final = 0x1008
REMAINING_SUB_OPERATIONS: Final = 0x1020
COMPLETED_SUB_OPERATIONS: Final = 0x1021
FAILED_SUB_OPERATIONS: Final = 0x1022
WARNING_SUB_OPERATIONS: Final = 0x1023

NO_DATA_SET: Final = 0x0101
DATA_SET_FOLLOWS: Final = 0x0001
PENDING = frozenset({0xFF00, 0xFF01})

_VRS = {
    AFFECTED_SOP_CLASS_UID: "UI", REQUESTED_SOP_CLASS_UID: "UI", COMMAND_FIELD: "US", MESSAGE_ID: "US",
    MESSAGE_ID_BEING_RESPONDED_TO: "US", MOVE_DESTINATION: "AE", PRIORITY: "US", COMMAND_DATA_SET_TYPE: "US",
    STATUS: "US", OFFENDING_ELEMENT: "AT", ERROR_COMMENT: "LO", ERROR_ID: "US", AFFECTED_SOP_INSTANCE_UID: "UI",
    REQUESTED_SOP_INSTANCE_UID: "UI", EVENT_TYPE_ID: "US", ATTRIBUTE_IDENTIFIER_LIST: "AT", ACTION_TYPE_ID: "US",
    0x1020: "US", 0x1021: "US", 0x1022: "US", 0x1023: "US",  # numbers of sub-operations
    0x1030: "AE", 0x1031: "US",  # move originator
}  # fmt: skip
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_COMMENT_LENGTH = 64
_ELEMENT = struct.Struct("<HHL")
_SHORT = struct.Struct("<H")

Value = int | str | bytes


class CommandSet(dict[int, Value]):
    """Values by element number: numbers for US, text for UI, AE and LO, bytes for AT."""

    def number(self, element: int) -> int:
        """Give a number that must be there; raises `MalformedCommand`."""
        value = self.get(element)
        if not isinstance(value, int):
            raise MalformedCommand(f"command element (0000,{element:04X}) is missing")
        return value

    def text(self, element: int) -> str:
        """Give a text, or nothing where there is none."""
        value = self.get(element, "")
        return value if isinstance(value, str) else ""

    @property
    def command_field(self) -> int:
        """Which command it is."""
        return self.number(COMMAND_FIELD)

    @property
    def is_response(self) -> bool:
        """Whether it answers a request."""
        return bool(self.command_field & _RESPONSE)

    @property
    def is_final(self) -> bool:
        """Whether it is a response after which no other comes; "pending" is none."""
        return self.is_response and self.number(STATUS) not in PENDING

    @property
    def message_id(self) -> int:
        """The Message ID of the request that this is, answers or cancels."""
        refers = self.is_response or self.command_field == C_CANCEL_RQ
        return self.number(MESSAGE_ID_BEING_RESPONDED_TO if refers else MESSAGE_ID)

    @property
    def has_data_set(self) -> bool:
        """Whether a data set follows."""
        return self.number(COMMAND_DATA_SET_TYPE) != NO_DATA_SET


def is_uid(text: str) -> bool:
    """Tell whether a text can be a UID: numbers parted by full stops, 64 letters at most."""
    return len(text) <= UID_LENGTH and _UID.fullmatch(text) is not None


def parse_command_set(raw: bytes | bytearray | memoryview) -> CommandSet:
    """Read a command set of at most 64 KiB; raises `MalformedCommand`. Elements that PS3.7 does not know are left out.

    Afterwards the command field, the Message ID, the data set type and, in responses, the status are there.
    """
    values = CommandSet()
    for element, view in parse_elements(memoryview(raw)).items():
        if element in _VRS:
            values[element] = _value(element, bytes(view))
    if not values.is_response and values.command_field not in REQUESTS:
        raise MalformedCommand(f"command {values.command_field:04X}H is not one of PS3.7")
    assert values.message_id is not None
    assert values.has_data_set is not None
    assert values.is_final is not None
    return values


def encode_command_set(values: Mapping[int, Value]) -> bytes:
    """Encode a command set, with its group length; empty texts are left out."""
    body = b"".join(_element(element, value) for element, value in sorted(values.items()) if value != "")
    return _ELEMENT.pack(0, GROUP_LENGTH, 4) + struct.pack("<L", len(body)) + body


def _value(element: int, raw: bytes) -> Value:
    match _VRS[element]:
        case "US":
            if len(raw) != 2:
                raise MalformedCommand(f"command element (0000,{element:04X}) is not 2 bytes long")
            return int.from_bytes(raw, "little")
        case "UI":
            uid = raw.strip(b" \0").decode("latin-1")
            if uid and not is_uid(uid):
                raise MalformedCommand(f"command element (0000,{element:04X}) is no UID")
            return uid
        case "AE":
            title = raw.decode("latin-1").strip(" \0")
            if title and not is_ae_title(title):
                raise MalformedCommand(f"command element (0000,{element:04X}) is no AE title")
            return title
        case "AT":
            if len(raw) % 4:
                raise MalformedCommand(f"command element (0000,{element:04X}) is not a list of tags")
            return raw
        case _:
            text = raw[: 4 * _COMMENT_LENGTH].decode("ascii", "replace").strip(" \0")
            return "".join(letter if " " <= letter <= "~" else "?" for letter in text)[:_COMMENT_LENGTH]


def _element(element: int, value: Value) -> bytes:
    if isinstance(value, int):
        raw = _SHORT.pack(value)
    elif isinstance(value, bytes):
        raw = value
    else:
        raw = value.encode("ascii")
        raw += (b"\0" if _VRS[element] == "UI" else b" ") * (len(raw) % 2)
    return _ELEMENT.pack(0, element, len(raw)) + raw
