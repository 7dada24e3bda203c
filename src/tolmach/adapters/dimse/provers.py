"""Asking a DICOM destination whether it truly holds what it said it stores: by Storage Commitment, or by a query."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.addresses import PeerAddress
from tolmach.adapters.dimse.association import Association
from tolmach.adapters.dimse.commitment import Failure, OnCommitment, Reference
from tolmach.adapters.dimse.commitment_scu import COMMITMENT_CONTEXT, request_commitment
from tolmach.adapters.dimse.pdu import PresentationContext
from tolmach.adapters.dimse.query_scu import QUERY_CONTEXT, find_instances
from tolmach.adapters.dimse.status import SUCCESS
from tolmach.base import Problem
from tolmach.delivery.interfaces import Claimed, CommitmentAnswer, CommitmentTransactions, ProofAnswer, ProofKind

REFERENCES_AT_ONCE = 500

OpenAssociation = Callable[[Sequence[PresentationContext]], Association]


def proof_answers(answer: CommitmentAnswer) -> Iterator[tuple[ProofAnswer, Claimed]]:
    """Give what a commitment report means for each of the lines it is about; also for reports that come by themselves.

    What the destination was asked about and left out counts as not there: sending it again does no harm.
    """
    for line in answer.proved:
        yield ProofAnswer(line.delivery_id, has_it=True), line
    for line, reason in answer.refused:
        facts = {"peer": answer.destination, "reason": f"{reason:04X}"}
        yield ProofAnswer(line.delivery_id, has_it=False, problem=Problem(faults.NOT_COMMITTED, facts)), line
    for line in answer.unmentioned:
        problem = Problem(faults.NOT_MENTIONED, {"peer": answer.destination})
        yield ProofAnswer(line.delivery_id, has_it=False, problem=problem), line


class CommitmentProver:
    """Proof by Storage Commitment: every question is a transaction, remembered before it is asked."""

    kind: ProofKind = "commitment"

    def __init__(
        self,
        open_association: OpenAssociation,
        transactions: CommitmentTransactions,
        destination: str,
        new_uid: Callable[[], str],
        now: Callable[[], datetime],
        on_commitment: OnCommitment,
        wait_seconds: float = 2.0,
    ) -> None:
        """Ask one destination; reports on its own questions are answers, all others go to `on_commitment`.

        `wait_seconds` is how long the archive may take to report on the same association.
        """
        self._open = open_association
        self._transactions = transactions
        self._destination = destination
        self._new_uid = new_uid
        self._now = now
        self._on_commitment = on_commitment
        self._wait_seconds = wait_seconds

    def prove(self, lines: Sequence[Claimed]) -> Iterator[ProofAnswer]:
        """Give an answer for each line, `None` where the report is to come; raises what opening and asking raise."""
        with self._open([COMMITMENT_CONTEXT]) as assoc:
            for start in range(0, len(lines), REFERENCES_AT_ONCE):
                yield from self._ask(assoc, lines[start : start + REFERENCES_AT_ONCE])

    def _ask(self, assoc: Association, lines: Sequence[Claimed]) -> Iterator[ProofAnswer]:
        uid = self._new_uid()
        references = dict.fromkeys((line.sop_class_uid, line.sop_instance_uid) for line in lines)
        answered: list[ProofAnswer] = []

        def take(transaction_uid: str, stored: Sequence[Reference], failed: Sequence[Failure]) -> int:
            if transaction_uid != uid:
                return self._on_commitment(transaction_uid, stored, failed)
            there, missing = outcome_of_report(stored, failed)
            answer = self._transactions.answer(uid, there, missing, self._now())
            if answer is not None:
                answered.extend(proof for proof, _line in proof_answers(answer))
            return SUCCESS

        self._transactions.begin(uid, self._destination, [line.delivery_id for line in lines], self._now())
        request_commitment(assoc, uid, list(references), take, self._wait_seconds)
        known = {proof.delivery_id: proof for proof in answered}
        for line in lines:
            yield known.get(line.delivery_id) or ProofAnswer(line.delivery_id, has_it=None)


def outcome_of_report(
    stored: Sequence[Reference], failed: Sequence[Failure]
) -> tuple[Collection[str], Mapping[str, int]]:
    """Give the instances that are there, and those that are not with the reason; what is in both is not there."""
    missing = {instance: reason for _sop_class, instance, reason in failed}
    return [instance for _sop_class, instance in stored if instance not in missing], missing


class QueryProver:
    """Proof by C-FIND: the archive finds the instance in its series."""

    kind: ProofKind = "query"

    def __init__(self, open_association: OpenAssociation, peer: PeerAddress) -> None:
        """Ask one destination; `peer` is its name for people."""
        self._open = open_association
        self._peer = peer

    def prove(self, lines: Sequence[Claimed]) -> Iterator[ProofAnswer]:
        """Give an answer for each line; `None` where nobody could be asked. Raises what opening and asking raise."""
        askable = [line for line in lines if line.study_instance_uid and line.series_instance_uid]
        for line in lines:
            if not line.study_instance_uid or not line.series_instance_uid:
                facts = {"peer": self._peer, "sop_instance_uid": line.sop_instance_uid}
                yield ProofAnswer(line.delivery_id, None, Problem(faults.CANNOT_BE_ASKED_FOR, facts))
        if not askable:
            return
        with self._open([QUERY_CONTEXT]) as assoc:
            for (study, series), some in groupby(sorted(askable, key=_series), _series):
                yield from self._ask(assoc, study, series, list(some))

    def _ask(self, assoc: Association, study: str, series: str, lines: Sequence[Claimed]) -> Iterator[ProofAnswer]:
        found = find_instances(assoc, study, series, {line.sop_instance_uid for line in lines})
        for line in lines:
            has_it = line.sop_instance_uid in found
            problem = None if has_it else Problem(faults.NOT_FOUND_THERE, {"peer": self._peer})
            yield ProofAnswer(line.delivery_id, has_it, problem)


def _series(line: Claimed) -> tuple[str, str]:
    return line.study_instance_uid, line.series_instance_uid
