"""The harness's own pieces, so that it cannot be blind: each fault is seen from the other side of the wire."""

import hashlib
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE, evt

from tests.faults import plainwire as wire
from tests.faults.children import Child, FeederChild, PeerChild
from tests.faults.journal import Journal, read_journal
from tests.faults.peermodes import Mode
from tests.faults.sample_objects import as_file, sample

STORE_CONTEXT = [wire.Proposed(1, wire.CT_IMAGE, [wire.EXPLICIT_LE])]
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[PeerChild]:
    with closing(PeerChild(tmp_path, "peer")) as child:
        yield child


def store(port: int, number: int = 0, *, seconds: float = 5.0) -> wire.Message:
    """Send one object on an association of its own and give the response as it came."""
    made = sample(1, number)
    calling = wire.call(port, "PEER", "TEST", STORE_CONTEXT, seconds=seconds)
    try:
        if 1 not in calling.accepted:
            raise wire.Gone("no context")
        command: wire.Command = {wire.FIELD: wire.C_STORE, wire.PRIORITY: 0, wire.SOP_CLASS: wire.CT_IMAGE}
        whole = {**command, wire.INSTANCE: made.sop_instance_uid, wire.MESSAGE_ID: 5, wire.DATA_SET_TYPE: 0}
        calling.line.send(wire.message_bytes(1, whole, made.data_set, calling.max_length))
        answer = wire.read_message(calling.line)
        assert answer is not None
        return answer
    finally:
        calling.line.close()


def kept(peer: PeerChild) -> dict[str, str]:
    return {entry["uid"]: entry["sha256"] for entry in read_journal(peer.journal)[0]}


def test_a_good_peer_keeps_what_it_got_and_says_so(peer: PeerChild) -> None:
    answer = store(peer.port)
    made = sample(1, 0)
    assert answer.command[wire.STATUS] == 0
    assert answer.command[wire.ANSWERED_ID] == 5
    assert answer.command[wire.INSTANCE] == made.sop_instance_uid
    assert kept(peer) == {made.sop_instance_uid: made.sha256}
    wire.echo(peer.port, "PEER", "TEST")
    assert peer.tally()["echoes"] == 1


@pytest.mark.parametrize(
    ("status", "keeps"),
    [
        (0xA700, False),
        (0xA900, False),
        (0xC000, False),
        (0xB000, True),
        (0x0111, False),
        (0x0122, False),
        (0x0124, False),
        (0x1234, False),
    ],
)
def test_a_peer_answers_the_status_it_is_told(peer: PeerChild, status: int, keeps: bool) -> None:
    peer.become(Mode("status", status=status))
    assert store(peer.port).command[wire.STATUS] == status
    assert bool(kept(peer)) is keeps


@pytest.mark.parametrize("name", ["wrong_message_id", "wrong_uid", "ack_then_crash"])
def test_a_liar_keeps_nothing(peer: PeerChild, name: str) -> None:
    peer.become(Mode(name))
    answer = store(peer.port)
    assert answer.command[wire.STATUS] == 0
    assert (answer.command[wire.ANSWERED_ID] != 5) is (name == "wrong_message_id")
    assert (answer.command[wire.INSTANCE] != sample(1, 0).sop_instance_uid) is (name == "wrong_uid")
    assert kept(peer) == {}


@pytest.mark.parametrize("name", ["reject", "no_context", "abort", "cut_reading", "cut_answer"])
def test_a_broken_peer_gives_no_answer(peer: PeerChild, name: str) -> None:
    peer.become(Mode(name))
    with pytest.raises((wire.Gone, ConnectionError)):
        store(peer.port)
    assert bool(kept(peer)) is (name == "cut_answer")
    peer.become(Mode())
    assert store(peer.port).command[wire.STATUS] == 0


def test_an_abort_comes_at_the_pdu_it_was_told(peer: PeerChild) -> None:
    peer.become(Mode("abort", pdu=3))
    assert store(peer.port, 0).command[wire.STATUS] == 0  # two PDUs: it never comes to the third
    with pytest.raises((wire.Gone, ConnectionError)):
        store(peer.port, 49)


def test_a_deaf_peer_refuses_and_hears_again_on_the_same_port(peer: PeerChild) -> None:
    for _ in range(3):
        peer.become(Mode("refuse"))
        with pytest.raises(ConnectionRefusedError):
            wire.echo(peer.port, "PEER", "TEST")
        peer.become(Mode())
        wire.echo(peer.port, "PEER", "TEST")


@pytest.mark.parametrize("mode", [Mode("blackhole"), Mode("stall", seconds=9), Mode("slow", bytes_per_second=1024)])
def test_a_silent_peer_is_silent(peer: PeerChild, mode: Mode) -> None:
    peer.become(mode)
    with pytest.raises(TimeoutError):
        store(peer.port, seconds=0.5)


def test_a_slow_peer_reads_slowly_and_keeps(peer: PeerChild) -> None:
    peer.become(Mode("slow", bytes_per_second=10_000))
    begun = time.monotonic()
    assert store(peer.port).command[wire.STATUS] == 0
    assert 0.2 < time.monotonic() - begun < 3
    assert kept(peer)


def test_half_of_the_objects_are_refused(peer: PeerChild) -> None:
    peer.become(Mode("half"))
    statuses = [store(peer.port, number).command[wire.STATUS] for number in range(6)]
    assert statuses == [0, 0xA700] * 3
    assert len(kept(peer)) == 3


def test_an_answer_comes_twice(peer: PeerChild) -> None:
    peer.become(Mode("duplicate"))
    calling = wire.call(peer.port, "PEER", "TEST", STORE_CONTEXT, seconds=5)
    command: wire.Command = {wire.FIELD: wire.C_STORE, wire.SOP_CLASS: wire.CT_IMAGE, wire.INSTANCE: "1.2"}
    calling.line.send(wire.message_bytes(1, {**command, wire.MESSAGE_ID: 5, wire.DATA_SET_TYPE: 0}, b"1234"))
    first, second = wire.read_message(calling.line), wire.read_message(calling.line)
    assert first == second
    calling.release()


def test_a_release_is_not_answered(peer: PeerChild) -> None:
    peer.become(Mode("drop_release"))
    calling = wire.call(peer.port, "PEER", "TEST", STORE_CONTEXT, seconds=0.5)
    calling.line.send(wire.pdu(wire.RELEASE_RQ, bytes(4)))
    with pytest.raises(TimeoutError):
        calling.line.read_pdu()
    calling.line.close()


def test_a_peer_remembers_after_its_own_restart(tmp_path: Path) -> None:
    for expected in (1, 2):
        with closing(PeerChild(tmp_path, "peer")) as peer:
            store(peer.port, expected)
            assert len(kept(peer)) == expected


# Proof ----------------------------------------------------------------------------------------------------------------


def test_a_peer_finds_what_it_kept_and_nothing_else(peer: PeerChild) -> None:
    store(peer.port, 3)
    entity = AE("TEST")
    entity.add_requested_context(STUDY_ROOT_FIND)
    assoc = entity.associate("127.0.0.1", peer.port, ae_title="PEER")
    assert assoc.is_established
    found = []
    for number in (3, 4):
        query = Dataset()
        query.QueryRetrieveLevel = "IMAGE"
        query.SOPInstanceUID = sample(1, number).sop_instance_uid
        found.append([(status.Status, answer) for status, answer in assoc.send_c_find(query, STUDY_ROOT_FIND)])
    assoc.release()
    assert [status for status, _answer in found[0]] == [0xFF00, 0]
    assert getattr(found[0][0][1], "SOPInstanceUID", "") == sample(1, 3).sop_instance_uid
    assert [status for status, _answer in found[1]] == [0]


@pytest.mark.parametrize("refuses", [False, True])
def test_a_peer_commits_to_what_it_kept(peer: PeerChild, refuses: bool) -> None:
    store(peer.port, 3)
    if refuses:
        peer.become(Mode("commitment_no"))
    reports: list[Dataset] = []

    def on_report(event: evt.Event) -> tuple[int, None]:
        reports.append(event.event_information)
        return 0, None

    entity = AE("TEST")
    entity.add_requested_context(wire.COMMITMENT)
    assoc = entity.associate(
        "127.0.0.1", peer.port, ae_title="PEER", evt_handlers=[(evt.EVT_N_EVENT_REPORT, on_report)]
    )
    asked = Dataset()
    asked.TransactionUID = "1.2.3"
    asked.ReferencedSOPSequence = [Dataset(), Dataset()]
    for reference, number in zip(asked.ReferencedSOPSequence, (3, 4), strict=True):
        reference.ReferencedSOPClassUID = wire.CT_IMAGE
        reference.ReferencedSOPInstanceUID = sample(1, number).sop_instance_uid
    status, _answer = assoc.send_n_action(asked, 1, wire.COMMITMENT, wire.COMMITMENT_INSTANCE)
    assert status.Status == 0
    deadline = time.monotonic() + 5
    while not reports and time.monotonic() < deadline:
        time.sleep(0.01)
    assoc.release()
    failed = [item.ReferencedSOPInstanceUID for item in reports[0].FailedSOPSequence]
    assert failed == [sample(1, number).sop_instance_uid for number in ((3, 4) if refuses else (4,))]
    assert ("ReferencedSOPSequence" in reports[0]) is not refuses


# The feeder -----------------------------------------------------------------------------------------------------------


def test_the_feeder_writes_down_what_was_acknowledged_and_sends_the_rest_again(peer: PeerChild, tmp_path: Path) -> None:
    peer.become(Mode("half"))
    with closing(FeederChild(tmp_path, peer.port, called="PEER", seed=1, count=20, associations=2)) as feeder:
        feeder.go()
        deadline = time.monotonic() + 30
        while not feeder.done and time.monotonic() < deadline:
            time.sleep(0.02)
        tally = feeder.pause()
    entries = read_journal(feeder.journal)[0]
    taken = {entry["uid"]: entry["sha256"] for entry in entries if entry["status"] == 0}
    assert tally["acknowledged"] == 20
    assert tally["refused"] == sum(entry["status"] == 0xA700 for entry in entries) > 0
    assert taken == {sample(1, number).sop_instance_uid: sample(1, number).sha256 for number in range(20)}
    assert kept(peer) == taken


def test_the_feeder_survives_a_peer_that_comes_and_goes(peer: PeerChild, tmp_path: Path) -> None:
    with closing(FeederChild(tmp_path, peer.port, called="PEER", seed=1, associations=3, per_association=7)) as feeder:
        feeder.go()
        for mode in (Mode("refuse"), Mode(), Mode("cut_reading"), Mode()):
            peer.become(mode)
            time.sleep(0.15)
        tally = feeder.pause()
        taken = {entry["uid"] for entry in read_journal(feeder.journal)[0] if entry["status"] == 0}
        assert tally["broken"] > 0
        assert len(taken) == tally["acknowledged"] > 10
        assert taken <= set(kept(peer))


def test_the_feeder_is_fast_enough(peer: PeerChild, tmp_path: Path) -> None:
    with closing(FeederChild(tmp_path, peer.port, called="PEER", seed=1, associations=3, large_every=0)) as feeder:
        feeder.go()
        time.sleep(1)
        assert feeder.pause()["acknowledged"] >= 100


def test_a_journal_forgets_a_line_that_was_cut(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.write({"a": 1})
    with (tmp_path / "j").open("ab") as file:
        file.write(b'{"a": 2')
    entries, end = read_journal(tmp_path / "j")
    assert entries == [{"a": 1}]
    with (tmp_path / "j").open("ab") as file:
        file.write(b"}\n")
    assert read_journal(tmp_path / "j", end)[0] == [{"a": 2}]


# Against programs of others -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_dcmtk_agrees_with_the_feeder_and_the_peer(
    peer: PeerChild, tmp_path: Path, peer_program: Callable[[str], Path]
) -> None:
    file = tmp_path / "one.dcm"
    file.write_bytes(as_file(sample(1, 5)))
    assert str(dcmread(file).PatientName)
    dcmsend = [peer_program("dcmsend"), "-aec", "PEER", "127.0.0.1", str(peer.port), file]
    subprocess.run([str(part) for part in dcmsend], check=True, stdin=subprocess.DEVNULL)
    received = kept(peer)[sample(1, 5).sop_instance_uid]
    # dcmsend writes what it parsed; ours has nothing that it would write otherwise.
    assert received == sample(1, 5).sha256
    there = tmp_path / "there"
    there.mkdir()
    with closing(Child("faultpeer", "--journal", tmp_path / "unused.jsonl", log=tmp_path / "unused.log")) as child:
        port = int(child.hello["port"])
    log = (tmp_path / "storescp.log").open("wb")
    command = [peer_program("storescp"), "-aet", "PEER", "+B", "-od", there, str(port)]
    storescp = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log)
    try:
        with closing(FeederChild(tmp_path, port, called="PEER", seed=1, count=5, associations=1)) as feeder:
            feeder.go()
            deadline = time.monotonic() + 20
            while not feeder.done and time.monotonic() < deadline:
                time.sleep(0.05)
            assert feeder.done
    finally:
        storescp.kill()
        storescp.wait()
        log.close()
    assert sorted(data_set_sha256(path) for path in there.iterdir()) == sorted(sample(1, n).sha256 for n in range(5))


def data_set_sha256(path: Path) -> str:
    raw = path.read_bytes()
    return hashlib.sha256(raw[144 + int.from_bytes(raw[140:144], "little") :]).hexdigest()


# The bad line ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def proxy(peer: PeerChild, tmp_path: Path) -> Iterator[Child]:
    with closing(Child("tcpproxy", "--target", peer.port, log=tmp_path / "proxy.log")) as child:
        yield child


@pytest.mark.parametrize(
    "line",
    [{}, {"split": True}, {"latency": 0.05, "jitter": 0.05}, {"rate": 20000}],
    ids=["good", "split", "late", "slow"],
)
def test_a_line_that_is_only_bad_carries_everything(peer: PeerChild, proxy: Child, line: dict[str, object]) -> None:
    proxy.ask({"line": line})
    begun = time.monotonic()
    assert store(int(proxy.hello["port"])).command[wire.STATUS] == 0
    took = time.monotonic() - begun
    assert took > (0.1 if {"latency", "rate"} & set(line) else 0)
    assert list(kept(peer).values()) == [sample(1, 0).sha256]


@pytest.mark.parametrize("line", [{"cut_after": 1000}, {"reset_after": 1000}], ids=["cut", "reset"])
def test_a_line_breaks_where_it_was_told(peer: PeerChild, proxy: Child, line: dict[str, object]) -> None:
    proxy.ask({"line": line})
    with pytest.raises((wire.Gone, ConnectionError)):
        store(int(proxy.hello["port"]))
    assert proxy.ask({})["carried"] == 1000
    assert kept(peer) == {}


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_line_is_deaf_in_one_direction(peer: PeerChild, proxy: Child, way: str) -> None:
    proxy.ask({"line": {"silent": way}})
    with pytest.raises(TimeoutError):
        store(int(proxy.hello["port"]), seconds=0.5)
