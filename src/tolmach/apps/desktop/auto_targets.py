"""Where lines wait for: one row for each destination, with how many, how old the oldest is, and what is wrong there."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from tolmach.apps.desktop import shown
from tolmach.apps.desktop.auto_rows import AGE_TONES, Target, moment
from tolmach.apps.desktop.drawing import icon
from tolmach.apps.desktop.rows import Tone
from tolmach.apps.desktop.theme import Theme, colour
from tolmach.apps.desktop.words import Words
from tolmach.apps.findings import DAY, HOUR, age
from tolmach.base import N_
from tolmach.delivery.backoff import AgeClass

_HEADINGS = (
    N_("Destination"),
    N_("Waiting"),
    N_("Held"),
    N_("Quarantine"),
    N_("Oldest"),
    N_("Trouble there"),
)
_NAME_ROLE = int(Qt.ItemDataRole.UserRole)
_MOST_SEEN = 5
_ALL = "\0all"  # no destination is named so


class TargetTable(QTableWidget):
    """Destinations; `chosen` gives the name of one, or None for all."""

    chosen = Signal(object)

    def __init__(self, words: Words, theme: Theme) -> None:
        """Show all destinations as one, and nothing else yet."""
        super().__init__(0, len(_HEADINGS))
        self._words, self._theme = words, theme
        self._targets: Sequence[Target] = ()
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 12)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column in range(len(_HEADINGS) - 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        words.bind(self.setAccessibleName, N_("Destinations"))
        self.itemSelectionChanged.connect(lambda: self.chosen.emit(self.name()))
        words.changed.connect(self._fill)
        theme.changed.connect(self._fill)
        self._fill()

    def name(self) -> str | None:
        """Give the name of the destination that is chosen; None for all of them."""
        items = self.selectedItems()
        chosen = str(items[0].data(_NAME_ROLE)) if items else _ALL
        return None if chosen == _ALL else chosen

    def show_targets(self, targets: Sequence[Target]) -> None:
        """Show the destinations; the chosen one stays."""
        self._targets = targets
        self._fill()

    def _fill(self) -> None:
        kept, had = self.name(), self.rowCount() > 0
        rows = [self._all(), *(self._cells(one) for one in self._targets)]
        names = [_ALL, *(one.ages.destination for one in self._targets)]
        with QSignalBlocker(self):
            self.setHorizontalHeaderLabels([self._words.gettext(one) for one in _HEADINGS])
            self.setRowCount(len(rows))
            for place, (name, (cells, tone, about)) in enumerate(zip(names, rows, strict=True)):
                for column, text in enumerate(cells):
                    self._put(place, column, text, name, tone, about)
            wanted = _ALL if kept is None else kept
            self.selectRow(names.index(wanted) if wanted in names else 0)
        self._fit()
        if had and kept is not None and kept not in names:
            self.chosen.emit(None)

    def _put(self, place: int, column: int, text: str, name: str, tone: Tone, about: str) -> None:
        item = self.item(place, column) or QTableWidgetItem()
        item.setText(text)
        item.setData(_NAME_ROLE, name)
        item.setToolTip(shown.tip(about or text))
        if column == 0:
            item.setIcon(icon(tone, self._theme.colours.of(tone), "", self._theme.colours.on_selection))
        is_told = tone in ("bad", "doubt") and column in (4, 5)
        item.setForeground(colour(self._theme.colours.of(tone) if is_told else self._theme.colours.text))
        if self.item(place, column) is None:
            self.setItem(place, column, item)

    def _cells(self, one: Target) -> tuple[tuple[str, ...], Tone, str]:
        say, ages = self._words.gettext, one.ages
        kind: AgeClass = "overdue" if ages.over_day else "old" if ages.over_hour else "fresh"
        tone: Tone = AGE_TONES[kind]
        if tone == "plain" and (ages.held or ages.quarantined or one.trouble is not None):
            tone = "doubt"
        name = shown.plain(ages.destination, 64) or say(N_("(quarantine)"))
        oldest = self._words.phrase(age(ages.oldest_seconds)) if ages.queued else ""
        trouble = about = ""
        if one.trouble is not None:
            trouble, about = self._words.phrase(one.trouble.what), self._words.sentence(one.trouble)
            if one.retry_at is not None:
                about += "\n" + say(N_("next attempt {when}"), when=moment(one.retry_at))
        return (name, *_numbers(ages.queued, ages.held, ages.quarantined), oldest, trouble), tone, about

    def _all(self) -> tuple[tuple[str, ...], Tone, str]:
        ages = [one.ages for one in self._targets]
        oldest = max((one.oldest_seconds for one in ages if one.queued), default=None)
        numbers = _numbers(
            sum(one.queued for one in ages), sum(one.held for one in ages), sum(one.quarantined for one in ages)
        )
        told = "" if oldest is None else self._words.phrase(age(oldest))
        tone: Tone = "plain" if oldest is None or oldest < HOUR else "doubt" if oldest < DAY else "bad"
        return (self._words.gettext(N_("All destinations")), *numbers, told, ""), tone, ""

    def _fit(self) -> None:
        rows = min(max(self.rowCount(), 2), _MOST_SEEN)
        height = self.horizontalHeader().sizeHint().height() + rows * self.verticalHeader().defaultSectionSize() + 4
        self.setFixedHeight(height)


def _numbers(*counts: int) -> tuple[str, ...]:
    return tuple(str(one) if one else "–" for one in counts)
