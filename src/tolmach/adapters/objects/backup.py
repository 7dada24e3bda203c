"""The online backup: one tar file with a copy of the records, the stored files, and sums that anybody can check.

The records are copied first and the files afterwards: every object they know was stored before, so the backup is whole
however much arrives meanwhile. It has its name only when it is complete and synced.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import IO, BinaryIO

from tolmach.adapters.folder.writing import sync_folder
from tolmach.adapters.objects.faults import BACKUP_THERE, SYSTEM_ERROR, StoreUnusable, mapped, unsynced
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.objects.opening import Objects
from tolmach.adapters.objects.spooling import DataSetHash
from tolmach.adapters.objects.tar_members import BLOCK, padding_of
from tolmach.intake.faults import ObjectMissing, StoreTrouble
from tolmach.intake.interfaces import KnownObject

FORMAT = 1
DATABASE, SUMS, MANIFEST = "database", "SHA256SUMS", "manifest.json"
_CHUNK = 1 << 20
_NAMED_AT_MOST = 1000
_MODE = 0o600


@dataclass(slots=True)
class Manifest:
    """What a backup holds; `left_out` are objects whose file was missing or rotten, of which a thousand are named.

    `self_sha256` is the sum of the manifest's own text with nothing in that place.
    """

    created: str
    versions: dict[str, str] = field(default_factory=dict)
    has_database: bool = False
    objects: int = 0
    object_bytes: int = 0
    left_out: int = 0
    left_out_names: list[str] = field(default_factory=list)
    sums_sha256: str = ""
    format: int = FORMAT
    self_sha256: str = ""

    def encode(self) -> bytes:
        """Give the manifest as JSON, with its own sum."""
        unsigned = json.dumps(asdict(self) | {"self_sha256": ""}, ensure_ascii=False, indent=1).encode()
        self.self_sha256 = hashlib.sha256(unsigned).hexdigest()
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()


Progress = Callable[[Manifest], None]


def back_up(
    target: Path,
    store: Objects,
    online_backup: Callable[[Path], None],
    objects: Callable[[], Iterable[KnownObject]],
    *,
    versions: Mapping[str, str],
    now: datetime,
    database_only: bool = False,
    progress: Progress = lambda _manifest: None,
) -> Manifest:
    """Write a whole backup under `target`, durable on return, while receiving goes on; never replaces a file.

    `online_backup` writes a consistent copy of the records to a path that is not there yet; `objects` is called
    afterwards and gives what the records refer to, in the order of sha256. Missing and rotten files are left out and
    counted. Raises `StoreUnusable` when the name is taken, `StoreTrouble`, and what the two callables raise; nothing is
    left behind then. So it is when a bucket does not answer: a backup never lacks what is only out of reach. May be
    repeated under another name.
    """
    manifest = Manifest(now.astimezone(UTC).isoformat(timespec="seconds"), dict(versions))
    with mapped(target.parent):
        if target.exists():
            raise StoreUnusable(BACKUP_THERE, path=target)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}.", dir=target.parent))  # nobody else may enter
    try:
        part = folder / "part"
        with mapped(target):
            handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), _MODE)
        with os.fdopen(handle, "w+b", buffering=0) as file, tempfile.TemporaryFile(dir=folder) as sums:
            writer = _Writer(file, sums, manifest, target)
            online_backup(folder / DATABASE)
            writer.add_database(folder / DATABASE)
            if not database_only:
                for known in objects():
                    writer.add_object(store, known.sha256)
                    progress(manifest)
            writer.finish()
        with mapped(target):
            part.replace(target)
            sync_folder(target.parent)
    finally:
        with suppress(OSError):
            shutil.rmtree(folder)
    return manifest


def member_name(sha256: str) -> str:
    """Give the name of an object's member: where it stands in the data folder, so that `tar -x` would do too."""
    return f"objects/{sha256[:2]}/{sha256[2:4]}/{sha256}.dcm"


def sum_line(sha256: str, name: str) -> bytes:
    """Give the line of `SHA256SUMS` for a member, as sha256sum writes and checks it."""
    return f"{sha256}  {name}\n".encode()


class _Unreadable(Exception):
    """A file that should go into the backup cannot be read, or has changed while it was."""


class _Writer:
    """Writes members one after another, each with its sum."""

    def __init__(self, file: BinaryIO, sums: IO[bytes], manifest: Manifest, target: Path) -> None:
        self._file, self._sums, self._manifest, self._target = file, sums, manifest, target

    def add_database(self, path: Path) -> None:
        try:
            size, sha256 = self._add(DATABASE, path, None)
        except _Unreadable as error:
            raise StoreTrouble(SYSTEM_ERROR, path=path, why=str(error)) from error
        self._manifest.has_database = size > 0
        self._note(sha256, DATABASE)

    def add_object(self, store: Objects, sha256: str) -> None:
        """Add a stored file, or count it as left out when its bytes are not those it is named after."""
        start, found = self._file.tell(), DataSetHash()
        try:
            if isinstance(store, FolderStore):
                size, file_sha256 = self._add(member_name(sha256), store.path_of(sha256), found)
            else:
                size, file_sha256 = self._add_elsewhere(store, sha256, found)
            if found.finish()[0] != sha256 and not _is_sound(store, sha256):
                raise _Unreadable("rotten")
        except _Unreadable:
            with mapped(self._target):
                self._file.seek(start)
                self._file.truncate()
            self._manifest.left_out += 1
            if len(self._manifest.left_out_names) < _NAMED_AT_MOST:
                self._manifest.left_out_names.append(sha256)
            return
        self._note(file_sha256, member_name(sha256))
        self._manifest.objects += 1
        self._manifest.object_bytes += size

    def finish(self) -> None:
        """Write the sums and the manifest, and let everything be durable."""
        with mapped(self._target):
            size = self._sums.tell()
            self._sums.seek(0)
            digest = hashlib.sha256()
            self._write_header(SUMS, size)
            while chunk := self._sums.read(_CHUNK):
                digest.update(chunk)
                self._write(chunk)
            self._write(padding_of(size))
            self._manifest.sums_sha256 = digest.hexdigest()
            manifest = self._manifest.encode()
            self._write_header(MANIFEST, len(manifest))
            self._write(manifest + padding_of(len(manifest)) + bytes(2 * BLOCK))
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise unsynced(error, self._target) from error

    def _add(self, name: str, path: Path, found: DataSetHash | None) -> tuple[int, str]:
        """Write a member, and give its size and sum; raises `_Unreadable` when the file is, in the middle maybe."""
        digest, done = hashlib.sha256(), 0
        with ExitStack() as opened:
            try:
                content = opened.enter_context(path.open("rb", buffering=0))
                size = os.fstat(content.fileno()).st_size
            except OSError as error:
                raise _Unreadable(error.strerror) from error
            self._write_header(name, size)
            for chunk in _chunks(content):
                digest.update(chunk)
                if found is not None:
                    found.update(chunk)
                self._write(chunk)
                done += len(chunk)
        if done != size:
            raise _Unreadable("it changed while it was read")
        self._write(padding_of(size))
        return size, digest.hexdigest()

    def _add_elsewhere(self, store: Objects, sha256: str, found: DataSetHash) -> tuple[int, str]:
        """Write an object that is no file here; raises `_Unreadable` when it is missing, and `StoreTrouble`."""
        digest = hashlib.sha256()
        try:
            with store.open(sha256) as source:
                size = source.size
                self._write_header(member_name(sha256), size)
                for at in range(0, size, _CHUNK):
                    chunk = source.read(at, _CHUNK)
                    digest.update(chunk)
                    found.update(chunk)
                    self._write(chunk)
        except ObjectMissing as error:
            raise _Unreadable("missing") from error
        self._write(padding_of(size))
        return size, digest.hexdigest()

    def _note(self, sha256: str, name: str) -> None:
        with mapped(self._target):
            self._sums.write(sum_line(sha256, name))

    def _write_header(self, name: str, size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, _MODE
        self._write(member.tobuf(tarfile.GNU_FORMAT))

    def _write(self, raw: bytes | memoryview) -> None:
        with mapped(self._target):
            view = memoryview(raw)
            while view:
                view = view[self._file.write(view) :]


def _is_sound(store: Objects, sha256: str) -> bool:
    """Ask the store, which knows of more beginnings of a data set than the usual one."""
    try:
        return store.examine(sha256).is_sound
    except ObjectMissing:
        return False
    except StoreTrouble:
        if isinstance(store, FolderStore):
            return False
        raise


def _chunks(content: FileIO) -> Iterator[bytes]:
    try:
        while chunk := content.read(_CHUNK):
            yield chunk
    except OSError as error:
        raise _Unreadable(error.strerror) from error
