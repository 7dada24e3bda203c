"""`tolmach audit`, `verify` and `rebuild`: the proof that nothing was lost, and what to do when the records were."""

from __future__ import annotations

import click

from tolmach.apps.cli.arguments import json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.records import data_dir_in_hand, records_of, recovery_of
from tolmach.base import N_

_LINE = "{name:<16} {taken:>9} {delivered:>9} {queued:>9} {held:>9} {quarantined:>9} {deleted:>9}"


def register(program: click.Group, run: Run) -> None:
    """Add the commands."""
    _ = run.translator.gettext

    @program.command(
        help=_(N_("Prove that nothing taken is lost. Everything is delivered, queued, held, quarantined or deleted."))
    )
    @json_option(run)
    def audit(*, as_json: bool) -> int:
        return _audit(run, as_json=as_json)

    @program.command(help=_(N_("Read every stored object again and compare its checksum.")))
    @json_option(run)
    def verify(*, as_json: bool) -> int:
        return _verify(run, as_json=as_json)

    @program.command(help=_(N_("Make the records anew from the stored objects alone.")))
    def rebuild() -> int:
        return _rebuild(run)


def _audit(run: Run, *, as_json: bool) -> int:
    terminal = run.terminal(as_json=as_json)
    with records_of(run) as records:
        report = records.desk.audit()
    if as_json:
        terminal.result({**report.total.as_json(), "destinations": [row.as_json() for row in report.destinations]})
    else:
        _ = terminal.translator.gettext
        names = {
            "taken": _(N_("taken")),
            "delivered": _(N_("delivered")),
            "queued": _(N_("queued")),
            "held": _(N_("held")),
            "quarantined": _(N_("quarantined")),
            "deleted": _(N_("deleted")),
        }
        terminal.write(_LINE.format(name="", **names))
        for row in report.destinations:
            terminal.write(_LINE.format(name=row.destination or "-", **_numbers(row.as_json())))
        terminal.write(_LINE.format(name=_(N_("objects in all")), **_numbers(report.total.as_json())))
        terminal.say(
            N_("It holds: nothing is missing.") if report.holds else N_("It does NOT hold: something is missing.")
        )
    for finding in report.findings:
        terminal.complain(finding)
    return 0 if report.holds else 1


def _numbers(row: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in row.items() if key not in ("to", "holds")}


def _verify(run: Run, *, as_json: bool) -> int:
    terminal = run.terminal(as_json=as_json)
    with records_of(run) as records, recovery_of(run, records, terminal) as (recovery, pace):
        tally = recovery.verify(pace)
    if as_json:
        terminal.result(
            {
                "checked": tally.seen,
                "bytes": tally.seen_bytes,
                "missing": tally.missing,
                "damaged": tally.rotten,
                "unreadable": tally.unreadable,
            }
        )
        return 0 if tally.is_well and tally.is_complete else 1
    terminal.write(
        terminal.count(
            "{count} stored object was read and compared.",
            "{count} stored objects were read and compared.",
            tally.seen,
        )
    )
    return 0 if tally.is_well and tally.is_complete else 1


def _rebuild(run: Run) -> int:
    from tolmach.apps.holding import records_by

    terminal = run.terminal()
    with data_dir_in_hand(run), records_by(run.settings) as records:
        with recovery_of(run, records, terminal, tells_adopted=False) as (recovery, pace):
            tally = recovery.rebuild(pace)
        terminal.write(
            terminal.count(
                "{count} object was taken into the records.",
                "{count} objects were taken into the records.",
                tally.adopted,
            )
        )
    if tally.adopted:
        terminal.say(
            N_("tolmach serve will hold what has a destination: look at tolmach queue list, then tolmach queue retry.")
        )
    return 0 if tally.is_well and tally.is_complete else 1
