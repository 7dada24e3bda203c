"""A question waits for what came before it, and for nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tolmach.archive.settling import Settle

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@dataclass
class World:
    """Pending objects that end one by one, and a clock that goes while somebody waits."""

    pending: list[datetime] = field(default_factory=list)
    ends: bool = True
    rung: int = 0
    seconds: float = 0.0
    told: list[datetime] = field(default_factory=list)

    def oldest(self) -> datetime | None:
        return self.pending[0] if self.pending else None

    def ring(self) -> None:
        self.rung += 1

    def pause(self, seconds: float) -> None:
        self.seconds += seconds
        if self.ends and self.pending:
            self.pending.pop(0)

    def settle(self) -> Settle:
        return Settle(self.oldest, self.ring, lambda: NOW, lambda: self.seconds, self.pause, self.told.append)


def test_nothing_pending_waits_for_nothing() -> None:
    world = World()
    assert world.settle()() is None
    assert (world.rung, world.seconds) == (0, 0.0)


def test_what_came_before_is_waited_for_and_what_comes_after_is_not() -> None:
    world = World([NOW - timedelta(seconds=2), NOW, NOW + timedelta(seconds=1)])
    assert world.settle()() is None
    assert world.pending == [NOW + timedelta(seconds=1)]
    assert world.rung == 2


def test_what_does_not_end_is_waited_for_once_and_not_for_ever() -> None:
    world = World([NOW - timedelta(hours=1)], ends=False)
    settle = world.settle()
    settle()
    assert 2.0 <= world.seconds < 2.1
    settle()
    assert world.seconds < 2.1
    world.pending = [NOW]
    settle()
    assert 4.0 <= world.seconds < 4.2


def test_every_question_is_told_since_when_something_is_missing_until_nothing_is() -> None:
    since = NOW - timedelta(hours=1)
    world = World([since], ends=False)
    settle = world.settle()
    assert [settle(), settle()] == [since, since]
    world.pending.clear()
    assert settle() is None


def test_what_is_on_its_way_for_less_than_a_minute_spoils_no_answer() -> None:
    world = World([NOW - timedelta(seconds=59)], ends=False)
    settle = world.settle()
    assert [settle(), settle()] == [None, None]
    assert world.told == []
    world.pending = [NOW - timedelta(seconds=60)]
    assert settle() == NOW - timedelta(seconds=60)


def test_the_log_is_told_once_a_minute_however_many_ask() -> None:
    since = NOW - timedelta(hours=1)
    world = World([since], ends=False)
    settle = world.settle()
    for _ in range(50):
        settle()
    assert world.told == [since]
    world.seconds += 61.0
    settle()
    assert world.told == [since, since]
