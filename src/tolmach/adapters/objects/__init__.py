"""The bytes themselves: content-addressed files that are never overwritten."""

from tolmach.adapters.objects.faults import StoreUnusable, TooLarge
from tolmach.adapters.objects.folder_store import FolderStore

__all__ = ["FolderStore", "StoreUnusable", "TooLarge"]
