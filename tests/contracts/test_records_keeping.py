"""What else the records keep: stored files, commitment transactions, devices, unknown peers, copies of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.records_factories import FACTORIES, Clock, again, opened
from tests.contracts.records_values import NOW, PROBLEM, arrival, ending, sha256_of, uid_of
from tolmach.adapters.sql import Records, open_records
from tolmach.base import Phrase
from tolmach.delivery.interfaces import Conclusion
from tolmach.intake.faults import FILE_MISSING, FILE_ROTTEN
from tolmach.intake.interfaces import KnownObject
from tolmach.text.detect import Detection


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=FACTORIES)
def records(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Records]:
    yield from opened(request.param, tmp_path / "data", clock)


def take(records: Records, number: int, **what: object) -> int:
    object_id = records.receipts.record(arrival(number)).object_id
    records.ends.finish([ending(object_id, **what)])  # type: ignore[arg-type]
    return object_id


# Stored files -------------------------------------------------------------------------------------------------------


def test_every_stored_file_is_given_once_in_order(records: Records) -> None:
    records.receipts.record_all([arrival(number) for number in range(1203)])
    records.receipts.record(replace(arrival(5), sop_instance_uid="1.2.3"))
    found = list(records.stored.stored_objects())
    assert found == [KnownObject(sha256, 524_289) for sha256 in sorted(sha256_of(number) for number in range(1203))]
    assert list(records.stored.stored_objects(found[700].sha256)) == found[701:]


def test_what_is_known_is_told_from_what_is_not(records: Records) -> None:
    records.receipts.record(arrival(1))
    assert records.stored.known([sha256_of(number) for number in range(1000)]) == {sha256_of(1)}
    assert records.stored.known([]) == set()


@pytest.mark.parametrize(("flag", "fault"), [("flag_missing", FILE_MISSING), ("flag_rotten", FILE_ROTTEN)])
def test_lines_of_lost_bytes_are_held_and_go_on_when_the_bytes_come_back(
    records: Records, clock: Clock, flag: str, fault: object
) -> None:
    take(records, 1)
    take(records, 2)
    for _ in range(2):
        getattr(records.stored, flag)([sha256_of(1), sha256_of(99)])
    held, queued = records.desk.queue()
    assert (held.state, held.problem and held.problem.fault, queued.state) == ("held", fault, "queued")
    report = records.desk.audit()
    assert not report.holds
    (finding,) = report.findings
    assert sha256_of(1) in str(finding)
    assert [event.action for event in records.events(held.object_id)] == [flag.replace("flag_", "flagged-")]

    records.receipts.record(arrival(1))
    (again, _) = records.desk.queue()
    assert (again.state, again.next_attempt_at) == ("queued", None)
    assert records.desk.audit().holds


def test_held_for_lost_bytes_is_tried_again_by_itself(records: Records, clock: Clock) -> None:
    take(records, 1)
    records.stored.flag_missing([sha256_of(1)])
    assert records.outbox.claim("pacs", "w", 9, clock.now, 60) == ()
    assert len(records.outbox.claim("pacs", "w", 9, clock.pass_by(minutes=11), 60)) == 1
    records.stored.unflag([sha256_of(1)])


def test_a_delivered_object_whose_bytes_are_lost_was_delivered(records: Records) -> None:
    take(records, 1)
    (line,) = records.outbox.claim("pacs", "w", 9, NOW, 60)
    records.outbox.conclude([Conclusion(line.delivery_id, "delivered", status="0000", proof="response")], NOW)
    records.stored.flag_rotten([sha256_of(1)])
    assert records.desk.audit().holds
    (row,) = records.desk.history()
    assert row.flaw == "rotten"


def test_what_a_person_holds_stays_held_whatever_becomes_of_the_bytes(records: Records) -> None:
    take(records, 1)
    records.desk.hold(None, None, "doctor")
    records.stored.flag_missing([sha256_of(1)])
    records.stored.unflag([sha256_of(1)])
    (row,) = records.desk.queue()
    assert (row.state, row.next_attempt_at, row.decided_by) == ("held", None, "doctor")


# Storage Commitment -------------------------------------------------------------------------------------------------


def ask(records: Records, count: int, uid: str = "1.9.1") -> list[int]:
    """Send some objects and ask for commitment; gives the numbers of their lines."""
    for number in range(count):
        take(records, number, study="A")
    claimed = records.outbox.claim("pacs", "w", count, NOW, 60)
    said = [Conclusion(line.delivery_id, "queued", status="0000", awaits_proof=True) for line in claimed]
    records.outbox.conclude(said, NOW)
    numbers = [line.delivery_id for line in claimed]
    records.commitments.begin(uid, "pacs", numbers, NOW + timedelta(seconds=1))
    return numbers


def test_an_answer_says_what_is_proved_and_what_is_not(records: Records) -> None:
    numbers = ask(records, 3)
    (asked,) = records.commitments.waiting("pacs")
    assert (asked.transaction_uid, asked.delivery_ids) == ("1.9.1", tuple(numbers))
    assert records.commitments.waiting("mirror") == ()
    answer = records.commitments.answer("1.9.1", {uid_of(1), "9.9"}, {uid_of(2): 0x0112}, NOW)
    assert answer is not None
    assert answer.destination == "pacs"
    assert [line.delivery_id for line in answer.proved] == numbers[:1]
    assert [(line.delivery_id, reason) for line, reason in answer.refused] == [(numbers[1], 0x0112)]
    assert [line.delivery_id for line in answer.unmentioned] == numbers[2:]
    assert records.commitments.waiting("pacs") == ()


def test_an_answer_may_come_twice(records: Records) -> None:
    numbers = ask(records, 2)
    first = records.commitments.answer("1.9.1", {uid_of(1), uid_of(2)}, {}, NOW)
    assert records.commitments.answer("1.9.1", {uid_of(1), uid_of(2)}, {}, NOW) == first
    done = [Conclusion(number, "delivered", attempted=False, proof="commitment") for number in numbers]
    records.outbox.conclude(done, NOW)
    again = records.commitments.answer("1.9.1", {uid_of(1), uid_of(2)}, {}, NOW)
    assert again is not None
    assert again.proved == ()


def test_an_answer_does_not_refuse_what_was_sent_again_since(records: Records) -> None:
    (number,) = ask(records, 1)
    records.desk.retry([number], None, "nurse")
    refused = records.commitments.answer("1.9.1", (), {uid_of(1): 0x0112}, NOW)
    assert refused is not None
    assert (refused.refused, refused.unmentioned) == ((), ())
    stored = records.commitments.answer("1.9.1", {uid_of(1)}, {}, NOW)
    assert stored is not None
    assert [line.delivery_id for line in stored.proved] == [number]


def test_an_answer_to_a_question_nobody_asked_is_none(records: Records) -> None:
    assert records.commitments.answer("1.2.3", {"1"}, {}, NOW) is None


def test_a_transaction_has_a_uid_of_its_own(records: Records) -> None:
    ask(records, 1)
    with pytest.raises(ValueError, match=r"1\.9\.1"):
        records.commitments.begin("1.9.1", "pacs", [], NOW)


def test_questions_without_an_answer_are_given_up_and_a_late_answer_counts(records: Records) -> None:
    numbers = ask(records, 1)
    assert records.commitments.expire(NOW) == 0
    assert records.commitments.expire(NOW + timedelta(minutes=1)) == 1
    assert records.commitments.expire(NOW + timedelta(minutes=1)) == 0
    assert records.commitments.waiting("pacs") == ()
    late = records.commitments.answer("1.9.1", {uid_of(1)}, {}, NOW)
    assert late is not None
    assert [line.delivery_id for line in late.proved] == numbers
    records.commitments.expire(NOW + timedelta(days=32))
    assert records.commitments.answer("1.9.1", {uid_of(1)}, {}, NOW) is None


# Devices ------------------------------------------------------------------------------------------------------------


def sure(page: str) -> Detection:
    return Detection(page, "cyrillic", 0.999, Phrase("as it looks"))


def test_what_was_learned_is_kept(records: Records) -> None:
    memory = records.devices.load()
    assert memory.devices == {}
    for _ in range(3):
        memory.learn("X/Y/Z", sure("cp1251"))
        records.devices.save(memory)
    memory.learn("X/Y/Z", sure("koi8-r"))
    memory.pin("other", "cp866")
    records.devices.save(memory)
    records.devices.save(memory)
    kept = records.devices.load()
    assert kept.devices["X/Y/Z"].counts == {"cp1251": 3, "koi8-r": 1}
    assert kept.devices["other"].pinned == "cp866"


def test_two_programs_learn_into_one_memory(records: Records, tmp_path: Path, clock: Clock) -> None:
    mine = records.devices.load()
    mine.learn("X", sure("cp1251"))
    records.devices.save(mine)
    with again(records, tmp_path / "data", clock) as elsewhere:
        theirs = elsewhere.devices.load()
        for _ in range(2):
            theirs.learn("X", sure("cp1251"))
        mine.learn("X", sure("koi8-u"))
        records.devices.save(mine)
        elsewhere.devices.save(theirs)
    assert records.devices.load().devices["X"].counts == {"cp1251": 3, "koi8-u": 1}


def test_what_a_person_pins_or_resets_elsewhere_reaches_a_memory_in_use(
    records: Records, tmp_path: Path, clock: Clock
) -> None:
    memory = records.devices.load()
    for key in ("X", "Y"):
        memory.learn(key, sure("cp1251"))
    records.devices.save(memory)
    with again(records, tmp_path / "data", clock) as elsewhere:
        elsewhere.devices.pin("X", "cp866")
        elsewhere.devices.pin("new", "koi8-r")
        assert elsewhere.devices.reset("Y")
        assert not elsewhere.devices.reset("nobody")
    memory.learn("Y", sure("cp1251"))
    records.devices.save(memory)
    assert memory.weights("X") == {"cp866": 1000.0}
    assert memory.weights("new") == {"koi8-r": 1000.0}
    assert "Y" not in memory.devices
    memory.learn("Y", sure("koi8-u"))
    records.devices.save(memory)
    assert records.devices.load().devices["Y"].counts == {"koi8-u": 1}


# Unknown peers ------------------------------------------------------------------------------------------------------


def test_who_was_turned_away_is_remembered(records: Records, clock: Clock) -> None:
    records.unknown_peers.note("CT9", "10.0.0.9")
    clock.pass_by(minutes=1)
    records.unknown_peers.note("MR1", "10.0.0.9")
    clock.pass_by(minutes=1)
    records.unknown_peers.note("CT9", "10.0.0.9")
    first, second = records.unknown_peers.list()
    assert (first.ae_title, first.host, first.times) == ("CT9", "10.0.0.9", 2)
    assert (first.first_seen_at, first.last_seen_at) == (NOW, NOW + timedelta(minutes=2))
    assert (second.ae_title, second.times) == ("MR1", 1)
    records.unknown_peers.forget("CT9", "10.0.0.9")
    assert [peer.ae_title for peer in records.unknown_peers.list()] == ["MR1"]


@pytest.mark.slow
def test_a_flood_of_strangers_is_bounded(records: Records, clock: Clock) -> None:
    for number in range(1010):
        clock.pass_by(seconds=1)
        records.unknown_peers.note(f"AE{number}", "10.0.0.9")
    known = records.unknown_peers.list()
    assert len(known) == 1000
    assert (known[0].ae_title, known[-1].ae_title) == ("AE1009", "AE10")


# Copies and other processes -----------------------------------------------------------------------------------------


def test_a_copy_made_at_work_is_a_database_like_any(records: Records, tmp_path: Path) -> None:
    take(records, 1)
    take(records, 2, quarantine=PROBLEM)
    restored = tmp_path / "restored"
    restored.mkdir()
    records.online_backup(restored / "tolmach.sqlite")
    take(records, 3)
    records.online_backup(tmp_path / "second.sqlite")
    with open_records(restored, create=False) as copy:
        assert copy.desk.audit().total.taken == 2
        assert copy.desk.audit().holds
        assert list(copy.desk.history()) == list(records.desk.history())[:2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"] * (not records.is_shared) + [
        "restored",
        "second.sqlite",
    ]


def test_a_change_by_another_process_is_noticed_and_our_own_is_not(
    records: Records, tmp_path: Path, clock: Clock
) -> None:
    assert not records.changed_elsewhere()
    take(records, 1)
    assert not records.changed_elsewhere()
    with again(records, tmp_path / "data", clock) as elsewhere:
        elsewhere.desk.hold(None, None, "doctor")
    assert records.changed_elsewhere()
    assert not records.changed_elsewhere()
