"""STOW-RS as a sender of the outbox: several instances a request, each believed stored only when the answer names it.

Standard: PS3.18 section 10.5 (Store Transaction), 8.6.1.2 (multipart).
"""

from __future__ import annotations

import secrets
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tolmach.adapters.dicomweb.dicom_json import UnreadableAnswer
from tolmach.adapters.dicomweb.faults import (
    LEADS_ELSEWHERE,
    LOGIN_REFUSED,
    NO_WORD,
    NOT_NOW,
    NOT_THERE,
    REFUSED,
    ServerLost,
    ServerRefusesUs,
)
from tolmach.adapters.dicomweb.http import (
    Answer,
    Credentials,
    HttpPeer,
    HttpTimeouts,
    parse_base_url,
    readable_text,
    studies_path,
)
from tolmach.adapters.dicomweb.stow_answer import StowAnswer, parse_answer
from tolmach.adapters.dimse.part10_meta import encode_file_meta
from tolmach.adapters.dimse.status import StoreOutcomeClass, meaning_of
from tolmach.base import Fault, Problem
from tolmach.delivery.faults import NO_IDENTITY, NoIdentity
from tolmach.delivery.interfaces import Outcome, OutcomeKind, Parcel
from tolmach.delivery.outcomes import ITEM_ERRORS, outcome_of_error
from tolmach.dicom.source import Source
from tolmach.dicom.splice import Extent, Pieces

INSTANCES = 10
BYTES = 8 << 20
_ACCEPT = "application/dicom+json, application/dicom+xml;q=0.5"
_PART_HEAD = b"\r\nContent-Type: application/dicom\r\n\r\n"
_MAX_UID = 64

_NOT_NOW = frozenset({408, 425, 429, 502, 503, 504, 507})
_LOGIN = frozenset({401, 403, 407})
_NO_SUCH = frozenset({404, 405, 410, 501})
_KINDS: dict[StoreOutcomeClass, OutcomeKind] = {
    StoreOutcomeClass.SUCCESS: "refused",  # a failure whose reason is success proves nothing
    StoreOutcomeClass.WARNING: "refused",
    StoreOutcomeClass.DUPLICATE: "duplicate",
    StoreOutcomeClass.RETRYABLE: "later",
    StoreOutcomeClass.REFUSED: "refused",
}


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A parcel that is open, and its bytes: the head of a Part 10 file, then the data set."""

    parcel: Parcel
    head: bytes
    content: Source

    @property
    def size(self) -> int:
        return len(self.head) + self.content.size


class _Unreadable(Exception):
    """The bytes of one parcel could not be read to their end while they were sent."""

    def __init__(self, one: _Loaded, error: BaseException) -> None:
        super().__init__(str(error))
        self.one, self.error = one, error


class StowSender:
    """Stores parcels at one DICOMweb server; see `delivery.interfaces.Sender`. One thread at a time."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        timeouts: HttpTimeouts | None = None,
        tls: ssl.SSLContext | None = None,
        *,
        instances: int = INSTANCES,
        new_boundary: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        """Connect at the first parcel; raises `BadUrl`. A request has at most `instances`, large ones fewer."""
        base = parse_base_url(url)
        self._http = HttpPeer(base, credentials, timeouts or HttpTimeouts(), tls)
        self._path = studies_path(base)
        self._instances, self._new_boundary = instances, new_boundary

    def send(self, parcels: Sequence[Parcel]) -> Iterator[Outcome]:
        """Store parcels in order, several in a request; where a request is refused whole, each goes alone."""
        todo, alone = deque(parcels), 0
        while todo:
            with ExitStack() as stack:
                loaded, failed = self._load(stack, todo, 1 if alone else self._instances)
                yield from failed
                if not loaded:
                    continue
                outcomes = self._store(loaded)
            if outcomes is None:  # one of them may be what the server does not like
                alone = len(loaded)
                todo.extendleft(one.parcel for one in reversed(loaded))
                continue
            alone = max(0, alone - len(loaded))
            tried = {outcome.delivery_id for outcome in outcomes.made}
            todo.extendleft(one.parcel for one in reversed(loaded) if one.parcel.line.delivery_id not in tried)
            yield from outcomes.made
            if outcomes.lost is not None:
                raise outcomes.lost

    def close(self) -> None:
        """Give up the connection; may be repeated."""
        self._http.close()

    def _load(self, stack: ExitStack, todo: deque[Parcel], limit: int) -> tuple[Sequence[_Loaded], Sequence[Outcome]]:
        """Open the next parcels, as many as fit a request; give also the outcomes of those that cannot be opened."""
        loaded: list[_Loaded] = []
        failed: list[Outcome] = []
        while todo and len(loaded) < limit and sum(one.size for one in loaded) < BYTES:
            parcel = todo.popleft()
            try:
                _require_identity(parcel)
                line, content = parcel.line, stack.enter_context(parcel.open())
                source, _ = content.in_syntax(line.transfer_syntax_uid)
                head = encode_file_meta(line.sop_class_uid, line.sop_instance_uid, line.transfer_syntax_uid)
                loaded.append(_Loaded(parcel, head, source))
            except ITEM_ERRORS as error:
                failed.append(outcome_of_error(parcel.line, error))
        return loaded, failed

    def _store(self, loaded: Sequence[_Loaded]) -> _Outcomes | None:
        """Make one request and give what came of it; None when it was refused whole and had several instances."""
        boundary = self._new_boundary().encode("ascii")
        size = sum(len(boundary) + 4 + len(_PART_HEAD) + one.size for one in loaded) + len(boundary) + 6
        headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary.decode()}',
            "Accept": _ACCEPT,
        }
        try:
            answer = self._http.post(self._path, headers, size, _body(loaded, boundary))
        except _Unreadable as trouble:
            return _Outcomes([outcome_of_error(trouble.one.parcel.line, trouble.error)])
        except ServerLost as error:
            lost = [Outcome(one.parcel.line.delivery_id, "later", problem=error.problem) for one in loaded]
            return _Outcomes(lost, error)
        return self._judge(loaded, answer)

    def _judge(self, loaded: Sequence[_Loaded], answer: Answer) -> _Outcomes | None:
        status = answer.status
        facts = {"peer": self._http.peer, "status": status}
        if status in _LOGIN:
            raise ServerRefusesUs(LOGIN_REFUSED, **facts)
        if status in _NO_SUCH:
            raise ServerRefusesUs(NOT_THERE, **facts)
        if 300 <= status < 400:
            raise ServerRefusesUs(LEADS_ELSEWHERE, **facts)
        if status in _NOT_NOW:
            return _Outcomes([self._said(one, "later", NOT_NOW, answer) for one in loaded])
        try:
            said = parse_answer(answer.body, answer.content_type) if answer.is_whole else StowAnswer()
        except UnreadableAnswer:
            said = StowAnswer()
        is_named = any(one.parcel.line.sop_instance_uid in said.failed for one in loaded)
        if not 200 <= status < 300 and len(loaded) > 1 and not is_named:
            return None
        return _Outcomes([self._outcome(one, said, answer) for one in loaded])

    def _outcome(self, one: _Loaded, said: StowAnswer, answer: Answer) -> Outcome:
        """Give what the answer says of one instance; a failure outweighs everything else that is said of it."""
        line, is_success = one.parcel.line, 200 <= answer.status < 300
        reason = said.failed.get(line.sop_instance_uid)
        if reason is not None:
            meaning = meaning_of(reason)
            status = f"{answer.status} {reason:04X}"
            problem = Problem(meaning.fault, {"peer": self._http.peer, "status": f"{reason:04X}", "comment": ""})
            return Outcome(line.delivery_id, _KINDS[meaning.outcome], status, problem)
        if is_success and line.sop_instance_uid in said.stored:
            warning = meaning_of(said.stored[line.sop_instance_uid])
            is_remark = warning.outcome is StoreOutcomeClass.WARNING
            remark = Problem(warning.fault, {"peer": self._http.peer}) if is_remark else None
            return Outcome(line.delivery_id, "stored", str(answer.status), remark)
        if is_success:
            return self._said(one, "later", NO_WORD, answer)
        if answer.status >= 500:
            return self._said(one, "later", NOT_NOW, answer)
        return self._said(one, "refused", REFUSED, answer)

    def _said(self, one: _Loaded, kind: OutcomeKind, fault: Fault, answer: Answer) -> Outcome:
        facts = {"peer": self._http.peer, "status": answer.status, "text": readable_text(answer)}
        return Outcome(one.parcel.line.delivery_id, kind, str(answer.status), Problem(fault, facts))


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """What one request brought: an outcome for each that was tried, and why the connection is over, if it is."""

    made: Sequence[Outcome]
    lost: ServerLost | None = None


def _body(loaded: Iterable[_Loaded], boundary: bytes) -> Iterator[memoryview | bytes]:
    for one in loaded:
        yield b"--" + boundary + _PART_HEAD + one.head
        content = one.content
        pieces = content if isinstance(content, Pieces) else Pieces.of(content, [Extent(0, content.size)])
        try:
            yield from pieces.chunks()
        except ITEM_ERRORS as error:
            raise _Unreadable(one, error) from error
        yield b"\r\n"
    yield b"--" + boundary + b"--\r\n"


def _require_identity(parcel: Parcel) -> None:
    line = parcel.line
    for keyword, uid in (
        ("SOPClassUID", line.sop_class_uid),
        ("SOPInstanceUID", line.sop_instance_uid),
        ("TransferSyntaxUID", line.transfer_syntax_uid),
    ):
        if not 0 < len(uid) <= _MAX_UID or not uid.isascii():
            raise NoIdentity(NO_IDENTITY, keyword=keyword)
