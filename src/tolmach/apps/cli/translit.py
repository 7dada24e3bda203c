"""`tolmach translit`: names in Latin letters by a national standard."""

import sys
from typing import Annotated

import typer

from tolmach.apps.cli.context import Run
from tolmach.base import N_


def register(app: typer.Typer, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @app.command(help=_(N_("Write text in Latin letters by a rule, such as ru-icao9303 or uk-kmu55.")))
    def translit(
        rule: Annotated[str, typer.Argument(help=_(N_("The rule, or ru, uk, be, kk for the usual one.")))],
        text: Annotated[
            str | None, typer.Argument(help=_(N_("The text; stdin when absent.")), show_default=False)
        ] = None,
    ) -> int:
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
