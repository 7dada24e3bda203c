"""The third page: the passport of the machine, the faults first. Every value out of a file is shown as text."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import Any

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QTextBrowser

from tolmach.apps.cli.terminal import visible
from tolmach.apps.desktop import shown
from tolmach.apps.desktop.panels import Banner, text_label
from tolmach.apps.desktop.theme import Colours
from tolmach.apps.desktop.wizard_course import Course
from tolmach.apps.desktop.wizard_page import WizardPage
from tolmach.apps.desktop.words import Words
from tolmach.apps.passport_page import STEPS
from tolmach.apps.passport_sections import Cell, Row, Table, name_of, tables_of
from tolmach.base import N_, Phrase
from tolmach.journeys.passport import DevicePassport
from tolmach.journeys.proposal import damaged_of, next_steps

# What the wizard does itself is no step any more.
DONE_HERE = (
    N_("Put the proposed profile and watch into tolmach.toml, name the destination, and run: tolmach config check"),
    N_("Let it run in shadow for a day, look at what would have been changed, then take shadow away."),
)
_WIDEST = 160  # characters of a cell
_SIGNS = {"wrong": "✗ ", "look": "! ", "": ""}


class PassportPage(WizardPage):
    """Shows what the samples tell, for one machine after another."""

    title = N_("What the machine writes")
    about = N_("This is its passport, from the sample files. What must be mended stands in red, with ✗.")

    def __init__(self, course: Course) -> None:
        """Show nothing yet."""
        super().__init__(course)
        self.devices = QComboBox()
        self.devices.currentIndexChanged.connect(self._choose)
        self._label = text_label("", "muted")
        self.words.bind(self._label.setText, N_("Machine"))
        self._label.setBuddy(self.devices)
        self.banner = Banner(self.words, self.theme)
        self.text = _Reader()
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._label)
        row.addWidget(self.devices, 1)
        self.column.addLayout(row)
        self.column.addWidget(self.banner)
        self.column.addWidget(self.text, 1)
        self.theme.changed.connect(self.say)

    @property
    def is_needed(self) -> bool:
        """Whether there is a passport at all."""
        return self.course.usable_samples > 0

    @property
    def passport(self) -> DevicePassport | None:
        """The passport that is shown."""
        sampled = self.course.sampled
        return sampled.passports[self.course.device] if sampled is not None and sampled.passports else None

    def enter(self) -> None:
        """Show the passports there are."""
        passports: Sequence[DevicePassport] = () if self.course.sampled is None else self.course.sampled.passports
        self.devices.blockSignals(True)
        self.devices.clear()
        for _ in passports:
            self.devices.addItem("")
        self.devices.setCurrentIndex(self.course.device)
        self.devices.blockSignals(False)
        for one in (self._label, self.devices):
            one.setVisible(len(passports) > 1)
        self.say()
        self.text.setFocus()

    def _choose(self, number: int) -> None:
        self.course.choose_device(number)
        self.say()

    def say(self) -> None:
        """Show the passport in the language and the colours of now."""
        passport, sampled = self.passport, self.course.sampled
        if passport is None or sampled is None:
            return
        for number, one in enumerate(sampled.passports[: self.devices.count()]):
            name = f"{_plain(name_of(one), self.words)} ({one.files})"
            self.devices.setItemText(number, shown.plain(name, 120))
        tables = [table for table in tables_of(passport) if table.rows]
        wrong = sum(row.level == "wrong" for table in tables for row in table.rows)
        look = sum(row.level == "look" for table in tables for row in table.rows)
        self._say_summary(wrong, look, len(sampled.passports))
        damaged = damaged_of(sampled.passports, sampled.rejected)
        at = self.text.verticalScrollBar().value()
        steps = [one for one in next_steps(passport, damaged) if one.msgid not in DONE_HERE]
        self.text.setHtml(page_of(passport, tables, steps, self.words, self.theme.colours))
        self.text.verticalScrollBar().setValue(at)

    def _say_summary(self, wrong: int, look: int, machines: int) -> None:
        say = self.words.gettext
        if wrong:
            head = self.words.ngettext(
                "{count} thing must be mended; most of it is done by the proposed settings.",
                "{count} things must be mended; most of it is done by the proposed settings.",
                wrong,
            )
        else:
            head = say(N_("Nothing has to be mended."))
        rest = [self.words.ngettext("{count} line somebody should look at.",
                                    "{count} lines somebody should look at.", look)] if look else []  # fmt: skip
        if machines > 1:
            rest.append(say(N_("The files are of several machines; settings are proposed for the one chosen above.")))
        self.banner.say(head, " ".join(rest), "bad" if wrong else "doubt" if look else "good", can_close=False)


class _Reader(QTextBrowser):
    """A page that loads nothing and leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setOpenLinks(False)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.document().setDocumentMargin(14)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(180)

    def loadResource(self, _kind: int, _name: QUrl | str) -> Any:
        """Load nothing, whatever a text may ask for."""
        return None


def page_of(
    passport: DevicePassport, tables: Sequence[Table], steps: Sequence[Phrase], words: Words, colours: Colours
) -> str:  # fmt: skip
    """Give a passport as simple HTML; every text is escaped."""
    return "".join(_page(passport, tables, steps, words, colours))


def _page(
    passport: DevicePassport, tables: Sequence[Table], steps: Sequence[Phrase], words: Words, colours: Colours
) -> Iterator[str]:  # fmt: skip
    yield f"<h2>{html.escape(_plain(name_of(passport), words))}</h2>"
    yield f"<h3>{html.escape(words.gettext(STEPS))}</h3><ol>"
    yield from (f"<li>{html.escape(words.phrase(one))}</li>" for one in steps)
    yield "</ol>"
    for table in tables:
        yield f"<h3>{html.escape(words.gettext(table.title))}</h3>"
        look = f"border-color: {colours.line[:7]}; border-style: solid; border-collapse: collapse;"
        yield f'<table width="99%" cellspacing="0" cellpadding="4" border="1" style="{look}">'
        if table.head:
            cells = "".join(f'<th align="left">{html.escape(words.gettext(one))}</th>' for one in table.head)
            yield f'<tr style="color: {colours.muted};">{cells}</tr>'
        yield from (_row(row, words, colours, is_pair=not table.head) for row in table.rows)
        yield "</table>"


def _row(row: Row, words: Words, colours: Colours, *, is_pair: bool) -> str:
    colour = {"wrong": colours.bad, "look": colours.doubt}.get(row.level, colours.text)
    cells = []
    for number, cell in enumerate(row.cells):
        text = html.escape(_plain(cell, words))
        sign = _SIGNS[row.level] if not number else ""
        width = ' width="34%"' if is_pair and not number else ""
        cells.append(f'<td{width} style="color: {colour};">{sign}{text}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _plain(cell: Cell, words: Words) -> str:
    """Give a cell as one line that is safe to show."""
    if isinstance(cell, tuple):
        return ", ".join(_plain(one, words) for one in cell)
    if isinstance(cell, Phrase):
        return words.phrase(cell)
    text = visible(str(cell))
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"
