"""Calling the program, in this process where that is enough or as one of its own; and files worth calling it on."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.builders import EXPLICIT_LE, INSTANCE, Spoiled, body, even, part10
from tolmach.apps.cli.program import run


def with_default_ctrl_c(code: str) -> str:
    """Give code that hears Ctrl-C also where the suite was started with it ignored, as scripts do in the background."""
    return f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{code}"


PROGRAM = (sys.executable, "-c", with_default_ctrl_c("from tolmach.apps.cli.main import main; main()"))
NAME = 0x00100010
IVANOV, KLYMENKO = "ИВАНОВ^ПЁТР^СЕРГЕЕВИЧ", "КЛИМЕНКО^ЮЛІЯ^ЄВГЕНІВНА"


@dataclass(frozen=True)
class Called:
    """What a call gave."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON Lines of stdout; anything else there is an error."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def lines(self) -> list[str]:
        """The lines of stderr."""
        return self.err.splitlines()

    @property
    def codes(self) -> list[str]:
        return [line.partition(":")[0] for line in self.lines]


class Screen(io.TextIOWrapper):
    """A stream that may pretend to be a terminal."""

    def __init__(self, *, watched: bool) -> None:
        super().__init__(io.BytesIO(), "utf-8", newline="\n")
        self.watched = watched

    def isatty(self) -> bool:
        return self.watched

    def text(self) -> str:
        self.flush()
        raw: io.BytesIO = self.buffer  # type: ignore[assignment]
        return raw.getvalue().decode("utf-8")


def call(*arguments: str | Path, stdin: bytes = b"", watched: bool = False) -> Called:
    """Call the program in this process; `watched` makes both streams terminals."""
    out, err = Screen(watched=watched), Screen(watched=watched)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = run([str(argument) for argument in arguments])
    return Called(status, out.text(), err.text())


def start(*arguments: str | Path, **env: str) -> subprocess.Popen[bytes]:
    """Start the program as a process of its own, its output in pipes.

    They are read without a buffer: `communicate` knows nothing of what `readline` has read ahead, and would lose it.
    Where it listens for HTTP, it takes a free port.
    """
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        bufsize=0,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TOLMACH_HTTP__PORT": "0", **env},
    )


def spawn(*arguments: str | Path, stdin: bytes = b"", seconds: float = 120, **env: str) -> Called:
    """Call the program as a process of its own."""
    ran = subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**os.environ, **env},
        timeout=seconds,
        check=False,
    )
    return Called(ran.returncode, ran.stdout.decode("utf-8"), ran.stderr.decode("utf-8"))


def spoiled(name: str = IVANOV, code_page: str = "cp1251", label: str | None = "ISO_IR 100", **more: Any) -> bytes:
    """Give a file whose name is written in another code page than its label says."""
    return Spoiled({NAME: ("PN", name), **more.pop("texts", {})}, code_page, label, **more).file()


def numbered(number: int, name: str = IVANOV, syntax: str = EXPLICIT_LE, own: str = "") -> bytes:
    """Give a spoiled file with a UID of its own."""
    content = body(
        (0x00080005, "CS", b"ISO_IR 100"),
        (NAME, "PN", even(name.encode("cp1251"))),
        (0x00100020, "LO", b"17"),
        (0x0020000D, "UI", even(f"{INSTANCE}.1".encode(), b"\0")),
        (0x0020000E, "UI", even(f"{INSTANCE}.2".encode(), b"\0")),
    )
    own = own or f"{INSTANCE}.{1000 + number}"
    old, new = INSTANCE.encode(), own.encode()
    header = b"\x08\x00\x18\x00UI" + len(old + b"\0" * (len(old) % 2)).to_bytes(2, "little") + old
    assert header in content
    padded = new + b"\0" * (len(new) % 2)
    longer = b"\x08\x00\x18\x00UI" + len(padded).to_bytes(2, "little") + padded
    start = content.index(header)
    end = start + len(header) + len(old) % 2
    return part10(content[:start] + longer + content[end:], syntax, instance=own)


def folder_of(folder: Path, **files: bytes) -> Path:
    """Write files; `__` in a name is a slash, and `.dcm` comes by itself."""
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


CLEAN = part10(body((NAME, "PN", b"SMITH^JOHN")), EXPLICIT_LE)
UNSURE = part10(body((NAME, "PN", b"\xc0\xe1"), (0x00080005, "CS", b"ISO_IR 100")), EXPLICIT_LE)
