"""What intake needs of the world: a store for bytes, and records that survive a power cut.

The order of promise 1: the bytes are written and synced, then they get the name made from their content, then the
folder is synced, then the records are committed. Only then does anybody hear "success".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from tolmach.base import Problem
from tolmach.dicom.source import Source

# "found": stored, and unknown to records that are there; "rebuild": found when the records themselves were lost.
Entrance = Literal["dimse", "stow", "folder", "program", "found", "rebuild"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who brought an object, and by which entrance.

    `name` is the configured name of the peer or of the watch, empty where nobody configured one; AE title and host are
    as they were seen, empty where there are none.
    """

    entrance: Entrance
    name: str = ""
    ae_title: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A whole object in a temporary file in the store's incoming folder, not yet synced.

    `file` is open, complete and may be synced through its descriptor. `sha256` (hex) is that of the data set: the bytes
    from `data_set_offset` on, without preamble and File Meta Information; of the whole file where it has no data set.
    The UIDs are what the sender or the file says, empty where nothing does.
    """

    path: Path
    file: BinaryIO
    size: int
    data_set_offset: int
    sha256: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object whose bytes are durable under their sha256, about to be written into the records.

    `size` and `data_set_offset` are those of the stored file, whose head may be longer or shorter than the one that
    came this time: the same data set may have come before in another file.
    """

    sha256: str
    size: int
    data_set_offset: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    provenance: Provenance
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """That an object is ours now. The same UID with the same bytes gives the same receipt, however often it comes.

    `version` counts the different bytes that came under one SOP Instance UID, from 1.
    """

    object_id: int
    is_new: bool
    version: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds under a sha256: the whole file's size, and where its data set begins."""

    sha256: str
    size: int
    data_set_offset: int


class ObjectStore(Protocol):
    """Bytes under the sha256 of their data set, never overwritten; any thread may call."""

    @property
    def incoming(self) -> Path:
        """The folder to spool in: on the same file system, emptied at start-up."""
        ...

    def spool(self, chunks: Iterable[bytes | memoryview]) -> AbstractContextManager[Spooled]:
        """Give a whole file or stream as a spooled object, hashed on its way; the spool file is gone at the end.

        For entrances that do not find the data set by themselves. Raises `StoreTrouble`, and `Refused` for what is too
        large; errors of `chunks` pass through.
        """
        ...

    def place(self, spooled: Spooled) -> Stored:
        """Make a spooled object durable under its sha256; the spool file is gone or may be discarded afterwards.

        On return: content synced, named, folders synced. May be repeated; the same content may be there already, and is
        checked: what has rotted is replaced by the good bytes. Gives what is stored now. Raises `StoreTrouble`
        (`Retryable`), after which nothing may be acknowledged and the spool must be thrown away (a failed sync is never
        tried again on the same file).
        """
        ...

    def open(self, sha256: str) -> AbstractContextManager[Source]:
        """Give the stored file's bytes, whole, from its preamble on. Raises `ObjectMissing` or `StoreTrouble`."""
        ...

    def free_bytes(self) -> tuple[int, int]:
        """Give how many bytes are free for us, and how many the file system has; asks the system at each call."""
        ...


class Receipts(Protocol):
    """The records of what came; any thread may call."""

    def record(self, arrival: Arrival) -> Receipt:
        """Commit an arrival as taken and waiting for its journey; durable on return, all or nothing.

        Several callers may share one commit. Safe to repeat: the same (SOP Instance UID, sha256) gives the receipt
        there is, counted once more; its journey begins anew only when another source brings it, or when a person had
        given it up. Other bytes under a known UID become a new version, with an audit entry. Raises `RecordsTrouble`
        (`Retryable`): nothing may be acknowledged then.
        """
        ...


@dataclass(frozen=True, slots=True)
class Pending:
    """An object whose journey has not ended. `released` says that a person let it out of quarantine."""

    object_id: int
    arrival: Arrival
    released: bool


class Journeys(Protocol):
    """Objects between their receipt and the end of their journey."""

    def pending(self, limit: int) -> Sequence[Pending]:
        """Give the oldest objects whose journey has not ended, in the order of their receipt."""
        ...


# What is there against what is known ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Examined:
    """A stored file, read to its end.

    `sha256` is that of the data set as it is now: where it differs from the name, the file has rotted. The rest is what
    the file says of itself, empty where it says nothing; `modified_at` is UTC.
    """

    name: str
    sha256: str
    size: int
    data_set_offset: int
    modified_at: datetime
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    source_ae_title: str

    @property
    def is_sound(self) -> bool:
        """Whether the bytes are still those the file is named after."""
        return self.name == self.sha256


class ObjectInventory(Protocol):
    """What recovery needs of a store; any thread may call."""

    def clear_incoming(self) -> int:
        """Remove what spools were left by a process that died, and give how many. Before anybody spools; repeatable."""
        ...

    def walk(self) -> Iterator[str]:
        """Give the sha256 of every stored file, in memory that does not grow; what comes meanwhile may be left out."""
        ...

    def size_of(self, sha256: str) -> int | None:
        """Give the size of a stored file, None where there is none. Raises `StoreTrouble`."""
        ...

    def modified_at(self, sha256: str) -> datetime | None:
        """Give when a stored file was written (UTC), None where there is none. Raises `StoreTrouble`."""
        ...

    def examine(self, sha256: str) -> Examined:
        """Read a stored file from the disk, to its end. Raises `ObjectMissing` or `StoreTrouble`."""
        ...


@dataclass(frozen=True, slots=True)
class KnownObject:
    """A stored file as the records know it; once, however many instances refer to it."""

    sha256: str
    size: int


class StoredRecords(Protocol):
    """What recovery needs of the records; any thread may call. All of it may be repeated; raises `RecordsTrouble`."""

    def known(self, sha256s: Sequence[str]) -> set[str]:
        """Give those of at most a thousand sha256 that the records know."""
        ...

    def stored_objects(self, after: str = "") -> Iterator[KnownObject]:
        """Give every stored file the records refer to, in the order of sha256, from behind `after`.

        Memory stays flat and no transaction stays open between two of them.
        """
        ...

    def flag_missing(self, sha256s: Sequence[str]) -> None:
        """Remember that the files of these objects are not there; the next time such bytes come, the flag goes."""
        ...

    def flag_rotten(self, sha256s: Sequence[str]) -> None:
        """Remember that the files of these objects hold other bytes now; the next time theirs come, the flag goes."""
        ...

    def unflag(self, sha256s: Sequence[str]) -> None:
        """Take the flags from objects whose files were read to their end and found good."""
        ...

    def follow(self, stored: Stored) -> None:
        """Let everything that is kept of a data set fit the file it is in now, whose head has another length."""
        ...


# A watched folder -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileMark:
    """One state of one file in a watched folder; whatever is done to the file gives it another mark.

    `path` is relative to the folder, in the bytes the system knows it by, with "/" between the names. Device and inode
    say which file it is, size and the time of its last change (nanoseconds since 1970) what is in it.
    """

    path: bytes
    device: int
    inode: int
    size: int
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Dealing:
    """What became of one state of a file: taken as an object, or passed over for a reason.

    `sha256` (hex) is that of the whole file as it was read; empty where it was passed over unread.
    """

    mark: FileMark
    sha256: str = ""
    object_id: int | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Tidying:
    """A taken file that may be moved or deleted: every destination has confirmed its object."""

    mark: FileMark
    sha256: str
    object_id: int


class WatchRecords(Protocol):
    """What is known of watched folders, each by the name of its watch; any thread may call. Raises `RecordsTrouble`."""

    def settled(self, watch: str, marks: Sequence[FileMark]) -> set[FileMark]:
        """Give those of at most a thousand marks that were dealt with: nothing more is to be done about them."""
        ...

    def note(self, watch: str, dealings: Sequence[Dealing]) -> None:
        """Commit what became of files, one word for each path; a later word replaces the earlier. Durable; repeatable.

        Called after the receipt: a crash between the two makes the file be taken again, which gives the same receipt.
        """
        ...

    def tidyings(self, watch: str, limit: int, after: int = 0) -> Sequence[Tidying]:
        """Give taken files whose objects every destination has confirmed, oldest first, and which are not tidied yet.

        Those of objects behind the number `after`: what cannot be tidied now must not hide what can.

        An object whose journey has ended and which goes nowhere but stays here counts as confirmed; one with a line
        that is queued, held, quarantined or deleted does not.
        """
        ...

    def tidied(self, watch: str, dealings: Sequence[Dealing]) -> None:
        """Commit that files were moved or deleted, or, with a problem, why they are left where they are for good."""
        ...

    def paths(self, watch: str, after: bytes, limit: int) -> Sequence[bytes]:
        """Give the known paths behind `after`, in the order of their bytes."""
        ...

    def forget(self, watch: str, paths: Sequence[bytes]) -> None:
        """Forget files that are gone; what they became stays in the history."""
        ...

    def note_state(self, watch: str, problem: Problem | None, now: datetime) -> None:
        """Remember that a folder was looked at, and what keeps it from being watched: for people to see."""
        ...
