"""`tolmach send --proof`: sent means that the archive holds it, which it is asked, and not only that it said so."""

import json
import socket
import threading
import urllib.request
from pathlib import Path

import pytest

from tests.builders import INSTANCE
from tests.calling import Called, call, folder_of, numbered
from tests.peers.conftest import RunningOrthanc, StartStorescp, reserved_port

pytestmark = pytest.mark.slow


def introduce(orthanc: RunningOrthanc, port: int) -> None:
    """Tell Orthanc of us: it answers no strangers, and reports commitments on an association of its own."""
    body = json.dumps({"AET": "TOLMACH", "Host": "127.0.0.1", "Port": port}).encode()
    url = f"http://127.0.0.1:{orthanc.http_port}/modalities/tolmach"
    urllib.request.urlopen(urllib.request.Request(url, body, method="PUT"), timeout=20).close()


def send(tmp_path: Path, to: str, *more: str) -> Called:
    files = folder_of(tmp_path / "in", a=numbered(1), b=numbered(2))
    return call("send", files, to, "--json", "--lang", "en", *more)


def test_an_archive_is_asked_and_has_it(tmp_path: Path, orthanc: RunningOrthanc) -> None:
    introduce(orthanc, 1)
    called = send(tmp_path, str(orthanc.address), "--proof", "query")
    assert called.status == 0, called.err
    assert [one["sent"]["proof"] for one in called.objects] == ["query", "query"]
    assert set(orthanc.instances()) == {f"{INSTANCE}.1001", f"{INSTANCE}.1002"}


def test_an_archive_commits_on_an_association_of_its_own(tmp_path: Path, orthanc: RunningOrthanc) -> None:
    port = reserved_port()
    introduce(orthanc, port)
    (tmp_path / "tolmach.toml").write_text(
        f'[dicom]\nport = {port}\n[[peer]]\nname = "pacs"\nae_title = "ORTHANC"\nhost = "127.0.0.1"\n'
        f'port = {orthanc.dicom_port}\nproof = "commitment"\n',
        "utf-8",
    )
    called = send(tmp_path, "pacs", "--config", str(tmp_path / "tolmach.toml"))
    assert called.status == 0, called.err
    assert [one["sent"]["proof"] for one in called.objects] == ["commitment", "commitment"]


def test_what_cannot_be_proved_is_not_called_sent(tmp_path: Path, storescp: StartStorescp) -> None:
    peer = storescp("--ignore")
    for kind in ("query", "commitment"):
        called = send(tmp_path, str(peer.address), "--proof", kind)
        assert called.status == 1
        assert [one["sent"] for one in called.objects] == [None, None]
        assert set(called.codes) == {"TLM-CLI-026"}


def test_an_archive_that_lies_is_found_out(tmp_path: Path, orthanc: RunningOrthanc, storescp: StartStorescp) -> None:
    """Storage goes to one server that keeps nothing, queries to a real archive that never got the images."""
    introduce(orthanc, 1)
    liar = storescp("--ignore", ae_title="ORTHANC")
    with Switch(liar.port, orthanc.dicom_port) as port:
        called = send(tmp_path, f"ORTHANC@127.0.0.1:{port}", "--proof", "query")
    assert called.status == 1
    assert [one["sent"] for one in called.objects] == [None, None]
    assert set(called.codes) == {"TLM-CLI-026"}
    assert "aborted" not in called.err


def test_an_unknown_kind_of_proof_is_a_wrong_call(tmp_path: Path) -> None:
    called = send(tmp_path, "A@127.0.0.1:1", "--proof", "honour")
    assert (called.status, called.codes) == (2, ["TLM-CLI-008"])


class Switch:
    """A port whose first connection leads to one server, and all later ones to another."""

    def __init__(self, first: int, later: int) -> None:
        self.targets = [first, later]
        self.listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._accept, daemon=True).start()
        port: int = self.listener.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _address = self.listener.accept()
            except OSError:
                return
            target = self.targets.pop(0) if len(self.targets) > 1 else self.targets[0]
            far = socket.create_connection(("127.0.0.1", target))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
    finally:
        source.close()
