"""Proof for `tolmach send`: a file counts as sent only when the archive has been asked and truly holds it.

What `tolmach serve` does for days, this does while somebody waits: files are sent, then asked about together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tolmach.adapters.dimse import Association, PresentationContext
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.commitment import PROCESSING_FAILURE, Failure, Reference
from tolmach.adapters.dimse.commitment_report_scp import commitment_report_scp
from tolmach.adapters.dimse.errors import CannotListen
from tolmach.adapters.dimse.provers import CommitmentProver, QueryProver, outcome_of_report, proof_answers
from tolmach.adapters.dimse.status import OUT_OF_RESOURCES, SUCCESS
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.apps.destinations import new_uid, utc_now
from tolmach.apps.faults import NOT_PROVED, NotProved
from tolmach.apps.reports import FileReport
from tolmach.apps.sending import Destination
from tolmach.base import TolmachError
from tolmach.delivery.interfaces import Claimed, ProofAnswer, ProofKind, Prover

BATCH = 200
# How long a report may take to come, and how long an archive may take to find what it has just stored.
PATIENCE_SECONDS: Mapping[str, float] = {"commitment": 60.0, "query": 10.0}
_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Listening:
    """Where an archive may report on an association of its own."""

    host: str
    port: int
    ae_title: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a report says of a transaction's lines; see `delivery.interfaces.CommitmentAnswer`."""

    destination: str
    proved: Sequence[Claimed]
    refused: Sequence[tuple[Claimed, int]]
    unmentioned: Sequence[Claimed]


@dataclass(slots=True)
class _Transactions:
    """The transactions of this one run; see `delivery.interfaces.CommitmentTransactions`."""

    destination: str
    lines: dict[int, Claimed] = field(default_factory=dict)
    _open: dict[str, list[int]] = field(default_factory=dict)

    def begin(self, transaction_uid: str, destination: str, delivery_ids: Sequence[int], at: datetime) -> None:
        """Remember a question, for as long as this run lasts."""
        assert destination == self.destination
        assert at.tzinfo is not None
        self._open[transaction_uid] = list(delivery_ids)

    def answer(
        self, transaction_uid: str, stored: Collection[str], failed: Mapping[str, int], at: datetime
    ) -> _Answer | None:
        """Give what a report says of the lines that were asked about."""
        if transaction_uid not in self._open:
            return None
        assert at.tzinfo is not None
        there = set(stored)
        lines = [self.lines[number] for number in self._open[transaction_uid]]
        return _Answer(
            self.destination,
            [line for line in lines if line.sop_instance_uid in there],
            [(line, failed[line.sop_instance_uid]) for line in lines if line.sop_instance_uid in failed],
            [line for line in lines if line.sop_instance_uid not in there | failed.keys()],
        )


class Proof:
    """Asks one destination about files that were sent to it."""

    def __init__(self, kind: ProofKind, destination: Destination) -> None:
        """Ask nothing yet."""
        self.destination, self._patience = destination, PATIENCE_SECONDS[kind]
        self._transactions = _Transactions(destination.name)
        self._answers: dict[int, ProofAnswer] = {}
        self._heard = threading.Condition()
        self._prover: Prover
        if kind == "query":
            self._prover = QueryProver(self._associate, destination.address)
        else:
            self._prover = CommitmentProver(
                self._associate, self._transactions, destination.name, new_uid, utc_now, self._report
            )

    def proved(self, reports: Iterator[FileReport]) -> Iterator[FileReport]:
        """Give every report on, those of files that were sent after the archive was asked about them."""
        waiting: list[FileReport] = []
        for report in reports:
            if report.identity is None:
                yield report
                continue
            waiting.append(report)
            if len(waiting) >= BATCH:
                yield from self._prove(waiting)
                waiting = []
        yield from self._prove(waiting)

    def listening(self, where: Listening | None) -> AbstractContextManager[object]:
        """Take reports that the archive brings on an association of its own, where the port is free."""
        return nullcontext() if where is None or self._prover.kind != "commitment" else self._listen(where)

    @contextmanager
    def _listen(self, where: Listening) -> Iterator[None]:
        address = self.destination.address
        caller = Caller(self.destination.name, address.ae_title, (address.host,), frozenset({"commit"}))
        settings = StorageScpSettings(where.host, where.port, AcceptancePolicy(where.ae_title, (caller,)))
        with TemporaryDirectory() as folder:
            scp = StorageScp(
                settings, Path(folder), lambda _: OUT_OF_RESOURCES, services=[commitment_report_scp(self._report)]
            )
            try:
                scp.start()
            except CannotListen:
                # `tolmach serve` has the port, say; an archive may report on our own association all the same.
                yield
                return
            try:
                yield
            finally:
                scp.stop()

    def _associate(self, contexts: Sequence[PresentationContext]) -> Association:
        to = self.destination
        return Association.open(to.address, contexts, to.calling_ae_title, to.timeouts, tls=to.tls)

    def _prove(self, reports: Sequence[FileReport]) -> Iterator[FileReport]:
        lines = {number: _line(number, report, self.destination.name) for number, report in enumerate(reports)}
        self._transactions.lines, self._answers = lines, {}
        trouble: TolmachError | None = None
        deadline = time.monotonic() + self._patience
        while trouble is None and time.monotonic() < deadline and (left := self._unanswered(lines)):
            try:
                self._ask(left, deadline)
            except TolmachError as error:
                trouble = error
        for number, report in enumerate(reports):
            self._conclude(report, self._answers.get(number), trouble)
            yield report

    def _conclude(self, report: FileReport, answer: ProofAnswer | None, trouble: TolmachError | None) -> None:
        if answer is not None and answer.has_it:
            report.confirm()
            return
        problem = None if answer is None else answer.problem
        if answer is None and trouble is not None:
            problem = trouble.problem
        facts = {"peer": self.destination.name, "why": "" if problem is None else problem.what}
        report.fail(NotProved(NOT_PROVED, **facts))

    def _unanswered(self, lines: Mapping[int, Claimed]) -> list[Claimed]:
        """Give the lines to ask about (again): what a query does not find may be found a moment later."""
        final = {number for number, one in self._answers.items() if one.has_it or self._prover.kind == "commitment"}
        return [line for number, line in lines.items() if number not in final]

    def _ask(self, lines: Sequence[Claimed], deadline: float) -> None:
        """Ask once, then wait for what comes by itself, or a moment before asking again."""
        asked = list(self._prover.prove(lines))
        with self._heard:
            self._answers |= {one.delivery_id: one for one in asked if one.has_it is not None}
            numbers = {line.delivery_id: line for line in lines}
            wait = deadline - time.monotonic()
            if self._prover.kind == "query":
                wait = min(wait, _AGAIN_SECONDS)
            self._heard.wait_for(lambda: not self._unanswered(numbers), max(0.0, wait))

    def _report(self, transaction_uid: str, stored: Sequence[Reference], failed: Sequence[Failure]) -> int:
        there, missing = outcome_of_report(stored, failed)
        answer = self._transactions.answer(transaction_uid, there, missing, utc_now())
        if answer is None:
            return PROCESSING_FAILURE
        with self._heard:
            for proof, line in proof_answers(answer):
                self._answers[line.delivery_id] = proof
            self._heard.notify_all()
        return SUCCESS


def _line(number: int, report: FileReport, destination: str) -> Claimed:
    assert report.identity is not None
    sop_class, study, series = report.identity
    return Claimed(
        delivery_id=number,
        object_id=0,
        destination=destination,
        stored_sha256="",
        data_set_offset=0,
        delta=b"",
        sop_class_uid=sop_class,
        sop_instance_uid=report.sop_instance_uid,
        transfer_syntax_uid="",
        study_instance_uid=study,
        series_instance_uid=series,
        attempts=0,
        received_at=datetime.now(UTC),
    )
