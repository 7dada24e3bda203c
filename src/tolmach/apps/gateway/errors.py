"""An error of ours as an HTTP answer: its status, its code, what happened and what to do, as JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress

from tolmach.adapters.dicomweb.served_faults import STATUS
from tolmach.apps.gateway.bridge import Incoming, Send
from tolmach.apps.gateway.faults import Forbidden, HeadTooLarge, NoArchive, NoSuchPath, Unauthorized
from tolmach.base import NeedsOperator, Problem, Retryable, TolmachError
from tolmach.intake.faults import NoRoom, StoreFull

RETRY_SECONDS = "5"
# Standard: RFC 9110 section 15.5.16: what would have been taken, in which coding.
TAKEN = ", ".join(
    ("application/dicom", *(f'multipart/related; type="application/dicom{form}"' for form in ("", "+json", "+xml")))
)
_OWN: Mapping[type[Exception], int] = {
    Unauthorized: 401,
    Forbidden: 403,
    NoArchive: 404,
    NoSuchPath: 404,
    HeadTooLarge: 431,
    NoRoom: 507,
    StoreFull: 507,
    Retryable: 503,
    NeedsOperator: 500,
}
# What is still coming when a request is refused is read so far: who is cut off in the middle never sees the answer.
_DRAINED_BYTES, _DRAINED_SECONDS = 16 << 20, 2.0


def status_of(error: TolmachError) -> int:
    """Give the status that an error is told with; the nearest of its classes decides."""
    for kind in type(error).__mro__:
        found = STATUS.get(kind) or _OWN.get(kind)
        if found is not None:
            return found
    return 500


def body_of(problem: Problem) -> bytes:
    """Give the words of an error; they are data, and quote what came from outside only inside JSON strings."""
    said = {"code": problem.code, "message": str(problem.what), "todo": str(problem.todo)}
    return json.dumps(said, ensure_ascii=False).encode("utf-8", "replace")


def headers_of(status: int) -> dict[str, str]:
    """Give the headers that go with a status."""
    if status == 401:
        return {"WWW-Authenticate": 'Bearer realm="tolmach"'}
    if status == 415:
        return {"Accept": TAKEN, "Accept-Encoding": "identity"}
    return {"Retry-After": RETRY_SECONDS} if status == 503 else {}


async def send_error(
    error: TolmachError, incoming: Incoming, send: Send, status: int | None = None, allow: str = ""
) -> None:
    """Answer with an error; what is left of the request's body is read for a moment, then the connection is closed.

    `allow` are the methods that the address has, to be told with 405.
    """
    status = status or status_of(error)
    await drain(incoming)
    body = body_of(error.problem)
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers_of(status),
        **({"Allow": allow} if status == 405 else {}),
    }
    encoded = [(name.lower().encode("ascii"), text.encode("ascii")) for name, text in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def drain(incoming: Incoming) -> None:
    """Read what is left of a body, within limits."""
    left = _DRAINED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAINED_SECONDS):
            while left > 0 and not incoming.is_over:
                left -= len((await incoming()).get("body", b""))
