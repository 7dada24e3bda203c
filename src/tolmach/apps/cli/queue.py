"""`tolmach queue`: what is not delivered, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from tolmach.apps.cli.arguments import json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.names import require_destination
from tolmach.apps.cli.records import actor, records_of
from tolmach.base import N_

if TYPE_CHECKING:
    from tolmach.adapters.sql.desk import QueueRow
    from tolmach.apps.cli.terminal import Terminal

_COLOURS = {"fresh": "", "old": "yellow", "overdue": "red"}


def register(program: click.Group, run: Run) -> None:
    """Add the commands."""
    _ = run.translator.gettext

    @program.group(help=_(N_("What waits for delivery: look at it, retry, hold or drop it.")))
    def queue() -> None:
        """Hold the commands below."""

    to = click.option("--to", metavar="PEER", help=_(N_("Only what goes to this peer.")))
    ids = click.argument("ids", metavar="[ID...]", nargs=-1, type=int)

    @queue.command("list", help=_(N_("List what is queued, held or in quarantine.")))
    @to
    @json_option(run)
    def list_queue(to: str | None, *, as_json: bool) -> int:
        return _list(run, to, as_json=as_json)

    @queue.command(help=_(N_("Try again now. Releases what was held or in quarantine. Without IDs: all.")))
    @to
    @ids
    def retry(ids: Sequence[int], to: str | None) -> int:
        return _retry(run, ids, to)

    @queue.command(help=_(N_("Hold back until retried. Without IDs: all.")))
    @to
    @ids
    def hold(ids: Sequence[int], to: str | None) -> int:
        with records_of(run) as records:
            require_destination(run, records, to)
            changed = records.desk.hold(ids or None, to, actor())
        terminal = run.terminal()
        terminal.write(terminal.count("{count} line is held.", "{count} lines are held.", changed))
        return 0

    @queue.command(help=_(N_("Give up for good. The file is kept and your name is noted. Without IDs: all.")))
    @to
    @ids
    def drop(ids: Sequence[int], to: str | None) -> int:
        with records_of(run) as records:
            require_destination(run, records, to)
            changed = records.desk.drop(ids or None, to, actor())
        terminal = run.terminal()
        terminal.write(terminal.count("{count} line is dropped.", "{count} lines are dropped.", changed))
        return 0


def state_named(terminal: Terminal, state: str) -> str:
    """Give a state in the user's language."""
    from tolmach.apps.overseeing import LINE_STATES

    return terminal.translator.gettext(LINE_STATES[state])


def short_time(moment: datetime) -> str:
    """Give a moment in the local time of this machine, to the second."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _retry(run: Run, ids: Sequence[int], to: str | None) -> int:
    from tolmach.apps import overseeing

    with records_of(run) as records:
        require_destination(run, records, to)
        changed = overseeing.retry(records, ids or None, to, actor())
    terminal = run.terminal()
    terminal.write(terminal.count("{count} line is tried now.", "{count} lines are tried now.", changed))
    return 0


def _list(run: Run, to: str | None, *, as_json: bool) -> int:
    terminal, now, count = run.terminal(as_json=as_json), datetime.now(UTC), 0
    with records_of(run) as records:
        require_destination(run, records, to)
        for row in records.desk.queue(to):
            count += 1
            if as_json:
                terminal.result(row.as_json(now))
            else:
                _show(terminal, row, now)
    if not count:
        terminal.say(N_("Nothing waits."))
    return 0


def _show(terminal: Terminal, row: QueueRow, now: datetime) -> None:
    from tolmach.delivery.backoff import age_class

    age = timedelta(seconds=row.age_seconds(now))
    head = f"{row.delivery_id:>7}  {state_named(terminal, row.state):<12} {row.destination or '-':<12} {age!s:>16}"
    if row.is_being_examined:
        told = terminal.translator.gettext(N_("being examined"))
        terminal.write(f"{'-':>7}  {told}  {row.sop_instance_uid}")
        return
    what = row.facts.get("PatientName") or row.sop_instance_uid
    attempts = terminal.count("{count} attempt", "{count} attempts", row.attempts)
    terminal.write(f"{head}  {attempts}  {what}", _COLOURS[age_class(row.queued_at, now)])
    if row.last_error is not None:
        terminal.write(f"         {row.last_error.code}: {terminal.sentence(row.last_error)}", "dim")
    if row.next_attempt_at is not None:
        terminal.write(
            "         " + terminal.translator.gettext(N_("next attempt {when}"), when=short_time(row.next_attempt_at)),
            "dim",
        )
