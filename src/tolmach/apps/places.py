"""Which folders lie in which: what tolmach writes must never be what it watches."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tolmach.apps.faults import BAD_CONFIGURATION, BadConfiguration
from tolmach.apps.sections import Settings
from tolmach.base import N_, Phrase

_IN_WATCHED = N_("{path} lies in the folder watched by {watch}, which would take its own results for new files")
_AROUND_WATCHED = N_("{path} lies around the folder watched by {watch}, which could take its own results for new files")
_WATCHED_TWICE = N_("{path} is watched by {watch} already, and every file would be taken twice")


@dataclass(frozen=True, slots=True)
class _Output:
    """A folder that is written to, and the setting it comes from."""

    where: str
    path: Path


def require_apart(settings: Settings, file: Path | None) -> None:
    """Require that no watched folder is in another, and none is where tolmach writes; raises `BadConfiguration`.

    Links are followed, and folders that are there are also known by their number, whatever they are called. What is not
    there yet goes by its name. Safe to repeat.
    """
    watches = list(settings.watch)
    for number, watch in enumerate(watches):
        where = f"watch {watch.name}: folder"
        for other in watches[:number]:
            inside = other.recursive and _lies_in(watch.folder, other.folder)
            around = watch.recursive and _lies_in(other.folder, watch.folder)
            if inside or around or _is_same(watch.folder, other.folder):
                raise _wrong(file, where, Phrase(_WATCHED_TWICE, {"path": watch.folder, "watch": other.name}))
    for output in _outputs(settings):
        for watch in watches:
            facts = {"path": output.path, "watch": watch.name}
            if _is_same(output.path, watch.folder) or (watch.recursive and _lies_in(output.path, watch.folder)):
                raise _wrong(file, output.where, Phrase(_IN_WATCHED, facts))
            if _lies_in(watch.folder, output.path):
                raise _wrong(file, output.where, Phrase(_AROUND_WATCHED, facts))


def _outputs(settings: Settings) -> Iterator[_Output]:
    yield _Output("data_dir", settings.data_dir)
    if settings.storage.folder is not None:
        yield _Output("storage: folder", settings.storage.folder)
    for peer in settings.peer:
        if peer.folder is not None:
            yield _Output(f"peer {peer.name}: folder", peer.folder)
    for watch in settings.watch:
        if watch.export_folder is not None:
            yield _Output(f"watch {watch.name}: export_folder", watch.export_folder)
        if watch.move_to is not None:
            yield _Output(f"watch {watch.name}: move_to", watch.move_to)


def _wrong(file: Path | None, where: str, why: Phrase) -> BadConfiguration:
    return BadConfiguration(BAD_CONFIGURATION, file=file or "TOLMACH_…", where=where, why=why)


def _is_same(one: Path, other: Path) -> bool:
    return bool(_names(one) & _names(other))


def _lies_in(inner: Path, outer: Path) -> bool:
    """Tell whether a folder lies somewhere below another."""
    around = _names(outer)
    return any(_names(parent) & around for parent in Path(os.path.realpath(inner)).parents)


def _names(folder: Path) -> set[tuple[int, int] | str]:
    """Give what a folder is known by: its real path, and its number where the system gives it one."""
    real = os.path.realpath(folder)
    names: set[tuple[int, int] | str] = {os.path.normcase(real)}
    try:
        status = Path(real).stat()
    except OSError:
        return names
    if status.st_ino:
        names.add((status.st_dev, status.st_ino))
    return names
