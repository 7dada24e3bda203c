"""Sending files to one DICOM destination: read, mend, convert where the peer asks for it, store, believe only answers.

Files are grouped by what has to be negotiated for them; while the peer works on one, the next is read and mended. When
an association is lost, the rest goes over a new one as long as each brings some files through.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tolmach.adapters.dimse import (
    Association,
    AssociationPlan,
    OutgoingInstance,
    PeerAddress,
    StoreOutcome,
    StoreOutcomeClass,
    Timeouts,
    alternatives_to,
    plan_contexts,
    store_all,
)
from tolmach.adapters.dimse.errors import AssociationLost, PeerTimeout
from tolmach.adapters.dimse.storage_sender import MAX_UID, chunks_of
from tolmach.adapters.folder import FileReader, FoundFile, inflate
from tolmach.apps.faults import UID_TOO_LONG
from tolmach.apps.lanes import gathered
from tolmach.apps.reports import NOT_AS_ASKED, FileReport, Sent, report_failure, report_on
from tolmach.base import Problem, Retryable, TolmachError
from tolmach.delivery.interfaces import ProofKind
from tolmach.delivery.parcel import wire_bytes
from tolmach.dicom.data_set import SOP_CLASS_UID, SOP_INSTANCE_UID, DataSet
from tolmach.dicom.dictionary import tag_of
from tolmach.dicom.faults import NO_SOP_UIDS, ODD_LENGTH, Damaged
from tolmach.dicom.part10 import open_data_set, peek
from tolmach.dicom.source import Source
from tolmach.edit.conditions import Origin
from tolmach.journeys.file import Mended, mend
from tolmach.journeys.series import SeriesMender
from tolmach.repair.holding import require_passing
from tolmach.repair.memory import DeviceMemory
from tolmach.repair.profile import Profile

if TYPE_CHECKING:
    from tolmach.adapters.dimse.tls import TlsClient

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to send, under which name it is reported, and how."""

    name: str
    address: PeerAddress
    calling_ae_title: str
    associations: int = 1
    timeouts: Timeouts = field(default_factory=Timeouts)
    tls: TlsClient | None = None
    proof: ProofKind = "response"  # anything else: nothing is called sent here, it awaits `proving`


@dataclass(slots=True)
class _Waiting:
    """A file that has still to go, and what is known of it."""

    file: FoundFile
    pair: Pair | None
    is_proved: bool = False  # `pair` was read from the data set, not only from the file meta information
    attempts: int = 0


@dataclass(slots=True)
class _Prepared:
    """A file on its way: its report, waiting for the peer's word."""

    waiting: _Waiting
    report: FileReport
    trouble: TolmachError | None = None  # what kept the file from being read to its end


MAX_ATTEMPTS = 3
# Associations in a row that may be lost before anything came through; waiting for a silent peer costs a minute each.
MAX_BARREN, MAX_SILENT = 8, 1


def send_files(
    files: Sequence[FoundFile],
    destination: Destination,
    profile: Profile,
    memory: DeviceMemory | None = None,
    *,
    as_is: bool = False,
) -> Iterator[FileReport]:
    """Send every file and give one report for each, as they come through; nothing is called sent without an answer.

    A file that cannot be read, or that the peer refuses, does not stop the others.
    """
    pending = _peeked(files)
    while pending:
        pairs = [waiting.pair for waiting in pending if waiting.pair is not None]
        plans = plan_contexts(pairs) or [AssociationPlan((), frozenset())]
        later: list[_Waiting] = []
        for number, plan in enumerate(plans):
            mine = [one for one in pending if one.pair in plan.pairs or (one.pair is None and number == 0)]
            run = _Run(plan, destination, profile, memory, as_is)
            yield from run.send(mine)
            later.extend(run.postponed)
        pending = later


def _peeked(files: Sequence[FoundFile]) -> list[_Waiting]:
    reader = FileReader(whole_file=0)
    waiting = []
    for file in files:
        pair = None
        with suppress(TolmachError), reader.open(file.path) as source:  # told when it is this file's turn
            pair = peek(source)
        waiting.append(_Waiting(file, pair))
    return waiting


class _Run:
    """One set of contexts, negotiated on one or more associations, and the files that go over them."""

    def __init__(
        self,
        plan: AssociationPlan,
        destination: Destination,
        profile: Profile,
        memory: DeviceMemory | None,
        as_is: bool,
    ) -> None:
        self.plan, self.destination, self.profile, self.memory, self.as_is = plan, destination, profile, memory, as_is
        self.todo: deque[_Waiting] = deque()
        self.postponed: list[_Waiting] = []
        self.stopping = False
        self.trouble: TolmachError | None = None  # what the last lane that withdrew met

    def send(self, files: Sequence[_Waiting]) -> Iterator[FileReport]:
        self.todo.extend(files)
        if not self.plan.contexts:
            yield from self._look()
            return
        lanes = min(self.destination.associations, len(files))
        if lanes <= 1:
            yield from self._lane()
        else:
            yield from gathered([self._lane for _ in range(lanes)], self._stop)
        # A lane that withdraws leaves its files to the others; what is left now has nobody to take it.
        if self.trouble is not None:
            yield from self._give_up(self.trouble)

    def _stop(self) -> None:
        self.stopping = True

    def take(self) -> _Waiting | None:
        """Give the next file, or None when there is none, or when nobody listens any more."""
        try:
            return None if self.stopping else self.todo.popleft()
        except IndexError:  # another lane was quicker
            return None

    def _lane(self) -> Iterator[FileReport]:
        """Send over one association after another until nothing is left or an association brings nothing through."""
        reader, mender = FileReader(), SeriesMender(self.profile, inflate, self.memory)
        barren = 0  # associations in a row that were lost before anything came through
        while self.todo and not self.stopping:
            is_open = False
            try:
                with Association.open(
                    self.destination.address,
                    self.plan.contexts,
                    self.destination.calling_ae_title,
                    self.destination.timeouts,
                    tls=self.destination.tls,
                ) as assoc:
                    is_open = True
                    for report in _Stream(self, assoc, reader, mender).reports():
                        barren = 0 if report.sent is not None else barren
                        yield report
            except TolmachError as error:
                barren += 1
                if not is_open or barren > (MAX_SILENT if isinstance(error, PeerTimeout) else MAX_BARREN):
                    self.trouble = error
                    return

    def _look(self) -> Iterator[FileReport]:
        """Find out what files without usable meta information are; nothing is open yet to send them over."""
        reader = FileReader()
        while (waiting := self.take()) is not None:
            try:
                with reader.open(waiting.file.path) as source:
                    data_set = open_data_set(source, inflate)
                    mended = mend(data_set, self.profile, Origin(), self.memory, now=datetime.now(UTC))
                    waiting.pair, waiting.is_proved = _pair_of(data_set, None if self.as_is else mended), True
                self.postponed.append(waiting)
            except TolmachError as error:
                yield report_failure(waiting.file.path, error)

    def _give_up(self, error: TolmachError) -> Iterator[FileReport]:
        """Report files that nothing can be sent over; each is still read, so that its report says what it is."""
        reader, mender = FileReader(), SeriesMender(self.profile, inflate, self.memory)
        while (waiting := self.take()) is not None:
            try:
                with reader.open(waiting.file.path) as source:
                    data_set, mended = mender.mend(source, Origin(), now=datetime.now(UTC))
                    report = self.report_on(waiting, data_set, mended)
                    report.fail(error)
            except TolmachError as damage:
                report = report_failure(waiting.file.path, damage)
            yield report

    def report_on(self, waiting: _Waiting, data_set: DataSet, mended: Mended) -> FileReport:
        """Report on a file as it will go: with `--as-is` nothing of it is changed."""
        report = report_on(waiting.file.path, data_set, mended)
        if self.as_is:
            report.changes, report.sop_instance_uid = (), data_set.sop_instance_uid
            report.problems = [one for one in report.problems if one.fault not in NOT_AS_ASKED]
        return report


class _Stream:
    """The files that go over one association: prepared one ahead of the peer, reported when it has answered."""

    def __init__(self, run: _Run, assoc: Association, reader: FileReader, mender: SeriesMender) -> None:
        self.run, self.assoc, self.reader, self.mender = run, assoc, reader, mender
        self.on_the_way: deque[_Prepared] = deque()
        self.failed: deque[FileReport] = deque()
        self.lost: TolmachError | None = None

    def reports(self) -> Iterator[FileReport]:
        for outcome in store_all(self.assoc, self._instances()):
            yield from self._failures()
            prepared = self.on_the_way.popleft()
            if self._conclude(prepared, outcome):
                yield prepared.report
        yield from self._failures()
        if not self.assoc.is_open and self.lost is not None:
            raise self.lost

    def _failures(self) -> Iterator[FileReport]:
        while self.failed:
            yield self.failed.popleft()

    def _conclude(self, prepared: _Prepared, outcome: StoreOutcome) -> bool:
        """Write the peer's word into the report; False when the file shall be tried again on a new association."""
        report, waiting = prepared.report, prepared.waiting
        destination = self.run.destination
        awaits_proof = destination.proof != "response" and outcome.response is not None
        if outcome.response is not None and (outcome.error is None or (awaits_proof and _is_duplicate(outcome))):
            report.answered = Sent(destination.name, outcome.response, destination.proof)
            report.sent = None if awaits_proof else report.answered
            meaning = outcome.response.meaning
            if meaning.outcome is StoreOutcomeClass.WARNING:  # stored, with a remark that somebody should see
                report.problems.append(Problem(meaning.fault, {"peer": self.assoc.peer}))
            return True
        report.identity = None
        error = prepared.trouble or outcome.error
        if error is not None and not self.assoc.is_open:
            self.lost = error
            if self._goes_again(waiting, outcome, error):
                return False
        if error is not None:
            report.fail(error)
        return True

    def _goes_again(self, waiting: _Waiting, outcome: StoreOutcome, error: TolmachError) -> bool:
        """Put a file back that may come through on another association."""
        if not outcome.may_be_stored and isinstance(error, AssociationLost):
            self.run.todo.appendleft(waiting)  # its turn never came
            return True
        waiting.attempts += 1
        if isinstance(error, Retryable) and waiting.attempts < MAX_ATTEMPTS:
            self.run.todo.append(waiting)  # behind the others: it may be what the peer stumbles over
            return True
        return False

    def _instances(self) -> Iterator[OutgoingInstance]:
        run = self.run
        while (waiting := run.take()) is not None:
            try:
                with self.reader.open(waiting.file.path) as source:
                    instance = self._prepare(waiting, source)
                    if instance is not None:
                        yield instance
            except TolmachError as error:
                self.failed.append(report_failure(waiting.file.path, error))

    def _prepare(self, waiting: _Waiting, source: Source) -> OutgoingInstance | None:
        """Read and mend one file and put it into a form the peer accepted; None when it cannot go over this wire."""
        run = self.run
        data_set, mended = self.mender.mend(source, Origin(), now=datetime.now(UTC))
        prepared = _Prepared(waiting, run.report_on(waiting, data_set, mended))
        report, going = prepared.report, None if run.as_is else mended
        try:
            pair = _pair_of(data_set, going)
            if not run.as_is:
                require_passing(report.verdict, run.profile)
            if pair not in run.plan.pairs and not waiting.is_proved:
                waiting.pair, waiting.is_proved = pair, True
                run.postponed.append(waiting)
                return None
            instance = self._instance(prepared, data_set, going, pair)
            if run.destination.proof != "response":
                report.identity = (pair[0], *_study_and_series(data_set, going))
        except TolmachError as error:
            report.fail(error)
            self.failed.append(report)
            return None
        self.on_the_way.append(prepared)
        return instance

    def _instance(self, prepared: _Prepared, came: DataSet, mended: Mended | None, pair: Pair) -> OutgoingInstance:
        (sop_class, own), report = pair, prepared.report
        syntax = next((one for one in alternatives_to(own) if self.assoc.context_for(sop_class, one) is not None), own)
        self.assoc.required_context(sop_class, syntax)
        changed = mended if mended is not None and mended.revision.is_changed else None
        if changed is None:
            content, padded = wire_bytes(came, None, lambda: came, syntax, inflate)
        else:
            content, padded = wire_bytes(came, changed.revision.pieces, lambda: changed.result, syntax, inflate)
        if padded:
            report.problems.append(Problem(ODD_LENGTH, {"path": padded}))
        return OutgoingInstance(
            sop_class, report.sop_instance_uid, syntax, content.size, lambda: chunks_of(content, prepared)
        )


def _pair_of(data_set: DataSet, mended: Mended | None) -> Pair:
    """Give what has to be negotiated for a file as it will go; raises `Damaged` when no archive could keep it."""
    sop_class, instance = data_set.sop_class_uid, data_set.sop_instance_uid
    if mended is not None:
        sop_class = mended.revision.uid(SOP_CLASS_UID) or sop_class
        instance = mended.revision.uid(SOP_INSTANCE_UID) or instance
    for keyword, uid in (("SOPClassUID", sop_class), ("SOPInstanceUID", instance)):
        if not uid:
            raise Damaged(NO_SOP_UIDS, keyword=keyword)
        if len(uid) > MAX_UID:
            raise Damaged(UID_TOO_LONG, keyword=keyword, length=len(uid))
    return sop_class, data_set.transfer_syntax_uid


def _is_duplicate(outcome: StoreOutcome) -> bool:
    """Tell whether the peer says that it has this UID already, which only proof can make a success of."""
    return outcome.response is not None and outcome.response.meaning.outcome is StoreOutcomeClass.DUPLICATE


def _study_and_series(data_set: DataSet, mended: Mended | None) -> tuple[str, str]:
    """Give where an archive will find a file as it goes."""
    tags = [tag_of(keyword) or 0 for keyword in ("StudyInstanceUID", "SeriesInstanceUID")]
    study, series = ((mended and mended.revision.uid(tag)) or data_set.uid(tag) for tag in tags)
    return study, series
