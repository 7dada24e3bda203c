"""Abuse of Query/Retrieve, watched from outside: rows N-07 and N-08 of the fault list, slow readers, crowds."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest

from tests.peers.qr_files import CT
from tests.peers.qr_process import BIG, BIG_BYTES
from tests.peers.test_dimse_abuse import Watched
from tests.unit.adapters.dimse.asking import LE, STUDY_FIND, STUDY_GET, STUDY_MOVE, Asker, identifier
from tests.unit.adapters.dimse.test_retrieving import Taker
from tolmach.adapters.dimse import (
    Association,
    OutgoingInstance,
    PeerAddress,
    PresentationContext,
    pdu,
    pdu_codec,
    store_all,
)
from tolmach.adapters.dimse.command_set import C_FIND_RQ, STATUS, CommandSet, encode_command_set
from tolmach.adapters.dimse.errors import AssociationAborted, AssociationLost
from tolmach.adapters.dimse.pdu import AssociateRequest, RoleSelection, UserInformation
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
EVERYBODY = {"QueryRetrieveLevel": "STUDY", "PatientName": "*", "StudyInstanceUID": ""}
UID = "1.2.826.0.1.3680043.10.1234"


@pytest.fixture
def scp(tmp_path: Path) -> Iterator[Watched]:
    command = [sys.executable, "-m", "tests.peers.qr_process", str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        watched = Watched(process, int(process.stdout.readline()), tmp_path)
        with Asker(watched.port, [STUDY_FIND]) as asker:
            asker.find({**EVERYBODY, "PatientName": "Иванов"}, stop_after=5)
        yield watched
        assert process.poll() is None, "the process died"
        with Asker(watched.port, [STUDY_FIND]) as asker:  # whatever was done to it, the next one is served
            assert asker.find(EVERYBODY, stop_after=5).status == 0xFE00
        process.stdin.close()
        assert process.wait(60) == 0
    assert list(tmp_path.iterdir()) == []


# N-07: limits and cancel ----------------------------------------------------------------------------------------------


def test_a_million_matches_are_ten_thousand_answers_and_a_failure(scp: Watched) -> None:
    """N-07: and the memory of the process stays flat."""
    with scp, Asker(scp.port, [STUDY_FIND]) as asker:
        heard = asker.find(EVERYBODY)
    assert (heard.status, len(heard.raws)) == (0xA700, 10_000)
    assert "10000" in heard.comment
    assert scp.growth < 32 * MIB


def test_a_query_is_cancelled_within_a_second(scp: Watched) -> None:
    """N-07."""
    with Asker(scp.port, [STUDY_FIND]) as asker:
        message_id = asker.begin(STUDY_FIND, C_FIND_RQ, identifier(EVERYBODY))
        for _ in range(5):
            asker.assoc.await_message()
        started = time.monotonic()
        asker.cancel(STUDY_FIND, message_id)
        while not (message := asker.assoc.await_message()).command.is_final:
            pass
        assert time.monotonic() - started < 1.0
        assert message.command[STATUS] == 0xFE00
        assert asker.find({**EVERYBODY, "PatientID": "P1"}, stop_after=1).status == 0xFE00


def test_a_retrieval_of_a_million_is_cancelled_and_costs_no_memory(scp: Watched, tmp_path: Path) -> None:
    """N-07."""
    with (
        StorageScp(StorageScpSettings(port=0), tmp_path, lambda _: 0) as destination,
        scp,
        Asker(scp.port, [STUDY_MOVE]) as asker,
    ):
        keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": f"{UID}.2"}
        heard = asker.move(keys, f"DEST_{destination.port}", stop_after=3)
    assert heard.status == 0xFE00
    assert scp.growth < 32 * MIB


def test_a_big_object_is_given_back_in_flat_memory(scp: Watched) -> None:
    """C-GET of 256 MiB, over a caller's own association."""
    contexts = [PresentationContext(1, STUDY_GET, (LE,)), PresentationContext(3, CT, (LE,))]
    roles = [RoleSelection(CT, scu=False, scp=True)]
    with scp, Association.open(PeerAddress("TOLMACH", "127.0.0.1", scp.port), contexts, "ASKER", roles=roles) as assoc:
        taker = Taker.over(assoc)
        taker.ask({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": f"{UID}.{BIG}"})
        context_id, command = assoc.await_command()
        size = 0

        def count(piece: memoryview) -> None:
            nonlocal size
            size += len(piece)

        assoc.receive_data(context_id, count)
        taker.say_stored(context_id, command.message_id, 0)
        assert assoc.await_message().command[STATUS] == 0
    assert size == BIG_BYTES
    assert scp.growth < 32 * MIB


# N-08: AE titles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title", [b"../../../etc/pas", b"A\\B", b"A\x07B", b"\x00" * 16, b" " * 16, b"\xcf\xe5\xf2\xe5\xf0", b"C:\\WINDOWS"]
)
@pytest.mark.parametrize("which", ["calling", "called"])
def test_hostile_ae_titles_are_rejected_and_touch_no_file(scp: Watched, title: bytes, which: str) -> None:
    """N-08: paths, backslashes, control characters, none at all, letters beyond ASCII."""
    contexts = (PresentationContext(1, STUDY_FIND, (LE,)),)
    raw = bytearray(pdu_codec.encode_associate_rq(AssociateRequest("TOLMACH", "ASKER", contexts, UserInformation(0))))
    start = 6 + 4 + (16 if which == "calling" else 0)
    raw[start : start + 16] = title.ljust(16)[:16]
    with scp.connect() as sock:
        sock.sendall(raw)
        answer = sock.recv(4096)
    assert answer[:1] in (b"", bytes([pdu.ASSOCIATE_RJ]), bytes([pdu.ABORT]))


def test_spaces_around_an_ae_title_mean_nothing(scp: Watched) -> None:
    """N-08."""
    with Asker(scp.port, [STUDY_FIND], calling=" ASKER ", called=" TOLMACH") as asker:
        assert asker.find(EVERYBODY, stop_after=1).status == 0xFE00


def test_a_move_destination_of_seventeen_bytes_ends_the_association(scp: Watched) -> None:
    """N-08: longer than the 16 bytes there are."""
    contexts = (PresentationContext(1, STUDY_MOVE, (LE,)),)
    request = pdu_codec.encode_associate_rq(AssociateRequest("TOLMACH", "ASKER", contexts, UserInformation(0)))
    with scp.connect() as sock:
        sock.sendall(request)
        assert sock.recv(4096)[0] == pdu.ASSOCIATE_AC
        command = bytearray(
            encode_command_set({0x0002: STUDY_MOVE, 0x0100: 0x0021, 0x0110: 1, 0x0600: "A" * 18, 0x0700: 0, 0x0800: 1})
        )
        header = pdu_codec.encode_p_data_header(1, len(command), is_command=True, is_last=True)
        sock.sendall(header + command)
        assert sock.recv(4096)[:1] in (b"", bytes([pdu.ABORT]))


# Readers that do not read, crowds, mixtures ---------------------------------------------------------------------------


def test_slow_readers_cost_no_memory_and_hold_nobody_up(scp: Watched) -> None:
    with scp:
        stalled = []
        for _ in range(8):
            asker = Asker(scp.port, [STUDY_FIND])
            asker.begin(STUDY_FIND, C_FIND_RQ, identifier(EVERYBODY))
            stalled.append(asker)  # and never reads
        started = time.monotonic()
        with Asker(scp.port, [STUDY_FIND]) as other:
            assert other.find(EVERYBODY).status == 0xA700
        assert time.monotonic() - started < 30
        for asker in stalled:
            asker.assoc.close()
    assert scp.growth < 64 * MIB


def test_twenty_finds_at_once(scp: Watched) -> None:
    def ask(_number: int) -> tuple[int, bool]:
        with Asker(scp.port, [STUDY_FIND]) as asker:
            heard = asker.find({**EVERYBODY, "PatientID": "P1"}, stop_after=1000)
            return heard.status, len(heard.raws) >= 1000

    with scp, ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(20))) == [(0xFE00, True)] * 20
    assert scp.growth < 96 * MIB


def test_one_association_that_stores_and_asks(scp: Watched) -> None:
    data = b"\x10\x00\x20\x00LO\x02\x00P1"

    def instances() -> Iterator[OutgoingInstance]:
        for number in range(50):
            yield OutgoingInstance(CT, f"1.2.3.{number}", LE, len(data), lambda: [data])

    with scp, Asker(scp.port, [STUDY_FIND, CT]) as asker:
        for _ in range(2):
            assert all(outcome.stored for outcome in store_all(asker.assoc, islice(instances(), 50)))
            assert len(asker.find(EVERYBODY).raws) == 10_000


def test_storing_while_answers_are_on_their_way(scp: Watched) -> None:
    """A store in the middle of an unread query: both are served, and no message is mixed into another."""
    with Asker(scp.port, [STUDY_FIND, CT]) as asker:
        message_id = asker.begin(STUDY_FIND, C_FIND_RQ, identifier(EVERYBODY))
        store = {0x0002: CT, 0x0100: 1, 0x0110: 900, 0x0700: 0, 0x0800: 1, 0x1000: "1.2.3"}
        asker.assoc.send_message(asker.context_of(CT), CommandSet(store), b"\x10\x00\x20\x00LO\x02\x00P1")
        answers, stored = 0, False
        while True:
            command = asker.assoc.await_message().command
            if command.command_field == 0x8001:
                stored = command[STATUS] == 0
            elif command.is_final:
                break
            else:
                assert command.message_id == message_id
                answers += 1
        assert stored
    assert answers == 10_000


def test_a_second_request_before_the_answer_ends_the_association(scp: Watched) -> None:
    asker = Asker(scp.port, [STUDY_FIND])
    for _ in range(2):
        asker.begin(STUDY_FIND, C_FIND_RQ, identifier(EVERYBODY))
    ended = threading.Event()

    def read() -> None:
        try:
            while True:
                asker.assoc.await_message()
        except (AssociationAborted, AssociationLost):
            ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    reader.join(60)
    assert ended.is_set()


def test_an_endless_identifier_is_cut_off(scp: Watched) -> None:
    contexts = (PresentationContext(1, STUDY_FIND, (LE,)),)
    request = pdu_codec.encode_associate_rq(AssociateRequest("TOLMACH", "ASKER", contexts, UserInformation(0)))
    command = encode_command_set({0x0002: STUDY_FIND, 0x0100: C_FIND_RQ, 0x0110: 1, 0x0700: 0, 0x0800: 1})
    is_cut = False
    with scp, scp.connect() as sock:
        sock.sendall(request)
        assert sock.recv(4096)[0] == pdu.ASSOCIATE_AC
        sock.sendall(pdu_codec.encode_p_data_header(1, len(command), is_command=True, is_last=True) + command)
        piece = pdu_codec.encode_p_data_header(1, 65536, is_command=False, is_last=False) + bytes(65536)
        try:
            for _ in range(1000):
                sock.sendall(piece)
        except OSError:
            is_cut = True
    assert is_cut
    assert scp.growth < 16 * MIB
