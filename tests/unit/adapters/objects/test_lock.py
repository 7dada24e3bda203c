"""The lock on a data folder: one process at a time, free again however that one ended."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tolmach.adapters.objects import DataDirLock, StoreUnusable, lock

HOLD = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from tolmach.adapters.objects import DataDirLock
    with DataDirLock(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
    """
)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Give another process that holds the lock."""
    program = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_is_refused_and_told_who_is_there(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    """M-09."""
    with pytest.raises(StoreUnusable, match=rf"TLM-OBJ-010: .*process {other.pid}\b"):
        DataDirLock(tmp_path).take()
    assert DataDirLock(tmp_path).holder() == other.pid


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_ends_with_its_process(tmp_path: Path, other: subprocess.Popen[str], number: signal.Signals) -> None:
    """M-09: also where it was killed."""
    other.send_signal(number)
    other.wait(30)
    with DataDirLock(tmp_path) as mine:
        assert mine.holder() == os.getpid()


def test_it_is_refused_in_the_same_process_too_and_given_back(tmp_path: Path) -> None:
    with DataDirLock(tmp_path), pytest.raises(StoreUnusable, match="TLM-OBJ-010"):
        DataDirLock(tmp_path).take()
    again = DataDirLock(tmp_path)
    again.take()
    again.release()
    again.release()
    with DataDirLock(tmp_path) as third:
        assert third.holder() == os.getpid()


def test_programs_we_start_do_not_keep_it(tmp_path: Path) -> None:
    with DataDirLock(tmp_path):
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False
        )
    try:
        with DataDirLock(tmp_path):
            assert child.poll() is None
    finally:
        child.kill()
        child.communicate()


def test_a_number_that_is_none_is_not_told(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    (tmp_path / lock.NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(StoreUnusable, match="TLM-OBJ-011"):
        DataDirLock(tmp_path).take()


def test_a_file_system_that_cannot_lock_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(_descriptor: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "_lock_exclusively", unable)
    with pytest.raises(StoreUnusable, match=r"TLM-OBJ-012: .*No locks available"):
        DataDirLock(tmp_path).take()


def test_a_file_system_that_lets_everybody_lock_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M-09."""
    monkeypatch.setattr(lock, "_lock_exclusively", lambda _descriptor: None)
    with pytest.raises(StoreUnusable, match="TLM-OBJ-012"):
        DataDirLock(tmp_path).take()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    with DataDirLock(tmp_path):
        assert (tmp_path / lock.NAME).stat().st_mode & 0o077 == 0
