"""What can go wrong with files and folders, and what to do about it. Errors of the system are mapped here."""

from __future__ import annotations

import errno
from pathlib import Path

from tolmach.base import N_, Fault, NeedsOperator, Retryable, TolmachError
from tolmach.intake.faults import WatchTrouble

NOT_FOUND = Fault(
    "TLM-FIL-001",
    N_("{path} does not exist."),
    N_("Check the path; if it is on a network drive, check that the drive is connected."),
)
NOT_ALLOWED = Fault(
    "TLM-FIL-002",
    N_("{path} may not be read or written."),
    N_("Give the user that runs tolmach the right to it."),
)
NOT_A_FILE = Fault(
    "TLM-FIL-003",
    N_("{path} is not a regular file."),
    N_("Leave it out: devices, pipes and sockets hold no images."),
)
DISK_FULL = Fault(
    "TLM-FIL-004",
    N_("There is no space left for {path}."),
    N_("Free some space on the disk and run the command again; nothing half-written was left."),
)
SYSTEM_ERROR = Fault(
    "TLM-FIL-005",
    N_("{path}: {why}."),
    N_("Check the disk or the network drive, then try again."),
)
ALREADY_THERE = Fault(
    "TLM-FIL-006",
    N_("{path} exists already with other content."),
    N_("Choose another folder with --out, or allow replacing with --overwrite."),
)
NOT_FIXED_HERE = Fault(
    "TLM-FIL-007",
    N_("{path} was not fixed in place by tolmach, or was restored already."),
    N_("Nothing to do."),
)
CHANGED_SINCE = Fault(
    "TLM-FIL-008",
    N_("{path} was changed by something else after tolmach fixed it."),
    N_("The original is kept beside it as {original}; compare the two and rename by hand."),
)
ORIGINAL_DAMAGED = Fault(
    "TLM-FIL-009",
    N_("The kept original {original} is missing or not what it was."),
    N_("Nothing was changed. Restore it from a backup if it is needed."),
)
NO_FILES = Fault(
    "TLM-FIL-010",
    N_("There are no files in {path}."),
    N_("Check that the right folder was chosen."),
)
SAME_FOLDER = Fault(
    "TLM-FIL-011",
    N_("The folder for the copies, {path}, is the folder of the files themselves."),
    N_("Choose another folder with --out, or use --in-place to keep the originals beside the fixed files."),
)
UNFINISHED_FIX = Fault(
    "TLM-FIL-012",
    N_("{path} has a kept original already."),
    N_("Run tolmach undo on it first, or delete the kept original if it is no longer needed."),
)
SHRANK = Fault(
    "TLM-FIL-013",
    N_("{path} became shorter while it was read."),
    N_("Something is still writing it: wait until the machine has finished, then run the command again."),
)
NOT_A_FOLDER = Fault(
    "TLM-FIL-014",
    N_("{path} is a file, and a folder is needed there."),
    N_("Choose another folder with --out."),
)
NOT_A_MEMORY = Fault(
    "TLM-FIL-015",
    N_("{path} is not a memory of devices; it was left as it is."),
    N_("Name another file with --devices; if it is devices.json of the configuration, delete or rename it."),
)

NO_SUCH_FOLDER = Fault(
    "TLM-FIL-016",
    N_("{path} cannot be written: there is no folder {folder}."),
    N_("Correct the name, or make the folder first."),
)

# Watched folders --------------------------------------------------------------------------------------------

WATCH_MISSING = Fault(
    "TLM-FIL-020",
    N_("The watched folder {folder} is not there."),
    N_("Connect the network drive, or make the folder; watching goes on by itself."),
)
WATCH_NOT_ALLOWED = Fault(
    "TLM-FIL-021",
    N_("The watched folder {folder} may not be read."),
    N_("Give the user that runs tolmach the right to read it; watching goes on by itself."),
)
WATCH_IS_LINK = Fault(
    "TLM-FIL-022",
    N_("A link or a file stands where the watched folder {folder} was."),
    N_("Put the folder back, or correct the setting and start tolmach again."),
)
WATCH_TROUBLE = Fault(
    "TLM-FIL-023",
    N_("The watched folder {folder} cannot be read: {why}."),
    N_("Check the disk or the network drive; watching goes on by itself."),
)
INNER_UNREAD = Fault(
    "TLM-FIL-024",
    N_("The folder {path} in a watched folder cannot be read: {why}."),
    N_("Give the user that runs tolmach the right to read it; what is in it is taken then."),
)
TOO_NESTED = Fault(
    "TLM-FIL-025",
    N_("Folders are nested deeper than {limit} levels at {path}."),
    N_("Move the files further up; what is deeper is not looked at."),
)
WATCHED_ALREADY = Fault(
    "TLM-FIL-026",
    N_("Another tolmach watches {folder} already."),
    N_("Stop the other one, or take this folder out of the configuration: two would get in each other's way."),
)
CANNOT_KEEP = Fault(
    "TLM-FIL-027",
    N_("Nobody can tell whether another tolmach watches {folder}: {why}."),
    N_("Check the folder and the drive it is on, then start tolmach again."),
)
KEPT_CHANGED = Fault(
    "TLM-FIL-028",
    N_("{path} was changed after it had been taken, and was left where it is."),
    N_("Nothing to do: its new state is taken as a new version and tidied in its turn."),
)
KEPT_NOT_ALLOWED = Fault(
    "TLM-FIL-029",
    N_("{path} may not be moved or deleted: {why}."),
    N_(
        "Give the user that runs tolmach the right to change that folder, or remove the file by hand; it was delivered."
    ),
)
TIDY_TROUBLE = Fault(
    "TLM-FIL-030",
    N_("{path} could not be moved or deleted: {why}."),
    N_("Check the disk or the network drive; it is tried again by itself."),
)
NO_SUCH_PRESET = Fault(
    "TLM-FIL-031",
    N_("There is no preset “{name}” for watched folders."),
    N_("Use one of these: {known}."),
)


class WatchRefused(NeedsOperator):
    """A folder cannot be watched before somebody changes something."""


class FileProblem(NeedsOperator):
    """A file or folder cannot be used until somebody changes something."""


class NotAMemory(NeedsOperator):
    """The file named for the memory of devices holds something else; exit status 2."""


class FileTrouble(Retryable):
    """The system could not do it this time."""


_FAULTS: dict[int, Fault] = {
    errno.ENOENT: NOT_FOUND,
    errno.ENOTDIR: NOT_FOUND,
    errno.EACCES: NOT_ALLOWED,
    errno.EPERM: NOT_ALLOWED,
    errno.EROFS: NOT_ALLOWED,
    errno.ENOSPC: DISK_FULL,
    getattr(errno, "EDQUOT", errno.ENOSPC): DISK_FULL,  # Windows has no quotas of this kind
}


def watch_trouble(folder: Path, error: OSError) -> WatchTrouble:
    """Give the trouble with a watched folder that stands for an error of the system's."""
    if error.errno == errno.ENOENT:
        return WatchTrouble(WATCH_MISSING, folder=folder)
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return WatchTrouble(WATCH_IS_LINK, folder=folder)
    if error.errno in (errno.EACCES, errno.EPERM):
        return WatchTrouble(WATCH_NOT_ALLOWED, folder=folder)
    return WatchTrouble(WATCH_TROUBLE, folder=folder, why=error.strerror or str(error))


def mapped(error: OSError, path: object) -> TolmachError:
    """Give the error of ours that stands for one of the system's."""
    fault = _FAULTS.get(error.errno or 0)
    if fault is None:
        return FileTrouble(SYSTEM_ERROR, path=path, why=error.strerror or str(error))
    return FileTrouble(fault, path=path) if fault is DISK_FULL else FileProblem(fault, path=path)
