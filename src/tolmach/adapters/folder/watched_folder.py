"""A watched folder: its files seen and opened without following a link, and never changed.

Names are raw bytes: machines write them in whatever code page they have. A file is known by its descriptor from the
moment it is opened, so that whoever swaps names meanwhile gives us one file or another, and never parts of two.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path

from tolmach.adapters.folder.faults import INNER_UNREAD, TOO_NESTED, WATCH_MISSING, watch_trouble
from tolmach.adapters.folder.inner_folders import Entry, Identity, InnerFolder, open_root, real_place, way_to
from tolmach.adapters.folder.leftovers import is_aside, restore
from tolmach.adapters.folder.reading import WHOLE_FILE
from tolmach.adapters.folder.source_file import NOT_THERE, OpenFile, mark_of, unopened
from tolmach.adapters.folder.walking import OWN_SUFFIXES
from tolmach.base import Problem
from tolmach.intake.faults import (
    SOURCE_CHANGED,
    SOURCE_GONE,
    SourceChanged,
    SourceGone,
    WatchTrouble,
)
from tolmach.intake.interfaces import FileMark
from tolmach.intake.stability import Manner
from tolmach.intake.taking import shown
from tolmach.intake.wanted import Wanted

MOST_NESTED = 100
_LEAST_BUFFER = 1 << 20
_SPARE_BUFFERS = 8
_NO_NAMES = frozenset({b"", b".", b".."})


class WatchedFolder:
    """A `SourceFolder`; any thread may call."""

    def __init__(
        self,
        root: Path,
        manner: Manner,
        now_ns: Callable[[], int],
        *,
        recursive: bool = True,
        leave_out: Sequence[Path] = (),
        cross_file_systems: bool = False,
    ) -> None:
        """Look at nothing yet. `leave_out` are folders that are not entered; `now_ns` counts nanoseconds since 1970.

        A link in `root` itself is followed once, when the folder is first seen, and again only after `look_up`.
        """
        self.root = root
        self._wanted = Wanted.of(manner, OWN_SUFFIXES)
        self._now_ns = now_ns
        self._recursive, self._cross, self._leave_out = recursive, cross_file_systems, tuple(leave_out)
        self._real: Path | None = None
        self._was_mount = False
        self._device = -1
        self._buffers: deque[bytearray] = deque(maxlen=_SPARE_BUFFERS)

    def look_up(self) -> None:
        """Follow a link in `root` anew with the next look; that a drive was mounted there is remembered."""
        self._real = None

    # Seeing --------------------------------------------------------------------------------------------------

    def scan(self) -> Iterator[FileMark | Problem]:
        """Give the state of every file that is meant; see `SourceFolder.scan`. One thread at a time.

        Folders are gone through one after another, and only those on the way to the present one are open.
        """
        root = self._open_root()
        left_out = self._left_out()
        with ExitStack() as stack:
            stack.callback(root.close)
            way: list[tuple[InnerFolder, bytes, Iterator[Entry]]] = [(root, b"", root.entries())]
            stack.callback(_close_inner, way)
            while way:
                folder, path, entries = way[-1]
                try:
                    entry = next(entries, None)
                except OSError as error:
                    yield self._unlisted(path, error)
                    entry = None
                if entry is None:
                    way.pop()
                    if way:
                        folder.close()
                    continue
                here = path + entry.name
                if entry.kind == "folder" and self._recursive:
                    problem = self._enter(way, folder, entry.name, here, left_out)
                    if problem is not None:
                        yield problem
                elif entry.kind == "file" and (mark := self._mark(folder, entry, here)) is not None:
                    yield mark

    def look(self, path: bytes) -> FileMark | None:
        """Give the state of one file; None when it is not there or not meant."""
        names = path.split(b"/")
        if not _NO_NAMES.isdisjoint(names) or len(names) > (MOST_NESTED if self._recursive else 1):
            return None
        if not self._wanted.wants_name(path):
            return None
        with self._asking() as root, self._way(root, names[:-1]) as folder:
            if folder is not None:
                with suppress(OSError):
                    return self._mark_of(path, folder.status(names[-1]))
        return None

    def has(self, path: bytes) -> bool:
        """Tell whether something of that name is there; where that cannot be told, it is."""
        *way, name = path.split(b"/")
        self._open_root().close()  # a drive that is away has everything
        with self._asking() as root:
            try:
                with way_to(root, way) as folder:
                    folder.status(name)
            except OSError as error:
                return error.errno not in NOT_THERE
        return True

    def _mark(self, folder: InnerFolder, entry: Entry, path: bytes) -> FileMark | None:
        if is_aside(entry.name):
            restore(folder, entry.name)  # a crash in the middle of tidying; the next scan sees it under its own name
            return None
        if not self._wanted.wants_name(path):
            return None
        try:
            return self._mark_of(path, entry.status())
        except OSError:  # gone meanwhile
            return None

    def _mark_of(self, path: bytes, status: os.stat_result) -> FileMark | None:
        if not stat.S_ISREG(status.st_mode):
            return None
        if not self._wanted.wants_state(status.st_size, status.st_mtime_ns, self._now_ns()):
            return None
        mark = mark_of(path, status, self._device)
        return mark if self._cross or not mark.device else None

    def _enter(
        self,
        way: list[tuple[InnerFolder, bytes, Iterator[Entry]]],
        folder: InnerFolder,
        name: bytes,
        path: bytes,
        left_out: set[Identity],
    ) -> Problem | None:
        """Go into a folder, unless it is on another file system, is left out, or leads back to where we are."""
        if len(way) >= MOST_NESTED:
            return Problem(TOO_NESTED, {"limit": MOST_NESTED, "path": shown(path)})
        try:
            inner = folder.inner(name)
        except OSError as error:
            return None if error.errno in (*NOT_THERE, errno.ELOOP) else self._unlisted(path, error)
        try:
            identity = inner.identity
            is_ours = self._cross or identity[0] == self._device
            if is_ours and identity not in left_out and all(identity != outer.identity for outer, *_ in way):
                way.append((inner, path + b"/", inner.entries()))
                return None
        except OSError as error:
            inner.close()
            return self._unlisted(path, error)
        inner.close()
        return None

    def _unlisted(self, path: bytes, error: OSError) -> Problem:
        if path in (b"", b"/"):
            raise watch_trouble(self.root, error) from error
        return Problem(INNER_UNREAD, {"path": shown(path), "why": error.strerror or str(error)})

    # Opening -------------------------------------------------------------------------------------------------

    @contextmanager
    def open(self, mark: FileMark) -> Iterator[OpenFile]:
        """Open a file that looks as it did; see `SourceFolder.open`."""
        *way, name = mark.path.split(b"/")
        with self._asking() as root:
            try:
                with way_to(root, way) as folder:
                    descriptor = folder.open(name)
            except OSError as error:
                raise unopened(mark, error) from error
            with FileIO(descriptor) as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise SourceGone(SOURCE_GONE, path=shown(mark.path))
                if mark_of(mark.path, status, self._device) != mark:
                    raise SourceChanged(SOURCE_CHANGED, path=shown(mark.path))
                buffer = self._buffer(mark.size) if mark.size <= WHOLE_FILE else None
                try:
                    yield OpenFile(file, mark, status, os.path.join(os.fsencode(root), mark.path), buffer)  # noqa: PTH118
                finally:
                    if buffer is not None:
                        self._buffers.append(buffer)

    def _buffer(self, size: int) -> bytearray:
        with suppress(IndexError):
            buffer = self._buffers.pop()
            if len(buffer) >= size:
                return buffer
        return bytearray(max(size, _LEAST_BUFFER))

    # The folder itself ---------------------------------------------------------------------------------------

    def _open_root(self) -> InnerFolder:
        """Open the folder; raises `WatchTrouble` where it is not there, or is not what it was."""
        try:
            real = self._real or real_place(self.root)
            folder = open_root(real)
        except OSError as error:
            raise watch_trouble(self.root, error) from error
        is_mount = os.path.ismount(real)
        if self._was_mount and not is_mount:
            folder.close()
            raise WatchTrouble(WATCH_MISSING, folder=self.root)  # the drive is away, and its empty place is there
        self._real, self._was_mount, self._device = real, is_mount, folder.identity[0]
        return folder

    @contextmanager
    def _asking(self) -> Iterator[Path]:
        """Give the folder's real path, for one step that is taken in it; it was seen before or is looked at now."""
        if self._real is None:
            self._open_root().close()
        assert self._real is not None
        yield self._real

    @contextmanager
    def _way(self, root: Path, names: list[bytes]) -> Iterator[InnerFolder | None]:
        """Open the folders on the way; None where it is not there, or leads through something that is left out."""
        left_out = self._left_out()
        with ExitStack() as stack:
            try:
                folder = open_root(root)
                stack.callback(folder.close)
            except OSError as error:
                raise watch_trouble(self.root, error) from error
            try:
                for name in names:
                    folder = folder.inner(name)
                    stack.callback(folder.close)
                    identity = folder.identity
                    if identity in left_out or (identity[0] != self._device and not self._cross):
                        yield None
                        return
            except OSError:
                yield None
                return
            yield folder

    def _left_out(self) -> set[Identity]:
        found = set()
        for path in self._leave_out:
            with suppress(OSError):
                status = path.stat()
                found.add((status.st_dev, status.st_ino))
        return found


def _close_inner(way: list[tuple[InnerFolder, bytes, Iterator[Entry]]]) -> None:
    for folder, _path, _entries in way[1:]:
        folder.close()
