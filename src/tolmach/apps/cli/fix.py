"""`tolmach fix`: repaired copies in another folder, or in place with the originals kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tolmach.apps.cli.arguments import PATHS, json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.repair_options import RepairOptions, memory_from, profile_from, repair_options
from tolmach.apps.faults import BOTH_TARGETS, NOTHING_TO_DO, BadCall
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Write repaired copies of files. The files themselves stay as they are.")))
    @PATHS
    @click.option("--out", type=Path, metavar="FOLDER", help=_(N_("Folder for the copies; folders inside are kept.")))
    @click.option("--in-place", is_flag=True, help=_(N_("Fix the files themselves; originals are kept beside them.")))
    @click.option("--overwrite", is_flag=True, help=_(N_("Replace other files in the folder for the copies.")))
    @click.option("--dry-run", is_flag=True, help=_(N_("Only show what would be done.")))
    @json_option(run)
    @repair_options(run)
    def fix(
        paths: tuple[Path, ...],
        out: Path | None,
        *,
        in_place: bool,
        overwrite: bool,
        dry_run: bool,
        as_json: bool,
        options: RepairOptions,
    ) -> int:
        if out is not None and in_place:
            raise BadCall(BOTH_TARGETS)
        if out is None and not in_place and not dry_run:
            raise BadCall(NOTHING_TO_DO)
        return _fix(run, paths, options, out, overwrite=overwrite, dry_run=dry_run, as_json=as_json)


def _fix(
    run: Run,
    paths: Sequence[Path],
    options: RepairOptions,
    out: Path | None,
    *,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    from tolmach.adapters.folder import inflate
    from tolmach.adapters.folder.faults import SAME_FOLDER
    from tolmach.apps.cli.file_rows import FileRows, found
    from tolmach.apps.reports import printable
    from tolmach.apps.working import examine, fix_in_place, is_same, write_copies
    from tolmach.journeys.series import SeriesMender

    profile = profile_from(options, run)
    terminal = run.terminal(as_json=as_json)
    if out is not None and any(is_same(path, out) for path in paths):
        raise BadCall(SAME_FOLDER, path=printable(out))
    files = found(paths, terminal, leave_out=out)
    rows = FileRows(terminal, "out")
    with memory_from(options, run, learning=not dry_run) as memory:
        mender = SeriesMender(profile, inflate, memory)
        if dry_run:
            reports = examine(files.names, mender)
        elif out is not None:
            reports = write_copies(files.names, mender, out, overwrite=overwrite)
        else:
            reports = fix_in_place(files.names, mender)
        return rows.tell(reports, files, N_("Fixing"))
