"""`tolmach fold`: the search keys of a name, the same in every script and spelling."""

from __future__ import annotations

from collections.abc import Iterable

import click

from tolmach.apps.cli.arguments import json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.terminal import standard_input
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Show the search keys of a name: Щербаков, Shcherbakov and Scherbakov share one.")))
    @click.argument("text", metavar="[TEXT]", required=False)
    @json_option(run)
    def fold(text: str | None, *, as_json: bool) -> int:
        return _fold(run, text, as_json=as_json)


def _fold(run: Run, text: str | None, *, as_json: bool) -> int:
    from tolmach.text.fold import fold_keys

    terminal = run.terminal(as_json=as_json)
    lines = (line.decode("utf-8", "surrogateescape").rstrip("\r\n") for line in standard_input())
    names: Iterable[str] = lines if text is None else [text]
    for name in names:
        keys = fold_keys(name)
        if as_json:
            terminal.result({"text": name, "keys": list(keys)})
        else:
            terminal.write(" ".join(keys))
    return 0
