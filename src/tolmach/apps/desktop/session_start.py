"""Starting with the session of the user: a file of the XDG autostart folder, or a value of the Run key of Windows.

Standard: XDG Desktop Application Autostart Specification 0.5; Desktop Entry Specification 1.5 (quoting of Exec).
The Windows part was written with the documentation at hand and tried against a stand-in; no Windows was there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from tolmach.adapters.folder import write_file
from tolmach.apps.desktop.faults import NOT_KEPT, DesktopTrouble
from tolmach.apps.service_unit import program

NAME = "tolmach"
RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"
_ENTRY = """\
[Desktop Entry]
Type=Application
Version=1.5
Name=tolmach
Icon=tolmach
Terminal=false
Exec={command}
"""
_PLAIN = re.compile(r"[A-Za-z0-9@+=:,./_-]+")
_QUOTED = re.compile(r'(["`$\\])')


class SessionStart(Protocol):
    """Where a desktop keeps what it starts with a session."""

    def is_on(self) -> bool:
        """Tell whether tolmach is started."""
        ...

    def turn_on(self, command: Sequence[str]) -> None:
        """Let it be started by this command; raises `DesktopTrouble`. May be repeated."""
        ...

    def turn_off(self) -> None:
        """Let it be started no more; raises `DesktopTrouble`. May be repeated."""
        ...


class AutostartFile:
    """The folder that desktops of Linux look into."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, usually `~/.config/autostart`."""
        self.file = folder / f"{NAME}.desktop"

    def is_on(self) -> bool:
        """Tell whether tolmach is started; `Hidden=true` is how desktops switch an entry off."""
        try:
            lines = self.file.read_text("utf-8", "replace").splitlines()
        except OSError:
            return False
        return not {"Hidden=true", "X-GNOME-Autostart-enabled=false"}.intersection(one.strip() for one in lines)

    def turn_on(self, command: Sequence[str]) -> None:
        """Write the entry."""
        text = _ENTRY.format(command=" ".join(map(quoted, command)))
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DesktopTrouble(NOT_KEPT, path=self.file, why=error.strerror or error) from error
        write_file(self.file, [text.encode("utf-8", "surrogateescape")], replace=True)

    def turn_off(self) -> None:
        """Delete the entry."""
        try:
            self.file.unlink(missing_ok=True)
        except OSError as error:
            raise DesktopTrouble(NOT_KEPT, path=self.file, why=error.strerror or error) from error


class RunKey:
    """The key of the user's registry that Windows looks into; `registry` is the module `winreg`."""

    def __init__(self, registry: Any) -> None:
        """Use the registry."""
        self._registry = registry

    def is_on(self) -> bool:
        """Tell whether tolmach is started."""
        registry = self._registry
        try:
            with registry.OpenKey(registry.HKEY_CURRENT_USER, RUN_KEY) as key:
                return bool(registry.QueryValueEx(key, NAME)[0])
        except OSError:
            return False

    def turn_on(self, command: Sequence[str]) -> None:
        """Set the value."""
        registry = self._registry
        try:
            with registry.CreateKeyEx(registry.HKEY_CURRENT_USER, RUN_KEY, 0, registry.KEY_SET_VALUE) as key:
                registry.SetValueEx(key, NAME, 0, registry.REG_SZ, subprocess.list2cmdline(command))
        except OSError as error:
            raise DesktopTrouble(NOT_KEPT, path=RUN_KEY, why=error.strerror or error) from error

    def turn_off(self) -> None:
        """Delete the value."""
        registry = self._registry
        try:
            with registry.OpenKey(registry.HKEY_CURRENT_USER, RUN_KEY, 0, registry.KEY_SET_VALUE) as key:
                registry.DeleteValue(key, NAME)
        except FileNotFoundError:  # neither key nor value: it is off
            return
        except OSError as error:
            raise DesktopTrouble(NOT_KEPT, path=RUN_KEY, why=error.strerror or error) from error


def quoted(argument: str) -> str:
    """Give one argument of `Exec`, quoted where it must be: twice then, as every value of such a file is."""
    if _PLAIN.fullmatch(argument):
        return argument
    inside = _QUOTED.sub(r"\\\1", argument).replace("\\", "\\\\")
    return f'"{inside.replace("%", "%%")}"'


def session_start(config_home: Path) -> SessionStart | None:
    """Give where this desktop keeps what it starts; None where nothing is known of it."""
    if sys.platform == "win32":
        return RunKey(import_module("winreg"))
    if sys.platform == "darwin":
        return None
    return AutostartFile(config_home / "autostart")


def command_of(config: Path | None) -> list[str]:
    """Give the command that starts this program in the tray, with the configuration file that was named."""
    named = [] if config is None else ["--config", str(config.absolute())]
    if not getattr(sys, "frozen", False):
        return [*_unfrozen(), *named, "desktop", "--minimised"]
    is_window = Path(sys.executable).stem.lower() == "tolmach-desktop"  # a program that is nothing else
    return [sys.executable, *named, *([] if is_window else ["desktop"]), "--minimised"]


def _unfrozen() -> Sequence[str]:
    """Give how the installed program is started, on Windows without a console."""
    silent = Path(sys.executable).with_name("pythonw.exe")
    return (str(silent), "-m", "tolmach.apps.cli.main") if os.name == "nt" and silent.exists() else program()
