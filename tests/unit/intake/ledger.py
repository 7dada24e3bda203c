"""Records in memory, for tests of what talks to records."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from tolmach.intake.interfaces import Arrival, KnownObject, Receipt, Stored


class Ledger:
    """`Receipts` and `StoredRecords` as the contracts describe them, and nothing survives."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.missing: set[str] = set()
        self.rotten: set[str] = set()
        self.offsets: dict[str, int] = {}  # of data sets that were followed into another file
        self.trouble: Exception | None = None
        self._lock = threading.Lock()
        self._ids: dict[tuple[str, str], int] = {}
        self._objects: dict[str, int] = {}

    def record(self, arrival: Arrival) -> Receipt:
        if self.trouble is not None:
            raise self.trouble
        with self._lock:
            key = (arrival.sop_instance_uid, arrival.sha256)
            is_new = key not in self._ids
            if is_new:
                self.arrivals.append(arrival)
                self._ids[key] = len(self._ids) + 1
                self._objects.setdefault(arrival.sha256, arrival.size)
            version = [uid for uid, _sha256 in self._ids].count(arrival.sop_instance_uid)
            return Receipt(self._ids[key], is_new, version)

    def forget(self, sha256: str) -> None:
        del self._objects[sha256]

    def known(self, sha256s: Sequence[str]) -> set[str]:
        assert len(sha256s) <= 1000
        return {sha256 for sha256 in sha256s if sha256 in self._objects}

    def stored_objects(self, after: str = "") -> Iterator[KnownObject]:
        for sha256 in sorted(self._objects):
            if sha256 > after:
                yield KnownObject(sha256, self._objects[sha256])

    def flag_missing(self, sha256s: Sequence[str]) -> None:
        self.missing.update(sha256s)

    def flag_rotten(self, sha256s: Sequence[str]) -> None:
        self.rotten.update(sha256s)

    def unflag(self, sha256s: Sequence[str]) -> None:
        self.missing.difference_update(sha256s)
        self.rotten.difference_update(sha256s)

    def follow(self, stored: Stored) -> None:
        self._objects[stored.sha256] = stored.size
        self.offsets[stored.sha256] = stored.data_set_offset
