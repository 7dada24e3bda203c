"""The watched folders: what takes files from each, and how that follows a configuration and what people say."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from tolmach.adapters.folder import inflate
from tolmach.adapters.folder.faults import WatchRefused
from tolmach.adapters.folder.tidying import Tidier
from tolmach.adapters.folder.watch_events import WatchEvents
from tolmach.adapters.folder.watch_lock import WatchLock
from tolmach.adapters.folder.watch_presets import preset
from tolmach.adapters.folder.watched_folder import WatchedFolder
from tolmach.adapters.folder.writing import sync_folder
from tolmach.adapters.objects.opening import Objects
from tolmach.adapters.sql import Records
from tolmach.apps.destinations import utc_now
from tolmach.apps.modes import Modes
from tolmach.apps.sections import Settings, WatchSettings
from tolmach.apps.serving import Running
from tolmach.base import Problem
from tolmach.delivery.bell import Bell
from tolmach.intake.faults import WATCHED_ELSEWHERE, RecordsTrouble, WatchTrouble
from tolmach.intake.receive import Intake
from tolmach.intake.stability import Manner
from tolmach.intake.taking import Taker
from tolmach.intake.watch import Hints, Watch

log = logging.getLogger(__name__)

SECONDS_TO_STOP = 2.0  # a network drive that hangs has nothing of ours in hand
OWNERSHIP_SECONDS = 5.0  # how often it is made sure that the folder is still the one we keep
RETRY_SECONDS = 1.0
# Settings that take the place of what the preset says, where they are given.
_OF_MANNER = (
    *("settle_seconds", "patience_seconds", "scan_seconds", "extensions"),
    *("ignore_larger", "ignore_smaller", "ignore_older_days"),
)


def manner_of(watch: WatchSettings) -> Manner:
    """Give how the files of a watch are judged: its preset, and what its settings say; raises `WatchRefused`."""
    manner = preset(watch.preset)
    given = {key: value for key in _OF_MANNER if (value := getattr(watch, key)) is not None}
    if watch.extensions is not None:
        given["extensions"] = tuple(one if one in ("", "*") else f".{one.lstrip('.')}" for one in watch.extensions)
    # An extension alone, as people write it, is no pattern that any other name would meet.
    ignored = (f"*{one}" if one.startswith(".") and "/" not in one else one for one in watch.ignore)
    polling = watch.polling or manner.polling
    return replace(manner, ignore=(*manner.ignore, *ignored), polling=polling, **given)


def make_outputs(settings: Settings) -> None:
    """Make export folders and those that files are moved to, where the folder around them is there and not empty.

    An empty one may be the place of a drive that is away, and what was written there would be unseen afterwards. What
    is not made is told by whoever wants to write there. May be repeated.
    """
    for watch in settings.watch:
        for folder in (watch.export_folder, watch.move_to if watch.after == "move" else None):
            if folder is not None and not folder.exists():
                with suppress(OSError):
                    if next(folder.absolute().parent.iterdir(), None) is not None:
                        folder.mkdir()
                        sync_folder(folder.absolute().parent)  # what is moved into it leaves no other copy behind


class OwnFolder:
    """A watched folder that nobody else may watch while we do, though it may come and go. One thread at a time."""

    def __init__(self, folder: Path, watch: str = "", records: Records | None = None) -> None:
        """Keep nothing yet. Where nodes share the records, a watch is of one of them at a time."""
        self._folder, self._lock = folder, WatchLock(folder)
        self._identity: tuple[int, int] | None = None
        self._watch, self._records = watch, records

    @property
    def is_kept(self) -> bool:
        """Whether the folder that is there now is the one we keep."""
        return self._identity is not None and self._identity == self._present() and not self._keeper()

    def keep(self) -> None:
        """Have the folder that is there now; raises `WatchTrouble` when none is, `WatchRefused` when another has it."""
        if self.is_kept:
            return
        self.release()
        identity = self._present()
        self._lock.take()
        self._identity = identity
        if keeper := self._keeper():
            self.release()
            raise WatchTrouble(WATCHED_ELSEWHERE, folder=self._folder, node=keeper)

    def _keeper(self) -> str:
        """Give the other node that watches it; empty where it is ours, also while the records cannot be asked."""
        if self._records is None:
            return ""
        try:
            return self._records.watched.keep(self._watch)
        except RecordsTrouble:
            return ""  # nothing can be taken meanwhile, and whoever took it over is told so afterwards

    def _present(self) -> tuple[int, int] | None:
        try:
            status = self._folder.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def release(self) -> None:
        """Give it back; may be repeated."""
        had, self._identity = self._identity, None
        if had is not None and self._records is not None:
            with suppress(RecordsTrouble):
                self._records.watched.release(self._watch)
        self._lock.release()


@dataclass(frozen=True, slots=True)
class NewWatches:
    """The watches a configuration asks for, their folders kept; given up with `discard` where nothing came of it.

    `places` tells by the name of a watch where its folder really was when this was prepared; folders go by that.
    """

    watches: Mapping[str, WatchSettings]
    places: Mapping[str, str]
    folders: Mapping[str, OwnFolder]

    def discard(self) -> None:
        """Give the new folders back."""
        for folder in self.folders.values():
            folder.release()


@dataclass(slots=True)
class _Watcher:
    """One watch that runs."""

    settings: WatchSettings
    place: str
    bell: Bell
    run: Running


class Watching:
    """Watches every folder that is configured and not paused. One thread at a time changes it."""

    def __init__(
        self, records: Records, store: Objects, intake: Intake, modes: Modes, arrived: Callable[[], None]
    ) -> None:
        """Watch nothing yet; `arrived` is told whenever something was taken."""
        self._records, self._store, self._intake = records, store, intake
        self._modes, self._arrived = modes, arrived
        self._watches: Mapping[str, WatchSettings] = {}
        self._places: Mapping[str, str] = {}
        self._folders: dict[str, OwnFolder] = {}
        self._running: dict[str, _Watcher] = {}

    def prepare(self, settings: Settings) -> NewWatches:
        """Keep the folders that are new; raises `WatchRefused` for an unknown preset and for a folder others watch.

        One that is not there is kept when it appears.
        """
        watches = {one.name: one for one in settings.watch}
        places = {one.name: os.path.realpath(one.folder) for one in settings.watch}
        with ExitStack() as stack:
            folders: dict[str, OwnFolder] = {}
            for watch in settings.watch:
                manner_of(watch)
                place = places[watch.name]
                if place not in self._folders:
                    folders[place] = OwnFolder(watch.folder, watch.name, self._records)
                    stack.callback(folders[place].release)
                    with suppress(WatchTrouble):
                        folders[place].keep()
            stack.pop_all()
        return NewWatches(watches, places, folders)

    def change(self, new: NewWatches) -> None:
        """Stop watching what is not configured any more or otherwise, finishing what is in hand, and begin the rest."""
        same = {name for name, one in new.watches.items() if self._is_same(name, one, new.places[name])}
        self._end(self._running.keys() - same)
        self._folders.update(new.folders)
        self._watches, self._places = new.watches, new.places
        for place in self._folders.keys() - set(new.places.values()):
            self._folders.pop(place).release()
        self.obey()

    def _is_same(self, name: str, watch: WatchSettings, place: str) -> bool:
        """Tell whether a watch runs by these settings, in this place: a link may lead elsewhere by now."""
        running = self._running.get(name)
        return running is not None and (running.settings, running.place) == (watch, place)

    def obey(self) -> None:
        """Stop the watches that are paused now, and begin those that are not any more."""
        self._end([name for name in self._running if self._modes.is_paused(name)])
        for name, watch in self._watches.items():
            if name not in self._running and not self._modes.is_paused(name):
                self._running[name] = self._begun(watch)

    def stop(self) -> None:
        """Stop all of them and give the folders free; may be repeated."""
        self._end(list(self._running))
        self._watches = {}
        while self._folders:
            self._folders.popitem()[1].release()

    def _begun(self, watch: WatchSettings) -> _Watcher:
        bell, run = Bell(), Running()
        place = self._places[watch.name]
        own, make = self._folders[place], self._maker(watch, bell)
        note = partial(self._records.watched.note_state, watch.name)
        run.thread(partial(_run, make, own, bell, note), f"watch {watch.name}", bell.stop, SECONDS_TO_STOP)
        return _Watcher(watch, place, bell, run)

    def _maker(self, settings: WatchSettings, bell: Bell) -> Callable[[], Watch]:
        """Give what makes a watch that begins anew by going through its folder."""
        manner, root, is_deep = manner_of(settings), settings.folder, settings.recursive
        crosses = not settings.same_file_system
        folder = WatchedFolder(root, manner, time.time_ns, recursive=is_deep, cross_file_systems=crosses)
        stopped = partial(getattr, bell, "stopped")
        taker = Taker(settings.name, folder, manner, self._intake, self._store, inflate, time.monotonic, stopped)

        def make() -> Watch:
            folder.look_up()  # where a link stands for the folder, it may lead elsewhere now
            hints = Hints(bell)
            events = None if manner.polling else WatchEvents(root, hints.tell, time.monotonic, recursive=is_deep)
            return Watch(
                name=settings.name,
                folder=folder,
                manner=manner,
                records=self._records.watched,
                taker=taker,
                arrived=self._arrived,
                bell=bell,
                hints=hints,
                now=utc_now,
                clock=time.monotonic,
                tidier=None if settings.after == "keep" else Tidier(root, _aim_of(settings)),
                events=events,
            )

        return make

    def _end(self, names: Iterable[str]) -> None:
        """Stop some together."""
        ending = [self._running.pop(name) for name in names]
        for one in ending:
            one.bell.stop()
        for one in ending:
            one.run.close()


def _run(
    make: Callable[[], Watch], own: OwnFolder, bell: Bell, note: Callable[[Problem | None, datetime], None]
) -> None:
    """Watch until the bell says stop, while the folder is there and ours; else say why not, and wait."""
    told: Problem | None = None
    while not bell.stopped:
        try:
            own.keep()
        except (WatchTrouble, WatchRefused) as error:
            is_ours = error.problem.fault is not WATCHED_ELSEWHERE
            if error.problem != told:
                log.log(logging.ERROR if is_ours else logging.INFO, "%s", error)
                told = error.problem
            with suppress(RecordsTrouble):
                if is_ours:  # else the other node says how it is
                    note(error.problem, utc_now())
            bell.pause(RETRY_SECONDS)
        else:
            told = None
            _watch_while_ours(make(), own)


def _watch_while_ours(watch: Watch, own: OwnFolder) -> None:
    """Watch until the bell says stop, or another folder stands where ours was."""
    due = time.monotonic() + OWNERSHIP_SECONDS
    with ThreadPoolExecutor(watch.threads, thread_name_prefix=f"take {watch.name}") as pool:
        try:
            while not watch.bell.stopped and (time.monotonic() < due or own.is_kept):
                if time.monotonic() >= due:
                    due = time.monotonic() + OWNERSHIP_SECONDS
                watch.bell.sleep(watch.round(pool))
        finally:
            if watch.events is not None:
                watch.events.close()


def _aim_of(watch: WatchSettings) -> Path | None:
    return watch.move_to if watch.after == "move" else None
