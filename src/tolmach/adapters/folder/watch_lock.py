"""One program watches a folder: a lock that leaves nothing in it and ends with the process, however that ends."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Self

from tolmach.adapters.folder.faults import CANNOT_KEEP, WATCHED_ALREADY, WatchRefused, watch_trouble
from tolmach.adapters.folder.inner_folders import real_place

_HELD = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})
# Network drives may refuse locks on folders; then a file of ours stands for the folder, on this machine at least.
_NO_LOCKS = frozenset(
    {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, getattr(errno, "ENOTSUP", -1)}
)


class WatchLock:
    """Keeps a watched folder for one program; as a context manager it is taken and given back.

    The folder itself is locked where the system can do that, else a file in the system's folder for temporary files
    that is named after the folder's real place.
    """

    def __init__(self, folder: Path) -> None:
        """Prepare without locking."""
        self._folder = folder
        self._descriptor: int | None = None

    def take(self) -> None:
        """Keep the folder from now on.

        Raises `WatchRefused` when another has it, or nobody could keep it; `WatchTrouble` when it is not there, is no
        folder, or may not be read.
        """
        if self._descriptor is not None:
            return
        try:
            real = real_place(self._folder)
        except OSError as error:
            raise watch_trouble(self._folder, error) from error
        self._descriptor = self._locked(real)

    def release(self) -> None:
        """Give the folder back; may be repeated."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            # Not by closing alone: a program that is just being started may have a copy of the descriptor.
            with suppress(OSError):
                _unlock(descriptor)
            os.close(descriptor)

    def _locked(self, real: Path) -> int:
        descriptor = None if os.name == "nt" else self._try_folder(real)
        if descriptor is None:
            name = hashlib.sha256(os.fsencode(os.path.normcase(real))).hexdigest()[:32]
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            place = Path(tempfile.gettempdir()) / f"tolmach-watch-{name}.lock"
            try:
                descriptor = self._try(place, flags)
            except OSError as error:
                raise self._cannot_keep(error) from error
        if descriptor is None:
            raise WatchRefused(CANNOT_KEEP, folder=self._folder, why=os.strerror(errno.ENOLCK))
        return descriptor

    def _try_folder(self, real: Path) -> int | None:
        """Lock the folder itself; where it cannot be opened now, that may be otherwise later."""
        try:
            return self._try(real, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        except OSError as error:
            raise watch_trouble(self._folder, error) from error

    def _try(self, path: Path, flags: int) -> int | None:
        """Lock a folder or file and give its descriptor; None where the file system knows no locks.

        Raises `OSError` where it cannot be opened.
        """
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            if error.errno in _HELD:
                raise WatchRefused(WATCHED_ALREADY, folder=self._folder) from error
            if error.errno in _NO_LOCKS:
                return None
            raise self._cannot_keep(error) from error
        return descriptor

    def _cannot_keep(self, error: OSError) -> WatchRefused:
        return WatchRefused(CANNOT_KEEP, folder=self._folder, why=error.strerror or str(error))

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
