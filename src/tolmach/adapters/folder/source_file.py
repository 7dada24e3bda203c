"""A file of a watched folder, open: known by its descriptor, whoever swaps names meanwhile."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from io import FileIO

from tolmach.adapters.folder import open_for_writing
from tolmach.adapters.folder.faults import FileTrouble
from tolmach.adapters.folder.reading import SeekingSource
from tolmach.dicom.source import MemorySource, Source
from tolmach.intake.faults import (
    SOURCE_CHANGED,
    SOURCE_GONE,
    SOURCE_UNREADABLE,
    SourceChanged,
    SourceGone,
    SourceUnreadable,
)
from tolmach.intake.interfaces import FileMark
from tolmach.intake.taking import shown

NOT_THERE = (errno.ENOENT, errno.ENOTDIR)
_BLOCK = 1 << 20
_HEAD = 1 << 13  # the first chunk is small: whoever looks for the head copies it


class OpenFile:
    """An `OpenSource`: small files are read once, into a buffer that is judged and copied; large ones twice."""

    def __init__(
        self, file: FileIO, mark: FileMark, status: os.stat_result, path: bytes, buffer: bytearray | None
    ) -> None:
        """Read what is small into `buffer`."""
        self._file, self._mark, self._path = file, mark, path
        self._opened = _state(status)
        self._sum = hashlib.sha256()
        self._whole: memoryview | None = None
        self.source: Source
        if buffer is not None:
            self._whole = self._filled(buffer)
            self.source = MemorySource(self._whole)
        else:
            self.source = _Seeking(SeekingSource(file, mark.size, shown(mark.path)), mark)

    @property
    def is_being_written(self) -> bool | None:
        """Whether somebody has the file open for writing; None where the system does not tell."""
        return open_for_writing.is_being_written(self._file.fileno(), self._path)

    @property
    def has_holes(self) -> bool:
        """Whether the file has parts that were never written, as far as the system tells."""
        return open_for_writing.has_holes(self._file.fileno(), self._mark.size)

    def chunks(self) -> Iterator[bytes | memoryview]:
        """Give the bytes from first to last, once."""
        if self._whole is not None:
            for chunk in (self._whole[:_HEAD], self._whole[_HEAD:]):
                self._sum.update(chunk)
                yield chunk
            return
        at = 0
        while at < self._mark.size:
            block = bytes(self.source.read(at, _HEAD if at == 0 else _BLOCK))
            at += len(block)
            self._sum.update(block)
            yield block

    def sha256(self) -> str:
        """Give the sha256 of the whole file, when `chunks` has come to its end."""
        return self._sum.hexdigest()

    def require_unchanged(self) -> None:
        """Require that nothing was done to the file since it was opened; raises `SourceChanged`."""
        if _state(os.fstat(self._file.fileno())) != self._opened:
            raise SourceChanged(SOURCE_CHANGED, path=shown(self._mark.path))

    def _filled(self, buffer: bytearray) -> memoryview:
        size = self._mark.size
        view, filled = memoryview(buffer), 0
        try:
            while filled < size and (count := self._file.readinto(view[filled:size])):
                filled += count
        except OSError as error:
            raise _unreadable(self._mark, error) from error
        if filled < size:
            raise SourceChanged(SOURCE_CHANGED, path=shown(self._mark.path))
        return view[:size]


class _Seeking:
    """A large file as a source; its errors are those of a watched folder."""

    def __init__(self, source: SeekingSource, mark: FileMark) -> None:
        self._source, self._mark = source, mark

    @property
    def size(self) -> int:
        return self._source.size

    def read(self, offset: int, length: int) -> bytes:
        try:
            return self._source.read(offset, length)
        except FileTrouble as error:
            if isinstance(error.__cause__, OSError):
                raise _unreadable(self._mark, error.__cause__) from error
            raise SourceChanged(SOURCE_CHANGED, path=shown(self._mark.path)) from error


def mark_of(path: bytes, status: os.stat_result, device: int) -> FileMark:
    """Give the mark of a file that looks like this, in a folder on `device`.

    That device counts as 0: systems give drives other numbers after a restart, and the files are still the same.
    """
    elsewhere = 0 if status.st_dev == device else status.st_dev
    return FileMark(path, elsewhere, status.st_ino, status.st_size, status.st_mtime_ns)


def _state(status: os.stat_result) -> tuple[int, int, int]:
    """Give what changes whenever anybody does anything to a file; nobody can set the last of it."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def unopened(mark: FileMark, error: OSError) -> SourceGone | SourceUnreadable:
    """Give the error of ours for one that came when a file was opened."""
    if error.errno in (*NOT_THERE, errno.ELOOP, errno.ENXIO, errno.EISDIR):
        return SourceGone(SOURCE_GONE, path=shown(mark.path))
    return _unreadable(mark, error)


def _unreadable(mark: FileMark, error: OSError) -> SourceUnreadable:
    return SourceUnreadable(SOURCE_UNREADABLE, path=shown(mark.path), why=error.strerror or str(error))
