"""What can go wrong with stored objects, and what to do about it. Errors of the system are mapped here."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from tolmach.base import N_, Fault, NeedsOperator, Phrase, Refused, TolmachError
from tolmach.intake.faults import ObjectMissing, StoreFull, StoreTrouble

NO_SPACE = Fault(
    "TLM-OBJ-001",
    N_("There is no space left for {path}."),
    N_("Free some space on the disk of the data folder; receiving goes on by itself."),
)
NOT_ALLOWED = Fault(
    "TLM-OBJ-002",
    N_("{path} may not be read or written."),
    N_("Give the user that runs tolmach the right to the data folder; receiving goes on by itself."),
)
SYSTEM_ERROR = Fault(
    "TLM-OBJ-003",
    N_("{path}: {why}."),
    N_("Check the path, and the disk it is on: cables, health, the system's log. Nothing was acknowledged."),
)
NOT_SYNCED = Fault(
    "TLM-OBJ-004",
    N_("The disk did not confirm that {path} is stored: {why}."),
    N_("Check the disk of the data folder at once; it may be failing. Nothing was acknowledged."),
)
MISSING = Fault(
    "TLM-OBJ-005",
    N_("The stored file {path} is not there."),
    N_("Restore it from a backup, or have the image sent again: it takes its place by itself."),
)
TWO_FILE_SYSTEMS = Fault(
    "TLM-OBJ-006",
    N_("{incoming} and {objects} are on different file systems."),
    N_("Put both on one disk partition, so that a file is moved in one step."),
)
TOO_LARGE = Fault(
    "TLM-OBJ-007",
    N_("The object has more than {limit} bytes."),
    N_("No real image looks like this. Find out where it comes from before using it."),
)
CUT_SPOOL = Fault(
    "TLM-OBJ-008",
    N_("{path} should have {expected} bytes and has {present}."),
    N_("Look for another program that changes files in the data folder. Nothing was acknowledged."),
)
IN_USE = Fault(
    "TLM-OBJ-010",
    N_("{folder} is in use by another tolmach, process {pid}."),
    N_("Stop that one first, or give this one a data folder of its own."),
)
IN_USE_BY_SOMEBODY = Fault(
    "TLM-OBJ-011",
    N_("{folder} is in use by another tolmach."),
    N_("Stop that one first, or give this one a data folder of its own."),
)
CANNOT_LOCK = Fault(
    "TLM-OBJ-012",
    N_("The data folder {folder} cannot be locked against a second tolmach: {why}."),
    N_("Put the data folder on a local disk; this file system cannot lock files."),
)
BACKUP_THERE = Fault(
    "TLM-OBJ-020",
    N_("{path} exists already."),
    N_("Choose another name for the backup, or move the old one away."),
)
NOT_A_BACKUP = Fault(
    "TLM-OBJ-021",
    N_("{path} is not a whole backup of tolmach: {why}."),
    N_("Nothing was touched. Take another backup, or copy this one again from where it came."),
)
RESTORE_UNFINISHED = Fault(
    "TLM-OBJ-022",
    N_("A restore into {folder} was cut off before it was finished."),
    N_("Run the restore again; nothing is lost, the records from before are kept beside it."),
)

NO_OBSTORE = Fault(
    "TLM-OBJ-030",
    N_("Objects in S3 need the package obstore, which is not installed."),
    N_("Install it: pip install tolmach[s3]. Nothing was changed."),
)
BAD_ADDRESS = Fault(
    "TLM-OBJ-031",
    N_("{address} is not where objects can be kept: {why}."),
    N_("Write objects as folder, or as s3://BUCKET/PREFIX?endpoint=https://HOST:PORT, in the configuration."),
)
NO_KEYS = Fault(
    "TLM-OBJ-032",
    N_("There are no keys for {address}: {name} is not set."),
    N_("Put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into the environment of tolmach, as its .env file does."),
)
NO_BUCKET = Fault(
    "TLM-OBJ-033",
    N_("There is no bucket {bucket} at {server}."),
    N_("Make it there, or correct objects in the configuration. Nothing was acknowledged; it goes on by itself."),
)
S3_FORBIDS = Fault(
    "TLM-OBJ-034",
    N_("{server} does not let tolmach use {path}: {why}."),
    N_(
        "Check the keys, what they may do there (GetObject, PutObject, DeleteObject, ListBucket), the region and the "
        "clock. Nothing was acknowledged; it goes on by itself."
    ),
)
S3_SILENT = Fault(
    "TLM-OBJ-035",
    N_("{server} cannot be reached for {path}: {why}."),
    N_("Check the server and the network. Nothing was acknowledged; it is tried again by itself."),
)
S3_TROUBLE = Fault(
    "TLM-OBJ-036",
    N_("{server} answers {why} for {path}."),
    N_("Look at the log of that server, and at its room. Nothing was acknowledged; it is tried again by itself."),
)
S3_CUT = Fault(
    "TLM-OBJ-037",
    N_("{path}: of {expected} bytes, {present} came."),
    N_("Check the server and what is between: a proxy, a load balancer. It is tried again by itself."),
)
S3_UNCONFIRMED = Fault(
    "TLM-OBJ-038",
    N_("{server} did not confirm that {path} holds what was sent."),
    N_("Check the server and what is between: a proxy, a load balancer. Nothing was acknowledged."),
)
S3_CHANGED = Fault(
    "TLM-OBJ-039",
    N_("{path} was replaced while it was used."),
    N_("Nothing to do: it is tried again by itself. If it lasts, find out who else writes into the bucket."),
)
SPOOL_CHANGED = Fault(
    "TLM-OBJ-040",
    N_("{path} does not hold the bytes any more that came."),
    N_("Check the disk of the data folder. Nothing was acknowledged."),
)


class StoreUnusable(NeedsOperator):
    """Objects cannot be kept in the data folder or the bucket until somebody changes something."""


class TooLarge(Refused):
    """An object is beyond the limit for one object."""


class NotABackup(Refused):
    """A file that is offered as a backup is something else, damaged, or not as tolmach wrote it."""


_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def trouble(error: OSError, path: object) -> StoreTrouble:
    """Give the error of ours that stands for one of the system's."""
    if error.errno in _FULL:
        return StoreFull(NO_SPACE, path=path)
    if error.errno in _FORBIDDEN:
        return StoreTrouble(NOT_ALLOWED, path=path)
    return StoreTrouble(SYSTEM_ERROR, path=path, why=error.strerror or str(error))


def unsynced(error: OSError, path: object) -> StoreTrouble:
    """Give the error of ours for a sync that failed; a full disk stays a full disk."""
    if error.errno in _FULL:
        return StoreFull(NO_SPACE, path=path)
    return StoreTrouble(NOT_SYNCED, path=path, why=error.strerror or str(error))


def missing(path: object) -> ObjectMissing:
    """Give the error for a stored file that is not there."""
    return ObjectMissing(MISSING, path=path)


def unreadable(error: TolmachError, path: object) -> StoreTrouble:
    """Give the error of ours for a file that the folder adapter could not read."""
    return StoreTrouble(SYSTEM_ERROR, path=path, why=Phrase(error.problem.fault.what, error.problem.facts))


@contextmanager
def mapped(path: object) -> Iterator[None]:
    """Let errors of the system out as errors of ours."""
    try:
        yield
    except OSError as error:
        raise trouble(error, path) from error
