"""What watching a folder needs of the world: its files, and something that tells when to look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from tolmach.base import Problem
from tolmach.dicom.source import Source
from tolmach.intake.interfaces import Dealing, FileMark, Tidying

# What is told of events: the path below the folder, and whether the file was closed or got its name; None: look at all.
Hint = Callable[[bytes | None, bool], None]


class OpenSource(Protocol):
    """A file of a watched folder, open for reading: always the same file, whatever becomes of its name."""

    @property
    def source(self) -> Source:
        """The bytes, to be judged."""
        ...

    @property
    def is_being_written(self) -> bool | None:
        """Whether somebody has the file open for writing; None where the system does not tell."""
        ...

    @property
    def has_holes(self) -> bool:
        """Whether the file has parts that were never written."""
        ...

    def chunks(self) -> Iterator[bytes | memoryview]:
        """Give the bytes from first to last, once; the same that were judged, unless `require_unchanged` raises."""
        ...

    def sha256(self) -> str:
        """Give the sha256 (hex) of the whole file, when `chunks` has come to its end."""
        ...

    def require_unchanged(self) -> None:
        """Require that nothing was done to the file since it was opened; raises `SourceChanged`."""
        ...


class SourceFolder(Protocol):
    """A watched folder; any thread may call. Nothing is changed in it but by `tidy`, and links are never followed."""

    def scan(self) -> Iterator[FileMark | Problem]:
        """Give the state of every file that is meant, in memory that does not grow; what cannot be listed as a problem.

        Raises `WatchTrouble` when the folder itself cannot be looked at.
        """
        ...

    def look(self, path: bytes) -> FileMark | None:
        """Give the state of one file; None when it is not there or not meant. Raises `WatchTrouble`."""
        ...

    def has(self, path: bytes) -> bool:
        """Tell whether a file is there, meant or not; where that cannot be told it is. Raises `WatchTrouble`."""
        ...

    def open(self, mark: FileMark) -> AbstractContextManager[OpenSource]:
        """Open a file that looks as it did; raises `SourceChanged`, `SourceGone`, `SourceUnreadable`, `WatchTrouble`.

        Reading raises `SourceUnreadable` or `SourceChanged`.
        """
        ...


class SourceTidier(Protocol):
    """Moves or deletes what was asked for; one thread at a time."""

    def tidy(self, tidying: Tidying) -> Dealing:
        """Move or delete a file that is still the one that was taken, byte for byte; may be repeated.

        Gives the dealing, with a problem where the file stays for good: it was changed. A file that is gone is tidy.
        Raises `WatchTrouble` when it may be possible later, when rights were given too.
        """
        ...


class Events(Protocol):
    """Tells of changes as they happen, where the system can; one thread at a time. Nothing depends on it."""

    def keep_alive(self) -> bool:
        """Begin to listen, or begin anew where that has ended; True when events may be expected. Never raises."""
        ...

    def close(self) -> None:
        """Stop listening; may be repeated."""
        ...


class Bell(Protocol):
    """Wakes the one who watches, and tells when to stop; any thread may ring."""

    @property
    def stopped(self) -> bool:
        """Whether to stop."""
        ...

    def ring(self) -> None:
        """Wake the sleeper, or keep it from falling asleep."""
        ...

    def sleep(self, seconds: float) -> bool:
        """Sleep until rung, stopped, or the time is over."""
        ...

    def pause(self, seconds: float) -> None:
        """Sleep though rung; only stopping ends it early."""
        ...
