"""Restoring a backup: it is read whole and checked before anything is touched, and nothing that is there is deleted."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from tolmach.adapters.folder.writing import sync_folder
from tolmach.adapters.objects.backup import DATABASE, FORMAT, MANIFEST, SUMS, Manifest, sum_line
from tolmach.adapters.objects.faults import RESTORE_UNFINISHED, StoreUnusable, mapped
from tolmach.adapters.objects.folder_store import beginning_that_fits
from tolmach.adapters.objects.opening import Objects
from tolmach.adapters.objects.tar_members import Member, read_members, refused
from tolmach.base import N_
from tolmach.intake.faults import ObjectMissing

_OBJECT = re.compile(r"objects/([0-9a-f]{2})/([0-9a-f]{2})/(\1\2[0-9a-f]{60})\.dcm")
_MAX_MANIFEST = 1 << 20
_DATABASE_FILES = ("", "-wal", "-shm")  # SQLite's own names for what belongs to a database

_NO_MANIFEST = N_("it has no manifest")
_BAD_MANIFEST = N_("its manifest is damaged")
_NEWER = N_("a newer tolmach wrote it")
_UNKNOWN_MEMBER = N_("it holds something that is no part of a backup")
_OTHER_BYTES = N_("its bytes are not those that were written")


@dataclass(slots=True)
class Restored:
    """What a restore has done: objects stored now, objects that were there, and those whose bytes were not sound."""

    manifest: Manifest
    placed: int = 0
    already_there: int = 0
    unsound: int = 0


def check_backup(archive: Path) -> Manifest:
    """Read a backup whole, check every byte against its sums, and give its manifest; touches nothing.

    Raises `NotABackup` for anything else than a backup as it was written, and `StoreTrouble` when it cannot be read.
    """
    with _opened(archive) as file:
        return _checked(archive, file)


def restore(
    archive: Path,
    store: Objects,
    install: Callable[[Path], None],
    *,
    accept: Callable[[Manifest], None] = lambda _manifest: None,
    progress: Callable[[Restored], None] = lambda _restored: None,
) -> Restored:
    """Bring back what a backup holds: objects first, each durable, then the records; stored files are never deleted.

    The backup is checked whole first, and `accept` may raise when its versions do not fit; nothing was touched then.
    `install` gets a synced copy of the records and puts it in place (`replace_database`). Nobody may serve the data
    folder meanwhile. Safe to repeat, also after it was cut off. Raises as `check_backup` and
    `ObjectStore.place`; a bucket that does not answer leaves the records as they are.
    """
    with _opened(archive) as file:
        manifest = _checked(archive, file)
        accept(manifest)
        restored, database = Restored(manifest), None
        for member in read_members(archive, file):
            found = _OBJECT.fullmatch(member.name)
            if found:
                _bring_back(member, found[3], store, restored)
                progress(restored)
            elif member.name == DATABASE:
                database = member
        if database is not None and manifest.has_database:
            with _unpacked(database, store.incoming) as path:
                install(path)
    return restored


def replace_database(new: Path, database: Path, now: datetime) -> Path | None:
    """Put a restored SQLite database in place of the one that is there, and give under which name that is kept now.

    None when there was none. Durable on return. When it is cut off, `require_finished` says so until it is repeated.
    """
    marker, kept = _marker_of(database), _free_name(database, now)
    with mapped(database):
        marker.touch(0o600)
        sync_folder(database.parent)
        had_one = database.exists()
        for suffix in _DATABASE_FILES:
            with suppress(FileNotFoundError):
                database.with_name(database.name + suffix).rename(kept.with_name(kept.name + suffix))
        new.replace(database)
        sync_folder(database.parent)
        marker.unlink()
        sync_folder(database.parent)
    return kept if had_one else None


def require_finished(database: Path) -> None:
    """Raise `StoreUnusable` when a restore of this database was cut off: it may be missing, or the wrong one."""
    if _marker_of(database).exists():
        raise StoreUnusable(RESTORE_UNFINISHED, folder=database.parent)


def _marker_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.restoring")


def _free_name(database: Path, now: datetime) -> Path:
    dated = f"{database.name}.before-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    kept, number = database.with_name(dated), 1
    while kept.exists():
        number += 1
        kept = database.with_name(f"{dated}-{number}")
    return kept


def _bring_back(member: Member, sha256: str, store: Objects, restored: Restored) -> None:
    with suppress(ObjectMissing):
        if store.size_of(sha256) == member.size and store.examine(sha256).is_sound:
            restored.already_there += 1
            return
    with store.spool(member.chunks()) as spooled:
        if spooled.sha256 != sha256:
            offset = beginning_that_fits(spooled.path, sha256)
            if offset is None:
                restored.unsound += 1
                return
            spooled = replace(spooled, sha256=sha256, data_set_offset=offset)
        store.place(spooled)
        restored.placed += 1


@contextmanager
def _unpacked(member: Member, folder: Path) -> Iterator[Path]:
    """Give a member as a synced file of our own; it is gone at the end, unless it was moved away."""
    with mapped(folder):
        handle, name = tempfile.mkstemp(".part", "restore-", folder)
    path = Path(name)
    try:
        with mapped(path), os.fdopen(handle, "wb") as copy:
            for chunk in member.chunks():
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        yield path
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


# Checking ---------------------------------------------------------------------------------------------------


@contextmanager
def _opened(archive: Path) -> Iterator[BinaryIO]:
    with mapped(archive):
        file = archive.open("rb", buffering=0)
    with file:
        yield file


def _checked(archive: Path, file: BinaryIO) -> Manifest:
    """Check what `back_up` promises: its members in its order, each with its sum, and nothing else."""
    sums, written_sums, last, manifest, counted = hashlib.sha256(), "", "", None, 0
    for member in read_members(archive, file):
        if manifest is not None or (written_sums and member.name != MANIFEST):
            raise refused(archive, _UNKNOWN_MEMBER)
        if member.name == MANIFEST:
            manifest = _manifest_in(archive, member)
        elif member.name == SUMS:
            written_sums = _sum_of(member)
        elif _is_next(member.name, last):
            sums.update(sum_line(_sum_of(member), member.name))
            counted += member.name != DATABASE
            last = member.name
        else:
            raise refused(archive, _UNKNOWN_MEMBER)
    if manifest is None:
        raise refused(archive, _NO_MANIFEST)
    if not sums.hexdigest() == written_sums == manifest.sums_sha256 or counted != manifest.objects:
        raise refused(archive, _OTHER_BYTES)
    return manifest


def _is_next(name: str, last: str) -> bool:
    """Tell whether a member may follow another: the records come first, then objects in order, none of them twice."""
    return not last if name == DATABASE else _OBJECT.fullmatch(name) is not None and name > last


def _sum_of(member: Member) -> str:
    digest = hashlib.sha256()
    for chunk in member.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _manifest_in(archive: Path, member: Member) -> Manifest:
    if member.size > _MAX_MANIFEST:
        raise refused(archive, _BAD_MANIFEST)
    raw = b"".join(member.chunks())
    try:
        found = json.loads(raw)
        known = {one.name: found[one.name] for one in fields(Manifest)}
        if known["format"] != FORMAT:
            raise refused(archive, _NEWER)
        manifest = Manifest(**known)
        is_ours = manifest.encode() == raw
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise refused(archive, _BAD_MANIFEST) from error
    usual = Manifest("")
    if not is_ours or any(type(value) is not type(getattr(usual, name)) for name, value in known.items()):
        raise refused(archive, _BAD_MANIFEST)
    return manifest
