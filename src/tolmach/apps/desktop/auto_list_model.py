"""Long lists: the numbers of all rows are known, the rows themselves are read when they are seen, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer, Signal

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words

Index = QModelIndex | QPersistentModelIndex
R = TypeVar("R")
_ROOT = QModelIndex()
_PAGE = 50  # rows are read together
_MOST_PAGES = 8  # at once
_MOST_KEPT = 6_000
ID_ROLE = int(Qt.ItemDataRole.UserRole)


class ListModel(QAbstractTableModel, Generic[R]):
    """Rows by their numbers. `wanted` asks for some; what is not there yet shows as dots."""

    wanted = Signal(list)

    def __init__(self, words: Words, theme: Theme, headings: Sequence[str]) -> None:
        """Begin empty."""
        super().__init__()
        self._words, self._theme, self._headings = words, theme, headings
        self.ids: list[int] = []
        self._rows: dict[int, R] = {}
        self._fresh: set[int] = set()  # of the rows, those read since anything changed
        self._missing: dict[int, None] = {}  # pages, the one seen last at the end
        self._is_asking = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._want)
        words.changed.connect(self.say_anew)
        theme.changed.connect(self.say_anew)

    # What Qt asks.

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Give how many rows there are."""
        return 0 if parent.isValid() else len(self.ids)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Give how many columns there are."""
        return 0 if parent.isValid() else len(self._headings)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give the heading of a column; the whole of it in its tooltip."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words.gettext(self._headings[section])
        return shown.tip(self._words.gettext(self._headings[section])) if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give what a cell shows."""
        if not index.isValid() or index.row() >= len(self.ids):
            return None
        if role == ID_ROLE:
            return self.ids[index.row()]
        row = self._row(index.row())
        if row is not None:
            return self.cell(row, index.column(), role)
        return "…" if role == Qt.ItemDataRole.DisplayRole and index.column() == 0 else None

    def cell(self, row: R, column: int, role: int) -> Any:
        """Give what a cell of a row shows; each list says it."""
        raise NotImplementedError

    # Rows.

    def known(self, number: int) -> R | None:
        """Give a row that was read, by its number."""
        return self._rows.get(number)

    def place_of(self, number: int) -> int:
        """Give where a row stands; -1 where it does not."""
        try:
            return self.ids.index(number)
        except ValueError:
            return -1

    def _row(self, place: int) -> R | None:
        number = self.ids[place]
        if number not in self._fresh:
            page = place // _PAGE
            self._missing.pop(page, None)
            self._missing[page] = None
            if not self._is_asking and not self._soon.isActive():
                self._soon.start()
        return self._rows.get(number)

    def _want(self) -> None:
        pages = sorted(list(self._missing)[-_MOST_PAGES:])
        self._missing.clear()
        ids = [
            number
            for page in pages
            for number in self.ids[page * _PAGE : (page + 1) * _PAGE]
            if number not in self._fresh
        ]
        if ids:
            self._is_asking = True
            self.wanted.emit(ids)

    def take(self, rows: Mapping[int, R]) -> None:
        """Show rows that were read; those asked for that are gone stay as they were."""
        self._is_asking = False
        changed = {number for number, row in rows.items() if self._rows.get(number) != row}
        self._fresh.update(rows)
        self._rows.update(rows)
        places = [self.place_of(number) for number in changed] if len(changed) <= _PAGE * _MOST_PAGES else []
        places = [place for place in places if place >= 0]
        if places:
            self.dataChanged.emit(self.index(min(places), 0), self.index(max(places), len(self._headings) - 1))
        if len(self._rows) > _MOST_KEPT:
            for number in list(self._rows)[: len(self._rows) - _MOST_KEPT // 2]:
                del self._rows[number]
                self._fresh.discard(number)
        if self._missing:
            self._soon.start()

    def give_up(self) -> None:
        """Ask again when rows are seen: what was asked was not answered."""
        self._is_asking = False

    def ask_again(self) -> None:
        """Ask again at once for what is seen and was not answered."""
        self.give_up()
        self.say_anew()

    def outdate(self) -> None:
        """Read again what is seen from now on; until then it stays as it is."""
        self._fresh.clear()
        self.say_anew()

    def say_anew(self) -> None:
        """Show everything anew."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self._headings) - 1)
        if self.ids:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.ids) - 1, len(self._headings) - 1))

    def show_ids(self, ids: list[int]) -> None:
        """Show these rows; what is selected stays so where it is still there."""
        old = self.ids
        if ids == old:
            return
        more = len(ids) - len(old)
        self._missing.clear()
        if old and more > 0 and ids[more:] == old:
            self.beginInsertRows(QModelIndex(), 0, more - 1)
            self.ids = ids
            self.endInsertRows()
        elif old and more > 0 and ids[: len(old)] == old:
            self.beginInsertRows(QModelIndex(), len(old), len(ids) - 1)
            self.ids = ids
            self.endInsertRows()
        elif not old or not ids:
            self.beginResetModel()
            self.ids = ids
            self.endResetModel()
        else:
            self._rearrange(ids)

    def _rearrange(self, ids: list[int]) -> None:
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        meant = [self.ids[one.row()] for one in before]
        self.ids = ids
        places = {number: place for place, number in enumerate(ids)} if before else {}
        after = [
            self.index(places[number], one.column()) if number in places else QModelIndex()
            for one, number in zip(before, meant, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()
