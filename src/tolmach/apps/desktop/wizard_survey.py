"""What is in a folder that somebody chooses, and what speaks against watching it. Nothing here knows a widget.

Everything looks at disks and may take its time, so that it belongs into a thread; nothing is written.
"""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from PySide6.QtCore import QStorageInfo

from tolmach.adapters.folder import FileReader, FoundFile, inflate, walk
from tolmach.adapters.folder.faults import mapped
from tolmach.apps.adding import taken_names, unique_name
from tolmach.apps.places import require_apart
from tolmach.apps.sections import Settings, WatchSettings
from tolmach.base import N_, Fault, NeedsOperator, Problem, TolmachError
from tolmach.dicom.part10 import open_data_set

NO_PATH_YET = Fault(
    "TLM-DSK-040",
    N_("“{path}” is no folder: it is not a whole path."),
    N_("Write the whole path, such as D:/Export, or press “Browse…”."),
)
A_FILE = Fault(
    "TLM-DSK-041",
    N_("{path} is a file."),
    N_("Choose the folder that the machine writes its images into."),
)
NO_NAME_FOR_IT = Fault(
    "TLM-DSK-042",
    N_("The name of the folder {path} is no text, and could not be written into the configuration."),
    N_("Rename the folder, or make a link with a plain name to it."),
)
TOO_MUCH = Fault(
    "TLM-DSK-043",
    N_("{path} is a whole drive or a home folder: everything in it would be looked through."),
    N_("Better choose the folder that the machine writes its images into."),
)

ON_NETWORK = Fault(
    "TLM-DSK-044",
    N_("{path} lies on another machine."),
    N_("That works; files are looked for regularly and rest for longer. The user that runs tolmach must reach it too."),
)

MOST_COUNTED: Final = 100_000
MOST_LOOKED_INTO: Final = 100
_MOST_FOLDERS, _MOST_SUFFIXES = 500, 6
_TOLD_SECONDS = 0.2
_HEAD = 132
_NETWORK_SYSTEMS = frozenset(
    "nfs nfs4 cifs smb smb2 smb3 smbfs 9p afs ceph davfs fuse.sshfs fuse.rclone fuse.glusterfs glusterfs webdav".split()
)


class NotAFolder(NeedsOperator):
    """A path that cannot be watched."""


@dataclass(slots=True)
class Survey:
    """What is in a folder, as far as it was looked at; `problem` says what speaks against watching it.

    `looked` files were opened, `dicom` of them are DICOM; sizes are bytes, `newest` is a time in seconds. `folders`
    are the names of the folders in it. A survey that `is_whole` will not change any more.
    """

    path: Path
    files: int = 0
    size: int = 0
    looked: int = 0
    dicom: int = 0
    newest: float = 0.0
    suffixes: Counter[str] = field(default_factory=Counter)
    folders: tuple[str, ...] = ()
    is_network: bool = False
    is_cut: bool = False  # there are more files than are counted
    is_whole: bool = False
    unread: Problem | None = None  # the first part of it that could not be listed
    doubt: Problem | None = None  # something to think about, which keeps nobody from going on
    problem: Problem | None = None

    def top_suffixes(self) -> list[tuple[str, int]]:
        """Give the most frequent endings of names, and how many files have each."""
        return self.suffixes.most_common(_MOST_SUFFIXES)


def survey(
    text: str,
    settings: Settings | None,
    file: Path | None,
    tell: Callable[[Survey], None],
    is_wanted: Callable[[], bool],
) -> None:
    """Look at a folder as somebody has typed it, and tell now and then how far it is; the last is whole.

    `settings` are those of the configuration in `file`; what it would object to is the `problem`.
    """
    path = Path(text)
    found = Survey(path)
    try:
        _require_watchable(text, path)
        found.is_network = is_network(path)
        found.doubt = _doubt(path, found)
        found.folders = _folders_in(path)
        if settings is not None:
            _require_apart(path, settings, file)
        tell(_copy(found))
        _count(found, tell, is_wanted)
    except TolmachError as error:
        found.problem = error.problem
    found.is_whole = True
    tell(found)


def _require_watchable(text: str, path: Path) -> None:
    """Require a folder that is there, may be read, and is not everything there is; raises what is wrong."""
    if not path.is_absolute() or "\0" in text:
        raise NotAFolder(NO_PATH_YET, path=text)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotAFolder(NO_NAME_FOR_IT, path=text) from error
    try:
        status = path.stat()
        if not stat.S_ISDIR(status.st_mode):
            raise NotAFolder(A_FILE, path=path)
        with os.scandir(path):
            pass
    except OSError as error:
        raise mapped(error, path) from error


def _doubt(path: Path, found: Survey) -> Problem | None:
    real = Path(os.path.realpath(path))
    if real.parent == real or real == Path(os.path.realpath(Path.home())):
        return Problem(TOO_MUCH, {"path": path})
    return Problem(ON_NETWORK, {"path": path}) if found.is_network else None


def _require_apart(path: Path, settings: Settings, file: Path | None) -> None:
    """Require that the folder may be watched beside all that is configured; raises `BadConfiguration`."""
    name = unique_name(path.name or "new", taken_names(settings))
    watch = WatchSettings(name=name, folder=path)
    require_apart(settings.model_copy(update={"watch": (*settings.watch, watch)}), file)


def _folders_in(path: Path) -> tuple[str, ...]:
    try:
        with os.scandir(path) as listing:
            names = [entry.name for entry in listing if _is_folder(entry)]
    except OSError as error:
        raise mapped(error, path) from error
    return tuple(sorted(names)[:_MOST_FOLDERS])


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _count(found: Survey, tell: Callable[[Survey], None], is_wanted: Callable[[], bool]) -> None:
    told = time.monotonic()
    for one in walk([found.path]):
        if not is_wanted():
            return
        if isinstance(one, TolmachError):
            found.unread = found.unread or one.problem
            continue
        if found.files >= MOST_COUNTED:
            found.is_cut = True
            return
        _take(found, one)
        if time.monotonic() - told > _TOLD_SECONDS:
            told = time.monotonic()
            tell(_copy(found))


def _take(found: Survey, one: FoundFile) -> None:
    found.files += 1
    if len(found.suffixes) < MOST_COUNTED:
        found.suffixes[suffix_of(one.path)] += 1
    try:
        status = one.path.stat()
    except OSError:
        return
    found.size += status.st_size
    found.newest = max(found.newest, status.st_mtime)
    if found.looked < MOST_LOOKED_INTO and stat.S_ISREG(status.st_mode):
        found.looked += 1
        found.dicom += is_dicom(one.path)


def suffix_of(path: Path) -> str:
    """Give the ending of a name in small letters; one that is only a number is part of the name (1.2.840.1)."""
    ending = path.suffix.lower()
    return "" if ending[1:].isdecimal() or len(ending) > 12 else ending


def is_dicom(path: Path) -> bool:
    """Tell whether a file is DICOM; one that cannot be read is none."""
    try:
        with path.open("rb") as file:
            if file.read(_HEAD)[128:] == b"DICM":
                return True
        with FileReader(whole_file=0).open(path) as source:
            open_data_set(source, inflate)
    except (OSError, TolmachError):
        return False
    return True


def is_network(path: Path) -> bool:
    """Tell whether a folder lies on another machine, as far as the system tells."""
    if str(path).startswith(("\\\\", "//")) and os.name == "nt":
        return True
    storage = QStorageInfo(str(path))
    kind = bytes(storage.fileSystemType().data()).decode("ascii", "replace").lower()
    device = bytes(storage.device().data())
    return kind in _NETWORK_SYSTEMS or (os.name == "nt" and device.startswith(b"\\\\") and b"Volume{" not in device)


def _copy(found: Survey) -> Survey:
    """Give the survey as it is now: the other thread must not see it change."""
    values = {name: getattr(found, name) for name in Survey.__slots__}
    return Survey(**{**values, "suffixes": Counter(found.suffixes)})
