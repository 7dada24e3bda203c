"""How the program ends: closing may mean going into the tray; quitting asks while work is in hand, and freezes nothing.

Whatever is decided, nothing is lost: what a destination has not confirmed stays on the list or in the queue.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from tolmach.apps.desktop.agent import Agent
from tolmach.apps.desktop.desk import Desk
from tolmach.apps.desktop.panels import question
from tolmach.apps.desktop.words import Words
from tolmach.base import N_

SEND_MILLISECONDS = 8_000  # for the file in hand
AGENT_MILLISECONDS = 12_000  # a station ends within ten seconds
LASTS = N_("Nothing is lost: delivery goes on at the next start.")
NOTHING_TAKEN = N_("Until the next start nothing is taken from the watched folders; the files stay where they are.")


class Leaving(QObject):
    """Decides with the person whether the window closes, goes into the tray, or stays."""

    began = Signal()  # the program is ending; it takes some seconds at most
    ready = Signal()  # everything has ended: the window may close

    def __init__(self, window: QWidget, desk: Desk, agent: Agent, words: Words, hide: Callable[[], bool]) -> None:
        """Wait; `hide` puts the window into the tray and tells whether there is one."""
        super().__init__(window)
        self._window, self._desk, self._agent, self._words = window, desk, agent, words
        self._hide = hide
        self._is_leaving = self._is_over = self._is_asking = self._is_late = False
        desk.ended.connect(self._look)
        agent.changed.connect(self._look)

    @property
    def is_late(self) -> bool:
        """Whether something was waited for in vain, as a server that never answers."""
        return self._is_late

    @property
    def is_leaving(self) -> bool:
        """Whether the program is ending."""
        return self._is_leaving

    def may_close(self) -> bool:
        """Tell whether the window may close now; else it goes into the tray, or something is asked or awaited."""
        if self._is_over:
            return True
        if self._is_leaving or self._is_asking:
            return False
        if self._runs_agent and self._hide():
            return False
        if self._runs_agent and not self._has_work and self._agent.state.kind != "failed":
            self._ask_whether_to_minimise()
        else:
            self.quit()
        return self._is_over

    def quit(self) -> None:
        """End the program, after asking where work is in hand."""
        if self._is_leaving or self._is_asking or (self._has_work and not self._may_leave()):
            return
        self.leave()

    def leave(self) -> None:
        """End the program without a question; `ready` tells when all has ended, some seconds later at most."""
        if self._is_leaving:
            return
        self._is_leaving = True
        self._desk.stop()
        self._agent.stop()
        if not self._look():
            self.began.emit()
            wait = AGENT_MILLISECONDS if self._runs_agent else SEND_MILLISECONDS
            QTimer.singleShot(wait, self, self._give_up)

    def end_now(self) -> None:
        """Let the window close without a question and without waiting, as when the session of the user ends."""
        self._is_leaving = self._is_over = True
        self._desk.stop()
        self._agent.stop()

    @property
    def _runs_agent(self) -> bool:
        return self._agent.state.kind in ("starting", "running", "stopping") or (
            self._agent.state.kind == "failed" and not self._is_leaving
        )

    @property
    def _has_work(self) -> bool:
        return self._desk.is_working or (self._runs_agent and self._agent.overview.waiting > 0)

    def _look(self) -> bool:
        if self._is_leaving and not self._is_over and not self._desk.is_working and not self._runs_agent:
            self._end()
        return self._is_over

    def _give_up(self) -> None:
        self._is_late = not self._is_over
        self._end()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self.ready.emit()

    # What is asked.

    def _may_leave(self) -> bool:
        say, more = self._words.gettext, []
        text = say(N_("Files are being sent.")) if self._desk.is_working else say(N_("Auto-export has work in hand."))
        if self._desk.is_working:
            told = N_("What the destination has not confirmed stays unsent; the next start offers to send it.")
            more.append(say(told))
        waiting = self._agent.overview.waiting
        if self._runs_agent and waiting:
            count = self._words.ngettext(
                "{count} image waits for delivery.", "{count} images wait for delivery.", waiting
            )
            more.append(f"{count} {say(LASTS)}")
        if self._runs_agent:
            more.append(say(NOTHING_TAKEN))
        stop = N_("Stop and close") if not self._runs_agent else N_("Quit")
        stay = N_("Go on sending") if not self._runs_agent else N_("Go on")
        return self._ask(text, "\n".join(more), (("stop", say(stop)), ("go-on", say(stay)))) == "stop"

    def _ask_whether_to_minimise(self) -> None:
        say = self._words.gettext
        text = say(N_("Auto-export runs in this window and ends with it."))
        more = say(NOTHING_TAKEN)
        answers = (("quit", say(N_("Quit"))), ("minimise", say(N_("Minimise"))))
        if self._ask(text, more, answers) == "quit":
            self.leave()
        else:
            self._window.showMinimized()

    def _ask(self, text: str, more: str, answers: tuple[tuple[str, str], ...]) -> str:
        self._is_asking = True
        try:
            return question(self._window, self._words, text, more, answers)
        finally:
            self._is_asking = False
