"""The seven PDUs of the DICOM upper layer as values, with the tables of their codes. `pdu_codec` turns them to bytes.

Standard: PS3.8 section 9.3 (tables 9-11 to 9-26), annex D.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from tolmach.dicom import uids

ASSOCIATE_RQ: Final = 0x01
ASSOCIATE_AC: Final = 0x02
ASSOCIATE_RJ: Final = 0x03
P_DATA_TF: Final = 0x04
RELEASE_RQ: Final = 0x05
RELEASE_RP: Final = 0x06
ABORT: Final = 0x07
PDU_TYPES = frozenset(range(ASSOCIATE_RQ, ABORT + 1))

HEADER_LENGTH = 6
PDV_OVERHEAD = 6  # item length (4), context id (1), message control header (1)
ASSOCIATE_LIMIT = 1 << 18  # 128 contexts with 64 transfer syntaxes each are 220,000 bytes
MAX_CONTEXTS = 128
MAX_TRANSFER_SYNTAXES = 64
MAX_NEGOTIATIONS = 512  # role selections and extended negotiations of one association
UID_LENGTH = 64
SMALLEST_PEER_PDU = 8  # one PDV of two bytes; whoever asks for less gets this

IMPLEMENTATION_VERSION_NAME = "TOLMACH_0_1"

# PS3.8 table 9-18: result of a presentation context in A-ASSOCIATE-AC
ACCEPTANCE: Final = 0
NO_REASON: Final = 2
ABSTRACT_SYNTAX_NOT_SUPPORTED: Final = 3

# PS3.8 table 9-26: source, and the reason when the source is the service provider (2)
ABORT_BY_USER: Final = 0
ABORT_BY_PROVIDER: Final = 2
ABORT_REASONS = {
    0: "no reason given",
    1: "unrecognised PDU",
    2: "unexpected PDU",
    4: "unrecognised PDU parameter",
    5: "unexpected PDU parameter",
    6: "invalid PDU parameter",
}

Buffer = bytes | bytearray | memoryview


class MalformedPdu(ValueError):
    """The bytes are against PS3.8; the text says where."""


@dataclass(frozen=True, slots=True)
class PresentationContext:
    """A proposed context: an odd id, one abstract syntax, transfer syntaxes in order of preference."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContextResult:
    """The acceptor's answer to one context; the transfer syntax means something only when `result` is ACCEPTANCE."""

    context_id: int
    result: int
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class RoleSelection:
    """What the requestor would be for a SOP class; in an answer, what the acceptor lets it be."""

    sop_class_uid: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class UserInformation:
    """The sub-items we use; `max_pdu_length` 0 means that the sender of this item takes any length.

    `extended` are SOP classes with their service class application information, as it stands.
    """

    max_pdu_length: int
    implementation_class_uid: str = uids.IMPLEMENTATION_CLASS_UID
    implementation_version_name: str = IMPLEMENTATION_VERSION_NAME
    roles: tuple[RoleSelection, ...] = ()
    extended: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """A-ASSOCIATE-RQ."""

    called_ae_title: str
    calling_ae_title: str
    contexts: tuple[PresentationContext, ...]
    user_information: UserInformation
    application_context: str = uids.DICOMApplicationContext
    protocol_version: int = 1


@dataclass(frozen=True, slots=True)
class AssociateAccept:
    """A-ASSOCIATE-AC; the AE titles are only echoed and say nothing."""

    called_ae_title: str
    calling_ae_title: str
    results: tuple[ContextResult, ...]
    user_information: UserInformation
    application_context: str = uids.DICOMApplicationContext


@dataclass(frozen=True, slots=True)
class AssociateReject:
    """A-ASSOCIATE-RJ; result 1 is permanent, 2 transient."""

    result: int
    source: int
    reason: int


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT."""

    source: int = ABORT_BY_USER
    reason: int = 0

    @property
    def words(self) -> str:
        """Who aborted and why, in a few words."""
        if self.source == ABORT_BY_PROVIDER:
            return ABORT_REASONS.get(self.reason, f"reason {self.reason}")
        return "no reason given"


class Pdv(NamedTuple):
    """One presentation data value; `fragment` is a view into the PDU and dies with it."""

    context_id: int
    is_command: bool
    is_last: bool
    fragment: memoryview
