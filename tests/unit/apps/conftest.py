"""Nothing of the machine's own configuration, language or folder reaches these tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _nobodys_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith(("TOLMACH_", "LC_", "LANG", "XDG_", "NO_COLOR")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.chdir(tmp_path)
