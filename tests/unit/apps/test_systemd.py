"""Installing and removing with a systemctl of the test, which writes down what it is asked and may refuse."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.calling import call
from tolmach.apps import systemd as module
from tolmach.apps.sections import Settings
from tolmach.apps.service_unit import MARKER, Unit, unit_of
from tolmach.apps.systemd import ServiceTrouble, ServiceUnusable, Systemd, account_of, prepare, systemd_here

PROGRAM = """
import sys
from pathlib import Path
folder = Path(__file__).parent
with (folder / "asked").open("a") as asked:
    asked.write(" ".join(sys.argv[1:]) + "\\n")
refused = folder / "refuses"
if refused.exists() and sys.argv[1] == refused.read_text():
    sys.exit("no such luck")
"""


class Asked:
    """A systemd whose answers the test decides."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        script = folder / "systemctl.py"
        script.write_text(PROGRAM)
        self.systemd = Systemd(folder / "units", (sys.executable, str(script)))

    def lines(self) -> list[str]:
        file = self.folder / "asked"
        return file.read_text().splitlines() if file.exists() else []

    def refuse(self, word: str) -> None:
        (self.folder / "refuses").write_text(word)


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path / "systemd")


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    return unit_of(Settings(), tmp_path / "tolmach.toml", "tolmach-2", None, tmp_path)


def test_install_writes_enables_and_starts(asked: Asked, unit: Unit) -> None:
    file = asked.systemd.install(unit)
    assert file.name == "tolmach-2.service"
    assert file.read_text("utf-8").startswith(MARKER)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert asked.lines() == ["daemon-reload", "enable tolmach-2.service", "restart tolmach-2.service"]


def test_install_again_brings_it_in_step(asked: Asked, unit: Unit) -> None:
    asked.systemd.install(unit)
    file = asked.systemd.install(replace(unit, config=Path("/etc/other.toml")))
    assert "/etc/other.toml" in file.read_text("utf-8")
    assert asked.lines().count("restart tolmach-2.service") == 2


@pytest.mark.parametrize("content", ["[Unit]\n", "", f"# mine\n{MARKER}\n", f"{MARKER} or not\n"])
def test_a_unit_of_somebody_else_is_left_alone(asked: Asked, unit: Unit, content: str) -> None:
    asked.systemd.folder.mkdir()
    file = asked.systemd.folder / unit.file_name
    file.write_text(content)
    with pytest.raises(ServiceUnusable, match="TLM-SRV-054"):
        asked.systemd.install(unit)
    with pytest.raises(ServiceUnusable, match="TLM-SRV-054"):
        asked.systemd.remove(unit.name)
    assert file.read_text() == content
    assert asked.lines() == []


def test_remove_stops_before_it_deletes(asked: Asked, unit: Unit) -> None:
    file = asked.systemd.install(unit)
    assert asked.systemd.remove(unit.name) == file
    assert asked.lines()[3:] == ["disable --now tolmach-2.service", "daemon-reload"]
    assert not file.exists()


def test_a_service_that_cannot_be_stopped_keeps_its_unit(asked: Asked, unit: Unit) -> None:
    file = asked.systemd.install(unit)
    asked.refuse("disable")
    with pytest.raises(ServiceTrouble, match="no such luck"):
        asked.systemd.remove(unit.name)
    assert file.exists()


@pytest.mark.parametrize("name", ["tolmach-3", "../tolmach-2", ""])
def test_what_is_not_installed_cannot_be_removed(asked: Asked, unit: Unit, name: str) -> None:
    asked.systemd.install(unit)
    with pytest.raises(ServiceUnusable, match="TLM-SRV-055"):
        asked.systemd.remove(name)
    assert len(asked.lines()) == 3


def test_a_systemctl_that_fails_says_why(asked: Asked, unit: Unit) -> None:
    asked.refuse("restart")
    with pytest.raises(ServiceTrouble, match="no such luck") as caught:
        asked.systemd.install(unit)
    assert "journalctl --unit tolmach-2" in str(caught.value)
    with pytest.raises(ServiceTrouble, match="TLM-SRV-056"):
        replace(asked.systemd, command=(str(asked.folder / "nowhere"),)).install(unit)


def test_where_no_systemd_runs_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RUNNING", tmp_path / "nowhere")
    with pytest.raises(ServiceUnusable, match="TLM-SRV-053"):
        systemd_here(is_users=False, config_home=tmp_path)


def test_who_may_ask_which_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "systemctl").write_text("#!/bin/sh\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "_RUNNING", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    users = systemd_here(is_users=True, config_home=tmp_path)
    assert users == Systemd(tmp_path / "systemd" / "user", ("systemctl", "--user"))
    with pytest.raises(ServiceUnusable, match="TLM-SRV-052"):
        systemd_here(is_users=False, config_home=tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert systemd_here(is_users=False, config_home=tmp_path) == Systemd(Path("/etc/systemd/system"))


class Account:
    """What the tests need of an entry of the accounts."""

    def __init__(self, name: str, uid: int) -> None:
        self.pw_name, self.pw_uid, self.pw_gid = name, uid, uid


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Account]:
    """Give the accounts there are."""
    import pwd

    found: dict[str, Account] = {}
    monkeypatch.setattr(pwd, "getpwnam", lambda name: found[name])
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: next(one for one in found.values() if one.pw_uid == uid))
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [gid])
    return found


class FakeStatus:
    def __init__(self, uid: int) -> None:
        self.st_uid, self.st_mode = uid, stat.S_IFDIR | 0o700


def owned_by(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    monkeypatch.setattr(Path, "stat", lambda self, follow_symlinks=True: FakeStatus(uid))


def test_the_owner_of_the_data_folder_is_the_account(
    accounts: dict[str, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts["olena"] = Account("olena", 1000)
    owned_by(monkeypatch, 1000)
    assert account_of(Path("/srv/data")) == "olena"


def test_never_root(tmp_path: Path, accounts: dict[str, Account], monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(ServiceUnusable, match="TLM-SRV-057"):
        account_of(missing)
    accounts["tolmach"] = Account("tolmach", 990)
    assert account_of(missing) == "tolmach"
    owned_by(monkeypatch, 0)
    with pytest.raises(ServiceUnusable, match="TLM-SRV-058"):
        account_of(tmp_path)


@pytest.mark.parametrize(
    ("uid", "groups", "modes"),
    [(1, (), (0o400, 0o100)), (2, (5, 6), (0o040, 0o010)), (2, (7,), (0o004, 0o001)), (1, (6,), (0o400, 0o100))],
)
def test_who_may_read_a_file_and_pass_through_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, groups: tuple[int, ...], modes: tuple[int, int]
) -> None:
    status = [0]
    monkeypatch.setattr(Path, "stat", lambda self: os.stat_result((status[0], 0, 0, 1, 1, 6, 0, 0, 0, 0)))
    for kind, needed in zip((stat.S_IFREG, stat.S_IFDIR), modes, strict=True):
        status[0] = kind | needed
        assert module._may_read(tmp_path, uid, groups)
        status[0] = kind | (0o777 & ~needed)
        assert not module._may_read(tmp_path, uid, groups)


def test_the_account_must_be_able_to_read_what_it_runs(
    tmp_path: Path, accounts: dict[str, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts["tolmach"] = Account("tolmach", 54321)
    given: list[tuple[Path, int]] = []
    monkeypatch.setattr(os, "chown", lambda path, uid, gid: given.append((path, uid)))
    config = tmp_path / "tolmach.toml"
    made = replace(unit_of(Settings(), config, "tolmach", "tolmach", tmp_path), program=("/bin/sh",))
    asked: list[Path] = []
    for closed in (config, tmp_path, Path("/bin/sh").resolve()):
        monkeypatch.setattr(module, "_may_read", lambda path, uid, groups, closed=closed: path != closed)
        with pytest.raises(ServiceUnusable, match="TLM-SRV-059") as caught:
            prepare(made)
        assert caught.value.problem.facts["path"] == closed
    assert not made.data_dir.exists()
    monkeypatch.setattr(module, "_may_read", lambda path, uid, groups: asked.append(path) is None)
    prepare(made)
    assert {config, tmp_path, Path("/")} <= set(asked)
    assert given == [(made.data_dir, 54321)]
    assert stat.S_IMODE(made.data_dir.stat().st_mode) == 0o700
    prepare(made)
    assert len(given) == 1


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_RUNNING", tmp_path / "nowhere")
    file = tmp_path / "tolmach.toml"
    file.write_text('data_dir = "data"\nlanguage = "en"\n', "utf-8")
    return file


def test_the_unit_can_be_seen_first(configured: Path) -> None:
    called = call("service", "install", "--user", "--dry-run", "--name", "tolmach-room-2")
    assert (called.status, called.err) == (0, "")
    assert called.out.startswith(MARKER)
    assert f'"{configured}"' in called.out


def test_without_systemd_the_command_says_what_to_do(configured: Path) -> None:
    for words in (("install",), ("install", "--user"), ("remove",), ("remove", "--dry-run")):
        called = call("service", *words)
        assert (called.status, called.codes, called.out) == (2, ["TLM-SRV-053"], "")


def test_a_service_needs_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    called = call("service", "install", "--user", "--dry-run", "--lang", "en")
    assert (called.status, called.codes) == (2, ["TLM-SRV-060"])


def test_the_commands_from_end_to_end(configured: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "systemd_here", lambda **_: asked.systemd)
    with configured.open("a", encoding="utf-8") as more:
        more.write('[[peer]]\nname = "disk"\nkind = "folder"\nfolder = "not there"\n')
    called = call("service", "install", "--user")
    assert (called.status, called.err) == (0, "")
    assert f"Not there yet: {configured.parent / 'not there'}." in called.out
    assert "journalctl --user --unit tolmach --follow" in called.out
    called = call("service", "remove", "--user", "--dry-run")
    assert "disable --now tolmach.service" in called.out
    assert (asked.systemd.folder / "tolmach.service").exists()
    assert call("service", "remove", "--user").status == 0
    assert not (asked.systemd.folder / "tolmach.service").exists()
    asked.refuse("daemon-reload")
    called = call("service", "install", "--user")
    assert (called.status, called.codes) == (1, ["TLM-SRV-056"])
