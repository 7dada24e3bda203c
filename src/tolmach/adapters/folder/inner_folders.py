"""Folders inside a watched one, opened one in another: no link on the way is followed, whoever puts it there.

POSIX systems know folders by descriptor. Windows does not; there the real place of a folder is compared with the root's
before it is used.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tolmach.adapters.folder.writing import sync_folder

_FOLDER = (
    os.O_RDONLY
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)

Identity = tuple[int, int]  # device and inode


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a folder, by its raw name; links and devices are "other"."""

    name: bytes
    kind: Literal["file", "folder", "other"]
    _entry: os.DirEntry[str]

    def status(self) -> os.stat_result:
        """Ask the system; raises `OSError`."""
        if os.name == "nt":
            return Path(self._entry.path).lstat()  # what the listing says there has no inode
        return self._entry.stat(follow_symlinks=False)


class InnerFolder(Protocol):
    """A folder that is open; names are raw, methods raise `OSError`, links are never followed."""

    @property
    def identity(self) -> Identity:
        """Which folder it is."""
        ...

    def entries(self) -> Iterator[Entry]:
        """Give what is in the folder, one after another."""
        ...

    def inner(self, name: bytes) -> InnerFolder:
        """Open a folder inside, to be closed."""
        ...

    def make(self, name: bytes) -> InnerFolder:
        """Open a folder inside, made durable first where it is missing."""
        ...

    def status(self, name: bytes) -> os.stat_result:
        """Ask what has that name."""
        ...

    def open(self, name: bytes) -> int:
        """Open a file for reading, without waiting, and give its descriptor."""
        ...

    def create(self, name: bytes) -> int:
        """Make a new file and give its descriptor."""
        ...

    def set_aside(self, name: bytes, own: bytes) -> None:
        """Give a file another name of ours in the same folder."""
        ...

    def give(self, own: bytes, target: InnerFolder, name: bytes) -> None:
        """Give a file of ours its name in a folder of the same file system; `FileExistsError` where that is taken.

        The new name is durable before the old one goes.
        """
        ...

    def remove(self, name: bytes) -> None:
        """Remove a file."""
        ...

    def sync(self) -> None:
        """Make the names in the folder durable."""
        ...

    def close(self) -> None:
        """Close the folder."""
        ...


def open_root(path: Path) -> InnerFolder:
    """Open a folder, which must not be a link itself; raises `OSError`."""
    if os.open not in os.supports_dir_fd or os.name == "nt":
        return _ByPath(path, path.resolve(strict=True))
    return _ByDescriptor(os.open(path, _FOLDER))


def real_place(folder: Path) -> Path:
    """Give where a folder really is, whatever links lead there; raises `OSError`, also for links in a circle."""
    return Path(os.path.realpath(folder, strict=True))


@contextmanager
def way_to(root: Path, names: list[bytes], *, make: bool = False) -> Iterator[InnerFolder]:
    """Open the folders on the way one in another, and give the last; raises `OSError`."""
    with ExitStack() as stack:
        folder = open_root(root)
        stack.callback(folder.close)
        for name in names:
            folder = folder.make(name) if make else folder.inner(name)
            stack.callback(folder.close)
        yield folder


class _ByDescriptor:
    """See `InnerFolder`; for systems that know folders by descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @property
    def identity(self) -> Identity:
        status = os.fstat(self.descriptor)
        return status.st_dev, status.st_ino

    def entries(self) -> Iterator[Entry]:
        with os.scandir(self.descriptor) as found:
            for entry in found:
                yield _entry(entry)

    def inner(self, name: bytes) -> InnerFolder:
        return _ByDescriptor(os.open(name, _FOLDER, dir_fd=self.descriptor))

    def make(self, name: bytes) -> InnerFolder:
        try:
            return self.inner(name)
        except FileNotFoundError:
            with suppress(FileExistsError):  # somebody else was quicker
                os.mkdir(name, dir_fd=self.descriptor)
                os.fsync(self.descriptor)
            return self.inner(name)

    def status(self, name: bytes) -> os.stat_result:
        return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)

    def open(self, name: bytes) -> int:
        return _no_folder(os.open(name, _READ, dir_fd=self.descriptor))

    def create(self, name: bytes) -> int:
        return os.open(name, _NEW, 0o666, dir_fd=self.descriptor)

    def set_aside(self, name: bytes, own: bytes) -> None:
        os.rename(name, own, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def give(self, own: bytes, target: InnerFolder, name: bytes) -> None:
        assert isinstance(target, _ByDescriptor)
        try:
            os.link(own, name, src_dir_fd=self.descriptor, dst_dir_fd=target.descriptor, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # Memory cards and some network drives know no links; there only a program that writes the same name in the
            # same moment could be overwritten.
            with suppress(FileNotFoundError):
                target.status(name)
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
            os.rename(own, name, src_dir_fd=self.descriptor, dst_dir_fd=target.descriptor)
            target.sync()
        else:
            target.sync()
            self.remove(own)

    def remove(self, name: bytes) -> None:
        os.unlink(name, dir_fd=self.descriptor)

    def sync(self) -> None:
        os.fsync(self.descriptor)

    def close(self) -> None:
        os.close(self.descriptor)


class _ByPath:
    """See `InnerFolder`; for Windows."""

    def __init__(self, path: Path, root: Path) -> None:
        self._path, self._root = path, root

    @property
    def identity(self) -> Identity:
        status = self._path.stat()
        return status.st_dev, status.st_ino

    def entries(self) -> Iterator[Entry]:
        with os.scandir(self._path) as found:
            for entry in found:
                yield _entry(entry)

    def inner(self, name: bytes) -> InnerFolder:
        path = self.of(name)
        if not path.is_dir() or path.is_symlink() or not path.resolve().is_relative_to(self._root):
            path.lstat()
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        return _ByPath(path, self._root)

    def make(self, name: bytes) -> InnerFolder:
        self.of(name).mkdir(exist_ok=True)
        return self.inner(name)

    def status(self, name: bytes) -> os.stat_result:
        return self.of(name).lstat()

    def open(self, name: bytes) -> int:
        path = self.of(name)
        descriptor = os.open(path, _READ)
        try:
            seen, opened = path.lstat(), os.fstat(descriptor)
            if (seen.st_dev, seen.st_ino) != (opened.st_dev, opened.st_ino):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def create(self, name: bytes) -> int:
        return os.open(self.of(name), _NEW, 0o666)

    def set_aside(self, name: bytes, own: bytes) -> None:
        self.of(name).rename(self.of(own))

    def give(self, own: bytes, target: InnerFolder, name: bytes) -> None:
        assert isinstance(target, _ByPath)
        path = target.of(name)
        if os.name != "nt" and os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        self.of(own).rename(path)  # Windows itself refuses where something has the name
        target.sync()

    def remove(self, name: bytes) -> None:
        self.of(name).unlink()

    def sync(self) -> None:
        sync_folder(self._path)

    def close(self) -> None:
        """Nothing is open."""

    def of(self, name: bytes) -> Path:
        """Give the path of something in the folder."""
        return self._path / os.fsdecode(name)


def _no_folder(descriptor: int) -> int:
    """Require that what was opened is no folder; a file object made of one would leave it open."""
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return descriptor


def _entry(entry: os.DirEntry[str]) -> Entry:
    kind: Literal["file", "folder", "other"] = "other"
    with suppress(OSError):  # gone since, or nobody may look: the scan passes it, and comes again
        if entry.is_file(follow_symlinks=False):
            kind = "file"
        elif entry.is_dir(follow_symlinks=False) and not _is_junction(entry):
            kind = "folder"
    return Entry(os.fsencode(entry.name), kind, entry)


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Tell whether a folder is a mount point of Windows, which leads elsewhere as a link does."""
    if os.name != "nt":
        return False
    attributes: int = getattr(entry.stat(follow_symlinks=False), "st_file_attributes", 0)
    return bool(attributes & getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0x400))
