"""multipart/related as it streams in and out: nothing is held but the block in hand.

The parser is python-multipart's, written for forms: this turns it inside out, so that a reader asks for parts and
blocks, and lets pass what forms do not have: a preamble, and parts without Content-Disposition.

Standard: PS3.18 section 8.6.1.2 (multipart payloads), RFC 2387, RFC 2046 section 5.1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState

from tolmach.adapters.dicomweb.served_faults import BadRequest, bad
from tolmach.base import N_, Phrase

MAX_PREAMBLE = 65_536
MAX_PARTS = 10_000
MAX_BOUNDARY = 200  # RFC 2046 section 5.1.1 allows 70; Orthanc's plugin 1.7 writes 73
_PIECE = 1 << 20

_Event = tuple[Literal["begin", "headers", "data", "end"], "Mapping[str, str] | bytes | memoryview"]


@dataclass(slots=True)
class Part:
    """A part that is being read: its headers in small letters, and its blocks, to be taken once and in order."""

    headers: Mapping[str, str]
    blocks: Iterator[bytes | memoryview] = field(repr=False)

    def drop(self) -> None:
        """Read what is left of it, and forget it."""
        for _ in self.blocks:
            pass


class PartReader:
    """Reads the parts of one body, one after another: what is left of a part is dropped when the next is asked for."""

    def __init__(self, blocks: Iterable[bytes], boundary: str) -> None:
        """Read from blocks of bytes; raises `BadRequest` for a boundary that can be none."""
        if not 0 < len(boundary) <= MAX_BOUNDARY or not boundary.isascii() or not boundary.isprintable():
            raise bad(Phrase(N_("the boundary is missing or no boundary")))
        self._boundary = boundary.encode("ascii")
        self._blocks = _without_preamble(blocks, b"--" + self._boundary)
        self._events: deque[_Event] = deque()
        self._name, self._value = bytearray(), bytearray()
        self._headers: dict[str, str] = {}
        self._parser = MultipartParser(
            self._boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": lambda: self._events.append(("end", b"")),
                "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._header,
                "on_headers_finished": lambda: self._events.append(("headers", self._headers)),
            },
        )

    def parts(self) -> Iterator[Part]:
        """Give the parts in order; raises `BadRequest` where the body is not what it should be, or ends too soon."""
        count = 0
        while (event := self._next()) is not None:
            if event[0] != "headers":
                continue
            count += 1
            if count > MAX_PARTS:
                raise bad(Phrase(N_("the body has more than {limit} parts"), {"limit": MAX_PARTS}))
            assert isinstance(event[1], dict)
            part = Part(event[1], self._body())
            yield part
            part.drop()
        if self._parser.state != MultipartState.END:
            raise bad(Phrase(N_("the body ends before its last boundary")))

    def _body(self) -> Iterator[bytes | memoryview]:
        while (event := self._next()) is not None:
            if event[0] == "data":
                assert not isinstance(event[1], Mapping)
                yield event[1]
            elif event[0] == "end":
                return
        raise bad(Phrase(N_("the body ends before its last boundary")))

    def _next(self) -> _Event | None:
        while not self._events:
            block = next(self._blocks, None)
            if block is None:
                return None
            if self._parser.state == MultipartState.END:
                continue  # an epilogue says nothing
            try:
                self._parser.write(block)
            except FormParserError as error:
                why = Phrase(N_("its parts cannot be told from one another: {detail}"), {"detail": str(error)[:200]})
                raise bad(why) from error
        return self._events.popleft()

    def _begin(self) -> None:
        self._headers = {}
        self._events.append(("begin", b""))

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(("data", memoryview(data)[start:end]))

    def _header(self) -> None:
        # Bytes that are no ASCII are nothing that is looked for here.
        name = bytes(self._name).decode("ascii", "replace").strip().lower()
        self._headers[name] = bytes(self._value).decode("utf-8", "replace").strip()
        self._name.clear()
        self._value.clear()


def _without_preamble(blocks: Iterable[bytes], delimiter: bytes) -> Iterator[bytes]:
    """Give the body from its first boundary on; raises `BadRequest` when there is none where one should be."""
    held, stream = b"", iter(blocks)
    for block in stream:
        held += block
        start = 0 if held.startswith(delimiter) else held.find(b"\r\n" + delimiter) + 2
        if start != 1:
            yield held[start:]
            yield from stream
            return
        if len(held) > MAX_PREAMBLE:
            raise _without_boundary()
    raise _without_boundary()


def _without_boundary() -> BadRequest:
    return bad(Phrase(N_("the boundary does not appear in the body")))


def written(
    parts: Iterable[tuple[Mapping[str, str], Iterable[bytes | memoryview]]], boundary: str, size: int = _PIECE
) -> Iterator[bytes]:
    """Give the body made of parts in blocks of about `size` bytes, the first as soon as the first part is begun."""
    gathered, delimiter = bytearray(), b"--" + boundary.encode("ascii")
    for headers, blocks in parts:
        gathered += delimiter
        gathered += "".join(f"\r\n{name}: {text}" for name, text in headers.items()).encode("ascii")
        gathered += b"\r\n\r\n"
        for block in blocks:
            gathered += block
            if len(gathered) >= size:
                yield bytes(gathered)
                gathered.clear()
        delimiter = b"\r\n--" + boundary.encode("ascii")
    yield bytes(gathered + delimiter + b"--\r\n")
