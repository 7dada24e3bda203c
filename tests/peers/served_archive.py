"""An archive that is served by the real program: started, killed and asked by the tools that hospitals have."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dicomweb_client.api import DICOMwebClient
from requests import Session

from tests.builders import CT_IMAGE, EXPLICIT, EXPLICIT_LE, body, even, part10
from tests.calling import Called, call, start
from tests.peers.conftest import reserved_port

SECONDS = 60.0
ROOT = "1.2.826.0.1.3680043.10.777"
TITLE = "TOLMACH"
CALLERS: Mapping[str, Sequence[str]] = {
    "ct-1": ("echo", "store", "commit"),
    "viewer": ("find", "move", "get"),
    "old": ("find",),
    "tolmach": ("find", "get"),
}
_OLD_UID = b"1.2.826.0.1.3680043.9.7.1.1\0"


def shot(
    study: int,
    series: int = 1,
    instance: int = 1,
    *,
    name: str,
    page: str = "cp1251",
    label: str | None = "ISO_IR 100",
    patient_id: str = "",
    modality: str = "DX",
    note: str = "Рентгенография органов грудной клетки",
) -> bytes:
    """Give an image as a machine writes it: text in a code page that its label does not name."""
    uid = f"{ROOT}.{study}.{series}.{instance}"
    texts: list[tuple[int, str, str]] = [
        (0x00080020, "DA", f"202611{study % 28 + 1:02}"),
        (0x00080030, "TM", "101500"),
        (0x00080050, "SH", f"A{study}"),
        (0x00080060, "CS", modality),
        (0x00081030, "LO", note),
        (0x00100010, "PN", name),
        (0x00100020, "LO", patient_id or f"P{study}"),
        (0x00100030, "DA", "19700131"),
        (0x00100040, "CS", "M"),
        (0x00200011, "IS", str(series)),
        (0x00200013, "IS", str(instance)),
    ]
    elements = [(tag, vr, even(text.encode(page))) for tag, vr, text in texts]
    elements += [(0x00080005, "CS", even(label.encode()))] if label is not None else []
    elements += [
        (0x0020000D, "UI", even(f"{ROOT}.{study}".encode(), b"\0")),
        (0x0020000E, "UI", even(f"{ROOT}.{study}.{series}".encode(), b"\0")),
        *((tag, "US", number.to_bytes(2, "little")) for tag, number in _PIXELS.items()),
        (0x00280004, "CS", b"MONOCHROME2 "),
        (0x7FE00010, "OW", bytes(range(256)) * 2),
    ]
    old = EXPLICIT.element(0x00080018, "UI", _OLD_UID)
    raw = body(*elements).replace(old, EXPLICIT.element(0x00080018, "UI", even(uid.encode(), b"\0")), 1)
    return part10(raw, EXPLICIT_LE, sop_class=CT_IMAGE, instance=uid)


_PIXELS = {
    0x00280002: 1,
    0x00280010: 16,
    0x00280011: 16,
    0x00280100: 16,
    0x00280101: 16,
    0x00280102: 15,
    0x00280103: 0,
}

NAMES = {1: "Щербаков^Семён^Ильич", 2: "Іванов^Іван^Їжакович", 3: "Кузьмич^Пётр"}
SHOTS: Sequence[bytes] = (
    *(shot(1, series, number, name=NAMES[1]) for series in (1, 2) for number in (1, 2)),
    shot(2, name=NAMES[2], page="koi8-u", label=None, note="Рентгенографія органів грудної клітки"),
    shot(3, name=NAMES[3], page="utf-8", label="ISO_IR 192", modality="CT"),
)


@dataclass(frozen=True)
class Ended:
    status: int
    said: str


class ServedArchive:
    """A configured `tolmach serve`, with callers named as `CALLERS` and AE titles that are the same in capitals."""

    def __init__(
        self,
        folder: Path,
        ports: Mapping[str, int] | None = None,
        *,
        tables: str = "",
        top: str = "",
        more: Mapping[str, Mapping[str, str]] | None = None,
        callers: Mapping[str, Sequence[str]] = CALLERS,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.port = folder, reserved_port()
        self.ports = {"tolmach": self.port, **(ports or {})}
        self.config = folder / "tolmach.toml"
        self._tables, self._top, self._more, self._env = tables, top, more or {}, env or {}
        self.configure(callers)
        self.url = ""
        self.tokens = {role: self.token(role) for role in ("viewer", "technician", "auditor")}
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, callers: Mapping[str, Sequence[str]]) -> None:
        """Write the configuration anew."""
        text = f'data_dir = "{(self.folder / "data").as_posix()}"\n{self._top}'
        text += f'[dicom]\nport = {self.port}\n[storage]\nreserve = "0"\n{self._tables}'
        for name, rights in callers.items():
            text += f'[[peer]]\nname = "{name}"\nae_title = "{name.upper()}"\nhost = "127.0.0.1"\n'
            text += f"rights = {list(rights)}\nport = {self.ports.get(name, 0)}\n"
            text += "".join(f'{key} = "{value}"\n' for key, value in self._more.get(name, {}).items())
        self.config.write_text(text, "utf-8")

    # Its life ---------------------------------------------------------------------------------------------------------

    def __enter__(self) -> ServedArchive:
        self.process = start("serve", "--config", self.config, "--lang", "en", **self._env)
        assert self.process.stdout is not None
        assert f"listening as {TITLE}@127.0.0.1:{self.port};".encode() in self.process.stdout.readline()
        told = re.search(rb"DICOMweb is at (http://\S+)/dicom-web", self.process.stdout.readline())
        assert told is not None
        self.url = told.group(1).decode()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            _out, err = self.process.communicate(timeout=15)
            assert self.process.returncode == 0, err.decode()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def reload(self, callers: Mapping[str, Sequence[str]]) -> None:
        """Run by other callers; returns when the program says that it does."""
        self.configure(callers)
        assert self.process is not None
        assert self.process.stdout is not None
        os.kill(self.process.pid, signal.SIGHUP)
        assert b"read anew" in self.process.stdout.readline()
        assert b"DICOMweb" in self.process.stdout.readline()

    # Asking -----------------------------------------------------------------------------------------------------------

    def command(self, *arguments: str | Path) -> Called:
        return call(*arguments, "--config", self.config, "--lang", "en")

    def token(self, role: str) -> str:
        return self.command("token", "create", "--name", f"a {role}", "--role", role).out.strip()

    def web(self, role: str = "technician") -> DICOMwebClient:
        session = Session()
        session.headers["Authorization"] = f"Bearer {self.tokens[role]}"
        return DICOMwebClient(f"{self.url}/dicom-web", session=session)

    def tool(self, program: Path, *arguments: object, calling: str) -> Ended:
        """Run a tool of DCMTK against it."""
        own = ["-aet", calling, "-aec", TITLE]
        command = [str(program), *own, *map(str, arguments)]
        ended = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        return Ended(ended.returncode, (ended.stdout + ended.stderr).decode("utf-8", "replace"))

    def store(self, program: Path, *files: bytes, calling: str = "CT-1") -> Ended:
        folder = self.folder / f"in-{time.monotonic_ns()}"
        folder.mkdir()
        paths = [folder / f"{number}.dcm" for number in range(len(files))]
        for path, file in zip(paths, files, strict=True):
            path.write_bytes(file)
        return self.tool(program, "127.0.0.1", self.port, *paths, calling=calling)

    def answers(self) -> dict[str, Any]:
        """Give everything it answers to the same questions, over DICOM and over HTTP."""
        found: dict[str, Any] = {}
        for level in ("patient", "study"):
            told = self.command("find", "tolmach", "--level", level, "--json", "--limit", "9999")
            assert told.status == 0, told.err
            found[level] = sorted(told.objects, key=str)
        web = self.web("viewer")
        for name, asked in (
            ("studies", web.search_for_studies),
            ("series", web.search_for_series),
            ("instances", web.search_for_instances),
        ):
            found[name] = sorted((_without_address(one) for one in asked(fields=["all"])), key=str)
        return found


def _without_address(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out where it is to be had: the port is another after each start."""
    return {tag: value for tag, value in answer.items() if tag != "00081190"}


def keys(**values: str) -> list[str]:
    """Give keys of a question to a tool of DCMTK, in UTF-8."""
    asked = [("-k", f"{name}={value}" if value else name) for name, value in values.items()]
    return ["-k", "0008,0005=ISO_IR 192", *(part for one in asked for part in one)]
