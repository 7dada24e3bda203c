"""packaging/linux/install.sh with a stand-in for the program: what it puts where, refuses, and leaves alone."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

LINUX = ROOT / "packaging" / "linux"
VERSION = "#!/bin/sh\necho tolmach {}\n"


def unpacked(folder: Path, version: str = "1") -> Path:
    """Give a folder as the archive has it, with a program that tells a version."""
    (folder / "_internal").mkdir(parents=True)
    (folder / "_internal" / f"library-{version}.so").write_text(version)
    (folder / "tolmach").write_text(VERSION.format(version))
    (folder / "tolmach").chmod(0o775)
    for name in ("LICENSE", "THIRD-PARTY-NOTICES.txt"):
        (folder / name).write_text(name)
    for size in ("48x48", "scalable"):
        icon = folder / "share/icons/hicolor" / size / "apps" / f"tolmach.{'svg' if size == 'scalable' else 'png'}"
        icon.parent.mkdir(parents=True)
        icon.write_text(size)
    (folder / "share/applications").mkdir()
    shutil.copy2(LINUX / "tolmach.desktop", folder / "share/applications/tolmach.desktop")
    shutil.copy2(LINUX / "install.sh", folder / "install.sh")
    return folder


class Machine:
    """A home and a root folder of a test's own."""

    def __init__(self, folder: Path) -> None:
        self.home, self.root = folder / "home dir", folder / "root"
        self.home.mkdir()
        self.root.mkdir()
        (self.home / ".config/tolmach").mkdir(parents=True)
        (self.home / ".config/tolmach/tolmach.toml").write_text("kept")
        icon = self.home / ".local/share/icons/hicolor/48x48/apps/other.png"
        icon.parent.mkdir(parents=True)
        icon.write_text("another's")

    def run(self, package: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        known = {"PATH": os.defpath, "HOME": str(self.home), **env}
        command = ["sh", str(package / "install.sh"), *words]
        return subprocess.run(command, capture_output=True, text=True, env=known, cwd=self.root, check=False)

    def tree(self, folder: Path) -> dict[str, str]:
        return {
            str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_text()
            for path in sorted(folder.rglob("*"))
            if (path.is_symlink() or path.is_file()) and path.suffix != ".cache"  # tools of the desktop make those
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return unpacked(tmp_path / "tolmach-1")


def test_one_user_gets_program_menu_entry_and_icons(machine: Machine, package: Path) -> None:
    ran = machine.run(package)
    assert (ran.returncode, ran.stderr) == (0, "")
    program = machine.home / ".local/opt/tolmach/tolmach"
    link = machine.home / ".local/bin/tolmach"
    assert link.readlink() == program
    assert subprocess.run([link], capture_output=True, text=True, check=True).stdout == "tolmach 1\n"
    entry = (machine.home / ".local/share/applications/tolmach.desktop").read_text("utf-8")
    assert f'Exec="{program}" desktop %F\n' in entry
    assert f"TryExec={program}\n" in entry
    assert (machine.home / ".local/share/icons/hicolor/48x48/apps/tolmach.png").read_text() == "48x48"
    assert "is not in your PATH" in ran.stdout
    assert not stat.S_IMODE(program.stat().st_mode) & 0o022  # nobody else may change it


def test_for_everybody_it_goes_where_the_service_may_read_it(machine: Machine, package: Path) -> None:
    ran = machine.run(package, "--system", DESTDIR=str(machine.root))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (machine.root / "opt/tolmach/tolmach").is_file()
    assert (machine.root / "usr/local/bin/tolmach").readlink() == Path("/opt/tolmach/tolmach")
    entry = (machine.root / "usr/local/share/applications/tolmach.desktop").read_text("utf-8")
    assert 'Exec="/opt/tolmach/tolmach" desktop %F\n' in entry
    assert "service install" in ran.stdout


def test_an_upgrade_leaves_nothing_of_the_older_version(machine: Machine, package: Path, tmp_path: Path) -> None:
    assert machine.run(package).returncode == 0
    assert machine.run(package).returncode == 0
    assert machine.run(unpacked(tmp_path / "tolmach-2", "2")).returncode == 0
    internal = machine.home / ".local/opt/tolmach/_internal"
    assert [path.name for path in internal.iterdir()] == ["library-2.so"]
    assert [path.name for path in internal.parents[1].iterdir()] == ["tolmach"]


def test_removing_takes_only_what_was_put_there(machine: Machine, package: Path) -> None:
    before = machine.tree(machine.home)
    assert machine.run(package).returncode == 0
    installed = machine.home / ".local/opt/tolmach"
    assert machine.tree(machine.home) != before
    ran = machine.run(installed, "--uninstall")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert machine.tree(machine.home) == before
    assert machine.run(package, "--uninstall").returncode == 0


def test_what_is_not_ours_is_neither_replaced_nor_removed(machine: Machine, package: Path) -> None:
    other = machine.home / ".local/opt/tolmach"
    other.mkdir(parents=True)
    (other / "thesis.txt").write_text("years of work")
    for words in ((), ("--uninstall",)):
        ran = machine.run(package, *words)
        assert ran.returncode == 1
        assert "not ours" in ran.stderr
        assert (other / "thesis.txt").read_text() == "years of work"


def test_another_program_of_that_name_stays(machine: Machine, package: Path) -> None:
    other = machine.home / ".local/bin/tolmach"
    other.parent.mkdir(parents=True)
    other.write_text("another's")
    assert "not ours" in machine.run(package).stderr
    assert machine.run(package, "--uninstall").returncode == 0
    assert other.read_text() == "another's"


@pytest.mark.parametrize("words", [("--sytem",), ("/opt/tolmach",)])
def test_a_word_it_does_not_know_changes_nothing(machine: Machine, package: Path, words: tuple[str, ...]) -> None:
    before = machine.tree(machine.home)
    ran = machine.run(package, *words)
    assert ran.returncode == 1
    assert machine.tree(machine.home) == before


def test_half_an_archive_is_refused(machine: Machine, package: Path) -> None:
    shutil.rmtree(package / "_internal")
    assert "not beside this script" in machine.run(package).stderr
    assert not (machine.home / ".local/opt").exists()


def test_help_tells_how_it_is_called(machine: Machine, package: Path) -> None:
    told = machine.run(package, "--help").stdout
    assert "./install.sh --uninstall" in told
    assert "DESTDIR" in told
