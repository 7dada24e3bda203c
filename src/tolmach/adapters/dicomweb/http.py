"""One HTTP connection to one configured server: requests that are streamed, answers that are bounded, no redirects."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, LocationParseError, SSLError
from urllib3.exceptions import TimeoutError as HttpTimeout
from urllib3.util import Url, parse_url

from tolmach.adapters.dicomweb.faults import (
    BAD_URL,
    CONNECTION_LOST,
    NOT_TRUSTED,
    SILENT,
    UNREACHABLE,
    BadUrl,
    ServerLost,
    ServerNotTrusted,
    ServerUnreachable,
)
from tolmach.base import TolmachError

ANSWER_LIMIT = 4 << 20
IDLE_SECONDS = 15.0
_BLOCK = 1 << 16
_SHOWN = 200
# What a server says through TLS of our certificate; in TLS 1.3 only after the handshake.
_CERTIFICATE_ALERTS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token for the Authorization header; never shown."""

    token: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of the header."""
        return f"Bearer {self.token}"


@dataclass(frozen=True, slots=True)
class Basic:
    """A name and a password for the Authorization header; never shown."""

    user: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of the header, in UTF-8 (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


Credentials = Bearer | Basic


@dataclass(frozen=True, slots=True)
class HttpTimeouts:
    """Deadlines in seconds. What is sent or answered may take as much longer as `minimum_bytes_per_second` allows."""

    connect_seconds: float = 10.0
    answer_seconds: float = 60.0
    minimum_bytes_per_second: int = 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, its body cut at `ANSWER_LIMIT`."""

    status: int
    content_type: str
    body: bytes
    is_whole: bool


def parse_base_url(text: str) -> Url:
    """Understand the address of a server; raises `BadUrl`. Name and password in it are refused: they would be shown."""
    try:
        url = parse_url(text.strip())
    except LocationParseError as error:
        raise BadUrl(BAD_URL, url=repr(text)) from error
    if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
        raise BadUrl(BAD_URL, url=repr(text))
    if url.auth is not None:
        raise BadUrl(BAD_URL, url=repr(f"{url.scheme}://…@{url.netloc}{url.path or ''}"))
    return url


def is_own_machine(url: Url) -> bool:
    """Tell whether what is sent to an address stays on this machine."""
    host = (url.host or "").strip("[]").rstrip(".").lower()
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def studies_path(base: Url) -> str:
    """Give the path of a server's studies, whether its address leads there or to what is above them."""
    path = (base.path or "").rstrip("/")
    return path if path.endswith("/studies") else f"{path}/studies"


def readable_text(answer: Answer) -> str:
    """Give the beginning of what a server says to people in plain text, safe to show; else nothing."""
    is_text = answer.content_type.lower().startswith("text/plain")
    return _safe(answer.body[:_SHOWN].decode("utf-8", "replace")) if is_text else ""


def _safe(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text[:_SHOWN]).strip()


class HttpPeer:
    """A server and the connection to it, made when it is needed and kept for a while; one thread at a time."""

    def __init__(
        self,
        url: Url,
        credentials: Credentials | None,
        timeouts: HttpTimeouts,
        tls: ssl.SSLContext | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect at the first request. Without `tls` the certificate must be one of an authority the system knows."""
        self.url, self.peer = url, f"{url.scheme}://{url.netloc}{url.path or ''}"
        self._credentials, self._timeouts, self._tls, self._clock = credentials, timeouts, tls, clock
        self._connection: HTTPConnection | None = None
        self._used_at = 0.0

    def post(self, path: str, headers: Mapping[str, str], size: int, body: Iterable[memoryview | bytes]) -> Answer:
        """Send a request and give the answer; what the body raises passes through, and the connection is given up.

        Raises `ServerUnreachable`, `ServerNotTrusted` before anything was taken, `ServerLost` afterwards.
        """
        return self._ask("POST", path, {**headers, "Content-Length": str(size)}, size, _in_blocks(body))

    def get(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Ask for what is at a path, its query included and encoded; may be repeated. Raises as `post`."""
        return self._ask("GET", path, headers, 0, None)

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str], size: int, body: Iterator[bytes] | None
    ) -> Answer:
        connection = self._connected()
        patience = self._timeouts.answer_seconds + size / self._timeouts.minimum_bytes_per_second
        try:
            with _Deadline(connection, patience) as deadline:
                answer = self._exchange(connection, method, path, headers, body)
        except TolmachError:
            self.close()
            raise
        except (HTTPError, http.client.HTTPException, OSError) as error:
            self.close()
            if deadline.is_over or isinstance(error, HttpTimeout | TimeoutError):
                seconds = round(patience if deadline.is_over else self._timeouts.answer_seconds, 1)
                raise ServerLost(SILENT, peer=self.peer, seconds=seconds) from error
            if _is_about_our_certificate(error):
                raise ServerNotTrusted(NOT_TRUSTED, peer=self.peer, why=_why(error)) from error
            raise ServerLost(CONNECTION_LOST, peer=self.peer, why=_why(error)) from error
        except BaseException:
            self.close()
            raise
        self._used_at = self._clock()
        return answer

    def close(self) -> None:
        """Give up the connection; may be repeated."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _exchange(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: Iterator[bytes] | None,
    ) -> Answer:
        sent = {**headers, "Accept-Encoding": "identity", "User-Agent": "tolmach"}
        if self._credentials is not None:
            sent["Authorization"] = self._credentials.header
        # The server may have refused the request before it was whole: its answer says why.
        with suppress(ConnectionError, ssl.SSLEOFError):
            connection.request(method, path, body, sent, preload_content=False, decode_content=False)
        response = connection.getresponse()
        found = bytearray()
        while len(found) <= ANSWER_LIMIT and (block := response.read1(_BLOCK)):
            found += block
        is_whole = len(found) <= ANSWER_LIMIT
        if not is_whole or response.headers.get("Connection", "").lower() == "close":
            self.close()
        return Answer(response.status, response.headers.get("Content-Type", ""), bytes(found[:ANSWER_LIMIT]), is_whole)

    def _connected(self) -> HTTPConnection:
        kept = self._connection
        if kept is not None and kept.is_connected and self._clock() - self._used_at <= IDLE_SECONDS:
            return kept
        self.close()
        connection = self._new_connection()
        try:
            connection.connect()
        except (SSLError, ssl.SSLError) as error:
            connection.close()
            raise ServerNotTrusted(NOT_TRUSTED, peer=self.peer, why=_why(error)) from error
        except (HTTPError, OSError) as error:
            connection.close()
            raise ServerUnreachable(UNREACHABLE, peer=self.peer, why=_why(error)) from error
        assert isinstance(connection.sock, socket.socket)
        connection.sock.settimeout(self._timeouts.answer_seconds)
        connection.timeout = self._timeouts.answer_seconds
        self._connection = connection
        return connection

    def _new_connection(self) -> HTTPConnection:
        host, seconds = (self.url.host or "").strip("[]"), self._timeouts.connect_seconds
        if self.url.scheme == "http":
            return HTTPConnection(host, self.url.port, timeout=seconds)
        context = self._tls or ssl.create_default_context()
        # urllib3 compares the name itself where the context does not, unless it is told to leave that.
        compared: Literal[False] | None = None if context.check_hostname else False
        return HTTPSConnection(host, self.url.port, timeout=seconds, ssl_context=context, assert_hostname=compared)


class _Deadline:
    """Ends a connection when the time is over: a peer that gives a byte now and then would hold us for ever."""

    def __init__(self, connection: HTTPConnection, seconds: float) -> None:
        self.is_over = False
        self._connection = connection
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def _end(self) -> None:
        self.is_over = True
        sock = self._connection.sock
        if sock is not None:
            with suppress(OSError):  # it is over already
                sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _in_blocks(body: Iterable[memoryview | bytes]) -> Iterator[bytes]:
    """Cut what is sent so small that a slow network makes progress within each wait."""
    for chunk in body:
        view = memoryview(chunk)
        for start in range(0, len(view), _BLOCK):
            yield bytes(view[start : start + _BLOCK])


def _is_about_our_certificate(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__
    reason = (cause.reason or "") if isinstance(cause, ssl.SSLError) else ""
    return "ALERT" in reason and any(word in reason for word in _CERTIFICATE_ALERTS)


def _why(error: Exception) -> str:
    """Say what happened without addresses of memory or the names of classes of other people."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return cause.reason.replace("_", " ").lower()
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return _safe(str(cause).rpartition(": ")[2]) or type(cause).__name__
