"""The bytes themselves: content-addressed files that are never overwritten."""

from tolmach.adapters.objects.backup import Manifest, back_up
from tolmach.adapters.objects.faults import NotABackup, StoreUnusable, TooLarge
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.objects.lock import DataDirLock
from tolmach.adapters.objects.opening import Objects, open_store
from tolmach.adapters.objects.restore import Restored, check_backup, replace_database, require_finished, restore
from tolmach.adapters.objects.s3_address import Keys, S3Address, parse_address

__all__ = [
    "DataDirLock",
    "FolderStore",
    "Keys",
    "Manifest",
    "NotABackup",
    "Objects",
    "Restored",
    "S3Address",
    "StoreUnusable",
    "TooLarge",
    "back_up",
    "check_backup",
    "open_store",
    "parse_address",
    "replace_database",
    "require_finished",
    "restore",
]
