"""Finding files: named ones as they are, folders from top to bottom, in the order of their names."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tolmach.adapters.folder.faults import mapped
from tolmach.base import TolmachError

# What tolmach itself leaves beside files; never taken for input.
ORIGINAL_SUFFIX = ".tolmach-original"
RECORD_SUFFIX = ".tolmach-undo.json"
PART_SUFFIX = ".tolmach-part"
OWN_SUFFIXES = (ORIGINAL_SUFFIX, RECORD_SUFFIX, PART_SUFFIX)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to look at, and where it stands below the path a person named."""

    path: Path
    relative: Path


def walk(paths: Sequence[Path], leave_out: Path | None = None) -> Iterator[FoundFile | TolmachError]:
    """Give the files of the paths; what cannot be listed comes as an error in its place, and the walk goes on.

    Links to folders are not followed, so that a loop cannot hold the walk; `leave_out` is a folder that is not entered.
    A path that was named twice is walked once.
    """
    for path in dict.fromkeys(paths):
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except OSError as error:
            yield mapped(error, path)
            continue
        if is_folder:
            yield from _folder(path, leave_out, _is_input)
        else:
            yield FoundFile(path, Path(path.name))


def walk_fixed(paths: Sequence[Path]) -> Iterator[FoundFile | TolmachError]:
    """Give the files fixed in place below the folders, known by their kept originals, and every file that was named.

    A file that is gone is given too: its original may still be there.
    """
    for path in dict.fromkeys(paths):
        if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where nobody may look
            yield FoundFile(path, Path(path.name))
            continue
        for one in _folder(path, None, _is_original):
            if isinstance(one, FoundFile):
                one = FoundFile(_without_suffix(one.path), _without_suffix(one.relative))
            yield one


def _is_input(name: str) -> bool:
    return not name.endswith(OWN_SUFFIXES)


def _is_original(name: str) -> bool:
    return name.endswith(ORIGINAL_SUFFIX) and name != ORIGINAL_SUFFIX


def _without_suffix(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(ORIGINAL_SUFFIX))


def _folder(top: Path, leave_out: Path | None, is_wanted: Callable[[str], bool]) -> Iterator[FoundFile | TolmachError]:
    # An explicit stack: folders may be nested deeper than Python may recurse.
    pending = [top]
    while pending:
        folder = pending.pop()
        if leave_out is not None and _is_same(folder, leave_out):
            continue
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield mapped(error, folder)
            continue
        folders = []
        for entry in entries:
            path = folder / entry.name
            kind = _kind(entry)
            if kind == "folder":
                folders.append(path)
            elif kind == "file" and is_wanted(entry.name):
                yield FoundFile(path, path.relative_to(top))
        pending.extend(reversed(folders))


def _kind(entry: os.DirEntry[str]) -> Literal["folder", "link to a folder", "file"]:
    """Tell what an entry is; one that cannot be looked at counts as a file, and opening it says why."""
    try:
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        return "link to a folder" if entry.is_symlink() and entry.is_dir() else "file"
    except OSError:
        return "file"


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
