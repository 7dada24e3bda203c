"""C-FIND as SCU, against archives that read lists, that do not, that find too much and never stop."""

from collections.abc import Iterator
from functools import partial
from itertools import count

import pytest

from tests.unit.adapters.dimse.archives import ENCODING, hear, say, serve_queries
from tests.unit.adapters.dimse.archives import Find as Answering
from tests.unit.adapters.dimse.parrot import Line, Parrot
from tolmach.adapters.dimse import Association, Timeouts, query_scu
from tolmach.adapters.dimse.command_set import C_FIND_RSP, COMMAND_FIELD, MESSAGE_ID_BEING_RESPONDED_TO, STATUS
from tolmach.adapters.dimse.errors import ProtocolViolation, ServiceFailedForNow, ServiceRefused
from tolmach.adapters.dimse.message_data import element_of, uid_in
from tolmach.adapters.dimse.query_scu import QUERY_CONTEXT, Find, find_instances
from tolmach.base import TolmachError

PATIENT = Timeouts(60, 60, 60, 60, 60)
HELD = [f"1.2.{number}" for number in range(250)]
WANTED = [*HELD[:230], "9.9.1", "9.9.2"]


def instances_found(parrot: Parrot, wanted: list[str] = WANTED) -> set[str]:
    with Association.open(parrot.address, [QUERY_CONTEXT], timeouts=PATIENT) as assoc:
        return find_instances(assoc, "1.1", "1.1.1", wanted)


def reads_lists(asked: list[str]) -> list[str]:
    return [uid for uid in HELD if not asked or uid in asked]


def reads_one_uid(asked: list[str]) -> list[str]:
    return [uid for uid in HELD if not asked or uid == asked[0]]


def takes_the_list_for_one_uid(asked: list[str]) -> list[str]:
    return [uid for uid in HELD if not asked or asked == [uid]]


def refuses_lists(asked: list[str]) -> list[str] | int:
    return 0xA900 if len(asked) > 1 else reads_lists(asked)


def finds_the_whole_series(_: list[str]) -> list[str]:
    return HELD


@pytest.mark.parametrize(
    "archive", [reads_lists, reads_one_uid, takes_the_list_for_one_uid, refuses_lists, finds_the_whole_series]
)
def test_what_is_there_is_found_whatever_the_archive_makes_of_lists(archive: Answering) -> None:
    with Parrot(lambda line: serve_queries(line, archive)) as parrot:
        assert instances_found(parrot) == set(HELD[:230])


def test_lists_are_short_and_the_series_is_asked_for_only_when_something_is_missing() -> None:
    with Parrot(lambda line: serve_queries(line, reads_lists)) as parrot:
        assert instances_found(parrot, HELD) == set(HELD)
    assert isinstance(parrot.result, list)
    assert [len(asked) for asked in parrot.result] == [100, 100, 50]
    with Parrot(lambda line: serve_queries(line, reads_lists)) as parrot:
        assert instances_found(parrot, ["9.9.1"]) == set()
    assert parrot.result == [["9.9.1"], []]


@pytest.mark.parametrize(
    ("status", "kind"), [(0xA700, ServiceFailedForNow), (0xC001, ServiceFailedForNow), (0xA900, ServiceRefused)]
)
def test_an_archive_that_does_not_answer_queries(status: int, kind: type[TolmachError]) -> None:
    with Parrot(lambda line: serve_queries(line, lambda _: status)) as parrot, pytest.raises(kind) as caught:
        instances_found(parrot)
    assert caught.value.code == "TLM-NET-081"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("the index cannot be read now: ask again", "(status C001). the index cannot be read now: ask again. Ask"),
        ("Too many!", "(status C001). Too many! Ask"),
        ("Done.", "(status C001). Done. Ask"),
    ],
)
def test_what_the_archive_says_is_a_sentence_of_its_own(said: str, told: str) -> None:
    refuse = partial(serve_queries, find=lambda _: 0xC001, comment=said)
    with Parrot(refuse) as parrot, pytest.raises(ServiceFailedForNow) as caught:
        instances_found(parrot)
    assert told in str(caught.value)


def endless() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"5.5.{number}"


def _serve_until_cancelled(line: Line, *, heed: bool) -> bool:
    """Answer without end, in blocks; with `heed` stop when something comes in."""
    line.accept()
    context_id, request, _ = hear(line)
    answers = endless()
    line.sock.setblocking(True)
    try:
        for block in count(1):
            for _ in range(50):
                command = {
                    COMMAND_FIELD: C_FIND_RSP,
                    MESSAGE_ID_BEING_RESPONDED_TO: request.message_id,
                    STATUS: 0xFF00,
                }
                say(line, context_id, command, _uid_element(next(answers)))
            # After enough of them whoever heeds waits, for the socket holds more than may be on their way.
            line.sock.setblocking(heed and block >= 3)
            try:
                said = line.sock.recv(1, 2)
            except BlockingIOError:
                said = b""
            line.sock.setblocking(True)
            if heed and said:
                hear(line)
                final = {COMMAND_FIELD: C_FIND_RSP, MESSAGE_ID_BEING_RESPONDED_TO: request.message_id, STATUS: 0xFE00}
                say(line, context_id, final)
                line.release()
                return True
    except OSError:
        return False


def _uid_element(uid: str) -> bytes:
    return element_of("SOPInstanceUID", uid, ENCODING)


@pytest.mark.parametrize("heed", [True, False])
def test_an_archive_without_end_is_told_to_stop(monkeypatch: pytest.MonkeyPatch, heed: bool) -> None:
    with Parrot(lambda line: _serve_until_cancelled(line, heed=heed)) as parrot:
        assoc = Association.open(parrot.address, [QUERY_CONTEXT], timeouts=PATIENT)
        find = Find(assoc, [("SOPInstanceUID", "")], limit=120)
        assert [uid_in(answer, "SOPInstanceUID") for answer in find] == [f"5.5.{n}" for n in range(1, 121)]
        assert find.is_cut
        assert assoc.is_open is heed
        assoc.release()
    assert parrot.result is heed


def test_answers_that_nobody_takes_are_cancelled_too() -> None:
    with (
        Parrot(lambda line: _serve_until_cancelled(line, heed=True)) as parrot,
        Association.open(parrot.address, [QUERY_CONTEXT], timeouts=PATIENT) as assoc,
    ):
        answers = iter(Find(assoc, [("SOPInstanceUID", "")]))
        assert uid_in(next(answers), "SOPInstanceUID") == "5.5.1"
        answers.close()  # type: ignore[attr-defined]
        assert assoc.is_open
    assert parrot.result is True


def test_a_series_too_long_to_say_who_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_scu, "ANSWERS_AT_MOST", 100)
    monkeypatch.setattr(query_scu.Find.__init__, "__defaults__", (query_scu.QUERY_CONTEXT.abstract_syntax, 100))
    with (
        Parrot(lambda line: serve_queries(line, takes_the_list_for_one_uid)) as parrot,
        pytest.raises(ServiceFailedForNow) as caught,
    ):
        instances_found(parrot)
    assert caught.value.code == "TLM-NET-086"


def test_answers_that_cannot_be_read_are_left_out_and_wrong_ones_end_it() -> None:
    def script(line: Line) -> None:
        line.accept()
        context_id, request, _ = hear(line)
        pending = {COMMAND_FIELD: C_FIND_RSP, MESSAGE_ID_BEING_RESPONDED_TO: request.message_id, STATUS: 0xFF00}
        say(line, context_id, pending, b"rubbish")
        say(line, context_id, pending, _uid_element("1.2"))
        say(line, context_id, {**pending, MESSAGE_ID_BEING_RESPONDED_TO: request.message_id + 1}, _uid_element("1.3"))
        line.wait_for_close()

    with Parrot(script) as parrot:
        assoc = Association.open(parrot.address, [QUERY_CONTEXT], timeouts=PATIENT)
        answers = iter(Find(assoc, [("SOPInstanceUID", "")]))
        assert uid_in(next(answers), "SOPInstanceUID") == "1.2"
        with pytest.raises(ProtocolViolation):
            next(answers)


def test_an_answer_beyond_the_limit_ends_it() -> None:
    def script(line: Line) -> None:
        line.accept()
        context_id, request, _ = hear(line)
        pending = {COMMAND_FIELD: C_FIND_RSP, MESSAGE_ID_BEING_RESPONDED_TO: request.message_id, STATUS: 0xFF00}
        try:
            say(line, context_id, pending, bytes(2 << 20))
            line.wait_for_close()
        except OSError:
            return

    with Parrot(script) as parrot:
        assoc = Association.open(parrot.address, [QUERY_CONTEXT], timeouts=PATIENT)
        with pytest.raises(ProtocolViolation):
            next(iter(Find(assoc, [("SOPInstanceUID", "")])))
