"""C-FIND as the archive answers it: keys, levels, letters, limits. The index is the one in memory."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.archive_double import ROOT, ArchiveDouble, entry
from tests.unit.adapters.dimse.asking import (
    IMPLICIT_LE,
    LE,
    PATIENT_FIND,
    STUDY_FIND,
    Asker,
    identifier,
)
from tolmach.adapters.dimse.acceptance import AcceptancePolicy
from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.query_retrieve_scp import QuerySettings, query_retrieve_services
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.archive.interfaces import Held
from tolmach.base import Fault
from tolmach.intake.faults import RecordsTrouble
from tolmach.repair.profile import parse_text_policy

NAMES = ("Щербаков^Семён", "Іванов^Іван^Ілліч", "Ґудзь^Остап", "Smith^John", "Қасымов^Әлихан")
Start = Callable[..., int]


def nothing_is_opened(_held: Held) -> object:
    raise AssertionError("C-FIND opens no instance")


@pytest.fixture
def index() -> ArchiveDouble:
    double = ArchiveDouble()
    for number, name in enumerate(NAMES, 1):
        for series, modality in ((1, "CT"), (2, "SR")):
            double.add(entry(number, series, 1, PatientName=name, Modality=modality, Rows="512"))
    return double


@pytest.fixture
def start(tmp_path: Path, index: ArchiveDouble) -> Iterator[Start]:
    """Give a function that starts an SCP over the index and gives its port; `texts` are by calling AE title."""
    running: list[StorageScp] = []

    def started(texts: dict[str, str] | None = None, **more: int) -> int:
        policies = {name: parse_text_policy(text, converts=True) for name, text in (texts or {}).items()}
        settings = QuerySettings("TOLMACH", policies, **more)
        services = query_retrieve_services(index, nothing_is_opened, lambda *_: None, settings)  # type: ignore[arg-type]
        callers = tuple(
            Caller(name, name, ("127.0.0.1",)) for name in ("ASKER", "READER", *(texts or {})) if name != "STRANGER"
        )
        scp = StorageScp(
            StorageScpSettings(port=0, policy=AcceptancePolicy(None, tuple(dict.fromkeys(callers)))),
            tmp_path,
            lambda _: 0,
            services=services,
        )
        scp.start()
        running.append(scp)
        return scp.port

    yield started
    for scp in running:
        scp.stop()


@pytest.fixture
def asker(start: Start) -> Iterator[Asker]:
    with Asker(start(), [STUDY_FIND, PATIENT_FIND]) as one:
        yield one


STUDIES = {"QueryRetrieveLevel": "STUDY", "PatientName": "", "StudyInstanceUID": ""}


# Levels and keys ------------------------------------------------------------------------------------------------------


def test_a_universal_query_finds_everybody_and_gives_what_was_asked_alone(asker: Asker) -> None:
    heard = asker.find(STUDIES, label="ISO_IR 192")
    assert heard.status == 0
    assert set(heard.values("PatientName")) == set(NAMES)
    assert {element.keyword for answer in heard.answers for element in answer} == {
        *("SpecificCharacterSet", "QueryRetrieveLevel", "RetrieveAETitle", "PatientName", "StudyInstanceUID")
    }
    assert heard.values("RetrieveAETitle") == ["TOLMACH"] * 5


@pytest.mark.parametrize("syntax", [LE, IMPLICIT_LE])
def test_keys_of_every_kind_come_back_in_both_syntaxes(start: Start, syntax: str) -> None:
    keys = {
        "QueryRetrieveLevel": "STUDY",
        "StudyDate": "20261101-20261103",
        "ModalitiesInStudy": "SR",
        "NumberOfStudyRelatedSeries": "",
        "NumberOfStudyRelatedInstances": "",
        "AccessionNumber": "A*",
        "InstanceAvailability": "",
        "StudyInstanceUID": f"{ROOT}.1\\{ROOT}.2",
    }
    with Asker(start(), [STUDY_FIND], syntax=syntax) as asker:
        heard = asker.find(keys)  # type: ignore[arg-type]
    assert heard.status == 0
    assert sorted(heard.values("AccessionNumber")) == ["A1", "A2"]
    assert heard.values("NumberOfStudyRelatedSeries") == ["2", "2"]
    assert heard.values("InstanceAvailability") == ["ONLINE"] * 2
    assert all(list(answer.ModalitiesInStudy) == ["CT", "SR"] for answer in heard.answers)
    assert {command.number(0x0900) for command in heard.pending} == {0xFF00}


def test_numbers_are_numbers(asker: Asker) -> None:
    keys = {
        "QueryRetrieveLevel": "IMAGE",
        "StudyInstanceUID": f"{ROOT}.1",
        "SeriesInstanceUID": f"{ROOT}.1.1",
        "Rows": "512",
    }
    heard = asker.find(keys)  # type: ignore[arg-type]
    assert [answer.Rows for answer in heard.answers] == [512]
    assert heard.values("SOPInstanceUID") == [f"{ROOT}.1.1.1"]  # whether it was asked for or not


def test_patients(asker: Asker) -> None:
    keys = {"QueryRetrieveLevel": "PATIENT", "PatientID": "P?", "NumberOfPatientRelatedStudies": ""}
    heard = asker.find(keys, sop_class=PATIENT_FIND)  # type: ignore[arg-type]
    assert heard.values("PatientID") == ["P1", "P2", "P3", "P4", "P5"]
    assert heard.values("NumberOfPatientRelatedStudies") == ["1"] * 5


@pytest.mark.parametrize(
    ("keys", "root", "comment"),
    [
        ({"PatientName": "*"}, STUDY_FIND, "Query/Retrieve Level"),
        ({"QueryRetrieveLevel": "EVERYTHING"}, STUDY_FIND, "Query/Retrieve Level"),
        ({"QueryRetrieveLevel": "PATIENT"}, STUDY_FIND, "no PATIENT level"),
        ({"QueryRetrieveLevel": "STUDY"}, PATIENT_FIND, "PatientID must"),
        ({"QueryRetrieveLevel": "STUDY", "PatientID": "*"}, PATIENT_FIND, "PatientID must"),
        ({"QueryRetrieveLevel": "SERIES"}, STUDY_FIND, "StudyInstanceUID must"),
        ({"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": "1.2\\1.3"}, STUDY_FIND, "StudyInstanceUID must"),
        ({"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": "1.2"}, STUDY_FIND, "SeriesInstanceUID must"),
        ({"QueryRetrieveLevel": "STUDY", "StudyDate": "yesterday"}, STUDY_FIND, "StudyDate"),
    ],
)
def test_a_bad_identifier_is_a900_and_says_why(
    asker: Asker, index: ArchiveDouble, keys: dict[str, str], root: str, comment: str
) -> None:
    heard = asker.find(keys, sop_class=root)  # type: ignore[arg-type]
    assert heard.status == 0xA900
    assert comment in heard.comment
    assert not index.asked


def test_rubbish_is_a900(asker: Asker) -> None:
    assert asker.ask(STUDY_FIND, 0x0020, b"\x08\x00\x52\x00CS\xff\xff").status == 0xA900


def test_relational_queries_are_agreed_on_and_then_need_no_keys_above(start: Start) -> None:
    with Asker(start(), [STUDY_FIND], extended=[(STUDY_FIND, b"\1\1\1\1\1")]) as asker:
        heard = asker.find({"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": f"{ROOT}.2.1.1"})
        assert heard.values("SOPInstanceUID") == [f"{ROOT}.2.1.1"]
    with Asker(start(), [STUDY_FIND], extended=[(STUDY_FIND, b"\0\1\1")]) as asker:
        assert asker.find({"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": f"{ROOT}.2.1.1"}).status == 0xA900


def test_what_is_not_supported_is_ff01_and_left_out(asker: Asker) -> None:
    """N-07: private tags and attributes that no index has are ignored for matching, and the caller is told."""
    for keys in ({0x00091001: "x"}, {"ContrastBolusAgent": "iodine"}, {0x00100011: "x"}):
        heard = asker.find({**STUDIES, **keys})
        assert heard.status == 0
        assert len(heard.answers) == 5
        assert {command.number(0x0900) for command in heard.pending} == {0xFF01}
        assert "ContrastBolusAgent" not in heard.answers[0]


def test_request_attributes_are_matched_inside_their_sequence(start: Start, index: ArchiveDouble) -> None:
    request = ({"ScheduledProcedureStepID": ("S7",), "RequestedProcedureID": ("R7",)},)
    index.add(entry(9, 1, 1, RequestAttributesSequence=request))
    asked = b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    asked += b"\x40\x00\x09\x00SH\x02\0S7\x40\x00\x01\x10SH\x00\0\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    with Asker(start(), [STUDY_FIND]) as asker:
        keys = {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": f"{ROOT}.9", "SeriesInstanceUID": ""}
        heard = asker.ask(STUDY_FIND, 0x0020, identifier(keys) + asked)  # type: ignore[arg-type]
    (answer,) = heard.answers
    assert answer.RequestAttributesSequence[0].ScheduledProcedureStepID == "S7"
    assert answer.RequestAttributesSequence[0].RequestedProcedureID == "R7"


# Letters --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked", ["Shcherbakov*", "ЩЕРБАКОВ", "Щербаков^*", "щербаков^семен", "Scherbakov", "SHCHERBAKOV^SEMYON"]
)
def test_shcherbakov_is_found(asker: Asker, asked: str) -> None:
    heard = asker.find({**STUDIES, "PatientName": asked}, label="ISO_IR 192")
    assert heard.values("PatientName") == ["Щербаков^Семён"]


@pytest.mark.parametrize("asked", ["Иванов", "Ivanov", "ІВАНОВ*"])
def test_ivanov_is_found(asker: Asker, asked: str) -> None:
    assert asker.find({**STUDIES, "PatientName": asked}, label="ISO_IR 192").values("PatientName") == [NAMES[1]]


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("ISO_IR 192", "utf-8"),
        ("ISO_IR 144", "iso8859_5"),
        ("\\ISO 2022 IR 144", "2022"),
        (None, "cp1251"),
        (None, "utf-8"),
        ("ISO_IR 100", "cp1251"),
        ("ISO_IR 100", "koi8_r"),
        (None, "koi8_r"),
        (None, "cp866"),
        ("ISO_IR 144", "utf-8"),
    ],
)
@pytest.mark.parametrize("name", ["ЩЕРБАКОВ", "Щербаков*", "Щербаков^Семён"])
def test_letters_are_understood_by_evidence(asker: Asker, label: str | None, codec: str, name: str) -> None:
    """F-12."""
    raw = b"^".join(b"\x1b-L" + part.encode("iso8859_5") for part in name.split("^")) if codec == "2022" else b""
    heard = asker.find({**STUDIES, "PatientName": raw or name.encode(codec)}, label=label)
    assert heard.status == 0
    assert heard.values("PatientName") == ["Щербаков^Семён"]


def test_a_short_name_is_read_as_the_caller_is_configured_or_as_somebody_is_found(
    start: Start, index: ArchiveDouble
) -> None:
    index.add(entry(20, PatientName="Ли^Ян"))
    for texts in ({"READER": "cp1251"}, {}):
        with Asker(start(texts), [STUDY_FIND], calling="READER") as asker:
            heard = asker.find({**STUDIES, "PatientName": "ЛИ".encode("cp1251")})
            assert [answer.StudyInstanceUID for answer in heard.answers] == [f"{ROOT}.20"], texts


@pytest.mark.parametrize("asked", ["?????", "??????^????", "?????^", "�����"])
def test_a_name_of_question_marks_finds_nobody_and_says_so(asker: Asker, asked: str) -> None:
    heard = asker.find({**STUDIES, "PatientName": asked}, label="ISO_IR 192")
    assert heard.status == 0xC001
    assert not heard.answers
    assert "letters of the name were lost" in heard.comment


def test_a_name_of_question_marks_beside_an_id_is_not_looked_at(asker: Asker) -> None:
    heard = asker.find({**STUDIES, "PatientName": "????????", "PatientID": "P1"}, label="ISO_IR 192")
    assert heard.values("PatientID") == ["P1"]


def test_one_question_mark_is_a_wild_card(asker: Asker) -> None:
    assert len(asker.find({**STUDIES, "PatientName": "Щерб?ков*"}, label="ISO_IR 192").answers) == 1


@pytest.mark.parametrize(
    ("text", "label", "asked", "expected_label", "expected"),
    [
        (None, "ISO_IR 192", "P1", "ISO_IR 192", "Щербаков^Семён"),
        (None, "ISO_IR 144", "P1", "ISO_IR 144", "Щербаков^Семён"),
        (None, "\\ISO 2022 IR 144", "P1", "ISO_IR 144", "Щербаков^Семён"),
        (None, "ISO_IR 144", "P3", "ISO_IR 192", "Ґудзь^Остап"),
        (None, "ISO_IR 100", "P1", "ISO_IR 192", "Щербаков^Семён"),
        (None, None, "P1", "ISO_IR 192", "Щербаков^Семён"),
        (None, None, "P4", "ISO_IR 100", "Smith^John"),
        ("iso_ir_144", "ISO_IR 192", "P1", "ISO_IR 144", "Щербаков^Семён"),
        ("iso_ir_144", None, "P3", "ISO_IR 144", "Гудзь^Остап"),
        ("iso_ir_144", None, "P5", "ISO_IR 192", "Қасымов^Әлихан"),
        ("utf-8", None, "P1", "ISO_IR 192", "Щербаков^Семён"),
        ("transliterate:ru-icao9303", "ISO_IR 192", "P1", "ISO_IR 100", "Shcherbakov^Semen"),
    ],
)
def test_answers_are_in_letters_the_caller_reads(
    start: Start, text: str | None, label: str | None, asked: str, expected_label: str, expected: str
) -> None:
    texts = {} if text is None else {"READER": text}
    with Asker(start(texts), [STUDY_FIND], calling="READER") as asker:
        (answer,) = asker.find({**STUDIES, "PatientID": asked}, label=label).answers
    assert answer.SpecificCharacterSet == expected_label
    assert str(answer.PatientName) == expected


def test_a_caller_that_reads_a_code_page_gets_it_under_a_modest_label(start: Start) -> None:
    """F-15: what it lacks comes in UTF-8."""
    with Asker(start({"READER": "cp1251"}), [STUDY_FIND], calling="READER") as asker:
        heard = asker.find({**STUDIES, "PatientID": "P1"})
        unreadable = asker.find({**STUDIES, "PatientID": "P5"})
    assert heard.answers[0].SpecificCharacterSet == "ISO_IR 100"
    assert heard.answers[0].PatientName.original_string.strip() == "Щербаков^Семён".encode("cp1251")
    assert unreadable.answers[0].SpecificCharacterSet == "ISO_IR 192"  # F-15: never a question mark
    assert str(unreadable.answers[0].PatientName) == "Қасымов^Әлихан"


# Limits ---------------------------------------------------------------------------------------------------------------


def test_beyond_the_limit_is_a700_and_says_how_many_came(start: Start, index: ArchiveDouble) -> None:
    """N-07: so many answers and no more, and no caller can take them for all there are."""
    index.add(*(entry(study) for study in range(100, 400)))
    with Asker(start(most_answers=250), [STUDY_FIND]) as asker:
        heard = asker.find(STUDIES)
        assert (heard.status, len(heard.answers)) == (0xA700, 250)
        assert "250" in heard.comment
        exact = asker.find({**STUDIES, "StudyInstanceUID": "\\".join(f"{ROOT}.{n}" for n in range(100, 350))})
        assert (exact.status, len(exact.answers)) == (0, 250)


def test_a_list_of_a_thousand_uids(start: Start, index: ArchiveDouble) -> None:
    """N-07: a list of 1,000 UIDs is answered; a longer one is told to be too long."""
    index.add(*(entry(study) for study in range(100, 110)))
    listed = [f"{ROOT}.{n}" for n in range(100, 1100)]
    with Asker(start(), [STUDY_FIND]) as asker:
        assert len(asker.find({**STUDIES, "StudyInstanceUID": "\\".join(listed)}).answers) == 10
        assert asker.find({**STUDIES, "StudyInstanceUID": "\\".join([*listed, "1.2"])}).status == 0xA900


def test_an_index_in_trouble_is_told_and_the_association_lives(asker: Asker, index: ArchiveDouble) -> None:
    index.trouble = RecordsTrouble(Fault("TLM-SQL-001", "trouble", "wait"))
    heard = asker.find(STUDIES)
    assert (heard.status, heard.answers) == (0xC001, [])
    index.trouble = None
    assert asker.find(STUDIES).status == 0


@pytest.mark.parametrize("asked", [f"{ROOT}.1", f"{ROOT}.77"])
def test_answers_that_cannot_be_whole_are_not_said_to_be(asker: Asker, index: ArchiveDouble, asked: str) -> None:
    """What was acknowledged and cannot be indexed now must not look as if it were not held."""
    keys = {**STUDIES, "StudyInstanceUID": asked}
    whole = asker.find(keys)
    index.unfindable_since = datetime(2026, 11, 22, 10, 5, 7, tzinfo=UTC)
    heard = asker.find(keys)
    assert (whole.status, heard.status) == (0, 0xA700)
    assert heard.values("StudyInstanceUID") == whole.values("StudyInstanceUID")
    assert "2026-11-22 10:05:07 UTC" in heard.comment
    assert heard.comment.endswith("yet")
    index.unfindable_since = None
    assert asker.find(keys).status == 0


def test_a_caller_without_the_right_gets_no_context(tmp_path: Path, index: ArchiveDouble) -> None:
    services = query_retrieve_services(index, nothing_is_opened, lambda *_: None, QuerySettings("TOLMACH"))  # type: ignore[arg-type]
    callers = (Caller("asker", "ASKER", ("127.0.0.1",), frozenset({"store", "move"})),)
    settings = StorageScpSettings(port=0, policy=AcceptancePolicy(None, callers))
    with (
        StorageScp(settings, tmp_path, lambda _: 0, services=services) as scp,
        Asker(scp.port, [STUDY_FIND, PATIENT_FIND]) as asker,
    ):
        assert asker.assoc.context_for(STUDY_FIND, LE) is None
