"""What is asked of the archive is answered the same by every index: in memory, and in the records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.archive_double import ROOT, ArchiveDouble, entry, held_for
from tests.builders import CT_IMAGE, EXPLICIT_LE
from tests.contracts.records_factories import FACTORIES, Clock
from tests.contracts.records_values import FROM_CT
from tolmach.adapters.sql import Records
from tolmach.archive.interfaces import LEVELS, Entry, Index, Level
from tolmach.archive.questions import question
from tolmach.delivery.interfaces import Edition, Ending
from tolmach.intake.interfaces import Arrival

SR = "1.2.840.10008.5.1.4.1.1.88.11"
UNIQUE = {"patient": "PatientID", "study": "StudyInstanceUID", "series": "SeriesInstanceUID"}


@dataclass
class Kept:
    """An index and how entries come into it."""

    index: Index
    add: Callable[..., None]

    def find(self, level: Level, returned: list[str] | None = None, /, **asked: Any) -> list[Mapping[str, Any]]:
        return self.page(level, asked, returned)[0]

    def page(
        self, level: Level, asked: Mapping[str, str], returned: list[str] | None = None, **how: Any
    ) -> tuple[list[Mapping[str, Any]], int]:
        found, more = self.index.find(question(level, asked, returned, **how))
        assert {one.level for one in found} <= {level}
        return [one.values for one in found], more

    def names(self, level: Level = "study", /, **asked: str) -> set[str]:
        """Give the last parts of the UIDs that are found."""
        key = UNIQUE.get(level, "SOPInstanceUID")
        return {one[key][0].removeprefix(f"{ROOT}.") for one in self.find(level, [key], **asked)}


def into_records(records: Records, *entries: Entry) -> None:
    """Let instances arrive and their journeys end."""
    endings = []
    for one in entries:
        held = held_for(one)
        arrival = Arrival(
            sha256=held.stored_sha256,
            size=held.size,
            data_set_offset=held.data_set_offset,
            sop_class_uid=held.sop_class_uid,
            sop_instance_uid=held.sop_instance_uid,
            transfer_syntax_uid=EXPLICIT_LE,
            provenance=FROM_CT,
            received_at=held.received_at,
        )
        receipt = records.receipts.record(arrival)
        endings.append(
            Ending(
                receipt.object_id,
                *(held.sop_class_uid, held.sop_instance_uid, EXPLICIT_LE),
                *(held.study_instance_uid, held.series_instance_uid),
                editions=[Edition(b"", held.sop_class_uid, held.sop_instance_uid)],
                entry=one,
            )
        )
    records.ends.finish(endings)


@pytest.fixture(params=["double", *FACTORIES])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    with opened(request.param, tmp_path) as one:
        yield one


class opened:  # noqa: N801 - used like a function
    def __init__(self, name: str, folder: Path) -> None:
        self.records = None if name == "double" else FACTORIES[name](folder, Clock())

    def __enter__(self) -> Kept:
        if self.records is None:
            double = ArchiveDouble()
            return Kept(double, double.add)
        records = self.records
        return Kept(records.index, lambda *entries: into_records(records, *entries))

    def __exit__(self, *_: object) -> None:
        if self.records is not None:
            assert self.records.desk.audit().holds
            assert self.records.integrity_findings() == []
            self.records.close()


@pytest.fixture
def few(kept: Kept) -> Kept:
    kept.add(
        entry(1, 1, 1, StudyDate="20261101", StudyTime="0915", StudyDescription="КТ грудної клітки", StudyID="007"),
        entry(1, 1, 2, StudyDate="20261101", StudyTime="0915", StudyDescription="КТ грудної клітки", StudyID="007"),
        entry(1, 2, 1, StudyDate="20261101", StudyTime="0915", Modality="SR", SOPClassUID=SR, StudyID="007"),
        entry(2, 1, 1, PatientName="Щербаков^Пётр", StudyDate="20261102", StudyTime="101530.5", PatientSex="M"),
        entry(3, 1, 1, PatientName="SHCHERBAKOV^ANNA", StudyDate="20261103", Modality="DX", AccessionNumber=""),
        entry(4, 1, 1, PatientName="Иванов^Иван^Петрович=Ivanov^Ivan", StudyDate="", PatientBirthDate="19500607"),
        entry(5, 1, 1, PatientID="P4", PatientName="Иванов^Иван^Петрович=Ivanov^Ivan", PatientBirthDate="19500607"),
    )
    return kept


# What comes back ----------------------------------------------------------------------------------------------------


def test_nothing_is_found_in_an_empty_archive(kept: Kept) -> None:
    for level in LEVELS:
        assert kept.page(level, {}) == ([], 0)
    assert list(kept.index.held(studies=[f"{ROOT}.1"])) == []


def test_a_study_comes_with_what_is_usual_and_its_counts(few: Kept) -> None:
    (one,) = few.find("study", StudyInstanceUID=f"{ROOT}.1")
    assert one == {
        "PatientName": ("Іваненко^Іван",),
        "PatientID": ("P1",),
        "StudyInstanceUID": (f"{ROOT}.1",),
        "StudyDate": ("20261101",),
        "StudyTime": ("0915",),
        "StudyID": ("007",),
        "StudyDescription": ("КТ грудної клітки",),
        "AccessionNumber": ("A1",),
        "ModalitiesInStudy": ("CT", "SR"),
        "NumberOfStudyRelatedSeries": ("2",),
        "NumberOfStudyRelatedInstances": ("3",),
    }


def test_counts_of_each_level(few: Kept) -> None:
    (patient,) = few.find("patient", PatientID="P4")
    assert patient["NumberOfPatientRelatedStudies"] == ("2",)
    asked = ["NumberOfPatientRelatedSeries", "NumberOfPatientRelatedInstances", "SOPClassesInStudy"]
    (patient,) = few.find("patient", asked, PatientID="P1")
    assert patient == {
        "PatientID": ("P1",),
        "NumberOfPatientRelatedSeries": ("2",),
        "NumberOfPatientRelatedInstances": ("3",),
    }
    (study,) = few.find("study", ["SOPClassesInStudy", "NumberOfPatientRelatedStudies"], PatientID="P1")
    assert (study["SOPClassesInStudy"], study["NumberOfPatientRelatedStudies"]) == ((CT_IMAGE, SR), ("1",))
    counts = {one["SeriesNumber"]: one["NumberOfSeriesRelatedInstances"] for one in few.find("series", PatientID="P1")}
    assert counts == {("1",): ("2",), ("2",): ("1",)}


def test_only_what_is_asked_comes_back(few: Kept) -> None:
    assert few.find("study", ["StudyDate"], StudyID="007") == [{"StudyDate": ("20261101",), "StudyID": ("007",)}]
    assert few.find("study", [], StudyInstanceUID=f"{ROOT}.4", StudyDate="") == [{"StudyInstanceUID": (f"{ROOT}.4",)}]


def test_an_instance_comes_with_the_levels_above(few: Kept) -> None:
    (one,) = few.find("instance", SOPInstanceUID=f"{ROOT}.1.2.1")
    assert (one["SOPClassUID"], one["Modality"], one["PatientID"]) == ((SR,), ("SR",), ("P1",))
    assert one["NumberOfStudyRelatedInstances"] == ("3",)


def test_the_newest_study_comes_first_and_pages_do_not_overlap(few: Kept) -> None:
    order = [one["StudyInstanceUID"][0][-1] for one in few.find("study")]
    assert order == ["5", "3", "2", "1", "4"]
    pages = [few.page("study", {}, ["StudyInstanceUID"], offset=offset, limit=2) for offset in (0, 2, 4, 6)]
    assert [more for _, more in pages] == [3, 1, 0, 0]
    assert [one["StudyInstanceUID"][0][-1] for page, _ in pages for one in page] == order
    assert few.page("study", {}, limit=0) == ([], 5)
    assert few.page("study", {"PatientName": "*ов*"}, offset=1, limit=1)[1] == 2


def test_an_instance_that_comes_again_is_there_once(few: Kept) -> None:
    few.add(entry(1, 1, 1, StudyDate="20261101", StudyTime="0915", StudyDescription="КТ грудної клітки", StudyID="007"))
    (one,) = few.find("study", PatientID="P1")
    assert one["NumberOfStudyRelatedInstances"] == ("3",)


# Conditions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"PatientID": "P2"}, "2"),
        ({"PatientID": "p2"}, ""),
        ({"PatientID": "p?"}, "1 2 3 4 5"),
        ({"PatientID": "*4"}, "4 5"),
        ({"AccessionNumber": "A1"}, "1"),
        ({"AccessionNumber": "*"}, "1 2 3 4 5"),
        ({"AccessionNumber": "?*"}, "1 2 4 5"),
        ({"StudyID": "007"}, "1"),
        ({"StudyID": "7"}, ""),
        ({"StudyInstanceUID": rf"{ROOT}.1\{ROOT}.3\1.2.3"}, "1 3"),
        ({"StudyDate": "20261102"}, "2"),
        ({"StudyDate": "20261102-"}, "2 3 5"),
        ({"StudyDate": "-20261102"}, "1 2"),
        ({"StudyDate": "20261101-20261102"}, "1 2"),
        ({"StudyDate": "202611"}, "1 2 3 5"),
        ({"StudyDate": "2026.11.02"}, "2"),
        ({"StudyDate": "-"}, "1 2 3 4 5"),
        ({"StudyTime": "09"}, "1"),
        ({"StudyTime": "1015"}, "2 3 4 5"),
        ({"StudyTime": "101530-"}, "2"),
        ({"StudyTime": "-1000"}, "1"),
        ({"ModalitiesInStudy": "SR"}, "1"),
        ({"ModalitiesInStudy": r"SR\DX"}, "1 3"),
        ({"ModalitiesInStudy": "?R"}, "1"),
        ({"Modality": "DX"}, "3"),
        ({"SOPClassesInStudy": SR}, "1"),
        ({"PatientBirthDate": "19500607"}, "4 5"),
        ({"PatientBirthDate": "1950-1960"}, "4 5"),
        ({"PatientSex": "M"}, "2"),
        ({"StudyDescription": "*ГРУДНОЇ*"}, "1"),
        ({"StudyDescription": "КТ грудної клітки"}, "1"),
        ({"StudyDescription": "кт грудної клітки"}, ""),
        ({"PatientID": "P1", "ModalitiesInStudy": "DX"}, ""),
        ({"PatientID": "P4", "StudyDate": "20261105"}, "5"),
    ],
)
def test_conditions_of_a_study(few: Kept, asked: dict[str, str], found: str) -> None:
    assert few.names(**asked) == set(found.split())


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Shcherbakov*", "2 3"),
        ("ЩЕРБАКОВ", "2 3"),
        ("щербаков^*", "2 3"),
        ("Щербаков^П*", "2"),
        ("shcherbakov^petr", ""),  # not fuzzy: given names are compared as they are written
        ("Щерб?ков", "2 3"),
        ("Щ*", "2 3"),
        ("*бак*", "2 3"),
        ("Іванов", "4 5"),
        ("Ivanov", "4 5"),
        ("Иванов", "4 5"),
        ("Иваненко", "1"),
        ("Ив*", "1 4 5"),
        ("иванов^иван^петрович", "4 5"),
        ("ivanov^ivan", "4 5"),
        ("Иван", ""),
        ("Петров", ""),
        ("^Иван*", ""),
        ("*^Иван*", "4 5"),
    ],
)
def test_names(few: Kept, asked: str, found: str) -> None:
    assert few.names(PatientName=asked) == set(found.split())


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("shcherbakov^petr", "2"),
        ("Scherbakow^P", "2"),
        ("Ivanov^Ivan", "4 5"),
        ("Іванов Іван Петрович", "4 5"),
        ("Ivanov^Petr", ""),
        ("Щербакова^Анна", ""),
        ("^Анна", "3"),
        ("Ivanov^I*^P*", "4 5"),
    ],
)
def test_fuzzy_names(few: Kept, asked: str, found: str) -> None:
    found_here, _ = few.page("study", {"PatientName": asked}, ["StudyInstanceUID"], fuzzy=True)
    assert {one["StudyInstanceUID"][0][-1] for one in found_here} == set(found.split())


def test_numbered_names_are_told_apart(kept: Kept) -> None:
    kept.add(entry(1, PatientName="Phantom01^QC"), entry(2, PatientName="PHANTOM02^QC"), entry(3, PatientName="Phan"))
    for asked, found in (("Phantom01", "1"), ("phantom01*", "1"), ("Phantom0*", "1 2"), ("Phantom", "1 2")):
        assert kept.names(PatientName=asked) == set(found.split()), asked
        assert {one["PatientName"] for one in kept.page("patient", {"PatientName": asked}, fuzzy=True)[0]} == {
            one["PatientName"] for one in kept.find("patient", PatientName=asked)
        }


def test_a_thousand_uids_at_once(few: Kept) -> None:
    uids = "\\".join([f"{ROOT}.{number}" for number in range(3, 1003)])
    assert few.names(StudyInstanceUID=uids) == {"3", "4", "5"}


def test_conditions_of_the_levels_above_count(few: Kept) -> None:
    assert few.names("series", PatientName="Іваненко", Modality="SR") == {"1.2"}
    assert few.names("series", StudyDate="20261103-", ModalitiesInStudy="CT") == {"5.1"}
    assert few.names("instance", StudyInstanceUID=f"{ROOT}.1", SeriesNumber="01", InstanceNumber="2") == {"1.1.2"}
    assert few.names("instance", SOPClassUID=SR) == {"1.2.1"}
    assert few.names("patient", PatientName="Ivanov") == {"P4"}


def test_items_of_a_sequence_are_met_by_one_item(kept: Kept) -> None:
    items = (
        {"ScheduledProcedureStepID": ("S1",), "RequestedProcedureID": ("R1",)},
        {"ScheduledProcedureStepID": ("S2",), "RequestedProcedureID": ("R2",)},
    )
    kept.add(entry(1, RequestAttributesSequence=items), entry(2))
    step, procedure = (
        f"RequestAttributesSequence.{key}" for key in ("ScheduledProcedureStepID", "RequestedProcedureID")
    )
    for asked, found in (({step: "S1", procedure: "R1"}, 1), ({step: "s*"}, 1), ({step: "S1", procedure: "R2"}, 0)):
        assert len(kept.page("series", asked)[0]) == found
    ((one,), _) = kept.page("series", {step: "S2"})
    assert one["RequestAttributesSequence"] == items


def test_signs_that_mean_something_to_a_database_are_letters_here(kept: Kept) -> None:
    kept.add(entry(1, PatientName="100%^A_B", PatientID="a%b"), entry(2, PatientName="1000^AxB", PatientID="axb"))
    kept.add(entry(3, PatientName="Об'єкт\\ї", StudyDescription="' OR 1=1 --"))
    assert kept.names(PatientName="100%^*") == {"1"}
    assert kept.names(PatientName="*^A_B") == {"1"}
    assert kept.names(PatientID="a%*") == {"1"}
    assert kept.names(StudyDescription="' OR*") == {"3"}
    assert kept.names(PatientName="' OR 1=1 --") == set()


@pytest.mark.parametrize("number", ["9" * 40, str(1 << 40), "-" + "9" * 40, "x", "1e3", "\ud800", "--1"])
def test_numbers_that_are_none(few: Kept, number: str) -> None:
    few.add(entry(6, SeriesNumber="", InstanceNumber=""))
    assert few.names("series", SeriesNumber=number) == set()
    assert few.names("instance", InstanceNumber=number) == set()


# Retrieval ----------------------------------------------------------------------------------------------------------


def held(kept: Kept, **what: Any) -> list[str]:
    return [one.sop_instance_uid.removeprefix(f"{ROOT}.") for one in kept.index.held(**what)]


def test_instances_come_in_the_order_of_their_numbers(kept: Kept) -> None:
    series = {1: "2", 2: "10", 3: ""}
    for number in (3, 1, 2):
        kept.add(*(entry(1, number, one, SeriesNumber=series[number]) for one in (10, 9, 2)))
    kept.add(entry(1, 1, 7, SeriesNumber="2", InstanceNumber=""))
    expected = ["1.1.2", "1.1.9", "1.1.10", "1.1.7", *(f"1.{a}.{b}" for a in (2, 3) for b in (2, 9, 10))]
    assert held(kept, studies=[f"{ROOT}.1"]) == expected
    assert held(kept, series=[f"{ROOT}.1.2"]) == ["1.2.2", "1.2.9", "1.2.10"]


def test_instances_of_a_patient_and_by_uid(few: Kept) -> None:
    assert held(few, patient_id="P4") == ["4.1.1", "5.1.1"]
    assert held(few, patient_id="P4", studies=[f"{ROOT}.5"]) == ["5.1.1"]
    assert held(few, instances=[f"{ROOT}.2.1.1", "1.2.3", f"{ROOT}.1.1.2"]) == ["1.1.2", "2.1.1"]
    assert held(few, studies=[f"{ROOT}.1"], instances=[f"{ROOT}.2.1.1"]) == []
    assert held(few, studies=["1.2.3"]) == []
    assert held(few) == []


def test_what_is_held_says_all_that_giving_it_back_needs(few: Kept) -> None:
    (one,) = few.index.held(instances=[f"{ROOT}.1.2.1"])
    expected = held_for(entry(1, 2, 1, SOPClassUID=SR))
    for name in (
        *("stored_sha256", "data_set_offset", "delta", "sop_class_uid", "transfer_syntax_uid", "size", "frames"),
        *("study_instance_uid", "series_instance_uid", "received_at"),
    ):
        assert getattr(one, name) == getattr(expected, name), name


def test_a_large_series_comes_whole(kept: Kept) -> None:
    for start in range(1, 1301, 260):
        kept.add(*(entry(1, 1, number) for number in range(start, start + 260)))
    assert held(kept, series=[f"{ROOT}.1.1"]) == [f"1.1.{number}" for number in range(1, 1301)]
    wanted = [f"{ROOT}.1.1.{number}" for number in range(1, 1301, 2)]
    assert len(held(kept, instances=wanted)) == 650


def test_what_is_not_held_is_not_sound(few: Kept) -> None:
    assert few.index.is_sound(CT_IMAGE, "1.2.3") == "unknown"
    assert few.index.is_sound(CT_IMAGE, f"{ROOT}.1.2.1") == "other-class"


# Both the same ------------------------------------------------------------------------------------------------------

_WORDS = st.sampled_from(
    ["ИВАНОВ", "Иванов", "Ivanov", "Іваненко", "Щербаков", "О'Коннор", "?", "*", "в", "Петр", "ЁЖ", "Ежов", "QA1", "2"]
)
_NAMES = st.lists(st.lists(_WORDS, max_size=2).map("".join), min_size=1, max_size=3).map("^".join)
_STUDIES = st.tuples(
    _NAMES, st.sampled_from(["", "20260101", "2026.01.02", "20251231"]), st.sampled_from(["CT", "DX", ""])
)
_ASKED = st.fixed_dictionaries(
    {},
    optional={
        "PatientName": _NAMES,
        "PatientID": st.sampled_from(["P1", "P?", "*", "p*", "P1\\P2"]),
        "StudyDate": st.sampled_from(["20260101", "20260101-", "-20260101", "20260102", "2026", ""]),
        "ModalitiesInStudy": st.sampled_from(["CT", "C*", "DX\\CT"]),
        "StudyDescription": st.sampled_from(["*1*", "?", "Об%"]),
    },
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_STUDIES, max_size=6), st.lists(_ASKED, min_size=1, max_size=6), st.booleans())
def test_every_index_answers_alike(
    tmp_path_factory: pytest.TempPathFactory, known: list[Any], questions: list[dict[str, str]], fuzzy: bool
) -> None:
    entries = [
        entry(number, PatientName=name, StudyDate=date, Modality=modality, StudyDescription=f"{name}{number}")
        for number, (name, date, modality) in enumerate(known, 1)
    ]
    answers = []
    for name in ("double", *FACTORIES):
        with opened(name, tmp_path_factory.mktemp(name)) as kept:
            kept.add(*entries)
            for asked in questions:
                asked = {"StudyInstanceUID": "", **asked, "AccessionNumber": "A*"}
                answers += [(name, kept.page(level, asked, fuzzy=fuzzy)) for level in LEVELS[:3]]
    books = [[one for by, one in answers if by == name] for name in ("double", *FACTORIES)]
    assert all(book == books[0] for book in books)
