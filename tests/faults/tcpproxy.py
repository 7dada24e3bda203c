"""A bad line between two parties: slow, jittery, cut, deaf in one direction, in bytes one by one, or reset.

A process of its own, steered like the fault peer: {"line": {"latency": 0.1, "jitter": 0.05, "rate": 20000, "cut_after":
5000, "silent": "up", "split": true, "reset_after": 5000}}; {} is a good line. "up" is the way to the target.

With several targets it is a balancer: each connection goes to the target that has fewest of those that can be reached.

    python -m tests.faults.tcpproxy --target 11112
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

CHUNK = 1 << 16
DOWN_WHEN_SPLIT = 1


@dataclass(frozen=True)
class BadLine:
    """What is wrong with all connections from now on; bytes and seconds, rate in bytes per second each way.

    `cut_after` and `reset_after` count the bytes of both directions together; the end is orderly or an RST.
    """

    latency: float = 0.0
    jitter: float = 0.0
    rate: float = 0.0
    cut_after: int = 0
    reset_after: int = 0
    silent: Literal["", "up", "down"] = ""
    split: bool = False


class Proxy:
    """Listens, and joins each connection to one of its own to a target."""

    def __init__(self, targets: Sequence[int], seed: int) -> None:
        self.joined = dict.fromkeys(targets, 0)
        self.line = BadLine()
        self.carried = 0
        self._chance = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        for target in sorted(self.joined, key=lambda one: self.joined[one]):
            try:
                far_in, far_out = await asyncio.open_connection("127.0.0.1", target)
            except OSError:
                continue
            self.joined[target] += 1
            try:
                await self._join_both(near_in, near_out, far_in, far_out)
            finally:
                self.joined[target] -= 1
            return
        near_out.transport.abort()

    async def _join_both(
        self,
        near_in: asyncio.StreamReader,
        near_out: asyncio.StreamWriter,
        far_in: asyncio.StreamReader,
        far_out: asyncio.StreamWriter,
    ) -> None:
        for writer in (near_out, far_out):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ends = (near_out, far_out)
        passed = [0]
        tasks = [
            asyncio.ensure_future(self._carry(near_in, far_out, "up", passed)),
            asyncio.ensure_future(self._carry(far_in, near_out, "down", passed)),
        ]
        _done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if self.line.reset_after and passed[0] >= self.line.reset_after:
            for end in ends:
                linger = struct.pack("ii", 1, 0)
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                end.transport.abort()
        else:
            # What is on its way in the other direction may still arrive.
            await asyncio.wait(waiting, timeout=0.5)
        for task in tasks:
            task.cancel()
        for end in ends:
            end.close()

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: str, passed: list[int]
    ) -> None:
        """Carry one direction until it ends or breaks; a line that has become well in between is well."""
        try:
            while data := await source.read(CHUNK):
                line = self.line
                limit = line.cut_after or line.reset_after
                if line.latency or line.jitter:
                    await asyncio.sleep(line.latency + line.jitter * self._chance.random())
                if line.rate:
                    await asyncio.sleep(len(data) / line.rate)
                if line.silent == way:
                    continue
                if limit:
                    data = data[: max(0, limit - passed[0])]
                passed[0] += len(data)
                self.carried += len(data)
                await self._write(sink, data, line)
                if limit and passed[0] >= limit:
                    return
            if sink.can_write_eof():
                sink.write_eof()
        except OSError:
            return

    async def _write(self, sink: asyncio.StreamWriter, data: bytes, line: BadLine) -> None:
        for at in range(0, len(data), 1) if line.split else ():
            sink.write(data[at : at + 1])
            await sink.drain()
            await asyncio.sleep(0)
        if not line.split:
            sink.write(data)
            await sink.drain()

    def accepted(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self.join(near_in, near_out))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        if "line" in order:
            self.line = BadLine(**order["line"])
        return {"carried": self.carried}


async def run(targets: Sequence[int], port: int, seed: int) -> None:
    proxy = Proxy(targets, seed)
    server = await asyncio.start_server(proxy.accepted, "127.0.0.1", port)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    loop = asyncio.get_running_loop()
    while order := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(proxy.obey(json.loads(order))), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=int, required=True, action="append")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    asyncio.run(run(arguments.target, arguments.port, arguments.seed))


if __name__ == "__main__":
    main()
