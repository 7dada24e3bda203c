"""Objects that were here before the index was: read again, one portion after another, while everything else goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from tolmach.archive.entry import entry_of
from tolmach.archive.interfaces import Entry
from tolmach.base import NeedsOperator, Refused, Retryable
from tolmach.dicom.part10 import Inflate, open_data_set
from tolmach.dicom.source import Source
from tolmach.edit.changes import Change

_PORTION: Final = 100


@dataclass(frozen=True, slots=True)
class Unindexed:
    """An object whose journey has ended and that the index has not looked at; the rest is what it was mended to."""

    object_id: int
    sha256: str
    sop_class_uid: str
    sop_instance_uid: str
    changes: Sequence[Change] = ()


class Backlog(Protocol):
    """What the index has still to look at; any thread may call. Raises `RecordsTrouble`."""

    def waiting(self, after: int, limit: int) -> Sequence[Unindexed]:
        """Give the objects with the lowest numbers above `after`; those in quarantine are not among them."""
        ...

    def index(self, entries: Mapping[int, Entry | None]) -> None:
        """Commit that these objects were looked at, and what they are found by; durable. Safe to repeat."""
        ...


def catch_up(
    backlog: Backlog,
    open_object: Callable[[str], AbstractContextManager[Source]],
    inflate: Inflate,
    goes_on: Callable[[], bool],
) -> int:
    """Index what is waiting until nothing is left, or `goes_on` says no; give how many were indexed.

    Safe to repeat and to stop anywhere. What cannot be read this time is left for another run; what is no DICOM, or is
    not there any more, is found by nothing.
    """
    count = after = 0
    while goes_on() and (portion := backlog.waiting(after, _PORTION)):
        after = portion[-1].object_id
        entries: dict[int, Entry | None] = {}
        for one in portion:
            try:
                entries[one.object_id] = _read(one, open_object, inflate)
            except Retryable:
                continue
        backlog.index(entries)
        count += len(entries)
    return count


def _read(
    one: Unindexed, open_object: Callable[[str], AbstractContextManager[Source]], inflate: Inflate
) -> Entry | None:
    try:
        with open_object(one.sha256) as source:
            data_set = open_data_set(source, inflate)
            uids = {"sop_class_uid": one.sop_class_uid, "sop_instance_uid": one.sop_instance_uid}
            return entry_of(data_set, one.changes, **uids)
    except (Refused, NeedsOperator):
        return None
