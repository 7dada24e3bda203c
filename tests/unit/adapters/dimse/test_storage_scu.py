"""C-STORE against scripted peers: what is stored, what is not, what nobody knows."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.unit.adapters.dimse.parrot import Line, Parrot
from tolmach.adapters.dimse import (
    Association,
    OutgoingInstance,
    StoreOutcome,
    Timeouts,
    pdu,
    pdu_codec,
    plan_contexts,
    store_all,
    stream,
)
from tolmach.adapters.dimse.dimse import CEchoResponse, Command, CStoreRequest, CStoreResponse
from tolmach.adapters.dimse.errors import (
    AssociationAborted,
    AssociationLost,
    ContextNotAccepted,
    InstanceNotSendable,
    PeerTimeout,
    StoreFailedForNow,
    StoreRefused,
)
from tolmach.base import TolmachError
from tolmach.dicom import uids

CT, EXPLICIT = uids.CTImageStorage, uids.ExplicitVRLittleEndian
PATIENT = Timeouts(60, 60, 60, 60, 60)
# Short is only the wait a test is about: a busy machine may take its time for everything else.
SHORT_OF_DIMSE = replace(PATIENT, dimse_timeout_seconds=0.4)
SHORT_OF_NETWORK = replace(PATIENT, network_timeout_seconds=0.4)


def instance(number: int, data: bytes = b"\x08\x00\x05\x00data set", length: int | None = None) -> OutgoingInstance:
    half = len(data) // 2
    length = len(data) if length is None else length
    return OutgoingInstance(CT, f"1.2.{number}", EXPLICIT, length, lambda: (data[:half], memoryview(data)[half:]))


def streamed(number: int, length: int, chunks: list[bytes]) -> OutgoingInstance:
    return OutgoingInstance(CT, f"1.2.{number}", EXPLICIT, length, lambda: iter(chunks))


def open_to(parrot: Parrot, timeouts: Timeouts = PATIENT) -> Association:
    return Association.open(parrot.address, plan_contexts([(CT, EXPLICIT)])[0].contexts, timeouts=timeouts)


def outcomes_of(parrot: Parrot, instances: list[OutgoingInstance], timeouts: Timeouts = PATIENT) -> list[StoreOutcome]:
    with open_to(parrot, timeouts) as assoc:
        return list(store_all(assoc, iter(instances)))


@pytest.mark.parametrize("limit", [0, 16384, 1000, 101, 8])
def test_every_byte_arrives_whatever_the_peers_limit(limit: int) -> None:
    data = [bytes(range(256)) * 2, b"ab", bytes(30_000)]

    def script(line: Line) -> None:
        line.accept(max_pdu_length=limit)
        line.serve_stores()

    with Parrot(script) as parrot:
        outcomes = outcomes_of(parrot, [instance(n, d) for n, d in enumerate(data)])
    assert [outcome.stored for outcome in outcomes] == [True] * 3
    assert [o.response.status for o in outcomes if o.response] == [0, 0, 0]
    assert parrot.line is not None
    assert parrot.line.data_sets == data


def test_more_buffers_than_one_call_takes_and_more_bytes_than_the_kernel_takes() -> None:
    small = [bytes([n % 251]) * 10 for n in range(2 * stream.IOV_MAX)]
    large = bytes(range(256)) * 4096 * 16  # 16 MiB

    with Parrot(lambda line: line.serve()) as parrot:
        whole = OutgoingInstance(CT, "1.2.1", EXPLICIT, 10 * len(small), lambda: small)
        outcomes = outcomes_of(parrot, [whole, instance(2, large)])
    assert all(outcome.stored for outcome in outcomes)
    assert parrot.line is not None
    assert parrot.line.data_sets == [b"".join(small), large]


def test_without_sendmsg_the_same_bytes_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    class WindowsSocket(socket.socket):
        @property
        def sendmsg(self) -> None:  # type: ignore[override]
            raise AttributeError

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        sock = WindowsSocket(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        sock.connect(address)
        return sock

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(stream, "QUICKACK", None)
    data = bytes(range(256)) * 400
    with Parrot(lambda line: line.serve()) as parrot:
        outcomes = outcomes_of(parrot, [instance(1, data), streamed(2, len(data), [data[:70_000], data[70_000:]])])
    assert all(outcome.stored for outcome in outcomes)
    assert parrot.line is not None
    assert parrot.line.data_sets == [data, data]


def test_the_next_instance_is_taken_before_the_answer_to_the_first_is_awaited() -> None:
    story: list[str] = []

    def take() -> Iterator[OutgoingInstance]:
        for number in (1, 2):
            story.append(f"take {number}")
            yield instance(number)

    with Parrot(lambda line: line.serve()) as parrot, open_to(parrot) as assoc:
        story.extend(f"outcome {outcome.instance.sop_instance_uid}" for outcome in store_all(assoc, take()))
    assert story == ["take 1", "take 2", "outcome 1.2.1", "outcome 1.2.2"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0x0000, None),
        (0xB000, None),
        (0xA700, StoreFailedForNow),
        (0xA900, StoreRefused),
        (0xC000, StoreRefused),
        (0x0111, StoreRefused),
        (0x0122, StoreRefused),
        (0x0124, StoreRefused),
        (0x1234, StoreRefused),
    ],
)
def test_statuses_become_outcomes_and_the_association_goes_on(status: int, kind: type[TolmachError] | None) -> None:
    with Parrot(lambda line: line.serve(status)) as parrot:
        outcomes = outcomes_of(parrot, [instance(1), instance(2)])
    assert len(outcomes) == 2
    for outcome in outcomes:
        assert outcome.response is not None
        assert outcome.response.status == status
        assert outcome.stored == (kind is None)
        assert not outcome.may_be_stored
        if kind is not None:
            assert type(outcome.error) is kind


def test_the_peers_comment_reaches_the_operator() -> None:
    def script(line: Line) -> None:
        line.accept()
        context_id, command, _ = line.hear_message()
        line.answer(context_id, CStoreResponse(command.message_id, 0xA700, "", "", "Disk full"))
        line.release()

    with Parrot(script) as parrot:
        (outcome,) = outcomes_of(parrot, [instance(1)])
    assert "out of resources (status A700). Disk full" in str(outcome.error)


def _answered_by(make: Callable[[CStoreRequest], Command]) -> Callable[[Line], bytes]:
    def script(line: Line) -> bytes:
        line.accept()
        context_id, command, _ = line.hear_message()
        assert isinstance(command, CStoreRequest)
        line.answer(context_id, make(command))
        return line.wait_for_close()

    return script


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda c: CStoreResponse(c.message_id + 1, 0, c.sop_class_uid, c.sop_instance_uid), "TLM-NET-050"),
        (lambda c: CStoreResponse(c.message_id, 0, c.sop_class_uid, "1.2.999"), "TLM-NET-051"),
        (lambda c: CStoreResponse(c.message_id, 0xA700, c.sop_class_uid, "1.2.999"), "TLM-NET-051"),
        (lambda c: CEchoResponse(c.message_id, 0), "TLM-NET-037"),
    ],
)
def test_success_for_something_else_is_no_success(make: Callable[[CStoreRequest], Command], code: str) -> None:
    with Parrot(_answered_by(make)) as parrot:
        first, second = outcomes_of(parrot, [instance(1), instance(2), instance(3)])
    assert first.error is not None
    assert first.error.code == code
    assert first.may_be_stored
    assert second.error is not None
    assert second.error.code == "TLM-NET-039"
    assert not second.may_be_stored
    assert parrot.result == pdu_codec.encode_abort(pdu.Abort())


def test_a_response_without_uids_is_accepted() -> None:
    def script(line: Line) -> None:
        line.accept()
        context_id, command, _ = line.hear_message()
        line.answer(context_id, CStoreResponse(command.message_id, 0))
        line.release()

    with Parrot(script) as parrot:
        (outcome,) = outcomes_of(parrot, [instance(1)])
    assert outcome.stored


def _abort_at_first_p_data(line: Line) -> None:
    line.accept()
    line.exactly(6)
    line.say(pdu_codec.encode_abort(pdu.Abort(2, 2)))


def _close_in_the_middle(line: Line) -> None:
    line.accept()
    line.exactly(100_000)


def _half_an_answer(line: Line) -> None:
    line.accept()
    context_id, _, _ = line.hear_message()
    line.say(pdu_codec.encode_p_data_header(context_id, 100, is_command=True, is_last=True) + bytes(50))


def _silence_after_the_data(line: Line) -> None:
    line.accept()
    line.hear_message()
    line.wait_for_close()


@pytest.mark.parametrize(
    ("script", "kinds"),
    [
        (_abort_at_first_p_data, (AssociationAborted, AssociationLost)),
        (_close_in_the_middle, (AssociationLost,)),
        (_half_an_answer, (AssociationLost,)),
        (_silence_after_the_data, (PeerTimeout,)),
    ],
)
def test_when_the_association_ends_nobody_knows_about_the_instance_in_flight(
    script: Callable[[Line], None], kinds: tuple[type[TolmachError], ...]
) -> None:
    taken: list[int] = []

    def take() -> Iterator[OutgoingInstance]:
        for number in (1, 2, 3):
            taken.append(number)
            yield instance(number, bytes(200_000))

    with Parrot(script) as parrot:
        assoc = open_to(parrot, SHORT_OF_DIMSE if PeerTimeout in kinds else PATIENT)
        outcomes = list(store_all(assoc, take()))
        assert not assoc.is_open
    assert isinstance(outcomes[0].error, kinds)
    assert outcomes[0].may_be_stored
    assert outcomes[0].response is None
    assert len(outcomes) == len(taken)  # one outcome for each instance taken, not one more
    for outcome in outcomes[1:]:
        assert not outcome.may_be_stored
        assert isinstance(outcome.error, AssociationLost)


def test_a_peer_that_stops_reading_is_left() -> None:
    given_up: list[StoreOutcome] = []

    def script(line: Line) -> None:
        line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.accept()
        line.sock.settimeout(0.05)
        while not given_up:
            try:
                line.sock.recv(1, socket.MSG_PEEK)
            except TimeoutError:
                continue

    with Parrot(script) as parrot:
        assoc = open_to(parrot, SHORT_OF_NETWORK)
        given_up += store_all(assoc, iter([instance(1, bytes(32 << 20))]))
    assert given_up[0].error is not None
    assert given_up[0].error.code == "TLM-NET-035"


@pytest.mark.parametrize("length", [0, -2, 13])
def test_odd_and_empty_data_sets_are_not_sent(length: int) -> None:
    with Parrot(lambda line: line.serve()) as parrot:
        refused, stored = outcomes_of(parrot, [instance(1, length=length), instance(2)])
    assert isinstance(refused.error, InstanceNotSendable)
    assert refused.error.code == "TLM-NET-060"
    assert stored.stored


@pytest.mark.parametrize("length", [10, 14])
def test_a_list_of_chunks_that_lies_is_found_before_anything_is_sent(length: int) -> None:
    with Parrot(lambda line: line.serve()) as parrot:
        refused, stored = outcomes_of(parrot, [instance(1, length=length), instance(2)])
    assert isinstance(refused.error, InstanceNotSendable)
    assert refused.error.code == "TLM-NET-061"
    assert not refused.may_be_stored
    assert stored.stored
    assert parrot.line is not None
    assert len(parrot.line.data_sets) == 1


@pytest.mark.parametrize("length", [99_998, 100_002])
def test_a_stream_that_lies_ends_the_association_before_the_peer_has_a_whole_data_set(length: int) -> None:
    def script(line: Line) -> None:
        line.accept()
        with pytest.raises(EOFError):
            line.hear_message()

    with Parrot(script) as parrot:
        refused, *rest = outcomes_of(parrot, [streamed(1, length, [bytes(60_000), bytes(40_000)]), instance(2)])
    assert isinstance(refused.error, InstanceNotSendable)
    assert refused.error.code == "TLM-NET-061"
    assert not refused.may_be_stored
    assert rest == []


def test_an_instance_without_a_context_does_not_hold_the_others_up() -> None:
    other = OutgoingInstance(uids.MRImageStorage, "1.2.9", EXPLICIT, 4, lambda: [b"data"])
    with Parrot(lambda line: line.serve()) as parrot:
        first, second, third = outcomes_of(parrot, [instance(1), other, instance(3)])
    assert first.stored
    assert isinstance(second.error, ContextNotAccepted)
    assert third.stored


def test_leaving_in_the_middle_aborts_instead_of_releasing() -> None:
    def script(line: Line) -> bytes:
        line.accept()
        line.hear_message()
        return line.wait_for_close()

    def take() -> Iterator[OutgoingInstance]:
        yield instance(1)
        raise FileNotFoundError

    with Parrot(script) as parrot:
        assoc = open_to(parrot)
        with pytest.raises(FileNotFoundError):
            list(store_all(assoc, take()))
        assert not assoc.release()
    assert parrot.result == pdu_codec.encode_abort(pdu.Abort())
