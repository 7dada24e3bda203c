"""Pieces of the Auto-export view: tables that keep their place, tiles that count, lists of paragraphs, empty pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.auto_list_model import ID_ROLE, ListModel
from tolmach.apps.desktop.drawing import icon, picture
from tolmach.apps.desktop.panels import MARGIN, put_tone, text_label
from tolmach.apps.desktop.rows import Tone
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.base import N_, Problem

_MARGIN = 18  # beside the text of a cell
_FEWEST_LETTERS = 4
_PICTURE = 22  # beside the words of a state, with its space


class ListTable(QTableView):
    """A table of a `ListModel`: what is selected and where it stands stays when the list is brought up to date."""

    def __init__(
        self,
        words: Words,
        theme: Theme,
        model: ListModel[Any],
        columns: Mapping[int, tuple[int, int]],
        name: str,
        whole: Mapping[int, Sequence[str]] | None = None,
    ) -> None:
        """Show a list; `name` is a msgid that screen readers say.

        `columns` gives for each how many letters it needs at least, and its share of what room is left; `whole` gives
        msgids that are to be read whole in a column, beside a picture.
        """
        super().__init__()
        self._list, self._theme, self._words, self._whole = model, theme, words, whole or {}
        self.setModel(model)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        upright = self.verticalHeader()
        upright.hide()
        upright.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        upright.setDefaultSectionSize(self.fontMetrics().height() + 14)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setStretchLastSection(True)
        header.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._columns, self._is_fitting, self._is_fitted = dict(columns), False, True
        header.sectionResized.connect(self._note_width)
        words.bind(self.setAccessibleName, name)
        words.changed.connect(self._fit)
        theme.changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        """Have a frame always, seen or not: what moves by a pixel when it is looked at is felt."""
        accent = self._theme.colours.accent
        self.setStyleSheet(
            "QTableView { border: 1px solid transparent; }"
            f"QTableView:focus {{ border: 1px solid {accent}; border-radius: 6px; }}"
        )

    def _note_width(self, column: int, *_: int) -> None:
        """Leave the columns as a person has made them; the last one follows by itself."""
        if not self._is_fitting and self.isVisible() and column != max(self._columns):
            self._is_fitted = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the columns as wide as there is room."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Give each column what it needs and its share of the rest, unless a person has made them otherwise."""
        if not self._is_fitted:
            return
        header, metrics = self.horizontalHeader(), QFontMetrics(self._bold())
        widths = self._needed(metrics)
        rest = max(0, self.viewport().width() - sum(widths.values()))
        for_headings = rest // 3
        for column, width in widths.items():
            more = min(for_headings, max(0, metrics.horizontalAdvance(self._heading(column)) + _MARGIN - width))
            widths[column], rest, for_headings = width + more, rest - more, for_headings - more
        weights = sum(weight for _letters, weight in self._columns.values())
        self._is_fitting = True
        for column in list(widths)[:-1]:  # the last one takes what is left
            header.resizeSection(column, widths[column] + rest * self._columns[column][1] // weights)
        self._is_fitting = False

    def _needed(self, metrics: QFontMetrics) -> dict[int, int]:
        """Give how wide each column must be; what is to be read whole takes from those that share the rest."""
        letter = self.fontMetrics().averageCharWidth()
        widths = {column: letters * letter + _MARGIN for column, (letters, _weight) in self._columns.items()}
        for column, texts in self._whole.items():
            longest = max(metrics.horizontalAdvance(self._words.gettext(one)) for one in texts)
            widths[column] = max(widths[column], longest + _PICTURE + _MARGIN)
        lacking = sum(widths.values()) - self.viewport().width()
        spare = {
            column: max(0, widths[column] - _FEWEST_LETTERS * letter - _MARGIN)
            for column, (_letters, weight) in self._columns.items()
            if weight and column not in self._whole
        }
        if lacking > 0 and self._whole:
            share = min(1.0, lacking / max(1, sum(spare.values())))
            for column, most in spare.items():
                widths[column] -= round(most * share)
        return widths

    def _heading(self, column: int) -> str:
        return str(self._list.headerData(column, Qt.Orientation.Horizontal))

    def _bold(self) -> QFont:
        font = QFont(self.font())
        font.setBold(True)
        return font

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let an arrow select the first row where none is selected."""
        is_arrow = event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up)
        if is_arrow and self._list.ids and not self.selectionModel().hasSelection():
            self.select_id(self._list.ids[max(0, self.currentIndex().row())])
            return
        super().keyPressEvent(event)

    def show_ids(self, ids: list[int]) -> None:
        """Show other rows; whoever looks at the beginning sees what is new, else the same rows stay in sight."""
        if ids == self._list.ids:
            return
        bar = self.verticalScrollBar()
        top = self.indexAt(self.viewport().rect().topLeft())
        number = top.data(ID_ROLE) if bar.value() > 0 and top.isValid() else None
        self._list.show_ids(ids)
        if number is not None:
            place = self._list.place_of(int(number))
            if place >= 0:
                self.scrollTo(self._list.index(place, 0), QAbstractItemView.ScrollHint.PositionAtTop)

    def selected_ids(self) -> list[int]:
        """Give the numbers of the selected rows, from top to bottom."""
        places: set[int] = set()
        chosen = self.selectionModel().selection()
        for part in (chosen.at(number) for number in range(chosen.count())):
            places.update(range(part.top(), part.bottom() + 1))
        return [self._list.ids[place] for place in sorted(places) if place < len(self._list.ids)]

    def current_id(self) -> int | None:
        """Give the number of the row that is selected and looked at; None where nothing is selected."""
        chosen, index = self.selectionModel(), self.currentIndex()
        if not chosen.hasSelection():
            return None
        if not (index.isValid() and chosen.isRowSelected(index.row(), index.parent())):
            return next(iter(self.selected_ids()), None)
        return int(index.data(ID_ROLE))

    def select_id(self, number: int) -> bool:
        """Select a row and bring it into sight; False when it is not in the list."""
        place = self._list.place_of(number)
        if place < 0:
            return False
        index = self._list.index(place, 0)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(index, flags)
        self.scrollTo(index)
        return True


class Tile(QWidget):
    """A number with what it counts below it."""

    def __init__(self, caption: str, about: str) -> None:
        """Count nothing yet."""
        super().__init__()
        self.number, self.caption = text_label("0", "count"), text_label(caption, "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 6, 0)
        layout.setSpacing(0)
        layout.addWidget(self.number)
        layout.addWidget(self.caption)
        font = self.number.font()
        font.setPointSizeF(font.pointSizeF() + 3)
        font.setBold(True)
        self.number.setFont(font)
        self.name(caption, about)

    def name(self, caption: str, about: str) -> None:
        """Say what is counted."""
        self.caption.setText(caption)
        self.setToolTip(shown.tip(about))
        self.setAccessibleDescription(about)

    def count(self, number: int, tone: Tone = "plain") -> None:
        """Show a number, in a tone where it is more than none."""
        self.number.setText(f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"))
        self.setAccessibleName(f"{self.caption.text()}: {number}")
        put_tone(self.number, tone if number and tone != "plain" else "")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph: a headline in a tone, and lines below it; the first of `details` says what to do."""

    head: str
    tone: Tone = "plain"
    lines: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


class BlockList(QScrollArea):
    """Paragraphs one below the other; what can be selected can be copied."""

    def __init__(self, theme: Theme) -> None:
        """Begin empty."""
        super().__init__()
        self._theme = theme
        self._blocks: tuple[Block, ...] = ()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.body = QWidget()
        self.setWidget(self.body)
        for one in (self.viewport(), self.body):  # what stands behind it is seen
            one.setAutoFillBackground(False)
        self._column = QVBoxLayout(self.body)
        self._column.setContentsMargins(MARGIN, 10, MARGIN, 10)
        self._column.setSpacing(14)
        self._column.addStretch(1)
        theme.changed.connect(self._fill_anew)

    def show_blocks(self, blocks: Sequence[Block]) -> None:
        """Show these, where they are others than before; the place stays."""
        if tuple(blocks) != self._blocks:
            place = self.verticalScrollBar().value()
            self._fill(tuple(blocks))
            self.verticalScrollBar().setValue(place)

    def text(self) -> str:
        """Give everything that is said."""
        return "\n".join(line for one in self._blocks for line in (one.head, *one.lines, *one.details))

    def _fill_anew(self) -> None:
        self._fill(self._blocks)

    def _fill(self, blocks: tuple[Block, ...]) -> None:
        self._blocks = blocks
        while self._column.count() > 1:
            item = self._column.takeAt(0)
            widget = None if item is None else item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for place, one in enumerate(blocks):
            self._column.insertWidget(place, self._block(one))

    def _block(self, one: Block) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        mark = text_label()
        if one.head:
            mark.setPixmap(picture(one.tone, self._theme.colours.of(one.tone), 18))
            row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(2)
        row.addLayout(column, 1)
        if one.head:
            column.addWidget(self._line(one.head, "heading", one.tone if one.tone not in ("plain", "busy") else ""))
        for line in one.lines:
            column.addWidget(self._line(line, "muted"))
        for line in one.details:
            column.addWidget(self._line(line))
        return made

    def _line(self, text: str, name: str = "", tone: str = "") -> QLabel:
        label = text_label(text, name, wraps=True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        label.setMinimumWidth(60)
        if tone:
            put_tone(label, tone)
        return label


class EmptyPage(QWidget):
    """What to do first, where there is nothing to show: an icon, a sentence, what to do, and a button for it."""

    def __init__(self, words: Words, theme: Theme, picture_name: str, title: str, about: str, button: str = "") -> None:
        """Say msgids; without a `button` there is none."""
        super().__init__()
        self._theme, self._picture = theme, picture_name
        self._mark = text_label()
        self._mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.title, self.about = text_label("", "emptyTitle", wraps=True), text_label("", "muted", wraps=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(32, 24, 32, 24)
        layout.setSpacing(10)
        layout.addStretch(1)
        layout.addWidget(self._mark)
        for one, msgid in ((self.title, title), (self.about, about)):
            one.setAlignment(Qt.AlignmentFlag.AlignCenter)
            words.bind(one.setText, msgid)
            layout.addWidget(one)
        self.button = QPushButton()
        self.button.setObjectName("primary")
        if button:
            words.bind(self.button.setText, button)
            layout.addSpacing(4)
            layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(1)
        theme.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        colours = self._theme.colours
        self._mark.setPixmap(picture(self._picture, colours.accent, 48))
        self.button.setIcon(icon("plus", colours.on_accent))


def waiting_text(words: Words, problem: Problem | None) -> str:
    """Say why what is to be seen is not there yet: it is being read, or it cannot be, and is tried again."""
    if problem is None:
        return words.gettext(N_("Reading…"))
    again = words.gettext(N_("It is tried again by itself."))
    return f"{words.sentence(problem)}\n\n{again}"


def no_page(words: Words) -> QLabel:
    """Give the words that stand where nothing is selected."""
    label = text_label("", "muted", wraps=True)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setMargin(24)
    words.bind(label.setText, N_("Select a line to see what was changed, where it went, and why it waits."))
    return label
