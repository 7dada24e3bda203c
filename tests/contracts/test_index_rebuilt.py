"""From the stored files alone the index is made again and says the same (B3: rebuild index, 20 fixed queries; M-05)."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.builders import CT_IMAGE, EXPLICIT_LE, body, even, part10
from tests.contracts.records_factories import FACTORIES, Clock, lose
from tolmach.adapters.folder import inflate
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.sql import Records
from tolmach.archive.catching_up import catch_up
from tolmach.archive.interfaces import Index
from tolmach.archive.questions import question
from tolmach.archive.settling import Settle
from tolmach.base import Problem
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.uids import BasicTextSRStorage
from tolmach.intake.interfaces import Provenance
from tolmach.intake.receive import Intake
from tolmach.intake.recovery import Pace, Recovery
from tolmach.intake.room import Reserve
from tolmach.journeys.arrival import ArrivalJourney, Bound
from tolmach.repair.profile import Profile

OBJECTS = 1000
ROOT = "1.2.826.0.1.3680043.10.1234"
NAMES = (
    "ІВАНЕНКО^ОЛЕНА",
    "Щербаков^Пётр",
    "Shcherbakova^Anna",
    "Петренко^Іван^Ілліч",
    "Иванов^Иван",
    "Їжакевич^Юлія",
    "",
)
QUERIES: tuple[tuple[Any, dict[str, str]], ...] = (
    ("patient", {}),
    ("patient", {"PatientName": "Ivanov"}),
    ("patient", {"PatientID": "P1*"}),
    ("study", {}),
    ("study", {"PatientName": "Shcherbakov*"}),
    ("study", {"PatientName": "ЩЕРБАКОВ"}),
    ("study", {"PatientName": "Іваненко^О*"}),
    ("study", {"PatientName": "*ко*"}),
    ("study", {"StudyDate": "20260110-20260120"}),
    ("study", {"StudyDate": "-20260105", "ModalitiesInStudy": "SR"}),
    ("study", {"AccessionNumber": "A17"}),
    ("study", {"StudyDescription": "*черевної*"}),
    ("study", {"ModalitiesInStudy": r"SR\MR"}),
    ("study", {"SOPClassesInStudy": BasicTextSRStorage}),
    ("study", {"PatientBirthDate": "19500607"}),
    ("series", {"StudyInstanceUID": f"{ROOT}.17"}),
    ("series", {"Modality": "SR"}),
    ("series", {"RequestAttributesSequence.ScheduledProcedureStepID": "SPS3"}),
    ("instance", {"SeriesInstanceUID": f"{ROOT}.17.1"}),
    ("instance", {"InstanceNumber": "3", "StudyDate": "20260103-20260104"}),
)


class Kept:
    """Everything stays here, mended; nothing goes anywhere."""

    keeps = True

    def bound_for(self, _data_set: DataSet | None, _by: Provenance) -> tuple[Sequence[Bound], Sequence[Problem]]:
        return (), ()

    def profile_for(self, _by: Provenance) -> Profile:
        return Profile()


def file(number: int, version: int = 1) -> bytes:
    """Give one of a thousand: 100 studies of 10; names of half of them are spoilt, and descriptions differ."""
    study, instance = divmod(number, 10)
    series = 1 if instance < 8 else 2
    codec = "cp1251" if study % 2 else "utf-8"
    sop_class = BasicTextSRStorage if series == 2 else CT_IMAGE
    uid = f"{ROOT}.{study}.{series}.{instance}"
    described = "КТ органів черевної порожнини" if instance % 3 else "КТ"
    step = body((0x00400009, "SH", even(b"SPS%d" % (study % 7))))
    elements = [
        (0x00080005, "CS", even(b"ISO_IR 192" if codec == "utf-8" else b"ISO_IR 100")),
        (0x00080016, "UI", even(sop_class.encode(), b"\0")),
        (0x00080018, "UI", even(uid.encode(), b"\0")),
        (0x00080020, "DA", b"202601%02d" % (study % 28 + 1)),
        (0x00080030, "TM", b"1015%02d" % (instance % 3 * 10)),
        (0x00080050, "SH", even(b"A%d" % study)),
        (0x00080060, "CS", b"SR" if series == 2 else b"CT"),
        (0x00081030, "LO", even(described.encode(codec))),
        (0x00100010, "PN", even(NAMES[study % 7].encode(codec))),
        (0x00100020, "LO", even(b"P%d" % (study // 2))),
        (0x00100030, "DA", b"19500607" if study % 5 else b""),
        (0x0020000D, "UI", even(f"{ROOT}.{study}".encode(), b"\0")),
        (0x0020000E, "UI", even(f"{ROOT}.{study}.{series}".encode(), b"\0")),
        (0x00200011, "IS", even(b"%d" % series)),
        (0x00200013, "IS", even(b"%d" % instance)),
        (0x00204000, "LT", even(b"version %d" % version)),
        (0x00400275, "raw", sequence(0x00400275, step)),
    ]
    return part10(body(*elements), EXPLICIT_LE, sop_class=sop_class, instance=uid)


def sequence(tag: int, item: bytes) -> bytes:
    from tests.builders import EXPLICIT

    return EXPLICIT.sequence(tag, [item])


def walk(store: FolderStore, records: Records) -> None:
    journey = ArrivalJourney(store.open, records.journeys, records.ends, Kept(), inflate)
    while journey.advance(100):
        pass


def answers(index: Index) -> list[Any]:
    return [index.find(question(level, asked, limit=500)) for level, asked in QUERIES]


def given_back(index: Index) -> list[tuple[str, str, bytes]]:
    held = index.held(studies=[f"{ROOT}.{study}" for study in range(100)])
    return [(one.sop_instance_uid, one.stored_sha256, one.delta) for one in held]


@pytest.mark.slow
@pytest.mark.parametrize("name", FACTORIES)
def test_a_rebuilt_index_gives_the_same_answers(name: str, tmp_path: Path) -> None:
    """M-05."""
    store = FolderStore(tmp_path, sync=False)
    with FACTORIES[name](tmp_path, Clock()) as records:
        intake = Intake(store, records.receipts, Reserve(bytes=0), lambda: datetime.now(UTC), time.monotonic)
        for number in [*range(OBJECTS), *range(0, OBJECTS, 50)]:
            intake.accept_stream([file(number)], Provenance("program", "test"))
        walk(store, records)
        intake.accept_stream([file(7, 2)], Provenance("program", "test"))
        walk(store, records)
        before, held_before = answers(records.index), given_back(records.index)
        kinds = sorted({one.kind for one in records.index.conflicts()})
    assert len(QUERIES) == 20
    assert [asked for (found, _), asked in zip(before, QUERIES, strict=True) if not found] == []
    assert len(held_before) == OBJECTS
    lose(tmp_path)
    with FACTORIES[name](tmp_path, Clock()) as records:
        recovery = Recovery(store, records.stored, records.receipts, lambda: datetime.now(UTC))
        assert recovery.rebuild(Pace(time.monotonic)).adopted == OBJECTS + 1
        walk(store, records)
        assert answers(records.index) == before
        assert given_back(records.index) == held_before
        assert sorted({one.kind for one in records.index.conflicts()}) == kinds
        assert records.desk.audit().holds


def forget_index(connection: sa.Connection) -> None:
    for table in ("instances", "series", "studies", "patient_names", "patients", "part_counts", "parts"):
        connection.exec_driver_sql(f"DELETE FROM {table}")
    connection.exec_driver_sql("UPDATE objects SET is_indexed = 0")


@pytest.mark.parametrize("name", FACTORIES)
def test_what_an_older_program_took_is_indexed_in_the_background(name: str, tmp_path: Path) -> None:
    store = FolderStore(tmp_path, sync=False)
    with FACTORIES[name](tmp_path, Clock()) as records:
        intake = Intake(store, records.receipts, Reserve(bytes=0), lambda: datetime.now(UTC), time.monotonic)
        numbers = [
            intake.accept_stream([file(number)], Provenance("program", "test")).object_id for number in range(160)
        ]
        walk(store, records)
        before = answers(records.index)
        records._database.write(forget_index)
    with FACTORIES[name](tmp_path, Clock()) as records:
        turns = iter([True, False])
        assert catch_up(records.index_backlog, store.open, inflate, lambda: next(turns)) == 100
        assert records.index_backlog.left() == 60
        lost = store.path_of(next(iter(records.index_backlog.waiting(numbers[-2], 9))).sha256)
        lost.rename(tmp_path / "lost")
        assert catch_up(records.index_backlog, store.open, inflate, lambda: True) == 60
        assert records.index_backlog.left() == 0
        without_one = answers(records.index)
        assert without_one[0] == before[0]
        assert without_one != before


@pytest.mark.parametrize("name", FACTORIES)
def test_a_question_waits_for_what_was_acknowledged_before_it(name: str, tmp_path: Path) -> None:
    store = FolderStore(tmp_path, sync=False)
    with FACTORIES[name](tmp_path, Clock()) as records:
        intake = Intake(store, records.receipts, Reserve(bytes=0), lambda: datetime.now(UTC), time.monotonic)
        rung = threading.Event()

        def walker() -> None:
            while rung.wait(10) and not stop.is_set():
                rung.clear()
                walk(store, records)

        stop = threading.Event()
        thread = threading.Thread(target=walker)
        thread.start()
        settle = Settle(records.index.oldest_pending, rung.set, lambda: datetime.now(UTC), time.monotonic)
        index = records.index_with(settle, store.examine)
        try:
            for number in range(10):
                intake.accept_stream([file(number)], Provenance("program", "test"))
                found, _ = index.find(question("instance", {"StudyInstanceUID": f"{ROOT}.0"}))
                assert len(found) == number + 1
        finally:
            stop.set()
            rung.set()
            thread.join()
        assert index.is_sound(CT_IMAGE, f"{ROOT}.0.1.3") == "sound"
        path = store.path_of(next(iter(index.held(instances=[f"{ROOT}.0.1.3"]))).stored_sha256)
        rotten = bytearray(path.read_bytes())
        rotten[-4] ^= 1
        path.chmod(0o600)
        path.write_bytes(rotten)
        assert index.is_sound(CT_IMAGE, f"{ROOT}.0.1.3") == "bad"
        path.unlink()
        assert index.is_sound(CT_IMAGE, f"{ROOT}.0.1.3") == "bad"
