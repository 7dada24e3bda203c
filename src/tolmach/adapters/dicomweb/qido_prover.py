"""Proof by QIDO-RS: the server finds the instance in its series.

Standard: PS3.18 section 10.6 (Search Transaction), 8.3.4.1 (list of UIDs).
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Sequence
from itertools import groupby

from tolmach.adapters.dicomweb.dicom_json import UnreadableAnswer, parse_json, values_of
from tolmach.adapters.dicomweb.faults import (
    CANNOT_BE_ASKED_FOR,
    LEADS_ELSEWHERE,
    NO_LEAVE_TO_SEARCH,
    NO_SEARCH_ANSWER,
    NO_SEARCH_NOW,
    NO_SEARCH_THERE,
    NOT_FOUND_THERE,
    ServerBusy,
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
from tolmach.base import Problem
from tolmach.delivery.interfaces import Claimed, ProofAnswer, ProofKind

UIDS_AT_ONCE = 25  # some servers and proxies take no address longer than 2,048 characters
_HEADERS = {"Accept": "application/dicom+json"}
# Nothing else may become part of an address: not even "..", which is a way out of the series.
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_MAX_UID = 64

_LOGIN = frozenset({401, 403, 407})
_NO_SUCH = frozenset({405, 501})
_NOT_NOW = frozenset({408, 425, 429})
_NOTHING = frozenset({204, 404, 410})


class QidoProver:
    """Asks one DICOMweb server which instances it finds; see `delivery.interfaces.Prover`. One thread at a time.

    Asked by lists of UIDs first. Not every server reads lists: where one finds less than was asked for, and has not
    shown yet that it reads them, what is missing is asked for one by one.
    """

    kind: ProofKind = "query"

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        timeouts: HttpTimeouts | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Connect at the first question; raises `BadUrl`."""
        base = parse_base_url(url)
        self._http = HttpPeer(base, credentials, timeouts or HttpTimeouts(), tls)
        self._path = studies_path(base)
        self._reads_lists: bool | None = None

    def prove(self, lines: Sequence[Claimed]) -> Iterator[ProofAnswer]:
        """Give an answer for each line; `None` where nobody could be asked, or what came was no answer.

        Raises `ServerUnreachable`, `ServerNotTrusted`, `ServerLost`, `ServerRefusesUs`, `ServerBusy`.
        """
        self._reads_lists = None
        askable = []
        for line in lines:
            if all(_may_be_in_address(uid) for uid in (*_series(line), line.sop_instance_uid)):
                askable.append(line)
            else:
                facts = {"peer": self._http.peer, "sop_instance_uid": repr(line.sop_instance_uid)}
                yield ProofAnswer(line.delivery_id, None, Problem(CANNOT_BE_ASKED_FOR, facts))
        try:
            for (study, series), group in groupby(sorted(askable, key=_series), _series):
                path, some = f"{self._path}/{study}/series/{series}/instances", list(group)
                for start in range(0, len(some), UIDS_AT_ONCE):
                    yield from self._ask(path, some[start : start + UIDS_AT_ONCE])
        finally:
            self._http.close()

    def _ask(self, path: str, lines: Sequence[Claimed]) -> Iterator[ProofAnswer]:
        """Ask for some lines of one series: together, and what is missing then one by one if need be."""
        wanted = {line.sop_instance_uid for line in lines}
        found, last_word = self._find_listed(path, wanted)
        for line in lines:
            uid = line.sop_instance_uid
            if uid in found:
                yield ProofAnswer(line.delivery_id, has_it=True)
            elif last_word is not None:
                yield self._not_found(line, last_word)
            else:
                answer = self._search(path, [uid])
                there = _found_in(answer)
                if there and uid in there and len(wanted) > 1 and self._reads_lists is None:
                    self._reads_lists = False
                found |= there or set()
                yield self._judge(line, answer, there)

    def _find_listed(self, path: str, wanted: set[str]) -> tuple[set[str], Answer | None]:
        """Search for several at once; the answer comes with what is found where it has the last word on the rest."""
        if len(wanted) < 2 or self._reads_lists is False:
            return set(), None
        answer = self._search(path, sorted(wanted))
        found = _found_in(answer)
        if found is None or not found <= wanted:
            return found or set(), None
        if len(found) > 1:
            self._reads_lists = True
        return found, answer if self._reads_lists else None

    def _search(self, path: str, uids: Sequence[str]) -> Answer:
        """Search for instances and give the answer; raises where the server as a whole cannot or will not search."""
        answer = self._http.get(f"{path}?SOPInstanceUID={','.join(uids)}", _HEADERS)
        status = answer.status
        facts = {"peer": self._http.peer, "status": status}
        if status in _LOGIN:
            raise ServerRefusesUs(NO_LEAVE_TO_SEARCH, **facts)
        if status in _NO_SUCH:
            raise ServerRefusesUs(NO_SEARCH_THERE, **facts)
        if 300 <= status < 400:
            raise ServerRefusesUs(LEADS_ELSEWHERE, **facts)
        chokes_on_list = status == 500 and len(uids) > 1
        if status in _NOT_NOW or (status >= 500 and not chokes_on_list):
            raise ServerBusy(NO_SEARCH_NOW, **facts, text=readable_text(answer))
        return answer

    def _judge(self, line: Claimed, answer: Answer, found: set[str] | None) -> ProofAnswer:
        """Say what the answer to a question for one instance means; other instances than that mean nothing."""
        if found is not None and line.sop_instance_uid in found:
            return ProofAnswer(line.delivery_id, has_it=True)
        if found is not None and not found:
            return self._not_found(line, answer)
        facts = {"peer": self._http.peer, "status": answer.status, "text": readable_text(answer)}
        return ProofAnswer(line.delivery_id, None, Problem(NO_SEARCH_ANSWER, facts))

    def _not_found(self, line: Claimed, answer: Answer) -> ProofAnswer:
        facts = {"peer": self._http.peer, "status": answer.status}
        return ProofAnswer(line.delivery_id, has_it=False, problem=Problem(NOT_FOUND_THERE, facts))


def _found_in(answer: Answer) -> set[str] | None:
    """Give the SOP Instance UIDs of an answer, and None for what is no answer to a search."""
    if answer.status in _NOTHING:
        return set()
    if not 200 <= answer.status < 300 or not answer.is_whole:
        return None
    try:
        items = parse_json(answer.body)
    except UnreadableAnswer:
        return None
    if not isinstance(items, list):
        return None
    uids = {str(uid).strip(" \0") for item in items for uid in values_of(item, "SOPInstanceUID")[:1]}
    return None if items and not uids else uids


def _may_be_in_address(uid: str) -> bool:
    return len(uid) <= _MAX_UID and _UID.fullmatch(uid) is not None


def _series(line: Claimed) -> tuple[str, str]:
    return line.study_instance_uid, line.series_instance_uid
