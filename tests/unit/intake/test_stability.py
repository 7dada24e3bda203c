"""When a file has come to rest: by a clock that only goes forward, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tolmach.intake.interfaces import FileMark
from tolmach.intake.stability import BREATH_SECONDS, Manner, Stability

MARK = FileMark(b"a.dcm", 1, 2, 300, 4_000)
MANNER = Manner(settle_seconds=2.0, closed_seconds=0.5)


def names(stability: Stability, now: float, limit: int = 100) -> list[bytes]:
    return [seen.mark.path for seen in stability.ripe(now, limit)]


def test_a_file_is_ripe_when_it_has_been_quiet_for_long_enough() -> None:
    stability = Stability(MANNER)
    assert stability.see(MARK, 10.0)
    assert stability.see(MARK, 11.9)  # seen again as it was: that changes nothing
    assert names(stability, 11.99) == []
    assert names(stability, 12.0) == [b"a.dcm"]
    assert stability.due_at() == 12.0


@pytest.mark.parametrize(
    "change", [{"size": 301}, {"modified_ns": 3_000}, {"modified_ns": 9_000}, {"inode": 3}, {"device": 7}]
)
def test_whatever_changes_begins_anew_also_when_its_time_goes_backwards(change: dict[str, int]) -> None:
    stability = Stability(MANNER)
    stability.see(MARK, 10.0)
    stability.see(replace(MARK, **change), 11.9)
    assert names(stability, 13.8) == []
    assert [seen.mark for seen in stability.ripe(13.9, 10)] == [replace(MARK, **change)]


def test_what_the_system_says_is_closed_is_ripe_sooner_but_never_at_once() -> None:
    stability = Stability(MANNER)
    stability.see(MARK, 10.0, is_closed=True)
    assert names(stability, 10.4) == []
    assert names(stability, 10.5) == [b"a.dcm"]
    hasty = Stability(Manner(settle_seconds=0.0, closed_seconds=0.0))
    hasty.see(MARK, 10.0, is_closed=True)
    assert names(hasty, 10.0) == []
    assert names(hasty, 10.0 + BREATH_SECONDS) == [b"a.dcm"]


def test_a_change_takes_back_that_it_was_closed() -> None:
    stability = Stability(MANNER)
    stability.see(MARK, 10.0, is_closed=True)
    stability.see(replace(MARK, size=400), 10.4)
    assert names(stability, 11.0) == []
    assert [seen.is_closed for seen in stability.ripe(12.4, 10)] == [False]


def test_closing_hurries_a_file_that_was_seen_before() -> None:
    stability = Stability(MANNER)
    stability.see(MARK, 10.0)
    stability.see(MARK, 10.1, is_closed=True)
    assert names(stability, 10.6) == [b"a.dcm"]


def test_what_was_put_off_waits_unless_it_changes() -> None:
    stability = Stability(MANNER)
    stability.see(MARK, 10.0)
    stability.put_off(MARK.path, 600.0)
    stability.see(MARK, 20.0)
    assert names(stability, 599.9) == []
    stability.see(replace(MARK, size=400), 100.0)
    assert names(stability, 102.0) == [b"a.dcm"]


def test_the_oldest_come_first_and_what_was_dealt_with_is_forgotten() -> None:
    stability = Stability(MANNER)
    for number, path in enumerate((b"c", b"b", b"a")):
        stability.see(replace(MARK, path=path, modified_ns=number), 10.0)
    assert names(stability, 20.0, 2) == [b"c", b"b"]
    stability.drop(b"c")
    stability.drop(b"nobody")
    assert names(stability, 20.0) == [b"b", b"a"]


def test_no_more_are_remembered_than_there_is_room_for() -> None:
    stability = Stability(MANNER, most=2)
    assert [stability.see(replace(MARK, path=b"%d" % number), 10.0) for number in range(3)] == [True, True, False]
    assert not stability.has_room
    assert stability.see(replace(MARK, path=b"1", size=5), 11.0)  # one that is known may still change
    stability.drop(b"0")
    assert stability.see(replace(MARK, path=b"2"), 12.0)
    assert len(stability) == 2
