"""The history as a table: what came, of whom, from where, where to, and how it stands."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.auto_list_model import ListModel
from tolmach.apps.desktop.auto_rows import OBJECT_STATES, HistoryLine, moment
from tolmach.apps.desktop.drawing import icon
from tolmach.apps.desktop.theme import Theme, colour
from tolmach.apps.desktop.words import Words
from tolmach.base import N_


class Column(IntEnum):
    """The columns in their order."""

    TIME, PATIENT, STUDY_DATE, MODALITY, SOURCE, DESTINATION, STATE = range(7)


HEADINGS = (
    N_("Received"),
    N_("Patient"),
    N_("Date"),
    N_("Modality"),
    N_("Source"),
    N_("Destination"),
    N_("State"),
)


class HistoryModel(ListModel[HistoryLine]):
    """Objects, the newest first."""

    def __init__(self, words: Words, theme: Theme) -> None:
        """Begin empty."""
        super().__init__(words, theme, HEADINGS)
        self._bold = QFont()
        self._bold.setBold(True)

    def cell(self, row: HistoryLine, column: int, role: int) -> Any:
        """Give what a cell shows."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, Column(column))
        if role == Qt.ItemDataRole.ToolTipRole:
            return shown.tip(self.explained(row, Column(column)))
        _, tone = OBJECT_STATES[row.state]
        if role == Qt.ItemDataRole.BackgroundRole:
            soft = self._theme.colours.soft(tone) if tone in ("bad", "doubt") else ""
            return colour(soft) if soft else None
        if column != Column.STATE:
            return None
        colours = self._theme.colours
        if role == Qt.ItemDataRole.DecorationRole:
            return icon(tone, colours.of(tone), "", colours.on_selection)
        if role == Qt.ItemDataRole.ForegroundRole:
            return colour(colours.of(tone))
        return self._bold if role == Qt.ItemDataRole.FontRole and tone in ("good", "bad", "doubt") else None

    def _text(self, row: HistoryLine, column: Column) -> str:
        if column is Column.STATE:
            return self.state_text(row)
        texts = {
            Column.TIME: moment(row.received_at, seconds=False),
            Column.PATIENT: row.patient,
            Column.STUDY_DATE: row.study_date,
            Column.MODALITY: row.modality,
            Column.SOURCE: row.source,
            Column.DESTINATION: row.destination,
        }
        return texts[column]

    def state_text(self, row: HistoryLine) -> str:
        """Give the state in words, and that the text is unsure where it is."""
        said, unsure = self._words.gettext(OBJECT_STATES[row.state][0]), self._words.gettext(N_("text unsure"))
        return f"{said}, {unsure}" if row.is_unsure else said

    def explained(self, row: HistoryLine, column: Column) -> str:
        """Give what there is to say about a cell: of the state, why and what to do."""
        if column is Column.STATE and row.problem is not None:
            return f"{self.state_text(row)}\n{row.problem.code}: {self._words.sentence(row.problem)}"
        return moment(row.received_at) if column is Column.TIME else self._text(row, column)
