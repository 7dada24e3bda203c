"""Which attributes the index keeps of patients, studies, series and instances, and which are counted when asked.

Standard: PS3.4 tables C.6-1 to C.6-5 (keys of C-FIND), PS3.18 section 10.6 (QIDO-RS, what is given without asking).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from tolmach.archive.interfaces import LEVELS, Level
from tolmach.dicom import dictionary


def _table(**rows: str) -> Mapping[Level, tuple[str, ...]]:
    return MappingProxyType({level: tuple(rows[level].split()) for level in LEVELS})


UNIQUE: Final[Mapping[Level, str]] = MappingProxyType(
    {
        "patient": "PatientID",
        "study": "StudyInstanceUID",
        "series": "SeriesInstanceUID",
        "instance": "SOPInstanceUID",
    }
)
"""The unique key of each level."""

KEPT: Final = _table(
    patient="""
        PatientName PatientID IssuerOfPatientID PatientBirthDate PatientBirthTime PatientSex OtherPatientIDs
        OtherPatientIDsSequence OtherPatientNames EthnicGroup PatientComments
    """,
    study="""
        StudyInstanceUID StudyDate StudyTime AccessionNumber IssuerOfAccessionNumberSequence StudyID StudyDescription
        ReferringPhysicianName NameOfPhysiciansReadingStudy AdmittingDiagnosesDescription PatientAge PatientSize
        PatientWeight Occupation AdditionalPatientHistory ProcedureCodeSequence TimezoneOffsetFromUTC
    """,
    series="""
        SeriesInstanceUID Modality SeriesNumber SeriesDescription SeriesDate SeriesTime BodyPartExamined Laterality
        ProtocolName PerformedProcedureStepStartDate PerformedProcedureStepStartTime PerformedProcedureStepID
        PerformedProcedureStepDescription RequestAttributesSequence PerformingPhysicianName OperatorsName
        InstitutionName InstitutionalDepartmentName StationName Manufacturer ManufacturerModelName
    """,
    instance="""
        SOPInstanceUID SOPClassUID InstanceNumber ContentDate ContentTime AcquisitionDate AcquisitionTime
        AcquisitionNumber ImageType Rows Columns BitsAllocated NumberOfFrames ImageComments ImageLaterality ViewPosition
        InstanceCreationDate InstanceCreationTime AvailableTransferSyntaxUID ConceptNameCodeSequence CompletionFlag
        VerificationFlag ContentLabel DocumentTitle
    """,
)
"""What an entry holds of each level, where the data set has it."""

_CODE: Final = ("CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning")
_ISSUER: Final = ("LocalNamespaceEntityID", "UniversalEntityID", "UniversalEntityIDType")
ITEMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "OtherPatientIDsSequence": ("PatientID", "IssuerOfPatientID", "TypeOfPatientID"),
        "IssuerOfAccessionNumberSequence": _ISSUER,
        "ProcedureCodeSequence": _CODE,
        "RequestAttributesSequence": (
            *("ScheduledProcedureStepID", "RequestedProcedureID", "AccessionNumber", "StudyInstanceUID"),
            *("ScheduledProcedureStepDescription", "RequestedProcedureDescription"),
        ),
        "ConceptNameCodeSequence": _CODE,
    }
)
"""What is kept of the items of each sequence that is kept."""

COUNTED: Final = _table(
    patient="NumberOfPatientRelatedStudies NumberOfPatientRelatedSeries NumberOfPatientRelatedInstances",
    study="ModalitiesInStudy SOPClassesInStudy NumberOfStudyRelatedSeries NumberOfStudyRelatedInstances",
    series="NumberOfSeriesRelatedInstances",
    instance="",
)
"""What is in no data set and worked out of what is held."""

USUAL: Final = _table(
    patient="PatientName PatientID IssuerOfPatientID PatientBirthDate PatientSex NumberOfPatientRelatedStudies",
    study="""
        StudyDate StudyTime AccessionNumber ModalitiesInStudy ReferringPhysicianName TimezoneOffsetFromUTC PatientName
        PatientID PatientBirthDate PatientSex StudyInstanceUID StudyID StudyDescription NumberOfStudyRelatedSeries
        NumberOfStudyRelatedInstances
    """,
    series="""
        Modality SeriesDescription SeriesInstanceUID SeriesNumber NumberOfSeriesRelatedInstances
        PerformedProcedureStepStartDate PerformedProcedureStepStartTime RequestAttributesSequence
    """,
    instance="SOPClassUID SOPInstanceUID InstanceNumber Rows Columns BitsAllocated NumberOfFrames",
)
"""What is given of each level, and of those above it, when nobody says what is wanted."""

FOR_THE_ASKER: Final = frozenset(
    """
    SpecificCharacterSet QueryRetrieveLevel RetrieveAETitle RetrieveURL RetrieveURI InstanceAvailability
    StorageMediaFileSetID StorageMediaFileSetUID
    """.split()
)
"""What may be asked and is no business of the index: whoever answers knows it."""

MATCHED_COUNTS: Final = frozenset({"ModalitiesInStudy", "SOPClassesInStudy"})
"""What is worked out and can be a condition all the same."""

STUDY_MOMENT: Final = "StudyDate+StudyTime"
"""The condition that takes date and time as one: a range of `YYYYMMDDHHMMSS`. Standard: PS3.4 section C.2.2.2.5."""


def up_to(level: Level) -> tuple[Level, ...]:
    """Give a level and those above it, the highest first."""
    return LEVELS[: LEVELS.index(level) + 1]


@cache
def level_of(keyword: str) -> Level | None:
    """Tell at which level an attribute is kept or counted, None where it is neither; items have that of the sequence.

    A study's combined date and time is the study's.
    """
    sequence, _, inside = keyword.partition(".")
    if inside and inside not in ITEMS.get(sequence, ()):
        return None
    if keyword == STUDY_MOMENT:
        return "study"
    return next((level for level in LEVELS if sequence in KEPT[level] or sequence in COUNTED[level]), None)


@cache
def usual(level: Level) -> frozenset[str]:
    """Give what an answer of that level holds when nobody says what is wanted; patients are counted for alone."""
    known = frozenset(keyword for each in up_to(level) for keyword in USUAL[each])
    return known if level == "patient" else known.difference(COUNTED["patient"])


@cache
def everything(level: Level) -> frozenset[str]:
    """Give all that an answer of that level can hold."""
    return frozenset(keyword for each in up_to(level) for keyword in (*KEPT[each], *COUNTED[each]))


@cache
def vr_of(keyword: str) -> str:
    """Give the VR of an attribute, or of the one inside the sequence; "UN" for what the dictionary does not know."""
    tag = dictionary.tag_of(keyword.rpartition(".")[2])
    return "UN" if tag is None else dictionary.vr_of(tag)
