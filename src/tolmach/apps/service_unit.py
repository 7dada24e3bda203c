"""A systemd unit for one agent: what it may see and change, and nothing else.

The agent runs under an account that stays (`User=`), not under a passing one (`DynamicUser=`): the files in the data
folder and on the shares of machines need an owner that is the same after the next start.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tolmach.apps.faults import BadCall
from tolmach.apps.sections import Settings
from tolmach.base import N_, Fault

MARKER = "# Written by tolmach service install; tolmach service remove deletes it."
MEMORY = "2G"  # tolmach needs a seventh of it; what it maps of large files counts too
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_FIRST_FREE_PORT = 1024
_HOMES, _TEMPORARY = ("/home", "/root", "/run/user"), ("/tmp", "/var/tmp")  # noqa: S108 - compared, not used

BAD_NAME = Fault(
    "TLM-SRV-050",
    N_("“{name}” cannot be the name of a service."),
    N_("Use up to 64 English letters, digits and hyphens, as in tolmach-room-2."),
)
BAD_PATH = Fault(
    "TLM-SRV-051",
    N_("The path {path} cannot stand in the description of a service."),
    N_(
        "Rename it: no line end or sign without a shape, no space or backslash at its end, no quotes or $ in tolmach's."
    ),
)


@dataclass(frozen=True, slots=True)
class Unit:
    """What the unit of one agent says. All paths are absolute; `user` is None for a unit of the user's own systemd.

    `writable` need not be there, `data_dir` must; `readable` are folders that are watched and never changed, and keys.
    """

    name: str
    program: tuple[str, ...]
    config: Path
    folder: Path
    data_dir: Path
    writable: tuple[Path, ...]
    readable: tuple[Path, ...]
    user: str | None
    has_low_port: bool = False

    @property
    def file_name(self) -> str:
        """What systemd calls it."""
        return f"{self.name}.service"


def unit_of(settings: Settings, config: Path, name: str, user: str | None, folder: Path) -> Unit:
    """Describe the agent of a configuration; what is relative in it counts from `folder`. Raises `BadCall`."""
    if not NAME.fullmatch(name):
        raise BadCall(BAD_NAME, name=name)
    dicom, http = settings.dicom, settings.http
    ports = (port for port in (dicom.port, dicom.tls_port, http.port if http.enabled else None) if port)
    keys = (dicom.tls.certificate, dicom.tls.key, dicom.tls.ca, http.certificate, http.key)
    read = (*(watch.folder for watch in settings.watch if watch.after == "keep"), *keys)
    return Unit(
        name=name,
        program=program(),
        config=folder / config,
        folder=folder,
        data_dir=folder / settings.data_dir,
        writable=_unique(folder / path for path in writable_folders(settings)),
        readable=_unique(folder / path for path in read if path is not None),
        user=user,
        has_low_port=any(port < _FIRST_FREE_PORT for port in ports),
    )


def program() -> tuple[str, ...]:
    """Give how this program is started: by its own name where that lies beside Python, else as a module."""
    beside = Path(sys.executable).parent / "tolmach"
    return (str(beside),) if beside.is_file() else (sys.executable, "-m", "tolmach.apps.cli.main")


def writable_folders(settings: Settings) -> Iterator[Path]:
    """Give the folders that are written to, besides the data folder."""
    if settings.storage.folder is not None:
        yield settings.storage.folder
    for peer in settings.peer:
        if peer.kind == "folder" and peer.folder is not None:
            yield peer.folder
    for watch in settings.watch:
        if watch.export_folder is not None:
            yield watch.export_folder
        if watch.move_to is not None:
            yield watch.move_to
        if watch.after != "keep":
            yield watch.folder


def unit_text(unit: Unit) -> str:
    """Give the text of the unit; raises `BadCall` for paths that systemd cannot be told."""
    wanted_by = "multi-user.target" if unit.user is not None else "default.target"
    sandbox = _system_sandbox(unit) if unit.user is not None else []
    command = " ".join([_program(unit.program[0]), *map(_argument, _arguments(unit))])
    lines = [
        MARKER,
        "[Unit]",
        f"Description=tolmach, which repairs and delivers images ({unit.name})",
        "Wants=network-online.target",
        "After=network-online.target remote-fs.target time-sync.target",
        f"RequiresMountsFor={_quoted(str(unit.data_dir))}",
        "# However often it fails: it is started again, for ever.",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={command}",
        f"ExecReload={shutil.which('kill') or '/bin/kill'} -HUP $MAINPID",
        f"WorkingDirectory={_bare(unit.folder)}",
        "# Secrets that the configuration names as ${NAME}: one NAME=value a line, readable by root alone.",
        f"EnvironmentFile=-{_bare(unit.config.with_suffix('.env'))}",
        "Restart=always",
        "RestartSec=10",
        "KillMode=mixed",
        "KillSignal=SIGTERM",
        "TimeoutStopSec=30",
        "UMask=0077",
        f"MemoryMax={MEMORY}",
        "# A picture that needs too much memory costs the process that decodes it, and nothing else.",
        "OOMPolicy=continue",
        "LimitNOFILE=16384",
        "# A core file would hold data of patients.",
        "LimitCORE=0",
        "NoNewPrivileges=yes",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "SystemCallFilter=@system-service",
        "SystemCallErrorNumber=EPERM",
        "SystemCallArchitectures=native",
        "LockPersonality=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "RestrictNamespaces=yes",
        *sandbox,
        "",
        "[Install]",
        f"WantedBy={wanted_by}",
    ]
    return "\n".join(lines) + "\n"


def _system_sandbox(unit: Unit) -> list[str]:
    """Give what only the systemd of the machine can promise."""
    seen = (*map(Path, (sys.prefix, sys.base_prefix)), unit.config, unit.folder, unit.data_dir)
    seen += (*unit.writable, *unit.readable)
    capabilities = "CAP_NET_BIND_SERVICE" if unit.has_low_port else ""
    writable = [_quoted(str(unit.data_dir)), *(_quoted(f"-{path}") for path in unit.writable)]
    lines = [
        f"User={unit.user}",
        f"CapabilityBoundingSet={capabilities}",
        f"AmbientCapabilities={capabilities}",
        "ProtectSystem=strict",
        f"ProtectHome={'read-only' if _is_any_below(seen, _HOMES) else 'yes'}",
        f"PrivateTmp={'no' if _is_any_below(seen, _TEMPORARY) else 'yes'}",
        "PrivateDevices=yes",
        "ProtectProc=invisible",
        "ProtectClock=yes",
        "ProtectHostname=yes",
        "ProtectKernelLogs=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelTunables=yes",
        "ProtectControlGroups=yes",
        "RemoveIPC=yes",
        "# Only this may be changed. A folder that is made or mounted later needs a restart of this service.",
        *(f"ReadWritePaths={path}" for path in writable),
    ]
    return lines + [f"ReadOnlyPaths={_quoted(f'-{path}')}" for path in unit.readable]


def _is_any_below(paths: Sequence[Path], folders: Sequence[str]) -> bool:
    return any(path == Path(folder) or Path(folder) in path.parents for path in paths for folder in folders)


def _unique(paths: Iterator[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(paths))


def _arguments(unit: Unit) -> tuple[str, ...]:
    return *unit.program[1:], "serve", "--config", str(unit.config)


def _program(path: str) -> str:
    """Give the first word of a command line, where systemd takes no quotes and no backslash, and expands nothing."""
    if any(sign in path for sign in "$'\"\\"):
        raise BadCall(BAD_PATH, path=repr(path))
    return _quoted(path)


def _argument(text: str) -> str:
    """Give a word of a command line: beside what a path needs, a dollar would begin a variable."""
    return _quoted(text).replace("$", "$$")


def _quoted(text: str) -> str:
    """Give a word in quotation marks. Standard: systemd.syntax(7), systemd.unit(5) (specifiers)."""
    _require_writable(text)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _bare(path: Path) -> str:
    """Give a path for the settings that take the rest of the line as it is."""
    text = str(path)
    _require_writable(text)
    if text != text.strip() or text.endswith("\\"):
        raise BadCall(BAD_PATH, path=repr(text))
    return text.replace("%", "%%")


def _require_writable(text: str) -> None:
    """Refuse what would end the line, and names that are not UTF-8."""
    is_text = not any("\ud800" <= sign <= "\udfff" for sign in text)
    if not is_text or any(ord(sign) < 0x20 or 0x7F <= ord(sign) < 0xA0 for sign in text):
        raise BadCall(BAD_PATH, path=ascii(text))
