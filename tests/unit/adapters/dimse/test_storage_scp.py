"""The SCP against rude callers: raw sockets that stall, lie, crowd in and never end."""

import errno
import hashlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.adapters.dimse.parrot import Line
from tolmach.adapters.dimse import (
    Association,
    OutgoingInstance,
    PeerAddress,
    PresentationContext,
    Timeouts,
    pdu,
    pdu_codec,
    plan_contexts,
    store_all,
    verify_peer,
)
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.dimse import CEchoRequest, CStoreRequest, encode_command
from tolmach.adapters.dimse.errors import AssociationRejected, AssociationRejectedForNow, CannotListen
from tolmach.adapters.dimse.pdu import AssociateRequest, UserInformation
from tolmach.adapters.dimse.reception import ReceivedInstance, ReceptionLimits
from tolmach.adapters.dimse.rights import Right
from tolmach.adapters.dimse.storage_scp import OnUnknown, StorageScp, StorageScpSettings
from tolmach.dicom import uids

CT, EXPLICIT = uids.CTImageStorage, uids.ExplicitVRLittleEndian
CONTEXTS = (PresentationContext(1, CT, (EXPLICIT,)), PresentationContext(3, uids.Verification, (EXPLICIT,)))
SETTINGS = StorageScpSettings(
    port=0,
    policy=AcceptancePolicy(called_ae_title="TOLMACH"),
    request_timeout_seconds=60.0,
    timeouts=Timeouts(network_timeout_seconds=60.0, header_timeout_seconds=60.0),
    limits=ReceptionLimits(max_pdu_length=4096, object_limit_bytes=100_000, idle_timeout_seconds=60.0),
)
# For the tests that are about deadlines; in the others a busy machine may take its time.
IMPATIENT = replace(
    SETTINGS,
    request_timeout_seconds=1.0,
    timeouts=Timeouts(network_timeout_seconds=1.0, header_timeout_seconds=0.3),
    limits=replace(SETTINGS.limits, idle_timeout_seconds=1.0),
)

# For the tests that are about large instances.
ROOMY = replace(SETTINGS, limits=replace(SETTINGS.limits, max_pdu_length=1 << 17, object_limit_bytes=1 << 24))

Start = Callable[..., StorageScp]


class Sink:
    """Keeps what it is given as (instance, bytes of the data set), and answers the status it is told."""

    def __init__(self) -> None:
        self.received: list[tuple[ReceivedInstance, bytes]] = []
        self.status = 0

    def __call__(self, received: ReceivedInstance) -> int:
        raw = received.path.read_bytes()
        assert len(raw) == received.data_set_offset + received.data_set_length
        self.received.append((received, raw[received.data_set_offset :]))
        return self.status


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@pytest.fixture
def start(spool: Path, sink: Sink) -> Iterator[Start]:
    started: list[StorageScp] = []

    def begin(settings: StorageScpSettings = SETTINGS, on_unknown: OnUnknown | None = None) -> StorageScp:
        scp = StorageScp(settings, spool, sink, on_unknown=on_unknown)
        scp.start()
        started.append(scp)
        return scp

    yield begin
    for scp in started:
        scp.stop()
    # On a busy machine a thread that was told to end may take longer than `stop` waits for it.
    assert eventually(lambda: not [one for one in threading.enumerate() if one.name.startswith("storage-scp")])
    assert list(spool.iterdir()) == []


def call(scp: StorageScp) -> Line:
    return Line(socket.create_connection(("127.0.0.1", scp.port), 5))


def associate(scp: StorageScp, calling: str = "RUDE", called: str = "TOLMACH") -> Line:
    line = call(scp)
    line.say(pdu_codec.encode_associate_rq(AssociateRequest(called, calling, CONTEXTS, UserInformation(0))))
    pdu_type, _ = line.hear()
    assert pdu_type == pdu.ASSOCIATE_AC
    return line


def address_of(scp: StorageScp) -> PeerAddress:
    return PeerAddress("TOLMACH", "127.0.0.1", scp.port)


def p_data(context_id: int, data: bytes, *, command: bool, last: bool) -> bytes:
    return pdu_codec.encode_p_data_header(context_id, len(data), is_command=command, is_last=last) + data


STORE = p_data(1, encode_command(CStoreRequest(1, CT, "1.2.3")), command=True, last=True)
ECHO = p_data(3, encode_command(CEchoRequest(1)), command=True, last=True)


def aborted(line: Line) -> bool:
    """Tell whether the SCP ended the association with A-ABORT (and nothing else) and closed."""
    rest = line.wait_for_close()
    line.sock.close()
    return len(rest) == 10 and rest[0] == pdu.ABORT


def test_large_instances_of_several_associations_at_once_are_each_kept_whole(start: Start, sink: Sink) -> None:
    """They share what writes beside the hashing."""
    scp, stored = start(ROOMY), list[bool]()
    bodies = {f"1.2.{lane}.{number}": os.urandom(700_000 + 1000 * number) for lane in range(4) for number in range(8)}

    def send(lane: int) -> None:
        mine = [(uid, body) for uid, body in bodies.items() if uid.startswith(f"1.2.{lane}.")]
        todo = (OutgoingInstance(CT, uid, EXPLICIT, len(body), lambda body=body: [body]) for uid, body in mine)
        with Association.open(address_of(scp), plan_contexts([(CT, EXPLICIT)])[0].contexts) as assoc:
            stored.extend(outcome.stored for outcome in store_all(assoc, todo))

    lanes = [threading.Thread(target=send, args=(lane,), daemon=True) for lane in range(4)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join(120)
    assert stored == [True] * len(bodies)
    assert {received.sop_instance_uid: kept for received, kept in sink.received} == bodies
    assert all(received.sha256 == hashlib.sha256(kept).hexdigest() for received, kept in sink.received)


# Whom it serves -------------------------------------------------------------------------------------------------------


def test_it_stores_and_echoes(start: Start, sink: Sink) -> None:
    scp = start()
    data = bytes(range(256)) * 100
    with Association.open(address_of(scp), plan_contexts([(CT, EXPLICIT)])[0].contexts, "ME") as assoc:
        outcomes = list(store_all(assoc, iter([OutgoingInstance(CT, "1.2.3", EXPLICIT, len(data), lambda: [data])])))
    assert [outcome.stored for outcome in outcomes] == [True]
    ((received, kept),) = sink.received
    assert kept == data
    assert (received.sop_class_uid, received.sop_instance_uid) == (CT, "1.2.3")
    assert (received.calling_ae_title, received.called_ae_title) == ("ME", "TOLMACH")
    assert received.transfer_syntax_uid == EXPLICIT
    assert verify_peer(address_of(scp)).seconds < 5


@pytest.mark.parametrize(("called", "code"), [("tolmach", "TLM-NET-023"), ("OTHER", "TLM-NET-023")])
def test_the_called_ae_title_must_be_ours(start: Start, called: str, code: str) -> None:
    with pytest.raises(AssociationRejected) as caught:
        verify_peer(replace(address_of(start()), ae_title=called))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "raw_title", [b" " * 16, b"A\\B".ljust(16), b"\x01\x02".ljust(16), "КТ".encode("cp1251").ljust(16)]
)
def test_a_calling_title_that_is_none_is_rejected(start: Start, raw_title: bytes) -> None:
    line = call(start())
    raw = bytearray(pdu_codec.encode_associate_rq(AssociateRequest("TOLMACH", "X", CONTEXTS, UserInformation(0))))
    raw[26:42] = raw_title
    line.say(bytes(raw))
    pdu_type, body = line.hear()
    assert pdu_type == pdu.ASSOCIATE_RJ
    assert pdu_codec.parse_associate_rj(body) == pdu.AssociateReject(1, 1, 3)
    line.sock.close()


HERE = ("127.0.0.1",)


def test_callers_are_known_by_title_and_address_together(start: Start, sink: Sink) -> None:
    callers = (Caller("ct", "CT1", HERE), Caller("mr", "MR1", ("10.0.0.1", "192.168.0.0/16")))
    told: list[tuple[str, str]] = []
    scp = start(
        replace(SETTINGS, policy=AcceptancePolicy("TOLMACH", callers)), on_unknown=lambda *who: told.append(who)
    )
    assert verify_peer(address_of(scp), "CT1")
    for stranger in ("MR1", "CT2", "MR1", "CT2"):
        with pytest.raises(AssociationRejected) as caught:
            verify_peer(address_of(scp), stranger)
        assert caught.value.code == "TLM-NET-022"
    assert told == [("MR1", "127.0.0.1"), ("CT2", "127.0.0.1")]


def test_the_sink_learns_who_sent_and_what_the_bytes_are(start: Start, sink: Sink) -> None:
    scp = start(replace(SETTINGS, policy=AcceptancePolicy(None, (Caller("ct in room 3", "CT1", HERE),))))
    datas = [bytes(range(256)) * 300, b"ab" * 5, bytes(90_000)]

    def instance(number: int) -> OutgoingInstance:
        return OutgoingInstance(CT, f"1.2.{number}", EXPLICIT, len(datas[number]), lambda: [datas[number]])

    with Association.open(address_of(scp), plan_contexts([(CT, EXPLICIT)])[0].contexts, "CT1") as assoc:
        assert all(outcome.stored for outcome in store_all(assoc, map(instance, range(3))))
    assert [kept for _, kept in sink.received] == datas
    for (received, _), data in zip(sink.received, datas, strict=True):
        assert received.sha256 == hashlib.sha256(data).hexdigest()
        assert received.peer_name == "ct in room 3"


@pytest.mark.parametrize(
    ("rights", "accepted"),
    [
        (frozenset({"store"}), [True, True, False]),
        (frozenset({"echo"}), [False, True, False]),
        (frozenset({"find"}), [False, True, False]),
        (frozenset(), [False, False, False]),
    ],
)
def test_contexts_outside_the_rights_are_refused_one_by_one(
    start: Start, rights: frozenset[Right], accepted: list[bool]
) -> None:
    scp = start(replace(SETTINGS, policy=AcceptancePolicy(None, (Caller("ct", "CT1", HERE, rights),))))
    find = PresentationContext(5, uids.StudyRootQueryRetrieveInformationModelFind, (EXPLICIT,))
    with Association.open(address_of(scp), [*CONTEXTS, find], "CT1") as assoc:
        found = [assoc.context_for(context.abstract_syntax, EXPLICIT) for context in (*CONTEXTS, find)]
    assert [context_id is not None for context_id in found] == accepted


def test_who_is_turned_away_takes_no_slot(start: Start) -> None:
    policy = AcceptancePolicy(None, (Caller("ct", "CT1", HERE),))
    scp = start(replace(SETTINGS, policy=policy, max_associations=1))
    refused = []
    for _ in range(3):
        line = call(scp)
        line.say(pdu_codec.encode_associate_rq(AssociateRequest("TOLMACH", "X", CONTEXTS, UserInformation(0))))
        assert line.hear()[0] == pdu.ASSOCIATE_RJ
        refused.append(line)
    assert verify_peer(address_of(scp), "CT1")
    for line in refused:
        line.sock.close()


# Bytes that are no DICOM ----------------------------------------------------------------------------------------------

RUBBISH = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),  # TLS hello
    struct.pack(">BxL", pdu.ASSOCIATE_RQ, 0xFFFFFFFF),
    struct.pack(">BxL", pdu.ASSOCIATE_RQ, 0),
    struct.pack(">BxL", pdu.ASSOCIATE_RQ, 1) + b"\x00",
    struct.pack(">BxL", pdu.ASSOCIATE_RQ, 100) + bytes(68) + b"\x20\x00\xff\xff" + bytes(28),
    struct.pack(">BxL", pdu.P_DATA_TF, 0xFFFFFFFF),
    struct.pack(">BxL", 0x99, 4) + bytes(4),
    pdu_codec.encode_release_rq(),
    STORE,
]


@pytest.mark.parametrize("raw", RUBBISH)
def test_rubbish_instead_of_a_request(start: Start, raw: bytes) -> None:
    scp = start()
    line = call(scp)
    line.say(raw)
    assert aborted(line)
    assert verify_peer(address_of(scp))


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack(">BxL", pdu.P_DATA_TF, 0xFFFFFFFF),
        struct.pack(">BxL", pdu.P_DATA_TF, 4097),  # one more than negotiated
        struct.pack(">BxL", pdu.P_DATA_TF, 0),
        struct.pack(">BxL", pdu.P_DATA_TF, 1) + b"\x00",
        struct.pack(">BxLLBB", pdu.P_DATA_TF, 6, 0xFFFFFFFF, 1, 3),
        struct.pack(">BxLLBB", pdu.P_DATA_TF, 6, 1, 1, 3),
        p_data(5, b"context 5 was not proposed", command=True, last=True),
        p_data(1, b"data without a command", command=False, last=True),
        p_data(1, b"", command=True, last=True),
        p_data(1, b"no command set", command=True, last=True),
        p_data(3, encode_command(CStoreRequest(1, CT, "1.2.3")), command=True, last=True),  # on the echo context
        STORE + STORE,  # a command in the middle of a message
        STORE + p_data(3, b"data on another context", command=False, last=True),
        STORE + p_data(1, bytes(4000), command=False, last=False) + ECHO,
        STORE + p_data(1, bytes(4000), command=False, last=False) * 26,  # over the object limit
        p_data(1, bytes(4000), command=True, last=False) * 17,  # a command set over 64 KiB
        struct.pack(">BxL", 0x99, 4) + bytes(4),
        pdu_codec.encode_associate_rq(AssociateRequest("TOLMACH", "X", CONTEXTS, UserInformation(0))),
    ],
)
def test_rubbish_within_an_association(start: Start, sink: Sink, raw: bytes) -> None:
    scp = start()
    line = associate(scp)
    line.say(raw)
    assert aborted(line)
    assert sink.received == []
    assert verify_peer(address_of(scp))


def test_a_request_in_single_bytes(start: Start) -> None:
    line = call(start())
    line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = pdu_codec.encode_associate_rq(AssociateRequest("TOLMACH", "X", CONTEXTS, UserInformation(0)))
    for value in request + ECHO:
        line.say(bytes([value]))
    assert line.hear()[0] == pdu.ASSOCIATE_AC
    assert line.hear()[0] == pdu.P_DATA_TF
    line.say(pdu_codec.encode_release_rq())
    assert line.hear()[0] == pdu.RELEASE_RP
    line.sock.close()


def test_several_messages_in_one_packet_are_answered_one_by_one(start: Start, sink: Sink) -> None:
    line = associate(start())
    line.say(ECHO + STORE + p_data(1, b"even", command=False, last=True) + ECHO)
    assert [line.hear()[0] for _ in range(3)] == [pdu.P_DATA_TF] * 3
    assert [kept for _, kept in sink.received] == [b"even"]
    line.say(pdu_codec.encode_release_rq())
    assert line.hear()[0] == pdu.RELEASE_RP
    line.sock.close()


# Deadlines and crowds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [b"", b"\x01", b"\x01\x00\x00", b"\x01\x00\x00\x00\x00\xff" + bytes(20), b"\x01\x00\x00\x0f\xff\xff" + bytes(900)],
)
def test_a_caller_that_stalls_is_closed(start: Start, said: bytes) -> None:
    line = call(start(IMPATIENT))
    line.say(said)
    started = time.monotonic()
    line.wait_for_close()
    assert time.monotonic() - started < 5
    line.sock.close()


def test_an_idle_association_and_one_that_stalls_in_the_middle_are_closed(start: Start, sink: Sink) -> None:
    scp = start(IMPATIENT)
    idle, stalled = associate(scp), associate(scp)
    stalled.say(STORE + p_data(1, bytes(1000), command=False, last=True)[:500])
    assert aborted(idle)
    stalled.wait_for_close()
    stalled.sock.close()
    assert sink.received == []


def test_200_half_open_sockets_lock_nobody_out(start: Start) -> None:
    scp = start()
    lines = [call(scp) for _ in range(200)]
    for line in lines:
        line.say(b"\x01\x00\x00")
    assert verify_peer(address_of(scp))
    for line in lines:  # served beside them, not after their deadline
        line.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            line.sock.recv(1)
        line.sock.close()


def test_when_too_many_wait_the_oldest_goes(start: Start) -> None:
    scp = start(replace(SETTINGS, max_waiting_connections=3))
    lines = [call(scp) for _ in range(3)]
    for line in lines:
        line.say(b"\x01")
    assert verify_peer(address_of(scp))
    assert lines[0].wait_for_close() == b""
    for line in lines:
        line.sock.close()


@pytest.mark.parametrize("limits", [{"max_associations": 2}, {"max_associations_per_address": 2}])
def test_more_associations_than_slots_are_told_so_and_slots_come_back(start: Start, limits: dict[str, int]) -> None:
    scp = start(replace(SETTINGS, **limits))  # type: ignore[arg-type]
    lines = [associate(scp), associate(scp)]
    with pytest.raises(AssociationRejectedForNow) as caught:
        verify_peer(address_of(scp))
    assert caught.value.code == "TLM-NET-026"
    lines[0].say(pdu_codec.encode_release_rq())
    lines[0].wait_for_close()
    lines[0].sock.close()
    assert eventually(lambda: bool(verify_peer(address_of(scp))))
    lines[1].sock.close()


def eventually(attempt: Callable[[], bool]) -> bool:
    """Repeat an attempt that is rejected until the slot of the last caller is free again."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            return attempt()
        except AssociationRejectedForNow:
            continue
    return False


# What the sink says, and a disk that is full --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0xA700, 0xC000, 0xB000, 0x0117])
def test_the_status_of_the_sink_is_the_answer(start: Start, sink: Sink, status: int) -> None:
    sink.status = status
    scp = start()
    with Association.open(address_of(scp), plan_contexts([(CT, EXPLICIT)])[0].contexts) as assoc:
        (outcome,) = store_all(assoc, iter([OutgoingInstance(CT, "1.2.3", EXPLICIT, 4, lambda: [b"data"])]))
    assert outcome.response is not None
    assert outcome.response.status == status


def test_without_a_spool_folder_the_answer_is_out_of_resources(tmp_path: Path, sink: Sink) -> None:
    instances = [OutgoingInstance(CT, f"1.2.{n}", EXPLICIT, 4, lambda: [b"data"]) for n in range(2)]
    with (
        StorageScp(SETTINGS, tmp_path / "is not there", sink) as scp,
        Association.open(address_of(scp), plan_contexts([(CT, EXPLICIT)])[0].contexts) as assoc,
    ):
        outcomes = list(store_all(assoc, iter(instances)))
    assert [outcome.response.status for outcome in outcomes if outcome.response] == [0xA700, 0xA700]
    assert sink.received == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("size", [40_000, 4_000_000])
def test_a_full_disk_is_out_of_resources_and_the_association_goes_on(
    start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch, spool: Path, size: int
) -> None:
    """M-03: A700, and the next instance is taken when there is room; whichever thread met the full disk."""
    full = [True]
    real = os.fdopen

    def fdopen(handle: int, *args: object, **kwargs: object) -> object:
        if full.pop() if full else False:
            os.dup2(os.open("/dev/full", os.O_WRONLY), handle)
        return real(handle, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "fdopen", fdopen)
    scp = start(ROOMY)
    with Association.open(address_of(scp), plan_contexts([(CT, EXPLICIT)])[0].contexts) as assoc:
        first, second = store_all(
            assoc, iter([OutgoingInstance(CT, f"1.2.{n}", EXPLICIT, size, lambda: [bytes(size)]) for n in range(2)])
        )
    assert first.response is not None
    assert first.response.status == 0xA700
    assert first.response.error_comment == os.strerror(errno.ENOSPC)
    assert second.stored


def test_a_peer_that_leaves_in_the_middle_leaves_nothing_behind(start: Start, spool: Path, sink: Sink) -> None:
    scp = start()
    line = associate(scp)
    line.say(STORE + p_data(1, bytes(1000), command=False, last=False))
    line.sock.close()
    scp.stop()
    assert list(spool.iterdir()) == []
    assert sink.received == []


# Starting and stopping ------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_named(start: Start, spool: Path, sink: Sink) -> None:
    """M-07."""
    scp = start()
    with pytest.raises(CannotListen) as caught:
        StorageScp(replace(SETTINGS, port=scp.port), spool, sink).start()
    assert str(scp.port) in str(caught.value)


def test_stopping_lets_the_instance_in_hand_be_answered(spool: Path) -> None:
    in_sink, go_on = threading.Event(), threading.Event()

    def slow_sink(received: ReceivedInstance) -> int:
        in_sink.set()
        assert go_on.wait(10)
        return 0

    scp = StorageScp(SETTINGS, spool, slow_sink)
    scp.start()
    busy, idle = associate(scp), associate(scp)
    busy.say(STORE + p_data(1, b"even", command=False, last=True))
    assert in_sink.wait(10)
    stopper = threading.Thread(target=scp.stop)
    stopper.start()
    idle.wait_for_close()
    go_on.set()
    assert busy.hear()[0] == pdu.P_DATA_TF
    busy.wait_for_close()
    stopper.join(10)
    assert not stopper.is_alive()
    busy.sock.close()
    idle.sock.close()


def test_stopping_does_not_wait_for_those_who_stall(start: Start) -> None:
    scp = start()
    lines = [call(scp), associate(scp)]
    started = time.monotonic()
    scp.stop()
    assert time.monotonic() - started < 3
    for line in lines:
        line.sock.close()
