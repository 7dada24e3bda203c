"""What only an index with a memory has: versions, people who share an ID, deletion and its end, objects from before.

Rows F-16, F-17 and F-18 of the reliability plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.archive_double import NOW, ROOT, ArchiveDouble, entry, held_for
from tests.builders import EXPLICIT_LE
from tests.contracts.records_factories import FACTORIES, Clock, opened
from tests.contracts.records_values import FROM_CT, PROBLEM
from tolmach.adapters.sql import NoSuchThing, Records
from tolmach.archive.faults import Unanswerable
from tolmach.archive.interfaces import LEVELS, Entry
from tolmach.archive.questions import question
from tolmach.archive.retention import RetentionRefused
from tolmach.base import Problem
from tolmach.delivery.interfaces import Conclusion, Edition, Ending, NewDelivery
from tolmach.intake.faults import RecordsTrouble
from tolmach.intake.interfaces import Arrival, Provenance

STUDY = f"{ROOT}.1"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=FACTORIES)
def records(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Records]:
    yield from opened(request.param, tmp_path, clock)


def arrive(
    records: Records,
    one: Entry,
    version: int = 1,
    *,
    at: datetime = NOW,
    by: Provenance = FROM_CT,
    to: tuple[str, ...] = (),
    quarantine: Problem | None = None,
    ends: bool = True,
) -> int:
    """Let an instance arrive and its journey end; give the number of the object."""
    held = held_for(one)
    sha256 = hashlib.sha256(f"{held.sop_instance_uid}/{version}".encode()).hexdigest()
    uids = (held.sop_class_uid, held.sop_instance_uid, EXPLICIT_LE)
    number = records.receipts.record(Arrival(sha256, 1000 + version, 344, *uids, by, at)).object_id
    if ends:
        edition = Edition(b"\x01" * version, held.sop_class_uid, held.sop_instance_uid)
        lines = [NewDelivery(name, 0) for name in to]
        above = (held.study_instance_uid, held.series_instance_uid)
        end = Ending(number, *uids, *above, editions=[edition], deliveries=lines, quarantine=quarantine, entry=one)
        records.ends.finish([end])
    return number


def seen(records: Records, **asked: str) -> list[dict[str, Any]]:
    wanted = ["StudyInstanceUID", "StudyDescription", "PatientName", "NumberOfStudyRelatedInstances"]
    return [dict(one.values) for one in records.index.find(question("study", asked, wanted))[0]]


def given_back(records: Records, study: str = STUDY) -> list[int]:
    return [one.object_id for one in records.index.held(studies=[study])]


def actions(records: Records) -> list[str]:
    return [event.action for event in records.events()]


# Versions -----------------------------------------------------------------------------------------------------------


def test_the_same_bytes_again_are_one_instance(records: Records) -> None:
    """F-16."""
    numbers = {arrive(records, entry()) for _ in range(3)}
    assert len(numbers) == 1
    assert given_back(records) == list(numbers)
    assert list(records.index.conflicts()) == []


def test_of_two_versions_the_newest_is_found(records: Records) -> None:
    """F-17."""
    first = arrive(records, entry(StudyDescription="old"))
    second = arrive(records, entry(StudyDescription="new"), 2, at=NOW + timedelta(seconds=1))
    assert given_back(records) == [second]
    (held,) = records.index.held(studies=[STUDY])
    assert held.delta == b"\x01\x01"
    assert seen(records) == [
        {
            "StudyInstanceUID": (STUDY,),
            "StudyDescription": ("new",),
            "PatientName": ("Іваненко^Іван",),
            "NumberOfStudyRelatedInstances": ("1",),
        }
    ]
    (event,) = [one for one in records.events() if one.action == "version-shown"]
    assert (event.object_id, event.details["before"]) == (second, first)


def test_an_older_version_that_comes_late_is_not_shown(records: Records) -> None:
    second = arrive(records, entry(StudyDescription="new"), 2, at=NOW)
    arrive(records, entry(StudyDescription="old"), at=NOW - timedelta(days=1))
    assert given_back(records) == [second]
    assert "version-shown" not in actions(records)


def test_the_first_version_stays_where_that_is_wanted(tmp_path: Path, clock: Clock) -> None:
    from tolmach.adapters.sql import open_records

    with open_records(tmp_path, clock=clock, versions="first") as records:
        first = arrive(records, entry(StudyDescription="old"))
        arrive(records, entry(StudyDescription="new"), 2, at=NOW + timedelta(seconds=1))
        assert given_back(records) == [first]
        assert seen(records)[0]["StudyDescription"] == ("old",)


def test_an_instance_that_moves_is_found_where_it_is_now_and_flagged(records: Records) -> None:
    """F-17: the same UID in another series or patient."""
    arrive(records, entry(1, 1, 1))
    moved = replace(entry(2, 1, 1), instance=entry(1, 1, 1).instance)
    number = arrive(records, moved, 2, at=NOW + timedelta(seconds=1))
    assert given_back(records) == []
    assert given_back(records, f"{ROOT}.2") == [number]
    assert [one["StudyInstanceUID"] for one in seen(records)] == [(f"{ROOT}.2",)]
    assert [one.kind for one in records.index.conflicts()] == ["sop-instance-uid"]
    assert "archive-conflict" in actions(records)


def test_what_waits_in_quarantine_is_not_found_until_it_is_released(records: Records) -> None:
    number = arrive(records, entry(), quarantine=PROBLEM)
    assert seen(records) == []
    records.desk.retry(None, None, "nurse")
    assert [one.object_id for one in records.journeys.pending(9)] == [number]
    one, held = entry(), held_for(entry())
    uids = (held.sop_class_uid, held.sop_instance_uid, EXPLICIT_LE)
    records.ends.finish([Ending(number, *uids, editions=[Edition(b"", *uids[:2])], entry=one)])
    assert given_back(records) == [number]


def test_another_journey_of_an_object_tells_it_anew(records: Records) -> None:
    number = arrive(records, entry(PatientName="????", StudyDescription="?"))
    other = Provenance("dimse", "ct-2", "CT2", "10.0.0.8")
    assert arrive(records, entry(PatientName="Петренко^Ольга", StudyDescription="КТ"), by=other) == number
    assert [(one["PatientName"], one["StudyDescription"]) for one in seen(records)] == [(("Петренко^Ольга",), ("КТ",))]
    assert given_back(records) == [number]
    assert seen(records, PatientName="Petrenko") != []


def test_the_end_of_a_journey_may_be_written_twice(records: Records) -> None:
    held = held_for(entry())
    number = arrive(records, entry(), ends=False)
    uids = (held.sop_class_uid, held.sop_instance_uid, EXPLICIT_LE)
    end = Ending(number, *uids, editions=[Edition(b"", *uids[:2])], entry=entry())
    records.ends.finish([end])
    records.ends.finish([end])
    assert seen(records)[0]["NumberOfStudyRelatedInstances"] == ("1",)


# People -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "birth", "is_same"),
    [
        ("Іваненко^Іван", "19500607", True),
        ("ИВАНЕНКО^ИВАН", "19500607", True),
        ("Ivanenko^Ivan", "", True),
        ("Іваненко^І", "19500607", True),
        ("????????^????", "19500607", True),
        ("", "", True),
        ("Іваненко^Петро", "19500607", False),
        ("Щербаков^Іван", "19500607", False),
        ("Іваненко^Іван", "19800607", False),
        ("????????^????", "19800607", False),
    ],
)
def test_who_shares_an_id_is_the_same_person_or_kept_apart(
    records: Records, name: str, birth: str, is_same: bool
) -> None:
    """F-18."""
    arrive(records, entry(1, PatientID="77", PatientBirthDate="19500607"))
    arrive(records, entry(2, PatientID="77", PatientName=name, PatientBirthDate=birth))
    patients, _ = records.index.find(question("patient", {"PatientID": "77"}))
    assert len(patients) == (1 if is_same else 2)
    assert len(seen(records, PatientID="77")) == 2
    found = list(records.index.conflicts())
    assert [one.kind for one in found] == ([] if is_same else ["patient-id"])
    if not is_same:
        assert found[0].details["people"] == [["Іваненко^Іван", "19500607"], [name, birth]]


def test_another_issuer_is_another_person_and_no_conflict(records: Records) -> None:
    arrive(records, entry(1, PatientID="77"))
    arrive(records, entry(2, PatientID="77", IssuerOfPatientID="other"))
    assert len(records.index.find(question("patient", {"PatientID": "77"}))[0]) == 2
    assert list(records.index.conflicts()) == []


def test_who_has_no_id_is_nobody_else(records: Records) -> None:
    arrive(records, entry(1, PatientID=""))
    arrive(records, entry(2, PatientID=""))
    arrive(records, entry(2, 2, PatientID=""))
    found, _ = records.index.find(question("patient", {"PatientName": "Ivanenko"}))
    assert len(found) == 2
    assert list(records.index.conflicts()) == []


def test_a_study_of_two_people_is_flagged_and_kept_apart(records: Records) -> None:
    arrive(records, entry(1, 1, 1))
    arrive(records, entry(1, 1, 2, PatientID="other", PatientName="Щербаков^Пётр"))
    found = seen(records, StudyInstanceUID=STUDY)
    assert sorted(one["PatientName"][0] for one in found) == ["Іваненко^Іван", "Щербаков^Пётр"]
    assert {one.kind for one in records.index.conflicts()} == {"study-uid", "series-uid"}
    assert len(given_back(records)) == 2


_CAME = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.integers(1, 2),
        st.integers(1, 3),
        st.sampled_from(["", "КТ", "СТ", "CT"]),
        st.sampled_from(["", "19500607"]),
    ),
    min_size=1,
    max_size=10,
)


@settings(max_examples=40, deadline=None)
@given(_CAME, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_no_answer(
    tmp_path_factory: pytest.TempPathFactory, came: list[Any], chance: Any
) -> None:
    """What a rebuild relies on: it finds the files in another order."""
    arrivals = [
        (entry(study, series, one, StudyDescription=text, PatientBirthDate=birth, PatientID="1"), number)
        for number, (study, series, one, text, birth) in enumerate(came)
    ]
    answers = []
    for _ in range(2):
        for records in opened("sqlite", tmp_path_factory.mktemp("order"), Clock()):
            for one, number in arrivals:
                arrive(records, one, number + 1, at=NOW + timedelta(seconds=number))
            answers.append([records.index.find(question(level, {})) for level in LEVELS])
        chance.shuffle(arrivals)
    assert answers[0] == answers[1]


# Deleting -----------------------------------------------------------------------------------------------------------


def refused(what: Callable[[], object]) -> str:
    with pytest.raises(RetentionRefused) as caught:
        what()
    return caught.value.code


def test_what_is_deleted_is_out_of_sight_and_can_be_restored(records: Records) -> None:
    for one in (entry(1, 1, 1), entry(1, 1, 2), entry(1, 2, 1), entry(2)):
        arrive(records, one)
    done = records.retention.delete(f"{ROOT}.1.1", "wrong patient", "nurse")
    assert (done.level, done.instances, done.waiting) == ("series", 2, 0)
    assert [one["NumberOfStudyRelatedInstances"] for one in seen(records)] == [("1",), ("1",)]
    assert records.index.is_sound(held_for(entry()).sop_class_uid, f"{ROOT}.1.1.1") == "unknown"
    assert records.retention.delete(STUDY, "all of it", "doctor").instances == 1
    assert [one["StudyInstanceUID"] for one in seen(records)] == [(f"{ROOT}.2",)]
    assert given_back(records) == []
    assert [(one.actor, one.reason, one.instances) for one in records.retention.deletions()] == [
        ("nurse", "wrong patient", 2),
        ("doctor", "all of it", 1),
    ]
    assert records.retention.restore(STUDY, "doctor") == 3
    assert seen(records)[1]["NumberOfStudyRelatedInstances"] == ("3",)
    who = [(event.actor, event.action) for event in records.events() if event.action.startswith("archive-")]
    assert (
        who
        == [("nurse", "archive-deleted")] * 2 + [("doctor", "archive-deleted")] + [("doctor", "archive-restored")] * 3
    )


def test_all_versions_are_deleted_together(records: Records) -> None:
    arrive(records, entry())
    arrive(records, entry(), 2, at=NOW + timedelta(seconds=1))
    assert records.retention.delete(f"{ROOT}.1.1.1", "why", "nurse").instances == 2
    assert given_back(records) == []


def test_what_may_not_be_deleted(records: Records) -> None:
    arrive(records, entry())
    records.retention.protect(STUDY, "doctor")
    assert refused(lambda: records.retention.delete(f"{ROOT}.1.1.1", "why", "nurse")) == "TLM-ARC-021"
    assert refused(lambda: records.retention.delete(STUDY, " ", "nurse")) == "TLM-ARC-022"
    assert refused(lambda: records.retention.delete("1.2.3", "why", "nurse")) == "TLM-ARC-020"
    assert refused(lambda: records.retention.delete("", "why", "nurse")) == "TLM-ARC-020"
    assert refused(lambda: records.retention.restore(STUDY, "nurse")) == "TLM-ARC-023"
    assert refused(lambda: records.retention.protect("1.2.3", "nurse")) == "TLM-ARC-020"
    assert len(seen(records)) == 1
    records.retention.protect(STUDY, "doctor", protected=False)
    assert records.retention.delete(STUDY, "why", "nurse").instances == 1


def test_deliveries_go_on_whatever_is_deleted(records: Records) -> None:
    arrive(records, entry(), to=("pacs",))
    before = records.desk.audit()
    assert records.retention.delete(STUDY, "why", "nurse").waiting == 1
    assert records.desk.audit() == before
    (line,) = records.outbox.claim("pacs", "w", 9, NOW, 60)
    records.outbox.conclude([Conclusion(line.delivery_id, "delivered", status="0000", proof="response")], NOW)
    assert records.desk.audit().total.delivered == 1


def test_what_is_deleted_and_sent_again_is_there_again(records: Records) -> None:
    """An acknowledged object is found, whatever was done to it before."""
    number = arrive(records, entry())
    records.retention.delete(STUDY, "why", "nurse")
    assert arrive(records, entry()) == number
    assert given_back(records) == [number]
    assert actions(records)[-1] == "archive-restored"


def test_what_a_rebuild_finds_stays_deleted(records: Records) -> None:
    arrive(records, entry())
    records.retention.delete(STUDY, "why", "nurse")
    arrive(records, entry(), by=Provenance("rebuild"))
    assert given_back(records) == []


# Purging ------------------------------------------------------------------------------------------------------------


def test_bytes_go_a_month_after_deletion_and_never_by_themselves(records: Records, clock: Clock) -> None:
    for one in (entry(1, 1, 1), entry(1, 1, 2), entry(2)):
        arrive(records, one)
    records.retention.delete(STUDY, "why", "nurse")
    removed: list[str] = []
    clock.pass_by(days=29)
    assert records.retention.purge("admin", removed.append).instances == 0
    clock.pass_by(days=1)
    assert records.retention.ripe().instances == 2
    assert removed == []
    done = records.retention.purge("admin", removed.append)
    assert (done.instances, done.size, done.kept) == (2, 2002, 0)
    assert len(removed) == 2
    assert records.retention.purge("admin", removed.append).instances == 0
    assert [one.purged for one in records.retention.deletions()] == [2]
    assert refused(lambda: records.retention.restore(STUDY, "nurse")) == "TLM-ARC-023"
    assert {one.sha256 for one in records.stored.stored_objects()}.isdisjoint(removed)
    assert [(one.actor, one.action) for one in records.events()][-2:] == [("admin", "archive-purged")] * 2
    assert records.desk.audit().holds


def test_what_waits_for_a_delivery_or_is_protected_keeps_its_bytes(records: Records, clock: Clock) -> None:
    arrive(records, entry(1), to=("pacs",))
    arrive(records, entry(2))
    for number in (1, 2):
        records.retention.delete(f"{ROOT}.{number}", "why", "nurse")
    records.retention.protect(f"{ROOT}.2", "doctor")
    clock.pass_by(days=40)
    removed: list[str] = []
    done = records.retention.purge("admin", removed.append)
    assert (done.instances, done.kept, removed) == (0, 2, [])
    records.desk.drop(None, "pacs", "nurse")
    assert records.retention.purge("admin", removed.append).instances == 1


def test_bytes_that_another_object_has_stay(records: Records, clock: Clock) -> None:
    held = held_for(entry())
    shared = hashlib.sha256(f"{held.sop_instance_uid}/1".encode()).hexdigest()
    arrive(records, entry())
    records.receipts.record(Arrival(shared, 1001, 344, held.sop_class_uid, "1.2.3.4", EXPLICIT_LE, FROM_CT, NOW))
    records.retention.delete(STUDY, "why", "nurse")
    clock.pass_by(days=40)
    removed: list[str] = []
    assert records.retention.purge("admin", removed.append).kept == 1
    assert removed == []


def test_a_purge_that_fails_half_way_goes_on_next_time(records: Records, clock: Clock) -> None:
    for number in range(1, 4):
        arrive(records, entry(1, 1, number))
    records.retention.delete(STUDY, "why", "nurse")
    clock.pass_by(days=40)
    removed: list[str] = []

    def fails(sha256: str) -> None:
        if len(removed) == 2:
            raise RecordsTrouble(PROBLEM.fault, **PROBLEM.facts)
        removed.append(sha256)

    with pytest.raises(RecordsTrouble):
        records.retention.purge("admin", fails)
    again: list[str] = []
    assert records.retention.purge("admin", again.append).instances == 3
    assert set(again) >= set(removed)


def test_what_comes_while_it_is_purged_is_not_acknowledged_without_bytes(records: Records, clock: Clock) -> None:
    number = arrive(records, entry())
    records.retention.delete(STUDY, "why", "nurse")
    clock.pass_by(days=40)
    records.retention.purge("admin", lambda _sha256: None)
    with pytest.raises(RecordsTrouble) as caught:
        arrive(records, entry(), at=clock.now + timedelta(seconds=1))
    assert caught.value.code == "TLM-SQL-026"
    assert arrive(records, entry(), at=clock.now + timedelta(minutes=2)) == number
    assert given_back(records) == [number]
    assert len(list(records.stored.stored_objects())) == 1


def test_purged_bytes_cannot_be_sent(records: Records, clock: Clock) -> None:
    number = arrive(records, entry())
    records.retention.delete(STUDY, "why", "nurse")
    clock.pass_by(days=40)
    records.retention.purge("admin", lambda _sha256: None)
    with pytest.raises(NoSuchThing) as caught:
        records.desk.resend([number], ["pacs"], "nurse")
    assert caught.value.code == "TLM-SQL-025"


# Before there was an index ------------------------------------------------------------------------------------------


def forget_index(records: Records) -> None:
    """Make the records as an upgrade leaves them: journeys ended, and nothing is indexed."""

    def work(connection: sa.Connection) -> None:
        tables = ("instances", "series", "studies", "patient_names", "patients", "part_counts", "parts", "conflicts")
        for table in tables:
            connection.exec_driver_sql(f"DELETE FROM {table}")
        connection.exec_driver_sql("UPDATE objects SET is_indexed = 0")

    records._database.write(work)


def test_what_was_there_before_the_index_waits_to_be_indexed(records: Records) -> None:
    entries = {arrive(records, one): one for one in (entry(1, 1, 1), entry(1, 1, 2), entry(2))}
    arrive(records, entry(3), quarantine=PROBLEM)
    arrive(records, entry(4), ends=False)
    before = records.index.find(question("study", {}))
    forget_index(records)
    assert records.index.find(question("study", {})) == ([], 0)
    assert records.index_backlog.left() == 3
    waiting = records.index_backlog.waiting(0, 2)
    assert [one.object_id for one in waiting] == sorted(entries)[:2]
    assert waiting[0].sop_instance_uid == held_for(entries[waiting[0].object_id]).sop_instance_uid
    records.index_backlog.index({one.object_id: entries[one.object_id] for one in waiting})
    records.index_backlog.index({one.object_id: entry(9) for one in waiting})  # it was looked at already
    (last,) = records.index_backlog.waiting(waiting[-1].object_id, 9)
    records.index_backlog.index({last.object_id: entries[last.object_id]})
    assert records.index_backlog.left() == 0
    assert records.index.find(question("study", {})) == before


def test_an_object_on_a_new_journey_is_not_indexed_from_the_backlog(records: Records) -> None:
    number = arrive(records, entry())
    forget_index(records)
    arrive(records, entry(), by=Provenance("dimse", "other"), ends=False)
    records.index_backlog.index({number: entry(9)})
    assert seen(records) == []


def test_the_oldest_pending_object_is_known(records: Records) -> None:
    assert records.index.oldest_pending() is None
    arrive(records, entry(1), ends=False, at=NOW - timedelta(hours=1))
    arrive(records, entry(2), ends=False)
    assert records.index.oldest_pending() == NOW - timedelta(hours=1)


def test_questions_are_settled_first(records: Records) -> None:
    asked: list[str] = []
    index = records.index_with(settle=lambda: asked.append("settled"))
    index.find(question("study", {}))
    list(index.held(studies=[STUDY]))
    index.is_sound("1.2", "1.3")
    assert asked == ["settled"] * 3


def test_a_question_can_be_told_since_when_something_is_missing(records: Records) -> None:
    assert records.index.missing_since() is None
    assert records.index_with(settle=lambda: NOW).missing_since() == NOW


def test_the_index_agrees_with_its_double_after_all_of_it(records: Records) -> None:
    double = ArchiveDouble()
    for one in (entry(1, 1, 1), entry(1, 2, 1), entry(2), entry(3)):
        arrive(records, one)
        double.add(one)
    records.retention.delete(f"{ROOT}.3", "why", "nurse")
    records.retention.restore(f"{ROOT}.3", "nurse")
    for level in LEVELS:
        asked = question(level, {})
        assert records.index.find(asked) == double.find(asked)


# Odd values ---------------------------------------------------------------------------------------------------------

_ODD = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="\0\udc80\ud800\ufffd?*%_^=\\'\"; \u0301🩻Її", max_size=12),
    st.sampled_from(["9" * 40, "-9223372036854775809", "1e9", "٣", "²", "1" * 1024, "0", "-0", "nan", "a" * 1024]),
)
_KEYWORDS = st.sampled_from(
    """PatientName PatientID IssuerOfPatientID PatientBirthDate StudyInstanceUID StudyDate StudyTime AccessionNumber
    StudyID SeriesInstanceUID Modality SeriesNumber InstanceNumber NumberOfFrames SOPClassUID StudyDescription
    """.split()
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(_KEYWORDS, _ODD, max_size=6), min_size=1, max_size=4))
def test_whatever_an_instance_says_its_journey_ends(
    tmp_path_factory: pytest.TempPathFactory, came: list[dict[str, str]]
) -> None:
    """Promise 5: nothing in a text may stop an image, and what was taken is found by its UID."""
    for records in opened("sqlite", tmp_path_factory.mktemp("odd"), Clock()):
        for number, values in enumerate(came, 1):
            wrapped: dict[str, Any] = {key: (value,) if value else "" for key, value in values.items()}
            arrive(records, entry(1, 1, number, **wrapped))
        assert list(records.journeys.pending(9)) == []
        for level in LEVELS:
            records.index.find(question(level, {}))
        found, _ = records.index.find(question("instance", {}, ["SOPInstanceUID"]))
        assert len(found) == len(came)
        assert len(list(records.index.held(instances=[str(one.values["SOPInstanceUID"][0]) for one in found]))) == len(
            came
        )


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_KEYWORDS, st.one_of(_ODD, _ODD.map(lambda text: f"{text}*")), max_size=4), st.booleans())
def test_whatever_is_asked_is_answered_or_refused(some_records: Records, asked: dict[str, str], fuzzy: bool) -> None:
    for level in LEVELS:
        try:
            put = question(level, asked, fuzzy=fuzzy, combined=fuzzy)
        except Unanswerable:
            continue
        some_records.index.find(put)


@pytest.fixture(scope="module")
def some_records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    for records in opened("sqlite", tmp_path_factory.mktemp("some"), Clock()):
        for one in (entry(1), entry(2, PatientName="?????"), entry(3, PatientID="")):
            arrive(records, one)
        yield records
