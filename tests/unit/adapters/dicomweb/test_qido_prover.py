"""Proof by QIDO-RS: what counts as found, as not found and as no answer; servers without lists; whole failures."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from tolmach.adapters.dicomweb.faults import (
    BadUrl,
    ServerBusy,
    ServerLost,
    ServerRefusesUs,
    ServerUnreachable,
)
from tolmach.adapters.dicomweb.http import ANSWER_LIMIT, Basic, HttpTimeouts
from tolmach.adapters.dicomweb.qido_prover import UIDS_AT_ONCE, QidoProver
from tolmach.base import TolmachError
from tolmach.delivery.interfaces import Claimed, ProofAnswer
from tolmach.dicom import uids

JSON = "application/dicom+json"
QUICK = HttpTimeouts(1.0, 0.5, 1 << 20)
Said = tuple[int, str, bytes]


def line(number: int, series: str = "1.1.1", study: str = "1.1") -> Claimed:
    return Claimed(
        delivery_id=number,
        object_id=number,
        destination="pacs",
        stored_sha256="",
        data_set_offset=0,
        delta=b"",
        sop_class_uid=uids.CTImageStorage,
        sop_instance_uid=f"1.2.{number}",
        transfer_syntax_uid=uids.ExplicitVRLittleEndian,
        study_instance_uid=study,
        series_instance_uid=series,
        attempts=1,
        received_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
    )


def lines(count: int) -> list[Claimed]:
    return [line(number) for number in range(1, count + 1)]


def instances(*sop_instance_uids: str) -> bytes:
    """Give an answer to a search, with more in it than is needed."""
    return json.dumps(
        [
            {
                "00080016": {"vr": "UI", "Value": [uids.CTImageStorage]},
                "00080018": {"vr": "UI", "Value": [uid]},
                "00081190": {"vr": "UR"},
                "00200013": {"vr": "IS", "Value": [7]},
                "00180050": {"vr": "DS", "Value": [1.25e-3]},
            }
            for uid in sop_instance_uids
        ]
    ).encode()


def nothing() -> Said:
    return 204, "", b""


class Archive:
    """A QIDO-RS server that holds instances by series and searches as well as `search` says."""

    def __init__(self) -> None:
        self.held: dict[str, set[str]] = {}
        self.questions: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[tuple[str, int]] = set()
        self.search: Callable[[set[str], list[str]], Said] = reads_lists
        self.ended = threading.Event()
        archive = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                archive.serve(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/dicom-web"

    def hold(self, *some: Claimed) -> None:
        for one in some:
            path = f"/dicom-web/studies/{one.study_instance_uid}/series/{one.series_instance_uid}/instances"
            self.held.setdefault(path, set()).add(one.sop_instance_uid)

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        self.questions.append(handler.path)
        self.headers.append(dict(handler.headers.items()))
        self.connections.add(handler.client_address)
        address = urlsplit(handler.path)
        keys = parse_qs(address.query, strict_parsing=True)
        assert list(keys) == ["SOPInstanceUID"]
        status, kind, answer = self.search(self.held.get(address.path, set()), keys["SOPInstanceUID"])
        with suppress(ConnectionError):
            handler.send_response(status)
            if kind:
                handler.send_header("Content-Type", kind)
            if status != 204:
                handler.send_header("Content-Length", str(len(answer)))
            handler.end_headers()
            handler.wfile.write(answer if status != 204 else b"")

    def prover(self, **known: object) -> QidoProver:
        return QidoProver(self.url, timeouts=QUICK, **known)  # type: ignore[arg-type]

    def close(self) -> None:
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


def reads_lists(held: set[str], asked: list[str]) -> Said:
    found = held & set(asked[0].split(","))
    return (200, JSON, instances(*sorted(found))) if found else nothing()


def reads_one(held: set[str], asked: list[str]) -> Said:
    """Take a list for one strange UID."""
    return (200, JSON, instances(asked[0])) if asked[0] in held else (200, JSON, b"[]")


def reads_the_first(held: set[str], asked: list[str]) -> Said:
    return reads_one(held, asked[0].split(",")[:1])


def ignores_keys(held: set[str], _asked: list[str]) -> Said:
    return 200, JSON, instances(*sorted(held))


def chokes_on_lists(held: set[str], asked: list[str]) -> Said:
    return (500, "text/plain", b"oops") if "," in asked[0] else reads_one(held, asked)


def refuses_lists(held: set[str], asked: list[str]) -> Said:
    return (400, "text/plain", b"no such UID") if "," in asked[0] else reads_one(held, asked)


def says_404(held: set[str], asked: list[str]) -> Said:
    return reads_lists(held, asked) if held else (404, "application/json", b"{}")


@pytest.fixture
def archive() -> Iterator[Archive]:
    made = Archive()
    yield made
    made.close()


def answers_of(prover: QidoProver, some: list[Claimed]) -> dict[int, ProofAnswer]:
    found: dict[int, ProofAnswer] = {}
    for answer in prover.prove(some):
        assert answer.delivery_id not in found
        found[answer.delivery_id] = answer
    return found


def have(answers: dict[int, ProofAnswer]) -> dict[int, bool | None]:
    return {number: answer.has_it for number, answer in answers.items()}


def codes(answers: dict[int, ProofAnswer]) -> set[str]:
    return {answer.problem.code for answer in answers.values() if answer.problem is not None}


@pytest.mark.parametrize(
    "search",
    [reads_lists, reads_one, reads_the_first, chokes_on_lists, refuses_lists, says_404],
    ids=lambda s: s.__name__,
)
def test_every_server_says_truly_what_it_has(archive: Archive, search: Callable[[set[str], list[str]], Said]) -> None:
    archive.search = search
    some = [*lines(2 * UIDS_AT_ONCE + 5), line(900, "1.1.2"), line(901, "1.1.2"), line(902, "1.1.3")]
    archive.hold(*some[::2])
    prover = archive.prover()
    answers = answers_of(prover, some)
    assert prover.kind == "query"
    assert have(answers) == {one.delivery_id: index % 2 == 0 for index, one in enumerate(some)}
    assert codes(answers) == {"TLM-DLV-044"}
    assert len(archive.connections) == 1
    assert {headers["Accept"] for headers in archive.headers} == {JSON}


def test_many_are_few_questions_where_lists_are_read(archive: Archive) -> None:
    some = lines(4 * UIDS_AT_ONCE)
    archive.hold(*some)
    archive.held[next(iter(archive.held))].discard("1.2.7")
    assert [number for number, has_it in have(answers_of(archive.prover(), some)).items() if not has_it] == [7]
    assert len(archive.questions) == 4
    assert max(map(len, archive.questions)) < 2048


def test_the_same_instance_twice_is_asked_for_once(archive: Archive) -> None:
    one = line(1)
    archive.hold(one)
    assert have(answers_of(archive.prover(), [one, replace(one, delivery_id=2)])) == {1: True, 2: True}
    assert len(archive.questions) == 1


def test_servers_that_ignore_what_they_are_asked_prove_only_what_they_name(archive: Archive) -> None:
    archive.search = ignores_keys
    archive.hold(line(1), line(2), line(3), line(77))
    answers = answers_of(archive.prover(), lines(4))
    assert have(answers) == {1: True, 2: True, 3: True, 4: None}  # other instances say nothing of this one
    assert codes(answers) == {"TLM-DLV-046"}


@pytest.mark.parametrize(
    "said",
    [
        (200, "text/html", b"<html>Please log in</html>"),
        (200, JSON, b""),
        (200, JSON, b"{}"),
        (200, JSON, b'"1.2.1"'),
        (200, JSON, b'["1.2.1", 7, null, [], {"00080018": []}]'),
        (200, JSON, b'[{"00080018": {"vr": "UI"}}]'),
        (200, JSON, b"\xff[{"),
        (200, JSON, b"[" * 200_000),
        (200, JSON, b'[{"00080018":' * 50_000),
        (200, JSON, b"[" + b"9" * 1_000_000),
        (200, JSON, b"[NaN, Infinity, 1e999999, " + b"7" * 100_000 + b"]"),
        (200, JSON, instances("1.2.1")[:-1]),
        (200, JSON, instances("1.2.1") + b" " * ANSWER_LIMIT),
        (200, JSON, instances("1.2.10")),
        (400, "text/plain", b"what?"),
        (406, "text/plain", b""),
        (413, "text/plain", b""),
    ],
    ids=lambda said: f"{said[0]}-{said[2][:12]!r}-{len(said[2])}",
)
def test_what_is_no_answer_proves_nothing(archive: Archive, said: Said) -> None:
    archive.search = lambda *_: said
    for some in (lines(1), lines(3)):
        answers = answers_of(archive.prover(), some)
        assert set(have(answers).values()) == {None}
        assert codes(answers) == {"TLM-DLV-046"}
    assert have(answers_of(archive.prover(), [])) == {}


def test_padded_uids_are_the_same_uids(archive: Archive) -> None:
    archive.search = lambda *_: (200, "", instances("1.2.1\0", " 1.2.2 "))
    assert have(answers_of(archive.prover(), lines(2))) == {1: True, 2: True}


@pytest.mark.parametrize("status", [204, 404, 410])
def test_nothing_there_is_not_there(archive: Archive, status: int) -> None:
    archive.search = lambda *_: (status, "text/html", b"<html>")
    answers = answers_of(archive.prover(), lines(2))
    assert have(answers) == {1: False, 2: False}
    assert codes(answers) == {"TLM-DLV-044"}


@pytest.mark.parametrize(
    ("study", "series", "instance"),
    [
        ("", "1.1.1", "1.2.1"),
        ("1.1", "", "1.2.1"),
        ("1.1", "1.1.1", ""),
        ("..", "1.1.1", "1.2.1"),
        ("1.1", ".", "1.2.1"),
        ("1.1", "1.1.1", "1.2.1,1.2.2"),
        ("1.1/../9", "1.1.1", "1.2.1"),
        ("1.1", "1.1.1", "1.2.1&limit=1"),
        ("1.1", "1.1.1", "1.2.1\r\nX: y"),
        ("1.1", "1.1.1?a=b#", "1.2.1"),
        ("1.1", "1.1.1", "1.2.1\n"),
        ("1.1", "1.1.1", "١.2"),
        ("1.1", "1.1.1", "1." + "2" * 63),
        ("1..1", "1.1.1", "1.2.1"),
    ],
)
def test_no_address_is_made_of_what_is_no_uid(archive: Archive, study: str, series: str, instance: str) -> None:
    bad = replace(line(1, series, study), sop_instance_uid=instance)
    good = line(2)
    archive.hold(good)
    answers = answers_of(archive.prover(), [bad, good])
    assert have(answers) == {1: None, 2: True}
    assert codes(answers) == {"TLM-DLV-045"}
    assert len(archive.questions) == 1
    assert "\n" not in str(answers[1].problem)


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (401, ServerRefusesUs, "TLM-DLV-041"),
        (403, ServerRefusesUs, "TLM-DLV-041"),
        (407, ServerRefusesUs, "TLM-DLV-041"),
        (405, ServerRefusesUs, "TLM-DLV-042"),
        (501, ServerRefusesUs, "TLM-DLV-042"),
        (302, ServerRefusesUs, "TLM-DLV-036"),
        (308, ServerRefusesUs, "TLM-DLV-036"),
        (408, ServerBusy, "TLM-DLV-043"),
        (429, ServerBusy, "TLM-DLV-043"),
        (500, ServerBusy, "TLM-DLV-043"),
        (502, ServerBusy, "TLM-DLV-043"),
        (503, ServerBusy, "TLM-DLV-043"),
        (504, ServerBusy, "TLM-DLV-043"),
    ],
)
def test_a_server_that_cannot_be_asked_answers_for_nothing(
    archive: Archive, status: int, error: type[TolmachError], code: str
) -> None:
    archive.search = lambda *_: (status, "text/plain", b"down\x07 for now")
    for count in (1, 3):
        with pytest.raises(error) as caught:
            list(archive.prover().prove(lines(count)))
        assert caught.value.code == code


def test_what_was_answered_before_the_trouble_counts(archive: Archive) -> None:
    some = [line(1), line(2, "1.1.2")]
    archive.hold(*some)
    archive.search = lambda held, asked: reads_one(held, asked) if asked == ["1.2.1"] else (503, "", b"")
    asking = archive.prover().prove(some)
    assert next(asking) == ProofAnswer(1, has_it=True)
    with pytest.raises(ServerBusy):
        next(asking)


def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_agreed(archive: Archive) -> None:
    def silence(*_: object) -> Said:
        archive.ended.wait(10)
        return nothing()

    archive.search = silence
    begun = time.monotonic()
    with pytest.raises(ServerLost) as caught:
        list(archive.prover().prove(lines(1)))
    assert time.monotonic() - begun < 5
    assert caught.value.code == "TLM-DLV-033"


def test_what_a_server_says_instead_of_http_is_shown_safely() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(4096)
                sock.sendall(b"\x1b[31mNO\tHTTP\r\n" + b"x" * 5000)

        threading.Thread(target=talk, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/dicom-web"
        with pytest.raises(ServerLost) as caught:
            list(QidoProver(url, timeouts=QUICK).prove(lines(1)))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ServerUnreachable):
        list(QidoProver(f"http://127.0.0.1:{port}/dicom-web", timeouts=QUICK).prove(lines(1)))


def test_a_prover_may_be_left_in_the_middle_and_used_again(archive: Archive) -> None:
    some = lines(3)
    archive.hold(*some)
    prover = archive.prover()
    asking = prover.prove(some)
    next(asking)
    asking.close()  # type: ignore[attr-defined]
    assert set(have(answers_of(prover, some)).values()) == {True}


def test_a_server_that_learns_lists_is_asked_by_lists_again(archive: Archive) -> None:
    some = lines(2 * UIDS_AT_ONCE)
    archive.hold(*some)
    prover = archive.prover()
    archive.search = reads_one
    assert set(have(answers_of(prover, some)).values()) == {True}
    assert len(archive.questions) == 1 + len(some)
    archive.search = reads_lists
    archive.questions.clear()
    assert set(have(answers_of(prover, some)).values()) == {True}
    assert len(archive.questions) == 2


def test_credentials_are_shown_to_the_server_alone(archive: Archive, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    archive.hold(line(1))
    prover = archive.prover(credentials=Basic("pacs", "s3cret"))
    answers_of(prover, lines(1))
    assert archive.headers[0]["Authorization"].startswith("Basic ")
    archive.search = lambda *_: (401, "", b"")
    with pytest.raises(ServerRefusesUs) as caught:
        answers_of(prover, lines(1))
    shown = f"{caught.value} {caplog.text}"
    assert "s3cret" not in shown
    assert archive.headers[0]["Authorization"].split()[1] not in shown


def test_an_address_with_a_password_is_refused() -> None:
    with pytest.raises(BadUrl) as caught:
        QidoProver("http://u:s3cret@server/dicom-web")
    assert "s3cret" not in str(caught.value)


def test_the_address_may_lead_to_the_studies_already(archive: Archive) -> None:
    archive.hold(line(1))
    assert have(answers_of(QidoProver(f"{archive.url}/studies/", timeouts=QUICK), lines(1))) == {1: True}
