"""`tolmach inspect`: what is in each file, what is wrong with its text, what would be changed. Changes nothing."""

from pathlib import Path
from typing import Annotated

import typer

from tolmach.apps.cli.context import Run
from tolmach.apps.cli.repair_options import RepairOptions, profile_from, taking_repair_options
from tolmach.base import N_


def register(app: typer.Typer, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @app.command(help=_(N_("Show what is in each file, what is wrong with its text and what would be changed.")))
    @taking_repair_options(run)
    def inspect(
        paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help=_(N_("Files and folders.")))],
        as_json: Annotated[bool, typer.Option("--json", help=_(N_("Print one JSON object for each file.")))] = False,
        *,
        options: RepairOptions,
    ) -> int:
        return _inspect(run, paths, options, as_json=as_json)


def _inspect(run: Run, paths: list[Path], options: RepairOptions, *, as_json: bool) -> int:
    from tolmach.apps.cli.file_rows import FileRows, found
    from tolmach.apps.working import examine

    profile = profile_from(options, run)
    terminal = run.terminal(as_json=as_json)
    files = found(paths, terminal)
    rows = FileRows(terminal)
    with terminal.progress(N_("Reading"), len(files.names)) as step:
        for report in examine(files.names, profile):
            rows.add(report)
            step()
    return rows.finish(files)
