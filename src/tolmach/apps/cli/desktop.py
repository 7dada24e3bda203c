"""`tolmach desktop`: the window in which files are looked at, edited and sent. Qt is loaded here and nowhere else."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from tolmach.apps.cli.context import Run
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Look at files, edit and send them in a window.")))
    @click.argument("paths", metavar="[PATH...]", nargs=-1, type=click.Path(path_type=Path))
    @click.option("--decode", hidden=True, is_flag=True)  # a frozen program calls itself so, to decode one image
    @click.option("--minimised", is_flag=True, help=_(N_("Begin in the tray, or minimised where there is none.")))
    def desktop(paths: tuple[Path, ...], *, minimised: bool, decode: bool) -> int:
        if decode:
            from tolmach.apps.desktop.preview_child import main

            return main(str(paths[0]), int(str(paths[1])))
        return _desktop(run, paths, minimised=minimised)


def _desktop(run: Run, paths: tuple[Path, ...], *, minimised: bool) -> int:
    from tolmach.apps.desktop.faults import NO_QT, DesktopTrouble

    if importlib.util.find_spec("PySide6") is None:
        raise DesktopTrouble(NO_QT, why="PySide6")
    try:
        from tolmach.apps.desktop.program import start
    except ImportError as error:  # Qt is there, and a library of the system that it needs is not
        raise DesktopTrouble(NO_QT, why=str(error)) from error
    return start(run, paths, minimised=minimised)
