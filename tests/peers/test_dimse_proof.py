"""Proof against real archives: Orthanc answers for what it keeps, Orthanc and dcmqrscp are asked what they find."""

import json
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.peers.conftest import RunningOrthanc, reserved_port, running
from tests.peers.dicom_files import Part10, read_part10
from tolmach.adapters.dimse import Association, PeerAddress, PresentationContext, plan_contexts, store_all
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.commitment import Failure, Reference
from tolmach.adapters.dimse.commitment_report_scp import commitment_report_scp
from tolmach.adapters.dimse.commitment_scu import COMMITMENT_CONTEXT, request_commitment
from tolmach.adapters.dimse.provers import OpenAssociation, QueryProver
from tolmach.adapters.dimse.query_scu import QUERY_CONTEXT, Find
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.delivery.interfaces import Claimed
from tolmach.dicom import uids

pytestmark = pytest.mark.slow


@dataclass
class Inbox:
    """Takes reports."""

    reports: list[tuple[str, list[Reference], list[Failure]]] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)

    def __call__(self, uid: str, stored: Sequence[Reference], failed: Sequence[Failure]) -> int:
        self.reports.append((uid, list(stored), list(failed)))
        self.came.set()
        return 0


@pytest.fixture
def samples(corpus: Path) -> list[Part10]:
    folder = corpus / "pydicom" / "test_files"
    return [read_part10(folder / name) for name in ("CT_small.dcm", "MR_small_implicit.dcm", "waveform_ecg.dcm")]


@pytest.fixture
def lines(corpus: Path) -> list[Claimed]:
    folder = corpus / "pydicom" / "test_files"
    found = []
    for number, name in enumerate(("CT_small.dcm", "MR_small_implicit.dcm", "waveform_ecg.dcm", "reportsi.dcm")):
        ds = dcmread(folder / name)
        found.append(
            Claimed(
                delivery_id=number,
                object_id=number,
                destination="pacs",
                stored_sha256="",
                data_set_offset=0,
                delta=b"",
                sop_class_uid=ds.SOPClassUID,
                sop_instance_uid=ds.SOPInstanceUID,
                transfer_syntax_uid="",
                study_instance_uid=ds.StudyInstanceUID,
                series_instance_uid=ds.SeriesInstanceUID,
                attempts=1,
                received_at=datetime.now(UTC),
            )
        )
    return found


def store(address: PeerAddress, samples: list[Part10]) -> None:
    plan = plan_contexts((sample.sop_class_uid, sample.transfer_syntax_uid) for sample in samples)[0]
    with Association.open(address, plan.contexts, "TOLMACH") as assoc:
        outcomes = list(store_all(assoc, (sample.outgoing for sample in samples)))
    assert [str(outcome.error) for outcome in outcomes if not outcome.stored] == []


def opener(address: PeerAddress) -> OpenAssociation:
    def associate(contexts: Sequence[PresentationContext]) -> Association:
        return Association.open(address, contexts, "TOLMACH")

    return associate


# Storage Commitment ---------------------------------------------------------------------------------------------------


def test_orthanc_reports_on_an_association_of_its_own(
    tmp_path: Path, orthanc: RunningOrthanc, samples: list[Part10]
) -> None:
    inbox = Inbox()
    policy = AcceptancePolicy("TOLMACH", (Caller("pacs", "ORTHANC", ("127.0.0.1",), frozenset({"commit"})),))
    spool = tmp_path / "spool"
    spool.mkdir()
    store(orthanc.address, samples[:2])
    with StorageScp(
        StorageScpSettings(port=0, policy=policy), spool, lambda _: 0, services=[commitment_report_scp(inbox)]
    ) as scp:
        know_us(orthanc, scp.port)
        references = [(sample.sop_class_uid, sample.sop_instance_uid) for sample in samples]
        with Association.open(orthanc.address, [COMMITMENT_CONTEXT], "TOLMACH") as assoc:
            assert not request_commitment(assoc, "2.25.4711", references, inbox)
        assert inbox.came.wait(60)
    ((uid, stored, failed),) = inbox.reports
    assert uid == "2.25.4711"
    assert sorted(stored) == sorted(references[:2])
    assert failed == [(*references[2], 0x0112)]  # no such object instance


def know_us(orthanc: RunningOrthanc, port: int) -> None:
    """Tell Orthanc where TOLMACH listens."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{orthanc.http_port}/modalities/tolmach",
        json.dumps(["TOLMACH", "127.0.0.1", port]).encode(),
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


# Queries --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def dcmqrscp(peer_program: Callable[[str], Path], tmp_path: Path) -> Iterator[PeerAddress]:
    """Give a DCMTK archive that stores and finds."""
    folder, port = tmp_path / "qr", reserved_port()
    folder.mkdir()
    configuration = tmp_path / "dcmqrscp.cfg"
    configuration.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nQRSCP {folder} RW (200, 1024mb) ANY\nAETable END\n"
    )
    command = [str(peer_program("dcmqrscp")), "-c", str(configuration)]
    with running(command, port, tmp_path / "dcmqrscp.log", {}):
        yield PeerAddress("QRSCP", "127.0.0.1", port)


def prove_by_query(address: PeerAddress, samples: list[Part10], lines: list[Claimed]) -> dict[int, bool | None]:
    store(address, samples)
    return {answer.delivery_id: answer.has_it for answer in QueryProver(opener(address), address).prove(lines)}


EXPECTED = {0: True, 1: True, 2: True, 3: False}


def test_orthanc_finds_what_it_has(orthanc: RunningOrthanc, samples: list[Part10], lines: list[Claimed]) -> None:
    know_us(orthanc, 104)
    assert prove_by_query(orthanc.address, samples, lines) == EXPECTED


def test_dcmqrscp_finds_what_it_has(dcmqrscp: PeerAddress, samples: list[Part10], lines: list[Claimed]) -> None:
    assert prove_by_query(dcmqrscp, samples, lines) == EXPECTED


def test_what_we_find_findscu_finds(
    dcmqrscp: PeerAddress, samples: list[Part10], lines: list[Claimed], peer_program: Callable[[str], Path]
) -> None:
    store(dcmqrscp, samples)
    with Association.open(dcmqrscp, [QUERY_CONTEXT], "TOLMACH") as assoc:
        ours = len(list(Find(assoc, [("QueryRetrieveLevel", "STUDY"), ("StudyInstanceUID", "")])))
    findscu = [str(peer_program("findscu")), "-v", "-S", "-aec", "QRSCP", "-k", "QueryRetrieveLevel=STUDY"]
    findscu += ["-k", "StudyInstanceUID", "127.0.0.1", str(dcmqrscp.port)]
    ended = subprocess.run(findscu, capture_output=True, text=True, timeout=60, check=True)
    assert (
        ours == (ended.stdout + ended.stderr).count("(Pending)") == len({one.study_instance_uid for one in lines[:3]})
    )


def test_an_unlisted_service_is_told_as_such(dcmqrscp: PeerAddress) -> None:
    worklist = PresentationContext(
        1, uids.ModalityWorklistInformationModelFind, (uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian)
    )
    with Association.open(dcmqrscp, [QUERY_CONTEXT], "TOLMACH") as assoc:
        assert assoc.context_for(worklist.abstract_syntax, uids.ImplicitVRLittleEndian) is None
