"""Arguments that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tolmach.apps.cli.context import Run
from tolmach.base import N_

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PATHS: Decorator = click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
DESTINATION: Decorator = click.argument("to", metavar="TO")


def json_option(run: Run) -> Decorator:
    """Give the option that turns the output into JSON Lines."""
    about = run.translator.gettext(N_("Print one JSON object for each item, and nothing else."))
    return click.option("--json", "as_json", is_flag=True, help=about)
