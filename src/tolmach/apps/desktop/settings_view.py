"""Destinations and the program's own settings, each remembered at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QScrollArea,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from tolmach.adapters.dimse import is_ae_title
from tolmach.apps.consistency import AE_TITLE
from tolmach.apps.desktop import shown
from tolmach.apps.desktop.panels import MARGIN, Banner, ToolButton, bind_tip, panel, put_tone, text_label
from tolmach.apps.desktop.station import Station
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.apps.reports import printable
from tolmach.base import N_

_LANGUAGES = (("", N_("As the system")), ("uk", "Українська"), ("ru", "Русский"), ("en", "English"))
_SCHEMES = (
    ("", N_("As the system")),
    ("light", N_("Light")),
    ("dark", N_("Dark")),
    ("contrast", N_("High contrast")),
)
_WIDTH = 780


class SettingsView(QScrollArea):
    """Destinations, our AE title, language, appearance."""

    language_chosen = Signal(str)
    scheme_chosen = Signal(str)
    ae_title_chosen = Signal(str)
    peer_wanted = Signal(str)
    peer_removed = Signal(str)

    def __init__(self, words: Words, theme: Theme) -> None:
        """Show nothing yet."""
        super().__init__()
        self.setObjectName("settings")
        self._words, self._theme = words, theme
        self._station: Station | None = None
        self._is_filling = False
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body = QWidget()
        body.setObjectName("settingsBody")
        column = QVBoxLayout()
        column.setSpacing(14)
        self.banner = Banner(words, theme)
        column.addWidget(self.banner)
        column.addWidget(self._title(N_("Destinations")))
        column.addWidget(self._peers())
        column.addWidget(self._title(N_("This program")))
        column.addWidget(self._own())
        self._column = column
        column.addStretch(1)
        inside = QWidget()
        inside.setMaximumWidth(_WIDTH)
        inside.setLayout(column)
        layout = QHBoxLayout(body)
        layout.setContentsMargins(24, 18, 24, 18)
        layout.addWidget(inside, 1)
        layout.addStretch(0)
        self.setWidget(body)
        words.changed.connect(self._say_anew)
        self.table.setHorizontalHeaderLabels(self._headings())

    def add_panel(self, title: str, panel: QWidget) -> None:
        """Add a section below the others; `title` is a msgid."""
        for widget in (self._title(title), panel):
            self._column.insertWidget(self._column.count() - 1, widget)

    def _title(self, msgid: str) -> QWidget:
        title = text_label("", "title")
        self._words.bind(title.setText, msgid)
        return title

    def _peers(self) -> QWidget:
        words = self._words
        self.table = QTableWidget(0, 3)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setMinimumHeight(170)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.itemSelectionChanged.connect(self._enable)
        self.table.doubleClicked.connect(lambda: self._want(self._chosen()))
        self.add = ToolButton(words, self._theme, "plus", N_("A&dd…"), N_("Add a destination"))
        self.change = ToolButton(words, self._theme, "edit", N_("&Change…"), N_("Change this destination"))
        self.remove = ToolButton(words, self._theme, "remove", N_("Re&move"), N_("Remove this destination"))
        self.add.clicked.connect(lambda: self._want(""))
        self.change.clicked.connect(lambda: self._want(self._chosen()))
        self.remove.clicked.connect(lambda: self.peer_removed.emit(self._chosen()))
        self.where = text_label("", "muted", wraps=True)
        bar = QHBoxLayout()
        bar.setContentsMargins(MARGIN, 8, MARGIN, 4)
        bar.setSpacing(6)
        for one in (self.add, self.change, self.remove):
            bar.addWidget(one)
        bar.addStretch(1)
        below = QHBoxLayout()
        below.setContentsMargins(MARGIN, 4, MARGIN, 10)
        below.addWidget(self.where)
        frame, inside = panel()
        inside.addLayout(bar)
        inside.addWidget(self.table)
        inside.addLayout(below)
        return frame

    def _own(self) -> QWidget:
        words = self._words
        self.ae_title = QLineEdit()
        self.ae_title.setMaximumWidth(260)
        self.ae_title.setMaxLength(16)
        self.ae_title.textChanged.connect(self._take_ae_title)
        self.ae_problem = text_label("", wraps=True)
        self.language, self.scheme = QComboBox(), QComboBox()
        for box, parts in ((self.language, _LANGUAGES), (self.scheme, _SCHEMES)):
            box.setMaximumWidth(260)
            for key, text in parts:
                box.addItem(words.gettext(text), key)
        self.language.currentIndexChanged.connect(self._teller(self.language, self.language_chosen.emit))
        self.scheme.currentIndexChanged.connect(self._teller(self.scheme, self.scheme_chosen.emit))
        frame, inside = panel()
        form = QFormLayout()
        form.setContentsMargins(MARGIN + 4, 14, MARGIN + 4, 14)
        form.setSpacing(10)
        form.setHorizontalSpacing(18)
        for msgid, widget, about in (
            (N_("&Our AE title"), self.ae_title, N_("Under this name we call; the archive must know it")),
            (N_("&Language"), self.language, N_("The language of this program")),
            (N_("A&ppearance"), self.scheme, N_("Light, dark, or high contrast")),
        ):
            label = text_label()
            words.bind(label.setText, msgid)
            bind_tip(words, widget, about)
            form.addRow(label, widget)
            label.setBuddy(widget)
            label.setMinimumHeight(widget.sizeHint().height())
            if widget is self.ae_title:
                form.addRow("", self.ae_problem)
        self.ae_problem.hide()
        inside.addLayout(form)
        return frame

    def _teller(self, box: QComboBox, tell: Callable[[str], None]) -> Callable[[], None]:
        def told() -> None:
            if not self._is_filling:
                tell(str(box.currentData()))

        return told

    def fill(self, station: Station, *, language: str, scheme: str, ae_title: str) -> None:
        """Show what is set."""
        self._is_filling = True
        self._station = station
        self.table.setRowCount(0)
        for peer in station.peers:
            number = self.table.rowCount()
            self.table.insertRow(number)
            own = station.is_own(peer.name)
            place = self._words.gettext(N_("added here") if own else N_("from the configuration"))
            texts = (peer.name, f"{peer.ae_title}@{peer.host}:{peer.port}", place)
            for column, text in enumerate(texts):
                item = QTableWidgetItem(shown.plain(text))
                item.setData(Qt.ItemDataRole.UserRole, peer.name)
                self.table.setItem(number, column, item)
        if station.peers:
            self.table.selectRow(0)
        self.language.setCurrentIndex(max(0, self.language.findData(language)))
        self.scheme.setCurrentIndex(max(0, self.scheme.findData(scheme)))
        if self.ae_title.text() != ae_title:
            self.ae_title.setText(ae_title)
        self.ae_title.setPlaceholderText(station.ae_title)
        self._is_filling = False
        self._say_where(station.configuration, station.folder)
        if station.trouble is not None:
            self.banner.tell(station.trouble.problem, can_close=False)
        else:
            self.banner.hide()
        self._enable()

    def _say_where(self, configuration: Path | None, folder: Path) -> None:
        say = self._words.gettext
        if configuration is None:
            text = say(N_("No configuration file is in use. What is added here is kept in {folder}."),
                       folder=printable(folder))  # fmt: skip
        else:
            text = say(
                N_("Configuration: {file}. Its destinations are changed there; those added here are kept in {folder}."),
                file=printable(configuration), folder=printable(folder),
            )  # fmt: skip
        self.where.setText(shown.plain(text, 1000))

    def _chosen(self) -> str:
        items = self.table.selectedItems()
        return str(items[0].data(Qt.ItemDataRole.UserRole)) if items else ""

    def _want(self, name: str) -> None:
        if not name or (self._station is not None and self._station.is_own(name)):
            self.peer_wanted.emit(name)

    def _enable(self) -> None:
        own = self._station is not None and self._station.is_own(self._chosen())
        self.change.setEnabled(own)
        self.remove.setEnabled(own)

    def _take_ae_title(self, text: str) -> None:
        is_right = not text or is_ae_title(text)
        why = "" if is_right else self._words.gettext(AE_TITLE)
        self.ae_problem.setText(why[:1].upper() + why[1:])
        self.ae_problem.setVisible(not is_right)
        put_tone(self.ae_problem, "bad")
        if is_right and not self._is_filling:
            self.ae_title_chosen.emit(text.strip())

    def _say_anew(self) -> None:
        self.table.setHorizontalHeaderLabels(self._headings())
        self._is_filling = True
        self.language.setItemText(0, self._words.gettext(_LANGUAGES[0][1]))
        for number, (_, text) in enumerate(_SCHEMES):
            self.scheme.setItemText(number, self._words.gettext(text))
        self._is_filling = False
        if self._station is not None:
            self.fill(
                self._station,
                language=str(self.language.currentData()),
                scheme=str(self.scheme.currentData()),
                ae_title=self.ae_title.text(),
            )

    def _headings(self) -> Sequence[str]:
        say = self._words.gettext
        return [say(N_("Name")), say(N_("Address")), say(N_("Kept"))]
