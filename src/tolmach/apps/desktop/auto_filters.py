"""What of the history is looked for: a patient in any letters, a time, a state, a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from PySide6.QtCore import QSignalBlocker, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.auto_rows import KINDS
from tolmach.apps.desktop.panels import WrapBox, bind_tip, group, shortcut, text_label
from tolmach.apps.desktop.words import Words
from tolmach.apps.overseeing import Wanted
from tolmach.base import N_

_SEARCH_MILLISECONDS = 300
_LONGEST_SEARCH = 256
_CHOSEN = "chosen"
PERIODS = (
    ("", N_("Any time")),
    ("1", N_("Last 24 hours")),
    ("7", N_("Last 7 days")),
    ("30", N_("Last 30 days")),
    (_CHOSEN, N_("Chosen days")),
)


def day_of(text: str) -> date | None:
    """Understand a day as people write it here: 2026-11-22 or 22.11.2026; None where it is none."""
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    return None


def beginning_of(day: date) -> datetime | None:
    """Give when a day begins on this machine; None for a day no clock here can show."""
    try:
        return datetime.combine(day, time()).astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        return None


class Filters(QWidget):
    """Fields; `changed` gives what is looked for, a moment after it was typed."""

    changed = Signal(Wanted)

    def __init__(self, words: Words, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Look for everything."""
        super().__init__()
        self._words, self._now = words, now
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.setMaxLength(_LONGEST_SEARCH)
        self.search.setFixedWidth(38 * self.fontMetrics().averageCharWidth())
        words.bind(self.search.setPlaceholderText, N_("Patient: name in any letters, or ID"))
        words.bind(self.search.setAccessibleName, N_("Patient: name in any letters, or ID"))
        self.period, self.kind, self.watch = QComboBox(), QComboBox(), QComboBox()
        for box, parts in ((self.period, PERIODS), (self.kind, KINDS)):
            for key, _text in parts:
                box.addItem("", key)
        self.watch.addItem("", "")
        for box, about in (
            (self.period, N_("When it came")),
            (self.kind, N_("How it stands")),
            (self.watch, N_("Which folder brought it")),
        ):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            bind_tip(words, box, about)
        self.first, self.last = QLineEdit(), QLineEdit()
        for field, about in ((self.first, N_("From this day on")), (self.last, N_("Up to this day"))):
            field.setMaxLength(10)
            field.setPlaceholderText("2026-11-22")
            field.setFixedWidth(field.fontMetrics().horizontalAdvance("2026-11-22") + 34)
            bind_tip(words, field, about)
        self.days = group(self.first, text_label("–"), self.last, spacing=6)
        self.days.hide()
        self.bar = WrapBox([group(self.search), group(self.period, self.days), self.kind, self.watch])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.bar)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SEARCH_MILLISECONDS)
        self._soon.timeout.connect(self._tell)
        self._wanted = Wanted()
        self._connect()
        self._say()

    def _connect(self) -> None:
        for field in (self.search, self.first, self.last):
            field.textChanged.connect(lambda *_: self._soon.start())
            field.returnPressed.connect(self._tell)
        for box in (self.period, self.kind, self.watch):
            box.currentIndexChanged.connect(self._tell)
        shortcut(self, "Ctrl+F", self._seek)
        self._words.changed.connect(self._say)

    @property
    def wanted(self) -> Wanted:
        """What is looked for."""
        return self._wanted

    def name_watches(self, names: Sequence[str]) -> None:
        """Offer these folders; the chosen one stays where it is still among them."""
        if names == [self.watch.itemData(at) for at in range(1, self.watch.count())]:
            return
        chosen = self.watch.currentData()
        with QSignalBlocker(self.watch):
            while self.watch.count() > 1:
                self.watch.removeItem(1)
            for name in names:
                self.watch.addItem(shown.plain(name, 40), name)
            self.watch.setCurrentIndex(max(0, self.watch.findData(chosen)))
        self.watch.setVisible(bool(names))
        self.bar.arrange()
        self._tell()

    def choose_watch(self, name: str) -> None:
        """Look for everything that one folder brought."""
        self.search.clear()
        for box in (self.period, self.kind):
            with QSignalBlocker(box):
                box.setCurrentIndex(0)
        with QSignalBlocker(self.watch):
            self.watch.setCurrentIndex(max(0, self.watch.findData(name)))
        self._tell()

    def clear(self) -> None:
        """Look for everything."""
        self.choose_watch("")

    def _seek(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _tell(self) -> None:
        self._soon.stop()
        period = str(self.period.currentData())
        self.days.setVisible(period == _CHOSEN)
        self.bar.arrange()
        since, until = self._chosen_days() if period == _CHOSEN else (None, None)
        if period.isdecimal():
            since = self._now() - timedelta(days=int(period))
        wanted = Wanted(
            self.search.text().strip(), since, until, str(self.kind.currentData()), str(self.watch.currentData())
        )
        if wanted != self._wanted:
            self._wanted = wanted
            self.changed.emit(wanted)

    def _chosen_days(self) -> tuple[datetime | None, datetime | None]:
        found: list[datetime | None] = []
        for field, more in ((self.first, 0), (self.last, 1)):
            day = day_of(field.text())
            at = None if day is None or day.year > 9000 else beginning_of(day + timedelta(days=more))
            is_wrong = bool(field.text().strip()) and at is None
            field.setProperty("wrong", "true" if is_wrong else "")
            field.style().unpolish(field)
            field.style().polish(field)
            found.append(at)
        return found[0], found[1]

    def _say(self) -> None:
        say = self._words.gettext
        for box, parts in ((self.period, PERIODS), (self.kind, KINDS)):
            for place, (_key, text) in enumerate(parts):
                box.setItemText(place, say(text))
        self.watch.setItemText(0, say(N_("All sources")))
        self.bar.arrange()
