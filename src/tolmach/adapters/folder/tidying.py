"""Moving and deleting what is done with in a watched folder: the only thing that is ever changed there.

It happens only when the operator asked for it, and only to a file that is byte for byte the one that was taken.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from tolmach.adapters.folder.faults import KEPT_CHANGED, KEPT_NOT_ALLOWED, TIDY_TROUBLE
from tolmach.adapters.folder.inner_folders import InnerFolder, real_place, way_to
from tolmach.adapters.folder.leftovers import aside_name, numbered, restore
from tolmach.adapters.folder.source_file import mark_of
from tolmach.adapters.folder.walking import PART_SUFFIX
from tolmach.base import Fault, Problem
from tolmach.intake.faults import WatchTrouble
from tolmach.intake.interfaces import Dealing, Tidying
from tolmach.intake.taking import shown

_BLOCK = 1 << 20
_NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENXIO)  # or something else has its name
_MOST_TWINS = 1000


class _Changed(Exception):
    """The file is not the one that was taken."""


class Tidier:
    """A `SourceTidier`: deletes taken files, or moves them to another folder; one thread at a time."""

    def __init__(self, root: Path, move_to: Path | None = None) -> None:
        """Tidy in `root`; into `move_to`, which must be there, with the folders below kept; None deletes."""
        self._root, self._move_to = root, move_to
        self._device = -1

    def tidy(self, tidying: Tidying) -> Dealing:
        """Move or delete a file that is still the one that was taken; see `SourceTidier.tidy`."""
        mark = tidying.mark
        *way, name = mark.path.split(b"/")
        problem: Problem | None = None
        try:
            with self._folder(tidying, way) as folder:
                if folder is not None:
                    self._put_away(tidying, folder, way, name)
        except _Changed:
            problem = Problem(KEPT_CHANGED, {"path": shown(mark.path)})
        except OSError as error:
            if error.errno in _NO_RIGHT:  # rights may be given, a share be mounted anew, a viewer be closed
                raise _trouble(tidying, error, KEPT_NOT_ALLOWED) from error
            if error.errno not in _GONE:
                raise _trouble(tidying, error) from error
        return Dealing(mark, tidying.sha256, tidying.object_id, problem)

    @contextmanager
    def _folder(self, tidying: Tidying, way: list[bytes]) -> Iterator[InnerFolder | None]:
        """Open the folder the file is in; None when that is gone. That the watched folder is gone is trouble."""
        try:
            root = real_place(self._root)
            self._device = root.stat().st_dev
        except OSError as error:
            raise _trouble(tidying, error) from error
        with way_to(root, way) as folder:
            yield folder

    def _put_away(self, tidying: Tidying, folder: InnerFolder, way: list[bytes], name: bytes) -> None:
        with FileIO(folder.open(name)) as file:
            self._require_same(tidying, file)
            if _sha256_of(file) != tidying.sha256:
                raise _Changed
            aside = aside_name(name)
            if aside is None:
                self._require_same(tidying, file, folder, name)
            else:
                _require_free(folder, aside)
                folder.set_aside(name, aside)
            own = aside or name
            try:
                self._require_same(tidying, file, folder, own)
                if self._move_to is None:
                    if os.name == "nt":
                        file.close()  # an open file cannot be removed there
                    folder.remove(own)
                else:
                    self._move(tidying, file, folder, way, name, own)
            except BaseException:
                if aside is not None:
                    restore(folder, aside)
                raise
            folder.sync()

    def _require_same(
        self, tidying: Tidying, file: FileIO, folder: InnerFolder | None = None, name: bytes = b""
    ) -> None:
        """Require that a file, and what has its name in the folder, is in the state in which it was taken."""
        path = tidying.mark.path
        if mark_of(path, os.fstat(file.fileno()), self._device) != tidying.mark:
            raise _Changed
        if folder is not None and mark_of(path, folder.status(name), self._device) != tidying.mark:
            raise _Changed

    def _move(
        self, tidying: Tidying, file: FileIO, folder: InnerFolder, way: list[bytes], name: bytes, own: bytes
    ) -> None:
        assert self._move_to is not None
        try:
            place = real_place(self._move_to)
            with way_to(place, way, make=True) as target:
                self._move_into(target, tidying, file, folder, name, own)
        except OSError as error:
            # The other folder's trouble is nothing a person must mend in the watched one.
            raise _trouble(tidying, error) from error

    def _move_into(
        self, target: InnerFolder, tidying: Tidying, file: FileIO, folder: InnerFolder, name: bytes, own: bytes
    ) -> None:
        try:
            for number in range(_MOST_TWINS):
                candidate = numbered(name, number)
                if _stands_already(target, candidate, tidying):
                    with suppress(OSError):
                        target.remove(self._part(tidying))  # of a process that was killed when it had copied
                    break
                with suppress(FileExistsError):
                    folder.give(own, target, candidate)
                    return
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy_into(target, tidying, file, name)
        target.sync()
        folder.remove(own)

    def _copy_into(self, target: InnerFolder, tidying: Tidying, file: FileIO, name: bytes) -> None:
        """Copy a file to another file system, whole and durable under a name that was free."""
        part = self._part(tidying)
        with suppress(FileNotFoundError):
            target.remove(part)  # left by a process that was killed
        try:
            digest = hashlib.sha256()
            with FileIO(target.create(part), "wb") as copy:
                file.seek(0)
                while block := file.read(_BLOCK):
                    digest.update(block)
                    view = memoryview(block)
                    while view:
                        view = view[copy.write(view) :]
                os.fsync(copy.fileno())
            if digest.hexdigest() != tidying.sha256:
                raise _Changed
            for number in range(_MOST_TWINS):
                candidate = numbered(name, number)
                if _stands_already(target, candidate, tidying):
                    return
                with suppress(FileExistsError):
                    target.give(part, target, candidate)
                    return
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        finally:
            with suppress(OSError):
                target.remove(part)

    def _part(self, tidying: Tidying) -> bytes:
        """Give the name of a copy that is not whole: the same after a restart, another one for every other file.

        Several folders may be moved to one place at the same time.
        """
        whose = b"\0".join((os.fsencode(self._root), tidying.mark.path, tidying.sha256.encode()))
        return b".tolmach-%s%s" % (hashlib.sha256(whose).hexdigest()[:32].encode(), PART_SUFFIX.encode())


def _require_free(folder: InnerFolder, aside: bytes) -> None:
    """Require that nothing has the name, which would be overwritten: what a crash has left there is given its own."""
    with suppress(FileNotFoundError):
        folder.status(aside)
        restore(folder, aside)
        folder.status(aside)
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))


def _stands_already(target: InnerFolder, name: bytes, tidying: Tidying) -> bool:
    """Tell whether the same bytes have that name already: a move that a crash has cut off."""
    try:
        with FileIO(target.open(name)) as file:
            return os.fstat(file.fileno()).st_size == tidying.mark.size and _sha256_of(file) == tidying.sha256
    except OSError:
        return False


def _sha256_of(file: FileIO) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _trouble(tidying: Tidying, error: OSError, fault: Fault = TIDY_TROUBLE) -> WatchTrouble:
    return WatchTrouble(fault, path=shown(tidying.mark.path), why=error.strerror or str(error))
