"""A watched folder: what is whole is taken once, whatever happens around it."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import tolmach.intake.watch as watch_module
from tests.watch_double import Scene, image, listing
from tolmach.adapters.folder.faults import KEPT_NOT_ALLOWED
from tolmach.adapters.folder.source_file import OpenFile
from tolmach.adapters.folder.tidying import Tidier
from tolmach.base import Problem
from tolmach.delivery.bell import Bell
from tolmach.intake.faults import NO_ROOM, NoRoom, RecordsTrouble, StoreTrouble, WatchTrouble
from tolmach.intake.interfaces import Dealing, FileMark, Spooled, Stored, Tidying
from tolmach.intake.stability import Manner, Seen, Stability
from tolmach.intake.taking import Taken, Taker
from tolmach.intake.watch import RETRY_SECONDS, Hints

MANNER = Manner(settle_seconds=1.0, closed_seconds=0.3, patience_seconds=60.0, scan_seconds=0.5)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path, MANNER)


def test_a_whole_file_is_taken_when_it_has_been_quiet_and_stays_as_it_is(scene: Scene) -> None:
    content = image()
    scene.write("deep/er/1.dcm", content)
    before = listing(scene.root)
    scene.during(0.9)
    assert scene.taken() == []
    scene.during(0.7)
    assert scene.taken() == [b"deep/er/1.dcm"]
    scene.during(100)
    assert scene.taken() == [b"deep/er/1.dcm"]
    (word,) = scene.records.words
    assert word.sha256 == hashlib.sha256(content).hexdigest()
    (arrival,) = scene.ledger.arrivals
    assert (arrival.provenance.entrance, arrival.provenance.name) == ("folder", "room-1")
    assert scene.stored() == {content}
    assert scene.arrived == 1
    assert listing(scene.root) == before


def test_events_hurry_what_is_closed(scene: Scene) -> None:
    scene.during(0.1)
    scene.write("1.dcm", image())
    scene.close("1.dcm")
    assert scene.bell.rings == 1
    scene.during(0.2)
    assert scene.taken() == []
    scene.during(0.15)
    assert scene.taken() == [b"1.dcm"]


def test_an_event_for_what_was_dealt_with_or_is_not_there_or_not_meant_does_nothing(scene: Scene) -> None:
    scene.write("1.dcm", image())
    scene.during(2)
    scene.write("x.tmp", image(2))
    for name in ("1.dcm", "gone.dcm", "x.tmp", "../in/1.dcm"):
        scene.close(name)
    scene.during(5)
    assert scene.taken() == [b"1.dcm"]


def test_a_restart_takes_nothing_again_and_a_changed_file_is_a_new_version(scene: Scene, tmp_path: Path) -> None:
    scene.write("1.dcm", image(1, pixels=b"one "))
    scene.during(2)
    again = Scene(tmp_path, MANNER)
    again.records, again.ledger = scene.records, scene.ledger
    again.watch.records = scene.records
    again.during(5)
    assert scene.taken() == [b"1.dcm"]
    again.write("1.dcm", image(1, pixels=b"two!!"))
    again.during(2)
    assert scene.taken() == [b"1.dcm", b"1.dcm"]
    assert scene.stored() == {image(1, pixels=b"one "), image(1, pixels=b"two!!")}


def test_a_growing_file_waits_for_its_end(scene: Scene) -> None:
    content = image(1, pixels=b"\1\2" * 5000)
    path = scene.write("1.dcm", b"")
    for start in range(0, len(content), 1000):
        with path.open("ab") as file:
            file.write(content[start : start + 1000])
        scene.during(30 if start == 4000 else 0.4)  # it pauses for half a minute in the middle
        assert scene.taken() == [] or start + 1000 >= len(content)
    scene.during(2)
    assert scene.taken() == [b"1.dcm"]
    assert scene.stored() == {content}


def test_a_file_that_stays_incomplete_is_taken_in_the_end_and_what_follows_is_a_new_version(scene: Scene) -> None:
    content = image(1, pixels=b"\1\2" * 5000)
    scene.write("1.dcm", content[:5000])
    scene.during(59)
    assert scene.taken() == []
    scene.during(3)
    assert scene.taken() == [b"1.dcm"]
    scene.write("1.dcm", content)
    scene.during(2)
    assert scene.taken() == [b"1.dcm", b"1.dcm"]
    assert content in scene.stored()


def test_what_is_no_image_is_passed_over_with_a_reason_and_looked_at_again_only_when_it_changes(scene: Scene) -> None:
    scene.write("letter", b"%PDF-1.7" + b" " * 500)
    scene.write("picture.dcm", b"\xff\xd8\xff" + bytes(500))
    scene.write("1.dcm", image())
    scene.during(200)
    assert scene.passed_over() == {b"letter": "TLM-DCM-001", b"picture.dcm": "TLM-DCM-001"}
    assert len(scene.records.words) == 3
    scene.write("letter", image(2))
    scene.during(2)
    assert scene.taken() == [b"1.dcm", b"letter"]


def test_empty_files_wait_and_are_passed_over_at_last(scene: Scene) -> None:
    scene.write("1.dcm", b"")
    scene.write("2.dcm", bytes(5000))
    scene.during(50)
    assert scene.records.words == []
    scene.during(15)
    assert set(scene.passed_over()) == {b"1.dcm", b"2.dcm"}
    assert scene.taken() == []


def test_a_file_somebody_has_open_for_writing_waits_until_it_is_closed(scene: Scene) -> None:
    path = scene.write("1.dcm", image())
    with path.open("ab"):
        scene.during(20)
        assert scene.taken() == []
    scene.during(2)
    assert scene.taken() == [b"1.dcm"]


def test_a_file_that_got_its_length_before_its_bytes_waits_for_them(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenFile, "is_being_written", None)  # as on a network drive
    content = image(1, pixels=b"\1\2" * 50_000)
    with scene.write("1.dcm", content[:2000]).open("r+b") as file:
        file.truncate(len(content))
    scene.during(40)
    assert scene.taken() == []
    scene.write("1.dcm", content)
    scene.during(2)
    assert scene.stored() == {content}


def test_a_black_image_is_not_kept_waiting_when_nobody_writes_it(scene: Scene) -> None:
    scene.write("1.dcm", image(1, pixels=bytes(50_000)))
    scene.during(2)
    assert scene.taken() == [b"1.dcm"]


def test_a_black_image_waits_a_little_where_nobody_can_tell(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenFile, "is_being_written", None)
    scene.write("1.dcm", image(1, pixels=bytes(50_000)))
    scene.during(4)
    assert scene.taken() == []
    scene.during(2)
    assert scene.taken() == [b"1.dcm"]


def test_a_file_that_changes_while_it_is_read_is_not_taken(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    content = image(1, pixels=b"old " * 1000)
    path = scene.write("1.dcm", content)
    real = OpenFile.sha256
    first = OpenFile.chunks
    times = iter(range(100))

    def chunks(opened: OpenFile):  # type: ignore[no-untyped-def]
        for number, chunk in enumerate(first(opened)):
            if number == 1 and next(times) == 0:
                path.write_bytes(content.replace(b"old ", b"new "))
            yield chunk

    monkeypatch.setattr(OpenFile, "chunks", chunks)
    scene.during(4)
    assert real is OpenFile.sha256
    assert scene.taken() == [b"1.dcm"]
    assert scene.stored() == {content.replace(b"old ", b"new ")}


def test_a_file_that_vanishes_is_forgotten(scene: Scene) -> None:
    path = scene.write("1.dcm", image())
    scene.during(0.5)
    path.unlink()
    scene.during(5)
    assert scene.taken() == []
    assert set(scene.records.states) == {None}


# Trouble ----------------------------------------------------------------------------------------------------


def test_a_missing_folder_is_told_of_and_comes_back_by_itself(scene: Scene) -> None:
    scene.write("1.dcm", image())
    away = scene.root.with_name("away")
    scene.root.rename(away)
    assert scene.watch.round() == RETRY_SECONDS
    (problem,) = scene.records.states
    assert problem is not None
    assert problem.code == "TLM-FIL-020"
    away.rename(scene.root)
    scene.during(20)
    assert scene.records.states[1] is None
    assert scene.taken() == [b"1.dcm"]


def test_a_link_in_place_of_the_folder_is_not_followed(scene: Scene, tmp_path: Path) -> None:
    scene.during(1)
    other = tmp_path / "other"
    other.mkdir()
    (other / "secret.dcm").write_bytes(image())
    scene.root.rmdir()
    scene.root.symlink_to(other)
    scene.during(20)
    assert scene.records.states[-1] is not None
    assert scene.records.states[-1].code == "TLM-FIL-022"
    assert scene.taken() == []
    scene.root.unlink()
    scene.root.mkdir()
    scene.write("1.dcm", image())
    scene.during(20)
    assert scene.taken() == [b"1.dcm"]
    assert scene.records.states[-1] is None


class FullStore:
    """A store without room, until there is some."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.place = scene, scene.store.place
        self.error: Exception | None = StoreTrouble(NO_ROOM, free="", reserve="")
        scene.store.place = self  # type: ignore[method-assign]

    def __call__(self, spooled: Spooled) -> Stored:
        if self.error is not None:
            raise self.error
        return self.place(spooled)


@pytest.mark.parametrize("kind", [StoreTrouble, NoRoom, RecordsTrouble])
def test_nothing_is_lost_while_nothing_can_be_taken(scene: Scene, kind: type[StoreTrouble]) -> None:
    for number in range(5):
        scene.write(f"{number}.dcm", image(number))
    store = FullStore(scene)
    store.error = kind(NO_ROOM, free="", reserve="")
    scene.during(30)
    assert scene.records.words == []
    assert scene.records.states[-1] is not None
    store.error = None
    scene.during(10)
    assert sorted(scene.taken()) == [b"%d.dcm" % number for number in range(5)]
    assert scene.records.states[-1] is None


def test_records_that_fail_after_the_receipt_make_the_file_be_taken_again_with_the_same_receipt(scene: Scene) -> None:
    scene.write("1.dcm", image())
    scene.during(0.9)
    scene.records.note_trouble = RecordsTrouble(NO_ROOM, free="", reserve="")
    scene.during(2)
    assert scene.arrived >= 1
    scene.records.note_trouble = None
    scene.during(10)
    assert scene.taken() == [b"1.dcm"]
    assert len(scene.ledger.arrivals) == 1


def test_one_file_that_is_too_large_does_not_keep_the_others(scene: Scene) -> None:
    scene.store._object_limit = 4000
    scene.write("large.dcm", image(1, pixels=b"\1\2" * 4000))
    scene.write("small.dcm", image(2))
    scene.during(3)
    assert scene.taken() == [b"small.dcm"]
    assert list(scene.passed_over()) == [b"large.dcm"]


def test_a_file_for_which_there_is_no_room_does_not_keep_the_others(scene: Scene) -> None:
    scene.intake._room._ask = lambda: (100_000, 1 << 30)
    scene.write("large.dcm", image(1, pixels=b"\1\2" * 100_000))
    scene.write("small.dcm", image(2))
    scene.during(3)
    assert scene.taken() == [b"small.dcm"]
    assert scene.records.states[-1] is not None
    assert scene.records.states[-1].code == "TLM-INT-001"


def test_a_file_that_cannot_be_read_is_told_of_after_a_while_and_tried_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tolmach.adapters.folder.inner_folders as inner_folders

    scene.write("locked.dcm", image())
    scene.write("2.dcm", image(2))
    real = inner_folders._ByDescriptor.open

    def refuse(folder: inner_folders._ByDescriptor, name: bytes) -> int:
        if name == b"locked.dcm":
            raise PermissionError(13, "Permission denied")
        return real(folder, name)

    with monkeypatch.context() as patched:
        patched.setattr(inner_folders._ByDescriptor, "open", refuse)
        scene.during(30)
        assert scene.taken() == [b"2.dcm"]
        assert set(scene.records.states) == {None}
        scene.during(60)
        assert scene.records.states[-1] is not None
        assert scene.records.states[-1].code == "TLM-INT-042"
    scene.during(70)
    assert scene.taken() == [b"2.dcm", b"locked.dcm"]
    assert scene.records.states[-1] is None


def test_an_error_nobody_foresaw_keeps_one_file_and_not_the_others(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        scene.write(f"{number}.dcm", image(number))
    real = scene.taker.take

    def take(seen: Seen) -> Taken:
        if seen.mark.path == b"2.dcm":
            raise ZeroDivisionError
        return real(seen)

    with monkeypatch.context() as patched:
        patched.setattr(Taker, "take", lambda _taker, seen: take(seen))
        scene.during(5)
        assert scene.taken() == [b"1.dcm", b"3.dcm"]
        assert scene.records.states[-1] is not None
        assert scene.records.states[-1].code == "TLM-INT-045"
    scene.during(70)
    assert scene.taken() == [b"1.dcm", b"3.dcm", b"2.dcm"]
    assert scene.records.states[-1] is None


# Many -------------------------------------------------------------------------------------------------------


def test_more_files_than_may_be_remembered_are_all_taken(scene: Scene) -> None:
    scene.watch._stability = Stability(MANNER, most=7)
    for number in range(30):
        scene.write(f"{number}.dcm", image(number))
    scene.during(30)
    assert sorted(scene.taken()) == sorted(b"%d.dcm" % number for number in range(30))


def test_a_full_memory_of_files_that_wait_does_not_keep_the_processor_busy(scene: Scene) -> None:
    scene.watch._stability = Stability(MANNER, most=3)
    for number in range(5):
        scene.write(f"{number}.dcm", image(number)[:-5])
    scene.during(2)
    assert scene.watch.round() > 1


def test_threads_take_each_file_once_and_notes_come_in_batches(scene: Scene) -> None:
    for number in range(300):
        scene.write(f"{number}.dcm", image(number))
    with ThreadPoolExecutor(4) as pool:
        scene.watch.round(pool)
        scene.clock.pass_by(1)
        scene.watch.round(pool)
    assert len(scene.taken()) == len(set(scene.taken())) == 300
    assert scene.arrived == 3  # commits, not files
    assert scene.stored() == {image(number) for number in range(300)}


def test_the_records_are_asked_in_batches(scene: Scene) -> None:
    for number in range(2500):
        (scene.root / f"{number}.dcm").touch()
    scene.watch.round()
    assert scene.records.asked == 3


def test_a_folder_that_takes_long_to_go_through_is_not_gone_through_all_the_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = []
    real = scene.folder.scan

    def scan() -> Iterator[FileMark | Problem]:
        scans.append(scene.clock.seconds)
        scene.clock.pass_by(1.0)
        return real()

    monkeypatch.setattr(scene.folder, "scan", scan)
    begin = scene.clock.seconds
    while scene.clock.seconds < begin + 40:
        scene.hints.tell(None)  # as for each new folder
        scene.watch.round()
        scene.clock.pass_by(0.1)
    assert 8 <= len(scans) <= 11
    scans.clear()
    scene.during(100)
    assert 8 <= len(scans) <= 11


def test_too_many_events_make_a_scan_of_them() -> None:
    bell = Bell()
    hints = Hints(bell)
    for number in range(20_001):
        hints.tell(b"%d" % number)
    paths, must_scan = hints.collect()
    assert (len(paths), must_scan) == (20_000, True)
    assert hints.collect() == ({}, False)


def test_files_that_are_gone_are_forgotten_but_not_while_the_folder_looks_empty(scene: Scene) -> None:
    first, second = scene.write("1.dcm", image(1)), scene.write("2.dcm", image(2))
    scene.during(2)
    first.unlink()
    scene.during(130)
    assert [path for _watch, path in scene.records.dealings] == [b"2.dcm"]
    second.unlink()
    scene.during(130)
    assert [path for _watch, path in scene.records.dealings] == [b"2.dcm"]


def test_the_loop_runs_until_the_bell_says_stop(scene: Scene) -> None:
    import time

    bell = Bell()
    manner = Manner(settle_seconds=0.1, scan_seconds=0.05)
    scene = Scene(scene.root.parent, manner)
    scene.watch.bell, scene.watch.clock, scene.watch.taker._clock = bell, time.monotonic, time.monotonic
    taken = threading.Event()
    scene.watch.arrived = taken.set
    thread = threading.Thread(target=scene.watch.run)
    thread.start()
    try:
        scene.write("1.dcm", image())
        assert taken.wait(10)
    finally:
        bell.stop()
        thread.join(10)
    assert not thread.is_alive()
    assert scene.taken() == [b"1.dcm"]


def test_stopping_leaves_what_is_in_hand_for_the_next_start(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    content = image(1, pixels=os.urandom(20_000))
    scene.write("1.dcm", content)
    scene.during(0.9)
    real = OpenFile.chunks

    def chunks(opened: OpenFile):  # type: ignore[no-untyped-def]
        for chunk in real(opened):
            scene.bell.stopped = True
            yield chunk

    monkeypatch.setattr(OpenFile, "chunks", chunks)
    scene.clock.pass_by(1)
    scene.watch.round()
    assert scene.records.words == []
    assert scene.ledger.arrivals == []
    assert list(scene.store.incoming.iterdir()) == []


# Tidying ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", ["delete", "move"])
def test_files_leave_only_when_every_destination_has_confirmed(tmp_path: Path, after: str) -> None:
    scene = Scene(tmp_path, MANNER, after=after)
    for number in (1, 2):
        scene.write(f"sub/{number}.dcm", image(number))
    scene.during(30)
    assert len(listing(scene.root)) == 2
    (taken,) = [one.object_id for one in scene.records.words if one.mark.path == b"sub/1.dcm"]
    assert taken is not None
    scene.records.confirmed.add(taken)
    scene.during(5)
    assert list(listing(scene.root)) == ["sub/2.dcm"]
    assert [content for content, *_ in listing(scene.moved).values()] == ([image(1)] if after == "move" else [])
    assert [(one.mark.path, one.problem) for one in scene.records.tidy] == [(b"sub/1.dcm", None)]


def test_files_that_may_not_be_removed_are_told_of_and_hide_no_others_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch_module, "TIDIED_TOGETHER", 3)
    monkeypatch.setattr(watch_module, "MOST_UNTIDY", 2)
    scene = Scene(tmp_path, MANNER, after="delete")
    kept = b"12345"
    for number in range(1, 9):
        scene.write(f"{number}.dcm", image(number))
    scene.during(3)
    tidy, tried = Tidier.tidy, []

    def refuse(tidier: Tidier, tidying: Tidying) -> Dealing:
        tried.append(tidying.mark.path)
        if tidying.mark.path[0] in kept:
            raise WatchTrouble(KEPT_NOT_ALLOWED, path=tidying.mark.path, why="a lock")
        return tidy(tidier, tidying)

    scene.records.confirmed |= {one.object_id for one in scene.records.words if one.object_id}
    with monkeypatch.context() as patched:
        patched.setattr(Tidier, "tidy", refuse)
        scene.during(60)
        assert sorted(listing(scene.root)) == [f"{number}.dcm" for number in range(1, 6)]
        assert len(tried) < 40  # each time a file is read to its end
    assert scene.records.states[-1] is not None
    assert scene.records.states[-1].code == "TLM-FIL-029"
    assert caplog.text.count("room-1: TLM-FIL-029") == 1
    scene.during(30)
    assert listing(scene.root) == {}
    assert scene.records.states[-1] is None


def test_trouble_with_one_file_keeps_neither_the_tidying_of_others_nor_the_taking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, MANNER, after="move")
    for number in range(3):
        scene.write(f"{number}.dcm", image(number))
    scene.during(3)
    scene.records.confirmed |= {one.object_id for one in scene.records.words if one.object_id}
    scene.moved.rmdir()
    scene.write("new.dcm", image(9))
    scene.during(3)
    assert b"new.dcm" in scene.taken()
    assert scene.records.tidy == []
    assert scene.records.states[-1] is not None
    assert scene.records.states[-1].code == "TLM-FIL-030"
    assert len(listing(scene.root)) == 4
    scene.moved.mkdir()
    scene.during(10)
    assert list(listing(scene.root)) == ["new.dcm"]
    assert scene.records.states[-1] is None
