"""A webhook on loopback: what is posted, what counts as taken, what is never told."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.peers.certificates import Authority
from tolmach.adapters.dicomweb.http import HttpTimeouts
from tolmach.adapters.notices import Notice, NoticeNotSent, NoticeRefused, Webhook
from tolmach.base import TolmachError

NOTICE = Notice("Черга стоїть", "pacs: 12\n", {"kind": "trouble", "items": [{"name": "пакс\r\nX: y"}]})
QUICK = HttpTimeouts(1.0, 1.0)


class Hook(ThreadingHTTPServer):
    """Answers with a status and keeps what was posted."""

    daemon_threads = True

    def __init__(self) -> None:
        self.status, self.headers, self.body = 204, dict[str, str](), b""
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posts.append((self.path, dict(self.headers), content))
                self.send_response(hook.status)
                for name, value in hook.headers.items():
                    self.send_header(name, value)
                if hook.status != 204:
                    self.send_header("Content-Length", str(len(hook.body)))
                self.end_headers()
                self.wfile.write(hook.body)

            def log_message(self, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def failure(webhook: Webhook) -> TolmachError:
    with pytest.raises((NoticeNotSent, NoticeRefused)) as caught:
        webhook.send(NOTICE, "1")
    return caught.value


def test_what_is_posted(hook: Hook) -> None:
    Webhook(f"{hook.url}/services/T1/B2?room=a%20b", "token-1").send(NOTICE, "abc")
    ((path, headers, content),) = hook.posts
    assert path == "/services/T1/B2?room=a%20b"
    assert headers["Authorization"] == "Bearer token-1"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(content) == {**NOTICE.fields, "id": "abc", "subject": NOTICE.subject, "text": NOTICE.text}


def test_without_a_token_there_is_no_authorization(hook: Hook) -> None:
    Webhook(hook.url).send(NOTICE, "1")
    assert "Authorization" not in hook.posts[0][1]
    assert hook.posts[0][0] == "/"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success(hook: Hook, status: int) -> None:
    hook.status = status
    Webhook(hook.url).send(NOTICE, "1")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(hook: Hook, status: int) -> None:
    """H-08."""
    with socket.create_server(("127.0.0.2", 0)) as elsewhere:
        elsewhere.settimeout(0.3)
        hook.status = status
        hook.headers = {"Location": f"http://127.0.0.2:{elsewhere.getsockname()[1]}/steal"}
        error = failure(Webhook(f"{hook.url}/hook", "token-1"))
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    assert (error.code, type(error)) == ("TLM-SRV-041", NoticeRefused)
    assert len(hook.posts) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, NoticeRefused), (401, NoticeRefused), (404, NoticeRefused), (429, NoticeNotSent), (503, NoticeNotSent)],
)
def test_refusals_show_neither_path_nor_token(hook: Hook, status: int, kind: type[TolmachError]) -> None:
    hook.status, hook.headers, hook.body = status, {"Content-Type": "text/plain"}, "ні\x1b[2J".encode()
    error = failure(Webhook(f"{hook.url}/secret-path?key=secret-key", "token-1"))
    assert type(error) is kind
    assert "ні" in str(error)
    for hidden in ("secret", "token-1", "\x1b"):
        assert hidden not in str(error)


def test_nobody_there_and_still_no_path_is_shown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failure(Webhook(f"http://127.0.0.1:{port}/secret", timeouts=QUICK))
    assert (error.code, type(error), "secret" in str(error)) == ("TLM-SRV-030", NoticeNotSent, False)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"nonsense\r\n\r\n"])
def test_a_server_without_an_answer_holds_us_for_a_bounded_time(answer: bytes) -> None:
    ended = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(answer)
            while answer.endswith(b": ") and not ended.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return
            ended.wait(30)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        begun = time.monotonic()
        error = None
        try:
            Webhook(f"http://127.0.0.1:{listener.getsockname()[1]}/secret", timeouts=QUICK).send(NOTICE, "1")
        except TolmachError as caught:
            error = caught
        assert time.monotonic() - begun < 10
        ended.set()
        thread.join()
    if b"200" in answer:  # it said that it has it, whatever came afterwards
        assert error is None
    else:
        assert error is not None
        assert (error.code, "secret" in str(error)) == ("TLM-SRV-032", False)


def test_a_server_nobody_vouches_for_gets_nothing(
    hook: Hook, tmp_path: Path, peer_program: Callable[[str], Path]
) -> None:
    authority = Authority(peer_program("openssl"), tmp_path, "clinic")
    files = authority.issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(files.certificate), files.key)
    hook.socket = context.wrap_socket(hook.socket, server_side=True)
    url = hook.url.replace("http://", "https://")
    error = failure(Webhook(url, "token-1", timeouts=QUICK))
    assert (error.code, hook.posts) == ("TLM-SRV-031", [])
    Webhook(url, "token-1", ssl.create_default_context(cafile=str(authority.certificate))).send(NOTICE, "1")
    assert len(hook.posts) == 1


@pytest.mark.parametrize("url", ["", "ftp://a/b", "https://", "https://u:p@host/x", "https://host/#x", "http://[::1"])
def test_what_is_no_address_is_refused_unseen(url: str) -> None:
    with pytest.raises(NoticeRefused) as caught:
        Webhook(url)
    assert "u:p" not in str(caught.value)


def test_who_could_read_the_token() -> None:
    assert Webhook("http://hook.example/x", "t").tells_openly
    assert not Webhook("http://hook.example/x").tells_openly
    assert not Webhook("https://hook.example/x", "t").tells_openly
    assert not Webhook("http://127.0.0.1/x", "t").tells_openly
