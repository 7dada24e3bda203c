"""What the Auto-export view shows of the records: short, bounded and fit to be seen. Knows no widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.elements import MOST_TEXT, ElementLine
from tolmach.apps.desktop.rows import Tone
from tolmach.base import N_, Problem, TolmachError
from tolmach.delivery.backoff import AgeClass, age_class
from tolmach.dicom.paths import parse_path

if TYPE_CHECKING:
    from tolmach.apps.overseeing import (
        AgeRow,
        DestinationRow,
        Event,
        FolderLook,
        HistoryRow,
        QueueRow,
        VersionRow,
    )
    from tolmach.edit.changes import Change

OBJECT_STATES: dict[str, tuple[str, Tone]] = {
    "examined": (N_("Being examined"), "busy"),
    "quarantined": (N_("In quarantine"), "bad"),
    "held": (N_("Held"), "doubt"),
    "retried": (N_("Waiting, is retried"), "doubt"),
    "queued": (N_("Waiting"), "busy"),
    "delivered": (N_("Delivered"), "good"),
    "deleted": (N_("Dropped"), "plain"),
    "kept": (N_("Kept here"), "plain"),
}
KINDS = (
    ("", N_("Any state")),
    ("delivered", N_("Delivered")),
    ("waiting", N_("Waiting")),
    ("held", N_("Held")),
    ("quarantined", N_("In quarantine")),
    ("deleted", N_("Dropped")),
    ("unsure", N_("Text unsure")),
    ("changed", N_("Text changed")),
)
AGE_TONES: dict[AgeClass, Tone] = {"fresh": "plain", "old": "doubt", "overdue": "bad"}
ACTIONS = {
    "retried": N_("tried again at once"),
    "held": N_("held"),
    "dropped": N_("dropped"),
    "released": N_("released from quarantine"),
    "resent": N_("sent once more"),
}
MOST_BLOCKS = 60


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One object in the list."""

    object_id: int
    received_at: datetime
    patient: str
    study_date: str
    modality: str
    source: str
    destination: str
    state: str  # of `OBJECT_STATES`
    is_unsure: bool
    changes: int
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One line of the queue in the list."""

    delivery_id: int
    object_id: int
    patient: str
    destination: str
    state: str
    attempts: int
    queued_at: datetime
    next_at: datetime | None
    is_being_tried: bool
    awaits_proof_since: datetime | None
    problem: Problem | None
    decided_by: str

    def age(self, now: datetime) -> AgeClass:
        """Tell how worrying its age is; what is held waits for somebody."""
        return age_class(self.queued_at, now) if self.state == "queued" else "fresh"


@dataclass(frozen=True, slots=True)
class FoldersSeen:
    """Every folder, and who can be sent to; `has_records` is False while nothing ever arrived.

    `room` says why nothing new can be taken, where a disk is full.
    """

    folders: Sequence[FolderLook] = ()
    destinations: tuple[str, ...] = ()
    has_records: bool = False
    open_lines: int = 0
    room: Problem | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One destination of the queue."""

    name: str
    ages: AgeRow
    trouble: Problem | None
    trouble_since: datetime | None
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """Whereto lines wait, their numbers, and how many images are being examined before they have lines."""

    targets: Sequence[Target] = ()
    ids: Sequence[int] = ()
    examined: int = 0


@dataclass(frozen=True, slots=True)
class ObjectSeen:
    """One object whole."""

    row: HistoryRow
    versions: Sequence[VersionRow]
    events: Sequence[Event]


def object_state(row: HistoryRow) -> str:
    """Give the key of `OBJECT_STATES`: what needs somebody most decides."""
    if not row.verdict:
        return "examined"
    states = {line.state for line in row.deliveries}
    if row.quarantine is not None or "quarantined" in states:
        return "quarantined"
    if "queued" in states and "held" not in states:
        is_retried = any(line.state == "queued" and line.problem is not None for line in row.deliveries)
        return "retried" if is_retried else "queued"
    return next((one for one in ("held", "delivered", "deleted") if one in states), "kept")


def history_line(row: HistoryRow) -> HistoryLine:
    """Give what the list shows of an object."""
    state = object_state(row)
    open_ones = [line for line in row.deliveries if line.state not in ("delivered", "deleted")]
    problem = row.quarantine or next((line.problem for line in open_ones if line.problem is not None), None)
    return HistoryLine(
        row.object_id,
        row.received_at,
        patient_of(row.facts.get("PatientName", ""), row.sop_instance_uid),
        shown.dicom_date(row.facts.get("StudyDate", "")[:64]),
        shown.plain(row.facts.get("Modality", ""), 16),
        shown.plain(row.source, 64),
        ", ".join(dict.fromkeys(shown.plain(line.destination, 64) for line in row.deliveries if line.destination)),
        state,
        row.verdict == "unsure",
        len(row.changes),
        problem or next(iter(row.problems), None),
    )


def queue_line(row: QueueRow) -> QueueLine:
    """Give what the list shows of a line."""
    return QueueLine(
        row.delivery_id,
        row.object_id,
        patient_of(row.facts.get("PatientName", ""), row.sop_instance_uid),
        shown.plain(row.destination, 64),
        row.state,
        row.attempts,
        row.queued_at,
        row.next_attempt_at,
        row.is_being_tried,
        row.awaits_proof_since,
        row.last_error,
        shown.plain(row.decided_by, 64),
    )


def target(ages: AgeRow, note: DestinationRow | None) -> Target:
    """Give a destination of the queue with what is known of it."""
    if note is None:
        return Target(ages.destination, ages, None, None, None)
    return Target(ages.destination, ages, note.trouble, note.trouble_since, note.retry_at)


def patient_of(name: str, uid: str) -> str:
    """Give whom an image is of as people read it; its UID where it names nobody."""
    return shown.person(name[: shown.MOST]) or shown.plain(uid, 80)


def change_lines(changes: Sequence[Change]) -> list[ElementLine]:
    """Give changes as the elements of a file are shown."""
    return [
        ElementLine(
            parent=-1,
            kind="text",
            tag=_tag_of(one.path),
            path=one.path,
            keyword=one.keyword,
            vr=one.vr,
            before=_bounded(one.before),
            after=_bounded(one.after),
            reason=one.reason,
        )
        for one in changes
        if one.before != one.after
    ]


def _bounded(text: str | None) -> str | None:
    return None if text is None else text[:MOST_TEXT]


def _tag_of(path: str) -> int:
    try:
        return parse_path(path).tag
    except TolmachError:
        return 0


def moment(at: datetime | None, *, seconds: bool = True) -> str:
    """Give a moment in the local time of this machine."""
    if at is None:
        return ""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def soon(at: datetime, now: datetime) -> str:
    """Give a moment in the local time of this machine; of today the time alone."""
    local = at.astimezone()
    return local.strftime("%H:%M:%S") if local.date() == now.astimezone().date() else moment(at, seconds=False)
