"""`tolmach translit`: names in Latin letters by a national standard."""

from __future__ import annotations

import click

from tolmach.apps.cli.context import Run
from tolmach.apps.cli.terminal import given_lines
from tolmach.apps.faults import NOT_UTF_8_LINE
from tolmach.base import N_, Problem


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Write text in Latin letters. By a rule, such as ru-icao9303 or uk-kmu55.")))
    @click.argument("rule", metavar="RULE")
    @click.argument("text", metavar="[TEXT]", required=False)
    def translit(rule: str, text: str | None) -> int:
        return _translit(run, rule, text)


def _translit(run: Run, rule: str, text: str | None) -> int:
    from tolmach.text.translit import rule_named, transliterate

    chosen = rule_named(rule).id
    terminal = run.terminal()
    status = 0
    for number, raw in enumerate(given_lines(text), 1):
        try:
            terminal.text(transliterate(raw.decode("utf-8"), chosen))
        except UnicodeDecodeError:
            status = 1
            terminal.text(raw.decode("utf-8", "backslashreplace"))
            terminal.complain(Problem(NOT_UTF_8_LINE, {"number": number}))
    return status
