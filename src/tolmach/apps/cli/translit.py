"""`tolmach translit`: names in Latin letters by a national standard."""

from __future__ import annotations

import sys

import click

from tolmach.apps.cli.context import Run
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Write text in Latin letters by a rule, such as ru-icao9303 or uk-kmu55.")))
    @click.argument("rule", metavar="RULE")
    @click.argument("text", metavar="[TEXT]", required=False)
    def translit(rule: str, text: str | None) -> int:
        return _translit(run, rule, text)


def _translit(run: Run, rule: str, text: str | None) -> int:
    from tolmach.text.translit import rule_named, transliterate

    chosen = rule_named(rule).id
    terminal = run.terminal()
    if text is not None:
        terminal.write(transliterate(text, chosen))
        return 0
    for line in sys.stdin.buffer:
        terminal.write(transliterate(line.decode("utf-8", "surrogateescape").rstrip("\r\n"), chosen))
    return 0
