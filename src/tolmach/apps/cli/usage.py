"""Wrong calls, told the way everything else is told: a code, what is wrong, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import click

from tolmach.apps.faults import BAD_OPTION, MISSING, UNKNOWN_COMMAND, UNKNOWN_OPTION, USAGE, BadCall


def require_command(arguments: Iterable[str], known: Iterable[str]) -> None:
    """Refuse a command that does not exist, naming the nearest; raises `BadCall`."""
    name = next((one for one in arguments if not one.startswith("-")), None)
    if name is not None and name not in (names := list(known)):
        raise BadCall(UNKNOWN_COMMAND, name=name, nearest=_nearest(name, names))


def explained(error: click.ClickException) -> BadCall:
    """Give our error for one of click's; what click alone knows keeps its own words."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "tolmach"
    if isinstance(error, click.NoSuchOption) and context is not None:
        known = [name for param in context.command.get_params(context) for name in param.opts if name.startswith("-")]
        nearest = _nearest(error.option_name, known)
        return BadCall(UNKNOWN_OPTION, name=error.option_name, command=command, nearest=nearest)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        needed = [error.param] if context is None else [one for one in context.command.params if one.required]
        return BadCall(MISSING, name=" ".join(map(_name, needed)), command=command)
    if isinstance(error, click.BadParameter) and error.param is not None and (allowed := _allowed(error.param)):
        return BadCall(BAD_OPTION, name=_name(error.param), known=allowed)
    return BadCall(USAGE, why=error.format_message(), command=command)


def _nearest(name: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(name, list(known), 1, 0.0)), "")


def _name(param: click.Parameter) -> str:
    if isinstance(param, click.Option):
        return next((name for name in param.opts if name.startswith("--")), param.opts[0])
    return param.human_readable_name.removesuffix("...")


def _allowed(param: click.Parameter) -> str:
    """Give the values an option can have, as far as they are few enough to list."""
    if isinstance(param.type, click.Choice):
        return ", ".join(str(one) for one in param.type.choices)
    if isinstance(param.type, click.IntRange):
        return f"{param.type.min}…{param.type.max}"
    return ""
