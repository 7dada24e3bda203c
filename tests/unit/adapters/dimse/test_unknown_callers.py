"""Telling of strangers: once in a while each, never a flood, and memory has an end."""

from tolmach.adapters.dimse.unknown_callers import REMEMBERED, TOLD_PER_MINUTE, UnknownCallers


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_each_stranger_is_told_of_once_a_minute() -> None:
    told: list[tuple[str, str]] = []
    clock = Clock()
    unknown = UnknownCallers(lambda ae_title, host: told.append((ae_title, host)), clock)
    for _ in range(100):
        unknown.note("X", "10.0.0.1")
        unknown.note("X", "10.0.0.2")
    assert told == [("X", "10.0.0.1"), ("X", "10.0.0.2")]
    clock.now += 59.9
    unknown.note("X", "10.0.0.1")
    assert len(told) == 2
    clock.now += 0.1
    unknown.note("X", "10.0.0.1")
    assert len(told) == 3


def test_a_flood_of_names_is_neither_told_nor_remembered() -> None:
    told: list[tuple[str, str]] = []
    clock = Clock()
    unknown = UnknownCallers(lambda ae_title, host: told.append((ae_title, host)), clock)
    for minute in range(20):
        clock.now += 60
        for number in range(1000):
            unknown.note(f"X{minute}-{number}", "10.0.0.1")
        assert len(told) == TOLD_PER_MINUTE * (minute + 1)
    assert len(unknown._told) == REMEMBERED


def test_a_title_arrives_printable() -> None:
    told: list[tuple[str, str]] = []
    UnknownCallers(lambda ae_title, host: told.append((ae_title, host)), Clock()).note("\x1b[2J\u041a", "10.0.0.1")
    assert told == [("\\x1b[2J\\u041a", "10.0.0.1")]


def test_nobody_needs_to_listen() -> None:
    UnknownCallers(None, Clock()).note("X", "10.0.0.1")
