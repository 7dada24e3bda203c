"""Real peers on free ports, stopped by pid: DCMTK's storescp and Orthanc. A missing program fails the test."""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tolmach.adapters.dimse import PeerAddress

# Ceilings for a machine with better things to do; nothing waits so long when all is well.
START_SECONDS = 120.0
STOP_SECONDS = 60.0

# Called with extra arguments and environment; gives the running peer.
StartStorescp = Callable[..., "RunningStorescp"]


@dataclass(frozen=True)
class RunningStorescp:
    """A DCMTK storescp that listens; with `--ignore` among its arguments the folder stays empty."""

    ae_title: str
    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> PeerAddress:
        return PeerAddress(self.ae_title, "127.0.0.1", self.port)

    def files(self) -> list[Path]:
        return sorted(self.folder.iterdir())


@dataclass(frozen=True)
class RunningOrthanc:
    """An Orthanc of its own with an empty storage."""

    ae_title: str
    dicom_port: int
    http_port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> PeerAddress:
        return PeerAddress(self.ae_title, "127.0.0.1", self.dicom_port)

    def get(self, path: str) -> bytes:
        """Give the body of a REST GET, `path` beginning with a slash."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=20) as answer:
            body: bytes = answer.read()
            return body

    def get_json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def instances(self) -> dict[str, str]:
        """Give what is stored: SOP Instance UID to Orthanc's own identifier."""
        found = self.get_json("/instances?expand")
        return {entry["MainDicomTags"]["SOPInstanceUID"]: entry["ID"] for entry in found}

    def file_of(self, sop_instance_uid: str) -> bytes:
        """Give the Part 10 file as Orthanc keeps it."""
        return self.get(f"/instances/{self.instances()[sop_instance_uid]}/file")


def reserved_port() -> int:
    """Give a port that nobody is given for the next minute but who asks for it by number, as the peers do.

    A connection to it that we end first stays in TIME_WAIT: the system hands out no such port, neither to those who
    let it choose nor to those who connect, and lets whoever sets SO_REUSEADDR listen there.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = listener.accept()
            accepted.close()
        return port


def wait_until_listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when a connection succeeds; a peer that ends or never listens fails the test with its own words."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    said = log.read_text(errors="replace")[-2000:]
    pytest.fail(f"the peer {process.args!r} does not listen on port {port}; it said:\n{said}")


@contextmanager
def running(command: Sequence[str], port: int, log: Path, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a peer for the time of the block; its output goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **env}
        )
    try:
        wait_until_listening(port, process, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def storescp(peer_program: Callable[[str], Path], tmp_path: Path) -> Iterator[StartStorescp]:
    """Give a function that starts a storescp: `storescp("--ignore", ae_title="PACS", env={"TCP_NODELAY": "1"})`."""
    program = peer_program("storescp")
    with ExitStack() as stack:
        count = 0

        def start(
            *args: str, ae_title: str = "PACS", port: int | None = None, env: Mapping[str, str] | None = None
        ) -> RunningStorescp:
            nonlocal count
            count += 1
            folder = tmp_path / f"storescp-{count}"
            folder.mkdir()
            port = port or reserved_port()
            command = [str(program), "-v", "-aet", ae_title, "-od", str(folder), *args, str(port)]
            log = tmp_path / f"storescp-{count}.log"
            process = stack.enter_context(running(command, port, log, env or {}))
            return RunningStorescp(ae_title, port, folder, process)

        yield start


@pytest.fixture
def orthanc(peer_program: Callable[[str], Path], tmp_path: Path) -> Iterator[RunningOrthanc]:
    """Give an Orthanc that checks the called AE title and listens on loopback for this test alone."""
    program = peer_program("Orthanc")
    dicom_port, http_port = reserved_port(), reserved_port()
    storage = tmp_path / "orthanc"
    storage.mkdir()
    settings = {
        "Name": "tolmach test",
        "StorageDirectory": str(storage),
        "IndexDirectory": str(storage),
        "Plugins": [],
        "DicomAet": "ORTHANC",
        "DicomPort": dicom_port,
        "DicomCheckCalledAet": True,
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
    }
    file = tmp_path / "orthanc.json"
    file.write_text(json.dumps(settings))
    log = tmp_path / "orthanc.log"
    with running([str(program), str(file)], http_port, log, {}) as process:
        wait_until_listening(dicom_port, process, log)
        yield RunningOrthanc("ORTHANC", dicom_port, http_port, process)
