"""The head of a file: where the data set begins, whatever stands there."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import CT_IMAGE, EXPLICIT, EXPLICIT_LE, INSTANCE, body, even, meta, opened, part10
from tolmach.dicom.source import MemorySource
from tolmach.intake.head import Head, read_head, with_uids


def head_of(content: bytes) -> Head:
    return read_head(MemorySource(content))


def test_everything_the_meta_information_says_is_told() -> None:
    source = EXPLICIT.element(0x00020016, "AE", b" CT_ROOM_1  ")
    content = bytes(128) + b"DICM" + meta(EXPLICIT_LE) + source + body()
    offset = 132 + len(meta(EXPLICIT_LE))
    assert head_of(content) == Head(offset + len(source), offset, CT_IMAGE, INSTANCE, EXPLICIT_LE, "CT_ROOM_1")


def test_it_begins_where_the_data_set_is_read_from() -> None:
    for content in (part10(body()), body(), bytes(132) + body(), b"DICM" + meta(EXPLICIT_LE) + body()):
        assert head_of(content).data_set_offset == opened(content).start


def test_what_no_database_could_keep_is_not_told_as_it_is() -> None:
    long = "1." + "2" * 200
    told = head_of(part10(body(), sop_class="1.2\0.3\n4", instance=long))
    assert told.sop_class_uid == "1.2\N{REPLACEMENT CHARACTER}.3\N{REPLACEMENT CHARACTER}4"
    assert told.sop_instance_uid == long[:64]


def test_uids_come_from_the_data_set_where_the_head_has_none() -> None:
    content = body()
    assert with_uids(head_of(content), MemorySource(content)) == Head(0, 0, CT_IMAGE, INSTANCE, EXPLICIT_LE)
    content = bytes(128) + b"DICM" + EXPLICIT.element(0x00020010, "UI", even(EXPLICIT_LE.encode(), b"\0")) + content
    told = with_uids(head_of(content), MemorySource(content))
    assert (told.sop_instance_uid, told.data_set_offset) == (INSTANCE, opened(content).start)


def test_a_data_set_that_is_damaged_has_no_uids_to_give() -> None:
    content = body()[:-3]
    assert with_uids(head_of(content), MemorySource(content)) == Head()


@given(st.binary(max_size=400), st.sampled_from([b"", bytes(128) + b"DICM", b"DICM", bytes(132), part10(b"")]))
def test_no_bytes_are_too_odd(content: bytes, before: bytes) -> None:
    head = head_of(before + content)
    assert 0 <= head.data_set_offset <= len(before + content)


def test_no_spoiled_head_is_too_odd() -> None:
    chance, content = random.Random(24), part10(body())
    for _ in range(3000):
        spoiled = bytearray(content)
        for _ in range(chance.randrange(1, 4)):
            spoiled[128 + chance.randrange(150)] = chance.randrange(256)
        head = with_uids(head_of(bytes(spoiled)), MemorySource(bytes(spoiled)))
        assert max(head.data_set_offset, head.announced_offset) <= len(spoiled)
