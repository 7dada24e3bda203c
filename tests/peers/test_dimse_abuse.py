"""Abuse of the listening side, watched from outside: who is rude locks nobody out and costs little memory.

`TOLMACH_FUZZ_PDUS=100000` makes the fuzzing longer.
"""

import os
import random
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.peers.scp_process import OBJECT_LIMIT
from tolmach.adapters.dimse import PeerAddress, Timeouts, pdu, pdu_codec, verify_peer
from tolmach.adapters.dimse.command_set import (
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    C_FIND_RQ,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    EVENT_TYPE_ID,
    MESSAGE_ID,
    N_EVENT_REPORT_RQ,
    PRIORITY,
    encode_command_set,
)
from tolmach.adapters.dimse.commitment import PUSH_MODEL_INSTANCE
from tolmach.adapters.dimse.dimse import CEchoRequest, CStoreRequest, encode_command
from tolmach.adapters.dimse.message_data import element_of, encoding_of
from tolmach.adapters.dimse.pdu import AssociateRequest, PresentationContext, RoleSelection, UserInformation
from tolmach.dicom import uids

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FUZZED_PDUS = int(os.environ.get("TOLMACH_FUZZ_PDUS", "20000"))
MIB = 1 << 20
MAY_GROW = 64 * MIB
CT, EXPLICIT = uids.CTImageStorage, uids.ExplicitVRLittleEndian
FIND, COMMIT = uids.StudyRootQueryRetrieveInformationModelFind, uids.StorageCommitmentPushModel
OWN = (PresentationContext(1, CT, (EXPLICIT,)), PresentationContext(3, uids.Verification, (EXPLICIT,)))
RELAYED = (PresentationContext(5, FIND, (EXPLICIT,)), PresentationContext(7, COMMIT, (EXPLICIT,)))


class Watched:
    """The SCP's process, its port, and its memory as the system counts it."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, folder: Path) -> None:
        self.process, self.port, self.folder = process, port, folder
        self.address = PeerAddress("TOLMACH", "127.0.0.1", port)
        self._highest = 0
        self._watching = threading.Event()

    def resident(self) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the process is gone")

    def echo(self) -> float:
        started = time.monotonic()
        verify_peer(self.address, timeouts=Timeouts(60, 60, 60, 60, 60))
        return time.monotonic() - started

    def connect(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), 60)
        sock.settimeout(60)
        return sock

    def associate(self, contexts: tuple[PresentationContext, ...] = OWN) -> socket.socket:
        sock = self.connect()
        sock.sendall(request(contexts))
        answer = sock.recv(4096)
        assert answer[0] == pdu.ASSOCIATE_AC, answer
        return sock

    def __enter__(self) -> "Watched":
        """Watch how the memory grows."""
        self._base = self._highest = self.resident()
        self._watching.clear()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._watching.wait(0.005):
            self._highest = max(self._highest, self.resident())

    def __exit__(self, *_: object) -> None:
        self._watching.set()
        self._thread.join()

    @property
    def growth(self) -> int:
        return self._highest - self._base


def request(contexts: tuple[PresentationContext, ...] = OWN) -> bytes:
    info = UserInformation(0, roles=(RoleSelection(COMMIT, scu=False, scp=True),))
    return pdu_codec.encode_associate_rq(AssociateRequest("TOLMACH", "RUDE", contexts, info))


@pytest.fixture
def scp(tmp_path: Path) -> Iterator[Watched]:
    """Give an SCP that has served one association of each engine already, so that everything is loaded."""
    # As many sockets as the tests here open.
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    command = [sys.executable, "-m", "tests.peers.scp_process", str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        watched = Watched(process, int(process.stdout.readline()), tmp_path)
        watched.echo()
        watched.associate(OWN + RELAYED).close()
        watched.echo()
        yield watched
        assert process.poll() is None, "the process died"
        watched.echo()
        process.stdin.close()
        assert process.wait(60) == 0
    assert list(tmp_path.iterdir()) == []


def ended(sock: socket.socket) -> bool:
    """Tell whether the other side has closed; what it said before is read away."""
    try:
        while sock.recv(1 << 16):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


# Crowds ---------------------------------------------------------------------------------------------------------------


def test_200_half_open_sockets(scp: Watched) -> None:
    with scp:
        opened = []
        for number in range(200):
            sock = scp.connect()
            sock.sendall((b"\x01\x00\x00", b"", request()[:-1], b"\x01")[number % 4])
            opened.append((sock, time.monotonic()))
        assert sorted(scp.echo() for _ in range(5))[2] <= 2
        for sock, since in opened:
            sock.settimeout(60)
            assert ended(sock)
            assert time.monotonic() - since <= 30
            sock.close()
    assert scp.growth <= MAY_GROW


@pytest.mark.parametrize(
    "said",
    [
        b"",
        request()[:100],
        struct.pack(">BxL", 1, 1 << 18) + bytes(200_000),
        struct.pack(">BxL", 1, 32_000) + bytes(31_000),
    ],
    ids=["nothing", "half a request", "half a large request", "half a request below large"],
)
def test_1000_connections(scp: Watched, said: bytes) -> None:
    with scp:
        opened = [scp.connect() for _ in range(1000)]
        for sock in opened:
            sock.setblocking(False)
            try:
                sock.send(said)
            except OSError:
                continue
        assert sorted(scp.echo() for _ in range(5))[2] <= 2
        for sock in opened:
            sock.close()
    assert scp.growth <= MAY_GROW


@pytest.mark.parametrize("contexts", [OWN, OWN + RELAYED], ids=["own", "relayed"])
def test_more_associations_than_there_may_be(scp: Watched, contexts: tuple[PresentationContext, ...]) -> None:
    with scp:
        opened = [scp.connect() for _ in range(60)]
        answers = []
        for sock in opened:
            sock.sendall(request(contexts))
            answers.append(sock.recv(4096)[0])
        assert answers.count(pdu.ASSOCIATE_AC) == 20
        assert answers.count(pdu.ASSOCIATE_RJ) == 40
        for sock in opened:
            sock.close()
    assert scp.growth <= MAY_GROW


# Messages that lie, and that never end --------------------------------------------------------------------------------

LIES = [
    struct.pack(">BxL", 1, 0xFFFFFFFF),
    struct.pack(">BxL", 4, 0xFFFFFFFF),
    struct.pack(">BxL", 1, 0),
    struct.pack(">BxL", 1, 1),
    struct.pack(">BxL", 0x99, 4),
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


@pytest.mark.parametrize("contexts", [None, OWN, OWN + RELAYED], ids=["request", "own", "relayed"])
def test_lengths_that_lie(scp: Watched, contexts: tuple[PresentationContext, ...] | None) -> None:
    with scp:
        for lie in LIES:
            sock = scp.connect() if contexts is None else scp.associate(contexts)
            sent = 0
            try:
                sock.sendall(lie)
                while sent < 64 * MIB:
                    sock.sendall(bytes(MIB))
                    sent += MIB
            except OSError:
                pass
            assert sent <= 8 * MIB, lie  # as much as the kernel holds on the way
            assert ended(sock)
            sock.close()
    assert scp.growth <= 16 * MIB


def fragment(context_id: int, data: bytes, *, command: bool = False, last: bool = False) -> bytes:
    return pdu_codec.encode_p_data_header(context_id, len(data), is_command=command, is_last=last) + data


STORE = fragment(1, encode_command(CStoreRequest(1, CT, "1.2.3")), command=True, last=True)
REPORT = encode_command_set(
    {
        AFFECTED_SOP_CLASS_UID: COMMIT,
        COMMAND_FIELD: N_EVENT_REPORT_RQ,
        MESSAGE_ID: 1,
        COMMAND_DATA_SET_TYPE: 1,
        AFFECTED_SOP_INSTANCE_UID: PUSH_MODEL_INSTANCE,
        EVENT_TYPE_ID: 1,
    }
)
FIND_RQ = encode_command_set(
    {AFFECTED_SOP_CLASS_UID: FIND, COMMAND_FIELD: C_FIND_RQ, MESSAGE_ID: 1, PRIORITY: 0, COMMAND_DATA_SET_TYPE: 1}
)


@pytest.mark.parametrize(
    ("first", "context_id", "is_command", "limit"),
    [
        (STORE, 1, False, OBJECT_LIMIT),
        (b"", 1, True, 1 << 16),
        (b"", 5, True, 1 << 16),
        (fragment(5, FIND_RQ, command=True, last=True), 5, False, 4 * MIB),
        (fragment(7, REPORT, command=True, last=True), 7, False, 4 * MIB),
    ],
    ids=["instance", "command", "relayed command", "identifier", "report"],
)
def test_messages_without_end(scp: Watched, first: bytes, context_id: int, is_command: bool, limit: int) -> None:
    with scp:
        sock = scp.associate(OWN + RELAYED)
        sent = 0
        piece = fragment(context_id, bytes(100_000), command=is_command)
        try:
            sock.sendall(first)
            while sent < limit + 64 * MIB:
                sock.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        assert limit < sent <= limit + 16 * MIB
        assert ended(sock)
        sock.close()
    assert scp.growth <= MAY_GROW


# Fuzz -----------------------------------------------------------------------------------------------------------------


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """Change a few bytes, lengths, or the order of things; sometimes nothing."""
    data = bytearray(raw)
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        where = chance.randrange(len(data) or 1)
        match chance.randrange(6):
            case 0:
                data[where : where + 1] = bytes([chance.randrange(256)])
            case 1:
                data[where : where + 4] = struct.pack(">L", chance.choice((0, 1, 5, 0xFFFF, 0xFFFFFFFF)))
            case 2:
                data[where : where + 2] = struct.pack("<H", chance.choice((0, 1, 3, 0x0101, 0xFFFF)))
            case 3:
                del data[where : where + chance.randrange(1, 20)]
            case 4:
                data[where:where] = chance.randbytes(chance.randrange(1, 20))
            case 5:
                data[where:where] = data[where : where + 50]
    return bytes(data)


ECHO = fragment(3, encode_command(CEchoRequest(1)), command=True, last=True)
QUERY = fragment(5, FIND_RQ, command=True, last=True) + fragment(
    5, element_of("PatientID", "7", encoding_of(EXPLICIT)), last=True
)
NOTICE = fragment(7, REPORT, command=True, last=True) + fragment(
    7, element_of("TransactionUID", "1.2.3", encoding_of(EXPLICIT)), last=True
)
INSTANCE = STORE + fragment(1, bytes(3000)) + fragment(1, bytes(500), last=True)
SEEDS = [ECHO, INSTANCE, pdu_codec.encode_release_rq(), pdu_codec.encode_abort(pdu.Abort()), request()]


def converse(scp: Watched, said: list[bytes], contexts: tuple[PresentationContext, ...] | None) -> None:
    """Say it all, stop talking, and wait for the other side to hang up, for ten seconds at most."""
    sock = scp.connect() if contexts is None else scp.associate(contexts)
    sock.settimeout(10)
    try:
        for raw in said:
            sock.sendall(raw)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    assert ended(sock), "a hang of ten seconds"
    sock.close()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("contexts", "seeds", "share", "at_once"),
    [
        (None, [request(), request(OWN + RELAYED)], 0.1, 1),
        (OWN, SEEDS, 0.8, 4),
        (OWN + RELAYED, [*SEEDS, QUERY, NOTICE, QUERY, NOTICE], 0.1, 4),
    ],
    ids=["request", "own", "relayed"],
)
def test_fuzzed_pdus(
    scp: Watched,
    contexts: tuple[PresentationContext, ...] | None,
    seeds: list[bytes],
    share: float,
    at_once: int,
) -> None:
    chance = random.Random(20261122)
    with scp:
        for _ in range(int(FUZZED_PDUS * share / at_once)):
            converse(scp, [mutated(chance.choice(seeds), chance) for _ in range(at_once)], contexts)
        assert scp.echo() < 10
    assert scp.growth <= MAY_GROW


def test_what_is_kept_of_a_fuzzed_instance_is_gone(scp: Watched) -> None:
    sock = scp.associate()
    sock.sendall(STORE + fragment(1, bytes(50_000)))
    assert eventually(lambda: len(list(scp.folder.iterdir())) == 1)
    sock.close()
    assert eventually(lambda: not list(scp.folder.iterdir()))
