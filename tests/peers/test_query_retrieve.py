"""Real clients against our archive: DCMTK, GDCM and Orthanc find, move, get, store; others replayed byte by byte."""

import io
import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from tests.calling import call
from tests.held_archive import HeldArchive
from tests.peers.conftest import RunningOrthanc, StartStorescp, reserved_port, running
from tests.peers.dicom_files import values_of
from tests.peers.qr_files import ROOT, image
from tests.unit.adapters.dimse.asking import IMPLICIT_LE, LE, STUDY_FIND, STUDY_MOVE, Asker
from tolmach.adapters.dimse import Association, PeerAddress
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.query_retrieve_scp import QuerySettings, query_retrieve_services
from tolmach.adapters.dimse.reception import ReceivedInstance
from tolmach.adapters.dimse.retrieving import MoveDestination
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]

NAMES = {1: "Щербаков^Семён^Ильич", 2: "Іванов^Іван", 3: "Кузьмич^Пётр"}
FindProgram = Callable[[str], Path]


class Archive:
    """Our archive on a port of its own, and the AE titles it may move to."""

    def __init__(self, folder: Path) -> None:
        self.held = HeldArchive()
        self.stored: list[str] = []
        self.ports: dict[str, int] = {}
        services = query_retrieve_services(
            self.held.index, self.held.open, self._destination_of, QuerySettings("TOLMACH")
        )
        titles = ("FINDSCU", "MOVESCU", "GETSCU", "STORESCU", "ORTHANC", "GDCMSCU", "ASKER", "TOLMACH")
        callers = tuple(Caller(title.lower(), title, ("127.0.0.1",)) for title in titles)
        settings = StorageScpSettings(port=0, policy=AcceptancePolicy("TOLMACH", callers))
        self.scp = StorageScp(settings, folder, self._keep, services=services)
        for study, name in NAMES.items():
            for series in (1, 2):
                for number in range(1, 4):
                    self.held.put(image(study, series, number, name=name, modality="CT" if series == 1 else "SR"))

    @property
    def address(self) -> str:
        return f"TOLMACH@127.0.0.1:{self.scp.port}"

    def _keep(self, received: ReceivedInstance) -> int:
        self.held.put(received.path.read_bytes())
        self.stored.append(received.sop_instance_uid)
        return 0

    def _destination_of(self, ae_title: str, _caller: str) -> MoveDestination | None:
        port = self.ports.get(ae_title)
        if port is None:
            return None
        address = PeerAddress(ae_title, "127.0.0.1", port)
        return MoveDestination(ae_title, lambda contexts: Association.open(address, contexts, "TOLMACH"))

    def study(self, study: int) -> dict[str, bytes]:
        return {uid: raw for uid, raw in self.held.files.items() if uid.startswith(f"{ROOT}.{study}.")}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    one = Archive(tmp_path)
    with one.scp:
        yield one


def run(program: Path, *arguments: object, status: int = 0) -> str:
    ended = subprocess.run([str(program), *map(str, arguments)], capture_output=True, timeout=120, check=False)
    said = (ended.stdout + ended.stderr).decode("utf-8", "replace")
    assert ended.returncode == status, said
    return said


def keys(**values: str) -> list[str]:
    return [part for name, value in values.items() for part in ("-k", f"{name}={value}" if value else name)]


def same_objects(files: Mapping[str, bytes], folder: Path) -> None:
    got = {str(dcmread(one).SOPInstanceUID): one.read_bytes() for one in folder.rglob("*") if one.is_file()}
    assert got.keys() == files.keys()
    for uid, raw in files.items():
        assert values_of(got[uid]) == values_of(raw)


# DCMTK ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["Shcherbakov*", "ЩЕРБАКОВ", "Щербаков^*"])
def test_findscu_finds_shcherbakov(archive: Archive, peer_program: FindProgram, asked: str) -> None:
    wanted = keys(QueryRetrieveLevel="STUDY", PatientName=asked, StudyInstanceUID="", NumberOfStudyRelatedInstances="")
    said = run(
        peer_program("findscu"),
        "-v",
        "-S",
        "-aec",
        "TOLMACH",
        "-k",
        "0008,0005=ISO_IR 192",
        *wanted,
        "127.0.0.1",
        archive.scp.port,
    )
    assert "(Success)" in said
    assert said.count("(Pending)") == 1
    assert NAMES[1] in said
    assert "[6 ]" in said or "[6]" in said


@pytest.mark.parametrize("asked", ["Иванов", "Ivanov"])
def test_findscu_finds_ivanov(archive: Archive, peer_program: FindProgram, asked: str) -> None:
    wanted = keys(QueryRetrieveLevel="PATIENT", PatientName=asked, PatientID="")
    said = run(
        peer_program("findscu"),
        "-v",
        "-P",
        "-aec",
        "TOLMACH",
        "-k",
        "0008,0005=ISO_IR 192",
        *wanted,
        "127.0.0.1",
        archive.scp.port,
    )
    assert NAMES[2] in said
    assert said.count("(Pending)") == 1


def test_findscu_at_every_level(archive: Archive, peer_program: FindProgram) -> None:
    study, series = f"{ROOT}.1", f"{ROOT}.1.2"
    for root, level, above, count in (
        ("-P", "PATIENT", {}, 3),
        ("-P", "STUDY", {"PatientID": "P1"}, 1),
        ("-P", "SERIES", {"PatientID": "P1", "StudyInstanceUID": study}, 2),
        ("-S", "STUDY", {}, 3),
        ("-S", "SERIES", {"StudyInstanceUID": study}, 2),
        ("-S", "IMAGE", {"StudyInstanceUID": study, "SeriesInstanceUID": series}, 3),
    ):
        wanted = keys(QueryRetrieveLevel=level, **above)
        said = run(peer_program("findscu"), "-v", root, "-aec", "TOLMACH", *wanted, "127.0.0.1", archive.scp.port)
        assert said.count("(Pending)") == count, (root, level, said)


def test_findscu_hears_why_it_is_refused(archive: Archive, peer_program: FindProgram) -> None:
    said = run(
        peer_program("findscu"),
        "-d",
        "-S",
        "-aec",
        "TOLMACH",
        *keys(QueryRetrieveLevel="SERIES"),
        "127.0.0.1",
        archive.scp.port,
    )
    assert "DataSetDoesNotMatchSOPClass" in said or "0xa900" in said.lower()
    assert "StudyInstanceUID must have one value" in said


def test_movescu_to_storescp(archive: Archive, peer_program: FindProgram, storescp: StartStorescp) -> None:
    peer = storescp(ae_title="PACS")
    archive.ports["PACS"] = peer.port
    wanted = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=f"{ROOT}.1")
    run(peer_program("movescu"), "-v", "-S", "-aec", "TOLMACH", "-aem", "PACS", *wanted, "127.0.0.1", archive.scp.port)
    same_objects(archive.study(1), peer.folder)


def test_movescu_to_itself(archive: Archive, peer_program: FindProgram, tmp_path: Path) -> None:
    folder, port = tmp_path / "moved", reserved_port()
    folder.mkdir()
    archive.ports["MOVESCU"] = port
    wanted = keys(QueryRetrieveLevel="SERIES", StudyInstanceUID=f"{ROOT}.2", SeriesInstanceUID=f"{ROOT}.2.1")
    arguments = ["-v", "-S", "-aec", "TOLMACH", "-aem", "MOVESCU", "+P", port, "-od", folder]
    run(peer_program("movescu"), *arguments, *wanted, "127.0.0.1", archive.scp.port)
    same_objects({uid: raw for uid, raw in archive.study(2).items() if f"{ROOT}.2.1." in uid}, folder)


def test_movescu_to_nobody(archive: Archive, peer_program: FindProgram) -> None:
    """N-07."""
    wanted = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=f"{ROOT}.1")
    said = run(
        peer_program("movescu"),
        "-v",
        "-S",
        "-aec",
        "TOLMACH",
        "-aem",
        "NOBODY",
        *wanted,
        "127.0.0.1",
        archive.scp.port,
        status=69,
    )
    assert "MoveDestinationUnknown" in said


@pytest.mark.parametrize("root", ["-S", "-P"])
def test_getscu(archive: Archive, peer_program: FindProgram, tmp_path: Path, root: str) -> None:
    folder = tmp_path / "got"
    folder.mkdir()
    wanted = keys(QueryRetrieveLevel="STUDY", PatientID="P1", StudyInstanceUID=f"{ROOT}.1")
    run(peer_program("getscu"), "-v", root, "-aec", "TOLMACH", "-od", folder, *wanted, "127.0.0.1", archive.scp.port)
    same_objects(archive.study(1), folder)


def test_storescu_and_then_findscu(archive: Archive, peer_program: FindProgram, tmp_path: Path) -> None:
    file = tmp_path / "new.dcm"
    file.write_bytes(image(9, name="Новенька^Ганна"))
    run(peer_program("storescu"), "-aec", "TOLMACH", "127.0.0.1", archive.scp.port, file)
    wanted = keys(QueryRetrieveLevel="STUDY", PatientName="novenka")
    said = run(peer_program("findscu"), "-v", "-S", "-aec", "TOLMACH", *wanted, "127.0.0.1", archive.scp.port)
    assert "Новенька^Ганна" in said


# GDCM -----------------------------------------------------------------------------------------------------------------


# What gdcmscu 3.0.22 of Debian says after every release, also to storescp, before it aborts.
GDCM_ABORTS = "ProtocolStream as nullptr is invalid"


def gdcmscu(program: Path, archive: Archive, *arguments: object) -> str:
    """Run gdcmscu to its own end; what it has done until then is judged by what arrived."""
    own = ["-H", "127.0.0.1", "-p", archive.scp.port, "--aetitle", "GDCMSCU", "--call", "TOLMACH"]
    command = [str(program), *map(str, (*arguments, *own))]
    ended = subprocess.run(command, capture_output=True, timeout=120, check=False)
    said = (ended.stdout + ended.stderr).decode("utf-8", "replace")
    assert ended.returncode == 0 or GDCM_ABORTS in said, said
    return said


def test_gdcmscu_stores_and_finds(
    archive: Archive, peer_program: FindProgram, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program, file = peer_program("gdcmscu"), tmp_path / "new.dcm"
    file.write_bytes(image(9))
    gdcmscu(program, archive, "--store", "-i", file)
    assert archive.stored == [f"{ROOT}.9.1.1"]
    with caplog.at_level("INFO"):
        gdcmscu(program, archive, "--find", "--studyroot", "--study", "--key", "10,20=P2", "--key", "20,d=")
    assert "GDCMSCU@127.0.0.1: C-FIND at STUDY level: 1 answers, status 0000" in caplog.text


# Orthanc --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def orthanc_client(archive: Archive, peer_program: FindProgram, tmp_path: Path) -> Iterator[RunningOrthanc]:
    """Give an Orthanc that knows us as the modality "tolmach"."""
    dicom_port, http_port = reserved_port(), reserved_port()
    storage = tmp_path / "orthanc-client"
    storage.mkdir()
    settings = {
        "StorageDirectory": str(storage),
        "IndexDirectory": str(storage),
        "Plugins": [],
        "DicomAet": "ORTHANC",
        "DicomPort": dicom_port,
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomModalities": {"tolmach": ["TOLMACH", "127.0.0.1", archive.scp.port]},
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DefaultEncoding": "Utf8",
    }
    file = tmp_path / "orthanc-client.json"
    file.write_text(json.dumps(settings))
    with running([str(peer_program("Orthanc")), str(file)], http_port, tmp_path / "client.log", {}) as process:
        archive.ports["ORTHANC"] = dicom_port
        yield RunningOrthanc("ORTHANC", dicom_port, http_port, process)


def post(orthanc: RunningOrthanc, path: str, body: object) -> Any:
    url = f"http://127.0.0.1:{orthanc.http_port}{path}"
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_orthanc_asks_and_fetches(archive: Archive, orthanc_client: RunningOrthanc) -> None:
    """As Orthanc's own explorer does it: query a modality, list the answers, retrieve one by C-MOVE to itself."""
    query = {"Level": "Study", "Query": {"PatientName": "Щербаков*", "StudyInstanceUID": ""}}
    found = post(orthanc_client, "/modalities/tolmach/query", query)
    answers = orthanc_client.get_json(f"/queries/{found['ID']}/answers?expand&simplify")
    assert [one["PatientName"] for one in answers] == [NAMES[1]]
    post(orthanc_client, f"/queries/{found['ID']}/answers/0/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})
    assert set(orthanc_client.instances()) == set(archive.study(1))
    for uid, raw in archive.study(1).items():
        assert values_of(orthanc_client.file_of(uid)) == values_of(raw)


@pytest.mark.parametrize("level", ["Patient", "Study", "Series", "Instance"])
def test_orthanc_moves_at_every_level(archive: Archive, orthanc_client: RunningOrthanc, level: str) -> None:
    resource = {
        "Patient": {"PatientID": "P1"},
        "Study": {"StudyInstanceUID": f"{ROOT}.1"},
        "Series": {"StudyInstanceUID": f"{ROOT}.1", "SeriesInstanceUID": f"{ROOT}.1.1"},
        "Instance": {
            "StudyInstanceUID": f"{ROOT}.1",
            "SeriesInstanceUID": f"{ROOT}.1.1",
            "SOPInstanceUID": f"{ROOT}.1.1.2",
        },
    }[level]
    post(
        orthanc_client,
        "/modalities/tolmach/move",
        {"Level": level, "Resources": [resource], "TargetAet": "ORTHANC", "Synchronous": True},
    )
    expected = {"Patient": 6, "Study": 6, "Series": 3, "Instance": 1}[level]
    assert len(orthanc_client.instances()) == expected


# Others, as the standard lets them ask --------------------------------------------------------------------------------


def test_a_dcm4che_style_query(archive: Archive) -> None:
    """A Java client: Implicit VR, relational and fuzzy agreed on, every level's keys at once, empty names, no label."""
    asked = {
        "QueryRetrieveLevel": "STUDY",
        "StudyDate": "20261101-20261130",
        "StudyTime": "",
        "AccessionNumber": "",
        "RetrieveAETitle": "",
        "InstanceAvailability": "",
        "ModalitiesInStudy": "CT",
        "ReferringPhysicianName": "",
        "StudyDescription": "",
        "PatientName": "shcherbakov",
        "PatientID": "",
        "IssuerOfPatientID": "",
        "PatientBirthDate": "",
        "PatientSex": "",
        "StudyInstanceUID": "",
        "StudyID": "",
        "NumberOfStudyRelatedSeries": "",
        "NumberOfStudyRelatedInstances": "",
        "SOPClassesInStudy": "",
    }
    extended = [(STUDY_FIND, b"\1\1\1\0\0"), (STUDY_MOVE, b"\1")]
    with Asker(archive.scp.port, [STUDY_FIND, STUDY_MOVE], syntax=IMPLICIT_LE, extended=extended) as asker:
        heard = asker.find(asked)  # type: ignore[arg-type]
    (answer,) = heard.answers
    assert heard.status == 0
    assert str(answer.PatientName) == NAMES[1]
    assert answer.NumberOfStudyRelatedInstances == 6
    assert (answer.RetrieveAETitle, answer.InstanceAvailability) == ("TOLMACH", "ONLINE")
    assert list(answer.ModalitiesInStudy) == ["CT", "SR"]
    assert answer.SOPClassesInStudy == "1.2.840.10008.5.1.4.1.1.2"


def test_a_weasis_style_visit(archive: Archive) -> None:
    """A viewer on one association: studies of a patient, then series of each, then images, then a move by UID list."""
    with Asker(archive.scp.port, [STUDY_FIND, STUDY_MOVE], syntax=LE) as asker:
        studies = asker.find(
            {
                "QueryRetrieveLevel": "STUDY",
                "PatientID": "P2",
                "PatientName": "",
                "StudyInstanceUID": "",
                "StudyDate": "",
            },
            label="ISO_IR 192",
        )
        (study,) = studies.values("StudyInstanceUID")
        series = asker.find(
            {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": study, "SeriesInstanceUID": "", "Modality": ""}
        )
        assert series.values("Modality") == ["CT", "SR"]
        images = asker.find(
            {
                "QueryRetrieveLevel": "IMAGE",
                "StudyInstanceUID": study,
                "SeriesInstanceUID": series.values("SeriesInstanceUID")[0],
                "SOPInstanceUID": "",
                "InstanceNumber": "",
            }
        )
        assert images.values("InstanceNumber") == ["1", "2", "3"]
        assert asker.move({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study}, "WEASIS").status == 0xA801


# tolmach find, tolmach get --------------------------------------------------------------------------------------------


def test_find_and_get_from_ourselves(archive: Archive, tmp_path: Path) -> None:
    found = call("find", archive.address, "PatientName=Щербаков*", "--return", "StudyDescription", "--json")
    assert (found.status, found.err) == (0, "")
    (study,) = found.objects
    assert study["PatientName"] == NAMES[1]
    assert study["StudyDescription"] == "Органи грудної клітки"
    got = call(
        "get", archive.address, f"StudyInstanceUID={study['StudyInstanceUID']}", "--out", tmp_path / "out", "--json"
    )
    assert (got.status, got.err) == (0, "")
    assert {one["sop_instance_uid"] for one in got.objects} == set(archive.study(1))
    for one in got.objects:
        raw = Path(one["path"]).read_bytes()
        assert values_of(raw) == values_of(archive.held.files[one["sop_instance_uid"]])
        assert (tmp_path / "out").resolve() in Path(one["path"]).resolve().parents


def test_find_and_get_from_orthanc(orthanc_client: RunningOrthanc, archive: Archive, tmp_path: Path) -> None:
    for raw in archive.study(1).values():
        url = f"http://127.0.0.1:{orthanc_client.http_port}/instances"
        urllib.request.urlopen(urllib.request.Request(url, raw), timeout=60).close()
    to = f"ORTHANC@127.0.0.1:{orthanc_client.dicom_port}"
    for level, extra, count in (
        ("patient", [], 1),
        ("study", [], 1),
        ("series", [f"StudyInstanceUID={ROOT}.1"], 2),
        ("image", [f"StudyInstanceUID={ROOT}.1", f"SeriesInstanceUID={ROOT}.1.1"], 3),
    ):
        found = call("find", to, *extra, "PatientName=ЩЕРБАКОВ*", "--level", level, "--json")
        assert (found.status, found.err, len(found.objects)) == (0, "", count), level
        assert all(one["PatientName"] == NAMES[1] for one in found.objects if "PatientName" in one)
    got = call("get", to, f"StudyInstanceUID={ROOT}.1", "--out", tmp_path / "out", "--json")
    assert (got.status, got.err) == (0, "")
    assert {one["sop_instance_uid"] for one in got.objects} == set(archive.study(1))
    assert all(dcmread(io.BytesIO(Path(one["path"]).read_bytes())).PatientName == NAMES[1] for one in got.objects)


def test_get_from_a_peer_that_gives_nothing_back(storescp: StartStorescp, tmp_path: Path) -> None:
    peer = storescp(ae_title="PACS")
    got = call("get", str(peer.address), "StudyInstanceUID=1.2.3", "--out", tmp_path / "out")
    assert (got.status, got.codes) == (1, ["TLM-CLI-052"])
    assert "C-GET" in got.err
    assert call("get", str(peer.address), "PatientName=X", "--out", tmp_path / "out").status == 2


@pytest.mark.parametrize(
    "arguments", [["Nonsense=1"], ["PatientName"], ["--level", "ward"], ["Rows=x", "--level", "image"]]
)
def test_a_question_that_cannot_be_asked(arguments: list[str]) -> None:
    called = call("find", "PACS@127.0.0.1:1", *arguments)
    assert called.status == 2
    assert called.codes[0].startswith("TLM-CLI-05")
