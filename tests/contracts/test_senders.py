"""What every sender promises, on every kind of destination, in every way a destination can misbehave."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.contracts import misbehaving
from tests.contracts.misbehaving import DESTINATIONS, GOOD, HALF, LATER, REFUSES, UNREACHABLE, Destination
from tests.outbox_double import OutboxDouble
from tolmach.base import TolmachError
from tolmach.delivery.backoff import RetryPolicy
from tolmach.delivery.dispatch import Dispatch
from tolmach.delivery.interfaces import Content, Outcome, Parcel, Sender
from tolmach.delivery.outlet import LanePolicy, Outlet, Timing
from tolmach.delivery.wrappers import FreshConnection

COUNT = 12


@pytest.fixture(params=list(DESTINATIONS))
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Destination]:
    with misbehaving.destination(request.param, tmp_path) as made:
        yield made


def parcels(where: Destination, *numbers: int) -> list[Parcel]:
    return [where.unpacker.parcel(where.line(number)) for number in numbers]


def all_of(sender: Sender, some: list[Parcel]) -> tuple[dict[int, Outcome], TolmachError | None]:
    """Give every outcome, each for a parcel that was given and once, and the error that ended it."""
    found: dict[int, Outcome] = {}
    numbers = {parcel.line.delivery_id for parcel in some}
    try:
        for outcome in sender.send(some):
            assert outcome.delivery_id in numbers
            assert outcome.delivery_id not in found
            found[outcome.delivery_id] = outcome
    except TolmachError as error:
        return found, error
    return found, None


def kinds(outcomes: dict[int, Outcome]) -> dict[int, str]:
    return {number: outcome.kind for number, outcome in outcomes.items()}


def test_what_is_well_is_stored_in_order(where: Destination) -> None:
    sender = where.sender()
    outcomes, error = all_of(sender, parcels(where, *range(COUNT)))
    sender.close()
    assert error is None
    assert list(outcomes) == list(range(COUNT))
    assert set(kinds(outcomes).values()) == {"stored"}
    assert where.kept() == set(range(COUNT))


def test_storing_twice_is_harmless(where: Destination) -> None:
    sender = where.sender()
    for _ in range(2):
        outcomes, error = all_of(sender, parcels(where, 1, 2))
        assert (kinds(outcomes), error) == ({1: "stored", 2: "stored"}, None)
    sender.close()
    assert where.kept() == {1, 2}


def test_nothing_to_send_is_nothing(where: Destination) -> None:
    sender = where.sender()
    assert all_of(sender, []) == ({}, None)
    sender.close()
    sender.close()


def misbehaviours() -> list[tuple[str, str]]:
    return [(kind, way) for kind, made in DESTINATIONS.items() for way in sorted(made.ways)]


@pytest.fixture(params=misbehaviours(), ids=lambda one: "-".join(one))
def bad(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Destination, str]]:
    kind, way = request.param
    with misbehaving.destination(kind, tmp_path) as made:
        made.behave(way)
        yield made, way


def test_nothing_is_called_stored_that_is_not_kept(bad: tuple[Destination, str]) -> None:
    where, way = bad
    sender = where.sender()
    outcomes, error = all_of(sender, parcels(where, 1, 2, 3, 4))
    sender.close()
    stored = {number for number, outcome in outcomes.items() if outcome.kind == "stored"}
    assert stored <= where.kept()
    assert error is None or str(error)
    assert all(outcome.problem is not None for outcome in outcomes.values() if outcome.kind != "stored")
    if way in (LATER, REFUSES, misbehaving.DUPLICATE) and error is None:
        assert set(kinds(outcomes).values()) == {{LATER: "later", REFUSES: "refused"}.get(way, "duplicate")}
    if way == UNREACHABLE:
        assert error is not None
        assert outcomes == {}
    if error is not None:  # what was in flight has its outcome, and it is not that somebody must change the item
        assert set(kinds(outcomes).values()) <= {"stored", "later"}


def test_everything_arrives_when_the_fault_ends(bad: tuple[Destination, str]) -> None:
    where, _way = bad
    outbox = OutboxDouble()
    outbox.add(*(where.line(number) for number in range(COUNT)))
    with dispatched(where, outbox):
        with outbox.changed:
            outbox.changed.wait_for(lambda: outbox.commits >= 2, 3)
        assert outbox.states().get("delivered", 0) <= len(where.kept())
        where.behave(GOOD)
        outbox.wait_for(20, delivered=COUNT)
    assert where.kept() == set(range(COUNT))


@contextmanager
def dispatched(where: Destination, outbox: OutboxDouble) -> Iterator[None]:
    timing = Timing(lambda: datetime.now(UTC), time.monotonic, random.random)
    retry = RetryPolicy(first_wait_seconds=0.02, longest_wait_seconds=0.5)
    lane = LanePolicy(poll_seconds=0.2, settle_seconds=0.005)
    outlet = Outlet.of("pacs", outbox, where.unpacker, timing, retry=retry, lane=lane)

    class Latest:
        """Asks for a sender anew at each call, because some destinations move while they are away."""

        def send(self, some: list[Parcel]) -> Iterator[Outcome]:
            sender = where.sender()
            try:
                yield from sender.send(some)
            finally:
                sender.close()

        def close(self) -> None:
            """There is nothing to close."""

    dispatch = Dispatch(outlet, [FreshConnection(Latest(), time.monotonic)], "node")
    dispatch.start()
    try:
        yield
    finally:
        dispatch.stop()


def test_an_item_that_cannot_be_opened_is_its_own_outcome(where: Destination) -> None:
    some = parcels(where, 1, 2, 3, 4)
    where.objects.files[some[1].line.stored_sha256] = b"rotten"
    del where.objects.files[some[3].line.stored_sha256]
    sender = where.sender()
    outcomes, error = all_of(sender, some)
    sender.close()
    assert error is None
    assert kinds(outcomes) == {1: "stored", 2: "refused", 3: "stored", 4: "refused"}


@pytest.mark.parametrize("trouble", [RecursionError("deep"), MemoryError(), AssertionError("no"), ValueError("odd")])
def test_an_item_that_breaks_the_program_is_its_own_outcome(where: Destination, trouble: BaseException) -> None:
    @contextmanager
    def broken() -> Iterator[Content]:
        raise trouble
        yield  # type: ignore[unreachable]

    some = parcels(where, 1, 2, 3)
    some[1] = replace(some[1], open=broken)
    sender = where.sender()
    outcomes, error = all_of(sender, some)
    sender.close()
    assert error is None
    assert kinds(outcomes) == {1: "stored", 2: "refused", 3: "stored"}


def test_an_attempt_may_be_left_in_the_middle(where: Destination) -> None:
    sender = where.sender()
    attempt = sender.send(parcels(where, *range(COUNT)))
    assert next(attempt).kind == "stored"
    attempt.close()  # type: ignore[attr-defined]
    outcomes, error = all_of(sender, parcels(where, *range(COUNT)))
    sender.close()
    assert error is None
    assert set(kinds(outcomes).values()) == {"stored"}


def test_a_destination_that_comes_back_is_used_again(where: Destination) -> None:
    sender = where.sender()
    all_of(sender, parcels(where, 1))
    where.behave(UNREACHABLE)
    sender.close()
    where.behave(GOOD)
    outcomes, error = all_of(sender, parcels(where, 2))
    sender.close()
    assert (kinds(outcomes), error) == ({2: "stored"}, None)


@pytest.mark.parametrize("where", [kind for kind, made in DESTINATIONS.items() if HALF in made.ways], indirect=True)
def test_half_is_half(where: Destination) -> None:
    where.behave(HALF)
    sender = where.sender()
    outcomes, _ = all_of(sender, parcels(where, *range(1, 9)))
    sender.close()
    assert {number for number, kind in kinds(outcomes).items() if kind == "stored"} == where.kept()
    assert len(where.kept()) == 4
