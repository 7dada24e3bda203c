"""Processes the harness starts: spoken to in JSON lines, ended by their pid, never left behind.

Each dies with the harness too: the steered ones because their stdin closes, all of them because Linux tells them.
"""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from tests.faults.peermodes import Mode

ROOT = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
ANSWER_SECONDS = 60.0
_OUR_PORTS = range(20_000, 32_000)
_LIBC = ctypes.CDLL(None, use_errno=True)


class Silent(Exception):
    """A child of the harness does not answer: the harness is broken, not the product."""


def _die_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command: Sequence[str], *, log: IO[bytes] | None, env: Mapping[str, str] | None = None, **pipes: Any) -> Any:
    """Start a process in a group of its own, which ends when this one does."""
    return subprocess.Popen(
        list(command),
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
        stderr=log,
        start_new_session=True,
        preexec_fn=_die_with_parent,
        **{"stdin": subprocess.DEVNULL, "stdout": log, **pipes},
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its group, and wait until it is gone; may be repeated."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()
    process.wait()


def free_port() -> int:
    """Give a port nobody listens on now; whoever binds it later must be ready to try another.

    None of those that systems give to outgoing connections: a program that is killed and started again must find its
    port free, and meanwhile anybody on the machine may have connected to somewhere.
    """
    while True:
        port = secrets.choice(_OUR_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Child:
    """One of the harness's own programs: an order in, an answer out, both JSON lines."""

    def __init__(self, module: str, *arguments: str | int | Path, log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = start(
                [sys.executable, "-m", f"tests.faults.{module}", *map(str, arguments)],
                log=output,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        self.hello = self._listen()

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        return self._listen()

    def _listen(self) -> dict[str, Any]:
        watchdog = threading.Timer(ANSWER_SECONDS, self.process.kill)
        watchdog.start()
        try:
            line = self.process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            end(self.process)
            raise Silent(f"{self.process.args}: {self._log.read_text(errors='replace')[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        end(self.process)


class PeerChild(Child):
    """A fault peer that runs; `journal` says what it kept."""

    def __init__(self, folder: Path, name: str, mode: Mode | None = None, port: int = 0) -> None:
        self.name = name
        self.journal = folder / f"kept-{name}.jsonl"
        told = json.dumps(_told(mode or Mode()))
        super().__init__(
            "faultpeer", "--port", port, "--journal", self.journal, "--mode", told, log=folder / f"{name}.log"
        )
        self.port = int(self.hello["port"])

    def become(self, mode: Mode) -> None:
        self.ask({"mode": _told(mode)})

    def tally(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask({"tally": True})["tally"]
        return answer


class LineChild(Child):
    """A line to one of `targets` that can be made bad and good again."""

    def __init__(self, folder: Path, *targets: int) -> None:
        options = [part for target in targets for part in ("--target", target)]
        super().__init__("tcpproxy", *options, log=folder / f"line-{targets[0]}.log")
        self.port = int(self.hello["port"])

    def become(self, line: Mapping[str, object]) -> None:
        self.ask({"line": dict(line)})


def _told(mode: Mode) -> dict[str, Any]:
    return {key: value for key, value in vars(mode).items() if value != getattr(Mode(), key)}


class FeederChild(Child):
    """A feeder that runs, at first in pause; `journal` says what was acknowledged."""

    def __init__(self, folder: Path, port: int, *, seed: int = 1, called: str = "TOLMACH", **more: float | str) -> None:
        self.seed = seed
        self.journal = folder / f"answered-{seed}.jsonl"
        options = [part for key, value in more.items() for part in (f"--{key.replace('_', '-')}", str(value))]
        super().__init__(
            "feeder",
            *("--port", port, "--called", called, "--seed", seed, "--journal", self.journal, *options),
            log=folder / f"feeder-{seed}.log",
        )

    def go(self) -> None:
        self.ask({"do": "go"})

    def pause(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask({"do": "pause"})["tally"]
        return answer

    def tally(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask({"tally": True})["tally"]
        return answer

    @property
    def done(self) -> bool:
        return bool(self.ask({"tally": True})["done"])


class VendorChild(Child):
    """A vendor that runs, at first in pause; `journal` says what it completed, and is gone on with by the next one."""

    def __init__(self, folder: Path, folders: Mapping[str, Path], *, seed: int = 1, **more: int | bool) -> None:
        self.journal = folder / f"written-{seed}.jsonl"
        options: list[str | int] = [f"--folder={name}={path}" for name, path in folders.items()]
        for key, value in more.items():
            options += [f"--{key.replace('_', '-')}"] if value is True else [f"--{key.replace('_', '-')}", value]
        super().__init__(
            "vendor", "--seed", seed, "--journal", self.journal, *options, log=folder / f"vendor-{seed}.log"
        )

    def go(self) -> None:
        self.ask({"do": "go"})

    def pause(self) -> dict[str, Any]:
        """Return when nothing is being written any more."""
        answer: dict[str, Any] = self.ask({"do": "pause"})["tally"]
        return answer

    @property
    def done(self) -> bool:
        return bool(self.ask({"tally": True})["done"])

    def freeze(self) -> None:
        os.killpg(self.process.pid, signal.SIGSTOP)
