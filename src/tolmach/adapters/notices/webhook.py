"""Notices as JSON to one configured address: no redirects, bounded answers, and neither path nor token ever shown.

The path is left out of what people see because many chats let everybody write who knows it.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from tolmach.adapters.dicomweb.faults import ServerLost, ServerNotTrusted, ServerUnreachable
from tolmach.adapters.dicomweb.http import Answer, Bearer, HttpPeer, HttpTimeouts, is_own_machine, readable_text
from tolmach.adapters.notices.faults import (
    BAD_WEBHOOK,
    LEADS_ELSEWHERE,
    LOST,
    NOT_TRUSTED,
    UNREACHABLE,
    WEBHOOK_REFUSED,
    NoticeNotSent,
    NoticeRefused,
)
from tolmach.adapters.notices.notice import Notice, one_line

TIMEOUTS = HttpTimeouts(connect_seconds=10.0, answer_seconds=20.0)
# What a server may be better at later (RFC 9110 15.5.9, 15.6; RFC 6585 4).
_LATER = frozenset({408, 425, 429})


class Webhook:
    """Posts notices to one address, each on a connection of its own."""

    def __init__(
        self, url: str, token: str = "", tls: ssl.SSLContext | None = None, timeouts: HttpTimeouts = TIMEOUTS
    ) -> None:
        """Understand the address; raises `NoticeRefused`. A `token` travels as Bearer, and only there."""
        self._url = parse_webhook(url)
        self._credentials = Bearer(token) if token else None
        self._tls, self._timeouts = tls, timeouts

    @property
    def shown(self) -> str:
        """Where notices go, for people: without the path."""
        return f"{self._url.scheme}://{self._url.netloc}"

    @property
    def tells_openly(self) -> bool:
        """Whether anybody on the way can read the token."""
        return self._credentials is not None and self._url.scheme == "http" and not is_own_machine(self._url)

    def send(self, notice: Notice, identity: str) -> None:
        """Post a message, with its identity among the fields, until an answer of success is there.

        May be repeated with the same identity. Raises `NoticeNotSent` when it may go later, and `NoticeRefused` when
        somebody has to do something first.
        """
        fields = {**notice.fields, "id": identity, "subject": notice.subject, "text": notice.text}
        body = json.dumps(fields, ensure_ascii=True).encode("ascii")
        server = Url(scheme=self._url.scheme, host=self._url.host, port=self._url.port)
        peer = HttpPeer(server, self._credentials, self._timeouts, self._tls)
        try:
            with self._told():
                answer = peer.post(self._url.request_uri, {"Content-Type": "application/json"}, len(body), [body])
        finally:
            peer.close()
        self._judge(answer)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what happened in words about notices; those of the sender are about images."""
        try:
            yield
        except ServerUnreachable as error:
            raise NoticeNotSent(UNREACHABLE, server=self.shown, why=_why(error)) from error
        except ServerNotTrusted as error:
            raise NoticeRefused(NOT_TRUSTED, server=self.shown, why=_why(error)) from error
        except ServerLost as error:
            raise NoticeNotSent(LOST, server=self.shown, why=_why(error)) from error

    def _judge(self, answer: Answer) -> None:
        facts = {"server": self.shown, "status": answer.status}
        if 200 <= answer.status < 300:
            return
        if 300 <= answer.status < 400:
            raise NoticeRefused(LEADS_ELSEWHERE, **facts)
        kind = NoticeNotSent if answer.status >= 500 or answer.status in _LATER else NoticeRefused
        raise kind(WEBHOOK_REFUSED, **facts, text=one_line(readable_text(answer)))


def parse_webhook(text: str) -> Url:
    """Understand the address of a webhook, whose path and query may be secret; raises `NoticeRefused`."""
    try:
        url = parse_url(text.strip())
    except LocationParseError as error:
        raise NoticeRefused(BAD_WEBHOOK) from error
    if url.scheme not in ("http", "https") or not url.host or url.auth is not None or url.fragment:
        raise NoticeRefused(BAD_WEBHOOK)
    return url


def _why(error: ServerUnreachable | ServerNotTrusted | ServerLost) -> object:
    """Give the reason a connection failed, as far as one was told."""
    facts = error.problem.facts
    return facts["why"] if "why" in facts else f"{facts['seconds']} s"
