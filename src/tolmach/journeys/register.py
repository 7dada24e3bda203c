"""What must be the only one of its kind: which instance, patient, study and series was met with what.

A bounded number of each is remembered, as fingerprints, for all devices of a run together; beyond that nothing new is
compared and `is_full` says so. A device can therefore be read through thousands of files with flat memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tolmach.text.fold import similarity

MOST_INSTANCES, MOST_OTHERS = 100_000, 50_000
_SAME_NAME = 0.75
_NAME = 64  # characters of a name that are remembered


class Patient(NamedTuple):
    """Who an object says it is of, as far as it says so."""

    patient_id: str
    name: str

    def is_other(self, other: Patient) -> bool:
        """Tell whether two objects cannot be of one patient: by their identifiers, or else by their names."""
        if self.patient_id and other.patient_id:
            return self.patient_id != other.patient_id
        return is_other_name(self.name, other.name)

    def __str__(self) -> str:
        """Give both, as people write them."""
        return " · ".join(part for part in (self.patient_id, self.name) if part)


@dataclass(slots=True)
class Register:
    """What was met in one run; one thread at a time."""

    instances: dict[int, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    owners: dict[tuple[str, int], Patient] = field(default_factory=dict)
    is_full: bool = False

    def twin(self, sop_instance_uid: str, content: bytes) -> Literal["same", "other"] | None:
        """Tell whether this instance was met before, and with the same bytes (`content` is their digest)."""
        key, mark = hash(sop_instance_uid), int.from_bytes(content[:8], "big")
        known = self.instances.get(key)
        if known is not None:
            return "same" if known == mark else "other"
        if self._has_room(len(self.instances), MOST_INSTANCES):
            self.instances[key] = mark
        return None

    def other_name(self, device: str, patient: Patient) -> str | None:
        """Give the name this device gave the same identifier before, where that is somebody else's."""
        if not patient.patient_id or not patient.name:
            return None
        key, name = hash((device, patient.patient_id)), patient.name[:_NAME]
        known = self.names.get(key)
        if known is not None:
            return known if is_other_name(known, name) else None
        if self._has_room(len(self.names), MOST_OTHERS):
            self.names[key] = name
        return None

    def other_owner(self, level: str, uid: str, patient: Patient) -> Patient | None:
        """Give the patient that a study or series was met with before, where it is another one."""
        if not uid or not (patient.patient_id or patient.name):
            return None
        key, patient = (level, hash(uid)), Patient(patient.patient_id[:_NAME], patient.name[:_NAME])
        known = self.owners.get(key)
        if known is not None:
            return known if known.is_other(patient) else None
        if self._has_room(len(self.owners), 2 * MOST_OTHERS):
            self.owners[key] = patient
        return None

    def _has_room(self, used: int, limit: int) -> bool:
        self.is_full = self.is_full or used >= limit
        return used < limit


def is_other_name(one: str, other: str) -> bool:
    """Tell whether two names are of different people, however they are spelled; an empty one tells nothing."""
    return bool(one and other) and one != other and similarity(one, other) < _SAME_NAME
