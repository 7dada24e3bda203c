"""Command sets: the bytes of PS3.7, round trips, malformed ones."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.adapters.dimse.dimse import (
    CEchoRequest,
    CEchoResponse,
    Command,
    CStoreRequest,
    CStoreResponse,
    MalformedCommand,
    encode_command,
    parse_command,
)

shorts = st.integers(0, 0xFFFF)
uid_texts = st.lists(st.integers(0, 99999), min_size=2, max_size=8).map(lambda parts: ".".join(map(str, parts)))
comments = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=64)
commands = st.one_of(
    st.builds(CStoreRequest, shorts, uid_texts, uid_texts, st.integers(0, 2)),
    st.builds(CStoreResponse, shorts, shorts, st.just("") | uid_texts, st.just("") | uid_texts, comments),
    st.builds(CEchoRequest, shorts),
    st.builds(CEchoResponse, shorts, shorts),
)


def element(number: int, value: bytes, group: int = 0) -> bytes:
    return struct.pack("<HHL", group, number, len(value)) + value


@given(commands)
def test_round_trip(command: Command) -> None:
    raw = encode_command(command)
    assert len(raw) % 2 == 0
    assert raw[:12] == element(0, struct.pack("<L", len(raw) - 12))  # (0000,0000) counts what follows it
    assert parse_command(raw) == command


def test_the_bytes_of_a_c_store_rq() -> None:
    assert encode_command(CStoreRequest(7, "1.2", "1.22")) == (
        element(0x0000, struct.pack("<L", 64))
        + element(0x0002, b"1.2\0")  # Affected SOP Class UID, padded to even length
        + element(0x0100, b"\x01\x00")  # Command Field
        + element(0x0110, b"\x07\x00")  # Message ID
        + element(0x0700, b"\x00\x00")  # Priority: medium
        + element(0x0800, b"\x01\x00")  # Command Data Set Type: there is one
        + element(0x1000, b"1.22")  # Affected SOP Instance UID
    )


def test_a_response_as_dcmtk_writes_it_is_understood() -> None:
    raw = (
        element(0x0000, struct.pack("<L", 0))  # nobody needs the group length to be right
        + element(0x0002, b"1.2.840.10008.5.1.4.1.1.2\0")
        + element(0x0100, b"\x01\x80")
        + element(0x0120, b"\x05\x00")
        + element(0x0800, b"\x01\x01")
        + element(0x0900, b"\x00\xa7")
        + element(0x0902, b"Disk full \x1b[2J ")
        + element(0x1000, b"1.2.3.4 ")  # a space where a NUL should be
    )
    expected = CStoreResponse(5, 0xA700, "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4", "Disk full ?[2J")
    assert parse_command(raw) == expected


GOOD = encode_command(CStoreRequest(1, "1.2.3", "1.2.4"))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        GOOD[:-1],
        GOOD[:20],
        GOOD + GOOD[12:],  # every element twice
        GOOD + element(0x0010, b"", group=8),  # not a command group
        GOOD + struct.pack("<HHL", 0, 0x2000, 0xFFFFFFFF),
        GOOD + struct.pack("<HHL", 0, 0x2000, 1),
        element(0x0100, b"\x20\x00") + element(0x0800, b"\x01\x01"),  # C-FIND-RQ
        element(0x0100, b"\x30\x00\x00\x00") + element(0x0800, b"\x01\x01"),  # Command Field of 4 bytes
        element(0x0100, b"\x30\x00")
        + element(0x0110, b"\x01\x00")
        + element(0x0800, b"\x00\x00"),  # echo with data set
        element(0x0100, b"\x01\x00") + element(0x0110, b"\x01\x00") + element(0x0800, b"\x00\x00"),  # store of nothing
        bytes(70_000),
    ],
)
def test_malformed_command_sets_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedCommand):
        parse_command(raw)


@pytest.mark.parametrize("uid", [b"1." * 33, b"\xcf\xc0\xca\xd1"])
def test_impossible_uids_are_refused(uid: bytes) -> None:
    raw = element(0x0002, b"1.2\0") + element(0x0100, b"\x01\x00") + element(0x0110, b"\x01\x00")
    with pytest.raises(MalformedCommand):
        parse_command(raw + element(0x0800, b"\x00\x00") + element(0x1000, uid))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    with pytest.raises(MalformedCommand):
        parse_command(raw)
