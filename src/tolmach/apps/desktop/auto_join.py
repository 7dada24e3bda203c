"""The Auto-export view in the window: its place, its wizard, its words in the log, its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tolmach.apps.desktop.auto_view import AutoView
from tolmach.base import N_, Problem

if TYPE_CHECKING:
    from tolmach.apps.desktop.agent import Agent
    from tolmach.apps.desktop.window import MainWindow


def add_auto_view(window: MainWindow, agent: Agent) -> AutoView:
    """Add the view to a window; it ends with it."""
    words = window.words
    view = AutoView(agent, words, window.theme)
    window.add_view("auto", "auto", N_("Auto-export"), view, "Ctrl+2")

    def begin_wizard() -> None:
        from tolmach.apps.desktop.wizard_window import open_wizard

        open_wizard(window, words, window.theme, window.desk, agent, lambda _name: view.look_anew())

    def change_folder(name: str) -> None:
        from tolmach.apps.desktop.watch_dialog import open_watch

        open_watch(window, words, window.theme, agent, name, view.look_anew)

    def log_problem(problem: Problem) -> None:
        window.log.add("bad", f"{problem.code}: {words.sentence(problem)}")

    view.folder_wanted.connect(begin_wizard)
    view.folders.change_wanted.connect(change_folder)
    view.told.connect(window.log.add)
    view.refused.connect(log_problem)
    view.history.show_details(window.remembered.shows_details)
    window.details_button.toggled.connect(view.history.show_details)
    window.ended.connect(view.close_down)
    return view
