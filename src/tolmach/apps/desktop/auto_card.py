"""One watched folder: how it fares, what came of it, what is wrong and what to do; and what a person may say of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.auto_panels import Tile
from tolmach.apps.desktop.auto_rows import moment
from tolmach.apps.desktop.drawing import picture
from tolmach.apps.desktop.panels import Banner, ElidedLabel, ToolButton, WrapBox, group, put_tone, text_label
from tolmach.apps.desktop.rows import Tone
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.apps.findings import STALLED
from tolmach.apps.reports import printable
from tolmach.base import N_, Problem

if TYPE_CHECKING:
    from tolmach.apps.overseeing import FolderCounts, FolderLook

_COUNTS: Mapping[str, tuple[str, str, Tone]] = {
    "seen": (N_("seen"), N_("Files that were looked at, ever"), "plain"),
    "taken": (N_("taken"), N_("Files that were taken, ever"), "plain"),
    "delivered": (N_("delivered"), N_("Images that every destination has confirmed"), "good"),
    "waiting": (N_("waiting"), N_("Images that are on their way to a destination"), "plain"),
    "failed": (N_("failed"), N_("Images that a destination refused, or in quarantine"), "bad"),
    "unsure": (N_("held, unsure"), N_("Images held back because their text is doubtful"), "doubt"),
    "held": (N_("held"), N_("Images held by shadow mode or by a person"), "plain"),
    "passed_over": (N_("passed over"), N_("Files that are no images, or not meant"), "plain"),
}
_OPTIONAL = frozenset({"held"})  # shown only where there are any


class FolderCard(QFrame):
    """What is shown of a folder. It tells what a person wants of it by its name."""

    pause_wanted = Signal(str)
    resume_wanted = Signal(str)
    shadow_wanted = Signal(str, bool)
    open_wanted = Signal(object)
    history_wanted = Signal(str)
    change_wanted = Signal(str)

    def __init__(self, words: Words, theme: Theme, look: FolderLook) -> None:
        """Show a folder."""
        super().__init__()
        self.setObjectName("panel")
        self._words, self._theme, self._look = words, theme, look
        self._is_watched, self._is_stale = True, False
        self._mark = text_label()
        self.head, self.place, self.last = ElidedLabel(), ElidedLabel(), ElidedLabel()
        self.head.setObjectName("heading")
        self.state = text_label()
        for one in (self.place, self.last):
            one.setObjectName("muted")
        self.banner = Banner(words, theme)
        self.tiles = {key: Tile(words.gettext(text), words.gettext(about)) for key, (text, about, _) in _COUNTS.items()}
        self.counters = WrapBox(list(self.tiles.values()))
        self.pause = ToolButton(words, theme, "pause", N_("Pause"), N_("Take nothing from this folder until resumed"))
        self.resume = ToolButton(words, theme, "resume", N_("Resume"), N_("Go on as before the pause"))
        self.shadow = QCheckBox()
        self.open = ToolButton(words, theme, "folder", N_("Open folder"), N_("Show this folder in the file manager"))
        self.history = ToolButton(words, theme, "log", N_("History"), N_("Show what came from this folder"))
        self.change = ToolButton(words, theme, "edit", N_("Change…"), N_("Change what is done with this folder"),
                                 wide=False)  # fmt: skip
        self.buttons = WrapBox(
            [group(self.pause, self.resume, self.open, self.history, self.change, spacing=6), self.shadow]
        )
        self._arrange()
        self._connect()
        self.show_look(look, is_watched=True, now=None)

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._mark)
        head.addWidget(self.head, 1)
        head.addWidget(self.state)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.place)
        layout.addWidget(self.banner)
        layout.addWidget(self.counters)
        layout.addWidget(self.last)
        layout.addWidget(self.buttons)

    def _connect(self) -> None:
        self.pause.clicked.connect(lambda: self.pause_wanted.emit(self._look.name))
        self.resume.clicked.connect(lambda: self.resume_wanted.emit(self._look.name))
        self.open.clicked.connect(lambda: self.open_wanted.emit(self._look.folder))
        self.history.clicked.connect(lambda: self.history_wanted.emit(self._look.name))
        self.change.clicked.connect(lambda: self.change_wanted.emit(self._look.name))
        self.shadow.clicked.connect(self._want_shadow)
        self._words.changed.connect(self._say)
        self._theme.changed.connect(self._say)

    def _want_shadow(self, is_checked: bool) -> None:
        self.shadow.setChecked(self._look.is_shadow)  # until it is so
        self.shadow_wanted.emit(self._look.name, is_checked)

    @property
    def look(self) -> FolderLook:
        """What is shown."""
        return self._look

    def show_look(self, look: FolderLook, *, is_watched: bool, now: datetime | None) -> None:
        """Show how the folder is now; `is_watched`: somebody runs who watches folders."""
        is_stale = now is not None and is_watched and look.is_stale(now)
        if now is not None and (look, is_watched, is_stale) == (self._look, self._is_watched, self._is_stale):
            return
        self._look, self._is_watched, self._is_stale = look, is_watched, is_stale
        self._say()

    def lock(self, *, is_locked: bool) -> None:
        """Let nothing be said while something else is being done."""
        for one in (self.pause, self.resume, self.shadow):
            one.setEnabled(not is_locked and (self._look.state != "unconfigured" or one is self.resume))

    def _say(self) -> None:
        say, look, colours = self._words.gettext, self._look, self._theme.colours
        text, tone = self._state()
        self._mark.setPixmap(picture(tone, colours.of(tone), 20))
        self.head.setText(shown.plain(look.name, 80))
        self.state.setText(say(text))
        put_tone(self.state, tone if tone in ("good", "bad", "doubt") else "")
        self.place.setText(self._whereto())
        self.last.setText(self._last())
        for key, tile in self.tiles.items():
            caption, about, own_tone = _COUNTS[key]
            number = _number(look.counts, key)
            tile.name(say(caption), say(about))
            tile.count(number, own_tone)
            tile.setVisible(bool(number) or key not in _OPTIONAL)
        self._say_trouble()
        is_paused = look.state == "paused"
        self.pause.setVisible(not is_paused)
        self.resume.setVisible(is_paused)
        self.open.setEnabled(look.folder is not None)
        self.change.setEnabled(look.folder is not None)
        self.change.setVisible(look.state != "unconfigured")
        self.shadow.setText(say(N_("Shadow mode")))
        self.shadow.setToolTip(shown.tip(say(N_("Do everything but deliver: what goes out of this folder is held."))))
        self.shadow.setChecked(look.is_shadow)
        self.lock(is_locked=False)
        self.counters.arrange()
        self.buttons.arrange()

    def _state(self) -> tuple[str, Tone]:
        look = self._look
        if look.state == "unconfigured":
            return N_("No longer configured"), "plain"
        if look.state == "paused":
            return N_("Paused"), "doubt"
        if not self._is_watched:
            return N_("Not watched now"), "doubt"
        if look.trouble is not None or self._is_stale:
            return N_("Trouble"), "bad"
        if look.looked_at is None:
            return N_("Not looked at yet"), "busy"
        return (N_("Shadow mode"), "doubt") if look.state == "shadow" else (N_("Running"), "good")

    def _whereto(self) -> str:
        look = self._look
        if look.folder is None:
            return ""
        export = () if look.export_folder is None else (printable(look.export_folder),)
        aims = ", ".join((*look.to, *export))
        return f"{printable(look.folder)}  →  {aims}" if aims else printable(look.folder)

    def _last(self) -> str:
        say, look = self._words.gettext, self._look
        if look.last_taken_at is None:
            return say(N_("No file was taken yet."))
        when, file = moment(look.last_taken_at), shown.plain(look.last_file, 200)
        return say(N_("Last file: {when}, {file}"), when=when, file=file)

    def _say_trouble(self) -> None:
        look = self._look
        if look.state in ("paused", "unconfigured") or not (look.trouble is not None or self._is_stale):
            self.banner.hide()
            return
        problem = look.trouble or Problem(STALLED)
        what = self._words.phrase(problem.what)
        if look.trouble is not None and look.trouble_since is not None:
            since = self._words.gettext(N_("since {when}"), when=moment(look.trouble_since, seconds=False))
            what = f"{what} ({since})"
        self.banner.say(what, self._words.advice(problem), "bad", can_close=False)


def _number(counts: FolderCounts, key: str) -> int:
    return int(getattr(counts, key))


def in_column(cards: list[QWidget]) -> QWidget:
    """Give cards one below the other, with free space behind them."""
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(10)
    for card in cards:
        column.addWidget(card)
    column.addStretch(1)
    column.setAlignment(Qt.AlignmentFlag.AlignTop)
    return made
