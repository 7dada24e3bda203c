"""Real peers on free ports, stopped by pid: DCMTK's storescp and Orthanc. A missing program fails the test."""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tolmach.adapters.dimse import PeerAddress

# Ceilings for a machine with better things to do; nothing waits so long when all is well.
START_SECONDS = 120.0
STOP_SECONDS = 60.0

DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")

# Called with extra arguments and environment; gives the running peer.
StartStorescp = Callable[..., "RunningStorescp"]
# Called with extra settings; gives a peer that runs for the time of a block.
StartOrthancWeb = Callable[..., AbstractContextManager["RunningOrthanc"]]


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


@pytest.fixture
def start_orthanc_web(peer_program: Callable[[str], Path], tmp_path: Path) -> StartOrthancWeb:
    """Give a function that runs an Orthanc with its DICOMweb plugin for the time of a block.

    `start_orthanc_web(port, SslEnabled=True)` adds settings; each has the same storage folder and a log of its own.
    """
    if not DICOMWEB_PLUGIN.exists():
        pytest.fail("the DICOMweb plugin of Orthanc is not installed: run scripts/install_peers.sh (or: make peers)")
    storage = tmp_path / "orthanc-web"
    storage.mkdir()
    count = 0

    @contextmanager
    def start(port: int | None = None, **more: object) -> Iterator[RunningOrthanc]:
        nonlocal count
        count += 1
        http_port = port or reserved_port()
        settings = {
            "StorageDirectory": str(storage),
            "IndexDirectory": str(storage),
            "Plugins": [str(DICOMWEB_PLUGIN)],
            "DicomServerEnabled": False,
            "HttpPort": http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomWeb": {"Enable": True},
            **more,
        }
        file = tmp_path / f"orthanc-web-{count}.json"
        file.write_text(json.dumps(settings))
        command = [str(peer_program("Orthanc")), str(file)]
        with running(command, http_port, tmp_path / f"orthanc-web-{count}.log", {}) as process:
            yield RunningOrthanc("ORTHANC", 0, http_port, process)

    return start


@pytest.fixture
def orthanc_web(start_orthanc_web: StartOrthancWeb) -> Iterator[RunningOrthanc]:
    """Give an Orthanc with its DICOMweb plugin."""
    with start_orthanc_web() as running_one:
        yield running_one
