import pytest
from hypothesis import given
from hypothesis import strategies as st

from tolmach.adapters.mllp.framing import MAX_MESSAGE, BadFrame, FrameReader, frame

MESSAGES = st.lists(st.binary(max_size=60).map(lambda raw: raw.replace(b"\x0b", b"").replace(b"\x1c", b"")), max_size=5)


@given(MESSAGES, st.data())
def test_messages_are_found_in_whatever_pieces_they_come(messages: list[bytes], data: st.DataObject) -> None:
    raw = b"".join(frame(message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    reader, found = FrameReader(), []
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        found += reader.take(raw[start:end])
    assert found == messages


def test_every_cut_of_a_message_gives_the_message() -> None:
    raw = frame(b"MSH|^~\\&|A\rPID|1\r") * 2
    for size in range(1, len(raw)):
        assert taken(FrameReader(), raw, size) == [b"MSH|^~\\&|A\rPID|1\r"] * 2


def test_what_stands_between_is_skipped_and_the_last_byte_may_be_missing() -> None:
    assert FrameReader().take(b"\r\nnoise\x0bone\x1c\x0btwo\x1c\r\x1c\rmore\x0bhalf") == [b"one", b"two"]


def taken(reader: FrameReader, raw: bytes, size: int) -> list[bytes]:
    return [one for start in range(0, len(raw), size) for one in reader.take(raw[start : start + size])]


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_message_beyond_the_limit_is_refused_as_soon_as_it_is(size: int) -> None:
    for raw in (b"\x0b" + b"x" * 5000, b"y" * 5000, b"\x0b" + b"x" * 4990 + b"\x1c\r"):
        with pytest.raises(BadFrame):
            taken(FrameReader(limit=1000), raw, size)


def test_a_message_at_the_limit_is_taken() -> None:
    assert FrameReader(limit=1000).take(b"\x0b" + b"x" * 1000 + b"\x1c\r") == [b"x" * 1000]
    assert FrameReader(limit=1000).take(b"y" * 1000 + b"\x0bx\x1c\r") == [b"x"]


@pytest.mark.parametrize("message", [b"a\x0bb", b"a\x1cb", b"x" * (MAX_MESSAGE + 1)])
def test_what_cannot_be_framed_is_told(message: bytes) -> None:
    with pytest.raises(BadFrame):
        frame(message)
