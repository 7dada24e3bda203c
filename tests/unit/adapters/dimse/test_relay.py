"""Two engines on one port: what goes to pynetdicom, what stays, and that nothing unchecked gets through to it."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, build_role, evt

from tests.eventually import eventually
from tests.peers.certificates import Authority
from tests.pynetdicom_peer import associated
from tests.unit.adapters.dimse.parrot import Line
from tests.unit.adapters.dimse.test_storage_scp import aborted, call, p_data
from tolmach.adapters.dimse import (
    Association,
    OutgoingInstance,
    PeerAddress,
    PresentationContext,
    Timeouts,
    pdu,
    pdu_codec,
    relay,
    store_all,
    verify_peer,
)
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.command_set import (
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    C_CANCEL_RQ,
    C_FIND_RQ,
    C_FIND_RSP,
    C_STORE_RQ,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    EVENT_TYPE_ID,
    MESSAGE_ID,
    MESSAGE_ID_BEING_RESPONDED_TO,
    N_EVENT_REPORT_RQ,
    N_EVENT_REPORT_RSP,
    PRIORITY,
    STATUS,
    CommandSet,
    Value,
    encode_command_set,
    parse_command_set,
)
from tolmach.adapters.dimse.commitment import PUSH_MODEL_INSTANCE, Failure, Reference, encode_request
from tolmach.adapters.dimse.commitment_report_scp import commitment_report_scp
from tolmach.adapters.dimse.errors import AssociationRejectedForNow, StoreFailedForNow
from tolmach.adapters.dimse.message_data import element_of, encoding_of
from tolmach.adapters.dimse.pdu import AssociateRequest, RoleSelection, UserInformation
from tolmach.adapters.dimse.reception import ReceivedInstance
from tolmach.adapters.dimse.relayed_service import RelayedService
from tolmach.adapters.dimse.rights import Right
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.adapters.dimse.tls import TlsClient, TlsServer
from tolmach.dicom import uids

CT, EXPLICIT, IMPLICIT = uids.CTImageStorage, uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian
FIND, COMMIT = uids.StudyRootQueryRetrieveInformationModelFind, uids.StorageCommitmentPushModel
PATIENT = Timeouts(60, 60, 60, 60, 60)
SETTINGS = StorageScpSettings(port=0, request_timeout_seconds=60, timeouts=PATIENT)


class Archive:
    """Services that pynetdicom speaks for us, what was asked of them, and what came to the sink."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.reports: list[tuple[str, list[Reference], list[Failure]]] = []
        self.received: list[ReceivedInstance] = []
        self.answers = 3
        self.pause_seconds = 0.0  # before each answer
        self.status = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self.cancelled = threading.Event()

    def find(self, event: Any, caller: Caller) -> Iterator[tuple[int, Dataset | None]]:
        self.asked.append((caller.name, event.identifier.get("PatientName")))
        for number in range(self.answers):
            time.sleep(self.pause_seconds)
            if event.is_cancelled:
                self.cancelled.set()
                yield 0xFE00, None
                return
            answer = Dataset()
            answer.PatientName = f"ИВАНОВ^{number}"
            answer.SpecificCharacterSet = "ISO_IR 192"
            yield 0xFF00, answer
            assert self.go_on.wait(60)

    def report(self, uid: str, stored: Any, failed: Any) -> int:
        assert self.go_on.wait(60)
        self.reports.append((uid, list(stored), list(failed)))
        return self.status

    def keep(self, received: ReceivedInstance) -> int:
        self.received.append(received)
        return self.status

    @property
    def services(self) -> tuple[RelayedService, ...]:
        find = RelayedService(frozenset({FIND}), {"EVT_C_FIND": self.find})
        return find, commitment_report_scp(self.report)


Start = Callable[..., StorageScp]


@pytest.fixture
def archive() -> Archive:
    return Archive()


@pytest.fixture
def start(tmp_path: Path, archive: Archive) -> Iterator[Start]:
    spool = tmp_path / "spool"
    spool.mkdir()
    started: list[StorageScp] = []

    def begin(settings: StorageScpSettings = SETTINGS) -> StorageScp:
        scp = StorageScp(settings, spool, archive.keep, services=archive.services)
        scp.start()
        started.append(scp)
        return scp

    yield begin
    archive.go_on.set()
    for scp in started:
        scp.stop()
    assert list(spool.iterdir()) == []
    assert eventually(lambda: not [one for one in threading.enumerate() if one.name.startswith(("storage-scp", "Acc"))])


def address_of(scp: StorageScp) -> PeerAddress:
    return PeerAddress("TOLMACH", "127.0.0.1", scp.port)


def pynetdicom_association(scp: StorageScp, *sop_classes: str, **options: Any) -> Any:
    ae = AE("PEER")
    for sop_class in sop_classes:
        ae.add_requested_context(sop_class, [EXPLICIT])
    return associated(ae, scp.port, **options)


def query(name: str = "") -> Dataset:
    identifier = Dataset()
    identifier.SpecificCharacterSet = "ISO_IR 192"
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.PatientName = name
    return identifier


# Pynetdicom asks pynetdicom, through us -------------------------------------------------------------------------------


def test_a_query_is_answered(start: Start, archive: Archive) -> None:
    assoc = pynetdicom_association(start(), FIND, uids.Verification)
    assert assoc.is_established
    for _ in range(2):
        answers = list(assoc.send_c_find(query("ИВАН*"), FIND))
        assert [status.Status for status, _ in answers] == [0xFF00] * 3 + [0]
        assert [str(found.PatientName) for _, found in answers[:-1]] == ["ИВАНОВ^0", "ИВАНОВ^1", "ИВАНОВ^2"]
        assert assoc.send_c_echo().Status == 0
    assoc.release()
    assert assoc.is_released
    assert len(archive.asked) == 2


def test_cancel_reaches_the_service(start: Start, archive: Archive) -> None:
    archive.answers = 1_000_000
    archive.pause_seconds = 0.002  # pynetdicom reads nothing while it has something to send
    assoc = pynetdicom_association(start(), FIND)
    found = assoc.send_c_find(query(), FIND, msg_id=7)
    assert next(found)[0].Status == 0xFF00
    assoc.send_c_cancel(7, query_model=FIND)
    statuses = [status.Status for status, _ in found]
    assert statuses[-1] == 0xFE00
    assert archive.cancelled.is_set()
    assoc.release()


@pytest.mark.parametrize("with_role", [True, False])
def test_a_commitment_report_on_a_new_association(start: Start, archive: Archive, with_role: bool) -> None:
    roles = [build_role(COMMIT, scp_role=True)] if with_role else []
    assoc = pynetdicom_association(start(), COMMIT, ext_neg=roles)
    assert assoc.is_established
    assoc.accepted_contexts[0]._as_scp = True  # pynetdicom does not let go without the role, others do
    report = Dataset()
    report.TransactionUID = "1.2.3"
    report.ReferencedSOPSequence = [_item("1.1"), _item("1.2")]
    report.FailedSOPSequence = [_item("1.3", 0x0112)]
    for archive.status, expected in ((0, 0), (0x0110, 0x0110)):
        status, _ = assoc.send_n_event_report(report, 2, COMMIT, PUSH_MODEL_INSTANCE)
        assert status.Status == expected
    assert archive.reports == [("1.2.3", [(CT, "1.1"), (CT, "1.2")], [(CT, "1.3", 0x0112)])] * 2
    del report.TransactionUID
    assert assoc.send_n_event_report(report, 2, COMMIT, PUSH_MODEL_INSTANCE)[0].Status == 0x0115
    assoc.release()


def _item(uid: str, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = CT
    item.ReferencedSOPInstanceUID = uid
    if reason is not None:
        item.FailureReason = reason
    return item


def test_success_is_answered_after_the_callback_alone(start: Start, archive: Archive) -> None:
    archive.go_on.clear()
    assoc = pynetdicom_association(start(), COMMIT, ext_neg=[build_role(COMMIT, scp_role=True)])
    report = Dataset()
    report.TransactionUID = "1.2.3"
    answered = threading.Event()

    def ask() -> None:
        assoc.send_n_event_report(report, 1, COMMIT, PUSH_MODEL_INSTANCE)
        answered.set()

    asking = threading.Thread(target=ask)
    asking.start()
    assert not answered.wait(0.3)
    archive.go_on.set()
    assert answered.wait(60)
    asking.join()
    assert [uid for uid, _, _ in archive.reports] == ["1.2.3"]
    assoc.release()


# Both on one association ----------------------------------------------------------------------------------------------


def test_images_of_a_mixed_association_go_our_own_way(start: Start, archive: Archive) -> None:
    contexts = [
        PresentationContext(1, CT, (EXPLICIT,)),
        PresentationContext(3, FIND, (EXPLICIT,)),
        PresentationContext(5, COMMIT, (EXPLICIT,)),  # as SCU, which nobody serves yet
        PresentationContext(7, uids.Verification, (IMPLICIT,)),
    ]
    data = bytes(range(256)) * 3000
    scp = start()
    with Association.open(address_of(scp), contexts, timeouts=PATIENT) as assoc:
        assert assoc.context_for(COMMIT, EXPLICIT) is None
        for number in range(3):
            instance = OutgoingInstance(CT, f"1.2.{number}", EXPLICIT, len(data), lambda: [data])
            (outcome,) = store_all(assoc, iter([instance]))
            assert outcome.stored
            assoc.send_message(3, _find(number + 1), element_of("PatientID", "7", encoding_of(EXPLICIT)))
            answers = [assoc.await_message() for _ in range(4)]
            assert [answer.command.number(STATUS) for answer in answers] == [0xFF00] * 3 + [0]
            assert all(answer.context_id == 3 for answer in answers)
    assert [received.sha256 for received in archive.received] == [hashlib.sha256(data).hexdigest()] * 3


def test_what_the_sink_refuses_is_refused_on_a_mixed_association_too(start: Start, archive: Archive) -> None:
    archive.status = 0xA700
    contexts = [PresentationContext(1, CT, (EXPLICIT,)), PresentationContext(3, FIND, (EXPLICIT,))]
    with Association.open(address_of(start()), contexts, timeouts=PATIENT) as assoc:
        (outcome,) = store_all(assoc, iter([OutgoingInstance(CT, "1.2", EXPLICIT, 4, lambda: [b"data"])]))
    assert isinstance(outcome.error, StoreFailedForNow)


def test_instances_are_sent_to_a_caller_that_takes_them_and_taken_from_it(
    tmp_path: Path, archive: Archive, start: Start
) -> None:
    """C-GET, whose instances go the other way on a context that our own engine receives on as well."""
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID, image.PatientName = UID(CT), UID("1.2.3"), "ИВАНОВ"
    image.SpecificCharacterSet = "ISO_IR 192"
    get_model = uids.StudyRootQueryRetrieveInformationModelGet

    def get(event: Any, caller: Caller) -> Iterator[Any]:
        yield 2
        for number in range(2):
            image.SOPInstanceUID = UID(f"1.2.{number}")
            yield 0xFF00, image

    service = RelayedService(frozenset({get_model}), {"EVT_C_GET": get}, sends_instances=True)
    got: list[str] = []

    def keep(event: Any) -> int:
        got.append(event.dataset.SOPInstanceUID)
        return 0

    with StorageScp(SETTINGS, tmp_path, archive.keep, services=[service]) as scp:
        assoc = pynetdicom_association(
            scp,
            get_model,
            CT,
            ext_neg=[build_role(CT, scu_role=True, scp_role=True)],
            evt_handlers=[(evt.EVT_C_STORE, keep)],
        )
        assert assoc.send_c_store(_stored(image)).Status == 0
        statuses = [status.Status for status, _ in assoc.send_c_get(query(), get_model)]
        assoc.release()
    assert statuses[-1] == 0
    assert got == ["1.2.0", "1.2.1"]
    assert [received.sop_instance_uid for received in archive.received] == ["1.2.3"]


def _stored(image: Dataset) -> Dataset:
    from pydicom.dataset import FileMetaDataset

    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    return image


def test_the_relay_over_tls(
    tmp_path: Path,
    archive: Archive,
    start: Start,
    tmp_path_factory: pytest.TempPathFactory,
    peer_program: Callable[[str], Path],
) -> None:
    authority = Authority(peer_program("openssl"), tmp_path_factory.mktemp("authority"), "clinic")
    scp = start(replace(SETTINGS, tls=TlsServer(authority.issue("server"))))
    client = TlsClient(authority.issue("device"))
    archive.answers = 300
    contexts = [PresentationContext(1, CT, (EXPLICIT,)), PresentationContext(3, FIND, (EXPLICIT,))]
    data = bytes(range(256)) * 3000
    with Association.open(address_of(scp), contexts, timeouts=PATIENT, tls=client) as assoc:
        for number in range(2):
            assoc.send_message(3, _find(number + 1), element_of("PatientID", "7", encoding_of(EXPLICIT)))
            answers = [assoc.await_message() for _ in range(301)]
            assert answers[-1].command.number(STATUS) == 0
            (outcome,) = store_all(assoc, iter([OutgoingInstance(CT, "1.2", EXPLICIT, len(data), lambda: [data])]))
            assert outcome.stored


# Rights and roles -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rights", "accepted"),
    [
        (frozenset({"find"}), [False, True, False]),
        (frozenset({"store", "commit"}), [True, False, True]),
        (frozenset({"echo"}), [False, False, False]),
    ],
)
def test_what_the_caller_has_no_right_to_is_refused(
    start: Start, rights: frozenset[Right], accepted: list[bool]
) -> None:
    caller = Caller("ct", "CT1", ("127.0.0.1",), rights)
    scp = start(replace(SETTINGS, policy=AcceptancePolicy(None, (caller,))))
    contexts = [
        PresentationContext(1, CT, (EXPLICIT,)),
        PresentationContext(3, FIND, (EXPLICIT,)),
        PresentationContext(5, COMMIT, (EXPLICIT,)),
    ]
    roles = [RoleSelection(COMMIT, scu=False, scp=True)]
    with Association.open(address_of(scp), contexts, "CT1", PATIENT, roles=roles) as assoc:
        found = [assoc.context_for(context.abstract_syntax, EXPLICIT) is not None for context in contexts]
    assert found == accepted


def test_the_service_learns_who_calls(start: Start, archive: Archive) -> None:
    caller = Caller("room 3", "PEER", ("127.0.0.1",))
    scp = start(replace(SETTINGS, policy=AcceptancePolicy(None, (caller,))))
    assoc = pynetdicom_association(scp, FIND)
    list(assoc.send_c_find(query("X"), FIND))
    assoc.release()
    assert archive.asked == [("room 3", "X")]


def test_without_services_pynetdicom_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay.Relay, "open", lambda *_: pytest.fail("no relay was to be opened"))
    with StorageScp(SETTINGS, tmp_path, lambda _: 0) as scp:
        contexts = [PresentationContext(1, CT, (EXPLICIT,)), PresentationContext(3, FIND, (EXPLICIT,))]
        with Association.open(address_of(scp), contexts, timeouts=PATIENT) as assoc:
            assert assoc.context_for(CT, EXPLICIT) == 1
            assert assoc.context_for(FIND, EXPLICIT) is None


def test_when_pynetdicom_does_not_answer_storage_goes_on(
    start: Start, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tolmach.adapters.dimse.pynetdicom_engine.serve_association", lambda sock, *_: sock.close())
    contexts = [PresentationContext(1, CT, (EXPLICIT,)), PresentationContext(3, FIND, (EXPLICIT,))]
    with Association.open(address_of(start()), contexts, timeouts=PATIENT) as assoc:
        assert assoc.context_for(FIND, EXPLICIT) is None
        (outcome,) = store_all(assoc, iter([OutgoingInstance(CT, "1.2", EXPLICIT, 4, lambda: [b"data"])]))
    assert outcome.stored


def test_there_are_only_so_many_places_and_images_need_none(start: Start, archive: Archive) -> None:
    scp = start(replace(SETTINGS, max_relayed_associations=1))
    query_only = (PresentationContext(3, FIND, (EXPLICIT,)),)
    mixed = (PresentationContext(1, CT, (EXPLICIT,)), *query_only)
    with Association.open(address_of(scp), query_only, timeouts=PATIENT) as first:
        assert first.context_for(FIND, EXPLICIT) == 3
        with pytest.raises(AssociationRejectedForNow):
            Association.open(address_of(scp), query_only, timeouts=PATIENT)
        with Association.open(address_of(scp), mixed, timeouts=PATIENT) as second:
            assert second.context_for(FIND, EXPLICIT) is None
            (outcome,) = store_all(second, iter([OutgoingInstance(CT, "1.2", EXPLICIT, 4, lambda: [b"data"])]))
            assert outcome.stored

    def is_free_again() -> bool:
        try:
            Association.open(address_of(scp), query_only, timeouts=PATIENT).release()
        except AssociationRejectedForNow:
            return False
        return True

    assert eventually(is_free_again)


# Nothing unchecked gets through ---------------------------------------------------------------------------------------


def _find(message_id: int = 1, data_set_type: int = 1) -> CommandSet:
    values: dict[int, Value] = {
        AFFECTED_SOP_CLASS_UID: FIND,
        COMMAND_FIELD: C_FIND_RQ,
        MESSAGE_ID: message_id,
        PRIORITY: 0,
        COMMAND_DATA_SET_TYPE: data_set_type,
    }
    return CommandSet(values)


def _report(message_id: int = 1) -> CommandSet:
    values: dict[int, Value] = {
        AFFECTED_SOP_CLASS_UID: COMMIT,
        COMMAND_FIELD: N_EVENT_REPORT_RQ,
        MESSAGE_ID: message_id,
        COMMAND_DATA_SET_TYPE: 1,
        AFFECTED_SOP_INSTANCE_UID: PUSH_MODEL_INSTANCE,
        EVENT_TYPE_ID: 1,
    }
    return CommandSet(values)


def _response(command_field: int, message_id: int) -> CommandSet:
    values = {
        COMMAND_FIELD: command_field,
        MESSAGE_ID_BEING_RESPONDED_TO: message_id,
        COMMAND_DATA_SET_TYPE: 0x0101,
        STATUS: 0,
    }
    return CommandSet(values)


def _cancel(message_id: int) -> CommandSet:
    values = {COMMAND_FIELD: C_CANCEL_RQ, MESSAGE_ID_BEING_RESPONDED_TO: message_id, COMMAND_DATA_SET_TYPE: 0x0101}
    return CommandSet(values)


def _said(values: CommandSet, *, context_id: int = 3) -> bytes:
    return p_data(context_id, encode_command_set(values), command=True, last=True)


def rude(scp: StorageScp) -> Line:
    """Give a raw association with CT (1), FIND (3) and COMMIT as SCP (5)."""
    line = call(scp)
    contexts = (
        PresentationContext(1, CT, (EXPLICIT,)),
        PresentationContext(3, FIND, (EXPLICIT,)),
        PresentationContext(5, COMMIT, (EXPLICIT,)),
    )
    info = UserInformation(0, roles=(RoleSelection(COMMIT, scu=False, scp=True),))
    line.say(pdu_codec.encode_associate_rq(AssociateRequest("TOLMACH", "RUDE", contexts, info)))
    pdu_type, body = line.hear()
    assert pdu_type == pdu.ASSOCIATE_AC
    accept = pdu_codec.parse_associate_ac(body)
    assert [result.result for result in accept.results] == [0, 0, 0]
    assert accept.user_information.roles == (RoleSelection(COMMIT, scu=False, scp=True),)
    return line


DATA = p_data(3, element_of("PatientID", "7", encoding_of(EXPLICIT)), command=False, last=True)
RUBBISH = [
    p_data(3, b"no command set", command=True, last=True),
    p_data(3, bytes(4000), command=True, last=False) * 20,
    p_data(3, b"data without a command", command=False, last=True),
    _said(_find()) + p_data(1, b"data on another context", command=False, last=True),
    _said(_find()) + _said(_find()),
    _said(_find()) + DATA + _said(_find(2)) + DATA + _said(_find(3)) + DATA,  # without waiting
    _said(_find()) + p_data(3, bytes(100_000), command=False, last=False) * 43,  # over 4 MiB
    _said(_find(data_set_type=0x0101)) + DATA,
    _said(_response(C_FIND_RSP, 1)),
    _said(_response(N_EVENT_REPORT_RSP, 1), context_id=5),
    _said(CommandSet({**_find(), COMMAND_FIELD: 0x0FFE})),
    _said(CommandSet({**_cancel(1), COMMAND_DATA_SET_TYPE: 1})),
    _said(CommandSet({**_find(), COMMAND_FIELD: C_STORE_RQ, AFFECTED_SOP_INSTANCE_UID: "1.2"}), context_id=1),
    _said(_find(), context_id=1),
]


@pytest.mark.parametrize("raw", RUBBISH)
def test_rubbish_ends_the_association(start: Start, archive: Archive, raw: bytes) -> None:
    archive.answers = 1
    archive.go_on.clear()  # so that the first request stays unanswered
    scp = start()
    line = rude(scp)
    line.say(raw)
    rest = line.wait_for_close()
    archive.go_on.set()
    assert rest[-10] == pdu.ABORT, rest
    line.sock.close()
    assert archive.received == []
    assert verify_peer(address_of(scp), timeouts=PATIENT)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"rubbish",
        b"\x08\x00\x05\x00CS\xff\xff",
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * 10_000,
        (b"\x08\x00\x99\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff") * 20_000,  # nested
        b"\x08\x00\x95\x11UI\x06\x00" + "Ш".encode("cp1251") * 6,
        encode_request("1.2.3", [(CT, "x")], encoding_of(EXPLICIT)),
    ],
)
def test_hostile_reports_are_answered_with_a_failure(start: Start, archive: Archive, raw: bytes) -> None:
    line = rude(start())
    line.say(_said(_report(), context_id=5))
    for begin in range(0, len(raw), 100_000):
        piece = raw[begin : begin + 100_000]
        line.say(p_data(5, piece, command=False, last=begin + len(piece) == len(raw)))
    if not raw:
        line.say(p_data(5, b"", command=False, last=True))
    pdu_type, body = line.hear()
    assert pdu_type == pdu.P_DATA_TF
    (pdv,) = pdu_codec.parse_pdvs(body)
    assert parse_command_set(bytes(pdv.fragment)).number(STATUS) in (0x0110, 0x0115)
    assert archive.reports == []
    line.say(pdu_codec.encode_release_rq())
    assert line.hear()[0] == pdu.RELEASE_RP
    line.sock.close()


def test_ten_thousand_references_are_taken(start: Start, archive: Archive) -> None:
    references = [(CT, f"2.25.{10**37 + number}") for number in range(10_000)]
    raw = encode_request("1.2.3", references, encoding_of(EXPLICIT))
    line = rude(start())
    line.say(_said(_report(), context_id=5))
    for begin in range(0, len(raw), 100_000):
        piece = raw[begin : begin + 100_000]
        line.say(p_data(5, piece, command=False, last=begin + len(piece) == len(raw)))
    assert line.hear()[0] == pdu.P_DATA_TF
    ((uid, stored, failed),) = archive.reports
    assert (uid, stored, failed) == ("1.2.3", references, [])
    line.say(pdu_codec.encode_release_rq())
    assert line.hear()[0] == pdu.RELEASE_RP
    line.sock.close()


def test_elements_that_no_command_has_do_not_get_through(start: Start, archive: Archive) -> None:
    raw = encode_command_set(_find())[12:] + b"\0\0\x99\x99\x04\0\0\0evil"
    line = rude(start())
    line.say(p_data(3, raw, command=True, last=True) + DATA)
    assert [line.hear()[0] for _ in range(1)] == [pdu.P_DATA_TF]
    line.sock.close()
    assert eventually(lambda: len(archive.asked) == 1)


def test_a_peer_that_releases_without_waiting_for_its_answer(start: Start, archive: Archive) -> None:
    archive.answers = 1_000_000
    archive.go_on.clear()
    line = rude(start())
    line.say(_said(_find()) + DATA)
    assert line.hear()[0] == pdu.P_DATA_TF
    line.say(pdu_codec.encode_release_rq())
    line.wait_for_close()
    line.sock.close()
    archive.go_on.set()


def test_a_peer_that_leaves_takes_its_association_with_it(start: Start, archive: Archive) -> None:
    archive.answers = 1_000_000
    archive.go_on.clear()
    line = rude(start())
    line.say(_said(_find()) + DATA)
    assert line.hear()[0] == pdu.P_DATA_TF
    line.sock.close()
    archive.go_on.set()


def test_a_peer_that_waits_for_us_is_not_idle_and_one_that_does_not_is(start: Start, archive: Archive) -> None:
    limits = replace(SETTINGS.limits, idle_timeout_seconds=0.3)
    archive.answers = 1
    archive.go_on.clear()
    line = rude(start(replace(SETTINGS, limits=limits)))
    line.say(_said(_find()) + DATA)
    assert [line.hear()[0] for _ in range(2)] == [pdu.P_DATA_TF] * 2  # pending: command and identifier
    time.sleep(1)
    archive.go_on.set()
    assert line.hear()[0] == pdu.P_DATA_TF
    assert aborted(line)


def test_stopping_lets_an_answer_in_hand_be_given(start: Start, archive: Archive) -> None:
    archive.go_on.clear()
    scp = start()
    line = rude(scp)
    line.say(_said(_report(), context_id=5) + p_data(5, _report_data(), command=False, last=True))
    time.sleep(0.3)
    stopper = threading.Thread(target=scp.stop, args=(60,))
    stopper.start()
    archive.go_on.set()
    assert line.hear()[0] == pdu.P_DATA_TF
    line.wait_for_close()
    stopper.join(60)
    assert not stopper.is_alive()
    assert len(archive.reports) == 1
    line.sock.close()


def _report_data() -> bytes:
    return encode_request("1.2.3", [(CT, "1.2.3.4")], encoding_of(EXPLICIT))
