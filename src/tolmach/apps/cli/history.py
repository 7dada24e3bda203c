"""`tolmach history` and `tolmach resend`: what came, what was changed, where it went; and once more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tolmach.apps.cli.arguments import json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.names import require_watch
from tolmach.apps.cli.queue import short_time, state_named
from tolmach.apps.cli.records import actor, records_of
from tolmach.apps.faults import BAD_TIME, UNKNOWN_DESTINATION, BadCall
from tolmach.base import N_

if TYPE_CHECKING:
    from tolmach.adapters.sql.history import HistoryRow
    from tolmach.apps.cli.terminal import Terminal

_SPANS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_COLUMNS = (
    *("id", "received", "source", "patient_name", "patient_id", "sop_instance_uid", "verdict"),
    *("changes", "destination", "state", "status", "proof", "at", "problem"),
    *("code_page", "confidence", "evidence", "export", "file", "original", "again", "again_source"),
)


def register(program: click.Group, run: Run) -> None:
    """Add the commands."""
    _ = run.translator.gettext

    @program.command(help=_(N_("What came, what was changed, where it went. In the order of receipt.")))
    @click.option("--since", metavar="T", help=_(N_("From this date or time on, or so long ago: 2026-11-22, 2h, 3d.")))
    @click.option("--patient", metavar="TEXT", default="", help=_(N_("Name in any script, or ID.")))
    @click.option("--watch", metavar="NAME", default="", help=_(N_("Only what came from this watched folder.")))
    @click.option("--csv", "csv_file", metavar="FILE", type=Path, help=_(N_("Write a table for spreadsheets.")))
    @json_option(run)
    def history(since: str | None, patient: str, watch: str, csv_file: Path | None, *, as_json: bool) -> int:
        start = None if since is None else moment_of(since, datetime.now(UTC))
        terminal = run.terminal(as_json=as_json)
        with records_of(run) as records:
            if watch:
                require_watch(run, records, watch)
            return show_history(terminal, records.desk.history(start, patient, watch), csv_file, as_json=as_json)

    @program.command(help=_(N_("Deliver objects once more; ID as in history.")))
    @click.argument("ids", metavar="ID...", nargs=-1, required=True, type=int)
    @click.option("--to", metavar="PEER", multiple=True, help=_(N_("Only to this peer, or also to a new one.")))
    @click.option("--original", is_flag=True, help=_(N_("As it came: takes back what was changed.")))
    def resend(ids: Sequence[int], to: Sequence[str], *, original: bool) -> int:
        return _resend(run, ids, to, original=original)


def moment_of(text: str, now: datetime) -> datetime:
    """Understand a date, a time, or a span before now (90m, 2h, 3d); raises `BadCall`.

    What names no time zone is in that of this machine.
    """
    text = text.strip()
    try:
        if text[-1:] in _SPANS and text[:-1].isdecimal():
            return now - int(text[:-1]) * _SPANS[text[-1]]
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadCall(BAD_TIME, text=text) from error


def show_history(terminal: Terminal, rows: Iterator[HistoryRow], csv_file: Path | None, *, as_json: bool) -> int:
    """Show objects, as JSON Lines or for people, or write them as a table; gives the exit status."""
    if csv_file is not None:
        from tolmach.apps.csv_export import write_csv

        write_csv(csv_file, _COLUMNS, (line for row in rows for line in _lines(row)))
        terminal.say(N_("{file} is written."), file=csv_file)
        return 0
    count = 0
    for row in rows:
        count += 1
        if as_json:
            terminal.result(row.as_json())
        else:
            _show(terminal, row)
    if not count:
        terminal.say(N_("Nothing has come that fits."))
    return 0


def _lines(row: HistoryRow) -> Iterable[dict[str, object]]:
    """Give one line for a spreadsheet for each destination, or one where there is none."""
    own: dict[str, object] = {
        "id": row.object_id,
        "received": row.received_at.isoformat(),
        "source": row.first_source or row.source,
        "patient_name": row.facts.get("PatientName", ""),
        "patient_id": row.facts.get("PatientID", ""),
        "sop_instance_uid": row.sop_instance_uid,
        "verdict": row.verdict,
        "changes": "; ".join(f"{one.keyword or one.path}: {one.before} → {one.after}" for one in row.changes),
        "export": row.export,
    }
    if row.again_at is not None:
        own["again"], own["again_source"] = row.again_at.isoformat(), row.source
    if row.detected is not None:
        own["code_page"], own["confidence"] = row.detected.code_page, round(row.detected.confidence, 4)
        own["evidence"] = row.detected.evidence
    if not row.deliveries:
        yield own
    for line in row.deliveries:
        problem = "" if line.problem is None else f"{line.problem.code}: {line.problem}"
        yield own | {
            "destination": line.destination,
            "state": line.state,
            "status": line.status,
            "proof": line.proof,
            "at": line.at.isoformat(),
            "problem": problem,
            "file": line.place,
            "original": "1" if line.is_original else "",
        }


def _show(terminal: Terminal, row: HistoryRow) -> None:
    name, patient_id = row.facts.get("PatientName", "-"), row.facts.get("PatientID", "-")
    source = row.first_source or row.source
    terminal.write(f"{row.object_id:>7}  {short_time(row.received_at)}  {source:<16} {name}  {patient_id}")
    if row.again_at is not None:
        again = terminal.translator.gettext(N_("came again {at} from {source}"))
        terminal.write(f"         {again.format(at=short_time(row.again_at), source=row.source)}", "dim")
    if row.detected is not None:
        found = f"{row.detected.code_page or '-'} {100 * row.detected.confidence:.1f} %"
        terminal.write(f"         {found}: {terminal.phrase(row.detected.evidence)}", "dim")
    for change in row.changes:
        terminal.write(f"         {change.keyword or change.path}: {change.before} → {change.after}", "dim")
    for line in row.deliveries:
        colour = "green" if line.state == "delivered" else "yellow" if line.state == "queued" else "red"
        state = state_named(terminal, line.state)
        as_it_came = terminal.translator.gettext(N_("as it came")) if line.is_original else ""
        told = " ".join(part for part in (line.status, line.proof or "", as_it_came) if part)
        terminal.write(f"         {line.destination or '-':<12} {state}  {told}  {short_time(line.at)}", colour)
        if line.place:
            terminal.write(f"           {line.place}", "dim")
        if line.problem is not None:
            terminal.write(f"         {line.problem.code}: {terminal.sentence(line.problem)}", "dim")


def _resend(run: Run, ids: Sequence[int], to: Sequence[str], *, original: bool) -> int:
    known = {one.name for one in run.settings.destinations}
    for name in to:
        if name not in known:
            raise BadCall(UNKNOWN_DESTINATION, name=name, known=", ".join(sorted(known)) or "-")
    terminal = run.terminal()
    with records_of(run) as records:
        count = records.desk.resend(ids, to or None, actor(), original=original)
    terminal.write(terminal.count("{count} line is queued.", "{count} lines are queued.", count))
    # What is just being sent goes out as it is, which is not what was asked for.
    return 0 if count or not original else 1
