"""Between asyncio, which only carries bytes here, and the threads in which everything is done.

A request's body waits in a bounded buffer for the thread that reads it; an answer's blocks are made one ahead of the
network. Nobody holds a thread while he is slow to take his answer, and nobody can be slow for ever.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tolmach.adapters.dicomweb.served_faults import BAD_REQUEST, TOO_LARGE, BodyLost, TooLarge
from tolmach.base import N_, Fault, Phrase, TolmachError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_MOST_HELD = 4 << 20


class Incoming:
    """What comes of a request, and whether that was all: who asks for more then would wait for the caller to go."""

    def __init__(self, receive: Receive) -> None:
        """Stand between the server and everybody who reads the body."""
        self._receive = receive
        self.is_over = False

    async def __call__(self) -> Message:
        """Give the next message."""
        message = await self._receive()
        self.is_over = message["type"] != "http.request" or not message.get("more_body", False)
        return message


@dataclass(frozen=True, slots=True)
class Patience:
    """How slow a caller may be: seconds without a byte, and bytes a second over all."""

    idle_seconds: float = 30.0
    minimum_bytes_per_second: int = 1024


class Body:
    """A request's body: filled by a task of the event loop, read by one thread as blocks."""

    def __init__(self, receive: Receive, limit: int, patience: Patience) -> None:
        """Take at most `limit` bytes; to be made inside the event loop."""
        self._receive, self._limit, self._patience = receive, limit, patience
        self._loop = asyncio.get_running_loop()
        self._has_room = asyncio.Event()
        self._arrived = threading.Condition()
        self._blocks: deque[bytes] = deque()
        self._held = 0
        self._ended: TolmachError | None = None
        self._is_over = False
        self.is_gone = False

    async def fill(self) -> None:
        """Take what comes until the end, the limit, or the end of our patience; to be cancelled when nobody reads."""
        total, began = 0, self._loop.time()
        try:
            while True:
                async with asyncio.timeout(self._patience.idle_seconds):
                    message = await self._receive()
                if message["type"] == "http.disconnect":
                    self.is_gone = True
                    self._end(_lost(N_("the connection ended in the middle of it")))
                    return
                block = message.get("body", b"")
                total += len(block)
                if total > self._limit:
                    self._end(TooLarge(TOO_LARGE, limit=self._limit))
                    return
                await self._put(block)
                if not message.get("more_body", False):
                    self._end(None)
                    return
                patience = self._patience.idle_seconds + total / self._patience.minimum_bytes_per_second
                if self._loop.time() - began > patience + self._waited:
                    self._end(_lost(N_("it comes too slowly")))
                    return
        except TimeoutError:
            self._end(_lost(N_("nothing more of it comes")))

    _waited = 0.0

    async def _put(self, block: bytes) -> None:
        """Hand a block over, and wait while too much of it lies here; that is no time the caller took."""
        with self._arrived:
            self._blocks.append(block)
            self._held += len(block)
            is_full = self._held > _MOST_HELD
            if is_full:
                self._has_room.clear()
            self._arrived.notify()
        if is_full:
            began = self._loop.time()
            await self._has_room.wait()
            self._waited += self._loop.time() - began

    def _end(self, error: TolmachError | None) -> None:
        with self._arrived:
            self._ended, self._is_over = error, True
            self._arrived.notify()

    def stop(self) -> None:
        """Let the reader go on no further; when the loop stops in the middle of a request."""
        self._end(_lost(N_("the server is stopping")))

    def blocks(self) -> Iterator[bytes]:
        """Give the body in blocks as they come; for one thread that is not the loop's.

        Raises `BodyLost` where it ends too soon or comes too slowly, `TooLarge` beyond the limit.
        """
        while True:
            with self._arrived:
                self._arrived.wait_for(lambda: self._blocks or self._is_over)
                found, was_full = b"".join(self._blocks), self._held > _MOST_HELD
                self._blocks.clear()
                self._held = 0
                is_over, error = self._is_over, self._ended
            if was_full:
                with suppress(RuntimeError):  # the loop has been closed
                    self._loop.call_soon_threadsafe(self._has_room.set)
            if found:
                yield found
            if is_over:
                if error is not None:
                    raise error
                return


def _lost(why: str) -> BodyLost:
    fault: Fault = BAD_REQUEST
    return BodyLost(fault, why=Phrase(N_("its body could not be read to the end, because {why}"), {"why": Phrase(why)}))


class CallerGone(Exception):
    """The caller has closed the connection, or takes nothing any more."""


async def send_blocks(blocks: Iterator[bytes], receive: Receive, send: Send, threads: Executor, idle: float) -> None:
    """Send the blocks of an answer whose head is sent already; raises what making them raises, and `CallerGone`.

    The blocks are closed at the end, in a thread.
    """
    loop = asyncio.get_running_loop()
    gone = asyncio.ensure_future(_until_gone(receive))
    coming = loop.run_in_executor(threads, next, blocks, None)
    try:
        while (block := await coming) is not None:
            coming = loop.run_in_executor(threads, next, blocks, None)
            if gone.done():
                raise CallerGone
            try:
                async with asyncio.timeout(idle):
                    await send({"type": "http.response.body", "body": block, "more_body": True})
            except TimeoutError as error:
                raise CallerGone from error
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        gone.cancel()
        await asyncio.shield(_closed(coming, blocks, threads))


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _closed(coming: asyncio.Future[bytes | None], blocks: Iterator[bytes], threads: Executor) -> None:
    """Wait for the block that is being made, which cannot be stopped, and close what made it."""
    with suppress(TolmachError, OSError, asyncio.CancelledError):
        await coming
    close = getattr(blocks, "close", None)
    if close is not None:
        await asyncio.get_running_loop().run_in_executor(threads, close)
