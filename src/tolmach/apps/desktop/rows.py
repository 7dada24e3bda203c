"""The rows of the list: one for each file, with what was read in it, what was edited, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from tolmach.adapters.folder import FoundFile
from tolmach.apps.desktop import shown
from tolmach.apps.reports import INCOMPLETE, NOT_AS_ASKED, FileReport
from tolmach.base import N_, Problem
from tolmach.dicom.data_set import DataSet
from tolmach.dicom.dictionary import tag_of
from tolmach.dicom.paths import AttributePath
from tolmach.edit.draft import Draft
from tolmach.repair.holding import HELD_UNSURE

Step = tuple[str, str, str]  # verb, path, value: an operation of `edit`, as a rule writes it
Tone = Literal["plain", "busy", "good", "bad", "doubt"]
_MOST_CHANGES = 24  # of one file, in the list; the elements show all
_SHOWN = 96


class State(Enum):
    """Where a file is on its way; the value is what the list says."""

    READING = N_("Reading…")
    READY = N_("Ready")
    UNSURE = N_("Unsure")
    UNREADABLE = N_("Unreadable")
    NOT_DICOM = N_("Not DICOM")
    WAITING = N_("Waiting")
    SENT = N_("Sent")
    REMARKS = N_("Sent, with remarks")
    FAILED = N_("Not sent")
    HELD = N_("Held back")


TONES: dict[State, Tone] = {
    State.READING: "busy",
    State.READY: "plain",
    State.UNSURE: "doubt",
    State.UNREADABLE: "bad",
    State.NOT_DICOM: "bad",
    State.WAITING: "busy",
    State.SENT: "good",
    State.REMARKS: "good",
    State.FAILED: "bad",
    State.HELD: "doubt",
}
NOTHING_TO_SEND = frozenset({"unreadable", "not-dicom"})  # verdicts
CONFIRMED = frozenset({State.SENT, State.REMARKS})
FAILURES = frozenset({State.FAILED, State.HELD})


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One change as the list shows it; values are bounded."""

    keyword: str
    before: str | None
    after: str | None
    by_hand: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in one file."""

    verdict: str
    patient: str = ""
    study_date: str = ""
    modality: str = ""
    description: str = ""
    changes: tuple[ShownChange, ...] = ()
    more_changes: int = 0
    problems: tuple[Problem, ...] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of one file that was to be sent."""

    state: State
    problems: tuple[Problem, ...] = ()
    status: str = ""


@dataclass(slots=True)
class Row:
    """One file of the list."""

    file: FoundFile
    state: State = State.READING
    reading: Reading | None = None
    steps: tuple[Step, ...] = ()
    problems: tuple[Problem, ...] = ()
    number: int = 0  # in the order the files came

    @property
    def tone(self) -> Tone:
        """How the state is to be taken."""
        return TONES[self.state]

    @property
    def is_confirmed(self) -> bool:
        """Whether the destination has confirmed it."""
        return self.state in CONFIRMED

    @property
    def is_to_send(self) -> bool:
        """Whether it is sent with all that is on the list: not confirmed yet, and as far as is known an image."""
        return not self.is_confirmed and (self.reading is None or self.reading.verdict not in NOTHING_TO_SEND)

    def take_reading(self, reading: Reading) -> None:
        """Show what was read; what the destination has said already stays said."""
        self.reading = reading
        if self.state in (State.READING, State.READY, State.UNSURE, State.UNREADABLE, State.NOT_DICOM):
            self.state = state_of(reading)
            self.problems = reading.problems

    def take_ending(self, ending: Ending) -> None:
        """Show what became of it."""
        self.state, self.problems = ending.state, ending.problems

    def back_to_ready(self) -> None:
        """Forget that it was to be sent; nothing was confirmed."""
        self.state = State.READING if self.reading is None else state_of(self.reading)
        self.problems = () if self.reading is None else self.reading.problems


def state_of(reading: Reading) -> State:
    """Give the state of a file that was read and not sent."""
    states = {"unsure": State.UNSURE, "unreadable": State.UNREADABLE, "not-dicom": State.NOT_DICOM}
    return states.get(reading.verdict, State.READY)


def ending_of(report: FileReport) -> Ending:
    """Give what a report says of a file that was to be sent."""
    problems = tuple(report.problems)
    if report.sent is not None:
        amiss = any(one.fault in (*NOT_AS_ASKED, *INCOMPLETE) for one in problems)
        state = State.REMARKS if amiss else State.SENT
        return Ending(state, problems, f"{report.sent.response.status:04X}")
    if report.error is not None:
        # The last one is what kept it from being sent; it is told first.
        problems = (report.error.problem, *(one for one in problems if one != report.error.problem))
        held = report.error.problem.fault is HELD_UNSURE
        return Ending(State.HELD if held else State.FAILED, problems)
    return Ending(State.FAILED, problems)


def reading_of(report: FileReport, data_set: DataSet | None, size: int) -> Reading:
    """Give what the list shows of a file, as it will read after the repair."""
    if data_set is None:
        return Reading(report.verdict, problems=tuple(report.problems), size=size)
    after = {change.path: change.after or "" for change in report.changes}
    draft = Draft(data_set)

    def text(keyword: str) -> str:
        path = AttributePath((), tag_of(keyword) or 0)
        told = after.get(str(path))
        return (draft.text(path) or "") if told is None else told

    # The label of the character set follows from the rest and says nothing to a technician.
    changes = [one for one in report.changes if one.before != one.after and one.keyword != "SpecificCharacterSet"]
    changes.sort(key=lambda one: (one.reason != "rule", one.keyword != "PatientName"))  # what is looked for first
    shown_changes = tuple(
        ShownChange(one.keyword or one.path, cut(one.before), cut(one.after), one.reason == "rule")
        for one in changes[:_MOST_CHANGES]
    )
    return Reading(
        report.verdict,
        shown.person(text("PatientName")[: shown.MOST]),
        shown.dicom_date(text("StudyDate")[:64] or text("SeriesDate")[:64] or text("ContentDate")[:64]),
        shown.plain(text("Modality"), 16),
        shown.plain(text("StudyDescription") or text("SeriesDescription") or text("ProtocolName"), 128),
        shown_changes,
        len(changes) - len(shown_changes),
        tuple(report.problems),
        size,
    )


def cut(text: str | None) -> str | None:
    """Give a value short enough for the list."""
    return None if text is None else shown.plain(text, _SHOWN)


def repair_words(changes: Sequence[ShownChange], more: int, most: tuple[int, int] = (_SHOWN, _SHOWN)) -> str:
    """Give changes as one line, before → after; values of more than `most` characters are cut."""
    parts = [f"{_short(one.before, most[0])} → {_short(one.after, most[1])}" for one in changes]
    if more:
        parts.append(f"+{more}")
    return "   ·   ".join(parts)


def _short(text: str | None, most: int) -> str:
    if text is None:
        return "—"
    return text if len(text) <= most else f"{text[: most - 1]}…"
