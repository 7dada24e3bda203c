"""`tolmach archive`: what is out of sight and why, what is protected, what was kept apart, and the end of the bytes."""

from __future__ import annotations

import json
import os
from datetime import timedelta

import click

from tolmach.apps.cli.arguments import json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.queue import short_time
from tolmach.apps.cli.records import actor, records_of
from tolmach.base import N_

MOST_DAYS = 36_525  # as in the configuration


def register(program: click.Group, run: Run) -> None:
    """Add the commands."""
    _ = run.translator.gettext

    @program.group(help=_(N_("What the archive holds: delete, restore, protect, purge, and see conflicts.")))
    def archive() -> None:
        """Hold the commands below."""

    _register_changes(archive, run)
    _register_lists(archive, run)


def _register_changes(archive: click.Group, run: Run) -> None:
    _ = run.translator.gettext
    uid = click.argument("uid", metavar="STUDY|SERIES|INSTANCE")
    study = click.argument("uid", metavar="STUDY")

    @archive.command(help=_(N_("Take a study, series or instance out of sight, by its UID; its bytes stay.")))
    @uid
    @click.option("--reason", metavar="TEXT", required=True, help=_(N_("Why; it is kept in the audit log.")))
    def delete(uid: str, reason: str) -> int:
        return _delete(run, uid, reason)

    @archive.command(help=_(N_("Bring back what was deleted.")))
    @uid
    def restore(uid: str) -> int:
        return _restore(run, uid)

    @archive.command(help=_(N_("Protect a study against deleting and purging.")))
    @study
    def protect(uid: str) -> int:
        return _protect(run, uid, protected=True)

    @archive.command(help=_(N_("Take the protection of a study away.")))
    @study
    def unprotect(uid: str) -> int:
        return _protect(run, uid, protected=False)

    @archive.command(help=_(N_("Remove the bytes of what was deleted long ago, for good.")))
    @click.option(
        "--days",
        metavar="N",
        type=click.IntRange(0, MOST_DAYS),
        help=_(N_("How many days ago at least; without it, as configured.")),
    )
    @click.option("--yes", is_flag=True, help=_(N_("Do it; without this it is only told what would be done.")))
    def purge(days: int | None, *, yes: bool) -> int:
        return _purge(run, days, yes=yes)


def _register_lists(archive: click.Group, run: Run) -> None:
    _ = run.translator.gettext

    @archive.command(help=_(N_("List what was deleted, by whom and why.")))
    @json_option(run)
    def deleted(*, as_json: bool) -> int:
        return _deleted(run, as_json=as_json)

    @archive.command(help=_(N_("List what was kept apart: one ID on several people, UIDs in two places.")))
    @json_option(run)
    def conflicts(*, as_json: bool) -> int:
        return _conflicts(run, as_json=as_json)


def _delete(run: Run, uid: str, reason: str) -> int:
    terminal = run.terminal()
    with records_of(run) as records:
        done = records.retention.delete(uid, reason, actor())
    terminal.write(
        terminal.count("{count} instance is deleted.", "{count} instances are deleted.", done.instances, uid=uid)
    )
    if done.waiting:
        terminal.say(
            N_("{count} deliveries of them are still in the queue and go on; tolmach queue drop gives them up."),
            count=done.waiting,
        )
    return 0


def _restore(run: Run, uid: str) -> int:
    terminal = run.terminal()
    with records_of(run) as records:
        count = records.retention.restore(uid, actor())
    terminal.write(terminal.count("{count} instance is back.", "{count} instances are back.", count))
    return 0


def _protect(run: Run, uid: str, *, protected: bool) -> int:
    with records_of(run) as records:
        records.retention.protect(uid, actor(), protected=protected)
    run.terminal().say(N_("The study is protected.") if protected else N_("The study is protected no longer."))
    return 0


def _deleted(run: Run, *, as_json: bool) -> int:
    terminal = run.terminal(as_json=as_json)
    is_empty = True
    with records_of(run) as records:
        for one in records.retention.deletions():
            is_empty = False
            if as_json:
                terminal.result(
                    {
                        "level": one.level,
                        "uid": one.uid,
                        "at": one.at.isoformat(),
                        "by": one.actor,
                        "reason": one.reason,
                        "instances": one.instances,
                        "purged": one.purged,
                    }
                )
                continue
            told = (short_time(one.at), one.actor, one.level, one.uid, str(one.instances), one.reason)
            terminal.write("  ".join(told))
    if is_empty:
        terminal.say(N_("Nothing was deleted."))
    return 0


def _purge(run: Run, days: int | None, *, yes: bool) -> int:
    from functools import partial

    from tolmach.adapters.objects.removal import remove
    from tolmach.apps.holding import store_by

    terminal = run.terminal()
    keep = timedelta(days=run.settings.archive.purge_after_days if days is None else days)
    with records_of(run) as records:
        if not yes:
            ripe = records.retention.ripe(keep)
            terminal.write(
                terminal.count(
                    "The bytes of {count} instance would be removed for good; --yes does it.",
                    "The bytes of {count} instances would be removed for good; --yes does it.",
                    ripe.instances,
                )
            )
            return 0
        done = records.retention.purge(actor(), partial(remove, store_by(run.settings, os.environ)), keep)
    terminal.write(
        terminal.count(
            "The bytes of {count} instance are removed.", "The bytes of {count} instances are removed.", done.instances
        )
    )
    if done.kept:
        terminal.say(
            N_("{count} stay: they wait for a delivery, are protected, or something else has the same bytes."),
            count=done.kept,
        )
    return 0


def _shown(kind: str, key: str) -> str:
    """Give what a conflict is about: a UID, or a patient ID and who issued it; the rest is ours."""
    if kind != "patient-id":
        return key
    bears, issuer, _number = json.loads(key)
    return f"{bears} ({issuer})" if issuer else str(bears)


def _conflicts(run: Run, *, as_json: bool) -> int:
    terminal = run.terminal(as_json=as_json)
    is_empty = True
    with records_of(run) as records:
        for one in records.index.conflicts():
            is_empty = False
            if as_json:
                told = {"kind": one.kind, "key": one.key, "at": one.at.isoformat(), "object": one.object_id}
                terminal.result(told | dict(one.details))
                continue
            people = one.details.get("people")
            names = people if isinstance(people, list) else []
            terminal.write(
                "  ".join(
                    (short_time(one.at), one.kind, _shown(one.kind, one.key), *(" ".join(name) for name in names))
                )
            )
    if is_empty:
        terminal.say(N_("No conflicts."))
    return 0
