"""Starting the desktop program: one for each user, in the language and colours of the system until somebody chooses."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from tolmach import __version__
from tolmach.apps.cli.context import Run
from tolmach.apps.configuration import user_folder
from tolmach.apps.desktop.agent import Agent
from tolmach.apps.desktop.auto_join import add_auto_view
from tolmach.apps.desktop.collecting import Collector
from tolmach.apps.desktop.drawing import icon
from tolmach.apps.desktop.presence import Presence
from tolmach.apps.desktop.remembered import Remembered, load_remembered
from tolmach.apps.desktop.session_start import session_start
from tolmach.apps.desktop.single_instance import FirstInstance, hand_over
from tolmach.apps.desktop.station import Station
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.window import MainWindow
from tolmach.apps.desktop.words import Words, language_of_system

# The window's thread asks for the interpreter this often while others work; the usual pause can be felt.
_SWITCH_SECONDS = 0.001


def start(run: Run, paths: Sequence[Path], *, minimised: bool = False) -> int:
    """Run until a person ends it; a second start gives its paths to the first, whose window opens, and ends at once.

    Gives the exit status. Raises `DesktopTrouble` when another one is running and does not answer.
    """
    app = application()
    folder = user_folder()
    first = FirstInstance(folder)
    if not first.take():
        if paths or not minimised:
            hand_over(folder, paths)
        return 0
    sys.setswitchinterval(_SWITCH_SECONDS)
    Collector(app)
    window = window_of(run, app, folder)
    first.brought.connect(window.take_paths)
    presence = presence_of(window)
    app.setQuitOnLastWindowClosed(False)  # a question may be the only window there is
    window.ended.connect(app.quit)
    app.commitDataRequest.connect(lambda _session: presence.leaving.end_now())
    _obey_signals(presence.leaving.leave)
    presence.begin(minimised=minimised and not paths)
    if paths:
        window.take_paths([Path(path) for path in paths])
    try:
        status = app.exec()
    finally:
        first.close()
    if not presence.is_ended:
        os._exit(status)  # something hangs, as a network drive does; what is in hand stays queued
    return status


def _obey_signals(leave: Callable[[], None]) -> None:
    """Leave when the system or a terminal says so. Python hears signals when it runs: the collector sees to that."""
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, lambda *_: leave())


def application() -> QApplication:
    """Give the Qt application of this process, made on first use."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QGuiApplication.setDesktopFileName("tolmach")
    app = QApplication(sys.argv[:1])
    app.setApplicationName("tolmach")
    app.setApplicationVersion(__version__)
    app.setWindowIcon(icon("app"))
    return app


def window_of(run: Run, app: QApplication, folder: Path) -> MainWindow:
    """Give the window, not shown yet, with what `folder` remembers."""
    remembered = load_remembered(folder)
    usual = usual_language(run)
    words = Words(_language(run, remembered, usual))
    theme = Theme(app, remembered.scheme)
    window = MainWindow(Station(run, folder), words, theme, remembered)
    window.language_chosen.connect(lambda language: words.speak(language or usual))
    agent = Agent(run.config, os.environ, window)
    add_agent_views(window, agent)
    window.presence = Presence(window, agent, session_start(folder.parent))
    return window


def add_agent_views(window: MainWindow, agent: Agent) -> None:
    """Add the views that show the agent and tell it what to do."""
    add_auto_view(window, agent)


def presence_of(window: MainWindow) -> Presence:
    """Give what joins a window of `window_of` and its agent."""
    if window.presence is None:
        raise ValueError("a window without an agent")
    return window.presence


def _language(run: Run, remembered: Remembered, usual: str) -> str:
    return run.wished_language or remembered.language or usual


def usual_language(run: Run) -> str:
    """Give the language of the configuration and the environment, else that of the system."""
    return run.translator.language if run.translator.language != "en" else language_of_system()
