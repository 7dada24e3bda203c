import threading

import pytest

from tolmach.adapters.objects.ahead import Ahead
from tolmach.intake.faults import NO_ROOM, StoreTrouble

SECONDS = 10.0


def test_what_is_expected_is_asked_several_at_a_time_and_once() -> None:
    together, asked = threading.Barrier(4), []

    def ask(name: str) -> str:
        asked.append(name)
        together.wait(SECONDS)  # breaks unless four ask at the same time
        return name.upper()

    ahead = Ahead(ask, lanes=4)
    names = [f"n{number}" for number in range(8)]
    ahead.expect(names)
    assert [ahead.take(name) for name in names] == [name.upper() for name in names]
    assert sorted(asked) == names


def test_what_nobody_has_begun_to_ask_is_asked_at_once() -> None:
    """A slow answer to the first keeps whoever wants the last waiting no longer than without all this."""
    go, asked = threading.Event(), []

    def ask(name: str) -> str:
        asked.append(name)
        if name == "slow":
            assert go.wait(SECONDS)
        return name

    ahead = Ahead(ask, lanes=1)
    ahead.expect(["slow", "wanted", "other"])
    assert ahead.take("wanted") == "wanted"
    go.set()
    assert ahead.take("slow") == "slow"
    assert ahead.take("other") == "other"
    assert asked.count("wanted") == 1


def test_what_is_not_taken_is_forgotten_and_what_failed_is_raised() -> None:
    def ask(name: str) -> str:
        if name == "bad":
            raise StoreTrouble(NO_ROOM, free="0", reserve="1")
        return name

    ahead = Ahead(ask)
    ahead.expect(["one", "bad"])
    with pytest.raises(StoreTrouble):
        ahead.take("bad")
    ahead.expect([])
    assert ahead.take("one") == "one"
    assert not ahead._asked
