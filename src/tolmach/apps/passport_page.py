"""Passports as one page to print: nothing outside is needed, nothing in it runs, and nothing from a file is trusted.

The page is a string of HTML in the reader's language. Every value out of a file is escaped, kept apart from the
direction of the text around it, and shown with its invisible characters made visible.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from tolmach.apps.cli.terminal import visible
from tolmach.apps.passport_sections import Cell, Row, Table, name_of, tables_of
from tolmach.apps.passport_toml import proposals, toml_of
from tolmach.apps.reports import printable
from tolmach.apps.translations import Translator
from tolmach.base import N_, Phrase
from tolmach.journeys.passport import DevicePassport, Rejected
from tolmach.journeys.proposal import Proposal, damaged_of, next_steps

TITLE = N_("Device passport")
STEPS, SETTINGS = N_("What to do next"), N_("Proposed settings")
NOT_READ, SUMMARY = N_("Files that could not be used"), N_("Devices: {devices}. Files: {files}. Not used: {rejected}.")
SHORTENED = N_("Values that end in … [number] are shortened; the number is their length in characters.")
_MADE = N_("Made by tolmach on {day} from sample files. Nothing in the files was changed.")
_KEY = N_("Red with ✗: must be mended. Yellow with !: somebody should look at it.")
_FILE, _WHY, _TODO = N_("File"), N_("What happened"), N_("What to do")
_MORE = N_("and more: {count}")

# Nothing may be loaded or run, whatever a browser finds in the page.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root{color-scheme:light dark;--ink:#1a1c1e;--paper:#fff;--faint:#5c6166;--line:#c9ced3;--head:#eef1f4;
--wrong:#b3261e;--wrong-paper:#fdecea;--look:#7a5900;--look-paper:#fff6db}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e3e5e8;--paper:#15181b;--faint:#a2a8ae;--line:#3b4248;
--head:#22272c;--wrong:#ffb4ab;--wrong-paper:#3a1a18;--look:#f2c94c;--look-paper:#332a0d}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:64rem;background:var(--paper);color:var(--ink);
font:15px/1.45 system-ui,"Segoe UI","Noto Sans","DejaVu Sans",Arial,sans-serif}
h1{font-size:1.7rem;margin:0 0 .2rem}h2{font-size:1.3rem;margin:2.2rem 0 .4rem;padding-top:.6rem;
border-top:3px solid var(--ink);overflow-wrap:anywhere}h3{font-size:1rem;margin:1.2rem 0 .3rem}
p{margin:.3rem 0}.faint{color:var(--faint)}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{border:1px solid var(--line);padding:.25rem .45rem;text-align:start;vertical-align:top;overflow-wrap:anywhere}
th{background:var(--head);font-weight:600;overflow-wrap:normal}td.n{text-align:end;white-space:nowrap}
table.pairs th{width:16rem}
tr.wrong td:first-child,tr.wrong th:first-child{border-inline-start:4px solid var(--wrong)}
tr.look td:first-child,tr.look th:first-child{border-inline-start:4px solid var(--look)}
tr.wrong>:first-child::before{content:"✗\\a0"}tr.look>:first-child::before{content:"!\\a0"}
tr.wrong>*{background:var(--wrong-paper)}tr.look>*{background:var(--look-paper)}
pre{background:var(--head);border:1px solid var(--line);padding:.6rem;white-space:pre-wrap;overflow-wrap:anywhere;
font:.85rem/1.4 ui-monospace,Consolas,"DejaVu Sans Mono",monospace}
ol{padding-inline-start:1.5rem}li{margin:.25rem 0}
@page{size:A4;margin:14mm}
@media print{body{padding:0;max-width:none;font-size:10pt}section{break-before:page}section:first-of-type{
break-before:auto}h2,h3{break-after:avoid}tr,li{break-inside:avoid}thead{display:table-header-group}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


def page(passports: Sequence[DevicePassport], rejected: Rejected, translator: Translator, now: datetime) -> str:
    """Give the whole page, `now` as the time it was made. Repeatable."""
    return "\n".join(_Page(translator).lines(passports, rejected, now)) + "\n"


class _Page:
    """Writes the page in one language."""

    def __init__(self, translator: Translator) -> None:
        self.translator = translator

    def lines(self, passports: Sequence[DevicePassport], rejected: Rejected, now: datetime) -> Iterator[str]:
        title = self.said(TITLE)
        yield "<!DOCTYPE html>"
        yield f'<html lang="{self.translator.language}">'
        yield f'<head><meta charset="utf-8"><title>{title}</title>'
        yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
        yield f'<meta name="robots" content="noindex"><style>{_STYLE}</style></head><body>'
        yield f"<header><h1>{title}</h1>"
        files = sum(one.files for one in passports)
        yield f"<p>{self.said(SUMMARY, devices=len(passports), files=files, rejected=rejected.verdicts.total())}</p>"
        yield f'<p class="faint">{self.said(_MADE, day=now.strftime("%Y-%m-%d %H:%M"))} {self.said(_KEY)}</p></header>'
        yield "<main>"
        for passport, proposal in zip(passports, proposals(passports), strict=True):
            yield from self.device(passport, proposal, damaged_of(passports, rejected))
        yield from self.rejected(rejected)
        yield f'</main><footer><p class="faint">{self.said(SHORTENED)}</p></footer></body></html>'

    def device(self, passport: DevicePassport, proposal: Proposal, damaged: int) -> Iterator[str]:
        yield f"<section><h2>{self.cell(name_of(passport))}</h2>"
        yield f"<h3>{self.said(STEPS)}</h3><ol>"
        for step in next_steps(passport, damaged):
            yield f"<li>{self.cell(step)}</li>"
        yield "</ol>"
        for table in tables_of(passport):
            yield from self.table(table)
        yield f"<h3>{self.said(SETTINGS)}</h3>"
        settings = toml_of(passport, proposal, self.translator).split("\n")
        yield "<pre dir='ltr'>" + "\n".join(map(_shown, settings)) + "</pre></section>"

    def table(self, table: Table) -> Iterator[str]:
        yield f"<h3>{self.said(table.title)}</h3>"
        if not table.rows:
            yield f'<p class="faint">{self.said(table.nothing)}</p>'
            return
        yield "<table>" if table.head else '<table class="pairs">'
        if table.head:
            cells = "".join(f'<th scope="col">{self.said(one)}</th>' for one in table.head)
            yield f"<thead><tr>{cells}</tr></thead>"
        yield "<tbody>"
        for row in table.rows:
            yield self.row(row, is_pair=not table.head)
        yield "</tbody></table>"

    def row(self, row: Row, *, is_pair: bool) -> str:
        level = f' class="{row.level}"' if row.level else ""
        number = "" if is_pair else " class='n'"
        cells = [f"<td{number if isinstance(one, int) else ''}>{self.cell(one)}</td>" for one in row.cells]
        if is_pair:
            cells[0] = f'<th scope="row">{self.cell(row.cells[0])}</th>'
        return f"<tr{level}>{''.join(cells)}</tr>"

    def cell(self, cell: Cell) -> str:
        """Write a cell: our words in the reader's language, what stood in a file held apart from them."""
        if isinstance(cell, int):
            return str(cell)
        if isinstance(cell, Phrase):
            return _shown(self.translator.translate(cell))
        if isinstance(cell, str):
            return f"<bdi>{_shown(cell)}</bdi>"
        return ", ".join(map(self.cell, cell))

    def rejected(self, rejected: Rejected) -> Iterator[str]:
        if not rejected.named:
            return
        yield "<section>"
        rows = [Row((printable(name), problem.what, problem.todo)) for name, problem in rejected.named]
        yield from self.table(Table(NOT_READ, (_FILE, _WHY, _TODO), rows))
        more = rejected.verdicts.total() - len(rejected.named)
        if more:
            yield f"<p>{self.said(_MORE, count=more)}</p>"
        yield "</section>"

    def said(self, msgid: str, **facts: object) -> str:
        """Give a sentence of ours, escaped: a fact in it may come out of a file."""
        return _shown(self.translator.gettext(msgid, **facts))


def _shown(text: str) -> str:
    return escape(visible(text))
