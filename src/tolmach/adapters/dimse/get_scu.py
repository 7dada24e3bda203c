"""C-GET as SCU: a peer sends what it holds over the association that we opened, each instance straight into a file.

Standard: PS3.4 section C.4.3, PS3.7 sections 9.1.3 (C-GET) and 9.1.1 (C-STORE), annex D.3.3.4 (role selection).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tolmach.adapters.dimse import faults
from tolmach.adapters.dimse.association import Association
from tolmach.adapters.dimse.command_set import (
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    C_GET_RQ,
    C_GET_RSP,
    C_STORE_RQ,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    COMPLETED_SUB_OPERATIONS,
    DATA_SET_FOLLOWS,
    FAILED_SUB_OPERATIONS,
    MESSAGE_ID,
    MESSAGE_ID_BEING_RESPONDED_TO,
    NO_DATA_SET,
    PENDING,
    PRIORITY,
    REMAINING_SUB_OPERATIONS,
    STATUS,
    WARNING_SUB_OPERATIONS,
    CommandSet,
    Value,
)
from tolmach.adapters.dimse.dimse import CStoreRequest
from tolmach.adapters.dimse.get_channel import C_STORE_RSP
from tolmach.adapters.dimse.message_data import MESSAGE_SYNTAXES, encoding_of
from tolmach.adapters.dimse.message_scu import accepted_context, failure, unexpected
from tolmach.adapters.dimse.part10_meta import encode_file_meta
from tolmach.adapters.dimse.pdu import MAX_CONTEXTS, PresentationContext, RoleSelection
from tolmach.adapters.dimse.query_scu import MEDIUM, WriteKeys
from tolmach.adapters.dimse.spool import Spool, SpoolFolder
from tolmach.adapters.dimse.status import OUT_OF_RESOURCES, SUCCESS
from tolmach.dicom import uids

OBJECT_LIMIT: Final = 4 << 30
UNCOMPRESSED: Final = (uids.ExplicitVRLittleEndian, uids.ImplicitVRLittleEndian)
COMPRESSED: Final = (
    uids.JPEGLosslessSV1,
    uids.JPEGLossless,
    uids.JPEG2000Lossless,
    uids.JPEG2000,
    uids.JPEGLSLossless,
    uids.JPEGLSNearLossless,
    uids.JPEGBaseline8Bit,
    uids.JPEGExtended12Bit,
    uids.RLELossless,
)
SOME_FAILED: Final = 0xB000
CANCELLED: Final = 0xFE00

# What departments hold, the commonest first: there is room for two contexts of 63 classes.
_COMMON: Final = """
    CTImageStorage MRImageStorage DigitalXRayImageStorageForPresentation ComputedRadiographyImageStorage
    UltrasoundImageStorage UltrasoundMultiFrameImageStorage SecondaryCaptureImageStorage
    XRayAngiographicImageStorage XRayRadiofluoroscopicImageStorage DigitalMammographyXRayImageStorageForPresentation
    DigitalXRayImageStorageForProcessing DigitalMammographyXRayImageStorageForProcessing NuclearMedicineImageStorage
    PositronEmissionTomographyImageStorage EnhancedCTImageStorage EnhancedMRImageStorage BreastTomosynthesisImageStorage
    BasicTextSRStorage EnhancedSRStorage ComprehensiveSRStorage Comprehensive3DSRStorage XRayRadiationDoseSRStorage
    KeyObjectSelectionDocumentStorage EncapsulatedPDFStorage GrayscaleSoftcopyPresentationStateStorage
    DigitalIntraOralXRayImageStorageForPresentation DigitalIntraOralXRayImageStorageForProcessing
    EnhancedXAImageStorage EnhancedXRFImageStorage XRay3DAngiographicImageStorage EnhancedPETImageStorage
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    MultiFrameTrueColorSecondaryCaptureImageStorage MultiFrameSingleBitSecondaryCaptureImageStorage
    RTImageStorage RTDoseStorage RTStructureSetStorage RTPlanStorage RawDataStorage SegmentationStorage
    VLEndoscopicImageStorage VLPhotographicImageStorage VLMicroscopicImageStorage OphthalmicPhotography8BitImageStorage
    VideoEndoscopicImageStorage TwelveLeadECGWaveformStorage GeneralECGWaveformStorage MammographyCADSRStorage
    ChestCADSRStorage EncapsulatedCDAStorage UltrasoundImageStorageRetired UltrasoundMultiFrameImageStorageRetired
    NuclearMedicineImageStorageRetired EnhancedUSVolumeStorage
""".split()


@dataclass(frozen=True, slots=True)
class Received:
    """An instance that has come, whole, in a Part 10 file that disappears when the next is asked for."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    spool: Spool


# Keeps an instance; gives the C-STORE status to answer. May raise: then the association is aborted.
Keep = Callable[[Received], int]


@dataclass(slots=True)
class Progress:
    """How far the peer says it is."""

    remaining: int = 0
    completed: int = 0
    failed: int = 0
    warnings: int = 0
    status: int = 0xFF00

    @property
    def is_whole(self) -> bool:
        """Whether everything that was asked for has come."""
        return self.status == SUCCESS and not self.failed


def contexts_to_get(get_class: str) -> tuple[tuple[PresentationContext, ...], tuple[RoleSelection, ...]]:
    """Give what to propose: the service, and every common storage class, uncompressed and compressed apart.

    An acceptor takes one syntax of each context, so compressed images would fail where all syntaxes stood in one.
    """
    classes = [uid for uid in map(_uid_of().get, _COMMON) if uid][: (MAX_CONTEXTS - 2) // 2]
    proposed: list[tuple[str, tuple[str, ...]]] = [(get_class, MESSAGE_SYNTAXES)]
    proposed += [(uid, syntaxes) for uid in classes for syntaxes in (UNCOMPRESSED, COMPRESSED)]
    contexts = tuple(PresentationContext(2 * number + 1, *one) for number, one in enumerate(proposed))
    return contexts, tuple(RoleSelection(uid, scu=False, scp=True) for uid in classes)


def _uid_of() -> dict[str, str]:
    return {keyword: uid for uid, keyword in uids.SOP_CLASSES.items()}


def get_instances(
    assoc: Association, get_class: str, write_keys: WriteKeys, folder: SpoolFolder, keep: Keep
) -> Iterator[Progress]:
    """Ask for instances and give each to `keep` as it has come; gives the progress after each, the last is final.

    Raises `ContextNotAccepted`, `ServiceFailedForNow`, `ServiceRefused`, and what ends an association.
    """
    context_id, syntax = accepted_context(assoc, get_class)
    message_id = assoc.next_message_id()
    request: dict[int, Value] = {
        AFFECTED_SOP_CLASS_UID: get_class,
        COMMAND_FIELD: C_GET_RQ,
        MESSAGE_ID: message_id,
        PRIORITY: MEDIUM,
        COMMAND_DATA_SET_TYPE: DATA_SET_FOLLOWS,
    }
    assoc.send_message(context_id, CommandSet(request), write_keys(encoding_of(syntax)))
    progress = Progress()
    while True:
        came_on, command = assoc.await_command()
        if command.command_field == C_STORE_RQ and command.has_data_set:
            _take(assoc, came_on, command, folder, keep)
            yield progress
            continue
        if command.has_data_set:
            assoc.receive_data(came_on, lambda _piece: None)  # the list of what failed: it is counted as well
        if command.command_field != C_GET_RSP or command.message_id != message_id:
            raise unexpected(assoc, command)
        _note(progress, command)
        if progress.status not in PENDING:
            if progress.status not in (SUCCESS, SOME_FAILED, CANCELLED):
                raise failure(assoc, command, faults.RETRIEVAL_FAILED)
            yield progress
            return


def _note(progress: Progress, command: CommandSet) -> None:
    for element, name in (
        (REMAINING_SUB_OPERATIONS, "remaining"),
        (COMPLETED_SUB_OPERATIONS, "completed"),
        (FAILED_SUB_OPERATIONS, "failed"),
        (WARNING_SUB_OPERATIONS, "warnings"),
    ):
        value = command.get(element)
        if isinstance(value, int):
            setattr(progress, name, value)
    progress.status = command.number(STATUS)


def _take(assoc: Association, context_id: int, command: CommandSet, folder: SpoolFolder, keep: Keep) -> None:
    """Receive one instance into a file, have it kept, and answer."""
    sop_class, instance = command.text(AFFECTED_SOP_CLASS_UID), command.text(AFFECTED_SOP_INSTANCE_UID)
    syntax = assoc.syntax_of(context_id)
    if not sop_class or not instance or not syntax:
        raise unexpected(assoc, command)
    head = encode_file_meta(sop_class, instance, syntax, assoc.peer.ae_title)
    spool = Spool(
        folder.make_file, folder.scribe, CStoreRequest(command.message_id, sop_class, instance), context_id, head
    )
    try:

        def take(piece: memoryview) -> None:
            if spool.length + len(piece) > OBJECT_LIMIT:
                raise unexpected(assoc, command)
            spool.hold(piece)
            spool.write()

        assoc.receive_data(context_id, take)
        spool.finish()
        status = OUT_OF_RESOURCES if spool.error is not None else keep(Received(sop_class, instance, syntax, spool))
    finally:
        spool.discard()
    answer: dict[int, Value] = {
        AFFECTED_SOP_CLASS_UID: sop_class,
        COMMAND_FIELD: C_STORE_RSP,
        MESSAGE_ID_BEING_RESPONDED_TO: command.message_id,
        COMMAND_DATA_SET_TYPE: NO_DATA_SET,
        STATUS: status,
        AFFECTED_SOP_INSTANCE_UID: instance,
    }
    assoc.send_message(context_id, CommandSet(answer))


def accepted_classes(assoc: Association, contexts: Sequence[PresentationContext]) -> int:
    """Give how many of the storage contexts the peer took: without any it has nothing to send over."""
    return sum(assoc.syntax_of(context.context_id) != "" for context in contexts[1:])
