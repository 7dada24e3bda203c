"""Sending 300 CT-size files through the outbox, against sending them directly, as ratios in one run.

Directly is `send_files` of `tolmach send`, which mends each file on its way. Through the outbox they were taken,
mended and enqueued before, so that what is timed is claiming, reading, checking, sending and concluding: once with an
outbox in memory, which shows what the lane itself costs, and once with the records on a RAM disk, every sync issued.
One association; receivers as in `delivery`. Ways take turns; medians count.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.delivery import FILES, make_files, storescp
from tests.outbox_double import OutboxDouble
from tolmach.adapters.dimse import Association, PeerAddress, PresentationContext
from tolmach.adapters.dimse.storage_sender import StorageSender
from tolmach.adapters.folder import inflate, walk
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.sql import open_records
from tolmach.apps.sending import Destination, send_files
from tolmach.base import Problem
from tolmach.delivery.dispatch import Dispatch
from tolmach.delivery.interfaces import Outbox
from tolmach.delivery.outlet import Outlet, Timing
from tolmach.delivery.parcel import Unpacker
from tolmach.delivery.wrappers import FreshConnection
from tolmach.dicom.data_set import DataSet
from tolmach.intake.interfaces import Provenance
from tolmach.intake.receive import Intake
from tolmach.intake.room import Reserve
from tolmach.journeys.arrival import ArrivalJourney, Bound
from tolmach.repair.profile import Profile

ROUNDS = 7
BAR = 0.5


class ToPacs:
    """Everything goes to one destination, mended."""

    keeps = False

    def bound_for(self, _data_set: DataSet | None, _by: Provenance) -> tuple[Sequence[Bound], Sequence[Problem]]:
        return [Bound("pacs", self.profile_for(_by))], ()

    def profile_for(self, _by: Provenance) -> Profile:
        return Profile()


class Watched:
    """An outbox that says when everything was delivered."""

    def __init__(self, inner: Outbox, count: int) -> None:
        self.inner, self.left = inner, count
        self.ended = 0.0

    def conclude(self, conclusions, now):  # type: ignore[no-untyped-def]
        self.inner.conclude(conclusions, now)
        self.left -= sum(one.state == "delivered" for one in conclusions)
        self.ended = time.perf_counter()

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def main() -> int:
    """Print the ratios; 1 when the records are below the bar."""
    scratch = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # the outbox is measured, not the disk
    kept = True
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        files = Path(folder) / "ct"
        make_files(files)
        print(f"{'receiver':<24} {'directly':>9} {'in memory':>10} {'records':>9}   of the direct rate")
        for receiver, environment in (("storescp as it comes", {}), ("storescp, TCP_NODELAY=1", {"TCP_NODELAY": "1"})):
            with storescp(**environment) as port:
                runs = [_round(files, port, scratch) for _ in range(ROUNDS + 1)][1:]  # the first one is for the caches
            direct, memory, records = (statistics.median(rates) for rates in zip(*runs, strict=True))
            kept = kept and records / direct >= BAR
            print(
                f"{receiver:<24} {direct:>7.0f}/s {memory:>8.0f}/s {records:>7.0f}/s   "
                f"in memory {memory / direct:.2f}, records {records / direct:.2f} (bar {BAR})",
                flush=True,
            )
    return 0 if kept else 1


def _round(files: Path, port: int, scratch: Path | None) -> tuple[float, float, float]:
    direct = _directly(files, port)
    with tempfile.TemporaryDirectory(dir=scratch) as data_dir, _taken(files, Path(data_dir)) as (store, outbox):
        double = OutboxDouble()
        double.add(*outbox.claim("pacs", "bench", FILES, datetime.now(UTC), 60))
        outbox.give_back(list(double.rows), "bench")
        return direct, _delivered(store, double, port), _delivered(store, outbox, port)


def _directly(files: Path, port: int) -> float:
    destination = Destination("pacs", PeerAddress("PACS", "127.0.0.1", port), "BENCH")
    begun, count = 0.0, 0
    for report in send_files(walk([files]), destination, Profile()):
        assert report.sent is not None, report.problems
        count += 1
        begun = begun or time.perf_counter()
    return (count - 1) / (time.perf_counter() - begun)


@contextmanager
def _taken(files: Path, data_dir: Path) -> Iterator[tuple[FolderStore, Outbox]]:
    """Take, mend and enqueue everything."""
    store = FolderStore(data_dir)
    with open_records(data_dir, "FULL") as records:
        intake = Intake(store, records.receipts, Reserve(bytes=0), _now, time.monotonic)
        for file in sorted(files.iterdir()):
            intake.accept_stream([file.read_bytes()], Provenance("program", "bench"))
        journey = ArrivalJourney(store.open, records.journeys, records.ends, ToPacs(), inflate)
        while journey.advance():
            pass
        yield store, records.outbox


def _delivered(store: FolderStore, outbox: Outbox, port: int) -> float:
    address, watched = PeerAddress("PACS", "127.0.0.1", port), Watched(outbox, FILES)

    def associate(contexts: Sequence[PresentationContext]) -> Association:
        return Association.open(address, contexts, "BENCH")

    timing = Timing(_now, time.monotonic, lambda: 0.5)
    outlet = Outlet.of("pacs", watched, Unpacker(store.open, inflate), timing)  # type: ignore[arg-type]
    dispatch = Dispatch(outlet, [FreshConnection(StorageSender(associate), time.monotonic)], "bench")
    begun = time.perf_counter()
    dispatch.start()
    while watched.left:
        time.sleep(0.002)
    rate = FILES / (watched.ended - begun)
    assert dispatch.stop()
    return rate


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
