"""The second page: sample files are read, and only read, so that the machine can be known by what it writes."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QProgressBar, QPushButton, QSpinBox

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.errand import Errand, IsWanted, Say
from tolmach.apps.desktop.panels import Banner, bind_tip, panel, text_label
from tolmach.apps.desktop.wizard_course import Course
from tolmach.apps.desktop.wizard_page import WizardPage
from tolmach.apps.desktop.wizard_samples import MOST_SAMPLES, USUAL_SAMPLES, Progress, Sampled, take_samples
from tolmach.apps.reports import printable
from tolmach.base import N_, Problem


class SamplesPage(WizardPage):
    """Reads samples, of the chosen folder or of another one."""

    title = N_("Sample files")
    about = N_("Some files are read to see what the machine writes. Nothing in them is changed, nothing is sent.")

    def __init__(self, course: Course) -> None:
        """Have read nothing yet."""
        super().__init__(course)
        words = self.words
        self.most = QSpinBox()
        self.most.setRange(1, MOST_SAMPLES)
        self.most.setValue(USUAL_SAMPLES)
        bind_tip(words, self.most, N_("Ten files of different patients are enough; they are taken evenly from all"))
        self.read, self.stop, self.other = QPushButton(), QPushButton(), QPushButton()
        words.bind(self.read.setText, N_("&Read again"))
        words.bind(self.stop.setText, N_("&Enough"))
        words.bind(self.other.setText, N_("Take samples from another &folder…"))
        bind_tip(words, self.stop, N_("Stop reading and go on with what was read"))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.state, self.where = text_label("", "heading", wraps=True), text_label("", "muted", wraps=True)
        self.rejected = text_label("", wraps=True)
        self.banner = Banner(words, self.theme)
        self._arrange()
        self._progress: Progress | None = None
        self._folder: Path | None = None  # that is being read, or was read last
        self._of: Path | None = None  # the chosen folder that was for
        self._is_enough = threading.Event()
        self.is_reading = False
        self._reading: Errand[Progress | Sampled] = Errand(self._heard, self)
        self.read.clicked.connect(lambda: self.begin(self._folder or self.course.folder))
        self.stop.clicked.connect(self._enough)
        self.other.clicked.connect(self._choose)

    def _arrange(self) -> None:
        most = text_label()
        self.words.bind(most.setText, N_("Files at most"))
        most.setBuddy(self.most)
        row = QHBoxLayout()
        row.setSpacing(8)
        for one in (most, self.most, self.read, self.stop):
            row.addWidget(one)
        row.addStretch(1)
        frame, inside = panel()
        inside.setContentsMargins(16, 14, 16, 14)
        inside.setSpacing(10)
        inside.addWidget(self.state)
        inside.addWidget(self.bar)
        inside.addWidget(self.where)
        inside.addWidget(self.rejected)
        inside.addLayout(row)
        self.column.addWidget(frame)
        self.column.addWidget(self.banner)
        other = QHBoxLayout()
        other.addWidget(self.other)
        other.addStretch(1)
        self.column.addLayout(other)
        self.column.addStretch(1)

    @property
    def may_go_on(self) -> bool:
        """Whether the reading is over, whatever came of it: without samples the settings are the usual ones."""
        return not self.is_reading

    def enter(self) -> None:
        """Read the samples of a folder that was not read yet."""
        if self._of != self.course.folder:
            self._of = self.course.folder
            self.begin(self.course.folder)
        self.say()

    def begin(self, folder: Path) -> None:
        """Read samples of a folder; what was read before is forgotten."""
        self._folder, self.is_reading, self._progress = folder, True, None
        self._is_enough = enough = threading.Event()
        self.course.take_samples(None)
        most, today = self.most.value(), datetime.now().astimezone().date()

        def work(say: Say[Progress | Sampled], is_wanted: IsWanted) -> None:
            take_samples(folder, most, today, say, is_wanted, enough.is_set)

        self._reading.begin(work, "samples")
        self.say()
        self.changed.emit()

    def _enough(self) -> None:
        self._is_enough.set()
        self.stop.setEnabled(False)

    def _choose(self) -> None:
        begin = str(self._folder or self.course.folder)
        name = QFileDialog.getExistingDirectory(self, self.words.gettext(N_("Choose a folder of samples")), begin)
        if name:
            self.begin(Path(name))

    def _heard(self, message: Progress | Sampled) -> None:
        if isinstance(message, Progress):
            self._progress = message
            self.say()
            return
        self.is_reading = False
        self.course.take_samples(message)
        self.say()
        self.changed.emit()
        if message.usable and not message.is_stopped and message.problem is None:
            self.done.emit()

    def say(self) -> None:
        """Show how far it is, or what came of it."""
        say, sampled = self.words.gettext, self.course.sampled
        self.where.setText(shown.plain(printable(self._folder), 300) if self._folder is not None else "")
        self.read.setEnabled(not self.is_reading)
        self.stop.setEnabled(self.is_reading and not self._is_enough.is_set())
        self._say_progress()
        if self.is_reading or sampled is None:
            self.rejected.setText("")
            self.banner.hide()
            return
        count = sampled.usable
        if count:
            self.state.setText(self.words.ngettext("{count} file was read.", "{count} files were read.", count))
        elif sampled.is_stopped:
            self.state.setText(say(N_("Reading was ended before anything was read.")))
        else:
            self.state.setText(say(N_("No readable DICOM file was found.")))
        self._say_rejected(sampled)
        if sampled.problem is not None:
            self.banner.tell(sampled.problem, "doubt", can_close=False)
        elif not count:
            about = N_("You can go on: the settings are then the usual ones. Or take samples from another folder.")
            self.banner.say(say(N_("Without samples nothing is known of the machine.")), say(about), "doubt",
                            can_close=False)  # fmt: skip
        else:
            self.banner.hide()

    def _say_progress(self) -> None:
        progress = self._progress
        self.bar.setVisible(self.is_reading)
        if not self.is_reading:
            return
        total = 0 if progress is None else progress.total
        self.bar.setRange(0, total)
        self.bar.setValue(0 if progress is None else progress.read)
        text = self.words.gettext(N_("Files are being looked for…"))
        if progress is not None and total:
            text = self.words.gettext(N_("Reading: {read} of {total}"), read=progress.read, total=total)
        self.state.setText(text)

    def _say_rejected(self, sampled: Sampled) -> None:
        verdicts = sampled.rejected.verdicts
        parts = []
        if verdicts["not-dicom"]:
            parts.append(self.words.gettext(N_("Not DICOM: {count}."), count=verdicts["not-dicom"]))
        if verdicts["unreadable"]:
            parts.append(self.words.gettext(N_("Damaged or unreadable: {count}."), count=verdicts["unreadable"]))
        parts += [self._named(name, problem) for name, problem in sampled.rejected.named[:3]]
        self.rejected.setText("\n".join(parts))
        self.rejected.setVisible(bool(parts))

    def _named(self, name: str, problem: Problem) -> str:
        return f"{shown.plain(name, 120)}: {self.words.phrase(problem.what)}"

    def close_down(self) -> None:
        """Read no further."""
        self._reading.drop()
