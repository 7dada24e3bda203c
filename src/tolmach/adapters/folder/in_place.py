"""Fixing in place, with the original kept beside the file and a record that allows exactly that fix to be undone.

The order of the steps is what makes it safe: original kept, record written, fixed file renamed over the name. Whatever
happens in between, the bytes that came are there under one of two names, and `undo` finds its way from any of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from tolmach.adapters.folder.faults import (
    CHANGED_SINCE,
    NOT_FIXED_HERE,
    NOT_FOUND,
    ORIGINAL_DAMAGED,
    UNFINISHED_FIX,
    FileProblem,
    mapped,
)
from tolmach.adapters.folder.walking import ORIGINAL_SUFFIX, RECORD_SUFFIX
from tolmach.adapters.folder.writing import PendingFile, sha256_of, sync_folder, write_file


def original_of(path: Path) -> Path:
    """Give the name under which a file's original is kept: beside the file itself, also when a link leads to it."""
    path = _itself(path)
    return path.with_name(path.name + ORIGINAL_SUFFIX)


def record_of(path: Path) -> Path:
    """Give the name of the record that belongs to a file fixed in place."""
    path = _itself(path)
    return path.with_name(path.name + RECORD_SUFFIX)


def _itself(path: Path) -> Path:
    """Give the file a link leads to: the link must stay one."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def replace_in_place(
    path: Path, chunks: Iterable[memoryview | bytes], changes: list[dict[str, object]], now: datetime
) -> None:
    """Put the fixed bytes in the file's place; the original stays beside it until somebody deletes it.

    Raises `FileProblem` when an original is kept there already: it is never overwritten.
    """
    path = _itself(path)
    original, record = original_of(path), record_of(path)
    try:
        if original.exists():
            _clear_leftover(path, original)
        # A record that an interrupted undo left would tell lies about this fix, should it be interrupted too.
        record.unlink(missing_ok=True)
        with PendingFile(path, chunks, like=path) as fixed:
            _keep(path, original)
            note = {
                "file": path.name,
                "fixed_at": now.isoformat(),
                "original_sha256": sha256_of(original),
                "fixed_sha256": fixed.sha256,
                "changes": changes,
            }
            # Bytes of a name that are no text stand in it as half characters, and those as the escapes JSON has.
            text = json.dumps(note, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")
            write_file(record, [text], replace=True)
            fixed.commit()
    except OSError as error:
        raise mapped(error, path) from error


def _clear_leftover(path: Path, original: Path) -> None:
    """Remove what an interrupted fix left, when the file itself was not touched yet; refuse otherwise."""
    if sha256_of(original) != sha256_of(path):
        raise FileProblem(UNFINISHED_FIX, path=path)
    original.unlink()


def _keep(path: Path, original: Path) -> None:
    """Keep the original under a second name: the same bytes where the file system knows links, a copy elsewhere."""
    try:
        os.link(path, original)
        sync_folder(path.parent)
    except OSError:
        with path.open("rb") as file:
            write_file(original, iter(lambda: file.read(1 << 20), b""), replace=False, like=path)


def undo(path: Path) -> None:
    """Give a file fixed in place its original bytes back; safe to repeat after an interruption.

    Raises `FileProblem` when nothing is there to undo, when the kept original is not what it was, or when something
    else has changed the file since.
    """
    path = _itself(path)
    original, record = original_of(path), record_of(path)
    try:
        if not original.exists():
            raise FileProblem(NOT_FIXED_HERE if path.exists() else NOT_FOUND, path=path)
        _require_undoable(path, original, record)
        if path.exists() and path.samefile(original):
            original.unlink()  # interrupted before the fixed file took the name: two names of the same bytes
        else:
            original.replace(path)
        record.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise mapped(error, path) from error


def _require_undoable(path: Path, original: Path, record: Path) -> None:
    """Refuse when the original is not what it was kept as, or when something else has changed the file since."""
    note, kept = _read_record(record), sha256_of(original)
    if note is not None and kept != note.get("original_sha256"):
        raise FileProblem(ORIGINAL_DAMAGED, path=path, original=original)
    # Without a record the fix was interrupted before the file was touched.
    known = {kept} if note is None else {kept, note.get("fixed_sha256")}
    if path.exists() and sha256_of(path) not in known:
        raise FileProblem(CHANGED_SINCE, path=path, original=original)


def _read_record(record: Path) -> dict[str, object] | None:
    """Read the record; None when there is none. Raises `FileProblem` when it is not one."""
    if not record.exists():
        return None
    try:
        note = json.loads(record.read_text("utf-8"))
    except ValueError as error:
        raise FileProblem(ORIGINAL_DAMAGED, path=record, original=record) from error
    if not isinstance(note, dict):
        raise FileProblem(ORIGINAL_DAMAGED, path=record, original=record)
    return note
