"""The dispatches of all destinations, and how they follow a configuration that changes while they run."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from tolmach.adapters.folder import inflate
from tolmach.adapters.objects.opening import Objects
from tolmach.adapters.sql import Records
from tolmach.apps.destinations import chance, prover_of, senders_of, utc_now
from tolmach.apps.sections import DeliverySettings, PeerSettings, Settings
from tolmach.apps.serving import Reports
from tolmach.apps.tls_state import TlsState
from tolmach.delivery.backoff import RetryPolicy
from tolmach.delivery.dispatch import Dispatch
from tolmach.delivery.outlet import Outlet, Timing
from tolmach.delivery.parcel import Unpacker
from tolmach.intake.faults import RecordsTrouble

log = logging.getLogger(__name__)

SECONDS_TO_STOP = 4.0


@dataclass(frozen=True, slots=True)
class _Grounds:
    """What a dispatch was made from: while it is the same, the dispatch goes on undisturbed."""

    peer: PeerSettings
    delivery: DeliverySettings
    ae_title: str
    tls: TlsState

    @classmethod
    def of(cls, peer: PeerSettings, settings: Settings) -> _Grounds:
        return cls(peer, settings.delivery, settings.dicom.ae_title, TlsState.of(settings.dicom.tls))


@dataclass(frozen=True, slots=True)
class NewDeliveries:
    """The dispatches a configuration asks for that do not run yet, and what all of them are made from."""

    grounds: Mapping[str, _Grounds]
    made: Mapping[str, Dispatch]
    unproved: frozenset[str]


class Deliveries:
    """Delivers to every destination that is configured. One thread changes it, any may wake it."""

    def __init__(self, records: Records, store: Objects) -> None:
        """Deliver nothing yet. `reports` takes the Storage Commitment reports that come by themselves."""
        self._records, self._unpacker = records, Unpacker(store.open, inflate)
        self._running: dict[str, Dispatch] = {}
        self._grounds: dict[str, _Grounds] = {}
        self._generations = count(1)
        self._unsettled: set[str] = set()
        self._hushed_at: float | None = None
        self.reports = Reports(records.commitments, self._running, utc_now)

    def wake(self) -> None:
        """Say that lines may have come or been released; any thread may call."""
        for dispatch in list(self._running.values()):
            dispatch.wake()

    def prepare(self, settings: Settings) -> NewDeliveries:
        """Make what is new without starting it; raises what is wrong with a peer's settings."""
        grounds = {peer.name: _Grounds.of(peer, settings) for peer in settings.destinations}
        made: dict[str, Dispatch] = {}
        unproved: set[str] = set()
        owner = f"{os.getpid()}.{next(self._generations)}"
        for name, one in grounds.items():
            if self._grounds.get(name) != one:
                made[name], is_proved = self._made(one.peer, settings, owner)
                if not is_proved:
                    unproved.add(name)
        return NewDeliveries(grounds, made, frozenset(unproved))

    def _made(self, peer: PeerSettings, settings: Settings, owner: str) -> tuple[Dispatch, bool]:
        delivery = settings.delivery
        policy = RetryPolicy(
            first_wait_seconds=delivery.backoff_first_seconds,
            longest_wait_seconds=delivery.backoff_cap_seconds,
            proof_timeout_seconds=delivery.proof_timeout_seconds,
        )
        timing = Timing(utc_now, time.monotonic, chance)
        outlet = Outlet.of(peer.name, self._records.outbox, self._unpacker, timing, retry=policy, proof=peer.proof)
        prover = prover_of(peer, settings, self._records.commitments, self.reports)
        senders = senders_of(peer, settings, outlet.bell.pause)
        return Dispatch(outlet, senders, owner, prover), prover is not None

    def change(self, new: NewDeliveries) -> None:
        """Stop what is not configured any more or otherwise, and start what is new; the others go on.

        Trouble with the records keeps none of it: what is left to do in them `settle` does, then or later.
        """
        self._end([name for name, grounds in self._grounds.items() if new.grounds.get(name) != grounds])
        self._unsettled = (self._unsettled & self._running.keys()) | new.unproved
        for name, dispatch in new.made.items():
            self._running[name] = dispatch
            self._grounds[name] = new.grounds[name]
            dispatch.start()
        self.settle()

    def settle(self) -> None:
        """Let lines go on whose destination was asked for proof once and is no more; may be repeated.

        What the records do not take now waits for the next call. The thread that changes it calls this.
        """
        for name in sorted(self._unsettled):
            try:
                count = self._records.outbox.settle_unproved(name)
            except RecordsTrouble as error:
                log.error("%s", error)
                return
            self._unsettled.remove(name)
            if count and name in self._running:
                self._running[name].wake()

    def hush(self) -> None:
        """Begin to stop all of them, and return at once: what else has to stop need not wait for slow peers."""
        self._hushed_at = time.monotonic()
        for dispatch in self._running.values():
            _hush(dispatch)

    def stop(self) -> None:
        """Stop all of them; may be repeated."""
        self._end(list(self._running))

    def _end(self, names: Iterable[str]) -> None:
        """Stop some together: a peer that never answers must not cost the time of the others too."""
        ending = []
        for name in names:
            ending.append(self._running.pop(name))
            del self._grounds[name]
        begun = time.monotonic() if self._hushed_at is None else self._hushed_at
        deadline = begun + SECONDS_TO_STOP
        for dispatch in ending:
            _hush(dispatch)
        for dispatch in ending:
            dispatch.stop(max(0.0, deadline - time.monotonic()))


def awaited() -> tuple[str, ...]:
    """Give the destinations for which anything is under way in this program, by name; to be asked while it stops.

    Their lanes are threads that end as soon as they have nothing in hand, and are named after them.
    """
    names = (one.name.split("/") for one in threading.enumerate() if one.name.startswith("delivery/"))
    return tuple(sorted({"/".join(name[1:-1]) for name in names if name[-1] != "ledger"}))


def _hush(dispatch: Dispatch) -> None:
    dispatch.outlet.bell.stop()
    dispatch.outlet.proof_bell.stop()
