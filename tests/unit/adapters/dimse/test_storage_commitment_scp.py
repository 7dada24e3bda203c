"""Storage Commitment as the archive gives it (N-09): taken, kept, judged from the bytes, reported until it arrives."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.archive_double import ROOT, ArchiveDouble, entry
from tests.eventually import eventually
from tests.peers.conftest import reserved_port
from tests.unit.adapters.dimse.archives import ENCODING
from tests.unit.adapters.dimse.parrot import Line, Parrot
from tolmach.adapters.dimse import Association, PeerAddress, PresentationContext
from tolmach.adapters.dimse.acceptance import ANYBODY, AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.command_set import (
    ACTION_TYPE_ID,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    EVENT_TYPE_ID,
    MESSAGE_ID,
    N_ACTION_RQ,
    N_EVENT_REPORT_RQ,
    REQUESTED_SOP_CLASS_UID,
    REQUESTED_SOP_INSTANCE_UID,
    STATUS,
    CommandSet,
    Value,
)
from tolmach.adapters.dimse.commitment import (
    PUSH_MODEL_INSTANCE,
    CommitmentReport,
    encode_report,
    encode_request,
    parse_report,
)
from tolmach.adapters.dimse.commitment_report_scp import commitment_report_scp
from tolmach.adapters.dimse.commitment_reporter import LEASE, OpenReport, Reporter
from tolmach.adapters.dimse.commitment_scu import COMMITMENT_CONTEXT, request_commitment
from tolmach.adapters.dimse.errors import ServiceFailedForNow, ServiceRefused
from tolmach.adapters.dimse.message_data import encoding_of
from tolmach.adapters.dimse.pdu import RoleSelection
from tolmach.adapters.dimse.storage_commitment_scp import storage_commitment_scp
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.adapters.sql import Records, open_records
from tolmach.adapters.sql.faults import DISK_FULL
from tolmach.dicom import uids
from tolmach.intake.faults import RecordsTrouble

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LE = uids.ExplicitVRLittleEndian
CT, MR = uids.CTImageStorage, uids.MRImageStorage
GOOD, BAD, UNKNOWN = f"{ROOT}.1.1.1", f"{ROOT}.1.1.2", "1.2.3"
Report = tuple[str, Sequence[tuple[str, str]], Sequence[tuple[str, str, int]]]


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


class Desk:
    """An SCP that commits, with records of its own; what modalities listen to is wired by the tests."""

    def __init__(self, records: Records, folder: Path, port: int = 0) -> None:
        self.index = ArchiveDouble()
        self.index.add(entry(1, 1, 1), entry(1, 1, 2))
        self.index.rotten.add(BAD)
        self.clock = Clock()
        self.listening: dict[str, OpenReport] = {}
        self.requests = records.commitment_requests
        self.reporter = Reporter(self.requests, self.index, self.listening.get, self.clock)
        service = storage_commitment_scp(self.requests, self.reporter.note, self.clock)
        callers = (Caller("ct-1", "MODALITY", ("127.0.0.1",), frozenset({"commit"})),)
        self.scp = StorageScp(
            StorageScpSettings(port=port, policy=AcceptancePolicy(None, callers)),
            folder,
            lambda _: 0,
            services=[service],
        )

    def call(self) -> Association:
        return Association.open(PeerAddress("T", "127.0.0.1", self.scp.port), [COMMITMENT_CONTEXT], "MODALITY")


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with open_records(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def desk(records: Records, tmp_path: Path) -> Iterator[Desk]:
    one = Desk(records, tmp_path)
    with one.scp:
        yield one


def listener(tmp_path: Path, take: Callable[..., int]) -> StorageScp:
    """Give what a modality listens with."""
    return StorageScp(
        StorageScpSettings(port=0, policy=ANYBODY), tmp_path, lambda _: 0, services=[commitment_report_scp(take)]
    )


def opener_to(port: int) -> OpenReport:
    def associate(contexts: Sequence[PresentationContext], roles: Sequence[RoleSelection]) -> Association:
        return Association.open(PeerAddress("MODALITY", "127.0.0.1", port), contexts, "TOLMACH", roles=roles)

    return associate


class Reports(list[Report]):
    """Keeps reports, and answers them with these statuses, then with success."""

    def __init__(self, *statuses: int) -> None:
        super().__init__()
        self.statuses = list(statuses)

    def __call__(self, *report: Any) -> int:
        self.append(report)  # type: ignore[arg-type]
        return self.statuses.pop(0) if self.statuses else 0

    @property
    def uids(self) -> list[str]:
        return [uid for uid, _stored, _failed in self]


def nobody(*_: object) -> int:
    raise AssertionError("no report was to come here")


def ask(desk: Desk, references: Sequence[tuple[str, str]], uid: str = "1.2.9", **more: Value) -> CommandSet:
    """Send an N-ACTION as it is told and give the response."""
    command: dict[int, Value] = {
        REQUESTED_SOP_CLASS_UID: uids.StorageCommitmentPushModel,
        COMMAND_FIELD: N_ACTION_RQ,
        MESSAGE_ID: 1,
        COMMAND_DATA_SET_TYPE: 1,
        REQUESTED_SOP_INSTANCE_UID: more.get("instance", PUSH_MODEL_INSTANCE),
        ACTION_TYPE_ID: more.get("action", 1),
    }
    data = more.get("data", encode_request(uid, references, encoding_of(LE)))
    assert isinstance(data, bytes)
    with desk.call() as assoc:
        assoc.send_message(1, CommandSet(command), data)
        return assoc.await_message().command


# Reports --------------------------------------------------------------------------------------------------------------


def test_the_answer_is_what_the_bytes_say_now(desk: Desk, tmp_path: Path) -> None:
    """N-09, M-04: read and hashed again, half committed."""
    reports = Reports()
    with listener(tmp_path, reports) as listening:
        desk.listening["ct-1"] = opener_to(listening.port)
        asked = [(CT, GOOD), (CT, BAD), (CT, UNKNOWN), (MR, GOOD)]
        assert ask(desk, asked)[STATUS] == 0
        assert desk.reporter.answer_next()
        assert not desk.reporter.answer_next()
    ((uid, stored, failed),) = reports
    assert uid == "1.2.9"
    assert list(stored) == [(CT, GOOD)]
    assert list(failed) == [(CT, BAD, 0x0110), (CT, UNKNOWN, 0x0112), (MR, GOOD, 0x0119)]


def test_the_report_comes_on_the_association_of_the_question_while_that_is_open(desk: Desk) -> None:
    reports = Reports()
    thread = threading.Thread(target=desk.reporter.run)
    thread.start()
    try:
        with desk.call() as assoc:
            assert request_commitment(assoc, "1.2.9", [(CT, GOOD)], reports, wait_seconds=30)
    finally:
        desk.reporter.stop()
        thread.join(30)
    assert not thread.is_alive()
    assert reports == [("1.2.9", ((CT, GOOD),), ())]
    assert desk.requests.next_due() is None


@pytest.mark.parametrize("trouble", ["refuses", "hangs up", "status"])
def test_a_report_that_does_not_arrive_is_brought_again(desk: Desk, tmp_path: Path, trouble: str) -> None:
    """N-09."""

    def hangs_up(line: Line) -> None:
        line.accept()
        line.hear()

    assert ask(desk, [(CT, GOOD)])[STATUS] == 0
    reports = Reports(0x0110) if trouble == "status" else Reports()
    with ExitStack() as stack:
        listening = stack.enter_context(listener(tmp_path, reports))
        first = reserved_port() if trouble == "refuses" else listening.port
        if trouble == "hangs up":
            first = stack.enter_context(Parrot(hangs_up)).address.port
        desk.listening["ct-1"] = opener_to(first)
        assert desk.reporter.answer_next()
        assert not desk.reporter.answer_next(), "not before its time"
        desk.clock.time += timedelta(seconds=11)
        desk.listening["ct-1"] = opener_to(listening.port)
        assert desk.reporter.answer_next()
        desk.clock.time += timedelta(days=1)
        assert not desk.reporter.answer_next()
    assert reports.uids[-1] == "1.2.9"


def test_a_restart_forgets_nothing(records: Records, tmp_path: Path) -> None:
    """N-09."""
    before = Desk(records, tmp_path)
    with before.scp:
        assert ask(before, [(CT, GOOD)])[STATUS] == 0
        assert before.reporter.answer_next()  # to nobody: no address
    after = Desk(records, tmp_path)
    after.clock.time += timedelta(days=29)
    reports = Reports()
    with listener(tmp_path, reports) as listening:
        after.listening["ct-1"] = opener_to(listening.port)
        assert after.reporter.answer_next()
    assert reports.uids == ["1.2.9"]


def test_what_a_killed_process_had_in_hand_is_taken_up_within_half_a_minute(desk: Desk) -> None:
    """N-09, M-01: by whoever else shares the records, or by itself when it is started again."""
    ask(desk, [(CT, GOOD)])
    assert desk.requests.claim(NOW, NOW + LEASE) is not None  # and it is killed
    desk.clock.time += LEASE - timedelta(seconds=1)
    assert not desk.reporter.answer_next()
    desk.clock.time += timedelta(seconds=1)
    assert desk.reporter.answer_next()


def test_what_takes_its_time_is_not_begun_by_others_meanwhile(desk: Desk, tmp_path: Path) -> None:
    """Reading everything again may take longer than a lease, and so may bringing the report."""
    others: list[object] = []
    desk.reporter.renew_seconds = 0.01

    def takes_time() -> None:
        for _ in range(3):
            desk.clock.time += LEASE - timedelta(seconds=1)
            others.append(desk.requests.claim(desk.clock.time, desk.clock.time + LEASE))
            assert eventually(lambda: desk.requests.next_due() == desk.clock.time + LEASE)

    class Slow(ArchiveDouble):
        def is_sound(self, sop_class_uid: str, sop_instance_uid: str) -> Any:
            takes_time()
            return "sound"

    def take(*_: object) -> int:
        takes_time()
        return 0

    desk.reporter.index = Slow()
    ask(desk, [(CT, f"{ROOT}.1.1.{number}") for number in range(9)])
    with listener(tmp_path, take) as listening:
        desk.listening["ct-1"] = opener_to(listening.port)
        assert desk.reporter.answer_next()
    assert others == [None] * 30
    assert desk.requests.next_due() is None


def test_what_was_in_hand_while_the_peer_heard_its_report_is_kept_no_longer_than_a_lease(
    desk: Desk, tmp_path: Path
) -> None:
    """N-09, M-01: killed in the middle of its report, it is reported again within half a minute."""
    kept: list[timedelta] = []

    def take(*_: object) -> int:
        due = desk.requests.next_due()
        assert due is not None
        kept.append(due - desk.clock.time)
        return 0

    ask(desk, [(CT, GOOD)])
    with listener(tmp_path, take) as listening:
        desk.listening["ct-1"] = opener_to(listening.port)
        assert desk.reporter.answer_next()
    assert kept == [LEASE]


def test_after_thirty_days_it_is_given_up(desk: Desk) -> None:
    """N-09."""
    ask(desk, [(CT, GOOD)])
    assert desk.requests.forget(NOW - timedelta(days=30)) == 0
    assert desk.requests.forget(NOW + timedelta(seconds=1)) == 1
    assert desk.requests.next_due() is None


def test_ten_thousand_references_in_one_request(desk: Desk, tmp_path: Path) -> None:
    """N-09."""
    references = [(CT, f"{ROOT}.5.{number}") for number in range(9_999)] + [(CT, GOOD)]
    reports = Reports()
    with listener(tmp_path, reports) as listening:
        desk.listening["ct-1"] = opener_to(listening.port)
        assert ask(desk, references)[STATUS] == 0
        assert desk.reporter.answer_next()
    ((_uid, stored, failed),) = reports
    assert (len(stored), len(failed)) == (1, 9_999)
    assert ask(desk, [*references, (CT, "1.2")], "1.2.10")[STATUS] == 0x0213


# Requests -------------------------------------------------------------------------------------------------------------


def test_a_transaction_that_is_known(desk: Desk) -> None:
    assert ask(desk, [(CT, GOOD)])[STATUS] == 0
    assert ask(desk, [(CT, GOOD)])[STATUS] == 0  # our answer was lost, say
    assert ask(desk, [(CT, BAD)])[STATUS] == 0x0131
    assert desk.reporter.answer_next()
    assert not desk.reporter.answer_next()


def test_who_asks_the_same_again_after_its_report_is_reported_to_again(desk: Desk, tmp_path: Path) -> None:
    reports = Reports()
    with listener(tmp_path, reports) as listening:
        desk.listening["ct-1"] = opener_to(listening.port)
        for _ in range(2):
            assert ask(desk, [(CT, GOOD)])[STATUS] == 0
            assert desk.reporter.answer_next()
    assert reports.uids == ["1.2.9"] * 2


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"instance": "1.2.3"}, 0x0112),
        ({"action": 2}, 0x0123),
        ({"data": b"\x08\x00\x95\x11UI\xff\xff"}, 0x0115),
        ({"data": encode_request("1.2", [], encoding_of(LE))}, 0x0115),
    ],
)
def test_what_is_no_request_is_refused(desk: Desk, more: dict[str, Value], status: int) -> None:
    answer = ask(desk, [(CT, GOOD)], **more)
    assert answer[STATUS] == status
    assert answer.text(0x0902)
    assert not desk.reporter.answer_next()


def test_what_cannot_be_kept_is_not_promised(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """M-03, M-08, N-09: the disk is full or the database away: a failure, and the next request is taken again."""

    def full(*_: object) -> None:
        raise RecordsTrouble(DISK_FULL, path="x")

    with monkeypatch.context() as patch:
        patch.setattr(desk.requests, "take", full)
        assert ask(desk, [(CT, GOOD)])[STATUS] == 0x0110
    assert desk.requests.next_due() is None
    assert ask(desk, [(CT, GOOD)])[STATUS] == 0


def test_nobody_unknown_is_committed_to(records: Records, tmp_path: Path) -> None:
    """N-09."""
    service = storage_commitment_scp(records.commitment_requests, lambda *_: pytest.fail("not taken"), Clock())
    with (
        StorageScp(StorageScpSettings(port=0), tmp_path, lambda _: 0, services=[service]) as scp,
        Association.open(PeerAddress("T", "127.0.0.1", scp.port), [COMMITMENT_CONTEXT], "STRANGER") as assoc,
        pytest.raises((ServiceRefused, ServiceFailedForNow), match="0124"),
    ):
        request_commitment(assoc, "1.2.9", [(CT, GOOD)], nobody)
    assert records.commitment_requests.next_due() is None


def test_one_association_asks_and_is_reported_to_by_others(desk: Desk, tmp_path: Path) -> None:
    """Both services on one port: N-ACTION of a modality and N-EVENT-REPORT of an archive go to whom they are for."""
    reports = Reports()
    both = [
        commitment_report_scp(reports),
        storage_commitment_scp(desk.requests, desk.reporter.note, desk.clock),
    ]
    callers = (Caller("ct-1", "MODALITY", ("127.0.0.1",), frozenset({"commit"})),)
    settings = StorageScpSettings(port=0, policy=AcceptancePolicy(None, callers))
    with StorageScp(settings, tmp_path, lambda _: 0, services=both) as scp:
        address = PeerAddress("T", "127.0.0.1", scp.port)
        with Association.open(address, [COMMITMENT_CONTEXT], "MODALITY") as assoc:
            assert not request_commitment(assoc, "1.2.9", [(CT, GOOD)], nobody)
        with Association.open(address, [COMMITMENT_CONTEXT], "MODALITY") as assoc:
            raw = encode_report(CommitmentReport("1.7", ((CT, GOOD),), ()), ENCODING)
            assert parse_report(raw, LE).stored == ((CT, GOOD),)
            command: dict[int, Value] = {
                0x0002: uids.StorageCommitmentPushModel,
                COMMAND_FIELD: N_EVENT_REPORT_RQ,
                MESSAGE_ID: 3,
                COMMAND_DATA_SET_TYPE: 1,
                0x1000: PUSH_MODEL_INSTANCE,
                EVENT_TYPE_ID: 1,
            }
            assoc.send_message(1, CommandSet(command), raw)
            assert assoc.await_message().command[STATUS] == 0
    assert reports.uids == ["1.7"]
