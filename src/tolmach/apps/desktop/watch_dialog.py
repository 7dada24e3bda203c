"""Changing or removing a folder that is watched: its one [[watch]] table in the configuration, all else untouched.

A file that is written too unusually for that is opened instead, for a person to change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from tolmach.apps.adding import look_at, settings_of
from tolmach.apps.desktop import shown
from tolmach.apps.desktop.errand import Errand, IsWanted, Say
from tolmach.apps.desktop.panels import Banner, panel, question, text_label
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.watch_change import KEYS, Changed, change_watch
from tolmach.apps.desktop.watch_fields import ChoiceField, ManyField
from tolmach.apps.desktop.watch_forms import SectionForm
from tolmach.apps.desktop.wizard_course import AgentLike, environment_of_program
from tolmach.apps.desktop.words import Words
from tolmach.apps.reports import printable
from tolmach.apps.sections import WatchSettings
from tolmach.base import N_, Problem, TolmachError


def open_watch(
    parent: QWidget, words: Words, theme: Theme, agent: AgentLike, name: str, on_done: Callable[[], object]
) -> WatchDialog:
    """Open the form of one watch; `on_done` is called after it was changed or removed and the agent told."""
    dialog = WatchDialog(words, theme, agent, name, environment_of_program(), parent)
    dialog.accepted.connect(on_done)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog


class WatchDialog(QDialog):
    """Everything one watch is configured with."""

    def __init__(
        self, words: Words, theme: Theme, agent: AgentLike, name: str, environment: Mapping[str, str],
        parent: QWidget | None,
    ) -> None:  # fmt: skip
        """Show a watch as the file says now."""
        super().__init__(parent)
        self._outer, self.name = words, name
        self.words = Words(words.language, self)
        words.changed.connect(self._follow)
        self._agent, self._environment = agent, environment
        self.form = SectionForm(self.words, WatchSettings, KEYS)
        self.banner = Banner(self.words, theme)
        self.save, self.remove, self.cancel, self.open_file = QPushButton(), QPushButton(), QPushButton(), QPushButton()
        self.save.setObjectName("primary")
        self._is_writing = self._is_removing = False
        self._writing: Errand[Changed] = Errand(self._take, self)
        self._arrange()
        self._fill()
        self.save.clicked.connect(lambda: self._write(self.form.values()))
        self.remove.clicked.connect(self._remove)
        self.cancel.clicked.connect(self.reject)
        self.open_file.clicked.connect(self._open_file)
        self.words.changed.connect(self._say)
        self.resize(720, 640)
        self._say()

    def _arrange(self) -> None:
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setMinimumSize(480, 400)
        frame, inside = panel()
        inside.setContentsMargins(16, 14, 16, 14)
        inside.addWidget(self.form)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(frame)
        self._title = text_label("", "title", wraps=True)
        self._about = text_label("", "muted", wraps=True)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for one in (self.remove, self.open_file):
            one.setAutoDefault(False)
            buttons.addWidget(one)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 16, 22, 16)
        layout.setSpacing(8)
        layout.addWidget(self._title)
        layout.addWidget(self._about)
        layout.addWidget(self.banner)
        layout.addWidget(self._area, 1)
        layout.addLayout(buttons)

    def _fill(self) -> None:
        """Read the watch; where that cannot be done, the file can only be opened."""
        try:
            settings = settings_of(look_at(self._agent.config_path), self._environment)
        except TolmachError as error:
            self._forbid(error.problem)
            return
        watch = next((one for one in settings.watch if one.name == self.name), None)
        to, profile = self.form.fields["to"], self.form.fields["profile"]
        assert isinstance(to, ManyField)
        assert isinstance(profile, ChoiceField)
        to.offer({one.name: shown.plain(one.name, 60) for one in settings.peer if one.is_destination})
        profile.offer(["", *(one.name for one in settings.profile)], self._profile_text)
        if watch is not None:
            self.form.put(watch.model_dump(by_alias=True))
        self.save.setEnabled(watch is not None)
        self.remove.setEnabled(watch is not None)

    def _profile_text(self, key: str) -> str:
        return shown.label(key) if key else self.words.gettext(N_("the usual repair, without a profile"))

    def _follow(self) -> None:
        self.words.speak(self._outer.language)

    def _say(self) -> None:
        say = self.words.gettext
        self.setWindowTitle(say(N_("Change a folder")))
        self._title.setText(shown.plain(self.name, 80))
        self._about.setText(
            say(N_("Only this watch is changed in {file}; the file as it is now is kept beside it as .bak."),
                file=printable(self._agent.config_path))
        )  # fmt: skip
        self.save.setText(say(N_("&Save")))
        self.remove.setText(say(N_("Re&move")))
        self.cancel.setText(say(N_("Close")))
        self.open_file.setText(say(N_("&Open the file")))

    def _remove(self) -> None:
        say = self.words.gettext
        text = say(N_("Stop watching the folder of “{name}”?"), name=shown.plain(self.name, 60))
        more = say(N_("Files in it stay where they are. What was taken already is delivered all the same."))
        answers = (("remove", say(N_("Remove"))), ("keep", say(N_("Keep it"))))
        if question(self, self.words, text, more, answers) == "remove":
            self._write(None)

    def _write(self, values: Mapping[str, Any] | None) -> None:
        if self._is_writing:
            return
        self._is_writing = True
        self.save.setEnabled(False)
        self.remove.setEnabled(False)
        file, name, environment = self._agent.config_path, self.name, self._environment

        def work(tell: Say[Changed], _is_wanted: IsWanted) -> None:
            tell(change_watch(file, name, values, environment))

        self._writing.begin(work, "write configuration")

    def _take(self, changed: Changed) -> None:
        self._is_writing = False
        self.save.setEnabled(True)
        self.remove.setEnabled(True)
        self.form.mark(changed.errors)
        if changed.problem is not None:
            self._forbid(changed.problem, can_try=not changed.is_unusual)
        elif not changed.errors:
            self._agent.reload()
            self.accept()
        else:
            self.banner.hide()
            first = next(iter(changed.errors))
            self._area.ensureWidgetVisible(self.form.fields[first].error)

    def _forbid(self, problem: Problem, *, can_try: bool = True) -> None:
        self.banner.tell(problem, can_close=False)
        if not can_try:
            self.open_file.setFocus()

    def _open_file(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._agent.config_path)))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stay while the file is written."""
        if self._is_writing:
            event.ignore()
            return
        super().closeEvent(event)

    def reject(self) -> None:
        """Close without a change."""
        if not self._is_writing:
            super().reject()
