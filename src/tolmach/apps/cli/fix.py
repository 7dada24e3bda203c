"""`tolmach fix`: repaired copies in another folder, or in place with the originals kept."""

from pathlib import Path
from typing import Annotated

import typer

from tolmach.apps.cli.context import Run
from tolmach.apps.cli.repair_options import RepairOptions, profile_from, taking_repair_options
from tolmach.apps.faults import BOTH_TARGETS, NOTHING_TO_DO, BadCall
from tolmach.base import N_


def register(app: typer.Typer, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @app.command(help=_(N_("Write repaired copies of files. The files themselves stay as they are.")))
    @taking_repair_options(run)
    def fix(
        paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help=_(N_("Files and folders.")))],
        out: Annotated[
            Path | None, typer.Option(help=_(N_("Folder for the copies; folders inside are kept.")), show_default=False)
        ] = None,
        in_place: Annotated[
            bool, typer.Option("--in-place", help=_(N_("Fix the files themselves; originals are kept beside them.")))
        ] = False,
        overwrite: Annotated[
            bool, typer.Option("--overwrite", help=_(N_("Replace other files in the folder for the copies.")))
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help=_(N_("Only show what would be done.")))] = False,
        as_json: Annotated[bool, typer.Option("--json", help=_(N_("Print one JSON object for each file.")))] = False,
        *,
        options: RepairOptions,
    ) -> int:
        if out is not None and in_place:
            raise BadCall(BOTH_TARGETS)
        if out is None and not in_place and not dry_run:
            raise BadCall(NOTHING_TO_DO)
        return _fix(run, paths, options, out, overwrite=overwrite, dry_run=dry_run, as_json=as_json)


def _fix(
    run: Run,
    paths: list[Path],
    options: RepairOptions,
    out: Path | None,
    *,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    from tolmach.apps.cli.file_rows import FileRows, found
    from tolmach.apps.working import examine, fix_in_place, write_copies

    profile = profile_from(options, run)
    terminal = run.terminal(as_json=as_json)
    files = found(paths, terminal, leave_out=out)
    rows = FileRows(terminal, "out")
    if dry_run:
        reports = examine(files.names, profile)
    elif out is not None:
        reports = write_copies(files.names, profile, out, overwrite=overwrite)
    else:
        reports = fix_in_place(files.names, profile)
    with terminal.progress(N_("Fixing"), len(files.names)) as step:
        for report in reports:
            rows.add(report)
            step()
    return rows.finish(files)
