"""Where the Auto-export view asks: the records as a command would have them, kept open. Any thread but the window's.

Nothing is decided here that the commands decide otherwise: both call `apps.overseeing`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from tolmach.apps import overseeing
from tolmach.apps.data_folder import may_have_records
from tolmach.apps.desktop.auto_rows import (
    FoldersSeen,
    HistoryLine,
    ObjectSeen,
    QueueLine,
    QueueSeen,
    history_line,
    queue_line,
    target,
)
from tolmach.apps.overseeing import Records, Said, Shadowed, Wanted
from tolmach.apps.room_left import room_trouble
from tolmach.apps.sections import Settings
from tolmach.base import Problem, TolmachError

SETTINGS_SECONDS = 2.0  # the configuration is not read again sooner, unless somebody says that it changed
_MOST_EVENTS = 200


class Opener(Protocol):
    """What opens: the agent."""

    def settings(self) -> Settings:
        """Give the settings in force; raises `BadConfiguration`."""
        ...

    def records(self) -> AbstractContextManager[Records]:
        """Give the records, as another program would have them; raises `RecordsUnusable`, `RecordsTrouble`."""
        ...


class AutoSource:
    """Reads and says. Everything raises what the records or the configuration raise."""

    def __init__(self, opener: Opener, clock: Callable[[], float] = time.monotonic) -> None:
        """Open nothing yet; `clock` never goes back."""
        self._opener, self._clock = opener, clock
        self._lock = threading.RLock()
        self._settings: Settings | None = None
        self._settings_at = 0.0
        self._stack = ExitStack()
        self._records: Records | None = None
        self._place: tuple[object, ...] = ()
        self._stamp = 1
        self._room: Problem | None = None  # why nothing new can be taken
        self._is_closed = False

    # Opening.

    def settings(self) -> Settings:
        """Give the settings in force, not older than two seconds."""
        now = self._clock()
        with self._lock:
            if self._settings is not None and now < self._settings_at + SETTINGS_SECONDS:
                return self._settings
        found = self._opener.settings()
        with self._lock:
            if found != self._settings:
                self._stamp += 1
            self._settings, self._settings_at = found, now
        return found

    def forget_settings(self) -> None:
        """Read the configuration anew the next time; returns at once."""
        self._settings_at = -SETTINGS_SECONDS  # one store: nobody waits for the lock in the window's thread

    def records(self) -> Records | None:
        """Give the records, opened where they are not; None while nothing ever arrived."""
        settings = self.settings()
        place = (settings.data_dir, settings.database)
        with self._lock:
            if self._records is not None and self._place == place:
                return self._records
            self._drop()
            if self._is_closed or not may_have_records(settings):
                return None
            self._records, self._place = self._stack.enter_context(self._opener.records()), place
            self._stamp += 1
            return self._records

    def need(self) -> Records:
        """Give the records to say something to; raises `RecordsUnusable` where nothing ever arrived."""
        found = self.records()
        if found is None:
            with self._opener.records():  # says why not
                pass
            found = self.records()
        if found is None:
            raise RuntimeError("the records were closed")
        return found

    def drop(self) -> None:
        """Close the records; they are opened anew when somebody asks. After trouble: a new start may do better."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        self._records, stack, self._stack = None, self._stack, ExitStack()
        with suppress(TolmachError):
            stack.close()

    def close(self) -> None:
        """Close for good."""
        self._is_closed = True
        self.drop()

    def stamp(self) -> int:
        """Give a number that is another one when anything has changed since; cheap."""
        self._look_for_room()
        found = self.records()
        if found is not None and found.changed_elsewhere():
            self.touch()
        return self._stamp

    def _look_for_room(self) -> None:
        found = room_trouble(self.settings())
        if (found and found.code) != (self._room and self._room.code):
            self.touch()
        self._room = found

    def touch(self) -> None:
        """Let everything count as changed."""
        with self._lock:
            self._stamp += 1

    # Seeing.

    def folders(self) -> FoldersSeen:
        """Give every folder with its counters."""
        settings, found = self.settings(), self.records()
        names = tuple(one.name for one in settings.destinations)
        looks, room = overseeing.folders(settings, found), self._room
        if room is not None:  # what is refused for want of room cannot be noted on the same disk
            looks = [one if one.state == "paused" else replace(one, trouble=one.trouble or room) for one in looks]
        if found is None:
            return FoldersSeen(looks, names, room=room)
        lines = sum(one.queued + one.held + one.quarantined for one in found.desk.ages(datetime.now(UTC)))
        return FoldersSeen(looks, names, has_records=True, open_lines=lines, room=room)

    def history(self, wanted: Wanted, newer_than: int = 0) -> list[int]:
        """Give the numbers of the objects that are looked for, the newest first."""
        found = self.records()
        return [] if found is None else found.listing.history(wanted, newer_than)

    def history_lines(self, ids: Sequence[int]) -> dict[int, HistoryLine]:
        """Give some objects for the list."""
        found = self.records()
        return {} if found is None else {row.object_id: history_line(row) for row in found.desk.objects(ids)}

    def one(self, object_id: int) -> ObjectSeen | None:
        """Give one object whole; None where there is none."""
        found = self.records()
        rows = [] if found is None else found.desk.objects([object_id])
        if found is None or not rows:
            return None
        events = [event for _, event in zip(range(_MOST_EVENTS), found.events(object_id), strict=False)]
        return ObjectSeen(rows[0], found.listing.versions(object_id), events)

    def queue(self, to: str | None, state: str) -> QueueSeen:
        """Give whereto lines wait, and the numbers of those that are chosen."""
        found = self.records()
        if found is None:
            return QueueSeen()
        notes = {one.name: one for one in found.desk.destinations()}
        targets = [target(one, notes.get(one.destination)) for one in found.desk.ages(datetime.now(UTC))]
        return QueueSeen(targets, found.listing.queue(to, state), found.listing.examined())

    def queue_lines(self, ids: Sequence[int]) -> dict[int, QueueLine]:
        """Give some lines for the list; those that were concluded meanwhile are not there."""
        found = self.records()
        return {} if found is None else {row.delivery_id: queue_line(row) for row in found.desk.lines(ids)}

    # Saying. Each gives how many lines it changed.

    def pause(self, name: str, actor: str) -> int:
        """Take nothing from a folder until it is resumed."""
        return self._said(lambda records: overseeing.say_mode(records, name, "paused", actor))

    def resume(self, name: str, actor: str) -> int:
        """Go on as before the pause."""
        return self._said(lambda records: int(records.watched.resume(name, actor)))

    def say_mode(self, name: str, said: Said, actor: str, *, with_held: bool = False) -> int:
        """Let a folder be live or in shadow mode."""
        return self._said(lambda records: overseeing.say_mode(records, name, said, actor, with_held=with_held))

    def shadowed(self, ids: Sequence[int], *, with_left: bool = False) -> Shadowed | None:
        """Give which of some lines retrying would send though their folder is in shadow mode; None where none."""
        return overseeing.shadowed(self.settings(), self.need(), ids, with_left=with_left)

    def retry(self, ids: Sequence[int] | None, to: str | None, actor: str) -> int:
        """Try lines again now, whoever holds them; without numbers all but those that shadow mode holds."""
        return self._said(lambda records: overseeing.retry(records, ids, to, actor))

    def retry_all(self, ids: Sequence[int], to: str | None, actor: str, *, more: bool) -> int:
        """Try all that are listed, or `more`, all of a destination; not what a folder in shadow mode brought."""
        found = self.shadowed(ids, with_left=True)
        if found is None or (more and not found.is_mixed):  # what shadow mode holds stays so by itself
            return self.retry(None if more else ids, to if more else None, actor)
        return self.retry(found.others, None, actor)

    def hold(self, ids: Sequence[int], actor: str) -> int:
        """Keep lines until somebody says otherwise."""
        return self._said(lambda records: records.desk.hold(ids, None, actor))

    def drop_lines(self, ids: Sequence[int], actor: str, reason: str) -> int:
        """Give lines up for good; who did it and why is kept."""
        return self._said(lambda records: records.desk.drop(ids, None, actor, reason))

    def resend(self, ids: Sequence[int], to: Sequence[str], actor: str, *, original: bool) -> int:
        """Deliver objects once more."""
        return self._said(lambda records: overseeing.resend(records, ids, to, actor, original=original))

    def _said(self, say: Callable[[Records], int]) -> int:
        try:
            return say(self.need())
        finally:
            self.touch()
