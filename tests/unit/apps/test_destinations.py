"""From a configured peer to its sender and prover: TLS from the files of [dicom.tls], credentials, hours of the day."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.contracts.misbehaving import Hl7Destination, WebDestination
from tests.peers.certificates import Authority
from tolmach.adapters.dicomweb.faults import ServerNotTrusted
from tolmach.adapters.dicomweb.qido_prover import QidoProver
from tolmach.adapters.dimse.errors import BadTlsFiles
from tolmach.adapters.dimse.tls import TlsFiles
from tolmach.adapters.mllp.mllp_sender import ReceiverNotTrusted
from tolmach.apps import destinations
from tolmach.apps.destinations import prover_of, senders_of, tells_secrets_openly
from tolmach.apps.faults import BadConfiguration
from tolmach.apps.sections import Settings
from tolmach.apps.settings import load_settings
from tolmach.base import TolmachError
from tolmach.delivery.faults import NotNow
from tolmach.delivery.interfaces import Parcel, Prover


def settings_with(folder: Path, peer: str, files: TlsFiles | None = None) -> Settings:
    tls = "" if files is None else "[dicom.tls]\n" + "".join(_lines(files))
    file = folder / "tolmach.toml"
    file.write_text(f'{tls}[[peer]]\nname = "there"\n{peer}\n', "utf-8")
    return load_settings(file, {})


def _lines(files: TlsFiles) -> Iterator[str]:
    for key, path in (("certificate", files.certificate), ("key", files.key), ("ca", files.authorities)):
        if path is not None:
            yield f'{key} = "{path.as_posix()}"\n'


def sent(settings: Settings, *parcels: Parcel) -> list[str]:
    (sender,) = senders_of(settings.peer[0], settings, lambda _: None)
    try:
        return [outcome.kind for outcome in sender.send(parcels)]
    finally:
        sender.close()


def prover_for(settings: Settings) -> Prover | None:
    return prover_of(settings.peer[0], settings, None, None)  # type: ignore[arg-type]


@pytest.fixture
def clinic(peer_program: Callable[[str], Path], tmp_path: Path) -> Authority:
    return Authority(peer_program("openssl"), tmp_path, "clinic")


@pytest.fixture
def strict(clinic: Authority) -> ssl.SSLContext:
    """Give the side of a server that wants to see a certificate of the clinic."""
    files = clinic.issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert files.certificate is not None
    context.load_cert_chain(files.certificate, files.key)
    context.load_verify_locations(clinic.certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


# DICOMweb -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def web(tmp_path: Path, strict: ssl.SSLContext) -> Iterator[WebDestination]:
    made = WebDestination(tmp_path)
    made.server.socket = strict.wrap_socket(made.server.socket, server_side=True)
    yield made
    made.close()


def test_stow_over_https_uses_the_configured_files(web: WebDestination, clinic: Authority, tmp_path: Path) -> None:
    peer = f'kind = "stow"\nurl = "{web.url.replace("http:", "https:")}"'
    parcel = web.unpacker.parcel(web.line(1))
    files = clinic.issue("tolmach")
    for less in (None, TlsFiles(authorities=files.authorities), TlsFiles(files.certificate, files.key)):
        with pytest.raises(ServerNotTrusted):
            sent(settings_with(tmp_path, peer, less), parcel)
    assert sent(settings_with(tmp_path, peer, files), parcel) == ["stored"]
    assert web.requests == 1


def test_qido_over_https_uses_the_configured_files(web: WebDestination, clinic: Authority, tmp_path: Path) -> None:
    peer = f'kind = "stow"\nproof = "query"\nurl = "{web.url.replace("http:", "https:")}"'
    settings = settings_with(tmp_path, peer, clinic.issue("tolmach"))
    prover = prover_for(settings)
    assert isinstance(prover, QidoProver)
    with pytest.raises(TolmachError) as caught:  # this server knows no GET, and says so to those it lets in
        list(prover.prove([web.line(1)]))
    assert caught.value.code == "TLM-DLV-042"
    stranger = prover_for(settings_with(tmp_path, peer))
    assert stranger is not None
    with pytest.raises(ServerNotTrusted):
        list(stranger.prove([web.line(1)]))


def test_over_plain_http_no_files_are_wanted(tmp_path: Path) -> None:
    web = WebDestination(tmp_path)
    missing = TlsFiles(tmp_path / "a.pem", tmp_path / "b.pem", tmp_path / "c.pem")
    settings = settings_with(tmp_path, f'kind = "stow"\nurl = "{web.url}"', missing)
    assert sent(settings, web.unpacker.parcel(web.line(1))) == ["stored"]
    web.close()


def test_files_that_are_not_there_are_told_at_the_start(tmp_path: Path) -> None:
    missing = TlsFiles(authorities=tmp_path / "c.pem")
    for peer in (
        'kind = "stow"\nurl = "https://localhost/"',
        'kind = "hl7"\nhost = "localhost"\nport = 2575\ntls = true',
    ):
        settings = settings_with(tmp_path, peer, missing)
        with pytest.raises(BadTlsFiles, match=r"c\.pem"):
            senders_of(settings.peer[0], settings, lambda _: None)


def test_a_proof_that_a_kind_cannot_give_is_refused(tmp_path: Path) -> None:
    for peer in (
        'kind = "stow"\nurl = "http://localhost/"\nproof = "commitment"',
        'kind = "folder"\nfolder = "out"\nproof = "query"',
    ):
        with pytest.raises(BadConfiguration):
            prover_for(settings_with(tmp_path, peer))
    assert prover_for(settings_with(tmp_path, 'kind = "stow"\nurl = "http://localhost/"')) is None


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ('url = "http://pacs.clinic/dicom-web"\ntoken = "t"', True),
        ('url = "http://10.0.0.7:8042/dicom-web"\nuser = "u"\npassword = "p"', True),
        ('url = "http://localhost.evil.example/"\ntoken = "t"', True),
        ('url = "http://[2001:db8::1]/"\ntoken = "t"', True),
        ('url = "https://pacs.clinic/dicom-web"\ntoken = "t"', False),
        ('url = "http://pacs.clinic/dicom-web"', False),
        ('url = "http://127.0.0.1:8042/dicom-web"\ntoken = "t"', False),
        ('url = "http://[::1]:8042/"\ntoken = "t"', False),
        ('url = "http://LOCALHOST/"\ntoken = "t"', False),
    ],
)
def test_secrets_that_anybody_can_read_are_noticed(tmp_path: Path, peer: str, expected: bool) -> None:
    settings = settings_with(tmp_path, f'kind = "stow"\n{peer}')
    assert tells_secrets_openly(settings.peer[0]) is expected


# HL7 ------------------------------------------------------------------------------------------------------------------


class EncryptedReceiver:
    """Takes HL7 messages of callers whose certificate it believes, and acknowledges each."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.callers: list[object] = []
        self._context = context
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def peer(self) -> str:
        return f'kind = "hl7"\nhost = "localhost"\nport = {self.listener.getsockname()[1]}\ntls = true'

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock, suppress(OSError), self._context.wrap_socket(sock, server_side=True) as talking:
                self.callers.append(talking.getpeercert())
                while received := talking.recv(4096):
                    number = received.split(b"|")[9]
                    answer = b"MSH|^~\\&|M|Y|T|X|20261122030001||ACK|A1|P|2.5.1\rMSA|AA|" + number + b"\r"
                    talking.sendall(b"\x0b" + answer + b"\x1c\r")

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def test_hl7_over_tls_uses_the_configured_files(strict: ssl.SSLContext, clinic: Authority, tmp_path: Path) -> None:
    items, receiver = Hl7Destination(tmp_path), EncryptedReceiver(strict)
    parcel = items.unpacker.parcel(items.line(1))
    files = clinic.issue("tolmach")
    try:
        with pytest.raises(ReceiverNotTrusted):
            sent(settings_with(tmp_path, receiver.peer), parcel)
        assert receiver.callers == []
        assert sent(settings_with(tmp_path, receiver.peer, files), parcel) == ["stored"]
    finally:
        receiver.close()
        items.close()
    (caller,) = receiver.callers
    assert "tolmach" in str(caller)


# Hours ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def in_kyiv(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine stand in Kyiv; the rule is written out, so that no table of zones is needed."""
    monkeypatch.setenv("TZ", "EET-2EEST,M3.5.0/3,M10.5.0/4")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_kyiv")
@pytest.mark.parametrize(("noon", "opens"), [("2026-01-15T10:00Z", "18:00"), ("2026-07-15T09:00Z", "17:00")])
def test_hours_follow_the_clock_on_the_wall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noon: str, opens: str
) -> None:
    items = Hl7Destination(tmp_path)
    settings = settings_with(tmp_path, 'kind = "hl7"\nhost = "localhost"\nport = 1\nwindow = "20:00-06:00"')
    monkeypatch.setattr(destinations, "utc_now", lambda: datetime.fromisoformat(noon).astimezone(UTC))
    with pytest.raises(NotNow) as caught:
        sent(settings, items.unpacker.parcel(items.line(1)))
    items.close()
    assert caught.value.until.astimezone(UTC).strftime("%H:%M") == opens
