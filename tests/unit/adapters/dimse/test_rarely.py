"""Telling once in a while: never a flood, and memory has an end."""

import pytest

from tolmach.adapters.dimse.rarely import REMEMBERED, TOLD_PER_MINUTE, Rarely


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_each_thing_is_news_once_a_minute(clock: Clock) -> None:
    rarely = Rarely(clock)
    assert rarely.is_news("X", "10.0.0.1")
    assert rarely.is_news("X", "10.0.0.2")
    assert not any(rarely.is_news("X", f"10.0.0.{last}") for last in (1, 2) for _ in range(100))
    clock.now += 59.9
    assert not rarely.is_news("X", "10.0.0.1")
    clock.now += 0.1
    assert rarely.is_news("X", "10.0.0.1")
    assert not rarely.is_news("X", "10.0.0.1")


def test_a_flood_is_neither_told_nor_remembered(clock: Clock) -> None:
    rarely = Rarely(clock)
    for minute in range(20):
        clock.now += 60
        assert sum(rarely.is_news(f"{minute}-{number}") for number in range(1000)) == TOLD_PER_MINUTE
    assert len(rarely._told) == REMEMBERED
