"""`tolmach fold`: the search keys of a name, the same in every script and spelling."""

from __future__ import annotations

import click

from tolmach.apps.cli.arguments import json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.terminal import given_lines
from tolmach.apps.faults import NOT_UTF_8_LINE
from tolmach.base import N_, Problem


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Show the search keys of a name. Щербаков, Shcherbakov and Scherbakov share one.")))
    @click.argument("text", metavar="[TEXT]", required=False)
    @json_option(run)
    def fold(text: str | None, *, as_json: bool) -> int:
        return _fold(run, text, as_json=as_json)


def _fold(run: Run, text: str | None, *, as_json: bool) -> int:
    from tolmach.text.fold import fold_keys

    terminal = run.terminal(as_json=as_json)
    status = 0
    for number, raw in enumerate(given_lines(text), 1):
        name = raw.decode("utf-8", "backslashreplace")
        try:
            keys = fold_keys(raw.decode("utf-8"))
        except UnicodeDecodeError:
            status, keys = 1, ()
            terminal.complain(Problem(NOT_UTF_8_LINE, {"number": number}))
        if as_json:
            terminal.result({"text": name, "keys": list(keys)})
        else:
            terminal.write(" ".join(keys))
    return status
