"""Whether the bytes of a file are all there, or are still being written, or are something else altogether."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from tolmach.base import Problem
from tolmach.dicom import uids
from tolmach.dicom.faults import IS_DICOMDIR, NO_PIXELS, Damaged, NotDicom
from tolmach.dicom.part10 import PREAMBLE, Inflate, open_data_set
from tolmach.dicom.source import Source
from tolmach.intake.faults import TOO_MUCH_TO_READ, UNFORESEEN_BYTES

_HEAD = PREAMBLE + 4
_TAIL = 4096
# A scan that fails otherwise than it should must not stop the files behind this one.
UNFORESEEN = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, RuntimeError),
    struct.error,
)

Extent = Literal["whole", "growing", "foreign"]


@dataclass(frozen=True, slots=True)
class Completeness:
    """What the bytes look like, and why they are not whole: `growing` may become whole, `foreign` is no image."""

    extent: Extent
    problem: Problem | None = None


def completeness(source: Source, inflate: Inflate | None = None) -> Completeness:
    """Judge whether a file reads to its last element. Reads only; raises only what reading the source raises.

    An image that ends in front of its pixels counts as growing; so does anything too short or too empty to tell.
    """
    try:
        data_set = open_data_set(source, inflate)
    except NotDicom as error:
        return Completeness("growing" if _may_become_dicom(source) else "foreign", error.problem)
    except Damaged as error:
        return Completeness("growing", error.problem)
    except (RecursionError, MemoryError):
        return Completeness("growing", Problem(TOO_MUCH_TO_READ))
    except UNFORESEEN as error:
        return Completeness("growing", Problem(UNFORESEEN_BYTES, {"why": type(error).__name__}))
    if data_set.sop_class_uid == uids.MediaStorageDirectoryStorage:
        return Completeness("foreign", Problem(IS_DICOMDIR))
    for problem in data_set.problems:
        if problem.fault is NO_PIXELS:
            return Completeness("growing", problem)
    return Completeness("whole")


def ends_in_zeros(source: Source) -> bool:
    """Tell whether a file ends as one does whose length was set before it was written; black images do so too."""
    length = min(_TAIL, source.size // 4)
    return length > 0 and not any(bytes(source.read(source.size - length, length)))


def _may_become_dicom(source: Source) -> bool:
    head = bytes(source.read(0, _HEAD))
    return len(head) < _HEAD or not any(head)
