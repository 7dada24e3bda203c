"""The history: what came, of whom, and how it stands; the selected object beside it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from tolmach.apps.desktop.auto_desk import AutoDesk
from tolmach.apps.desktop.auto_dialogs import ResendDialog
from tolmach.apps.desktop.auto_filters import Filters
from tolmach.apps.desktop.auto_history_model import Column, HistoryModel
from tolmach.apps.desktop.auto_object import ObjectView
from tolmach.apps.desktop.auto_panels import EmptyPage, ListTable
from tolmach.apps.desktop.auto_rows import OBJECT_STATES, FoldersSeen, HistoryLine, ObjectSeen
from tolmach.apps.desktop.panels import GAP, ToolButton, WrapBox, group, panel, shortcut, text_label
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.apps.overseeing import MOST_LISTED, Wanted
from tolmach.base import N_

_COLUMNS: dict[int, tuple[int, int]] = {
    Column.TIME: (16, 0), Column.PATIENT: (13, 6), Column.STUDY_DATE: (10, 0), Column.MODALITY: (5, 0),
    Column.SOURCE: (7, 2), Column.DESTINATION: (6, 2), Column.STATE: (16, 3),
}  # fmt: skip
_LEAST_SIDE_BY_SIDE = 128  # average letters


class HistoryPage(QWidget):
    """What came."""

    def __init__(self, desk: AutoDesk, words: Words, theme: Theme) -> None:
        """Show nothing yet."""
        super().__init__()
        self._desk, self._words = desk, words
        self.destinations: Sequence[str] = ()
        self.model = HistoryModel(words, theme)
        self.table = ListTable(words, theme, self.model, _COLUMNS, N_("History"),
                               {Column.STATE: [text for text, _tone in OBJECT_STATES.values()]})  # fmt: skip
        self.filters = Filters(words)
        self.object = ObjectView(words, theme)
        self.resend = ToolButton(words, theme, "send", N_("&Resend…"), N_("Deliver the selected images once more"))
        self.sum = text_label("", "muted")
        self.empty = EmptyPage(words, theme, "history", N_("Nothing has come yet"),
                               N_("What the folders and the machines bring is listed here, with all changes.")
                               )  # fmt: skip
        self.nothing = EmptyPage(words, theme, "search", N_("Nothing has come that fits."),
                                 N_("Look for less of the name, or for any time and any state."))  # fmt: skip
        self._arrange()
        self._look_soon = QTimer(self)
        self._look_soon.setSingleShot(True)
        self._look_soon.setInterval(60)
        self._look_soon.timeout.connect(self._look)
        self._connect()
        self._say()

    def _arrange(self) -> None:
        frame, inside = panel()
        self.stack = QStackedWidget()
        for one in (self.table, self.empty, self.nothing):
            self.stack.addWidget(one)
        inside.addWidget(self.stack, 1)
        self.bar = WrapBox([group(self.resend, spacing=6), self.sum])
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(frame, 1)
        column.addWidget(self.bar)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(GAP)
        self.splitter.addWidget(left)
        self.splitter.addWidget(self.object)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        self.splitter.setSizes([760, 366])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self.filters)
        layout.addWidget(self.splitter, 1)

    def _connect(self) -> None:
        self.filters.changed.connect(self._find)
        self.model.wanted.connect(self._desk.read_history)
        self.table.selectionModel().selectionChanged.connect(self._select)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._look_soon.start())
        self.model.modelReset.connect(self._select)
        self.table.customContextMenuRequested.connect(self._menu)
        self.resend.clicked.connect(lambda: self.ask_resend(self.table.selected_ids()))
        self.object.resend_wanted.connect(lambda number: self.ask_resend([number]))
        self._desk.working.connect(self._enable)
        self._words.changed.connect(self._say)
        shortcut(self.table, "Ctrl+Shift+C", self._copy)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the object below the list where there is no room beside it."""
        super().resizeEvent(event)
        is_wide = event.size().width() >= _LEAST_SIDE_BY_SIDE * self.fontMetrics().averageCharWidth()
        wanted = Qt.Orientation.Horizontal if is_wide else Qt.Orientation.Vertical
        if self.splitter.orientation() != wanted:
            self.splitter.setOrientation(wanted)
            self.splitter.setSizes([760, 366] if is_wide else [320, 260])

    # Reading.

    def refresh(self, *, force: bool = False) -> None:
        """Look, where anything has changed."""
        self._desk.look_history(self.filters.wanted, self.model.ids, force=force)
        number = self.table.current_id()
        if number is not None and self.object.isVisible():
            self._desk.look_object(number, force=force)

    def _find(self, _wanted: Wanted) -> None:
        if self.isVisible():
            self.refresh(force=True)

    def show_ids(self, ids: list[int]) -> None:
        """Show what was found, and read again what is seen of it."""
        self.table.show_ids(ids)
        self.model.outdate()
        self.stack.setCurrentIndex(0 if ids else 1 if self.filters.wanted == Wanted() else 2)
        self._say()

    def show_rows(self, rows: dict[int, HistoryLine]) -> None:
        """Show rows that were read."""
        self.model.take(rows)

    def show_object(self, seen: ObjectSeen) -> None:
        """Show an object, where it is still the selected one."""
        if seen.row.object_id == self.table.current_id():
            self.object.show_seen(seen)

    def show_details(self, is_shown: bool) -> None:
        """Show or hide the object beside the list."""
        self.object.setVisible(is_shown)
        self._look_soon.start()

    def show_folders(self, seen: FoldersSeen) -> None:
        """Offer the folders that there are, and the destinations."""
        self.destinations = seen.destinations
        self.filters.name_watches([one.name for one in seen.folders])

    # What people do.

    def _select(self) -> None:
        self._look_soon.start()
        self._enable()

    def _enable(self) -> None:
        self.resend.setEnabled(self.table.selectionModel().hasSelection() and not self._desk.is_working)

    def _look(self) -> None:
        number = self.table.current_id()
        if number is None:
            self.object.show_seen(None)
        elif self.object.seen is None or self.object.seen.row.object_id != number:
            self._desk.look_object(number, force=True)

    def _menu(self, place: QPoint) -> None:
        if self.table.selectionModel().hasSelection():
            menu = self.menu_for(self.table.selected_ids())
            menu.exec(self.table.viewport().mapToGlobal(place))
            menu.deleteLater()

    def menu_for(self, ids: Sequence[int]) -> QMenu:
        """Give what can be done with the selected objects."""
        menu, say = QMenu(self), self._words.gettext
        resend = menu.addAction(say(N_("Resend…")), lambda: self.ask_resend(ids))
        resend.setEnabled(not self._desk.is_working)
        menu.addAction(say(N_("Copy as text")), self._copy)
        return menu

    def _copy(self) -> None:
        lines = []
        for number in self.table.selected_ids():
            row = self.model.known(number)
            if row is not None:
                place = self.model.place_of(number)
                cells = (str(self.model.index(place, column).data()) for column in Column)
                lines.append("\t".join(cells))
        QGuiApplication.clipboard().setText("\n".join(lines))

    def ask_resend(self, ids: Sequence[int]) -> None:
        """Ask whereto, and deliver once more."""
        if not ids or self._desk.is_working:
            return
        dialog = ResendDialog(self._words, len(ids), self.destinations, self)
        if dialog.exec():
            self._desk.resend(ids, dialog.to, original=dialog.is_original)
        dialog.deleteLater()

    def _say(self) -> None:
        count = len(self.model.ids)
        text = self._words.ngettext("{count} image", "{count} images", count) if count else ""
        if count >= MOST_LISTED:
            text = self._words.gettext(
                N_("The newest {count} are listed; older ones are found by looking for them."), count=count
            )
        self.sum.setText(text)
        self.bar.arrange()
        self._enable()
