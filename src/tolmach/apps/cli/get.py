"""`tolmach get`: images brought from another archive into a folder (C-GET)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tolmach.apps.cli.arguments import DESTINATION, json_option
from tolmach.apps.cli.context import Run
from tolmach.base import N_

if TYPE_CHECKING:
    from tolmach.apps.bringing import Brought
    from tolmach.apps.cli.terminal import Terminal


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Bring images from another archive into a folder (C-GET).")))
    @DESTINATION
    @click.argument("keys", metavar="KEY=VALUE...", nargs=-1, required=True)
    @click.option("--out", required=True, type=click.Path(path_type=Path), help=_(N_("Folder for what comes.")))
    @json_option(run)
    def get(to: str, *, keys: tuple[str, ...], out: Path, as_json: bool) -> int:
        return _get(run, to, keys, out, as_json=as_json)


def _get(run: Run, to: str, texts: tuple[str, ...], out: Path, *, as_json: bool) -> int:
    from tolmach.apps import asking
    from tolmach.apps.bringing import bring, level_of_keys
    from tolmach.apps.cli.destinations import destination_named
    from tolmach.base import Problem, TolmachError

    keys = asking.keys_in(texts)
    level = level_of_keys(keys)
    destination, text = destination_named(run, to)
    write = asking.writer_for(level, keys, text)
    terminal, came, failed = run.terminal(as_json=as_json), 0, 0
    try:
        for brought in bring(destination, level, write, out):
            came += bool(brought.sop_instance_uid)
            failed += brought.problem is not None
            _tell(terminal, brought, as_json=as_json)
            if brought.is_last and brought.failed_there:
                failed += brought.failed_there
                terminal.complain(Problem(asking.NOT_ALL_CAME, {"to": to, "failed": brought.failed_there}))
            if brought.may_lack_some:
                failed += 1
                terminal.complain(Problem(asking.MAY_LACK_SOME, {"to": to}))
    except TolmachError as error:
        terminal.complain(error)
        return 1
    if not (came or failed or as_json):
        terminal.write(terminal.count("{count} image", "{count} images", 0), "dim")
    return 1 if failed else 0


def _tell(terminal: Terminal, brought: Brought, *, as_json: bool) -> None:
    if brought.problem is not None:
        terminal.complain(brought.problem, brought.sop_instance_uid)
    if not brought.sop_instance_uid:
        return
    if as_json:
        problems = [] if brought.problem is None else [brought.problem]
        item: dict[str, object] = {
            "sop_instance_uid": brought.sop_instance_uid,
            "path": None if brought.path is None else str(brought.path),
            "problems": [{"code": one.code, "message": str(one)} for one in problems],
        }
        terminal.result(item)
    elif brought.path is not None:
        terminal.write(str(brought.path))
