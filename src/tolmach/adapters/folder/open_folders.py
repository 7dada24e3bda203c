"""Open folders: steps inside them that nobody can lead astray by putting a link in the way.

POSIX systems know folders by descriptor, and every step is taken from the folder that is open. Windows does not; there
the real place of each folder is compared with that of the first before it is used.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import FileIO
from pathlib import Path
from typing import Protocol

from tolmach.adapters.folder.writing import sync_folder

_BLOCK = 1 << 20
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
_FLAGS = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class OpenFolder(Protocol):
    """A folder that is open; its methods raise `OSError`."""

    def inner(self, name: str) -> AbstractContextManager[OpenFolder]:
        """Open a folder inside, made durable first where it is missing; never follows a link."""
        ...

    def names(self) -> Iterable[str]:
        """Give the names in the folder."""
        ...

    def create(self, name: str) -> FileIO:
        """Make a new file."""
        ...

    def take(self, other: OpenFolder, name: str, own_name: str) -> None:
        """Give a file of another folder a name here; `FileExistsError` where something has it."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file."""
        ...

    def sha256_of(self, name: str) -> str:
        """Give the checksum of a file's bytes, or "" of anything that is no file; `FileNotFoundError` of nothing."""
        ...

    def modified(self, name: str) -> float:
        """Give when a file was written last, in seconds of the file system's own clock."""
        ...

    def sync(self) -> None:
        """Make the names in the folder durable."""
        ...


@contextmanager
def open_folder(path: Path) -> Iterator[OpenFolder]:
    """Open a folder a person named; a link there is followed."""
    if os.open not in os.supports_dir_fd or os.name == "nt":
        yield _FolderByPath(path, path.resolve(strict=True))
        return
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        yield _FolderByDescriptor(descriptor)
    finally:
        os.close(descriptor)


class _FolderByDescriptor:
    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @contextmanager
    def inner(self, name: str) -> Iterator[OpenFolder]:
        try:
            descriptor = os.open(name, os.O_RDONLY | _FLAGS, dir_fd=self.descriptor)
        except FileNotFoundError:
            try:
                os.mkdir(name, dir_fd=self.descriptor)
                os.fsync(self.descriptor)
            except FileExistsError:  # somebody else was quicker
                pass
            descriptor = os.open(name, os.O_RDONLY | _FLAGS, dir_fd=self.descriptor)
        try:
            yield _FolderByDescriptor(descriptor)
        finally:
            os.close(descriptor)

    def names(self) -> Iterable[str]:
        with os.scandir(self.descriptor) as entries:
            for entry in entries:
                yield entry.name

    def create(self, name: str) -> FileIO:
        return FileIO(os.open(name, _NEW, 0o666, dir_fd=self.descriptor), "wb")

    def take(self, other: OpenFolder, name: str, own_name: str) -> None:
        assert isinstance(other, _FolderByDescriptor)
        try:
            os.link(name, own_name, src_dir_fd=other.descriptor, dst_dir_fd=self.descriptor, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # Memory cards and some network drives know no links; there only a program that writes the same name in the
            # same moment could be overwritten.
            if self._is_there(own_name):
                raise FileExistsError(own_name) from error
            os.rename(name, own_name, src_dir_fd=other.descriptor, dst_dir_fd=self.descriptor)

    def _is_there(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def remove(self, name: str) -> None:
        os.unlink(name, dir_fd=self.descriptor)

    def sha256_of(self, name: str) -> str:
        try:
            descriptor = os.open(name, _READ, dir_fd=self.descriptor)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                return ""
            raise
        try:
            return _sha256_of(FileIO(descriptor))
        except IsADirectoryError:  # which closes nothing
            os.close(descriptor)
            return ""

    def modified(self, name: str) -> float:
        return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_mtime

    def sync(self) -> None:
        os.fsync(self.descriptor)


class _FolderByPath:
    def __init__(self, path: Path, root: Path) -> None:
        self.path, self.root = path, root

    @contextmanager
    def inner(self, name: str) -> Iterator[OpenFolder]:
        path = self.path / name
        path.mkdir(exist_ok=True)
        if not path.is_dir() or path.is_symlink() or not path.resolve().is_relative_to(self.root):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        yield _FolderByPath(path, self.root)

    def names(self) -> Iterable[str]:
        return [path.name for path in self.path.iterdir()]

    def create(self, name: str) -> FileIO:
        return FileIO(os.open(self.path / name, _NEW, 0o666), "wb")

    def take(self, other: OpenFolder, name: str, own_name: str) -> None:
        assert isinstance(other, _FolderByPath)
        target = self.path / own_name
        if os.name != "nt" and os.path.lexists(target):
            raise FileExistsError(own_name)
        (other.path / name).rename(target)  # Windows itself refuses where something has the name

    def remove(self, name: str) -> None:
        (self.path / name).unlink()

    def sha256_of(self, name: str) -> str:
        path = self.path / name
        is_other = path.is_dir() or path.is_symlink()
        return "" if is_other else _sha256_of(FileIO(path))

    def modified(self, name: str) -> float:
        return (self.path / name).lstat().st_mtime

    def sync(self) -> None:
        sync_folder(self.path)


def _sha256_of(file: FileIO) -> str:
    digest = hashlib.sha256()
    with file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
