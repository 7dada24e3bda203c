"""Multipart as it streams: cut anywhere, hostile or odd, it stays linear and flat (H-01)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.adapters.dicomweb.multipart import MAX_PARTS, PartReader, written
from tolmach.adapters.dicomweb.served_faults import BadRequest

BOUNDARY = "B0und.ary"


def read(blocks: Iterator[bytes] | list[bytes], boundary: str = BOUNDARY) -> list[tuple[dict[str, str], bytes]]:
    return [(dict(part.headers), b"".join(part.blocks)) for part in PartReader(blocks, boundary).parts()]


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


PARTS = st.lists(st.binary(max_size=300) | st.just(b"\r\n--" + BOUNDARY.encode()[:-1]), min_size=1, max_size=5)


@given(contents=PARTS, size=st.integers(1, 200), preamble=st.sampled_from([b"", b"words\r\n", b"\r\n", b"--B0und\r\n"]))
def test_what_was_written_is_read_however_it_is_cut(contents: list[bytes], size: int, preamble: bytes) -> None:
    body = preamble + b"".join(written((({"Content-Type": "a/b"}, [one]) for one in contents), BOUNDARY, 50))
    found = read(cut(body, size))
    assert [content for _, content in found] == contents
    assert all(headers == {"content-type": "a/b"} for headers, _ in found)


def test_parts_need_no_disposition_and_no_headers_at_all() -> None:
    assert read([b"--B0und.ary\r\n\r\nbare\r\n--B0und.ary--"]) == [({}, b"bare")]


def test_a_part_that_nobody_reads_is_passed_over() -> None:
    body = b"".join(written([({"A": "1"}, [b"x" * 5000]), ({"A": "2"}, [b"second"])], BOUNDARY))
    parts = PartReader(cut(body, 64), BOUNDARY).parts()
    seen = [b"".join(part.blocks) for part in parts if part.headers["a"] == "2"]
    assert seen == [b"second"]


def test_an_epilogue_says_nothing() -> None:
    assert read([b"--B0und.ary\r\n\r\none\r\n--B0und.ary--\r\nmore", b"and more"]) == [({}, b"one")]


def test_a_multipart_inside_a_part_is_just_its_bytes() -> None:
    inner = b"".join(written([({"X": "y"}, [b"deep"])], "inner"))
    body = b"".join(written([({"Content-Type": "multipart/related; boundary=inner"}, [inner])], BOUNDARY))
    assert read([body])[0][1] == inner


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        b"x" * 70_000,
        b"--B0und.ary\r\n\r\ncut in the middle",
        b"--B0und.ary\r\nContent-Type: a/b\r\n",
        b"--B0und.ary\r\n\r\nwhole\r\n--B0und.ary\r\n",
        b"--B0und.ary\r\nbad header line\r\n\r\nx\r\n--B0und.ary--",
        b"--B0und.ary\r\n" + b"A: b\r\n" * 5000 + b"\r\nx\r\n--B0und.ary--",
        b"--B0und.ary\r\nA: " + b"b" * 100_000 + b"\r\n\r\nx\r\n--B0und.ary--",
    ],
)
def test_what_is_broken_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read(cut(body, 1000))


@pytest.mark.parametrize("boundary", ["", "x" * 201, "п", "a\nb"])
def test_what_can_be_no_boundary_is_refused(boundary: str) -> None:
    with pytest.raises(BadRequest):
        PartReader([], boundary)


def test_more_parts_than_anybody_sends_are_refused() -> None:
    part = b"--B0und.ary\r\n\r\n\r\n"
    with pytest.raises(BadRequest, match=str(MAX_PARTS)):
        read([part * (MAX_PARTS + 1) + b"--B0und.ary--"])


@pytest.mark.parametrize("nearly", [b"\r\n--B0und.ar", b"\r\n--B0und.arX", b"\r\n--", b"\r", b"\n\r-"])
def test_bytes_that_nearly_are_a_boundary_cost_no_more_than_others(nearly: bytes) -> None:
    """H-01: 64 MiB of near boundaries in at most 2 s; measured on a quarter of them."""
    content = nearly * ((16 << 20) // len(nearly))
    body = b"--B0und.ary\r\n\r\n" + content + b"\r\n--B0und.ary--"
    began = time.process_time()
    size = sum(len(block) for part in PartReader(cut(body, 65_536), BOUNDARY).parts() for block in part.blocks)
    assert size == len(content)
    assert time.process_time() - began < 1.0


def test_blocks_come_out_before_all_went_in() -> None:
    """Memory stays flat: what is read is given on, block by block."""
    taken = 0

    def blocks() -> Iterator[bytes]:
        nonlocal taken
        yield b"--B0und.ary\r\n\r\n"
        for _ in range(100):
            taken += 1
            yield b"x" * 65_536
        yield b"\r\n--B0und.ary--"

    for part in PartReader(blocks(), BOUNDARY).parts():
        given_on = 0
        for block in part.blocks:
            given_on += len(block)
            assert taken * 65_536 - given_on <= 2 * 65_536
