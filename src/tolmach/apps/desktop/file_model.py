"""The list of files as a table: thousands of rows, none of them a widget; filtered and sorted here, in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont

from tolmach.adapters.folder import FoundFile
from tolmach.apps.desktop import shown
from tolmach.apps.desktop.drawing import icon
from tolmach.apps.desktop.rows import FAILURES, Row, State, Step, Tone, repair_words
from tolmach.apps.desktop.theme import Theme, colour
from tolmach.apps.desktop.words import Words
from tolmach.apps.reports import printable
from tolmach.base import N_

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_TIP_CHANGES = 8
_CELL = (9, 22)  # characters of the old and of the new value in a cell


class Column(IntEnum):
    """The columns in their order."""

    STATE, PATIENT, CHANGES, DATE, MODALITY, DESCRIPTION, SIZE, FILE = range(8)


HEADINGS = (
    N_("State"),
    N_("Patient"),
    N_("Changes"),
    N_("Date"),
    N_("Modality"),
    N_("Description"),
    N_("Size"),
    N_("File"),
)
_BAD_READING = frozenset({State.UNREADABLE, State.NOT_DICOM})
_UNSURE = frozenset({State.UNSURE, State.HELD})
FILTERS: dict[str, Callable[[Row], bool]] = {
    "all": lambda _row: True,
    "failed": lambda row: row.state in FAILURES or row.state in _BAD_READING,
    "unsure": lambda row: row.state in _UNSURE or (row.reading is not None and row.reading.verdict == "unsure"),
}
_SORT: dict[Column, Callable[[Row], Any]] = {
    Column.STATE: lambda row: list(State).index(row.state),
    Column.PATIENT: lambda row: row.reading.patient.casefold() if row.reading else "",
    Column.DATE: lambda row: row.reading.study_date if row.reading else "",
    Column.MODALITY: lambda row: row.reading.modality if row.reading else "",
    Column.DESCRIPTION: lambda row: row.reading.description.casefold() if row.reading else "",
    Column.SIZE: lambda row: row.reading.size if row.reading else 0,
    Column.CHANGES: lambda row: len(row.reading.changes) if row.reading else 0,
    Column.FILE: lambda row: str(row.file.path),
}


class FileModel(QAbstractTableModel):
    """All files of the list, and which of them are shown."""

    def __init__(self, words: Words, theme: Theme) -> None:
        """Begin empty."""
        super().__init__()
        self._words, self._theme = words, theme
        self.rows: list[Row] = []
        self._by_path: dict[Path, Row] = {}
        self._shown: list[Row] = []
        self._places: dict[int, int] | None = {}  # row number -> place on the screen; None: to be made anew
        self._filter = "all"
        self._sort: tuple[Column, bool] | None = None
        self.as_is = False
        self._bold = QFont()
        self._bold.setBold(True)
        words.changed.connect(self._say_anew)
        theme.changed.connect(self._say_anew)

    # What Qt asks.

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Give how many rows are shown."""
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Give how many columns there are."""
        return 0 if parent.isValid() else len(HEADINGS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give the heading of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._words.gettext(HEADINGS[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give what a cell shows."""
        row, column = self._shown[index.row()], Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.BackgroundRole:
            soft = self._theme.colours.soft(row.tone)
            return colour(soft) if soft else None
        if role == Qt.ItemDataRole.TextAlignmentRole and column is Column.SIZE:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return shown.tip(self.explained(row, column))
        if column is Column.STATE:
            return self._state_look(row, role)
        if role == Qt.ItemDataRole.ForegroundRole and column is Column.CHANGES:
            return colour(self._theme.colours.of(self._repair_tone(row)))
        return None

    def _state_look(self, row: Row, role: int) -> Any:
        if role == Qt.ItemDataRole.DecorationRole:
            colours = self._theme.colours
            return icon(row.tone, colours.of(row.tone), "", colours.on_selection)
        if role == Qt.ItemDataRole.ForegroundRole:
            return colour(self._theme.colours.of(row.tone))
        if role == Qt.ItemDataRole.FontRole and row.tone in ("good", "bad", "doubt"):
            return self._bold
        return None

    def _text(self, row: Row, column: Column) -> str:
        if column is Column.STATE:
            return self._words.gettext(row.state.value)
        if column is Column.FILE:
            return shown.plain(printable(row.file.relative))
        reading = row.reading
        if reading is None:
            return ""
        texts = {
            Column.PATIENT: reading.patient,
            Column.DATE: reading.study_date,
            Column.MODALITY: reading.modality,
            Column.DESCRIPTION: reading.description,
            Column.SIZE: self._words.size(reading.size),
        }
        return texts[column] if column in texts else self.repair_text(row)

    def repair_text(self, row: Row) -> str:
        """Give what will be changed in a file, on one line; what is unsure is said first."""
        reading, parts = row.reading, []
        if reading is None or self.as_is:
            return ""
        if reading.verdict == "unsure":
            parts.append(self._words.gettext(N_("text unsure")))
        if row.steps:
            parts.append(self._words.ngettext("{count} edit", "{count} edits", len(row.steps)))
        if reading.changes:  # the first is enough on one line; the tooltip and the elements have them all
            more = len(reading.changes) - 1 + reading.more_changes
            parts.append(repair_words(reading.changes[:1], more, _CELL))
        return "   ·   ".join(parts)

    def _repair_tone(self, row: Row) -> Tone:
        reading = row.reading
        return "doubt" if reading is not None and reading.verdict == "unsure" else "plain"

    def explained(self, row: Row, column: Column) -> str:
        """Give what there is to say about a cell: the reason and what to do, the changes, the path."""
        if column is Column.FILE:
            return printable(row.file.path)
        if column is Column.CHANGES and row.reading is not None:
            changes = row.reading.changes[:_TIP_CHANGES]
            return "\n".join(f"{one.keyword}: {repair_words([one], 0)}" for one in changes)
        lines = [f"{one.code}: {self._words.sentence(one)}" for one in row.problems[:5]]
        return "\n".join(lines) or ("" if column is Column.STATE else self._text(row, column))

    # What the window does.

    def row_at(self, index: Index) -> Row:
        """Give the row that is shown there."""
        return self._shown[index.row()]

    def row_of(self, path: Path) -> Row | None:
        """Give the row of a file."""
        return self._by_path.get(path)

    def add(self, files: Iterable[FoundFile], steps: Callable[[Path], tuple[Step, ...]] | None = None) -> list[Row]:
        """Add files that are not there yet; gives their rows."""
        new: list[Row] = []
        for file in files:
            if file.path not in self._by_path:
                row = Row(file, steps=steps(file.path) if steps else (), number=len(self.rows))
                self._by_path[file.path] = row
                self.rows.append(row)
                new.append(row)
        visible = [row for row in new if FILTERS[self._filter](row)]
        if visible:
            self.beginInsertRows(QModelIndex(), len(self._shown), len(self._shown) + len(visible) - 1)
            self._shown.extend(visible)
            self._places = None
            self.endInsertRows()
        return new

    def remove(self, rows: Iterable[Row]) -> None:
        """Take rows off the list."""
        gone = {id(row) for row in rows}
        self.beginResetModel()
        self.rows = [row for row in self.rows if id(row) not in gone]
        self._by_path = {row.file.path: row for row in self.rows}
        for number, row in enumerate(self.rows):
            row.number = number
        self._shown = self._arranged()
        self._places = None
        self.endResetModel()

    def tell(self, rows: Sequence[Row]) -> None:
        """Show what has changed in rows; those that no longer belong among the shown ones stay until `refilter`."""
        if self._places is None:
            self._places = {id(row): place for place, row in enumerate(self._shown)}
        places = [self._places[id(row)] for row in rows if id(row) in self._places]
        if places:
            last = len(HEADINGS) - 1
            self.dataChanged.emit(self.index(min(places), 0), self.index(max(places), last))

    def tell_all(self) -> None:
        """Show everything anew."""
        if self._shown:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._shown) - 1, len(HEADINGS) - 1))

    def show_only(self, name: str) -> None:
        """Show the rows of one of `FILTERS`."""
        self._filter = name
        self.refilter()

    def refilter(self) -> None:
        """Show exactly the rows that belong there now; what is selected stays selected where it is still shown."""
        self._rearrange(self._arranged())

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; a negative one is the order in which files came."""
        self._sort = None if column < 0 else (Column(column), order == Qt.SortOrder.DescendingOrder)
        self.refilter()

    def counts(self) -> Counter[str]:
        """Give how many rows each filter lets through, how many are in each state (by its name), and "to-send"."""
        counted: Counter[str] = Counter()
        for row in self.rows:
            counted["all"] += 1
            counted["to-send"] += row.is_to_send
            counted["failed"] += FILTERS["failed"](row)
            counted["unsure"] += FILTERS["unsure"](row)
            counted[row.state.name] += 1
        return counted

    def _arranged(self) -> list[Row]:
        rows = [row for row in self.rows if FILTERS[self._filter](row)]
        if self._sort is not None:
            rows.sort(key=_SORT[self._sort[0]], reverse=self._sort[1])
        return rows

    def _rearrange(self, rows: list[Row]) -> None:
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        meant = [self._shown[one.row()] for one in old]
        self._shown = rows
        self._places = {id(row): place for place, row in enumerate(rows)}
        new = [
            self.index(self._places[id(row)], one.column()) if id(row) in self._places else QModelIndex()
            for one, row in zip(old, meant, strict=True)
        ]
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()

    def _say_anew(self) -> None:
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(HEADINGS) - 1)
        self.tell_all()
