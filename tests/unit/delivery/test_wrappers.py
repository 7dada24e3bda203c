from datetime import UTC, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.outbox_double import OutboxDouble
from tests.unit.delivery.scripted import START, Answer, Clock, ScriptedSender, gone, lines, outlet_of, rejected, said
from tolmach.base import TolmachError
from tolmach.delivery.faults import DRY_RUN, NotNow
from tolmach.delivery.interfaces import Outcome, Parcel
from tolmach.delivery.lane import Lane
from tolmach.delivery.pace import Pace
from tolmach.delivery.windows import Window
from tolmach.delivery.wrappers import MAX_BARREN, DryRun, FreshConnection, InWindow, Paced


def parcels(count: int) -> list[Parcel]:
    outlet = outlet_of(OutboxDouble(), Clock().timing)
    return [outlet.unpacker.parcel(line) for line in lines(*range(1, count + 1))]


def all_of(sender: object, count: int) -> tuple[list[tuple[int, str]], TolmachError | None]:
    """Give every outcome, and the error that ended it."""
    found: list[tuple[int, str]] = []
    try:
        outcomes = sender.send(parcels(count))  # type: ignore[attr-defined]
        found.extend((outcome.delivery_id, outcome.kind) for outcome in outcomes)
    except TolmachError as error:
        return found, error
    return found, None


# A fresh connection ---------------------------------------------------------------------------------------------------


def test_the_rest_goes_over_a_fresh_connection() -> None:
    inner = ScriptedSender({2: gone(), 5: gone()})
    outcomes, error = all_of(FreshConnection(inner, lambda: 0.0), 6)
    assert error is None
    assert outcomes == [(1, "stored"), (2, "later"), (3, "stored"), (4, "stored"), (5, "later"), (6, "stored")]
    assert len(inner.calls) == 3


def test_a_connection_that_cannot_be_made_is_not_tried_in_circles() -> None:
    inner = ScriptedSender(unreachable=rejected())
    outcomes, error = all_of(FreshConnection(inner, lambda: 0.0), 3)
    assert (outcomes, len(inner.calls)) == ([], 1)
    assert error is not None


def test_barren_connections_come_to_an_end() -> None:
    inner = ScriptedSender({number: gone() for number in range(1, 100)})
    outcomes, error = all_of(FreshConnection(inner, lambda: 0.0), 99)
    assert error is not None
    assert len(outcomes) == len(inner.calls) == MAX_BARREN + 1


def test_one_that_comes_through_begins_the_count_anew() -> None:
    inner = ScriptedSender({number: gone() for number in range(1, 40) if number % 5})
    outcomes, error = all_of(FreshConnection(inner, lambda: 0.0), 40)
    assert error is None
    assert len(outcomes) == 40


def test_a_silent_peer_is_not_waited_for_again_at_once() -> None:
    clock = Clock()

    class Silent(ScriptedSender):
        def send(self, some):  # type: ignore[no-untyped-def]
            self.calls.append([])
            clock.go(60)
            yield Outcome(some[0].line.delivery_id, "later", problem=gone().problem)
            raise gone()

    inner = Silent()
    _, error = all_of(FreshConnection(inner, clock.timing.monotonic), 5)
    assert error is not None
    assert len(inner.calls) == 1


def test_nothing_is_tried_again_when_the_window_closes() -> None:
    closed = NotNow(gone().problem.fault, START)

    class Closing(ScriptedSender):
        def send(self, some):  # type: ignore[no-untyped-def]
            self.calls.append([])
            yield said("stored")(some[0])
            raise closed

    inner = Closing()
    _, error = all_of(FreshConnection(inner, lambda: 0.0), 5)
    assert error is closed
    assert len(inner.calls) == 1


def test_wrappers_close_what_they_are_around() -> None:
    inner = ScriptedSender()
    window = Window(time(0), time(0), UTC)
    for wrapped in (
        FreshConnection(inner, lambda: 0.0),
        Paced(inner, Pace(lambda: 0.0), lambda _seconds: None),
        InWindow(inner, "pacs", window, lambda: START),
    ):
        wrapped.close()
    assert inner.closed == 3


def test_an_abandoned_attempt_leaves_the_sender_in_order() -> None:
    inner = ScriptedSender()
    window = InWindow(inner, "pacs", Window(time(0), time(0), UTC), lambda: START)
    attempt = Paced(FreshConnection(window, lambda: 0.0), Pace(lambda: 0.0), lambda _seconds: None).send(parcels(3))
    next(attempt)
    attempt.close()  # type: ignore[attr-defined]
    assert inner.left_open == 0


# A pace ---------------------------------------------------------------------------------------------------------------


def paced(clock: Clock, inner: ScriptedSender, **limits: float) -> Paced:
    return Paced(inner, Pace(clock.timing.monotonic, **limits), clock.go)


def test_no_more_objects_leave_in_a_second_than_allowed() -> None:
    clock, inner = Clock(), ScriptedSender()
    outcomes, _ = all_of(paced(clock, inner, objects_per_second=4), 21)
    assert len(outcomes) == 21
    assert clock.now - START == timedelta(seconds=5)


def test_lanes_share_a_pace() -> None:
    clock = Clock()
    pace = Pace(clock.timing.monotonic, objects_per_second=10)
    waits = [pace.seconds_until_next() for _ in range(5)]
    assert waits == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_no_more_bytes_leave_than_allowed() -> None:
    clock = Clock()
    pace = Pace(clock.timing.monotonic, bytes_per_second=1000)
    assert pace.seconds_until_next() == 0
    pace.left(5000)
    assert pace.seconds_until_next() == pytest.approx(5)
    clock.go(60)
    assert pace.seconds_until_next() == 0


def test_bytes_are_counted_as_they_are_opened() -> None:
    clock, opened = Clock(), []

    def opening(parcel: Parcel) -> Outcome:
        with parcel.open() as content:
            opened.append(content.stored.size)
        return said("stored")(parcel)

    answers: dict[int, Answer | BaseException] = {1: opening}
    outcomes, _ = all_of(paced(clock, ScriptedSender(answers), bytes_per_second=1), 1)
    assert outcomes == [(1, "stored")]
    assert opened == [0]


# A window -------------------------------------------------------------------------------------------------------------

KYIV = ZoneInfo("Europe/Kyiv")


@pytest.mark.parametrize(
    ("text", "at", "opens"),
    [
        ("20:00-06:00", "2026-11-22T12:00", "2026-11-22T20:00"),
        ("20:00-06:00", "2026-11-22T06:00", "2026-11-22T20:00"),
        ("20:00-06:00", "2026-11-22T19:59", "2026-11-22T20:00"),
        ("20:00-06:00", "2026-11-22T20:00", None),
        ("20:00-06:00", "2026-11-22T23:30", None),
        ("20:00-06:00", "2026-11-22T05:59", None),
        ("08:00-18:30", "2026-11-22T18:30", "2026-11-23T08:00"),
        ("08:00-18:30", "2026-11-22T03:00", "2026-11-22T08:00"),
        ("08:00-18:30", "2026-11-22T08:00", None),
        ("00:00-00:00", "2026-11-22T08:00", None),
        ("20:00-06:00", "2026-10-25T12:00", "2026-10-25T20:00"),  # the clocks went back that night
    ],
)
def test_a_window_opens_by_the_wall_clock(text: str, at: str, opens: str | None) -> None:
    window = Window.parse(text, KYIV)
    found = window.opens_at(datetime.fromisoformat(at).replace(tzinfo=KYIV))
    assert found == (None if opens is None else datetime.fromisoformat(opens).replace(tzinfo=KYIV))


def test_the_machines_own_zone_is_followed_through_the_year() -> None:
    window = Window.parse("20:00-06:00", None)
    for month in (1, 7):
        noon = datetime.fromisoformat(f"2026-{month:02}-15T12:00").astimezone()
        opens_at = window.opens_at(noon.astimezone(UTC))
        assert opens_at is not None
        assert opens_at.astimezone().strftime("%d %H:%M") == "15 20:00"


@given(st.times(), st.times(), st.integers(1_600_000_000, 2_200_000_000), st.integers(-12, 14))
def test_it_is_open_when_it_opens(start: time, end: time, moment: int, offset: int) -> None:
    window = Window(start, end, timezone(timedelta(hours=offset)))
    now = datetime.fromtimestamp(moment, UTC)
    opens_at = window.opens_at(now)
    if opens_at is not None:
        assert now < opens_at <= now + timedelta(days=1)
        assert window.opens_at(opens_at) is None


@pytest.mark.parametrize("text", ["", "20-6", "24:00-06:00", "20:60-06:00", "20:00", "20:00-06:00-07", "٢٠:00-06:00"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Window.parse(text, UTC)


def test_outside_the_window_nothing_is_tried() -> None:
    inner = ScriptedSender()
    sender = InWindow(inner, "pacs", Window.parse("20:00-06:00", UTC), lambda: START.replace(hour=12))
    outcomes, error = all_of(sender, 3)
    assert (outcomes, inner.calls) == ([], [])
    assert isinstance(error, NotNow)
    assert error.until == START.replace(hour=20)
    assert "20:00" in str(error)


def test_a_window_that_closes_ends_the_attempt_in_order() -> None:
    clock = Clock(START.replace(hour=5, minute=59))
    inner = ScriptedSender({2: lambda parcel: (clock.go(120), said("stored")(parcel))[1]})
    outcomes, error = all_of(InWindow(inner, "pacs", Window.parse("20:00-06:00", UTC), lambda: clock.now), 5)
    assert outcomes == [(1, "stored"), (2, "stored")]
    assert isinstance(error, NotNow)
    assert inner.left_open == 0


# A dry run ------------------------------------------------------------------------------------------------------------


def test_a_dry_run_tells_everything_and_stores_nothing() -> None:
    outbox, clock = OutboxDouble(), Clock()
    outbox.add(*lines(*range(1, 251)))
    told: list[int] = []
    sender = DryRun("pacs", lambda parcel: told.append(parcel.line.delivery_id))
    outlet = outlet_of(outbox, clock.timing)
    lane = Lane(outlet, sender, "node/1")
    while lane.step() == 0:
        assert outlet.ledger.flush()
    assert told == list(range(1, 251))
    assert outbox.states() == {"queued": 250}
    assert {row.line.attempts for row in outbox.rows.values()} == {0}
    problem = outbox.notes[-1][0]
    assert problem is not None
    assert problem.fault is DRY_RUN
