"""A passport as lines for a terminal: short, the faults first, what is in order left out."""

from __future__ import annotations

from collections.abc import Iterator

from tolmach.apps.passport_page import SETTINGS, STEPS
from tolmach.apps.passport_sections import Cell, Row, Table, name_of, tables_of
from tolmach.apps.passport_toml import toml_of
from tolmach.apps.translations import Translator
from tolmach.base import Phrase
from tolmach.journeys.passport import DevicePassport
from tolmach.journeys.proposal import Proposal, next_steps

Line = tuple[str, str]  # the text, and its colour
_COLOURS = {"wrong": "red", "look": "yellow", "": ""}
_MARKS = {"wrong": "!!", "look": "! ", "": "  "}
_WIDEST = 120  # characters of a cell


def lines_of(passport: DevicePassport, proposal: Proposal, damaged: int, translator: Translator) -> Iterator[Line]:
    """Give the lines about one device; each is to be made visible before it is printed."""
    name = name_of(passport)
    yield f"== {_said(name, translator)} ==", "bold"
    for table in tables_of(passport):
        if table.rows:
            yield from _table(table, translator)
    yield f"{translator.gettext(SETTINGS)}:", "bold"
    for line in toml_of(passport, proposal, translator).splitlines():
        yield f"   {line}", "dim"
    yield f"{translator.gettext(STEPS)}:", "bold"
    for number, step in enumerate(next_steps(passport, damaged), 1):
        yield f"   {number}. {translator.translate(step)}", ""


def _table(table: Table, translator: Translator) -> Iterator[Line]:
    head = f" ({' | '.join(map(translator.gettext, table.head))})" if table.head else ""
    yield f"{translator.gettext(table.title)}{head}:", "bold"
    for row in table.rows:
        yield _row(row, translator, separator=" | " if table.head else ": "), _COLOURS[row.level]


def _row(row: Row, translator: Translator, separator: str) -> str:
    return f"{_MARKS[row.level]} {separator.join(_said(cell, translator) for cell in row.cells)}"


def _said(cell: Cell, translator: Translator) -> str:
    if isinstance(cell, tuple):
        return ", ".join(_said(one, translator) for one in cell)
    if isinstance(cell, Phrase):
        return translator.translate(cell)
    text = str(cell)
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"
