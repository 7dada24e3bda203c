"""The free-space reserve."""

from __future__ import annotations

import pytest

from tolmach.intake.faults import NoRoom, StoreTrouble
from tolmach.intake.room import FreeSpace, Reserve, in_units

GIB = 1 << 30


@pytest.mark.parametrize(
    ("reserve", "total", "expected"),
    [
        (Reserve(), 10 * GIB, GIB // 2),
        (Reserve(), 1000 * GIB, 5 * GIB),
        (Reserve(bytes=123), 1000 * GIB, 123),
        (Reserve(bytes=0), 1000 * GIB, 0),
        (Reserve(percent=10), 1000 * GIB, 100 * GIB),
        (Reserve(bytes=7, percent=10), 1000 * GIB, 7),
    ],
)
def test_how_much_stays_free(reserve: Reserve, total: int, expected: int) -> None:
    assert reserve.of(total) == expected


class Disk:
    """A disk whose free space the test decides, and a clock that stands still until it is told."""

    def __init__(self, free: int) -> None:
        self.free, self.asked, self.now = free, 0, 100.0

    def ask(self) -> tuple[int, int]:
        self.asked += 1
        return self.free, 100 * GIB


def room_on(disk: Disk, reserve: int = GIB) -> FreeSpace:
    return FreeSpace(disk.ask, Reserve(bytes=reserve), lambda: disk.now)


def test_the_last_byte_before_the_reserve_may_be_taken_and_not_one_more() -> None:
    disk = Disk(GIB + 10)
    room = room_on(disk)
    room.require(10)
    with pytest.raises(NoRoom, match="TLM-INT-001"):
        room.require(11)


def test_people_read_how_much_is_there_and_how_much_is_kept() -> None:
    with pytest.raises(NoRoom, match=r"Only 512 MiB of disk space are free, and 1\.0 GiB are kept"):
        room_on(Disk(GIB // 2)).require()


def test_the_system_is_asked_once_a_second_and_what_was_taken_since_is_counted() -> None:
    disk = Disk(GIB + 100)
    room = room_on(disk)
    for _ in range(100):
        room.require(1)
        room.spend(1)
    assert disk.asked == 1
    with pytest.raises(NoRoom):
        room.require(1)
    disk.now += 0.99
    with pytest.raises(NoRoom):
        room.require(1)
    disk.now += 0.02
    room.require(100)
    assert disk.asked == 2


def test_room_that_comes_back_is_noticed_by_itself() -> None:
    disk = Disk(0)
    room = room_on(disk)
    with pytest.raises(NoRoom):
        room.require()
    disk.free, disk.now = 2 * GIB, disk.now + 1
    room.require()


def test_a_system_that_cannot_tell_is_asked_again_at_once() -> None:
    answers = iter([StoreTrouble, None])

    def ask() -> tuple[int, int]:
        if next(answers) is not None:
            raise OSError
        return GIB, GIB

    room = FreeSpace(ask, Reserve(bytes=0), lambda: 0.0)
    with pytest.raises(OSError):
        room.require()
    room.require()


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (512 << 20, "512 MiB"),
        (5 << 30, "5.0 GiB"),
        (3 << 40, "3.0 TiB"),
    ],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert in_units(size) == text
