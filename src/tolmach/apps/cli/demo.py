"""`tolmach demo`: the main job on sample files, delivered to an embedded receiver and proved by reading them back."""

from pathlib import Path
from typing import Annotated

import typer

from tolmach.apps.cli.context import Run
from tolmach.base import N_


def register(app: typer.Typer, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @app.command(help=_(N_("Show the main job on sample files: repair, deliver, prove.")))
    def demo(
        once: Annotated[bool, typer.Option("--once", help=_(N_("End when done instead of listening on.")))] = False,
        folder: Annotated[
            Path, typer.Option(help=_(N_("Where the sample files and what was received are kept.")))
        ] = Path("tolmach-demo"),
    ) -> int:
        from tolmach.apps.demo import show

        return show(run.terminal(), folder, once=once)
