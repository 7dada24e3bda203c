"""`tolmach demo`: the main job on sample files, delivered to an embedded receiver and proved by reading them back."""

from __future__ import annotations

from pathlib import Path

import click

from tolmach.apps.cli.context import Run
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Show the main job on sample files: repair, deliver, prove.")))
    @click.option("--once", is_flag=True, help=_(N_("End when done instead of listening on.")))
    @click.option(
        "--folder",
        type=Path,
        default=Path("tolmach-demo"),
        metavar="FOLDER",
        help=_(N_("Where the sample files and what was received are kept.")),
    )
    def demo(folder: Path, *, once: bool) -> int:
        from tolmach.apps.demo import show

        return show(run.terminal(), folder, once=once)
