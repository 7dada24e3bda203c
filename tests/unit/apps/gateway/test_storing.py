"""STOW-RS over a real socket: what is stored, what is told of the rest, and that nothing is left of what was not."""

from __future__ import annotations

import errno
import io
import json
import os
import socket
import sqlite3
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pydicom
import pytest

from tests.builders import CT_IMAGE, EXPLICIT, EXPLICIT_LE, even, part10
from tests.unit.apps.gateway.storing_files import ROOT, instance
from tests.web_archive import BOUNDARY, Client, WebArchive, multipart, web_archive
from tolmach.adapters.dicomweb.stow_metadata import Assembly
from tolmach.adapters.dicomweb.xml_model import xml_of
from tolmach.adapters.objects.faults import trouble as store_trouble
from tolmach.adapters.objects.faults import unsynced
from tolmach.adapters.sql.faults import LOCKED
from tolmach.adapters.sql.faults import trouble as records_trouble
from tolmach.intake.faults import NO_ROOM, NoRoom, RecordsTrouble

JSON_KIND = f'multipart/related; type="application/dicom+json"; boundary={BOUNDARY}'


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[WebArchive, Client]]:
    with web_archive(tmp_path / "data", idle_seconds=3) as found:
        yield found


def uids(answer: dict[str, Any], sequence: str) -> list[str]:
    return [one["00081155"]["Value"][0] for one in answer.get(sequence, {}).get("Value", [])]


def reasons(answer: dict[str, Any], sequence: str) -> list[int]:
    return [one["00081197"]["Value"][0] for one in answer.get(sequence, {}).get("Value", [])]


STORED, FAILED, OTHERS = "00081199", "00081198", "0008119A"


def test_all_that_is_stored_is_told_with_its_address(fresh: tuple[WebArchive, Client]) -> None:
    archive, client = fresh
    answer = client.store(instance(1), instance(2))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    assert uids(answer.json, STORED) == [f"{ROOT}.1.1.1", f"{ROOT}.1.1.2"]
    assert answer.json["00081190"]["Value"] == [f"{client.listening.url}/dicom-web/studies/{ROOT}.1"]
    assert FAILED not in answer.json
    (first, _second) = archive.receipts.arrivals
    assert (first.provenance.entrance, first.provenance.name) == ("stow", "the admin")
    assert first.provenance.host == "127.0.0.1"
    assert list(archive.store.incoming.iterdir()) == []


def test_what_was_taken_is_byte_for_byte_what_came(fresh: tuple[WebArchive, Client]) -> None:
    archive, client = fresh
    file = instance(1, more=EXPLICIT.element(0x7FE00010, "OW", os.urandom(100_000)))
    assert client.store(file).status == 200
    with archive.store.open(archive.receipts.arrivals[0].sha256) as source:
        assert bytes(source.read(0, source.size)) == file


def test_the_same_again_is_a_success_again(fresh: tuple[WebArchive, Client]) -> None:
    """F-16: ten times, eight at once: success each time, one file."""
    archive, client = fresh
    statuses: list[int] = []

    def store() -> None:
        for _ in range(5):
            statuses.append(client.store(instance(1)).status)  # noqa: PERF401

    threads = [threading.Thread(target=store) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 10
    assert len(list(archive.store.walk())) == 1


def test_some_stored_and_some_not_is_202_with_each_told_apart(fresh: tuple[WebArchive, Client]) -> None:
    _archive, client = fresh
    cut = instance(3, more=EXPLICIT.element(0x7FE00010, "OW", bytes(500)))[:-100]
    answer = client.store(instance(1), b"no dicom at all", cut, instance(2))
    assert answer.status == 202
    assert uids(answer.json, STORED) == [f"{ROOT}.1.1.1", f"{ROOT}.1.1.2"]
    assert (uids(answer.json, FAILED), reasons(answer.json, FAILED)) == ([f"{ROOT}.1.1.3"], [0xC000])
    assert reasons(answer.json, OTHERS) == [0xC000]


def test_another_study_than_the_one_named_is_409(fresh: tuple[WebArchive, Client]) -> None:
    archive, client = fresh
    answer = client.store(instance(1), study=f"{ROOT}.9")
    assert answer.status == 409
    assert reasons(answer.json, FAILED) == [0xA900]
    assert archive.receipts.arrivals == []
    assert client.store(instance(1), instance(1, study=9), study=f"{ROOT}.9").status == 202


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("application/json", 415),
        ("multipart/form-data; boundary=x", 415),
        ('multipart/related; type="text/plain"; boundary=x', 415),
        ('multipart/related; type="application/zip"; boundary=x', 415),
        ("application/zip", 415),
        ("application/dicom+xml", 415),
        ('multipart/related; type="application/dicom"', 400),
        ('multipart/related; type="application/dicom"; boundary=other', 400),
        (f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"', 200),
        (f"multipart/related; boundary={BOUNDARY}", 200),
        ("", 400),
    ],
)
def test_kinds_of_bodies(kind: str, expected: int, fresh: tuple[WebArchive, Client]) -> None:
    answer = fresh[1].ask("POST", "/dicom-web/studies", multipart(instance(1)), Content_Type=kind)
    assert answer.status == expected
    if expected == 415:
        assert 'type="application/dicom+xml"' in answer.headers["accept"]
        assert answer.headers["accept-encoding"] == "identity"


def test_a_single_instance_needs_no_multipart(fresh: tuple[WebArchive, Client]) -> None:
    answer = fresh[1].ask("POST", "/dicom-web/studies", instance(1), Content_Type="application/dicom")
    assert answer.status == 200


def test_a_body_without_parts_is_400(fresh: tuple[WebArchive, Client]) -> None:
    assert fresh[1].store().status == 400


def test_the_answer_comes_in_the_form_that_is_asked_for(fresh: tuple[WebArchive, Client]) -> None:
    answer = fresh[1].store(instance(1), Accept="application/dicom+xml")
    assert answer.headers["content-type"] == "application/dicom+xml"
    assert ET.fromstring(answer.body).find(".//{*}DicomAttribute[@keyword='ReferencedSOPSequence']") is not None
    assert fresh[1].store(instance(1), Accept="image/png").status == 406


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("full")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (NoRoom(NO_ROOM, free="1 GB", reserve="5 GB"), 507),
        (RecordsTrouble(LOCKED, path="x"), 503),
        (records_trouble(sqlite_error(sqlite3.SQLITE_FULL), "x"), 507),
        (records_trouble(OSError(errno.ENOSPC, "no space"), "x"), 507),
        (records_trouble(OSError(errno.EIO, "broken"), "x"), 503),
        (store_trouble(OSError(errno.ENOSPC, "no space"), "x"), 507),
        (unsynced(OSError(errno.ENOSPC, "no space"), "x"), 507),
        (unsynced(OSError(errno.EIO, "broken"), "x"), 503),
    ],
)
def test_what_cannot_be_taken_now_is_not_acknowledged(
    trouble: Exception, expected: int, fresh: tuple[WebArchive, Client]
) -> None:
    """M-03, M-08: Promise 1: success only when it is ours."""
    archive, client = fresh
    archive.receipts.trouble = trouble
    answer = client.store(instance(1), instance(2))
    assert answer.status == expected
    assert reasons(answer.json, FAILED) == [0xA700] * 2
    archive.receipts.trouble = None
    assert client.store(instance(1), instance(2)).status == 200


def test_bulk_data_that_finds_no_space_is_told_so(
    fresh: tuple[WebArchive, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: Assembly, _part: object) -> None:
        raise store_trouble(OSError(errno.ENOSPC, "no space"), "the bulk data of a request")

    monkeypatch.setattr(Assembly, "add", full)
    answer = fresh[1].ask("POST", "/dicom-web/studies", multipart(b"[]"), Content_Type=JSON_KIND)
    assert (answer.status, answer.json["code"]) == (507, "TLM-OBJ-001")


def test_a_caller_that_goes_away_leaves_nothing_behind(fresh: tuple[WebArchive, Client]) -> None:
    archive, client = fresh
    body = multipart(instance(1, more=EXPLICIT.element(0x7FE00010, "OW", bytes(1 << 20))))
    with socket.create_connection(("127.0.0.1", client.listening.port), 10) as sock:
        sock.sendall(
            f"POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token-of-admin\r\n"
            f"Content-Type: multipart/related; type=application/dicom; boundary={BOUNDARY}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body[:700_000]
        )
    # Whatever the server was doing with it then, it is over when as much has been stored as may be in hand at once.
    assert client.store(instance(1)).status == 200
    deadline = time.monotonic() + 30
    while list(archive.store.incoming.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(archive.store.incoming.iterdir()) == []
    assert len(archive.receipts.arrivals) == 1


def test_memory_stays_flat_while_much_comes_in(fresh: tuple[WebArchive, Client]) -> None:
    """Promise 10: 100 MiB in one part, of which no more than a few are ever held."""
    archive, client = fresh
    length, block = 100 << 20, os.urandom(1 << 20)
    start = instance(1) + EXPLICIT.head(0x7FE00010, "OW", length)

    def body() -> Iterator[bytes]:
        yield f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + start
        for _ in range(length >> 20):
            yield block
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    client.store(instance(2))
    tracemalloc.start()
    answer = client.ask("POST", "/dicom-web/studies", body(), Content_Type=kind)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status == 200
    assert archive.receipts.arrivals[-1].size == len(start) + length
    assert peak < 24 << 20


# Metadata and bulk data --------------------------------------------------------------------------------------


def model(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "00080016": {"vr": "UI", "Value": [CT_IMAGE]},
        "00080018": {"vr": "UI", "Value": [f"{ROOT}.1.1.{number}"]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Щербаков^Юрий"}]},
        "00100020": {"vr": "LO", "Value": ["P1"]},
        "0020000D": {"vr": "UI", "Value": [f"{ROOT}.1"]},
        "0020000E": {"vr": "UI", "Value": [f"{ROOT}.1.1"]},
        "00280010": {"vr": "US", "Value": [4]},
        "00280011": {"vr": "US", "Value": [4]},
        **more,
    }


def assembled(client: Client, models: list[dict[str, Any]], *parts: tuple[str, str, bytes]) -> Any:
    body = f"--{BOUNDARY}\r\nContent-Type: application/dicom+json\r\n\r\n".encode() + json.dumps(models).encode()
    for kind, place, content in parts:
        head = f"\r\n--{BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Location: {place}\r\n\r\n"
        body += head.encode() + content
    return client.ask("POST", "/dicom-web/studies", body + f"\r\n--{BOUNDARY}--".encode(), Content_Type=JSON_KIND)


PIXELS = {"7FE00010": {"vr": "OW", "BulkDataURI": "bulk/1"}}


def test_metadata_and_bulk_data_become_an_instance(fresh: tuple[WebArchive, Client]) -> None:
    archive, client = fresh
    pixels = bytes(range(32))
    answer = assembled(client, [model(**PIXELS), model(2)], ("application/octet-stream", "bulk/1", pixels))
    assert answer.status == 200
    found = {}
    for arrival in archive.receipts.arrivals:
        with archive.store.open(arrival.sha256) as source:
            data_set = pydicom.dcmread(io.BytesIO(bytes(source.read(0, source.size))))
            found[data_set.SOPInstanceUID] = data_set
    first = found[f"{ROOT}.1.1.1"]
    assert first.PixelData == pixels
    assert str(first.PatientName) == "Щербаков^Юрий"
    assert first.file_meta.TransferSyntaxUID == EXPLICIT_LE
    assert "PixelData" not in found[f"{ROOT}.1.1.2"]


def test_metadata_in_xml_become_instances(fresh: tuple[WebArchive, Client]) -> None:
    """A part for each object, and bulk data behind them (PS3.18 section 10.5.2)."""
    archive, client = fresh
    pieces = [
        ("application/dicom+xml", "", xml_of(model(1, **PIXELS))),
        ("application/dicom+xml", "", xml_of(model(2))),
    ]
    pieces += [("application/octet-stream", "bulk/1", bytes(range(32)))]
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Location: {place}\r\n\r\n".encode() + content + b"\r\n"
        for kind, place, content in pieces
    )
    kind = f'multipart/related; type="application/dicom+xml"; boundary={BOUNDARY}'
    answer = client.ask("POST", "/dicom-web/studies", body + f"--{BOUNDARY}--".encode(), Content_Type=kind)
    assert answer.status == 200, answer.body
    assert uids(answer.json, STORED) == [f"{ROOT}.1.1.1", f"{ROOT}.1.1.2"]
    (metadata, _second) = client.get(f"/dicom-web/studies/{ROOT}.1/metadata").json
    assert metadata["00100010"]["Value"] == [{"Alphabetic": "Щербаков^Юрий"}]
    first = next(one for one in archive.receipts.arrivals if one.sop_instance_uid == f"{ROOT}.1.1.1")
    with archive.store.open(first.sha256) as source:
        assert pydicom.dcmread(io.BytesIO(bytes(source.read(0, source.size)))).PixelData == bytes(range(32))


def test_compressed_bulk_data_stay_compressed(fresh: tuple[WebArchive, Client]) -> None:
    archive, client = fresh
    kind = "image/jp2; transfer-syntax=1.2.840.10008.1.2.4.91"
    more = {"00280008": {"vr": "IS", "Value": [2]}, "7FE00010": {"vr": "OB", "BulkDataURI": "bulk/1"}}
    assert (
        assembled(client, [model(**more)], (kind, "bulk/1", b"frame one"), (kind, "bulk/1", b"frame 2!")).status == 200
    )
    (arrival,) = archive.receipts.arrivals
    assert arrival.transfer_syntax_uid == "1.2.840.10008.1.2.4.91"
    with archive.store.open(arrival.sha256) as source:
        data_set = pydicom.dcmread(io.BytesIO(bytes(source.read(0, source.size))))
    frames = list(pydicom.encaps.generate_frames(data_set.PixelData, number_of_frames=2))
    assert frames == [b"frame one\0", b"frame 2!"]


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "http://169.254.169.254/", "bulk/2"])
def test_bulk_data_from_elsewhere_are_never_fetched(uri: str, fresh: tuple[WebArchive, Client]) -> None:
    """H-02, H-08."""
    pixels = {"7FE00010": {"vr": "OW", "BulkDataURI": uri}}
    answer = assembled(fresh[1], [model(**pixels), model(2)], ("application/octet-stream", "bulk/1", b"x"))
    assert answer.status == 202
    assert uids(answer.json, FAILED) == [f"{ROOT}.1.1.1"]
    assert uids(answer.json, STORED) == [f"{ROOT}.1.1.2"]


@pytest.mark.parametrize(
    "body",
    [b"not json", b"[" * 100_000, b'{"00080016":' * 2_000, b'[{"00080018": 5}]', b'<!DOCTYPE a [<!ENTITY b "c">]>'],
)
def test_metadata_that_mean_nothing_are_refused(body: bytes, fresh: tuple[WebArchive, Client]) -> None:
    """H-02, F-05."""
    content = f"--{BOUNDARY}\r\nContent-Type: application/dicom+json\r\n\r\n".encode() + body
    sent = content + f"\r\n--{BOUNDARY}--".encode()
    answer = fresh[1].ask("POST", "/dicom-web/studies", sent, Content_Type=JSON_KIND)
    assert answer.status in (400, 409)


# What comes hostile ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"x",
        bytes(132),
        bytes(128) + b"DICM",
        instance(1)[:-3],
        part10(EXPLICIT.nested(65)),
        part10(EXPLICIT.nested(100_000, undefined=True)),
        part10(EXPLICIT.element(0x00100010, "LO", b"x", length=0xFFF0)),
        part10(b"".join(EXPLICIT.element(0x00091000, "LO", b"ab") for _ in range(250_000))),
    ],
    ids=["empty", "one", "zeros", "prefix", "cut", "65", "100000", "lies", "elements"],
)
def test_hostile_files_are_refused_each_by_itself(file: bytes, fresh: tuple[WebArchive, Client]) -> None:
    """F-01, F-03, F-04, F-05, F-08: told, not stored, nobody hurt."""
    archive, client = fresh
    answer = client.store(file)
    assert answer.status == 409
    assert list(archive.store.incoming.iterdir()) == []
    assert client.store(file, instance(2)).status == 202


def test_a_deflated_bomb_is_refused(fresh: tuple[WebArchive, Client]) -> None:
    """F-06."""
    bomb = part10(EXPLICIT.element(0x00091010, "OB", bytes(200 << 20)), "1.2.840.10008.1.2.1.99")
    assert len(bomb) < 1 << 20
    assert fresh[1].store(bomb).status == 409


def test_unknown_classes_and_syntaxes_are_taken_as_they_are(fresh: tuple[WebArchive, Client]) -> None:
    """F-10, F-11: stored and given back byte for byte."""
    _archive, client = fresh
    body = EXPLICIT.element(0x00080016, "UI", b"1.2.3.4.5.6\0") + EXPLICIT.element(0x00080018, "UI", b"1.2.3.9\0")
    body += EXPLICIT.element(0x0020000D, "UI", b"1.7\0") + EXPLICIT.element(0x0020000E, "UI", b"1.8\0")
    body += EXPLICIT.fragments(0x7FE00010, [b"", b"jpeg xl here"])
    file = part10(body, "1.2.840.10008.1.2.4.111", sop_class="1.2.3.4.5.6", instance="1.2.3.9")
    assert client.store(file).status == 200
    answer = client.get("/dicom-web/studies/1.7")
    ((head, content),) = answer.parts()
    assert head["content-type"] == "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.111"
    assert content.endswith(body)


def test_a_transfer_syntax_that_is_no_uid_is_given_back_as_it_came(fresh: tuple[WebArchive, Client]) -> None:
    """F-24: found by mutating real files."""
    client = fresh[1]
    file = instance(1).replace(EXPLICIT_LE.encode(), EXPLICIT_LE.encode().replace(b"840", b"8\xe60"), 1)
    assert client.store(file).status == 200
    assert client.get(f"/dicom-web/studies/{ROOT}.1").status == 200


def test_an_object_without_a_study_is_stored_and_has_no_address(fresh: tuple[WebArchive, Client]) -> None:
    body = EXPLICIT.element(0x00080016, "UI", even(CT_IMAGE.encode(), b"\0"))
    body += EXPLICIT.element(0x00080018, "UI", b"1.2.3.9\0")
    answer = fresh[1].store(part10(body, instance="1.2.3.9"))
    assert answer.status == 200
    assert answer.json[STORED]["Value"][0]["00081190"] == {"vr": "UR"}
