"""What a caller may ask of us, and which right each abstract syntax needs.

Standard: PS3.4 (the service classes), PS3.6 annex A (where their UIDs are registered).
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from tolmach.dicom import uids

Right = Literal["echo", "store", "find", "move", "get", "worklist", "mpps", "commit"]

EVERY_RIGHT: Final[frozenset[Right]] = frozenset(get_args(Right))

# The standard's own root, and the part of it where storage classes are registered.
_STANDARD_ROOT = uids.Verification.removesuffix("1.1")
_STORAGE_ROOT = uids.CTImageStorage.removesuffix("2")

_RIGHTS: dict[str, Right] = {
    uids.Verification: "echo",
    uids.PatientRootQueryRetrieveInformationModelFind: "find",
    uids.StudyRootQueryRetrieveInformationModelFind: "find",
    uids.PatientStudyOnlyQueryRetrieveInformationModelFind: "find",
    uids.PatientRootQueryRetrieveInformationModelMove: "move",
    uids.StudyRootQueryRetrieveInformationModelMove: "move",
    uids.PatientStudyOnlyQueryRetrieveInformationModelMove: "move",
    uids.PatientRootQueryRetrieveInformationModelGet: "get",
    uids.StudyRootQueryRetrieveInformationModelGet: "get",
    uids.PatientStudyOnlyQueryRetrieveInformationModelGet: "get",
    uids.ModalityWorklistInformationModelFind: "worklist",
    uids.ModalityPerformedProcedureStep: "mpps",
    uids.ModalityPerformedProcedureStepRetrieve: "mpps",
    uids.ModalityPerformedProcedureStepNotification: "mpps",
    uids.StorageCommitmentPushModel: "commit",
}


def right_for(abstract_syntax: str) -> Right | None:
    """Give the right that the abstract syntax needs; None for what nobody may ask of us."""
    if is_storage(abstract_syntax):
        return "store"
    return _RIGHTS.get(abstract_syntax)


def is_storage(abstract_syntax: str) -> bool:
    """Tell whether instances of this class may be stored with us: everything that may be a storage class.

    A private or future class is taken as storage: its instances travel on unread, and refusing them loses images.
    """
    keyword = uids.SOP_CLASSES.get(abstract_syntax)
    if keyword is None:
        return not abstract_syntax.startswith(_STANDARD_ROOT) or abstract_syntax.startswith(_STORAGE_ROOT)
    return "Storage" in keyword and not keyword.startswith(("StorageCommitment", "MediaStorageDirectory"))


def is_granted(abstract_syntax: str, rights: frozenset[Right]) -> bool:
    """Tell whether somebody with these rights may propose the abstract syntax; any right includes C-ECHO."""
    right = right_for(abstract_syntax)
    return right in rights or (right == "echo" and bool(rights))
