"""DCMTK's clients of Query/Retrieve and storage through our one port: pynetdicom answers, our engine stores."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from tests.peers.dicom_files import read_part10
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.reception import ReceivedInstance
from tolmach.adapters.dimse.relayed_service import RelayedService
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.dicom import uids

pytestmark = pytest.mark.slow

FIND_ROOTS = frozenset(
    {uids.StudyRootQueryRetrieveInformationModelFind, uids.PatientRootQueryRetrieveInformationModelFind}
)
GET_ROOTS = frozenset({uids.StudyRootQueryRetrieveInformationModelGet})


class Archive:
    """One CT image that is found and sent; what comes is kept in memory."""

    def __init__(self, file: Path) -> None:
        self.image = dcmread(file)
        self.received: list[ReceivedInstance] = []

    def find(self, event: Any, caller: Caller) -> Iterator[tuple[int, Dataset]]:
        answer = Dataset()
        answer.SpecificCharacterSet = "ISO_IR 192"
        answer.QueryRetrieveLevel = event.identifier.QueryRetrieveLevel
        answer.PatientName = "ІВАНОВ^ЇЖАК"
        answer.StudyInstanceUID = self.image.StudyInstanceUID
        for _ in range(250):
            yield 0xFF00, answer

    def get(self, event: Any, caller: Caller) -> Iterator[Any]:
        yield 1
        yield 0xFF00, self.image

    def keep(self, received: ReceivedInstance) -> int:
        self.received.append(received)
        return 0


@pytest.fixture
def archive(corpus: Path) -> Archive:
    return Archive(corpus / "pydicom" / "test_files" / "CT_small.dcm")


@pytest.fixture
def scp(tmp_path: Path, archive: Archive) -> Iterator[StorageScp]:
    services = [
        RelayedService(FIND_ROOTS, {"EVT_C_FIND": archive.find}),
        RelayedService(GET_ROOTS, {"EVT_C_GET": archive.get}, sends_instances=True),
    ]
    with StorageScp(StorageScpSettings(port=0), tmp_path, archive.keep, services=services) as running:
        yield running


def run(program: Path, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(program), *map(str, arguments)], capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("root", ["-S", "-P"])
def test_findscu(scp: StorageScp, peer_program: Callable[[str], Path], root: str) -> None:
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName", "-k", "StudyInstanceUID"]
    ended = run(peer_program("findscu"), "-v", root, *keys, "127.0.0.1", scp.port)
    said = ended.stdout + ended.stderr
    assert ended.returncode == 0, said
    assert said.count("ІВАНОВ^ЇЖАК".encode()) == 250


def test_findscu_that_cancels(scp: StorageScp, peer_program: Callable[[str], Path]) -> None:
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName"]
    ended = run(peer_program("findscu"), "-v", "-S", "--cancel", 5, *keys, "127.0.0.1", scp.port)
    assert ended.returncode == 0, ended.stderr


def test_getscu(scp: StorageScp, archive: Archive, tmp_path: Path, peer_program: Callable[[str], Path]) -> None:
    folder = tmp_path / "got"
    folder.mkdir()
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={archive.image.StudyInstanceUID}"]
    ended = run(peer_program("getscu"), "-v", "-S", "-od", folder, *keys, "127.0.0.1", scp.port)
    assert ended.returncode == 0, ended.stderr
    (got,) = folder.iterdir()
    assert read_part10(got).sop_instance_uid == archive.image.SOPInstanceUID
    assert dcmread(got).PixelData == archive.image.PixelData


def test_storescu_and_echoscu_beside_it(
    scp: StorageScp, archive: Archive, corpus: Path, peer_program: Callable[[str], Path]
) -> None:
    file = corpus / "pydicom" / "test_files" / "CT_small.dcm"
    assert run(peer_program("storescu"), "127.0.0.1", scp.port, file).returncode == 0
    assert run(peer_program("echoscu"), "127.0.0.1", scp.port).returncode == 0
    assert [received.sop_instance_uid for received in archive.received] == [archive.image.SOPInstanceUID]
