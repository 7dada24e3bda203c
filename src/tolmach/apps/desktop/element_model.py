"""The elements of one file as a tree, its sequences to be opened, what will change beside what stands there."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.element_search import name_of
from tolmach.apps.desktop.elements import ElementLine
from tolmach.apps.desktop.theme import Theme, colour
from tolmach.apps.desktop.words import Words
from tolmach.base import N_

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_HEAD_GROUP = 2
LINE_ROLE = int(Qt.ItemDataRole.UserRole)


class Column(IntEnum):
    """The columns in their order."""

    NAME, VALUE, VR, TAG = range(4)


HEADINGS = (N_("Element"), N_("Value"), N_("VR"), N_("Tag"))


class ElementModel(QAbstractItemModel):
    """The lines of one file; `edited` tells (path, VR, text) when a person has given a value."""

    edited = Signal(str, str, str)

    def __init__(self, words: Words, theme: Theme) -> None:
        """Begin empty."""
        super().__init__()
        self._words, self._theme = words, theme
        self.lines: Sequence[ElementLine] = ()
        self._children: dict[int, list[int]] = {}
        self._places: dict[int, int] = {}
        self._query, self._only_changes, self.is_locked = "", False, False
        words.changed.connect(self._arrange)

    def show_lines(self, lines: Sequence[ElementLine]) -> None:
        """Show the lines of another file."""
        self.lines = lines
        self._arrange()

    def narrow(self, query: str, *, only_changes: bool) -> None:
        """Show only lines that fit, and what they stand in."""
        self._query, self._only_changes = query.strip().casefold(), only_changes
        self._arrange()

    def changes(self) -> int:
        """Give how many lines will read otherwise."""
        return sum(line.is_changed for line in self.lines)

    def _arrange(self) -> None:
        self.beginResetModel()
        kept = self._kept()
        self._children = {}
        order = sorted(kept, key=self._place)
        for number in order:
            self._children.setdefault(self.lines[number].parent, []).append(number)
        self._places = {number: place for numbers in self._children.values() for place, number in enumerate(numbers)}
        self.endResetModel()

    def _place(self, number: int) -> tuple[bool, int, int]:
        """Give where a line stands among its like: by tag, the head of the file behind everything else."""
        line = self.lines[number]
        return line.tag >> 16 == _HEAD_GROUP, line.tag, line.item

    def _kept(self) -> set[int]:
        kept: set[int] = set()
        for number, line in enumerate(self.lines):
            if (self._only_changes and not line.is_changed) or (self._query and not self._fits(line)):
                continue
            while number >= 0 and number not in kept:
                kept.add(number)
                number = self.lines[number].parent
        return kept

    def _fits(self, line: ElementLine) -> bool:
        texts = (self.name(line), line.keyword, f"{line.tag:08x}", f"{line.tag >> 16:04x},{line.tag & 0xFFFF:04x}",
                 line.before or "", line.after or "")  # fmt: skip
        return any(self._query in text.casefold() for text in texts)

    def name(self, line: ElementLine) -> str:
        """Give an element's name in the window's language."""
        if line.kind == "item":
            return self._words.gettext(N_("Item {number}"), number=line.item + 1)
        if line.keyword:
            return name_of(line.keyword, self._words.gettext)
        return self._words.gettext(N_("Private element") if (line.tag >> 16) % 2 else N_("Unknown element"))

    # What Qt asks.

    def index(self, row: int, column: int, parent: Index = _ROOT) -> QModelIndex:
        """Give the index of a child."""
        children = self._children.get(int(parent.internalId()) if parent.isValid() else -1, ())
        if not 0 <= row < len(children):
            return QModelIndex()
        return self.createIndex(row, column, children[row])

    def parent(self, index: Index = _ROOT) -> QModelIndex:  # type: ignore[override]
        """Give what an element stands in."""
        if not index.isValid():
            return QModelIndex()
        above = self.lines[int(index.internalId())].parent
        return QModelIndex() if above < 0 else self.createIndex(self._places[above], 0, above)

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Give how many children there are."""
        return len(self._children.get(int(parent.internalId()) if parent.isValid() else -1, ()))

    def columnCount(self, _parent: Index = _ROOT) -> int:
        """Give how many columns there are."""
        return len(HEADINGS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give the heading of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._words.gettext(HEADINGS[section])
        return None

    def line_at(self, index: Index) -> ElementLine:
        """Give the line that is shown there."""
        return self.lines[int(index.internalId())]

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Tell what may be done with a cell."""
        flags = super().flags(index)
        if index.isValid() and index.column() == Column.VALUE and self.may_edit(self.line_at(index)):
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def may_edit(self, line: ElementLine) -> bool:
        """Tell whether a value may be edited in place."""
        return line.is_editable and not self.is_locked

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Give what a cell shows."""
        if not index.isValid():
            return None
        line, column = self.line_at(index), Column(index.column())
        if role == LINE_ROLE:
            return line
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(line, column)
        if role == Qt.ItemDataRole.EditRole and column is Column.VALUE:
            return line.after or ""
        if role == Qt.ItemDataRole.ToolTipRole:
            return shown.tip(self._explained(line))
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(line, column)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Take what a person gave; it is told, and shown when the file was looked at anew."""
        line = self.line_at(index)
        if role != Qt.ItemDataRole.EditRole or not self.may_edit(line) or str(value) == (line.after or ""):
            return False
        self.edited.emit(line.path, line.vr, str(value))
        return True

    def _text(self, line: ElementLine, column: Column) -> str:
        if column is Column.NAME:
            return self.name(line)
        if column is Column.TAG:
            return "" if line.kind == "item" else f"({line.tag >> 16:04X},{line.tag & 0xFFFF:04X})"
        return line.vr if column is Column.VR else self.value(line)

    def value(self, line: ElementLine) -> str:
        """Give an element's value as one line of text."""
        if line.kind == "bytes":
            return self._words.size(line.size)
        if line.kind != "text":
            return ""
        before, after = (shown.plain(one) if one is not None else "—" for one in (line.before, line.after))
        return f"{before} → {after}" if line.is_changed else after

    def _explained(self, line: ElementLine) -> str:
        parts = [
            self.name(line),
            " · ".join(one for one in (line.keyword, self._text(line, Column.TAG), line.vr) if one),
        ]
        if line.kind == "text" and not line.is_changed:
            parts.append(shown.plain(line.after or "", 600))
        if line.is_changed:
            none = self._words.gettext(N_("absent"))
            parts += [
                self._words.gettext(
                    N_("In the file: {value}"), value=none if line.before is None else line.before[:600]
                ),
                self._words.gettext(N_("Will be: {value}"), value=none if line.after is None else line.after[:600]),
                self._words.gettext(REASONS[line.reason]),
            ]
        return "\n".join(part for part in parts if part)

    def _colour(self, line: ElementLine, column: Column) -> Any:
        colours = self._theme.colours
        if column in (Column.VR, Column.TAG) or line.kind in ("bytes", "item"):
            return colour(colours.muted)
        return colour(colours.accent) if line.is_changed and column is Column.NAME else None


REASONS = {
    "character-set": N_("Repaired: it was in another code page than its label says."),
    "code-string": N_("Repaired: only Latin capitals, digits, blank and underscore are allowed here."),
    "length": N_("Repaired: its length did not fit."),
    "rule": N_("Edited by hand or by a rule of the profile."),
    "text-policy": N_("Rewritten in the letters the destination can read."),
}
