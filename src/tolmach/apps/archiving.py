"""The archive while it is served: what is held is found, given back and answered for, as the settings say just then."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from tolmach.adapters.dimse.relayed_service import RelayedService
from tolmach.adapters.folder import inflate
from tolmach.adapters.objects.opening import Objects
from tolmach.adapters.sql import Records
from tolmach.apps.destinations import utc_now
from tolmach.apps.query_retrieve import archive_services, commitment_services
from tolmach.apps.sections import Settings
from tolmach.apps.serving import Running
from tolmach.archive.catching_up import catch_up
from tolmach.archive.interfaces import Index, Opener
from tolmach.archive.settling import LATE_SECONDS, Settle
from tolmach.base import TolmachError
from tolmach.delivery.parcel import Unpacker
from tolmach.intake.recovery import Pace

if TYPE_CHECKING:
    from tolmach.adapters.dimse.operation import Operation

log = logging.getLogger(__name__)

CATCHING_UP_SHARE = 0.2  # of one thread's time, for what was here before the index was
RETRY_SECONDS = 600.0
SECONDS_TO_STOP = 1.0  # a peer that hangs has nothing of ours in hand that is not taken up again


@dataclass(frozen=True, slots=True)
class NewAnswers:
    """How peers are to be answered, understood already."""

    settings: Settings
    services: Sequence[RelayedService]


class Archive:
    """Answers for what is held; any thread may ask, one thread changes it.

    `index` finds what was acknowledged before it was asked, `opener` gives it back proved to be what was taken.
    """

    def __init__(self, settings: Settings, store: Objects, records: Records, hurry: Callable[[], None]) -> None:
        """Answer nobody yet; `hurry` has what has arrived indexed at once. Raises `UnknownPolicy`."""
        self._store, self._records = store, records
        settle = Settle(
            records.index.oldest_pending, hurry, utc_now, time.monotonic, tell=_tell, late_seconds=LATE_SECONDS
        )
        self.index: Index = records.index_with(settle, store.examine)
        self.opener: Opener = Unpacker(store.open, inflate).opened
        self._now = self.prepare(settings)
        self._commitment, self._reporter = commitment_services(
            lambda: self._now.settings, self.index, records.commitment_requests
        )

    def prepare(self, settings: Settings) -> NewAnswers:
        """Understand how peers are to be answered; raises `UnknownPolicy` for a bad `text`."""
        return NewAnswers(settings, archive_services(settings, self.index, self.opener))

    def change(self, new: NewAnswers) -> None:
        """Answer so what is asked from now on; what is being answered goes on as it began."""
        self._now = new

    @property
    def services(self) -> Sequence[RelayedService]:
        """What the port serves: each request is answered as the settings say when it comes."""
        return [*(self._late(number, one) for number, one in enumerate(self._now.services)), self._commitment]

    def _late(self, number: int, service: RelayedService) -> RelayedService:
        def perform(command: int, operation: Operation) -> None:
            self._now.services[number].performs[command](operation)

        return replace(service, performs={command: partial(perform, command) for command in service.performs})

    def begin(self, run: Running) -> None:
        """Bring commitment reports, and index what was here before the index was, until `run` ends."""
        run.thread(self._reporter.run, "commitment reports", self._reporter.stop, SECONDS_TO_STOP)
        pace = Pace(time.monotonic, threading.Event(), CATCHING_UP_SHARE)
        run.thread(lambda: self._catch_up(pace), "index", pace.stop.set, SECONDS_TO_STOP)

    def _catch_up(self, pace: Pace) -> None:
        backlog = self._records.index_backlog
        while not pace.stop.is_set():
            try:
                count = catch_up(backlog, self._store.open, inflate, pace.goes_on)
                if count:
                    log.info("%d objects from before there was an index are in it now", count)
                if not backlog.left():
                    return
            except TolmachError as error:
                log.error("%s", error)
            pace.stop.wait(RETRY_SECONDS)


def _tell(since: datetime) -> None:
    log.warning(
        "some of what was received since %s UTC is not in the index yet: searches are told that they are not whole",
        f"{since.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
    )
