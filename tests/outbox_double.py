"""An outbox in memory that keeps the promises of `delivery.interfaces.Outbox`, and stored objects to go with it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tests.builders import CT_IMAGE, EXPLICIT_LE
from tolmach.base import Problem
from tolmach.delivery.interfaces import LONGEST_WAIT_SECONDS, Claimed, Conclusion, State
from tolmach.dicom.source import MemorySource, Source
from tolmach.intake.faults import ObjectMissing

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Row:
    line: Claimed
    state: State = "queued"
    next_attempt_at: datetime | None = None
    leased_by: str = ""
    leased_until: datetime = LONG_AGO
    awaits_proof_since: datetime | None = None
    last: Conclusion | None = None
    place: str = ""
    history: list[Conclusion] = field(default_factory=list)


class OutboxDouble:
    """Lines in a dictionary; thread-safe, as the real one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.rows: dict[int, Row] = {}
        self.notes: list[tuple[Problem | None, datetime | None]] = []
        self.commits = 0
        self.claims = 0
        self.looks = 0
        self.changed = threading.Condition(self.lock)

    def add(self, *lines: Claimed) -> None:
        with self.lock:
            self.rows.update({line.delivery_id: Row(line) for line in lines})

    # The interface ----------------------------------------------------------------------------------------------------

    def claim(
        self,
        destination: str,
        owner: str,
        limit: int,
        now: datetime,
        lease_seconds: float,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> Sequence[Claimed]:
        with self.lock:
            self.claims += 1
            others = {
                row.line.study_instance_uid
                for row in self.rows.values()
                if row.leased_until > now and row.leased_by != owner
            }
            found: list[Claimed] = []
            for row in self.rows.values():
                line = row.line
                if (
                    line.destination != destination
                    or not self._is_due(row, now, timedelta(seconds=longest_wait_seconds))
                    or line.study_instance_uid in others
                    or (found and line.study_instance_uid != found[0].study_instance_uid)
                ):
                    continue
                row.leased_by, row.leased_until = owner, now + timedelta(seconds=lease_seconds)
                found.append(line)
                if len(found) == limit:
                    break
            return found

    def _is_due(self, row: Row, now: datetime, longest_wait: timedelta) -> bool:
        waits = row.awaits_proof_since is not None or row.leased_until > now
        by_itself = row.state == "queued" or (row.state == "held" and row.next_attempt_at is not None)
        due_at = row.next_attempt_at or LONG_AGO
        return by_itself and not waits and not now < due_at <= now + longest_wait

    def conclude(self, conclusions: Sequence[Conclusion], now: datetime) -> None:
        with self.changed:
            self.commits += 1
            for one in conclusions:
                row = self.rows[one.delivery_id]
                row.state, row.next_attempt_at, row.last = one.state, one.next_attempt_at, one
                row.leased_until = LONG_AGO
                row.place = one.place or row.place
                row.awaits_proof_since = now if one.awaits_proof else None
                row.line = replace(row.line, attempts=row.line.attempts + one.attempted)
                row.history.append(one)
            self.changed.notify_all()

    def give_back(self, delivery_ids: Sequence[int], owner: str) -> None:
        with self.lock:
            for number in delivery_ids:
                if self.rows[number].leased_by == owner:
                    self.rows[number].leased_until = LONG_AGO

    def clear_leases(self, owner: str) -> int:
        with self.lock:
            mine = [row for row in self.rows.values() if row.leased_by == owner and row.leased_until != LONG_AGO]
            for row in mine:
                row.leased_until = LONG_AGO
            return len(mine)

    def next_due(self, destination: str) -> datetime | None:
        with self.lock:
            return min(
                (
                    row.next_attempt_at or LONG_AGO
                    for row in self.rows.values()
                    if row.line.destination == destination
                    and row.leased_until == LONG_AGO
                    and row.awaits_proof_since is None
                    and (row.state == "queued" or (row.state == "held" and row.next_attempt_at is not None))
                ),
                default=None,
            )

    def awaiting_proof(
        self, destination: str, limit: int, after: tuple[datetime, int] | None = None
    ) -> Sequence[tuple[Claimed, datetime]]:
        with self.lock:
            self.looks += 1
            found = [
                (row.line, row.awaits_proof_since)
                for row in self.rows.values()
                if row.line.destination == destination and row.awaits_proof_since is not None
            ]
        found.sort(key=lambda one: (one[1], one[0].delivery_id))
        return [one for one in found if after is None or (one[1], one[0].delivery_id) > after][:limit]

    def note_destination(self, destination: str, problem: Problem | None, retry_at: datetime | None) -> None:
        with self.changed:
            self.notes.append((problem, retry_at))
            self.changed.notify_all()

    # What tests ask ---------------------------------------------------------------------------------------------------

    def states(self) -> dict[str, int]:
        with self.lock:
            return self._states()

    def _states(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for row in self.rows.values():
            counts[row.state] = counts.get(row.state, 0) + 1
        return counts

    def wait_for(self, seconds: float = 10.0, **counts: int) -> None:
        """Return when so many lines are in these states; fails the test when that does not come."""
        with self.changed:
            reached = self.changed.wait_for(
                lambda: all(self._states().get(state, 0) == count for state, count in counts.items()), seconds
            )
            assert reached, f"{self._states()} after {seconds} s, not {counts}"


class Objects:
    """Stored files by the sha256 of their data set."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def keep(self, file: bytes, offset: int) -> str:
        sha256 = hashlib.sha256(file[offset:]).hexdigest()
        self.files[sha256] = file
        return sha256

    @contextmanager
    def open(self, sha256: str) -> Iterator[Source]:
        if sha256 not in self.files:
            from tolmach.delivery.faults import OBJECT_ROTTEN

            raise ObjectMissing(OBJECT_ROTTEN, sha256=sha256, why="it is not there")
        yield MemorySource(self.files[sha256])


def line_of(number: int, sha256: str, offset: int, **known: object) -> Claimed:
    """Give a claimed line of a CT image."""
    line = Claimed(
        delivery_id=number,
        object_id=number,
        destination="pacs",
        stored_sha256=sha256,
        data_set_offset=offset,
        delta=b"",
        sop_class_uid=CT_IMAGE,
        sop_instance_uid=f"1.2.3.{number}",
        transfer_syntax_uid=EXPLICIT_LE,
        study_instance_uid="1.2.3",
        series_instance_uid="1.2.3.4",
        attempts=0,
        received_at=LONG_AGO,
    )
    return replace(line, **known)  # type: ignore[arg-type]
