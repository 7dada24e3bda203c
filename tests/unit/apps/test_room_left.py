"""Whether there is room, as the disk says; also when nothing is kept in reserve."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from tolmach.adapters.objects.faults import NO_SPACE
from tolmach.apps.room_left import LEAST_BYTES, require_room, reserve_of, room_trouble
from tolmach.apps.sections import Settings, StorageSettings
from tolmach.intake.faults import NO_ROOM, NoRoom
from tolmach.intake.room import Reserve

Usage = namedtuple("Usage", "total used free")


def of_disk(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(1 << 30, (1 << 30) - free, free))


def settings_of(folder: Path, reserve: str) -> Settings:
    return Settings(data_dir=folder, storage=StorageSettings(reserve=reserve))


@pytest.mark.parametrize(
    ("reserve", "free", "fault"),
    [
        ("0", 0, NO_SPACE),
        ("0", LEAST_BYTES - 1, NO_SPACE),
        ("0", LEAST_BYTES, None),
        ("1000000", 999_999, NO_ROOM),
        ("1000000", 1_000_000, None),
        ("50%", (1 << 29) - 1, NO_ROOM),
        ("", 1, NO_ROOM),
    ],
)
def test_a_full_disk_is_told_by_its_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reserve: str, free: int, fault: object
) -> None:
    of_disk(monkeypatch, free)
    settings = settings_of(tmp_path, reserve)
    found = room_trouble(settings)
    assert (None if found is None else found.fault) is fault
    if fault is None:
        require_room(settings)
    else:
        with pytest.raises(NoRoom) as caught:
            require_room(settings)
        assert caught.value.problem == found


def test_a_folder_that_is_not_there_yet_is_no_full_disk(tmp_path: Path) -> None:
    assert room_trouble(settings_of(tmp_path / "none", str(shutil.disk_usage(tmp_path).total))) is None


def test_the_reserve_is_what_the_settings_say(tmp_path: Path) -> None:
    assert reserve_of(settings_of(tmp_path, "7%")) == Reserve(percent=7.0)
    assert reserve_of(settings_of(tmp_path, "1024")) == Reserve(bytes=1024)
