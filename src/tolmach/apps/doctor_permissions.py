"""Checks of `tolmach doctor --security` on accounts and rights of files: who else on this machine could read or change.

Windows has other rights, which are not looked at: there these checks are skipped.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tolmach.apps import doctor_faults as faults
from tolmach.apps.configuration import read_toml
from tolmach.apps.doctor import Finding, Installation, serious, warning
from tolmach.apps.doctor_places import http_of

_ROOT: Final = 0
_ONE_VARIABLE: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_PEER_SECRETS, _NOTICE_SECRETS = ("token", "password"), ("smtp_password", "webhook_token")
_OTHERS_READ, _OTHERS_WRITE = stat.S_IRGRP | stat.S_IROTH, stat.S_IWGRP | stat.S_IWOTH
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def account(here: Installation) -> Sequence[Finding] | None:
    """Find a tolmach that runs as root: by whom the data folder belongs to, else by who asks."""
    if here.account is None:
        return None
    folder = here.settings.data_dir
    status = _status(folder)
    owner = here.account if status is None else status.st_uid
    return [serious(faults.RUNS_AS_ROOT, folder=folder.absolute())] if owner == _ROOT else []


def permissions(here: Installation) -> Sequence[Finding] | None:
    """Find folders and files of ours that other accounts may read or change."""
    if here.account is None:
        return None
    settings = here.settings
    found = []
    for path in _ours(here):
        status = _status(path)
        if status is not None and status.st_mode & _OTHERS:
            found.append(warning(faults.OPEN_TO_OTHERS, path=path, **_modes(status, _OTHERS)))
    for path in filter(None, (here.file, _environment_file(here.file))):
        status = _status(path)
        hidden = _OTHERS_WRITE if path == here.file else _OTHERS
        if status is not None and status.st_mode & hidden:
            found.append(serious(faults.OPEN_TO_OTHERS, path=path, **_modes(status, hidden)))
    for path in filter(None, dict.fromkeys((settings.dicom.tls.key, http_of(settings).key))):
        status = _status(path)
        if status is not None and status.st_mode & _OTHERS:
            found.append(serious(faults.KEY_OPEN, path=path, **_modes(status, _OTHERS)))
    return found


def secrets(here: Installation) -> Sequence[Finding] | None:
    """Find secrets written out in a configuration file that other accounts may read."""
    if here.account is None or here.file is None:
        return None
    status = _status(here.file)
    if status is None or not status.st_mode & _OTHERS_READ:
        return []
    modes = _modes(status, _OTHERS)
    return [
        serious(faults.SECRET_IN_FILE, file=here.file, where=where, **modes)
        for where in _written_out(read_toml(here.file)[1])
    ]


def _ours(here: Installation) -> Iterator[Path]:
    """Give what holds data of patients and is made for us alone."""
    from tolmach.adapters.objects.s3_address import FOLDER
    from tolmach.adapters.sql.engine import FILE_NAME

    settings = here.settings
    yield settings.data_dir
    if settings.storage.folder is not None and settings.objects == FOLDER:
        yield settings.storage.folder
    if _status(settings.data_dir / FILE_NAME) is not None:
        # Closed at each start; open again only when somebody else has opened it.
        yield settings.data_dir / FILE_NAME


def _environment_file(file: Path | None) -> Path | None:
    """Give the file beside the configuration that a service reads its secrets from."""
    return None if file is None else file.with_suffix(".env")


def _written_out(values: Mapping[str, Any]) -> Iterator[str]:
    """Give the keys under which a secret stands itself, and not the name of a variable."""
    peers, notice = values.get("peer"), values.get("notice")
    for number, peer in enumerate(peers if isinstance(peers, list) else (), 1):
        for key in _PEER_SECRETS:
            if isinstance(peer, dict) and _is_secret(peer.get(key)):
                yield f"peer {peer.get('name', number)}: {key}"
    for key in _NOTICE_SECRETS:
        if isinstance(notice, dict) and _is_secret(notice.get(key)):
            yield f"notice.{key}"
    database = values.get("database")
    if isinstance(database, str) and _has_password(database):
        yield "database"


def _is_secret(value: object) -> bool:
    return isinstance(value, str) and value != "" and _ONE_VARIABLE.fullmatch(value) is None


def _has_password(url: str) -> bool:
    """Tell whether a password stands in an address; a variable in its place may have signs no address has."""
    try:
        return _is_secret(urlsplit(_ONE_VARIABLE.sub("", url)).password)
    except ValueError:
        return False


def _modes(status: os.stat_result, hidden: int) -> dict[str, object]:
    """Give the rights there are, and those there should be."""
    mode = stat.S_IMODE(status.st_mode)
    return {"mode": f"{mode:04o}", "better": f"{mode & ~hidden:04o}"}


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
