"""Opening the store the configuration names: a folder, or a bucket; what a bucket needs is loaded only then."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tolmach.adapters.objects.faults import NO_KEYS, NO_OBSTORE, StoreUnusable
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.objects.s3_address import FOLDER, Keys, S3Address, parse_address
from tolmach.intake.faults import StoreTrouble
from tolmach.intake.interfaces import ObjectInventory, ObjectStore

log = logging.getLogger(__name__)


class Objects(ObjectStore, ObjectInventory, Protocol):
    """A whole store: for taking and giving, for checking, and for the purge."""

    def remove(self, sha256: str) -> None:
        """Remove a stored object, for the purge alone; nothing happens where there is none. Raises `StoreTrouble`."""
        ...

    def expect(self, sha256s: Sequence[str]) -> None:
        """Know which objects will be opened next, each once and in that order; returns at once. For one thread."""
        ...


def open_store(where: str, data_dir: Path, keys: Keys | None = None, *, sync: bool = True) -> Objects:
    """Give the store at `where`: "folder", in `data_dir`, or a bucket, as `parse_address` understands it.

    A bucket is asked whether it can be used. Raises `StoreUnusable` when only a person can change what is wrong, and
    `StoreTrouble` when the folder cannot be used; a server that does not answer just now is no reason not to begin.
    """
    if where == FOLDER:
        return FolderStore(data_dir, sync=sync)
    return _open_bucket(parse_address(where), data_dir, keys)


def _open_bucket(address: S3Address, data_dir: Path, keys: Keys | None) -> Objects:
    for name in ("access_key_id", "secret_access_key"):
        if keys is None or not getattr(keys, name):
            raise StoreUnusable(NO_KEYS, address=address, name=f"AWS_{name.upper()}")
    assert keys is not None
    try:
        from tolmach.adapters.objects.s3_store import S3Store
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "obstore":
            raise
        raise StoreUnusable(NO_OBSTORE) from error
    store = S3Store(address, keys, data_dir)
    try:
        store.require_usable()
    except StoreTrouble as error:
        log.warning("%s", error)
    return store
