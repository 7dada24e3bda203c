"""The queue, for every implementation of the records: `Outbox` of `tolmach.delivery.interfaces`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.records_factories import FACTORIES, Clock, opened
from tests.contracts.records_values import NOW, PROBLEM, arrival, ending, sha256_of, uid_of
from tolmach.adapters.sql import Records
from tolmach.base import TolmachError
from tolmach.delivery.interfaces import Claimed, Conclusion

SOON = NOW + timedelta(minutes=1)
STORED = {"status": "0000", "proof": "response"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=FACTORIES)
def records(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Records]:
    yield from opened(request.param, tmp_path, clock)


def queue(records: Records, *studies: str, to: Sequence[str] = ("pacs",), first: int = 0) -> list[int]:
    """Take one object after another, each of the study named, and give their numbers."""
    receipts = records.receipts.record_all([arrival(first + number) for number in range(len(studies))])
    ids = [receipt.object_id for receipt in receipts]
    records.ends.finish([ending(one, study=study, destinations=to) for one, study in zip(ids, studies, strict=True)])
    return ids


def claim(records: Records, owner: str = "w", limit: int = 64, to: str = "pacs", **later: float) -> list[Claimed]:
    return list(records.outbox.claim(to, owner, limit, NOW + timedelta(**later), 60))


def objects(lines: Sequence[Claimed]) -> list[int]:
    return [line.object_id for line in lines]


def state_of(records: Records, object_id: int) -> tuple[str, int, str, str | None]:
    (row,) = records.desk.objects([object_id])
    (line,) = row.deliveries
    return (line.state, line.attempts, line.status, line.proof)


# Claims -------------------------------------------------------------------------------------------------------------


def test_a_claimed_line_says_all_that_sending_needs(records: Records) -> None:
    (one,) = queue(records, "1.2.3")
    (line,) = claim(records)
    assert line == Claimed(
        delivery_id=line.delivery_id,
        object_id=one,
        destination="pacs",
        stored_sha256=sha256_of(0),
        data_set_offset=344,
        delta=b"\x01" + bytes(range(60)),
        sop_class_uid=arrival(0).sop_class_uid,
        sop_instance_uid=uid_of(one),
        transfer_syntax_uid=arrival(0).transfer_syntax_uid,
        study_instance_uid="1.2.3",
        series_instance_uid="1.2.3.1",
        attempts=0,
        received_at=NOW,
    )


def test_a_claim_gives_one_study_in_the_order_of_receipt(records: Records) -> None:
    ids = queue(records, "A", "B", "A", "B", "A")
    assert objects(claim(records, "one")) == [ids[0], ids[2], ids[4]]
    assert objects(claim(records, "two")) == [ids[1], ids[3]]
    assert claim(records, "three") == []


def test_the_order_is_that_of_receipt_even_when_journeys_end_in_another(records: Records) -> None:
    ids = [records.receipts.record(arrival(number)).object_id for number in range(4)]
    for one in reversed(ids):
        records.ends.finish([ending(one, study="A")])
    assert objects(claim(records)) == ids


def test_a_claim_gives_no_more_than_its_limit_and_the_owner_gets_the_rest(records: Records) -> None:
    ids = queue(records, *"AAAAA")
    assert objects(claim(records, "one", 2)) == ids[:2]
    assert claim(records, "two") == []  # order inside the study
    assert objects(claim(records, "one", 2)) == ids[2:4]


def test_a_claim_gives_lines_of_its_destination_alone(records: Records) -> None:
    queue(records, "A", to=("pacs", "mirror"))
    assert claim(records, to="elsewhere") == []
    assert [line.destination for line in claim(records, to="mirror")] == ["mirror"]
    assert [line.destination for line in claim(records)] == ["pacs"]


def test_a_study_is_free_for_others_when_its_lines_are_concluded(records: Records) -> None:
    ids = queue(records, "A", "A")
    (line,) = claim(records, "one", 1)
    assert claim(records, "two") == []
    records.outbox.conclude([Conclusion(line.delivery_id, "delivered", **STORED)], NOW)
    assert objects(claim(records, "two")) == ids[1:]


def test_a_study_is_leased_for_its_destination_alone(records: Records) -> None:
    queue(records, "A", "A", to=("pacs", "mirror"))
    assert len(claim(records, "one", 1)) == 1
    assert len(claim(records, "two", to="mirror")) == 2


def test_given_back_lines_are_due_at_once_and_were_not_tried(records: Records) -> None:
    ids = queue(records, *"AAA")
    lines = claim(records, "one")
    records.outbox.give_back([line.delivery_id for line in lines[1:]], "one")
    records.outbox.conclude([Conclusion(lines[0].delivery_id, "delivered", **STORED)], NOW)
    again = claim(records, "two")
    assert objects(again) == ids[1:]
    assert [line.attempts for line in again] == [0, 0]


def test_nobody_gives_back_what_another_has_leased_meanwhile(records: Records) -> None:
    ids = queue(records, *"AA")
    early = claim(records, "one")
    late = claim(records, "two", seconds=60)
    records.outbox.give_back([line.delivery_id for line in early], "one")
    assert objects(late) == ids
    assert claim(records, "three", seconds=60) == []


def test_a_lease_ends_by_itself(records: Records) -> None:
    ids = queue(records, *"AA")
    claim(records, "one")
    assert claim(records, "two", seconds=59) == []
    assert objects(claim(records, "two", seconds=60)) == ids


def test_leases_are_cleared_at_the_start(records: Records) -> None:
    ids = queue(records, "A", "B")
    claim(records, "one")
    claim(records, "two")
    assert records.outbox.clear_leases("two") == 1
    assert objects(claim(records, "three")) == [ids[1]]
    assert records.outbox.clear_leases() == 2
    assert objects(claim(records, "three")) == [ids[0]]


def test_a_line_waits_for_its_next_attempt(records: Records) -> None:
    ids = queue(records, *"AA")
    first, second = claim(records)
    records.outbox.conclude([Conclusion(first.delivery_id, "queued", SOON, problem=PROBLEM)], NOW)
    records.outbox.conclude([Conclusion(second.delivery_id, "queued")], NOW)
    assert objects(claim(records)) == [ids[1]]
    records.outbox.give_back([second.delivery_id], "w")
    assert [(line.object_id, line.attempts) for line in claim(records, minutes=1)] == [(ids[0], 1), (ids[1], 1)]


def test_neither_new_nor_waiting_lines_starve_the_others(records: Records) -> None:
    old = queue(records, "A", "B")
    for line in claim(records, "w", 1) + claim(records, "v", 1):
        records.outbox.conclude([Conclusion(line.delivery_id, "queued", SOON)], NOW)
    new = queue(records, "C", first=10)
    assert [objects(claim(records, name, minutes=2)) for name in "xyz"] == [[old[0]], [old[1]], new]


def test_held_with_a_time_is_tried_again_then_and_without_one_never(records: Records) -> None:
    ids = queue(records, "A", "B")
    for name, at in (("w", SOON), ("v", None)):
        (line,) = claim(records, name)
        records.outbox.conclude([Conclusion(line.delivery_id, "held", at, status="C000", problem=PROBLEM)], NOW)
    assert {line.state for line in records.desk.queue()} == {"held"}
    assert claim(records) == []
    assert objects(claim(records, minutes=1)) == [ids[0]]
    assert objects(claim(records, "v", days=400)) == [ids[0]]


def test_held_from_the_start_waits_for_a_person(records: Records) -> None:
    receipt = records.receipts.record(arrival(1))
    records.ends.finish([ending(receipt.object_id, held_for=PROBLEM)])
    assert claim(records, days=4000) == []
    assert records.outbox.next_due("pacs") is None
    assert records.desk.retry(None, None, "doctor") == 1
    assert objects(claim(records)) == [receipt.object_id]


def test_a_clock_that_was_wrong_stops_nothing_for_good(records: Records) -> None:
    """W-07: a machine that booted ten years ahead, tried, and learned the true time then."""
    ids = queue(records, "A", "B", "C")
    ahead = timedelta(days=3650)
    (first,) = records.outbox.claim("pacs", "one", 9, NOW + ahead, 60)
    records.outbox.conclude([Conclusion(first.delivery_id, "queued", SOON + ahead)], NOW + ahead)
    records.outbox.claim("pacs", "two", 9, NOW + ahead, 60)
    assert [objects(claim(records, name)) for name in ("three", "four", "five")] == [[one] for one in ids]


def test_a_clock_set_back_makes_nobody_wait_longer_than_anybody_ever_waits(records: Records) -> None:
    """W-07: an hour, as at the end of a summer time that nobody had told the machine of."""
    ids = queue(records, "A")
    (line,) = claim(records)
    records.outbox.conclude([Conclusion(line.delivery_id, "queued", NOW + timedelta(minutes=10))], NOW)
    back = NOW - timedelta(hours=1)
    assert not records.outbox.claim("pacs", "w", 9, back + timedelta(minutes=51), 60, 1200)
    assert objects(list(records.outbox.claim("pacs", "w", 9, back, 60, 1200))) == ids


def test_next_due_tells_when_there_is_work(records: Records) -> None:
    assert records.outbox.next_due("pacs") is None
    queue(records, "A", "B")
    due = records.outbox.next_due("pacs")
    assert due is not None
    assert due <= NOW
    for name, at in (("w", SOON), ("v", SOON + timedelta(minutes=1))):
        (line,) = claim(records, name)
        records.outbox.conclude([Conclusion(line.delivery_id, "queued", at)], NOW)
    assert records.outbox.next_due("pacs") == SOON
    claim(records, minutes=1)
    assert records.outbox.next_due("pacs") == SOON + timedelta(minutes=1)
    assert records.outbox.next_due("mirror") is None


def test_many_owners_never_hold_one_line_twice_nor_two_a_study(records: Records) -> None:
    ids = queue(records, *(str(number % 7) for number in range(140)))
    begin = threading.Barrier(6)
    taken: dict[str, list[Claimed]] = {}
    failures: list[Exception] = []

    def work(owner: str) -> None:
        begin.wait()
        try:
            mine = taken[owner] = []
            while lines := claim(records, owner, 5):
                mine.extend(lines)
                done = [Conclusion(line.delivery_id, "delivered", **STORED) for line in lines]
                records.outbox.conclude(done, NOW)
        except (TolmachError, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while lines := claim(records, "last", 5):  # an owner that found every study taken has ended
        taken.setdefault("last", []).extend(lines)
        records.outbox.conclude([Conclusion(line.delivery_id, "delivered", **STORED) for line in lines], NOW)
    assert failures == []
    assert sorted(line.object_id for lines in taken.values() for line in lines) == ids
    assert records.desk.audit().total.delivered == 140


# What becomes of lines ----------------------------------------------------------------------------------------------


def test_a_delivered_line_keeps_its_proof_and_leaves_the_queue(records: Records) -> None:
    (one,) = queue(records, "A")
    (line,) = claim(records)
    records.outbox.conclude([Conclusion(line.delivery_id, "delivered", **STORED)], SOON)
    assert state_of(records, one) == ("delivered", 1, "0000", "response")
    assert list(records.desk.queue()) == []
    (row,) = records.desk.objects([one])
    assert row.deliveries[0].at == SOON


def test_a_conclusion_may_be_written_twice(records: Records) -> None:
    ids = queue(records, "A", "B")
    first, second = claim(records, "w")[0], claim(records, "v")[0]
    said = [
        Conclusion(first.delivery_id, "queued", SOON, status="A700", problem=PROBLEM),
        Conclusion(second.delivery_id, "delivered", **STORED),
    ]
    for _ in range(3):
        records.outbox.conclude(said, NOW)
    assert state_of(records, ids[0]) == ("queued", 1, "A700", None)
    assert state_of(records, ids[1]) == ("delivered", 1, "0000", "response")


def test_an_attempt_that_was_none_is_not_counted(records: Records) -> None:
    (one,) = queue(records, "A")
    (line,) = claim(records)
    records.outbox.conclude([Conclusion(line.delivery_id, "queued", SOON, attempted=False)], NOW)
    assert state_of(records, one)[1] == 0


def test_two_conclusions_of_one_line_in_one_commit_count_in_their_order(records: Records) -> None:
    (one,) = queue(records, "A")
    (line,) = claim(records)
    records.outbox.conclude(
        [
            Conclusion(line.delivery_id, "queued", status="0000", awaits_proof=True),
            Conclusion(line.delivery_id, "delivered", attempted=False, proof="query"),
        ],
        NOW,
    )
    assert state_of(records, one) == ("delivered", 1, "0000", "query")


def test_delivered_is_final(records: Records) -> None:
    (one,) = queue(records, "A")
    (line,) = claim(records, "slow")
    (again,) = claim(records, "quick", minutes=2)
    records.outbox.conclude([Conclusion(line.delivery_id, "delivered", **STORED)], NOW)
    records.outbox.conclude([Conclusion(again.delivery_id, "queued", SOON, problem=PROBLEM)], NOW)
    assert state_of(records, one) == ("delivered", 1, "0000", "response")
    assert claim(records, days=1) == []


def test_a_late_word_of_delivery_counts_without_a_lease(records: Records) -> None:
    (one,) = queue(records, "A")
    (line,) = claim(records)
    records.outbox.clear_leases()
    records.outbox.conclude([Conclusion(line.delivery_id, "queued", SOON)], NOW)
    assert state_of(records, one)[:2] == ("queued", 0)
    records.outbox.conclude([Conclusion(line.delivery_id, "delivered", **STORED)], NOW)
    assert state_of(records, one)[:2] == ("delivered", 1)


def test_unknown_lines_are_passed_over(records: Records) -> None:
    (one,) = queue(records, "A")
    (line,) = claim(records)
    records.outbox.conclude([Conclusion(987, "delivered"), Conclusion(line.delivery_id, "delivered", **STORED)], NOW)
    assert state_of(records, one)[0] == "delivered"


def test_a_rule_may_delete(records: Records) -> None:
    (one,) = queue(records, "A")
    (line,) = claim(records)
    records.outbox.conclude([Conclusion(line.delivery_id, "deleted")], NOW)
    assert state_of(records, one)[0] == "deleted"
    assert records.desk.audit().total.deleted == 1


# Proof --------------------------------------------------------------------------------------------------------------


def test_a_line_that_awaits_proof_is_queued_and_not_sent_again(records: Records) -> None:
    ids = queue(records, "A", "B")
    for at, name in enumerate(("w", "v")):
        (line,) = claim(records, name)
        said = Conclusion(line.delivery_id, "queued", status="0000", awaits_proof=True)
        records.outbox.conclude([said], NOW + timedelta(seconds=9 - at))
    assert claim(records, days=4000) == []
    assert records.outbox.next_due("pacs") is None
    waiting = records.outbox.awaiting_proof("pacs", 9)
    assert [(line.object_id, since) for line, since in waiting] == [
        (ids[1], NOW + timedelta(seconds=8)),
        (ids[0], NOW + timedelta(seconds=9)),
    ]
    assert len(records.outbox.awaiting_proof("pacs", 1)) == 1
    assert records.outbox.awaiting_proof("mirror", 9) == []
    assert records.desk.audit().total.queued == 2


def test_what_awaits_proof_is_given_page_by_page(records: Records) -> None:
    queue(records, *"A" * 7)
    lines = claim(records)
    said = [Conclusion(line.delivery_id, "queued", status="0000", awaits_proof=True) for line in lines]
    for at, some in enumerate((said[4:], said[2:4], said[:2])):  # several at the same moment
        records.outbox.conclude(some, NOW + timedelta(seconds=at))
    whole = records.outbox.awaiting_proof("pacs", 99)
    found = list(records.outbox.awaiting_proof("pacs", 2))
    while page := records.outbox.awaiting_proof("pacs", 2, (found[-1][1], found[-1][0].delivery_id)):
        assert len(page) <= 2
        found += page
    assert found == list(whole)
    assert len(found) == 7


def test_proof_ends_the_waiting(records: Records) -> None:
    ids = queue(records, "A", "A")
    yes, no = claim(records)
    for line in (yes, no):
        records.outbox.conclude(
            [Conclusion(line.delivery_id, "queued", status="0000", awaits_proof=True, problem=PROBLEM)], NOW
        )
    proved = Conclusion(yes.delivery_id, "delivered", attempted=False, proof="commitment")
    not_there = Conclusion(no.delivery_id, "queued", SOON, attempted=False, problem=PROBLEM)
    for _ in range(2):
        records.outbox.conclude([proved, not_there], NOW)
    assert state_of(records, ids[0]) == ("delivered", 1, "0000", "commitment")
    assert state_of(records, ids[1])[:2] == ("queued", 1)
    assert records.outbox.awaiting_proof("pacs", 9) == []
    assert objects(claim(records, minutes=1)) == [ids[1]]


def test_waiting_for_proof_began_when_the_destination_said_so_first(records: Records) -> None:
    queue(records, "A")
    (line,) = claim(records)
    for minutes in (0, 5):
        said = Conclusion(line.delivery_id, "queued", attempted=minutes == 0, awaits_proof=True)
        records.outbox.conclude([said], NOW + timedelta(minutes=minutes))
    ((_, since),) = records.outbox.awaiting_proof("pacs", 9)
    assert since == NOW


# Destinations -------------------------------------------------------------------------------------------------------


def test_why_a_destination_cannot_be_reached_is_shown_until_it_is_well(records: Records, clock: Clock) -> None:
    queue(records, "A")
    records.outbox.note_destination("pacs", PROBLEM, SOON)
    clock.pass_by(minutes=5)
    records.outbox.note_destination("pacs", PROBLEM, SOON + timedelta(minutes=5))
    (row,) = records.desk.destinations()
    assert (row.trouble, row.trouble_since, row.retry_at) == (PROBLEM, NOW, SOON + timedelta(minutes=5))
    assert row.waiting == {"queued": 1}
    (line,) = records.desk.queue()
    assert line.as_json(clock.now)["last_error"] == f"{PROBLEM.code}: {PROBLEM}"
    records.outbox.note_destination("pacs", None, None)
    (row,) = records.desk.destinations()
    assert (row.trouble, row.trouble_since, row.retry_at) == (None, None, None)
    (line,) = records.desk.queue()
    assert line.as_json(clock.now)["last_error"] is None


# A destination without proof ----------------------------------------------------------------------------------------


def test_lines_that_await_proof_nobody_asks_for_are_sent_again(records: Records) -> None:
    ids = queue(records, "A", "A", "A", "A", to=("pacs", "mirror"))
    for to in ("pacs", "mirror"):
        stored, tried, held, _ = claim(records, to=to)
        records.outbox.conclude(
            [
                Conclusion(stored.delivery_id, "queued", status="0000", awaits_proof=True),
                Conclusion(tried.delivery_id, "queued", NOW + timedelta(hours=1), problem=PROBLEM),
                Conclusion(held.delivery_id, "held", problem=PROBLEM),
            ],
            NOW,
        )
    assert records.outbox.settle_unproved("pacs") == 1
    assert records.outbox.settle_unproved("pacs") == 0
    assert records.outbox.awaiting_proof("pacs", 9) == []
    (again,) = claim(records)
    assert (again.object_id, again.attempts) == (ids[0], 1)
    assert [line.object_id for line, _ in records.outbox.awaiting_proof("mirror", 9)] == ids[:1]
    assert records.outbox.settle_unproved("nowhere") == 0
