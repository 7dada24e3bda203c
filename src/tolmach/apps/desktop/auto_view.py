"""The Auto-export view: folders, history and queue, one at a time, looked at once a second while they are seen."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from tolmach.apps.cli.records import actor
from tolmach.apps.desktop import shown
from tolmach.apps.desktop.auto_agent_bar import AgentBar, AgentLike
from tolmach.apps.desktop.auto_desk import AutoDesk, Done, Kind
from tolmach.apps.desktop.auto_folders import FoldersPage
from tolmach.apps.desktop.auto_history import HistoryPage
from tolmach.apps.desktop.auto_queue import QueuePage
from tolmach.apps.desktop.auto_rows import FoldersSeen, ObjectSeen, QueueSeen
from tolmach.apps.desktop.auto_source import AutoSource
from tolmach.apps.desktop.panels import GAP, Banner, Segments, WrapBox, shortcut
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.base import N_, Problem

LOOK_MILLISECONDS = 1_000
_PARTS = (("folders", N_("Folders")), ("history", N_("History")), ("queue", N_("Queue")))
_KINDS: dict[str, tuple[Kind, ...]] = {
    "folders": ("folders",),
    "history": ("folders", "history", "history-lines", "object"),
    "queue": ("folders", "queue", "queue-lines"),
}
_LINES = {  # what is said of how many lines
    "retry": ("{count} line is tried now.", "{count} lines are tried now."),
    "hold": ("{count} line is held.", "{count} lines are held."),
    "drop": ("{count} line is dropped.", "{count} lines are dropped."),
    "resend": ("{count} line is queued.", "{count} lines are queued."),
}
_FOLDERS = {
    "pause": N_("{name} is paused."),
    "resume": N_("{name} goes on."),
    "shadow": N_("{name} is in shadow mode: nothing from it is delivered."),
    "live": N_("{name} is live."),
}


class AutoView(QWidget):
    """What the agent does, and what people say to it. `folder_wanted` begins the folder wizard."""

    folder_wanted = Signal()
    told = Signal(str, str)  # tone, line for the log
    refused = Signal(Problem)  # for the log

    def __init__(self, agent: AgentLike, words: Words, theme: Theme) -> None:
        """Show nothing until it is seen."""
        super().__init__()
        self._words = words
        self._trouble: Problem | None = None
        self._done: Done | None = None
        self._is_slow = False
        self._open_lines = 0
        self.desk = AutoDesk(AutoSource(agent), actor(), self)
        self.agent_bar = AgentBar(agent, words, theme)
        self.banner, self.answer = Banner(words, theme), Banner(words, theme)
        self.parts = Segments(words, [(key, "", "") for key, _ in _PARTS])
        self.bar = WrapBox([self.parts, self.agent_bar])
        self.folders = FoldersPage(self.desk, words, theme)
        self.history = HistoryPage(self.desk, words, theme)
        self.queue = QueuePage(self.desk, words, theme)
        self.pages: dict[str, FoldersPage | HistoryPage | QueuePage] = {
            "folders": self.folders, "history": self.history, "queue": self.queue,
        }  # fmt: skip
        self.stack = QStackedWidget()
        for page in self.pages.values():
            self.stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 10)
        layout.setSpacing(GAP)
        for one in (self.bar, self.agent_bar.banner, self.banner, self.answer):
            layout.addWidget(one)
        layout.addWidget(self.stack, 1)
        self._look = QTimer(self)
        self._look.setInterval(LOOK_MILLISECONDS)
        self._look.timeout.connect(self._tick)
        self._connect(agent)
        self._say()

    def _connect(self, agent: AgentLike) -> None:
        desk = self.desk
        desk.answered.connect(self._take)
        desk.troubled.connect(self._take_trouble)
        desk.slow.connect(self._take_slow)
        desk.done.connect(self._take_done)
        self.parts.chosen.connect(self.show_part)
        self.folders.add_wanted.connect(self.folder_wanted)
        self.folders.history_wanted.connect(self.show_history_of)
        self.answer.closed.connect(self._forget_answer)
        self.agent_bar.said.connect(self._follow_agent)
        agent.followed.connect(self.look_anew)
        agent.changed.connect(self.look_anew)
        self._words.changed.connect(self._say)
        for number, (key, _text) in enumerate(_PARTS, 1):
            shortcut(self, f"Alt+{number}", partial(self.show_part, key))
        shortcut(self, "F5", self.look_anew)

    # What is seen.

    @property
    def part(self) -> str:
        """Which part is shown: folders, history or queue."""
        return self.parts.key()

    def show_part(self, key: str) -> None:
        """Show folders, history or queue."""
        self.parts.choose(key)
        if self._done is not None and self._done.problem is None:  # what was done in another part is no news here
            self._done = None
            self._say_answer()
        self.stack.setCurrentWidget(self.pages[key])
        self.desk.attend(_KINDS[key])
        self.pages[key].refresh(force=True)
        if key != "folders":
            (self.history if key == "history" else self.queue).table.setFocus()

    def show_history_of(self, watch: str) -> None:
        """Show what one folder brought."""
        self.show_part("history")
        self.history.filters.choose_watch(watch)

    def showEvent(self, event: QShowEvent) -> None:
        """Look at once, and again and again."""
        super().showEvent(event)
        self._tick()
        self._look.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Read nothing that nobody sees."""
        super().hideEvent(event)
        self._look.stop()

    def look_anew(self) -> None:
        """Look at everything again, as after the configuration was changed."""
        self.desk.source.forget_settings()
        if self.isVisible():
            self._tick(force=True)

    def _tick(self, *, force: bool = False) -> None:
        self.desk.tick()
        self.agent_bar.tick()
        page = self.pages[self.part]
        page.refresh(force=force)
        if not isinstance(page, FoldersPage) and self.desk.has_failed(_KINDS[self.part][2]):
            page.model.ask_again()
        if page is not self.folders:  # what the others are told by it: who is watched, who can be sent to
            self.folders.refresh()

    # What comes.

    def _take(self, kind: str, value: object) -> None:
        if isinstance(value, FoldersSeen):
            self._open_lines = value.open_lines
            self.agent_bar.has_folders, self.agent_bar.room = bool(value.folders), value.room
            self.folders.show_seen(value)
            self.history.show_folders(value)
            self.agent_bar.say()
            self._say()
        elif isinstance(value, QueueSeen):
            self.queue.show_seen(value)
        elif isinstance(value, ObjectSeen):
            self.history.show_object(value)
        elif isinstance(value, list):
            self.history.show_ids(value)
        elif isinstance(value, dict):
            (self.queue if kind == "queue-lines" else self.history).show_rows(value)

    def _take_trouble(self, problem: Problem | None) -> None:
        if problem != self._trouble:
            self._trouble = problem
            for page in (self.history, self.queue):
                page.model.give_up()
            if problem is not None:
                self.refused.emit(problem)
            self._say_trouble()

    def _take_slow(self, is_slow: bool) -> None:
        if is_slow != self._is_slow:
            self._is_slow = is_slow
            self._say_trouble()

    def _take_done(self, done: Done) -> None:
        self._done = done
        if done.problem is not None:
            self.refused.emit(done.problem)
        else:
            self.told.emit("good", self._line(done))
        self._say_answer()
        self._tick(force=True)

    # What is said.

    def _follow_agent(self) -> None:
        self.bar.arrange()
        self.folders.show_watched(is_watched=self.agent_bar.is_watched)
        self._say_trouble()

    def _forget_answer(self) -> None:
        self._done = None

    def _line(self, done: Done) -> str:
        if done.verb in _LINES:
            return self._words.ngettext(*_LINES[done.verb], done.count)
        return self._words.gettext(_FOLDERS[done.verb], name=shown.plain(done.name, 60))

    def _say_answer(self) -> None:
        if self._done is None:
            self.answer.hide()
        elif self._done.problem is not None:
            self.answer.tell(self._done.problem)
        else:
            self.answer.say(self._line(self._done), "", "good")

    def _say_trouble(self) -> None:
        self.folders.tell_trouble(self._trouble)
        self.queue.tell_trouble(self._trouble)
        if self._trouble is not None and self._trouble == self.agent_bar.problem:
            self.banner.hide()  # the agent's banner says it already
        elif self._trouble is not None:
            self.banner.tell(self._trouble, can_close=False)
        elif self._is_slow:
            self.banner.say(
                self._words.gettext(N_("The records have not answered for some seconds; what is shown may be old.")),
                self._words.gettext(N_("Another program may be busy with them. It goes on here by itself.")),
                "doubt",
                can_close=False,
            )
        else:
            self.banner.hide()

    def _say(self) -> None:
        counts = {"folders": len(self.folders.cards), "queue": self._open_lines}
        for key, text in _PARTS:
            said = self._words.gettext(text)
            self.parts.buttons[key].setText(f"{said}  {counts[key]}" if counts.get(key) else said)
        self._say_trouble()
        self._say_answer()
        self.bar.arrange()

    def close_down(self) -> None:
        """End the threads; nothing of ours is in hand."""
        self._look.stop()
        self.desk.close()
