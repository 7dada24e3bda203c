"""A line to an S3 server that can be told what goes wrong: which request, how often, and in which way."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """What the server said, to be spoilt; `cut` bytes are not sent though they were announced."""

    status: int
    headers: dict[str, str]
    content: bytes
    cut: int = 0


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def range(self) -> str:
        return self.headers.get("range", "")


Wrong = Callable[[Asked, Callable[[], Answer]], Answer | None]


@dataclass
class Proxy:
    """What goes wrong from now on; `faults` are used up in order, each by a request that `at` tells it is for."""

    port: int
    asked: list[Asked] = field(default_factory=list)
    forget_conditions: bool = False
    always: Wrong | None = None
    faults: list[Wrong] = field(default_factory=list)
    at: Callable[[Asked], bool] = field(default=lambda _asked: True)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault_for(self, asked: Asked) -> Wrong | None:
        with self.lock:
            self.asked.append(asked)
            if not self.at(asked):
                return None
            return self.faults.pop(0) if self.faults else self.always

    def counted(self, method: str, pattern: str = r"\.dcm") -> int:
        with self.lock:
            return sum(one.method == method and re.search(pattern, one.path) is not None for one in self.asked)

    def forget(self) -> None:
        with self.lock:
            self.asked.clear()


def refuse(status: int, code: str) -> Wrong:
    """Answer without asking the server."""
    content = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return lambda _asked, _forward: Answer(status, {"content-type": "application/xml"}, content)


def lose_answer(_asked: Asked, forward: Callable[[], Answer]) -> None:
    """Let it be done, and say nothing: the connection just ends."""
    forward()


def lose_request(_asked: Asked, _forward: Callable[[], Answer]) -> None:
    """Let nothing be done, and say nothing."""


def truncate(_asked: Asked, forward: Callable[[], Answer]) -> Answer:
    """Announce everything, and send half."""
    answer = forward()
    answer.cut = max(1, len(answer.content) // 2)
    return answer


def shorten(_asked: Asked, forward: Callable[[], Answer]) -> Answer:
    """Send half, and announce half, as a proxy does that has kept a part."""
    answer = forward()
    answer.content = answer.content[: len(answer.content) // 2]
    return answer


def change_etag(_asked: Asked, forward: Callable[[], Answer]) -> Answer:
    answer = forward()
    answer.headers["etag"] = '"0123456789abcdef0123456789abcdef"'
    answer.content = re.sub(rb"<ETag>[^<]*</ETag>", b'<ETag>"00-1"</ETag>', answer.content)
    return answer


@contextmanager
def s3_proxy(target: int) -> Iterator[Proxy]:
    """Join a free port to the server until the block ends."""

    class Line(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for its second half, as no real server's does

        def carry(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            content = self.rfile.read(int(headers.get("content-length", 0)))
            if proxy.forget_conditions:
                headers.pop("if-none-match", None)
                headers.pop("if-match", None)
            asked = Asked(self.command, self.path, headers, content)
            wrong = proxy.fault_for(asked)

            def forward() -> Answer:
                connection = http.client.HTTPConnection("127.0.0.1", target, timeout=60)
                try:
                    connection.request(asked.method, asked.path, asked.content or None, asked.headers)
                    got = connection.getresponse()
                    named = {name.lower(): value for name, value in got.getheaders()}
                    return Answer(got.status, named, got.read())
                finally:
                    connection.close()

            answer = forward() if wrong is None else wrong(asked, forward)
            if answer is None:
                self.close_connection = True
                return
            self.give(answer)

        def give(self, answer: Answer) -> None:
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                if name not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(name, value)
            length = answer.headers.get("content-length", "0") if self.command == "HEAD" else str(len(answer.content))
            self.send_header("content-length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.content[: len(answer.content) - answer.cut])
            if answer.cut:
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = carry  # noqa: N815 - the base class's own names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that goes away is what is being tested

    server = Server(("127.0.0.1", 0), Line)
    proxy = Proxy(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
