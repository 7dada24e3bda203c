"""Giving the agent to systemd and taking it back: only units that tolmach wrote are ever changed."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tolmach.adapters.folder import write_file
from tolmach.apps.service_unit import MARKER, NAME, Unit, unit_text
from tolmach.base import N_, Fault, NeedsOperator, Retryable

SYSTEM_FOLDER = Path("/etc/systemd/system")
_RUNNING = Path("/run/systemd/system")
_ACCOUNT = "tolmach"
_SECONDS = 120.0
_SHOWN = 300

NOT_ROOT = Fault(
    "TLM-SRV-052",
    N_("A service for the whole machine can be changed by root alone."),
    N_("Run the same with sudo; or with --user for a service that runs while you are logged in."),
)
NO_SYSTEMD = Fault(
    "TLM-SRV-053",
    N_("systemd does not run here, so there is nothing to give the service to."),
    N_("Let what starts programs here run “tolmach serve --config FILE”; install --dry-run shows all it should set."),
)
NOT_OURS = Fault(
    "TLM-SRV-054",
    N_("{file} was not written by tolmach, or was changed in its first line; it is left as it is."),
    N_("Choose another name with --name, or remove that service by hand."),
)
NOT_INSTALLED = Fault(
    "TLM-SRV-055",
    N_("There is no service {name}: {file} is not there."),
    N_("Name the service with --name as it was installed, and use --user if it was installed so."),
)
SYSTEMCTL_FAILED = Fault(
    "TLM-SRV-056",
    N_("“{command}” failed: {why}"),
    N_("Look into its log with journalctl --unit {name}, then run the same again."),
)
NO_ACCOUNT = Fault(
    "TLM-SRV-057",
    N_("The service must not run as root, and there is no account “{account}” for it."),
    N_("Make it: useradd --system --user-group --shell /usr/sbin/nologin {account}; then run the same again."),
)
ROOTS_DATA = Fault(
    "TLM-SRV-058",
    N_("The data folder {folder} belongs to root, and the service would run as “{account}”."),
    N_("Give it to that account: chown -R {account}: {folder}; then run the same again."),
)
OUT_OF_REACH = Fault(
    "TLM-SRV-059",
    N_("The account “{account}” cannot read {path}."),
    N_("Install tolmach, and put its configuration, where that account may read: /opt and /etc, not a home folder."),
)


class ServiceUnusable(NeedsOperator):
    """The service cannot be installed or removed before somebody does something."""


class ServiceTrouble(Retryable):
    """systemd did not do what it was asked for."""


@dataclass(frozen=True, slots=True)
class Systemd:
    """The systemd of the machine, or of one user: where its units are, and how it is asked."""

    folder: Path
    command: tuple[str, ...] = ("systemctl",)

    def install(self, unit: Unit) -> Path:
        """Write the unit, enable it and start it anew; gives its file. May be repeated: it is brought in step.

        Raises `ServiceUnusable`, `ServiceTrouble`, and `FileProblem` when the file cannot be written.
        """
        text = unit_text(unit)
        file = self.folder / unit.file_name
        if file.exists() and not _is_ours(file):
            raise ServiceUnusable(NOT_OURS, file=file)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_file(file, [text.encode("utf-8")], replace=True)
        file.chmod(0o644)  # as systemd expects it: there is no secret in it
        self._ask(unit.name, "daemon-reload")
        self._ask(unit.name, "enable", unit.file_name)
        self._ask(unit.name, "restart", unit.file_name)
        return file

    def remove(self, name: str) -> Path:
        """Stop and disable a service that tolmach installed, and delete its unit; gives the file that was deleted.

        Raises `ServiceUnusable`, `ServiceTrouble`; the unit stays then.
        """
        file = self.unit_file(name)
        self._ask(name, "disable", "--now", file.name)
        file.unlink()
        self._ask(name, "daemon-reload")
        return file

    def unit_file(self, name: str) -> Path:
        """Give the file of a service that tolmach installed; raises `ServiceUnusable`."""
        file = self.folder / f"{name}.service"
        if not NAME.fullmatch(name) or not file.is_file():
            raise ServiceUnusable(NOT_INSTALLED, name=name, file=file)
        if not _is_ours(file):
            raise ServiceUnusable(NOT_OURS, file=file)
        return file

    def _ask(self, name: str, *arguments: str) -> None:
        command = [*self.command, *arguments]
        try:
            ended = subprocess.run(  # noqa: S603 - fixed words and a name without signs
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServiceTrouble(SYSTEMCTL_FAILED, command=" ".join(command), why=str(error), name=name) from error
        if ended.returncode != 0:
            why = ended.stderr.decode("utf-8", "replace").strip()[:_SHOWN] or f"{ended.returncode}."
            raise ServiceTrouble(SYSTEMCTL_FAILED, command=" ".join(command), why=why, name=name)


def _is_ours(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.readline(len(MARKER) + 2).rstrip(b"\r\n") == MARKER.encode("ascii")


def systemd_here(*, is_users: bool, config_home: Path) -> Systemd:
    """Give the systemd that runs here; raises `ServiceUnusable` where none does, or where we may not ask it."""
    if shutil.which("systemctl") is None or not _RUNNING.is_dir():
        raise ServiceUnusable(NO_SYSTEMD)
    if is_users:
        return Systemd(config_home / "systemd" / "user", ("systemctl", "--user"))
    if not _is_root():
        raise ServiceUnusable(NOT_ROOT)
    return Systemd(SYSTEM_FOLDER)


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def account_of(data_dir: Path) -> str:
    """Give the account the service shall run under: the owner of the data folder, else `tolmach`, never root.

    Raises `ServiceUnusable` when there is no such account, or when the folder belongs to root.
    """
    if sys.platform == "win32":
        raise ServiceUnusable(NO_SYSTEMD)
    import pwd

    is_roots = data_dir.exists() and data_dir.stat().st_uid == 0
    try:
        if data_dir.exists() and not is_roots:
            return pwd.getpwuid(data_dir.stat().st_uid).pw_name
        pwd.getpwnam(_ACCOUNT)
    except KeyError as error:
        raise ServiceUnusable(NO_ACCOUNT, account=_ACCOUNT) from error
    if is_roots:
        raise ServiceUnusable(ROOTS_DATA, account=_ACCOUNT, folder=data_dir)
    return _ACCOUNT


def prepare(unit: Unit) -> None:
    """Make the data folder for the account of the service, and require that it can read what it runs.

    Raises `ServiceUnusable`. May be repeated.
    """
    if unit.user is None or sys.platform == "win32":
        return
    import pwd

    account = pwd.getpwnam(unit.user)
    groups = frozenset(os.getgrouplist(unit.user, account.pw_gid))
    for path in (Path(unit.program[0]).resolve(), unit.config):
        for place in (path, *path.parents):
            if not _may_read(place, account.pw_uid, groups):
                raise ServiceUnusable(OUT_OF_REACH, account=unit.user, path=place)
    if not unit.data_dir.exists():
        unit.data_dir.mkdir(mode=0o700, parents=True)
        os.chown(unit.data_dir, account.pw_uid, account.pw_gid)


def _may_read(path: Path, uid: int, groups: Sequence[int] | frozenset[int]) -> bool:
    """Tell whether an account may read a file, or go through a folder; access lists are not looked at."""
    status = path.stat()
    wanted = stat.S_IXOTH if stat.S_ISDIR(status.st_mode) else stat.S_IROTH
    if status.st_uid == uid:
        return bool(status.st_mode & wanted << 6)
    if status.st_gid in groups:
        return bool(status.st_mode & wanted << 3)
    return bool(status.st_mode & wanted)
