"""The HTTP entrance as it listens: uvicorn in a thread of its own, until the block ends."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import uvicorn

from tolmach.adapters.dicomweb.answers import Reply, dumped, loggable
from tolmach.adapters.dicomweb.held import Holdings
from tolmach.adapters.dicomweb.pixel_workers import PixelLimits, PixelWorkers
from tolmach.adapters.dicomweb.stow import StowReceiver
from tolmach.adapters.dimse.rarely import Rarely
from tolmach.adapters.dimse.tls import SUITES
from tolmach.adapters.folder import inflate
from tolmach.apps.gateway.application import Application
from tolmach.apps.gateway.dicomweb_routes import DicomWebRoutes
from tolmach.apps.gateway.faults import BAD_KEYS, CANNOT_LISTEN, OPEN_TO_ALL, CannotListenHttp, UnsafeHttp
from tolmach.apps.gateway.guard import Guard
from tolmach.apps.gateway.http_settings import HttpSettings
from tolmach.apps.gateway.probes import Vitals, live, metrics, ready
from tolmach.apps.gateway.protocol import MAX_HEAD_BYTES, CarefulProtocol
from tolmach.apps.gateway.rights import OPENAPI, Tokens
from tolmach.archive.interfaces import Index, Opener
from tolmach.base import N_, Phrase
from tolmach.intake.interfaces import ObjectStore
from tolmach.intake.receive import Intake

log = logging.getLogger(__name__)

SECONDS_TO_START, SECONDS_TO_STOP = 20.0, 4.0
THREADS = 32
_BACKLOG = 256
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True)
class Served:
    """What is served: the archive, the way in, those who may, and how the station is."""

    index: Index
    opener: Opener
    store: ObjectStore
    intake: Intake
    tokens: Tokens
    vitals: Vitals
    arrived: Callable[[], None] = lambda: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    serves_archive: bool = True


@dataclass(frozen=True, slots=True)
class Listening:
    """An entrance that listens; `url` is where, for people."""

    host: str
    port: int
    url: str


@contextmanager
def gateway(settings: HttpSettings, served: Served) -> Iterator[Listening]:
    """Answer HTTP requests until the block ends; then those in hand are finished, within a few seconds.

    Raises `UnsafeHttp` where it would be open to others without TLS and a token, `CannotListenHttp` for a port or a
    certificate that cannot be used.
    """
    _require_safe(settings, served.tokens)
    context = _context(settings)
    listener = _listener(settings)
    workers = PixelWorkers(PixelLimits(processes=settings.pixel_processes))
    threads = ThreadPoolExecutor(THREADS + settings.max_stores, thread_name_prefix="http")
    application = application_of(settings, served, workers, threads)
    config = uvicorn.Config(
        Guard(application, settings, served.tokens, threads),
        http=CarefulProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level=logging.CRITICAL,  # it would tell of every start, and show tracebacks with what is in them
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whoever stands between may say anything
        limit_concurrency=settings.max_connections,
        backlog=_BACKLOG,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=int(SECONDS_TO_STOP),
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ssl_context_factory=None if context is None else lambda _config, _default: context,
    )
    server = _Server(config, listener)
    try:
        server.start()
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        yield Listening(host, port, f"{'http' if context is None else 'https'}://{shown}:{port}")
    finally:
        server.stop()
        workers.close()
        threads.shutdown(wait=False, cancel_futures=True)


def application_of(
    settings: HttpSettings, served: Served, workers: PixelWorkers, threads: ThreadPoolExecutor
) -> Application:
    """Give the application with all its routes, without anybody who guards it."""
    application = Application(threads, settings.idle_seconds, settings.public_url)
    receiver = StowReceiver(served.store, served.intake, inflate, served.now, threads, served.arrived)
    routes = DicomWebRoutes(Holdings(served.index, served.opener, workers), receiver, settings)
    routes.add_to(application, serves_archive=served.serves_archive)
    application.add("GET", "/health/live", lambda _: live(), "Tell that requests are answered")
    application.add("GET", "/health/ready", lambda _: ready(served.vitals), "Tell whether objects would be taken")
    application.add("GET", "/metrics", lambda _: metrics(served.vitals), "Figures for Prometheus")
    application.add(
        "GET",
        OPENAPI,
        lambda _: Reply(200, dumped(application.openapi()), "application/json"),
        "This description",
    )
    return application


def _require_safe(settings: HttpSettings, tokens: Tokens) -> None:
    if settings.is_local:
        return
    if not settings.has_tls:
        raise UnsafeHttp(OPEN_TO_ALL, host=settings.host, why=Phrase(N_("nothing is encrypted")))
    if not tokens.any_valid():
        raise UnsafeHttp(OPEN_TO_ALL, host=settings.host, why=Phrase(N_("there is no token yet")))


def _context(settings: HttpSettings) -> ssl.SSLContext | None:
    if settings.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.minimum]
    context.set_ciphers(SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        # A passphrase could only be asked for at a terminal that is not there.
        context.load_cert_chain(settings.certificate, settings.key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise CannotListenHttp(BAD_KEYS, why=str(error)) from error
    return context


def _listener(settings: HttpSettings) -> socket.socket:
    host = settings.host.strip("[]")
    try:
        family, _kind, _protocol, _name, address = socket.getaddrinfo(
            host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(address, family=family, backlog=_BACKLOG)
        # Inherited by connections: asyncio does it only where the protocol of the socket is named, and an answer in
        # two writes would wait 40 ms for the acknowledgement of the first.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        why = error.strerror or str(error)
        raise CannotListenHttp(CANNOT_LISTEN, address=f"{settings.host}:{settings.port}", why=why) from error


class _Trouble:
    """Tells what goes wrong in the event loop in one line a minute: out of descriptors, asyncio tells it 256 times."""

    def __init__(self) -> None:
        self._told = Rarely(time.monotonic)

    def __call__(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        what = error.strerror or str(error) if isinstance(error, OSError) else type(error).__name__
        told = loggable(context.get("message", ""))
        if self._told.is_news(told, what):
            log.error("HTTP: %s: %s", told, what)


class _Server:
    """uvicorn with its event loop, in a thread."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        self._server, self._listener = uvicorn.Server(config), listener
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._has_ended = threading.Event()
        self._has_started = threading.Event()

    def start(self) -> None:
        """Return when requests are answered; raises `CannotListenHttp`."""
        self._thread.start()
        self._has_started.wait(SECONDS_TO_START)
        if not self._server.started:
            why = Phrase(N_("it did not start"))
            raise CannotListenHttp(CANNOT_LISTEN, address=str(self._listener.getsockname()), why=why)

    def stop(self) -> None:
        """Finish what is in hand, then end; may be repeated."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(SECONDS_TO_STOP + 2)
        self._listener.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            log.error("HTTP has ended: %s", error.strerror or error)
        finally:
            self._has_started.set()

    async def _serve(self) -> None:
        asyncio.get_running_loop().set_exception_handler(_Trouble())
        asyncio.get_running_loop().create_task(self._tell_started())
        await self._server.serve(sockets=[self._listener])
        # Whoever was slower than our patience would else wait for the rest as long as the program runs.
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn

    async def _tell_started(self) -> None:
        while not self._server.started and not self._server.should_exit:
            await asyncio.sleep(0.005)
        self._has_started.set()
