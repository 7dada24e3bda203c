"""How the agent is, in one line with its button; what is wrong with it and what to do, in a banner below."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import Signal, SignalInstance
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.agent import AgentState
from tolmach.apps.desktop.agent_words import REFUSING, STATES
from tolmach.apps.desktop.auto_source import Opener
from tolmach.apps.desktop.drawing import icon, picture
from tolmach.apps.desktop.panels import Banner, ToolButton, bind_tip, text_label
from tolmach.apps.desktop.rows import Tone
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.base import N_, Problem

_TONES: dict[str, Tone] = {
    "off": "doubt",
    "starting": "busy",
    "running": "good",
    "elsewhere": "good",
    "stopping": "busy",
    "failed": "bad",
}


class AgentLike(Opener, Protocol):
    """The agent, as far as the view needs it; everything returns at once but what opens."""

    changed: SignalInstance
    followed: SignalInstance

    @property
    def state(self) -> AgentState:
        """How it is now."""
        ...

    @property
    def awaited(self) -> tuple[str, ...]:
        """The destinations whose answers it waits for while it stops."""
        ...

    def start(self) -> None:
        """Run, and try again at once where it failed."""
        ...

    def stop(self) -> None:
        """Stop; nothing is lost."""
        ...


class AgentBar(QWidget):
    """One line. `said` tells when its words have changed.

    Whoever sets `has_folders` or `room` lets it `say` anew.
    """

    said = Signal()

    def __init__(self, agent: AgentLike, words: Words, theme: Theme) -> None:
        """Show how the agent is."""
        super().__init__()
        self._agent, self._words, self._theme = agent, words, theme
        self.has_folders = False
        self.room: Problem | None = None  # why nothing new can be taken
        self._mark, self.text = text_label(), text_label()
        self.start = QPushButton()
        self.start.setObjectName("primary")
        words.bind(self.start.setText, N_("&Start"))
        bind_tip(words, self.start, N_("Watch the folders and deliver what they bring"))
        self.stop = ToolButton(
            words, theme, "stop", N_("Stop"), N_("Watch nothing any more; what is queued stays queued")
        )
        self.banner = Banner(words, theme)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for one in (self._mark, self.text, self.start, self.stop):
            layout.addWidget(one)
        self.start.clicked.connect(agent.start)
        self.stop.clicked.connect(agent.stop)
        agent.changed.connect(self.say)
        words.changed.connect(self.say)
        theme.changed.connect(self.say)
        self.say()

    @property
    def is_watched(self) -> bool:
        """Whether somebody watches the folders, here or elsewhere."""
        return self._agent.state.kind in ("running", "elsewhere", "starting")

    @property
    def problem(self) -> Problem | None:
        """The problem that stands in the banner, where one does."""
        return self._agent.state.problem if self._agent.state.kind == "failed" else None

    @property
    def _is_refusing(self) -> bool:
        """Whether it runs, here or elsewhere, and takes nothing for want of room."""
        return self.room is not None and self._agent.state.kind in ("running", "elsewhere")

    def say(self) -> None:
        """Say how the agent is now."""
        state, colours = self._agent.state, self._theme.colours
        tone = _TONES[state.kind] if state.kind != "off" or self.has_folders else "plain"
        text = STATES[state.kind]
        if self._is_refusing:
            tone, text = "bad", REFUSING
        self._mark.setPixmap(picture(tone, colours.of(tone), 18))
        self.text.setText(self._words.gettext(text))
        is_idle = state.kind in ("off", "failed")
        self.start.setVisible(is_idle and (self.has_folders or state.kind == "failed"))
        self.start.setIcon(icon("resume", colours.on_accent))
        self.stop.setVisible(state.kind in ("running", "starting"))
        self._say_banner(state)
        self.said.emit()

    def _say_banner(self, state: AgentState) -> None:
        say = self._words.gettext
        if state.kind == "failed" and state.problem is not None:
            self.banner.tell(state.problem, can_close=False)
        elif state.kind == "stopping":
            self._say_stopping()
        elif self._is_refusing and self.room is not None:
            self.banner.tell(self.room, can_close=False)
        elif state.kind == "elsewhere":
            self.banner.say(
                say(N_("Another program works with the data folder, for example tolmach as a service.")),
                say(N_("It watches the folders and delivers. What you see and say here reaches it.")),
                "plain",
                can_close=False,
            )
        elif state.kind == "off" and self.has_folders:
            self.banner.say(
                say(N_("Nobody watches the folders now.")),
                say(N_("Press “Start”: what has come into them meanwhile is taken then.")),
                "doubt",
                can_close=False,
            )
        else:
            self.banner.hide()

    def _say_stopping(self) -> None:
        say, names = self._words.gettext, self._agent.awaited
        rest = say(N_("What is not confirmed stays queued, and is delivered after the next start."))
        if names:
            named = shown.plain(", ".join(names), 120)
            waits = say(N_("It waits for the answer of {names}, half a minute at most."), names=named)
            rest = f"{waits} {rest}"
        head = say(N_("Nothing new is begun; what is in hand is brought to an end."))
        self.banner.say(head, rest, "plain", can_close=False)

    def tick(self) -> None:
        """Say anew what changes by itself; to be called now and then."""
        if self._agent.state.kind == "stopping":
            self._say_banner(self._agent.state)
