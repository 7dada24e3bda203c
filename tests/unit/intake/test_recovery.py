"""Recovery: stored files and records are brought together again, whatever state a crash left them in."""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import CT_IMAGE, EXPLICIT, EXPLICIT_LE, body, even, meta
from tests.unit.intake.ledger import Ledger
from tolmach.adapters.objects import FolderStore
from tolmach.base import Problem
from tolmach.intake import faults
from tolmach.intake.faults import NO_ROOM, StoreEmpty, StoreTrouble
from tolmach.intake.interfaces import Examined, KnownObject, Provenance
from tolmach.intake.receive import Intake
from tolmach.intake.recovery import Pace, Recovery, missing_objects, part_of_day
from tolmach.intake.room import Reserve

WRITTEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LATER = WRITTEN + timedelta(hours=1)


def content(number: int, *, source: str = "") -> bytes:
    """Give a file of its own, as the Storage SCP writes it when a source is named."""
    instance = f"1.2.826.0.1.3680043.9.7.2.{number}"
    own = EXPLICIT.element(0x00080018, "UI", even(instance.encode(), b"\0"))
    data_set = EXPLICIT.element(0x00080016, "UI", even(CT_IMAGE.encode(), b"\0")) + own
    head = meta(EXPLICIT_LE, instance=instance)
    if source:
        head += EXPLICIT.element(0x00020016, "AE", even(source.encode()))
        head = head[:8] + struct.pack("<L", len(head) - 12) + head[12:]
    return bytes(128) + b"DICM" + head + data_set + EXPLICIT.element(0x00200013, "IS", b"%-6d" % number)


class House:
    """A store, its records, and a recovery between them that has heard everything."""

    def __init__(self, folder: Path) -> None:
        self.store, self.records = FolderStore(folder, sync=False), Ledger()
        self.told: list[tuple[str, str]] = []
        self.in_hand: set[str] = set()
        self.now = LATER
        self.pace = Pace(lambda: 0.0)
        self.recovery = Recovery(
            self.store, self.records, self.records, lambda: self.now, self.in_hand.__contains__, self._hear
        )

    def _hear(self, sha256: str, problem: Problem) -> None:
        self.told.append((sha256, problem.code))

    def put(self, file: bytes, *, recorded: bool = False) -> str:
        if recorded:
            intake = Intake(self.store, self.records, Reserve(bytes=0), lambda: WRITTEN, lambda: 0.0)
            intake.accept_stream([file], Provenance("dimse", "CT", "CT1", "192.0.2.1"))
        with self.store.spool([file]) as spooled:
            self.store.place(spooled)
        os.utime(self.store.path_of(spooled.sha256), (WRITTEN.timestamp(), WRITTEN.timestamp()))
        return spooled.sha256


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_where_the_records_know_nothing_at_all_it_is_a_rebuilding(house: House) -> None:
    house.put(content(2, source="CT_ROOM_1"))
    house.recovery.reconcile(house.pace)
    (adopted,) = house.records.arrivals
    assert adopted.provenance.entrance == "rebuild"


def test_a_stored_file_nobody_knows_is_adopted_and_not_deleted(house: House) -> None:
    known = house.put(content(1), recorded=True)
    orphan = house.put(content(2, source="CT_ROOM_1"))
    tally = house.recovery.reconcile(house.pace)
    assert (tally.seen, tally.adopted, tally.is_complete, tally.is_well) == (2, 1, True, True)
    _first, adopted = house.records.arrivals
    assert (adopted.sha256, adopted.provenance) == (orphan, Provenance("found", ae_title="CT_ROOM_1"))
    assert (adopted.received_at, adopted.size) == (WRITTEN, len(content(2, source="CT_ROOM_1")))
    assert adopted.sop_instance_uid == "1.2.826.0.1.3680043.9.7.2.2"
    assert content(2, source="CT_ROOM_1")[adopted.data_set_offset :].startswith(b"\x08\0\x16\0")
    assert house.told == [(orphan, "TLM-INT-033")]
    assert sorted(house.store.walk()) == sorted([known, orphan])
    assert house.recovery.reconcile(house.pace).adopted == 0


def test_files_without_a_head_are_adopted_with_the_uids_of_their_data_set(house: House) -> None:
    house.put(body())
    house.put(b"MSH|^~\\&|MIS|CLINIC\r")
    assert house.recovery.reconcile(house.pace).adopted == 2
    assert sorted(arrival.sop_class_uid for arrival in house.records.arrivals) == ["", CT_IMAGE]


def test_what_may_still_be_sent_again_waits_for_another_run(house: House) -> None:
    house.put(content(1))
    house.now = WRITTEN + timedelta(minutes=14)
    tally = house.recovery.reconcile(house.pace)
    assert (tally.adopted, tally.settling, house.records.arrivals) == (0, 1, [])
    house.now = WRITTEN + timedelta(minutes=15)
    assert house.recovery.reconcile(house.pace).adopted == 1


@pytest.mark.parametrize("ahead", [timedelta(seconds=5), timedelta(minutes=14)])
def test_what_the_clock_of_a_store_puts_into_the_near_future_may_still_be_in_hand_of_another_node(
    house: House, ahead: timedelta
) -> None:
    house.put(content(1), recorded=True)
    house.put(content(2))
    house.now = WRITTEN - ahead
    tally = house.recovery.reconcile(house.pace)
    assert (tally.adopted, tally.settling) == (0, 1)
    house.now = WRITTEN + timedelta(minutes=15)
    assert house.recovery.reconcile(house.pace).adopted == 1


def test_what_a_clock_that_was_wrong_put_into_the_far_future_does_not_wait_for_it(house: House) -> None:
    house.put(content(1), recorded=True)
    house.put(content(2))
    house.now = WRITTEN - timedelta(days=3650)
    tally = house.recovery.reconcile(house.pace)
    assert (tally.adopted, tally.settling) == (1, 0)


def test_in_the_background_it_is_tried_again_until_nothing_is_too_young(house: House) -> None:
    house.put(content(1))
    house.now = WRITTEN + timedelta(seconds=1)

    def advance(seconds: float) -> None:
        house.now += timedelta(seconds=seconds)

    house.pace.stop = Waits(advance)
    tally = house.recovery.settle(house.pace)
    assert (tally.adopted, tally.settling, house.now) == (1, 0, WRITTEN + timedelta(minutes=15, seconds=1))


def test_waiting_for_the_youngest_ends_when_the_work_shall_stop(house: House) -> None:
    house.put(content(1))
    house.now = WRITTEN
    threading.Timer(0.01, house.pace.stop.set).start()
    assert house.recovery.settle(house.pace).adopted == 0


def test_a_clock_that_went_back_keeps_nothing_waiting(house: House) -> None:
    house.put(content(1))
    house.now = WRITTEN - timedelta(days=365)
    assert house.recovery.reconcile(house.pace).adopted == 1


def test_what_is_being_taken_this_moment_is_left_alone(house: House) -> None:
    house.in_hand.add(house.put(content(1)))
    assert house.recovery.reconcile(house.pace, timedelta(0)).adopted == 0
    assert house.records.arrivals == []


def test_what_was_recorded_between_two_questions_is_not_adopted(house: House) -> None:
    sha256 = house.put(content(1))

    def in_hand_until_now(_sha256: str) -> bool:
        if not house.records.arrivals:
            house.put(content(1), recorded=True)  # the taker finishes just before we ask who has it in hand
        return False

    house.recovery.is_in_hand = in_hand_until_now
    assert house.recovery.reconcile(house.pace, timedelta(0)).adopted == 0
    assert [(one.sha256, one.provenance.entrance) for one in house.records.arrivals] == [(sha256, "dimse")]


def test_a_rotten_file_nobody_knows_is_told_and_left(house: House) -> None:
    sha256 = house.put(content(1))
    house.store.path_of(sha256).write_bytes(content(2))
    os.utime(house.store.path_of(sha256), (WRITTEN.timestamp(), WRITTEN.timestamp()))
    tally = house.recovery.reconcile(house.pace)
    assert (tally.adopted, tally.rotten, tally.is_well) == (0, 1, False)
    assert house.told == [(sha256, "TLM-INT-031")]
    assert house.store.path_of(sha256).read_bytes() == content(2)


def test_rows_without_files_and_files_of_another_size_are_flagged(house: House) -> None:
    missing, cut, sound = (house.put(content(number), recorded=True) for number in range(3))
    house.store.path_of(missing).unlink()
    os.truncate(house.store.path_of(cut), 200)
    tally = house.recovery.reconcile(house.pace)
    assert (tally.missing, tally.rotten) == (1, 1)
    assert (house.records.missing, house.records.rotten) == ({missing}, {cut})
    assert sorted(house.told) == sorted([(missing, "TLM-INT-030"), (cut, "TLM-INT-032")])
    assert house.store.rehash(sound) == sound


def test_a_disk_that_is_not_there_flags_nothing(house: House) -> None:
    for number in range(3):
        house.store.path_of(house.put(content(number), recorded=True)).unlink()
    with pytest.raises(StoreEmpty, match="TLM-INT-034"):
        house.recovery.reconcile(house.pace)
    assert house.records.missing == set()


def test_an_empty_house_is_in_order(house: House) -> None:
    assert house.recovery.reconcile(house.pace).is_complete
    assert house.recovery.verify(house.pace).is_complete


def test_what_was_deleted_on_purpose_meanwhile_is_not_flagged(house: House) -> None:
    gone, _kept = (house.put(content(number), recorded=True) for number in range(2))
    house.store.path_of(gone).unlink()
    known = house.records.known

    def deleted_meanwhile(sha256s: Sequence[str]) -> set[str]:
        return known(sha256s) - {gone}

    house.records.known = deleted_meanwhile  # type: ignore[method-assign]
    assert house.recovery.verify(house.pace).missing == 0
    assert house.records.missing == set()


# Rebuilding -------------------------------------------------------------------------------------------------


def test_records_are_made_anew_from_the_files_alone(house: House) -> None:
    for number in range(40):
        house.put(content(number, source="CT1"), recorded=True)
    before = {(one.sop_instance_uid, one.sha256, one.size, one.data_set_offset) for one in house.records.arrivals}
    lost, house.records = house.records, Ledger()
    house.recovery.records = house.recovery.receipts = house.records
    tally = house.recovery.rebuild(house.pace)
    assert (tally.adopted, tally.is_complete) == (40, True)
    after = {(one.sop_instance_uid, one.sha256, one.size, one.data_set_offset) for one in house.records.arrivals}
    assert after == before
    assert {one.provenance for one in house.records.arrivals} == {Provenance("rebuild", ae_title="CT1")}
    assert list(house.records.stored_objects()) == list(lost.stored_objects())
    assert house.recovery.rebuild(house.pace).adopted == 0


def test_a_rebuild_that_was_stopped_goes_on_where_it_was(house: House) -> None:
    names = {house.put(content(number)) for number in range(30)}
    house.recovery.tell = lambda _sha256, _problem: house.pace.stop.set()
    stopped = house.recovery.rebuild(house.pace, workers=1)
    assert (stopped.adopted, stopped.is_complete) == (1, False)
    house.pace.stop.clear()
    house.recovery.tell = house._hear
    assert house.recovery.rebuild(house.pace).adopted == 29
    assert {one.sha256 for one in house.records.arrivals} == names


@pytest.mark.slow
def test_ten_thousand_files_are_adopted_in_little_memory(house: House) -> None:
    for number in range(10_000):
        house.put(content(number))

    class Counting(Ledger):
        count = 0

        def record(self, arrival: object) -> object:  # type: ignore[override]
            Counting.count += 1
            return None

    house.recovery.records = house.recovery.receipts = Counting()  # type: ignore[assignment]
    house.recovery.tell = lambda _sha256, _problem: None
    tracemalloc.start()
    try:
        house.recovery.rebuild(house.pace)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert Counting.count == 10_000
    assert peak < 8 << 20


# Verifying --------------------------------------------------------------------------------------------------


def test_a_flipped_byte_a_missing_and_an_unreadable_file_are_found(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [house.put(content(number), recorded=True) for number in range(10)]
    rotten, missing, unreadable = names[:3]
    path = house.store.path_of(rotten)
    flipped = bytearray(path.read_bytes())
    flipped[-1] ^= 0x10
    path.write_bytes(flipped)
    house.store.path_of(missing).unlink()
    examine = house.store.examine

    def failing(sha256: str) -> Examined:
        if sha256 == unreadable:
            raise StoreTrouble(NO_ROOM, free="", reserve="")
        return examine(sha256)

    monkeypatch.setattr(house.store, "examine", failing)
    seen: list[int] = []
    house.recovery.progress = lambda tally: seen.append(tally.seen)
    tally = house.recovery.verify(house.pace)
    assert (tally.seen, tally.rotten, tally.missing, tally.unreadable) == (10, 1, 1, 1)
    assert (tally.is_complete, tally.is_well) == (True, False)
    assert (house.records.rotten, house.records.missing) == ({rotten}, {missing})
    assert sorted(house.told) == sorted(
        [(rotten, "TLM-INT-031"), (missing, "TLM-INT-030"), (unreadable, faults.NO_ROOM.code)]
    )
    assert seen == list(range(1, 11))
    assert tally.seen_bytes == sum(len(content(number)) for number in range(10) if number not in (1, 2))


def test_what_is_good_again_loses_its_flag_once_it_was_read_whole(house: House) -> None:
    names = [house.put(content(number), recorded=True) for number in range(3)]
    for name in names[:2]:
        house.store.path_of(name).unlink()
    house.recovery.verify(house.pace)
    assert house.records.missing == set(names[:2])
    house.put(content(0))  # restored from a backup
    house.recovery.reconcile(house.pace)  # looks at sizes only, and proves nothing
    assert house.records.missing == set(names[:2])
    house.recovery.verify(house.pace)
    assert house.records.missing == {names[1]}


@pytest.mark.parametrize("run", ["verify", "reconcile"])
@pytest.mark.parametrize("flag", ["", "missing", "rotten"])
def test_the_records_follow_a_whole_data_set_behind_another_head(house: House, run: str, flag: str) -> None:
    """A restore brought it, or another machine wrote it in the same moment: the data set is the image (promise 4)."""
    sha256 = house.put(content(1), recorded=True)
    if flag:
        getattr(house.records, flag).add(sha256)
    other = content(1, source="SOMEBODY")
    house.store.path_of(sha256).write_bytes(other)
    assert house.store.rehash(sha256) == sha256
    for codes in (["TLM-INT-035"], []):
        house.told.clear()
        tally = getattr(house.recovery, run)(house.pace)
        assert (tally.rotten, tally.is_well, tally.is_complete) == (0, True, True)
        assert [code for _sha256, code in house.told] == codes
    (known,) = house.records.stored_objects()
    assert known.size == len(other)
    assert other[house.records.offsets[sha256] :].startswith(b"\x08\0\x16\0")
    assert not house.records.rotten | house.records.missing


@pytest.mark.parametrize("run", ["verify", "reconcile"])
def test_another_head_before_another_data_set_is_rot(house: House, run: str) -> None:
    sha256 = house.put(content(1), recorded=True)
    house.store.path_of(sha256).write_bytes(content(2, source="SOMEBODY"))
    assert getattr(house.recovery, run)(house.pace).rotten == 1
    assert house.records.rotten == {sha256}
    assert house.told == [(sha256, "TLM-INT-032")]
    assert house.records.offsets == {}


def test_a_verification_that_was_stopped_has_flagged_what_it_had_found(house: House) -> None:
    names = sorted(house.put(content(number), recorded=True) for number in range(10))
    for name in names:
        house.store.path_of(name).write_bytes(b"")
    house.recovery.progress = lambda tally: house.pace.stop.set() if tally.seen == 3 else None
    tally = house.recovery.verify(house.pace)
    assert (tally.seen, tally.rotten, tally.is_complete) == (3, 3, False)
    assert house.records.rotten == set(names[:3])


@pytest.mark.parametrize("period", [1, 7, 30, 365])
def test_the_days_of_a_period_cover_every_object_once(house: House, period: int) -> None:
    names = sorted(house.put(content(number), recorded=True) for number in range(60))
    seen: list[str] = []
    examine = house.store.examine

    def watched(sha256: str) -> Examined:
        seen.append(sha256)
        return examine(sha256)

    house.store.examine = watched  # type: ignore[method-assign]
    for day in range(20_000, 20_000 + period):
        assert house.recovery.verify(house.pace, part_of_day(day, period)).is_complete
    assert sorted(seen) == names


@given(st.integers(0, 10**6), st.integers(1, 4000), st.binary(max_size=8))
def test_every_name_has_its_day(day: int, period: int, content: bytes) -> None:
    name = hashlib.sha256(content).hexdigest()
    days = [part_of_day(one, period) for one in range(day, day + period)]
    assert sum(after < name < before for after, before in days) == 1


@pytest.mark.parametrize("name", ["0" * 64, "f" * 64, "8" + "0" * 63, "7" + "f" * 63])
@pytest.mark.parametrize("period", [1, 2, 3, 16])
def test_names_at_the_edges_have_their_day_too(name: str, period: int) -> None:
    days = [part_of_day(day, period) for day in range(period)]
    assert sum(after < name < before for after, before in days) == 1


def test_missing_files_are_listed(house: House) -> None:
    there, gone = house.put(content(1), recorded=True), KnownObject("0" * 64, 5)
    assert list(missing_objects(house.store, [KnownObject(there, 1), gone])) == [gone]


# Pace -------------------------------------------------------------------------------------------------------


class Waits(threading.Event):
    """An event that notes how long it was waited for, and does not wait."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        super().__init__()
        self.advance = advance

    def wait(self, timeout: float | None = None) -> bool:
        self.advance(timeout or 0.0)
        return self.is_set()


@pytest.mark.parametrize(("share", "rest"), [(1.0, 0.0), (0.5, 10.0), (0.2, 40.0)])
def test_background_work_takes_its_share_and_no_more(share: float, rest: float) -> None:
    now, waited = [0.0], list[float]()

    def advance(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    pace = Pace(lambda: now[0], Waits(advance), share)
    for _ in range(5):
        assert pace.goes_on()
        now[0] += 2.5  # what one piece of work takes
    assert sum(waited) == pytest.approx(rest)


def test_work_that_shall_stop_does_not_go_on() -> None:
    pace = Pace(lambda: 0.0)
    pace.stop.set()
    assert not pace.goes_on()


def test_stopping_wakes_whoever_rests() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0], share=0.001)
    assert pace.goes_on()
    now[0] = 3600.0
    threading.Timer(0.01, pace.stop.set).start()
    assert not pace.goes_on()


def test_unknown_files_come_from_the_store_in_batches_the_records_allow(house: House) -> None:
    for number in range(1100):
        house.put(content(number))
    assert house.recovery.rebuild(house.pace).adopted == 1100
