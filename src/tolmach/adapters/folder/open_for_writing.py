"""Whether anybody has a file open for writing, as far as the system tells.

Both ways ask for a moment to be told of writers, and give that up at once: no other program may ever be kept from its
file. Elsewhere, on network drives and for files of other users nobody can tell, and nothing depends on it.
"""

from __future__ import annotations

import os
import signal
import sys

if sys.platform == "linux":
    import fcntl

    def is_being_written(descriptor: int, path: bytes) -> bool | None:  # noqa: ARG001 - the other system needs it
        """Tell whether somebody has the file open for writing; None where the system does not tell.

        The descriptor must be one for reading alone. A read lease is given only while nobody writes.
        """
        try:
            # The notice of a writer who comes in this very moment must not be the signal that ends the process.
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except BlockingIOError:
            return True
        except OSError:
            return None
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError:
            return None
        return False

elif sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _GENERIC_READ, _OPEN_EXISTING = 0x80000000, 3
    _SHARE_ALL_BUT_WRITE = 0x1 | 0x4  # read and delete
    _SHARING_VIOLATION = 32

    def is_being_written(descriptor: int, path: bytes) -> bool | None:  # noqa: ARG001 - the other system needs it
        """Tell whether somebody has the file open for writing; None where the system does not tell.

        Opening with a share mode that admits no writer fails while there is one.
        """
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        create = kernel.CreateFileW
        create.argtypes = (
            *(wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, wintypes.LPVOID),
            *(wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE),
        )
        create.restype = wintypes.HANDLE
        handle = create(os.fsdecode(path), _GENERIC_READ, _SHARE_ALL_BUT_WRITE, None, _OPEN_EXISTING, 0, None)
        if handle == wintypes.HANDLE(-1).value:
            return True if ctypes.get_last_error() == _SHARING_VIOLATION else None
        kernel.CloseHandle(wintypes.HANDLE(handle))
        return False

else:

    def is_being_written(descriptor: int, path: bytes) -> bool | None:  # noqa: ARG001 - others can tell
        """Give None: this system does not tell."""
        return None


def has_holes(descriptor: int, size: int) -> bool:
    """Tell whether parts of the file were never written; False where the system does not tell."""
    seek_hole = getattr(os, "SEEK_HOLE", None)
    if seek_hole is None:
        return False
    try:
        return os.lseek(descriptor, 0, seek_hole) < size
    except OSError:
        return False
