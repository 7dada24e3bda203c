"""Which right each abstract syntax needs."""

from typing import get_args

import pytest

from tolmach.adapters.dimse.rights import EVERY_RIGHT, Right, is_granted, is_storage, right_for
from tolmach.dicom import uids


@pytest.mark.parametrize(
    ("abstract_syntax", "right"),
    [
        (uids.Verification, "echo"),
        (uids.CTImageStorage, "store"),
        (uids.BasicTextSRStorage, "store"),
        (uids.DigitalXRayImageStorageForPresentation, "store"),
        ("1.2.840.10008.5.1.4.1.1.9999", "store"),  # a storage class of a later edition
        ("1.3.12.2.1107.5.9.1", "store"),  # a maker's private class
        (uids.StorageCommitmentPushModel, "commit"),
        (uids.StudyRootQueryRetrieveInformationModelFind, "find"),
        (uids.PatientRootQueryRetrieveInformationModelMove, "move"),
        (uids.StudyRootQueryRetrieveInformationModelGet, "get"),
        (uids.ModalityWorklistInformationModelFind, "worklist"),
        (uids.ModalityPerformedProcedureStep, "mpps"),
        (uids.MediaStorageDirectoryStorage, None),
        (uids.StorageCommitmentPullModel, None),
        ("1.2.840.10008.5.1.1.9", None),  # Basic Grayscale Print Management Meta SOP Class
    ],
)
def test_right_for(abstract_syntax: str, right: str | None) -> None:
    assert right_for(abstract_syntax) == right
    assert is_storage(abstract_syntax) is (right == "store")


@pytest.mark.parametrize("right", get_args(Right))
def test_any_right_includes_echo_and_nothing_else(right: Right) -> None:
    granted = {
        one
        for one in (*uids.SOP_CLASSES, "1.3.12.2.1107.5.9.1")
        if is_granted(one, frozenset({right})) and right_for(one) != "echo"
    }
    assert {right_for(one) for one in granted} == ({right} - {"echo"})
    assert is_granted(uids.Verification, frozenset({right}))


def test_without_rights_nothing_is_granted() -> None:
    assert not any(is_granted(one, frozenset()) for one in uids.SOP_CLASSES)


def test_every_right_is_not_every_class() -> None:
    assert not is_granted(uids.MediaStorageDirectoryStorage, EVERY_RIGHT)
