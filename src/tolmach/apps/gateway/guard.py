"""What every request passes before anybody looks at what it asks: is it meant for us, is it bounded, whose is it.

Deny by default: without a valid token nothing is answered but the probes, and those only to nearby addresses. What a
proxy says of the caller's address is not believed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from tolmach.adapters.dicomweb.served_faults import NOT_HELD, TOO_LARGE, UNKNOWN_MEDIA, NotHeld, TooLarge, UnknownMedia
from tolmach.apps.gateway.bridge import Incoming, Receive, Send
from tolmach.apps.gateway.errors import send_error
from tolmach.apps.gateway.faults import (
    FOREIGN_HOST,
    FOREIGN_ORIGIN,
    NO_TOKEN,
    NOT_LOCAL,
    TOO_MANY_HEADERS,
    Forbidden,
    HeadTooLarge,
    Unauthorized,
)
from tolmach.apps.gateway.http_settings import HttpSettings
from tolmach.apps.gateway.rights import PROBES, Caller, Tokens
from tolmach.base import TolmachError

MAX_HEADERS, MAX_HEAD, MAX_PATH = 100, 32_768, 8_192
REMEMBERED_SECONDS = 2.0
_MOST_REMEMBERED = 1_000
_MOST_TOKEN = 512

Scope = dict[str, Any]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Standard: OWASP Secure Headers; nothing here is a page, so nothing may be loaded by it or hold it in a frame.
HEADERS: Final[Mapping[bytes, bytes]] = {
    b"x-content-type-options": b"nosniff",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; sandbox",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}


@dataclass(frozen=True, slots=True)
class _Remembered:
    caller: Caller | None
    until: float


class Guard:
    """An ASGI application around another: lets through what may come in, its caller and body in `scope["state"]`."""

    def __init__(self, app: App, settings: HttpSettings, tokens: Tokens, threads: Executor) -> None:
        """Let in those `tokens` know."""
        self._app, self._settings, self._tokens, self._threads = app, settings, tokens, threads
        self._hosts = frozenset(one.lower() for one in ("localhost", *settings.allowed_hosts))
        self._probes = frozenset(_address(one) for one in settings.probe_addresses)
        self._remembered: dict[str, _Remembered] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded, incoming = _with_headers(send, is_encrypted=scope["scheme"] == "https"), Incoming(receive)
        try:
            caller = await self._admitted(scope)
        except TolmachError as error:
            await send_error(error, incoming, guarded)
            return
        scope["state"] = {"caller": caller, "incoming": incoming}
        await self._app(scope, incoming, guarded)

    async def _admitted(self, scope: Scope) -> Caller | None:
        """Give the caller, None for a probe that needs none; raises what is wrong with the request."""
        pairs: Sequence[tuple[bytes, bytes]] = scope["headers"]
        if len(pairs) > MAX_HEADERS or sum(len(name) + len(text) for name, text in pairs) > MAX_HEAD:
            raise HeadTooLarge(TOO_MANY_HEADERS)
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_PATH:
            raise HeadTooLarge(TOO_MANY_HEADERS)
        headers = {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in pairs}
        self._require_for_us(headers, pairs, scope)
        self._require_bounded(headers)
        if scope["path"] in PROBES and self._is_near(scope):
            return None
        caller = await self._caller(headers.get("authorization", ""))
        if caller is None:
            raise Unauthorized(NOT_LOCAL if scope["path"] in PROBES else NO_TOKEN)
        if not scope["path"].isprintable():
            raise NotHeld(NOT_HELD)
        return caller

    def _require_for_us(self, headers: Mapping[str, str], pairs: Sequence[tuple[bytes, bytes]], scope: Scope) -> None:
        """Refuse what a browser was lured into sending: a foreign Host (rebinding) or a foreign Origin."""
        host = headers.get("host", "")
        if sum(name == b"host" for name, _ in pairs) != 1 or not self._is_own(host, scope):
            raise Forbidden(FOREIGN_HOST, host=repr(host[:100]))
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self._own_origins(host, scope):
            raise Forbidden(FOREIGN_ORIGIN, origin=repr(origin[:100]))

    def _is_own(self, host: str, scope: Scope) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, _port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            return False
        if not name or parts.username is not None or parts.path or parts.query or parts.fragment:
            return False
        if name in self._hosts or name == (urlsplit(self._settings.public_url or "").hostname or ""):
            return True
        # No name can be rebound to a number: the address that was really called is ours.
        called = (scope.get("server") or ("", 0))[0]
        own = _address(called)
        return own is not None and _address(name) == own

    def _own_origins(self, host: str, scope: Scope) -> frozenset[str]:
        public = urlsplit(self._settings.public_url or "")
        origins = {f"{scope['scheme']}://{host.lower()}"}
        if public.netloc:
            origins.add(f"{public.scheme}://{public.netloc}".lower())
        return frozenset(origins)

    def _require_bounded(self, headers: Mapping[str, str]) -> None:
        length = headers.get("content-length")
        limit = self._settings.max_body_bytes
        if length is not None and (not length.isdigit() or len(length) > 18 or int(length) > limit):
            raise TooLarge(TOO_LARGE, limit=limit)
        coding = headers.get("content-encoding", "identity").lower()
        if coding != "identity":
            raise UnknownMedia(UNKNOWN_MEDIA, kind=f"Content-Encoding: {coding[:40]}")

    def _is_near(self, scope: Scope) -> bool:
        address = _address((scope.get("client") or ("", 0))[0])
        return address is not None and (address.is_loopback or address in self._probes)

    async def _caller(self, authorization: str) -> Caller | None:
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not 0 < len(token) <= _MOST_TOKEN or not token.isascii():
            return None
        now = time.monotonic()
        known = self._remembered.get(token)
        if known is not None and known.until > now:
            return known.caller
        loop = asyncio.get_running_loop()
        caller = await loop.run_in_executor(self._threads, self._tokens.bearer_of, token)
        if caller is not None:  # strangers are asked about each time, and cannot fill the memory
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[token] = _Remembered(caller, now + REMEMBERED_SECONDS)
        return caller


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def _with_headers(send: Send, *, is_encrypted: bool) -> Send:
    """Put the security headers into every answer that does not say them itself."""

    async def guarded(message: Any) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message.get("headers", ())}
            added = [(name, text) for name, text in HEADERS.items() if name not in present]
            if is_encrypted:
                added.append((b"strict-transport-security", b"max-age=31536000"))
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return guarded
