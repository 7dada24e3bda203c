"""What the contract suite cannot say of HL7 over MLLP: connections that are kept, late and double answers, TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contracts.misbehaving import Hl7Destination
from tests.outbox_double import line_of
from tests.peers.certificates import Authority
from tolmach.adapters.mllp.framing import FrameReader
from tolmach.adapters.mllp.mllp_sender import MllpAddress, MllpSender, MllpTimeouts, ReceiverLost, ReceiverNotTrusted
from tolmach.base import TolmachError
from tolmach.delivery.interfaces import Outcome, Parcel

QUICK = MllpTimeouts(1.0, 0.5, 0.5)
Script = Callable[[socket.socket], None]


@pytest.fixture
def items(tmp_path: Path) -> Iterator[Hl7Destination]:
    made = Hl7Destination(tmp_path)
    yield made
    made.close()


def parcels(items: Hl7Destination, *numbers: int) -> list[Parcel]:
    return [items.unpacker.parcel(items.line(number)) for number in numbers]


def all_of(sender: MllpSender, some: list[Parcel]) -> tuple[list[tuple[int, str, str]], TolmachError | None]:
    found: list[Outcome] = []
    error: TolmachError | None = None
    try:
        found.extend(sender.send(some))
    except TolmachError as raised:
        error = raised
    return [(one.delivery_id, one.kind, one.status) for one in found], error


class Receiver:
    """Runs one script for each connection."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.scripts, self.tls, self.connections = list(scripts), tls, 0
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def address(self) -> MllpAddress:
        return MllpAddress("127.0.0.1", self.listener.getsockname()[1])

    def _run(self) -> None:
        for script in self.scripts:
            try:
                sock, _ = self.listener.accept()
                self.connections += 1
                with sock if self.tls is None else self.tls.wrap_socket(sock, server_side=True) as talking:
                    talking.settimeout(5)
                    script(talking)
            except OSError:
                continue

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()


def heard(sock: socket.socket) -> bytes:
    reader = FrameReader()
    while True:
        if found := reader.take(sock.recv(4096) or b"\x0b\x1c"):
            return found[0]


def acknowledgement(message: bytes, code: bytes = b"AA") -> bytes:
    control_id = message.split(b"|")[9]
    return b"\x0bMSH|^~\\&|M|Y|T|X|2026||ACK|A1|P|2.5.1\rMSA|" + code + b"|" + control_id + b"\r\x1c\r"


def answers(count: int) -> Script:
    def script(sock: socket.socket) -> None:
        for _ in range(count):
            sock.sendall(acknowledgement(heard(sock)))

    return script


def answers_twice(sock: socket.socket) -> None:
    sock.sendall(acknowledgement(heard(sock)) * 2)
    sock.recv(1)


def test_a_connection_is_kept_for_the_next_message(items: Hl7Destination) -> None:
    with Receiver(answers(3)) as receiver:
        sender = MllpSender(receiver.address, QUICK)
        for number in (1, 2, 3):
            assert all_of(sender, parcels(items, number)) == ([(number, "stored", "AA")], None)
        sender.close()
        assert receiver.connections == 1


def test_a_connection_that_the_receiver_ended_costs_nobody_an_attempt(items: Hl7Destination) -> None:
    with Receiver(answers(1), answers(1)) as receiver:
        sender = MllpSender(receiver.address, QUICK)
        assert all_of(sender, parcels(items, 1))[1] is None
        wait_for_end(sender)
        assert all_of(sender, parcels(items, 2)) == ([(2, "stored", "AA")], None)
        sender.close()


def wait_for_end(sender: MllpSender) -> None:
    assert sender._socket is not None
    sender._socket.settimeout(5)
    assert sender._socket.recv(1, socket.MSG_PEEK) == b""


def test_an_idle_connection_is_made_anew(items: Hl7Destination) -> None:
    now = 0.0
    with Receiver(answers(1), answers(1)) as receiver:
        sender = MllpSender(receiver.address, QUICK, clock=lambda: now)
        all_of(sender, parcels(items, 1))
        now = 60.0
        assert all_of(sender, parcels(items, 2)) == ([(2, "stored", "AA")], None)
        sender.close()
        assert receiver.connections == 2


def test_a_second_acknowledgement_is_never_taken_for_the_next_message(items: Hl7Destination) -> None:
    with Receiver(answers_twice, answers(1)) as receiver:
        sender = MllpSender(receiver.address, QUICK)
        first, _ = all_of(sender, parcels(items, 1))
        second, error = all_of(sender, parcels(items, 2))
        sender.close()
        assert first == [(1, "stored", "AA")]
        # It lies there when the second message is due, so that the connection is given up for a new one.
        assert (second, error, receiver.connections) == ([(2, "stored", "AA")], None, 2)


def test_an_acknowledgement_of_another_message_ends_the_connection(items: Hl7Destination) -> None:
    def wrong(sock: socket.socket) -> None:
        sock.sendall(acknowledgement(heard(sock).replace(b"|ID2|", b"|ID1|")))

    with Receiver(wrong) as receiver:
        sender = MllpSender(receiver.address, QUICK)
        outcomes, error = all_of(sender, parcels(items, 2, 3))
        sender.close()
    assert outcomes == [(2, "later", "")]
    assert isinstance(error, ReceiverLost)


def test_an_acknowledgement_in_drops_comes_to_an_end(items: Hl7Destination) -> None:
    over = threading.Event()

    def drip(sock: socket.socket) -> None:
        for letter in acknowledgement(heard(sock)):
            if over.wait(0.05):
                return
            sock.sendall(bytes([letter]))

    with Receiver(drip) as receiver:
        sender = MllpSender(receiver.address, QUICK)
        outcomes, error = all_of(sender, parcels(items, 1))
        over.set()
        sender.close()
    assert outcomes == [(1, "later", "")]
    assert isinstance(error, ReceiverLost)


@pytest.mark.parametrize(
    "message", [b"", b"PID|1\r", b"MSH|^~\\&|A|B|C|D|2026||ORU^R01||P\r", b"MSH|^~\\&|\x1c\r", b"\x00" * 99]
)
def test_what_is_no_message_is_refused_and_nothing_leaves(items: Hl7Destination, message: bytes) -> None:
    line = line_of(1, items.objects.keep(message, 0), 0)
    sender = MllpSender(MllpAddress("127.0.0.1", 1), QUICK)
    outcomes, error = all_of(sender, [items.unpacker.parcel(line)])
    sender.close()
    assert ([kind for _, kind, _ in outcomes], error) == (["refused"], None)


def test_a_receiver_nobody_vouches_for_gets_nothing(
    items: Hl7Destination, tmp_path: Path, peer_program: Callable[[str], Path]
) -> None:
    authority = Authority(peer_program("openssl"), tmp_path, "clinic")
    files = authority.issue("receiver")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.key)
    believing = ssl.create_default_context(cafile=str(authority.certificate))
    with Receiver(answers(1), answers(1), tls=server) as receiver:
        strict = MllpSender(receiver.address, QUICK, ssl.create_default_context())
        outcomes, error = all_of(strict, parcels(items, 1))
        assert outcomes == []
        assert isinstance(error, ReceiverNotTrusted)
        sender = MllpSender(receiver.address, QUICK, believing)
        assert all_of(sender, parcels(items, 1)) == ([(1, "stored", "AA")], None)
        sender.close()
