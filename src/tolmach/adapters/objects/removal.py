"""Removing stored files on purpose, for the purge of what was deleted long ago; nothing else may."""

from __future__ import annotations

from tolmach.adapters.objects.opening import Objects


def remove(store: Objects, sha256: str) -> None:
    """Remove a stored file; nothing happens where there is none, so it may be repeated. Raises `StoreTrouble`."""
    store.remove(sha256)
