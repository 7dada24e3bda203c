"""The selected file: why it failed, all its elements with what will change, and its image."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.element_editors import ValueDelegate
from tolmach.apps.desktop.element_model import Column, ElementModel
from tolmach.apps.desktop.elements import Looked
from tolmach.apps.desktop.panels import MARGIN, Banner, ElidedLabel, ToolButton, panel, shortcut, text_label
from tolmach.apps.desktop.preview import NoPicture, Picture
from tolmach.apps.desktop.rows import Row
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.apps.reports import INCOMPLETE, NOT_AS_ASKED, printable
from tolmach.base import N_, Problem

_WIDE = 62  # average letters
_NOTHING = N_("Select a file to see its elements and its image.")


class PictureView(QWidget):
    """One image, scaled to the room there is, or the words that say why there is none."""

    def __init__(self) -> None:
        """Show nothing."""
        super().__init__()
        self.label = text_label("", "picture", wraps=True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.label.setMinimumSize(80, 80)
        self.about = text_label("", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.label, 1)
        layout.addWidget(self.about)
        self._pixmap = QPixmap()

    def show_picture(self, picture: Picture, about: str) -> None:
        """Show an image."""
        grey = picture.channels == 1
        form = QImage.Format.Format_Grayscale8 if grey else QImage.Format.Format_RGB888
        image = QImage(picture.pixels, picture.width, picture.height, picture.width * picture.channels, form)
        self._pixmap = QPixmap.fromImage(image.copy())
        self.about.setText(about)
        self._fit()

    def say(self, text: str) -> None:
        """Show words instead of an image."""
        self._pixmap = QPixmap()
        self.label.setPixmap(self._pixmap)
        self.label.setText(text)
        self.about.setText("")

    @property
    def has_picture(self) -> bool:
        """Whether an image is shown."""
        return not self._pixmap.isNull()

    def _fit(self) -> None:
        if self._pixmap.isNull():
            return
        ratio = self.devicePixelRatioF()
        room = self.label.size() * ratio
        fitted = self._pixmap.scaled(
            room, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        fitted.setDevicePixelRatio(ratio)
        self.label.setPixmap(fitted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Scale the image anew."""
        super().resizeEvent(event)
        self._fit()


class DetailsView(QWidget):
    """What is known of one file. Edits are told, not made: (path of the file, path of the element, VR, text)."""

    edited = Signal(Path, str, str)
    taken_back = Signal(Path, str)
    add_wanted = Signal(str)
    delete_wanted = Signal(Path, str)
    picture_wanted = Signal(Path)
    undo_wanted = Signal()

    def __init__(self, words: Words, theme: Theme) -> None:
        """Show that nothing is selected."""
        super().__init__()
        self._words = words
        self._row: Row | None = None
        self._problem: Problem | None = None
        self._pictured: Path | None = None
        self._left_out = 0
        self.model = ElementModel(words, theme)
        self.model.edited.connect(self._tell_edit)
        self.head, self.place = ElidedLabel(), ElidedLabel()
        self.head.setObjectName("heading")
        self.place.setObjectName("muted")
        self.banner = Banner(words, theme)
        self.picture = PictureView()
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setMinimumHeight(90)
        self.tabs.addTab(self._elements(theme), "")
        self.tabs.addTab(self.picture, "")
        words.bind(lambda text: self.tabs.setTabText(0, text), N_("&Elements"))
        words.bind(lambda text: self.tabs.setTabText(1, text), N_("&Image"))
        self.tabs.currentChanged.connect(self._want_picture)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(150)
        self._later.timeout.connect(self._want_picture)
        self._arrange()
        words.changed.connect(self._say)
        self._say()

    def _arrange(self) -> None:
        frame, inside = panel()
        heads = QVBoxLayout()
        heads.setContentsMargins(MARGIN, 10, MARGIN, 8)
        heads.setSpacing(3)
        heads.addWidget(self.head)
        heads.addWidget(self.place)
        heads.addWidget(self.banner)
        inside.addLayout(heads)
        self.empty = text_label("", "muted", wraps=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMargin(24)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.tabs)
        inside.addWidget(self.stack, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(frame)
        self.setMinimumWidth(280)

    def _elements(self, theme: Theme) -> QWidget:
        words = self._words
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        words.bind(self.search.setPlaceholderText, N_("Search: name, keyword, tag, value"))
        self.search.textChanged.connect(self._narrow)
        self.only_changes = ToolButton(
            words, theme, "edit", N_("Changes"), N_("Show only elements that will change"), wide=False
        )
        self.only_changes.setCheckable(True)
        self.only_changes.toggled.connect(self._narrow)
        self.add = ToolButton(words, theme, "plus", N_("Add"), N_("Set an element that is not here"), wide=False)
        self.add.clicked.connect(lambda: self.add_wanted.emit(self.search.text()))
        self.undo = ToolButton(words, theme, "undo", N_("Undo"), N_("Take back the last edit"), "Ctrl+Z", wide=False)
        self.undo.clicked.connect(self.undo_wanted)
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 8, 8, 6)
        bar.setSpacing(6)
        bar.addWidget(self.search, 1)
        for one in (self.only_changes, self.add, self.undo):
            bar.addWidget(one)
        self.tree = self._tree(theme)
        self.note = text_label("", "muted", wraps=True)
        self.note.setContentsMargins(10, 4, 10, 6)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        layout.addWidget(self.tree, 1)
        layout.addWidget(self.note)
        shortcut(self, "Ctrl+F", self._search)
        return page

    def _tree(self, theme: Theme) -> QTreeView:
        tree = QTreeView()
        tree.setModel(self.model)
        tree.setItemDelegateForColumn(Column.VALUE, ValueDelegate(self._words, theme, tree))
        tree.setUniformRowHeights(True)
        tree.setIndentation(14)
        tree.setMinimumHeight(40)
        tree.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        tree.customContextMenuRequested.connect(self._menu)
        tree.activated.connect(self._edit)
        self._words.bind(tree.setAccessibleName, N_("Elements of the file"))
        header = tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(Column.VALUE, QHeaderView.ResizeMode.Stretch)
        for column, width in ((Column.NAME, 168), (Column.VR, 38), (Column.TAG, 104)):
            header.resizeSection(column, width)
        return tree

    def show_row(self, row: Row | None) -> None:
        """Show which file is selected; its elements come when it was looked into."""
        changed = (row.file.path if row else None) != (self._row.file.path if self._row else None)
        self._row = row
        if changed:
            self.model.show_lines(())
            self.picture.say("")
            self._pictured = None
            self._later.start()
        self._say()

    def show_looked(self, looked: Looked) -> None:
        """Show the elements of the selected file; those of another are not shown."""
        if self._row is None or looked.path != self._row.file.path:
            return
        opened = self._opened()
        place = self.tree.verticalScrollBar().value()
        self.model.show_lines(looked.lines)
        self._left_out = looked.left_out
        self._open(opened)
        self.tree.verticalScrollBar().setValue(place)
        self._say()

    def show_picture(self, told: Picture | NoPicture) -> None:
        """Show the image of the selected file, or why there is none."""
        if self._row is None or told.path != self._row.file.path:
            return
        if isinstance(told, NoPicture):
            none = self._words.gettext(N_("No preview"))
            self.picture.say(f"{none}: {self._words.phrase(told.why)}.")
            return
        about = f"{told.width} × {told.height}"
        if told.frames > 1:
            about += "   ·   " + self._words.ngettext(
                "the first of {count} frame", "the first of {count} frames", told.frames
            )
        self.picture.show_picture(told, about)

    def lock(self, *, is_locked: bool) -> None:
        """Let nothing be edited, as while files are sent as they are."""
        self.model.is_locked = is_locked
        self.add.setEnabled(not is_locked)

    def narrow_to_changes(self) -> None:
        """Show only what will change."""
        self.only_changes.setChecked(True)

    def _opened(self) -> set[str]:
        opened = set()
        for number in range(self.model.rowCount()):
            index = self.model.index(number, 0)
            if self.tree.isExpanded(index):
                opened.add(self.model.line_at(index).path)
        return opened

    def _open(self, paths: set[str]) -> None:
        for number in range(self.model.rowCount()):
            index = self.model.index(number, 0)
            if self.model.line_at(index).path in paths:
                self.tree.expandRecursively(index)

    def _narrow(self) -> None:
        query = self.search.text()
        self.model.narrow(query, only_changes=self.only_changes.isChecked())
        if query or self.only_changes.isChecked():
            self.tree.expandAll()

    def _search(self) -> None:
        self.tabs.setCurrentIndex(0)
        self.search.setFocus()
        self.search.selectAll()

    def _want_picture(self, _tab: int = 0) -> None:
        if self._row is None or self.tabs.currentIndex() != 1 or self._pictured == self._row.file.path:
            return
        self._pictured = self._row.file.path
        self.picture.say(self._words.gettext(N_("Reading…")))
        self.picture_wanted.emit(self._row.file.path)

    def _edit(self, index: QModelIndex) -> None:
        value = index.siblingAtColumn(Column.VALUE)
        if self.model.flags(value) & Qt.ItemFlag.ItemIsEditable:
            self.tree.setCurrentIndex(value)
            self.tree.edit(value)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave room for the values: where it is narrow, tags and VRs stand in the tooltips alone."""
        super().resizeEvent(event)
        is_wide = event.size().width() >= _WIDE * self.fontMetrics().averageCharWidth()
        for column in (Column.VR, Column.TAG):
            self.tree.setColumnHidden(column, not is_wide)

    def _menu(self, place: QPoint) -> None:
        index = self.tree.indexAt(place)
        if index.isValid() and self._row is not None:
            menu = self.menu_for(index)
            menu.exec(self.tree.viewport().mapToGlobal(place))
            menu.deleteLater()

    def menu_for(self, index: QModelIndex) -> QMenu:
        """Give what can be done with one element."""
        line, path = self.model.line_at(index), self._row.file.path if self._row else Path()
        menu, say = QMenu(self), self._words.gettext
        edit = menu.addAction(say(N_("Edit value")), lambda: self._edit(index))
        edit.setEnabled(self.model.may_edit(line))
        delete = menu.addAction(say(N_("Delete element")), lambda: self.delete_wanted.emit(path, line.path))
        delete.setEnabled(bool(line.path) and line.tag >> 16 != 2 and not self.model.is_locked)
        back = menu.addAction(say(N_("Take back edits of this element")),
                              lambda: self.taken_back.emit(path, line.path))  # fmt: skip
        back.setEnabled(self._row is not None and any(step[1] == line.path for step in self._row.steps))
        return menu

    def _tell_edit(self, element: str, _vr: str, text: str) -> None:
        if self._row is not None:
            self.edited.emit(self._row.file.path, element, text)

    def _say(self) -> None:
        row = self._row
        self.stack.setCurrentIndex(0 if row is None else 1)
        self.empty.setText(self._words.gettext(_NOTHING))
        for one in (self.head, self.place):
            one.setVisible(row is not None)
        if row is None:
            self.banner.hide()
            return
        reading = row.reading
        name = reading.patient if reading is not None and reading.patient else self._words.gettext(N_("No name"))
        self.head.setText(name)
        self.place.setText(printable(row.file.path))
        self._say_problems(row)
        self.note.setText(self._note())
        self.note.setVisible(bool(self.note.text()))

    def _say_problems(self, row: Row) -> None:
        # What needs nobody's attention stands in the tooltip of the state alone.
        grave = row.tone in ("bad", "doubt")
        problems = [one for one in row.problems if grave or one.fault in (*NOT_AS_ASKED, *INCOMPLETE)]
        if problems:
            self.banner.tell(problems[0], row.tone if grave else "doubt", can_close=False)
        elif row.reading is not None and row.reading.verdict == "unsure" and not row.is_confirmed:
            self.banner.say(
                self._words.gettext(N_("The text of this file is doubtful.")),
                self._words.gettext(
                    N_("It is sent as it stands. Set the right values here, or choose a profile with the code page.")
                ),
                "doubt",
                can_close=False,
            )
        else:
            self.banner.hide()

    def _note(self) -> str:
        if self._left_out:
            return self._words.ngettext(
                "{count} element more is not shown.", "{count} elements more are not shown.", self._left_out
            )
        changes = self.model.changes()
        if not changes:
            return ""
        return shown.plain(
            self._words.ngettext(
                "{count} element will change. The file itself stays as it is.",
                "{count} elements will change. The file itself stays as it is.",
                changes,
            )
        )
