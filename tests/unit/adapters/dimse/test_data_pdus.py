"""A data set cut into PDUs: the same bytes come out, whatever the chunks, and lies are found before the last byte."""

from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tolmach.adapters.dimse import pdu_codec
from tolmach.adapters.dimse.data_pdus import DataPdus, LengthLies
from tolmach.adapters.dimse.pdu import P_DATA_TF, Buffer


def fragments_of(wire: bytes, limit: int) -> list[tuple[bytes, bool]]:
    """Read the wire as PDUs with one PDV each."""
    found = []
    while wire:
        _, length = pdu_codec.parse_header(wire)
        assert length <= limit
        (pdv,) = pdu_codec.parse_pdvs(wire[6 : 6 + length])
        assert pdv.context_id == 3
        assert not pdv.is_command
        found.append((bytes(pdv.fragment), pdv.is_last))
        wire = wire[6 + length :]
    return found


def reused(chunks: list[bytes]) -> Iterator[memoryview]:
    """Give each chunk in the same memory, spoiled as soon as the next is asked for."""
    memory = bytearray(max(map(len, chunks), default=0))
    for chunk in chunks:
        memory[: len(chunk)] = chunk
        yield memoryview(memory)[: len(chunk)]
        memory[:] = b"\xee" * len(memory)


def wire_of(length: int, fragment: int, chunks: object) -> bytes:
    wire = bytearray()
    for batch in DataPdus(3, length, fragment, []).batches(chunks):  # type: ignore[arg-type]
        wire += b"".join(batch)
    return bytes(wire)


chunk_lists = st.lists(st.integers(0, 9000), min_size=1, max_size=6).filter(lambda sizes: sum(sizes) > 0)


@given(chunk_lists, st.integers(1, 6000).map(lambda n: 2 * n), st.booleans())
def test_the_same_bytes_come_out(sizes: list[int], fragment: int, as_list: bool) -> None:
    chunks = [bytes(i * 7 + n & 0xFF for i in range(size)) for n, size in enumerate(sizes)]
    whole = b"".join(chunks)
    wire = wire_of(len(whole), fragment, chunks if as_list else reused(chunks))
    found = fragments_of(wire, fragment + 6)
    assert b"".join(data for data, _ in found) == whole
    assert [last for _, last in found] == [False] * (len(found) - 1) + [True]
    assert all(len(data) == fragment for data, _ in found[:-1])


def data_bytes_before_the_lie(declared: int, chunks: object) -> int:
    """Count the data bytes given out until the lie is found; no lie fails the test."""
    given_out = 0
    try:
        for batch in DataPdus(3, declared, 1000, []).batches(chunks):  # type: ignore[arg-type]
            given_out += sum(len(buffer) for buffer in batch if not is_header(buffer))
    except LengthLies:
        return given_out
    pytest.fail("the lie was not found")


def is_header(buffer: Buffer) -> bool:
    return isinstance(buffer, bytes) and len(buffer) == 12 and buffer[0] == P_DATA_TF


@given(chunk_lists, st.integers(-3, 3).filter(bool), st.booleans())
def test_lying_lengths_are_found_before_the_last_byte(sizes: list[int], lie: int, as_list: bool) -> None:
    chunks = [bytes(size) for size in sizes]
    declared = max(2, sum(sizes) + lie)
    assume(declared != sum(sizes))
    given_out = data_bytes_before_the_lie(declared, chunks if as_list else reused(chunks))
    assert given_out < declared
    assert not as_list or not given_out


def test_one_more_chunk_after_the_announced_length_is_a_lie_too() -> None:
    assert data_bytes_before_the_lie(5000, reused([bytes(5000), bytes(5000)])) == 4998


def test_the_command_goes_out_with_the_first_data() -> None:
    (batch,) = DataPdus(3, 4, 1000, [b"command"]).batches([b"data"])
    assert b"".join(batch).startswith(b"command\x04")
