"""Whom outgoing connections believe, and whose certificate they show; over HTTPS too."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contracts.misbehaving import WebDestination
from tests.peers.certificates import Authority
from tolmach.adapters.dicomweb.client_tls import client_context
from tolmach.adapters.dicomweb.faults import ServerNotTrusted
from tolmach.adapters.dicomweb.http import HttpTimeouts
from tolmach.adapters.dicomweb.stow_sender import StowSender
from tolmach.adapters.dimse.errors import BadTlsFiles
from tolmach.adapters.dimse.tls import TlsFiles

MakeAuthority = Callable[[str], Authority]


@pytest.fixture
def authority(peer_program: Callable[[str], Path], tmp_path: Path) -> MakeAuthority:
    return lambda name: Authority(peer_program("openssl"), tmp_path, name)


def server_context(files: TlsFiles, *, callers: Authority | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert files.certificate is not None
    context.load_cert_chain(files.certificate, files.key)
    if callers is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(callers.certificate)
    return context


@contextmanager
def greeting(context: ssl.SSLContext) -> Iterator[int]:
    """Greet whoever comes with the name on his certificate."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def greet() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock, suppress(OSError), context.wrap_socket(sock, server_side=True) as talking:
                    shown = talking.getpeercert() or {}
                    talking.sendall(str(shown.get("subject", "nobody")).encode())

        threading.Thread(target=greet, daemon=True).start()
        yield listener.getsockname()[1]
        with suppress(OSError):  # wakes the thread
            listener.shutdown(socket.SHUT_RDWR)


def greeted(context: ssl.SSLContext, port: int, name: str = "localhost") -> str:
    with (
        socket.create_connection(("127.0.0.1", port), 5) as sock,
        context.wrap_socket(sock, server_hostname=name) as talking,
    ):
        return talking.recv(1000).decode()


def test_our_authorities_are_believed_beside_those_of_the_system(
    authority: MakeAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, public, stranger = authority("clinic"), authority("public"), authority("stranger")
    monkeypatch.setenv("SSL_CERT_FILE", str(public.certificate))
    context = client_context(TlsFiles(authorities=own.certificate))
    for believed in (own, public):
        with greeting(server_context(believed.issue("server"))) as port:
            assert greeted(context, port) == "nobody"
    with greeting(server_context(stranger.issue("server"))) as port, pytest.raises(ssl.SSLCertVerificationError):
        greeted(context, port)


def test_without_files_the_system_is_believed(authority: MakeAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    public = authority("public")
    monkeypatch.setenv("SSL_CERT_FILE", str(public.certificate))
    with greeting(server_context(public.issue("server"))) as port:
        assert greeted(client_context(TlsFiles()), port) == "nobody"


def test_the_name_is_compared_unless_that_is_switched_off(
    authority: MakeAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, public = authority("clinic"), authority("public")
    monkeypatch.setenv("SSL_CERT_FILE", str(public.certificate))
    files = TlsFiles(authorities=own.certificate)
    nameless = client_context(files, check_name=False)
    with greeting(server_context(own.issue("server", alternative_names="DNS:elsewhere"))) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match=r"[Hh]ostname"):
            greeted(client_context(files), port)
        assert greeted(nameless, port) == "nobody"
    # Whoever has any certificate of a public authority must not pass for a server of the clinic.
    with (
        greeting(server_context(public.issue("server", alternative_names="DNS:elsewhere"))) as port,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        greeted(nameless, port)


def test_our_certificate_is_shown(authority: MakeAuthority) -> None:
    own = authority("clinic")
    files = own.issue("tolmach")
    with greeting(server_context(own.issue("server"), callers=own)) as port:
        assert "tolmach" in greeted(client_context(files), port)


def test_older_versions_are_not_spoken(authority: MakeAuthority) -> None:
    own = authority("clinic")
    old = server_context(own.issue("server"))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with greeting(old) as port:
        assert greeted(client_context(TlsFiles(authorities=own.certificate)), port) == "nobody"
        with pytest.raises(ssl.SSLError):
            greeted(client_context(TlsFiles(authorities=own.certificate, minimum="1.3")), port)


def test_files_that_cannot_be_used_are_named(authority: MakeAuthority, tmp_path: Path) -> None:
    own, other = authority("clinic"), authority("other")
    files, foreign = own.issue("tolmach"), other.issue("tolmach")
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_bytes(b"-----BEGIN NOTHING-----\n\xff\xfe\n")
    assert files.key is not None
    for bad, named in (
        (replace(files, authorities=tmp_path / "missing.pem"), "missing.pem"),
        (replace(files, authorities=rubbish), "rubbish.pem"),
        (replace(files, certificate=rubbish), "rubbish.pem"),
        (replace(files, key=foreign.key), "tolmach.pem"),
        (replace(files, key=own.locked(files.key)), "tolmach.pem"),
    ):
        with pytest.raises(BadTlsFiles) as caught:
            client_context(bad)
        assert caught.value.code == "TLM-NET-071"
        assert named in str(caught.value)


# HTTPS ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebDestination]:
    made = WebDestination(tmp_path / "web")
    yield made
    made.close()


def sent(web: WebDestination, context: ssl.SSLContext, host: str = "localhost") -> list[str]:
    url = web.url.replace("http://127.0.0.1", f"https://{host}")
    sender = StowSender(url, timeouts=HttpTimeouts(2.0, 2.0), tls=context)
    try:
        return [outcome.kind for outcome in sender.send([web.unpacker.parcel(web.line(1))])]
    finally:
        sender.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_is_no_trouble_of_the_network(
    web: WebDestination, authority: MakeAuthority, version: ssl.TLSVersion
) -> None:
    own, stranger = authority("clinic"), authority("stranger")
    server = server_context(own.issue("server"), callers=own)
    server.maximum_version = version
    web.server.socket = server.wrap_socket(web.server.socket, server_side=True)
    for files in (TlsFiles(authorities=own.certificate), stranger.issue("tolmach", believes=own)):
        with pytest.raises(ServerNotTrusted) as caught:
            sent(web, client_context(files))
        assert caught.value.code == "TLM-DLV-031"
    assert web.requests == 0
    assert sent(web, client_context(own.issue("tolmach"))) == ["stored"]


def test_a_name_that_need_not_agree_need_not_agree(web: WebDestination, authority: MakeAuthority) -> None:
    own = authority("clinic")
    server = server_context(own.issue("server", alternative_names="DNS:elsewhere"))
    web.server.socket = server.wrap_socket(web.server.socket, server_side=True)
    files = TlsFiles(authorities=own.certificate)
    for host in ("localhost", "127.0.0.1"):
        with pytest.raises(ServerNotTrusted):
            sent(web, client_context(files), host)
        assert sent(web, client_context(files, check_name=False), host) == ["stored"]
