"""The agent as the person meets it: tray, menus, title, log, and how the window comes and goes.

Everything in the tray's menu is in the window's as well: some desktops have no tray.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QMenu

from tolmach.apps.cli.records import actor
from tolmach.apps.desktop.agent import Agent, AgentState
from tolmach.apps.desktop.agent_words import state_line, title_of, tooltip_lines
from tolmach.apps.desktop.alarms import Alarms
from tolmach.apps.desktop.leaving import Leaving
from tolmach.apps.desktop.overview import Overview, Stuck
from tolmach.apps.desktop.session_start import SessionStart
from tolmach.apps.desktop.start_panel import StartPanel
from tolmach.apps.desktop.tray import Tray
from tolmach.apps.overseeing import Records, say_mode
from tolmach.base import N_, Problem

if TYPE_CHECKING:
    from tolmach.apps.desktop.window import MainWindow

_CHECK_MILLISECONDS = 5_000


class Presence(QObject):
    """Joins the window and its agent."""

    def __init__(
        self,
        window: MainWindow,
        agent: Agent,
        session: SessionStart | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Be in the window's menu and settings; nothing runs yet."""
        super().__init__(window)
        self._window, self.agent, self._words = window, agent, window.words
        self._alarms = Alarms(clock)
        self._logged: Problem | None = None
        self.is_ended = True  # whether all threads have ended, as far as there were any
        self._actions()
        self.menu, tray_menu = QMenu(window), QMenu(window)
        self._fill_menus(tray_menu)
        self.tray = Tray(tray_menu, self)
        self.tray.opened.connect(self.open)
        self.leaving = Leaving(window, window.desk, agent, window.words, self._hide)
        self.leaving.began.connect(self._show_end)
        self.leaving.ready.connect(window.close)
        self.panel = StartPanel(window.words, window.theme, agent, window.remembered, session)
        self.panel.troubled.connect(self._log)
        self.panel.remembered.connect(lambda values: window.remember(**values))
        window.settings_view.add_panel(N_("Auto-export"), self.panel)
        self.button = window.navigation.opener("menu", N_("&Menu"), "F10", self._pop_up)
        agent.changed.connect(self._take_state)
        agent.looked.connect(self._take_overview)
        agent.refused.connect(self._refuse)
        agent.followed.connect(self._follow)
        self._words.changed.connect(self._say)
        self._check = QTimer(self)
        self._check.setInterval(_CHECK_MILLISECONDS)
        self._check.timeout.connect(self._require_reachable)
        self._say()

    # Making it.

    def _actions(self) -> None:
        self.state_action = QAction(self)
        self.state_action.setEnabled(False)
        self.open_action = self._action(N_("Open tolmach"), self.open)
        self.start_action = self._action(N_("Start auto-export"), self.agent.start)
        self.pause_action = self._action(N_("Pause all folders"), self.pause_all)
        self.resume_action = self._action(N_("Resume all folders"), self.resume_all)
        self.reload_action = self._action(N_("Read the configuration anew"), self.agent.reload)
        self.stop_action = self._action(N_("Stop auto-export"), self.agent.stop)
        self.quit_action = self._action(N_("Quit"), self.quit, "Ctrl+Q")
        self._window.addAction(self.quit_action)

    def _action(self, text: str, does: Callable[[], object], keys: str = "") -> QAction:
        action = QAction(self)
        self._words.bind(action.setText, text)
        action.triggered.connect(lambda: does())
        if keys:
            action.setShortcut(QKeySequence(keys))
        return action

    def _fill_menus(self, tray_menu: QMenu) -> None:
        work = (self.start_action, self.pause_action, self.resume_action, self.reload_action, self.stop_action)
        for menu, first in ((self.menu, ()), (tray_menu, (self.open_action,))):
            menu.addAction(self.state_action)
            menu.addSeparator()
            menu.addActions([*first, *work])
            menu.addSeparator()
            menu.addAction(self.quit_action)

    def _pop_up(self) -> None:
        place = self.button.mapToGlobal(QPoint(self.button.width() - 4, self.button.height() - 4))
        place.setY(place.y() - self.menu.sizeHint().height())
        self.menu.popup(place)

    # What can be done.

    def begin(self, *, minimised: bool) -> None:
        """Show the window, in the tray or minimised if so wished, and run the agent unless a person said otherwise."""
        kept = self._window.remembered
        self.tray.show()
        if not (minimised or kept.starts_minimised):
            self._window.come_forward()
        elif not self.tray.is_there:
            self._window.showMinimized()
        self._check.start()
        if kept.runs_agent:
            self.agent.start()
        else:
            self.agent.watch()

    def open(self) -> None:
        """Bring the window to the front, wherever it is."""
        self._window.come_forward()

    def quit(self) -> None:
        """End the program, after asking where work is in hand."""
        self.leaving.quit()

    def pause_all(self) -> None:
        """Take nothing from any folder until resumed; what is taken goes on."""
        names = [name for name in self.agent.overview.watches if name not in self.agent.overview.paused]

        def pause(records: Records) -> None:
            for name in names:
                say_mode(records, name, "paused", actor())

        self.agent.ask(pause)

    def resume_all(self) -> None:
        """Let every paused folder go on as before."""
        names = sorted(self.agent.overview.paused)

        def resume(records: Records) -> None:
            for name in names:
                records.watched.resume(name, actor())

        self.agent.ask(resume)

    def close(self) -> None:
        """Be gone with the window."""
        self._check.stop()
        self.tray.hide()
        is_soon = self.leaving.is_late or self.agent.state.kind in ("off", "failed", "elsewhere")
        self.is_ended = self.agent.close(0.5 if is_soon else 4.0)

    # How the window comes and goes.

    def _hide(self) -> bool:
        if not self.tray.is_there:
            return False
        self.tray.show()
        self._window.hide()
        if not self._window.remembered.told_of_tray:
            self._window.remember(told_of_tray=True)
            say = self._words.gettext
            head, rest = say(N_("tolmach goes on here")), say(N_("Auto-export runs on. Quit ends it, in this menu."))
            self.tray.message(head, rest, is_bad=False)
        return True

    def _require_reachable(self) -> None:
        """Bring the window back when the tray has gone away with the icon in it."""
        if self._window.isHidden() and not self.tray.is_there:
            self._window.showMinimized()

    def _show_end(self) -> None:
        self._window.setEnabled(False)
        text = self._words.gettext(N_("tolmach is ending: what is in hand is finished or stays queued"))
        self._window.setWindowTitle(text)
        self.tray.tell(self.tray.mood or "idle", [text])

    # What the agent tells.

    def _take_state(self, state: AgentState) -> None:
        if state.problem is not None:
            if state.problem != self._logged and state.kind == "elsewhere":
                line = f"{state.problem.code}: {self._words.phrase(state.problem.what)}"
                self._window.log.add("plain", line)  # all is well: what to do about it would lead astray
            elif state.problem != self._logged:
                self._log(state.problem)
            self._logged = state.problem
        elif state.kind in ("running", "off"):
            self._logged = None
            line = state_line(self._words, state, self.agent.overview)
            self._window.log.add("plain", f"{line}: {state.address}" if state.address else f"{line}.")
            for remark in state.remarks:
                self._log(remark, "doubt")
        self._say()

    def _take_overview(self, overview: Overview) -> None:
        for stuck in self._alarms.news(overview.stuck):
            self._alarm(stuck)
        self._say()

    def _alarm(self, stuck: Stuck) -> None:
        for problem in (stuck.problem, stuck.cause):
            if problem is not None and problem != self._logged:
                self._log(problem)
                self._logged = problem if stuck.key[0] == "agent" else self._logged
        problem = stuck.cause or stuck.problem
        self.tray.message(self._words.phrase(stuck.problem.what), self._words.advice(problem), is_bad=True)
        QApplication.alert(self._window)

    def _log(self, problem: Problem, tone: str = "bad") -> None:
        self._window.log.add(tone, f"{problem.code}: {self._words.sentence(problem)}")

    def _refuse(self, problem: Problem) -> None:
        """Tell that what a person has just asked for was not done; where nobody would see it, the log opens."""
        self._log(problem)
        self._window.log_button.setChecked(True)

    def _follow(self) -> None:
        self._window.station.reload()
        self._window.fill()

    def _say(self) -> None:
        if self.leaving.is_leaving:
            return
        state, overview = self.agent.state, self.agent.overview
        self.state_action.setText(state_line(self._words, state, overview))
        is_run = state.kind in ("running", "elsewhere")
        self.start_action.setVisible(state.kind in ("off", "failed"))
        self.stop_action.setVisible(state.kind in ("starting", "running"))
        self.reload_action.setVisible(state.kind == "running")
        self.pause_action.setVisible(is_run and bool(set(overview.watches) - overview.paused))
        self.resume_action.setVisible(is_run and bool(overview.paused))
        self.tray.tell(overview.mood, tooltip_lines(self._words, state, overview))
        self._window.setWindowTitle(title_of(self._words, self._window.base_title, overview))
        self.panel.tell(state, overview)
