"""Spooling: a whole file or stream goes into the incoming folder, and is hashed from where its data set begins."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tolmach.adapters.folder.reading import inflate
from tolmach.adapters.objects.faults import TOO_LARGE, TooLarge, mapped
from tolmach.dicom.part10 import MAX_META, PREAMBLE
from tolmach.dicom.source import MemorySource, Source
from tolmach.intake.head import Head, read_head, with_uids
from tolmach.intake.interfaces import Spooled

PREFIX, SUFFIX = "spool-", ".part"
_USUAL_HEAD = 4096
_WHOLE_HEAD = PREAMBLE + 4 + MAX_META + _USUAL_HEAD


class DataSetHash:
    """Hashes what follows a file's head; holds bytes back only until the head is understood."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.head: Head | None = None
        self._sum = hashlib.sha256()
        self._held = bytearray()
        self._look_at = _USUAL_HEAD

    def update(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes of the file."""
        if self.head is not None:
            self._sum.update(chunk)
            return
        self._held += chunk
        if len(self._held) >= self._look_at:
            head = read_head(MemorySource(bytes(self._held[:_WHOLE_HEAD])))
            if head.data_set_offset or len(self._held) >= _WHOLE_HEAD:
                self._begin(head)
            else:  # without a head, or with one that is longer than any usual one
                self._look_at = _WHOLE_HEAD

    def finish(self) -> tuple[str, Head]:
        """Give the sha256 and the head."""
        if self.head is None:
            self._begin(read_head(MemorySource(bytes(self._held))))
        assert self.head is not None
        return self._sum.hexdigest(), self.head

    def _begin(self, head: Head) -> None:
        self.head = head
        self._sum.update(memoryview(self._held)[head.data_set_offset :])
        self._held = bytearray()


@contextmanager
def spool(folder: Path, chunks: Iterable[bytes | memoryview], limit: int) -> Iterator[Spooled]:
    """Give what the chunks make up as a spooled object; its file is gone at the end, unless it was placed.

    Raises `StoreTrouble` for what the system refuses and `TooLarge` beyond `limit` bytes; errors of `chunks` pass.
    """
    with mapped(folder):
        handle, name = tempfile.mkstemp(SUFFIX, PREFIX, folder)  # only its owner may read it
    path = Path(name)
    try:
        with os.fdopen(handle, "w+b", buffering=0) as file:
            yield _fill(path, file, chunks, limit)
    finally:
        with suppress(OSError):  # it is removed at the next start at the latest
            path.unlink(missing_ok=True)


def clear(folder: Path) -> int:
    """Remove what spools were left by a process that died, and give how many; before anybody spools. Repeatable."""
    removed = 0
    with mapped(folder), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    Path(entry.path).unlink()
                    removed += 1
    return removed


def _fill(path: Path, file: BinaryIO, chunks: Iterable[bytes | memoryview], limit: int) -> Spooled:
    found, size = DataSetHash(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TooLarge(TOO_LARGE, limit=limit)
        with mapped(path):
            view = memoryview(chunk)
            while view:
                view = view[file.write(view) :]
        found.update(chunk)
    sha256, head = found.finish()
    with mapped(path):
        head = with_uids(head, _SpoolSource(file, size), inflate)
    return Spooled(
        path=path,
        file=file,
        size=size,
        data_set_offset=head.data_set_offset,
        sha256=sha256,
        sop_class_uid=head.sop_class_uid,
        sop_instance_uid=head.sop_instance_uid,
        transfer_syntax_uid=head.transfer_syntax_uid,
    )


class _SpoolSource(Source):
    """The spooled bytes, read where they were written."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        wanted = max(0, min(length, self._size - offset))
        block = self._file.read(wanted)
        while len(block) < wanted and (more := self._file.read(wanted - len(block))):
            block += more
        return block
