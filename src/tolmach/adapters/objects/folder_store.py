"""Objects as files in the data folder, named after their content: written once, synced, never overwritten."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from tolmach.adapters.folder.faults import NOT_FOUND, FileProblem, FileTrouble
from tolmach.adapters.folder.reading import FileReader, SeekingSource, inflate
from tolmach.adapters.objects import spooling
from tolmach.adapters.objects.beginnings import beginnings
from tolmach.adapters.objects.faults import (
    CUT_SPOOL,
    TWO_FILE_SYSTEMS,
    StoreUnusable,
    mapped,
    missing,
    trouble,
    unreadable,
    unsynced,
)
from tolmach.adapters.objects.shards import Shards, make_durable
from tolmach.dicom.source import MemorySource, Source
from tolmach.intake.faults import StoreTrouble
from tolmach.intake.head import Head, read_head, with_uids
from tolmach.intake.interfaces import Examined, Spooled, Stored

OBJECTS, INCOMING = "objects", "incoming"
OBJECT_LIMIT = 4 << 30
_STRIPES = 256
_SPARE_READERS = 4
_PRIVATE = 0o600
# Windows flushes only what is open for writing.
_TO_SYNC = (os.O_RDWR if os.name == "nt" else os.O_RDONLY) | getattr(os, "O_BINARY", 0)


class FolderStore:
    """An `ObjectStore` and `ObjectInventory` on one file system; any thread may call.

    The order is: bytes, sync of the file, its name, sync of its folder (and of those around it the first time). A file
    that has its name is therefore whole; only whether the name is durable may be unknown, when an earlier process died
    or a sync failed. So whoever finds his content there already syncs again before he believes it.
    """

    def __init__(self, data_dir: Path, *, sync: bool = True, object_limit: int = OBJECT_LIMIT, spool: str = "") -> None:
        """Use `data_dir`, made when it is not there; without `sync` nothing is durable (for tests of the tests).

        Where several processes share the folder, each spools in a folder of the name `spool`, which nobody else has.
        Raises `StoreTrouble`, and `StoreUnusable` when the folders in it are on two file systems.
        """
        self._incoming, objects = data_dir / INCOMING, data_dir / OBJECTS
        self._sync, self._object_limit = sync, object_limit
        with mapped(data_dir):
            for folder in dict.fromkeys((data_dir, self._incoming, self._incoming / spool, objects)):
                make_durable(folder, sync=sync)
            if self._incoming.stat().st_dev != objects.stat().st_dev:
                raise StoreUnusable(TWO_FILE_SYSTEMS, incoming=self._incoming, objects=objects)
        self._incoming /= spool
        self._shards = Shards(objects, sync=sync)
        # Held only while a name is looked at and given, so that two who bring the same content do not overwrite it.
        self._stripes = tuple(threading.Lock() for _ in range(_STRIPES))
        self._readers: deque[FileReader] = deque(maxlen=_SPARE_READERS)

    # Taking --------------------------------------------------------------------------------------------------

    @property
    def incoming(self) -> Path:
        """The folder to spool in: on the same file system, emptied by `clear_incoming`."""
        return self._incoming

    def clear_incoming(self) -> int:
        """Remove what spools were left by a process that died, and give how many; before anybody spools."""
        return spooling.clear(self._incoming)

    def spool(self, chunks: Iterable[bytes | memoryview]) -> AbstractContextManager[Spooled]:
        """Give a whole file or stream as a spooled object, hashed on its way; see `ObjectStore.spool`."""
        return spooling.spool(self._incoming, chunks, self._object_limit)

    def place(self, spooled: Spooled) -> Stored:
        """Make a spooled object durable under its sha256, and give what is stored now; see `ObjectStore.place`.

        On a failed sync the spool must be thrown away: the system may have dropped the bytes and forgotten about it.
        """
        path = self._shards.path_of(spooled.sha256)
        stored = self._confirmed(spooled.sha256, path, spooled.data_set_offset)
        if stored is None:
            stored = self._name(spooled, path)
        self._shards.sync(spooled.sha256)
        return stored

    def _name(self, spooled: Spooled, path: str) -> Stored:
        """Sync the spool and give it its name, unless somebody was faster or only rot stands there."""
        try:
            self._shards.make_room_for(spooled.sha256)
        except OSError as error:
            raise trouble(error, path) from error
        self._settle(spooled)
        with self._stripes[int(spooled.sha256[-2:], 16) % _STRIPES]:
            stored = self._confirmed(spooled.sha256, path, spooled.data_set_offset)
            if stored is not None:
                return stored
            if os.name == "nt":
                spooled.file.close()  # an open file cannot be renamed there
            try:
                os.replace(spooled.path, path)  # noqa: PTH105 - a third of the time of Path.replace
            except OSError as error:
                self._shards.forget(spooled.sha256)
                raise trouble(error, path) from error
        return Stored(spooled.sha256, spooled.size, spooled.data_set_offset)

    def _settle(self, spooled: Spooled) -> None:
        """Make the spooled bytes durable and private; raises `StoreTrouble`, also when some are missing."""
        try:
            spooled.file.flush()
            descriptor = spooled.file.fileno()
            status = os.fstat(descriptor)
            if status.st_size != spooled.size:
                raise StoreTrouble(CUT_SPOOL, path=spooled.path, expected=spooled.size, present=status.st_size)
            if stat.S_IMODE(status.st_mode) != _PRIVATE:
                spooled.path.chmod(_PRIVATE)
            if self._sync:
                os.fsync(descriptor)
        except OSError as error:
            raise unsynced(error, spooled.path) from error

    def _confirmed(self, sha256: str, path: str, expected_offset: int) -> Stored | None:
        """Give what is stored there when it holds that content, synced; None when nothing or rot is there."""
        if not os.path.lexists(path):  # the usual case, and cheaper asked than raised
            return None
        try:
            descriptor = os.open(path, _TO_SYNC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise trouble(error, path) from error
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            try:
                size, offset, found, _head = _read(file, path, sha256, expected_offset)
                if found != sha256:
                    return None
            except StoreTrouble:
                return None  # bytes that cannot be read are no better than rotten ones, and the good ones are here
            try:
                if self._sync:
                    os.fsync(descriptor)
            except OSError as error:
                raise unsynced(error, path) from error
        return Stored(sha256, size, offset)

    # Giving --------------------------------------------------------------------------------------------------

    @contextmanager
    def open(self, sha256: str) -> Iterator[Source]:
        """Give the stored file's bytes, whole, valid until the block ends. Raises `ObjectMissing` or `StoreTrouble`."""
        path = Path(self._shards.path_of(sha256))
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = FileReader()
        with ExitStack() as opened:
            opened.callback(self._readers.append, reader)
            try:
                source = opened.enter_context(reader.open(path))
            except FileProblem as error:
                raise (missing(path) if error.problem.fault is NOT_FOUND else unreadable(error, path)) from error
            except FileTrouble as error:
                raise unreadable(error, path) from error
            yield source if isinstance(source, MemorySource) else _Mapped(source, path)

    def free_bytes(self) -> tuple[int, int]:
        """Give how many bytes are free for us, and how many the file system has; asks the system at each call."""
        with mapped(self._incoming):
            usage = shutil.disk_usage(self._incoming)
        return usage.free, usage.total

    # Checking ------------------------------------------------------------------------------------------------

    def walk(self) -> Iterator[str]:
        """Give the sha256 of every stored file, in rising order, one folder in memory at a time."""
        with mapped(self._shards.root):
            yield from self._shards.walk()

    def path_of(self, sha256: str) -> Path:
        """Give where the file of that content stands or would stand."""
        return Path(self._shards.path_of(sha256))

    def size_of(self, sha256: str) -> int | None:
        """Give the size of a stored file, None where there is none. Raises `StoreTrouble`."""
        status = self._status(sha256)
        return None if status is None else status.st_size

    def modified_at(self, sha256: str) -> datetime | None:
        """Give when a stored file was written (UTC), None where there is none. Raises `StoreTrouble`."""
        status = self._status(sha256)
        return None if status is None else _when(status)

    def rehash(self, sha256: str) -> str:
        """Give the sha256 of what is stored under that name now: the same, unless it has rotted; see `examine`."""
        return self.examine(sha256).sha256

    def examine(self, sha256: str) -> Examined:
        """Read a stored file from the disk, to its end. Raises `ObjectMissing` or `StoreTrouble`."""
        path = self._shards.path_of(sha256)
        try:
            file = open(path, "rb", buffering=0)  # noqa: SIM115, PTH123 - the path is a text already
        except FileNotFoundError as error:
            raise missing(path) from error
        except OSError as error:
            raise trouble(error, path) from error
        with file:
            _forget_cached(file)
            size, offset, found, head = _read(file, path, sha256)
            with mapped(path):
                status = os.fstat(file.fileno())
                head = with_uids(head, SeekingSource(file, size, path), inflate)
            _forget_cached(file)
        return Examined(
            name=sha256,
            sha256=found,
            size=size,
            data_set_offset=offset,
            modified_at=_when(status),
            sop_class_uid=head.sop_class_uid,
            sop_instance_uid=head.sop_instance_uid,
            transfer_syntax_uid=head.transfer_syntax_uid,
            source_ae_title=head.source_ae_title,
        )

    def expect(self, sha256s: Sequence[str]) -> None:
        """Do nothing: a folder answers at once; see `Objects.expect`."""

    def remove(self, sha256: str) -> None:
        """Remove a stored file, for the purge alone; nothing happens where there is none. Raises `StoreTrouble`."""
        path = self.path_of(sha256)
        with mapped(path), suppress(FileNotFoundError):
            path.unlink()

    def _status(self, sha256: str) -> os.stat_result | None:
        path = self._shards.path_of(sha256)
        try:
            return os.stat(path)  # noqa: PTH116 - the path is a text already
        except FileNotFoundError:
            return None
        except OSError as error:
            raise trouble(error, path) from error


class _Mapped:
    """A large file's source whose errors are the store's."""

    def __init__(self, source: Source, path: Path) -> None:
        self._source, self._path = source, path

    @property
    def size(self) -> int:
        return self._source.size

    def read(self, offset: int, length: int) -> memoryview | bytes:
        try:
            return self._source.read(offset, length)
        except (FileTrouble, FileProblem) as error:
            raise unreadable(error, self._path) from error


def _read(file: FileIO, path: str, sha256: str, other_offset: int = 0) -> tuple[int, int, str, Head]:
    """Give size, offset of the data set, its sha256 and the head; of several beginnings the one that fits the name."""
    try:
        size = os.fstat(file.fileno()).st_size
        head = read_head(SeekingSource(file, size, path))
        found = ""
        for offset in beginnings(head, other_offset):
            file.seek(offset)
            sha256_from_here = hashlib.file_digest(file, "sha256").hexdigest()
            if sha256_from_here == sha256:
                return size, offset, sha256, head
            found = found or sha256_from_here
    except OSError as error:
        raise trouble(error, path) from error
    except (FileTrouble, FileProblem) as error:
        raise unreadable(error, path) from error
    return size, head.data_set_offset, found, head


def beginning_that_fits(path: Path, sha256: str) -> int | None:
    """Give where in a file the data set of that sha256 begins, None where no beginning fits. Raises `StoreTrouble`."""
    with mapped(path), path.open("rb", buffering=0) as file:
        _size, offset, found, _head = _read(file, os.fspath(path), sha256)
    return offset if found == sha256 else None


def _forget_cached(file: FileIO) -> None:
    """Let the system read the file from the disk, not from memory, and not keep what only a check has read."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _when(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(status.st_mtime, UTC)
