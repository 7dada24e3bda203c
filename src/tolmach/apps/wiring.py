"""Where the parts are introduced to one another: from the configuration to a running station.

Nothing is decided here. Each part says in its own `interfaces` what it needs, and gets it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.commitment_report_scp import commitment_report_scp
from tolmach.adapters.dimse.rights import Right
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.adapters.dimse.tls import TlsServer
from tolmach.adapters.folder import inflate
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.objects.lock import DataDirLock
from tolmach.adapters.objects.restore import require_finished
from tolmach.adapters.sql import Records, open_records
from tolmach.adapters.sql.dialect import Synchronous
from tolmach.adapters.sql.engine import FILE_NAME
from tolmach.apps.destinations import chance, prover_of, senders_of, tells_secrets_openly, tls_files, utc_now
from tolmach.apps.faults import NOBODY_THERE, RECORDS_GONE, SECRETS_IN_THE_OPEN, UNSAFE_TEST, USELESS_ROUTE, RecordsGone
from tolmach.apps.routing import Routes
from tolmach.apps.sections import PeerSettings, Settings
from tolmach.apps.serving import KEEP_SECONDS, LOOK_SECONDS, Chore, Entrance, Keeper, Reports, Running, Walker
from tolmach.base import Problem, TolmachError
from tolmach.delivery.backoff import RetryPolicy
from tolmach.delivery.dispatch import Dispatch
from tolmach.delivery.outlet import Outlet, Timing
from tolmach.delivery.parcel import Unpacker
from tolmach.delivery.routes import EVERY_SOURCE
from tolmach.intake.receive import Intake
from tolmach.intake.recovery import Pace, Recovery, part_of_day
from tolmach.intake.room import Reserve
from tolmach.journeys.arrival import ArrivalJourney

log = logging.getLogger(__name__)

SECONDS_TO_STOP = 4.0
BACKGROUND_SHARE = 0.2  # of one thread's time, for comparing what is stored with what is known
SCRUB_DAYS = 30  # every stored object is read again and compared once in so many days
DAY_SECONDS, RETRY_SECONDS = 86_400.0, 600.0
COMMITMENT_LIFE = timedelta(days=7)  # a report that has not come by then will not come
# For tests/faults alone, which must see that such a program loses images. Told loudly at every start.
_NO_SYNC, _SYNCHRONOUS = "TOLMACH_TEST_NOFSYNC", "TOLMACH_TEST_SYNCHRONOUS"


@dataclass(frozen=True, slots=True)
class Station:
    """A station that runs: where it listens, and what its operator should know from the start."""

    address: str
    remarks: tuple[Problem, ...]


@contextmanager
def station(settings: Settings, file: Path | None) -> Iterator[Station]:
    """Run everything the configuration enables until the `with` block ends; then stop within ten seconds.

    Raises `BadConfiguration`, `CannotListen`, `RecordsUnusable`, `DataDirInUse` and the like, when it cannot run.
    """
    routes = Routes(settings, file)
    store = FolderStore(settings.data_dir, sync=_NO_SYNC not in os.environ)
    require_finished(settings.data_dir / FILE_NAME)
    if not (settings.data_dir / FILE_NAME).exists() and next(iter(store.walk()), None) is not None:
        raise RecordsGone(RECORDS_GONE, folder=settings.data_dir)
    synchronous: Synchronous = "NORMAL" if os.environ.get(_SYNCHRONOUS) == "NORMAL" else "FULL"
    with DataDirLock(settings.data_dir), open_records(settings.data_dir, synchronous) as records, Running() as run:
        store.clear_incoming()
        records.outbox.clear_leases()
        intake = Intake(store, records.receipts, _reserve(settings), utc_now, time.monotonic)
        memory = records.devices.load()
        dispatches: dict[str, Dispatch] = {}
        reports = Reports(records.commitments, dispatches, utc_now)
        _dispatch(dispatches, settings, records, store, reports, run)

        def enqueued() -> None:
            for dispatch in dispatches.values():
                dispatch.wake()

        walker = Walker(ArrivalJourney(store.open, records.journeys, records.ends, routes, inflate, memory), enqueued)
        run.at_end(lambda: records.devices.save(memory))
        run.thread(walker.run, "journeys", walker.bell.stop)

        def noticed() -> None:
            if records.changed_elsewhere():
                walker.bell.ring()
                enqueued()

        keeper = Keeper([Chore(noticed, LOOK_SECONDS), Chore(lambda: records.devices.save(memory), KEEP_SECONDS)])
        run.thread(keeper.run, "keeper", keeper.stopping.set)
        _watch_over(store, records, intake, walker, run)
        entrance = Entrance(intake, walker.bell.ring)
        dicom = settings.dicom
        ports = [_listen(settings, dicom.port, None, store, records, entrance, reports, run)]
        if dicom.tls_port is not None:
            tls = TlsServer(tls_files(settings), client_certificates=dicom.tls.client_certificates)
            ports.append(_listen(settings, dicom.tls_port, tls, store, records, entrance, reports, run))
        addresses = (f"{dicom.ae_title}@{dicom.host}:{port}" for port in ports)
        yield Station(" (TLS: ".join(addresses) + ")" * (len(ports) - 1), tuple(_remarks(settings, records)))


def _dispatch(
    dispatches: dict[str, Dispatch],
    settings: Settings,
    records: Records,
    store: FolderStore,
    reports: Reports,
    run: Running,
) -> None:
    """Start to deliver to every peer that can be called."""
    delivery, unpacker = settings.delivery, Unpacker(store.open, inflate)
    clocks = Timing(utc_now, time.monotonic, chance)
    policy = RetryPolicy(
        first_wait_seconds=delivery.backoff_first_seconds,
        longest_wait_seconds=delivery.backoff_cap_seconds,
        proof_timeout_seconds=delivery.proof_timeout_seconds,
    )
    for peer in settings.peer:
        if not peer.is_destination:
            continue
        outlet = Outlet.of(peer.name, records.outbox, unpacker, clocks, retry=policy, proof=peer.proof)
        prover = prover_of(peer, settings, records.commitments, reports)
        if prover is None:
            records.outbox.settle_unproved(peer.name)  # proof was asked for once, and is no more
        senders = senders_of(peer, settings, outlet.bell.pause)
        dispatches[peer.name] = Dispatch(outlet, senders, str(os.getpid()), prover)
    run.at_end(partial(_stop, dispatches))
    for dispatch in dispatches.values():
        dispatch.start()


def _stop(dispatches: Mapping[str, Dispatch]) -> None:
    """Stop all of them together: a peer that never answers must not cost the time of the others too."""
    deadline = time.monotonic() + SECONDS_TO_STOP
    for dispatch in dispatches.values():
        dispatch.outlet.bell.stop()
        dispatch.outlet.proof_bell.stop()
    for dispatch in dispatches.values():
        dispatch.stop(max(0.0, deadline - time.monotonic()))


def _watch_over(store: FolderStore, records: Records, intake: Intake, walker: Walker, run: Running) -> None:
    """Compare what is stored with what is known, in the background and again each day, and re-hash a share of it."""
    pace = Pace(time.monotonic, threading.Event(), BACKGROUND_SHARE)

    def tell(_sha256: str, problem: Problem) -> None:
        log.warning("%s", problem)

    recovery = Recovery(store, records.stored, records.receipts, utc_now, intake.is_in_hand, tell)

    def work() -> None:
        while not pace.stop.is_set():
            try:
                if recovery.settle(pace).adopted:
                    walker.bell.ring()
                recovery.verify(pace, part_of_day(utc_now().toordinal(), SCRUB_DAYS))
                records.commitments.expire(utc_now() - COMMITMENT_LIFE)
            except TolmachError as error:
                log.error("%s", error)
                pace.stop.wait(RETRY_SECONDS)
            else:
                pace.stop.wait(DAY_SECONDS)

    run.thread(work, "watch", pace.stop.set)


def _listen(
    settings: Settings,
    port: int,
    tls: TlsServer | None,
    store: FolderStore,
    records: Records,
    entrance: Entrance,
    reports: Reports,
    run: Running,
) -> int:
    """Listen on a port until the end, and give which it is."""
    dicom = settings.dicom
    callers = tuple(
        Caller(peer.name, peer.ae_title, (peer.host,), rights)
        for peer in settings.peer
        if peer.kind == "dicom" and (rights := _rights_of(peer))
    )
    scp = StorageScp(
        StorageScpSettings(
            host=dicom.host,
            port=port,
            tls=tls,
            policy=AcceptancePolicy(dicom.ae_title, callers),
            max_associations=dicom.max_associations,
            max_associations_per_address=dicom.max_associations_per_address,
        ),
        store.incoming,
        entrance,
        on_unknown=records.unknown_peers.note,
        services=[commitment_report_scp(reports)],
    )
    scp.start()
    run.at_end(partial(scp.stop, SECONDS_TO_STOP))
    return scp.port


def _rights_of(peer: PeerSettings) -> frozenset[Right]:
    """Give what a peer may ask of us; one that is to commit must be able to tell us."""
    return frozenset(peer.rights) | ({"commit"} if peer.proof == "commitment" else set())


def _reserve(settings: Settings) -> Reserve:
    text = settings.storage.reserve.strip()
    if text.endswith("%"):
        return Reserve(percent=float(text[:-1]))
    return Reserve(bytes=int(text)) if text else Reserve()


def _remarks(settings: Settings, records: Records) -> Iterator[Problem]:
    """Tell what the operator should know from the start."""
    for name in (_NO_SYNC, _SYNCHRONOUS):
        if name in os.environ:
            yield Problem(UNSAFE_TEST, {"name": name})
    destinations = {peer.name for peer in settings.peer if peer.is_destination}
    for name, count in records.desk.unconfigured(destinations).items():
        yield Problem(NOBODY_THERE, {"name": name, "count": count})
    known = {EVERY_SOURCE, *(peer.name for peer in settings.peer if peer.rights)}
    for route in settings.route:
        for source in route.from_:
            if source not in known:
                yield Problem(USELESS_ROUTE, {"source": source})
    for peer in settings.peer:
        if tells_secrets_openly(peer):
            yield Problem(SECRETS_IN_THE_OPEN, {"name": peer.name})
