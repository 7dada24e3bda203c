import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.outbox_double import OutboxDouble
from tests.unit.delivery.scripted import (
    FULL,
    START,
    Clock,
    ScriptedSender,
    gone,
    lines,
    outlet_of,
    rejected,
    said,
)
from tolmach.base import Problem, TolmachError
from tolmach.delivery.backoff import RetryPolicy
from tolmach.delivery.faults import NOT_CALLED_FOR, UNEXPECTED, NotNow
from tolmach.delivery.interfaces import Claimed, Outbox
from tolmach.delivery.lane import Lane
from tolmach.delivery.outlet import LanePolicy, Outlet
from tolmach.delivery.wrappers import FreshConnection
from tolmach.intake.faults import NO_ROOM, RecordsTrouble


class Bench:
    """One lane over an outbox in memory, moved by hand."""

    def __init__(self, sender: ScriptedSender, lane: LanePolicy | None = None) -> None:
        self.outbox, self.clock, self.sender = OutboxDouble(), Clock(), sender
        self.outlet: Outlet = outlet_of(self.outbox, self.clock.timing, lane=lane)
        self.lane = Lane(self.outlet, sender, "node/1")

    def step(self) -> float:
        seconds = self.lane.step()
        assert self.outlet.ledger.flush()
        assert not sender_is_open(self.sender), "the sender was left in the middle"
        return seconds

    def steps(self, count: int) -> None:
        """Do rounds, and sleep as long as each of them says."""
        for _ in range(count):
            self.clock.go(max(0.0, self.step()))

    def row(self, number: int) -> object:
        return self.outbox.rows[number]

    def leased(self) -> list[int]:
        return [number for number, row in self.outbox.rows.items() if row.leased_until > self.clock.now]


def sender_is_open(sender: ScriptedSender) -> bool:
    return sender.left_open > 0


def test_what_is_due_is_sent_in_order_and_concluded() -> None:
    bench = Bench(ScriptedSender())
    bench.outbox.add(*lines(1, 2, 3))
    assert bench.step() == 0
    assert bench.sender.tried == [1, 2, 3]
    assert bench.outbox.states() == {"delivered": 3}
    assert bench.outbox.commits == 1
    assert bench.step() == bench.outlet.lane.poll_seconds


def test_what_waits_for_its_time_is_sent_when_it_comes() -> None:
    bench = Bench(ScriptedSender({2: said("later", "A700")}))
    bench.outbox.add(*lines(1, 2))
    bench.step()
    assert bench.step() == pytest.approx(1.0)
    bench.sender.answers.clear()
    bench.clock.go(1.0)
    bench.step()
    assert bench.outbox.states() == {"delivered": 2}
    assert bench.outbox.rows[2].line.attempts == 2


def test_an_unreachable_destination_costs_the_first_line_an_attempt_and_the_others_nothing() -> None:
    bench = Bench(ScriptedSender(unreachable=rejected()))
    bench.outbox.add(*lines(1, 2, 3))
    bench.step()
    assert [bench.outbox.rows[number].line.attempts for number in (1, 2, 3)] == [1, 0, 0]
    last = bench.outbox.rows[1].last
    assert last is not None
    assert last.problem == rejected().problem
    assert last.next_attempt_at == START + timedelta(seconds=1)
    assert bench.leased() == []
    assert bench.outbox.notes == [(rejected().problem, START + timedelta(seconds=1))]


def test_waits_for_a_dead_destination_grow_to_the_cap_and_one_success_ends_them() -> None:
    bench = Bench(ScriptedSender(unreachable=gone()))
    bench.outbox.add(*lines(*range(1, 11)))
    waits = []
    for _ in range(14):
        bench.step()
        wait = bench.step()  # not admitted: says how long
        waits.append(wait)
        bench.clock.go(wait)
    assert waits == pytest.approx([1, 2, 4, 8, 16, 32, 64, 128, 256, 500, 500, 500, 500, 500])
    assert len(bench.sender.calls) == 14
    bench.sender.unreachable = None
    bench.steps(1)
    assert bench.outbox.states() == {"delivered": 10}
    assert bench.outbox.notes[-1] == (None, None)


def test_other_lanes_wait_with_the_one_that_met_the_trouble() -> None:
    bench = Bench(ScriptedSender(unreachable=gone()))
    other_sender = ScriptedSender(unreachable=gone())
    other = Lane(bench.outlet, other_sender, "node/2")
    bench.outbox.add(*lines(1), *lines(2, study="1.9"))
    bench.step()
    assert other.step() == pytest.approx(1.0)
    assert other_sender.calls == []


def test_only_one_lane_tries_a_destination_that_was_gone() -> None:
    bench = Bench(ScriptedSender(unreachable=gone()))
    bench.outbox.add(*lines(1))
    bench.step()
    bench.clock.go(1)
    assert bench.outlet.health.admit(bench.clock.now) is None
    assert bench.outlet.health.admit(bench.clock.now) is not None
    bench.outlet.health.release()
    assert bench.outlet.health.admit(bench.clock.now) is None


def test_one_poison_item_does_not_keep_the_others() -> None:
    bench = Bench(ScriptedSender({2: gone()}))
    bench.outbox.add(*lines(1, 2, 3, 4))
    bench.steps(3)
    assert bench.outbox.states() == {"delivered": 3, "queued": 1}
    assert bench.clock.now - START < timedelta(seconds=5)


@pytest.mark.parametrize(("goes_on_at_once", "minutes"), [(True, 3), (False, 30)])
def test_many_poison_items_do_not_keep_the_others_for_hours(goes_on_at_once: bool, minutes: int) -> None:
    poison = range(1, 31)
    bench = Bench(ScriptedSender({number: gone() for number in poison}))
    if goes_on_at_once:
        fresh = FreshConnection(bench.sender, bench.outlet.timing.monotonic)
        bench.lane = Lane(bench.outlet, fresh, "node/1")
    bench.outbox.add(*lines(*poison), *lines(100, study="1.9"))
    while bench.outbox.rows[100].state != "delivered":
        bench.steps(1)
    assert bench.clock.now - START < timedelta(minutes=minutes)


def test_a_streak_of_later_is_the_destinations_doing() -> None:
    full = Problem(FULL)
    bench = Bench(ScriptedSender({number: said("later", "A700", full) for number in range(1, 101)}))
    bench.outbox.add(*lines(*range(1, 101)))
    bench.step()
    assert len(bench.sender.tried) == bench.outlet.lane.streak
    assert bench.step() == pytest.approx(1.0)
    assert bench.outbox.notes == [(full, START + timedelta(seconds=1))]
    assert sum(row.line.attempts for row in bench.outbox.rows.values()) == bench.outlet.lane.streak


@pytest.mark.parametrize("error", [RecursionError("deep"), MemoryError(), AssertionError("no"), ValueError("x")])
def test_an_unforeseen_error_holds_one_line_and_lets_the_others_go(error: BaseException) -> None:
    bench = Bench(ScriptedSender({2: error}))
    bench.outbox.add(*lines(1, 2, 3))
    bench.steps(2)
    assert bench.outbox.states() == {"delivered": 2, "held": 1}
    row = bench.outbox.rows[2]
    assert row.last is not None
    assert row.last.problem is not None
    assert row.last.problem.fault is UNEXPECTED
    assert row.next_attempt_at is not None


def test_a_held_line_is_tried_again_slowly() -> None:
    bench = Bench(ScriptedSender({1: said("refused", "C000", Problem(FULL))}))
    bench.outbox.add(*lines(1))
    bench.step()
    assert bench.outbox.states() == {"held": 1}
    assert bench.step() == bench.outlet.lane.poll_seconds
    bench.sender.answers.clear()
    bench.clock.go(600)
    bench.step()
    assert bench.outbox.states() == {"delivered": 1}


def test_a_sender_that_says_nothing_is_not_asked_in_circles() -> None:
    class Mute(ScriptedSender):
        def send(self, parcels):  # type: ignore[no-untyped-def]
            yield from ()

    bench = Bench(Mute())
    bench.outbox.add(*lines(1))
    assert bench.step() >= 1.0
    assert bench.leased() == []


def test_outcomes_of_strangers_are_ignored() -> None:
    bench = Bench(ScriptedSender({1: lambda _parcel: said("stored")(parcel_of(lines(77)[0]))}))
    bench.outbox.add(*lines(1))
    bench.step()
    assert bench.outbox.states() == {"queued": 1}


def parcel_of(line: Claimed):  # type: ignore[no-untyped-def]
    from tolmach.delivery.interfaces import Parcel

    return Parcel(line, lambda: None)  # type: ignore[arg-type, return-value]


def test_no_attempt_is_begun_late_in_a_lease() -> None:
    bench = Bench(ScriptedSender(), LanePolicy(lease_seconds=60))
    for number in range(1, 6):
        bench.sender.answers[number] = slow(bench.clock, 11, number)
    bench.outbox.add(*lines(1, 2, 3, 4, 5))
    bench.step()
    assert bench.sender.tried == [1, 2, 3]
    assert bench.leased() == []
    bench.step()
    assert bench.outbox.states() == {"delivered": 5}


def slow(clock: Clock, seconds: float, number: int):  # type: ignore[no-untyped-def]
    def answer(parcel):  # type: ignore[no-untyped-def]
        clock.go(seconds)
        return said("stored")(parcel)

    return answer


def test_what_another_lane_of_this_process_still_sends_is_not_sent_twice() -> None:
    bench = Bench(ScriptedSender())
    added = lines(1, 2)
    bench.outbox.add(*added)
    bench.outlet.in_hand.take(added[:1])  # its lease has ended, its lane has not
    bench.step()
    assert bench.sender.tried == [2]


def test_what_is_concluded_but_not_written_is_not_sent_again() -> None:
    bench = Bench(ScriptedSender())
    bench.outbox.add(*lines(1))
    bench.lane.step()
    bench.clock.go(10_000)  # the lease ended before the records could be written
    assert bench.lane.step() > 0
    assert bench.sender.tried == [1]
    assert bench.outlet.ledger.flush()
    assert bench.outbox.states() == {"delivered": 1}


def test_a_line_claimed_anew_before_the_ledger_knows_that_it_is_written_waits_for_no_lease() -> None:
    bench = Bench(ScriptedSender({1: said("later", "A700")}))
    bench.outbox.add(*lines(1))
    bench.lane.step()
    written = bench.outbox.conclude

    def claimed_meanwhile(*said: object) -> None:
        written(*said)  # type: ignore[arg-type]
        bench.outbox.conclude = written  # type: ignore[method-assign]
        bench.clock.go(5)
        other = threading.Thread(target=Lane(bench.outlet, bench.sender, "node/2").step)
        other.start()
        others.append(other)
        while bench.leased() != [1]:
            time.sleep(0.001)

    others: list[threading.Thread] = []
    bench.outbox.conclude = claimed_meanwhile  # type: ignore[method-assign]
    assert bench.outlet.ledger.flush()
    others[0].join()
    assert bench.leased() == []
    bench.sender.answers.clear()
    bench.step()
    assert bench.outbox.states() == {"delivered": 1}


@pytest.mark.parametrize(
    "unreachable", [gone(), NotNow(NOT_CALLED_FOR, START + timedelta(hours=23), destination="p", opens_at="8")]
)
def test_a_clock_set_back_does_not_park_a_destination(unreachable: TolmachError) -> None:
    bench = Bench(ScriptedSender(unreachable=unreachable))
    bench.outbox.add(*lines(1))
    bench.step()
    bench.clock.go(-2 * 86_400)
    bench.sender.unreachable = None
    bench.step()
    assert bench.outbox.states() == {"delivered": 1}


@pytest.mark.parametrize("error", [RecordsTrouble(NO_ROOM, free="0", reserve="1"), ZeroDivisionError()])
def test_records_that_fail_while_lines_are_given_back_keep_no_line_in_hand(error: BaseException) -> None:
    bench = Bench(ScriptedSender())
    added = lines(1, 2)
    bench.outbox.add(*added)
    bench.outlet.in_hand.take(added[:1])
    give_back = bench.outbox.give_back

    def failing(*_said: object) -> None:
        raise error

    bench.outbox.give_back = failing  # type: ignore[method-assign]
    bench.lane.step()
    bench.outbox.give_back = give_back  # type: ignore[method-assign]
    bench.outlet.in_hand.let_go(added[:1])
    for _ in range(10):
        bench.clock.go(1_000)  # the leases have ended
        bench.step()
    assert bench.outbox.states() == {"delivered": 2}


def test_a_lease_that_the_records_gave_without_an_answer_keeps_nobody_waiting() -> None:
    """The server went away when it had committed the claim: nobody works on those lines, though this lane has them."""
    bench = Bench(ScriptedSender())
    bench.outbox.add(*lines(1, 2))
    claim = bench.outbox.claim

    def cut(*said: Any) -> Sequence[Claimed]:
        claim(*said)
        raise RecordsTrouble(NO_ROOM, free="0", reserve="1")

    bench.outbox.claim = cut  # type: ignore[method-assign]
    assert bench.step() > 0
    assert bench.leased() == [1, 2]
    bench.outbox.claim = claim  # type: ignore[method-assign]
    bench.step()
    assert bench.outbox.states() == {"delivered": 2}


def test_lines_that_could_not_be_given_back_keep_nobody_waiting() -> None:
    bench = Bench(ScriptedSender({2: gone()}))
    bench.outbox.add(*lines(1, 2, 3))
    give_back, clear = bench.outbox.give_back, bench.outbox.clear_leases

    def failing(*_said: object) -> int:
        raise RecordsTrouble(NO_ROOM, free="0", reserve="1")

    bench.outbox.give_back = bench.outbox.clear_leases = failing  # type: ignore[method-assign, assignment]
    bench.step()
    assert bench.leased() != []
    bench.sender.answers.clear()
    bench.clock.go(5.0)
    assert bench.step() > 0  # the records are still away
    bench.outbox.give_back, bench.outbox.clear_leases = give_back, clear  # type: ignore[method-assign]
    bench.step()
    bench.step()
    assert bench.outbox.states() == {"delivered": 3}


def test_what_another_lane_has_in_hand_is_not_kept_from_it() -> None:
    bench = Bench(ScriptedSender())
    added = lines(1)
    bench.outbox.add(*added)
    bench.outlet.in_hand.take(added)
    assert bench.lane.step() > 0
    assert bench.leased() == []


def test_a_closed_window_costs_nobody_an_attempt() -> None:
    opens_at = START + timedelta(hours=5)
    closed = NotNow(NOT_CALLED_FOR, opens_at, destination="pacs", opens_at="08:00")
    bench = Bench(ScriptedSender(unreachable=closed))
    bench.outbox.add(*lines(1, 2))
    bench.step()
    assert [row.line.attempts for row in bench.outbox.rows.values()] == [0, 0]
    assert bench.leased() == []
    assert bench.step() == 5 * 3600
    assert bench.outbox.notes == [(closed.problem, opens_at)]


def test_records_that_cannot_be_read_are_asked_again() -> None:
    class Broken(OutboxDouble):
        def claim(self, *_args: object, **_known: object):  # type: ignore[no-untyped-def]
            raise RecordsTrouble(NO_ROOM, free="0", reserve="1")

    bench = Bench(ScriptedSender())
    broken: Outbox = Broken()
    lane = Lane(outlet_of(broken, bench.clock.timing), bench.sender, "node/1")  # type: ignore[arg-type]
    assert lane.step() > 0


def test_stopping_gives_back_what_was_not_tried() -> None:
    bench = Bench(ScriptedSender())
    bench.outbox.add(*lines(1, 2, 3))

    def stopping(parcel):  # type: ignore[no-untyped-def]
        bench.outlet.bell.stop()
        return said("stored")(parcel)

    bench.sender.answers[1] = stopping
    bench.step()
    assert bench.sender.tried == [1]
    assert bench.outbox.states() == {"delivered": 1, "queued": 2}
    assert bench.leased() == []


def test_a_dead_destination_comes_back_within_the_cap_after_a_fortnight() -> None:
    bench = Bench(ScriptedSender(unreachable=gone()))
    bench.outbox.add(*lines(*range(1, 21)))
    while bench.clock.now < START + timedelta(days=14):
        bench.steps(1)
    back = bench.clock.now
    bench.sender.unreachable = None
    while bench.outbox.states() != {"delivered": 20}:
        bench.steps(1)
    assert bench.clock.now - back <= timedelta(seconds=600)


def test_a_policy_of_its_own_is_kept() -> None:
    outbox, clock = OutboxDouble(), Clock()
    outlet = outlet_of(outbox, clock.timing, retry=RetryPolicy(first_wait_seconds=0.01, longest_wait_seconds=0.05))
    outbox.add(*lines(1))
    lane = Lane(outlet, ScriptedSender(unreachable=gone()), "node/1")
    for _ in range(30):
        lane.step()
        clock.go(0.05)
    assert outbox.notes[-1][1] is not None
    assert outbox.notes[-1][1] - clock.now <= timedelta(seconds=0.05)
