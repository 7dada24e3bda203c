"""What each C-STORE status means for the instance: stored or not, and who must do what.

Standard: PS3.4 table B.2-1, PS3.7 annex C. Where real servers differ, the row says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from tolmach.adapters.dimse.errors import StoreFailedForNow, StoreRefused
from tolmach.base import N_, Fault, TolmachError

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700


class StoreOutcomeClass(Enum):
    """What a status says about the instance."""

    SUCCESS = "success"
    WARNING = "warning"  # stored, with a remark
    DUPLICATE = "duplicate"  # the peer says it has this UID already: stored only if somebody compares
    RETRYABLE = "retryable"  # not stored now, may be stored later unchanged
    REFUSED = "refused"  # not stored until the data set or the peer's settings change


@dataclass(frozen=True, slots=True)
class StatusMeaning:
    """One row of the table: statuses from `first` to `last` inclusive."""

    first: int
    last: int
    outcome: StoreOutcomeClass
    fault: Fault

    @property
    def stored(self) -> bool:
        """Whether the peer says that it now holds the instance."""
        return self.outcome in (StoreOutcomeClass.SUCCESS, StoreOutcomeClass.WARNING)


_LATER = N_(
    "The queue tries again by itself; without it, try again later. "
    "If it lasts, look at the disk and the log of the PACS."
)
_REPAIR = N_("Look at this image: correct it, or ask the PACS administrator what it lacks.")

_S = StoreOutcomeClass
STORE_STATUSES = (
    StatusMeaning(
        0x0000, 0x0000, _S.SUCCESS, Fault("TLM-NET-100", N_("{peer} stored the instance."), N_("Nothing to do."))
    ),
    StatusMeaning(
        0xB000, 0xB000, _S.WARNING,
        Fault("TLM-NET-101", N_("{peer} stored the instance and changed some of its elements."), N_("Nothing to do.")),
    ),
    StatusMeaning(
        0xB006, 0xB006, _S.WARNING,
        Fault("TLM-NET-102", N_("{peer} stored the instance and dropped some of its elements."), N_("Nothing to do.")),
    ),
    StatusMeaning(
        0xB007, 0xB007, _S.WARNING,
        Fault(
            "TLM-NET-103",
            N_("{peer} stored the instance, though it does not match its SOP class."),
            N_("Nothing to do; the device that made it writes imperfect DICOM."),
        ),
    ),
    # dcm4chee-arc reports faults of the data set as A770-A77B, inside the range of "out of resources".
    StatusMeaning(
        0xA770, 0xA77B, _S.REFUSED,
        Fault("TLM-NET-104", N_("{peer} refused the data set (status {status}). {comment}"), _REPAIR),
    ),
    StatusMeaning(
        0xA700, 0xA7FF, _S.RETRYABLE,
        Fault("TLM-NET-105", N_("{peer} is out of resources (status {status}). {comment}"), _LATER),
    ),
    StatusMeaning(
        0xA900, 0xA9FF, _S.REFUSED,
        Fault(
            "TLM-NET-106", N_("{peer}: the data set does not match its SOP class (status {status}). {comment}"), _REPAIR
        ),
    ),
    StatusMeaning(
        0xC000, 0xCFFF, _S.REFUSED,
        Fault("TLM-NET-107", N_("{peer} cannot understand the data set (status {status}). {comment}"), _REPAIR),
    ),
    StatusMeaning(
        0x0110, 0x0110, _S.RETRYABLE,
        Fault("TLM-NET-108", N_("{peer} failed while it processed the instance. {comment}"), _LATER),
    ),
    StatusMeaning(
        0x0111, 0x0111, _S.DUPLICATE,
        Fault(
            "TLM-NET-109",
            N_("{peer} says that it already has this instance. {comment}"),
            N_("Compare with the image in the PACS: if it is the same, this one need not be sent."),
        ),
    ),
    StatusMeaning(
        0x0117, 0x0117, _S.REFUSED,
        Fault("TLM-NET-110", N_("{peer} calls the SOP Instance UID invalid. {comment}"), _REPAIR),
    ),
    StatusMeaning(
        0x0122, 0x0122, _S.REFUSED,
        Fault(
            "TLM-NET-111",
            N_("{peer} does not support this SOP class. {comment}"),
            N_("Enable this SOP class in the PACS, or leave such objects out of this destination."),
        ),
    ),
    StatusMeaning(
        0x0124, 0x0124, _S.REFUSED,
        Fault(
            "TLM-NET-112",
            N_("{peer} does not allow us to store. {comment}"),
            N_("Give our AE title the right to store in the settings of the PACS."),
        ),
    ),
    StatusMeaning(
        0x0210, 0x0210, _S.RETRYABLE,
        Fault("TLM-NET-113", N_("{peer} saw the same Message ID twice. {comment}"), _LATER),
    ),
    StatusMeaning(
        0x0211, 0x0212, _S.REFUSED,
        Fault(
            "TLM-NET-114",
            N_("{peer} did not accept the C-STORE request (status {status}). {comment}"),
            N_("This service may not be a storage: check the AE title and port of the destination."),
        ),
    ),
    StatusMeaning(
        0x0213, 0x0213, _S.RETRYABLE,
        Fault("TLM-NET-115", N_("{peer} has reached a resource limit. {comment}"), _LATER),
    ),
)  # fmt: skip

# Never read an unknown status as stored: DCMTK's dcmsend does, and images are lost that way.
_UNKNOWN = Fault("TLM-NET-116", N_("{peer} answered with the unknown status {status}. {comment}"), _REPAIR)


def meaning_of(status: int) -> StatusMeaning:
    """Find the row of a C-STORE status; every status without a row is a failure for the operator."""
    for row in STORE_STATUSES:
        if row.first <= status <= row.last:
            return row
    return StatusMeaning(status, status, StoreOutcomeClass.REFUSED, _UNKNOWN)


def store_error(status: int, facts: Mapping[str, object]) -> TolmachError | None:
    """Give the error for a C-STORE status, or None when the peer stored the instance."""
    meaning = meaning_of(status)
    if meaning.stored:
        return None
    kind = StoreFailedForNow if meaning.outcome is StoreOutcomeClass.RETRYABLE else StoreRefused
    return kind(meaning.fault, **facts)
