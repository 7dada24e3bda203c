"""What the contract suite cannot say of STOW-RS: statuses, batches, credentials, redirects, TLS, slow answers."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contracts.misbehaving import WebDestination, image, stow_answer
from tests.peers.certificates import Authority
from tolmach.adapters.dicomweb.faults import BadUrl, ServerLost, ServerNotTrusted, ServerRefusesUs
from tolmach.adapters.dicomweb.http import ANSWER_LIMIT, Basic, Bearer, HttpTimeouts
from tolmach.adapters.dicomweb.stow_sender import StowSender
from tolmach.base import TolmachError
from tolmach.delivery.interfaces import Content, Outcome, Parcel

JSON = "application/dicom+json"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebDestination]:
    made = WebDestination(tmp_path)
    yield made
    made.close()


def parcels(web: WebDestination, *numbers: int) -> list[Parcel]:
    return [web.unpacker.parcel(web.line(number)) for number in numbers]


def all_of(sender: StowSender, some: list[Parcel]) -> tuple[list[tuple[int, str, str]], TolmachError | None]:
    found: list[Outcome] = []
    try:
        found.extend(sender.send(some))
    except TolmachError as error:
        return [(one.delivery_id, one.kind, one.status) for one in found], error
    return [(one.delivery_id, one.kind, one.status) for one in found], None


def test_several_instances_share_a_request_and_a_connection(web: WebDestination) -> None:
    sender = web.sender(instances=10)
    outcomes, error = all_of(sender, parcels(web, *range(25)))
    sender.close()
    assert error is None
    assert len(outcomes) == 25
    assert web.requests == 3


def test_large_instances_go_in_requests_of_their_own(web: WebDestination) -> None:
    some = []
    for number in range(3):
        line = web._line(number, image(number, 9 << 20))
        some.append(web.unpacker.parcel(line))
    sender = web.sender()
    outcomes, error = all_of(sender, some)
    sender.close()
    assert (len(outcomes), error, web.requests) == (3, None, 3)
    assert web.kept() == {0, 1, 2}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507])
def test_a_server_that_cannot_now_is_asked_later(web: WebDestination, status: int) -> None:
    web.answer = (status, "text/plain", b"disk\x00 full")
    sender = web.sender()
    found = list(sender.send(parcels(web, 1, 2)))
    sender.close()
    assert [(one.kind, one.status) for one in found] == [("later", str(status))] * 2
    assert found[0].problem is not None
    assert "disk  full" in str(found[0].problem)


@pytest.mark.parametrize("status", [400, 406, 409, 411, 413, 415, 422])
def test_a_request_that_is_refused_whole_is_taken_apart(web: WebDestination, status: int) -> None:
    web.answer = (status, "text/html", b"<html>no</html>")
    sender = web.sender()
    outcomes, error = all_of(sender, parcels(web, 1, 2, 3))
    sender.close()
    assert error is None
    assert outcomes == [(number, "refused", str(status)) for number in (1, 2, 3)]
    assert web.requests == 4


def test_one_bad_instance_does_not_keep_the_others(web: WebDestination) -> None:
    original = web._answer

    def picky(parts: dict[str, bytes]) -> tuple[int, str, bytes]:
        return (400, "text/plain", b"") if "1.2.3.3" in parts else original(parts)

    web._answer = picky  # type: ignore[method-assign]
    sender = web.sender()
    outcomes, error = all_of(sender, parcels(web, *range(8)))
    sender.close()
    assert error is None
    assert [kind for _, kind, _ in outcomes] == ["stored", "stored", "stored", "refused", *["stored"] * 4]
    assert [number for number, _, _ in outcomes] == list(range(8))


@pytest.mark.parametrize("status", [401, 403, 407, 404, 405, 410, 301, 302, 303, 307, 308])
def test_what_only_an_operator_can_mend_is_the_destinations_trouble(web: WebDestination, status: int) -> None:
    """H-08: redirects among others, which are not followed."""
    web.answer = (status, "text/plain", b"")
    sender = web.sender()
    outcomes, error = all_of(sender, parcels(web, 1, 2))
    sender.close()
    assert outcomes == []
    assert isinstance(error, ServerRefusesUs)
    assert web.requests == 1


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (0xA700, "later"),
        (0x0110, "later"),
        (0xC122, "refused"),
        (0x0122, "refused"),
        (0x0111, "duplicate"),
        (0, "refused"),
        (0xB000, "refused"),
        (7, "refused"),
    ],
)
def test_reasons_of_failure_mean_what_they_mean_in_c_store(web: WebDestination, reason: int, kind: str) -> None:
    web.answer = (202, JSON, stow_answer(["1.2.3.1"], {"1.2.3.2": reason}))
    sender = web.sender()
    outcomes, _ = all_of(sender, parcels(web, 1, 2))
    sender.close()
    assert outcomes == [(1, "stored", "202"), (2, kind, f"202 {reason:04X}")]


def test_an_instance_that_is_stored_and_failed_has_failed(web: WebDestination) -> None:
    web.answer = (200, JSON, stow_answer(["1.2.3.1"], {"1.2.3.1": 0xA700}))
    sender = web.sender()
    assert all_of(sender, parcels(web, 1))[0] == [(1, "later", "200 A700")]
    sender.close()


def test_warnings_are_remarked(web: WebDestination) -> None:
    web.answer = (202, JSON, stow_answer(["1.2.3.1"], {}, warning=0xB006))
    sender = web.sender()
    (outcome,) = sender.send(parcels(web, 1))
    sender.close()
    assert outcome.kind == "stored"
    assert outcome.problem is not None
    assert outcome.problem.code == "TLM-NET-102"


def test_an_endless_answer_is_cut_and_believed_in_nothing(web: WebDestination) -> None:
    web.answer = (200, JSON, stow_answer(["1.2.3.1"], {}) + b" " * (ANSWER_LIMIT + 10))
    sender = web.sender()
    assert all_of(sender, parcels(web, 1))[0] == [(1, "later", "200")]
    sender.close()


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        (Bearer("s3cret-tok"), "Bearer s3cret-tok"),
        (Basic("лікар", "s3cret"), "Basic " + base64.b64encode("лікар:s3cret".encode()).decode()),
    ],
)
def test_credentials_reach_the_server_and_nobody_else(
    web: WebDestination, credentials: Bearer | Basic, header: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    sender = web.sender(credentials=credentials)
    all_of(sender, parcels(web, 1))
    assert web.headers[0]["Authorization"] == header
    web.answer = (401, "text/plain", b"")
    _, error = all_of(sender, parcels(web, 2))
    sender.close()
    shown = f"{error} {error!r} {credentials!r} {caplog.text}"
    assert "s3cret" not in shown
    assert header.split()[1] not in shown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "server/dicom-web",
        "ftp://server/",
        "http://",
        "http://u:s3cret@server/x",
        "http://server/x?y=1",
        "http://[::1",
    ],
)
def test_addresses_that_cannot_be_meant_are_refused_without_their_secrets(url: str) -> None:
    with pytest.raises(BadUrl) as caught:
        StowSender(url)
    assert "s3cret" not in str(caught.value)


def test_the_address_may_lead_to_the_studies_already(web: WebDestination) -> None:
    sender = StowSender(f"{web.url}/studies/")
    assert sender._path == "/dicom-web/studies"
    sender.close()


def test_bytes_that_cannot_be_read_to_their_end_are_that_items_trouble(web: WebDestination) -> None:
    some = parcels(web, 1, 2, 3)

    class Broken:
        size = 3 << 20

        def read(self, offset: int, length: int) -> bytes:
            if offset:
                raise RecursionError("deep")
            return bytes(length)

    class Unreadable:
        stored = Broken()

        def in_syntax(self, _syntax: str) -> tuple[Broken, str]:
            return Broken(), ""

    @contextmanager
    def broken() -> Iterator[Content]:
        yield Unreadable()  # type: ignore[misc]

    some[1] = replace(some[1], open=broken)
    sender = web.sender()
    outcomes, error = all_of(sender, some)
    sender.close()
    assert error is None
    assert {number: kind for number, kind, _ in outcomes} == {1: "stored", 2: "refused", 3: "stored"}


def test_an_answer_in_drops_comes_to_an_end(web: WebDestination) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def drip() -> None:
        sock, _ = listener.accept()
        with sock:
            for letter in b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000:
                if ended.wait(0.05):
                    return
                try:
                    sock.sendall(bytes([letter]))
                except OSError:
                    return

    threading.Thread(target=drip, daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/dicom-web"
    sender = StowSender(url, timeouts=HttpTimeouts(1.0, 0.3, 1 << 20))
    begun = time.monotonic()
    _, error = all_of(sender, parcels(web, 1))
    sender.close()
    ended.set()
    listener.close()
    assert isinstance(error, ServerLost)
    assert time.monotonic() - begun < 3


def test_a_server_nobody_vouches_for_gets_nothing(
    web: WebDestination, tmp_path: Path, peer_program: Callable[[str], Path]
) -> None:
    authority = Authority(peer_program("openssl"), tmp_path, "clinic")
    files = authority.issue("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    web.server.socket = context.wrap_socket(web.server.socket, server_side=True)
    url = web.url.replace("http://127.0.0.1", "https://localhost")
    sender = StowSender(url, timeouts=HttpTimeouts(1.0, 1.0))
    outcomes, error = all_of(sender, parcels(web, 1))
    sender.close()
    assert outcomes == []
    assert isinstance(error, ServerNotTrusted)
    believing = ssl.create_default_context(cafile=str(authority.certificate))
    trusting = StowSender(url, timeouts=HttpTimeouts(1.0, 1.0), tls=believing)
    outcomes, error = all_of(trusting, parcels(web, 1))
    trusting.close()
    assert (outcomes, error) == ([(1, "stored", "200")], None)
    assert web.requests == 1
