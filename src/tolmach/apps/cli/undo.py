"""`tolmach undo`: files fixed in place get their original bytes back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tolmach.apps.cli.arguments import PATHS, json_option
from tolmach.apps.cli.context import Run
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Give files that were fixed in place their original bytes back.")))
    @PATHS
    @json_option(run)
    def undo(paths: tuple[Path, ...], *, as_json: bool) -> int:
        return _undo(run, paths, as_json=as_json)


def _undo(run: Run, paths: Sequence[Path], *, as_json: bool) -> int:
    from tolmach.adapters.folder import undo as restore
    from tolmach.adapters.folder import walk_fixed
    from tolmach.apps.reports import path_as_json, printable
    from tolmach.base import TolmachError

    terminal = run.terminal(as_json=as_json)
    failed = restored = 0
    for file in walk_fixed(paths):
        if isinstance(file, TolmachError):
            failed += 1
            terminal.complain(file)
            continue
        path = printable(file.path)
        try:
            restore(file.path)
        except TolmachError as error:
            failed += 1
            terminal.complain(error, path)
            if as_json:
                terminal.result({**path_as_json(file.path), "restored": False, "problem": error.code})
            continue
        restored += 1
        if as_json:
            terminal.result({**path_as_json(file.path), "restored": True, "problem": None})
        else:
            terminal.write(path, "green")
    terminal.complain_of_the_rest()
    terminal.say("{summary}", summary=terminal.count("{count} file restored.", "{count} files restored.", restored))
    return 1 if failed else 0
