"""Lanes side by side: everything arrives, errors too, and nobody waits for a lane that hangs."""

import threading
import time
from collections.abc import Iterator

import pytest

from tolmach.apps import lanes
from tolmach.apps.lanes import gathered


def never() -> None:
    pytest.fail("stopped although every lane came to its end")


def test_everything_arrives_and_nothing_is_stopped() -> None:
    def lane() -> Iterator[int]:
        yield from range(100)

    assert sorted(gathered([lane] * 4, never)) == sorted([*range(100)] * 4)
    assert list(gathered([], never)) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_of_one_lane_is_raised_and_the_others_are_stopped() -> None:
    stopped = threading.Event()

    def good() -> Iterator[int]:
        yield 1
        assert stopped.wait(30)

    def bad() -> Iterator[int]:
        yield 2
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        list(gathered([good, bad], stopped.set))
    assert stopped.is_set()


def test_a_lane_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "SECONDS_TO_STOP", 0.05)
    released = threading.Event()

    def hanging() -> Iterator[int]:
        yield 1
        released.wait(30)

    results = gathered([hanging], lambda: None)
    assert next(results) == 1
    started = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 10
    released.set()
