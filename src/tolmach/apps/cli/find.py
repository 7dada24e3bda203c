"""`tolmach find`: what another archive holds."""

from __future__ import annotations

import click

from tolmach.apps.cli.arguments import DESTINATION, json_option
from tolmach.apps.cli.context import Run
from tolmach.base import N_

_USUAL_LIMIT = 1000


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Ask another archive what it holds (C-FIND).")))
    @DESTINATION
    @click.argument("keys", metavar="KEY=VALUE...", nargs=-1)
    @click.option("--level", default="study", metavar="LEVEL", help=_(N_("patient, study, series or image.")))
    @click.option("--return", "returned", multiple=True, metavar="KEY", help=_(N_("An attribute to be told as well.")))
    @click.option(
        "--limit", type=click.IntRange(1, 1_000_000), default=_USUAL_LIMIT, help=_(N_("How many answers at most."))
    )
    @json_option(run)
    def find(
        to: str, *, keys: tuple[str, ...], level: str, returned: tuple[str, ...], limit: int, as_json: bool
    ) -> int:
        return _find(run, to, keys, level, returned, limit, as_json=as_json)


def _find(
    run: Run, to: str, texts: tuple[str, ...], level_text: str, returned: tuple[str, ...], limit: int, *, as_json: bool
) -> int:
    from tolmach.adapters.dimse import PresentationContext
    from tolmach.adapters.dimse.message_data import MESSAGE_SYNTAXES
    from tolmach.adapters.dimse.query_scu import Find
    from tolmach.apps import asking
    from tolmach.apps.cli.destinations import destination_named
    from tolmach.base import Problem, TolmachError

    level = asking.level_named(level_text)
    keys = asking.with_usual(level, asking.keys_in(texts, returned))
    destination, text = destination_named(run, to)
    write, model = asking.writer_for(level, keys, text), asking.model_for(level, "Find")
    terminal, count = run.terminal(as_json=as_json), 0
    try:
        with asking.open_association(destination, [PresentationContext(1, model, MESSAGE_SYNTAXES)]) as assoc:
            asked = Find(assoc, write, model, limit)
            for answer in asked:
                count += 1
                values = asking.values_in(answer, text)
                if as_json:
                    terminal.result(values)
                else:
                    shown = (f"{name}={value}" for name, value in values.items() if value and isinstance(value, str))
                    terminal.write("  ".join(shown))
    except TolmachError as error:
        terminal.complain(error)
        return 1
    if asked.is_cut:
        terminal.complain(Problem(asking.CUT, {"to": to, "limit": limit}))
    if not as_json:
        terminal.write(terminal.count("{count} answer.", "{count} answers.", count), "dim")
    return 0
