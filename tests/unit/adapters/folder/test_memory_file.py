"""The memory of devices survives in a file, and a file that is none is never touched."""

from pathlib import Path

import pytest

from tolmach.adapters.folder.faults import NotAMemory
from tolmach.adapters.folder.memory_file import load_memory, save_memory
from tolmach.base import TolmachError
from tolmach.repair.memory import Device, DeviceMemory


def test_what_was_learned_is_there_again(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "devices.json"
    memory = DeviceMemory({"Завод/1/А": Device({"cp1251": 3}, None), "b\udcff": Device({}, "koi8-u")}, is_changed=True)
    save_memory(file, memory)
    assert load_memory(file).devices == memory.devices
    assert not memory.is_changed


def test_nothing_is_written_when_nothing_was_learned(tmp_path: Path) -> None:
    save_memory(tmp_path / "devices.json", DeviceMemory())
    assert not list(tmp_path.iterdir())


def test_without_a_file_nothing_is_remembered(tmp_path: Path) -> None:
    assert load_memory(tmp_path / "none.json").devices == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b'{"devices": {"a": {"counts": 1, "pinned": null}}}',
        b'{"devices": 5}',
        b"\xff",
        b'{"a": {}}',
        b"[" * 100_000,
        b'{"devices": {"a": {"counts": {"cp1251": "x"}, "pinned": null}}}',
        b'{"devices": {"a": {"counts": {"cp1251": Infinity}, "pinned": null}}}',
    ],
)
def test_a_file_that_is_no_memory_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "devices.json"
    file.write_bytes(content)
    with pytest.raises(NotAMemory) as caught:
        load_memory(file)
    assert caught.value.code == "TLM-FIL-015"
    assert str(file) in str(caught.value)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("devices.json", content)]


def test_what_could_not_be_kept_still_waits_to_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    memory = DeviceMemory({"a": Device({"cp1251": 1})}, is_changed=True)
    with pytest.raises(TolmachError):
        save_memory(tmp_path / "file" / "devices.json", memory)
    assert memory.is_changed
    save_memory(tmp_path / "devices.json", memory)
    assert load_memory(tmp_path / "devices.json").devices == memory.devices
