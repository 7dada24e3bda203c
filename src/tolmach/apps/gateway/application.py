"""The routes: each has its line in the table of rights, its work is done in a thread, its answer goes out in blocks.

FastAPI says what an address is that is none; everything else is here, in `described` or in `adapters.dicomweb`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from tolmach import __version__
from tolmach.adapters.dicomweb.answers import Reply
from tolmach.adapters.dicomweb.served_faults import BUSY, NOT_HELD, Busy, NotHeld, bad
from tolmach.apps.gateway.bridge import CallerGone, Receive, Send, send_blocks
from tolmach.apps.gateway.described import SCHEMAS, operation
from tolmach.apps.gateway.errors import send_error
from tolmach.apps.gateway.faults import NO_RIGHT, NO_SUCH_PATH, UNFORESEEN, Forbidden, NoSuchPath
from tolmach.apps.gateway.rights import NOBODY, RIGHTS
from tolmach.base import N_, NeedsOperator, Phrase, TolmachError

log = logging.getLogger(__name__)

_MOST_PARAMETERS = 1_000


@dataclass(frozen=True, slots=True)
class Question:
    """A request as the one who answers it sees it."""

    path: Mapping[str, str]
    query: tuple[tuple[str, str], ...]
    accept: str | None
    base: str
    caller_name: str
    address: str
    request: Request

    @property
    def parameters(self) -> dict[str, str]:
        """The query by name; of a name that stands twice the first counts."""
        found: dict[str, str] = {}
        for name, value in self.query:
            found.setdefault(name, value)
        return found


Work = Callable[[Question], Reply]


class Unforeseen(NeedsOperator):
    """An error of ours."""


class Application:
    """A FastAPI application that only takes routes with rights."""

    def __init__(self, threads: Executor, idle_seconds: float, public_url: str | None = None) -> None:
        """Do the work of routes in `threads`."""
        self.app = FastAPI(title="tolmach", version=__version__, openapi_url=None, docs_url=None, redoc_url=None)
        self.app.router.redirect_slashes = False
        self.threads = threads
        self._idle_seconds = idle_seconds
        self._paths: dict[str, dict[str, Any]] = {}
        self._public_url = public_url.rstrip("/") if public_url else None
        self._ways: list[tuple[str, re.Pattern[str], Callable[[Request], Awaitable[Response]]]] = []
        self.app.add_exception_handler(HTTPException, self._no_such_path)

    def add(self, method: str, path: str, work: Work, about: str) -> None:
        """Answer requests for a path by doing `work` in a thread; raises `KeyError` for a path without rights.

        Without a word about it, it is not described: nothing can be done there.
        """

        async def answered(question: Question, _receive: Receive) -> Reply:
            return await asyncio.get_running_loop().run_in_executor(self.threads, work, question)

        self.add_raw(method, path, answered, about)

    def add_raw(self, method: str, path: str, work: Callable[[Question, Receive], Any], about: str) -> None:
        """Answer requests by a coroutine that reads the body by itself."""
        roles = RIGHTS[method, path]

        async def endpoint(request: Request) -> Response:
            caller = getattr(request.state, "caller", None)
            try:
                if roles is not NOBODY and (caller is None or caller.role not in roles):
                    raise Forbidden(NO_RIGHT, role="" if caller is None else caller.role)
                question = self._question(request, "" if caller is None else caller.name)
                return _Answer(await work(question, request.receive), self.threads, self._idle_seconds)
            except TolmachError as error:
                return _Told(error)
            except Exception as error:  # noqa: BLE001 - a supervisor, see tests/architecture/supervisors.toml
                log.error("a request could not be answered: %s", _where(error))
                return _Told(Unforeseen(UNFORESEEN))

        self._ways.append((method, compile_path(path)[0], endpoint))
        self.app.add_api_route(path, endpoint, methods=[method], name=about or None, response_model=None)
        if about:
            self._paths.setdefault(path, {})[method.lower()] = operation(method, path, about, roles)

    def openapi(self) -> dict[str, Any]:
        """Give the description of all routes."""
        return {
            "openapi": "3.1.0",
            "info": {"title": "tolmach", "version": __version__},
            "paths": self._paths,
            "components": {
                "schemas": dict(SCHEMAS),
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            },
        }

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request; where an answer that has begun cannot be finished, the server ends the connection.

        What suits a route goes straight to it: the framework's own way takes longer than finding a study.
        """
        for method, pattern, endpoint in self._ways:
            if method == scope["method"] and (found := pattern.match(scope["path"])):
                scope["path_params"] = found.groupdict()
                response = await endpoint(Request(scope, receive, send))
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _no_such_path(self, request: Request, error: Exception) -> Response:
        """Answer for addresses and methods that are not there."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        if status == 405:
            # The framework knows the methods of one of its routes only; Standard: RFC 9110 section 15.5.6.
            path = request.scope["path"]
            allow = ", ".join(sorted({method for method, pattern, _ in self._ways if pattern.match(path)}))
            return _Told(NoSuchPath(NO_SUCH_PATH, method=request.method[:20]), status, allow)
        return _Told(NotHeld(NOT_HELD), status)

    def _question(self, request: Request, name: str) -> Question:
        raw = request.scope["query_string"].decode("latin-1")
        try:
            pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
        except ValueError as error:
            raise bad(Phrase(N_("the parameters are not UTF-8, or too many"))) from error
        base = self._public_url or f"{request.scope['scheme']}://{_called(request)}"
        client = request.scope.get("client") or ("", 0)
        return Question(
            dict(request.path_params), tuple(pairs), request.headers.get("accept"), base, name, client[0], request
        )


def _called(request: Request) -> str:
    """Give the host and port we were called by; some clients (dicomweb-client 0.61) leave the port out of Host."""
    host: str = request.headers["host"]
    name, port = request.scope.get("server") or ("", 0)
    return f"{host}:{port}" if host.strip("[]") in (name, "localhost") else host


class _Told(Response):
    """An error on its way to the caller."""

    def __init__(self, error: TolmachError, status: int | None = None, allow: str = "") -> None:
        self._error, self._status, self._allow, self.background = error, status, allow, None
        self.raw_headers = []

    async def __call__(self, scope: Any, _receive: Receive, send: Send) -> None:
        """Send the words of the error."""
        await send_error(self._error, scope["state"]["incoming"], send, self._status, self._allow)


class _Answer(Response):
    """A reply as the framework wants it; a long body is sent block by block."""

    def __init__(self, reply: Reply, threads: Executor, idle_seconds: float) -> None:
        self._reply, self._threads, self._idle = reply, threads, idle_seconds
        self.status_code, self.background = reply.status, None
        headers = [(name.lower().encode("ascii"), text.encode("latin-1")) for name, text in reply.headers.items()]
        if reply.content_type:
            headers.append((b"content-type", reply.content_type.encode("latin-1")))
        if isinstance(reply.body, bytes) and reply.status != 204:
            headers.append((b"content-length", str(len(reply.body)).encode("ascii")))
        self.raw_headers = headers

    async def __call__(self, _scope: Any, receive: Receive, send: Send) -> None:
        """Send head and body."""
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        if isinstance(self._reply.body, bytes):
            await send(start)
            await send({"type": "http.response.body", "body": self._reply.body, "more_body": False})
            return
        await send(start)
        try:
            await send_blocks(self._reply.body, receive, send, self._threads, self._idle)
        except CallerGone:
            return
        except Exception as error:  # noqa: BLE001 - a supervisor, see tests/architecture/supervisors.toml
            # The head is gone: all that is left is to end the connection, so that the answer does not look whole.
            told = str(error) if isinstance(error, TolmachError) else _where(error)
            log.error("an answer was broken off: %s", told)


def _where(error: BaseException) -> str:
    """Tell where an error happened; its words may quote a patient, and stay out of the log."""
    trace, places = error.__traceback__, []
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' > '.join(places[-4:])}"


class Turnstile:
    """Lets so many through at once, and tells the others to come again."""

    def __init__(self, places: int) -> None:
        """Have so many places; used by the event loop alone."""
        self._free = places

    def __enter__(self) -> None:
        if self._free <= 0:
            raise Busy(BUSY)
        self._free -= 1

    def __exit__(self, *_: object) -> None:
        self._free += 1
