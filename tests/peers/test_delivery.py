"""Lanes and senders against the programs of others: storescp and Orthanc, that come and go."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest

from tests.contracts.misbehaving import image
from tests.outbox_double import Objects, OutboxDouble, line_of
from tests.peers.conftest import RunningOrthanc, StartStorescp, reserved_port
from tests.peers.dicom_files import sample_files, values_of
from tolmach.adapters.dicomweb.stow_sender import StowSender
from tolmach.adapters.dimse import Association, PeerAddress, Timeouts
from tolmach.adapters.dimse.storage_sender import StorageSender
from tolmach.adapters.folder import inflate
from tolmach.adapters.folder.folder_sender import FolderSender
from tolmach.adapters.folder.folder_tree import FolderTree
from tolmach.adapters.folder.path_template import PathTemplate
from tolmach.delivery.backoff import RetryPolicy
from tolmach.delivery.dispatch import Dispatch
from tolmach.delivery.interfaces import Claimed, Sender
from tolmach.delivery.outlet import LanePolicy, Outlet, Timing
from tolmach.delivery.parcel import Unpacker
from tolmach.delivery.wrappers import FreshConnection
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource

pytestmark = pytest.mark.slow

TIMEOUTS = Timeouts(2.0, 5.0, 10.0, 5.0, 2.0)


class Stock:
    """Stored objects and their lines."""

    def __init__(self) -> None:
        self.objects, self.outbox = Objects(), OutboxDouble()

    def add(self, number: int, file: bytes, **known: object) -> Claimed:
        data_set = open_data_set(MemorySource(file))
        line = line_of(
            number,
            self.objects.keep(file, data_set.meta_end),
            data_set.meta_end,
            sop_class_uid=data_set.sop_class_uid,
            sop_instance_uid=data_set.sop_instance_uid,
            transfer_syntax_uid=data_set.transfer_syntax_uid,
        )
        line = replace(line, **known)  # type: ignore[arg-type]
        self.outbox.add(line)
        return line

    @contextmanager
    def delivering(self, *senders: Sender) -> Iterator[Dispatch]:
        timing = Timing(lambda: datetime.now(UTC), time.monotonic, random.random)
        retry = RetryPolicy(first_wait_seconds=0.05, longest_wait_seconds=0.5)
        unpacker = Unpacker(self.objects.open, inflate)
        outlet = Outlet.of("pacs", self.outbox, unpacker, timing, retry=retry, lane=LanePolicy(poll_seconds=0.2))
        dispatch = Dispatch(outlet, [FreshConnection(one, time.monotonic) for one in senders], "node")
        dispatch.start()
        try:
            yield dispatch
        finally:
            dispatch.stop()


def c_store(address: PeerAddress, lanes: int = 1) -> Sequence[Sender]:
    return [
        StorageSender(lambda contexts: Association.open(address, contexts, timeouts=TIMEOUTS)) for _ in range(lanes)
    ]


def test_storescp_that_is_killed_twice_has_everything_in_the_end(storescp: StartStorescp) -> None:
    stock = Stock()
    for number in range(400):
        stock.add(number, image(number, 20_000), study_instance_uid=f"1.{number // 50}")
    port = reserved_port()
    first = storescp(port=port)
    with stock.delivering(*c_store(first.address)):
        wait_for_delivered(stock.outbox, 60)
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
        second = storescp(port=port)
        wait_for_delivered(stock.outbox, 200)
        os.kill(second.process.pid, signal.SIGKILL)
        second.process.wait()
        third = storescp(port=port)
        stock.outbox.wait_for(60, delivered=400)
    kept = [str(pydicom.dcmread(path).PatientID) for one in (first, second, third) for path in one.files()]
    assert set(kept) == {f"P{number}" for number in range(400)}


def wait_for_delivered(outbox: OutboxDouble, count: int) -> None:
    with outbox.changed:
        assert outbox.changed.wait_for(lambda: outbox._states().get("delivered", 0) >= count, 30)


def test_orthanc_gets_what_it_takes_over_several_lanes(orthanc: RunningOrthanc, corpus: Path) -> None:
    stock = Stock()
    files = {}
    for number, path in enumerate(sample_files(corpus)):
        file = path.read_bytes()
        files[stock.add(number, file, study_instance_uid=f"1.{number}").sop_instance_uid] = file
    with stock.delivering(*c_store(orthanc.address, lanes=3)), stock.outbox.changed:
        stock.outbox.changed.wait_for(lambda: all(row.last for row in stock.outbox.rows.values()), 30)
    there = orthanc.instances()
    delivered = {row.line.sop_instance_uid for row in stock.outbox.rows.values() if row.state == "delivered"}
    assert delivered == set(there)
    assert len(delivered) >= 8
    for uid in delivered:
        assert values_of(orthanc.file_of(uid)) == values_of(files[uid])


def test_orthanc_gets_objects_over_stow_rs(orthanc_web: RunningOrthanc, corpus: Path) -> None:
    stock = Stock()
    files = {}
    for number, path in enumerate(sample_files(corpus)):
        file = path.read_bytes()
        files[stock.add(number, file, study_instance_uid="1.2").sop_instance_uid] = file
    for number in range(100, 125):
        file = image(number, 50_000)
        files[stock.add(number, file, study_instance_uid="1.3").sop_instance_uid] = file
    sender = StowSender(f"http://127.0.0.1:{orthanc_web.http_port}/dicom-web")
    with stock.delivering(sender):
        stock.outbox.wait_for(60, delivered=len(files))
    there = orthanc_web.instances()
    assert set(there) == set(files)
    for uid, file in files.items():
        assert values_of(orthanc_web.file_of(uid)) == values_of(file)


def test_a_wrong_path_at_orthanc_is_the_destinations_trouble(orthanc_web: RunningOrthanc) -> None:
    stock = Stock()
    stock.add(1, image(1))
    sender = StowSender(f"http://127.0.0.1:{orthanc_web.http_port}/nothing-here")
    with stock.delivering(sender), stock.outbox.changed:
        assert stock.outbox.changed.wait_for(lambda: bool(stock.outbox.notes), 10)
    problem = stock.outbox.notes[0][0]
    assert problem is not None
    assert problem.code == "TLM-DLV-035"
    assert stock.outbox.states() == {"queued": 1}


def test_a_folder_gets_files_that_others_can_read(corpus: Path, tmp_path: Path) -> None:
    stock = Stock()
    files = {}
    for number, path in enumerate(sample_files(corpus)):
        file = path.read_bytes()
        files[stock.add(number, file).sop_instance_uid] = file
    template = PathTemplate.parse("{PatientID}/{StudyDate} {Modality}/{SOPInstanceUID}.dcm")
    with stock.delivering(FolderSender(FolderTree(tmp_path), template)):
        stock.outbox.wait_for(30, delivered=len(files))
    found = {
        str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): path for path in tmp_path.rglob("*.dcm")
    }
    assert {uid: path.read_bytes() for uid, path in found.items()} == files
