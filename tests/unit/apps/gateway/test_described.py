"""/api/v1/openapi.json against the entrance itself: what it says of each route is what each route does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import pytest

from tests.unit.apps.gateway.storing_files import ROOT, instance
from tests.web_archive import BOUNDARY, Client, WebArchive, multipart, web_archive
from tolmach.adapters.sql.faults import LOCKED
from tolmach.apps.gateway.rights import RIGHTS, ROLES
from tolmach.intake.faults import NO_ROOM, NoRoom, RecordsTrouble

VALUES = {
    "study": f"{ROOT}.1",
    "series": f"{ROOT}.1.1",
    "instance": f"{ROOT}.1.1.1",
    "frames": "1",
    "place": "00100010",
}
QUERIES = (
    "",
    "limit=1&offset=0&includefield=all&fuzzymatching=true&PatientName=Nobody",
    "limit=x&viewport=x&window=x&quality=0",
    "viewport=32,32&window=1,2,linear&quality=50",
    f"requestType=WADO&studyUID={ROOT}.1&seriesUID={ROOT}.1.1&objectUID={ROOT}.1.1.1&contentType=application/dicom",
    "requestType=WADO&studyUID=1.9&seriesUID=1.9&objectUID=1.9",
    "accept=image/png",
    "includefield=00100010&" * 200,
    "%ff=%fe",
)
ACCEPTS = (
    None,
    "*/*",
    "application/dicom",
    "application/dicom+json",
    'multipart/related; type="application/dicom+xml"',
    'multipart/related; type="application/octet-stream"; transfer-syntax=*',
    "image/png",
    "klingon/*",
    "}{",
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebArchive, Client]]:
    with web_archive(tmp_path_factory.mktemp("archive"), pixel_processes=1) as (archive, client):
        assert client.store(instance(1)).status == 200
        yield archive, client


@pytest.fixture(scope="module")
def document(running: tuple[WebArchive, Client]) -> dict[str, Any]:
    return dict(running[1].get("/api/v1/openapi.json").json)


def filled(path: str) -> str:
    return re.sub(r"{([a-z]+)}", lambda found: VALUES[found[1]], path)


def require_described(document: dict[str, Any], method: str, path: str, answer: Any) -> None:
    """Fail where the status, or the form that it comes in, is none of those the document names."""
    responses = document["paths"][path][method.lower()]["responses"]
    told = responses.get(str(answer.status))
    assert told is not None, f"{method} {path}: {answer.status}"
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if "content" not in told:
        assert answer.body == b""
        return
    assert any(fnmatch(kind, form) for form in told["content"]), f"{method} {path}: {answer.status} {kind}"
    if kind == "application/json" and answer.status >= 400 and "code" in answer.json:
        assert set(answer.json) == {"code", "message", "todo"}


@pytest.mark.parametrize(("method", "path"), sorted(RIGHTS), ids=lambda one: one.strip("/").replace("/", "."))
def test_no_answer_is_undescribed(
    method: str, path: str, running: tuple[WebArchive, Client], document: dict[str, Any]
) -> None:
    """H-06: each route with each role, and with whatever may be asked of it."""
    _archive, client = running
    for role in (*ROLES, None):
        token = "wrong" if role is None else f"token-of-{role}"
        require_described(document, method, path, Client(client.listening, token).ask(method, filled(path)))
    for query in QUERIES:
        for accept in ACCEPTS if query in QUERIES[:2] else ACCEPTS[:1]:
            answer = client.ask(method, f"{filled(path)}?{query}", **({} if accept is None else {"Accept": accept}))
            require_described(document, method, path, answer)
    require_described(document, method, path, client.ask(method, filled(path), Host="evil.example"))
    if "{study}" in path:
        for study in ("1.9", "%27--"):
            require_described(document, method, path, client.ask(method, filled(path.replace("{study}", study))))


@pytest.mark.parametrize("path", ["/dicom-web/studies", "/dicom-web/studies/{study}"])
def test_no_answer_to_a_store_is_undescribed(
    path: str, running: tuple[WebArchive, Client], document: dict[str, Any]
) -> None:
    archive, client = running
    kinds = (f'multipart/related; type="application/dicom"; boundary={BOUNDARY}', "application/dicom", "text/plain", "")
    bodies = (multipart(instance(1)), multipart(instance(2, study=9), b"no dicom"), multipart(), b"x", instance(3))
    statuses = set()
    for kind in kinds:
        for body in bodies:
            for accept in ("*/*", "application/dicom+xml", "image/png"):
                answer = client.ask("POST", filled(path), body, Content_Type=kind, Accept=accept)
                require_described(document, "POST", path, answer)
                statuses.add(answer.status)
    for trouble in (NoRoom(NO_ROOM, free="1 GB", reserve="5 GB"), RecordsTrouble(LOCKED, path="x")):
        archive.receipts.trouble = trouble
        answer = client.store(instance(4))
        archive.receipts.trouble = None
        require_described(document, "POST", path, answer)
        statuses.add(answer.status)
    assert {200, 400, 406, 409, 415, 503, 507} <= statuses


def test_every_reference_leads_somewhere_and_every_name_is_given_once(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for reference in set(re.findall(r'"#/([^"]+)"', text)):
        place: Any = document
        for step in reference.split("/"):
            place = place[step]
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations) == len(RIGHTS)
    for path, methods in document["paths"].items():
        for one in methods.values():
            named = [parameter["name"] for parameter in one["parameters"] if parameter["in"] == "path"]
            assert named == re.findall(r"{([a-z]+)}", path)
            assert len({(each["in"], each["name"]) for each in one["parameters"]}) == len(one["parameters"])


def test_roles_and_login_are_told_as_they_are(document: dict[str, Any]) -> None:
    """H-06."""
    for (method, path), roles in RIGHTS.items():
        told = document["paths"][path][method.lower()]
        assert told["x-roles"] == sorted(roles)
        assert ({} in told["security"]) == (not roles)
