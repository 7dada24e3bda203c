"""Proof by commitment and by query, as the outbox sees it; with the real records of transactions."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.unit.adapters.dimse.archives import confirm, hear_request, report, serve_queries
from tests.unit.adapters.dimse.parrot import Line, Parrot
from tolmach.adapters.dimse import Association, PeerAddress, PresentationContext, Timeouts
from tolmach.adapters.dimse.commitment import Failure, Reference
from tolmach.adapters.dimse.errors import PeerUnreachable, ServiceRefused
from tolmach.adapters.dimse.provers import (
    REFERENCES_AT_ONCE,
    CommitmentProver,
    OpenAssociation,
    QueryProver,
    proof_answers,
)
from tolmach.delivery.interfaces import Claimed, Prover
from tolmach.dicom import uids

PATIENT = Timeouts(60, 60, 60, 60, 60)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def line(number: int, series: str = "1.1.1") -> Claimed:
    return Claimed(
        delivery_id=number,
        object_id=number,
        destination="pacs",
        stored_sha256="",
        data_set_offset=0,
        delta=b"",
        sop_class_uid=uids.CTImageStorage,
        sop_instance_uid=f"1.2.{number}",
        transfer_syntax_uid=uids.ExplicitVRLittleEndian,
        study_instance_uid="1.1" if series else "",
        series_instance_uid=series,
        attempts=1,
        received_at=NOW,
    )


LINES = [line(number) for number in range(1, 6)]


def opener(parrot: Parrot) -> OpenAssociation:
    def associate(contexts: Sequence[PresentationContext]) -> Association:
        return Association.open(parrot.address, contexts, timeouts=PATIENT)

    return associate


class Answer:
    """What the records make of a report."""

    destination = "pacs"

    def __init__(self, asked: Sequence[Claimed], stored: set[str], failed: dict[str, int]) -> None:
        self.proved = [one for one in asked if one.sop_instance_uid in stored]
        self.refused = [(one, failed[one.sop_instance_uid]) for one in asked if one.sop_instance_uid in failed]
        answered = stored | failed.keys()
        self.unmentioned = [one for one in asked if one.sop_instance_uid not in answered]


class Transactions:
    """Transactions in memory, and the story of what was done with them."""

    def __init__(self, lines: Sequence[Claimed]) -> None:
        self.lines = {one.delivery_id: one for one in lines}
        self.begun: dict[str, list[int]] = {}
        self.story: list[str] = []

    def begin(self, transaction_uid: str, destination: str, delivery_ids: Sequence[int], at: datetime) -> None:
        assert (destination, at) == ("pacs", NOW)
        self.story.append(f"begin {transaction_uid}")
        self.begun[transaction_uid] = list(delivery_ids)

    def answer(self, transaction_uid: str, stored: object, failed: object, at: datetime) -> Answer | None:
        self.story.append(f"answer {transaction_uid}")
        asked = [self.lines[number] for number in self.begun[transaction_uid]]
        return Answer(asked, set(stored), dict(failed))  # type: ignore[call-overload]


def uid_maker() -> Callable[[], str]:
    numbers = iter(range(1, 1000))
    return lambda: f"2.25.{next(numbers)}"


def no_others(*_: object) -> int:
    raise AssertionError("a report on another transaction")


def prover_for(parrot: Parrot, transactions: Transactions, on_commitment: Callable[..., int] = no_others) -> Prover:
    return CommitmentProver(
        opener(parrot), transactions, "pacs", uid_maker(), lambda: NOW, on_commitment, wait_seconds=60
    )


def test_the_report_is_the_answer_line_by_line() -> None:
    def script(wire: Line) -> None:
        wire.accept()
        context_id, request, uid, references = hear_request(wire)
        confirm(wire, context_id, request)
        failed = [(*references[3], 0x0112), (*references[1], 0x0213)]
        assert report(wire, context_id, uid, references[:3], failed) == 0
        wire.release()

    transactions = Transactions(LINES)
    with Parrot(script) as parrot:
        prover = prover_for(parrot, transactions)
        answers = {answer.delivery_id: answer for answer in prover.prove(LINES)}
    assert prover.kind == "commitment"
    # 2 is in both lists, 5 in neither
    assert [answers[number].has_it for number in range(1, 6)] == [True, False, True, False, False]
    codes = {number: answer.problem.code for number, answer in answers.items() if answer.problem}
    assert codes == {2: "TLM-NET-082", 4: "TLM-NET-082", 5: "TLM-NET-083"}
    assert transactions.story == ["begin 2.25.1", "answer 2.25.1"]


def test_the_question_is_remembered_before_it_is_asked() -> None:
    transactions = Transactions(LINES)

    def script(wire: Line) -> list[str]:
        wire.accept()
        hear_request(wire)
        wire.sock.close()
        return list(transactions.story)

    with Parrot(script) as parrot, pytest.raises(Exception, match="TLM-NET"):
        list(prover_for(parrot, transactions).prove(LINES))
    assert parrot.result == ["begin 2.25.1"]


def test_without_a_report_every_answer_is_to_come() -> None:
    def script(wire: Line) -> None:
        wire.accept()
        context_id, request, _, _ = hear_request(wire)
        confirm(wire, context_id, request)

    with Parrot(script) as parrot:
        answers = list(prover_for(parrot, Transactions(LINES)).prove(LINES))
    assert [(answer.delivery_id, answer.has_it) for answer in answers] == [(number, None) for number in range(1, 6)]


def test_reports_on_earlier_questions_go_where_reports_go() -> None:
    others: list[tuple[str, Sequence[Reference], Sequence[Failure]]] = []

    def keep(uid: str, stored: Sequence[Reference], failed: Sequence[Failure]) -> int:
        others.append((uid, stored, failed))
        return 0

    def script(wire: Line) -> None:
        wire.accept()
        context_id, request, uid, references = hear_request(wire)
        confirm(wire, context_id, request)
        assert report(wire, context_id, "2.25.999", [("1.1", "9.9")]) == 0
        assert report(wire, context_id, uid, references) == 0
        wire.release()

    with Parrot(script) as parrot:
        answers = list(prover_for(parrot, Transactions(LINES), keep).prove(LINES))
    assert all(answer.has_it for answer in answers)
    assert [uid for uid, _, _ in others] == ["2.25.999"]


def test_many_lines_are_several_questions_on_one_association() -> None:
    many = [line(number) for number in range(1, 2 * REFERENCES_AT_ONCE + 100)]
    many.append(replace(many[0], delivery_id=10_000))  # the same instance in another edition

    def script(wire: Line) -> list[int]:
        sizes = []
        wire.accept()
        for _ in range(3):
            context_id, request, uid, references = hear_request(wire)
            sizes.append(len(references))
            confirm(wire, context_id, request)
            assert report(wire, context_id, uid, references) == 0
        wire.release()
        return sizes

    transactions = Transactions(many)
    with Parrot(script) as parrot:
        answers = list(prover_for(parrot, transactions).prove(many))
    assert parrot.result == [REFERENCES_AT_ONCE, REFERENCES_AT_ONCE, 100]
    assert [answer.delivery_id for answer in answers] == [one.delivery_id for one in many]
    assert all(answer.has_it for answer in answers)


@pytest.mark.parametrize("kind", ["commitment", "query"])
def test_an_archive_that_cannot_be_reached(kind: str) -> None:
    parrot, transactions = Parrot(lambda _: None), Transactions(LINES)
    parrot.close()
    provers: dict[str, Prover] = {
        "commitment": prover_for(parrot, transactions),
        "query": QueryProver(opener(parrot), parrot.address),
    }
    with pytest.raises(PeerUnreachable):
        list(provers[kind].prove(LINES))
    assert transactions.story == []


def test_a_report_that_comes_by_itself_means_the_same() -> None:
    answer = Answer(LINES, {"1.2.1"}, {"1.2.2": 0x0112})
    found = [(proof.delivery_id, proof.has_it, about.delivery_id) for proof, about in proof_answers(answer)]
    assert found == [(1, True, 1), (2, False, 2), (3, False, 3), (4, False, 4), (5, False, 5)]


# By query -------------------------------------------------------------------------------------------------------------


def test_the_query_finds_or_not() -> None:
    held = {"1.2.1", "1.2.3"}

    def find(asked: list[str]) -> list[str]:
        return sorted(held & set(asked) if asked else held)

    with Parrot(lambda wire: serve_queries(wire, find)) as parrot:
        prover = QueryProver(opener(parrot), parrot.address)
        answers = {answer.delivery_id: answer for answer in prover.prove(LINES)}
    assert {number: answer.has_it for number, answer in answers.items()} == {
        1: True, 2: False, 3: True, 4: False, 5: False,
    }  # fmt: skip
    assert {answer.problem.code for answer in answers.values() if answer.problem} == {"TLM-NET-084"}
    assert prover.kind == "query"


def test_each_series_is_asked_for_once() -> None:
    lines = [line(1, "1.1.1"), line(2, "1.1.2"), line(3, "1.1.1")]
    with Parrot(lambda wire: serve_queries(wire, lambda asked: asked)) as parrot:
        answers = list(QueryProver(opener(parrot), parrot.address).prove(lines))
    assert sorted(answer.delivery_id for answer in answers if answer.has_it) == [1, 2, 3]
    assert parrot.result == [["1.2.1", "1.2.3"], ["1.2.2"]]


def test_what_has_no_study_cannot_be_asked_for() -> None:
    def nobody(_: object) -> Association:
        raise AssertionError("nobody is to be called")

    (answer,) = QueryProver(nobody, PeerAddress("PACS", "127.0.0.1", 104)).prove([line(1, "")])
    assert answer.has_it is None
    assert answer.problem is not None
    assert answer.problem.code == "TLM-NET-085"


def test_an_archive_that_refuses_queries_is_no_answer() -> None:
    def refuse(_: list[str]) -> int:
        return 0xA900

    with Parrot(lambda wire: serve_queries(wire, refuse)) as parrot, pytest.raises(ServiceRefused):
        list(QueryProver(opener(parrot), parrot.address).prove(LINES))
