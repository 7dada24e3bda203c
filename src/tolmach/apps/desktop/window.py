"""The main window: navigation on the left, one view at a time, the log below. It joins the parts and remembers choices.

Another view comes in with `add_view`: a key, an icon, a title and a widget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QMainWindow,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.desk import Desk, Echoed
from tolmach.apps.desktop.drawing import icon
from tolmach.apps.desktop.file_model import FileModel
from tolmach.apps.desktop.log_pane import LogPane
from tolmach.apps.desktop.navigation import Navigation
from tolmach.apps.desktop.own_peers import save_peers
from tolmach.apps.desktop.panels import question
from tolmach.apps.desktop.remembered import Keeper, Remembered, load_list
from tolmach.apps.desktop.rows import Row
from tolmach.apps.desktop.send_view import SendView
from tolmach.apps.desktop.settings_view import SettingsView
from tolmach.apps.desktop.station import Choice, Station
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.apps.reports import printable
from tolmach.apps.sections import PeerSettings
from tolmach.base import N_, Problem, TolmachError

if TYPE_CHECKING:
    from tolmach.apps.desktop.element_search import ElementSearch
    from tolmach.apps.desktop.presence import Presence


class MainWindow(QMainWindow):
    """Everything together."""

    language_chosen = Signal(str)
    ended = Signal()

    def __init__(self, station: Station, words: Words, theme: Theme, remembered: Remembered) -> None:
        """Show what was remembered, and an empty list; words and theme end with the window."""
        super().__init__()
        words.setParent(self)
        theme.setParent(self)
        self.station, self.words, self.theme, self.remembered = station, words, theme, remembered
        self.setWindowIcon(icon("app"))
        self.setMinimumSize(QSize(640, 460))
        self._search: ElementSearch | None = None
        self.presence: Presence | None = None
        self.views: dict[str, QWidget] = {}
        self.log = LogPane(words, theme)
        self.keeper = Keeper(station.folder, self._cannot_keep)
        self.desk = Desk(station, FileModel(words, theme), self.keeper, self._choice())
        self.send_view = SendView(self.desk, words, theme)
        self.settings_view = SettingsView(words, theme)
        self._arrange()
        self.add_view("send", "send", N_("Send"), self.send_view, "Ctrl+1")
        self.add_view("settings", "settings", N_("Settings"), self.settings_view, "Ctrl+0", at_end=True)
        self._connect()
        self._restore()
        words.changed.connect(self._say)
        self._say()
        self.fill()
        self.send_view.files.setFocus()
        self._offer_kept()

    # Making it.

    def _arrange(self) -> None:
        self.navigation = Navigation(self.words, self.theme)
        self.navigation.chosen.connect(self.show_view)
        self.details_button = self.navigation.switch("details", N_("&Details"), "F9")
        self.log_button = self.navigation.switch("log", N_("&Log"), "Ctrl+L")
        self.stack = QStackedWidget()
        self.stack.setObjectName("views")
        self.upright = QSplitter(Qt.Orientation.Vertical)
        self.upright.setChildrenCollapsible(False)
        self.upright.addWidget(self.stack)
        log = QWidget()
        inside = QVBoxLayout(log)
        inside.setContentsMargins(12, 0, 12, 12)
        inside.addWidget(self.log)
        self._log_box = log
        self.upright.addWidget(log)
        self.upright.setStretchFactor(0, 1)
        self.upright.setSizes([640, 110])
        middle = QWidget()
        layout = QHBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.navigation)
        layout.addWidget(self.upright, 1)
        self.setCentralWidget(middle)

    def add_view(
        self, key: str, picture_name: str, title: str, widget: QWidget, keys: str, *, at_end: bool = False
    ) -> None:
        """Add a view with its button; `title` is a msgid, `keys` a shortcut. The first one added is shown first.

        Views stand in the order they were added, those `at_end` below the free space, beside the log's button.
        """
        self.views[key] = widget
        self.stack.addWidget(widget)
        self.navigation.add(key, picture_name, title, keys, at_end=at_end)

    def show_view(self, key: str) -> None:
        """Bring a view to the front."""
        self.navigation.mark(key)
        self.stack.setCurrentWidget(self.views[key])

    def _connect(self) -> None:
        view, desk, settings = self.send_view, self.desk, self.settings_view
        view.files_wanted.connect(self._choose_files)
        view.kept.decided.connect(lambda takes: desk.decide_kept(takes=takes))
        view.folder_wanted.connect(self._choose_folder)
        view.copies_wanted.connect(self._save_copies)
        view.edit_wanted.connect(self._bulk_edit)
        view.target.chosen.connect(self._remember_choice)
        for source in (view.target, settings):
            source.peer_wanted.connect(self._edit_peer)
        settings.peer_removed.connect(self._remove_peer)
        settings.language_chosen.connect(self._speak)
        settings.scheme_chosen.connect(self._dress)
        settings.ae_title_chosen.connect(self._take_ae_title)
        self.log_button.toggled.connect(self._show_log)
        self.details_button.toggled.connect(self._show_details)
        desk.told.connect(lambda tone, line: self.log.add(tone, self.words.gettext(line)))
        desk.troubled.connect(self._log_problem)
        desk.refused.connect(self._log_refusal)
        desk.echoed.connect(self._log_echo)
        desk.ended.connect(self._log_end)

    # What is remembered.

    def _choice(self) -> Choice:
        kept = self.remembered
        names = [one.name for one in self.station.peers]
        peer = kept.peer if kept.peer in names else (names[0] if names else "")
        profile = kept.profile if kept.profile in self.station.profiles else ""
        return Choice(peer, profile, kept.as_is, kept.hold_unsure, kept.ae_title)

    def fill(self) -> None:
        """Show peers, profiles and settings as they are now."""
        choice = self._choice()
        self.send_view.target.fill(self.station, choice)
        self.desk.choose(choice)
        self.send_view.details.lock(is_locked=choice.as_is)
        kept = self.remembered
        self.settings_view.fill(self.station, language=kept.language, scheme=kept.scheme, ae_title=kept.ae_title)
        if self.station.trouble is not None:
            self.send_view.banner.tell(self.station.trouble.problem)

    def remember(self, **values: Any) -> None:
        """Remember choices, at once."""
        self.remembered = replace(self.remembered, **values)
        self.keeper.keep_choices(self.remembered)

    def _remember_choice(self, choice: Choice) -> None:
        self.remember(peer=choice.peer, profile=choice.profile, as_is=choice.as_is, hold_unsure=choice.hold_unsure)

    def _remember_place(self) -> None:
        self.remember(
            geometry=_text(self.saveGeometry()),
            splitter=_text(self.send_view.splitter.saveState()),
            columns=_text(self.send_view.table.horizontalHeader().saveState()),
        )

    def _restore(self) -> None:
        kept, view = self.remembered, self.send_view
        if not (kept.geometry and self.restoreGeometry(_bytes(kept.geometry))):
            self.resize(1280, 800)
        if kept.splitter:
            view.splitter.restoreState(_bytes(kept.splitter))
        else:
            view.splitter.setSizes([760, 420])
        if kept.columns:
            view.table.horizontalHeader().restoreState(_bytes(kept.columns))
        self.log_button.setChecked(kept.shows_log)
        self._log_box.setVisible(kept.shows_log)
        self.details_button.setChecked(kept.shows_details)
        view.show_details(kept.shows_details)
        self._place_soon = QTimer(self)
        self._place_soon.setSingleShot(True)
        self._place_soon.setInterval(800)
        self._place_soon.timeout.connect(self._remember_place)
        view.splitter.splitterMoved.connect(lambda *_: self._place_soon.start())
        view.table.horizontalHeader().sectionResized.connect(lambda *_: self._place_soon.start())

    def resizeEvent(self, event: Any) -> None:
        """Remember the place on the screen."""
        super().resizeEvent(event)
        if hasattr(self, "_place_soon"):
            self._place_soon.start()

    def moveEvent(self, event: Any) -> None:
        """Remember the place on the screen."""
        super().moveEvent(event)
        if hasattr(self, "_place_soon"):
            self._place_soon.start()

    def _show_log(self, is_shown: bool) -> None:
        self._log_box.setVisible(is_shown)
        self.remember(shows_log=is_shown)

    def _show_details(self, is_shown: bool) -> None:
        self.send_view.show_details(is_shown)
        self.remember(shows_details=is_shown)

    def _speak(self, language: str) -> None:
        self.remember(language=language)
        self.language_chosen.emit(language)

    def _dress(self, scheme: str) -> None:
        self.remember(scheme=scheme)
        self.theme.choose(scheme)

    def _take_ae_title(self, title: str) -> None:
        self.remember(ae_title=title)
        choice = self._choice()
        self.send_view.target.fill(self.station, choice)
        self.desk.choose(choice)

    # Files.

    def take_paths(self, paths: Sequence[Path]) -> None:
        """Put paths on the list, as those of the command line or of a second start, and come to the front."""
        if paths:
            self.show_view("send")
            self.desk.add_paths(paths)
        self.come_forward()

    def come_forward(self) -> None:
        """Be shown in front, also out of the tray."""
        self.setVisible(True)
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.raise_()
        self.activateWindow()

    def _choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, self.words.gettext(N_("Choose files")), self.remembered.folder)
        if names:
            self.remember(folder=str(Path(names[0]).parent))
            self.desk.add_paths([Path(name) for name in names])

    def _choose_folder(self) -> None:
        title = self.words.gettext(N_("Choose a folder"))
        name = QFileDialog.getExistingDirectory(self, title, self.remembered.folder)
        if name:
            self.remember(folder=name)
            self.desk.add_paths([Path(name)])

    def _save_copies(self, rows: Sequence[Row]) -> None:
        title = self.words.gettext(N_("Choose a folder for the copies"))
        name = QFileDialog.getExistingDirectory(self, title, self.remembered.folder)
        if name:
            self.desk.copy(rows, Path(name))

    def _bulk_edit(self, rows: Sequence[Row], query: str) -> None:
        if not rows:
            return
        from tolmach.apps.desktop.bulk_edit import BulkEditDialog
        from tolmach.apps.desktop.element_search import ElementSearch

        self._search = self._search or ElementSearch()
        dialog = BulkEditDialog(self.words, self._search, len(rows), query, self)
        if dialog.exec() and dialog.step is not None:
            self.desk.edit([row.file.path for row in rows], dialog.step)
        dialog.deleteLater()

    def _offer_kept(self) -> None:
        kept = load_list(self.station.folder)
        unsent = sum(not one.is_confirmed for one in kept)
        if unsent:
            self.desk.kept = kept
            self.send_view.kept.offer(unsent)

    # Peers.

    def _edit_peer(self, name: str) -> None:
        from tolmach.apps.desktop.peer_dialog import PeerDialog

        peer = next((one for one in self.station.own_peers if one.name == name), None)
        others = [one for one in self.station.run.settings.peer if one is not peer and one.name != name]
        title = self.remembered.ae_title or self.station.ae_title
        dialog = PeerDialog(self.words, others, title, peer, self)
        if dialog.exec() and dialog.peer is not None:
            self.keep_peer(dialog.peer, name)
        dialog.deleteLater()

    def keep_peer(self, peer: PeerSettings, instead_of: str = "") -> None:
        """Keep a peer of the desktop's own, in the place of another where one is named, and choose it."""
        own = list(self.station.own_peers)
        place = next((number for number, one in enumerate(own) if one.name == instead_of), len(own))
        own[place : place + 1] = [peer]
        self._save_peers(own, peer.name)

    def _remove_peer(self, name: str) -> None:
        text = self.words.gettext(N_("Remove the destination {name}?"), name=shown.plain(name, 60))
        answers = (("remove", self.words.gettext(N_("Remove"))), ("keep", self.words.gettext(N_("Keep it"))))
        if question(self, self.words, text, "", answers) == "remove":
            self._save_peers([one for one in self.station.own_peers if one.name != name], "")

    def _save_peers(self, peers: Sequence[PeerSettings], chosen: str) -> None:
        try:
            save_peers(self.station.folder, peers)
        except TolmachError as error:
            self.desk.troubled.emit(error.problem)
            return
        self.station.reload()
        if chosen:
            self.remember(peer=chosen)
        self.fill()

    # The log and the title.

    @property
    def base_title(self) -> str:
        """The title when nothing is to be told in it."""
        return self.words.gettext(N_("tolmach: send images"))

    def _say(self) -> None:
        self.setWindowTitle(self.base_title)

    def _log_problem(self, problem: Problem) -> None:
        self.log.add("bad", f"{problem.code}: {self.words.sentence(problem)}")

    def _log_refusal(self, path: Path, problem: Problem | None) -> None:
        why = "" if problem is None else f"{problem.code}: {self.words.phrase(problem.what)}"
        self.log.add("bad", f"{printable(path)}: {why}")

    def _cannot_keep(self, error: TolmachError) -> None:
        self.desk.mailbox.put(error.problem)

    def _log_echo(self, echoed: Echoed) -> None:
        if echoed.problem is not None:
            self._log_problem(echoed.problem)
            return
        line = self.words.gettext(
            N_("{peer} answers, {milliseconds} ms"), peer=echoed.peer, milliseconds=shown.milliseconds(echoed.seconds)
        )
        self.log.add("good", line)

    def _log_end(self, good: int, bad: int, is_copying: bool) -> None:
        if is_copying:
            done = self.words.ngettext("{count} copy written", "{count} copies written", good)
            left = self.words.ngettext("{count} NOT WRITTEN", "{count} NOT WRITTEN", bad)
        else:
            done = self.words.ngettext("{count} file sent", "{count} files sent", good)
            left = self.words.ngettext("{count} NOT SENT", "{count} NOT SENT", bad)
        line = f"{done}, {left}." if bad else f"{done}."
        self.log.add("bad" if bad else "good", line)
        if is_copying:
            self.send_view.banner.say(line, "", "bad" if bad else "good")

    # The end.

    def closeEvent(self, event: QCloseEvent) -> None:
        """End, unless it goes into the tray, or something is asked or awaited first: see `Leaving`."""
        if self.presence is not None and not self.presence.leaving.may_close():
            event.ignore()
            return
        self._remember_place()
        self._place_soon.stop()
        self.hide()  # nobody looks at a window that answers nothing while threads end
        self.desk.close(2.0 if self.desk.is_working else 0.0)
        if self.presence is not None:
            self.presence.close()
        event.accept()
        self.ended.emit()


def _text(state: QByteArray) -> str:
    return bytes(state.toBase64().data()).decode("ascii")


def _bytes(kept: str) -> QByteArray:
    return QByteArray.fromBase64(QByteArray(kept.encode("ascii", "replace")))
