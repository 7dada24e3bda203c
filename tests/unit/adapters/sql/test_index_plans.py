"""Questions to the archive's index are answered by its indexes, however much it holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.archive_double import ROOT, entry
from tests.contracts.test_index import into_records
from tolmach.adapters.sql import Records, index_finding, open_records
from tolmach.adapters.sql.index_finding import explained
from tolmach.archive.interfaces import Level
from tolmach.archive.questions import question


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    with open_records(tmp_path_factory.mktemp("plans")) as opened:
        into_records(opened, *(entry(study, 1, one) for study in range(1, 20) for one in range(1, 4)))
        yield opened


@pytest.fixture
def many_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """No modality is rare here."""
    monkeypatch.setattr(index_finding, "_FEW", 10)
    monkeypatch.setattr(index_finding, "_VERY_FEW", 10)


def plan_of(records: Records, level: Level, asked: dict[str, str]) -> list[str]:
    with records._database.reading() as connection:
        return explained(connection, question(level, asked, limit=100))


@pytest.mark.usefixtures("many_of_each")
@pytest.mark.parametrize(
    ("level", "asked", "index"),
    [
        ("study", {"PatientID": "P1"}, "ix_patients_patient_id (patient_id=?)"),
        ("study", {"PatientBirthDate": "19500607"}, "ix_patients_birth_date (birth_date=?)"),
        ("study", {"PatientName": "Ivanov"}, "patient_names USING PRIMARY KEY (role=? AND key=?)"),
        ("study", {"PatientName": "Ivan*"}, "patient_names USING PRIMARY KEY (role=? AND key>? AND key<?)"),
        ("study", {"PatientName": "Иван?енко"}, "patient_names USING PRIMARY KEY (role=? AND key>? AND key<?)"),
        ("study", {"StudyInstanceUID": f"{ROOT}.1"}, "ix_studies_uid (uid=?)"),
        ("study", {"StudyInstanceUID": "\\".join(f"{ROOT}.{one}" for one in range(1000))}, "ix_studies_uid (uid=?)"),
        ("study", {"AccessionNumber": "A1"}, "ix_studies_accession (accession=?)"),
        ("study", {"StudyID": "7"}, "ix_studies_study_id (study_id=?)"),
        ("study", {"StudyDate": "20261101"}, "ix_studies_date (date=?)"),
        ("study", {"StudyDate": "20261101-20261103"}, "ix_studies_date (date>? AND date<?)"),
        ("study", {"StudyDate": "20261101-", "ModalitiesInStudy": "CT"}, "ix_studies_date (date>?)"),
        ("study", {}, "ix_studies_date"),
        ("series", {"StudyInstanceUID": f"{ROOT}.1"}, "ix_studies_uid (uid=?)"),
        ("series", {"SeriesInstanceUID": f"{ROOT}.1.1"}, "ix_series_uid (uid=?)"),
        ("instance", {"SeriesInstanceUID": f"{ROOT}.1.1"}, "ix_instances_series (series=?"),
        ("instance", {"SOPInstanceUID": f"{ROOT}.1.1.1"}, "ix_instances_uid (uid=?)"),
        ("patient", {"PatientName": "Ivanov"}, "patient_names USING PRIMARY KEY (role=? AND key=?)"),
    ],
)
def test_a_question_is_answered_by_its_index(records: Records, level: Level, asked: dict[str, str], index: str) -> None:
    steps = plan_of(records, level, asked)
    assert any(index in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN") and "INDEX" not in step], steps


@pytest.mark.usefixtures("many_of_each")
@pytest.mark.parametrize(
    "asked", [{"StudyDate": "20261101"}, {"StudyDate": "20261101-20261103"}, {"ModalitiesInStudy": "CT"}, {}]
)
def test_the_newest_studies_come_without_being_sorted(records: Records, asked: dict[str, str]) -> None:
    assert not [step for step in plan_of(records, "study", asked) if "TEMP B-TREE FOR ORDER BY" in step]


@pytest.mark.parametrize("asked", [{"ModalitiesInStudy": "XA"}, {"ModalitiesInStudy": "XA", "StudyDate": "20000101-"}])
def test_a_rare_modality_is_found_without_walking_through_all_studies(records: Records, asked: dict[str, str]) -> None:
    steps = plan_of(records, "study", asked)
    assert "SEARCH series USING INDEX ix_series_modality (modality=?)" in steps
    assert not [step for step in steps if step.startswith("SCAN")], steps


def test_a_modality_is_found_alike_whether_it_is_rare_or_not(records: Records, request: pytest.FixtureRequest) -> None:
    def ask() -> list[object]:
        return [
            records.index.find(question(level, asked, limit=5))
            for level in ("study", "series")
            for asked in ({"ModalitiesInStudy": r"CT\MR"}, {"ModalitiesInStudy": "CT", "StudyDate": "-20261109"})
        ]

    rare = ask()
    request.getfixturevalue("many_of_each")
    assert ask() == rare
