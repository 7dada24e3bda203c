"""What the settings say of where things are held: which records, which store, and who this node is."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tolmach.adapters.objects.opening import Objects
    from tolmach.adapters.objects.s3_address import Keys
    from tolmach.adapters.sql import Records
    from tolmach.adapters.sql.dialect import Synchronous
    from tolmach.apps.sections import Settings


def records_by(settings: Settings, synchronous: Synchronous = "FULL", *, create: bool = True) -> Records:
    """Open the records the settings name; raises as `open_records`."""
    from tolmach.adapters.sql import open_records

    return open_records(
        settings.data_dir,
        synchronous,
        create=create,
        versions=settings.archive.versions,
        database=settings.database,
    )


def store_by(settings: Settings, environment: Mapping[str, str], *, sync: bool = True) -> Objects:
    """Give the store the settings name, with the keys the environment gives; raises as `open_store`.

    In a folder that several nodes share each spools in a folder of its own there, on the same file system.
    """
    from tolmach.adapters.objects.folder_store import FolderStore
    from tolmach.adapters.objects.opening import open_store

    shared = settings.storage.folder
    if shared is None:
        return open_store(settings.objects, settings.data_dir, keys_from(environment), sync=sync)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FolderStore(shared, sync=sync, spool=spool_name(settings.data_dir))


def keys_from(environment: Mapping[str, str]) -> Keys:
    """Give what the environment says of keys, under the names all programs for S3 know; empty where it says nothing."""
    from tolmach.adapters.objects.s3_address import Keys

    return Keys(
        environment.get("AWS_ACCESS_KEY_ID", "").strip(),
        environment.get("AWS_SECRET_ACCESS_KEY", "").strip(),
        environment.get("AWS_SESSION_TOKEN", "").strip(),
    )


def place_of(data_dir: Path) -> str:
    """Give what tells nodes apart that may run at the same time: each has locked a data folder of its own."""
    return f"{socket.gethostname()}:{os.path.realpath(data_dir)}"


def spool_name(data_dir: Path) -> str:
    """Give the name of a node's spool in a shared folder, the same after each restart."""
    digest = hashlib.sha256(place_of(data_dir).encode("utf-8", "surrogateescape")).hexdigest()
    return f"node-{digest[:16]}"
