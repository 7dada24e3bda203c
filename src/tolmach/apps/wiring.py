"""Where the parts are introduced to one another: from the configuration to a running station.

Nothing is decided here. Each part says in its own `interfaces` what it needs, and gets it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from tolmach.adapters.folder import inflate
from tolmach.adapters.objects.lock import DataDirLock
from tolmach.adapters.objects.opening import Objects
from tolmach.adapters.objects.restore import require_finished
from tolmach.adapters.sql import Records
from tolmach.adapters.sql.dialect import Synchronous
from tolmach.adapters.sql.engine import FILE_NAME
from tolmach.adapters.sql.nodes import BEAT_SECONDS
from tolmach.apps.archiving import Archive
from tolmach.apps.delivering import Deliveries
from tolmach.apps.destinations import tells_secrets_openly, utc_now
from tolmach.apps.faults import (
    BAD_CONFIGURATION,
    NOBODY_THERE,
    RECORDS_GONE,
    SECRETS_IN_THE_OPEN,
    UNSAFE_TEST,
    USELESS_ROUTE,
    BadConfiguration,
    RecordsGone,
)
from tolmach.apps.holding import place_of, records_by, store_by
from tolmach.apps.http_entrance import HttpEntrance
from tolmach.apps.listening import Ports
from tolmach.apps.modes import EndsByMode, Modes
from tolmach.apps.noticing import NOTICE_SECONDS, notice_remarks, notices
from tolmach.apps.places import require_apart
from tolmach.apps.room_left import reserve_of
from tolmach.apps.routing import Routes
from tolmach.apps.sections import Settings
from tolmach.apps.serving import KEEP_SECONDS, LOOK_SECONDS, Chore, Entrance, Keeper, Running, Walker
from tolmach.apps.watching import Watching, make_outputs
from tolmach.base import N_, Phrase, Problem, TolmachError
from tolmach.delivery.routes import EVERY_SOURCE
from tolmach.intake.receive import Intake
from tolmach.intake.recovery import Pace, Recovery, part_of_day
from tolmach.journeys.arrival import ArrivalJourney

if TYPE_CHECKING:
    from tolmach.apps.gateway.listening import Served

log = logging.getLogger(__name__)

BACKGROUND_SHARE = 0.2  # of one thread's time, for comparing what is stored with what is known
SCRUB_DAYS = 30  # every stored object is read again and compared once in so many days
DAY_SECONDS, RETRY_SECONDS = 86_400.0, 600.0
COMMITMENT_LIFE = timedelta(days=7)  # a report that has not come by then will not come
# For tests/faults alone, which must see that such a program loses images. Told loudly at every start.
_NO_SYNC, _SYNCHRONOUS = "TOLMACH_TEST_NOFSYNC", "TOLMACH_TEST_SYNCHRONOUS"

_NEEDS_RESTART = ("data_dir", "database", "objects", "storage", "archive.versions")
RESTART = N_("a change of it takes effect when tolmach serve is started anew")


class Station:
    """A station that runs. `address` is where it listens, `remarks` are what its operator should know at present."""

    def __init__(self, settings: Settings, file: Path | None, store: Objects, records: Records) -> None:
        """Introduce the parts to one another; nothing runs yet."""
        self.settings, self.file = settings, file
        self._store, self._records = store, records
        self._changing = threading.Lock()
        self._must_refresh = self._must_obey = False
        self._memory = records.devices.load()
        self.intake = Intake(store, records.receipts, reserve_of(settings), utc_now, time.monotonic)
        self.deliveries = Deliveries(records, store)
        self.modes = Modes(records.watched.said)
        records.changed_elsewhere()  # from here on: what is said while this starts is noticed afterwards
        self.modes.configure(settings.watch)
        self.walker = Walker(self._journey(self._routes(settings)), self.deliveries.wake)
        self.watching = Watching(records, store, self.intake, self.modes, self.walker.bell.ring)
        entrance = Entrance(self.intake, self.walker.bell.ring)
        self.archive = Archive(settings, store, records, self.walker.hurry)
        self.ports = Ports(store, records, entrance, self.deliveries.reports, self.archive)
        self.http = HttpEntrance(self._served)
        self._tell = notices(settings, records, self.intake.require_room)

    @property
    def address(self) -> str:
        """Where DICOM callers reach it, for people."""
        return self.ports.address

    @property
    def url(self) -> str:
        """Where HTTP callers reach it; empty where they do not."""
        return self.http.url

    @property
    def remarks(self) -> Sequence[Problem]:
        """What its operator should know."""
        trouble = self.http.trouble
        return (*_remarks(self.settings, self._records), *(() if trouble is None else (trouble,)))

    def begin(self, run: Running) -> None:
        """Run everything the settings ask for until `run` ends."""
        settings = self.settings
        deliveries, ports = self.deliveries.prepare(settings), self.ports.prepare(settings)
        watches, http = self.watching.prepare(settings), self.http.prepare(settings)
        run.at_end(watches.discard)
        make_outputs(settings)
        run.at_end(self.deliveries.stop)
        self.deliveries.change(deliveries)
        run.at_end(lambda: self._records.devices.save(self._memory))
        run.thread(self.walker.run, "journeys", self.walker.bell.stop)
        keep = Chore(lambda: self._records.devices.save(self._memory), KEEP_SECONDS)
        tell = Chore(lambda: self._tell(), NOTICE_SECONDS)
        keeper = Keeper([Chore(self._notice, LOOK_SECONDS), keep, tell, Chore(self._settle, KEEP_SECONDS)])
        run.thread(keeper.run, "keeper", keeper.stopping.set)
        _check_over(self._store, self._records, self.intake, self.walker, run)
        self.archive.begin(run)
        run.at_end(self._close)
        self.ports.change(ports)
        self.http.change(http)
        run.at_end(self.watching.stop)
        with self._changing:
            self.watching.change(watches)
        run.at_end(self.deliveries.hush)

    def change(self, settings: Settings) -> None:
        """Run by other settings from now on; what is the same in both goes on undisturbed. Any thread may call.

        What is in hand is finished, the rest stays queued. Raises what is wrong with the settings, or `CannotListen`:
        then everything is as it was.
        """
        with self._changing:
            for key in _NEEDS_RESTART:
                if attrgetter(key)(settings) != attrgetter(key)(self.settings):
                    facts = {"file": self.file or "TOLMACH_…", "where": key, "why": Phrase(RESTART)}
                    raise BadConfiguration(BAD_CONFIGURATION, **facts)
            require_apart(settings, self.file)
            journey = self._journey(self._routes(settings))
            tell = self._tell
            if settings != self.settings:  # else it goes on remembering what was told
                tell = notices(settings, self._records, self.intake.require_room)
            deliveries, ports = self.deliveries.prepare(settings), self.ports.prepare(settings)
            answers, http = self.archive.prepare(settings), self.http.prepare(settings)
            watches = self.watching.prepare(settings)
            with ExitStack() as undo:
                undo.callback(watches.discard)
                modes = self.modes.ask(settings.watch)
                undo.callback(self.http.change(http))
                self.ports.change(ports)
                undo.pop_all()
            # From here on nothing can go wrong any more, neither with the settings nor with the records.
            make_outputs(settings)
            self.modes.change(modes)
            self.archive.change(answers)
            self.walker.change(journey)
            self.deliveries.change(deliveries)
            self.watching.change(watches)
            self._tell, self.settings = tell, settings
        self.walker.bell.ring()

    def _close(self) -> None:
        """Close both entrances at once: each may have something in hand that takes its time."""
        with ThreadPoolExecutor(1) as pool:
            pool.submit(self.http.stop)
            self.ports.stop()

    def _served(self, serves_archive: bool) -> Served:
        from tolmach.apps.gateway.listening import Served
        from tolmach.apps.gateway.vitals import StationVitals

        return Served(
            index=self.archive.index,
            opener=self.archive.opener,
            store=self._store,
            intake=self.intake,
            tokens=self._records.tokens,
            vitals=StationVitals(self._records, self._store, self.intake),
            arrived=self.walker.bell.ring,
            serves_archive=serves_archive,
        )

    def _journey(self, routes: Routes) -> ArrivalJourney:
        records = self._records
        ends = EndsByMode(records, self.modes)
        store, memory = self._store, self._memory
        return ArrivalJourney(store.open, records.journeys, ends, routes, inflate, memory, expect=store.expect)

    def _routes(self, settings: Settings) -> Routes:
        return Routes(settings, self.file, self.modes.is_shadow)

    def _notice(self) -> None:
        """See what other processes did to the records."""
        self._must_refresh |= self._records.changed_elsewhere()
        if self._must_refresh:
            self.modes.refresh()  # where the records are in trouble, the next time
            self._must_refresh, self._must_obey = False, True
            self.walker.bell.ring()
            self.deliveries.wake()
        if self._must_obey and self._changing.acquire(blocking=False):  # else the next time
            try:
                self.watching.obey()
                self._must_obey = False
            finally:
                self._changing.release()

    def _settle(self) -> None:
        """Do in the records what a change of the configuration has left to do."""
        if self._changing.acquire(blocking=False):  # else the next time
            try:
                self.deliveries.settle()
            finally:
                self._changing.release()


@contextmanager
def station(settings: Settings, file: Path | None) -> Iterator[Station]:
    """Run everything the configuration enables until the `with` block ends; then stop within ten seconds.

    Raises `BadConfiguration`, `CannotListen`, `RecordsUnusable`, `DataDirInUse` and the like, when it cannot run.
    """
    Routes(settings, file)
    require_apart(settings, file)
    store = store_by(settings, os.environ, sync=_NO_SYNC not in os.environ)
    if settings.database == "sqlite":
        require_finished(settings.data_dir / FILE_NAME)
        if not (settings.data_dir / FILE_NAME).exists() and next(iter(store.walk()), None) is not None:
            raise RecordsGone(RECORDS_GONE, folder=settings.data_dir)
    synchronous: Synchronous = "NORMAL" if os.environ.get(_SYNCHRONOUS) == "NORMAL" else "FULL"
    with DataDirLock(settings.data_dir), records_by(settings, synchronous) as records, Running() as run:
        store.clear_incoming()
        _join(settings, records, run)
        records.outbox.clear_leases()
        one = Station(settings, file, store, records)
        one.begin(run)
        yield one


def _join(settings: Settings, records: Records, run: Running) -> None:
    """Be one of the nodes that share the records, and give signs of life in a thread that nothing else can hold up."""
    if not records.is_shared:
        return
    records.nodes.join(place_of(settings.data_dir))
    beats = Keeper([Chore(records.nodes.beat, BEAT_SECONDS)])
    run.thread(beats.run, "signs of life", beats.stopping.set)


def _check_over(store: Objects, records: Records, intake: Intake, walker: Walker, run: Running) -> None:
    """Compare what is stored with what is known, in the background and again each day, and re-hash a share of it.

    Of several nodes each compares, for it may have left something behind; one alone reads everything again.
    """
    pace = Pace(time.monotonic, threading.Event(), BACKGROUND_SHARE)

    def tell(_sha256: str, problem: Problem) -> None:
        log.warning("%s", problem)

    recovery = Recovery(store, records.stored, records.receipts, utc_now, intake.is_in_hand, tell)

    def work() -> None:
        while not pace.stop.is_set():
            try:
                if recovery.settle(pace).adopted:
                    walker.bell.ring()
                if records.nodes.is_eldest():
                    recovery.verify(pace, part_of_day(utc_now().toordinal(), SCRUB_DAYS))
                records.commitments.expire(utc_now() - COMMITMENT_LIFE)
            except TolmachError as error:
                log.error("%s", error)
                pace.stop.wait(RETRY_SECONDS)
            else:
                pace.stop.wait(DAY_SECONDS)

    run.thread(work, "recovery", pace.stop.set)


def _remarks(settings: Settings, records: Records) -> Iterator[Problem]:
    """Tell what the operator should know from the start."""
    for name in (_NO_SYNC, _SYNCHRONOUS):
        if name in os.environ:
            yield Problem(UNSAFE_TEST, {"name": name})
    destinations = {one.name for one in settings.destinations}
    for name, count in records.desk.unconfigured(destinations).items():
        yield Problem(NOBODY_THERE, {"name": name, "count": count})
    known = {EVERY_SOURCE, *(peer.name for peer in settings.peer if peer.rights)}
    known.update(watch.name for watch in settings.watch)
    known.update(token.name for token in records.tokens.all())
    for route in settings.route:
        for source in route.from_:
            if source not in known:
                yield Problem(USELESS_ROUTE, {"source": source})
    yield from notice_remarks(settings)
    for peer in settings.peer:
        if tells_secrets_openly(peer):
            yield Problem(SECRETS_IN_THE_OPEN, {"name": peer.name})
