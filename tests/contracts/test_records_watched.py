"""What is known of watched folders, for every implementation of the records."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.contracts.records_factories import FACTORIES, Clock, Factory, again, opened
from tests.contracts.records_values import FROM_CT, NOW, PROBLEM, arrival, ending, sha256_of
from tolmach.adapters.sql import Records
from tolmach.delivery.interfaces import Conclusion
from tolmach.intake.interfaces import Dealing, FileMark, Provenance

ROOM = Provenance("folder", "room-1")
GOOD = {"status": "0000", "proof": "response"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=FACTORIES)
def records(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Records]:
    yield from opened(request.param, tmp_path, clock)


def mark(name: bytes | int, **known: int) -> FileMark:
    path = name if isinstance(name, bytes) else b"dir/%06d.dcm" % name
    return replace(FileMark(path, 64_770, 1_000_003, 524_288, 1_795_000_000_123_456_789), **known)


def take(records: Records, number: int, *, to: tuple[str, ...] = ("pacs",), **what: Any) -> Dealing:
    """Take a file as the agent does: receipt, journey, note."""
    object_id = records.receipts.record(arrival(number, provenance=ROOM)).object_id
    records.ends.finish([ending(object_id, study=f"1.{number}", destinations=to, **what)])
    dealing = Dealing(mark(number), sha256_of(number), object_id)
    records.watched.note("room-1", [dealing])
    return dealing


def deliver(records: Records, to: str = "pacs", at: timedelta = timedelta(0)) -> None:
    for line in records.outbox.claim(to, "w", 99, NOW + at, 60):
        records.outbox.conclude([Conclusion(line.delivery_id, "delivered", **GOOD)], NOW)  # type: ignore[arg-type]


def confirmed(records: Records, watch: str = "room-1") -> list[bytes]:
    return [one.mark.path for one in records.watched.tidyings(watch, 99)]


# What is settled ----------------------------------------------------------------------------------------------------


def test_nothing_is_settled_before_it_is_noted(records: Records) -> None:
    assert records.watched.settled("room-1", [mark(1), mark(2)]) == set()
    assert records.watched.settled("room-1", []) == set()


def test_taken_and_passed_over_files_are_settled(records: Records) -> None:
    taken = take(records, 1)
    over = Dealing(mark(2), problem=PROBLEM)
    records.watched.note("room-1", [over])
    assert records.watched.settled("room-1", [mark(1), mark(2), mark(3)]) == {taken.mark, over.mark}
    assert records.watched.settled("room-2", [mark(1), mark(2)]) == set()


@pytest.mark.parametrize("what", ["device", "inode", "size", "modified_ns"])
def test_whatever_is_done_to_a_file_makes_it_new(records: Records, what: str) -> None:
    take(records, 1)
    changed = replace(mark(1), **{what: getattr(mark(1), what) + 1})
    assert records.watched.settled("room-1", [changed, mark(1)]) == {mark(1)}


def test_a_later_word_replaces_the_earlier(records: Records) -> None:
    first = take(records, 1)
    rewritten = replace(first, mark=mark(1, size=7), sha256=sha256_of(1, 2))
    records.watched.note("room-1", [rewritten])
    assert records.watched.settled("room-1", [first.mark, rewritten.mark]) == {rewritten.mark}
    records.watched.note("room-1", [Dealing(mark(1, size=8)), Dealing(mark(1, size=9), problem=PROBLEM)])
    assert records.watched.settled("room-1", [mark(1, size=8), mark(1, size=9)]) == {mark(1, size=9)}


@pytest.mark.parametrize(
    "path",
    [
        b"\xc8\xe2\xe0\xed\xee\xe2.dcm",
        b"new\nline",
        b"\xff" * 255,
        b"/".join([b"d"] * 50),
        b"with ' and \" and %",
        b"\0",
    ],
)
def test_names_in_any_bytes(records: Records, path: bytes) -> None:
    one = mark(path)
    records.watched.note("room-1", [Dealing(one, "ab")])
    assert records.watched.settled("room-1", [one]) == {one}
    assert records.watched.paths("room-1", b"", 9) == [path]
    records.watched.forget("room-1", [path])
    assert records.watched.settled("room-1", [one]) == set()


@pytest.mark.parametrize("inode", [0, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, (1 << 128) - 1])
@pytest.mark.parametrize("modified_ns", [-1, 0, 1 << 63, 1 << 70])
def test_numbers_of_any_file_system_and_any_clock(records: Records, inode: int, modified_ns: int) -> None:
    one = mark(1, inode=inode, device=inode, modified_ns=modified_ns, size=(1 << 63) - 1)
    records.watched.note("room-1", [Dealing(one)])
    assert records.watched.settled("room-1", [one]) == {one}


def test_a_name_that_no_text_can_hold_is_a_watch_all_the_same(records: Records) -> None:
    name = "room \0 \udcff"
    records.watched.note(name, [Dealing(mark(1))])
    records.watched.note_state(name, None, NOW)
    assert records.watched.settled(name, [mark(1)]) == {mark(1)}
    assert len(records.watched.states()) == 1


def test_a_thousand_marks_at_once_and_more_in_a_note(records: Records) -> None:
    marks = [mark(number) for number in range(1203)]
    records.watched.note("room-1", [Dealing(one) for one in marks])
    assert records.watched.settled("room-1", marks[:1000]) == set(marks[:1000])
    assert records.watched.settled("room-1", [mark(number, size=1) for number in range(1000)]) == set()


def test_what_is_noted_survives_a_restart_and_another_process_sees_it(
    records: Records, tmp_path: Path, clock: Clock
) -> None:
    dealing = take(records, 1)
    with again(records, tmp_path, clock) as other:
        assert other.watched.settled("room-1", [dealing.mark]) == {dealing.mark}


def test_a_note_shares_the_fate_of_its_call(records: Records) -> None:
    broken = Dealing(mark(2), "ab", object_id=999)
    with pytest.raises(Exception, match=r"."):
        records.watched.note("room-1", [Dealing(mark(1)), broken])
    assert records.watched.settled("room-1", [mark(1), mark(2)]) == set()


# What may be tidied -------------------------------------------------------------------------------------------------


def test_a_file_may_be_tidied_once_every_destination_has_confirmed(records: Records) -> None:
    dealing = take(records, 1, to=("pacs", "mirror", "room-1 export"))
    assert confirmed(records) == []
    deliver(records, "pacs")
    deliver(records, "mirror")
    assert confirmed(records) == []
    deliver(records, "room-1 export")
    (one,) = records.watched.tidyings("room-1", 9)
    assert (one.mark, one.sha256, one.object_id) == (dealing.mark, dealing.sha256, dealing.object_id)
    assert confirmed(records, "room-2") == []


def test_what_is_kept_here_alone_is_confirmed_when_its_journey_has_ended(records: Records) -> None:
    object_id = records.receipts.record(arrival(1, provenance=ROOM)).object_id
    records.watched.note("room-1", [Dealing(mark(1), sha256_of(1), object_id)])
    assert confirmed(records) == []
    records.ends.finish([ending(object_id, destinations=())])
    assert confirmed(records) == [mark(1).path]


@pytest.mark.parametrize("how", ["queued", "leased", "awaiting", "held", "held by a person", "quarantined", "deleted"])
def test_a_line_that_is_not_delivered_keeps_the_file(records: Records, how: str) -> None:
    what = {"held": {"held_for": PROBLEM}, "quarantined": {"quarantine": PROBLEM}}.get(how, {})
    take(records, 1, to=() if how == "quarantined" else ("pacs", "mirror"), **what)
    if how != "held":
        deliver(records, "mirror")
    if how in ("leased", "awaiting"):
        (line,) = records.outbox.claim("pacs", "w", 9, NOW, 60)
        if how == "awaiting":
            records.outbox.conclude([Conclusion(line.delivery_id, "queued", awaits_proof=True)], NOW)
    elif how == "held by a person":
        records.desk.hold(None, "pacs", "doctor")
    elif how == "deleted":
        records.desk.drop(None, "pacs", "doctor")
    assert confirmed(records) == []


def test_what_was_in_quarantine_and_went_out_after_all_is_confirmed(records: Records) -> None:
    dealing = take(records, 1, quarantine=PROBLEM)
    records.desk.retry(None, None, "doctor")
    assert confirmed(records) == []
    assert dealing.object_id is not None
    records.ends.finish([ending(dealing.object_id)])
    deliver(records)
    assert confirmed(records) == [mark(1).path]


def test_another_source_of_the_object_must_be_served_too(records: Records) -> None:
    dealing = take(records, 1)
    deliver(records)
    assert confirmed(records) == [mark(1).path]
    records.receipts.record(arrival(1, provenance=FROM_CT))
    assert confirmed(records) == []  # its journey goes on
    records.receipts.record(arrival(1, provenance=Provenance("dimse", "", "MR1", "10.0.0.9")))
    assert dealing.object_id is not None
    records.ends.finish([ending(dealing.object_id)])
    assert confirmed(records) == []  # a third source waits for its turn
    (pending,) = records.journeys.pending(9)
    records.ends.finish([ending(pending.object_id, destinations=("mirror",))])
    assert confirmed(records) == []
    deliver(records, "mirror")
    assert confirmed(records) == [mark(1).path]


def test_the_file_stays_while_our_own_bytes_are_missing_or_spoilt(records: Records) -> None:
    take(records, 1, to=())
    for flag in (records.stored.flag_missing, records.stored.flag_rotten):
        flag([sha256_of(1)])
        assert confirmed(records) == []
        records.stored.unflag([sha256_of(1)])
        assert confirmed(records) == [mark(1).path]


def test_what_was_passed_over_is_never_tidied(records: Records) -> None:
    records.watched.note("room-1", [Dealing(mark(1), problem=PROBLEM)])
    assert confirmed(records) == []


def test_tidyings_come_oldest_first_and_no_more_than_asked_for(records: Records) -> None:
    for number in (5, 3, 4):
        take(records, number)
    deliver(records)
    records.watched.note("room-1", [Dealing(mark(b"copy of 5"), sha256_of(5), 1)])
    for number in (3, 4):
        deliver(records, at=timedelta(seconds=number))
    order = [mark(5).path, b"copy of 5", mark(3).path, mark(4).path]
    assert [one.mark.path for one in records.watched.tidyings("room-1", 9)] in (order, [order[1], order[0], *order[2:]])
    assert len(records.watched.tidyings("room-1", 2)) == 2
    behind = records.watched.tidyings("room-1", 9, after=1)
    assert [one.mark.path for one in behind] == [mark(3).path, mark(4).path]


def test_what_is_tidied_is_not_given_again(records: Records) -> None:
    dealing = take(records, 1, to=())
    for _ in range(2):
        records.watched.tidied("room-1", [Dealing(dealing.mark)])
        assert confirmed(records) == []
        assert records.watched.settled("room-1", [dealing.mark]) == {dealing.mark}


def test_what_is_left_where_it_is_for_good_is_not_given_again(records: Records) -> None:
    dealing = take(records, 1, to=())
    records.watched.tidied("room-1", [replace(dealing, problem=PROBLEM)])
    assert confirmed(records) == []
    assert records.watched.settled("room-1", [dealing.mark]) == {dealing.mark}


@pytest.mark.parametrize("problem", [None, PROBLEM])
def test_a_late_note_of_the_same_file_does_not_untidy_it(records: Records, problem: Any) -> None:
    dealing = take(records, 1, to=())
    records.watched.tidied("room-1", [replace(dealing, problem=problem)])
    records.watched.note("room-1", [dealing])
    records.watched.note("room-1", [replace(dealing, problem=PROBLEM)])
    assert confirmed(records) == []


def test_sending_an_object_once_more_does_not_untidy_its_file(records: Records) -> None:
    dealing = take(records, 1)
    deliver(records)
    records.watched.tidied("room-1", [dealing])
    assert dealing.object_id is not None
    records.desk.resend([dealing.object_id], ["pacs", "mirror"], "nurse")
    assert confirmed(records) == []
    deliver(records)
    deliver(records, "mirror")
    assert confirmed(records) == []


def test_sending_an_object_once_more_keeps_a_file_that_is_not_tidied_yet(records: Records) -> None:
    dealing = take(records, 1)
    deliver(records)
    assert dealing.object_id is not None
    records.desk.resend([dealing.object_id], None, "nurse")
    assert confirmed(records) == []
    deliver(records)
    assert confirmed(records) == [mark(1).path]


def test_a_file_that_changed_since_is_not_tidied_with_its_old_mark(records: Records) -> None:
    old = take(records, 1, to=())
    version = records.receipts.record(arrival(1, 2, provenance=ROOM)).object_id
    records.ends.finish([ending(version, destinations=())])
    new = Dealing(mark(1, size=9), sha256_of(1, 2), version)
    records.watched.note("room-1", [new])
    records.watched.tidied("room-1", [old])
    assert [one.mark for one in records.watched.tidyings("room-1", 9)] == [new.mark]
    records.watched.tidied("room-1", [new])
    assert confirmed(records) == []


def test_a_file_that_comes_back_changed_after_it_was_tidied_is_new(records: Records) -> None:
    dealing = take(records, 1, to=())
    records.watched.tidied("room-1", [dealing])
    again = replace(dealing, mark=mark(1, inode=77))
    assert records.watched.settled("room-1", [again.mark]) == set()
    records.watched.note("room-1", [again])
    assert confirmed(records) == [mark(1).path]


# What is gone -------------------------------------------------------------------------------------------------------


def test_known_paths_come_in_the_order_of_their_bytes(records: Records) -> None:
    names = [b"b", b"a/\xff", b"a", b"\xc0", b"a b", b"Z", b"a/\x01"]
    records.watched.note("room-1", [Dealing(mark(name)) for name in names])
    records.watched.note("room-2", [Dealing(mark(b"aa"))])
    assert records.watched.paths("room-1", b"", 99) == sorted(names)
    assert records.watched.paths("room-1", b"a", 2) == sorted(names)[2:4]
    assert records.watched.paths("room-1", b"\xc0", 99) == []


def test_forgotten_files_stay_in_the_history(records: Records) -> None:
    take(records, 1)
    take(records, 2)
    for _ in range(2):
        records.watched.forget("room-1", [mark(1).path, b"never there"])
        assert records.watched.paths("room-1", b"", 9) == [mark(2).path]
    records.watched.forget("room-1", [])
    assert len(list(records.desk.history())) == 2


def test_a_forgotten_file_that_comes_again_gives_the_same_receipt(records: Records) -> None:
    first = take(records, 1)
    deliver(records)
    records.watched.forget("room-1", [mark(1).path])
    second = take(records, 1)
    assert first.object_id == second.object_id
    assert records.journeys.pending(9) == []
    assert confirmed(records) == [mark(1).path]


def test_many_are_forgotten_at_once(records: Records) -> None:
    paths = [mark(number).path for number in range(1203)]
    records.watched.note("room-1", [Dealing(mark(number)) for number in range(1204)])
    records.watched.forget("room-1", paths)
    assert records.watched.paths("room-1", b"", 9) == [mark(1203).path]


# The state of a folder ----------------------------------------------------------------------------------------------


def test_the_state_of_a_folder_is_seen(records: Records, clock: Clock) -> None:
    assert records.watched.states() == []
    records.watched.note_state("room-1", PROBLEM, NOW)
    records.watched.note_state("room-1", PROBLEM, NOW + timedelta(minutes=3))
    (state,) = records.watched.states()
    assert (state.name, state.mode, state.looked_at) == ("room-1", "", NOW + timedelta(minutes=3))
    assert (state.trouble, state.trouble_since) == (PROBLEM, NOW)
    records.watched.note_state("room-1", None, NOW + timedelta(minutes=4))
    (state,) = records.watched.states()
    assert (state.trouble, state.trouble_since) == (None, None)
    clock.pass_by(hours=1)
    take(records, 1)
    records.watched.note("room-1", [Dealing(mark(2), problem=PROBLEM)])
    records.watched.note_state("a", None, NOW)
    first, second = records.watched.states()
    assert (first.name, first.taken, first.last_taken_at, first.last_path) == ("a", 0, None, None)
    assert (second.taken, second.passed_over, second.last_taken_at) == (1, 1, clock.now)
    assert second.last_path == mark(1).path
    assert second.as_json()["last_file"] == mark(1).path.decode()


def test_a_look_that_finds_nothing_new_is_not_written_each_time(records: Records) -> None:
    def looked_at() -> Any:
        return records.watched.states()[0].looked_at

    records.watched.note_state("room-1", None, NOW)
    records.watched.note_state("room-1", None, NOW + timedelta(seconds=1))
    assert looked_at() == NOW
    records.watched.note_state("room-1", PROBLEM, NOW + timedelta(seconds=2))
    assert looked_at() == NOW + timedelta(seconds=2)
    records.watched.note_state("room-1", PROBLEM, NOW + timedelta(seconds=8))
    assert looked_at() == NOW + timedelta(seconds=8)
    back = NOW - timedelta(hours=1)  # the clock was set
    records.watched.note_state("room-1", PROBLEM, back)
    assert looked_at() == back


def test_what_is_said_twice_is_counted_once(records: Records, clock: Clock) -> None:
    dealings = [take(records, 1), Dealing(mark(2), problem=PROBLEM)]
    for _ in range(2):
        clock.pass_by(minutes=1)
        records.watched.note("room-1", dealings)
    (state,) = records.watched.states()
    assert (state.taken, state.passed_over, state.last_taken_at) == (1, 1, NOW)
    records.watched.note("room-1", [replace(dealings[0], mark=mark(1, size=3), sha256="cd")])
    (state,) = records.watched.states()
    assert (state.taken, state.passed_over, state.last_taken_at) == (2, 1, clock.now)


def test_a_mode_is_set_and_the_word_is_kept(records: Records) -> None:
    assert records.watched.mode("room-1") == ""
    assert records.watched.set_mode("room-1", "shadow", "nurse")
    assert not records.watched.set_mode("room-1", "shadow", "nurse")
    assert records.watched.mode("room-1") == "shadow"
    assert records.watched.set_mode("room-1", "live", "doctor")
    said = [(event.actor, event.action, dict(event.details)) for event in records.events()]
    assert said == [
        ("nurse", "watch-mode", {"watch": "room-1", "mode": "shadow", "earlier": ""}),
        ("doctor", "watch-mode", {"watch": "room-1", "mode": "live", "earlier": "shadow"}),
    ]
    assert [(state.name, state.mode) for state in records.watched.states()] == [("room-1", "live")]
    with pytest.raises(ValueError, match="who"):
        records.watched.set_mode("room-1", "shadow", "")
    with pytest.raises(ValueError, match="off"):
        records.watched.set_mode("room-1", "off", "nurse")  # type: ignore[arg-type]


@pytest.mark.parametrize("before", ["", "live", "shadow"])
def test_after_a_pause_a_folder_goes_on_as_before(records: Records, before: Any) -> None:
    if before:
        records.watched.set_mode("room-1", before, "nurse")
    assert not records.watched.resume("room-1", "nurse")
    assert records.watched.set_mode("room-1", "paused", "nurse")
    assert not records.watched.set_mode("room-1", "paused", "nurse")
    assert records.watched.resume("room-1", "nurse")
    assert records.watched.mode("room-1") == before


def test_a_mode_says_nothing_of_the_rest(records: Records) -> None:
    take(records, 1)
    records.watched.note_state("room-1", PROBLEM, NOW)
    records.watched.set_mode("room-1", "paused", "nurse")
    (state,) = records.watched.states()
    assert (state.taken, state.trouble, state.looked_at, state.mode) == (1, PROBLEM, NOW, "paused")
    records.watched.note_state("room-1", None, NOW + timedelta(minutes=1))
    assert records.watched.mode("room-1") == "paused"


def test_a_mode_set_elsewhere_is_noticed(records: Records, tmp_path: Path, clock: Clock) -> None:
    records.changed_elsewhere()
    with again(records, tmp_path, clock) as other:
        other.watched.set_mode("room-1", "paused", "nurse")
    assert records.changed_elsewhere()
    assert records.watched.mode("room-1") == "paused"


# Whatever happens in whatever order ---------------------------------------------------------------------------------

FILES = st.integers(0, 3)


class Folder(RuleBasedStateMachine):
    """A folder, its files and what is known of them, in simple books of its own; each word is said twice."""

    make: Factory

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.records: Records = self.make(Path(self.folder.name), self.clock)
        self.known: dict[bytes, tuple[FileMark, int | None]] = {}
        self.tidied: set[bytes] = set()
        self.taken = 0

    def teardown(self) -> None:
        if hasattr(self, "records"):
            self.records.close()
            self.folder.cleanup()

    def say(self, path: bytes, dealing: Dealing) -> None:
        for _ in range(2):
            self.records.watched.note("room-1", [dealing])
        word = (dealing.mark, dealing.object_id)
        if self.known.get(path) != word:
            self.taken += dealing.object_id is not None
            self.known[path] = word
            self.tidied.discard(path)

    @rule(file=FILES, size=st.integers(1, 2), to=st.sampled_from([(), ("pacs",), ("pacs", "mirror")]))
    def take(self, file: int, size: int, to: tuple[str, ...]) -> None:
        sha256 = sha256_of(file, size)
        object_id = self.records.receipts.record(arrival(file, size, provenance=ROOM)).object_id
        self.records.ends.finish([ending(object_id, study=str(object_id), destinations=to)])
        self.say(mark(file).path, Dealing(mark(file, size=size), sha256, object_id))

    @rule(file=FILES, size=st.integers(1, 3))
    def pass_over(self, file: int, size: int) -> None:
        self.say(mark(file).path, Dealing(mark(file, size=size), problem=PROBLEM))

    @rule(to=st.sampled_from(["pacs", "mirror"]))
    def deliver(self, to: str) -> None:
        deliver(self.records, to)

    @rule(verb=st.sampled_from(["hold", "drop", "retry"]))
    def decide(self, verb: str) -> None:
        getattr(self.records.desk, verb)(None, None, "somebody")

    @rule(limit=st.integers(1, 3), problem=st.sampled_from([None, PROBLEM]))
    def tidy(self, limit: int, problem: Any) -> None:
        for one in self.records.watched.tidyings("room-1", limit):
            for _ in range(2):
                self.records.watched.tidied("room-1", [Dealing(one.mark, one.sha256, one.object_id, problem)])
            self.tidied.add(one.mark.path)

    @rule(file=FILES)
    def vanish(self, file: int) -> None:
        for _ in range(2):
            self.records.watched.forget("room-1", [mark(file).path])
        self.known.pop(mark(file).path, None)
        self.tidied.discard(mark(file).path)

    @rule()
    def restart(self) -> None:
        self.records.close()
        self.records = self.make(Path(self.folder.name), self.clock)
        self.records.outbox.clear_leases()

    @invariant()
    def what_is_known_is_what_was_said(self) -> None:
        if not hasattr(self, "records"):
            return
        watched = self.records.watched
        marks = [mark(file, size=size) for file in range(4) for size in range(1, 4)]
        assert watched.settled("room-1", marks) == {known for known, _ in self.known.values()}
        assert watched.paths("room-1", b"", 99) == sorted(self.known)
        assert [state.taken for state in watched.states()] in ([self.taken], [])
        states = {row.object_id: {line.state for line in row.deliveries} for row in self.records.desk.history()}
        waiting = {path for path, (_, one) in self.known.items() if one is not None and states[one] <= {"delivered"}}
        assert set(confirmed(self.records)) == waiting - self.tidied


@pytest.mark.parametrize("name", FACTORIES)
def test_nothing_is_tidied_early_and_nothing_forgotten(name: str) -> None:
    machine = type("FolderOf" + name, (Folder,), {"make": staticmethod(FACTORIES[name])})
    machine.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)  # type: ignore[attr-defined]
    run = machine.TestCase("runTest")  # type: ignore[attr-defined]
    run.runTest()
