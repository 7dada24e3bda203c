"""WADO-RS and WADO-URI over a real socket, judged by pydicom and Pillow."""

from __future__ import annotations

import io
import socket
import time
import tracemalloc
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from tests.unit.apps.gateway.storing_files import ROOT as FILES_ROOT
from tests.unit.apps.gateway.storing_files import instance
from tests.web_archive import Client, WebArchive, web_archive
from tolmach.dicom import uids

NAMES = {
    "explicit": "CT_small.dcm",
    "implicit": "MR_small_implicit.dcm",
    "big": "MR_small_bigendian.dcm",
    "j2k": "MR_small_jp2klossless.dcm",
    "jls": "MR_small_jpeg_ls_lossless.dcm",
    "rle": "MR_small_RLE.dcm",
    "jpeg": "SC_rgb_jpeg_dcmtk.dcm",
    "lossless": "orthanc-tests/TransferSyntaxes/1.2.840.10008.1.2.4.70.dcm",
    "palette": "examples_palette.dcm",
    "frames": "rtdose.dcm",
    "report": "reportsi.dcm",
}


CORPUS = Path(__file__).resolve().parents[5] / "shared" / "corpus"


def path_of(name: str) -> str:
    return str(CORPUS / name) if "/" in name else str(get_testdata_file(name, download=False))


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebArchive, Client, dict[str, str]]]:
    """Give an archive with one instance of each kind, each in a study of its own, and their addresses."""
    with web_archive(tmp_path_factory.mktemp("archive"), pixel_processes=1) as (archive, client):
        addresses = {}
        for number, (kind, name) in enumerate(NAMES.items(), 1):
            addresses[kind] = _stored(client, name, number)
        yield archive, client, addresses


def _stored(client: Client, name: str, number: int) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = pydicom.dcmread(path_of(name))
        data_set.StudyInstanceUID, data_set.SeriesInstanceUID = f"1.9.{number}", f"1.9.{number}.1"
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = f"1.9.{number}.1.1"
        buffer = io.BytesIO()
        data_set.save_as(buffer)
    answer = client.store(buffer.getvalue())
    assert answer.status == 200, answer.body
    return f"/dicom-web/studies/1.9.{number}/series/1.9.{number}.1/instances/1.9.{number}.1.1"


@pytest.fixture
def client(held: tuple[WebArchive, Client, dict[str, str]]) -> Client:
    return held[1]


@pytest.fixture
def at(held: tuple[WebArchive, Client, dict[str, str]]) -> dict[str, str]:
    return held[2]


def original(kind: str) -> Any:
    return pydicom.dcmread(path_of(NAMES[kind]))


def multi(kind: str, syntax: str = "") -> str:
    return f'multipart/related; type="{kind}"' + (f"; transfer-syntax={syntax}" if syntax else "")


DICOM, OCTETS = "application/dicom", "application/octet-stream"


# Instances ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["explicit", "implicit", "big", "j2k", "jls", "rle"])
def test_without_a_wish_pixels_come_uncompressed(kind: str, client: Client, at: dict[str, str]) -> None:
    ((head, file),) = client.get(at[kind], multi(DICOM)).parts()
    found = pydicom.dcmread(io.BytesIO(file))
    assert found.file_meta.TransferSyntaxUID == uids.ExplicitVRLittleEndian
    assert head["content-type"] == f"application/dicom; transfer-syntax={uids.ExplicitVRLittleEndian}"
    assert head["content-location"] == client.listening.url + at[kind]
    assert np.array_equal(found.pixel_array, original(kind).pixel_array)


@pytest.mark.parametrize("kind", ["jpeg", "lossless"])
def test_what_is_lossy_or_cannot_be_decoded_comes_as_it_is(kind: str, client: Client, at: dict[str, str]) -> None:
    ((_head, file),) = client.get(at[kind]).parts()
    found = pydicom.dcmread(io.BytesIO(file))
    assert found.file_meta.TransferSyntaxUID == original(kind).file_meta.TransferSyntaxUID
    assert found.PixelData == original(kind).PixelData


def test_any_syntax_means_as_stored(client: Client, at: dict[str, str]) -> None:
    ((_head, file),) = client.get(at["j2k"], multi(DICOM, "*")).parts()
    assert pydicom.dcmread(io.BytesIO(file)).PixelData == original("j2k").PixelData


@pytest.mark.parametrize(
    ("kind", "accept", "expected"),
    [
        ("j2k", multi(DICOM, uids.JPEG2000Lossless), 200),
        ("j2k", multi(DICOM, uids.JPEGBaseline8Bit), 406),
        ("j2k", f"{multi(DICOM, uids.JPEGBaseline8Bit)}, {multi(DICOM, '*')};q=0.5", 200),
        ("lossless", multi(DICOM, uids.ExplicitVRLittleEndian), 406),
        ("jpeg", multi(DICOM, uids.ExplicitVRLittleEndian), 200),
        ("explicit", multi(DICOM, uids.ImplicitVRLittleEndian), 406),
        ("explicit", "image/png", 406),
        ("explicit", "application/dicom", 200),
        ("explicit", "*/*", 200),
        ("explicit", multi("*/*"), 200),
        ("explicit", None, 200),
        ("explicit", f"{multi(DICOM)}, image/png", 400),
        ("explicit", "}{", 400),
    ],
)
def test_accept(kind: str, accept: str | None, expected: int, client: Client, at: dict[str, str]) -> None:
    assert client.get(at[kind], accept).status == expected


def test_a_single_instance_comes_as_a_file_to_keep(client: Client, at: dict[str, str]) -> None:
    """F-21, F-23: never shown by a browser."""
    answer = client.get(at["explicit"], "application/dicom")
    assert answer.headers["content-type"].startswith("application/dicom;")
    assert answer.headers["content-disposition"] == 'attachment; filename="1.9.1.1.1.dcm"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert pydicom.dcmread(io.BytesIO(answer.body)).Rows == 128


def test_what_came_in_a_preamble_does_not_go_out(client: Client) -> None:
    """F-21: a preamble that is a Windows program."""
    file = b"MZ" + b"\x90" * 126 + instance(1, study=21)[128:]
    assert client.store(file).status == 200
    ((_head, found),) = client.get("/dicom-web/studies/1.2.826.0.1.3680043.10.77.21").parts()
    assert found[:128] == bytes(128)


@pytest.mark.parametrize("suffix", ["", "/metadata", "/frames/1", "/rendered", "/thumbnail", "/bulkdata", "/pixeldata"])
def test_what_is_not_held_is_404(suffix: str, client: Client, at: dict[str, str]) -> None:
    assert client.get(f"/dicom-web/studies/9.9/series/9.9/instances/9.9{suffix}").status == 404
    series = at["explicit"].rsplit("/", 2)[0]
    assert client.get(f"{series}/instances/1.9.2.1.1{suffix}").status == 404


# Metadata and bulk data --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NAMES)
def test_metadata_lead_to_all_the_rest(kind: str, client: Client, at: dict[str, str]) -> None:
    (model,) = client.get(f"{at[kind]}/metadata").json
    assert list(model) == sorted(model)
    fetched: list[str] = []

    def fetch(_tag: str, _vr: str, uri: str) -> bytes:
        fetched.append(uri)
        return client.get(uri.removeprefix(client.listening.url), multi(OCTETS, "*")).parts()[0][1]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pydicom.Dataset.from_json(model, fetch)
        expected = original(kind)
    assert found.SOPClassUID == expected.SOPClassUID
    assert str(found.PatientName) == str(expected.PatientName)
    if kind in ("explicit", "implicit"):
        assert found.PixelData == expected.PixelData
        assert fetched


def test_metadata_come_in_xml_too(client: Client, at: dict[str, str]) -> None:
    ((head, document),) = client.get(f"{at['explicit']}/metadata", multi("application/dicom+xml")).parts()
    assert head["content-type"] == "application/dicom+xml"
    assert b'keyword="PatientName"' in document


def test_bulk_data_of_nothing_are_404(client: Client, at: dict[str, str]) -> None:
    for place in ("00991001", "zzz", "..%2f..%2fetc", "00081140.0.00081150"):
        assert client.get(f"{at['explicit']}/bulkdata/{place}").status == 404


# Frames ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["explicit", "implicit", "big", "j2k", "jls", "rle"])
@pytest.mark.parametrize(
    "accept", [None, "*/*", multi(OCTETS), multi("*/*"), multi(OCTETS, "1.2.840.10008.1.2.1"), OCTETS]
)
def test_frames_come_as_pixels(kind: str, accept: str | None, client: Client, at: dict[str, str]) -> None:
    answer = client.get(f"{at[kind]}/frames/1", accept)
    assert answer.status == 200
    body = answer.body if accept == OCTETS else answer.parts()[0][1]
    expected = original(kind).pixel_array
    assert np.array_equal(np.frombuffer(body, expected.dtype.newbyteorder("<")).reshape(expected.shape), expected)


@pytest.mark.parametrize(
    ("kind", "accept", "part"),
    [
        ("j2k", multi("image/jp2"), f"image/jp2; transfer-syntax={uids.JPEG2000Lossless}"),
        ("j2k", multi(OCTETS, "*"), f"application/octet-stream; transfer-syntax={uids.JPEG2000Lossless}"),
        ("jls", multi("image/jls", "*"), f"image/jls; transfer-syntax={uids.JPEGLSLossless}"),
        ("jls", multi("image/x-jls"), f"image/x-jls; transfer-syntax={uids.JPEGLSLossless}"),
        ("rle", multi("image/dicom-rle"), f"image/dicom-rle; transfer-syntax={uids.RLELossless}"),
        ("jpeg", multi("*/*"), f"image/jpeg; transfer-syntax={uids.JPEGBaseline8Bit}"),
        ("lossless", multi("*/*"), f"image/jpeg; transfer-syntax={uids.JPEGLosslessSV1}"),
        ("jpeg", multi(OCTETS), f"application/octet-stream; transfer-syntax={uids.ExplicitVRLittleEndian}"),
    ],
)
def test_frames_come_as_stored_where_that_is_asked_for(
    kind: str, accept: str, part: str, client: Client, at: dict[str, str]
) -> None:
    ((head, body),) = client.get(f"{at[kind]}/frames/1", accept).parts()
    assert head["content-type"] == part
    assert body


def test_frames_that_cannot_be_decoded_are_406_where_pixels_are_asked_for(client: Client, at: dict[str, str]) -> None:
    answer = client.get(f"{at['lossless']}/frames/1", multi(OCTETS))
    assert answer.status == 406
    assert "transfer-syntax" in answer.json["message"]


def test_several_frames_come_in_the_order_they_are_named(client: Client, at: dict[str, str]) -> None:
    answer = client.get(f"{at['frames']}/frames/3,1,3")
    expected = original("frames").pixel_array
    bodies = [body for _head, body in answer.parts()]
    assert bodies == [expected[number].tobytes() for number in (2, 0, 2)]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [("0", 400), ("-1", 400), ("a", 400), ("1,", 400), ("999999", 404), ("1,2,999", 404), ("٣", 400)],
)
def test_numbers_that_are_no_frames(numbers: str, expected: int, client: Client, at: dict[str, str]) -> None:
    assert client.get(f"{at['frames']}/frames/{quote(numbers)}").status == expected


# Pictures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["explicit", "implicit", "big", "j2k", "jls", "rle", "jpeg", "palette", "frames"])
@pytest.mark.parametrize(("accept", "form"), [(None, "JPEG"), ("image/png", "PNG"), ("image/gif", "GIF")])
def test_pictures(kind: str, accept: str | None, form: str, client: Client, at: dict[str, str]) -> None:
    answer = client.get(f"{at[kind]}/rendered", accept)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == f"image/{form.lower()}"
    with Image.open(io.BytesIO(answer.body)) as found:
        assert found.format == form
        rows, columns = original(kind).Rows, original(kind).Columns
        assert found.size == (columns, rows)
        assert len(set(np.asarray(found.convert("L")).reshape(-1))) > 4


def test_windows_and_viewports(client: Client, at: dict[str, str]) -> None:
    bright, dark = (
        np.asarray(
            Image.open(io.BytesIO(client.get(f"{at['explicit']}/rendered?window={window},linear&quality=100").body))
        )
        for window in ("-2000,100", "5000,100")
    )
    assert bright.min() > 240
    assert dark.max() < 15
    with Image.open(io.BytesIO(client.get(f"{at['explicit']}/rendered?viewport=64,64").body)) as found:
        assert found.size == (64, 64)
    with Image.open(io.BytesIO(client.get(f"{at['frames']}/frames/2/rendered", "image/png").body)) as found:
        assert found.size == (original("frames").Columns, original("frames").Rows)


@pytest.mark.parametrize("query", ["viewport=100000,100000", "window=1,2", "quality=0", "annotation=x", "viewport=1"])
def test_pictures_nobody_can_make_are_400(query: str, client: Client, at: dict[str, str]) -> None:
    """H-10."""
    assert client.get(f"{at['explicit']}/rendered?{query}").status == 400


@pytest.mark.parametrize("kind", ["report", "lossless"])
def test_what_is_no_picture_is_406_with_words(kind: str, client: Client, at: dict[str, str]) -> None:
    answer = client.get(f"{at[kind]}/rendered")
    assert answer.status == 406
    assert answer.json["code"] == "TLM-SRV-106"


def test_thumbnails_are_small_at_every_level(client: Client, at: dict[str, str]) -> None:
    parts = at["explicit"].split("/")
    for path in ("/".join(parts[:4]), "/".join(parts[:6]), at["explicit"], f"{at['explicit']}/frames/1"):
        answer = client.get(f"{path}/thumbnail?viewport=50,50")
        assert answer.status == 200
        with Image.open(io.BytesIO(answer.body)) as found:
            assert max(found.size) == 50


def test_all_pictures_of_a_study_come_as_parts(client: Client, at: dict[str, str]) -> None:
    study = "/".join(at["explicit"].split("/")[:4])
    parts = client.get(f"{study}/rendered", multi("image/jpeg")).parts()
    assert [head["content-type"] for head, _body in parts] == ["image/jpeg"]


# WADO-URI ----------------------------------------------------------------------------------------------------


def uri(path: str, **more: str) -> str:
    pieces = path.split("/")
    named = {"requestType": "WADO", "studyUID": pieces[3], "seriesUID": pieces[5], "objectUID": pieces[7], **more}
    return "/wado?" + "&".join(f"{name}={quote(value)}" for name, value in named.items() if value)


def test_wado_uri_gives_pictures_and_instances(client: Client, at: dict[str, str]) -> None:
    assert client.get(uri(at["explicit"])).headers["content-type"] == "image/jpeg"
    small = client.get(uri(at["explicit"], rows="32", columns="32", contentType="image/png"))
    with Image.open(io.BytesIO(small.body)) as found:
        assert found.size == (32, 32)
    cut = client.get(uri(at["explicit"], region="0,0,0.5,0.25", windowCenter="40", windowWidth="400"))
    with Image.open(io.BytesIO(cut.body)) as found:
        assert found.size == (64, 32)
    answer = client.get(uri(at["j2k"], contentType=DICOM))
    assert answer.headers["content-disposition"].startswith("attachment")
    assert pydicom.dcmread(io.BytesIO(answer.body)).file_meta.TransferSyntaxUID == uids.ExplicitVRLittleEndian
    stored = client.get(uri(at["j2k"], contentType=DICOM, transferSyntax=uids.JPEG2000Lossless))
    assert pydicom.dcmread(io.BytesIO(stored.body)).file_meta.TransferSyntaxUID == uids.JPEG2000Lossless


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"requestType": "OTHER"}, 400),
        ({"studyUID": ""}, 400),
        ({"objectUID": "9.9.9"}, 404),
        ({"frameNumber": "0"}, 400),
        ({"frameNumber": "7"}, 404),
        ({"rows": "5"}, 400),
        ({"contentType": "video/mp4"}, 406),
        ({"contentType": DICOM, "transferSyntax": uids.JPEGLSLossless}, 406),
        ({"anonymize": "yes"}, 406),
    ],
)
def test_wado_uri_refuses(more: dict[str, str], expected: int, client: Client, at: dict[str, str]) -> None:
    assert client.get(uri(at["explicit"], **more)).status == expected


# What goes wrong on the way ----------------------------------------------------------------------------------


@pytest.fixture
def large(tmp_path: Path) -> Iterator[tuple[WebArchive, Client]]:
    """Give an archive with a study of 40 slices of 1 MiB."""
    from tests.builders import EXPLICIT

    with web_archive(tmp_path / "data", idle_seconds=2) as (archive, client):
        for number in range(1, 41):
            pixels = EXPLICIT.element(0x7FE00010, "OW", bytes([number]) * (1 << 20))
            assert client.store(instance(number, more=pixels)).status == 200
        yield archive, client


STUDY = "/dicom-web/studies/1.2.826.0.1.3680043.10.77.1"


def test_memory_stays_flat_while_much_goes_out(large: tuple[WebArchive, Client]) -> None:
    """Promise 10."""
    _archive, client = large
    tracemalloc.start()
    size = 0
    with socket.create_connection(("127.0.0.1", client.listening.port), 20) as sock:
        sock.sendall(
            f"GET {STUDY} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer token-of-admin\r\n\r\n".encode()
        )
        buffer = bytearray(65_536)
        while count := sock.recv_into(buffer):
            size += count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 40 << 20
    assert peak < 16 << 20


def test_a_rotten_instance_breaks_the_answer_off(large: tuple[WebArchive, Client]) -> None:
    """M-04: An answer without one of its instances must not look whole."""
    import http.client

    archive, client = large
    sha256 = archive.receipts.arrivals[-1].sha256
    path = Path(archive.store._shards.path_of(sha256))
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(-10, 2)
        file.write(b"rotten")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        client.get(STUDY)
    assert (
        client.get(f"{STUDY}/series/1.2.826.0.1.3680043.10.77.1.1/instances/1.2.826.0.1.3680043.10.77.1.1.40").status
        == 500
    )
    assert client.get("/health/live").status == 200


def test_a_caller_that_takes_nothing_or_goes_away_costs_nothing(large: tuple[WebArchive, Client]) -> None:
    archive, client = large
    request = f"GET {STUDY} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token-of-admin\r\n\r\n".encode()
    for stays in (True, False):
        sock = socket.create_connection(("127.0.0.1", client.listening.port), 20)
        sock.sendall(request)
        sock.recv(1000)
        if not stays:
            sock.close()
        deadline = time.monotonic() + 15
        while archive.opened:
            assert time.monotonic() < deadline, "an instance stays open"
            time.sleep(0.01)
        sock.close()


WARNING = '299 tolmach "Some of what was received since 2026-11-22 10:05:07 UTC cannot be found yet"'


def test_what_may_not_be_whole_says_so(tmp_path: Path) -> None:
    """Studies and series that something may be missing from, and what is not found at all; an instance is whole."""
    with web_archive(tmp_path / "data", pixel_processes=1) as (archive, client):
        assert client.store(instance(1), instance(2)).status == 200
        study, series = f"/dicom-web/studies/{FILES_ROOT}.1", f"/series/{FILES_ROOT}.1.1"
        one = f"{study}{series}/instances/{FILES_ROOT}.1.1.1"
        elsewhere = f"/dicom-web/studies/{FILES_ROOT}.77"
        uri = (
            f"/wado?requestType=WADO&studyUID={FILES_ROOT}.77&seriesUID=1.2&objectUID=1.3&contentType=application/dicom"
        )
        several = [study, f"{study}{series}", f"{study}/metadata", f"{study}{series}/metadata"]
        for path in (*several, one, elsewhere, uri):
            assert "warning" not in client.get(path).headers
        archive.index.unfindable_since = datetime(2026, 11, 22, 10, 5, 7, tzinfo=UTC)
        for path in several:
            answer = client.get(path)
            assert (answer.status, answer.headers.get("warning")) == (200, WARNING)
        for path in (elsewhere, f"{elsewhere}/metadata", f"{one}7", uri):
            answer = client.get(path)
            assert (answer.status, answer.headers.get("warning")) == (404, WARNING)
            assert answer.json["code"] == "TLM-SRV-101"
        for path in (one, f"{one}/metadata"):
            answer = client.get(path)
            assert (answer.status, answer.headers.get("warning")) == (200, None)
