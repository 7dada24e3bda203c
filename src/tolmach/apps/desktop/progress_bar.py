"""The bottom of the Send view: what stands on the list, how far the work is, and the buttons that begin and end it."""

from __future__ import annotations

from collections import Counter

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.desk import Desk
from tolmach.apps.desktop.drawing import icon
from tolmach.apps.desktop.in_hand import Progress
from tolmach.apps.desktop.panels import ElidedLabel, ToolButton
from tolmach.apps.desktop.theme import Theme
from tolmach.apps.desktop.words import Words
from tolmach.base import N_

_STATES = (("SENT", N_("sent {count}")), ("FAILED", N_("not sent {count}")), ("HELD", N_("held back {count}")))


class ProgressBar(QWidget):
    """Counts, progress, Send, Stop, Retry."""

    def __init__(self, desk: Desk, words: Words, theme: Theme) -> None:
        """Show that nothing is going on."""
        super().__init__()
        self._desk, self._words, self._theme = desk, words, theme
        self._progress: Progress | None = None
        self._counts: Counter[str] = Counter()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setSizePolicy(self.bar.sizePolicy().horizontalPolicy(), self.bar.sizePolicy().verticalPolicy())
        self.text = ElidedLabel()
        self.retry = ToolButton(
            words, theme, "retry", N_("Retry &failed"), N_("Send again what was not sent"), "Ctrl+R"
        )
        self.stop = ToolButton(words, theme, "stop", N_("Sto&p"), N_("Stop after the file in hand"), "Esc")
        self.send = QPushButton()
        self.send.setObjectName("primary")
        self.send.setShortcut("Ctrl+Return")
        self.send.setMinimumWidth(150)
        left = QVBoxLayout()
        left.setSpacing(4)
        left.addWidget(self.text)
        left.addWidget(self.bar)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(left, 1)
        for one in (self.retry, self.stop, self.send):
            layout.addWidget(one)
        self.send.clicked.connect(lambda: desk.send(desk.unsent()))
        self.retry.clicked.connect(lambda: desk.send(desk.failed()))
        self.stop.clicked.connect(desk.stop)
        desk.progressed.connect(self._show_progress)
        desk.ended.connect(self._end)
        words.changed.connect(lambda: self.count(self._counts))
        theme.changed.connect(self._draw)
        self._draw()

    def _draw(self) -> None:
        self.send.setIcon(icon("send", self._theme.colours.on_accent, self._theme.colours.faint))

    def count(self, counts: Counter[str]) -> None:
        """Show how many files there are in each state, and which buttons do something now."""
        self._counts = counts
        desk = self._desk
        unsent = counts["to-send"]
        text = self._words.ngettext("&Send {count} file", "&Send {count} files", unsent) if unsent else (
            self._words.gettext(N_("&Send")))  # fmt: skip
        self.send.setText(f" {text}")
        self.send.setShortcut("Ctrl+Return")
        self.send.setToolTip(
            shown.tip(self._words.gettext(N_("Send everything that is not sent yet")) + "\nCtrl+Enter")
        )
        self.send.setEnabled(bool(unsent) and not desk.is_working)
        self.retry.setEnabled(bool(counts["FAILED"] + counts["HELD"]) and not desk.is_working)
        self.stop.setEnabled(desk.is_working and not desk.is_stopping)
        self.bar.setVisible(desk.is_working or desk.is_reading)
        self._say()

    def _show_progress(self, progress: Progress) -> None:
        self._progress = progress
        self._say()

    def _end(self, *_: object) -> None:
        self._progress = None
        self._say()

    def _say(self) -> None:
        say, counts = self._words.gettext, self._counts
        if self._desk.is_stopping:
            self.bar.setRange(0, 0)
            self.text.setText(say(N_("Stopping: waiting for the destination’s answer to the file in hand…")))
        elif self._desk.is_working and self._progress is not None:
            progress = self._progress
            self.bar.setRange(0, progress.total)
            self.bar.setValue(progress.done)
            self.text.setText(self._how_far(progress))
        elif self._desk.is_reading:
            self.bar.setRange(0, counts["all"])
            self.bar.setValue(counts["all"] - counts["READING"])
            done, total = counts["all"] - counts["READING"], counts["all"]
            self.text.setText(say(N_("Reading: {done} of {total}"), done=done, total=total))
        else:
            self.text.setText(self._sum())

    def _how_far(self, progress: Progress) -> str:
        parts = [self._words.gettext(N_("{done} of {total}"), done=progress.done, total=progress.total)]
        if progress.rate:
            parts.append(self._words.gettext(N_("{rate} files/s"), rate=f"{progress.rate:.3g}"))
        if progress.left is not None and progress.done < progress.total:
            parts.append(self._words.gettext(N_("{time} left"), time=shown.duration(progress.left)))
        if progress.done > progress.good:
            parts.append(self._words.gettext(_STATES[1][1], count=progress.done - progress.good))
        return "   ·   ".join(parts)

    def _sum(self) -> str:
        counts = self._counts + Counter(SENT=self._counts["REMARKS"])
        if not counts["all"]:
            return ""
        parts = [self._words.ngettext("{count} file", "{count} files", counts["all"])]
        parts += [self._words.gettext(text, count=counts[state]) for state, text in _STATES if counts[state]]
        return "   ·   ".join(parts)
