"""What can go wrong with the records, and what to do about it. Errors of the databases are mapped here."""

from __future__ import annotations

import errno
from typing import Any, Final

from tolmach.base import N_, Fault, NeedsOperator, Refused
from tolmach.intake.faults import RecordsFull, RecordsTrouble

LOCKED = Fault(
    "TLM-SQL-001",
    N_("The database {path} was locked by another program for too long."),
    N_("Close other programs that use the data folder (a backup, a viewer); tolmach serve tries again by itself."),
)
DISK_FULL = Fault(
    "TLM-SQL-002",
    N_("There is no space left for the database {path}."),
    N_("Free some space on the disk of the data folder; work goes on by itself."),
)
IO_ERROR = Fault(
    "TLM-SQL-003",
    N_("The disk failed while the database {path} was read or written: {why}."),
    N_("Check the disk and its cable or network drive at once, and make a backup of the data folder."),
)
CORRUPT = Fault(
    "TLM-SQL-004",
    N_("The database {path} is damaged or is no database: {why}."),
    N_("Stop tolmach, put the file aside, restore the last backup, then run: tolmach rebuild"),
)
NEWER = Fault(
    "TLM-SQL-005",
    N_("The database {path} was written by a newer tolmach (version {version} of its tables, {known} is known here)."),
    N_("Install the newer tolmach again; nothing was changed."),
)
MISSING = Fault(
    "TLM-SQL-006",
    N_("There is no database {path}."),
    N_("Check data_dir in the configuration; `tolmach serve` makes the database at its first start."),
)
NOT_ALLOWED = Fault(
    "TLM-SQL-007",
    N_("The database {path} may not be read or written."),
    N_("Give the user that runs tolmach the right to the data folder and everything in it."),
)
OTHER = Fault(
    "TLM-SQL-008",
    N_("The database {path} failed: {why}."),
    N_("tolmach serve tries again by itself. If it lasts, restart it and report this line as an error in tolmach."),
)
NOT_DURABLE = Fault(
    "TLM-SQL-009",
    N_("The database {path} cannot be made safe against a power cut: {why}."),
    N_("Put data_dir on a local disk; network shares do not keep what they promise."),
)
FOREIGN = Fault(
    "TLM-SQL-010",
    N_("{path} is a database of another program."),
    N_("Choose another data_dir; nothing was changed."),
)
NO_BACKUP = Fault(
    "TLM-SQL-011",
    N_("The backup {path} could not be written: {why}."),
    N_("Check that its folder exists and has space, then start the backup again."),
)
UPGRADE_FAILED = Fault(
    "TLM-SQL-012",
    N_("The tables of the database {path} could not be brought from version {version} to {known}: {why}."),
    N_("The database is as it was. Free some disk space and start again, or install the older tolmach again."),
)
IN_USE = Fault(
    "TLM-SQL-027",
    N_("The tables of {path} (version {version}, {known} is known here) are in use by an older tolmach: {nodes}."),
    N_("Stop tolmach serve there; this one then brings the tables up to date when it is started. Nothing was changed."),
)
UNREACHABLE = Fault(
    "TLM-SQL-013",
    N_("The database {path} cannot be reached: {why}."),
    N_("Check that PostgreSQL runs, and host, user and password in `database`; work goes on by itself."),
)
NO_DRIVER = Fault(
    "TLM-SQL-014",
    N_("The database {path} cannot be used: psycopg, which talks to PostgreSQL, is not installed ({why})."),
    N_("Install tolmach with its part for PostgreSQL: pip install 'tolmach[postgres]'"),
)
SERVER_NOT_DURABLE = Fault(
    "TLM-SQL-015",
    N_("The database {path} would lose what it has acknowledged in a power cut: {why}."),
    N_("Set fsync, full_page_writes and synchronous_commit to on in postgresql.conf, and restart PostgreSQL."),
)
WRONG_ENCODING = Fault(
    "TLM-SQL-016",
    N_("The database {path} keeps its texts in {encoding}, which has not all letters."),
    N_("Make another one with: createdb --encoding=UTF8 --template=template0. Nothing was changed."),
)
CONTENDED = Fault(
    "TLM-SQL-017",
    N_("The database {path} was kept busy by another node or program for too long: {why}."),
    N_("tolmach serve tries again by itself. If it lasts, look in pg_stat_activity for who holds the lock."),
)
SERVER_REFUSES = Fault(
    "TLM-SQL-018",
    N_("The database {path} does not let tolmach do its work: {why}."),
    N_("Make the user in `database` the owner of that database, or give it all rights there."),
)
NOT_RESTORED = Fault(
    "TLM-SQL-019",
    N_("A backup is not put into the database {path} by this command."),
    N_("Restore the database with pg_restore and the objects by copying their folder. Nothing was changed."),
)
UNKNOWN_LINES = Fault(
    "TLM-SQL-020",
    N_("No line of the queue has the number {ids}."),
    N_("Look the numbers up with: tolmach queue list. Nothing was changed."),
)
CONCLUDED_LINES = Fault(
    "TLM-SQL-021",
    N_("Delivered or deleted already: {ids}."),
    N_("To send an object once more use: tolmach resend. Nothing was changed."),
)
UNKNOWN_OBJECTS = Fault(
    "TLM-SQL-022",
    N_("No object has the number {ids}."),
    N_("Look the numbers up with: tolmach history. Nothing was changed."),
)
NOT_READY_TO_RESEND = Fault(
    "TLM-SQL-023",
    N_("Not yet ready to be sent anywhere: {ids}."),
    N_("Wait until they are looked through; release quarantined ones with: tolmach queue retry. Nothing was changed."),
)
NOWHERE = Fault(
    "TLM-SQL-024",
    N_("It was not said where to send {ids}: they were sent nowhere before."),
    N_("Name a destination with --to. Nothing was changed."),
)
PURGED = Fault(
    "TLM-SQL-025",
    N_("Their bytes were removed on purpose, and are not there to be sent: {ids}."),
    N_("Have them sent again by the machine they came from. Nothing was changed."),
)
BEING_PURGED = Fault(
    "TLM-SQL-026",
    N_("The object {sha256} came while its bytes were being removed after a deletion."),
    N_("Nothing: it is taken when it is sent again, a minute later at the earliest."),
)
OBJECT_VANISHED = Fault(
    "TLM-SQL-030",
    N_("Object {object_id} ({sop_instance_uid}) was taken, and its records are gone; its sha256 is {sha256}."),
    N_("Restore the database from the last backup, or run: tolmach rebuild"),
)
OBJECT_WITHOUT_RECEIPT = Fault(
    "TLM-SQL-031",
    N_("Object {object_id} ({sop_instance_uid}) is there, but its receipt is gone."),
    N_("Somebody changed the database by hand: compare it with the last backup."),
)
LINES_VANISHED = Fault(
    "TLM-SQL-032",
    N_("Object {object_id} ({sop_instance_uid}) should have {expected} lines in the queue and has {found}."),
    N_("Send it again with: tolmach resend {object_id}"),
)
EDITIONS_VANISHED = Fault(
    "TLM-SQL-033",
    N_("Object {object_id} ({sop_instance_uid}) should have {expected} versions for sending and has {found}."),
    N_("Restore the database from the last backup, or run: tolmach rebuild"),
)
LINE_WITHOUT_OBJECT = Fault(
    "TLM-SQL-034",
    N_("Line {delivery_id} for {destination} belongs to object {object_id}, which is not in the records."),
    N_("Restore the database from the last backup, or run: tolmach rebuild"),
)
TALLY_DIFFERS = Fault(
    "TLM-SQL-035",
    N_("{expected} lines were queued for {destination}, and {found} are there."),
    N_("The objects concerned are named beside this; send them again with: tolmach resend"),
)


BYTES_LOST = Fault(
    "TLM-SQL-036",
    N_("Object {object_id} ({sop_instance_uid}) is not delivered, and its bytes are lost. {why}"),
    N_("Restore its file from a backup, or have the image sent again: it takes its place by itself."),
)


class RecordsUnusable(NeedsOperator):
    """The database cannot be opened until somebody does something about it."""


class NoSuchThing(Refused):
    """What was named is not in the records, or not in a state for this; nothing was changed."""


# By SQLite's primary result code (https://www.sqlite.org/rescode.html).
_BY_CODE: Final = {
    3: NOT_ALLOWED,  # PERM
    5: LOCKED,  # BUSY
    6: LOCKED,  # LOCKED
    8: NOT_ALLOWED,  # READONLY
    10: IO_ERROR,  # IOERR
    11: CORRUPT,  # CORRUPT
    13: DISK_FULL,  # FULL
    14: NOT_ALLOWED,  # CANTOPEN
    15: LOCKED,  # PROTOCOL: several programs recover the database at once
    22: NOT_DURABLE,  # NOLFS
    23: NOT_ALLOWED,  # AUTH
    26: CORRUPT,  # NOTADB
}
_BY_ERRNO: Final = {
    errno.ENOSPC: DISK_FULL,
    getattr(errno, "EDQUOT", errno.ENOSPC): DISK_FULL,  # Windows has no quotas of this kind
    errno.EACCES: NOT_ALLOWED,
    errno.EPERM: NOT_ALLOWED,
    errno.EROFS: NOT_ALLOWED,
}
# By PostgreSQL's SQLSTATE, the longest beginning that fits (its manual, appendix A).
_BY_STATE: Final = {
    "08": UNREACHABLE,
    "25006": UNREACHABLE,  # a standby, which may become the primary
    "25P03": UNREACHABLE,  # we were silent within a transaction for too long
    "28": SERVER_REFUSES,
    "40": CONTENDED,
    "42501": SERVER_REFUSES,
    "53100": DISK_FULL,
    "53": UNREACHABLE,
    "55P03": CONTENDED,
    "57014": CONTENDED,
    "57P": UNREACHABLE,
    "58030": IO_ERROR,
    "XX001": CORRUPT,
    "XX002": CORRUPT,
}
_NEEDS_OPERATOR: Final = (CORRUPT, NOT_ALLOWED, NOT_DURABLE, SERVER_NOT_DURABLE, SERVER_REFUSES)


def fault_of(error: BaseException) -> Fault:
    """Give the fault that stands for a foreign error."""
    original = getattr(error, "orig", None) or error
    code = getattr(original, "sqlite_errorcode", None)
    if isinstance(original, OSError):
        return _BY_ERRNO.get(original.errno or 0, IO_ERROR)
    if hasattr(original, "sqlstate"):
        return _fault_of_state(original, original.sqlstate)
    return OTHER if code is None else _BY_CODE.get(code & 0xFF, OTHER)


def _fault_of_state(error: BaseException, state: str | None) -> Fault:
    if state is None:
        # No word of the server's: the connection is gone or never came about, or a value was refused on this side.
        return UNREACHABLE if type(error).__name__ == "OperationalError" else OTHER
    return next((_BY_STATE[state[:length]] for length in (5, 3, 2) if state[:length] in _BY_STATE), OTHER)


def why(error: BaseException) -> str:
    """Give the foreign error's own words, without the statement and its values: those hold patients' data."""
    original: Any = getattr(error, "orig", None) or error
    if getattr(original, "sqlstate", None):
        # The details name values.
        return f"{original.diag.message_primary} ({original.sqlstate})"
    name = getattr(original, "sqlite_errorname", "")
    words = original.strerror if isinstance(original, OSError) else str(original)
    return f"{words or type(original).__name__} ({name})" if name else str(words or type(original).__name__)


def trouble(error: BaseException, path: object) -> RecordsTrouble:
    """Give the error of ours for a foreign one met at work."""
    fault = fault_of(error)
    return (RecordsFull if fault is DISK_FULL else RecordsTrouble)(fault, path=path, why=why(error))


def needing_operator(error: RecordsTrouble) -> RecordsTrouble | RecordsUnusable:
    """Give the error to raise while opening: what no waiting mends needs the operator."""
    if error.problem.fault in _NEEDS_OPERATOR:
        return RecordsUnusable(error.problem.fault, **error.problem.facts)
    return error
