"""Our DICOMweb server before clients that others wrote: dicomweb-client, curl, and Orthanc as a client.

Also our own STOW-RS sender and QIDO-RS prover, which were written to be judged by others' servers.
"""

from __future__ import annotations

import io
import json
import subprocess
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from requests import Session

from tests.peers.certificates import Authority
from tests.peers.conftest import RunningOrthanc, StartOrthancWeb
from tests.web_archive import Client, WebArchive, web_archive
from tolmach.apps.gateway.faults import UnsafeHttp
from tolmach.apps.gateway.http_settings import HttpSettings
from tolmach.apps.gateway.listening import gateway

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]

NAME = "Щербаков^Юрий^Петрович"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[WebArchive, Client]]:
    with web_archive(tmp_path / "data", pixel_processes=1) as found:
        yield found


@pytest.fixture
def dicomweb(server: tuple[WebArchive, Client]) -> DICOMwebClient:
    session = Session()
    session.headers["Authorization"] = "Bearer token-of-editor"
    return DICOMwebClient(f"{server[1].listening.url}/dicom-web", session=session)


def image(name: str = "CT_small.dcm", **more: Any) -> pydicom.Dataset:
    data_set = pydicom.dcmread(str(get_testdata_file(name, download=False)))
    data_set.SpecificCharacterSet = "ISO_IR 192"
    data_set.PatientName, data_set.PatientID = NAME, "P-1"
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID = generate_uid(), generate_uid()
    data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for keyword, value in more.items():
        setattr(data_set, keyword, value)
    return data_set


def address(data_set: pydicom.Dataset) -> tuple[str, str, str]:
    return data_set.StudyInstanceUID, data_set.SeriesInstanceUID, data_set.SOPInstanceUID


# dicomweb-client ---------------------------------------------------------------------------------------------


def test_dicomweb_client_stores_and_is_told(dicomweb: DICOMwebClient, server: tuple[WebArchive, Client]) -> None:
    first, second = image(), image("MR_small.dcm")
    answer = dicomweb.store_instances([first, second])
    assert {one.ReferencedSOPInstanceUID for one in answer.ReferencedSOPSequence} == {
        first.SOPInstanceUID,
        second.SOPInstanceUID,
    }
    assert "FailedSOPSequence" not in answer
    assert len(server[0].receipts.arrivals) == 2


@pytest.mark.parametrize("asked", ["Щербаков*", "ЩЕРБАКОВ^*", "Щербаков", "*петрович"])
def test_dicomweb_client_finds_cyrillic(asked: str, dicomweb: DICOMwebClient) -> None:
    wanted, other = image(), image(PatientName="Іваненко^Іван", PatientID="P-2")
    dicomweb.store_instances([wanted, other])
    (found,) = dicomweb.search_for_studies(search_filters={"PatientName": asked}, fields=["PatientName"])
    data_set = pydicom.Dataset.from_json(found)
    assert data_set.StudyInstanceUID == wanted.StudyInstanceUID
    assert str(data_set.PatientName) == NAME
    assert dicomweb.search_for_studies(search_filters={"PatientName": "Сидоров*"}) == []


def test_dicomweb_client_pages_through(dicomweb: DICOMwebClient) -> None:
    dicomweb.store_instances([image() for _ in range(5)])
    pages = [dicomweb.search_for_studies(limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert len(dicomweb.search_for_series()) == len(dicomweb.search_for_instances()) == 5


def test_dicomweb_client_retrieves_studies_series_and_instances(dicomweb: DICOMwebClient) -> None:
    stored = image()
    dicomweb.store_instances([stored])
    study, series, instance = address(stored)
    for found in (
        dicomweb.retrieve_study(study)[0],
        dicomweb.retrieve_series(study, series)[0],
        dicomweb.retrieve_instance(study, series, instance),
    ):
        assert str(found.PatientName) == NAME
        assert found.PixelData == stored.PixelData
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model in (
            *dicomweb.retrieve_study_metadata(study),
            *dicomweb.retrieve_series_metadata(study, series),
            dicomweb.retrieve_instance_metadata(study, series, instance),
        ):
            assert str(pydicom.Dataset.from_json(model).PatientName) == NAME
    (pixels,) = dicomweb.retrieve_bulkdata(model["7FE00010"]["BulkDataURI"])
    assert pixels == stored.PixelData


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_jp2klossless.dcm", "MR_small_RLE.dcm", "rtdose.dcm"])
def test_dicomweb_client_retrieves_frames_as_it_asks_for_them(name: str, dicomweb: DICOMwebClient) -> None:
    """It sends `multipart/related; type="*/*"`, which others refuse."""
    stored = image(name)
    expected = stored.pixel_array
    dicomweb.store_instances([stored])
    numbers = [1] if expected.ndim == 2 else [2, 1]
    frames = dicomweb.retrieve_instance_frames(*address(stored), numbers)
    for number, frame in zip(numbers, frames, strict=True):
        wanted = expected if expected.ndim == 2 else expected[number - 1]
        assert np.array_equal(np.frombuffer(frame, expected.dtype).reshape(wanted.shape), wanted)


def test_dicomweb_client_retrieves_pictures(dicomweb: DICOMwebClient) -> None:
    stored = image()
    dicomweb.store_instances([stored])
    for kind, form in (("image/jpeg", "JPEG"), ("image/png", "PNG"), ("image/gif", "GIF")):
        whole = dicomweb.retrieve_instance_rendered(*address(stored), media_types=(kind,))
        frame = dicomweb.retrieve_instance_frames_rendered(*address(stored), [1], media_types=(kind,))
        for body in (whole, frame):
            with Image.open(io.BytesIO(body)) as found:
                assert (found.format, found.size) == (form, (128, 128))


def test_dicomweb_client_with_the_wrong_token_is_refused(server: tuple[WebArchive, Client]) -> None:
    session = Session()
    session.headers["Authorization"] = "Bearer nobody's"
    with pytest.raises(OSError, match="401"):
        DICOMwebClient(f"{server[1].listening.url}/dicom-web", session=session).search_for_studies()


# Orthanc -----------------------------------------------------------------------------------------------------


@pytest.fixture
def orthanc_client(server: tuple[WebArchive, Client], start_orthanc_web: StartOrthancWeb) -> Iterator[RunningOrthanc]:
    """Give an Orthanc that knows us as a DICOMweb server."""
    us = {
        "Url": f"{server[1].listening.url}/dicom-web/",
        "HttpHeaders": {"Authorization": "Bearer token-of-technician"},
        "ChunkedTransfers": True,
    }
    with start_orthanc_web(DicomWeb={"Enable": True, "Servers": {"tolmach": us}}) as found:
        yield found


def post(orthanc: RunningOrthanc, path: str, body: bytes | dict[str, Any]) -> Any:
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(f"http://127.0.0.1:{orthanc.http_port}{path}", data)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def as_bytes(data_set: pydicom.Dataset) -> bytes:
    buffer = io.BytesIO()
    data_set.save_as(buffer)
    return buffer.getvalue()


def test_orthanc_stores_here(orthanc_client: RunningOrthanc, server: tuple[WebArchive, Client]) -> None:
    stored = [image(), image("MR_small.dcm")]
    ids = [post(orthanc_client, "/instances", as_bytes(one))["ID"] for one in stored]
    told = post(orthanc_client, "/dicom-web/servers/tolmach/stow", {"Resources": ids, "Synchronous": True})
    assert told
    arrived = {one.sop_instance_uid for one in server[0].receipts.arrivals}
    assert arrived == {one.SOPInstanceUID for one in stored}
    assert {one.provenance.name for one in server[0].receipts.arrivals} == {"the technician"}


def test_orthanc_searches_and_retrieves_here(
    orthanc_client: RunningOrthanc, server: tuple[WebArchive, Client], dicomweb: DICOMwebClient
) -> None:
    stored = image()
    dicomweb.store_instances([stored])
    found = post(
        orthanc_client,
        "/dicom-web/servers/tolmach/qido",
        {"Uri": "/studies", "Arguments": {"PatientID": "P-1"}},
    )
    assert [one["0020000D"]["Value"] for one in found] == [stored.StudyInstanceUID]
    assert found[0]["00100010"]["Value"] == NAME
    post(
        orthanc_client,
        "/dicom-web/servers/tolmach/retrieve",
        {"Resources": [{"Study": stored.StudyInstanceUID}], "Synchronous": True},
    )
    assert set(orthanc_client.instances()) == {stored.SOPInstanceUID}
    kept = pydicom.dcmread(io.BytesIO(orthanc_client.file_of(stored.SOPInstanceUID)))
    assert kept.PixelData == stored.PixelData
    assert str(kept.PatientName) == NAME


# curl, and TLS -----------------------------------------------------------------------------------------------


def test_curl_stores_and_retrieves_over_tls(tmp_path: Path, peer_program: Callable[[str], Path]) -> None:
    authority = Authority(peer_program("openssl"), tmp_path, "authority")
    issued = authority.issue("server")
    curl = peer_program("curl")
    file = tmp_path / "image.dcm"
    file.write_bytes(as_bytes(stored := image()))
    archive = WebArchive(tmp_path / "data")
    settings = HttpSettings(port=0, certificate=issued.certificate, key=issued.key, allowed_hosts=("localhost",))
    with gateway(settings, archive.served) as listening:
        url = f"https://localhost:{listening.port}/dicom-web/studies"
        common = [
            *(str(curl), "-sS", "--fail-with-body", "--cacert", str(authority.certificate), "--max-time", "30"),
            *("-H", "Authorization: Bearer token-of-admin"),
        ]
        sent = subprocess.run(
            [*common, "-H", "Content-Type: application/dicom", "--data-binary", f"@{file}", url],
            capture_output=True,
            check=True,
        )
        assert json.loads(sent.stdout)["00081199"]["Value"]
        got = subprocess.run(
            [*common, "-D", "-", f"{url}/{stored.StudyInstanceUID}/metadata"], capture_output=True, check=True
        )
        assert b"strict-transport-security" in got.stdout
        assert json.loads(got.stdout.partition(b"\r\n\r\n")[2])[0]["00100010"]["Value"] == [{"Alphabetic": NAME}]
        old = subprocess.run([*common, "--tls-max", "1.1", url], capture_output=True, check=False)
        assert old.returncode == 35


def test_an_open_door_is_refused(tmp_path: Path) -> None:
    """D1: another address needs TLS and a token."""
    archive = WebArchive(tmp_path / "data")
    with (
        pytest.raises(UnsafeHttp, match="nothing is encrypted"),
        gateway(HttpSettings(host="0.0.0.0", port=0), archive.served),
    ):
        pass
    archive.tokens.known.clear()
    settings = HttpSettings(host="0.0.0.0", port=0, certificate=tmp_path / "c", key=tmp_path / "k")
    with pytest.raises(UnsafeHttp, match="no token"), gateway(settings, archive.served):
        pass
