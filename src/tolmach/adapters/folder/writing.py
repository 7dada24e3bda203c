"""Writing files so that nothing is ever half there: a temporary file beside the target, synced, then renamed.

A file that exists appears under its name whole or not at all; the folder is synced, so that the name survives a power
cut too. What was begun and not finished is removed, also on Ctrl-C.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from tolmach.adapters.folder.faults import ALREADY_THERE, FileProblem, mapped
from tolmach.adapters.folder.walking import PART_SUFFIX

_BLOCK = 1 << 20


class PendingFile:
    """A file written whole under a temporary name, waiting for its own; gone at the end unless it was committed."""

    def __init__(self, path: Path, chunks: Iterable[memoryview | bytes], like: Path | None = None) -> None:
        """Write and sync the bytes beside `path`; `like` lends its permissions. `sha256` is that of the bytes."""
        self.path = path
        self._part = path.with_name(f".{path.name[:100]}.{os.getpid()}{PART_SUFFIX}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.sha256 = _write(self._part, chunks)
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
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def write_file(
    path: Path, chunks: Iterable[memoryview | bytes], *, replace: bool = False, like: Path | None = None
) -> str:
    """Make the file complete and durable under its name; gives the sha256 of its bytes.

    A file with the same content may stand there already; one with other content is replaced only when `replace` says
    so, else `FileProblem` is raised. Safe to repeat.
    """
    with PendingFile(path, chunks, like) as pending:
        if not replace and path.exists():
            if sha256_of(path) != pending.sha256:
                raise FileProblem(ALREADY_THERE, path=path)
        else:
            pending.commit()
        return pending.sha256


def _write(part: Path, chunks: Iterable[memoryview | bytes]) -> str:
    digest = hashlib.sha256()
    with part.open("wb", buffering=0) as file:
        for chunk in chunks:
            digest.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[file.write(view) :]
        os.fsync(file.fileno())
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
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
