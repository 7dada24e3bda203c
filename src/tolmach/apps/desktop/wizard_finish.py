"""The last page: first in shadow or live at once, what will be written where, and the writing itself."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QRadioButton

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.panels import Banner, bind_tip, panel, put_tone, text_label
from tolmach.apps.desktop.wizard_course import Course, Written
from tolmach.apps.desktop.wizard_page import WizardPage
from tolmach.apps.reports import printable
from tolmach.base import N_

_SHADOW = N_(
    "Images are taken, examined and repaired, but not sent. You see what would be done, and let the folder go live in"
    " one step; what was held goes then too."
)
_ELSEWHERE = N_(
    "Another tolmach, such as the service, works with the data folder. Let it read its configuration anew afterwards;"
    " only then it watches this folder."
)
_LIVE = N_("From now on every new image is sent by itself. What is in the folder already goes too.")


class FinishPage(WizardPage):
    """Asks how to begin, and shows the text that comes into the configuration."""

    title = N_("Begin")
    about = N_("Nothing has been written so far. “Add folder” writes it and begins at once.")

    def __init__(self, course: Course) -> None:
        """Propose to begin in shadow."""
        super().__init__(course)
        words = self.words
        self.shadow, self.live = QRadioButton(), QRadioButton()
        self.shadow.setChecked(True)
        words.bind(self.shadow.setText, N_("First in &shadow mode (recommended)"))
        words.bind(self.live.setText, N_("&Live at once"))
        self.summary, self.elsewhere = text_label("", wraps=True), text_label("", wraps=True)
        put_tone(self.elsewhere, "doubt")
        self.text = QPlainTextEdit()
        self.text.setObjectName("log")
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(True)
        words.bind(self.text.setAccessibleName, N_("What is written"))
        self.copy = QPushButton()
        words.bind(self.copy.setText, N_("&Copy text"))
        bind_tip(words, self.copy, N_("Copy what would be written, to insert it yourself"))
        self.where = text_label("", "muted", wraps=True)
        self.banner = Banner(words, self.theme)
        self._arrange()
        self.shadow.toggled.connect(self._decide)
        self.copy.clicked.connect(self._copy)
        course.judged_anew.connect(self.say)
        course.judged_anew.connect(self.changed)
        course.written.connect(self._tell)

    def _arrange(self) -> None:
        frame, inside = panel()
        inside.setContentsMargins(16, 12, 16, 12)
        inside.setSpacing(4)
        for button, msgid in ((self.shadow, _SHADOW), (self.live, _LIVE)):
            about = text_label("", "muted", wraps=True)
            about.setContentsMargins(26, 0, 0, 6)
            self.words.bind(about.setText, msgid)
            inside.addWidget(button)
            inside.addWidget(about)
        inside.addWidget(self.summary)
        inside.addWidget(self.elsewhere)
        self.column.addWidget(frame)
        self.column.addWidget(self.banner)
        text_frame, text_inside = panel()
        text_inside.setContentsMargins(10, 8, 4, 4)
        text_inside.addWidget(self.text)
        self.text.setMinimumHeight(96)
        self.column.addWidget(text_frame, 1)
        row = QHBoxLayout()
        row.addWidget(self.where, 1)
        row.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignTop)
        self.column.addLayout(row)

    @property
    def may_go_on(self) -> bool:
        """Whether it may be written."""
        return self.course.is_right and not self.course.is_writing

    def enter(self) -> None:
        """Show what would be written now."""
        chosen = self.shadow if self.course.shadow else self.live
        chosen.setChecked(True)
        self.banner.hide()
        self.course.judge_soon()
        self.say()

    def _decide(self, is_shadow: bool) -> None:
        self.course.shadow = is_shadow
        self.course.judge_soon()
        self.changed.emit()

    def say(self) -> None:
        """Show the text, and what it means, in the language of now."""
        say, judged, course = self.words.gettext, self.course.judged, self.course
        if judged is None:
            return
        if judged.text and self.text.toPlainText() != judged.text:
            self.text.setPlainText(judged.text)
        self.copy.setEnabled(bool(judged.text))
        is_new = judged.original.raw is None
        where = say(N_("It comes into a new file: {file}") if is_new else N_("It is added at the end of {file}"),
                    file=printable(course.file))  # fmt: skip
        kept = "" if is_new else say(N_("What stands there stays; the file as it is now is kept beside it as .bak."))
        self.where.setText(shown.plain(f"{where}. {kept}", 1000))
        self.summary.setText(self._summary())
        self.elsewhere.setText(say(_ELSEWHERE))
        self.elsewhere.setVisible(course.agent.state.kind == "elsewhere")
        if judged.problem is not None:
            self.banner.tell(judged.problem, can_close=False)

    def _summary(self) -> str:
        say, watch = self.words.gettext, self.course.watch
        to = [*(watch.get("to") or ())]
        if watch.get("export_folder"):
            to.append(printable(watch["export_folder"]))
        goes = ", ".join(shown.plain(str(one), 60) for one in to) or say(N_("stays here, in the archive of tolmach"))
        lines = [
            say(N_("From: {folder}"), folder=shown.plain(printable(self.course.folder), 300)),
            say(N_("To: {destinations}"), destinations=goes),
        ]
        if watch.get("after") == "delete":
            lines.append(say(N_("Files are deleted from the folder once every destination has confirmed them.")))
        elif watch.get("after") == "move":
            lines.append(say(N_("Files are moved out of the folder once every destination has confirmed them.")))
        return "\n".join(lines)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())

    def _tell(self, written: Written) -> None:
        if written.problem is not None:
            self.banner.tell(written.problem, can_close=False)
            self.copy.setFocus()
        self.changed.emit()
