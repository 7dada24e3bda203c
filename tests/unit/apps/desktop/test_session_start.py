"""Starting with the session: the file of Linux desktops, and the key of Windows against a stand-in."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.unit.apps.desktop.conftest import MakeWindow
from tolmach.apps.configuration import user_folder
from tolmach.apps.desktop.faults import DesktopTrouble
from tolmach.apps.desktop.session_start import RUN_KEY, AutostartFile, RunKey, command_of, quoted
from tolmach.base import TolmachError


def command_in(file: Path) -> list[str]:
    """Give the command of an entry as a desktop understands it: the value's escapes first, then the quotes."""
    (line,) = [one for one in file.read_text().splitlines() if one.startswith("Exec=")]
    value = line.removeprefix("Exec=").replace("\\\\", "\\")
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', value)
    return [re.sub(r"\\(.)", r"\1", inside or bare).replace("%%", "%") for inside, bare in found]


def test_the_entry_starts_the_program_in_the_tray(tmp_path: Path) -> None:
    place = AutostartFile(tmp_path / "autostart")
    assert not place.is_on()
    place.turn_off()
    command = command_of(tmp_path / "own.toml")
    place.turn_on(command)
    place.turn_on(command)
    assert place.is_on()
    assert command_in(place.file) == command
    assert command[-2:] == ["desktop", "--minimised"]
    assert command[command.index("--config") + 1] == str(tmp_path / "own.toml")
    place.file.write_text(place.file.read_text() + "Hidden=true\n")
    assert not place.is_on()
    place.turn_off()
    assert not place.file.exists()


@pytest.mark.parametrize("name", ["Мои снимки", 'a "b"', "50 %f", "$HOME `id`", "back\\slash", "semi;colon&"])
def test_odd_paths_stay_one_argument(tmp_path: Path, name: str) -> None:
    place = AutostartFile(tmp_path)
    place.turn_on(["tolmach", name])
    assert command_in(place.file) == ["tolmach", name]
    assert "\n" not in quoted(name)


def test_the_command_is_one_that_works() -> None:
    called = subprocess.run([*command_of(None), "--help"], capture_output=True, check=False)
    assert called.returncode == 0
    assert b"--minimised" in called.stdout


def test_a_built_program_calls_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/opt/tolmach/tolmach")
    assert command_of(None) == ["/opt/tolmach/tolmach", "desktop", "--minimised"]
    monkeypatch.setattr(sys, "executable", "/opt/tolmach/tolmach-desktop.exe")
    assert command_of(None) == ["/opt/tolmach/tolmach-desktop.exe", "--minimised"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TolmachError):
        AutostartFile(tmp_path / "file" / "autostart").turn_on(["tolmach"])


class Key:
    """An open key."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values

    def __enter__(self) -> "Key":
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Registry:
    """What `winreg` does, as far as it is used."""

    HKEY_CURRENT_USER, KEY_SET_VALUE, REG_SZ = 1, 2, 1

    def __init__(self, *, refuses: bool = False) -> None:
        self.keys: dict[str, dict[str, str]] = {}
        self.refuses = refuses

    def OpenKey(self, _root: int, path: str, _reserved: int = 0, _access: int = 0) -> Key:
        if path not in self.keys:
            raise FileNotFoundError(2, "no such key")
        return Key(self.keys[path])

    def CreateKeyEx(self, _root: int, path: str, _reserved: int, _access: int) -> Key:
        if self.refuses:
            raise PermissionError(5, "not allowed")
        return Key(self.keys.setdefault(path, {}))

    def QueryValueEx(self, key: Key, name: str) -> tuple[str, int]:
        if name not in key.values:
            raise FileNotFoundError(2, "no such value")
        return key.values[name], 1

    def SetValueEx(self, key: Key, name: str, _reserved: int, _kind: int, value: str) -> None:
        key.values[name] = value

    def DeleteValue(self, key: Key, name: str) -> None:
        if name not in key.values:
            raise FileNotFoundError(2, "no such value")
        del key.values[name]


def test_windows_keeps_it_in_the_run_key() -> None:
    registry = Registry()
    place = RunKey(registry)
    place.turn_off()
    assert not place.is_on()
    place.turn_on([r"C:\Program Files\tolmach\tolmach-desktop.exe", "--minimised"])
    assert place.is_on()
    assert registry.keys[RUN_KEY] == {"tolmach": r'"C:\Program Files\tolmach\tolmach-desktop.exe" --minimised'}
    place.turn_off()
    place.turn_off()
    assert not place.is_on()
    with pytest.raises(DesktopTrouble):
        RunKey(Registry(refuses=True)).turn_on(["tolmach"])


def test_it_is_switched_in_the_settings(make_window: MakeWindow, qtbot: QtBot) -> None:
    window = make_window()
    assert window.presence is not None
    panel = window.presence.panel
    file = user_folder().parent / "autostart" / "tolmach.desktop"
    assert not panel.with_session.isChecked()
    panel.with_session.click()
    assert command_in(file) == command_of(None)
    panel.with_session.click()
    assert not file.exists()
    file.parent.rmdir()
    file.parent.write_text("")
    panel.with_session.click()
    assert not panel.with_session.isChecked()
    assert "TLM-" in window.log.text.toPlainText()
