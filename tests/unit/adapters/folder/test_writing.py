"""Writing files: whole or not at all, durable, nothing of anybody else's overwritten."""

import errno
import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tolmach.adapters.folder import FileProblem, FileTrouble, sha256_of, write_file, writing
from tolmach.base import TolmachError

NEW = [b"new " * 1000, memoryview(b"content")]
WHOLE = b"".join(bytes(chunk) for chunk in NEW)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_the_file_is_whole_and_its_sum_is_given(tmp_path: Path) -> None:
    target = tmp_path / "made" / "on the way" / "image.dcm"
    assert write_file(target, NEW) == hashlib.sha256(WHOLE).hexdigest() == sha256_of(target)
    assert target.read_bytes() == WHOLE
    assert listing(target.parent) == ["image.dcm"]


class Killed(BaseException):
    """What Ctrl-C does, at a moment of our choice."""


def interrupted() -> Iterator[bytes]:
    yield b"half of it"
    raise Killed


@pytest.mark.parametrize("replace", [False, True])
def test_what_is_interrupted_leaves_the_old_file_and_nothing_else(tmp_path: Path, replace: bool) -> None:
    target = tmp_path / "image.dcm"
    target.write_bytes(b"old")
    with pytest.raises(Killed):
        write_file(target, interrupted(), replace=replace)
    assert (listing(tmp_path), target.read_bytes()) == (["image.dcm"], b"old")
    with pytest.raises(Killed):
        write_file(tmp_path / "new.dcm", interrupted(), replace=replace)
    assert listing(tmp_path) == ["image.dcm"]


def test_other_content_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "image.dcm"
    target.write_bytes(b"old")
    with pytest.raises(FileProblem, match="TLM-FIL-006"):
        write_file(target, NEW)
    assert (listing(tmp_path), target.read_bytes()) == (["image.dcm"], b"old")


def test_other_content_is_replaced_when_that_was_asked(tmp_path: Path) -> None:
    target = tmp_path / "image.dcm"
    target.write_bytes(b"old")
    write_file(target, NEW, replace=True)
    assert (listing(tmp_path), target.read_bytes()) == (["image.dcm"], WHOLE)


def test_the_same_content_may_be_written_again(tmp_path: Path) -> None:
    target = tmp_path / "image.dcm"
    assert write_file(target, NEW) == write_file(target, NEW)
    assert (listing(tmp_path), target.read_bytes()) == (["image.dcm"], WHOLE)


@pytest.mark.parametrize("replace", [False, True])
def test_a_folder_of_that_name_is_an_error_of_ours(tmp_path: Path, replace: bool) -> None:
    (tmp_path / "image.dcm").mkdir()
    with pytest.raises(TolmachError, match="TLM-FIL"):
        write_file(tmp_path / "image.dcm", NEW, replace=replace)
    assert listing(tmp_path) == ["image.dcm"]


def test_a_file_where_the_folder_should_be_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"x")
    for target in (tmp_path / "out" / "image.dcm", tmp_path / "out" / "deep" / "image.dcm"):
        with pytest.raises(TolmachError, match="TLM-FIL"):
            write_file(target, NEW)
    assert (tmp_path / "out").read_bytes() == b"x"


@pytest.mark.parametrize("name", ["Ї" * 120 + ".dcm", "😀" * 60, "x" * 255, "ф" * 127], ids=len)
def test_the_longest_names_can_be_written(tmp_path: Path, name: str) -> None:
    write_file(tmp_path / name, NEW)
    assert listing(tmp_path) == [name]


def test_names_that_are_no_text_can_be_written(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xc8\xe2\xe0\xed\xee\xe2" * 30)
    write_file(tmp_path / name, NEW)
    assert listing(tmp_path) == [name]


def test_a_name_that_is_too_long_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(TolmachError, match="TLM-FIL-005"):
        write_file(tmp_path / ("x" * 256), NEW)
    assert listing(tmp_path) == []


def test_permissions_are_those_of_the_file_it_is_a_copy_of(tmp_path: Path) -> None:
    like = tmp_path / "like"
    like.write_bytes(b"")
    like.chmod(0o440)
    write_file(tmp_path / "image.dcm", NEW, like=like)
    assert stat.S_IMODE((tmp_path / "image.dcm").stat().st_mode) == 0o440


def test_a_link_somebody_laid_under_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    writing.part_of(tmp_path / "image.dcm").symlink_to(tmp_path / "precious")
    write_file(tmp_path / "image.dcm", NEW)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "image.dcm").read_bytes() == WHOLE
    assert not (tmp_path / "image.dcm").is_symlink()


def test_the_bytes_are_synced_before_the_name_and_the_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def watch_fsync(descriptor: int) -> None:
        steps.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        fsync(descriptor)

    def watch_replace(path: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(path, target)

    monkeypatch.setattr(writing.os, "fsync", watch_fsync)
    monkeypatch.setattr(Path, "replace", watch_replace)
    write_file(tmp_path / "image.dcm", NEW)
    assert steps == ["sync file", "rename", "sync folder"]


def test_new_folders_are_made_durable_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[int] = set()
    fsync = os.fsync

    def watch(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(writing.os, "fsync", watch)
    write_file(tmp_path / "a" / "b" / "image.dcm", NEW)
    for folder in (tmp_path, tmp_path / "a", tmp_path / "a" / "b"):
        assert folder.stat().st_ino in synced


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", full)
    with pytest.raises(FileTrouble, match="TLM-FIL-004"):
        write_file(tmp_path / "image.dcm", NEW)
    assert listing(tmp_path) == []


LIMITED = textwrap.dedent(
    """
    import resource, signal, sys
    from pathlib import Path
    from tolmach.adapters.folder import write_file
    from tolmach.base import TolmachError
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000))
    try:
        write_file(Path(sys.argv[1]), (b"x" * 1_000_000 for _ in range(10)), replace=True)
    except TolmachError as error:
        print(error.code)
    """
)


def test_a_quota_met_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "image.dcm"
    target.write_bytes(b"old")
    ran = subprocess.run([sys.executable, "-c", LIMITED, str(target)], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "TLM-FIL-005\n", "")
    assert (listing(tmp_path), target.read_bytes()) == (["image.dcm"], b"old")


def test_short_writes_of_the_system_are_gone_on_with(tmp_path: Path) -> None:
    # The kernel takes less than asked at a limit; a signal or a network drive does the same.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    target = tmp_path / "image.dcm"
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
        with pytest.raises(FileTrouble):
            write_file(target, [b"x" * 5000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert listing(tmp_path) == []


def test_two_long_names_that_begin_alike_are_written_at_once(tmp_path: Path) -> None:
    """As in `fix --in-place` of files named after their UIDs: the file, and the record beside it."""
    name = "1.2.826.0.1.3680043.9.7.1.20261122.123456.dcm"
    one, other = tmp_path / name, tmp_path / f"{name}.tolmach-undo.json"
    with writing.PendingFile(one, [b"one"]) as first, writing.PendingFile(other, [b"other"]) as second:
        second.commit()
        first.commit()
    assert (one.read_bytes(), other.read_bytes()) == (b"one", b"other")
