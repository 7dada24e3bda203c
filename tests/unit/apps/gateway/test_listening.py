"""Opening the HTTP entrance: ports that others have, certificates that are none, and a machine out of descriptors."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import EXPLICIT
from tests.unit.apps.gateway.storing_files import ROOT as FILES
from tests.unit.apps.gateway.storing_files import instance
from tests.web_archive import WebArchive, web_archive
from tolmach.adapters.objects.faults import NO_SPACE
from tolmach.apps.gateway.faults import CannotListenHttp, UnsafeHttp
from tolmach.apps.gateway.http_settings import HttpSettings
from tolmach.apps.gateway.listening import gateway
from tolmach.intake.faults import StoreTrouble

ROOT = Path(__file__).resolve().parents[4]


def refused(folder: Path, **settings: object) -> str:
    archive = WebArchive(folder)
    with pytest.raises((CannotListenHttp, UnsafeHttp)) as caught, gateway(HttpSettings(**settings), archive.served):  # type: ignore[arg-type]
        pass
    assert caught.value.problem.todo
    return caught.value.code


def test_a_port_that_another_has_is_told_with_what_to_do(tmp_path: Path) -> None:
    """M-07."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert refused(tmp_path, port=taken.getsockname()[1]) == "TLM-SRV-121"
    assert refused(tmp_path, host="192.0.2.7", port=0, certificate=tmp_path / "x", key=tmp_path / "y") == "TLM-SRV-122"
    assert refused(tmp_path, host="no.such.host.invalid", port=0) == "TLM-SRV-120"


def test_certificates_that_cannot_be_read_are_told_with_what_to_do(tmp_path: Path) -> None:
    """M-07: missing, empty, and a key that needs a passphrase nobody can be asked for."""
    (tmp_path / "empty.pem").touch()
    for name in ("missing.pem", "empty.pem"):
        assert refused(tmp_path, port=0, certificate=tmp_path / name, key=tmp_path / name) == "TLM-SRV-122"


def test_a_disk_that_is_full_while_an_object_comes_is_told_and_goes_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M-03, M-04: no success, nothing left, and the same request succeeds once there is room."""
    with web_archive(tmp_path / "data") as (archive, client):

        def full(*_: object) -> None:
            raise StoreTrouble(NO_SPACE, path="x")

        with monkeypatch.context() as patch:
            patch.setattr(archive.store, "place", full)
            answer = client.store(instance(1), instance(2))
            assert answer.status in (503, 507)
        assert archive.receipts.arrivals == []
        assert list(archive.store.incoming.iterdir()) == []
        assert client.store(instance(1), instance(2)).status == 200


_POOR = """
import logging, resource, socket, sys, time
logging.basicConfig(level=logging.INFO, format="LOGGED %(levelname)s %(message)s", stream=sys.stderr)
from pathlib import Path
from tests.web_archive import web_archive
from tests.unit.apps.gateway.storing_files import instance
with web_archive(Path(sys.argv[1])) as (archive, client):
    assert client.store(instance(1)).status == 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    import os
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 12, hard))
    kept = []
    try:
        while len(kept) < 100:
            kept.append(socket.create_connection(("127.0.0.1", client.listening.port), 2))
    except OSError:
        pass
    time.sleep(3)
    for one in kept:
        one.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    deadline = time.monotonic() + 20
    while True:
        try:
            if client.store(instance(2)).status == 200:
                break
        except OSError:
            pass
        assert time.monotonic() < deadline, "it did not come back"
        time.sleep(0.2)
    assert len(list(archive.store.walk())) == 2
print("alive")
"""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors as Linux tells them")
def test_a_process_out_of_descriptors_comes_back_by_itself(tmp_path: Path) -> None:
    """M-07: every descriptor is taken by idle callers; when they go, objects are taken again.

    And the log says so in a line or two: asyncio by itself writes a hundred tracebacks a second.
    """
    command = [sys.executable, "-c", _POOR, str(tmp_path / "data")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert ended.stdout.strip() == "alive", ended.stderr
    lines = ended.stderr.splitlines()
    assert 1 <= len(lines) <= 5, len(lines)
    assert all(line.startswith("LOGGED") for line in lines)


def test_who_is_slow_to_take_his_answer_learns_that_the_entrance_was_closed(tmp_path: Path) -> None:
    """Else he would wait for the rest for as long as the program runs, when only `[http]` has changed."""
    with web_archive(tmp_path / "data") as (_archive, client):
        assert client.store(instance(1, more=EXPLICIT.element(0x7FE00010, "OW", bytes(32 << 20)))).status == 200
        slow = socket.create_connection(("127.0.0.1", client.listening.port), 30)
        head = f"GET /dicom-web/studies/{FILES}.1 HTTP/1.1\r\nHost: localhost\r\n"
        slow.sendall(f"{head}Authorization: Bearer {client.token}\r\n\r\n".encode("ascii"))
        taken = len(slow.recv(1000))
    with slow:
        try:
            while block := slow.recv(1 << 20):
                taken += len(block)
        except ConnectionResetError:
            pass
    assert 0 < taken < 32 << 20
