"""Removing stored files on purpose, for the purge of what was deleted long ago; nothing else may."""

from __future__ import annotations

from contextlib import suppress

from tolmach.adapters.objects.faults import mapped
from tolmach.adapters.objects.folder_store import FolderStore


def remove(store: FolderStore, sha256: str) -> None:
    """Remove a stored file; nothing happens where there is none, so it may be repeated. Raises `StoreTrouble`."""
    path = store.path_of(sha256)
    with mapped(path), suppress(FileNotFoundError):
        path.unlink()
