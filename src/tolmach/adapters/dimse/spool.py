"""The file an instance arrives in: written and hashed as it comes, in as few system calls as there can be."""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tolmach.adapters.dimse.dimse import CStoreRequest
from tolmach.adapters.dimse.scribe import Scribe

IOV_MAX = 1000
BESIDE_BYTES = 1 << 16  # what is less is written sooner than somebody is called for it


class SpoolFolder:
    """Where instances arrive, each in a file of its own; any thread may ask."""

    def __init__(self, path: Path) -> None:
        """Use a folder that is there; several may use the same one."""
        self._path = path
        self._mark = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self.scribe = Scribe()

    def make_file(self) -> SpoolFile:
        """Give a new file; raises `OSError`. Its name is never built from what the peer sends."""
        path = self._path / f"store-{self._mark}-{next(self._numbers)}.part"
        return SpoolFile(path, os.fdopen(os.open(path, _NEW, 0o600), "wb", buffering=0))


class SpoolFile(NamedTuple):
    """A file for one instance, open, and there until it is discarded."""

    path: Path
    file: BinaryIO

    def discard(self) -> None:
        """Close and remove it, unless somebody has renamed it away; may be repeated."""
        self.file.close()
        with suppress(FileNotFoundError):
            os.unlink(self.path)  # noqa: PTH108 - a third of the time of Path.unlink


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class Spool:
    """The instance that is arriving; without a file, and with an error, when none could be made or written."""

    def __init__(
        self, make_file: Callable[[], SpoolFile], scribe: Scribe, request: CStoreRequest, context_id: int, head: bytes
    ) -> None:
        """Make the file, and keep its head for the first writing, in which `scribe` may help."""
        self._scribe = scribe
        self.request = request
        self.context_id = context_id
        self.offset = len(head)
        self.length = 0
        self.made: SpoolFile | None = None
        self.error: OSError | None = None
        self._digest = hashlib.sha256()  # of the data set alone
        self._head: bytes | None = head
        self._held: list[memoryview] = []
        try:
            self.made = make_file()
        except OSError as error:
            self.error = error

    def hold(self, view: memoryview) -> None:
        """Take the next piece of the data set; the view must stay as it is until `write` has returned."""
        if length := len(view):
            self._held.append(view)
            self.length += length
            if len(self._held) >= IOV_MAX:
                self.write()

    def write(self) -> None:
        """Write and hash what is held; the views are free afterwards.

        A full disk becomes the error of this instance, not the end of the association.
        """
        views, self._held = self._held, []
        if self.error is not None or self.made is None:
            return
        buffers: list[bytes | memoryview] = [self._head, *views] if self._head else list(views)
        self._head = None
        size = sum(map(len, views))
        work = partial(_write_all, self.made.file, buffers)
        job = self._scribe.begin(work) if size >= BESIDE_BYTES else None
        try:
            for view in views:
                self._digest.update(view)
        finally:
            try:
                work() if job is None else self._scribe.finish(job)
            except OSError as error:
                self.error = error

    def finish(self) -> str:
        """Give the sha256 of the data set, in hex, after everything has been written."""
        self.write()
        return self._digest.hexdigest()

    def discard(self) -> None:
        """Close and remove the file, unless somebody has renamed it away; may be repeated."""
        self._held.clear()
        if self.made is not None:
            self.made.discard()


if hasattr(os, "writev"):

    def _write_all(file: BinaryIO, buffers: list[bytes | memoryview]) -> None:
        first = 0
        while first < len(buffers):
            written = os.writev(file.fileno(), buffers[first : first + IOV_MAX])
            while first < len(buffers) and written >= len(buffers[first]):
                written -= len(buffers[first])
                first += 1
            if written:
                buffers[first] = memoryview(buffers[first])[written:]

else:

    def _write_all(file: BinaryIO, buffers: list[bytes | memoryview]) -> None:
        for buffer in buffers:
            view = memoryview(buffer)
            while view:
                view = view[file.write(view) :]
