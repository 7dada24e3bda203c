"""The folders: a card for each, the button that adds one, and what to do first where there is none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QPushButton, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.auto_card import FolderCard, in_column
from tolmach.apps.desktop.auto_desk import AutoDesk
from tolmach.apps.desktop.auto_panels import EmptyPage, waiting_text
from tolmach.apps.desktop.auto_rows import FoldersSeen
from tolmach.apps.desktop.drawing import icon
from tolmach.apps.desktop.panels import GAP, WrapBox, bind_tip, group, question, text_label
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.base import N_, Problem


def open_in_file_manager(folder: Path) -> None:
    """Show a folder as the system shows folders."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


class FoldersPage(QWidget):
    """What is watched."""

    add_wanted = Signal()
    history_wanted = Signal(str)
    change_wanted = Signal(str)

    def __init__(self, desk: AutoDesk, words: Words, theme: Theme) -> None:
        """Show that nothing is known yet."""
        super().__init__()
        self._desk, self._words, self._theme = desk, words, theme
        self.seen: FoldersSeen | None = None
        self.is_watched = True
        self.open_folder: Callable[[Path], object] = open_in_file_manager
        self.cards: dict[str, FolderCard] = {}
        self.add = QPushButton()
        self.add.setObjectName("primary")
        words.bind(self.add.setText, N_("&Add folder…"))
        bind_tip(words, self.add, N_("Choose a folder where a machine writes its images"))
        self.sum = text_label("", "muted")
        self.bar = WrapBox([group(self.add), self.sum])
        self.empty = EmptyPage(
            words,
            theme,
            "folder",
            N_("No folder is watched yet"),
            N_(
                "Add the folder where the machine writes its images. Sample files are looked at, what should be mended "
                "is proposed, and nothing in the folder is changed."
            ),
            N_("&Add folder…"),
        )
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._trouble: Problem | None = None
        self.waiting = text_label("", "muted", wraps=True)
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.waiting.setMargin(32)
        self.stack = QStackedWidget()
        for one in (self.waiting, self.empty, self.area):
            self.stack.addWidget(one)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self.bar)
        layout.addWidget(self.stack, 1)
        self.bar.hide()
        for button in (self.add, self.empty.button):
            button.clicked.connect(self.add_wanted)
        desk.working.connect(self._lock)
        words.changed.connect(self._say)
        theme.changed.connect(self._draw)
        self._draw()
        self._say()

    def refresh(self, *, force: bool = False) -> None:
        """Look, where anything has changed."""
        self._desk.look_folders(force=force)
        self.age()

    def age(self) -> None:
        """Show what only the time changes."""
        now = datetime.now(UTC)
        for card in self.cards.values():
            card.show_look(card.look, is_watched=self.is_watched, now=now)

    def show_seen(self, seen: FoldersSeen) -> None:
        """Show the folders as they are."""
        names = [one.name for one in seen.folders]
        if names != list(self.cards) or self.seen is None:
            self._make_cards(seen)
        self.seen = seen
        now = datetime.now(UTC)
        for look in seen.folders:
            self.cards[look.name].show_look(look, is_watched=self.is_watched, now=now)
        self.stack.setCurrentIndex(2 if names else 1)
        self.bar.setVisible(bool(names))
        self._say()

    def tell_trouble(self, problem: Problem | None) -> None:
        """Say why nothing was read yet, or that it is being read."""
        self._trouble = problem
        self._say()

    def show_watched(self, *, is_watched: bool) -> None:
        """Show whether anybody watches."""
        self.is_watched = is_watched
        self.age()

    def _make_cards(self, seen: FoldersSeen) -> None:
        place = self.area.verticalScrollBar().value()
        old = self.area.takeWidget()
        if old is not None:
            old.deleteLater()
        self.cards = {}
        for look in seen.folders:
            card = self.cards[look.name] = FolderCard(self._words, self._theme, look)
            card.pause_wanted.connect(self._desk.pause)
            card.resume_wanted.connect(self._desk.resume)
            card.shadow_wanted.connect(self._set_shadow)
            card.open_wanted.connect(lambda folder: self.open_folder(folder))
            card.history_wanted.connect(self.history_wanted)
            card.change_wanted.connect(self.change_wanted)
        self.area.setWidget(in_column(list(self.cards.values())))
        self.area.verticalScrollBar().setValue(place)

    def _set_shadow(self, name: str, is_shadow: bool) -> None:
        if is_shadow:
            self._desk.say_mode(name, "shadow")
            return
        look, say = self.cards[name].look, self._words.gettext
        text = say(N_("Let the folder {name} go live?"), name=shown.plain(name, 60))
        aims = ", ".join((*look.to, *(() if look.export_folder is None else (str(look.export_folder),)))) or "—"
        more = say(N_("From now on its images are delivered to {to}."), to=shown.plain(aims, 300))
        held = look.counts.held
        if held:
            more += " " + self._words.ngettext(
                "{count} image is held; what shadow mode has held can go too.",
                "{count} images are held; what shadow mode has held can go too.",
                held,
            )
        answers = [("live", say(N_("Only what comes from now on") if held else N_("Go live")))]
        if held:
            answers.insert(0, ("all", say(N_("With what is held"))))
        answer = question(self, self._words, text, more, [*answers, ("stay", say(N_("Stay in shadow mode")))])
        if answer != "stay":
            self._desk.say_mode(name, "live", with_held=answer == "all")

    def _lock(self, is_working: bool) -> None:
        for card in self.cards.values():
            card.lock(is_locked=is_working)

    def _draw(self) -> None:
        self.add.setIcon(icon("plus", self._theme.colours.on_accent))

    def _say(self) -> None:
        self.waiting.setText(waiting_text(self._words, self._trouble))
        count = len(self.cards)
        self.sum.setText(self._words.ngettext("{count} folder", "{count} folders", count) if count else "")
        self.bar.arrange()
