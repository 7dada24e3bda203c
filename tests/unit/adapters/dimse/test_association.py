"""The SCU's association against scripted peers: refusals, silence, rubbish, and how it ends."""

import socket
import struct
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.adapters.dimse.parrot import Line, Parrot
from tolmach.adapters.dimse import (
    Association,
    PeerAddress,
    PresentationContext,
    Timeouts,
    echo,
    pdu,
    pdu_codec,
    verify_peer,
)
from tolmach.adapters.dimse.dimse import CEchoResponse, CStoreResponse, encode_command
from tolmach.adapters.dimse.errors import (
    AssociationAborted,
    AssociationLost,
    AssociationRejected,
    AssociationRejectedForNow,
    BadAddress,
    ContextNotAccepted,
    EchoFailed,
    PeerTimeout,
    PeerUnreachable,
    ProtocolViolation,
)
from tolmach.adapters.dimse.pdu import AssociateReject
from tolmach.base import TolmachError
from tolmach.dicom import uids

PATIENT = Timeouts(60, 60, 60, 60, 60)
# Short is only the wait a test is about: a busy machine may take its time for everything else.
SHORT_OF_ACSE = replace(PATIENT, acse_timeout_seconds=0.3)
SHORT_OF_HEADER = replace(PATIENT, header_timeout_seconds=0.3)
SHORT_OF_DIMSE = replace(PATIENT, dimse_timeout_seconds=0.3)
ECHO = [PresentationContext(1, uids.Verification, (uids.ImplicitVRLittleEndian,))]
CT = PresentationContext(3, uids.CTImageStorage, (uids.ExplicitVRLittleEndian,))


def open_to(parrot: Parrot, timeouts: Timeouts = PATIENT) -> Association:
    return Association.open(parrot.address, ECHO, timeouts=timeouts)


# Getting there --------------------------------------------------------------------------------------------------------


def test_nobody_listens() -> None:
    with socket.socket() as held:  # bound, so that nobody else listens there, and not listening
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with pytest.raises(PeerUnreachable) as caught:
            Association.open(PeerAddress("PACS", "127.0.0.1", port), ECHO, timeouts=PATIENT)
    assert caught.value.code == "TLM-NET-011"
    assert f"PACS@127.0.0.1:{port}" in str(caught.value)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70 + ".invalid"])
def test_the_name_is_not_known(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def without_a_name_server(name: str, *args: object, **kwargs: object) -> object:
        if name == "no-such-host.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", without_a_name_server)
    with pytest.raises(PeerUnreachable) as caught:
        Association.open(PeerAddress("PACS", host, 104), ECHO, timeouts=PATIENT)
    assert caught.value.code == "TLM-NET-010"


def test_our_own_ae_title_must_be_one() -> None:
    with pytest.raises(BadAddress):
        Association.open(PeerAddress("PACS", "127.0.0.1", 104), ECHO, "ТОЛМАЧ")


@pytest.mark.parametrize(
    ("reject", "kind", "code"),
    [
        (AssociateReject(1, 1, 1), AssociationRejected, "TLM-NET-020"),
        (AssociateReject(2, 1, 1), AssociationRejectedForNow, "TLM-NET-020"),
        (AssociateReject(1, 1, 2), AssociationRejected, "TLM-NET-021"),
        (AssociateReject(1, 1, 3), AssociationRejected, "TLM-NET-022"),
        (AssociateReject(2, 1, 7), AssociationRejected, "TLM-NET-023"),  # transient says the result; it is not
        (AssociateReject(1, 2, 2), AssociationRejected, "TLM-NET-024"),
        (AssociateReject(2, 3, 1), AssociationRejectedForNow, "TLM-NET-025"),
        (AssociateReject(1, 3, 2), AssociationRejectedForNow, "TLM-NET-026"),  # permanent says the result
        (AssociateReject(1, 9, 9), AssociationRejected, "TLM-NET-020"),
    ],
)
def test_rejections(reject: AssociateReject, kind: type[TolmachError], code: str) -> None:
    def script(line: Line) -> None:
        line.hear_request()
        line.say(pdu_codec.encode_associate_rj(reject))

    with Parrot(script) as parrot, pytest.raises(kind) as caught:
        open_to(parrot)
    assert caught.value.code == code
    assert "PARROT" in str(caught.value)


def test_the_request_says_who_we_are() -> None:
    with Parrot(lambda line: line.serve()) as parrot:
        open_to(parrot).release()
        assert parrot.line is not None
        request = parrot.line.request
        assert request is not None
        assert (request.called_ae_title, request.calling_ae_title) == ("PARROT", "TOLMACH")
        assert request.user_information.implementation_class_uid == uids.IMPLEMENTATION_CLASS_UID
        assert request.contexts == tuple(ECHO)


def _after_request(raw: bytes) -> Callable[[Line], None]:
    def script(line: Line) -> None:
        line.hear_request()
        line.say(raw)

    return script


@pytest.mark.parametrize(
    ("raw", "kind", "code"),
    [
        (b"", AssociationLost, "TLM-NET-031"),
        (b"\x02\x00\x00", AssociationLost, "TLM-NET-031"),
        (pdu_codec.encode_abort(pdu.Abort(2, 1)), AssociationAborted, "TLM-NET-030"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ProtocolViolation, "TLM-NET-038"),
        (b"\x15\x03\x03\x00\x02\x02\x28", ProtocolViolation, "TLM-NET-038"),  # a TLS alert
        (struct.pack(">BxL", pdu.ASSOCIATE_AC, 0xFFFFFFFF), ProtocolViolation, "TLM-NET-038"),
        (struct.pack(">BxL", pdu.ASSOCIATE_AC, 70) + bytes(70), ProtocolViolation, "TLM-NET-037"),
        (pdu_codec.encode_release_rp(), ProtocolViolation, "TLM-NET-037"),
    ],
)
def test_other_answers_than_yes_and_no(raw: bytes, kind: type[TolmachError], code: str) -> None:
    with Parrot(_after_request(raw)) as parrot, pytest.raises(kind) as caught:
        open_to(parrot)
    assert caught.value.code == code


def test_silence_after_the_request() -> None:
    with Parrot(lambda line: line.wait_for_close()) as parrot, pytest.raises(PeerTimeout) as caught:
        open_to(parrot, SHORT_OF_ACSE)
    assert caught.value.code == "TLM-NET-033"


def test_half_a_header_and_then_silence() -> None:
    def script(line: Line) -> None:
        line.hear_request()
        line.say(b"\x02\x00\x00")
        line.wait_for_close()

    with Parrot(script) as parrot, pytest.raises(PeerTimeout) as caught:
        open_to(parrot, SHORT_OF_HEADER)
    assert caught.value.code == "TLM-NET-036"


# Presentation contexts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("result", "code"), [(3, "TLM-NET-040"), (4, "TLM-NET-041"), (1, "TLM-NET-041")])
def test_a_context_that_is_not_accepted(result: int, code: str) -> None:
    def script(line: Line) -> None:
        line.accept(results={3: result})
        line.release()

    with Parrot(script) as parrot, Association.open(parrot.address, [*ECHO, CT], timeouts=PATIENT) as assoc:
        assert assoc.context_for(uids.Verification, uids.ImplicitVRLittleEndian) == 1
        assert assoc.context_for(uids.CTImageStorage, uids.ExplicitVRLittleEndian) is None
        with pytest.raises(ContextNotAccepted) as caught:
            assoc.required_context(uids.CTImageStorage, uids.ExplicitVRLittleEndian)
        assert caught.value.code == code
        with pytest.raises(ContextNotAccepted) as caught:
            assoc.required_context(uids.MRImageStorage, uids.ExplicitVRLittleEndian)
        assert caught.value.code == "TLM-NET-042"


def test_a_syntax_we_did_not_offer_is_not_accepted() -> None:
    def script(line: Line) -> None:
        line.hear_request()
        result = pdu.ContextResult(1, 0, uids.ExplicitVRBigEndian)
        accept = pdu.AssociateAccept("A", "B", (result,), pdu.UserInformation(0))
        line.say(pdu_codec.encode_associate_ac(accept))
        line.release()

    with Parrot(script) as parrot, open_to(parrot) as assoc:
        assert assoc.context_for(uids.Verification, uids.ImplicitVRLittleEndian) is None
        assert assoc.context_for(uids.Verification, uids.ExplicitVRBigEndian) is None


@pytest.mark.parametrize(
    ("theirs", "ours"), [(16384, 16378), (16383, 16376), (0, (1 << 18) - 6), (0xFFFFFFFF, (1 << 18) - 6)]
)
def test_fragments_are_even_and_fit_the_peers_limit(theirs: int, ours: int) -> None:
    def script(line: Line) -> None:
        line.accept(max_pdu_length=theirs)
        line.release()

    with Parrot(script) as parrot, open_to(parrot) as assoc:
        assert assoc.fragment_length == ours


# C-ECHO ---------------------------------------------------------------------------------------------------------------


def _echo_answered_by(answer: Callable[[Line, int, int], None]) -> Callable[[Line], None]:
    def script(line: Line) -> None:
        line.accept()
        context_id, command, _ = line.hear_message()
        answer(line, context_id, command.message_id)
        line.wait_for_close()

    return script


def test_echo() -> None:
    def script(line: Line) -> None:
        line.accept()
        context_id, command, _ = line.hear_message()
        line.answer(context_id, CEchoResponse(command.message_id, 0))
        line.release()

    with Parrot(script) as parrot:
        response = verify_peer(parrot.address, timeouts=PATIENT)
    assert 0 < response.seconds < 5


def test_an_answer_in_single_bytes_is_an_answer() -> None:
    def answer(line: Line, context_id: int, message_id: int) -> None:
        raw = _raw_answer(context_id, CEchoResponse(message_id, 0))
        line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for value in raw:
            line.say(bytes([value]))

    with Parrot(_echo_answered_by(answer)) as parrot:
        assoc = open_to(parrot)
        assert echo(assoc) > 0
        assoc.close()


def test_an_answer_in_single_byte_pdvs_is_an_answer() -> None:
    def answer(line: Line, context_id: int, message_id: int) -> None:
        raw = _raw_answer(context_id, CEchoResponse(message_id, 0))[12:]
        for place, value in enumerate(raw):
            is_last = place == len(raw) - 1
            line.say(pdu_codec.encode_p_data_header(context_id, 1, is_command=True, is_last=is_last) + bytes([value]))

    with Parrot(_echo_answered_by(answer)) as parrot:
        assoc = open_to(parrot)
        assert echo(assoc) > 0
        assoc.close()


def _raw_answer(context_id: int, command: CEchoResponse | CStoreResponse) -> bytes:
    raw = encode_command(command)
    return pdu_codec.encode_p_data_header(context_id, len(raw), is_command=True, is_last=True) + raw


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (lambda line, c, m: line.answer(c, CEchoResponse(m, 0x0122)), EchoFailed, "TLM-NET-052"),
        (lambda line, c, m: line.answer(c, CEchoResponse(m + 1, 0)), EchoFailed, "TLM-NET-050"),
        (lambda line, c, m: line.answer(c, CStoreResponse(m, 0)), ProtocolViolation, "TLM-NET-037"),
        (lambda line, c, m: line.answer(c + 2, CEchoResponse(m, 0)), ProtocolViolation, "TLM-NET-037"),
        (lambda line, c, m: line.say(_raw_answer(c, CEchoResponse(m, 0))[:-1]), PeerTimeout, "TLM-NET-036"),
        (lambda line, c, m: None, PeerTimeout, "TLM-NET-034"),
        (lambda line, c, m: line.sock.shutdown(socket.SHUT_WR), AssociationLost, "TLM-NET-031"),
        (lambda line, c, m: line.say(pdu_codec.encode_release_rq()), AssociationAborted, "TLM-NET-032"),
        (lambda line, c, m: line.say(pdu_codec.encode_abort(pdu.Abort())), AssociationAborted, "TLM-NET-030"),
        (lambda line, c, m: line.say(bytes.fromhex("04 00 00000000")), ProtocolViolation, "TLM-NET-037"),
        (lambda line, c, m: line.say(bytes.fromhex("04 00 ffffffff")), ProtocolViolation, "TLM-NET-037"),
        (lambda line, c, m: line.say(bytes.fromhex("04 00 00000006 00000003 0103")), ProtocolViolation, "TLM-NET-037"),
        (lambda line, c, m: line.say(bytes.fromhex("04 00 00000006 00000002 0102")), ProtocolViolation, "TLM-NET-037"),
        (lambda line, c, m: line.say(bytes.fromhex("04 00 00000006 00000002 0103")), ProtocolViolation, "TLM-NET-037"),
        (lambda line, c, m: line.say(bytes.fromhex("99 00 00000004 00000000")), ProtocolViolation, "TLM-NET-037"),
    ],
)
def test_answers_that_are_none(answer: Callable[[Line, int, int], None], kind: type[TolmachError], code: str) -> None:
    with Parrot(_echo_answered_by(answer)) as parrot:
        assoc = open_to(parrot, {"TLM-NET-034": SHORT_OF_DIMSE, "TLM-NET-036": SHORT_OF_HEADER}.get(code, PATIENT))
        with pytest.raises(kind) as caught:
            echo(assoc)
        assert caught.value.code == code
        if not isinstance(caught.value, EchoFailed) or code == "TLM-NET-050":
            assert not assoc.is_open
            with pytest.raises(AssociationLost):
                echo(assoc)
        assoc.close()


def test_an_answer_without_end_is_cut() -> None:
    def answer(line: Line, context_id: int, message_id: int) -> None:
        piece = pdu_codec.encode_p_data_header(context_id, 1000, is_command=True, is_last=False) + bytes(1000)
        for _ in range(67):
            line.say(piece)

    with Parrot(_echo_answered_by(answer)) as parrot:
        assoc = open_to(parrot)
        with pytest.raises(ProtocolViolation, match="command set longer than 65536"):
            echo(assoc)


# Ending ---------------------------------------------------------------------------------------------------------------


def test_release_is_confirmed() -> None:
    with Parrot(lambda line: line.serve()) as parrot:
        assoc = open_to(parrot)
        assert assoc.release()
        assert not assoc.is_open
        assert not assoc.release()


def test_a_peer_that_drops_the_release_is_no_error() -> None:
    def script(line: Line) -> None:
        line.accept()
        line.hear()

    with Parrot(script) as parrot:
        assert not open_to(parrot).release()


def test_a_peer_that_ignores_the_release_is_left() -> None:
    def script(line: Line) -> bytes:
        line.accept()
        return line.wait_for_close()

    with Parrot(script) as parrot:
        assoc = open_to(parrot)
        assoc._timeouts = SHORT_OF_ACSE  # for the release alone
        assert not assoc.release()
    assert parrot.result == pdu_codec.encode_release_rq()


def test_both_release_at_once() -> None:
    def script(line: Line) -> None:
        line.accept()
        line.hear()
        line.say(pdu_codec.encode_release_rq())
        assert line.hear()[0] == pdu.RELEASE_RP
        line.say(pdu_codec.encode_release_rp())

    with Parrot(script) as parrot:
        assert open_to(parrot).release()


def test_an_exception_aborts() -> None:
    def script(line: Line) -> bytes:
        line.accept()
        return line.wait_for_close()

    with Parrot(script) as parrot, pytest.raises(ZeroDivisionError), open_to(parrot):
        raise ZeroDivisionError
    assert parrot.result == pdu_codec.encode_abort(pdu.Abort(0, 0))


def test_message_ids_begin_again_at_one() -> None:
    with Parrot(lambda line: line.serve()) as parrot, open_to(parrot) as assoc:
        seen = [assoc.next_message_id() for _ in range(65536)]
    assert seen == [*range(1, 65536), 1]
