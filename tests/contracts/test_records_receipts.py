"""What came and how its journey ended, for every implementation of the records."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.records_factories import FACTORIES, Clock, opened
from tests.contracts.records_values import CHANGE, FROM_CT, NOW, PROBLEM, arrival, ending, sha256_of, uid_of
from tolmach.adapters.sql import Records
from tolmach.base import TolmachError
from tolmach.delivery.interfaces import Conclusion, Edition, Ending, NewDelivery
from tolmach.intake.interfaces import Entrance, Provenance


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=FACTORIES)
def records(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Records]:
    yield from opened(request.param, tmp_path, clock)


def test_an_arrival_becomes_a_receipt_and_waits_for_its_journey(records: Records) -> None:
    receipt = records.receipts.record(arrival(1))
    assert (receipt.is_new, receipt.version) == (True, 1)
    (pending,) = records.journeys.pending(10)
    assert (pending.object_id, pending.arrival, pending.released) == (receipt.object_id, arrival(1), False)


def test_the_same_bytes_again_give_the_same_receipt_and_no_second_journey(records: Records) -> None:
    first = records.receipts.record(arrival(1))
    records.ends.finish([ending(first.object_id)])
    again = records.receipts.record(replace(arrival(1), provenance=Provenance("dimse", "ct-1", "CT1-B", "10.0.0.9")))
    assert again == replace(first, is_new=False)
    assert records.journeys.pending(10) == []
    (row,) = records.desk.history()
    assert (row.arrivals, row.source) == (2, "ct-1")
    assert len(row.deliveries) == 1


def test_other_bytes_under_the_same_uid_are_a_version_with_an_audit_entry(records: Records) -> None:
    versions = [records.receipts.record(arrival(1, version)) for version in (1, 2, 3)]
    assert [receipt.version for receipt in versions] == [1, 2, 3]
    assert all(receipt.is_new for receipt in versions)
    assert records.receipts.record(arrival(1, 2)) == replace(versions[1], is_new=False)
    noted = [(event.action, event.object_id, event.details) for event in records.events()]
    assert noted == [("new-version", versions[number].object_id, {"version": number + 1}) for number in (1, 2)]


def test_things_without_a_uid_are_no_versions_of_one_another(records: Records) -> None:
    nameless = [replace(arrival(number), sop_instance_uid="") for number in (1, 2)]
    receipts = [records.receipts.record(one) for one in nameless]
    assert [receipt.version for receipt in receipts] == [1, 1]
    assert len({receipt.object_id for receipt in receipts}) == 2
    assert not records.receipts.record(nameless[0]).is_new


def test_a_storm_of_the_same_object_leaves_one(records: Records) -> None:
    """F-16: ten arrivals on eight associations at once."""
    begin = threading.Barrier(8)
    receipts, failures = [], []

    def associate() -> None:
        begin.wait()
        try:
            receipts.extend(records.receipts.record(arrival(1)) for _ in range(10))
        except (TolmachError, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=associate) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(receipts) == 80
    assert sum(receipt.is_new for receipt in receipts) == 1
    assert len({(receipt.object_id, receipt.version) for receipt in receipts}) == 1
    (row,) = records.desk.history()
    assert row.arrivals == 80


def test_a_storm_of_different_versions_numbers_each_once(records: Records) -> None:
    """F-17, all at once."""
    begin = threading.Barrier(8)
    versions = []

    def associate(thread: int) -> None:
        begin.wait()
        versions.extend(records.receipts.record(arrival(1, 10 * thread + number)).version for number in range(10))

    threads = [threading.Thread(target=associate, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(versions) == list(range(1, 81))


@pytest.mark.parametrize("hostile", ["\0", "a\0b", "\ud800", "'; DROP TABLE objects; --", "Ї" * 10_000, "%_\\"])
def test_hostile_text_is_kept_as_text(records: Records, hostile: str) -> None:
    provenance = Provenance("dimse", hostile, hostile, hostile)
    one = replace(arrival(1), sop_instance_uid=hostile, sop_class_uid=hostile, provenance=provenance)
    receipt = records.receipts.record(one)
    assert not records.receipts.record(one).is_new
    facts = {"PatientName": hostile, "PatientID": hostile}
    end = replace(ending(receipt.object_id), facts=facts, study_instance_uid=hostile, verdict="unsure")
    records.ends.finish([end])
    (row,) = records.desk.history(patient=hostile.strip("\0") or "�")
    assert row.facts == facts


def test_pending_objects_come_in_the_order_of_their_receipt(records: Records) -> None:
    ids = [records.receipts.record(arrival(number)).object_id for number in (5, 3, 9, 1)]
    assert [pending.object_id for pending in records.journeys.pending(3)] == ids[:3]
    records.ends.finish([ending(ids[1])])
    assert [pending.object_id for pending in records.journeys.pending(9)] == [ids[0], *ids[2:]]


def test_several_arrivals_are_recorded_together(records: Records) -> None:
    receipts = records.receipts.record_all([arrival(1), arrival(2), arrival(1)])
    assert [receipt.is_new for receipt in receipts] == [True, True, False]


# Ends of journeys ---------------------------------------------------------------------------------------------------


def test_what_a_journey_found_is_kept(records: Records, clock: Clock) -> None:
    receipt = records.receipts.record(arrival(1, at=NOW - timedelta(minutes=1)))
    records.ends.finish([ending(receipt.object_id, destinations=("pacs", "mirror"))])
    (row,) = records.desk.history()
    assert row.sop_instance_uid == uid_of(receipt.object_id)
    assert (row.verdict, row.character_set, row.sha256) == ("repairable", ("ISO_IR 100",), sha256_of(1))
    assert row.changes == (CHANGE,)
    assert row.problems == (PROBLEM,)
    assert str(row.problems[0]) == "A big surprise happened to Іваненко. Look at Іваненко."
    assert row.received_at == NOW - timedelta(minutes=1)
    assert [(line.destination, line.state, line.at) for line in row.deliveries] == [
        ("pacs", "queued", clock.now),
        ("mirror", "queued", clock.now),
    ]


def test_an_end_is_written_once(records: Records) -> None:
    receipt = records.receipts.record(arrival(1))
    records.ends.finish([ending(receipt.object_id)])
    records.ends.finish([ending(receipt.object_id, destinations=("pacs", "mirror"), name="Other^Name")])
    (row,) = records.desk.history()
    assert (len(row.deliveries), row.facts["PatientName"]) == (1, "Іваненко^Іван")


def test_ends_are_written_together_or_not_at_all(records: Records) -> None:
    ids = [records.receipts.record(arrival(number)).object_id for number in range(3)]
    bad = replace(ending(ids[2]), deliveries=(NewDelivery("pacs", 7),))
    with pytest.raises(ValueError, match="edition"):
        records.ends.finish([ending(ids[0]), ending(ids[1]), bad])
    assert [pending.object_id for pending in records.journeys.pending(9)] == ids
    assert [row.object_id for row in records.desk.queue() if row.is_being_examined] == ids
    assert all(row.is_being_examined for row in records.desk.queue())


@pytest.mark.parametrize(
    "deliveries",
    [(NewDelivery("pacs", 0), NewDelivery("pacs", 0)), (NewDelivery("", 0),), (NewDelivery("pacs", -1),)],
)
def test_an_end_that_contradicts_itself_is_refused(records: Records, deliveries: tuple[NewDelivery, ...]) -> None:
    receipt = records.receipts.record(arrival(1))
    with pytest.raises(ValueError):
        records.ends.finish([replace(ending(receipt.object_id), deliveries=deliveries)])


def test_an_object_cannot_end_twice_at_once(records: Records) -> None:
    receipt = records.receipts.record(arrival(1))
    with pytest.raises(ValueError, match="twice"):
        records.ends.finish([ending(receipt.object_id), ending(receipt.object_id)])


def test_the_end_of_an_unknown_object_changes_nothing(records: Records) -> None:
    records.ends.finish([ending(77)])
    assert records.desk.audit().total.taken == 0


def test_each_destination_has_its_own_edition(records: Records) -> None:
    receipt = records.receipts.record(arrival(1))
    editions = (Edition(b"one", "1.1", "2.1"), Edition(b"two", "1.2", "2.2", (CHANGE,)))
    deliveries = (NewDelivery("a", 0), NewDelivery("b", 1), NewDelivery("c", 1))
    end = replace(ending(receipt.object_id), editions=editions, edition_shown=1, deliveries=deliveries)
    records.ends.finish([end])
    claimed = {name: records.outbox.claim(name, "w", 1, NOW, 60)[0] for name in ("a", "b", "c")}
    assert {name: (line.delta, line.sop_class_uid, line.sop_instance_uid) for name, line in claimed.items()} == {
        "a": (b"one", "1.1", "2.1"),
        "b": (b"two", "1.2", "2.2"),
        "c": (b"two", "1.2", "2.2"),
    }
    (row,) = records.desk.history()
    assert row.changes == (CHANGE,)


def test_an_object_that_goes_nowhere_is_kept_here(records: Records) -> None:
    receipt = records.receipts.record(arrival(1))
    records.ends.finish([ending(receipt.object_id, destinations=())])
    total = records.desk.audit().total
    assert (total.taken, total.delivered, total.queued) == (1, 1, 0)


def test_a_quarantined_object_is_seen_and_can_be_released(records: Records) -> None:
    receipt = records.receipts.record(arrival(1))
    records.ends.finish([ending(receipt.object_id, quarantine=PROBLEM)])
    (line,) = records.desk.queue()
    assert (line.destination, line.state, line.problem) == ("", "quarantined", PROBLEM)
    assert records.desk.audit().total.quarantined == 1
    assert records.journeys.pending(9) == []

    assert records.desk.retry([line.delivery_id], None, "nurse") == 1
    (pending,) = records.journeys.pending(9)
    assert (pending.object_id, pending.arrival, pending.released) == (receipt.object_id, arrival(1), True)
    assert [(row.state, row.is_being_examined) for row in records.desk.queue()] == [("queued", True)]
    report = records.desk.audit()
    assert (report.total.queued, report.total.quarantined, report.holds) == (1, 0, True)

    records.ends.finish([ending(receipt.object_id)])
    (queued,) = records.desk.queue()
    assert (queued.destination, queued.state) == ("pacs", "queued")
    assert records.outbox.claim("pacs", "w", 1, NOW, 60)[0].delta.startswith(b"\x01")
    assert [event.action for event in records.events(receipt.object_id)] == ["quarantined", "released"]


def test_a_released_object_may_be_quarantined_anew(records: Records) -> None:
    receipt = records.receipts.record(arrival(1))
    for _ in range(3):
        records.ends.finish([ending(receipt.object_id, quarantine=PROBLEM)])
        assert records.desk.audit().total.quarantined == 1
        assert records.desk.retry(None, None, "nurse") == 1
    assert records.desk.audit().total.queued == 1


def test_an_ending_is_what_its_fields_say_without_any_of_them(records: Records) -> None:
    receipt = records.receipts.record(replace(arrival(1), provenance=replace(FROM_CT, name="")))
    records.ends.finish([Ending(receipt.object_id, "", "", "")])
    (row,) = records.desk.history()
    assert (row.sop_instance_uid, row.source, row.verdict) == (uid_of(1), "CT1", "clean")


# Once more ----------------------------------------------------------------------------------------------------------

FROM_ROOM = Provenance("folder", "room-1")
FROM_MR = Provenance("dimse", "", "MR1", "10.0.0.8")


def again(records: Records, provenance: Provenance) -> int:
    receipt = records.receipts.record(arrival(1, provenance=provenance, at=NOW + timedelta(hours=1)))
    assert not receipt.is_new
    return receipt.object_id


def walk(records: Records, *destinations: str, **what: object) -> Provenance:
    """Walk the only journey there is, twice said and once counted, and give whose it was."""
    (pending,) = records.journeys.pending(9)
    for _ in range(2):
        records.ends.finish([ending(pending.object_id, destinations=destinations, **what)])  # type: ignore[arg-type]
    assert records.desk.audit().holds, records.desk.audit()
    return pending.arrival.provenance


def states(records: Records) -> dict[str, str]:
    (row,) = records.desk.history()
    return {line.destination: line.state for line in row.deliveries}


def deliver(records: Records, to: str) -> None:
    (line,) = records.outbox.claim(to, "w", 1, NOW, 60)
    records.outbox.conclude([Conclusion(line.delivery_id, "delivered", status="0000", proof="response")], NOW)


def test_another_source_has_a_journey_of_its_own(records: Records) -> None:
    one = records.receipts.record(arrival(1)).object_id
    assert walk(records, "pacs", "shared") == FROM_CT
    deliver(records, "shared")
    assert again(records, FROM_ROOM) == one
    assert records.desk.audit().total.queued == 1
    (pending,) = records.journeys.pending(9)
    assert pending.arrival == arrival(1, provenance=FROM_ROOM)  # and the time of the first receipt
    assert walk(records, "shared", "mirror") == FROM_ROOM
    assert states(records) == {"pacs": "queued", "shared": "delivered", "mirror": "queued"}
    assert [(row.destination, row.taken) for row in records.desk.audit().destinations] == [
        ("mirror", 1),
        ("pacs", 1),
        ("shared", 1),
    ]
    (noted,) = records.events(one)
    assert (noted.action, noted.details) == (
        "arrived-again",
        {
            "source": ["folder", "room-1", "", ""],
            "earlier": ["dimse", "ct-1", "CT1", "10.0.0.7"],
        },
    )


def test_a_second_journey_sends_its_own_edition(records: Records) -> None:
    one = records.receipts.record(arrival(1)).object_id
    walk(records, "pacs")
    again(records, FROM_MR)
    edition = Edition(b"two", "1.2", "2.2", (CHANGE, CHANGE))
    records.ends.finish([replace(ending(one, destinations=("pacs", "mirror")), editions=(edition,))])
    (first,), (second,) = (records.outbox.claim(to, "w", 1, NOW, 60) for to in ("pacs", "mirror"))
    assert (first.delta, second.delta) == (b"\x01" + bytes(range(60)), b"two")
    (row,) = records.desk.history()
    assert row.changes == (CHANGE, CHANGE)


def test_an_object_without_a_name_of_its_source_is_told_by_its_ae_title(records: Records) -> None:
    records.receipts.record(arrival(1, provenance=FROM_MR))
    walk(records, "pacs")
    again(records, replace(FROM_MR, host="10.0.0.99"))
    assert records.journeys.pending(9) == []
    again(records, replace(FROM_MR, ae_title="MR2"))
    assert walk(records, "mirror").ae_title == "MR2"


def test_sources_that_come_before_the_first_journey_ends_are_not_forgotten(records: Records) -> None:
    one = records.receipts.record(arrival(1)).object_id
    for provenance in (FROM_ROOM, FROM_MR, FROM_ROOM, FROM_CT):
        again(records, provenance)
    assert [walk(records, to) for to in ("pacs", "mirror", "third")] == [FROM_CT, FROM_ROOM, FROM_MR]
    assert records.journeys.pending(9) == []
    assert states(records) == dict.fromkeys(("pacs", "mirror", "third"), "queued")
    assert [event.details["earlier"] for event in records.events(one)] == [
        ["dimse", "ct-1", "CT1", "10.0.0.7"],
        ["folder", "room-1", "", ""],
    ]


@pytest.mark.parametrize("entrance", ["found", "rebuild"])
def test_what_recovery_finds_is_no_other_source(records: Records, entrance: Entrance) -> None:
    records.receipts.record(arrival(1))
    again(records, Provenance(entrance, "", "ELSEWHERE"))
    walk(records, "pacs")
    again(records, Provenance(entrance, "", "ELSEWHERE"))
    assert records.journeys.pending(9) == []


def test_what_recovery_found_takes_the_route_of_the_source_that_brings_it(records: Records) -> None:
    records.receipts.record(arrival(1, provenance=Provenance("found", "", "CT1")))
    walk(records)
    again(records, FROM_CT)
    assert walk(records, "pacs") == FROM_CT


def test_what_was_dropped_and_comes_again_is_delivered_after_all(records: Records, clock: Clock) -> None:
    one = records.receipts.record(arrival(1)).object_id
    walk(records, "pacs", "mirror", "third")
    (line, *_) = records.desk.queue(to="pacs")
    records.outbox.claim("pacs", "w", 1, NOW, 60)
    records.desk.drop([line.delivery_id], None, "doctor")
    records.desk.drop(None, "mirror", "doctor")
    again(records, FROM_CT)
    assert records.journeys.pending(9) == []  # there is a line left
    records.desk.drop(None, None, "doctor")
    clock.pass_by(hours=2)
    again(records, FROM_CT)
    assert walk(records, "pacs", "mirror", "fourth", held_for=None) == FROM_CT
    assert states(records) == {"pacs": "queued", "mirror": "queued", "third": "deleted", "fourth": "queued"}
    (row,) = records.desk.history()
    assert [(entry["to"], entry["state"], entry["decided_by"]) for entry in row.earlier] == [
        ("pacs", "deleted", "doctor"),
        ("mirror", "deleted", "doctor"),
    ]
    (open_line,) = records.desk.queue(to="mirror")
    assert (open_line.attempts, open_line.queued_at, open_line.decided_by) == (0, clock.now, "")
    deliver(records, "pacs")
    assert "arrived-again" in [event.action for event in records.events(one)]


def test_what_was_dropped_and_comes_again_may_be_held(records: Records) -> None:
    records.receipts.record(arrival(1))
    walk(records, "pacs")
    records.desk.drop(None, None, "doctor")
    again(records, FROM_CT)
    walk(records, "pacs", held_for=PROBLEM)
    (line,) = records.desk.queue()
    assert (line.state, line.problem) == ("held", PROBLEM)
    assert records.outbox.claim("pacs", "w", 1, NOW, 60) == ()


def test_what_was_dropped_from_quarantine_and_comes_again_is_examined_again(records: Records) -> None:
    records.receipts.record(arrival(1))
    walk(records, quarantine=PROBLEM)
    records.desk.drop(None, None, "doctor")
    again(records, FROM_CT)
    walk(records, quarantine=PROBLEM)
    assert states(records) == {"": "quarantined"}
    assert records.desk.audit().total.quarantined == 1
    records.desk.drop(None, None, "doctor")
    again(records, FROM_CT)
    walk(records, "pacs")
    assert states(records) == {"": "deleted", "pacs": "queued"}


def test_what_is_in_quarantine_stays_there_until_a_person_says_so_and_then_takes_every_route(records: Records) -> None:
    records.receipts.record(arrival(1))
    walk(records, quarantine=PROBLEM)
    again(records, FROM_CT)
    again(records, FROM_ROOM)
    assert records.journeys.pending(9) == []
    assert states(records) == {"": "quarantined"}
    records.desk.retry(None, None, "nurse")
    assert walk(records, quarantine=PROBLEM) == FROM_CT
    assert walk(records, "mirror") == FROM_ROOM
    assert states(records) == {"": "quarantined", "mirror": "queued"}
    records.desk.retry(None, None, "nurse")
    walk(records, "mirror", "pacs")
    assert states(records) == {"mirror": "queued", "pacs": "queued"}


def test_a_second_journey_that_ends_in_quarantine_leaves_the_lines_of_the_first(records: Records) -> None:
    records.receipts.record(arrival(1))
    walk(records, "pacs")
    again(records, FROM_ROOM)
    (pending,) = records.journeys.pending(9)
    nothing = replace(ending(pending.object_id, quarantine=PROBLEM), editions=(), deliveries=())
    records.ends.finish([nothing])
    assert states(records) == {"pacs": "queued"}
    (row,) = records.desk.history()
    assert (row.changes, row.quarantine, row.problems[-1]) == ((CHANGE,), None, PROBLEM)
    assert [event.action for event in records.events(row.object_id)][-1] == "quarantined"
    deliver(records, "pacs")
    assert states(records) == {"pacs": "delivered"}
    assert records.desk.audit().total.delivered == 1
    assert records.desk.resend([row.object_id], None, "nurse") == 1


def test_where_a_person_gave_all_lines_up_a_second_journey_may_end_in_quarantine(records: Records) -> None:
    records.receipts.record(arrival(1))
    walk(records, "pacs")
    records.desk.drop(None, None, "nurse")
    again(records, FROM_ROOM)
    walk(records, quarantine=PROBLEM)
    assert states(records) == {"pacs": "deleted", "": "quarantined"}


def test_an_object_kept_here_is_not_examined_again_for_the_same_source(records: Records) -> None:
    records.receipts.record(arrival(1))
    walk(records)
    again(records, FROM_CT)
    assert records.journeys.pending(9) == []


def test_what_comes_again_in_one_commit_with_the_first(records: Records) -> None:
    records.receipts.record_all([arrival(1), arrival(1, provenance=FROM_ROOM), arrival(1)])
    assert [walk(records, "pacs"), walk(records, "pacs")] == [FROM_CT, FROM_ROOM]


def test_sources_to_come_survive_a_restart(tmp_path: Path, clock: Clock) -> None:
    for make in FACTORIES.values():
        with make(tmp_path, clock) as records:
            records.receipts.record(arrival(1))
            again(records, FROM_ROOM)
            walk(records, "pacs")
        with make(tmp_path, clock) as records:
            assert walk(records, "mirror") == FROM_ROOM
