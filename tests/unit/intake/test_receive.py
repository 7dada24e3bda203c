"""Receipt: nothing is taken unless everything came through, in the order of promise 1."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.builders import EXPLICIT_LE, INSTANCE, body, part10
from tests.unit.intake.ledger import Ledger
from tolmach.adapters.objects import FolderStore
from tolmach.intake.faults import NO_ROOM, NoRoom, RecordsTrouble, StoreTrouble
from tolmach.intake.interfaces import Arrival, Provenance, Receipt, Spooled, Stored
from tolmach.intake.receive import Intake
from tolmach.intake.room import Reserve

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
FILE = part10(body((0x00100010, "PN", b"IVANOV^IVAN ")))
FROM = Provenance("folder", "ultrasound", "", "")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def intake_of(store: FolderStore, ledger: Ledger, reserve: int = 0) -> Intake:
    return Intake(store, ledger, Reserve(bytes=reserve), lambda: NOW, time.monotonic)


def test_what_was_accepted_is_stored_and_recorded(store: FolderStore) -> None:
    ledger = Ledger()
    assert intake_of(store, ledger).accept_stream([FILE], FROM) == Receipt(1, True, 1)
    (arrival,) = ledger.arrivals
    offset = len(FILE) - len(body((0x00100010, "PN", b"IVANOV^IVAN ")))
    assert (arrival.size, arrival.data_set_offset, arrival.received_at) == (len(FILE), offset, NOW)
    assert (arrival.sop_instance_uid, arrival.transfer_syntax_uid, arrival.provenance) == (INSTANCE, EXPLICIT_LE, FROM)
    assert store.rehash(arrival.sha256) == arrival.sha256
    assert list(store.incoming.iterdir()) == []


def test_the_same_again_gives_the_same_receipt_and_other_bytes_a_new_version(store: FolderStore) -> None:
    intake = intake_of(store, Ledger())
    assert intake.accept_stream([FILE], FROM) == Receipt(1, True, 1)
    assert intake.accept_stream([FILE], FROM) == Receipt(1, False, 1)
    assert intake.accept_stream([part10(body())], FROM) == Receipt(2, True, 2)
    assert len(list(store.walk())) == 2


def test_an_arrival_speaks_of_the_file_that_is_stored(store: FolderStore) -> None:
    # A crash between storing and recording, and then the same data set comes in another file.
    with store.spool([FILE]) as spooled:
        stored = store.place(spooled)
    ledger = Ledger()
    intake_of(store, ledger).accept_stream([FILE[stored.data_set_offset :]], FROM)
    (arrival,) = ledger.arrivals
    assert Stored(arrival.sha256, arrival.size, arrival.data_set_offset) == stored


class Steps(FolderStore):
    """A store that writes down when it was asked, and fails when it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.steps: list[str] = []
        self.trouble = False
        self.free = (1 << 40, 1 << 40)

    def place(self, spooled: Spooled) -> Stored:
        self.steps.append("place")
        if self.trouble:
            raise StoreTrouble(NO_ROOM, free="", reserve="")
        stored = super().place(spooled)
        self.steps.append("placed")
        return stored

    def free_bytes(self) -> tuple[int, int]:
        return self.free


class Recording(Ledger):
    def __init__(self, steps: list[str]) -> None:
        super().__init__()
        self.steps = steps

    def record(self, arrival: Arrival) -> Receipt:
        self.steps.append("record")
        return super().record(arrival)


def test_records_are_written_after_the_bytes_are_durable(tmp_path: Path) -> None:
    store = Steps(tmp_path)
    intake_of(store, Recording(store.steps)).accept_stream([FILE], FROM)
    assert store.steps == ["place", "placed", "record"]


def test_nothing_is_recorded_of_what_could_not_be_stored(tmp_path: Path) -> None:
    store = Steps(tmp_path)
    store.trouble, ledger = True, Ledger()
    intake = intake_of(store, ledger)
    with pytest.raises(StoreTrouble):
        intake.accept_stream([FILE], FROM)
    assert (ledger.arrivals, list(store.walk()), list(store.incoming.iterdir())) == ([], [], [])
    store.trouble = False
    assert intake.accept_stream([FILE], FROM).is_new


def test_records_that_fail_are_no_receipt_and_the_next_try_is_as_good_as_new(store: FolderStore) -> None:
    ledger = Ledger()
    ledger.trouble = RecordsTrouble(NO_ROOM, free="", reserve="")
    intake = intake_of(store, ledger)
    with pytest.raises(RecordsTrouble):
        intake.accept_stream([FILE], FROM)
    assert list(store.incoming.iterdir()) == []
    ledger.trouble = None
    assert intake.accept_stream([FILE], FROM) == Receipt(1, True, 1)


def test_without_room_nothing_is_even_spooled_and_room_is_noticed(tmp_path: Path) -> None:
    store, ledger = Steps(tmp_path), Ledger()
    store.free, now = (10, 1000), 0.0
    intake = Intake(store, ledger, Reserve(bytes=11), lambda: NOW, lambda: now)

    def never() -> Iterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    with pytest.raises(NoRoom):
        intake.accept_stream(never(), FROM)
    with pytest.raises(NoRoom):
        intake.require_room()
    with store.spool([FILE]) as spooled, pytest.raises(NoRoom):
        intake.accept(spooled, FROM)
    assert (store.steps, ledger.arrivals) == ([], [])
    store.free, now = (1 << 20, 1 << 20), 1.0
    assert intake.accept_stream([FILE], FROM).is_new


def test_what_is_being_taken_is_known_from_before_it_is_stored_until_it_is_recorded(store: FolderStore) -> None:
    seen: list[bool] = []
    entered, leave = threading.Event(), threading.Event()

    class Slow(Ledger):
        def record(self, arrival: Arrival) -> Receipt:
            entered.set()
            assert leave.wait(30)
            return super().record(arrival)

    intake = intake_of(store, Slow())
    with store.spool([FILE]) as spooled:
        sha256 = spooled.sha256
    seen.append(intake.is_in_hand(sha256))
    threads = [threading.Thread(target=intake.accept_stream, args=([FILE], FROM)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert entered.wait(30)
    seen.append(intake.is_in_hand(sha256))
    leave.set()
    for thread in threads:
        thread.join()
    seen.append(intake.is_in_hand(sha256))
    assert seen == [False, True, False]


def test_eight_entrances_bring_the_same_and_get_one_receipt(store: FolderStore) -> None:
    ledger = Ledger()
    intake, together = intake_of(store, ledger), threading.Barrier(8)

    def bring(_number: int) -> list[Receipt]:
        together.wait(30)
        return [intake.accept_stream([FILE], FROM) for _ in range(10)]

    with ThreadPoolExecutor(8) as pool:
        receipts = [receipt for given in pool.map(bring, range(8)) for receipt in given]
    assert [receipt.is_new for receipt in receipts].count(True) == 1
    assert {(receipt.object_id, receipt.version) for receipt in receipts} == {(1, 1)}
    assert len(list(store.walk())) == len(ledger.arrivals) == 1
