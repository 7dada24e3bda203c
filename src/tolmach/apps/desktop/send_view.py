"""The Send view: files on the left, the selected one on the right, choices above, how far the work is below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QItemSelection, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from tolmach.apps.desktop.desk import Desk
from tolmach.apps.desktop.details_view import DetailsView
from tolmach.apps.desktop.drawing import picture
from tolmach.apps.desktop.file_model import Column, FileModel
from tolmach.apps.desktop.panels import (
    GAP,
    Banner,
    OfferBanner,
    Segments,
    ToolButton,
    WrapBox,
    bind_tip,
    group,
    panel,
    shortcut,
    text_label,
)
from tolmach.apps.desktop.progress_bar import ProgressBar
from tolmach.apps.desktop.rows import Row
from tolmach.apps.desktop.target_bar import TargetBar
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.apps.reports import printable
from tolmach.base import N_

_WIDTHS = {Column.STATE: 138, Column.PATIENT: 176, Column.CHANGES: 196, Column.DATE: 94, Column.MODALITY: 112,
           Column.DESCRIPTION: 150, Column.SIZE: 70, Column.FILE: 160}  # fmt: skip
_FILTERS = (("all", N_("All")), ("failed", N_("Failed")), ("unsure", N_("Unsure")))


class SendView(QWidget):
    """What a technician looks at. It asks the desk for everything, and shows what comes."""

    files_wanted = Signal()
    folder_wanted = Signal()
    copies_wanted = Signal(list)
    edit_wanted = Signal(list, str)

    def __init__(self, desk: Desk, words: Words, theme: Theme) -> None:
        """Show an empty list."""
        super().__init__()
        self.setAcceptDrops(True)
        self._desk, self._words, self._theme, self._model = desk, words, theme, desk.model
        self.banner = Banner(words, theme)
        self.kept = OfferBanner(words, theme)
        self.target = TargetBar(words, theme)
        self.details = DetailsView(words, theme)
        self.progress = ProgressBar(desk, words, theme)
        self.table = self._table(desk.model)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(GAP)
        self.splitter.addWidget(self._list())
        self.splitter.addWidget(self.details)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 10)
        layout.setSpacing(GAP)
        layout.addWidget(self.target)
        layout.addWidget(self.banner)
        layout.addWidget(self.kept)
        layout.addWidget(self.splitter, 1)
        layout.addWidget(self.progress)
        self._look_soon = QTimer(self)
        self._look_soon.setSingleShot(True)
        self._look_soon.setInterval(60)
        self._look_soon.timeout.connect(self._look)
        self._connect()
        self._count()

    # What it is made of.

    def _list(self) -> QWidget:
        words, theme = self._words, self._theme
        self.files = ToolButton(words, theme, "file", N_("&File…"), N_("Choose files"), "Ctrl+O")
        self.folder = ToolButton(words, theme, "folder", N_("F&older…"), N_("Choose a folder with everything in it"),
                                 "Ctrl+Shift+O")  # fmt: skip
        self.edit = ToolButton(
            words, theme, "edit", N_("Edi&t…"), N_("Edit elements of the selected files"), "Ctrl+T", wide=False
        )
        self.copies = ToolButton(words, theme, "copies", N_("Save copies…"),
                                 N_("Write repaired and edited copies of the selected files into a folder"), "Ctrl+S",
                                 wide=False)  # fmt: skip
        self.remove = ToolButton(words, theme, "remove", N_("Remove"), N_("Take the selected files off the list"),
                                 "Del", wide=False)  # fmt: skip
        self.clear = ToolButton(words, theme, "clear", N_("Clear"), N_("Take all files off the list"), wide=False)
        self.filter = Segments(words, [(key, "", "") for key, _ in _FILTERS])
        bind_tip(words, self.filter, N_("Which files are shown"))
        self.bar = WrapBox(
            [
                group(self.files, self.folder, spacing=6),
                group(self.edit, self.copies, self.remove, self.clear, spacing=6),
                self.filter,
            ]
        )
        frame, inside = panel()
        self.stack = QStackedWidget()
        self.stack.addWidget(self._empty())
        self.stack.addWidget(self.table)
        inside.addWidget(self.stack, 1)
        whole = QWidget()
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self.bar)
        layout.addWidget(frame, 1)
        return whole

    def _empty(self) -> QWidget:
        self._drop_icon = text_label()
        self._drop_icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        title = text_label("", "emptyTitle", wraps=True)
        about = text_label("", "muted", wraps=True)
        for one, msgid in (
            (title, N_("Drop files or folders here")),
            (about, N_("or choose them with “File…” and “Folder…”. They are only read: nothing in them is changed.")),
        ):
            one.setAlignment(Qt.AlignmentFlag.AlignCenter)
            self._words.bind(one.setText, msgid)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(32, 24, 32, 24)
        layout.setSpacing(10)
        layout.addStretch(1)
        layout.addWidget(self._drop_icon)
        layout.addWidget(title)
        layout.addWidget(about)
        layout.addStretch(1)
        self._draw_empty()
        return page

    def _draw_empty(self) -> None:
        self._drop_icon.setPixmap(picture("drop", self._theme.colours.accent, 48))

    def _table(self, model: FileModel) -> QTableView:
        table = QTableView()
        table.setModel(model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setAlternatingRowColors(True)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setTextElideMode(Qt.TextElideMode.ElideRight)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._menu)
        table.setSortingEnabled(True)
        upright = table.verticalHeader()
        upright.hide()
        upright.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        upright.setDefaultSectionSize(table.fontMetrics().height() + 14)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setSortIndicatorClearable(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setStretchLastSection(True)
        for column, width in _WIDTHS.items():
            header.resizeSection(column, width)
        self._words.bind(table.setAccessibleName, N_("Files"))
        return table

    def _connect(self) -> None:
        desk = self._desk
        self.files.clicked.connect(self.files_wanted)
        self.folder.clicked.connect(self.folder_wanted)
        self.remove.clicked.connect(lambda: desk.remove(self.selected()))
        self.clear.clicked.connect(lambda: desk.remove(desk.model.rows))
        self.copies.clicked.connect(lambda: self.copies_wanted.emit(self.selected() or list(desk.model.rows)))
        self.edit.clicked.connect(lambda: self.edit_wanted.emit(self.selected(), ""))
        self.filter.chosen.connect(self._filter)
        self.table.selectionModel().selectionChanged.connect(self._select)
        self._model.modelReset.connect(self._look_anew)
        self._model.dataChanged.connect(self._look_anew)
        self.target.chosen.connect(self._choose)
        self.target.echo_wanted.connect(desk.echo)
        desk.echoed.connect(self.target.show_echo)
        desk.looked.connect(self.details.show_looked)
        desk.pictured.connect(self.details.show_picture)
        desk.counted.connect(self._count)
        desk.troubled.connect(self.banner.tell)
        desk.ended.connect(self._model.refilter)
        details = self.details
        details.edited.connect(lambda path, element, text: desk.edit([path], ("set", element, text)))
        details.delete_wanted.connect(lambda path, element: desk.edit([path], ("delete", element, "")))
        details.taken_back.connect(desk.take_back)
        details.undo_wanted.connect(desk.undo)
        details.add_wanted.connect(lambda query: self.edit_wanted.emit(self.selected(), query))
        details.picture_wanted.connect(desk.picture)
        self._words.changed.connect(self._count)
        self._words.changed.connect(self.bar.arrange)
        self._theme.changed.connect(self._draw_empty)
        shortcut(self.table, "Ctrl+Shift+C", self._copy_paths)

    # What happens.

    def selected(self) -> list[Row]:
        """Give the selected rows, from top to bottom."""
        chosen = self.table.selectionModel().selectedRows()
        return [self._model.row_at(index) for index in sorted(chosen, key=lambda index: index.row())]

    def _select(self, _new: QItemSelection, _old: QItemSelection) -> None:
        self._look_soon.start()
        self._count()

    def _look_anew(self) -> None:
        self._look_soon.start()

    def _look(self) -> None:
        current = self.table.currentIndex()
        chosen = self.table.selectionModel().selectedRows()
        row = None
        if chosen:
            is_current = current.isValid() and self.table.selectionModel().isRowSelected(current.row())
            row = self._model.row_at(current if is_current else chosen[0])
        self.details.show_row(row)
        if row is not None and self.details.isVisible():
            key = (row.file.path, row.steps, row.reading)
            if key != self._looked:
                self._looked = key
                self._desk.look(row)
        else:
            self._looked = None

    _looked: object = None

    def look_again(self) -> None:
        """Look into the selected file anew, as after a profile was changed."""
        self._looked = None
        self._look_soon.start()

    def _choose(self, choice: object) -> None:
        self.banner.hide()
        self._desk.choose(choice)  # type: ignore[arg-type]
        self.details.lock(is_locked=self._desk.choice.as_is)
        self.look_again()

    def _filter(self, key: str) -> None:
        self._model.show_only(key)
        self._count()

    def show_details(self, is_shown: bool) -> None:
        """Show or hide elements and image."""
        self.details.setVisible(is_shown)
        self.look_again()

    def _count(self) -> None:
        counts = self._model.counts()
        for key, text in _FILTERS:
            self.filter.buttons[key].setText(f"{self._words.gettext(text)}  {counts[key]}")
        has_rows, chosen = bool(counts["all"]), self.table.selectionModel().hasSelection()
        self.stack.setCurrentIndex(1 if has_rows else 0)
        for one in (self.copies, self.clear):
            one.setEnabled(has_rows and not self._desk.is_working)
        self.remove.setEnabled(chosen)
        self.edit.setEnabled(chosen and not self._desk.choice.as_is)
        self.details.undo.setEnabled(self._desk.edits.can_undo)
        self.bar.arrange()
        self.progress.count(counts)

    def _menu(self, place: QPoint) -> None:
        if self.selected():
            menu = self.menu_for(self.selected())
            menu.exec(self.table.viewport().mapToGlobal(place))
            menu.deleteLater()

    def menu_for(self, rows: Sequence[Row]) -> QMenu:
        """Give what can be done with the selected files."""
        menu, say, desk = QMenu(self), self._words.gettext, self._desk
        send = menu.addAction(say(N_("Send selected")), lambda: desk.send(rows))
        send.setEnabled(not desk.is_working and any(not row.is_confirmed for row in rows))
        menu.addAction(say(N_("Edit elements…")), lambda: self.edit_wanted.emit(list(rows), "")).setEnabled(
            not desk.choice.as_is
        )
        back = menu.addAction(say(N_("Take back all edits")), lambda: self._take_back(rows))
        back.setEnabled(any(row.steps for row in rows))
        menu.addAction(say(N_("Save copies…")), lambda: self.copies_wanted.emit(list(rows)))
        menu.addSeparator()
        menu.addAction(say(N_("Copy paths")), self._copy_paths)
        menu.addAction(say(N_("Remove from the list")), lambda: desk.remove(rows))
        return menu

    def _take_back(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._desk.take_back(row.file.path)

    def _copy_paths(self) -> None:
        QGuiApplication.clipboard().setText("\n".join(printable(row.file.path) for row in self.selected()))

    # Dropping.

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders, nothing else."""
        if paths_in(event):
            event.acceptProposedAction()
            self.stack.setObjectName("dropHere")
            self._repolish()

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """Look as before."""
        self._leave_drop()

    def dropEvent(self, event: QDropEvent) -> None:
        """Put what was dropped on the list."""
        self._leave_drop()
        paths = paths_in(event)
        if paths:
            event.acceptProposedAction()
            self._desk.add_paths(paths)

    def _leave_drop(self) -> None:
        self.stack.setObjectName("")
        self._repolish()

    def _repolish(self) -> None:
        self.stack.style().unpolish(self.stack)
        self.stack.style().polish(self.stack)


def paths_in(event: QDropEvent) -> list[Path]:
    """Give the files and folders that are dragged; addresses of other places are not taken."""
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile() and url.toLocalFile()]
