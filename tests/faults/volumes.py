"""File systems of our own, small enough to fill and easy to copy as they are at one moment: loop images and tmpfs.

Mounting needs root. Whoever is root and cannot mount all the same gets an error, never a skipped test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
UNMOUNT_SECONDS = 15.0
MAKERS = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f")}


class NoVolume(Exception):
    """A file system cannot be made, mounted or let go of here; the words are the tool's."""


def may_mount() -> bool:
    """Say whether this user is one who mounts: root, be it in a container."""
    return os.geteuid() == 0


def knows_xfs() -> bool:
    """Say whether XFS can be made and mounted here; it is the second file system, and may be missing."""
    made = shutil.which("mkfs.xfs", path=PATH) is not None
    return made and "\txfs\n" in Path("/proc/filesystems").read_text()


def _run(*command: str | Path) -> None:
    program = shutil.which(str(command[0]), path=PATH)
    if program is None:
        raise NoVolume(f"{command[0]} is not installed (Debian: util-linux, e2fsprogs, xfsprogs)")
    ended = subprocess.run(
        [program, *map(str, command[1:])], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise NoVolume(f"{' '.join(map(str, command))}: {(ended.stderr or ended.stdout).strip()}")


class Mounted:
    """Something mounted on `folder` until `close`, which may be repeated and leaves no folder behind."""

    def __init__(self, folder: Path, *mount: str | Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        try:
            _run("mount", *mount, folder)
        except BaseException:
            folder.rmdir()
            raise

    def close(self) -> None:
        """Unmount; who still has files open there is waited for, and then left with a detached mount."""
        deadline = time.monotonic() + UNMOUNT_SECONDS
        while os.path.ismount(self.folder):
            try:
                _run("umount", self.folder)
            except NoVolume:
                if time.monotonic() > deadline:
                    _run("umount", "--lazy", self.folder)
                    raise
                time.sleep(0.05)
        if self.folder.is_dir():
            self.folder.rmdir()


def make_image(file: Path, megabytes: int, kind: str = "ext4", options: Sequence[str] = ()) -> None:
    """Make a sparse image with an empty file system."""
    with file.open("wb") as image:
        image.truncate(megabytes << 20)
    _run(*MAKERS[kind], *options, file)


def mount_image(file: Path, folder: Path, options: str = "") -> Mounted:
    """Mount an image by a loop device that goes with the mount."""
    return Mounted(folder, "-o", ",".join(("loop", *filter(None, (options,)))), file)


def mount_tmpfs(folder: Path, megabytes: int) -> Mounted:
    return Mounted(folder, "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs")


def copy_sparse(source: Path, target: Path) -> None:
    """Copy an image as it is now on its device, which is what a power cut would leave of it."""
    _run("cp", "--sparse=always", "--reflink=never", source, target)


def fill(folder: Path, keep_bytes: int = 0) -> Callable[[], None]:
    """Take all space of the file system but `keep_bytes`; the function given back returns it."""
    file = folder / "filler"
    with file.open("wb", buffering=0) as filler:
        while True:
            status = os.statvfs(folder)
            free = status.f_bavail * status.f_frsize - keep_bytes
            if free <= 0:
                break
            try:
                os.posix_fallocate(filler.fileno(), filler.seek(0, os.SEEK_END), min(free, 1 << 20))
            except OSError:
                break
    return file.unlink


def fill_inodes(folder: Path) -> Callable[[], None]:
    """Take every inode; the function given back returns them."""
    taken = folder / "inodes"
    taken.mkdir(exist_ok=True)
    number = 0
    while True:
        try:
            (taken / str(number)).touch()
        except OSError:
            break
        number += 1
    return lambda: shutil.rmtree(taken)
