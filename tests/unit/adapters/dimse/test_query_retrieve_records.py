"""C-FIND and Storage Commitment over the records' own index, as `tolmach serve` has it."""

from dataclasses import replace
from pathlib import Path

from tests.archive_double import ROOT, entry
from tests.contracts.records_values import arrival, ending
from tests.unit.adapters.dimse.asking import PATIENT_FIND, STUDY_FIND, Asker
from tolmach.adapters.dimse.query_retrieve_scp import QuerySettings, query_retrieve_services
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.adapters.sql import open_records

NAMES = ("Щербаков^Семён", "Іванов^Іван", "Smith^John")


def test_the_records_answer_like_the_double(tmp_path: Path) -> None:
    with open_records(tmp_path / "data") as records:
        for number, name in enumerate(NAMES, 1):
            one = entry(number, 1, 1, PatientName=name)
            taken = records.receipts.record(arrival(number)).object_id
            uids = {"sop_instance_uid": f"{ROOT}.{number}.1.1", "study_instance_uid": f"{ROOT}.{number}"}
            records.ends.finish([replace(ending(taken), entry=one, **uids)])
        services = query_retrieve_services(
            records.index_with(),
            lambda _held: None,  # type: ignore[arg-type,return-value]
            lambda *_: None,
            QuerySettings("TOLMACH"),
        )
        with (
            StorageScp(StorageScpSettings(port=0), tmp_path, lambda _: 0, services=services) as scp,
            Asker(scp.port, [STUDY_FIND, PATIENT_FIND]) as asker,
        ):
            studies = {"QueryRetrieveLevel": "STUDY", "PatientName": "", "StudyInstanceUID": ""}
            assert set(asker.find(studies, label="ISO_IR 192").values("PatientName")) == set(NAMES)
            for asked in ("Shcherbakov*", "ЩЕРБАКОВ", "Щербаков^*", "Щербаков".encode("cp1251")):
                assert asker.find({**studies, "PatientName": asked}).values("PatientName") == [NAMES[0]]
            for asked in ("Иванов", "Ivanov"):
                assert asker.find({**studies, "PatientName": asked}).values("PatientName") == [NAMES[1]]
            assert asker.find({**studies, "PatientName": "?????"}).status == 0xC001
            series = {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": f"{ROOT}.2", "Modality": ""}
            assert asker.find(series).values("Modality") == ["CT"]
            patients = {"QueryRetrieveLevel": "PATIENT", "PatientID": "", "NumberOfPatientRelatedStudies": ""}
            heard = asker.find(patients, sop_class=PATIENT_FIND)
            assert heard.values("NumberOfPatientRelatedStudies") == ["1"] * 3
