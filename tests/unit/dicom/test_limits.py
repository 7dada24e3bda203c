"""What comes from outside is bounded: reaching a limit is a refusal, quick and in little memory."""

import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.builders import (
    DEFLATED,
    EXPLICIT,
    EXPLICIT_LE,
    FORM_OF,
    IMPLICIT,
    IMPLICIT_LE,
    JPEG_BASELINE,
    SYNTAXES,
    body,
    meta,
    opened,
    part10,
)
from tolmach.dicom.faults import Damaged
from tolmach.dicom.part10 import open_data_set, peek
from tolmach.dicom.scanner import MAX_ELEMENTS, WINDOW
from tolmach.dicom.source import MemorySource

MIB = 1 << 20


@contextmanager
def at_most(seconds: float, mebibytes: float) -> Iterator[None]:
    """Require that the block is quick and that memory stays flat."""
    tracemalloc.start()
    began = time.thread_time()  # of this thread alone: a busy machine is none of its doing
    try:
        yield
        spent, peak = time.thread_time() - began, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert spent < seconds, f"{spent:.2f} s"
    assert peak < mebibytes * MIB, f"{peak / MIB:.1f} MiB"


class Counting:
    """A source that says how much was read; what lies beyond its bytes is zeros up to `size`."""

    def __init__(self, head: bytes, size: int, tail: bytes = b"", most: int = 1 << 30) -> None:
        self.head, self.tail, self._size, self.most, self.bytes_read = head, tail, size, most, 0

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self._size - offset))
        assert length <= 2 * MIB, f"one read of {length} bytes"
        self.bytes_read += length
        block = bytearray(length)
        for start, known in ((0, self.head), (self._size - len(self.tail), self.tail)):
            low, high = max(offset, start), min(offset + length, start + len(known))
            if low < high:
                block[low - offset : high - offset] = known[low - start : high - start]
        return bytes(block)


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("depth", [63, 64])
def test_nesting_up_to_the_limit(syntax: str, depth: int, undefined: bool) -> None:
    form = FORM_OF[syntax]
    data_set = opened(part10(body((0x00400275, "raw", form.nested(depth, undefined=undefined)), form=form), syntax))
    assert sum(element.vr == "SQ" for element in data_set.elements) == depth


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("depth", [65, 5_000, 100_000])
def test_nesting_beyond_the_limit(syntax: str, depth: int, undefined: bool) -> None:
    form = FORM_OF[syntax]
    file = part10(body((0x00400275, "raw", form.nested(depth, undefined=undefined)), form=form), syntax)
    with at_most(5, 16), pytest.raises(Damaged, match="TLM-DCM-004"):
        opened(file)


@pytest.mark.parametrize("tag", [0x00100010, 0x00081140, 0x7FE00010])
@pytest.mark.parametrize("vr", ["OB", "UN", "UT", "SQ"])
@pytest.mark.parametrize("length", [0xFFFFFFF0, 0xFFFFFFFE, 0x80000000])
def test_a_lying_length_costs_nothing(tag: int, vr: str, length: int) -> None:
    lie = EXPLICIT.element(tag, vr, b"", length=length) + bytes(100)
    with at_most(5, 1), pytest.raises(Damaged, match=r"TLM-DCM-00[23]"):
        opened(part10(body((tag, "raw", lie))))


@pytest.mark.parametrize("length", [0xFFFFFFF0, 0x80000000])
def test_a_lying_length_of_an_item_or_a_fragment(length: int) -> None:
    item = EXPLICIT.head(0xFFFEE000, "", length) + bytes(64)
    for vr in ("SQ", "OB"):
        lie = EXPLICIT.head(0x7FE00010, vr, 0xFFFFFFFF) + item
        with at_most(5, 1), pytest.raises(Damaged, match=r"TLM-DCM-00[23]"):
            opened(part10(body((0x7FE00010, "raw", lie)), JPEG_BASELINE))


@pytest.mark.parametrize("tag", [0x00080018, 0x00080005, 0x00080016])
def test_a_huge_value_of_a_small_attribute_is_not_read_whole(tag: int) -> None:
    head = bytes(128) + b"DICM" + meta(IMPLICIT_LE) + IMPLICIT.head(tag, "UI", 1 << 30)
    source = Counting(head, len(head) + (1 << 30))
    with at_most(10, 16):
        data_set = open_data_set(source)
        assert len(data_set.sop_instance_uid) <= 2048
        assert data_set.character_set_at(-1) is None or tag == 0x00080005
        assert data_set.sop_class_uid == data_set.sop_class_uid


@pytest.mark.slow
def test_300_000_items_are_refused() -> None:
    file = part10(body((0x00081140, "raw", EXPLICIT.sequence(0x00081140, [b""] * 300_000))))
    with at_most(30, 160), pytest.raises(Damaged, match="TLM-DCM-005"):
        opened(file)


@pytest.mark.slow
@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE])
def test_a_million_private_elements_are_refused(syntax: str) -> None:
    form = FORM_OF[syntax]
    many = b"".join(form.element(0x00110000 + number % 0xFFFF, "LO", b"") for number in range(1_000_000))
    with at_most(30, 160), pytest.raises(Damaged, match="TLM-DCM-005"):
        opened(part10(body((0x00110000, "raw", many), form=form), syntax))


def test_as_many_elements_as_are_allowed() -> None:
    file = part10(body((0x00081140, "raw", EXPLICIT.sequence(0x00081140, [b""] * (MAX_ELEMENTS - 3)))))
    assert len(opened(file).elements) == MAX_ELEMENTS


def test_zeros_that_are_not_the_end_are_not_searched_again_and_again() -> None:
    file = part10(body(form=IMPLICIT), IMPLICIT_LE) + bytes(MIB) + b"\x01" + bytes(7)
    with at_most(20, 64), suppress(Damaged):
        opened(file)


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = bytes(MIB)
    packed = [packer.compress(body())]
    packed.append(packer.compress(EXPLICIT.head(0x7FE00010, "OB", size)))
    packed += [packer.compress(block) for _ in range(size // MIB)]
    return bytes(128) + b"DICM" + meta(DEFLATED) + b"".join(packed) + packer.flush()


@pytest.mark.slow
def test_a_deflate_bomb_is_refused_before_it_goes_off() -> None:
    file = bomb(1 << 30)
    assert (1 << 30) / len(file) > 900
    with at_most(30, 128), pytest.raises(Damaged, match="TLM-DCM-006"):
        opened(file)


def test_a_well_packed_but_small_data_set_is_read() -> None:
    assert opened(bomb(32 * MIB)).end > 32 * MIB


@pytest.mark.parametrize("size", range(MIB - 300, MIB + 300, 7))
def test_a_deflated_data_set_may_end_anywhere_around_a_block(size: int) -> None:
    """What the unpacker still holds back when all packed bytes are read is part of the data set."""
    content = body()
    filler = size - len(content) - 12
    content += EXPLICIT.element(0x7FE00010, "OB", bytes(filler))
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = packer.compress(content) + packer.flush()
    assert opened(bytes(128) + b"DICM" + meta(DEFLATED) + packed).end == size


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-5],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: b"\xff" * 40 + packed,
        lambda packed: b"",
    ],
    ids=["end cut", "half", "broken", "nothing"],
)
def test_a_broken_deflate_stream(spoil: Callable[[bytes], bytes]) -> None:
    packed = part10(body((0x00100010, "PN", b"IVANOV" * 99)), DEFLATED)[len(bytes(132) + meta(DEFLATED)) :]
    with pytest.raises(Damaged, match=r"TLM-DCM-00[27]"):
        opened(bytes(128) + b"DICM" + meta(DEFLATED) + spoil(packed))


def test_a_huge_image_is_opened_by_its_headers_alone() -> None:
    head = bytes(128) + b"DICM" + meta(EXPLICIT_LE) + body() + EXPLICIT.head(0x7FE00010, "OW", 3 << 30)
    tail = EXPLICIT.element(0xFFFCFFFC, "OB", bytes(2))
    source = Counting(head, len(head) + (3 << 30) + len(tail), tail)
    with at_most(5, 4):
        data_set = open_data_set(source)
        assert [element.tag for element in data_set.elements][-2:] == [0x7FE00010, 0xFFFCFFFC]
        assert data_set.marked_text == ()
    assert source.bytes_read < 4 * WINDOW


def test_a_huge_stack_of_fragments_is_stepped_over() -> None:
    """A header of 8 bytes is read for each fragment, never what lies between."""
    fragment = 1 << 20
    heads = EXPLICIT.head(0xFFFEE000, "", fragment)
    start = bytes(128) + b"DICM" + meta(JPEG_BASELINE) + body() + EXPLICIT.head(0x7FE00010, "OB", 0xFFFFFFFF)

    class Fragments(Counting):
        def read(self, offset: int, length: int) -> bytes:
            at = offset - len(start)
            if at >= 0 and length <= 8 and at % (fragment + 8) == 0 and at < 2000 * (fragment + 8):
                self.bytes_read += length
                return heads
            return super().read(offset, length)

    end = EXPLICIT.head(0xFFFEE0DD, "", 0)
    source = Fragments(start + heads, len(start) + 2000 * (fragment + 8) + 8, end)
    with at_most(10, 4):
        assert open_data_set(source).find(0x7FE00010) is not None
    assert source.bytes_read < 4 * WINDOW + 2000 * 8


@pytest.mark.slow
@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, "1.2.840.10008.1.2.2"])
def test_headers_may_stand_across_the_edge_of_the_window(syntax: str) -> None:
    """The same elements come out wherever the edge of what is looked at in one piece falls."""
    form = FORM_OF[syntax]
    sequence = form.sequence(0x00400275, [form.element(0x00400007, "LO", b"text")], undefined=True)
    end = form.element(0x00280010, "US", struct.pack(form.order + "H", 1)) + form.element(0x7FE00010, "OW", bytes(4))
    seen = set()
    for shift in range(0, 120, 1):
        filler = form.element(0x00204000, "LT", b"x") * ((WINDOW - 700) // 9) + form.element(
            0x00204000, "LT", b" " * (shift + 400)
        )
        data_set = opened(part10(body((0x00204000, "raw", filler), form=form) + sequence + end, syntax))
        tail = data_set.elements[-5:]
        seen.add(tuple((element.tag, element.vr, element.length) for element in tail))
    assert len(seen) == 1


def test_a_value_over_the_window_is_jumped() -> None:
    content = body(
        (0x00081140, "raw", EXPLICIT.sequence(0x00081140, [EXPLICIT.element(0x00420011, "OB", bytes(99_999))]))
    )
    data_set = opened(part10(content + EXPLICIT.element(0x00420012, "LO", b"end ")))
    assert data_set.elements[-1].tag == 0x00420012


def test_peek_never_raises() -> None:
    file = part10(body())
    assert peek(MemorySource(file)) == ("1.2.840.10008.5.1.4.1.1.2", EXPLICIT_LE)
    for length in range(0, 400, 3):
        peek(MemorySource(file[:length]))
    assert peek(MemorySource(b"\xff\xd8\xff\xe0" + bytes(300))) is None


def test_a_flood_of_text_is_refused_in_bounded_memory() -> None:
    """Four gigabytes of text in values of 15 MiB each: nothing keeps more than the budget."""
    length = 15 * MIB
    head = bytes(128) + b"DICM" + meta(IMPLICIT_LE) + body(form=IMPLICIT)
    text = IMPLICIT.head(0x0040A160, "UT", length)

    class Flood(Counting):
        def read(self, offset: int, length: int) -> bytes:
            at = (offset - len(head)) % (len(text) + 15 * MIB)
            if offset < len(head) or (at < len(text) and length <= 2 * MIB):
                block = bytearray(b"\xcf" * max(0, min(length, self.size - offset)))
                known = (head + text)[offset : offset + length] if offset < len(head) else text[at : at + length]
                block[: len(known)] = known
                return bytes(block)
            return b"\xcf" * min(length, self.size - offset)

    source = Flood(head, len(head) + 270 * (len(text) + length))
    with at_most(20, 160):
        data_set = open_data_set(source)
        assert sum(element.tag == 0x0040A160 for element in data_set.elements) == 270
        with pytest.raises(Damaged, match="TLM-DCM-014"):
            _ = data_set.marked_text
