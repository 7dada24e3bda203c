"""The workers in their threads, with real time and small waits."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.outbox_double import OutboxDouble
from tests.unit.delivery.scripted import Clock, ScriptedSender, gone, lines, outlet_of, said
from tolmach.delivery.backoff import RetryPolicy
from tolmach.delivery.bell import Bell
from tolmach.delivery.dispatch import Dispatch
from tolmach.delivery.faults import UNEXPECTED
from tolmach.delivery.health import Health
from tolmach.delivery.interfaces import Conclusion, ProofAnswer, ProofKind
from tolmach.delivery.ledger import BATCH, Ledger
from tolmach.delivery.outlet import LanePolicy, Timing
from tolmach.intake.faults import NO_ROOM, RecordsTrouble

TIMING = Timing(lambda: datetime.now(UTC), time.monotonic, random.random)
QUICK = RetryPolicy(first_wait_seconds=0.01, longest_wait_seconds=0.2)
LANE = LanePolicy(poll_seconds=0.5, blocked_seconds=0.05, settle_seconds=0.001, idle_seconds=0.02)


@contextmanager
def dispatched(outbox: OutboxDouble, *senders: ScriptedSender, **known: object) -> Iterator[Dispatch]:
    dispatch = Dispatch(outlet_of(outbox, TIMING, retry=QUICK, lane=LANE), senders, "node", **known)  # type: ignore[arg-type]
    dispatch.start()
    try:
        yield dispatch
    finally:
        assert dispatch.stop(), "a worker did not stop"


def test_lanes_share_the_work_and_everything_arrives_once() -> None:
    outbox, senders = OutboxDouble(), [ScriptedSender() for _ in range(4)]
    for study in range(20):
        outbox.add(*lines(*range(study * 25, study * 25 + 25), study=f"1.{study}"))
    with dispatched(outbox, *senders):
        outbox.wait_for(delivered=500)
    assert sorted(number for sender in senders for number in sender.tried) == list(range(500))
    assert outbox.commits < 60


def test_order_inside_a_study_is_kept() -> None:
    outbox, senders = OutboxDouble(), [ScriptedSender() for _ in range(3)]
    order: list[int] = []
    for sender in senders:
        sender.answers = {number: noting(order) for number in range(300)}
    outbox.add(*lines(*range(300)))
    with dispatched(outbox, *senders):
        outbox.wait_for(delivered=300)
    assert order == list(range(300))


def noting(order: list[int]) -> Callable:  # type: ignore[type-arg]
    def answer(parcel):  # type: ignore[no-untyped-def]
        order.append(parcel.line.delivery_id)
        return said("stored")(parcel)

    return answer


def test_a_ring_wakes_a_sleeping_lane() -> None:
    outbox, sender = OutboxDouble(), ScriptedSender()
    outlet = outlet_of(outbox, TIMING, lane=LanePolicy(poll_seconds=3600, settle_seconds=0.001))
    dispatch = Dispatch(outlet, [sender], "node")
    dispatch.start()
    with outbox.changed:
        assert outbox.claims <= 1
    outbox.add(*lines(1))
    dispatch.wake()
    outbox.wait_for(5, delivered=1)
    assert dispatch.stop()


def test_an_idle_lane_gives_its_connection_up() -> None:
    outbox, sender = OutboxDouble(), ScriptedSender()
    closed = threading.Event()
    sender.close = closed.set  # type: ignore[method-assign]
    outbox.add(*lines(1))
    with dispatched(outbox, sender):
        outbox.wait_for(delivered=1)
        assert closed.wait(5)


def test_a_lane_that_waits_for_its_peer_does_not_keep_the_program() -> None:
    outbox, begun, may_end = OutboxDouble(), threading.Event(), threading.Event()

    def hanging(parcel):  # type: ignore[no-untyped-def]
        begun.set()
        may_end.wait(20)
        return said("stored")(parcel)

    outbox.add(*lines(1))
    dispatch = Dispatch(outlet_of(outbox, TIMING, lane=LANE), [ScriptedSender({1: hanging})], "node")
    dispatch.start()
    assert begun.wait(5)
    stopping = time.monotonic()
    assert not dispatch.stop(0.2)
    assert time.monotonic() - stopping < 2
    may_end.set()


def test_a_destination_that_comes_and_goes_gets_everything() -> None:
    outbox, sender = OutboxDouble(), ScriptedSender(unreachable=gone())
    outbox.add(*lines(*range(50)))
    with dispatched(outbox, sender):
        with outbox.changed:
            assert outbox.changed.wait_for(lambda: len(outbox.notes) >= 4, 5)
        sender.answers = {number: gone() for number in range(0, 50, 7)}
        sender.unreachable = None
        with outbox.changed:
            assert outbox.changed.wait_for(lambda: outbox._states().get("delivered", 0) >= 20, 10)
        sender.answers = {}
        outbox.wait_for(10, delivered=50)
    assert outbox.notes[-1] == (None, None)


class Proof:
    """A prover that answers as told; None where nothing is said."""

    kind: ProofKind = "query"

    def __init__(self, **answers: bool) -> None:
        self.answers = {int(number.removeprefix("n")): has_it for number, has_it in answers.items()}
        self.asked: list[int] = []

    def prove(self, claimed):  # type: ignore[no-untyped-def]
        for line in claimed:
            self.asked.append(line.delivery_id)
            yield ProofAnswer(line.delivery_id, self.answers.get(line.delivery_id))


def test_what_is_stored_is_delivered_when_it_is_proved() -> None:
    outbox, sender, prover = OutboxDouble(), ScriptedSender(), Proof(n1=True, n2=True)
    outbox.add(*lines(1, 2))
    outlet = outlet_of(outbox, TIMING, proof="query", retry=QUICK, lane=replace(LANE, proof_gather_seconds=0.01))
    dispatch = Dispatch(outlet, [sender], "node", prover)
    dispatch.start()
    outbox.wait_for(delivered=2)
    assert dispatch.stop()
    assert {row.last.proof for row in outbox.rows.values() if row.last} == {"query"}


# The bell -------------------------------------------------------------------------------------------------------------


def test_a_ring_nobody_heard_is_heard_by_the_next_sleeper() -> None:
    bell = Bell()
    bell.ring()
    assert bell.sleep(0)
    assert not bell.sleep(0)


def test_a_pause_keeps_the_ring_for_later_and_stopping_ends_it() -> None:
    bell = Bell()
    bell.ring()
    bell.pause(0.001)
    assert bell.sleep(0)
    bell.stop()
    bell.pause(60)
    assert bell.sleep(60)
    assert bell.stopped


# The ledger -----------------------------------------------------------------------------------------------------------


def delivered(number: int) -> Conclusion:
    return Conclusion(number, "delivered", proof="response")


def test_many_outcomes_share_a_commit() -> None:
    outbox = OutboxDouble()
    outbox.add(*lines(*range(BATCH)))
    ledger = Ledger(outbox, TIMING.now, Bell(), Bell())
    thread = threading.Thread(target=ledger.run)
    thread.start()
    for number in range(BATCH):
        ledger.note(delivered(number))
    outbox.wait_for(delivered=BATCH)
    ledger.stop()
    thread.join(5)
    assert outbox.commits <= 2


def test_what_nothing_follows_is_written_at_once() -> None:
    outbox = OutboxDouble()
    outbox.add(*lines(1))
    ledger = Ledger(outbox, TIMING.now, Bell(), Bell(), within_seconds=3600)
    thread = threading.Thread(target=ledger.run)
    thread.start()
    ledger.note(delivered(1))
    ledger.hurry()
    outbox.wait_for(delivered=1)
    ledger.stop()
    thread.join(5)


@pytest.mark.parametrize(
    ("conclusion", "heard", "proof_heard"),
    [
        (delivered(1), False, False),
        (Conclusion(1, "queued", datetime(2026, 11, 22, tzinfo=UTC)), True, False),
        (Conclusion(1, "held", datetime(2026, 11, 22, tzinfo=UTC)), True, False),
        (Conclusion(1, "queued", awaits_proof=True), False, True),
    ],
)
def test_whoever_looked_before_it_was_written_looks_again(
    conclusion: Conclusion, *, heard: bool, proof_heard: bool
) -> None:
    outbox, bell, proof_bell = OutboxDouble(), Bell(), Bell()
    outbox.add(*lines(1))
    ledger = Ledger(outbox, TIMING.now, bell, proof_bell)
    ledger.note(conclusion)
    assert ledger.flush()
    assert (bell.sleep(0), proof_bell.sleep(0)) == (heard, proof_heard)


def test_what_is_left_is_written_at_the_end() -> None:
    outbox = OutboxDouble()
    outbox.add(*lines(1, 2))
    ledger = Ledger(outbox, TIMING.now, Bell(), Bell())
    ledger.note(delivered(1))
    ledger.note(delivered(2))
    ledger.stop()
    ledger.run()
    assert outbox.states() == {"delivered": 2}


class Stubborn(OutboxDouble):
    """Records that cannot be written for a while, or never for one line."""

    def __init__(self, failures: int = 0, unwritable: int = -1) -> None:
        super().__init__()
        self.failures, self.unwritable = failures, unwritable

    def conclude(self, conclusions, now):  # type: ignore[no-untyped-def]
        if self.failures:
            self.failures -= 1
            raise RecordsTrouble(NO_ROOM, free="0", reserve="1")
        for one in conclusions:
            if one.delivery_id == self.unwritable and one.problem and one.problem.fault is not UNEXPECTED:
                raise TypeError("no JSON")
        super().conclude(conclusions, now)


def test_records_that_cannot_be_written_are_written_later() -> None:
    outbox = Stubborn(failures=3)
    outbox.add(*lines(1))
    ledger = Ledger(outbox, TIMING.now, Bell(), Bell(), retry_seconds=0.01)
    thread = threading.Thread(target=ledger.run)
    thread.start()
    ledger.note(delivered(1))
    outbox.wait_for(delivered=1)
    ledger.stop()
    thread.join(5)
    assert not ledger.holds(1)


def test_one_conclusion_that_cannot_be_written_does_not_keep_the_others() -> None:
    outbox = Stubborn(unwritable=2)
    outbox.add(*lines(1, 2, 3))
    ledger = Ledger(outbox, TIMING.now, Bell(), Bell())
    ledger.note(delivered(1))
    ledger.note(replace(delivered(2), problem=gone().problem))
    ledger.note(delivered(3))
    assert ledger.flush()
    assert outbox.states() == {"delivered": 3}
    last = outbox.rows[2].last
    assert last is not None
    assert last.problem is not None
    assert last.problem.fault is UNEXPECTED


# Health ---------------------------------------------------------------------------------------------------------------


def test_notes_that_cannot_be_written_keep_nobody() -> None:
    class Unwritable(OutboxDouble):
        def note_destination(self, *_args: object) -> None:
            raise RecordsTrouble(NO_ROOM, free="0", reserve="1")

    clock = Clock()
    health = Health("pacs", Unwritable(), RetryPolicy(), lambda: 0.5, Bell())
    health.failed(gone().problem, clock.now, is_loss=False)
    assert health.admit(clock.now) is not None
    health.succeeded()
    assert health.admit(clock.now) is None


def test_the_first_success_clears_what_was_noted_before_the_start() -> None:
    outbox = OutboxDouble()
    health = Health("pacs", outbox, RetryPolicy(), lambda: 0.5, Bell())
    health.succeeded()
    health.succeeded()
    assert outbox.notes == [(None, None)]


@pytest.mark.parametrize("failures", [1, 5, 20])
def test_a_loss_is_waited_for_half_as_long(failures: int) -> None:
    clock = Clock()
    health = Health("pacs", OutboxDouble(), RetryPolicy(), lambda: 0.5, Bell())
    for _ in range(failures):
        retry_at = health.failed(gone().problem, clock.now, is_loss=True)
    assert (retry_at - clock.now).total_seconds() == min(2.0 ** (failures - 1) / 2, 5)
