"""Reading files as sources: small ones whole into a buffer that is used again, large ones piece by piece.

Memory stays flat whatever the size of the file, and nothing is mapped: a file that shrinks while it is read gives short
reads, not a dead process.
"""

from __future__ import annotations

import os
import stat
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from typing import IO

from tolmach.adapters.folder.faults import NOT_A_FILE, SHRANK, FileProblem, FileTrouble, mapped
from tolmach.base import N_, Phrase
from tolmach.dicom.source import MemorySource, Source

WHOLE_FILE = 8 << 20
_INFLATED_IN_MEMORY = 32 << 20


class SeekingSource:
    """A source over an open file, for files too large to hold."""

    def __init__(self, file: IO[bytes] | RawIOBase, size: int, name: object) -> None:
        """Read from `file`, whose content is `size` bytes long; errors call it `name`."""
        self._file, self._size, self._name = file, size, name

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Give exactly `length` bytes from `offset`, fewer only where the source ends.

        Raises `FileTrouble` when the file has become shorter than it was: less image would look like an image.
        """
        wanted = max(0, min(length, self._size - offset))  # a length from outside allocates nothing
        try:
            self._file.seek(offset)
            block = self._file.read(wanted) or b""
            while len(block) < wanted:
                more = self._file.read(wanted - len(block))
                if not more:
                    raise FileTrouble(SHRANK, path=self._name)
                block += more
        except OSError as error:
            raise mapped(error, self._name) from error
        return block


class FileReader:
    """Opens files one after another; a source is valid until its `with` block ends. One thread at a time."""

    def __init__(self, whole_file: int = WHOLE_FILE) -> None:
        """Read files of up to `whole_file` bytes whole; the buffer grows to the largest of them."""
        self._whole_file = whole_file
        self._buffer = bytearray(min(whole_file, 1 << 20))

    @contextmanager
    def open(self, path: Path) -> Iterator[Source]:
        """Give the bytes of a regular file; raises `FileProblem` or `FileTrouble` when it cannot be read."""
        try:
            file = open(path, "rb", buffering=0, opener=_open_without_waiting)  # noqa: SIM115 - Path has no opener
        except OSError as error:
            raise mapped(error, path) from error
        with file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileProblem(NOT_A_FILE, path=path)
            large = status.st_size > self._whole_file
            yield SeekingSource(file, status.st_size, path) if large else self._whole(file, status.st_size, path)

    def _whole(self, file: RawIOBase, size: int, path: Path) -> MemorySource:
        if size > len(self._buffer):
            self._buffer = bytearray(size)
        view, filled = memoryview(self._buffer), 0
        while filled < size:
            try:
                count = file.readinto(view[filled:size])
            except OSError as error:
                raise mapped(error, path) from error
            if not count:
                break
            filled += count
        return MemorySource(view[:filled])


def _open_without_waiting(path: str, flags: int) -> int:
    """Open so that a pipe somebody left in the folder cannot hold the program up."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))


def inflate(blocks: Iterable[bytes]) -> Source:
    """Keep an inflated data set in memory while it is small, in a temporary file of its own when it is not.

    Raises `FileTrouble` when there is no room for it.
    """
    spool = tempfile.SpooledTemporaryFile(max_size=_INFLATED_IN_MEMORY)  # noqa: SIM115 - lives as long as the source
    name, size = Phrase(N_("the inflated data set")), 0
    try:
        for block in blocks:
            size += spool.write(block)
    except OSError as error:
        spool.close()
        raise mapped(error, name) from error
    except BaseException:
        spool.close()
        raise
    source = SeekingSource(spool, size, name)
    weakref.finalize(source, spool.close)
    return source
