"""One tolmach on a folder, and nothing left in it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tolmach.adapters.folder.watch_lock as watch_lock
from tolmach.adapters.folder.faults import WatchRefused
from tolmach.adapters.folder.watch_lock import WatchLock
from tolmach.intake.faults import WatchTrouble

HOLDER = """
import sys
from pathlib import Path
from tolmach.adapters.folder.watch_lock import WatchLock
lock = WatchLock(Path(sys.argv[1]))
lock.take()
print("kept", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    root.mkdir()
    return root


def test_a_second_one_is_refused_under_any_name_of_the_folder_until_the_first_gives_it_back(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(root)
    first = WatchLock(root)
    first.take()
    first.take()  # its own is no other
    for path in (root, tmp_path / "link", root / ".." / "in"):
        with pytest.raises(WatchRefused) as refused:
            WatchLock(path).take()
        assert refused.value.code == "TLM-FIL-026"
    first.release()
    first.release()
    with WatchLock(tmp_path / "link"):
        pass
    assert list(root.iterdir()) == []


def test_another_process_keeps_it_only_as_long_as_it_lives(root: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"kept\n"
        with pytest.raises(WatchRefused):
            WatchLock(root).take()
        holder.kill()
    with WatchLock(root):
        pass


def test_two_folders_are_two_locks(root: Path, tmp_path: Path) -> None:
    with WatchLock(root), WatchLock(tmp_path):
        pass


def test_a_folder_that_cannot_be_opened_is_trouble_and_no_refusal(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "one").symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(tmp_path / "one")  # links in a circle
    for name, code in (("not there", "020"), ("file", "022"), ("one", "022")):
        with pytest.raises(WatchTrouble) as trouble:
            WatchLock(tmp_path / name).take()
        assert trouble.value.code == f"TLM-FIL-{code}"

    def refuse(path: object, *_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    with monkeypatch.context() as patched:  # root may open anything
        patched.setattr(watch_lock.os, "open", refuse)
        with pytest.raises(WatchTrouble) as trouble:
            WatchLock(root).take()
    assert trouble.value.code == "TLM-FIL-021"
    with WatchLock(root):
        pass


@pytest.mark.parametrize("number", [errno.EBADF, errno.EOPNOTSUPP, errno.ENOLCK])
def test_where_folders_cannot_be_locked_a_file_of_ours_stands_for_them(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    real = watch_lock._lock

    def lock(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(watch_lock, "_lock", lock)
    with WatchLock(root):
        with pytest.raises(WatchRefused) as refused:
            WatchLock(root).take()
        assert refused.value.code == "TLM-FIL-026"
        with WatchLock(tmp_path):
            pass
    with WatchLock(root):
        pass
    assert list(root.iterdir()) == []


def test_where_nothing_can_be_locked_nobody_watches(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lock(_: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(watch_lock, "_lock", lock)
    with pytest.raises(WatchRefused) as refused:
        WatchLock(root).take()
    assert refused.value.code == "TLM-FIL-027"
