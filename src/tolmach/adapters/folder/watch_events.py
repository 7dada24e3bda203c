"""Events of a watched folder, by watchdog: they only hurry what the scan would find anyway.

Whatever fails here (no inotify watches left, a network drive without events, a folder that is not there) costs time
and nothing else.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tolmach.intake.source_folder import Hint

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

_RETRY_SECONDS = 60.0
# What watchdog raises when it cannot begin: the system's errors, and its own about threads that were started already.
_CANNOT_BEGIN = (OSError, RuntimeError, ImportError, AttributeError, KeyError)


class WatchEvents:
    """The `Events` of one folder; one thread at a time. Nothing is imported or started before it is needed."""

    def __init__(self, root: Path, tell: Hint, clock: Callable[[], float], *, recursive: bool = True) -> None:
        """Listen to nothing yet; `tell` is called from another thread."""
        self._root, self._tell, self._clock, self._recursive = root, tell, clock, recursive
        self._observer: BaseObserver | None = None
        self._identity: tuple[int, int] | None = None
        self._failed_at: float | None = None

    def keep_alive(self) -> bool:
        """Begin to listen, or begin anew where that has ended; True when events may be expected. Never raises."""
        identity = self._present()
        if self._observer is not None:
            emitters = self._observer.emitters
            lives = self._observer.is_alive() and bool(emitters) and all(one.is_alive() for one in emitters)
            if lives and identity == self._identity:
                return True
            self.close()
        if identity is None:
            return False
        if self._failed_at is not None and self._clock() - self._failed_at < _RETRY_SECONDS:
            return False
        try:
            self._begin()
        except _CANNOT_BEGIN as error:
            log.warning("%s: no events, only scans: %s", self._root, error)
            self._failed_at = self._clock()
            self.close()
            return False
        self._identity, self._failed_at = identity, None
        return True

    def close(self) -> None:
        """Stop listening; may be repeated."""
        observer, self._observer = self._observer, None
        if observer is not None:
            with suppress(*_CANNOT_BEGIN):
                observer.stop()
                if observer.is_alive():
                    observer.join(5.0)

    def _begin(self) -> None:
        from watchdog.events import (
            DirCreatedEvent,
            DirMovedEvent,
            FileClosedEvent,
            FileCreatedEvent,
            FileModifiedEvent,
            FileMovedEvent,
            FileSystemEventHandler,
        )
        from watchdog.observers import Observer

        wanted: list[type[FileSystemEvent]] = [FileCreatedEvent, FileMovedEvent, DirCreatedEvent, DirMovedEvent]
        # Only inotify tells that a writer is done; elsewhere the last change has to do.
        wanted.append(FileClosedEvent if sys.platform == "linux" else FileModifiedEvent)
        real = os.path.realpath(self._root)
        told = _Told(real, self._tell)

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                told(event.event_type, event.src_path, event.dest_path, is_folder=event.is_directory)

        self._observer = Observer()
        self._observer.schedule(Handler(), real, recursive=self._recursive, event_filter=wanted)
        self._observer.start()

    def _present(self) -> tuple[int, int] | None:
        try:
            status = self._root.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino


class _Told:
    """Turns events into hints."""

    def __init__(self, real: str, tell: Hint) -> None:
        self._prefix = os.fsencode(os.path.join(real, ""))  # noqa: PTH118 - with its separator
        self._tell = tell

    def __call__(self, kind: str, source: bytes | str, target: bytes | str, *, is_folder: bool) -> None:
        path = target if kind == "moved" else source
        relative = os.fsencode(path).removeprefix(self._prefix)
        if is_folder or not path or relative.startswith(b"/"):
            self._tell(None, False)
            return
        if os.sep != "/":
            relative = relative.replace(os.fsencode(os.sep), b"/")
        self._tell(relative, kind in ("closed", "moved"))
