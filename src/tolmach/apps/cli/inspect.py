"""`tolmach inspect`: what is in each file, what is wrong with its text, what would be changed. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tolmach.apps.cli.arguments import PATHS, json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.repair_options import RepairOptions, memory_from, profile_from, repair_options
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Show what is in each file, what is wrong and what would change.")))
    @PATHS
    @json_option(run)
    @repair_options(run)
    def inspect(paths: tuple[Path, ...], *, as_json: bool, options: RepairOptions) -> int:
        return _inspect(run, paths, options, as_json=as_json)


def _inspect(run: Run, paths: Sequence[Path], options: RepairOptions, *, as_json: bool) -> int:
    from tolmach.adapters.folder import inflate
    from tolmach.apps.cli.file_rows import FileRows, found
    from tolmach.apps.working import examine
    from tolmach.journeys.series import SeriesMender

    profile = profile_from(options, run)
    terminal = run.terminal(as_json=as_json)
    files = found(paths, terminal)
    rows = FileRows(terminal)
    with memory_from(options, run, learning=False) as memory:
        reports = examine(files.names, SeriesMender(profile, inflate, memory))
        return rows.tell(reports, files, N_("Reading"))
