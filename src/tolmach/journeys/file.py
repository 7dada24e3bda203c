"""One file's journey: diagnose its text, plan the repair, apply the rules, write it, and prove what was written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from tolmach.base import Problem
from tolmach.dicom import uids
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.faults import IS_DICOMDIR, BadValue, NotDicom
from tolmach.dicom.paths import path_of
from tolmach.dicom.splice import reread
from tolmach.edit.changes import Change
from tolmach.edit.conditions import Origin
from tolmach.edit.draft import Draft
from tolmach.edit.finish import Revision, finish
from tolmach.edit.original_attributes import with_original_attributes
from tolmach.edit.rules import apply_rules
from tolmach.repair.diagnose import Diagnosis, diagnose
from tolmach.repair.faults import NotVerified
from tolmach.repair.judge import NO_MEMORY
from tolmach.repair.memory import DeviceMemory, StudyMemory, device_key, study_key, weights_together
from tolmach.repair.plan import plan
from tolmach.repair.profile import Profile
from tolmach.repair.verify import verify

Verdict = Literal["clean", "repairable", "unsure"]


@dataclass(frozen=True)
class Mended:
    """What became of one data set: what was found, what was changed, and the new bytes, proved."""

    diagnosis: Diagnosis
    revision: Revision
    verdict: Verdict

    @cached_property
    def result(self) -> DataSet:
        """The new data set, scanned from its bytes; the very one that came when nothing was to change."""
        revision = self.revision
        return reread(revision.data_set, revision.pieces) if revision.is_changed else revision.data_set

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every attribute that differs from the file as it came."""
        return self.revision.changes

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was noticed in the file and while mending it."""
        return (*self.revision.data_set.problems, *self.revision.problems)


def mend(
    data_set: DataSet,
    profile: Profile,
    origin: Origin,
    memory: DeviceMemory | None = None,
    studies: StudyMemory | None = None,
    *,
    now: datetime | None = None,
) -> Mended:
    """Repair a data set's text and carry out the profile's rules; what comes back was read again and proved.

    Doubtful text is left as it is and makes the verdict `unsure`; so does a repair that cannot be written or whose
    proof fails, which is thrown away whole. Raises `NotDicom` for the index of a disc, whose byte offsets no edit would
    survive. The memories of devices and of studies are asked about what is doubtful, and learn what is sure. `now` is
    when the changes are said to be made where the profile wants them recorded in the data set, and needed then
    (`ValueError`).
    """
    if profile.original_attributes and now is None:
        raise ValueError("recording changes needs the time")
    if data_set.sop_class_uid == uids.MediaStorageDirectoryStorage:
        raise NotDicom(IS_DICOMDIR)
    diagnosis = _diagnosis(data_set, profile, memory, studies)
    draft = Draft(data_set)
    target = plan(diagnosis, draft, profile)
    apply_rules(profile.rules, draft, origin)
    try:
        revision = finish(draft, target)
        if profile.original_attributes and now is not None:
            revision = with_original_attributes(revision, now, origin.facts.get("source.ae_title", ""))
        verify(revision)
    except (NotVerified, BadValue) as error:
        untouched = Draft(data_set)
        untouched.note(error.problem)
        return Mended(diagnosis, finish(untouched), "unsure")
    return Mended(diagnosis, revision, _verdict(diagnosis, revision, profile))


def _diagnosis(
    data_set: DataSet, profile: Profile, memory: DeviceMemory | None, studies: StudyMemory | None
) -> Diagnosis:
    """Diagnose with what the memories know, and let them learn."""
    device = device_key(data_set) if memory is not None else ""
    study = study_key(data_set) if studies is not None else b""
    known = memory.weights(device) if memory is not None else NO_MEMORY
    if studies is not None:
        known = weights_together(known, studies.weights(study))
    diagnosis = diagnose(data_set, profile.code_page, known)
    if memory is not None:
        memory.learn(device, diagnosis.detection)
    if studies is not None:
        studies.learn(study, diagnosis.detection)
    return diagnosis


def _verdict(diagnosis: Diagnosis, revision: Revision, profile: Profile) -> Verdict:
    """Call a data set unsure while a doubtful value stays that neither a rule nor a person's choice settles."""
    doubtful = set(diagnosis.doubtful)
    if profile.code_strings != "leave":
        doubtful.update(diagnosis.code_strings)
    data_set = revision.data_set
    settled = tuple(change.path for change in revision.changes if change.reason in ("rule", "code-string"))
    for index in doubtful:
        path = str(path_of(data_set, data_set.elements[index]))
        if not any(path == other or path.startswith(f"{other}[") for other in settled):
            return "unsure"
    return "repairable" if revision.is_changed else "clean"
