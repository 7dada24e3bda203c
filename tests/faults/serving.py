"""The program under test: `tolmach serve` as a process, its configuration, and the commands that judge it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.calling import Called, call
from tests.faults import plainwire as wire
from tests.faults.children import end, free_port, start

PROGRAM = (sys.executable, "-c", "from tolmach.apps.cli.main import main; main()")
AE_TITLE = "TOLMACH"
FEEDER = "feeder"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.01
STARTS = 3

Value = str | int | float | bool | Sequence[str]


class NotStarted(Exception):
    """`tolmach serve` ended, or does not answer C-ECHO in time; the words are its own."""


@dataclass(frozen=True)
class Destination:
    """A peer everything is routed to; `more` are further keys of its [[peer]] table."""

    name: str
    port: int
    more: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Setup:
    """What `serve` is configured with. `tables` are further tables, as text.

    `objects` is a folder that nodes share, `bucket` the address of a bucket in its place; with `http_port` 0 there is
    no HTTP.
    """

    folder: Path
    data_dir: Path
    destinations: Sequence[Destination] = ()
    port: int = 0
    backoff_first_seconds: float = 0.2
    backoff_cap_seconds: float = 2.0
    proof_timeout_seconds: float = 2.0
    reserve: str = ""
    tables: str = ""
    delivery: bool = True
    database: str = ""
    objects: Path | None = None
    bucket: str = ""
    http_port: int = 0

    def text(self) -> str:
        shared = {"database": self.database, "objects": self.bucket}
        http: dict[str, Value] = {"port": self.http_port} if self.http_port else {"enabled": False}
        parts = [
            table("", {"data_dir": str(self.data_dir), **{name: value for name, value in shared.items() if value}}),
            table("[dicom]", {"host": "127.0.0.1", "port": self.port, "ae_title": AE_TITLE}),
            table("[http]", http),
        ]
        if self.delivery:
            names = ("backoff_first_seconds", "backoff_cap_seconds", "proof_timeout_seconds")
            parts.append(table("[delivery]", {name: getattr(self, name) for name in names}))
        storage = {"reserve": self.reserve, "folder": str(self.objects or "")}
        if any(storage.values()):
            parts.append(table("[storage]", {name: value for name, value in storage.items() if value}))
        caller: dict[str, Value] = {
            "name": FEEDER,
            "ae_title": "FEEDER",
            "host": "127.0.0.1",
            "rights": ["echo", "store"],
        }
        parts.append(table("[[peer]]", caller))
        for one in self.destinations:
            basis: dict[str, Value] = {"name": one.name, "ae_title": "PEER", "host": "127.0.0.1", "port": one.port}
            parts.append(table("[[peer]]", {**basis, "rights": ["commit"], **one.more}))
        if self.destinations:
            # Named, not "*": an object that has forgotten where it came from goes nowhere, and is missed.
            parts.append(table("[[route]]", {"from": [FEEDER], "to": [one.name for one in self.destinations]}))
        return "\n".join([*parts, self.tables])


def table(head: str, values: Mapping[str, Value]) -> str:
    """Give a table of TOML."""
    # JSON's strings, numbers, booleans and lists are TOML's as well.
    return "\n".join([head, *(f"{key} = {json.dumps(value)}" for key, value in values.items())]) + "\n"


class Serve:
    """One `tolmach serve` after another on the same configuration."""

    def __init__(
        self,
        setup: Setup,
        *,
        env: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self.setup = setup
        self.program = list(program)
        self.env = dict(env or {})
        self.wrapper = list(wrapper)
        self.log = setup.folder / "serve.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._config = setup.folder / "tolmach.toml"
        self._choose_port()

    @property
    def port(self) -> int:
        return self.setup.port

    @property
    def pid(self) -> int:
        if self.process is None:
            raise NotStarted("it does not run")
        return self.process.pid

    def _choose_port(self) -> None:
        self.setup = replace(self.setup, port=free_port())
        self.configure(self.setup)

    def configure(self, setup: Setup) -> None:
        """Write another configuration, for the next start."""
        self.setup = replace(setup, port=self.setup.port)
        self._config.write_text(self.setup.text(), "utf-8")

    # Its life ---------------------------------------------------------------------------------------------------------

    def launch(self) -> None:
        """Start it and wait for nothing."""
        with self.log.open("ab") as log:
            command = [*self.wrapper, *self.program, "--config", str(self._config), "serve"]
            self.process = start(command, log=log, env=self.env)

    def start(self, *, seconds: float = START_SECONDS) -> float:
        """Start it and give the seconds until it answered a C-ECHO; raises `NotStarted`."""
        begun = time.monotonic()
        self.launch()
        while self.runs and time.monotonic() - begun < seconds:
            if self.answers():
                return time.monotonic() - begun
            time.sleep(POLL_SECONDS)
        self.kill()
        raise NotStarted(f"serve did not answer within {seconds} s:\n{self.said()}")

    def first_start(self) -> float:
        """Start it, on another port when somebody has taken the one that was chosen."""
        for _ in range(STARTS - 1):
            try:
                return self.start()
            except NotStarted as error:
                if "in use" not in str(error):
                    raise
                self._choose_port()
        return self.start()

    def answers(self, *, seconds: float = 2.0) -> bool:
        try:
            wire.echo(self.port, AE_TITLE, "FEEDER", seconds=seconds)
        except (OSError, wire.Gone):
            return False
        return True

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        if self.process is not None:
            end(self.process)
            self.process = None

    def freeze(self) -> None:
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; gives the exit status, or raises `NotStarted` when it does not end in time."""
        process = self.process
        if process is None:
            return 0
        process.send_signal(signal.SIGTERM)
        try:
            return int(process.wait(STOP_SECONDS))
        except subprocess.TimeoutExpired as error:
            raise NotStarted(f"serve does not end within {STOP_SECONDS} s of SIGTERM:\n{self.said()}") from error
        finally:
            self.kill()

    def said(self, characters: int = 3000) -> str:
        return self.log.read_text("utf-8", errors="replace")[-characters:]

    def memory_bytes(self) -> int:
        """Give its resident memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    # The judging commands ---------------------------------------------------------------------------------------------

    def call(self, *arguments: str) -> Called:
        """Run another command on the same configuration.

        It runs in this process, whose environment has no switches of mutants: judges are sane. A process of its own
        would cost more than all the rest.
        """
        return call("--config", self._config, "--lang", "en", *arguments)

    def ask(self, *arguments: str) -> list[dict[str, Any]]:
        """Give the JSON Lines of a reading command; exit status 1 is an answer too."""
        called = self.call(*arguments, "--json")
        if called.status not in (0, 1):
            raise NotStarted(f"{' '.join(arguments)} ended with {called.status}: {called.err[-2000:]}")
        return called.objects
