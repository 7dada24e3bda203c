"""H-06: every route with every role, every method, no token, and lies about where the caller is."""

from __future__ import annotations

import http.client
import re
from pathlib import Path

import pytest

from tests.unit.apps.gateway.storing_files import instance
from tests.web_archive import Client, WebArchive, web_archive
from tolmach.apps.gateway.application import Application
from tolmach.apps.gateway.rights import NOBODY, OPENAPI, PROBES, RIGHTS, ROLES

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get")
PATHS = sorted({path for _method, path in RIGHTS})
VALUES = {"study": "1.2.3", "series": "1.2.3.4", "instance": "1.2.3.4.5", "frames": "1", "place": "7FE00010"}


def filled(path: str) -> str:
    return re.sub(r"{([a-z]+)}", lambda found: VALUES[found[1]], path)


def test_the_table_names_every_route_and_no_other(client: Client) -> None:
    """H-06: what OpenAPI describes is what the table of rights knows, to the last route."""
    document = client.get("/api/v1/openapi.json").json
    described = {(method.upper(), path) for path, one in document["paths"].items() for method in one}
    assert described == set(RIGHTS)


@pytest.mark.parametrize("path", PATHS)
def test_every_role_and_method_on(path: str, client: Client) -> None:
    """H-06: every route with every role and every method, the table alone deciding."""
    address = filled(path)
    for method in METHODS:
        allowed = RIGHTS.get((method, path))
        for role in ROLES:
            status = Client(client.listening, f"token-of-{role}").ask(method, address).status
            if allowed is None:
                assert status in (400, 404, 405), (method, role)
            elif allowed is NOBODY or role in allowed:
                assert status not in (401, 403), (method, role)
            else:
                assert status == 403, (method, role)


def test_a_station_without_an_archive_says_so_and_takes_what_is_to_be_passed_on(tmp_path: Path) -> None:
    """STOW-RS is an entrance as C-STORE is; only searching and retrieving need an archive."""
    with web_archive(tmp_path / "data", is_served=False) as (archive, client):
        for method, path in sorted(RIGHTS):
            if method != "GET" or path in PROBES or path == OPENAPI:
                continue
            answer = client.ask(method, filled(path))
            assert (answer.status, answer.json["code"]) == (404, "TLM-SRV-138")
            assert "[archive]" in answer.json["todo"]
            assert Client(client.listening, "unknown").ask(method, filled(path)).status == 401
        assert client.store(instance(1)).status == 200
        assert len(archive.receipts.arrivals) == 1
        described = client.get(OPENAPI).json["paths"]
        posts = {path: set(ways) for path, ways in described.items() if "post" in ways}
        assert set(posts) == {"/dicom-web/studies", "/dicom-web/studies/{study}"}
        assert all("get" not in ways for ways in posts.values())


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer  ", "Bearer wrong", "Basic YWRtaW46YWRtaW4=", "bearer token-of-admin2", "Bearer é"],
)
def test_without_a_valid_token_nothing_is_answered_but_probes(
    path: str, authorization: str | None, client: Client
) -> None:
    """H-06: every route without login."""
    for method in ("GET", "POST", "OPTIONS"):
        answer = client.ask(method, filled(path), Authorization=authorization)
        if path in PROBES:
            assert answer.status in (200, 405)
        else:
            assert answer.status == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_paths_that_are_not_there_tell_strangers_nothing(client: Client) -> None:
    for path in (
        "/",
        "/dicom-web",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/dicom-web/studies/",
        "/etc/passwd",
        "/%2e%2e/",
    ):
        assert client.get(path, Authorization=None).status == 401
        assert client.get(path).status in (404, 405)


@pytest.mark.parametrize("path", PATHS)
def test_who_asks_for_what_is_not_done_there_is_told_what_is(path: str, client: Client) -> None:
    """Standard: RFC 9110 section 15.5.6: a 405 names every method of the address in Allow."""
    answer = client.ask("PATCH", filled(path))
    assert answer.status == 405
    known = sorted(method for method, other in RIGHTS if other == path)
    assert answer.headers["allow"] == ", ".join(known)
    assert "allow" not in client.get("/nothing/here").headers


def test_a_token_in_the_address_is_no_token(client: Client) -> None:
    """H-05."""
    assert client.get("/dicom-web/studies?token=token-of-admin", Authorization=None).status == 401


def test_a_thousand_guesses_open_nothing_teach_nothing_and_lock_nobody_out(tmp_path: Path) -> None:
    """H-05: guesses are answered alike whatever is right in them, cost little, and the true bearer comes in meanwhile.

    A token has 256 bits of chance, so no delay is needed, and one would be a way to lock a hospital out.
    """
    with web_archive(tmp_path) as (_archive, client):
        told, true = set(), "token-of-admin"
        guesses = ["", "token", true[:-1], f"{true}x", true.upper(), "admin", "x" * 5_000, "\xe9\xe9"]
        guesses += [f"tlm_{number:043}" for number in range(991)]
        connection = http.client.HTTPConnection("127.0.0.1", client.listening.port, timeout=20)
        for guess in guesses:
            sent = {"Authorization": b"Bearer " + guess.encode("latin-1")}
            connection.request("GET", "/dicom-web/studies", headers=sent)
            answer = connection.getresponse()
            told.add((answer.status, answer.read()))
        connection.close()
        assert len(told) == 1
        assert {status for status, _body in told} == {401}
        assert client.get("/dicom-web/studies").status == 204


def test_a_revoked_token_is_refused_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tolmach.apps.gateway.guard.REMEMBERED_SECONDS", 0.0)
    with web_archive(tmp_path) as (archive, client):
        assert client.get("/dicom-web/studies").status == 204
        archive.tokens.known.clear()
        assert client.get("/dicom-web/studies").status == 401


@pytest.mark.parametrize("header", ["X_Forwarded_For", "X_Real_IP", "Forwarded", "X_Client_IP"])
def test_what_a_proxy_says_of_the_caller_is_not_believed(header: str, archive: WebArchive, client: Client) -> None:
    """H-06: X-Forwarded-For that lies."""
    from tolmach.apps.gateway.guard import Guard

    guard = Guard(None, client_settings(), archive.tokens, None)  # type: ignore[arg-type]
    scope = {"client": ("203.0.113.5", 5), "headers": [(header.replace("_", "-").lower().encode(), b"127.0.0.1")]}
    assert not guard._is_near(scope)
    assert guard._is_near({**scope, "client": ("127.0.0.1", 5)})
    assert guard._is_near({**scope, "client": ("::ffff:127.0.0.1", 5)})
    assert guard._is_near({**scope, "client": ("10.0.0.7", 5)})


def client_settings() -> object:
    from tolmach.apps.gateway.http_settings import HttpSettings

    return HttpSettings(probe_addresses=("10.0.0.7",))


def test_a_route_without_rights_cannot_be_added() -> None:
    """H-06: a new route without its line in the table fails at the start."""
    with pytest.raises(KeyError):
        Application(None, 1.0).add("GET", "/new", lambda _: None, "Something new")  # type: ignore[arg-type, return-value]
