"""Hostile sockets at the whole program: it goes on answering, lets go of them, and does not grow.

The sockets say three bytes of a PDU and fall silent, from one address or from many; or they announce what is too large,
or never end what they began. Meanwhile an honest caller asks for C-ECHO again and again.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Protocol

from tests.faults import plainwire as wire
from tests.faults.serving import AE_TITLE

SOCKETS = 200
MEMORY_LIMIT = 64 << 20
LIFE_LIMIT_SECONDS = 30.0
ECHO_LIMIT_SECONDS = 2.0
ADDRESSES = 40
ECHO_EVERY_SECONDS = 0.2


@dataclass
class Abuse:
    """How the program fared: waits for C-ECHO, how long the hostile sockets lived, how much it grew; seconds, bytes."""

    echoes: list[float] = field(default_factory=list)
    failed_echoes: int = 0
    longest_life: float = 0.0
    opened: int = 0
    at_once: int = 0
    still_open: int = 0
    growth: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def slowest_echo(self) -> float:
        return max(self.echoes, default=0.0)


def half_a_header() -> bytes:
    return b"\x01\x00\x00"


def huge_pdu() -> bytes:
    return struct.pack(">BxL", wire.RQ, 0xFFFFFFF0) + bytes(1 << 16)


def half_a_request() -> bytes:
    whole = wire.associate_rq("FEEDER", AE_TITLE, [wire.Proposed(1, wire.CT_IMAGE, [wire.EXPLICIT_LE])])
    return whole[: len(whole) // 2]


def web_request() -> bytes:
    return b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


FIRST_WORDS: Mapping[str, Callable[[], bytes]] = {
    "three bytes": half_a_header,
    "huge PDU": huge_pdu,
    "half a request": half_a_request,
    "a web request": web_request,
}
# The bytes of a request that never ends, for those that say one more every second.
DRIP = bytes(100)


class Victim(Protocol):
    """What is abused: something with a port and a memory."""

    @property
    def port(self) -> int: ...

    def memory_bytes(self) -> int: ...


class Hostile:
    """Sockets that said something and fell silent, or go on at a byte a second."""

    def __init__(self, port: int, count: int, addresses: int, words: bytes, drip: bytes = b"") -> None:
        self._open: dict[int, tuple[socket.socket, float]] = {}
        self._drip, self._dripped_at = drip, time.monotonic()
        self.longest_life = 0.0
        self.opened = 0
        for number in range(count):
            source = f"127.0.{0 if addresses == 1 else 1}.{1 + number % addresses}"
            try:
                sock = socket.create_connection(("127.0.0.1", port), 5, (source, 0))
                sock.setblocking(False)
                self._open[sock.fileno()] = (sock, time.monotonic())
                self.opened += 1
                sock.send(words)
            except (ConnectionError, BlockingIOError):
                continue  # shown the door at once, or it does not even read: both are told by `look`

    def drip(self) -> None:
        """Say one byte more on each socket, once a second."""
        if self._drip and time.monotonic() - self._dripped_at >= 1:
            self._dripped_at = time.monotonic()
            byte, self._drip = self._drip[:1], self._drip[1:]
            for sock, _since in self._open.values():
                with suppress(OSError):
                    sock.send(byte)

    def look(self) -> int:
        """Notice which of them were closed; gives how many are still open."""
        poll = select.poll()
        for number in self._open:
            poll.register(number, select.POLLIN | select.POLLHUP | select.POLLERR)
        for number, _event in poll.poll(0):
            sock, since = self._open[number]
            try:
                while data := sock.recv(4096):
                    del data
            except BlockingIOError:
                continue
            except OSError:
                pass
            self.longest_life = max(self.longest_life, time.monotonic() - since)
            del self._open[number]
            sock.close()
        return len(self._open)

    def close(self) -> None:
        for sock, _since in self._open.values():
            sock.close()
        self._open.clear()


def slow_sockets(
    victim: Victim,
    *,
    count: int = SOCKETS,
    addresses: int = 1,
    words: bytes = b"\x01\x00\x00",
    drip: bytes = b"",
    life_seconds: float = LIFE_LIMIT_SECONDS,
) -> Abuse:
    """Open hostile sockets and watch until all are closed or half again their time is over."""
    result = Abuse()
    before = victim.memory_bytes()
    begun = time.monotonic()
    hostile = Hostile(victim.port, count, addresses, words, drip)
    try:
        result.opened = hostile.opened
        result.at_once = left = hostile.look()
        while left and time.monotonic() - begun < life_seconds * 1.5:
            _echo(victim, result)
            result.growth = max(result.growth, victim.memory_bytes() - before)
            time.sleep(ECHO_EVERY_SECONDS)
            hostile.drip()
            left = hostile.look()
        _echo(victim, result)
        result.still_open, result.longest_life = left, hostile.longest_life
    finally:
        hostile.close()
    _judge(result, life_seconds)
    return result


def endless_message(victim: Victim, megabytes: int = 256) -> Abuse:
    """Send P-DATA without end on a good association: a command set that never ends, and then a data set."""
    result = Abuse()
    before = victim.memory_bytes()
    for flags in (0x01, 0x00):
        with ExitStack() as stack:
            try:
                contexts = [wire.Proposed(1, wire.CT_IMAGE, [wire.EXPLICIT_LE])]
                calling = wire.call(victim.port, AE_TITLE, "FEEDER", contexts, seconds=10)
                stack.callback(calling.line.close)
                if not flags:
                    calling.line.send(_store_command())
                piece = bytes(32768)
                whole = wire.pdu(wire.DATA, struct.pack(">LBB", len(piece) + 2, 1, flags) + piece)
                for _ in range((megabytes << 20) // len(piece)):
                    calling.line.send(whole)
                    result.growth = max(result.growth, victim.memory_bytes() - before)
            except (OSError, wire.Gone):
                pass  # cut off, as it should be
            _echo(victim, result)
    _judge(result, LIFE_LIMIT_SECONDS)
    return result


def _store_command() -> bytes:
    command: wire.Command = {
        wire.FIELD: wire.C_STORE,
        wire.MESSAGE_ID: 1,
        wire.SOP_CLASS: wire.CT_IMAGE,
        wire.INSTANCE: "1.2.3.4",
        wire.DATA_SET_TYPE: 0,
        wire.PRIORITY: 0,
    }
    raw = wire.encode_command(command)
    return wire.pdu(wire.DATA, struct.pack(">LBB", len(raw) + 2, 1, 3) + raw)


def _echo(victim: Victim, result: Abuse) -> None:
    begun = time.monotonic()
    try:
        wire.echo(victim.port, AE_TITLE, "FEEDER", seconds=10)
        result.echoes.append(time.monotonic() - begun)
    except (OSError, wire.Gone) as error:
        result.failed_echoes += 1
        result.problems.append(f"C-ECHO failed: {type(error).__name__}: {error}")


def _judge(result: Abuse, life_seconds: float) -> None:
    if result.slowest_echo > ECHO_LIMIT_SECONDS:
        result.problems.append(f"C-ECHO took {result.slowest_echo:.1f} s")
    if result.longest_life > life_seconds or result.still_open:
        result.problems.append(f"{result.still_open} hostile sockets still open; {result.longest_life:.0f} s at most")
    if result.growth > MEMORY_LIMIT:
        result.problems.append(f"grew by {result.growth >> 20} MiB")


def _silent(name: str, addresses: int) -> Callable[[Victim], Abuse]:
    return lambda victim: slow_sockets(victim, addresses=addresses, words=FIRST_WORDS[name]())


CASES: Mapping[str, Callable[[Victim], Abuse]] = {
    f"{SOCKETS} sockets, three bytes each, one address": _silent("three bytes", 1),
    f"{SOCKETS} sockets, three bytes each, {ADDRESSES} addresses": _silent("three bytes", ADDRESSES),
    f"{SOCKETS} sockets, a byte a second": lambda victim: slow_sockets(
        victim, addresses=ADDRESSES, words=half_a_request(), drip=DRIP
    ),
    f"{SOCKETS} sockets announcing a PDU of 4 GiB": _silent("huge PDU", ADDRESSES),
    f"{SOCKETS} web requests": _silent("a web request", ADDRESSES),
    "messages that never end": endless_message,
}
