"""Storage Commitment as SCU: reports early, late, elsewhere, about others, and answers that are none."""

from collections.abc import Callable, Sequence

import pytest

from tests.unit.adapters.dimse.archives import confirm, hear_request, report, say
from tests.unit.adapters.dimse.parrot import Line, Parrot
from tolmach.adapters.dimse import Association, Timeouts
from tolmach.adapters.dimse.command_set import COMMAND_FIELD, MESSAGE_ID_BEING_RESPONDED_TO, N_ACTION_RSP, STATUS
from tolmach.adapters.dimse.commitment import Failure, NoReport, Reference, encode_request, parse_report
from tolmach.adapters.dimse.commitment_scu import COMMITMENT_CONTEXT, request_commitment
from tolmach.adapters.dimse.errors import (
    AssociationAborted,
    ContextNotAccepted,
    PeerTimeout,
    ProtocolViolation,
    ServiceFailedForNow,
    ServiceRefused,
    StoreFailedForNow,
)
from tolmach.adapters.dimse.message_data import encoding_of
from tolmach.adapters.dimse.pdu import ABSTRACT_SYNTAX_NOT_SUPPORTED
from tolmach.base import Fault, TolmachError
from tolmach.dicom import uids
from tolmach.dicom.faults import Damaged

CT = uids.CTImageStorage
UID = "2.25.1"
ASKED = [(CT, "1.1"), (CT, "1.2"), (CT, "1.3")]
PATIENT = Timeouts(60, 60, 60, 60, 60)


class Records:
    """Keeps what reports say."""

    def __init__(self, status: int = 0) -> None:
        self.reports: list[tuple[str, list[Reference], list[Failure]]] = []
        self.status = status

    def __call__(self, uid: str, stored: Sequence[Reference], failed: Sequence[Failure]) -> int:
        self.reports.append((uid, list(stored), list(failed)))
        return self.status


def ask(parrot: Parrot, records: Callable[..., int], wait_seconds: float = 60.0, timeouts: Timeouts = PATIENT) -> bool:
    with Association.open(parrot.address, [COMMITMENT_CONTEXT], timeouts=timeouts) as assoc:
        return request_commitment(assoc, UID, ASKED, records, wait_seconds)


def test_the_report_on_the_same_association() -> None:
    def script(line: Line) -> int:
        line.accept()
        context_id, request, transaction_uid, references = hear_request(line)
        assert (transaction_uid, references) == (UID, ASKED)
        confirm(line, context_id, request)
        status = report(line, context_id, UID, ASKED[:2], [(CT, "1.3", 0x0112)])
        line.release()
        return status

    records = Records()
    with Parrot(script) as parrot:
        assert ask(parrot, records)
    assert parrot.result == 0
    assert records.reports == [(UID, ASKED[:2], [(CT, "1.3", 0x0112)])]


def test_the_report_before_the_answer_to_the_request() -> None:
    def script(line: Line) -> None:
        line.accept()
        context_id, request, _, _ = hear_request(line)
        assert report(line, context_id, UID, ASKED) == 0
        confirm(line, context_id, request)
        line.release()

    records = Records()
    with Parrot(script) as parrot:
        assert ask(parrot, records)
    assert records.reports == [(UID, ASKED, [])]


def test_reports_about_other_transactions_are_passed_on_meanwhile() -> None:
    def script(line: Line) -> None:
        line.accept()
        context_id, request, _, _ = hear_request(line)
        assert report(line, context_id, "2.25.77", [(CT, "9.9")]) == 0
        confirm(line, context_id, request)
        assert report(line, context_id, "2.25.78", [(CT, "9.8")]) == 0
        assert report(line, context_id, UID, ASKED) == 0
        line.release()

    records = Records()
    with Parrot(script) as parrot:
        assert ask(parrot, records)
    assert [uid for uid, _, _ in records.reports] == ["2.25.77", "2.25.78", UID]


def test_no_report_in_time_is_no_trouble_and_the_association_ends_well() -> None:
    def script(line: Line) -> None:
        line.accept()
        context_id, request, _, _ = hear_request(line)
        confirm(line, context_id, request)
        line.release()  # fails the test were it an abort

    with Parrot(script) as parrot:
        assert not ask(parrot, Records(), wait_seconds=0.1)


@pytest.mark.parametrize("how", ["close", "abort", "release"])
def test_an_archive_that_hangs_up_after_taking_the_request_reports_later(how: str) -> None:
    def script(line: Line) -> None:
        line.accept()
        context_id, request, _, _ = hear_request(line)
        confirm(line, context_id, request)
        if how == "abort":
            line.say(bytes.fromhex("07000000000400000200"))
        if how == "release":
            line.say(bytes.fromhex("05000000000400000000"))
            line.wait_for_close()

    with Parrot(script) as parrot:
        assert not ask(parrot, Records())


@pytest.mark.parametrize("status", [0x0110, 0xA700])
def test_what_the_records_did_not_take_is_not_confirmed(status: int) -> None:
    def script(line: Line) -> int:
        line.accept()
        context_id, request, _, _ = hear_request(line)
        confirm(line, context_id, request)
        answered = report(line, context_id, UID, ASKED)
        line.release()
        return answered

    with Parrot(script) as parrot:
        assert not ask(parrot, Records(status), wait_seconds=0.5)
    assert parrot.result == status


def test_trouble_with_the_records_is_told_to_the_archive() -> None:
    def script(line: Line) -> int:
        line.accept()
        context_id, request, _, _ = hear_request(line)
        confirm(line, context_id, request)
        answered = report(line, context_id, UID, ASKED)
        line.release()
        return answered

    def broken(*_: object) -> int:
        raise StoreFailedForNow(Fault("TLM-NET-000", "x", "y"))

    with Parrot(script) as parrot:
        assert not ask(parrot, broken, wait_seconds=0.5)
    assert parrot.result == 0x0110


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0x0110, ServiceFailedForNow),
        (0x0213, ServiceFailedForNow),
        (0x0112, ServiceRefused),
        (0x0122, ServiceRefused),
        (0x0124, ServiceRefused),
        (0x0211, ServiceRefused),
    ],
)
def test_a_request_that_is_not_taken(status: int, kind: type[TolmachError]) -> None:
    def script(line: Line) -> None:
        line.accept()
        context_id, request, _, _ = hear_request(line)
        confirm(line, context_id, request, status)
        line.wait_for_close()

    with Parrot(script) as parrot, pytest.raises(kind) as caught:
        ask(parrot, Records())
    assert caught.value.code == "TLM-NET-080"
    assert f"{status:04X}" in str(caught.value)


def test_an_archive_without_the_service() -> None:
    def script(line: Line) -> None:
        line.accept(results={1: ABSTRACT_SYNTAX_NOT_SUPPORTED})
        line.wait_for_close()

    with Parrot(script) as parrot, pytest.raises(ContextNotAccepted) as caught:
        ask(parrot, Records())
    assert caught.value.code == "TLM-NET-040"


def _answered_by(answer: Callable[[Line, int, int], None]) -> Callable[[Line], None]:
    def script(line: Line) -> None:
        line.accept()
        context_id, request, _, _ = hear_request(line)
        answer(line, context_id, request.message_id)
        line.wait_for_close()

    return script


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda line, context, number: _response(line, context, number + 1), ProtocolViolation),
        (lambda line, context, number: _response(line, context, number, field=0x8140), ProtocolViolation),
        (lambda line, context, number: line.say(bytes.fromhex("07000000000400000200")), AssociationAborted),
        (lambda line, context, number: None, PeerTimeout),
    ],
)
def test_answers_that_are_none(answer: Callable[[Line, int, int], None], kind: type[TolmachError]) -> None:
    seconds = 0.3 if kind is PeerTimeout else 60
    with Parrot(_answered_by(answer)) as parrot, pytest.raises(kind):
        ask(parrot, Records(), timeouts=Timeouts(60, 60, seconds, 60, 60))


def _response(line: Line, context_id: int, message_id: int, field: int = N_ACTION_RSP) -> None:
    say(line, context_id, {COMMAND_FIELD: field, MESSAGE_ID_BEING_RESPONDED_TO: message_id, STATUS: 0})


def test_an_archive_that_never_stops_reporting_on_others() -> None:
    def script(line: Line) -> None:
        line.accept()
        context_id, _, _, _ = hear_request(line)
        try:
            for number in range(2000):
                report(line, context_id, f"2.25.{number}", [])
        except (AssertionError, OSError, EOFError):
            return
        raise AssertionError("it was heard to the end")

    with Parrot(script) as parrot, pytest.raises(ProtocolViolation):
        ask(parrot, Records())


# Bytes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian, uids.ExplicitVRBigEndian])
def test_a_request_reads_as_a_report(syntax: str) -> None:
    raw = encode_request(UID, ASKED, encoding_of(syntax))
    found = parse_report(raw, syntax)
    assert (found.transaction_uid, found.stored, found.failed) == (UID, tuple(ASKED), ())


def test_reports_without_what_matters() -> None:
    encoding = encoding_of(uids.ExplicitVRLittleEndian)
    for raw in (b"", encode_request("", ASKED, encoding), encode_request(UID, [(CT, "")], encoding)):
        with pytest.raises((NoReport, Damaged)):
            parse_report(raw, uids.ExplicitVRLittleEndian)


def test_messages_are_heard_whole() -> None:
    """The scripted archive reads what we send; were it cut wrongly, the tests above would not see it."""

    def script(line: Line) -> int:
        line.accept(max_pdu_length=64)
        _, _, transaction_uid, references = hear_request(line)
        assert transaction_uid == UID
        return len(references)

    many = [(CT, f"1.2.{number}") for number in range(500)]
    with Parrot(script) as parrot:
        assoc = Association.open(parrot.address, [COMMITMENT_CONTEXT], timeouts=PATIENT)
        with pytest.raises(TolmachError):
            request_commitment(assoc, UID, many, Records())
        assoc.close()
    assert parrot.result == 500
