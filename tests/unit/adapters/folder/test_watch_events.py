"""Events hurry the scan where there are any; whatever they do, nothing depends on them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import watchdog.observers

from tolmach.adapters.folder.watch_events import WatchEvents


class Told:
    """What was told, and a way to wait for it."""

    def __init__(self) -> None:
        self.hints: set[tuple[bytes | None, bool]] = set()
        self.changed = threading.Condition()

    def __call__(self, path: bytes | None, is_closed: bool) -> None:
        with self.changed:
            self.hints.add((path, is_closed))
            self.changed.notify_all()

    def waits_for(self, path: bytes | None, is_closed: bool) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: (path, is_closed) in self.hints, 10)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    root.mkdir()
    return root


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def events(root: Path, told: Told) -> Iterator[WatchEvents]:
    events = WatchEvents(root, told, time.monotonic)
    yield events
    events.close()


def test_closing_renaming_and_moving_in_are_told(root: Path, told: Told, events: WatchEvents, tmp_path: Path) -> None:
    assert events.keep_alive()
    (root / "1.dcm").write_bytes(b"x")
    assert told.waits_for(b"1.dcm", True)
    (root / "x.tmp").write_bytes(b"x")
    (root / "x.tmp").rename(root / "Снимок.dcm")
    assert told.waits_for("Снимок.dcm".encode(), True)
    (tmp_path / "outside").write_bytes(b"x")
    (tmp_path / "outside").rename(root / "2.dcm")
    assert told.waits_for(b"2.dcm", False)


def test_new_folders_ask_for_a_scan_and_what_is_in_them_is_told(root: Path, told: Told, events: WatchEvents) -> None:
    assert events.keep_alive()
    (root / "sub").mkdir()
    assert told.waits_for(None, False)
    deadline = time.monotonic() + 10
    while (b"sub/1.dcm", True) not in told.hints and time.monotonic() < deadline:
        (root / "sub" / "1.dcm").write_bytes(b"x")
        with told.changed:
            told.changed.wait(0.1)
    assert (b"sub/1.dcm", True) in told.hints


def test_names_of_any_bytes_are_told(root: Path, told: Told, events: WatchEvents) -> None:
    assert events.keep_alive()
    name = "Снимок\n.dcm".encode("cp1251")
    with open(os.path.join(os.fsencode(root), name), "wb"):  # noqa: PTH118, PTH123
        pass
    assert told.waits_for(name, True)


def test_a_missing_folder_gives_no_events_and_one_that_comes_back_does(
    root: Path, told: Told, events: WatchEvents
) -> None:
    assert events.keep_alive()
    root.rmdir()
    assert not events.keep_alive()
    root.mkdir()
    assert events.keep_alive()
    assert events.keep_alive()
    (root / "1.dcm").write_bytes(b"x")
    assert told.waits_for(b"1.dcm", True)


def test_a_folder_put_in_the_place_of_another_is_listened_to(
    root: Path, told: Told, events: WatchEvents, tmp_path: Path
) -> None:
    assert events.keep_alive()
    root.rename(tmp_path / "old")
    root.mkdir()
    assert events.keep_alive()
    (root / "1.dcm").write_bytes(b"x")
    assert told.waits_for(b"1.dcm", True)


@pytest.mark.parametrize("error", [OSError(28, "inotify watch limit reached"), RuntimeError("threads"), ImportError()])
def test_whatever_keeps_events_from_coming_is_lived_with_and_tried_again_after_a_while(
    root: Path, told: Told, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    now = [0.0]
    events = WatchEvents(root, told, lambda: now[0])
    tries = []

    def refuse(observer: object) -> None:
        tries.append(observer)
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(watchdog.observers.Observer, "start", refuse)
        assert not events.keep_alive()
        assert not events.keep_alive()
        assert len(tries) == 1
        now[0] = 61
        assert not events.keep_alive()
        assert len(tries) == 2
    now[0] = 200
    assert events.keep_alive()
    events.close()
    events.close()


def test_closing_ends_every_thread(root: Path, told: Told) -> None:
    before = threading.active_count()
    events = WatchEvents(root, told, time.monotonic)
    assert events.keep_alive()
    assert threading.active_count() > before
    events.close()
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_nothing_of_watchdog_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, time, pathlib\n"
        "from tolmach.adapters.folder.watch_events import WatchEvents\n"
        "WatchEvents(pathlib.Path('.'), print, time.monotonic).close()\n"
        "sys.exit(any(name.startswith('watchdog') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
