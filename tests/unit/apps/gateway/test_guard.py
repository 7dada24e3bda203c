"""What comes in at all: hosts, origins, heads and bodies beyond limits (H-01, H-03, H-04)."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.web_archive import BOUNDARY, Client, WebArchive, multipart, web_archive
from tolmach.apps.gateway import protocol

TOKEN = b"Authorization: Bearer token-of-admin\r\n"


def head(client: Client, line: str = "GET /dicom-web/studies", more: bytes = b"") -> bytes:
    return f"{line} HTTP/1.1\r\nHost: 127.0.0.1:{client.listening.port}\r\n".encode() + TOKEN + more


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:8080", "", "user@127.0.0.1", "127.0.0.2", "a b", "[::1"],
)
def test_a_foreign_host_is_refused(host: str, client: Client) -> None:
    """H-04: DNS rebinding."""
    assert client.get("/dicom-web/studies", Host=host).status in (400, 403)


def test_two_hosts_are_refused(client: Client) -> None:
    assert status(client.raw(head(client, more=b"Host: 127.0.0.1\r\nConnection: close\r\n\r\n"))) in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "localhost."])
def test_our_own_names_are_welcome(host: str, client: Client) -> None:
    assert client.get("/dicom-web/studies", Host=host).status == 204


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "file://"])
def test_a_foreign_origin_is_refused_and_nothing_is_allowed_to_it(origin: str, client: Client) -> None:
    """H-04: pages of others."""
    for method in ("GET", "POST", "OPTIONS"):
        answer = client.ask(method, "/dicom-web/studies", Origin=origin)
        assert answer.status == 403
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_our_own_origin_is_welcome(client: Client) -> None:
    assert client.get("/dicom-web/studies", Origin=f"http://127.0.0.1:{client.listening.port}").status == 204


@pytest.mark.parametrize(
    "path",
    ["/dicom-web/studies", "/nothing", "/health/live", "/dicom-web/studies/1.2/rendered", "/dicom-web/series?limit=x"],
)
def test_every_answer_carries_the_headers_that_protect(path: str, client: Client) -> None:
    """H-03."""
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "%0d%0aSet-Cookie: a=b", "{{7*7}}", "${jndi:ldap://x}"])
def test_what_was_asked_comes_back_as_data_alone(text: str, client: Client) -> None:
    """H-03, F-19: no markup, no header of the caller's."""
    answer = client.get(f"/dicom-web/studies?{text.replace(' ', '%20')}=1")
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert "set-cookie" not in answer.headers
    assert set(json.loads(answer.body)) == {"code", "message", "todo"}


# H-01 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "expected"), [("9223372036854775808", 413), ("9" * 30, 413), ("-1", 400), ("1e3", 400)]
)
def test_a_length_beyond_all_limits_is_refused_at_once(length: str, expected: int, client: Client) -> None:
    """H-01: Content-Length of 2^63; nothing of the body is waited for."""
    more = f"Content-Length: {length}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    began = time.monotonic()
    answer = client.raw(head(client, "POST /dicom-web/studies", more))
    assert status(answer) in (expected, 400)
    assert time.monotonic() - began < 8


def test_a_hundred_thousand_headers_are_refused(client: Client) -> None:
    """H-01."""
    with socket.create_connection(("127.0.0.1", client.listening.port), 10) as sock:
        answer = b""
        with suppress(OSError):
            sock.sendall(head(client, more=b"".join(b"X-%d: y\r\n" % number for number in range(100_000)) + b"\r\n"))
        try:
            answer = sock.recv(4096)
        except ConnectionError:
            return  # the rest of what was sent came after the end: the answer may be lost then
    assert status(answer) == 431


@pytest.mark.parametrize(
    "more",
    [
        b"".join(b"X-%d: y\r\n" % number for number in range(150)),
        b"X: " + b"y" * 40_000 + b"\r\n",
    ],
)
def test_more_head_than_anybody_needs_is_told_so(more: bytes, client: Client) -> None:
    assert status(client.raw(head(client, more=more + b"Connection: close\r\n\r\n"))) == 431


def test_a_path_without_end_is_told_so(client: Client) -> None:
    assert client.get("/dicom-web/studies?PatientID=" + "x" * 10_000).status == 431


def test_a_head_that_never_ends_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """H-01: slow heads."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    began = time.monotonic()
    assert client.raw(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ") == b""
    assert client.raw(b"") == b""
    assert 0.3 <= time.monotonic() - began < 5


def test_a_body_that_stops_coming_is_given_up(archive: WebArchive, client: Client) -> None:
    """H-01: slow bodies; nothing of it stays."""
    kind = f"Content-Type: multipart/related; type=application/dicom; boundary={BOUNDARY}\r\n".encode()
    answer = client.raw(
        head(client, "POST /dicom-web/studies", kind + b"Content-Length: 5000\r\n\r\n--" + BOUNDARY.encode()),
        timeout=30,
    )
    assert status(answer) == 408
    assert list(archive.store.incoming.iterdir()) == []


def test_a_chunked_body_without_end_stops_at_the_limit(tmp_path: Path) -> None:
    """H-01."""
    with web_archive(tmp_path / "small", max_body_bytes=1 << 20) as (small, client):

        def blocks() -> object:
            yield f"--{BOUNDARY}\r\n\r\n".encode()
            for _ in range(64):
                yield b"x" * 65_536

        kind = f"multipart/related; type=application/dicom; boundary={BOUNDARY}"
        answer = client.ask("POST", "/dicom-web/studies", blocks(), Content_Type=kind)  # type: ignore[arg-type]
        assert answer.status == 413
        assert list(small.store.incoming.iterdir()) == []
        assert client.get("/health/live").status == 200


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip"])
def test_packed_bodies_are_not_unpacked(coding: str, client: Client) -> None:
    """F-07: Content-Encoding: gzip."""
    assert client.store(b"x", Content_Encoding=coding).status == 415


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n Folded: y\r\n\r\n",
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_and_closed(data: bytes, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    answer = client.raw(data, until_closed=False)
    assert answer == b"" or 400 <= status(answer) < 600
    assert client.get("/health/live").status == 200


def test_only_so_many_connections_at_once(tmp_path: Path) -> None:
    with web_archive(tmp_path / "few", max_connections=5) as (_archive, client):
        kept = [socket.create_connection(("127.0.0.1", client.listening.port), 5) for _ in range(8)]
        assert client.get("/health/live").status == 503
        for one in kept:
            one.close()
        deadline = time.monotonic() + 10
        while client.get("/health/live").status != 200:
            assert time.monotonic() < deadline


def test_only_so_many_stores_at_once_and_the_others_come_again(tmp_path: Path) -> None:
    with web_archive(tmp_path / "few", max_stores=1) as (_archive, client):
        kind = f"Content-Type: multipart/related; type=application/dicom; boundary={BOUNDARY}\r\n".encode()
        body = multipart(b"no dicom")
        with socket.create_connection(("127.0.0.1", client.listening.port), 10) as first:
            first.sendall(
                head(client, "POST /dicom-web/studies", kind + f"Content-Length: {len(body)}\r\n\r\n".encode())
            )
            deadline = time.monotonic() + 10
            while (answer := client.store(b"x")).status != 503:
                assert time.monotonic() < deadline
            assert answer.headers["retry-after"]
            first.sendall(body)
            assert status(first.recv(4096)) == 409
        assert client.store(b"x").status == 409


def test_answers_on_one_connection_do_not_wait_for_acknowledgements(client: Client) -> None:
    """Two writes and Nagle's algorithm would cost 40 ms each time."""
    import http.client

    took = []
    connection = http.client.HTTPConnection("127.0.0.1", client.listening.port, timeout=10)
    for _ in range(20):
        began = time.perf_counter()
        connection.request("GET", "/health/live")
        connection.getresponse().read()
        took.append(time.perf_counter() - began)
    connection.close()
    assert min(took[1:]) < 0.03
