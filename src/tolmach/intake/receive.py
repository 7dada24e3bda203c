"""Receipt: the one place where an object becomes ours, whatever entrance it came by."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime

from tolmach.intake.interfaces import Arrival, ObjectStore, Provenance, Receipt, Receipts, Spooled
from tolmach.intake.room import FreeSpace, Reserve


class Intake:
    """Takes objects so that an acknowledged one cannot be lost; any thread may call.

    Promise 1: when `accept` returns, the bytes are synced under the name made from their content, the folders that
    lead to it are synced, and the records are committed; so the sender may be told "success". When it raises, nothing
    may be acknowledged, the sender keeps the object and sends it again, which is harmless however far we had come.
    """

    def __init__(
        self,
        store: ObjectStore,
        receipts: Receipts,
        reserve: Reserve,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        """Take into `store` and `receipts`; `now` gives UTC, `clock` counts seconds and never goes back."""
        self._store, self._receipts, self._now = store, receipts, now
        self._room = FreeSpace(store.free_bytes, reserve, clock)
        self._lock = threading.Lock()
        self._in_hand: dict[str, int] = {}  # by how many callers

    def require_room(self, size: int = 0) -> None:
        """Raise `NoRoom` when so many bytes would not be taken now; for refusing before anything is spooled."""
        self._room.require(size)

    def accept(self, spooled: Spooled, provenance: Provenance) -> Receipt:
        """Make a spooled object ours, durable on return: bytes, names and records (promise 1).

        Raises `NoRoom`, `StoreTrouble` or `RecordsTrouble`, all `Retryable`; nothing was taken then, and room that
        comes back is noticed by itself. In every case the spool file stays its owner's, to be discarded. May be
        repeated with the same content: the receipt is the same.
        """
        self._room.require()
        self._take_in_hand(spooled.sha256)
        try:
            stored = self._store.place(spooled)
            self._room.spend(spooled.size)
            return self._receipts.record(
                Arrival(
                    sha256=spooled.sha256,
                    size=stored.size,
                    data_set_offset=stored.data_set_offset,
                    sop_class_uid=spooled.sop_class_uid,
                    sop_instance_uid=spooled.sop_instance_uid,
                    transfer_syntax_uid=spooled.transfer_syntax_uid,
                    provenance=provenance,
                    received_at=self._now(),
                )
            )
        finally:
            self._let_go(spooled.sha256)

    def accept_stream(self, chunks: Iterable[bytes | memoryview], provenance: Provenance) -> Receipt:
        """Make a whole file or stream ours, for entrances without a spool of their own; promise 1 as in `accept`.

        Nothing is left behind when it raises: what `accept` does, `Refused` for what is too large, and whatever
        `chunks` raises.
        """
        self._room.require()
        with self._store.spool(chunks) as spooled:
            return self.accept(spooled, provenance)

    def is_in_hand(self, sha256: str) -> bool:
        """Tell whether such bytes are being taken this moment: stored maybe, recorded not yet."""
        with self._lock:
            return sha256 in self._in_hand

    def _take_in_hand(self, sha256: str) -> None:
        with self._lock:
            self._in_hand[sha256] = self._in_hand.get(sha256, 0) + 1

    def _let_go(self, sha256: str) -> None:
        with self._lock:
            left = self._in_hand.pop(sha256) - 1
            if left:
                self._in_hand[sha256] = left
