"""TLS between our own two sides, and against callers who want less: every refusal, and what is said about it."""

import hashlib
import logging
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.peers.certificates import Authority
from tests.unit.adapters.dimse.parrot import Line, Parrot
from tolmach.adapters.dimse import (
    Association,
    OutgoingInstance,
    PeerAddress,
    Timeouts,
    plan_contexts,
    store_all,
    verify_peer,
)
from tolmach.adapters.dimse.errors import AssociationLost, BadTlsFiles, PeerTimeout, TlsFailed, TlsRefused
from tolmach.adapters.dimse.reception import ReceivedInstance
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.adapters.dimse.tls import TlsClient, TlsFiles, TlsServer, TlsVersion
from tolmach.base import TolmachError
from tolmach.dicom import uids

CT, EXPLICIT = uids.CTImageStorage, uids.ExplicitVRLittleEndian
PATIENT = Timeouts(60, 60, 60, 60, 60)


@pytest.fixture(scope="session")
def authorities(
    tmp_path_factory: pytest.TempPathFactory, peer_program: Callable[[str], Path]
) -> tuple[Authority, Authority]:
    folder, openssl = tmp_path_factory.mktemp("authorities"), peer_program("openssl")
    return Authority(openssl, folder, "clinic"), Authority(openssl, folder, "stranger")


@pytest.fixture(scope="session")
def clinic(authorities: tuple[Authority, Authority]) -> Authority:
    return authorities[0]


@pytest.fixture(scope="session")
def stranger(authorities: tuple[Authority, Authority]) -> Authority:
    return authorities[1]


@pytest.fixture(scope="session")
def ours(clinic: Authority) -> TlsFiles:
    return clinic.issue("server")


@pytest.fixture(scope="session")
def theirs(clinic: Authority) -> TlsFiles:
    return clinic.issue("device", alternative_names="")


class Scp:
    """A TLS SCP, what it received, and where it is."""

    def __init__(self, folder: Path, settings: StorageScpSettings) -> None:
        self.received: list[ReceivedInstance] = []
        self.scp = StorageScp(settings, folder, self._keep)

    def _keep(self, received: ReceivedInstance) -> int:
        self.received.append(received)
        return 0

    @property
    def address(self) -> PeerAddress:
        return PeerAddress("TOLMACH", "127.0.0.1", self.scp.port)


Serve = Callable[..., Scp]


@pytest.fixture
def serve(tmp_path: Path, ours: TlsFiles) -> Iterator[Serve]:
    started: list[Scp] = []

    def start(files: TlsFiles | None = ours, *, client_certificates: bool = True, seconds: float = 60.0) -> Scp:
        tls = TlsServer(files, client_certificates=client_certificates) if files else None
        settings = StorageScpSettings(port=0, tls=tls, request_timeout_seconds=seconds, timeouts=PATIENT)
        scp = Scp(tmp_path, settings)
        scp.scp.start()
        started.append(scp)
        return scp

    yield start
    for scp in started:
        scp.scp.stop()


def echo_over(tls: TlsClient, address: PeerAddress, timeouts: Timeouts = PATIENT) -> bool:
    return verify_peer(address, timeouts=timeouts, tls=tls).seconds >= 0


# When all is well -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minimum", ["1.2", "1.3"])
@pytest.mark.parametrize("highest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_goes_in_comes_out(
    serve: Serve, ours: TlsFiles, theirs: TlsFiles, minimum: TlsVersion, highest: ssl.TLSVersion
) -> None:
    scp = serve(replace(ours, minimum=minimum))
    client = TlsClient(theirs)
    client._context.maximum_version = highest
    if (minimum, highest) == ("1.3", ssl.TLSVersion.TLSv1_2):
        with pytest.raises(TlsRefused) as caught:
            echo_over(client, scp.address)
        assert caught.value.code == "TLM-NET-074"
        return
    datas = [bytes(range(256)) * 4000, b"ab" * 5, bytes(90_001) + b"x"]
    pieces = [
        lambda: [datas[0]],
        lambda: iter([datas[1][:3], datas[1][3:]]),
        lambda: [datas[2][n : n + 100] for n in range(0, len(datas[2]), 100)],
    ]
    instances = [
        OutgoingInstance(CT, f"1.2.{n}", EXPLICIT, len(data), chunks)
        for n, (data, chunks) in enumerate(zip(datas, pieces, strict=True))
    ]
    plan = plan_contexts([(CT, EXPLICIT)])[0]
    with Association.open(scp.address, plan.contexts, timeouts=PATIENT, tls=client) as assoc:
        assert [outcome.error for outcome in store_all(assoc, iter(instances))] == [None] * 3
    assert [received.sha256 for received in scp.received] == [hashlib.sha256(data).hexdigest() for data in datas]


def test_a_release_is_confirmed(serve: Serve, theirs: TlsFiles) -> None:
    plan = plan_contexts([(CT, EXPLICIT)])[0]
    assoc = Association.open(serve().address, plan.contexts, timeouts=PATIENT, tls=TlsClient(theirs))
    assert assoc.release()


def test_callers_without_certificate_are_served_when_that_is_allowed(serve: Serve, clinic: Authority) -> None:
    scp = serve(client_certificates=False)
    assert echo_over(TlsClient(TlsFiles(authorities=clinic.certificate)), scp.address)


def test_a_certificate_without_our_name_for_it_counts_only_when_names_are_not_checked(
    serve: Serve, clinic: Authority, theirs: TlsFiles
) -> None:
    scp = serve(clinic.issue("elsewhere", alternative_names="DNS:pacs.clinic,IP:10.0.0.1"))
    with pytest.raises(TlsRefused) as caught:
        echo_over(TlsClient(theirs), scp.address)
    assert caught.value.code == "TLM-NET-073"
    with pytest.raises(TlsRefused) as caught:
        echo_over(TlsClient(theirs), replace(scp.address, host="localhost"))
    assert caught.value.code == "TLM-NET-073"
    assert echo_over(TlsClient(theirs, check_name=False), scp.address)


# When it is not -------------------------------------------------------------------------------------------------------


def refused(scp: Scp, client: TlsClient, caplog: pytest.LogCaptureFixture, code: str, said: str) -> None:
    """The caller hears `code`, and the log of the SCP has one line with `said` in it, however often it happens."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(TolmachError) as caught:
                echo_over(client, scp.address)
            assert caught.value.code == code
        scp.scp.stop()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1, lines
    assert said in lines[0]
    assert "127.0.0.1" in lines[0]


def test_a_caller_of_an_unknown_authority(
    serve: Serve, clinic: Authority, stranger: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    client = TlsClient(stranger.issue("device", believes=clinic))
    refused(serve(), client, caplog, "TLM-NET-074", "unable to get local issuer certificate")


def test_a_caller_whose_certificate_has_expired(
    serve: Serve, clinic: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    refused(serve(), TlsClient(clinic.issue("old", days=-1)), caplog, "TLM-NET-074", "certificate has expired")


def test_a_caller_without_a_certificate(serve: Serve, clinic: Authority, caplog: pytest.LogCaptureFixture) -> None:
    client = TlsClient(TlsFiles(authorities=clinic.certificate))
    refused(serve(), client, caplog, "TLM-NET-074", "peer did not return a certificate")


def test_a_caller_with_nothing_but_old_versions(
    serve: Serve, theirs: TlsFiles, caplog: pytest.LogCaptureFixture
) -> None:
    client = TlsClient(theirs)
    client._context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        client._context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        client._context.maximum_version = ssl.TLSVersion.TLSv1_1
    refused(serve(), client, caplog, "TLM-NET-074", "unsupported protocol")


@pytest.mark.parametrize("suites", ["ECDHE+AES+SHA384", "ECDHE+AES+SHA", "DHE+AESGCM", "AES128-GCM-SHA256", "NULL"])
def test_a_caller_with_suites_of_yesterday(
    serve: Serve, theirs: TlsFiles, caplog: pytest.LogCaptureFixture, suites: str
) -> None:
    client = TlsClient(theirs)
    client._context.set_ciphers(f"{suites}:@SECLEVEL=0")
    client._context.maximum_version = ssl.TLSVersion.TLSv1_2
    refused(serve(), client, caplog, "TLM-NET-074", "no shared cipher")


def test_a_caller_with_triple_des(serve: Serve) -> None:
    """OpenSSL has forgotten 3DES, so that this hello is written by hand."""
    suites = bytes.fromhex("000a c012 c008")
    random, sni = bytes(32), b""
    groups = struct.pack(">HHHH", 10, 4, 2, 23)
    formats = struct.pack(">HHBB", 11, 2, 1, 0)
    signatures = struct.pack(">HHHHH", 13, 6, 4, 0x0403, 0x0401)
    extensions = sni + groups + formats + signatures
    hello = b"\x03\x03" + random + b"\x00" + struct.pack(">H", len(suites)) + suites + b"\x01\x00"
    hello += struct.pack(">H", len(extensions)) + extensions
    message = b"\x01" + struct.pack(">L", len(hello))[1:] + hello
    line = Line(socket.create_connection(("127.0.0.1", serve().scp.port)))
    line.say(b"\x16\x03\x01" + struct.pack(">H", len(message)) + message)
    assert line.exactly(7) == b"\x15\x03\x03\x00\x02\x02\x28"  # fatal alert: handshake failure
    assert line.wait_for_close() == b""
    line.sock.close()


@pytest.mark.parametrize("days", [-1, 30])
def test_a_server_that_is_old_or_strange(serve: Serve, clinic: Authority, stranger: Authority, days: int) -> None:
    files = clinic.issue("old", days=days) if days < 0 else stranger.issue("server", believes=clinic)
    with pytest.raises(TlsRefused) as caught:
        echo_over(TlsClient(clinic.issue("device")), serve(files).address)
    assert caught.value.code == "TLM-NET-072"


def test_a_caller_without_tls_is_told_of_once_a_minute(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    scp = serve()
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            with pytest.raises(AssociationLost):
                verify_peer(scp.address, timeouts=PATIENT)
        scp.scp.stop()
    (line,) = [record.getMessage() for record in caplog.records]
    assert "TLM-NET-077" in line
    assert "127.0.0.1" in line


def test_tls_on_a_port_without_it(serve: Serve, theirs: TlsFiles, caplog: pytest.LogCaptureFixture) -> None:
    refused(serve(None), TlsClient(theirs), caplog, "TLM-NET-075", "TLM-NET-078")


def test_a_peer_that_answers_the_hello_with_silence(theirs: TlsFiles) -> None:
    with Parrot(lambda line: line.wait_for_close()) as parrot, pytest.raises(PeerTimeout):
        echo_over(TlsClient(theirs), parrot.address, replace(PATIENT, connect_timeout_seconds=0.3))


def test_a_peer_that_hangs_up_on_the_hello(theirs: TlsFiles) -> None:
    def script(line: Line) -> None:
        line.exactly(5)
        line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with Parrot(script) as parrot, pytest.raises(AssociationLost):
        echo_over(TlsClient(theirs), parrot.address)


@pytest.mark.parametrize("said", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_a_handshake_that_stalls_ends_with_the_request_deadline(serve: Serve, said: bytes) -> None:
    line = Line(socket.create_connection(("127.0.0.1", serve(seconds=0.5).scp.port)))
    line.say(said)
    line.wait_for_close()
    line.sock.close()


def test_stopping_does_not_wait_for_handshakes(serve: Serve) -> None:
    scp = serve()
    lines = [Line(socket.create_connection(("127.0.0.1", scp.scp.port))) for _ in range(2)]
    lines[1].say(b"\x16\x03\x01")
    started = time.monotonic()
    scp.scp.stop(grace_seconds=60)
    assert time.monotonic() - started < 30
    for line in lines:
        line.sock.close()


# Files ----------------------------------------------------------------------------------------------------------------


def test_files_that_cannot_be_used_are_named(
    clinic: Authority, ours: TlsFiles, theirs: TlsFiles, tmp_path: Path
) -> None:
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("no certificate")
    assert ours.key is not None
    locked = clinic.locked(ours.key)
    for files in (
        replace(ours, certificate=rubbish),
        replace(ours, certificate=tmp_path / "absent.pem"),
        replace(ours, key=theirs.key),
        replace(ours, key=locked),
        replace(ours, authorities=rubbish),
        replace(ours, authorities=tmp_path / "absent.pem"),
    ):
        for make in (TlsServer, TlsClient):
            with pytest.raises(BadTlsFiles) as caught:
                make(files)
            assert caught.value.code == "TLM-NET-071"
            assert ".pem" in str(caught.value)


def test_a_server_needs_a_certificate(clinic: Authority) -> None:
    with pytest.raises(BadTlsFiles) as caught:
        TlsServer(TlsFiles(authorities=clinic.certificate))
    assert caught.value.code == "TLM-NET-070"


def test_a_name_that_no_certificate_could_carry(theirs: TlsFiles) -> None:
    with Parrot(lambda line: line.wait_for_close()) as parrot:
        sock = socket.create_connection(("127.0.0.1", parrot.address.port))
        with pytest.raises(TlsFailed):
            TlsClient(theirs).connect(sock, "PACS@.x:104", ".x", time.monotonic() + 60, time.monotonic)
        assert sock.fileno() == -1
