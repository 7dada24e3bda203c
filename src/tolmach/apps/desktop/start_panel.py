"""What of the agent is in the settings: whether it runs, by which file, and how the program starts."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QVBoxLayout

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.agent import Agent, AgentState
from tolmach.apps.desktop.agent_words import state_line
from tolmach.apps.desktop.overview import Overview
from tolmach.apps.desktop.panels import GAP, MARGIN, ToolButton, bind_tip, put_tone, text_label
from tolmach.apps.desktop.remembered import Remembered
from tolmach.apps.desktop.session_start import SessionStart, command_of
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.apps.reports import printable
from tolmach.base import N_, Problem, TolmachError

_TONES = {"running": "good", "failed": "bad"}


class StartPanel(QFrame):
    """State, Start and Stop, and what is remembered; `remembered` gives fields of `Remembered`."""

    remembered = Signal(dict)
    troubled = Signal(Problem)

    def __init__(
        self, words: Words, theme: Theme, agent: Agent, kept: Remembered, session: SessionStart | None
    ) -> None:
        """Show what is remembered; `session` is where the desktop keeps what it starts, if that is known."""
        super().__init__()
        self.setObjectName("panel")
        self._words, self._agent, self._session = words, agent, session
        self.state, self.why = text_label("", "heading"), text_label("", wraps=True)
        self.file = text_label("", "muted", wraps=True)
        self.start = ToolButton(
            words, theme, "send", N_("&Start"), N_("Watch the folders and deliver, by the configuration")
        )
        self.stop = ToolButton(words, theme, "stop", N_("Sto&p"), N_("What is in hand is finished or stays queued"))
        self.start.clicked.connect(agent.start)
        self.stop.clicked.connect(agent.stop)
        self.runs = self._box(N_("&Run auto-export when the program starts"), "", kept.runs_agent)
        self.minimised = self._box(N_("Start &minimised"), N_("In the tray, where there is one"), kept.starts_minimised)
        self.with_session = self._box(N_("Start when I log &in"), "", session is not None and session.is_on())
        self.with_session.setVisible(session is not None)
        self.runs.toggled.connect(lambda on: self.remembered.emit({"runs_agent": on}))
        self.minimised.toggled.connect(lambda on: self.remembered.emit({"starts_minimised": on}))
        self.with_session.toggled.connect(self._set_session)
        self._arrange()

    def _box(self, text: str, about: str, is_on: bool) -> QCheckBox:
        box = QCheckBox()
        box.setChecked(is_on)
        self._words.bind(box.setText, text)
        if about:
            bind_tip(self._words, box, about)
        return box

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(GAP)
        head.addWidget(self.state, 1)
        head.addWidget(self.start)
        head.addWidget(self.stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN + 4, 12, MARGIN + 4, 14)
        column.setSpacing(8)
        column.addLayout(head)
        for one in (self.why, self.file, self.runs, self.minimised, self.with_session):
            column.addWidget(one)

    def tell(self, state: AgentState, overview: Overview) -> None:
        """Show how the agent is."""
        line = state_line(self._words, state, overview)
        self.state.setText(f"{line}: {state.address}" if state.address else line)
        put_tone(self.state, _TONES.get(state.kind, ""))
        problem = state.problem
        self.why.setText("" if problem is None else self._words.sentence(problem))
        self.why.setVisible(problem is not None)
        self.start.setVisible(state.kind in ("off", "failed"))
        self.stop.setVisible(state.kind in ("starting", "running", "stopping"))
        self.stop.setEnabled(state.kind != "stopping")
        self._say_file()

    def _say_file(self) -> None:
        say, file = self._words.gettext, self._agent.configuration
        if file is None:
            text = say(N_("There is no configuration yet; it will be {file}."), file=printable(self._agent.config_path))
        else:
            text = say(N_("Configuration: {file}"), file=printable(file.absolute()))
        self.file.setText(shown.plain(text, 1000))

    def _set_session(self, is_on: bool) -> None:
        if self._session is None:
            return
        try:
            if is_on:
                self._session.turn_on(command_of(self._agent.named))
            else:
                self._session.turn_off()
        except TolmachError as error:
            self.troubled.emit(error.problem)
            self.with_session.blockSignals(True)
            self.with_session.setChecked(self._session.is_on())
            self.with_session.blockSignals(False)
