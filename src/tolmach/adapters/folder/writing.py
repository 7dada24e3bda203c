"""Writing files so that nothing is ever half there: a temporary file beside the target, synced, then renamed.

A file that exists appears under its name whole or not at all; the folder is synced, so that the name survives a power
cut too. What was begun and not finished is removed, also on Ctrl-C.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

from tolmach.adapters.folder.faults import ALREADY_THERE, NO_SUCH_FOLDER, NOT_A_FOLDER, FileProblem, mapped
from tolmach.adapters.folder.walking import PART_SUFFIX

_BLOCK = 1 << 20


class PendingFile:
    """A file written whole under a temporary name, waiting for its own; gone at the end unless it was committed."""

    def __init__(
        self, path: Path, chunks: Iterable[memoryview | bytes], like: Path | None = None, *, is_private: bool = False
    ) -> None:
        """Write and sync the bytes beside `path`; `like` lends its permissions. `sha256` is that of the bytes.

        What is private can be read by its owner alone from the first byte on.
        """
        self.path = path
        self._part = part_of(path)
        try:
            _make_folder(path.parent)
            self.sha256 = _write(self._part, chunks, 0o600 if is_private else 0o666)
            if like is not None:
                shutil.copymode(like, self._part)
        except OSError as error:
            self.discard()
            raise mapped(error, path) from error
        except BaseException:
            self.discard()
            raise

    def commit(self) -> None:
        """Give the file its name, in place of what bears it now, and make the name durable."""
        try:
            self._part.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise mapped(error, self.path) from error

    def discard(self) -> None:
        """Remove what was not committed; nothing happens after `commit`."""
        with suppress(OSError):  # where it could not be made it cannot be removed; the error that matters is told
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def write_file(
    path: Path,
    chunks: Iterable[memoryview | bytes],
    *,
    replace: bool = False,
    like: Path | None = None,
    is_private: bool = False,
) -> str:
    """Make the file complete and durable under its name; gives the sha256 of its bytes.

    What is private can be read by its owner alone from the first byte on.

    A file with the same content may stand there already; one with other content is replaced only when `replace` says
    so, else `FileProblem` is raised. Safe to repeat.
    """
    with PendingFile(path, chunks, like, is_private=is_private) as pending:
        if replace or not _stands_already(path, pending.sha256):
            pending.commit()
        return pending.sha256


def _stands_already(path: Path, sha256: str) -> bool:
    """Tell whether the file is there with that content; raises `FileProblem` when it has another."""
    try:
        if not path.exists():
            return False
        if path.is_file() and sha256_of(path) == sha256:
            return True
    except OSError as error:
        raise mapped(error, path) from error
    raise FileProblem(ALREADY_THERE, path=path)


def part_of(path: Path) -> Path:
    """Give the name under which a file is written before it gets its own; as long as any file system allows.

    Long names may begin alike, as those made of UIDs do: a sum of the whole name keeps them apart.
    """
    own = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]
    return path.with_name(f".{path.name[:32]}.{own}.{os.getpid()}-{threading.get_ident()}{PART_SUFFIX}")


def _make_folder(folder: Path) -> None:
    """Make a folder and those around it, each name durable."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    if not folder.is_dir():
        raise FileProblem(NOT_A_FOLDER, path=folder)
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)


def write_private(path: Path, chunks: Iterable[memoryview | bytes]) -> str:
    """Make a file that its owner alone may read, in place of what bears the name; gives the sha256 of its bytes.

    For what holds patients' data and is written where somebody says. Its folder must be there: a name that is mistyped
    must not make one. Raises `FileProblem`, `FileTrouble`. Safe to repeat.
    """
    if not path.parent.is_dir():
        raise FileProblem(NO_SUCH_FOLDER, path=path, folder=path.parent)
    with PendingFile(path, chunks, is_private=True) as pending:
        pending.commit()
        return pending.sha256


def _write(part: Path, chunks: Iterable[memoryview | bytes], mode: int) -> str:
    digest = hashlib.sha256()
    part.unlink(missing_ok=True)  # left by a process that was killed and had our number
    with open(part, "xb", buffering=0, opener=lambda name, flags: os.open(name, flags, mode)) as file:
        for chunk in chunks:
            digest.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[file.write(view) :]
        os.fsync(file.fileno())
    return digest.hexdigest()


def sync_folder(folder: Path | str) -> None:
    """Make the names in a folder durable. Windows keeps them with the file and cannot sync a folder."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Give the sha256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
