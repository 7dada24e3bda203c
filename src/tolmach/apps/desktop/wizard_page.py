"""What every page of the wizard is: a title, a line about it, something in the middle, and whether one may go on."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from tolmach.apps.desktop.wizard_course import Course


class WizardPage(QWidget):
    """One page. `changed` tells that `may_go_on` may have changed, `done` that the next page may come by itself."""

    changed = Signal()
    done = Signal()
    title = ""
    about = ""

    def __init__(self, course: Course) -> None:
        """Show nothing yet."""
        super().__init__()
        self.course, self.words, self.theme = course, course.words, course.theme
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(10)
        self.words.changed.connect(self.say)

    @property
    def may_go_on(self) -> bool:
        """Whether the next page may come."""
        return True

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to show; a page that is not needed is passed over."""
        return True

    def enter(self) -> None:
        """Be shown: take up what the pages before have found."""

    def leave(self) -> None:
        """Be left, forwards or backwards."""

    def say(self) -> None:
        """Say what does not follow the language by itself."""

    def close_down(self) -> None:
        """Want nothing more of any thread."""
