"""The folder wizard: from a folder to a watch that runs, page by page. Before the last page nothing is written.

`open_wizard` is how the Auto-export view begins it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from tolmach.apps.desktop.desk import Desk
from tolmach.apps.desktop.panels import question, text_label
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.wizard_course import AgentLike, Course, Written, environment_of_program
from tolmach.apps.desktop.wizard_finish import FinishPage
from tolmach.apps.desktop.wizard_folder import FolderPage
from tolmach.apps.desktop.wizard_page import WizardPage
from tolmach.apps.desktop.wizard_passport import PassportPage
from tolmach.apps.desktop.wizard_reading import SamplesPage
from tolmach.apps.desktop.wizard_settings import SettingsPage
from tolmach.apps.desktop.wizard_trial import TrialPage
from tolmach.apps.desktop.words import Words
from tolmach.base import N_

_SIZE, _LEAST = QSize(900, 700), QSize(560, 460)
_SEEN_MILLISECONDS = 600  # a page that is done at once is still seen


def open_wizard(
    parent: QWidget, words: Words, theme: Theme, desk: Desk, agent: AgentLike, on_done: Callable[[str], object]
) -> WizardWindow:
    """Open the wizard before a window; `on_done` gets the name of the new watch after it was written and is followed.

    Nothing is called when it is closed. The wizard is gone afterwards.
    """
    wizard = WizardWindow(words, theme, desk, agent, environment_of_program(), parent)
    wizard.accepted.connect(lambda: on_done(wizard.watch))
    wizard.finished.connect(wizard.deleteLater)
    wizard.open()
    return wizard


class WizardWindow(QDialog):
    """The pages, one at a time, with the buttons below."""

    def __init__(
        self, words: Words, theme: Theme, desk: Desk, agent: AgentLike, environment: Mapping[str, str],
        parent: QWidget | None,
    ) -> None:  # fmt: skip
        """Show the first page."""
        super().__init__(parent)
        self._outer = words
        # Texts of our own: those of the window keep what is bound to them for as long as the window lives.
        self.words = Words(words.language, self)
        words.changed.connect(self._follow)
        self.setObjectName("wizard")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setMinimumSize(_LEAST)
        self.course = Course(self.words, theme, desk.station, agent, environment, self)
        self.watch = ""
        self.folder = FolderPage(self.course)
        self.samples = SamplesPage(self.course)
        self.passport = PassportPage(self.course)
        self.settings = SettingsPage(self.course)
        self.trial = TrialPage(self.course)
        self.finish = FinishPage(self.course)
        self.pages: Sequence[WizardPage] = (
            self.folder, self.samples, self.passport, self.settings, self.trial, self.finish,
        )  # fmt: skip
        self._way: list[int] = [0]  # the pages that were shown, the present one last
        self._is_asking = False
        self._arrange(theme)
        self.resize(_fitting(parent))
        for page in self.pages:
            page.changed.connect(self._enable)
            page.done.connect(self._go_on_soon)
        self.course.written.connect(self._end)
        self.words.changed.connect(self._say)
        self._show(0)

    def _arrange(self, theme: Theme) -> None:
        self._steps = _Steps(theme, len(self.pages))
        self._step = text_label("", "muted")
        self._title, self._about = text_label("", "title", wraps=True), text_label("", "muted", wraps=True)
        self.stack = QStackedWidget()
        for page in self.pages:
            self.stack.addWidget(page if page is self.settings else _scrolled(page))
        self.back, self.next, self.cancel = QPushButton(), QPushButton(), QPushButton()
        self.next.setObjectName("primary")
        for button in (self.back, self.cancel):
            button.setAutoDefault(False)
        self.words.bind(self.back.setText, N_("‹ &Back"))
        self.words.bind(self.cancel.setText, N_("Close"))
        self.back.clicked.connect(self.go_back)
        self.next.clicked.connect(self.go_on)
        self.cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.cancel)
        buttons.addStretch(1)
        buttons.addWidget(self.back)
        buttons.addWidget(self.next)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 16, 22, 16)
        layout.setSpacing(6)
        layout.addWidget(self._step)
        layout.addWidget(self._steps)
        layout.addSpacing(4)
        layout.addWidget(self._title)
        layout.addWidget(self._about)
        layout.addSpacing(6)
        layout.addWidget(self.stack, 1)
        layout.addSpacing(6)
        layout.addLayout(buttons)

    # Going.

    @property
    def page(self) -> WizardPage:
        """The page that is shown."""
        return self.pages[self._way[-1]]

    def go_on(self) -> None:
        """Show the next page that is needed; on the last one, write."""
        if not self.page.may_go_on:
            return
        if self.page is self.finish:
            self.course.write()
            self._enable()
            return
        self.page.leave()
        number = self._way[-1] + 1
        while not self.pages[number].is_needed:
            number += 1
        self._way.append(number)
        self._show(number)

    def _go_on_soon(self) -> None:
        page = self.page

        def go_on() -> None:
            if self.isVisible() and self.page is page:
                self.go_on()

        if self.sender() is page:
            QTimer.singleShot(_SEEN_MILLISECONDS, self, go_on)

    def go_back(self) -> None:
        """Show the page before; what was chosen stays."""
        if len(self._way) > 1 and not self.course.is_writing:
            self.page.leave()
            self._way.pop()
            self._show(self._way[-1])

    def _show(self, number: int) -> None:
        page = self.pages[number]
        self.stack.setCurrentIndex(number)
        page.enter()
        self._say()
        self._enable()

    def _enable(self) -> None:
        self.back.setEnabled(len(self._way) > 1 and not self.course.is_writing)
        self.next.setEnabled(self.page.may_go_on)
        self.next.setDefault(True)

    # Words.

    def _follow(self) -> None:
        self.words.speak(self._outer.language)

    def _say(self) -> None:
        say, number = self.words.gettext, self._way[-1]
        self.setWindowTitle(say(N_("Add a folder")))
        self._step.setText(say(N_("Step {number} of {count}"), number=number + 1, count=len(self.pages)))
        self._steps.show_step(number)
        self._title.setText(say(self.page.title))
        self._about.setText(say(self.page.about))
        self.next.setText(say(N_("Add folder")) if self.page is self.finish else say(N_("&Next ›")))

    # The end.

    def _end(self, written: Written) -> None:
        if written.problem is not None:
            self._enable()
            return
        assert self.course.judged is not None
        assert self.course.judged.watch is not None
        self.watch = self.course.judged.watch.name
        self.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let Enter in a field look at what was typed, and not go on before it was judged."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not self.next.isEnabled():
            event.accept()
            return
        super().keyPressEvent(event)

    def done(self, result: int) -> None:
        """End; every thread that still works is not listened to any more."""
        self.course.close()
        for page in self.pages:
            page.close_down()
        super().done(result)

    def reject(self) -> None:
        """Close without a change, after a question where something was made already."""
        if self.course.is_writing or self._is_asking:
            return
        if self.course.proposed is not None and not self._may_close():
            return
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Be closed as by Esc."""
        event.ignore()
        self.reject()
        if not self.isVisible():
            event.accept()

    def _may_close(self) -> bool:
        say = self.words.gettext
        answers = (("close", say(N_("Close"))), ("stay", say(N_("Go on with it"))))
        text = say(N_("Close without adding the folder?"))
        more = say(N_("Nothing has been written, and nothing is changed. What was chosen here is forgotten."))
        self._is_asking = True
        try:
            return question(self, self.words, text, more, answers) == "close"
        finally:
            self._is_asking = False


def _scrolled(page: WizardPage) -> QScrollArea:
    """Give a page that can be scrolled where the window is too low for it."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(page)
    return area


def _fitting(parent: QWidget | None) -> QSize:
    """Give a size that does not cover the whole of a small window."""
    if parent is None:
        return _SIZE
    room = parent.window().size() - QSize(40, 40)
    return _SIZE.boundedTo(room).expandedTo(_LEAST)


class _Steps(QWidget):
    """How far it is: a line of as many parts as there are pages."""

    def __init__(self, theme: Theme, count: int) -> None:
        super().__init__()
        self._theme, self._count, self._number = theme, count, 0
        self.setFixedHeight(4)
        theme.changed.connect(self.update)

    def show_step(self, number: int) -> None:
        self._number = number
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room, gap = self.width(), 6
        width = (room - gap * (self._count - 1)) / self._count
        for number in range(self._count):
            colour = self._theme.colours.accent if number <= self._number else self._theme.colours.line
            painter.setBrush(QColor(colour))
            painter.drawRoundedRect(int(number * (width + gap)), 0, int(width), 4, 2, 2)
        painter.end()
