"""The queue as a table: how old each line is, whereto, how often it was tried, when it is next, and why it waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.auto_list_model import ListModel
from tolmach.apps.desktop.auto_rows import AGE_TONES, QueueLine, moment, soon
from tolmach.apps.desktop.drawing import icon
from tolmach.apps.desktop.rows import Tone
from tolmach.apps.desktop.theme import Theme, colour
from tolmach.apps.desktop.words import Words
from tolmach.apps.findings import age
from tolmach.base import N_


class Column(IntEnum):
    """The columns in their order."""

    AGE, PATIENT, DESTINATION, STATE, ATTEMPTS, NEXT, REASON = range(7)


HEADINGS = (
    N_("Waits"),
    N_("Patient"),
    N_("Destination"),
    N_("State"),
    N_("Attempts"),
    N_("Next attempt"),
    N_("Reason"),
)
LINE_TEXTS = (N_("Waiting"), N_("Being sent"), N_("Awaits proof"), N_("Held"), N_("In quarantine"))
LINE_TONES: dict[str, Tone] = {"queued": "busy", "held": "doubt", "quarantined": "bad"}


def utc_now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)


class QueueModel(ListModel[QueueLine]):
    """Lines, the oldest first."""

    def __init__(self, words: Words, theme: Theme, now: Callable[[], datetime] = utc_now) -> None:
        """Begin empty."""
        super().__init__(words, theme, HEADINGS)
        self._now = now
        self._bold = QFont()
        self._bold.setBold(True)

    def tone(self, row: QueueLine) -> Tone:
        """Give how a line is to be taken: by its state, and by its age while it is queued."""
        age_tone = AGE_TONES[row.age(self._now())]
        return age_tone if age_tone != "plain" else LINE_TONES.get(row.state, "plain")

    def cell(self, row: QueueLine, column: int, role: int) -> Any:
        """Give what a cell shows."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, Column(column))
        if role == Qt.ItemDataRole.ToolTipRole:
            return shown.tip(self.explained(row, Column(column)))
        if role == Qt.ItemDataRole.TextAlignmentRole and column == Column.ATTEMPTS:
            return Qt.AlignmentFlag.AlignCenter
        tone = self.tone(row)
        if role == Qt.ItemDataRole.BackgroundRole:
            soft = self._theme.colours.soft(tone)
            return colour(soft) if soft else None
        return self._look(tone, row, Column(column), role)

    def _look(self, tone: Tone, row: QueueLine, column: Column, role: int) -> Any:
        colours = self._theme.colours
        if column is Column.STATE:
            tone = LINE_TONES.get(row.state, "plain")
        elif column is not Column.AGE:
            return None
        if role == Qt.ItemDataRole.DecorationRole and column is Column.STATE:
            return icon(tone, colours.of(tone), "", colours.on_selection)
        if role == Qt.ItemDataRole.ForegroundRole:
            return colour(colours.of(tone))
        return self._bold if role == Qt.ItemDataRole.FontRole and tone in ("bad", "doubt") else None

    def _text(self, row: QueueLine, column: Column) -> str:
        texts: dict[Column, Callable[[], str]] = {
            Column.AGE: lambda: self.age_text(row),
            Column.PATIENT: lambda: row.patient,
            Column.DESTINATION: lambda: row.destination or "—",
            Column.STATE: lambda: self.state_text(row),
            Column.ATTEMPTS: lambda: str(row.attempts),
            Column.NEXT: lambda: self.next_text(row),
            Column.REASON: lambda: "" if row.problem is None else self._words.phrase(row.problem.what),
        }
        return texts[column]()

    def age_text(self, row: QueueLine) -> str:
        """Give how long it has waited, as people say it."""
        return self._words.phrase(age((self._now() - row.queued_at).total_seconds()))

    def state_text(self, row: QueueLine) -> str:
        """Give the state in words."""
        say = self._words.gettext
        if row.state == "quarantined":
            return say(N_("In quarantine"))
        if row.state == "held":
            return say(N_("Held by {name}"), name=row.decided_by) if row.decided_by else say(N_("Held"))
        if row.is_being_tried:
            return say(N_("Being sent"))
        return say(N_("Awaits proof")) if row.awaits_proof_since is not None else say(N_("Waiting"))

    def next_text(self, row: QueueLine) -> str:
        """Give when it is tried next."""
        if row.state != "queued" or row.is_being_tried or row.awaits_proof_since is not None:
            return "—" if row.next_at is None else soon(row.next_at, self._now())
        if row.next_at is None or row.next_at <= self._now():
            return self._words.gettext(N_("at once"))
        return soon(row.next_at, self._now())

    def explained(self, row: QueueLine, column: Column) -> str:
        """Give what there is to say about a cell: why it waits, and what to do."""
        if column in (Column.REASON, Column.STATE, Column.AGE) and row.problem is not None:
            said = f"{row.problem.code}: {self._words.sentence(row.problem)}"
            return f"{self.state_text(row)}\n{said}" if column is Column.STATE else said
        if column is Column.AGE:
            return moment(row.queued_at)
        return self._text(row, column)
