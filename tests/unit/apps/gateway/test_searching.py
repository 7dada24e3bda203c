"""QIDO-RS over a real socket: six resources, matching, paging, warnings."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.archive_double import ROOT, entry
from tests.web_archive import Client, WebArchive, web_archive
from tolmach.adapters.sql.faults import LOCKED
from tolmach.intake.faults import RecordsTrouble


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebArchive, Client]]:
    with web_archive(tmp_path_factory.mktemp("archive")) as (archive, client):
        names = {1: "Щербаков^Юрий", 2: "ІВАНЕНКО^ІВАН", 3: "Shcherbakov^Oleg", 4: "Müller^Jörg"}
        for study in range(1, 26):
            for series in range(1, 3):
                for number in range(1, 3):
                    request = {"RequestedProcedureID": (f"R{study}",), "ScheduledProcedureStepID": (f"S{study}",)}
                    archive.index.add(
                        entry(
                            study,
                            series,
                            number,
                            PatientName=names.get(study, f"Тестовый^{study}"),
                            Modality="CT" if series == 1 else "SR",
                            RequestAttributesSequence=(request,),
                            Rows="512",
                        )
                    )
        yield archive, client


@pytest.fixture
def client(filled: tuple[WebArchive, Client]) -> Client:
    return filled[1]


def values(client: Client, path: str, tag: str) -> list[Any]:
    answer = client.get(f"/dicom-web/{path}")
    assert answer.status in (200, 204), answer.body
    return [one[tag].get("Value", [None])[0] for one in answer.json] if answer.status == 200 else []


STUDY_UID, SERIES_UID, INSTANCE_UID, NAME = "0020000D", "0020000E", "00080018", "00100010"


@pytest.mark.parametrize(
    ("path", "tag", "count"),
    [
        ("studies", STUDY_UID, 25),
        (f"studies/{ROOT}.1/series", SERIES_UID, 2),
        (f"studies/{ROOT}.1/series/{ROOT}.1.1/instances", INSTANCE_UID, 2),
        (f"studies/{ROOT}.1/instances", INSTANCE_UID, 4),
        ("series", SERIES_UID, 50),
        ("instances", INSTANCE_UID, 100),
    ],
)
def test_all_six_resources_answer(path: str, tag: str, count: int, client: Client) -> None:
    found = values(client, path, tag)
    assert len(found) == len(set(found)) == count


@pytest.mark.parametrize(
    "query",
    [
        "PatientName=" + quote("Щербаков*"),
        "00100010=" + quote("щербаков*"),
        "PatientName=" + quote("ЩЕРБАКОВ"),
        "PatientName=" + quote("Shcherbakov^Yuri") + "&fuzzymatching=true",
    ],
)
def test_cyrillic_is_found_percent_encoded(query: str, client: Client) -> None:
    found = client.get(f"/dicom-web/studies?{query}").json
    assert {"Alphabetic": "Щербаков^Юрий"} in [one[NAME]["Value"][0] for one in found]
    assert len(found) <= 2


@pytest.mark.parametrize(
    ("query", "studies"),
    [
        ("PatientID=P7", [7]),
        ("AccessionNumber=A1?", list(range(10, 20))),
        ("StudyDate=20261103-20261105", [3, 4, 5]),
        ("StudyDate=-20261102", [1, 2]),
        (f"StudyInstanceUID={ROOT}.3,{ROOT}.5", [3, 5]),
        (f"0020000D={ROOT}.3%5C{ROOT}.5", [3, 5]),
        ("ModalitiesInStudy=SR&PatientID=P2", [2]),
        ("ModalitiesInStudy=MR", []),
        ("PatientID=%27%20OR%201=1--", []),
        ("PatientName=%25", []),
        ("PatientName=M%C3%BCller*", [4]),
        ("PatientID=*&PatientName=&limit=3", [23, 24, 25]),
    ],
)
def test_matching(query: str, studies: list[int], client: Client) -> None:
    """H-09: what looks like SQL is a value."""
    found = values(client, f"studies?{query}", STUDY_UID)
    assert sorted(found) == sorted(f"{ROOT}.{number}" for number in studies)


def test_attributes_of_sequences_are_matched(client: Client) -> None:
    for name in ("00400275.00401001", "RequestAttributesSequence.RequestedProcedureID"):
        assert set(values(client, f"series?{name}=R4", STUDY_UID)) == {f"{ROOT}.4"}


def test_pages_are_stable_and_what_remains_is_told(client: Client) -> None:
    everything = values(client, "studies", STUDY_UID)
    paged: list[Any] = []
    for offset in range(0, 30, 7):
        answer = client.get(f"/dicom-web/studies?limit=7&offset={offset}")
        if answer.status == 204:
            break
        paged += [one[STUDY_UID]["Value"][0] for one in answer.json]
        remaining = max(0, 25 - offset - 7)
        if remaining:
            assert f"There are {remaining} additional results that can be requested" in answer.headers["warning"]
            assert answer.headers["warning"].startswith("299 tolmach")
        else:
            assert "warning" not in answer.headers
    assert paged == everything
    assert client.get("/dicom-web/studies?offset=25").status == 204


def test_nothing_found_is_204_without_a_body(client: Client) -> None:
    answer = client.get("/dicom-web/studies?PatientID=nobody")
    assert (answer.status, answer.body) == (204, b"")


def test_the_usual_attributes_are_told_and_others_when_asked(client: Client) -> None:
    (one,) = client.get("/dicom-web/studies?PatientID=P1").json
    for tag in "00080020 00080030 00080050 00080061 00080090 00081190 00100010 00100020 00100030 00100040".split():
        assert tag in one
    assert one["00201206"]["Value"] == [2]
    assert one["00201208"]["Value"] == [4]
    assert one["00080061"]["Value"] == ["CT", "SR"]
    assert one["00081190"]["Value"] == [f"{client.listening.url}/dicom-web/studies/{ROOT}.1"]
    assert list(one) == sorted(one)
    assert "00280010" not in client.get("/dicom-web/series?PatientID=P1").json[0]
    (more, *_) = client.get("/dicom-web/series?PatientID=P1&includefield=00400275").json
    assert more["00400275"]["Value"][0]["00401001"]["Value"] == ["R1"]
    assert client.get("/dicom-web/instances?limit=1&includefield=all").json[0]["00280010"]["Value"] == [512]


def test_what_cannot_be_matched_is_told(client: Client) -> None:
    answer = client.get("/dicom-web/studies?KVP=120&limit=1")
    assert answer.status == 200
    assert "KVP" in answer.headers["warning"]
    assert "emptyvaluematching" in client.get("/dicom-web/studies?emptyvaluematching=true").headers["warning"]


@pytest.mark.parametrize(
    "query",
    ["nonsense=1", "limit=x", "PatientID=1&PatientID=2", "StudyDate=yesterday", "%FF=1", "includefield=0", "a" * 500],
)
def test_what_means_nothing_is_400(query: str, client: Client) -> None:
    assert client.get(f"/dicom-web/studies?{query}").status == 400


def test_a_name_that_is_question_marks_finds_nobody_by_accident(client: Client) -> None:
    answer = client.get("/dicom-web/studies?PatientName=" + quote("????????"))
    assert answer.status == 400
    assert answer.json["message"].endswith("any name would fit.")


def test_limits(client: Client) -> None:
    """H-10."""
    assert client.get("/dicom-web/studies?limit=1000000000").status == 200
    assert client.get("/dicom-web/studies?" + "&".join(["includefield=00100010"] * 300)).status == 413
    assert client.get("/dicom-web/studies?limit=0").status == 204


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/dicom+json"),
        ("*/*", "application/dicom+json"),
        ("application/json", "application/json"),
        ("application/dicom+json, application/json", "application/dicom+json"),
        ('multipart/related; type="application/dicom+xml"', "multipart/related"),
    ],
)
def test_forms_of_answers(accept: str | None, kind: str, client: Client) -> None:
    answer = client.get("/dicom-web/studies?limit=2", accept)
    assert answer.headers["content-type"].startswith(kind)
    if "xml" in (accept or ""):
        parts = answer.parts()
        assert len(parts) == 2
        assert b"NativeDicomModel" in parts[0][1]
    assert client.get("/dicom-web/studies", "text/csv").status == 406


def test_uids_in_the_path_that_are_none_are_400(client: Client) -> None:
    assert client.get("/dicom-web/studies/%27--/series").status == 400
    assert client.get(f"/dicom-web/studies/{'1' * 65}/series").status == 400


def test_trouble_with_the_records_is_told_and_passes(filled: tuple[WebArchive, Client]) -> None:
    """M-08."""
    archive, client = filled
    archive.index.trouble = RecordsTrouble(LOCKED, path=io.StringIO())
    answer = client.get("/dicom-web/studies")
    archive.index.trouble = None
    assert answer.status == 503
    assert answer.headers["retry-after"]
    assert answer.json["code"] == "TLM-SQL-001"
    assert client.get("/dicom-web/studies").status == 200
