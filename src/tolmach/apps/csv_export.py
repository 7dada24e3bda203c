"""Rows for spreadsheets: opened by a double click, read right in any alphabet, and never run as a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tolmach.adapters.folder import write_private

BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe_cell(value: object) -> str:
    """Give a cell that no spreadsheet takes for a formula: what begins like one gets an apostrophe in front."""
    text = "" if value is None else str(value).replace("\0", "")
    return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text


def write_csv(file: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as UTF-8 with a byte order mark, all cells quoted; the file appears whole or not at all.

    Nobody else may read it, and its folder must be there: see `write_private`.
    """
    write_private(file, _lines(columns, rows))


class _Line:
    """What `csv` writes into: keeps the line."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text = text
        return len(text)


def _lines(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Iterable[bytes]:
    line = _Line()
    writer = csv.writer(line, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    yield (BYTE_ORDER_MARK + line.text).encode("utf-8")
    for row in rows:
        writer.writerow([safe_cell(row.get(column)) for column in columns])
        yield line.text.encode("utf-8", "replace")
