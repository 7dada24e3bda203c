"""Whether an object is whole and is what its sender said; if not, why it waits in quarantine.

Quarantined bytes are kept and shown, a person may release them, nothing is dropped. So this judges strictly what no
archive could keep, and only notes what can be lived with.
"""

from __future__ import annotations

import re
from dataclasses import replace

from tolmach.base import Problem
from tolmach.dicom import dictionary, uids
from tolmach.dicom.data_set import MAX_ALL_TEXT, DataSet
from tolmach.dicom.faults import IS_DICOMDIR, LABEL_LIES, NO_SOP_UIDS, Damaged, NotDicom
from tolmach.dicom.part10 import Inflate, open_data_set
from tolmach.dicom.source import Source
from tolmach.dicom.vrs import STRING_VRS
from tolmach.intake.faults import BAD_UID, NOT_THE_ONE_SAID, TOO_MUCH_TEXT, TOO_MUCH_TO_READ
from tolmach.intake.interfaces import Arrival
from tolmach.intake.room import in_units

# Letters stand in the UIDs of real, badly anonymised files, and harm nobody; slashes and control characters may.
_TOLERABLE_UID = re.compile(r"[0-9A-Za-z._-]{1,64}")
# The outlines of a radiotherapy plan are decimal strings, and may be many millions of them.
_COUNTED_VRS = STRING_VRS - {"DS"}


def judge(source: Source, said: Arrival, inflate: Inflate | None = None) -> DataSet | Problem:
    """Give the object's data set when it is whole and what its sender said, else why it must wait in quarantine.

    A transfer syntax that was said and is not the one found is noted among the data set's problems. The data set is
    valid as long as `source` is. Reads only; may be repeated; raises only what reading the source raises.
    """
    try:
        data_set = open_data_set(source, inflate)
        reason = reason_for_quarantine(data_set, said)
    except (NotDicom, Damaged) as error:
        return error.problem
    except (RecursionError, MemoryError):
        return Problem(TOO_MUCH_TO_READ)
    return with_syntax_noted(data_set, said) if reason is None else reason


def reason_for_quarantine(data_set: DataSet, said: Arrival) -> Problem | None:
    """Give why a readable data set must wait in quarantine all the same: a DICOMDIR, bad UIDs, absurd text.

    UIDs that the sender did not say are taken as they are found. Standard: PS3.4 section B.2.2 (the UIDs of the command
    are those of the data set), PS3.5 section 9.1.
    """
    if uids.MediaStorageDirectoryStorage in (data_set.sop_class_uid, said.sop_class_uid):
        return Problem(IS_DICOMDIR)
    for keyword, expected, found in (
        ("SOPClassUID", said.sop_class_uid, data_set.sop_class_uid),
        ("SOPInstanceUID", said.sop_instance_uid, data_set.sop_instance_uid),
    ):
        if not found:
            return Problem(NO_SOP_UIDS, {"keyword": keyword})
        if _TOLERABLE_UID.fullmatch(found) is None:
            return Problem(BAD_UID, {"keyword": keyword, "found": found[:64]})
        if expected and found != expected:
            return Problem(NOT_THE_ONE_SAID, {"keyword": keyword, "said": expected, "found": found})
    if has_too_much_text(data_set):
        return Problem(TOO_MUCH_TEXT, {"limit": in_units(MAX_ALL_TEXT)})
    return None


def has_too_much_text(data_set: DataSet) -> bool:
    """Tell whether all text together is more than `MAX_ALL_TEXT`; only lengths are looked at, no value is read.

    Values of unknown VR count by the VR the dictionary knows. Standard: PS3.5 section 6.2.
    """
    if data_set.end - data_set.start <= MAX_ALL_TEXT:  # true of nearly all, which then cost nothing here
        return False
    total = 0
    for tag, vr, _start, _value, length, *_rest in data_set.elements:
        if (dictionary.vr_of(tag) if vr == "UN" else vr) in _COUNTED_VRS:
            total += length
    return total > MAX_ALL_TEXT


def with_syntax_noted(data_set: DataSet, said: Arrival) -> DataSet:
    """Give the data set with a note when its transfer syntax is not the one said; it is read as it really is."""
    found, declared = data_set.transfer_syntax_uid, said.transfer_syntax_uid
    if not declared or declared == found or any(problem.fault is LABEL_LIES for problem in data_set.problems):
        return data_set
    note = Problem(LABEL_LIES, {"declared": uids.name_of(declared), "found": uids.name_of(found)})
    return replace(data_set, problems=(*data_set.problems, note))
