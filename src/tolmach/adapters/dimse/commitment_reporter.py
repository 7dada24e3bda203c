"""Storage Commitment reports: what was asked about is read and hashed again, and the answer brought to who asked.

Over the association of the question while that is open, else over one to the peer's configured address. What does not
arrive is tried again, for thirty days; nothing is answered from memory of what once was stored.

Standard: PS3.4 sections J.3.3 (N-EVENT-REPORT) and J.3.4 (association negotiation), PS3.3 section C.14.1 (reasons).
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.association import Association
from tolmach.adapters.dimse.command_set import (
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    DATA_SET_FOLLOWS,
    EVENT_TYPE_ID,
    MESSAGE_ID,
    N_EVENT_REPORT_RQ,
    N_EVENT_REPORT_RSP,
    STATUS,
    CommandSet,
)
from tolmach.adapters.dimse.commitment import (
    ALL_STORED,
    PUSH_MODEL_INSTANCE,
    SOME_FAILED,
    CommitmentReport,
    encode_report,
)
from tolmach.adapters.dimse.message_data import MESSAGE_SYNTAXES, encoding_of
from tolmach.adapters.dimse.message_scu import accepted_context, unexpected
from tolmach.adapters.dimse.pdu import PresentationContext, RoleSelection
from tolmach.adapters.dimse.status import SUCCESS
from tolmach.adapters.dimse.storage_commitment_scp import Asking
from tolmach.archive.commitment import CommitmentRequest, CommitmentRequests
from tolmach.archive.interfaces import Index
from tolmach.base import Problem, TolmachError
from tolmach.dicom import uids

log = logging.getLogger(__name__)

# Standard: PS3.3 section C.14.1.1 (Failure Reason).
REASONS: Final = {"sound": 0, "unknown": 0x0112, "other-class": 0x0119, "bad": 0x0110}

KEPT: Final = timedelta(days=30)
# For so long nobody else begins with a request; it is renewed while everything is read and hashed again and while the
# peer hears its report. Short, for whoever is killed keeps what he had in hand from all others.
LEASE: Final = timedelta(seconds=26)
RENEW_SECONDS: Final = 10.0
WAITS: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 300, 900, 3600))
FORGET_SECONDS: Final = 3600.0
LOOK_SECONDS: Final = 10.0  # at most between two looks at what is due: another process may have taken a request
MOST_LINES: Final = 256

CONTEXTS: Final = (PresentationContext(1, uids.StorageCommitmentPushModel, MESSAGE_SYNTAXES),)
ROLES: Final = (RoleSelection(uids.StorageCommitmentPushModel, scu=False, scp=True),)

OpenReport = Callable[[Sequence[PresentationContext], Sequence[RoleSelection]], Association]


@dataclass
class Reporter:
    """Answers requests one after another, in the thread that calls `run`.

    `association_to` opens an association to a peer by its configured name, and gives None for who is not configured any
    more or has no address: then only the association of the question, or of a later one, can take the report.
    """

    requests: CommitmentRequests
    index: Index
    association_to: Callable[[str], OpenReport | None]
    now: Callable[[], datetime]
    renew_seconds: float = RENEW_SECONDS
    _lines: OrderedDict[tuple[str, str], Asking] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _bell: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def note(self, peer: str, transaction_uid: str, asking: Asking) -> None:
        """Hear that a request was taken; see `storage_commitment_scp.NotesRequest`."""
        with self._lock:
            self._lines[peer, transaction_uid] = asking
            while len(self._lines) > MOST_LINES:
                self._lines.popitem(last=False)
        self._bell.set()

    def run(self) -> None:
        """Answer what is due until `stop`; trouble with the records is told and waited out."""
        forget_at = self.now()
        while not self._stopping.is_set():
            try:
                if self.now() >= forget_at:
                    self._forget()
                    forget_at = self.now() + timedelta(seconds=FORGET_SECONDS)
                if self.answer_next():
                    continue
                seconds = self._seconds_to_wait()
            except TolmachError as error:
                log.error("%s", error)
                seconds = LOOK_SECONDS
            self._bell.wait(seconds)
            self._bell.clear()

    def stop(self) -> None:
        """Have `run` return soon; what is in hand is taken up again after the next start."""
        self._stopping.set()
        self._bell.set()

    def answer_next(self) -> bool:
        """Answer the request whose turn it is; False where none is due. Raises `RecordsTrouble`."""
        now = self.now()
        request = self.requests.claim(now, now + LEASE)
        if request is None:
            return False
        wait = WAITS[min(request.attempts, len(WAITS) - 1)]
        try:
            with self._kept_from_others(request):
                reasons = request.reasons if request.reasons is not None else self._reasons(request)
                is_reported = reasons is not None and self._is_reported(request, reasons)
            if is_reported:
                self.requests.conclude(request.request_id, self.now())
                self._forget_line(request)
                log.info("%s has the Storage Commitment report it asked for", request.peer)
                return True
        except TolmachError as error:
            log.warning("the Storage Commitment report to %s: %s", request.peer, error)
        if self._stopping.is_set():
            wait = timedelta(0)
        self.requests.postpone(request.request_id, self.now() + wait)
        return True

    @contextmanager
    def _kept_from_others(self, request: CommitmentRequest) -> Iterator[None]:
        """Renew the lease meanwhile; no renewal comes after the end, which may set another time."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(self.renew_seconds):
                try:
                    self.requests.keep(request.request_id, self.now() + LEASE)
                except TolmachError as error:
                    log.warning("%s", error)

        thread = threading.Thread(target=renew, name="commitment-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _reasons(self, request: CommitmentRequest) -> Sequence[int] | None:
        """Read and hash everything that was asked about; None where we are to stop meanwhile."""
        reasons: list[int] = []
        for sop_class_uid, sop_instance_uid in request.references:
            if self._stopping.is_set():
                return None
            reasons.append(REASONS[self.index.is_sound(sop_class_uid, sop_instance_uid)])
        self.requests.note_reasons(request.request_id, reasons)
        return reasons

    def _is_reported(self, request: CommitmentRequest, reasons: Sequence[int]) -> bool:
        """Bring the report to the peer; raises what an association raises."""
        pairs = list(zip(request.references, reasons, strict=True))
        report = CommitmentReport(
            request.transaction_uid,
            tuple(reference for reference, reason in pairs if not reason),
            tuple((*reference, reason) for reference, reason in pairs if reason),
        )
        command = CommandSet(
            {
                AFFECTED_SOP_CLASS_UID: uids.StorageCommitmentPushModel,
                COMMAND_FIELD: N_EVENT_REPORT_RQ,
                COMMAND_DATA_SET_TYPE: DATA_SET_FOLLOWS,
                AFFECTED_SOP_INSTANCE_UID: PUSH_MODEL_INSTANCE,
                EVENT_TYPE_ID: SOME_FAILED if report.failed else ALL_STORED,
            }
        )
        if self._is_told_there(request, command, report):
            return True
        open_report = self.association_to(request.peer)
        if open_report is None:
            log.warning("%s", Problem(faults.NOBODY_TO_REPORT_TO, {"peer": request.peer}))
            return False
        with open_report(CONTEXTS, ROLES) as assoc:
            return _is_confirmed(_asked(assoc, command, report), request.peer)

    def _is_told_there(self, request: CommitmentRequest, command: CommandSet, report: CommitmentReport) -> bool:
        """Report over the association of the question, if that is still open and the peer answers there."""
        with self._lock:
            asking = self._lines.get((request.peer, request.transaction_uid))
        if asking is None or not asking.line.is_open:
            return False
        data = encode_report(report, encoding_of(asking.transfer_syntax_uid))
        try:
            answer = asking.line.ask(asking.context_id, CommandSet(command), data)
        except TolmachError as error:
            log.info("%s hung up before its Storage Commitment report: %s", request.peer, error)
            return False
        return _is_confirmed(answer, request.peer)

    def _forget_line(self, request: CommitmentRequest) -> None:
        with self._lock:
            self._lines.pop((request.peer, request.transaction_uid), None)

    def _forget(self) -> None:
        lost = self.requests.forget(self.now() - KEPT)
        if lost:
            log.error(
                "%d Storage Commitment reports could not be brought in %d days and were given up", lost, KEPT.days
            )

    def _seconds_to_wait(self) -> float:
        due = self.requests.next_due()
        if due is None:
            return LOOK_SECONDS
        return min(LOOK_SECONDS, max(0.0, (due - self.now()).total_seconds()))


def _asked(assoc: Association, command: CommandSet, report: CommitmentReport) -> CommandSet:
    context_id, syntax = accepted_context(assoc, uids.StorageCommitmentPushModel)
    command = CommandSet({**command, MESSAGE_ID: assoc.next_message_id()})
    assoc.send_message(context_id, command, encode_report(report, encoding_of(syntax)))
    answer = assoc.await_message().command
    if answer.command_field != N_EVENT_REPORT_RSP or answer.message_id != command.message_id:
        raise unexpected(assoc, answer)
    return answer


def _is_confirmed(answer: CommandSet, peer: str) -> bool:
    status = answer.number(STATUS)
    if status != SUCCESS:
        log.warning("%s answered its Storage Commitment report with status %04X", peer, status)
    return status == SUCCESS
