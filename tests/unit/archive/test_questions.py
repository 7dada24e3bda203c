"""Matching strings become conditions; what cannot be asked is told or refused."""

from __future__ import annotations

import pytest

from tolmach.archive.attributes import STUDY_MOMENT, everything, usual
from tolmach.archive.faults import Unanswerable
from tolmach.archive.interfaces import LEVELS, Between, Like, Named, OneOf
from tolmach.archive.questions import MOST_VALUES, question


@pytest.mark.parametrize(
    ("keyword", "value", "condition"),
    [
        ("PatientID", "17", OneOf(("17",))),
        ("PatientID", " 17 ", OneOf(("17",))),
        ("PatientID", "1*", Like("1*")),
        ("PatientID", "17\\18", OneOf(("17", "18"))),
        ("AccessionNumber", "A?1", Like("A?1")),
        ("StudyInstanceUID", "1.2\\1.3\\1.2\0", OneOf(("1.2", "1.3"))),
        ("StudyDate", "20260131", OneOf(("20260131",))),
        ("StudyDate", "2026.01.31", OneOf(("20260131",))),
        ("StudyDate", "20260101-20260131", Between("20260101", "20260131")),
        ("StudyDate", "20260101-", Between("20260101", "")),
        ("StudyDate", "-20260131", Between("", "20260131")),
        ("StudyDate", "2026*", Like("2026*")),
        ("StudyTime", "10", Between("10", "10")),
        ("StudyTime", "10:15-111530.5", Between("1015", "111530.5")),
        ("ModalitiesInStudy", "CT\\MR", OneOf(("CT", "MR"))),
        ("Modality", "CT", OneOf(("CT",))),
        ("PatientName", "ИВАНОВ", Named("ИВАНОВ")),
        ("PatientName", "Shcherbakov*", Named("Shcherbakov*")),
        ("PatientName", "Щербаков^*", Named("Щербаков^*")),
        ("PatientName", "Щерб?ков", Named("Щерб?ков")),
        ("PatientName", "Щербаков^Иван", Like("Щербаков^Иван")),
        ("ReferringPhysicianName", "Лікар*", Named("Лікар*")),
        ("RequestAttributesSequence.RequestedProcedureID", "R1", OneOf(("R1",))),
    ],
)
def test_a_value_becomes_a_condition(keyword: str, value: str, condition: object) -> None:
    asked = question("series", {keyword: value})
    assert list(asked.conditions.values()) == [condition]
    assert asked.not_supported == ()


def test_fuzzy_compares_whole_names() -> None:
    assert question("study", {"PatientName": "Ivanov^Ivan"}, fuzzy=True).conditions == {
        "PatientName": Named("Ivanov^Ivan")
    }


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        *(("PatientID", value) for value in ("", "*", "**", " ", "\0")),
        *(("PatientName", value) for value in ("", "*", "^", "*^*", "=", " * ")),
        *(("StudyDate", value) for value in ("", "-", "*")),
        ("StudyInstanceUID", "\\"),
        ("RequestAttributesSequence.RequestedProcedureID", ""),
    ],
)
def test_universal_keys_are_asked_back_and_are_no_conditions(keyword: str, value: str) -> None:
    asked = question("series", {keyword: value}, [])
    assert asked.conditions == {}
    assert asked.returned == frozenset({keyword.partition(".")[0]})
    assert asked.not_supported == ()


def test_what_the_asker_knows_by_itself_is_no_business_of_the_index() -> None:
    asked = question("study", {"QueryRetrieveLevel": "STUDY", "SpecificCharacterSet": "ISO_IR 192"}, ["RetrieveURL"])
    assert (asked.conditions, asked.returned, asked.not_supported) == ({}, frozenset(), ())


def test_what_is_not_supported_is_named_and_asks_for_nothing() -> None:
    asked = question(
        "study",
        {"SeriesNumber": "1", "PixelData": "", "NumberOfStudyRelatedSeries": "2", "StudyID": "7", "Nonsense": "x"},
        ["EthnicGroup", "KVP"],
    )
    assert asked.not_supported == ("SeriesNumber", "PixelData", "Nonsense", "KVP", "NumberOfStudyRelatedSeries")
    assert asked.conditions == {"StudyID": OneOf(("7",))}
    assert asked.returned == frozenset({"StudyID", "EthnicGroup"})


def test_the_modality_of_a_study_is_that_of_its_series() -> None:
    assert set(question("study", {"Modality": "CT"}).conditions) == {"ModalitiesInStudy"}
    assert set(question("series", {"Modality": "CT"}).conditions) == {"Modality"}


def test_unique_keys_that_are_missing_are_told_unless_that_is_agreed() -> None:
    assert [one.code for one in question("instance", {}).problems] == ["TLM-ARC-005"] * 2
    assert question("instance", {}, relational=True).problems == ()
    assert question("series", {"StudyInstanceUID": "1.2"}).problems == ()
    assert question("study", {}).problems == ()


def test_date_and_time_may_be_one_range() -> None:
    asked = {"StudyDate": "20260101-20260103", "StudyTime": "10-1115"}
    joined = question("study", asked, combined=True).conditions
    assert joined == {
        "StudyDate": Between("20260101", "20260103"),
        STUDY_MOMENT: Between("20260101100000", "202601031115"[:8] + "111559.999999"),
    }
    assert set(question("study", asked).conditions) == {"StudyDate", "StudyTime"}
    open_end = question("study", {"StudyDate": "20260101-", "StudyTime": "10-"}, combined=True).conditions
    assert open_end[STUDY_MOMENT] == Between("20260101100000", "")


@pytest.mark.parametrize("value", ["202613-x", "tomorrow", "2026-01-31", "20260101--20260102", "1", "99"])
def test_what_is_no_date_is_refused(value: str) -> None:
    with pytest.raises(Unanswerable) as caught:
        question("study", {"StudyDate": value})
    assert caught.value.code == "TLM-ARC-003"


def test_limits() -> None:
    for value in ("x" * 1025, "\\".join("1" * (MOST_VALUES + 1)), "*a" * 13):
        with pytest.raises(Unanswerable) as caught:
            question("study", {"PatientID": value})
        assert caught.value.code == "TLM-ARC-004"
    assert len(question("study", {"StudyInstanceUID": "\\".join(map(str, range(1000)))}).conditions) == 1
    assert question("study", {}, limit=-1, offset=-5).limit == 0
    assert question("study", {}, limit=10**9).limit == 100_000


# Letters that were lost ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["?????", "????? ????", "?????^????", "?????*", "?*", "??*^*", "\ufffd\ufffd\ufffd", "???=???"]
)
def test_a_name_whose_letters_were_lost_finds_nobody(name: str) -> None:
    for fuzzy in (False, True):
        with pytest.raises(Unanswerable) as caught:
            question("study", {"PatientName": name, "ModalitiesInStudy": "CT"}, fuzzy=fuzzy)
        assert caught.value.code == "TLM-ARC-001"
        assert "letters" in str(caught.value)


@pytest.mark.parametrize(
    "narrowing",
    [{"PatientID": "17"}, {"StudyDate": "20260101"}, {"AccessionNumber": "A1"}, {"StudyInstanceUID": "1.2"}],
)
def test_a_lost_name_is_left_out_where_something_else_says_who_it_is(narrowing: dict[str, str]) -> None:
    asked = question("study", {"PatientName": "?????", **narrowing})
    assert set(asked.conditions) == set(narrowing)
    assert [one.code for one in asked.problems] == ["TLM-ARC-002"]


def test_a_universal_key_narrows_nothing() -> None:
    with pytest.raises(Unanswerable):
        question("study", {"PatientName": "?????", "PatientID": "*", "StudyDate": ""})


def test_the_parts_that_have_letters_are_still_looked_for() -> None:
    asked = question("study", {"PatientName": "?????^Ivan"})
    assert asked.conditions == {"PatientName": Like("*^Ivan")}
    assert [one.code for one in asked.problems] == ["TLM-ARC-002"]


@pytest.mark.parametrize("name", ["Ив?нов", "?ванов", "Иван??", "Smith?", "1??"])
def test_question_marks_among_letters_are_wild_cards(name: str) -> None:
    asked = question("study", {"PatientName": name})
    assert asked.conditions == {"PatientName": Named(name)}
    assert asked.problems == ()


def test_the_usual_is_part_of_everything() -> None:
    for level in LEVELS:
        assert usual(level) <= everything(level)
    assert "NumberOfPatientRelatedStudies" not in usual("study")
