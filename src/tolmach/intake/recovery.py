"""Recovery: what is stored against what the records know, and the records anew from stored files alone.

Start-up needs no clean shutdown. Spools that a killed process left go at once; everything else is found in the
background, while serving goes on: files without rows are adopted, never deleted; rows without files are flagged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

from tolmach.base import Problem
from tolmach.intake.faults import (
    ADOPTED,
    FILE_MISSING,
    FILE_RESIZED,
    FILE_ROTTEN,
    OTHER_HEAD,
    STORE_EMPTY,
    ObjectMissing,
    StoreEmpty,
    StoreTrouble,
)
from tolmach.intake.interfaces import (
    Arrival,
    Entrance,
    KnownObject,
    ObjectInventory,
    Provenance,
    Receipts,
    Stored,
    StoredRecords,
)

BATCH = 500
# A sender whose object was cut off after it was stored sends it again, and then it is an arrival like any other. Only
# what nobody has sent again for so long is adopted.
SETTLING = timedelta(minutes=15)

Item = TypeVar("Item")
Tell = Callable[[str, Problem], None]


def _tell_nobody(_sha256: str, _problem: Problem) -> None:
    pass


@dataclass(slots=True)
class Pace:
    """How fast background work goes: at most a share of the time, and not on when `stop` is set.

    One thread's, unless the share is all of the time.
    """

    clock: Callable[[], float]
    stop: threading.Event = field(default_factory=threading.Event)
    share: float = 1.0
    _since: float | None = None

    def goes_on(self) -> bool:
        """Rest as long as is fair for what was done since the last call; False when the work shall stop."""
        now = self.clock()
        if self._since is not None and self.share < 1.0:
            self.stop.wait((now - self._since) * (1 / self.share - 1))
        self._since = self.clock()
        return not self.stop.is_set()


@dataclass(slots=True)
class Tally:
    """What a run has seen and found so far; `is_complete` when it came to its end."""

    seen: int = 0
    seen_bytes: int = 0
    adopted: int = 0
    settling: int = 0
    missing: int = 0
    rotten: int = 0
    unreadable: int = 0
    is_complete: bool = False

    @property
    def is_well(self) -> bool:
        """Whether nothing is missing, rotten or unreadable."""
        return not (self.missing or self.rotten or self.unreadable)

    def add(self, other: Tally) -> None:
        """Add what another thread has counted."""
        self.seen_bytes += other.seen_bytes
        self.adopted += other.adopted
        self.settling += other.settling
        self.rotten += other.rotten
        self.unreadable += other.unreadable


@dataclass(slots=True)
class Recovery:
    """Brings records and stored files together; each run is one thread's, several runs may go on at once.

    `is_in_hand` tells what is being taken this moment (`Intake.is_in_hand`): stored maybe, recorded not yet. `tell`
    hears of every finding by its sha256; nothing is collected, so memory stays flat.
    """

    store: ObjectInventory
    records: StoredRecords
    receipts: Receipts
    now: Callable[[], datetime]
    is_in_hand: Callable[[str], bool] = field(default=lambda _sha256: False)
    tell: Tell = _tell_nobody
    progress: Callable[[Tally], None] = field(default=lambda _tally: None)

    def reconcile(self, pace: Pace, settling: timedelta = SETTLING) -> Tally:
        """Adopt stored files that the records do not know, and flag rows whose file is missing or not what it was.

        Sizes are compared, and what has another size is read: a whole data set behind another head is followed there.
        For the background after start-up; safe to repeat and to stop anywhere. Files younger than `settling` wait for
        another run. Raises `StoreEmpty` when no file is there at all though rows are, and `StoreTrouble` or
        `RecordsTrouble` when either cannot be listed.
        """
        has_rows = next(iter(self.records.stored_objects()), None) is not None
        if has_rows and next(iter(self.store.walk()), None) is None:
            raise StoreEmpty(STORE_EMPTY)
        # Records that know nothing at all were lost: then nobody can say what was delivered before.
        tally = self.adopt(pace, settling, entrance="found" if has_rows else "rebuild")
        if tally.is_complete:
            tally.is_complete = False
            self._compare_sizes(pace, tally)
        return tally

    def settle(self, pace: Pace, settling: timedelta = SETTLING) -> Tally:
        """Reconcile, and again each time the youngest files may have become old enough, until none is too young.

        For a thread of the background; gives what the last run has found. Ends at once when the work shall stop.
        """
        while True:
            tally = self.reconcile(pace, settling)
            if not tally.settling or pace.stop.wait(settling.total_seconds()):
                return tally

    def rebuild(self, pace: Pace, workers: int = 4) -> Tally:
        """Make the records know every stored file, from the files alone: arrivals of the entrance "rebuild".

        The same as adoption, on records that may be empty. Safe to repeat and to stop anywhere: what is known already
        is passed over. `workers` share the commits.
        """
        return self.adopt(pace, timedelta(0), workers, entrance="rebuild")

    def adopt(self, pace: Pace, settling: timedelta, workers: int = 1, *, entrance: Entrance = "found") -> Tally:
        """Record stored files that the records do not know; what has rotted is told and left alone.

        Adopted objects are arrivals from the AE title their file names, received when the file was written. The
        entrance "found" says that the records were there and knew nothing of them, so that they were never delivered.
        """
        tally = Tally()
        with ThreadPoolExecutor(workers, thread_name_prefix="adoption") as pool:
            for batch in _batches(self.store.walk()):
                if not pace.goes_on():
                    return tally
                for counted in pool.map(partial(self._adopt_one, pace, settling, entrance), self._unknown(batch)):
                    tally.add(counted)
                tally.seen += len(batch)
                self.progress(tally)
        tally.is_complete = not pace.stop.is_set()
        return tally

    def _unknown(self, batch: Sequence[str]) -> list[str]:
        """Give what the records do not know and nobody is about to tell them."""
        known = self.records.known(batch)
        unknown = [sha256 for sha256 in batch if sha256 not in known and not self.is_in_hand(sha256)]
        # What was in hand when the records were asked, and no more when its taker was asked, is known by now.
        known = self.records.known(unknown) if unknown else set()
        return [sha256 for sha256 in unknown if sha256 not in known]

    def _adopt_one(self, pace: Pace, settling: timedelta, entrance: Entrance, sha256: str) -> Tally:
        if not pace.goes_on():
            return Tally()
        try:
            written = self.store.modified_at(sha256)
            if written is None:
                return Tally()
            # A store's clock may be ahead of ours. By much more it is wrong, and nothing waits for years.
            if abs(self.now() - written) < settling:
                return Tally(settling=1)
            found = self.store.examine(sha256)
        except ObjectMissing:  # removed meanwhile
            return Tally()
        except StoreTrouble as error:
            self.tell(sha256, error.problem)
            return Tally(unreadable=1)
        if not found.is_sound:
            self.tell(sha256, Problem(FILE_ROTTEN, {"sha256": sha256}))
            return Tally(rotten=1)
        self.receipts.record(
            Arrival(
                sha256=sha256,
                size=found.size,
                data_set_offset=found.data_set_offset,
                sop_class_uid=found.sop_class_uid,
                sop_instance_uid=found.sop_instance_uid,
                transfer_syntax_uid=found.transfer_syntax_uid,
                provenance=Provenance(entrance, ae_title=found.source_ae_title),
                received_at=found.modified_at,
            )
        )
        self.tell(sha256, Problem(ADOPTED, {"sha256": sha256}))
        return Tally(adopted=1, seen_bytes=found.size)

    def _compare_sizes(self, pace: Pace, tally: Tally) -> None:
        for batch in _batches(self.records.stored_objects()):
            if not pace.goes_on():
                return
            flags = _Flags(self, tally)
            for known in batch:
                try:
                    size = self.store.size_of(known.sha256)
                except StoreTrouble as error:
                    flags.unreadable(known, error.problem)
                else:
                    if size != known.size:
                        self._examine(known, flags)
            flags.write()
            self.progress(tally)
        tally.is_complete = True

    def verify(self, pace: Pace, part: tuple[str, str] = ("", "g")) -> Tally:
        """Re-hash the stored files the records refer to: flag what is missing or has rotted, unflag what is good.

        `part` is a range of sha256, from behind the first to before the second (`part_of_day`); all of them without
        it. For `tolmach verify` and for the scrubber; safe to repeat and to stop anywhere. Raises `RecordsTrouble`.
        """
        tally = Tally()
        for batch in _batches(self.records.stored_objects(part[0])):
            flags = _Flags(self, tally)
            for known in batch:
                if known.sha256 >= part[1]:
                    flags.write()
                    tally.is_complete = True
                    return tally
                if not pace.goes_on():
                    flags.write()
                    return tally
                self._verify_one(known, flags)
                self.progress(tally)
            flags.write()
        tally.is_complete = True
        return tally

    def _verify_one(self, known: KnownObject, flags: _Flags) -> None:
        flags.tally.seen += 1
        self._examine(known, flags)

    def _examine(self, known: KnownObject, flags: _Flags) -> None:
        """Read a stored file to its end. The data set is the image: behind another head the records follow it."""
        try:
            found = self.store.examine(known.sha256)
        except ObjectMissing:
            flags.add_missing(known)
        except StoreTrouble as error:
            flags.unreadable(known, error.problem)
        else:
            flags.tally.seen_bytes += found.size
            if not found.is_sound:
                flags.add_rotten(known, found.size)
                return
            if found.size != known.size:
                self.records.follow(Stored(known.sha256, found.size, found.data_set_offset))
                self.tell(known.sha256, Problem(OTHER_HEAD, {"sha256": known.sha256}))
            flags.good.append(known.sha256)


@dataclass(slots=True)
class _Flags:
    """What a batch of rows is to be flagged with, told and counted when it is written."""

    recovery: Recovery
    tally: Tally
    good: list[str] = field(default_factory=list)
    _missing: dict[str, Problem] = field(default_factory=dict)
    _rotten: dict[str, Problem] = field(default_factory=dict)

    def add_missing(self, known: KnownObject) -> None:
        """Flag what has no file."""
        self._missing[known.sha256] = Problem(FILE_MISSING, {"sha256": known.sha256})

    def add_rotten(self, known: KnownObject, size: int) -> None:
        """Flag what has other bytes in its file, which has so many of them."""
        facts: dict[str, object] = {"sha256": known.sha256}
        if size == known.size:
            self._rotten[known.sha256] = Problem(FILE_ROTTEN, facts)
        else:
            self._rotten[known.sha256] = Problem(FILE_RESIZED, facts | {"expected": known.size, "present": size})

    def unreadable(self, known: KnownObject, problem: Problem) -> None:
        """Count what could not be read this time; it may be sound, so it gets no flag."""
        self.tally.unreadable += 1
        self.recovery.tell(known.sha256, problem)

    def write(self) -> None:
        """Flag what the records still know: what was deleted on purpose meanwhile is nobody's loss."""
        suspects = [*self._missing, *self._rotten]
        known = self.recovery.records.known(suspects) if suspects else set()
        missing = [sha256 for sha256 in self._missing if sha256 in known]
        rotten = [sha256 for sha256 in self._rotten if sha256 in known]
        if missing:
            self.recovery.records.flag_missing(missing)
        if rotten:
            self.recovery.records.flag_rotten(rotten)
        if self.good:
            self.recovery.records.unflag(self.good)
        self.tally.missing += len(missing)
        self.tally.rotten += len(rotten)
        for sha256 in (*missing, *rotten):
            self.recovery.tell(sha256, self._missing.get(sha256) or self._rotten[sha256])


def part_of_day(day: int, period: int) -> tuple[str, str]:
    """Give the range of sha256 a scrubber re-hashes on a day, so that `period` days in a row cover all of them.

    Names are spread evenly, so each day has its even share, and nothing has to be remembered between two days.
    """
    first, after_last = ((day % period + step) * (1 << 64) // period for step in (0, 1))
    after = f"{first - 1:016x}{'f' * 48}" if first else ""  # the last name before this part
    return after, f"{after_last:016x}" if after_last < 1 << 64 else "g"


def missing_objects(store: ObjectInventory, objects: Iterable[KnownObject]) -> Iterator[KnownObject]:
    """Give those objects whose file is not there; after a restore, for people to see. Raises `StoreTrouble`."""
    return (known for known in objects if store.size_of(known.sha256) is None)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch
