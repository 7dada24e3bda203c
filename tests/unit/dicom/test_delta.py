"""A delta kept in a database gives the same bytes again, and never other ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import Spoiled, mended
from tolmach.dicom.delta import BrokenDelta, apply_delta, encode_delta, moved_delta
from tolmach.dicom.source import MemorySource
from tolmach.dicom.splice import Extent, Part, Pieces

SOURCE = MemorySource(bytes(range(200)))


def whole(pieces: Pieces) -> bytes:
    return b"".join(bytes(chunk) for chunk in pieces.chunks())


@st.composite
def part_lists(draw: st.DrawFn) -> tuple[Part, ...]:
    parts: list[Part] = []
    for _ in range(draw(st.integers(0, 6))):
        if draw(st.booleans()):
            parts.append(draw(st.binary(min_size=1, max_size=40)))
        else:
            start = draw(st.integers(0, 199))
            parts.append(Extent(start, draw(st.integers(start + 1, 200))))
    return tuple(parts)


@given(part_lists())
def test_what_is_kept_gives_the_same_bytes(parts: tuple[Part, ...]) -> None:
    again = apply_delta(encode_delta(parts), SOURCE)
    assert again == Pieces.of(SOURCE, parts)
    assert whole(again) == whole(Pieces.of(SOURCE, parts))


@given(part_lists(), st.data())
def test_a_damaged_delta_gives_nothing(parts: tuple[Part, ...], data: st.DataObject) -> None:
    kept = encode_delta((*parts, Extent(0, 10)))
    with pytest.raises(BrokenDelta):
        apply_delta(kept[: -data.draw(st.integers(1, 26))], SOURCE)
    with pytest.raises(BrokenDelta):
        apply_delta(kept, MemorySource(bytes(9)))
    with pytest.raises(BrokenDelta):
        apply_delta(b"\x07" + kept[1:], SOURCE)


def test_the_delta_of_a_repair_is_small() -> None:
    pixels = (0x7FE00010, "OW", bytes(500_000))
    file = Spoiled({0x00100010: ("PN", "ІВАНЕНКО^ОЛЕНА")}, "cp1251", "ISO_IR 100", raw=(pixels,)).file()
    revision = mended(file).revision
    kept = encode_delta(revision.pieces.parts)
    assert revision.is_changed
    assert len(kept) < 300
    assert whole(apply_delta(kept, revision.data_set.source)) == whole(revision.pieces)


@given(part_lists(), st.integers(0, 60), st.integers(0, 60))
def test_a_delta_moves_with_what_it_was_made_for(parts: tuple[Part, ...], before: int, after: int) -> None:
    bytes_of = SOURCE.read(0, SOURCE.size)
    there = tuple(one if isinstance(one, bytes) else Extent(one.start + before, one.end + before) for one in parts)
    assert moved_delta(encode_delta(there), after - before) == encode_delta(
        tuple(one if isinstance(one, bytes) else Extent(one.start + after, one.end + after) for one in parts)
    )
    again = apply_delta(moved_delta(encode_delta(parts), after), MemorySource(b"x" * after + bytes(bytes_of)))
    assert whole(again) == whole(Pieces.of(SOURCE, parts))


def test_a_delta_cannot_move_before_the_beginning_of_a_file() -> None:
    with pytest.raises(BrokenDelta):
        moved_delta(encode_delta((Extent(5, 10),)), -6)
