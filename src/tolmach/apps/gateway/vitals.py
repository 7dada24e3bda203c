"""How a running station is, for probes: whether objects would be taken and found, and the figures for Prometheus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from tolmach.adapters.sql import Records
from tolmach.intake.interfaces import ObjectStore
from tolmach.intake.receive import Intake

FIGURES_SECONDS: Final = 15.0
"""Counting reads much of the records: whoever asks more often gets what was counted last."""


class StationVitals:
    """Tells of one station; any thread may call. See `probes.Vitals`."""

    def __init__(
        self, records: Records, store: ObjectStore, intake: Intake, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Look at nothing yet."""
        self._records, self._store, self._intake, self._clock = records, store, intake, clock
        self._counting = threading.Lock()
        self._counted: dict[str, float] = {}
        self._counted_at = -FIGURES_SECONDS

    def require_ready(self) -> None:
        """Return where objects would be taken and found now; raises `NoRoom`, `StoreTrouble` or `RecordsTrouble`."""
        self._intake.require_room()
        self._records.tokens.any_valid()  # the records can be read

    def figures(self) -> Mapping[str, float]:
        """Give the figures; raises `StoreTrouble` and `RecordsTrouble`."""
        free, size = self._store.free_bytes()
        with self._counting:
            if self._clock() - self._counted_at >= FIGURES_SECONDS:
                total = self._records.desk.audit().total
                self._counted = {
                    "received": total.taken,
                    "delivered": total.delivered,
                    "queued": total.queued,
                    "held": total.held,
                    "quarantined": total.quarantined,
                    "deleted": total.deleted,
                }
                self._counted_at = self._clock()
            return {**self._counted, "disk_free_bytes": free, "disk_size_bytes": size}
