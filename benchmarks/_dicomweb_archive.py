"""An archive to serve in a benchmark: store, records, index and tokens as they are, journeys without any repair."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tolmach.adapters.folder import inflate
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.sql import Records, open_records
from tolmach.apps.gateway.listening import Served
from tolmach.apps.serving import Walker
from tolmach.archive.entry import entry_of
from tolmach.archive.interfaces import Content, Held
from tolmach.archive.settling import Settle
from tolmach.delivery.interfaces import Edition, Ending
from tolmach.delivery.parcel import StoredContent, _require_whole
from tolmach.dicom.part10 import open_data_set
from tolmach.intake.interfaces import Pending
from tolmach.intake.receive import Intake
from tolmach.intake.room import Reserve


@dataclass
class _Vitals:
    def require_ready(self) -> None:
        return None

    def figures(self) -> Mapping[str, float]:
        return {}


@contextlib.contextmanager
def archive_served(folder: Path) -> Iterator[tuple[Served, str]]:
    """Give what is to be served, and a token."""
    store = FolderStore(folder)
    with open_records(folder) as records:
        intake = Intake(store, records.receipts, Reserve(bytes=0), lambda: datetime.now(UTC), time.monotonic)
        walker = Walker(_Journeys(store, records), lambda: None)  # type: ignore[arg-type]
        threading.Thread(target=walker.run, daemon=True).start()

        @contextlib.contextmanager
        def opened(held: Held) -> Iterator[Content]:
            with store.open(held.stored_sha256) as stored:
                _require_whole(held, stored)  # type: ignore[arg-type]
                yield StoredContent(held, stored, inflate)  # type: ignore[arg-type]

        token = records.tokens.create("benchmark", "admin", timedelta(days=1), "benchmark")
        settle = Settle(records.index.oldest_pending, walker.bell.ring, lambda: datetime.now(UTC), time.monotonic)
        yield (
            Served(
                records.index_with(settle, store.examine),
                opened,
                store,
                intake,
                records.tokens,
                _Vitals(),
                walker.bell.ring,
            ),
            token,
        )


@dataclass
class _Journeys:
    store: FolderStore
    records: Records

    def advance(self, limit: int) -> int:
        pending = self.records.journeys.pending(limit)
        if pending:
            self.records.ends.finish([_ending(self.store, one) for one in pending])
        return len(pending)


def _ending(store: FolderStore, pending: Pending) -> Ending:
    with store.open(pending.arrival.sha256) as source:
        came = open_data_set(source)
        found = entry_of(came)
        return Ending(
            object_id=pending.object_id,
            sop_class_uid=came.sop_class_uid,
            sop_instance_uid=came.sop_instance_uid,
            transfer_syntax_uid=came.transfer_syntax_uid,
            study_instance_uid=str(found.study["StudyInstanceUID"][0]),
            series_instance_uid=str(found.series["SeriesInstanceUID"][0]),
            editions=[Edition(b"", came.sop_class_uid, came.sop_instance_uid)],
            entry=found,
        )
