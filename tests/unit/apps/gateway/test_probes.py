"""Probes: for this machine without a token, with the figures of the records."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from tests.contracts.records_values import arrival, ending
from tests.web_archive import Client, WebArchive
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.sql import open_records
from tolmach.apps.gateway.probes import known_figures, metrics
from tolmach.apps.gateway.vitals import FIGURES_SECONDS, StationVitals
from tolmach.intake.faults import NO_ROOM, NoRoom
from tolmach.intake.receive import Intake
from tolmach.intake.room import Reserve


def test_live_ready_and_metrics_answer_without_a_token(archive: WebArchive, client: Client) -> None:
    assert client.get("/health/live", Authorization=None).json == {"status": "live"}
    assert client.get("/health/ready", Authorization=None).status == 200
    answer = client.get("/metrics", Authorization=None)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"\ntolmach_queued 1\n" in answer.body
    assert b"tolmach_received_total 3" in answer.body
    archive.vitals.trouble = NoRoom(NO_ROOM, free="1 GB", reserve="5 GB")
    answer = client.get("/health/ready", Authorization=None)
    archive.vitals.trouble = None
    assert answer.status in (503, 507)
    assert answer.json["code"] == "TLM-INT-001"


def test_the_figures_are_those_of_the_records(tmp_path: Path) -> None:
    ticks = [0.0]
    store = FolderStore(tmp_path)
    with open_records(tmp_path) as records:
        intake = Intake(store, records.receipts, Reserve(bytes=0), lambda: datetime.now(UTC), time.monotonic)
        vitals = StationVitals(records, store, intake, lambda: ticks[0])
        vitals.require_ready()
        first = records.receipts.record(arrival(1)).object_id
        records.ends.finish([ending(first, destinations=("pacs",))])
        found = vitals.figures()
        assert set(found) == set(known_figures())
        assert (found["received"], found["queued"], found["delivered"]) == (1, 1, 0)
        assert 0 < found["disk_free_bytes"] <= found["disk_size_bytes"]
        records.receipts.record(arrival(2))
        assert vitals.figures()["received"] == 1
        ticks[0] = FIGURES_SECONDS
        assert vitals.figures()["received"] == 2
        assert b"tolmach_received_total 2\n" in metrics(vitals).body  # type: ignore[operator]
