"""The fifth page: a test before it is earnest. It may be passed over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.drawing import picture
from tolmach.apps.desktop.errand import Errand, IsWanted, Say
from tolmach.apps.desktop.panels import panel, put_tone, text_label
from tolmach.apps.desktop.rows import Tone
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.wizard_course import Course
from tolmach.apps.desktop.wizard_page import WizardPage
from tolmach.apps.desktop.wizard_sending import Kind, Trial, try_echo, try_image
from tolmach.apps.desktop.words import Words
from tolmach.apps.reports import printable
from tolmach.apps.sections import PeerSettings, Settings
from tolmach.base import N_


class TrialPage(WizardPage):
    """Lets a person try the destination with Echo and with one image."""

    title = N_("Test")
    about = N_("Try the destination out before real work begins. You may also go on without a test.")

    def __init__(self, course: Course) -> None:
        """Have tried nothing yet."""
        super().__init__(course)
        words = self.words
        self.peer, self.file = QComboBox(), QComboBox()
        for box in (self.peer, self.file):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(16)
        self.echo, self.send = QPushButton(), QPushButton()
        words.bind(self.echo.setText, N_("&Echo"))
        words.bind(self.send.setText, N_("&Send this image"))
        self.results = {
            "echo": _Result(words, self.theme, N_("Does it answer?")),
            "image": _Result(words, self.theme, N_("Does it take an image?")),
        }
        self.note = text_label("", "muted", wraps=True)
        self._arrange()
        self._running: set[Kind] = set()
        self._errands: dict[Kind, Errand[Trial]] = {"echo": Errand(self._take, self), "image": Errand(self._take, self)}
        self.echo.clicked.connect(self.try_echo)
        self.send.clicked.connect(self.try_image)
        self.peer.currentIndexChanged.connect(self._begin_anew)

    def _arrange(self) -> None:
        frame, inside = panel()
        inside.setContentsMargins(16, 14, 16, 14)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(1, 1)
        for row, (msgid, box, button) in enumerate(
            ((N_("Destination"), self.peer, self.echo), (N_("Image"), self.file, self.send))
        ):
            label = text_label()
            self.words.bind(label.setText, msgid)
            label.setBuddy(box)
            grid.addWidget(label, 2 * row, 0)
            grid.addWidget(box, 2 * row, 1)
            grid.addWidget(button, 2 * row, 2)
        grid.addWidget(self.results["echo"], 1, 1, 1, 2)
        grid.addWidget(self.results["image"], 3, 1, 1, 2)
        inside.addLayout(grid)
        self.column.addWidget(frame)
        self.column.addWidget(self.note)
        self.column.addStretch(1)

    def enter(self) -> None:
        """Offer the destinations of the watch, and the samples."""
        names = self.course.watch.get("to") or []
        chosen = self.chosen
        self.peer.blockSignals(True)
        self.peer.clear()
        for one in (self.course.peer_named(name) for name in names):
            if one is not None and one.kind == "dicom":
                self.peer.addItem(shown.label(f"{one.name}   {one.ae_title}@{one.host}:{one.port}"), one.name)
        if chosen is not None:
            self.peer.setCurrentIndex(max(0, self.peer.findData(chosen.name)))
        self.peer.blockSignals(False)
        self.file.clear()
        for path in () if self.course.sampled is None else self.course.sampled.files:
            self.file.addItem(shown.plain(printable(path.name), 120), str(path))
        if self.chosen != chosen:
            self._begin_anew()
        self.say()

    @property
    def chosen(self) -> PeerSettings | None:
        """The destination that is tried."""
        name = self.peer.currentData()
        return None if name is None else self.course.peer_named(str(name))

    def _begin_anew(self) -> None:
        for errand in self._errands.values():
            errand.drop()
        self._running.clear()
        for result in self.results.values():
            result.show_trial(None)
        self.say()

    def say(self) -> None:
        """Say what can be tried."""
        say, peer = self.words.gettext, self.chosen
        self.echo.setEnabled(peer is not None and "echo" not in self._running)
        self.send.setEnabled(peer is not None and self.file.count() > 0 and "image" not in self._running)
        self.file.setEnabled(self.file.count() > 0)
        if peer is None:
            text = say(N_("No DICOM destination is chosen, so there is nothing to try. Go on."))
        elif not self.file.count():
            text = say(N_("There is no sample that could be sent; Echo can be tried all the same."))
        else:
            text = say(N_("The image really goes to the archive, repaired as the settings say. Choose one that may."))
        self.note.setText(text)
        for result in self.results.values():
            result.say()

    def try_echo(self) -> None:
        """Ask whether the destination answers."""
        self._begin("echo", try_echo)

    def try_image(self) -> None:
        """Send the chosen image."""
        judged, file = self.course.judged, Path(str(self.file.currentData()))
        if judged is None or judged.watch is None:
            return
        watch, configuration = judged.watch.name, self.course.file

        def send(peer: PeerSettings, settings: Settings, title: str) -> Trial:
            return try_image(file, peer, settings, watch, title, configuration)

        self._begin("image", send)

    def _begin(self, kind: Kind, does: Callable[[PeerSettings, Settings, str], Trial]) -> None:
        peer, judged = self.chosen, self.course.judged
        if peer is None or judged is None or judged.settings is None:
            return
        settings, title = judged.settings, judged.settings.dicom.ae_title
        self._running.add(kind)
        self.results[kind].wait()
        self.say()

        def work(tell: Say[Trial], _is_wanted: IsWanted) -> None:
            tell(does(peer, settings, title))

        self._errands[kind].begin(work, f"trial {kind}")

    def _take(self, trial: Trial) -> None:
        self._running.discard(trial.kind)
        self.results[trial.kind].show_trial(trial)
        self.say()

    def close_down(self) -> None:
        """Listen to no answer any more."""
        for errand in self._errands.values():
            errand.drop()


class _Result(QWidget):
    """What came of one try: green or red, in words, with what to do."""

    def __init__(self, words: Words, theme: Theme, question: str) -> None:
        super().__init__()
        self._words, self._theme, self._question = words, theme, question
        self.trial: Trial | None = None
        self._is_waiting = False
        self._sign: QLabel = text_label()
        self._sign.setFixedWidth(22)
        self.head, self.rest = text_label("", wraps=True), text_label("", wraps=True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 6)
        layout.setSpacing(8)
        texts = QGridLayout()
        texts.setVerticalSpacing(2)
        texts.addWidget(self.head, 0, 0)
        texts.addWidget(self.rest, 1, 0)
        layout.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(texts, 1)
        theme.changed.connect(self.say)
        self.say()

    def wait(self) -> None:
        """Show that the answer is waited for."""
        self.trial, self._is_waiting = None, True
        self.say()

    def show_trial(self, trial: Trial | None) -> None:
        """Show an answer, or that nothing was tried."""
        self.trial, self._is_waiting = trial, False
        self.say()

    def say(self) -> None:
        """Say it in the language and the colours of now."""
        head, rest, tone = self._said()
        self.head.setText(head)
        self.rest.setText(rest)
        self.rest.setVisible(bool(rest))
        put_tone(self.head, "" if tone in ("plain", "busy") else tone)
        self.head.setObjectName("" if self.trial is not None else "muted")
        self._sign.setPixmap(picture(tone, self._theme.colours.of(tone), 18))

    def _said(self) -> tuple[str, str, Tone]:
        say, trial = self._words.gettext, self.trial
        if self._is_waiting:
            return say(N_("Asking…")), "", "busy"
        if trial is None:
            return say(self._question), "", "plain"
        if trial.problem is not None:
            what, todo = self._words.phrase(trial.problem.what), self._words.advice(trial.problem)
            return f"{trial.problem.code}: {what}", todo, "bad"
        remarks = " ".join(self._words.phrase(one.what) for one in trial.remarks)
        if trial.kind == "echo":
            return (
                say(N_("It answers, {milliseconds} ms."), milliseconds=shown.milliseconds(trial.seconds)),
                remarks,
                "good",
            )
        return say(N_("It has taken the image (status {status})."), status=trial.response), remarks, "good"
