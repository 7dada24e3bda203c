"""Arrivals and endings as the tests of the records use them; synthetic names only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.builders import CT_IMAGE, EXPLICIT_LE
from tolmach.base import N_, Fault, Phrase, Problem
from tolmach.delivery.interfaces import Edition, Ending, NewDelivery
from tolmach.edit.changes import Change
from tolmach.intake.interfaces import Arrival, Provenance

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SOMETHING = Fault("TLM-TST-001", N_("{what} happened to {name}."), N_("Look at {name}."))
PROBLEM = Problem(SOMETHING, {"what": Phrase("A {size} surprise", {"size": "big"}), "name": "Іваненко", "count": 3})
CHANGE = Change(
    "00100010", "PatientName", "PN", "Èâàíåíêî", "Іваненко", "character-set", b"\xc8\xe2\xe0\xed\xe5\xed\xea\xee"
)
FROM_CT = Provenance("dimse", "ct-1", "CT1", "10.0.0.7")


def sha256_of(number: int, version: int = 1) -> str:
    return hashlib.sha256(f"{number}/{version}".encode()).hexdigest()


def uid_of(number: int) -> str:
    return f"1.2.826.0.1.3680043.10.1234.{number}"


def arrival(number: int, version: int = 1, provenance: Provenance = FROM_CT, at: datetime = NOW) -> Arrival:
    return Arrival(
        sha256=sha256_of(number, version),
        size=524_288 + version,
        data_set_offset=344,
        sop_class_uid=CT_IMAGE,
        sop_instance_uid=uid_of(number),
        transfer_syntax_uid=EXPLICIT_LE,
        provenance=provenance,
        received_at=at,
    )


def ending(
    object_id: int,
    *,
    study: str = "1.2.3",
    destinations: Sequence[str] = ("pacs",),
    held_for: Problem | None = None,
    quarantine: Problem | None = None,
    name: str = "Іваненко^Іван",
) -> Ending:
    edition = Edition(b"\x01" + bytes(range(60)), CT_IMAGE, uid_of(object_id), (CHANGE,))
    return Ending(
        object_id=object_id,
        sop_class_uid=CT_IMAGE,
        sop_instance_uid=uid_of(object_id),
        transfer_syntax_uid=EXPLICIT_LE,
        study_instance_uid=study,
        series_instance_uid=f"{study}.1",
        character_set=("ISO_IR 100",),
        verdict="repairable",
        facts={"PatientName": name, "PatientID": "A-17", "StudyDate": "20261122", "Modality": "CT"},
        problems=(PROBLEM,),
        editions=(edition,),
        deliveries=tuple(NewDelivery(destination, 0, held_for) for destination in destinations),
        quarantine=quarantine,
    )
