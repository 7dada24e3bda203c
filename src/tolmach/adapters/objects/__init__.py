"""The bytes themselves: content-addressed files that are never overwritten."""

from tolmach.adapters.objects.backup import Manifest, back_up
from tolmach.adapters.objects.faults import NotABackup, StoreUnusable, TooLarge
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.objects.lock import DataDirLock
from tolmach.adapters.objects.restore import Restored, check_backup, replace_database, require_finished, restore

__all__ = [
    "DataDirLock",
    "FolderStore",
    "Manifest",
    "NotABackup",
    "Restored",
    "StoreUnusable",
    "TooLarge",
    "back_up",
    "check_backup",
    "replace_database",
    "require_finished",
    "restore",
]
