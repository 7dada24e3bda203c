"""The head of a received file, read back by pydicom."""

from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.filereader import read_file_meta_info

from tolmach.adapters.dimse.part10_meta import encode_file_meta
from tolmach.dicom import uids


@pytest.mark.parametrize("source", ["", "CT1", "ROOM 12"])
@pytest.mark.parametrize("sop_instance_uid", ["1.2.3", "1.2.34"])
def test_pydicom_reads_the_meta(tmp_path, source: str, sop_instance_uid: str) -> None:  # type: ignore[no-untyped-def]
    head = encode_file_meta(uids.CTImageStorage, sop_instance_uid, uids.ExplicitVRLittleEndian, source)
    data_set = b"\x10\x00\x10\x00PN\x04\x00A^B "
    file = tmp_path / "a.dcm"
    file.write_bytes(head + data_set)
    meta = read_file_meta_info(file)
    assert meta.FileMetaInformationGroupLength == len(head) - 144
    assert meta.FileMetaInformationVersion == b"\x00\x01"
    assert meta.MediaStorageSOPClassUID == uids.CTImageStorage
    assert meta.MediaStorageSOPInstanceUID == sop_instance_uid
    assert meta.TransferSyntaxUID == uids.ExplicitVRLittleEndian
    assert meta.ImplementationClassUID == uids.IMPLEMENTATION_CLASS_UID
    assert meta.ImplementationVersionName == "TOLMACH_0_1"
    assert meta.get("SourceApplicationEntityTitle", "") == source
    assert str(dcmread(BytesIO(head + data_set)).PatientName) == "A^B"
