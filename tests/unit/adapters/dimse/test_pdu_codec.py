"""PDUs: the bytes of PS3.8, round trips, and lies about lengths."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.adapters.dimse import pdu, pdu_codec
from tolmach.adapters.dimse.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextResult,
    MalformedPdu,
    PresentationContext,
    UserInformation,
)
from tolmach.dicom import uids

ae_titles = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\"), min_size=1, max_size=16
)
uid_texts = st.lists(st.integers(0, 99999), min_size=2, max_size=8).map(lambda parts: ".".join(map(str, parts)))
context_ids = st.integers(0, 127).map(lambda number: 2 * number + 1)
user_informations = st.builds(UserInformation, st.integers(0, 2**32 - 1), uid_texts, ae_titles)


@st.composite
def requests(draw: st.DrawFn) -> AssociateRequest:
    ids = draw(st.lists(context_ids, unique=True, max_size=6))
    contexts = tuple(
        PresentationContext(i, draw(uid_texts), tuple(draw(st.lists(uid_texts, min_size=1, max_size=4)))) for i in ids
    )
    return AssociateRequest(draw(ae_titles), draw(ae_titles), contexts, draw(user_informations))


@st.composite
def accepts(draw: st.DrawFn) -> AssociateAccept:
    ids = draw(st.lists(context_ids, unique=True, max_size=6))
    results = []
    for context_id in ids:
        result = draw(st.integers(0, 4))
        results.append(ContextResult(context_id, result, "" if result else draw(uid_texts)))
    return AssociateAccept(draw(ae_titles), draw(ae_titles), tuple(results), draw(user_informations))


@given(requests())
def test_associate_rq_round_trip(request: AssociateRequest) -> None:
    raw = pdu_codec.encode_associate_rq(request)
    assert pdu_codec.parse_header(raw) == (pdu.ASSOCIATE_RQ, len(raw) - 6)
    assert pdu_codec.parse_associate_rq(raw[6:]) == request


@given(accepts())
def test_associate_ac_round_trip(accept: AssociateAccept) -> None:
    raw = pdu_codec.encode_associate_ac(accept)
    assert pdu_codec.parse_header(raw) == (pdu.ASSOCIATE_AC, len(raw) - 6)
    assert pdu_codec.parse_associate_ac(raw[6:]) == accept


def test_the_bytes_of_an_associate_rq() -> None:
    request = AssociateRequest(
        "PACS",
        "ME",
        (PresentationContext(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",)),),
        UserInformation(0, "1.2", "V"),
    )
    assert pdu_codec.encode_associate_rq(request) == (
        b"\x01\x00" + struct.pack(">L", 167)  # type, length of what follows
        + b"\x00\x01\x00\x00"  # protocol version 1
        + b"PACS            " + b"ME              " + bytes(32)  # called, calling, reserved
        + b"\x10\x00\x00\x15" + b"1.2.840.10008.3.1.1.1"  # application context
        + b"\x20\x00\x00\x2e" + b"\x01\x00\x00\x00"  # presentation context 1
        + b"\x30\x00\x00\x11" + b"1.2.840.10008.1.1"  # abstract syntax: Verification
        + b"\x40\x00\x00\x11" + b"1.2.840.10008.1.2"  # transfer syntax: Implicit VR Little Endian
        + b"\x50\x00\x00\x14"  # user information
        + b"\x51\x00\x00\x04" + bytes(4)  # maximum length: none
        + b"\x52\x00\x00\x03" + b"1.2"  # implementation class UID
        + b"\x55\x00\x00\x01" + b"V"  # implementation version name
    )  # fmt: skip


def test_the_bytes_of_the_short_pdus() -> None:
    assert pdu_codec.encode_release_rq() == bytes.fromhex("05 00 00000004 00000000")
    assert pdu_codec.encode_release_rp() == bytes.fromhex("06 00 00000004 00000000")
    assert pdu_codec.encode_abort(Abort(2, 6)) == bytes.fromhex("07 00 00000004 0000 02 06")
    assert pdu_codec.encode_associate_rj(AssociateReject(1, 3, 2)) == bytes.fromhex("03 00 00000004 00 01 03 02")
    # P-DATA-TF of 10 bytes: PDV length 6 (context 5, last data fragment) and 4 data bytes
    header = pdu_codec.encode_p_data_header(5, 4, is_command=False, is_last=True)
    assert header == bytes.fromhex("04 00 0000000a 00000006 05 02")


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_reject_and_abort_round_trip(result: int, source: int, reason: int) -> None:
    reject = AssociateReject(result, source, reason)
    assert pdu_codec.parse_associate_rj(pdu_codec.encode_associate_rj(reject)[6:]) == reject
    abort = Abort(source, reason)
    assert pdu_codec.parse_abort(pdu_codec.encode_abort(abort)[6:]) == abort
    assert abort.words


@pytest.mark.parametrize("pdu_type", [0x00, 0x08, 0x16, 0x47, 0xFF])  # 16H begins a TLS hello, 47H is the G of GET
def test_unknown_pdu_types_are_refused(pdu_type: int) -> None:
    with pytest.raises(MalformedPdu, match="unknown PDU type"):
        pdu_codec.parse_header(struct.pack(">BxL", pdu_type, 4))


@pytest.mark.parametrize(
    ("pdu_type", "length"),
    [
        (pdu.ASSOCIATE_RQ, 0),
        (pdu.ASSOCIATE_RQ, 67),
        (pdu.ASSOCIATE_RQ, pdu.ASSOCIATE_LIMIT + 1),
        (pdu.ASSOCIATE_AC, 0xFFFFFFFF),
        (pdu.ASSOCIATE_RJ, 3),
        (pdu.P_DATA_TF, 0),
        (pdu.P_DATA_TF, 1),
        (pdu.P_DATA_TF, 5),
        (pdu.P_DATA_TF, 16385),
        (pdu.P_DATA_TF, 0xFFFFFFFF),
        (pdu.RELEASE_RQ, 5),
        (pdu.ABORT, 0xFFFFFFFF),
    ],
)
def test_impossible_lengths_are_refused_before_reading(pdu_type: int, length: int) -> None:
    with pytest.raises(MalformedPdu, match="claims"):
        pdu_codec.check_length(pdu_type, length, 16384)


def test_possible_lengths_pass() -> None:
    pdu_codec.check_length(pdu.ASSOCIATE_RQ, pdu.ASSOCIATE_LIMIT, 16384)
    pdu_codec.check_length(pdu.P_DATA_TF, 16384, 16384)
    pdu_codec.check_length(pdu.ABORT, 4, 16384)


def _request(contexts: int = 1, syntaxes: int = 1) -> bytes:
    proposed = tuple(
        PresentationContext(2 * number + 1, "1.2.3", tuple(f"1.2.{n}" for n in range(syntaxes)))
        for number in range(contexts)
    )
    return pdu_codec.encode_associate_rq(AssociateRequest("PACS", "ME", proposed, UserInformation(16384)))[6:]


def test_every_cut_of_an_associate_rq_is_refused_or_means_less() -> None:
    whole = pdu_codec.parse_associate_rq(_request(3, 2))
    for end in range(len(_request(3, 2))):
        try:
            cut = pdu_codec.parse_associate_rq(_request(3, 2)[:end])
        except MalformedPdu:
            continue
        assert len(cut.contexts) < 3 or cut.user_information != whole.user_information


def test_16000_transfer_syntaxes_are_refused() -> None:
    # More do not even fit into the 16 bits of the item's length.
    body = b"\x01\x00\x00\x00" + b"\x30\x00\x00\x031.2"
    body += (b"\x40\x00\x00\x031.2") * 9000
    item = b"\x20\x00" + struct.pack(">H", len(body)) + body
    with pytest.raises(MalformedPdu, match="transfer syntaxes"):
        pdu_codec.parse_associate_rq(_request(0)[:68] + item)


def test_context_ids_are_odd_and_different_and_at_most_128() -> None:
    assert len(pdu_codec.parse_associate_rq(_request(128)).contexts) == 128
    one = _request(1)
    begin = one.index(b"\x20\x00", 68)
    item = one[begin : one.index(b"\x50\x00", begin)]
    with pytest.raises(MalformedPdu, match="odd and different"):
        pdu_codec.parse_associate_rq(_request(0)[:93] + item * 2)
    with pytest.raises(MalformedPdu, match="odd and different"):
        pdu_codec.parse_associate_rq(_request(0)[:93] + item[:4] + b"\x02" + item[5:])
    with pytest.raises(MalformedPdu, match="more than 128"):
        pdu_codec.parse_associate_rq(_request(0)[:93] + item * 129)


@pytest.mark.parametrize("lie", [0, 1, 0xFFFF])
def test_lying_item_lengths_are_refused(lie: int) -> None:
    raw = bytearray(_request())
    at = raw.index(b"\x20\x00", 68)
    raw[at + 2 : at + 4] = struct.pack(">H", lie)
    with pytest.raises(MalformedPdu):
        pdu_codec.parse_associate_rq(raw)


def test_an_ae_title_of_foreign_bytes_becomes_one_that_nobody_has() -> None:
    raw = bytearray(_request())
    raw[4:20] = "ПАКС".encode("cp1251").ljust(16)
    parsed = pdu_codec.parse_associate_rq(raw)
    assert "\\" in parsed.called_ae_title


def test_an_accepted_context_names_one_transfer_syntax() -> None:
    accept = AssociateAccept("A", "B", (ContextResult(1, 0, "1.2"),), UserInformation(0))
    raw = pdu_codec.encode_associate_ac(accept)[6:]
    doubled = raw.replace(b"\x21\x00\x00\x0b", b"\x21\x00\x00\x12").replace(
        b"\x40\x00\x00\x031.2", b"\x40\x00\x00\x031.2" * 2
    )
    with pytest.raises(MalformedPdu, match="exactly one"):
        pdu_codec.parse_associate_ac(doubled)


def test_unknown_items_are_passed_over() -> None:
    request = pdu_codec.parse_associate_rq(_request())
    raw = _request() + b"\x99\x00\x00\x02??"
    assert pdu_codec.parse_associate_rq(raw) == replace(request)


@given(st.lists(st.tuples(context_ids, st.booleans(), st.booleans(), st.binary(max_size=40)), min_size=1, max_size=5))
def test_several_pdvs_in_one_pdu(pieces: list[tuple[int, bool, bool, bytes]]) -> None:
    body = b"".join(
        pdu_codec.encode_p_data_header(i, len(data), is_command=c, is_last=last)[6:] + data
        for i, c, last, data in pieces
    )
    parsed = [(v.context_id, v.is_command, v.is_last, bytes(v.fragment)) for v in pdu_codec.parse_pdvs(body)]
    assert parsed == pieces


@pytest.mark.parametrize(
    "body",
    [
        b"",
        bytes.fromhex("00000000 01 02"),  # PDV of no bytes: no room for context id and control header
        bytes.fromhex("00000001 01 02"),
        bytes.fromhex("00000003 01 02"),  # claims one data byte more than there is
        bytes.fromhex("ffffffff 01 02 41"),
        bytes.fromhex("00000003 01 02 41 00"),  # a byte left over
    ],
)
def test_lying_pdv_lengths_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedPdu):
        list(pdu_codec.parse_pdvs(body))


@given(st.binary(max_size=300))
def test_no_bytes_break_the_parsers(raw: bytes) -> None:
    for parse in (pdu_codec.parse_associate_rq, pdu_codec.parse_associate_ac, lambda b: list(pdu_codec.parse_pdvs(b))):
        try:
            parse(_request()[:68] + raw)
            parse(raw)
        except MalformedPdu:
            continue


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_one_changed_byte_never_breaks_the_parser(place: int, value: int) -> None:
    raw = bytearray(_request(2, 3))
    raw[place % len(raw)] = value
    try:
        parsed = pdu_codec.parse_associate_rq(raw)
    except MalformedPdu:
        return
    assert all(context.transfer_syntaxes for context in parsed.contexts)


def test_our_implementation_is_named() -> None:
    info = pdu_codec.parse_associate_rq(_request()).user_information
    assert info == UserInformation(16384, uids.IMPLEMENTATION_CLASS_UID, "TOLMACH_0_1")
