"""Foreign errors become ours by one table."""

from __future__ import annotations

import errno
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from tolmach.adapters.sql import faults


def error(name: str) -> OperationalError:
    """Give an error as SQLAlchemy passes it on, with a code of SQLite's."""
    original = sqlite3.OperationalError("what SQLite says")
    original.sqlite_errorcode = getattr(sqlite3, name)
    original.sqlite_errorname = name
    return OperationalError("SELECT 'Secret^Name'", None, original)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("SQLITE_BUSY", faults.LOCKED),
        ("SQLITE_BUSY_SNAPSHOT", faults.LOCKED),
        ("SQLITE_BUSY_RECOVERY", faults.LOCKED),
        ("SQLITE_LOCKED", faults.LOCKED),
        ("SQLITE_FULL", faults.DISK_FULL),
        ("SQLITE_IOERR", faults.IO_ERROR),
        ("SQLITE_IOERR_FSYNC", faults.IO_ERROR),
        ("SQLITE_IOERR_WRITE", faults.IO_ERROR),
        ("SQLITE_CORRUPT", faults.CORRUPT),
        ("SQLITE_CORRUPT_INDEX", faults.CORRUPT),
        ("SQLITE_NOTADB", faults.CORRUPT),
        ("SQLITE_CANTOPEN", faults.NOT_ALLOWED),
        ("SQLITE_READONLY", faults.NOT_ALLOWED),
        ("SQLITE_READONLY_DBMOVED", faults.NOT_ALLOWED),
        ("SQLITE_PERM", faults.NOT_ALLOWED),
        ("SQLITE_MISUSE", faults.OTHER),
        ("SQLITE_ERROR", faults.OTHER),
    ],
)
def test_every_kind_of_sqlite_error_has_its_fault(name: str, fault: object) -> None:
    ours = faults.trouble(error(name), "the file")
    assert ours.problem.fault is fault
    assert "Secret" not in str(ours)
    if "{why}" in ours.problem.fault.what:
        assert f"what SQLite says ({name})" in str(ours)


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.ENOSPC, faults.DISK_FULL),
        (errno.EACCES, faults.NOT_ALLOWED),
        (errno.EROFS, faults.NOT_ALLOWED),
        (errno.EIO, faults.IO_ERROR),
    ],
)
def test_errors_of_the_system_too(number: int, fault: object) -> None:
    assert faults.trouble(OSError(number, "words"), "the file").problem.fault is fault


def test_what_no_waiting_mends_needs_the_operator_at_the_start() -> None:
    assert isinstance(faults.needing_operator(faults.trouble(error("SQLITE_CORRUPT"), "x")), faults.RecordsUnusable)
    assert not isinstance(faults.needing_operator(faults.trouble(error("SQLITE_FULL"), "x")), faults.RecordsUnusable)
