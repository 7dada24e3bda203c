"""What the contract suite cannot say of C-STORE: associations that are kept, syntaxes, poison, statuses."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.builders import (
    CT_IMAGE,
    DEFLATED,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_BASELINE,
    body,
    opened,
    part10,
    rich_file,
)
from tests.contracts.misbehaving import QUICK, image
from tests.outbox_double import Objects, line_of
from tests.unit.adapters.dimse.parrot import Line
from tolmach.adapters.dimse import Association, PeerAddress, PresentationContext, pdu, pdu_codec
from tolmach.adapters.dimse.dimse import CStoreRequest, CStoreResponse
from tolmach.adapters.dimse.storage_sender import StorageSender
from tolmach.adapters.folder import inflate
from tolmach.base import TolmachError
from tolmach.delivery.interfaces import Content, Outcome, Parcel
from tolmach.delivery.parcel import StoredContent, Unpacker
from tolmach.dicom.source import Source
from tolmach.intake.faults import NO_ROOM, StoreTrouble

Answer = Callable[[Line, int, CStoreRequest, bytes], None]


def stored(line: Line, context_id: int, request: CStoreRequest, _data: bytes, status: int = 0) -> None:
    line.answer(context_id, CStoreResponse(request.message_id, status, request.sop_class_uid, request.sop_instance_uid))


class Peer:
    """A Storage SCP for any number of associations, which answers by the SOP Instance UID."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.answers: dict[str, Answer] = {}
        self.refused: set[str] = set()  # transfer syntaxes and SOP classes that are not accepted
        self.kept: dict[str, tuple[str, bytes]] = {}
        self.proposed: list[list[tuple[str, str]]] = []
        self.released = 0
        self.lines: list[Line] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> PeerAddress:
        return PeerAddress("PEER", "127.0.0.1", self.listener.getsockname()[1])

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            line = Line(sock)
            self.lines.append(line)
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: Line) -> None:
        try:
            request = line.hear_request()
            self.proposed.append([(one.abstract_syntax, one.transfer_syntaxes[0]) for one in request.contexts])
            syntaxes = {one.context_id: one.transfer_syntaxes[0] for one in request.contexts}
            answers = tuple(
                pdu.ContextResult(one.context_id, 4 if self._refuses(one) else 0, one.transfer_syntaxes[0])
                for one in request.contexts
            )
            accept = pdu.AssociateAccept("X", "Y", answers, pdu.UserInformation(16384))
            line.say(pdu_codec.encode_associate_ac(accept))
            while self._one(line, syntaxes):
                pass
        except (EOFError, OSError, AssertionError):
            line.sock.close()

    def _refuses(self, context: PresentationContext) -> bool:
        return bool({context.abstract_syntax, *context.transfer_syntaxes} & self.refused)

    def _one(self, line: Line, syntaxes: dict[int, str]) -> bool:
        if line.sock.recv(1, socket.MSG_PEEK) != bytes([pdu.P_DATA_TF]):
            line.release()
            self.released += 1
            return False
        context_id, request, data = line.hear_message()
        assert isinstance(request, CStoreRequest)
        answer = self.answers.get(request.sop_instance_uid)
        if answer is None:
            self.kept[request.sop_instance_uid] = (syntaxes[context_id], data)
        (answer or stored)(line, context_id, request, data)
        return True


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.listener.close()
    for line in made.lines:
        line.sock.close()


class Bench:
    def __init__(self, peer: Peer, idle_seconds: float = 60.0) -> None:
        self.objects, self.now = Objects(), 0.0
        self.unpacker = Unpacker(self.objects.open, inflate)
        self.opened = 0

        def associate(contexts: Sequence[PresentationContext]) -> Association:
            self.opened += 1
            return Association.open(peer.address, contexts, timeouts=QUICK)

        self.sender = StorageSender(associate, idle_seconds, lambda: self.now)

    def parcel(self, number: int, file: bytes | None = None, **known: str) -> Parcel:
        file = image(number) if file is None else file
        data_set = opened(file)
        given = {"sop_instance_uid": f"1.2.3.{number}", "transfer_syntax_uid": data_set.transfer_syntax_uid, **known}
        sha256 = self.objects.keep(file, data_set.meta_end)
        return self.unpacker.parcel(line_of(number, sha256, data_set.meta_end, **given))

    def send(self, *some: Parcel) -> tuple[list[Outcome], TolmachError | None]:
        found: list[Outcome] = []
        try:
            found.extend(self.sender.send(some))
        except TolmachError as error:
            return found, error
        return found, None


def words(outcomes: Sequence[Outcome]) -> list[tuple[int, str, str]]:
    return [(one.delivery_id, one.kind, one.status) for one in outcomes]


def test_an_association_is_kept_for_the_next_batch(peer: Peer) -> None:
    bench = Bench(peer)
    for number in range(5):
        assert words(bench.send(bench.parcel(number))[0]) == [(number, "stored", "0000")]
    bench.sender.close()
    assert bench.opened == 1


def test_an_association_that_was_idle_for_long_is_released_and_made_anew(peer: Peer) -> None:
    bench = Bench(peer, idle_seconds=5)
    bench.send(bench.parcel(1))
    bench.now = 6
    bench.send(bench.parcel(2))
    bench.sender.close()
    assert bench.opened == 2
    assert len(peer.kept) == 2


@pytest.mark.parametrize("way", ["closed", "released", "aborted"])
def test_a_kept_association_that_the_peer_ended_costs_nobody_an_attempt(peer: Peer, way: str) -> None:
    bench = Bench(peer)
    bench.send(bench.parcel(1))
    sock = peer.lines[0].sock
    if way == "released":
        sock.sendall(pdu_codec.encode_release_rq())
    elif way == "aborted":
        sock.sendall(pdu_codec.encode_abort(pdu.Abort(0)))
    else:
        sock.shutdown(socket.SHUT_RDWR)
    outcomes, error = bench.send(*(bench.parcel(number) for number in (2, 3, 4)))
    assert error is None
    assert words(outcomes) == [(number, "stored", "0000") for number in (2, 3, 4)]
    bench.sender.close()


def test_what_is_lost_on_a_fresh_association_is_told(peer: Peer) -> None:
    def gone(line: Line, *_: object) -> None:
        line.sock.close()

    peer.answers["1.2.3.2"] = gone
    bench = Bench(peer)
    outcomes, error = bench.send(*(bench.parcel(number) for number in (1, 2, 3, 4)))
    assert words(outcomes) == [(1, "stored", "0000"), (2, "later", "")]
    assert error is not None
    outcomes, error = bench.send(bench.parcel(3), bench.parcel(4))
    assert words(outcomes) == [(3, "stored", "0000"), (4, "stored", "0000")]
    bench.sender.close()


def test_new_pairs_are_negotiated_and_old_ones_kept(peer: Peer) -> None:
    bench = Bench(peer)
    other = rich_file(IMPLICIT_LE, undefined=True)
    bench.send(bench.parcel(1))
    bench.send(bench.parcel(2, other))
    bench.send(bench.parcel(3), bench.parcel(4, other))
    bench.sender.close()
    assert bench.opened == 2
    assert {(CT_IMAGE, EXPLICIT_LE), (CT_IMAGE, IMPLICIT_LE)} <= set(peer.proposed[1])


def test_more_pairs_than_an_association_has_room_for_go_over_several(peer: Peer) -> None:
    bench = Bench(peer)
    some = [bench.parcel(number, sop_class_uid=f"1.2.826.0.1.{number}") for number in range(150)]
    outcomes, error = bench.send(*some)
    assert error is None
    assert {one.kind for one in outcomes} == {"stored"}
    assert len(outcomes) == 150
    assert all(len(proposed) <= 128 for proposed in peer.proposed)
    bench.send(bench.parcel(200, sop_class_uid="1.2.826.0.2"))
    assert ("1.2.826.0.2", EXPLICIT_LE) in peer.proposed[-1]
    assert len(peer.proposed[-1]) <= 128
    bench.sender.close()


@pytest.mark.parametrize(
    ("own", "accepted"), [(EXPLICIT_LE, IMPLICIT_LE), (EXPLICIT_BE, IMPLICIT_LE), (DEFLATED, EXPLICIT_LE)]
)
def test_what_the_peer_does_not_take_is_rewritten(peer: Peer, own: str, accepted: str) -> None:
    peer.refused = {own}
    bench = Bench(peer)
    outcomes, _ = bench.send(bench.parcel(1, rich_file(own, undefined=True)))
    assert words(outcomes) == [(1, "stored", "0000")]
    assert peer.kept["1.2.3.1"][0] == accepted
    bench.sender.close()


def test_what_cannot_be_rewritten_is_refused_and_the_others_go(peer: Peer) -> None:
    peer.refused = {JPEG_BASELINE}
    bench = Bench(peer)
    outcomes, error = bench.send(bench.parcel(1, rich_file(JPEG_BASELINE, undefined=True)), bench.parcel(2))
    assert error is None
    assert sorted((one.delivery_id, one.kind) for one in outcomes) == [(1, "refused"), (2, "stored")]
    bench.sender.close()


def test_a_peer_without_any_context_refuses_each(peer: Peer) -> None:
    peer.refused = {CT_IMAGE}
    bench = Bench(peer)
    outcomes, error = bench.send(bench.parcel(1), bench.parcel(2))
    assert error is None
    assert [one.kind for one in outcomes] == ["refused", "refused"]
    bench.sender.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, "stored") for status in (0x0000, 0xB000, 0xB006, 0xB007)),
        *((status, "later") for status in (0xA700, 0xA701, 0x0110, 0x0213)),
        *((status, "refused") for status in (0xA900, 0xC000, 0xCFFF, 0x0122, 0x0124, 0x0001, 0xB001, 0xFF00)),
        (0x0111, "duplicate"),
    ],
)
def test_statuses_are_believed_as_n_05_says(peer: Peer, status: int, kind: str) -> None:
    peer.answers["1.2.3.1"] = lambda *heard: stored(*heard, status=status)
    bench = Bench(peer)
    outcomes, error = bench.send(bench.parcel(1), bench.parcel(2))
    assert error is None
    assert words(outcomes) == [(1, kind, f"{status:04X}"), (2, "stored", "0000")]
    assert (outcomes[0].problem is None) == (status == 0)
    bench.sender.close()


def test_what_was_refused_is_negotiated_again_for_the_next_batch(peer: Peer) -> None:
    peer.refused = {CT_IMAGE}
    bench = Bench(peer)
    assert [one.kind for one in bench.send(bench.parcel(1))[0]] == ["refused"]
    peer.refused = set()
    assert words(bench.send(bench.parcel(1))[0]) == [(1, "stored", "0000")]
    bench.sender.close()


def test_what_was_padded_is_remarked(peer: Peer) -> None:
    bench = Bench(peer)
    outcomes, _ = bench.send(bench.parcel(1, part10(body((0x00100020, "LO", b"123")))))
    assert outcomes[0].kind == "stored"
    assert outcomes[0].problem is not None
    assert outcomes[0].problem.facts == {"path": "00100020"}
    bench.sender.close()


@pytest.mark.parametrize(
    "known",
    [
        {"sop_class_uid": ""},
        {"sop_instance_uid": ""},
        {"sop_instance_uid": "1." + "2" * 63},
        {"transfer_syntax_uid": ""},
        {"sop_instance_uid": "1.2.й"},
    ],
)
def test_what_nobody_could_keep_is_not_tried(peer: Peer, known: dict[str, str]) -> None:
    bench = Bench(peer)
    outcomes, error = bench.send(bench.parcel(1, **known), bench.parcel(2))
    assert error is None
    assert [(one.delivery_id, one.kind) for one in outcomes] == [(1, "refused"), (2, "stored")]
    bench.sender.close()


class Failing:
    """A large stored file that cannot be read to its end."""

    def __init__(self, file: bytes) -> None:
        self.file, self.reads = file, 0

    @property
    def size(self) -> int:
        return len(self.file)

    def read(self, offset: int, length: int) -> bytes:
        self.reads += 1
        if self.reads > 2:
            raise StoreTrouble(NO_ROOM, free="0", reserve="1")
        return self.file[offset : offset + length]


def test_an_item_that_cannot_be_read_on_ends_its_association_and_not_the_others(peer: Peer) -> None:
    bench = Bench(peer)
    parcel = bench.parcel(2, image(2, 3 << 20))
    file = bench.objects.files[parcel.line.stored_sha256]

    @contextmanager
    def failing() -> Iterator[Content]:
        source: Source = Failing(file)
        yield StoredContent(parcel.line, source, inflate)

    outcomes, error = bench.send(bench.parcel(1), replace(parcel, open=failing), bench.parcel(3))
    assert error is None
    assert words(outcomes) == [(1, "stored", "0000"), (2, "later", ""), (3, "stored", "0000")]
    assert set(peer.kept) == {"1.2.3.1", "1.2.3.3"}
    bench.sender.close()


def test_large_items_are_streamed(peer: Peer) -> None:
    bench = Bench(peer)
    file = image(1, 5 << 20)
    parcel = bench.parcel(1, file)

    @contextmanager
    def streamed() -> Iterator[Content]:
        source = Failing(file)
        source.reads = -1_000_000
        yield StoredContent(parcel.line, source, inflate)

    outcomes, _ = bench.send(replace(parcel, open=streamed))
    assert words(outcomes) == [(1, "stored", "0000")]
    assert peer.kept["1.2.3.1"][1] == file[parcel.line.data_set_offset :]
    bench.sender.close()


def test_an_attempt_that_is_left_keeps_its_association(peer: Peer) -> None:
    bench = Bench(peer)
    attempt = bench.sender.send([bench.parcel(number) for number in range(4)])
    next(attempt)
    attempt.close()  # type: ignore[attr-defined]
    outcomes, error = bench.send(bench.parcel(7))
    assert (words(outcomes), error, bench.opened) == ([(7, "stored", "0000")], None, 1)
    bench.sender.close()


def test_a_peer_that_drops_the_release_keeps_nobody_waiting(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Event()

    def late(assoc: Association) -> None:
        may_end.wait(20)
        assoc.close()

    monkeypatch.setattr(Association, "release", late)
    bench = Bench(peer)
    bench.send(bench.parcel(1))
    begun = time.monotonic()
    bench.sender.close()
    assert time.monotonic() - begun < 5
    may_end.set()
    for thread in threading.enumerate():
        if thread.name == "release":
            thread.join(5)
