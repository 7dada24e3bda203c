"""`tolmach send` into a real Orthanc: what it holds afterwards is right to the letter and otherwise what was sent."""

import io
from pathlib import Path

import pydicom
import pytest

from tests.calling import IVANOV, call, folder_of, numbered
from tests.peers.conftest import RunningOrthanc
from tests.peers.dicom_files import values_of
from tolmach.apps.demo import SAMPLES, make_sample

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:pydicom")]


def test_orthanc_holds_repaired_files_right_to_the_letter(orthanc: RunningOrthanc, tmp_path: Path) -> None:
    files = [make_sample(sample, tmp_path / "in") for sample in SAMPLES]
    called = call("send", tmp_path / "in", str(orthanc.address), "--json")
    assert (called.status, called.err) == (0, "")
    reports = {Path(one["path"]).name: one for one in called.objects}
    assert orthanc.instances().keys() == {one["sop_instance_uid"] for one in called.objects}
    for sample, file in zip(SAMPLES, files, strict=True):
        report = reports[sample.name]
        stored = orthanc.file_of(report["sop_instance_uid"])
        data_set = pydicom.dcmread(io.BytesIO(stored))
        for keyword, text in sample.text.items():
            assert str(data_set[keyword].value) == text
        tags = orthanc.get_json(f"/instances/{orthanc.instances()[report['sop_instance_uid']]}/simplified-tags")
        assert tags["PatientName"] == sample.text["PatientName"]
        before, after = values_of(file.read_bytes()), values_of(stored)
        differing = {tag for tag in before.keys() | after.keys() if before.get(tag) != after.get(tag)}
        changed = {f"({change['path'][:4]},{change['path'][4:8]})" for change in report["changes"]}
        assert {tag.upper().replace(" ", "") for tag in differing} <= {tag.upper() for tag in changed}


def test_names_are_found_by_orthanc_as_people_write_them(orthanc: RunningOrthanc, tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=numbered(1))
    assert call("send", tmp_path / "in", str(orthanc.address)).status == 0
    (patient,) = orthanc.get_json("/patients?expand")
    assert patient["MainDicomTags"]["PatientName"] == IVANOV


def test_a_wrong_ae_title_is_one_clear_line(orthanc: RunningOrthanc, tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=numbered(1), b=numbered(2))
    wrong = f"WRONG@127.0.0.1:{orthanc.dicom_port}"
    called = call("send", tmp_path / "in", wrong, "--json")
    assert (called.status, called.codes) == (1, ["TLM-NET-023"])
    assert "WRONG" in called.err
    assert all(one["sent"] is None for one in called.objects)
    assert call("echo", wrong).codes == ["TLM-NET-023"]
    assert orthanc.instances() == {}


def test_the_wrong_port_of_the_right_machine(orthanc: RunningOrthanc, tmp_path: Path) -> None:
    folder_of(tmp_path / "in", a=numbered(1))
    called = call("send", tmp_path / "in", f"ORTHANC@127.0.0.1:{orthanc.http_port}", "--json")
    assert (called.status, len(called.lines)) == (1, 1)
    assert called.codes[0].startswith("TLM-NET-03")
    assert called.objects[0]["sent"] is None


def test_four_associations_and_echo(orthanc: RunningOrthanc, tmp_path: Path) -> None:
    folder_of(tmp_path / "in", **{f"f{number:03}": numbered(number) for number in range(40)})
    called = call("send", tmp_path / "in", str(orthanc.address), "--associations", "4", "--json")
    assert (called.status, len(orthanc.instances())) == (0, 40)
    assert call("echo", str(orthanc.address)).status == 0
