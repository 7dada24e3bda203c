"""What comes by STOW-RS to do harm, or is merely odd, and what QIDO-RS and WADO-RS say of it afterwards.

Rows of the fault list, F-05 to F-24 (docs/reliability-rows.md), each met by a real request over a real socket.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pydicom
import pytest

from tests.builders import DEFLATED, EXPLICIT, EXPLICIT_LE, even, meta, part10
from tests.unit.apps.gateway.storing_files import ROOT, instance
from tests.web_archive import Client, WebArchive, web_archive
from tolmach.dicom import uids

DEEP = 0x00400275
FAILED, STORED = "00081198", "00081199"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[WebArchive, Client]]:
    with web_archive(tmp_path / "data", idle_seconds=5, pixel_processes=1) as found:
        yield found


def put(tag: int, vr: str, value: bytes) -> bytes:
    return EXPLICIT.element(tag, vr, even(value, b"\0" if vr == "UI" else b" "))


def made(*changes: tuple[int, str, bytes], syntax: str = EXPLICIT_LE, number: int = 1, study: int = 1) -> bytes:
    """Give a whole file whose elements are as told, beside those that an archive needs."""
    uid = f"{ROOT}.{study}.1.{number}".encode()
    known: dict[int, tuple[str, bytes]] = {
        0x00080016: ("UI", uids.CTImageStorage.encode()),
        0x00080018: ("UI", uid),
        0x00080060: ("CS", b"CT"),
        0x00100010: ("PN", b"Nobody"),
        0x00100020: ("LO", b"P1"),
        0x0020000D: ("UI", f"{ROOT}.{study}".encode()),
        0x0020000E: ("UI", f"{ROOT}.{study}.1".encode()),
        **{tag: (vr, value) for tag, vr, value in changes},
    }
    body = b"".join(put(tag, *one) for tag, one in sorted(known.items()))
    return part10(
        body, syntax, instance=known[0x00080018][1].decode("latin-1"), sop_class=known[0x00080016][1].decode()
    )


def alive(client: Client) -> bool:
    began = time.process_time()  # of this process, in which the server runs: others keep the machine busy too
    return client.get("/health/live").status == 200 and time.process_time() - began < 2


def data_set_of(file: bytes) -> bytes:
    """Give what follows the file meta information, which is written anew for each who asks."""
    return file[144 + int.from_bytes(file[140:144], "little") :]


def back(client: Client, study: int = 1) -> bytes:
    """Give what WADO-RS has of a study's only instance, as it is stored."""
    answer = client.get(
        f"/dicom-web/studies/{ROOT}.{study}", 'multipart/related; type="application/dicom"; transfer-syntax=*'
    )
    ((_head, file),) = answer.parts()
    return file


@pytest.mark.parametrize(("depth", "expected"), [(63, 200), (64, 200), (65, 409), (5_000, 409), (100_000, 409)])
def test_sequences_as_deep_as_may_be_come_out_again_in_every_form(
    depth: int, expected: int, fresh: tuple[WebArchive, Client]
) -> None:
    """F-05: stored or refused at the limit, and no form of answer runs out of stack."""
    _archive, client = fresh
    file = instance(1, more=EXPLICIT.nested(depth, undefined=True))
    began = time.process_time()
    assert client.store(file).status == expected
    assert time.process_time() - began < 5
    if expected == 200:
        (model,) = client.get(f"/dicom-web/studies/{ROOT}.1/metadata").json
        for level in range(depth):
            assert model, level
            model = model["00400275"]["Value"][0] if model["00400275"].get("Value") else {}
        xml = client.get(f"/dicom-web/studies/{ROOT}.1/metadata", 'multipart/related; type="application/dicom+xml"')
        assert xml.status == 200
        assert xml.body.count(b"</DicomAttribute>") >= depth
    assert alive(client)


def deflated(body: bytes, tail: bytes = b"", broken: bool = False) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(body) + packer.flush()
    if broken:
        packed = packed[: len(packed) // 2] + b"\xff" * 20 + packed[len(packed) // 2 + 20 :]
    head = meta(DEFLATED, instance=f"{ROOT}.1.1.1")
    return bytes(128) + b"DICM" + head + even(packed + tail, b"\0")


def test_a_deflated_stream_that_breaks_off_is_refused(fresh: tuple[WebArchive, Client]) -> None:
    """F-06: a broken stream."""
    archive, client = fresh
    plain = instance(1, more=put(0x00104000, "LT", bytes(range(32, 127)) * 40))
    assert client.store(deflated(plain[plain.index(b"\x08\x00\x05\x00") :], broken=True)).status == 409
    assert archive.receipts.arrivals == []
    assert alive(client)


def test_bytes_behind_a_deflated_stream_do_no_harm(fresh: tuple[WebArchive, Client]) -> None:
    """F-06: trailing bytes; what is given back is the data set."""
    _archive, client = fresh
    plain = instance(1)
    assert client.store(deflated(plain[plain.index(b"\x08\x00\x05\x00") :], tail=b"\0" * 6)).status == 200
    answer = client.get(f"/dicom-web/studies/{ROOT}.1")
    ((_head, file),) = answer.parts()
    assert str(pydicom.dcmread(io.BytesIO(file)).PatientName) == "Іваненко^Іван"


def test_a_bomb_of_a_gibibyte_costs_neither_memory_nor_time(fresh: tuple[WebArchive, Client]) -> None:
    """F-06: a ratio of a thousand: 128 MiB and two seconds of a processor; counting memory takes longer."""
    _archive, client = fresh
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = packer.compress(EXPLICIT.head(0x00091010, "OB", 1 << 30))
    packed += b"".join(packer.compress(bytes(1 << 24)) for _ in range(64)) + packer.flush()
    file = bytes(128) + b"DICM" + meta(DEFLATED) + even(packed, b"\0")
    assert len(file) < 2 << 20
    began = time.process_time()
    assert client.store(file).status == 409
    assert time.process_time() - began < 2
    tracemalloc.start()
    try:
        assert client.store(file).status == 409
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 128 << 20


def packed_in_zip(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, instance(1))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "part",
    [
        packed_in_zip("../../etc/cron.d/x", "/abs.dcm", "C:\\x.dcm"),
        gzip.compress(instance(1)),
        gzip.compress(bytes(1 << 24)),
    ],
    ids=["zip", "gzip", "bomb"],
)
def test_packed_objects_are_never_unpacked(part: bytes, fresh: tuple[WebArchive, Client], tmp_path: Path) -> None:
    """F-07: a zip with names that lead elsewhere, gzip, and a bomb of it: refused as no DICOM, nothing written."""
    archive, client = fresh
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert client.store(part).status == 409
    assert client.store(part, instance(2)).status == 202
    assert archive.receipts.arrivals[0].sop_instance_uid == f"{ROOT}.1.1.2"
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert [path.suffix for path in new] == [".dcm"]


def test_more_items_than_anybody_has_are_refused_in_little_memory(fresh: tuple[WebArchive, Client]) -> None:
    """F-08: 300,000 empty items."""
    _archive, client = fresh
    items = EXPLICIT.head(DEEP, "SQ", 8 * 300_000) + EXPLICIT.item(b"") * 300_000
    tracemalloc.start()  # which makes everything several times slower
    began = time.process_time()
    assert client.store(instance(1, more=items)).status == 409
    seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 60  # what grew with the square would take an hour
    assert peak < 64 << 20


def test_values_that_are_huge_and_no_pixels_are_refused(fresh: tuple[WebArchive, Client]) -> None:
    """F-08: more than 64 MiB of text: refused here, where the sender is told at once; over DICOM it is quarantined."""
    archive, client = fresh
    text = EXPLICIT.element(0x0040A160, "UT", b"x" * (66 << 20))
    answer = client.store(instance(1, more=text), instance(2))
    assert answer.status == 202
    (failed,) = answer.json[FAILED]["Value"]
    assert failed["00081155"]["Value"] == [f"{ROOT}.1.1.1"]
    assert failed["00081197"]["Value"] == [0xC000]
    assert [one.sop_instance_uid for one in archive.receipts.arrivals] == [f"{ROOT}.1.1.2"]
    assert alive(client)


@pytest.mark.parametrize(
    "lies",
    [
        [(0x00280010, "US", b"\xff\xff"), (0x00280011, "US", b"\xff\xff")],
        [(0x00280010, "US", b"\x02\xb5"), (0x00280011, "US", b"\x02\xb5"), (0x00280008, "IS", b"1000000000")],
        [(0x00280010, "UL", b"\xff\xff\xff\xff"), (0x00280011, "UL", b"\xff\xff\xff\xff")],
        [(0x00280010, "US", b"\x00\x00"), (0x00280011, "US", b"\x00\x00")],
    ],
    ids=["65535", "46341x10^9", "UL", "0"],
)
def test_sizes_that_lie_are_kept_as_they_are_and_kill_nobody(
    lies: list[tuple[int, str, bytes]], fresh: tuple[WebArchive, Client]
) -> None:
    """F-09: stored and given back unchanged; no picture, and the server lives."""
    _archive, client = fresh
    pixels = (0x7FE00010, "OW", bytes(64))
    file = made(
        (0x00280002, "US", b"\1\0"), (0x00280004, "CS", b"MONOCHROME2"), (0x00280100, "US", b"\x10\0"), *lies, pixels
    )
    assert client.store(file).status == 200
    assert data_set_of(back(client)) == data_set_of(file)
    place = f"/dicom-web/studies/{ROOT}.1/series/{ROOT}.1.1/instances/{ROOT}.1.1.1"
    for path in (f"{place}/rendered", f"{place}/thumbnail", f"{place}/frames/1", f"{place}/frames/1000000000"):
        assert client.get(path).status in (400, 404, 406)
    assert alive(client)


ODD = [
    (0x00080060, "CS", "РЕНТГЕН".encode()),
    (0x00080020, "DA", "вчора".encode()),
    (0x00080030, "TM", b"25:99"),
    (0x00080054, "AE", "АПАРАТ".encode("cp1251")),
    (0x00080005, "CS", b"ISO_IR 192"),
    (0x00100020, "LO", "Ж-17".encode()),
    (0x00101010, "AS", "сорок".encode()),
    (0x00200013, "IS", "перший".encode()),
]


def test_cyrillic_where_it_may_not_be_stops_nothing(fresh: tuple[WebArchive, Client]) -> None:
    """F-13: in CS, DA, TM, AE, AS, IS and as a patient's id: stored, found by that id, told as legal JSON."""
    _archive, client = fresh
    file = made(*ODD)
    assert client.store(file).status == 200
    (found,) = client.get(f"/dicom-web/studies?PatientID={quote('Ж-17')}&includefield=StudyDate").json
    assert found["00100020"]["Value"] == ["Ж-17"]
    (model,) = client.get(f"/dicom-web/studies/{ROOT}.1/metadata").json
    assert model["00100020"]["Value"] == ["Ж-17"]
    assert pydicom.Dataset.from_json({"00100020": model["00100020"]}).PatientID == "Ж-17"
    assert client.get(f"/dicom-web/studies?PatientID={quote('ж-17')}").status == 204
    assert data_set_of(back(client)) == data_set_of(file)
    assert client.get("/dicom-web/studies?StudyDate=20260101-20261231").status in (200, 204)


def test_a_uid_of_cyrillic_letters_is_no_uid(fresh: tuple[WebArchive, Client]) -> None:
    """F-13: in UI it is refused, told apart, and makes no path."""
    _archive, client = fresh
    answer = client.store(made((0x00080018, "UI", "1.2.ж".encode("cp1251"))), instance(2))
    assert answer.status == 202
    assert len(answer.json[FAILED]["Value"] if FAILED in answer.json else answer.json["0008119A"]["Value"]) == 1


@pytest.mark.parametrize("letters", ["Ґудзь^Їжак^Єва", "Қасымов^Әлихан", "Щербаков^Ёж"])
def test_every_letter_goes_out_as_it_is(letters: str, fresh: tuple[WebArchive, Client]) -> None:
    """F-15: in JSON and XML, and asked for percent-encoded; nothing becomes a question mark."""
    _archive, client = fresh
    assert client.store(instance(1, name=letters)).status == 200
    (found,) = client.get(f"/dicom-web/studies?PatientName={quote(letters)}").json
    assert found["00100010"]["Value"] == [{"Alphabetic": letters}]
    xml = client.get("/dicom-web/studies", 'multipart/related; type="application/dicom+xml"')
    ((_head, document),) = xml.parts()
    name = ET.fromstring(document).find(".//{*}DicomAttribute[@keyword='PatientName']")
    assert name is not None
    assert "^".join(name.itertext()) == letters


def test_other_bytes_under_one_uid_are_both_kept(fresh: tuple[WebArchive, Client]) -> None:
    """F-17: the newest is shown, and the bytes of the first are still there."""
    archive, client = fresh
    first, second = instance(1, name="Old^Name"), instance(1, name="New^Name")
    assert client.store(first).status == 200
    assert client.store(second).status == 200
    assert b"New^Name" in back(client)
    assert len(list(archive.store.walk())) == 2
    contents = set()
    for arrival in archive.receipts.arrivals:
        with archive.store.open(arrival.sha256) as source:
            contents.add(bytes(source.read(0, source.size)))
    assert contents == {first, second}


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}${jndi:ldap://x/a}%s%n",
    "RTL\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
    "\N{PILE OF POO}\N{SNOWMAN}",
    "' OR 1=1; DROP TABLE studies; --",
    "x" * 64_000,
    "]]><!--",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_data_in_every_answer(name: str, fresh: tuple[WebArchive, Client]) -> None:
    """F-19: JSON and XML that others can read, with the name as text in them and no element of its own."""
    _archive, client = fresh
    file = made((0x00080005, "CS", b"ISO_IR 192"), (0x00100010, "PN" if len(name) < 9000 else "UT", name.encode()))
    assert client.store(file).status == 200
    for path in ("/dicom-web/studies", f"/dicom-web/studies/{ROOT}.1/metadata"):
        answer = client.get(path)
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("application/dicom+json")
        assert json.loads(answer.body)
        answer = client.get(path, 'multipart/related; type="application/dicom+xml"')
        ((_head, document),) = answer.parts()
        names = {element.tag.rpartition("}")[2] for element in ET.fromstring(document).iter()}
        assert names <= {
            *("NativeDicomModel", "DicomAttribute", "Value", "Item", "PersonName", "Alphabetic", "Ideographic"),
            *(
                "Phonetic",
                "FamilyName",
                "GivenName",
                "MiddleName",
                "NamePrefix",
                "NameSuffix",
                "BulkData",
                "InlineBinary",
            ),
        }


def test_much_text_in_many_values_is_told_by_its_place(fresh: tuple[WebArchive, Client]) -> None:
    """F-08: 1,000 values of 64 KiB each: kept, and an answer holds no more of them than may be."""
    _archive, client = fresh
    text = b"".join(EXPLICIT.element(0x00091000 + number, "LO", b"x" * 65_534) for number in range(1_000))
    assert client.store(instance(1, more=text)).status == 200
    told = client.get(f"/dicom-web/studies/{ROOT}.1/metadata")
    assert told.status == 200
    assert len(told.body) < 17 << 20
    (model,) = told.json
    elsewhere = [tag for tag in model if "BulkDataURI" in model[tag]]
    assert len(elsewhere) > 700
    address = model[elsewhere[-1]]["BulkDataURI"].removeprefix(client.listening.url)
    ((_head, value),) = client.get(address, 'multipart/related; type="application/octet-stream"').parts()
    assert value == b"x" * 65_534
    assert alive(client)


def test_escapes_of_a_terminal_do_not_reach_the_log(
    fresh: tuple[WebArchive, Client], caplog: pytest.LogCaptureFixture
) -> None:
    """F-19: ESC, NUL and line ends in names and addresses; no name is in the log at all."""
    _archive, client = fresh
    name = "Иванов\x1b[2J\r\nERROR forged\0"
    with caplog.at_level(logging.DEBUG):
        client.store(made((0x00080005, "CS", b"ISO_IR 192"), (0x00100010, "PN", name.encode())))
        client.store(made((0x00080018, "UI", b"1.2\x1b[31m\r\nERROR forged")))
        client.store(made((0x00100010, "PN", name.encode()), (0x0020000D, "UI", b"\x1b[31m\r\n"))[:-9])
        client.get("/dicom-web/studies?PatientName=" + quote(name))
        client.get("/dicom-web/%1b%5b2J%0d%0aERROR%20forged")
    said = [record.getMessage() for record in caplog.records if record.name.startswith("tolmach")]
    assert not [line for line in said if not line.isprintable()]
    assert "Иванов" not in "".join(said)


@pytest.mark.parametrize(
    "uid",
    [
        "../../../tmp/tolmach-f20",
        "..\\..\\x",
        "/etc/passwd",
        "C:\\x",
        "CON",
        "nul.",
        "1.2/../3",
        "1.2\r\nX: y",
        '1.2";x="',
        "1" * 300,
    ],
)
def test_a_uid_that_is_a_path_makes_none(uid: str, fresh: tuple[WebArchive, Client], tmp_path: Path) -> None:
    """F-20: nothing is written but where objects are, and no header is made of it; what is no UID at all is refused."""
    _archive, client = fresh
    answer = client.store(made((0x00080018, "UI", uid.encode())), made((0x0020000D, "UI", uid.encode()), number=2))
    assert answer.status in (200, 202, 409)
    assert "x" not in answer.headers
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(path.parts[-4] == "objects" and len(path.stem) == 64 for path in kept)
    assert not Path("/tmp/tolmach-f20").exists()
    if answer.status == 200:  # letters stand in badly anonymised UIDs, and are only ever looked up
        assert uid.replace(".", "").isalnum()
    else:
        assert client.get(f"/dicom-web/studies/{quote(uid, safe='')}").status in (400, 404)


@pytest.mark.parametrize("name", ['a"b', "a\r\nb", "ж.dcm", "../x", "a;b", "CON"])
def test_a_file_is_offered_under_a_name_that_ends_no_header(name: str) -> None:
    """F-20, H-03: whatever a file is called, the header is one line and its quotes stay shut."""
    from tolmach.adapters.dicomweb.answers import attachment

    header = attachment(name)["Content-Disposition"]
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert "/" not in header


def directory(target: bytes) -> bytes:
    record = put(0x00041430, "CS", b"IMAGE") + put(0x00041500, "CS", target)
    body = put(0x00080016, "UI", uids.MediaStorageDirectoryStorage.encode()) + put(0x00080018, "UI", b"1.2.3.9")
    body += EXPLICIT.element(0x00041200, "UL", b"\x10\0\0\0") + EXPLICIT.element(0x00041202, "UL", b"\x10\0\0\0")
    body += EXPLICIT.sequence(0x00041220, [record] * 3)
    return part10(body, sop_class=uids.MediaStorageDirectoryStorage, instance="1.2.3.9")


@pytest.mark.parametrize("target", [b"..\\..\\ETC\\PASSWD", b"\\ETC\\PASSWD", b"IMAGE1"])
def test_the_index_of_a_disc_is_no_image_and_nothing_it_names_is_read(
    target: bytes, fresh: tuple[WebArchive, Client]
) -> None:
    """F-22: with names that lead elsewhere, and offsets that lead in circles."""
    archive, client = fresh
    assert client.store(directory(target)).status == 409
    assert archive.receipts.arrivals == []


def test_what_could_run_in_a_browser_is_never_shown_by_it(fresh: tuple[WebArchive, Client]) -> None:
    """F-23: an encapsulated PDF and HTML: no picture, and bulk data that no browser opens in our name."""
    _archive, client = fresh
    page = b"<html><script>alert(document.domain)</script></html>"
    for number, (kind, content) in enumerate(((b"application/pdf", b"%PDF-1.7 /JS"), (b"text/html", page)), 1):
        file = made(
            (0x00080016, "UI", uids.EncapsulatedPDFStorage.encode()),
            (0x00420011, "OB", even(content, b"\0")),
            (0x00420012, "LO", kind),
            number=number,
        )
        assert client.store(file).status == 200
        place = f"/dicom-web/studies/{ROOT}.1/series/{ROOT}.1.1/instances/{ROOT}.1.1.{number}"
        assert client.get(f"{place}/rendered", "text/html, application/pdf, */*").status == 406
        for accept in ("*/*", "text/html, */*", "application/octet-stream"):
            answer = client.get(f"{place}/bulkdata/00420011", accept)
            assert answer.status == 200
            assert answer.headers["content-type"].startswith(("multipart/related", "application/octet-stream"))
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]


def test_a_report_of_ten_thousand_items_and_one_that_points_at_itself(fresh: tuple[WebArchive, Client]) -> None:
    """F-23: told as data; nobody follows the reference."""
    _archive, client = fresh
    item = put(0x0040A010, "CS", b"CONTAINS") + put(0x0040A040, "CS", b"TEXT") + put(0x0040A160, "UT", b"x")
    loop = put(0x0040A010, "CS", b"INFERRED FROM") + EXPLICIT.element(0x0040DB73, "UL", b"\1\0\0\0")
    body = EXPLICIT.sequence(0x0040A730, [*[item] * 10_000, loop])
    file = made((0x00080016, "UI", uids.BasicTextSRStorage.encode()))
    file += body
    assert client.store(file).status == 200
    (model,) = client.get(f"/dicom-web/studies/{ROOT}.1/metadata").json
    assert len(model["0040A730"]["Value"]) == 10_001
    place = f"/dicom-web/studies/{ROOT}.1/series/{ROOT}.1.1/instances/{ROOT}.1.1.1"
    assert client.get(f"{place}/rendered").status == 406
    assert alive(client)
