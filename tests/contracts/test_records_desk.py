"""What an operator sees and does, for every implementation of the records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.records_factories import FACTORIES, Clock, opened
from tests.contracts.records_values import NOW, PROBLEM, arrival, ending, uid_of
from tolmach.adapters.sql import AgeRow, NoSuchThing, QueueRow, Records
from tolmach.base import Fault, Phrase, Problem
from tolmach.delivery.interfaces import Claimed, Conclusion, Detected
from tolmach.intake.interfaces import Provenance

STORED = {"status": "0000", "proof": "response"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=FACTORIES)
def records(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Records]:
    yield from opened(request.param, tmp_path, clock)


def take(records: Records, number: int = 0, to: Sequence[str] = ("pacs",), **what: object) -> int:
    object_id = records.receipts.record(arrival(number)).object_id
    records.ends.finish([ending(object_id, study=f"1.{number}", destinations=to, **what)])
    return object_id


def claim(records: Records, to: str = "pacs", **later: float) -> Claimed:
    (line,) = records.outbox.claim(to, "w", 1, NOW + timedelta(**later), 60)
    return line


def deliver(records: Records, to: str = "pacs") -> None:
    records.outbox.conclude([Conclusion(claim(records, to).delivery_id, "delivered", **STORED)], NOW)


def lines(records: Records, **chosen: object) -> list[QueueRow]:
    return list(records.desk.queue(**chosen))  # type: ignore[arg-type]


def actions(records: Records, object_id: int | None = None) -> list[tuple[str, str]]:
    return [(event.actor, event.action) for event in records.events(object_id) if event.actor]


# The queue ----------------------------------------------------------------------------------------------------------


def test_the_queue_shows_lines_as_the_surface_says(records: Records, clock: Clock) -> None:
    take(records, 1)
    line = claim(records)
    again = NOW + timedelta(minutes=10)
    records.outbox.conclude([Conclusion(line.delivery_id, "queued", again, status="A700", problem=PROBLEM)], NOW)
    clock.pass_by(seconds=512)
    (row,) = lines(records)
    shown = row.as_json(clock.now)
    json.dumps(shown)
    expected = {
        "id": line.delivery_id,
        "sop_instance_uid": uid_of(row.object_id),
        "to": "pacs",
        "state": "queued",
        "attempts": 1,
        "age_seconds": 512,
        "next_attempt_at": "2026-11-22T10:10:00Z",
        "last_error": f"TLM-TST-001: {PROBLEM}",
    }
    assert {name: shown[name] for name in expected} == expected


def test_the_queue_shows_what_is_open_oldest_first(records: Records) -> None:
    sent = take(records, 0)
    deliver(records)
    take(records, 1, held_for=PROBLEM)
    take(records, 2, quarantine=PROBLEM)
    take(records, 3, to=("pacs", "gone"))
    assert [(row.destination, row.state) for row in lines(records)] == [
        ("pacs", "held"),
        ("", "quarantined"),
        ("pacs", "queued"),
        ("gone", "queued"),
    ]
    assert [row.destination for row in lines(records, to="gone")] == ["gone"]
    assert [row.state for row in lines(records, states=("held", "quarantined"))] == ["held", "quarantined"]
    assert sent not in [row.object_id for row in lines(records)]


def test_the_queue_ends_with_what_is_still_being_examined(records: Records, clock: Clock) -> None:
    first, second = (records.receipts.record(arrival(number)).object_id for number in (1, 2))
    take(records, 3, held_for=PROBLEM)
    clock.pass_by(seconds=5)
    found = lines(records)
    assert [(row.object_id, row.state, row.is_being_examined) for row in found[1:]] == [
        (first, "queued", True),
        (second, "queued", True),
    ]
    assert (found[0].state, found[0].is_being_examined) == ("held", False)
    shown = found[1].as_json(clock.now)
    json.dumps(shown)
    assert shown == {
        "id": None,
        "sop_instance_uid": uid_of(1),
        "to": "",
        "state": "queued",
        "attempts": 0,
        "age_seconds": 5,
        "next_attempt_at": None,
        "last_error": None,
        "object": first,
        "patient_name": "",
        "awaits_proof_since": None,
        "being_examined": True,
    }
    assert [row.object_id for row in lines(records, states=("queued",))] == [first, second]
    assert [row.state for row in lines(records, states=("held",))] == ["held"]
    assert lines(records, to="mirror") == lines(records, to="") == []
    assert len(found) == records.desk.audit().total.queued + records.desk.audit().total.held


def test_what_is_examined_once_more_is_shown_with_its_lines(records: Records, clock: Clock) -> None:
    object_id = take(records, 1)
    clock.pass_by(days=3)
    records.receipts.record(arrival(1, provenance=Provenance("folder", "room-1"), at=clock.now))
    line, examined = lines(records)
    assert (line.object_id, line.is_being_examined) == (object_id, False)
    assert (examined.object_id, examined.facts["PatientName"]) == (object_id, "Іваненко^Іван")
    assert (line.age_seconds(clock.now), examined.age_seconds(clock.now)) == (3 * 86400, 0)


def test_a_long_queue_of_what_is_examined_is_given_whole(records: Records) -> None:
    receipts = records.receipts.record_all([arrival(number) for number in range(1203)])
    assert [row.object_id for row in lines(records)] == [receipt.object_id for receipt in receipts]


def test_the_queue_is_given_whole_however_long(records: Records) -> None:
    receipts = records.receipts.record_all([arrival(number) for number in range(1203)])
    records.ends.finish([ending(receipt.object_id) for receipt in receipts])
    assert [row.object_id for row in lines(records)] == [receipt.object_id for receipt in receipts]
    assert [row.object_id for row in records.desk.history()] == [receipt.object_id for receipt in receipts]


def test_open_lines_to_destinations_nobody_configured_are_counted(records: Records) -> None:
    take(records, 0, to=("old", "pacs"))
    take(records, 1, to=("old",), held_for=PROBLEM)
    take(records, 2, quarantine=PROBLEM)
    take(records, 3, to=("dropped",))
    records.desk.drop(None, "dropped", "doctor")
    take(records, 4, to=("done",))
    deliver(records, "done")
    assert records.desk.unconfigured(["pacs", "mirror"]) == {"old": 2}
    assert records.desk.unconfigured({"pacs", "old"}) == {}
    assert records.desk.unconfigured(()) == {"old": 2, "pacs": 1}


# Retry, hold, drop --------------------------------------------------------------------------------------------------


def test_retry_makes_waiting_and_held_lines_due(records: Records) -> None:
    ids = [take(records, number) for number in range(3)]
    for state in ("queued", "held"):
        said = Conclusion(claim(records).delivery_id, state, NOW + timedelta(hours=1), problem=PROBLEM)  # type: ignore[arg-type]
        records.outbox.conclude([said], NOW)
    assert records.desk.retry(None, None, "nurse") == 2
    got = [records.outbox.claim("pacs", name, 9, NOW, 60)[0] for name in "abc"]
    assert [(line.object_id, line.attempts) for line in got] == [(ids[0], 1), (ids[1], 1), (ids[2], 0)]
    assert actions(records) == [("nurse", "retried")] * 2


def test_retry_of_everything_leaves_alone_what_is_kept_for_a_reason(records: Records) -> None:
    take(records, 1, held_for=PROBLEM)
    (row,) = lines(records)
    assert records.desk.retry(None, None, "doctor", keeps=(PROBLEM.code,)) == 0
    assert records.desk.retry(None, "pacs", "doctor", keeps=(PROBLEM.code,)) == 0
    assert [row.state for row in lines(records)] == ["held"]
    assert records.desk.retry([row.delivery_id], None, "doctor", keeps=(PROBLEM.code,)) == 1
    assert [row.state for row in lines(records)] == ["queued"]


def test_retry_of_what_awaits_proof_is_only_by_number(records: Records) -> None:
    take(records)
    number = claim(records).delivery_id
    records.outbox.conclude([Conclusion(number, "queued", status="0000", awaits_proof=True)], NOW)
    assert records.desk.retry(None, None, "nurse") == 0
    assert records.desk.retry([number], None, "nurse") == 1
    assert claim(records).delivery_id == number


def test_a_line_that_is_being_tried_is_not_retried(records: Records) -> None:
    take(records)
    number = claim(records).delivery_id
    assert records.desk.retry([number], None, "nurse") == 0
    (row,) = lines(records)
    assert row.is_being_tried


def test_held_by_a_person_means_until_a_person_says_otherwise(records: Records) -> None:
    take(records)
    (row,) = lines(records)
    assert records.desk.hold([row.delivery_id], None, "doctor") == 1
    assert records.desk.hold([row.delivery_id], None, "doctor") == 0
    assert records.outbox.claim("pacs", "w", 9, NOW + timedelta(days=20), 60) == ()
    assert records.desk.retry(None, "pacs", "doctor") == 1
    assert claim(records).delivery_id == row.delivery_id


@pytest.mark.parametrize("ended", ["queued", "held", "awaiting"])
@pytest.mark.parametrize(("verb", "state"), [("hold", "held"), ("drop", "deleted")])
def test_a_persons_word_about_a_line_under_way_stands(records: Records, verb: str, state: str, ended: str) -> None:
    object_id = take(records)
    number = claim(records).delivery_id
    assert getattr(records.desk, verb)([number], None, "doctor") == 1
    said = Conclusion(
        number, "held" if ended == "held" else "queued", NOW, problem=PROBLEM, awaits_proof=ended == "awaiting"
    )
    records.outbox.conclude([said], NOW)
    (row,) = records.desk.objects([object_id])
    assert (row.deliveries[0].state, row.deliveries[0].attempts) == (state, 1)
    assert records.outbox.claim("pacs", "w", 9, NOW + timedelta(days=20), 60) == ()
    assert records.outbox.awaiting_proof("pacs", 9) == []


def test_a_persons_word_about_a_line_under_way_can_be_taken_back(records: Records) -> None:
    object_id = take(records)
    number = claim(records).delivery_id
    records.desk.hold([number], None, "doctor")
    assert records.desk.retry([number], None, "doctor") == 1
    said = Conclusion(number, "queued", NOW + timedelta(minutes=3), problem=PROBLEM)
    records.outbox.conclude([said], NOW)
    (row,) = records.desk.objects([object_id])
    assert (row.deliveries[0].state, row.deliveries[0].decided_by) == ("queued", "")
    assert claim(records, minutes=3).attempts == 1


def test_a_line_that_is_tried_once_more_keeps_its_time(records: Records) -> None:
    take(records)
    said = Conclusion(claim(records).delivery_id, "queued", NOW + timedelta(minutes=3), problem=PROBLEM)
    records.outbox.conclude([said], NOW)
    number = claim(records, minutes=3).delivery_id
    assert records.desk.retry([number], None, "nurse") == 0


@pytest.mark.parametrize("verb", ["hold", "drop"])
def test_a_line_under_way_that_is_delivered_was_delivered(records: Records, verb: str) -> None:
    object_id = take(records)
    number = claim(records).delivery_id
    getattr(records.desk, verb)([number], None, "doctor")
    records.outbox.conclude([Conclusion(number, "delivered", **STORED)], NOW)
    (row,) = records.desk.objects([object_id])
    assert row.deliveries[0].state == "delivered"
    noted = [event.action for event in records.events(object_id)]
    assert noted == (["held"] if verb == "hold" else ["dropped", "delivered-after-drop"])


def test_dropped_is_deleted_with_a_name(records: Records) -> None:
    object_id = take(records, to=("pacs", "mirror"))
    assert records.desk.drop(None, "mirror", "doctor") == 1
    (row,) = records.desk.objects([object_id])
    assert [(line.destination, line.state, line.decided_by) for line in row.deliveries] == [
        ("pacs", "queued", ""),
        ("mirror", "deleted", "doctor"),
    ]
    assert records.desk.drop(None, None, "doctor") == 1
    assert records.desk.audit().total.deleted == 1
    assert actions(records, object_id) == [("doctor", "dropped")] * 2


def test_dropping_what_is_quarantined_deletes_it(records: Records) -> None:
    take(records, quarantine=PROBLEM)
    (row,) = lines(records)
    assert records.desk.hold(None, None, "doctor") == 0
    assert records.desk.drop([row.delivery_id], None, "doctor") == 1
    assert records.desk.audit().total.deleted == 1


@pytest.mark.parametrize("verb", ["retry", "hold", "drop"])
def test_all_of_a_destination_leaves_the_others(records: Records, verb: str) -> None:
    for number in range(3):
        take(records, number, to=("pacs", "mirror"), held_for=PROBLEM)
    assert getattr(records.desk, verb)(None, "pacs", "doctor") == 3
    events = list(records.events())
    assert {event.destination for event in events} == {"pacs"}


@pytest.mark.parametrize("verb", ["retry", "hold", "drop"])
def test_more_lines_than_fit_into_a_statement(records: Records, verb: str) -> None:
    receipts = records.receipts.record_all([arrival(number) for number in range(1203)])
    records.ends.finish([ending(receipt.object_id, held_for=PROBLEM) for receipt in receipts])
    numbers = [row.delivery_id for row in lines(records)]
    assert getattr(records.desk, verb)(numbers[:601], None, "doctor") == 601
    rest = 0 if verb == "retry" else 602
    assert getattr(records.desk, verb)(None, None, "doctor") == (rest or 602)


@pytest.mark.parametrize("verb", ["retry", "hold", "drop"])
def test_unknown_numbers_are_named_and_nothing_is_changed(records: Records, verb: str) -> None:
    take(records)
    (row,) = lines(records)
    with pytest.raises(NoSuchThing, match="77, 78") as caught:
        getattr(records.desk, verb)([78, row.delivery_id, 77], None, "doctor")
    assert caught.value.code == "TLM-SQL-020"
    assert lines(records) == [row]
    with pytest.raises(NoSuchThing):
        getattr(records.desk, verb)([row.delivery_id], "mirror", "doctor")
    with pytest.raises(ValueError, match="who"):
        getattr(records.desk, verb)([row.delivery_id], None, "")


@pytest.mark.parametrize("number", [0, -1, 1 << 63, 10**40])
def test_numbers_no_row_can_have_are_unknown(records: Records, number: int) -> None:
    for verb in (records.desk.retry, records.desk.hold, records.desk.drop):
        with pytest.raises(NoSuchThing):
            verb([number], None, "doctor")
    with pytest.raises(NoSuchThing):
        records.desk.resend([number], ["pacs"], "doctor")
    assert records.desk.objects([number]) == []


@pytest.mark.parametrize("verb", ["retry", "hold", "drop"])
def test_what_is_concluded_cannot_be_changed(records: Records, verb: str) -> None:
    take(records)
    (row,) = lines(records)
    deliver(records)
    with pytest.raises(NoSuchThing) as caught:
        getattr(records.desk, verb)([row.delivery_id], None, "doctor")
    assert caught.value.code == "TLM-SQL-021"


# Resend -------------------------------------------------------------------------------------------------------------


def test_a_delivered_object_is_sent_once_more_and_its_history_stays(records: Records, clock: Clock) -> None:
    object_id = take(records)
    deliver(records)
    clock.pass_by(hours=1)
    assert records.desk.resend([object_id], None, "nurse") == 1
    (row,) = lines(records)
    assert (row.state, row.attempts, row.queued_at) == ("queued", 0, clock.now)
    (shown,) = records.desk.objects([object_id])
    (earlier,) = shown.earlier
    assert earlier == {
        "id": row.delivery_id,
        "to": "pacs",
        "state": "delivered",
        "attempts": 1,
        "status": "0000",
        "proof": "response",
        "at": "2026-11-22T10:00:00Z",
        "decided_by": "",
    }
    assert claim(records).delta == b"\x01" + bytes(range(60))
    assert actions(records, object_id) == [("nurse", "resent")]


def test_an_object_is_sent_somewhere_else(records: Records) -> None:
    object_id = take(records)
    deliver(records)
    assert records.desk.resend([object_id], ["mirror", "third"], "nurse") == 2
    line = claim(records, "mirror")
    assert (line.object_id, line.delta) == (object_id, b"\x01" + bytes(range(60)))
    assert [row.destination for row in lines(records)] == ["mirror", "third"]
    report = records.desk.audit()
    assert [(row.destination, row.taken) for row in report.destinations] == [("mirror", 1), ("pacs", 1), ("third", 1)]


def test_an_object_that_was_only_kept_is_sent_as_it_is_stored(records: Records) -> None:
    object_id = records.receipts.record(arrival(1)).object_id
    records.ends.finish([replace(ending(object_id, destinations=()), editions=())])
    assert records.desk.resend([object_id], ["pacs", "mirror"], "nurse") == 2
    line = claim(records)
    assert (line.delta, line.sop_instance_uid, line.sop_class_uid) == (b"", uid_of(object_id), arrival(1).sop_class_uid)


def test_without_a_destination_dropped_lines_are_left_out_unless_there_are_no_others(records: Records) -> None:
    object_id = take(records, to=("pacs", "mirror"))
    records.desk.drop(None, "mirror", "doctor")
    deliver(records)
    assert records.desk.resend([object_id], None, "nurse") == 1
    assert [row.destination for row in lines(records)] == ["pacs"]
    records.desk.drop(None, None, "doctor")
    assert records.desk.resend([object_id], None, "nurse") == 2


def test_resending_what_is_still_open_makes_it_due(records: Records) -> None:
    object_id = take(records)
    said = Conclusion(claim(records).delivery_id, "queued", NOW + timedelta(hours=1), problem=PROBLEM)
    records.outbox.conclude([said], NOW)
    assert records.desk.resend([object_id], ["pacs"], "nurse") == 1
    assert claim(records).attempts == 1
    assert records.desk.resend([object_id], ["pacs"], "nurse") == 0  # it is being tried
    (shown,) = records.desk.objects([object_id])
    assert shown.earlier == ()


def test_what_cannot_be_resent_is_said_and_nothing_is_changed(records: Records) -> None:
    sent, kept, locked_up = take(records, 1), take(records, 2, to=()), take(records, 3, quarantine=PROBLEM)
    deliver(records)
    waiting = records.receipts.record(arrival(4)).object_id
    for ids, to, code in (
        ([sent, 999], None, "TLM-SQL-022"),
        ([sent, waiting], ["pacs"], "TLM-SQL-023"),
        ([sent, locked_up], ["pacs"], "TLM-SQL-023"),
        ([sent, kept], None, "TLM-SQL-024"),
    ):
        with pytest.raises(NoSuchThing) as caught:
            records.desk.resend(ids, to, "nurse")
        assert caught.value.code == code
    assert [row.state for row in lines(records) if not row.is_being_examined] == ["quarantined"]
    with pytest.raises(ValueError, match="who"):
        records.desk.resend([sent], None, "")


def test_the_original_takes_back_what_was_changed(records: Records, clock: Clock) -> None:
    object_id = take(records, to=("pacs", "mirror"))
    deliver(records)
    clock.pass_by(hours=1)
    assert records.desk.resend([object_id], ["pacs"], "doctor", original=True) == 1
    line = claim(records)
    assert (line.delta, line.sop_instance_uid, line.sop_class_uid) == (b"", uid_of(object_id), arrival(1).sop_class_uid)
    records.outbox.conclude([Conclusion(line.delivery_id, "delivered", **STORED)], NOW)
    (row,) = records.desk.objects([object_id])
    assert [(one.destination, one.is_original) for one in row.deliveries] == [("pacs", True), ("mirror", False)]
    assert [one.as_json().get("original") for one in row.deliveries] == [True, None]
    assert row.changes  # what was changed stays in the history
    assert claim(records, "mirror").delta
    assert [(one.action, one.details["original"]) for one in records.events(object_id)] == [("resent", True)]
    assert records.desk.audit().holds


def test_the_original_goes_where_nothing_went_and_is_one_edition_for_all(records: Records) -> None:
    object_id = take(records)
    deliver(records)
    for _ in range(2):
        assert records.desk.resend([object_id], ["pacs", "mirror"], "doctor", original=True) == 2
    assert records.desk.resend([object_id], ["third"], "doctor") == 1
    assert [claim(records, to).delta for to in ("pacs", "mirror")] == [b"", b""]
    assert claim(records, "third").delta == b"\x01" + bytes(range(60))
    assert records.desk.audit().holds


def test_an_object_without_changes_is_its_own_original(records: Records) -> None:
    object_id = records.receipts.record(arrival(1)).object_id
    records.ends.finish([replace(ending(object_id, destinations=()), editions=())])
    assert records.desk.resend([object_id], ["pacs"], "doctor", original=True) == 1
    assert claim(records).delta == b""
    (row,) = records.desk.objects([object_id])
    assert not row.deliveries[0].is_original  # nothing was changed that it could lack


def test_a_line_that_is_being_tried_goes_out_as_it_is(records: Records) -> None:
    object_id = take(records)
    line = claim(records)
    assert records.desk.resend([object_id], None, "doctor", original=True) == 0
    records.outbox.give_back([line.delivery_id], "w")
    assert claim(records).delta == line.delta
    assert actions(records, object_id) == []


# Held for a folder's sake -------------------------------------------------------------------------------------------


def test_lines_held_for_one_folder_are_released_together(records: Records) -> None:
    shadow = Fault("TLM-TST-014", "Held for {watch}.", "Wait.")
    for number, (fault, watch) in enumerate(((shadow, "a"), (shadow, "b"), (PROBLEM.fault, "a"), (shadow, "a"))):
        take(records, number, held_for=Problem(fault, {"watch": watch, "what": "", "name": ""}))
    by_person = lines(records)[3].delivery_id
    records.desk.hold([by_person], None, "doctor")
    assert records.desk.release("a", "TLM-TST-014", "nurse") == 1
    assert records.desk.release("a", "TLM-TST-014", "nurse") == 0
    assert [row.state for row in lines(records)] == ["queued", "held", "held", "held"]
    assert claim(records).object_id == 1
    assert actions(records, 1) == [("nurse", "retried")]
    with pytest.raises(ValueError, match="who"):
        records.desk.release("b", "TLM-TST-014", "")


def test_many_lines_are_released(records: Records) -> None:
    held = Problem(PROBLEM.fault, {"watch": "a"})
    receipts = records.receipts.record_all([arrival(number) for number in range(1203)])
    records.ends.finish([ending(one.object_id, held_for=held) for one in receipts])
    assert records.desk.release("a", PROBLEM.code, "nurse") == 1203


# Ages ---------------------------------------------------------------------------------------------------------------


def test_the_ages_of_what_waits(records: Records, clock: Clock) -> None:
    assert records.desk.ages(clock.now) == []
    take(records, 1, to=("pacs", "mirror"))
    clock.pass_by(hours=23)
    take(records, 2)
    take(records, 3, held_for=PROBLEM)
    take(records, 4, quarantine=PROBLEM)
    deliver(records, "mirror")
    take(records, 5, to=("mirror",), held_for=PROBLEM)
    clock.pass_by(hours=1, seconds=1)
    take(records, 6)
    assert records.desk.ages(clock.now) == [
        AgeRow("", 0, 0, 1, 0.0, 0, 0),
        AgeRow("mirror", 0, 1, 0, 0.0, 0, 0),
        AgeRow("pacs", 3, 1, 0, 86401.0, 2, 1),
    ]
    before = records.desk.ages(NOW - timedelta(hours=1))  # the clock was set back
    assert [row.oldest_seconds for row in before] == [0.0, 0.0, 0.0]


def test_which_destinations_are_known(records: Records) -> None:
    take(records, to=("pacs",))
    deliver(records)
    records.outbox.note_destination("away", PROBLEM, None)
    assert [records.desk.knows(name) for name in ("pacs", "away", "other", "\0", "\udcff")] == [
        True,
        True,
        *[False] * 3,
    ]


# History ------------------------------------------------------------------------------------------------------------


def test_the_place_of_an_export_is_shown(records: Records) -> None:
    object_id = records.receipts.record(arrival(1, provenance=Provenance("folder", "room-1"))).object_id
    records.ends.finish([ending(object_id, destinations=("pacs", "other export", "room-1 export"))])
    (row,) = records.desk.objects([object_id])
    assert row.as_json()["export"] is None
    for to, place in (("pacs", ""), ("other export", "/x/1.dcm"), ("room-1 export", "/r/1.dcm")):
        said = Conclusion(claim(records, to).delivery_id, "delivered", status="written", proof="response", place=place)
        records.outbox.conclude([said], NOW)
    (row,) = records.desk.objects([object_id])
    assert row.as_json()["export"] == "/r/1.dcm"
    assert [line.as_json().get("place") for line in row.deliveries] == [None, "/x/1.dcm", "/r/1.dcm"]
    records.desk.resend([object_id], ["room-1 export"], "nurse")
    (row,) = records.desk.objects([object_id])
    assert row.export == "/r/1.dcm"  # it lies there still
    number = claim(records, "room-1 export").delivery_id
    records.outbox.conclude([Conclusion(number, "delivered", proof="response", place="/r/2\udcff.dcm")], NOW)
    (row,) = records.desk.objects([object_id])
    assert row.export.startswith("/r/2\N{REPLACEMENT CHARACTER}")


def test_the_evidence_of_the_text_is_shown(records: Records) -> None:
    evidence = Phrase("letters of {language}", {"language": Phrase("Ukrainian")})
    object_id = records.receipts.record(arrival(1)).object_id
    records.ends.finish([replace(ending(object_id), detected=Detected("cp1251", 0.99871, evidence))])
    take(records, 2)
    row, plain = records.desk.history()
    assert row.detected == Detected("cp1251", 0.99871, evidence)
    assert row.as_json()["detected"] == {
        "code_page": "cp1251",
        "confidence": 0.9987,
        "evidence": "letters of Ukrainian",
    }
    assert (plain.detected, plain.as_json()["detected"]) == (None, None)


def test_the_history_of_a_watched_folder(records: Records) -> None:
    sources = (Provenance("folder", "room-1"), Provenance("folder", "room-2"), Provenance("dimse", "room-1", "A", "b"))
    ids = [records.receipts.record(arrival(number, provenance=one)).object_id for number, one in enumerate(sources)]
    assert [row.object_id for row in records.desk.history(watch="room-1")] == ids[:1]
    assert [row.object_id for row in records.desk.history(watch="room-2", since=NOW)] == ids[1:2]
    assert list(records.desk.history(watch="room")) == []
    records.ends.finish([ending(ids[0])])
    for provenance in (Provenance("folder", "room-2"), Provenance("dimse", "room-1", "CT1", "10.0.0.7")):
        records.receipts.record(arrival(0, provenance=provenance))
        list(records.journeys.pending(9))
        records.ends.finish([ending(ids[0])])
    assert [row.object_id for row in records.desk.history(watch="room-1")] == ids[:1]
    assert [row.object_id for row in records.desk.history(watch="room-2", since=NOW)] == ids[:2]
    assert [row.object_id for row in records.desk.history(watch="room_1")] == []


def test_the_history_shows_objects_as_the_surface_says(records: Records) -> None:
    object_id = records.receipts.record(arrival(1, provenance=Provenance("folder", "room-1"))).object_id
    records.ends.finish([ending(object_id)])
    (row,) = lines(records)
    deliver(records)
    (shown,) = (row.as_json() for row in records.desk.history())
    json.dumps(shown)
    expected = {
        "id": object_id,
        "sop_instance_uid": uid_of(object_id),
        "patient_name": "Іваненко^Іван",
        "patient_id": "A-17",
        "verdict": "repairable",
        "changes": [
            {
                "path": "00100010",
                "keyword": "PatientName",
                "vr": "PN",
                "before": "Èâàíåíêî",
                "after": "Іваненко",
                "reason": "character-set",
            }
        ],
        "export": None,
        "deliveries": [
            {
                "id": row.delivery_id,
                "to": "pacs",
                "state": "delivered",
                "attempts": 1,
                "status": "0000",
                "proof": "response",
                "at": "2026-11-22T10:00:00Z",
            }
        ],
    }
    assert {name: shown[name] for name in expected} == expected
    received = shown["received"]
    assert isinstance(received, dict)
    assert (received["at"], received["source"]) == ("2026-11-22T10:00:00Z", "room-1")


def test_who_brought_an_object_first_and_who_brings_it_again_each_have_their_moment(
    records: Records, clock: Clock
) -> None:
    object_id = records.receipts.record(arrival(1)).object_id
    records.ends.finish([ending(object_id)])
    first = {"at": "2026-11-22T10:00:00Z", "source": "ct-1", "entrance": "dimse"}
    (shown,) = (row.as_json() for row in records.desk.history())
    assert (shown["received"], "again" in shown) == (first, False)
    for hours, name in ((2, "usb"), (1, "ct-9")):
        came = Provenance("folder" if name == "usb" else "dimse", name, "", "")
        records.receipts.record(arrival(1, provenance=came, at=clock.pass_by(minutes=60 * hours)))
        records.ends.finish([ending(object_id)])
    (row,) = records.desk.history()
    assert row.as_json()["received"] == first
    assert row.as_json()["again"] == {"at": "2026-11-22T13:00:00Z", "source": "ct-9", "entrance": "dimse"}
    assert (row.first_source, row.source, row.again_at) == ("ct-1", "ct-9", clock.now)


def test_what_was_found_on_the_disk_is_of_whoever_brings_it_then(records: Records, clock: Clock) -> None:
    object_id = records.receipts.record(arrival(1, provenance=Provenance("found", "", "CT1", ""))).object_id
    records.ends.finish([ending(object_id)])
    records.receipts.record(arrival(1, at=clock.pass_by(minutes=60)))
    records.ends.finish([ending(object_id)])
    (shown,) = (row.as_json() for row in records.desk.history())
    assert shown["received"] == {"at": "2026-11-22T10:00:00Z", "source": "ct-1", "entrance": "dimse"}
    assert "again" not in shown


def test_an_object_on_its_journey_is_in_the_history(records: Records) -> None:
    records.receipts.record(arrival(1))
    (row,) = records.desk.history()
    assert (row.verdict, row.deliveries, row.as_json()["verdict"]) == ("", (), None)


def test_the_history_since_a_moment(records: Records) -> None:
    times = [NOW, NOW + timedelta(hours=2), NOW + timedelta(hours=1), NOW + timedelta(hours=3)]
    ids = [records.receipts.record(arrival(number, at=at)).object_id for number, at in enumerate(times)]
    assert [row.object_id for row in records.desk.history(since=times[1])] == [ids[1], ids[3]]
    assert [row.object_id for row in records.desk.history(since=times[3])] == [ids[3]]
    assert list(records.desk.history(since=NOW + timedelta(hours=4))) == []


@pytest.mark.parametrize(
    ("looked_for", "found"),
    [
        ("щербаков", [0]),
        ("ЩЕРБАК", [0]),
        ("Shcherbakov", [0]),
        ("іваненко іван", [1]),
        ("Иваненко", [1]),
        ("ivanenko", [1]),
        ("müller", [2]),
        ("MÜLLER", [2]),
        ("a-17", [0, 1, 2, 3, 4, 5, 6]),
        ("100%", []),
        ("_", []),
        ("петренко", []),
        ("Шевченко", [3, 4, 5, 6]),
        ("ШЕВЧЕНКО", [3, 4, 5, 6]),
        ("Shevchenko", [3, 4, 5, 6]),
        ("shevchenko taras", [3, 4, 5, 6]),
        ("Тарас Шевченко", [3, 4, 5, 6]),
        ("Schewtschenko", [3, 4, 5, 6]),
        ("Szewczenko", [3, 4, 5, 6]),
        ("Shev", [3, 4, 5, 6]),
        ("Shcherb", [0]),
        ("Ivanenk", [1]),
        ("erbakov", []),
    ],
)
def test_the_history_of_a_patient_in_any_case_and_script(records: Records, looked_for: str, found: list[int]) -> None:
    names = ("ЩЕРБАКОВ^ИВАН", "Іваненко^Іван", "Müller^Jürgen", "ШЕВЧЕНКО^ТАРАС", "Shevchenko^Taras")
    names += ("Шевченко^Тарас^Григорович", "SHEVCHENKO TARAS")
    ids = [take(records, number, name=name) for number, name in enumerate(names)]
    assert [row.object_id for row in records.desk.history(patient=looked_for)] == [ids[at] for at in found]


# Audit --------------------------------------------------------------------------------------------------------------


def test_the_audit_counts_lines_by_destination_and_objects_in_all(records: Records) -> None:
    take(records, 0, to=("pacs", "mirror"))
    deliver(records)
    take(records, 1, held_for=PROBLEM)
    take(records, 2, quarantine=PROBLEM)
    take(records, 3, to=())
    records.receipts.record(arrival(4))
    take(records, 5, to=("other",))
    records.desk.drop(None, "other", "doctor")
    report = records.desk.audit()
    assert report.total.as_json() == {
        "taken": 6,
        "delivered": 1,
        "queued": 2,
        "held": 1,
        "quarantined": 1,
        "deleted": 1,
        "holds": True,
    }
    assert [(row.destination, row.taken) for row in report.destinations] == [
        ("", 1),
        ("mirror", 1),
        ("other", 1),
        ("pacs", 2),
    ]
    pacs = report.destinations[3]
    assert (pacs.delivered, pacs.held, pacs.queued, pacs.as_json()["to"]) == (1, 1, 0, "pacs")


def test_an_empty_audit_holds(records: Records) -> None:
    report = records.desk.audit()
    assert (report.holds, report.total.taken, report.destinations) == (True, 0, [])
