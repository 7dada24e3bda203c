"""Between the bytes of a PDU and its value, as pure functions.

Nothing here reads from a socket and nothing trusts a length: every item must lie whole inside the one that holds it.
A fault in the bytes raises `MalformedPdu`, whose text goes to the operator as the detail of the real error.

Standard: PS3.8 section 9.3 (tables 9-11 to 9-26), annex D.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from tolmach.adapters.dimse.pdu import (
    ABORT,
    ACCEPTANCE,
    ASSOCIATE_AC,
    ASSOCIATE_LIMIT,
    ASSOCIATE_RJ,
    ASSOCIATE_RQ,
    MAX_CONTEXTS,
    MAX_NEGOTIATIONS,
    MAX_TRANSFER_SYNTAXES,
    P_DATA_TF,
    PDU_TYPES,
    PDV_OVERHEAD,
    RELEASE_RP,
    RELEASE_RQ,
    UID_LENGTH,
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    Buffer,
    ContextResult,
    MalformedPdu,
    Pdv,
    PresentationContext,
    RoleSelection,
    UserInformation,
)

# PS3.8 table 9-11 and 9-17, 9.3.2.x, annex D.1, D.3.3
_APPLICATION_CONTEXT = 0x10
_CONTEXT_RQ = 0x20
_CONTEXT_AC = 0x21
_ABSTRACT_SYNTAX = 0x30
_TRANSFER_SYNTAX = 0x40
_USER_INFORMATION = 0x50
_MAX_LENGTH = 0x51
_IMPLEMENTATION_CLASS_UID = 0x52
_ROLE_SELECTION = 0x54
_IMPLEMENTATION_VERSION_NAME = 0x55
_EXTENDED_NEGOTIATION = 0x56

_HEADER = struct.Struct(">BxL")
_ITEM = struct.Struct(">BxH")
_PDV = struct.Struct(">LBB")
_PDATA_PDV = struct.Struct(">BxLLBB")
_LONG = struct.Struct(">L")
_SHORT = struct.Struct(">H")


# Encoding -------------------------------------------------------------------------------------------------------------


def encode_associate_rq(request: AssociateRequest) -> bytes:
    """Encode A-ASSOCIATE-RQ. Standard: PS3.8 table 9-11."""
    contexts = b"".join(
        _item(
            _CONTEXT_RQ,
            bytes((context.context_id, 0, 0, 0))
            + _uid_item(_ABSTRACT_SYNTAX, context.abstract_syntax)
            + b"".join(_uid_item(_TRANSFER_SYNTAX, syntax) for syntax in context.transfer_syntaxes),
        )
        for context in request.contexts
    )
    return _associate(ASSOCIATE_RQ, request, contexts)


def encode_associate_ac(accept: AssociateAccept) -> bytes:
    """Encode A-ASSOCIATE-AC. Standard: PS3.8 table 9-17."""
    results = b"".join(
        _item(
            _CONTEXT_AC,
            bytes((result.context_id, 0, result.result, 0)) + _uid_item(_TRANSFER_SYNTAX, result.transfer_syntax),
        )
        for result in accept.results
    )
    return _associate(ASSOCIATE_AC, accept, results)


def encode_associate_rj(reject: AssociateReject) -> bytes:
    """Encode A-ASSOCIATE-RJ. Standard: PS3.8 table 9-21."""
    return _HEADER.pack(ASSOCIATE_RJ, 4) + bytes((0, reject.result, reject.source, reject.reason))


def encode_release_rq() -> bytes:
    """Encode A-RELEASE-RQ. Standard: PS3.8 table 9-24."""
    return _HEADER.pack(RELEASE_RQ, 4) + bytes(4)


def encode_release_rp() -> bytes:
    """Encode A-RELEASE-RP. Standard: PS3.8 table 9-25."""
    return _HEADER.pack(RELEASE_RP, 4) + bytes(4)


def encode_abort(abort: Abort) -> bytes:
    """Encode A-ABORT. Standard: PS3.8 table 9-26."""
    return _HEADER.pack(ABORT, 4) + bytes((0, 0, abort.source, abort.reason))


def encode_header(pdu_type: int, length: int) -> bytes:
    """Encode the six bytes that every PDU begins with."""
    return _HEADER.pack(pdu_type, length)


def encode_p_data_header(context_id: int, fragment_length: int, *, is_command: bool, is_last: bool) -> bytes:
    """Encode the 12 bytes before a fragment: one P-DATA-TF that holds one PDV.

    Standard: PS3.8 table 9-22, annex E.2 (message control header).
    """
    control = (0x01 if is_command else 0) | (0x02 if is_last else 0)
    return _PDATA_PDV.pack(P_DATA_TF, fragment_length + PDV_OVERHEAD, fragment_length + 2, context_id, control)


def _associate(pdu_type: int, pdu: AssociateRequest | AssociateAccept, contexts: bytes) -> bytes:
    info = pdu.user_information
    name = info.implementation_version_name.encode("ascii")[:16]
    user_items = (
        _item(_MAX_LENGTH, _LONG.pack(info.max_pdu_length))
        + _uid_item(_IMPLEMENTATION_CLASS_UID, info.implementation_class_uid)
        + b"".join(_role_item(role) for role in info.roles)
        + (_item(_IMPLEMENTATION_VERSION_NAME, name) if name else b"")
        + b"".join(_item(_EXTENDED_NEGOTIATION, _counted_uid(uid) + raw) for uid, raw in info.extended)
    )
    body = (
        bytes((0, 1, 0, 0))
        + pdu.called_ae_title.encode("ascii").ljust(16)
        + pdu.calling_ae_title.encode("ascii").ljust(16)
        + bytes(32)
        + _uid_item(_APPLICATION_CONTEXT, pdu.application_context)
        + contexts
        + _item(_USER_INFORMATION, user_items)
    )
    return _HEADER.pack(pdu_type, len(body)) + body


def _item(item_type: int, body: bytes) -> bytes:
    return _ITEM.pack(item_type, len(body)) + body


def _role_item(role: RoleSelection) -> bytes:
    return _item(_ROLE_SELECTION, _counted_uid(role.sop_class_uid) + bytes((role.scu, role.scp)))


def _counted_uid(uid: str) -> bytes:
    raw = uid.encode("ascii")
    return _SHORT.pack(len(raw)) + raw


def _uid_item(item_type: int, uid: str) -> bytes:
    return _item(item_type, uid.encode("ascii"))


# Parsing --------------------------------------------------------------------------------------------------------------


def parse_header(buffer: Buffer, start: int = 0) -> tuple[int, int]:
    """Give the type and the length of the PDU that six bytes announce; an unknown type raises `MalformedPdu`."""
    pdu_type, length = _HEADER.unpack_from(buffer, start)
    if pdu_type not in PDU_TYPES:
        raise MalformedPdu(f"unknown PDU type {pdu_type:02X}H")
    return pdu_type, length


def parse_length(buffer: Buffer, start: int) -> int:
    """Give the length that the six bytes of a PDU header announce, whatever their type."""
    length: int = _HEADER.unpack_from(buffer, start)[1]
    return length


def check_length(pdu_type: int, length: int, p_data_limit: int) -> None:
    """Refuse a PDU longer than its kind may be, before a byte of it is read; raises `MalformedPdu`."""
    if pdu_type in (ASSOCIATE_RQ, ASSOCIATE_AC):
        limit, least = ASSOCIATE_LIMIT, 68
    elif pdu_type == P_DATA_TF:
        limit, least = p_data_limit, PDV_OVERHEAD
    else:
        limit = least = 4
    if not least <= length <= limit:
        raise MalformedPdu(f"PDU of type {pdu_type:02X}H claims {length} bytes")


def parse_associate_rq(body: Buffer) -> AssociateRequest:
    """Read the variable part of A-ASSOCIATE-RQ."""
    view = memoryview(body)
    version, called, calling = _parse_fixed_part(view)
    application_context, info = "", UserInformation(0, "", "")
    contexts: list[PresentationContext] = []
    for item_type, value in _items(view[68:]):
        if item_type == _APPLICATION_CONTEXT:
            application_context = _uid(value)
        elif item_type == _CONTEXT_RQ:
            contexts.append(_parse_context_rq(value))
        elif item_type == _USER_INFORMATION:
            info = _parse_user_information(value)
    _check_contexts([context.context_id for context in contexts])
    return AssociateRequest(called, calling, tuple(contexts), info, application_context, version)


def parse_associate_ac(body: Buffer) -> AssociateAccept:
    """Read the variable part of A-ASSOCIATE-AC."""
    view = memoryview(body)
    _, called, calling = _parse_fixed_part(view)
    application_context, info = "", UserInformation(0, "", "")
    results: list[ContextResult] = []
    for item_type, value in _items(view[68:]):
        if item_type == _APPLICATION_CONTEXT:
            application_context = _uid(value)
        elif item_type == _CONTEXT_AC:
            results.append(_parse_context_ac(value))
        elif item_type == _USER_INFORMATION:
            info = _parse_user_information(value)
    _check_contexts([result.context_id for result in results])
    return AssociateAccept(called, calling, tuple(results), info, application_context)


def parse_associate_rj(body: Buffer) -> AssociateReject:
    """Read the variable part of A-ASSOCIATE-RJ."""
    _, result, source, reason = _four(body)
    return AssociateReject(result, source, reason)


def parse_abort(body: Buffer) -> Abort:
    """Read the variable part of A-ABORT."""
    _, _, source, reason = _four(body)
    return Abort(source, reason)


def parse_pdvs(body: Buffer) -> Sequence[Pdv]:
    """Give the PDVs of a P-DATA-TF, as views into it; at least one, each whole."""
    view = memoryview(body)
    size = len(view)
    if size < PDV_OVERHEAD:
        raise MalformedPdu("P-DATA-TF without a presentation data value")
    pdvs: list[Pdv] = []
    position = 0
    while position < size:
        if size - position < PDV_OVERHEAD:
            raise MalformedPdu("presentation data value cut short")
        length, context_id, control = _PDV.unpack_from(view, position)
        end = position + 4 + length
        if length < 2 or end > size:
            raise MalformedPdu(f"presentation data value claims {length} bytes")
        fragment = view[position + PDV_OVERHEAD : end]
        pdvs.append(Pdv(context_id, control & 0x01 != 0, control & 0x02 != 0, fragment))
        position = end
    return pdvs


def _parse_fixed_part(view: memoryview) -> tuple[int, str, str]:
    if len(view) < 68:
        raise MalformedPdu("A-ASSOCIATE cut short")
    return int.from_bytes(view[0:2], "big"), _ae_title(view[4:20]), _ae_title(view[20:36])


def _parse_context_rq(view: memoryview) -> PresentationContext:
    if len(view) < 4:
        raise MalformedPdu("presentation context cut short")
    abstract_syntaxes: list[str] = []
    transfer_syntaxes: list[str] = []
    for item_type, value in _items(view[4:]):
        if item_type == _ABSTRACT_SYNTAX:
            abstract_syntaxes.append(_uid(value))
        elif item_type == _TRANSFER_SYNTAX:
            transfer_syntaxes.append(_uid(value))
        if len(transfer_syntaxes) > MAX_TRANSFER_SYNTAXES:
            raise MalformedPdu(f"more than {MAX_TRANSFER_SYNTAXES} transfer syntaxes in one presentation context")
    if len(abstract_syntaxes) != 1 or not transfer_syntaxes:
        raise MalformedPdu("presentation context without one abstract syntax and at least one transfer syntax")
    return PresentationContext(view[0], abstract_syntaxes[0], tuple(transfer_syntaxes))


def _parse_context_ac(view: memoryview) -> ContextResult:
    if len(view) < 4:
        raise MalformedPdu("presentation context cut short")
    context_id, result = view[0], view[2]
    if result != ACCEPTANCE:
        # The transfer syntax of a refused context is not significant, and some peers send rubbish or none there.
        return ContextResult(context_id, result, "")
    syntaxes = [_uid(value) for item_type, value in _items(view[4:]) if item_type == _TRANSFER_SYNTAX]
    if len(syntaxes) != 1:
        raise MalformedPdu("accepted presentation context without exactly one transfer syntax")
    return ContextResult(context_id, result, syntaxes[0])


def _parse_user_information(view: memoryview) -> UserInformation:
    max_length, class_uid, version_name = 0, "", ""
    roles: list[RoleSelection] = []
    extended: list[tuple[str, bytes]] = []
    for item_type, value in _items(view):
        if item_type == _MAX_LENGTH:
            if len(value) != 4:
                raise MalformedPdu("maximum length sub-item is not 4 bytes")
            max_length = int.from_bytes(value, "big")
        elif item_type == _IMPLEMENTATION_CLASS_UID:
            class_uid = _uid(value)
        elif item_type == _IMPLEMENTATION_VERSION_NAME:
            version_name = bytes(value[:64]).decode("ascii", "backslashreplace").strip(" \0")
        elif item_type == _ROLE_SELECTION:
            roles.append(_parse_role(value))
        elif item_type == _EXTENDED_NEGOTIATION:
            uid, rest = _parse_counted_uid(value)
            extended.append((uid, bytes(rest)))
        if len(roles) + len(extended) > MAX_NEGOTIATIONS:
            raise MalformedPdu(f"more than {MAX_NEGOTIATIONS} role selections and extended negotiations")
    return UserInformation(max_length, class_uid, version_name, tuple(roles), tuple(extended))


def _parse_role(view: memoryview) -> RoleSelection:
    uid, rest = _parse_counted_uid(view)
    if len(rest) != 2 or rest[0] > 1 or rest[1] > 1:
        raise MalformedPdu("role selection without two roles of 0 or 1")
    return RoleSelection(uid, bool(rest[0]), bool(rest[1]))


def _parse_counted_uid(view: memoryview) -> tuple[str, memoryview]:
    length = _SHORT.unpack_from(view)[0] if len(view) >= 2 else 0
    if not 0 < length <= len(view) - 2:
        raise MalformedPdu("a SOP class in the user information is cut short")
    return _uid(view[2 : 2 + length]), view[2 + length :]


def _items(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    position = 0
    while position < len(view):
        if len(view) - position < 4:
            raise MalformedPdu("item header cut short")
        item_type, length = _ITEM.unpack_from(view, position)
        end = position + 4 + length
        if end > len(view):
            raise MalformedPdu(f"item {item_type:02X}H claims {length} bytes")
        yield item_type, view[position + 4 : end]
        position = end


def _check_contexts(context_ids: list[int]) -> None:
    if len(context_ids) > MAX_CONTEXTS:
        raise MalformedPdu(f"more than {MAX_CONTEXTS} presentation contexts")
    if len(set(context_ids)) != len(context_ids) or any(context_id % 2 == 0 for context_id in context_ids):
        raise MalformedPdu("presentation context ids are not odd and different")


def _uid(view: memoryview) -> str:
    raw = bytes(view[: UID_LENGTH + 2]).rstrip(b" \0")
    if not raw or len(raw) > UID_LENGTH or not raw.isascii():
        raise MalformedPdu("a UID is empty, longer than 64 characters or not ASCII")
    return raw.decode("ascii")


def _ae_title(view: memoryview) -> str:
    # Bytes that no AE title may have become backslashes, which no AE title may have either: it will be refused.
    return bytes(view).decode("ascii", "backslashreplace").strip(" \0")


def _four(body: Buffer) -> tuple[int, int, int, int]:
    if len(body) != 4:
        raise MalformedPdu("PDU is not 4 bytes long")
    first, second, third, fourth = bytes(body)
    return first, second, third, fourth
