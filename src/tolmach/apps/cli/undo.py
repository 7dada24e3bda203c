"""`tolmach undo`: files fixed in place get their original bytes back."""

from pathlib import Path
from typing import Annotated

import typer

from tolmach.apps.cli.context import Run
from tolmach.base import N_


def register(app: typer.Typer, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @app.command(help=_(N_("Give files that were fixed in place their original bytes back.")))
    def undo(
        paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help=_(N_("Files and folders.")))],
        as_json: Annotated[bool, typer.Option("--json", help=_(N_("Print one JSON object for each file.")))] = False,
    ) -> int:
        return _undo(run, paths, as_json=as_json)


def _undo(run: Run, paths: list[Path], *, as_json: bool) -> int:
    from tolmach.adapters.folder import original_of
    from tolmach.adapters.folder import undo as restore
    from tolmach.apps.cli.file_rows import found
    from tolmach.apps.reports import printable
    from tolmach.base import TolmachError

    terminal = run.terminal(as_json=as_json)
    files = found(paths, terminal, missing_too=True)
    failed, restored = files.errors, 0
    named = set(paths)
    for file in files.names:
        # Inside a folder only the fixed files are meant; a file that was named must be one of them.
        if file.path not in named and not original_of(file.path).exists():
            continue
        try:
            restore(file.path)
        except TolmachError as error:
            failed += 1
            terminal.complain(error)
            if as_json:
                terminal.result({"path": printable(file.path), "restored": False, "problem": error.code})
            continue
        restored += 1
        if as_json:
            terminal.result({"path": printable(file.path), "restored": True})
    terminal.say("{summary}", summary=terminal.count("{count} file restored.", "{count} files restored.", restored))
    return 1 if failed else 0
