"""The journey of what has arrived: where it ends for good, doubtful, damaged and foreign objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from tests.builders import CT_IMAGE, EXPLICIT, EXPLICIT_LE, INSTANCE, Spoiled, body, even, opened, part10, read_back
from tolmach.adapters.folder.faults import NOT_A_FILE
from tolmach.base import Problem
from tolmach.delivery.interfaces import Ending
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.delta import apply_delta
from tolmach.dicom.part10 import open_data_set
from tolmach.dicom.source import MemorySource, Source
from tolmach.edit.rules import parse_rules
from tolmach.intake.faults import ObjectMissing, StoreAway, StoreTrouble
from tolmach.intake.interfaces import Arrival, Pending, Provenance
from tolmach.journeys import arrival as journey_module
from tolmach.journeys.arrival import ArrivalJourney, Bound
from tolmach.repair.profile import Profile, TextPolicy

NAME = {0x00100010: ("PN", "ІВАНЕНКО^ОЛЕНА"), 0x00100020: ("LO", "17"), 0x0020000D: ("UI", "1.2.3.4")}
SPOILED = Spoiled(NAME, "cp1251", "ISO_IR 100").file()
DOUBTFUL = Spoiled({0x00100010: ("PN", "ЇЖ")}, "cp1251", "ISO_IR 100").file()
UTF_8, RAW, PASS_NONE = (
    Profile(),
    Profile(text=TextPolicy("code-page", "koi8-u", converts=True)),
    Profile(unsure="hold"),
)
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


@dataclass
class Roads:
    """A router that sends everything where the test says."""

    bound: Sequence[Bound] = ()
    blind: Sequence[Bound] = ()
    keeps: bool = True
    undecided: Sequence[Problem] = ()

    def bound_for(self, data_set: DataSet | None, provenance: Provenance) -> tuple[Sequence[Bound], Sequence[Problem]]:
        return self.blind if data_set is None else self.bound, self.undecided

    def profile_for(self, provenance: Provenance) -> Profile:
        return UTF_8


@dataclass
class Books:
    """Records that remember what they were told."""

    waiting: list[Pending] = field(default_factory=list)
    ended: list[Ending] = field(default_factory=list)

    def pending(self, limit: int) -> Sequence[Pending]:
        return self.waiting[:limit]

    def finish(self, endings: Sequence[Ending]) -> None:
        self.ended += endings
        done = {one.object_id for one in endings}
        self.waiting = [one for one in self.waiting if one.object_id not in done]


def walk(
    file: bytes | Exception,
    roads: Roads,
    *,
    said: str = INSTANCE,
    released: bool = False,
    entrance: str = "dimse",
) -> Ending:
    provenance = Provenance(entrance, "ct-1", "CT1", "10.0.0.7")  # type: ignore[arg-type]
    size = 0 if isinstance(file, Exception) else len(file)
    arrival = Arrival("aa", size, 0, CT_IMAGE, said, EXPLICIT_LE, provenance, AT)
    books = Books([Pending(7, arrival, released)])

    @contextmanager
    def open_object(sha256: str) -> Iterator[Source]:
        assert sha256 == "aa"
        if isinstance(file, Exception):
            raise file
        yield MemorySource(file)

    journey = ArrivalJourney(open_object, books, books, roads, lambda blocks: MemorySource(b"".join(blocks)))
    assert journey.advance() == 1
    assert journey.advance() == 0
    (ending,) = books.ended
    assert ending.object_id == 7
    return ending


def sent(ending: Ending, number: int, file: bytes) -> object:
    """Read what a destination gets, as pydicom reads it."""
    delta = ending.editions[ending.deliveries[number].edition].delta
    came = opened(file)
    data = apply_delta(delta, came.source) if delta else came.source
    whole = bytes(data.read(0, data.size)) if delta else file
    return read_back(part10(whole, came.transfer_syntax_uid) if delta else whole)


def test_each_destination_gets_what_it_can_read() -> None:
    ending = walk(SPOILED, Roads([Bound("pacs", UTF_8), Bound("old", RAW), Bound("raw", None), Bound("more", UTF_8)]))
    assert [one.destination for one in ending.deliveries] == ["pacs", "old", "raw", "more"]
    assert len(ending.editions) == 3
    assert [one.edition for one in ending.deliveries] == [0, 1, 2, 0]
    pacs, untouched = sent(ending, 0, SPOILED), sent(ending, 2, SPOILED)
    assert str(pacs.PatientName) == "ІВАНЕНКО^ОЛЕНА"
    assert pacs.SpecificCharacterSet == "ISO_IR 192"
    assert untouched.SpecificCharacterSet == "ISO_IR 100"
    assert ending.editions[2].delta == b""
    raw = sent(ending, 1, SPOILED)
    assert raw.get_item("PatientName").value.rstrip(b" ") == "ІВАНЕНКО^ОЛЕНА".encode("koi8-u")


def test_the_history_is_told_in_readable_letters() -> None:
    ending = walk(SPOILED, Roads([Bound("pacs", UTF_8)]))
    assert ending.facts == {"PatientName": "ІВАНЕНКО^ОЛЕНА", "PatientID": "17"}
    assert (ending.verdict, ending.character_set) == ("repairable", ("ISO_IR 100",))
    assert (ending.study_instance_uid, ending.sop_instance_uid) == ("1.2.3.4", INSTANCE)
    assert [change.keyword for change in ending.editions[ending.edition_shown].changes] == [
        "SpecificCharacterSet",
        "PatientName",
    ]


def test_the_same_journey_comes_to_the_same_bytes() -> None:
    roads = Roads([Bound("pacs", Profile(original_attributes=True))])
    assert walk(SPOILED, roads) == walk(SPOILED, roads)


def test_an_object_without_a_route_stays_where_it_is_kept() -> None:
    ending = walk(SPOILED, Roads())
    assert (ending.deliveries, ending.quarantine, ending.verdict) == ([], None, "repairable")


def test_an_object_nobody_wants_is_kept_and_seen() -> None:
    ending = walk(SPOILED, Roads(keeps=False))
    assert ending.quarantine is not None
    assert (ending.deliveries, ending.quarantine.code, ending.verdict) == ([], "TLM-INT-012", "repairable")
    assert ending.facts["PatientName"] == "ІВАНЕНКО^ОЛЕНА"


def test_doubtful_text_is_held_only_where_the_operator_chose_so() -> None:
    ending = walk(DOUBTFUL, Roads([Bound("pacs", UTF_8), Bound("strict", PASS_NONE)]))
    passing, held = ending.deliveries
    assert ending.verdict == "unsure"
    assert passing.held_for is None
    assert held.held_for is not None
    assert held.held_for.code == "TLM-CLI-006"


def test_a_rule_may_give_a_new_uid() -> None:
    rules = parse_rules([{"do": [{"set": "SOPInstanceUID", "value": "1.2.3.99"}]}], lambda _name: {}, "test")
    ending = walk(SPOILED, Roads([Bound("pacs", Profile(rules=rules))]))
    assert ending.sop_instance_uid == INSTANCE
    assert ending.editions[0].sop_instance_uid == "1.2.3.99"


CUT = SPOILED[:-5]
FOREIGN = b"\x89PNG" + bytes(400)


@pytest.mark.parametrize(("file", "code"), [(CUT, "TLM-DCM"), (FOREIGN, "TLM-DCM"), (SPOILED, "TLM-INT-020")])
def test_what_is_not_whole_or_not_what_was_said_is_kept_in_quarantine(file: bytes, code: str) -> None:
    ending = walk(file, Roads([Bound("pacs", UTF_8)], [Bound("pacs", UTF_8)]), said="1.2.3.77")
    assert ending.quarantine is not None
    assert ending.quarantine.code.startswith(code)
    assert ending.deliveries == []
    assert ending.sop_instance_uid == "1.2.3.77"


def test_what_a_person_released_goes_on_as_it_came() -> None:
    ending = walk(CUT, Roads([], [Bound("pacs", UTF_8)]), released=True)
    assert ending.quarantine is None
    assert [(one.destination, one.held_for) for one in ending.deliveries] == [("pacs", None)]
    assert ending.editions[0].delta == b""
    mended = walk(SPOILED, Roads([Bound("pacs", UTF_8)]), said="1.2.3.77", released=True)
    assert mended.quarantine is None
    assert mended.editions[0].delta


def test_a_released_object_without_any_way_stays_in_quarantine() -> None:
    assert walk(CUT, Roads(), released=True).quarantine is not None


def test_a_condition_that_could_not_be_decided_is_told() -> None:
    problem = Problem(NOT_A_FILE, {"path": "x"})
    ending = walk(SPOILED, Roads([Bound("pacs", UTF_8)], undecided=[problem]))
    assert problem in ending.problems
    assert ending.quarantine is None


def test_what_was_rebuilt_is_not_sent_again_by_itself() -> None:
    ending = walk(SPOILED, Roads([Bound("pacs", UTF_8)]), entrance="rebuild")
    (line,) = ending.deliveries
    assert line.held_for is not None
    assert line.held_for.code == "TLM-INT-013"


def test_what_was_stored_and_never_recorded_goes_on() -> None:
    ending = walk(SPOILED, Roads([Bound("pacs", UTF_8)]), entrance="found", said="")
    assert [line.held_for for line in ending.deliveries] == [None]


def test_what_no_archive_could_find_again_waits_in_quarantine() -> None:
    uid = even(INSTANCE.encode(), b"\0")
    nameless = part10(body((0x00100010, "PN", b"A ")).replace(uid, b"../../x".ljust(len(uid), b"\0")))
    ending = walk(nameless, Roads([Bound("pacs", UTF_8)]), said="")
    assert ending.quarantine is not None
    assert ending.quarantine.code == "TLM-INT-021"


def test_absurdly_much_text_waits_in_quarantine_until_a_person_has_looked() -> None:
    """F-08: kept and shown with what to do; released, it goes on like any other."""
    text = EXPLICIT.element(0x0040A160, "UT", b"x" * (66 << 20))
    absurd = part10(body((0x00100010, "PN", b"A "), (0x0040A160, "raw", text)))
    ending = walk(absurd, Roads([Bound("pacs", UTF_8)], [Bound("pacs", UTF_8)]))
    assert ending.quarantine is not None
    assert (ending.quarantine.code, ending.deliveries, ending.entry) == ("TLM-INT-024", [], None)
    assert "64" in str(ending.quarantine)
    released = walk(absurd, Roads([Bound("pacs", UTF_8)]), released=True)
    assert released.quarantine is None
    assert [one.destination for one in released.deliveries] == ["pacs"]
    assert released.entry is not None


def test_missing_bytes_are_told() -> None:
    ending = walk(ObjectMissing(NOT_A_FILE, path="x"), Roads([Bound("pacs", UTF_8)]))
    assert ending.quarantine is not None


def journey_of(contents: dict[str, bytes | Exception], books: Books, roads: Roads) -> ArrivalJourney:
    provenance = Provenance("dimse", "ct-1", "CT1", "10.0.0.7")
    for number, name in enumerate(contents, 1):
        arrival = Arrival(name, 1, 0, "", "", EXPLICIT_LE, provenance, AT)
        books.waiting.append(Pending(number, arrival, False))

    @contextmanager
    def open_object(sha256: str) -> Iterator[Source]:
        content = contents[sha256]
        if isinstance(content, Exception):
            raise content
        yield MemorySource(content)

    return ArrivalJourney(open_object, books, books, roads, lambda blocks: MemorySource(b"".join(blocks)))


TROUBLE = StoreTrouble(NOT_A_FILE, path="x")


def test_bytes_that_cannot_be_read_do_not_stop_the_others_and_end_in_quarantine() -> None:
    books = Books()
    journey = journey_of({"a": TROUBLE, "b": SPOILED, "c": SPOILED}, books, Roads([Bound("pacs", UTF_8)]))
    assert journey.advance() == 2
    assert [one.object_id for one in books.ended] == [2, 3]
    for _ in range(journey_module.MOST_TRIES - 2):
        assert journey.advance() == 0
    assert journey.advance() == 1
    assert books.ended[-1].object_id == 1
    assert books.ended[-1].quarantine == TROUBLE.problem
    assert journey.advance() == 0


def test_where_nothing_can_be_read_everything_waits() -> None:
    books = Books()
    journey = journey_of({"a": TROUBLE, "b": TROUBLE}, books, Roads([Bound("pacs", UTF_8)]))
    for _ in range(3 * journey_module.MOST_TRIES):
        with pytest.raises(StoreTrouble):
            journey.advance()
    assert books.ended == []


def test_one_object_alone_is_not_given_up_while_the_store_is_away() -> None:
    """M-08: a bucket that cannot be reached says nothing of the object; what it says of one object is believed."""
    books, contents = Books(), {"a": StoreAway(NOT_A_FILE, path="x")}
    journey = journey_of(contents, books, Roads([Bound("pacs", UTF_8)]))
    for _ in range(3 * journey_module.MOST_TRIES):
        with pytest.raises(StoreTrouble):
            journey.advance()
    assert books.ended == []


def test_what_will_be_opened_is_told_before() -> None:
    books, told = Books(), []
    journey = journey_of({"a": SPOILED, "b": SPOILED}, books, Roads([Bound("pacs", UTF_8)]))
    journey.expect = lambda names: told.append(list(names))
    journey.advance()
    assert told == [["a", "b"]]


def test_an_end_that_cannot_be_recorded_does_not_keep_the_others() -> None:
    class Picky(Books):
        def finish(self, endings: Sequence[Ending]) -> None:
            if any(one.object_id == 2 and one.quarantine is None for one in endings):
                raise ValueError("Secret^Name")
            super().finish(endings)

    books = Picky()
    journey = journey_of({"a": SPOILED, "b": SPOILED, "c": SPOILED}, books, Roads([Bound("pacs", UTF_8)]))
    assert journey.advance() == 3
    assert {one.object_id: one.quarantine is not None for one in books.ended} == {1: False, 2: True, 3: False}


def test_no_name_gets_into_the_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise ValueError("Secret^Name")

    monkeypatch.setattr(journey_module.SeriesMender, "mend", fail)
    walk(SPOILED, Roads([Bound("pacs", UTF_8)]))
    assert "ValueError at" in caplog.text
    assert "Secret" not in caplog.text


def test_an_object_whose_way_cannot_be_decided_is_kept_and_seen() -> None:
    problem = Problem(NOT_A_FILE, {"path": "x"})
    assert walk(SPOILED, Roads(undecided=[problem])).quarantine == problem


@pytest.mark.parametrize("error", [KeyError("x"), RecursionError(), MemoryError()])
def test_an_error_of_ours_in_the_text_does_not_stop_the_image(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr(journey_module.SeriesMender, "mend", fail)
    ending = walk(SPOILED, Roads([Bound("pacs", UTF_8)]))
    assert (ending.verdict, ending.quarantine) == ("unsure", None)
    assert [one.destination for one in ending.deliveries] == ["pacs"]
    assert ending.editions[0].delta == b""
    assert ending.problems[0].code == "TLM-INT-010"
    assert walk(CUT, Roads([Bound("pacs", UTF_8)])).quarantine is not None


def test_nul_and_endless_values_do_not_reach_the_records() -> None:
    long = part10(body((0x00100010, "PN", b"A\0B "), (0x00081030, "LO", even(b"x" * 5000))))
    facts = walk(long, Roads()).facts
    assert facts["PatientName"] == "AB"
    assert len(facts["StudyDescription"]) == 1024


def test_opening_agrees_with_the_builder() -> None:
    assert open_data_set(MemorySource(SPOILED)).sop_instance_uid == INSTANCE
