"""A data set cut into P-DATA-TF PDUs without copying it: lists of headers and slices, ready for `sendmsg`.

Where the PDUs begin follows from the length alone, so a PDU may begin in one chunk and end in another.

Standard: PS3.8 section 9.3.5, annex E.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tolmach.adapters.dimse.pdu import Buffer
from tolmach.adapters.dimse.pdu_codec import encode_p_data_header

SMALL_CHUNK = 1 << 12  # copying this much is cheaper than one more system call and one more packet
HELD_BACK = 2
FULL_BATCH = 512  # buffers; what one `sendmsg` takes with room to spare, and all the memory a data set costs


class LengthLies(Exception):
    """The chunks hold another number of bytes than announced; `found` is what was counted until then."""

    def __init__(self, found: int) -> None:
        """Keep the count."""
        super().__init__(found)
        self.found = found


class DataPdus:
    """The PDUs of one data set on one presentation context; for one use."""

    def __init__(self, context_id: int, length: int, fragment_length: int, first_buffers: Sequence[Buffer]) -> None:
        """Announce `length` bytes in fragments of `fragment_length`; `first_buffers` go out before them."""
        self._fragment_length = fragment_length
        self._length = length
        self._taken = 0
        self._left_in_pdu = 0
        self._batch: list[Buffer] = list(first_buffers)
        self._inner_header = encode_p_data_header(context_id, fragment_length, is_command=False, is_last=False)
        tail = (length - 1) % fragment_length + 1
        self._last_header = encode_p_data_header(context_id, tail, is_command=False, is_last=True)

    def batches(self, chunks: Iterable[memoryview | bytes]) -> Iterator[list[Buffer]]:
        """Give lists of buffers; each must be sent before the next is asked for.

        Raises `LengthLies` before the last byte has been given when the chunks are too long or too short, so that no
        peer can take a spoiled data set for a whole one.
        """
        if isinstance(chunks, list | tuple):
            found = sum(memoryview(chunk).nbytes for chunk in chunks)
            if found != self._length:
                raise LengthLies(found)
            for chunk in chunks:
                yield from self._add(memoryview(chunk).cast("B"))
            yield self._batch
        else:
            yield from self._batches_of_stream(chunks)

    def _batches_of_stream(self, chunks: Iterable[memoryview | bytes]) -> Iterator[list[Buffer]]:
        held = b""
        for chunk in chunks:
            view = memoryview(chunk).cast("B")
            found = self._taken + len(held) + len(view)
            if found > self._length:
                raise LengthLies(found)
            yield from self._add(memoryview(held))
            held = b""
            if found == self._length:
                # More could follow; were all of it out by then, the peer would store a data set that is cut short.
                held = bytes(view[-HELD_BACK:])
                view = view[: len(view) - len(held)]
            if len(view) <= SMALL_CHUNK:
                yield from self._add(memoryview(bytes(view)))
            else:
                yield from self._add(view)
                yield self._batch
                self._batch = []
        if self._taken + len(held) != self._length:
            raise LengthLies(self._taken + len(held))
        yield from self._add(memoryview(held))
        yield self._batch

    def _add(self, view: memoryview) -> Iterator[list[Buffer]]:
        """Put the bytes into the batch, with the headers that fall between them; give each batch that is full."""
        position = 0
        while position < len(view):
            if not self._left_in_pdu:
                self._left_in_pdu = min(self._fragment_length, self._length - self._taken)
                is_last = self._taken + self._left_in_pdu == self._length
                self._batch.append(self._last_header if is_last else self._inner_header)
            piece = view[position : position + self._left_in_pdu]
            self._batch.append(piece)
            position += len(piece)
            self._taken += len(piece)
            self._left_in_pdu -= len(piece)
            if len(self._batch) >= FULL_BATCH:
                yield self._batch
                self._batch = []
