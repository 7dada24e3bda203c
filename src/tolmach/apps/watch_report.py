"""What was changed, or would have been, in what came from one watched folder: told in words, and as a page to print.

Images of one study in which the same was found share a line. Nothing is kept in memory but one such line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from tolmach.adapters.sql import HistoryRow
from tolmach.apps.cli.terminal import visible
from tolmach.apps.translations import Translator
from tolmach.base import N_, Phrase, Problem
from tolmach.edit.changes import Change

TITLE, SHADOW_TITLE = N_("What was changed: {watch}"), N_("What would be changed: {watch}")
SUMMARY = N_("Images: {images}. Changed: {changed}. Unsure: {unsure}. Not changed: {rest}.")
PERIOD = N_("From {since} to {until}.")
NOTHING = N_("Nothing has come that fits.")
SHADOW_NOW = N_("The folder is in shadow mode: nothing from it is delivered.")
RECEIVED, PATIENT, FOUND, CHANGES, PLACES = (
    N_("Received"),
    N_("Patient"),
    N_("Found"),
    N_("Changes"),
    N_("Where to"),
)
_VERDICTS = {
    "": N_("being examined"),
    "clean": N_("clean"),
    "repairable": N_("repairable"),
    "unsure": N_("unsure"),
    "unreadable": N_("unreadable"),
}
_STATES = {
    "queued": N_("queued"),
    "delivered": N_("delivered"),
    "held": N_("held"),
    "quarantined": N_("quarantined"),
    "deleted": N_("deleted"),
}
_MADE = N_("Made by tolmach on {day}.")
_MANY = N_("{count} images")

# Nothing may be loaded or run, whatever a browser finds in the page.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root{color-scheme:light dark}
body{margin:0 auto;padding:1.5rem;max-width:72rem;font:15px/1.45 system-ui,"Segoe UI","Noto Sans",Arial,sans-serif}
h1{font-size:1.5rem;margin:0 0 .3rem}p{margin:.3rem 0}.faint{opacity:.7}
table{border-collapse:collapse;width:100%;font-size:.88rem}
th,td{border:1px solid #9aa0a6;padding:.25rem .45rem;text-align:start;vertical-align:top;overflow-wrap:anywhere}
tr.look>:first-child{border-inline-start:4px solid #b58900}tr.wrong>:first-child{border-inline-start:4px solid #b3261e}
tr.look>:first-child::before{content:"! "}tr.wrong>:first-child::before{content:"✗ "}
del{opacity:.75}ins{text-decoration:none;font-weight:600}
@page{size:A4 landscape;margin:12mm}
@media print{body{padding:0;max-width:none;font-size:9.5pt}tr{break-inside:avoid}thead{display:table-header-group}}
"""

Rows = Callable[[], Iterable[HistoryRow]]


@dataclass(slots=True)
class Sum:
    """What came in all."""

    verdicts: Counter[str] = field(default_factory=Counter)
    changed: int = 0

    @classmethod
    def of(cls, rows: Iterable[HistoryRow]) -> Sum:
        """Count."""
        found = cls()
        for row in rows:
            found.verdicts[row.verdict] += 1
            found.changed += bool(row.changes)
        return found

    @property
    def words(self) -> Phrase:
        """The sum in one sentence."""
        images = self.verdicts.total()
        facts = {"images": images, "changed": self.changed, "unsure": self.verdicts["unsure"]}
        return Phrase(SUMMARY, facts | {"rest": images - self.changed})


@dataclass(frozen=True, slots=True)
class Alike:
    """Images of one study, received one after another, in which the same was found; `lines` counts where they are."""

    first: HistoryRow
    count: int = 0
    lines: Counter[tuple[str, str]] = field(default_factory=Counter)

    def with_one(self, row: HistoryRow) -> Alike:
        """Give the same with one image more."""
        lines = self.lines + Counter((line.destination, line.state) for line in row.deliveries)
        return Alike(self.first, self.count + 1, lines)

    @property
    def level(self) -> str:
        """How much somebody should look at it: "", "look" or "wrong"."""
        if self.first.verdict == "unreadable" or self.first.quarantine is not None:
            return "wrong"
        return "look" if self.first.verdict == "unsure" or self.first.problems else ""

    @property
    def problems(self) -> list[Problem]:
        """What was found wrong, each once."""
        quarantine = () if self.first.quarantine is None else (self.first.quarantine,)
        return list({str(one): one for one in (*self.first.problems, *quarantine)}.values())


def alike(rows: Iterable[HistoryRow]) -> Iterator[Alike]:
    """Give rows that follow one another and tell the same as one."""
    found, told = None, None
    for row in rows:
        of_row = _told_of(row)
        if found is not None and of_row != told:
            yield found
            found = None
        found, told = (found or Alike(row)).with_one(row), of_row
    if found is not None:
        yield found


def _told_of(row: HistoryRow) -> object:
    changes = tuple((change.path, change.before, change.after) for change in row.changes)
    problems = tuple(str(problem) for problem in (*row.problems, row.quarantine))
    return row.study_instance_uid or row.object_id, row.facts.get("PatientName"), row.verdict, changes, problems


class ReportPage:
    """Writes the page in one language."""

    def __init__(self, translator: Translator, watch: str, *, is_shadow: bool) -> None:
        """Write about one watched folder."""
        self._translator, self._watch, self._is_shadow = translator, watch, is_shadow

    def parts(self, rows: Rows, since: datetime, now: datetime) -> Iterator[bytes]:
        """Give the page in pieces. `rows` is called twice: for the sum above, and for the lines."""
        for line in self._lines(rows, since, now):
            yield f"{line}\n".encode("utf-8", "replace")

    def _lines(self, rows: Rows, since: datetime, now: datetime) -> Iterator[str]:
        title = self._said(SHADOW_TITLE if self._is_shadow else TITLE, watch=self._watch)
        yield f'<!DOCTYPE html>\n<html lang="{escape(self._translator.language)}">'
        yield f'<head><meta charset="utf-8"><title>{title}</title>'
        yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
        yield f'<meta name="robots" content="noindex"><style>{_STYLE}</style></head><body>'
        found = Sum.of(rows())
        yield f"<header><h1>{title}</h1><p>{self._said(PERIOD, since=_minute(since), until=_minute(now))}</p>"
        yield f"<p>{self._phrase(found.words)}</p>"
        if self._is_shadow:
            yield f"<p>{self._said(SHADOW_NOW)}</p>"
        yield "</header><main>"
        if found.verdicts:
            yield from self._table(rows)
        else:
            yield f"<p>{self._said(NOTHING)}</p>"
        yield f'</main><footer><p class="faint">{self._said(_MADE, day=_minute(now))}</p></footer></body></html>'

    def _table(self, rows: Rows) -> Iterator[str]:
        heads = (RECEIVED, PATIENT, FOUND, CHANGES, PLACES)
        yield "<table><thead><tr>" + "".join(f'<th scope="col">{self._said(one)}</th>' for one in heads)
        yield "</tr></thead><tbody>"
        for one in alike(rows()):
            yield self._row(one)
        yield "</tbody></table>"

    def _row(self, one: Alike) -> str:
        row = one.first
        many = "" if one.count == 1 else f"<br>{self._said(_MANY, count=one.count)}"
        patient = "<br>".join(_value(row.facts[key]) for key in ("PatientName", "PatientID") if row.facts.get(key))
        cells = (
            _minute(row.received_at) + many,
            patient or _value(row.sop_instance_uid),
            self._found(one),
            "<br>".join(map(_change, row.changes)),
            "<br>".join(
                f"{_value(to or '-')}: {self._said(_STATES[state])}" + (f" {count}" if one.count > 1 else "")
                for (to, state), count in sorted(one.lines.items())
            ),
        )
        level = f' class="{one.level}"' if one.level else ""
        return f"<tr{level}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"

    def _found(self, one: Alike) -> str:
        said = [self._said(_VERDICTS.get(one.first.verdict, one.first.verdict))]
        if one.first.detected is not None:
            page, evidence = one.first.detected.code_page, self._phrase(one.first.detected.evidence)
            said.append(f"{escape(page or '-')} {100 * one.first.detected.confidence:.1f} %: {evidence}")
        said += [f"{escape(problem.code)}: {self._phrase(problem.what)}" for problem in one.problems]
        return "<br>".join(said)

    def _said(self, msgid: str, **facts: object) -> str:
        """Give a sentence of ours, escaped: a fact in it may come from a stranger."""
        return _shown(self._translator.gettext(msgid, **facts)) if msgid else ""

    def _phrase(self, phrase: Phrase) -> str:
        return _shown(self._translator.translate(phrase))


def _change(change: Change) -> str:
    before = "" if change.before is None else f"<del>{_value(change.before)}</del> "
    after = "" if change.after is None else f"<ins>{_value(change.after)}</ins>"
    return f"{_shown(change.keyword or change.path)}: {before}→ {after}"


def _value(text: str) -> str:
    """Give what a stranger wrote, kept apart from the direction of the text around it."""
    return f"<bdi>{_shown(text)}</bdi>"


def _shown(text: str) -> str:
    return escape(visible(text))


def _minute(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
