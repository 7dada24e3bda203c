"""`tolmach serve` as an archive: images with spoilt text go in, others' tools find them and get them back."""

from __future__ import annotations

import io
import json
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pydicom
import pytest
import requests
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pynetdicom import AE, evt

from tests.calling import start
from tests.peers.conftest import RunningOrthanc, StartOrthancWeb, StartStorescp, reserved_port
from tests.peers.served_archive import (
    CALLERS,
    NAMES,
    ROOT,
    SECONDS,
    SHOTS,
    TITLE,
    ServedArchive,
    keys,
    shot,
)
from tests.postgres_server import the_server
from tests.pynetdicom_peer import associated
from tests.s3_server import KEYS, s3_server
from tolmach.dicom import uids

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]

FindProgram = Callable[[str], Path]
CT = "1.2.840.10008.5.1.4.1.1.2"
ALL = {f"{ROOT}.1.{series}.{number}" for series in (1, 2) for number in (1, 2)} | {f"{ROOT}.2.1.1", f"{ROOT}.3.1.1"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, peer_program: FindProgram) -> Iterator[ServedArchive]:
    """Give an archive that storescu and dcmsend have put six images of three people into."""
    folder = tmp_path_factory.mktemp("archive")
    with ServedArchive(folder, {"viewer": reserved_port()}, more={"old": {"text": "iso_ir_144"}}) as one:
        for tool, files in (("storescu", SHOTS[:3]), ("dcmsend", SHOTS[3:])):
            stored = one.store(peer_program(tool), *files)
            assert stored.status == 0, stored.said
        yield one


def studies(archive: ServedArchive, program: Path, calling: str = "VIEWER", **asked: str) -> list[str]:
    """Give the lines in which findscu tells the names it was answered with."""
    wanted = keys(**{"QueryRetrieveLevel": "STUDY", "PatientName": "", "StudyInstanceUID": "", **asked})
    ended = archive.tool(program, "-v", "-S", *wanted, "127.0.0.1", archive.port, calling=calling)
    assert "(Success)" in ended.said, ended.said
    found = ended.said.partition("Find Response: 1")[2]
    return [line for line in found.splitlines() if "(0010,0010)" in line]


def got(folder: Path) -> dict[str, Dataset]:
    """Give the objects in a folder by their UIDs."""
    found = [pydicom.dcmread(path) for path in folder.rglob("*") if path.is_file()]
    return {str(one.SOPInstanceUID): one for one in found}


# DICOM --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        *((one, NAMES[1]) for one in ("Shcherbakov*", "ЩЕРБАКОВ", "Щербаков^*", "scherbakov")),
        *((one, NAMES[2]) for one in ("Иванов", "Ivanov*", "Іванов^Іван*")),
    ],
)
def test_findscu_finds_people_in_any_script(
    archive: ServedArchive, peer_program: FindProgram, asked: str, name: str
) -> None:
    """F-12: what came in Windows-1251 or KOI8-U under a wrong label, or none, is found as it should read."""
    (found,) = studies(archive, peer_program("findscu"), PatientName=asked)
    assert name in found


def test_each_caller_is_answered_in_letters_it_reads(archive: ServedArchive, peer_program: FindProgram) -> None:
    folder = archive.folder / "answers"
    folder.mkdir()
    wanted = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=f"{ROOT}.1", PatientName="")
    archive.tool(peer_program("findscu"), "-S", "-X", "-od", folder, *wanted, "127.0.0.1", archive.port, calling="OLD")
    (answer,) = [pydicom.dcmread(one, force=True) for one in folder.iterdir()]
    assert answer.SpecificCharacterSet == "ISO_IR 144"
    assert answer.PatientName == NAMES[1]


def test_a_question_just_after_storing_finds_what_was_stored(archive: ServedArchive, peer_program: FindProgram) -> None:
    """What was acknowledged is found, though everything that is done with it comes after the acknowledgement."""
    for number in range(20, 23):
        assert archive.store(peer_program("storescu"), shot(number, name=f"Новенька^{number}")).status == 0
        (found,) = studies(archive, peer_program("findscu"), StudyInstanceUID=f"{ROOT}.{number}")
        assert f"Новенька^{number}" in found


@pytest.mark.parametrize("root", ["-S", "-P"])
def test_getscu_gets_a_study_repaired(
    archive: ServedArchive, peer_program: FindProgram, tmp_path: Path, root: str
) -> None:
    wanted = keys(QueryRetrieveLevel="STUDY", PatientID="P1", StudyInstanceUID=f"{ROOT}.1")
    ended = archive.tool(
        peer_program("getscu"), root, "-od", tmp_path, *wanted, "127.0.0.1", archive.port, calling="VIEWER"
    )
    assert ended.status == 0, ended.said
    found = got(tmp_path)
    assert found.keys() == {uid for uid in ALL if uid.startswith(f"{ROOT}.1.")}
    assert {str(one.PatientName) for one in found.values()} == {NAMES[1]}
    assert {one.PixelData for one in found.values()} == {bytes(range(256)) * 2}


def test_movescu_moves_to_configured_peers_and_to_nobody_else(
    archive: ServedArchive, peer_program: FindProgram, storescp: StartStorescp
) -> None:
    """N-07: a destination is looked up among the configured peers, never taken from the caller."""
    viewer = storescp(ae_title="VIEWER", port=archive.ports["viewer"])
    move = (*keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=f"{ROOT}.2"), "127.0.0.1", archive.port)
    ended = archive.tool(peer_program("movescu"), "-S", "-aem", "VIEWER", *move, calling="VIEWER")
    assert ended.status == 0, ended.said
    assert {uid: str(one.PatientName) for uid, one in got(viewer.folder).items()} == {f"{ROOT}.2.1.1": NAMES[2]}
    refused = archive.tool(peer_program("movescu"), "-v", "-S", "-aem", "ELSEWHERE", *move, calling="VIEWER")
    assert refused.status != 0
    assert "MoveDestinationUnknown" in refused.said


@pytest.mark.parametrize(("tool", "calling"), [("findscu", "CT-1"), ("getscu", "OLD"), ("movescu", "TOLMACH")])
def test_a_peer_may_do_what_its_rights_say_and_nothing_else(
    archive: ServedArchive, peer_program: FindProgram, tool: str, calling: str
) -> None:
    wanted = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=f"{ROOT}.1")
    ended = archive.tool(peer_program(tool), "-v", "-S", *wanted, "127.0.0.1", archive.port, calling=calling)
    assert "presentation context" in ended.said.casefold(), ended.said  # the context is not accepted


def test_tolmach_finds_and_gets_from_it(archive: ServedArchive, tmp_path: Path) -> None:
    found = archive.command("find", "tolmach", "PatientName=Shcherbakov*", "--return", "StudyDescription", "--json")
    (study,) = found.objects
    assert (study["PatientName"], study["StudyDescription"]) == (NAMES[1], "Рентгенография органов грудной клетки")
    uid = f"StudyInstanceUID={study['StudyInstanceUID']}"
    brought = archive.command("get", "tolmach", uid, "--out", tmp_path / "out", "--json")
    assert brought.status == 0, brought.err
    assert len(got(tmp_path / "out")) == 4


# Storage Commitment -------------------------------------------------------------------------------------------


def commitment(
    archive: ServedArchive, transaction: str, references: Sequence[tuple[str, str]], calling: str = "CT-1"
) -> tuple[int, Dataset | None]:
    """Ask as a modality does and wait on the association; gives the status, and the report that came."""
    reports: list[Dataset] = []
    came = threading.Event()

    def note(event: Any) -> tuple[int, None]:
        reports.append(event.event_information)
        came.set()
        return 0, None

    asking = AE(calling)
    asking.add_requested_context(uids.StorageCommitmentPushModel)
    assoc = associated(asking, archive.port, ae_title=TITLE, evt_handlers=[(evt.EVT_N_EVENT_REPORT, note)])
    assert assoc.is_established
    action = Dataset()
    action.TransactionUID = transaction
    action.ReferencedSOPSequence = []
    for sop_class, instance in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
        action.ReferencedSOPSequence.append(item)
    status, _ = assoc.send_n_action(action, 1, uids.StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1")
    if status.Status == 0:
        assert came.wait(SECONDS)
    assoc.release()
    return status.Status, reports[0] if reports else None


def test_storage_commitment_answers_for_what_is_held(archive: ServedArchive) -> None:
    """N-09: half committed: 0112H for what nobody stored, 0119H for another class, success for what is there."""
    asked = [(CT, f"{ROOT}.1.1.1"), (CT, f"{ROOT}.99.1.1"), ("1.2.840.10008.5.1.4.1.1.4", f"{ROOT}.3.1.1")]
    status, report = commitment(archive, f"{ROOT}.7001", asked)
    assert status == 0
    assert report is not None
    assert [one.ReferencedSOPInstanceUID for one in report.ReferencedSOPSequence] == [f"{ROOT}.1.1.1"]
    failed = {one.ReferencedSOPInstanceUID: one.FailureReason for one in report.FailedSOPSequence}
    assert failed == {f"{ROOT}.99.1.1": 0x0112, f"{ROOT}.3.1.1": 0x0119}


# DICOMweb -----------------------------------------------------------------------------------------------------


def test_dicomweb_client_finds_what_came_over_dicom(archive: ServedArchive) -> None:
    web = archive.web("viewer")
    for asked in ("Щербаков*", "Shcherbakov*"):
        (found,) = web.search_for_studies(search_filters={"PatientName": asked}, fuzzymatching=True)
        assert found["00100010"]["Value"] == [{"Alphabetic": NAMES[1]}]
        assert found["00201208"]["Value"] == [4]
    series = web.search_for_series(f"{ROOT}.1")
    assert len(series) == 2
    assert len(web.search_for_instances(f"{ROOT}.1", f"{ROOT}.1.2")) == 2


def test_dicomweb_client_retrieves_what_came_over_dicom_repaired(archive: ServedArchive) -> None:
    web = archive.web("viewer")
    found = web.retrieve_study(f"{ROOT}.2")
    assert [str(one.PatientName) for one in found] == [NAMES[2]]
    (metadata,) = web.retrieve_study_metadata(f"{ROOT}.2")
    assert metadata["00100010"]["Value"] == [{"Alphabetic": NAMES[2]}]
    assert metadata["00080005"]["Value"] == ["ISO_IR 192"]
    (frame,) = web.retrieve_instance_frames(f"{ROOT}.2", f"{ROOT}.2.1", f"{ROOT}.2.1.1", [1])
    assert frame == bytes(range(256)) * 2
    assert web.retrieve_instance_rendered(f"{ROOT}.2", f"{ROOT}.2.1", f"{ROOT}.2.1.1")[:2] == b"\xff\xd8"


def test_what_is_stored_over_http_is_found_over_dicom_at_once(
    archive: ServedArchive, peer_program: FindProgram
) -> None:
    image = pydicom.dcmread(str(get_testdata_file("MR_small.dcm", download=False)))
    image.SpecificCharacterSet, image.PatientName = "ISO_IR 192", "Ґалаґан^Їжак"
    image.StudyInstanceUID = f"{ROOT}.40"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.40.1.1"
    answer = archive.web().store_instances([image])
    assert len(answer.ReferencedSOPSequence) == 1
    (found,) = studies(archive, peer_program("findscu"), PatientName="Галаган*")
    assert "Ґалаґан^Їжак" in found
    (row,) = [
        one for one in archive.command("history", "--json").objects if one["sop_instance_uid"] == f"{ROOT}.40.1.1"
    ]
    assert row["received"]["source"] == "a technician"


@pytest.mark.parametrize(
    ("method", "path", "role", "status"),
    [
        ("GET", "/dicom-web/studies", None, 401),
        ("GET", "/dicom-web/studies", "auditor", 403),
        ("POST", "/dicom-web/studies", "viewer", 403),
        ("GET", "/dicom-web/studies", "viewer", 200),
        ("GET", f"/dicom-web/studies/{ROOT}.99", "viewer", 404),
        ("GET", "/health/ready", None, 200),
        ("GET", "/metrics", None, 200),
    ],
)
def test_http_is_open_to_those_with_a_token_whose_role_allows_it(
    archive: ServedArchive, method: str, path: str, role: str | None, status: int
) -> None:
    """H-06: deny by default."""
    headers = {} if role is None else {"Authorization": f"Bearer {archive.tokens[role]}"}
    assert requests.request(method, archive.url + path, headers=headers, timeout=SECONDS).status_code == status


def test_curl_stores_asks_and_gets(archive: ServedArchive, peer_program: FindProgram, tmp_path: Path) -> None:
    """The commands of docs/dicomweb.md."""
    curl = [str(peer_program("curl")), "-sS", "--fail", "-H", f"Authorization: Bearer {archive.tokens['technician']}"]
    (tmp_path / "image.dcm").write_bytes(shot(41, name="Лось^Ганна"))
    body = ["-H", "Content-Type: application/dicom", "--data-binary", f"@{tmp_path / 'image.dcm'}"]
    subprocess.run([*curl, *body, f"{archive.url}/dicom-web/studies"], check=True, capture_output=True, timeout=SECONDS)
    asked = ["--get", "--data-urlencode", "PatientName=Щербаков*", f"{archive.url}/dicom-web/studies"]
    (found,) = json.loads(subprocess.run([*curl, *asked], check=True, capture_output=True, timeout=SECONDS).stdout)
    assert found["0020000D"]["Value"] == [f"{ROOT}.1"]
    file = tmp_path / "one.dcm"
    url = f"{archive.url}/dicom-web/studies/{ROOT}.1/series/{ROOT}.1.1/instances/{ROOT}.1.1.1"
    subprocess.run(
        [*curl, "-H", "Accept: application/dicom", "-o", str(file), url],
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )
    assert pydicom.dcmread(file).PatientName == NAMES[1]


# Orthanc ------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_orthanc(
    tmp_path: Path, peer_program: FindProgram, start_orthanc_web: StartOrthancWeb
) -> Iterator[tuple[ServedArchive, RunningOrthanc]]:
    """Give an archive with images, and an Orthanc that knows it as a modality and as a DICOMweb server."""
    port = reserved_port()
    callers = {**CALLERS, "orthanc": ("echo", "store", "find", "move", "get")}
    with ServedArchive(tmp_path, {"orthanc": port}, callers=callers) as one:
        assert one.store(peer_program("storescu"), *SHOTS).status == 0
        us = {
            "Url": f"{one.url}/dicom-web/",
            "HttpHeaders": {"Authorization": f"Bearer {one.tokens['technician']}"},
            "ChunkedTransfers": True,
        }
        settings = {
            "DicomServerEnabled": True,
            "DicomAet": "ORTHANC",
            "DicomPort": port,
            "DicomModalities": {"tolmach": [TITLE, "127.0.0.1", one.port]},
            "DicomAlwaysAllowStore": True,
            "DefaultEncoding": "Utf8",
            "DicomWeb": {"Enable": True, "Servers": {"tolmach": us}},
        }
        with start_orthanc_web(**settings) as orthanc:
            yield one, orthanc


def post(orthanc: RunningOrthanc, path: str, body: object) -> Any:
    answer = requests.post(f"http://127.0.0.1:{orthanc.http_port}{path}", json=body, timeout=SECONDS)
    answer.raise_for_status()
    return answer.json()


def names_in(orthanc: RunningOrthanc) -> dict[str, str]:
    """Give the patients' names of what it holds, by UID."""
    files = {uid: orthanc.file_of(uid) for uid in orthanc.instances()}
    return {uid: str(pydicom.dcmread(io.BytesIO(file)).PatientName) for uid, file in files.items()}


def test_orthanc_asks_and_has_it_moved_to_itself(with_orthanc: tuple[ServedArchive, RunningOrthanc]) -> None:
    _, orthanc = with_orthanc
    query = {"Level": "Study", "Query": {"PatientName": "Shcherbakov*", "StudyInstanceUID": ""}}
    found = post(orthanc, "/modalities/tolmach/query", query)
    answers = orthanc.get_json(f"/queries/{found['ID']}/answers?expand&simplify")
    assert [one["PatientName"] for one in answers] == [NAMES[1]]
    post(orthanc, f"/queries/{found['ID']}/answers/0/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})
    assert names_in(orthanc) == {uid: NAMES[1] for uid in ALL if uid.startswith(f"{ROOT}.1.")}


def test_orthanc_retrieves_and_stores_over_dicomweb(with_orthanc: tuple[ServedArchive, RunningOrthanc]) -> None:
    archive, orthanc = with_orthanc
    resources = {"Resources": [{"Study": f"{ROOT}.2"}], "Synchronous": True}
    post(orthanc, "/dicom-web/servers/tolmach/retrieve", resources)
    assert names_in(orthanc) == {f"{ROOT}.2.1.1": NAMES[2]}
    new = shot(50, name="Зоря^Ірина", page="utf-8", label="ISO_IR 192")
    url = f"http://127.0.0.1:{orthanc.http_port}/instances"
    number = requests.post(url, data=new, timeout=SECONDS).json()["ID"]
    post(orthanc, "/dicom-web/servers/tolmach/stow", {"Resources": [number], "Synchronous": True})
    (found,) = archive.web("viewer").search_for_studies(search_filters={"PatientName": "Зоря*"})
    assert found["0020000D"]["Value"] == [f"{ROOT}.50"]


# Its life -----------------------------------------------------------------------------------------------------


@pytest.fixture
def one(tmp_path: Path) -> ServedArchive:
    return ServedArchive(tmp_path)


def test_the_same_answers_after_a_kill_a_restart_and_a_rebuilding(
    one: ServedArchive, peer_program: FindProgram
) -> None:
    """M-01, M-02, M-05: whatever ends it, what was acknowledged is found as before; so too by the files alone."""
    with one:
        assert one.store(peer_program("storescu"), *SHOTS).status == 0
        before = one.answers()
        assert len(before["instances"]) == len(SHOTS)
        one.kill()
    with one:
        assert one.answers() == before
    with one:
        assert one.answers() == before
        audit = one.command("audit", "--json").objects[0]
        assert (audit["taken"], audit["holds"]) == (len(SHOTS), True)
    for path in (one.folder / "data").glob("tolmach.sqlite*"):
        path.unlink()
    assert one.command("rebuild").status == 0
    one.tokens = {role: one.token(role) for role in one.tokens}
    with one:
        assert one.answers() == before


def test_killed_while_images_come_in_everything_acknowledged_is_found(
    one: ServedArchive, peer_program: FindProgram
) -> None:
    """M-01: killed at any moment between the acknowledgement and the index."""
    sent: set[str] = set()
    program = peer_program("storescu")
    for turn in range(3):
        with one:
            stop = threading.Event()

            def feed(start: int, stop: threading.Event = stop) -> None:
                number = start
                while not stop.is_set():
                    file = shot(number, name=f"Кулик^{number}")
                    if one.store(program, file).status == 0:
                        sent.add(f"{ROOT}.{number}.1.1")
                    number += 1

            with ThreadPoolExecutor(2) as pool:
                feeds = [pool.submit(feed, 1000 * turn + 500 * lane + 100) for lane in range(2)]
                count, deadline = len(sent), time.monotonic() + SECONDS
                while len(sent) < count + 8:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                one.kill()
                stop.set()
                for each in feeds:
                    each.result()
    with one:
        found = {instance["00080018"]["Value"][0] for instance in one.web("viewer").search_for_instances()}
        assert sent <= found
        assert one.command("audit", "--json").objects[0]["holds"] is True


def test_storage_commitment_outlives_a_kill_and_comes_to_the_configured_address(
    tmp_path: Path, peer_program: FindProgram
) -> None:
    """N-09: the asker goes away and the archive is killed; the report comes over an association of its own."""
    port = reserved_port()
    one = ServedArchive(tmp_path, {"ct-1": port})
    with one:
        assert one.store(peer_program("storescu"), *SHOTS[:1]).status == 0
        _ask_and_leave(one, f"{ROOT}.7002", f"{ROOT}.1.1.1")
        one.kill()
    came: list[Dataset] = []
    arrived = threading.Event()

    def note(event: Any) -> tuple[int, None]:
        came.append(event.event_information)
        arrived.set()
        return 0, None

    modality = AE("CT-1")
    modality.add_supported_context(uids.StorageCommitmentPushModel, scu_role=False, scp_role=True)
    server = modality.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, note)])
    try:
        # Nobody listened there when it was first tried; it is tried again ten seconds later.
        with one:
            assert arrived.wait(SECONDS)
    finally:
        server.shutdown()
    assert came[0].TransactionUID == f"{ROOT}.7002"
    assert [each.ReferencedSOPInstanceUID for each in came[0].ReferencedSOPSequence] == [f"{ROOT}.1.1.1"]


def _ask_and_leave(archive: ServedArchive, transaction: str, instance: str) -> None:
    asking = AE("CT-1")
    asking.add_requested_context(uids.StorageCommitmentPushModel)
    assoc = associated(asking, archive.port, ae_title=TITLE)
    action, item = Dataset(), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT, instance
    action.TransactionUID, action.ReferencedSOPSequence = transaction, [item]
    status, _ = assoc.send_n_action(action, 1, uids.StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1")
    assert status.Status == 0
    assoc.abort()


def test_what_has_rotted_is_neither_given_nor_answered_for(one: ServedArchive, peer_program: FindProgram) -> None:
    """M-04, N-09: a flipped byte is found when the object is read; nobody is told that it is safe."""
    with one:
        assert one.store(peer_program("storescu"), *SHOTS[4:]).status == 0
        paths = {
            pydicom.dcmread(path).SOPInstanceUID: path for path in (one.folder / "data" / "objects").rglob("*.dcm")
        }
        path = paths[f"{ROOT}.2.1.1"]
        spoilt = bytearray(path.read_bytes())
        spoilt[-3] ^= 1
        path.chmod(0o600)
        path.write_bytes(spoilt)
        url = f"{one.url}/dicom-web/studies/{ROOT}.2/series/{ROOT}.2.1/instances/{ROOT}.2.1.1"
        headers = {"Authorization": f"Bearer {one.tokens['viewer']}", "Accept": "application/dicom"}
        assert requests.get(url, headers=headers, timeout=SECONDS).status_code >= 500
        _status, report = commitment(one, f"{ROOT}.7003", [(CT, f"{ROOT}.2.1.1"), (CT, f"{ROOT}.3.1.1")])
        assert report is not None
        failed = {each.ReferencedSOPInstanceUID: each.FailureReason for each in report.FailedSOPSequence}
        assert failed == {f"{ROOT}.2.1.1": 0x0110}
        folder = one.folder / "got"
        folder.mkdir()
        wanted = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=f"{ROOT}.2")
        one.tool(peer_program("getscu"), "-S", "-od", folder, *wanted, "127.0.0.1", one.port, calling="VIEWER")
        assert got(folder) == {}


def test_the_same_image_from_eight_callers_at_once_is_one(one: ServedArchive, peer_program: FindProgram) -> None:
    """F-16: the same UID and bytes, ten times over eight associations: success each time, one visible object."""
    program = peer_program("storescu")
    with one, ThreadPoolExecutor(8) as pool:
        assert {ended.status for ended in pool.map(lambda _: one.store(program, SHOTS[0]), range(10))} == {0}
        assert len(one.web("viewer").search_for_instances()) == 1


@pytest.mark.parametrize(("versions", "shown"), [("newest", "Новый^Снимок"), ("first", "Старый^Снимок")])
def test_of_two_versions_the_configured_one_is_shown(
    tmp_path: Path, peer_program: FindProgram, versions: str, shown: str
) -> None:
    """F-17: the same UID with other bytes: both are kept, the configured one is found and given."""
    with ServedArchive(tmp_path, tables=f'[archive]\nversions = "{versions}"\n') as one:
        for name in ("Старый^Снимок", "Новый^Снимок"):
            assert one.store(peer_program("storescu"), shot(1, name=name)).status == 0
        (found,) = one.web("viewer").retrieve_study(f"{ROOT}.1")
        assert found.PatientName == shown
        assert len(list((tmp_path / "data" / "objects").rglob("*.dcm"))) == 2


def test_rights_follow_the_configuration_without_a_restart(one: ServedArchive, peer_program: FindProgram) -> None:
    program = peer_program("findscu")
    with one:
        assert one.store(peer_program("storescu"), *SHOTS).status == 0
        assert len(studies(one, program)) == 3
        one.reload({**CALLERS, "viewer": ("echo",), "ct-1": ("store", "find")})
        with pytest.raises(AssertionError):
            studies(one, program)
        assert len(studies(one, program, calling="CT-1")) == 3


def test_what_was_taken_before_there_was_an_index_is_found(one: ServedArchive, peer_program: FindProgram) -> None:
    """Objects of an older version are indexed in the background, while everything goes on."""
    with one:
        assert one.store(peer_program("storescu"), *SHOTS).status == 0
        before = one.answers()
    with closing(sqlite3.connect(one.folder / "data" / "tolmach.sqlite")) as database:
        for table in ("instances", "series", "studies", "patient_names", "patients", "part_counts", "parts"):
            database.execute(f"DELETE FROM {table}")
        database.execute("UPDATE objects SET is_indexed = 0")
        database.commit()
    with one:
        deadline = time.monotonic() + SECONDS
        while one.answers() != before:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_port_that_others_use_for_http_keeps_no_image_from_being_taken(
    tmp_path: Path, peer_program: FindProgram
) -> None:
    """M-07: told with what to do, and DICOM goes on; a port that was configured is another matter."""
    one = ServedArchive(tmp_path)
    with one:
        port = one.url.rpartition(":")[2]
        other = tmp_path / "other"
        other.mkdir()
        (other / "tolmach.toml").write_text(
            f'data_dir = "{other.as_posix()}/data"\n[dicom]\nport = {reserved_port()}\n[http]\nport = {port}\n', "utf-8"
        )
        process = start("serve", "--config", other / "tolmach.toml", "--lang", "en", TOLMACH_HTTP__PORT=port)
        _out, err = process.communicate(timeout=SECONDS)
        assert process.returncode != 0
        assert b"TLM-SRV-121" in err


def test_it_ends_within_ten_seconds_whatever_callers_have_in_hand(one: ServedArchive) -> None:
    """M-01: a caller in the middle of a body, one that holds an association, one that says nothing: SIGTERM ends it."""
    with one:
        assert one.process is not None
        port = int(one.url.rpartition(":")[2])
        head = (
            f"POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 100000\r\n"
            f"Content-Type: application/dicom\r\nAuthorization: Bearer {one.tokens['technician']}\r\n\r\n"
        )
        asking = AE("VIEWER")
        asking.add_requested_context(uids.StudyRootQueryRetrieveInformationModelFind)
        assoc = associated(asking, one.port, ae_title=TITLE)
        with socket.create_connection(("127.0.0.1", port)) as slow, socket.create_connection(("127.0.0.1", one.port)):
            slow.sendall(head.encode() + SHOTS[0])
            time.sleep(0.2)
            began = time.monotonic()
            one.process.send_signal(signal.SIGTERM)
            assert one.process.wait(SECONDS) == 0
            assert time.monotonic() - began < 10
        assoc.abort()
        one.process.communicate()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for children where Linux has them")
def test_killed_it_leaves_no_process_behind(one: ServedArchive, peer_program: FindProgram) -> None:
    with one:
        assert one.store(peer_program("storescu"), SHOTS[5]).status == 0
        assert one.web("viewer").retrieve_instance_rendered(f"{ROOT}.3", f"{ROOT}.3.1", f"{ROOT}.3.1.1")
        assert one.process is not None
        tasks = Path(f"/proc/{one.process.pid}/task").glob("*/children")
        children = {pid for task in tasks for pid in task.read_text().split()}
        assert children
        one.kill()
    deadline = time.monotonic() + SECONDS
    while any(_runs(pid) for pid in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# In a bucket --------------------------------------------------------------------------------------------------


def test_what_is_held_in_a_bucket_is_found_given_back_and_answered_for(
    tmp_path: Path, peer_program: FindProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M-08: objects in S3, with a kill in between."""
    keys_of = {"AWS_ACCESS_KEY_ID": KEYS.access_key_id, "AWS_SECRET_ACCESS_KEY": KEYS.secret_access_key}
    for name, value in keys_of.items():
        monkeypatch.setenv(name, value)
    with s3_server() as server:
        top = f'objects = "s3://{server.bucket}/held?endpoint=http://127.0.0.1:{server.port}"\n'
        one = ServedArchive(tmp_path, top=top, env=keys_of)
        with one:
            assert one.store(peer_program("storescu"), *SHOTS).status == 0
            before = one.answers()
            assert len(before["instances"]) == len(SHOTS)
            one.kill()
        with one:
            assert one.answers() == before
            (found,) = one.web("viewer").retrieve_study(f"{ROOT}.2")
            assert found.PatientName == NAMES[2]
            folder = tmp_path / "got"
            folder.mkdir()
            wanted = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=f"{ROOT}.1")
            one.tool(peer_program("getscu"), "-S", "-od", folder, *wanted, "127.0.0.1", one.port, calling="VIEWER")
            assert len(got(folder)) == 4
            _status, report = commitment(one, f"{ROOT}.7004", [(CT, f"{ROOT}.1.1.1")])
            assert report is not None
            assert "FailedSOPSequence" not in report
        assert not (tmp_path / "data" / "objects").exists()


# Several nodes ------------------------------------------------------------------------------------------------


def test_two_nodes_answer_as_one_and_one_is_enough(tmp_path: Path, peer_program: FindProgram) -> None:
    """M-01, M-08: any node receives, any node answers at once; when one is killed the other gives the same answers."""
    database = the_server().make("two_nodes_answer")
    (tmp_path / "shared").mkdir()

    def node(name: str) -> ServedArchive:
        folder = tmp_path / name
        folder.mkdir()
        one = ServedArchive(folder, top=f'database = "{database}"\n')
        shared = f'[storage]\nfolder = "{(tmp_path / "shared").as_posix()}"\n'
        one.config.write_text(one.config.read_text("utf-8").replace("[storage]\n", shared), "utf-8")
        return one

    try:
        first, second = node("a"), node("b")
        second.tokens = first.tokens  # a name has one token
        program = peer_program("storescu")
        with second:
            with first:
                for number in range(1, 7):
                    here, there = (first, second) if number % 2 else (second, first)
                    assert here.store(program, shot(number, name=f"Узел^{number}")).status == 0
                    assert len(studies(there, peer_program("findscu"), StudyInstanceUID=f"{ROOT}.{number}")) == 1
                before = first.answers()
                first.kill()
            assert second.answers() == before
            found = second.web("viewer").retrieve_study(f"{ROOT}.1")
            assert [str(each.PatientName) for each in found] == ["Узел^1"]
    finally:
        the_server().sql('DROP DATABASE "two_nodes_answer" WITH (FORCE)')
