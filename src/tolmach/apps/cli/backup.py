"""`tolmach backup` and `tolmach restore`: one file with the records and the stored objects."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tolmach.apps.cli.context import Run
from tolmach.apps.cli.records import data_dir_in_hand, records_of
from tolmach.apps.faults import LEFT_OUT, MISSING_AFTER_RESTORE, NEWER_BACKUP, BadCall
from tolmach.base import N_, Problem


def register(program: click.Group, run: Run) -> None:
    """Add the commands."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Back up records and objects, also while tolmach serve runs.")))
    @click.argument("file", metavar="FILE", type=Path)
    @click.option("--database-only", is_flag=True, help=_(N_("Leave the objects out.")))
    def backup(file: Path, *, database_only: bool) -> int:
        return _backup(run, file, database_only=database_only)

    @program.command(help=_(N_("Put a backup into the data folder; objects that are there stay.")))
    @click.argument("file", metavar="FILE", type=Path)
    def restore(file: Path) -> int:
        return _restore(run, file)


def _backup(run: Run, file: Path, *, database_only: bool) -> int:
    from datetime import UTC, datetime

    from tolmach import __version__
    from tolmach.adapters.objects.backup import back_up
    from tolmach.adapters.sql.schema import REVISIONS
    from tolmach.apps.holding import store_by

    terminal = run.terminal()
    with records_of(run) as records:
        manifest = back_up(
            file,
            store_by(run.settings, os.environ),
            records.online_backup,
            records.stored.stored_objects,
            versions={"tolmach": __version__, "records": REVISIONS[-1]},
            now=datetime.now(UTC),
            database_only=database_only,
        )
    terminal.write(
        terminal.count(
            "{file} is written, with {count} object.",
            "{file} is written, with {count} objects.",
            manifest.objects,
            file=file,
        )
    )
    if manifest.left_out:
        terminal.complain(Problem(LEFT_OUT, {"count": manifest.left_out}))
    return 1 if manifest.left_out else 0


def _restore(run: Run, file: Path) -> int:
    from datetime import UTC, datetime

    from tolmach.adapters.objects.restore import check_backup, replace_database, restore
    from tolmach.adapters.sql.engine import FILE_NAME
    from tolmach.adapters.sql.faults import NOT_RESTORED, RecordsUnusable
    from tolmach.adapters.sql.schema import REVISIONS
    from tolmach.apps.holding import store_by
    from tolmach.intake.recovery import missing_objects

    if run.settings.database != "sqlite":
        raise RecordsUnusable(NOT_RESTORED, path=run.settings.database.rpartition("@")[2])
    terminal = run.terminal()
    manifest = check_backup(file)  # before a data folder is made for it
    if manifest.has_database and manifest.versions.get("records") not in REVISIONS:
        raise BadCall(NEWER_BACKUP, file=file, version=manifest.versions.get("tolmach", "?"))
    data_dir = run.settings.data_dir
    store = store_by(run.settings, os.environ)
    kept: list[Path] = []

    def install(new: Path) -> None:
        replaced = replace_database(new, data_dir / FILE_NAME, datetime.now(UTC))
        kept.extend([replaced] if replaced is not None else [])

    with data_dir_in_hand(run):
        store.clear_incoming()
        restored = restore(file, store, install)
        with records_of(run) as records:
            missing = [known.sha256 for known in missing_objects(store, records.stored.stored_objects())]
            for start in range(0, len(missing), 500):
                records.stored.flag_missing(missing[start : start + 500])
    placed = restored.placed + restored.already_there
    terminal.write(
        terminal.count(
            "{file} is restored: {count} object is there.",
            "{file} is restored: {count} objects are there.",
            placed,
            file=file,
        )
    )
    for replaced in kept:
        terminal.say(N_("The records that were there before are kept as {file}."), file=replaced)
    for sha256 in missing:
        terminal.complain(Problem(MISSING_AFTER_RESTORE, {"sha256": sha256}))
    terminal.complain_of_the_rest()
    return 1 if missing or restored.unsound else 0
