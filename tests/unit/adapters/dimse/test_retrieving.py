"""C-MOVE and C-GET: to whom, what, how it is counted, and how it ends when somebody wants no more."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from tests.builders import DEFLATED, EXPLICIT_BE, IMPLICIT_LE, JPEG_BASELINE
from tests.held_archive import HeldArchive
from tests.peers.qr_files import CT, ROOT, image
from tests.unit.adapters.dimse.asking import LE, PATIENT_MOVE, STUDY_FIND, STUDY_GET, STUDY_MOVE, Asker, identifier
from tests.unit.adapters.dimse.parrot import Line, Parrot
from tolmach.adapters.dimse import Association, PeerAddress, PresentationContext, faults, pdu, pdu_codec
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.command_set import (
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    C_GET_RQ,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    MESSAGE_ID_BEING_RESPONDED_TO,
    STATUS,
    CommandSet,
    parse_command_set,
)
from tolmach.adapters.dimse.dimse import CStoreRequest, CStoreResponse
from tolmach.adapters.dimse.errors import AssociationAborted, AssociationLost, PeerUnreachable
from tolmach.adapters.dimse.pdu import RoleSelection
from tolmach.adapters.dimse.query_retrieve_scp import QuerySettings, query_retrieve_services
from tolmach.adapters.dimse.reception import ReceivedInstance
from tolmach.adapters.dimse.retrieving import MoveDestination
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings

OPEN = Callable[[Sequence[PresentationContext]], Association]
STUDY = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": f"{ROOT}.1"}
REMAINING, COMPLETED, FAILED, WARNING = 0x1020, 0x1021, 0x1022, 0x1023


class Sink:
    """Where instances are moved to; keeps their bytes, and answers as the test likes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        self.first = threading.Event()

    def __call__(self, received: ReceivedInstance) -> int:
        self.files[received.sop_instance_uid] = received.path.read_bytes()
        self.first.set()
        return self.statuses.get(received.sop_instance_uid, 0)


class Station:
    """An SCP with an archive behind it, and another that it may move to as DEST."""

    def __init__(self, folder: Path) -> None:
        self.archive = HeldArchive()
        self.sink = Sink()
        self.destination = StorageScp(StorageScpSettings(port=0), folder, self.sink)
        self.open: OPEN = lambda contexts: Association.open(
            PeerAddress("DEST", "127.0.0.1", self.destination.port), contexts, "TOLMACH"
        )
        services = query_retrieve_services(
            self.archive.index, self.archive.open, self._destination_of, QuerySettings("TOLMACH")
        )
        callers = (
            Caller("asker", "ASKER", ("127.0.0.1",)),
            Caller("taker", "TAKER", ("127.0.0.1",), frozenset({"get"})),
        )
        settings = StorageScpSettings(port=0, policy=AcceptancePolicy(None, callers))
        self.stored: list[str] = []
        self.takers: list[Taker] = []
        self.scp = StorageScp(settings, folder, self._keep, services=services)

    def taker(self, syntaxes: Sequence[str] = (LE,), **more: Any) -> "Taker":
        """Give somebody who asks by C-GET; left to the end of the test."""
        self.takers.append(Taker(self.scp.port, syntaxes, **more))
        return self.takers[-1]

    def _keep(self, received: ReceivedInstance) -> int:
        self.stored.append(received.sop_instance_uid)
        return 0

    def _destination_of(self, ae_title: str, caller: str) -> MoveDestination | None:
        assert caller == "asker"
        return MoveDestination("dest", lambda contexts: self.open(contexts)) if ae_title == "DEST" else None


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    one = Station(tmp_path)
    for series in (1, 2):
        for number in range(1, 4):
            one.archive.put(image(1, series, number))
    one.archive.put(image(2, 1, 1, name="Іванов^Іван"))
    with one.destination, one.scp:
        yield one
        for taker in one.takers:
            taker.assoc.close()


@pytest.fixture
def asker(station: Station) -> Iterator[Asker]:
    with Asker(station.scp.port, [STUDY_MOVE, PATIENT_MOVE, STUDY_FIND]) as one:
        yield one


# C-MOVE ---------------------------------------------------------------------------------------------------------------


def test_a_study_is_moved_and_counted(station: Station, asker: Asker) -> None:
    heard = asker.move(STUDY, "DEST")
    assert heard.status == 0
    assert [heard.final[one] for one in (COMPLETED, FAILED, WARNING)] == [6, 0, 0]
    assert len(station.sink.files) == 6
    for uid, raw in station.sink.files.items():
        assert raw.endswith(station.archive.files[uid][-2048:])
        assert str(dcmread(BytesIO(raw)).PatientName) == "Щербаков^Семён^Ильич"


@pytest.mark.parametrize(
    ("keys", "count", "root"),
    [
        (
            {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": f"{ROOT}.1", "SeriesInstanceUID": f"{ROOT}.1.2"},
            3,
            STUDY_MOVE,
        ),
        ({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": f"{ROOT}.1\\{ROOT}.2"}, 7, STUDY_MOVE),
        ({"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": f"{ROOT}.1.1.1\\{ROOT}.1.2.3"}, 2, STUDY_MOVE),
        ({"QueryRetrieveLevel": "PATIENT", "PatientID": "P2"}, 1, PATIENT_MOVE),
        ({"QueryRetrieveLevel": "PATIENT", "PatientID": "P2"}, 1, STUDY_MOVE),  # as Orthanc does
        ({"QueryRetrieveLevel": "STUDY", "PatientID": "P2", "StudyInstanceUID": f"{ROOT}.1"}, 0, PATIENT_MOVE),
        ({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.2.3"}, 0, STUDY_MOVE),
    ],
)
def test_what_is_named_is_moved(station: Station, asker: Asker, keys: dict[str, str], count: int, root: str) -> None:
    heard = asker.move(keys, "DEST", sop_class=root)  # type: ignore[arg-type]
    assert (heard.status, heard.final[COMPLETED]) == (0, count)
    assert len(station.sink.files) == count


@pytest.mark.parametrize(
    ("keys", "root"),
    [
        ({"QueryRetrieveLevel": "STUDY"}, STUDY_MOVE),
        ({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "*"}, STUDY_MOVE),
        ({"StudyInstanceUID": f"{ROOT}.1"}, STUDY_MOVE),
        ({"QueryRetrieveLevel": "PATIENT", "PatientName": "*"}, PATIENT_MOVE),
    ],
)
def test_what_names_nothing_moves_nothing(station: Station, asker: Asker, keys: dict[str, str], root: str) -> None:
    """N-07: a retrieval by wild card would be everything there is."""
    heard = asker.move(keys, "DEST", sop_class=root)  # type: ignore[arg-type]
    assert heard.status == 0xA900
    assert not station.archive.opened


@pytest.mark.parametrize("title", ["NOBODY", "127.0.0.1:104", "localhost", "dest", "DEST@10.0.0.1"])
def test_nothing_goes_where_nobody_is_configured(station: Station, asker: Asker, title: str) -> None:
    """N-07: the caller names an AE title; no address is ever taken from it."""
    station.open = lambda _contexts: pytest.fail("nobody may be called")
    heard = asker.move(STUDY, title)
    assert heard.status == 0xA801
    assert not station.archive.opened


def test_the_destination_hears_who_asked(station: Station, asker: Asker) -> None:
    """PS3.7 section 9.3.1.1: Move Originator AE title and Message ID."""
    commands: list[CommandSet] = []

    def play(line: Line) -> None:
        line.accept()
        raw = b""
        while line.sock.recv(1, socket.MSG_PEEK) == bytes([pdu.P_DATA_TF]):
            for pdv in pdu_codec.parse_pdvs(line.hear()[1]):
                if pdv.is_command:
                    raw += pdv.fragment
                elif pdv.is_last:
                    commands.append(parse_command_set(raw))
                    line.answer(pdv.context_id, CStoreResponse(commands[-1].message_id, 0))
                    raw = b""
        line.release()

    with Parrot(play) as parrot:
        station.open = lambda contexts: Association.open(parrot.address, contexts, "TOLMACH")
        assert asker.move({**STUDY, "StudyInstanceUID": f"{ROOT}.2"}, "DEST").status == 0
    (command,) = commands
    assert (command[0x1030], command[0x1031]) == ("ASKER", 1)


def test_failures_are_counted_and_named(station: Station, asker: Asker) -> None:
    """M-04: what has rotted is not sent, and named among the failures."""
    bad, warned = f"{ROOT}.1.1.2", f"{ROOT}.1.2.1"
    station.sink.statuses = {bad: 0xC000, warned: 0xB000}
    station.archive.index.rotten.add(f"{ROOT}.1.2.2")
    heard = asker.move(STUDY, "DEST")
    assert heard.status == 0xB000
    assert [heard.final[one] for one in (COMPLETED, FAILED, WARNING)] == [3, 2, 1]
    failed = asker.data_set(heard.final_data).FailedSOPInstanceUIDList
    assert set(failed) == {bad, f"{ROOT}.1.2.2"}


def test_a_destination_that_is_not_there_is_a702(station: Station, asker: Asker) -> None:
    def nobody(_contexts: Sequence[PresentationContext]) -> Association:
        raise PeerUnreachable(faults.REFUSED_CONNECTION, peer="DEST")

    station.open = nobody
    heard = asker.move(STUDY, "DEST")
    assert (heard.status, heard.final[FAILED], heard.final[COMPLETED]) == (0xA702, 6, 0)
    assert len(asker.data_set(heard.final_data).FailedSOPInstanceUIDList) == 6
    assert asker.find({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""}).status == 0  # and life goes on


def test_a_destination_that_hangs_up_fails_what_is_left(station: Station, asker: Asker) -> None:
    def play(line: Line) -> None:
        line.accept()
        for _ in range(2):
            context_id, command, _data = line.hear_message()
            assert isinstance(command, CStoreRequest)
            line.answer(context_id, CStoreResponse(command.message_id, 0))

    with Parrot(play) as parrot:
        station.open = lambda contexts: Association.open(parrot.address, contexts, "TOLMACH")
        heard = asker.move(STUDY, "DEST")
    assert heard.status == 0xB000
    assert heard.final[COMPLETED] == 2
    assert heard.final[FAILED] == 4


def test_pending_responses_come_while_one_object_takes_its_time(station: Station, asker: Asker) -> None:
    """At least each second, also where nothing was finished meanwhile."""
    go_on = threading.Event()

    def play(line: Line) -> None:
        line.accept()
        context_id, command, _data = line.hear_message()
        assert isinstance(command, CStoreRequest)
        assert go_on.wait(60)
        line.answer(context_id, CStoreResponse(command.message_id, 0))
        line.serve_stores()

    with Parrot(play) as parrot:
        station.open = lambda contexts: Association.open(parrot.address, contexts, "TOLMACH")
        message_id = asker.begin(STUDY_MOVE, 0x0021, identifier(STUDY), destination="DEST")
        times = []
        while len(times) < 3:
            message = asker.assoc.await_message(5)
            assert message.command.message_id == message_id
            assert message.command[REMAINING] == 6
            times.append(time.monotonic())
        go_on.set()
        while not (message := asker.assoc.await_message(30)).command.is_final:
            pass
    assert message.command.number(STATUS) == 0
    assert max(later - earlier for earlier, later in pairwise(times)) < 1.0


def test_a_move_is_cancelled_within_a_second_however_slow_the_destination(station: Station, asker: Asker) -> None:
    """N-07: the destination says nothing at all; who asked is free at once."""
    heard_one, over = threading.Event(), threading.Event()

    def play(line: Line) -> None:
        line.accept()
        line.hear_message()
        heard_one.set()
        with pytest.raises((EOFError, OSError)):
            line.hear()
        over.set()

    with Parrot(play) as parrot:
        station.open = lambda contexts: Association.open(parrot.address, contexts, "TOLMACH")
        message_id = asker.begin(STUDY_MOVE, 0x0021, identifier(STUDY), destination="DEST")
        assert heard_one.wait(30)
        started = time.monotonic()
        asker.cancel(STUDY_MOVE, message_id)
        while not (message := asker.assoc.await_message(30)).command.is_final:
            pass
        seconds = time.monotonic() - started
        assert over.wait(30)
    assert message.command.number(STATUS) == 0xFE00
    assert [message.command[one] for one in (REMAINING, COMPLETED, FAILED)] == [6, 0, 0]
    assert seconds < 1.0


def test_who_goes_away_ends_the_move(station: Station) -> None:
    asked, over = threading.Event(), threading.Event()

    def play(line: Line) -> None:
        line.accept()
        line.hear_message()
        asked.set()
        with pytest.raises((EOFError, OSError)):
            line.hear()
        over.set()

    with Parrot(play) as parrot:
        station.open = lambda contexts: Association.open(parrot.address, contexts, "TOLMACH")
        asker = Asker(station.scp.port, [STUDY_MOVE])
        asker.begin(STUDY_MOVE, 0x0021, identifier(STUDY), destination="DEST")
        assert asked.wait(30)
        asker.assoc.close()
        assert over.wait(30)


SINCE = datetime(2026, 11, 22, 10, 5, 7, tzinfo=UTC)
MISSING = "some received since 2026-11-22 10:05:07 UTC cannot be found yet"
ONE_IMAGE = {"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": f"{ROOT}.1.1.1"}


@pytest.mark.parametrize(
    ("keys", "status", "count"),
    [
        (STUDY, 0xB000, 6),
        ({**STUDY, "StudyInstanceUID": f"{ROOT}.77"}, 0xA701, 0),
        ({**ONE_IMAGE, "SOPInstanceUID": f"{ROOT}.1.1.1\\{ROOT}.77.1"}, 0xB000, 1),
        (ONE_IMAGE, 0, 1),
    ],
    ids=["study", "nothing", "one of two images", "the image itself"],
)
def test_a_retrieval_that_may_not_be_whole_is_not_called_a_success(
    station: Station, asker: Asker, keys: dict[str, str], status: int, count: int
) -> None:
    """What is held goes out, and whoever asked learns that more may come; what was named one by one is whole."""
    station.archive.index.unfindable_since = SINCE
    moved = asker.move(keys, "DEST")
    assert (moved.status, moved.final[COMPLETED], moved.final[FAILED]) == (status, count, 0)
    assert (moved.comment == MISSING) == (status != 0)
    got = station.taker().get(keys)
    assert (got[STATUS], got[COMPLETED], got[FAILED]) == (status, count, 0)
    assert (got.text(0x0902) == MISSING) == (status != 0)
    station.archive.index.unfindable_since = None
    assert asker.move(keys, "DEST").status == 0


def test_what_failed_is_named_also_where_more_is_missing(station: Station, asker: Asker) -> None:
    station.archive.index.unfindable_since = SINCE
    station.archive.index.rotten.add(f"{ROOT}.1.1.2")
    heard = asker.move(STUDY, "DEST")
    assert (heard.status, heard.final[COMPLETED], heard.final[FAILED]) == (0xB000, 5, 1)
    assert heard.comment == MISSING
    assert f"{ROOT}.1.1.2".encode() in heard.final_data


# C-GET ----------------------------------------------------------------------------------------------------------------


class Taker:
    """The calling side of a C-GET: takes instances, answers them as the test likes."""

    def __init__(
        self,
        port: int,
        syntaxes: Sequence[str] = (LE,),
        *,
        role: bool = True,
        calling: str = "ASKER",
        store: bool = False,
    ) -> None:
        self.contexts = [PresentationContext(1, STUDY_GET, (LE,))]
        self.contexts += [PresentationContext(2 * n + 3, CT, (syntax,)) for n, syntax in enumerate(syntaxes)]
        roles = [RoleSelection(CT, scu=store, scp=True)] if role else []
        self.assoc = Association.open(PeerAddress("X", "127.0.0.1", port), self.contexts, calling, roles=roles)
        self.got: dict[str, bytes] = {}
        self.pending: list[CommandSet] = []

    @classmethod
    def over(cls, assoc: Association) -> "Taker":
        """Give one that uses an association that is open."""
        one = cls.__new__(cls)
        one.assoc, one.got, one.pending = assoc, {}, []
        return one

    def get(
        self,
        keys: dict[Any, Any],
        answer: Callable[[str], int] = lambda _uid: 0,
        after: Callable[["Taker"], None] = lambda _: None,
    ) -> CommandSet:
        self.ask(keys)
        while True:
            message = self.assoc.await_message(30, data_limit=64 << 20)
            command = message.command
            if command.command_field == 0x8010:
                self.pending.append(command)
                if command.is_final:
                    return command
                continue
            uid = command.text(AFFECTED_SOP_INSTANCE_UID)
            self.got[uid] = message.data
            after(self)
            self.say_stored(message.context_id, command.message_id, answer(uid))

    def ask(self, keys: dict[Any, Any]) -> None:
        request = {
            AFFECTED_SOP_CLASS_UID: STUDY_GET,
            COMMAND_FIELD: C_GET_RQ,
            0x0110: 77,
            0x0700: 0,
            COMMAND_DATA_SET_TYPE: 1,
        }
        self.assoc.send_message(1, CommandSet(request), identifier(keys))

    def say_stored(self, context_id: int, message_id: int, status: int) -> None:
        answer = {
            COMMAND_FIELD: 0x8001,
            MESSAGE_ID_BEING_RESPONDED_TO: message_id,
            COMMAND_DATA_SET_TYPE: 0x0101,
            STATUS: status,
        }
        self.assoc.send_message(context_id, CommandSet(answer))

    def cancel(self) -> None:
        command = {COMMAND_FIELD: 0x0FFF, MESSAGE_ID_BEING_RESPONDED_TO: 77, COMMAND_DATA_SET_TYPE: 0x0101}
        self.assoc.send_message(1, CommandSet(command))


def test_a_study_is_given_back_on_the_same_association(station: Station) -> None:
    taker = station.taker(calling="TAKER")
    final = taker.get(STUDY)
    assert (final[STATUS], final[COMPLETED], final[FAILED]) == (0, 6, 0)
    for uid, data in taker.got.items():
        assert station.archive.files[uid].endswith(data)  # byte for byte as it is held
    assert taker.assoc.release()


def test_a_caller_without_the_role_gets_nothing_and_is_told(station: Station) -> None:
    """N-07: C-GET without role selection."""
    taker = station.taker(role=False)
    final = taker.get(STUDY)
    assert (final[STATUS], final[COMPLETED], final[FAILED]) == (0xA702, 0, 6)
    assert not station.archive.opened
    assert taker.assoc.release()


def test_each_instance_goes_out_in_a_syntax_that_was_taken(station: Station) -> None:
    """F-10: contexts that match, or a failure that is counted; nothing is decoded and encoded anew."""
    for number, syntax in enumerate((IMPLICIT_LE, EXPLICIT_BE, DEFLATED, LE), 1):
        station.archive.put(image(5, 1, number, syntax=syntax))
    keys = {**STUDY, "StudyInstanceUID": f"{ROOT}.5"}
    assert station.taker([IMPLICIT_LE, DEFLATED]).get(keys)[COMPLETED] == 4
    only_explicit = station.taker([LE]).get(keys)
    assert (only_explicit[STATUS], only_explicit[COMPLETED], only_explicit[FAILED]) == (0xB000, 2, 2)
    assert station.taker([JPEG_BASELINE]).get(keys)[STATUS] == 0xA702


def test_refusals_of_the_caller_are_counted(station: Station) -> None:
    taker = station.taker()
    final = taker.get(STUDY, lambda uid: 0xA700 if uid.endswith("2.1") else 0xB000)
    assert [final[one] for one in (STATUS, COMPLETED, FAILED, WARNING)] == [0xB000, 0, 1, 5]


def test_a_get_is_cancelled_between_two_instances(station: Station) -> None:
    """N-07."""
    taker = station.taker()
    final = taker.get(STUDY, after=lambda one: one.cancel() if len(one.got) == 2 else None)
    assert final[STATUS] == 0xFE00
    assert len(taker.got) in (2, 3)
    assert final[REMAINING] == 6 - final[COMPLETED]
    assert taker.get(STUDY)[STATUS] == 0  # and the association lives


def test_a_wrong_answer_ends_the_association(station: Station) -> None:
    taker = station.taker()
    taker.ask(STUDY)
    message = taker.assoc.await_message(30)
    taker.say_stored(message.context_id, message.command.message_id + 1, 0)
    with pytest.raises((AssociationAborted, AssociationLost)):
        taker.assoc.await_message(30)


def test_storing_and_getting_on_one_association(station: Station) -> None:
    """One context serves both ways: the caller stores over it, and is stored to."""
    taker = station.taker(store=True)
    assert taker.get(STUDY)[COMPLETED] == 6
    data = next(iter(taker.got.values()))
    store = {
        AFFECTED_SOP_CLASS_UID: CT,
        COMMAND_FIELD: 1,
        0x0110: 5,
        0x0700: 0,
        COMMAND_DATA_SET_TYPE: 1,
        AFFECTED_SOP_INSTANCE_UID: f"{ROOT}.7.7.7",
    }
    taker.assoc.send_message(3, CommandSet(store), data)
    assert taker.assoc.await_message().command[STATUS] == 0
    assert station.stored == [f"{ROOT}.7.7.7"]
    assert taker.get(STUDY)[COMPLETED] == 6


def test_who_may_only_take_may_not_store(station: Station) -> None:
    taker = station.taker(store=True, calling="TAKER")
    assert taker.get(STUDY)[COMPLETED] == 6
    store = {AFFECTED_SOP_CLASS_UID: CT, COMMAND_FIELD: 1, 0x0110: 5, 0x0700: 0, COMMAND_DATA_SET_TYPE: 1}
    taker.assoc.send_message(
        3, CommandSet({**store, AFFECTED_SOP_INSTANCE_UID: "1.2.3"}), next(iter(taker.got.values()))
    )
    assert taker.assoc.await_message().command[STATUS] == 0x0211
    assert not station.stored
