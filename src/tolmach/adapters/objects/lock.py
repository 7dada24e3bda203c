"""The lock on a data folder: one process serves it, and the system gives it free however that process ends."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

from tolmach.adapters.objects.faults import (
    CANNOT_LOCK,
    IN_USE,
    IN_USE_BY_SOMEBODY,
    StoreUnusable,
    mapped,
)

NAME = "tolmach.lock"
# Windows keeps others from reading locked bytes: far behind the number of the process that stands at the start.
_LOCKED_BYTE = 1 << 20
_HELD = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK})
_MODE = 0o600


class DataDirLock:
    """Keeps a data folder for one process; as a context manager it is taken and given back.

    The file stays when the lock is given back: removing it would let two processes lock two files of one name. What
    counts is the system's lock, which ends with the process, also by `kill -9`.
    """

    def __init__(self, data_dir: Path) -> None:
        """Prepare without locking; the folder must be there when the lock is taken."""
        self._path = data_dir / NAME
        self._descriptor: int | None = None

    def take(self) -> None:
        """Keep the folder from now on; raises `StoreUnusable` when another has it, or when nobody could keep it."""
        with mapped(self._path):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, _MODE)
        try:
            self._lock(descriptor)
            self._require_that_it_holds()
            with mapped(self._path):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the folder back; may be repeated."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            # Not by closing alone: a program that is just being started may have a copy of the descriptor.
            with suppress(OSError):
                _unlock(descriptor)
            os.close(descriptor)

    def holder(self) -> int | None:
        """Give the number of the process that took the lock last, for messages only; None when nobody can tell."""
        with suppress(OSError, ValueError):
            return int(self._path.read_bytes()[:32])
        return None

    def _lock(self, descriptor: int) -> None:
        try:
            _lock_exclusively(descriptor)
        except OSError as error:
            if error.errno not in _HELD:
                why = error.strerror or str(error)
                raise StoreUnusable(CANNOT_LOCK, folder=self._path.parent, why=why) from error
            holder = self.holder()
            if holder is None:
                raise StoreUnusable(IN_USE_BY_SOMEBODY, folder=self._path.parent) from error
            raise StoreUnusable(IN_USE, folder=self._path.parent, pid=holder) from error

    def _require_that_it_holds(self) -> None:
        """Refuse a file system that says yes to everybody: some network and user-space ones do."""
        with mapped(self._path):
            second = os.open(self._path, os.O_RDWR)
        try:
            _lock_exclusively(second)
        except OSError:
            return
        finally:
            os.close(second)
        raise StoreUnusable(CANNOT_LOCK, folder=self._path.parent, why="two locks at once")

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


if sys.platform == "win32":
    import msvcrt

    def _lock_exclusively(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock_exclusively(descriptor: int) -> None:
        # Of the open file, not of the process: a second lock in this process is refused too, and closing some other
        # descriptor of the file does not give it back, as a POSIX record lock would be.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
