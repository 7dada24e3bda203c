"""The tree of folders in which stored files stand: `aa/bb/<sha256>.dcm`, 65,536 folders when all are there.

A folder counts as known when this process has made sure that its name is durable: that it is there does not prove it,
for the process that made it may have died before it synced the folder around it.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tolmach.adapters.folder.writing import sync_folder
from tolmach.adapters.objects.faults import unsynced

SUFFIX = ".dcm"
_HEX_PAIRS = tuple(f"{number:02x}" for number in range(256))
_SHA256 = re.compile(r"[0-9a-f]{64}")

_UNKNOWN, _KNOWN, _DOUBTFUL = 0, 1, 2


class Shards:
    """The folders below `objects`; any thread may call. Errors of the system come out as they are."""

    def __init__(self, root: Path, *, sync: bool = True) -> None:
        """Use the folders below `root`, which is there; without `sync` nothing is durable (for tests of the tests)."""
        self.root, self._sync = root, sync
        self._text = os.fspath(root)
        # What is known of the names of the inner folders, and of the outer ones.
        self._inner, self._outer = bytearray(1 << 16), bytearray(1 << 8)

    def path_of(self, sha256: str) -> str:
        """Give where the file of that content stands or would stand; `ValueError` for what is no sha256 in hex."""
        if _SHA256.fullmatch(sha256) is None:
            raise ValueError(f"not a sha256: {sha256!r}")
        return f"{self._text}{os.sep}{sha256[:2]}{os.sep}{sha256[2:4]}{os.sep}{sha256}{SUFFIX}"

    def make_room_for(self, sha256: str) -> None:
        """Let the folder for that content be there; `sync` makes it durable."""
        number = int(sha256[:4], 16)
        if self._inner[number] != _KNOWN:
            outer = f"{self._text}{os.sep}{sha256[:2]}"
            if self._outer[number >> 8] != _KNOWN:
                make_private(outer)
            make_private(f"{outer}{os.sep}{sha256[2:4]}")

    def sync(self, sha256: str) -> None:
        """Make the names in that content's folder durable, and the folder's own; `StoreTrouble` when that failed."""
        if not self._sync:
            return
        # Texts, for each Path costs as much as a system call, and somebody waits for an acknowledgement.
        outer, number = f"{self._text}{os.sep}{sha256[:2]}", int(sha256[:4], 16)
        inner = f"{outer}{os.sep}{sha256[2:4]}"
        self._sync_into(self._inner, number, (inner,), (inner, outer))
        self._sync_into(self._outer, number >> 8, (), (self._text,))

    def _sync_into(self, states: bytearray, number: int, always: Sequence[str], at_first: Sequence[str]) -> None:
        state = states[number]
        for folder in always if state == _KNOWN else at_first:
            try:
                if state == _DOUBTFUL:
                    _stir(folder)
                sync_folder(folder)
            except OSError as error:
                states[number] = _DOUBTFUL
                raise unsynced(error, folder) from error
        states[number] = _KNOWN

    def forget(self, sha256: str) -> None:
        """Do not take that content's folder for granted any more: somebody may have removed it."""
        number = int(sha256[:4], 16)
        self._inner[number], self._outer[number >> 8] = _UNKNOWN, _UNKNOWN

    def walk(self) -> Iterator[str]:
        """Give the sha256 of every file, in rising order; other files are passed over."""
        for outer in _HEX_PAIRS:
            for inner in _names(Path(self._text, outer)):
                if inner in _HEX_PAIRS:
                    yield from self._stored_in(outer, inner)

    def _stored_in(self, outer: str, inner: str) -> Iterator[str]:
        for name in _names(Path(self._text, outer, inner)):
            sha256 = name.removesuffix(SUFFIX)
            if name != sha256 and sha256.startswith(outer + inner) and _SHA256.fullmatch(sha256):
                yield sha256


def make_private(folder: str) -> bool:
    """Let a folder be there that nobody else may enter, whatever the umask; True when it was made now."""
    try:
        os.mkdir(folder, 0o700)  # noqa: PTH102 - the path is a text already
    except FileExistsError:
        if not os.path.isdir(folder):  # noqa: PTH112 - likewise
            raise
        return False
    os.chmod(folder, 0o700)  # noqa: PTH101 - likewise
    return True


def make_durable(folder: Path, *, sync: bool) -> None:
    """Let a private folder and those around it be there, each name durable; those around keep the usual rights."""
    missing = []
    around = folder.parent
    while not around.exists():
        missing.append(around)
        around = around.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        if sync:
            sync_folder(one.parent)
    make_private(os.fspath(folder))
    if sync:  # also when it was there: whoever made it may have died before
        sync_folder(folder.parent)


def _stir(folder: str) -> None:
    """Change a folder whose sync has failed, so that the next sync writes it again and cannot succeed by forgetting."""
    handle, name = tempfile.mkstemp(dir=folder)
    os.close(handle)
    Path(name).unlink()


def _names(folder: Path) -> list[str]:
    """Give the names in a folder in order; none when it is not there."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries)
    return []
