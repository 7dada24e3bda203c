"""Wrong calls, told the way everything else is told: a code, what is wrong, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import click

from tolmach.apps.faults import BAD_OPTION, MISSING, NO_VALUE, UNKNOWN_COMMAND, UNKNOWN_OPTION, USAGE, BadCall
from tolmach.base import N_, Phrase


def require_command(arguments: Iterable[str], known: Iterable[str]) -> None:
    """Refuse a command that does not exist, naming the nearest; raises `BadCall`."""
    name = next((one for one in arguments if not one.startswith("-")), None)
    if name is not None and name not in (names := list(known)):
        raise unknown_command(name, "tolmach", names)


def explained(error: click.ClickException) -> BadCall:
    """Give our error for one of click's; what click alone knows keeps its own words."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "tolmach"
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and isinstance(error.ctx.command, click.Group):
        return BadCall(MISSING, name=" | ".join(error.ctx.command.commands), command=command)
    if isinstance(error, click.NoSuchOption) and context is not None:
        known = [name for param in context.command.get_params(context) for name in param.opts if name.startswith("-")]
        nearest = _nearest(error.option_name, known)
        return BadCall(UNKNOWN_OPTION, name=error.option_name, command=command, nearest=nearest)
    if isinstance(error, click.BadOptionUsage):
        return _misused(error, command)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        needed = [error.param] if context is None else [one for one in context.command.params if one.required]
        return BadCall(MISSING, name=" ".join(map(_name, needed)), command=command)
    if isinstance(error, click.BadParameter) and error.param is not None and (allowed := _allowed(error.param)):
        return BadCall(BAD_OPTION, name=_name(error.param), known=allowed)
    if isinstance(error, click.BadParameter) and error.param is not None:
        return BadCall(
            USAGE, why=Phrase(N_("{name} cannot have that value."), {"name": _name(error.param)}), command=command
        )
    return BadCall(USAGE, why=error.format_message(), command=command)


def too_much(arguments: Iterable[str], command: str) -> BadCall:
    """Give our error for arguments that nobody asked for."""
    why = Phrase(N_("This is more than the command takes: {arguments}."), {"arguments": " ".join(arguments)})
    return BadCall(USAGE, why=why, command=command)


def unknown_command(name: str, group: str, known: Iterable[str]) -> BadCall:
    """Give our error for a command that a group, named by its path, does not have."""
    before = group.partition(" ")[2]
    said, nearest = (f"{before} {one}".strip() for one in (name, _nearest(name, known)))
    return BadCall(UNKNOWN_COMMAND, name=said, nearest=nearest)


def _misused(error: click.BadOptionUsage, command: str) -> BadCall:
    """Tell that an option lacks its value, or was given one it cannot take."""
    params = error.ctx.command.params if error.ctx is not None else []
    for param in params:
        if isinstance(param, click.Option) and param.is_flag and error.option_name in param.opts:
            why = Phrase(N_("{name} takes no value."), {"name": error.option_name})
            return BadCall(USAGE, why=why, command=command)
    return BadCall(NO_VALUE, name=error.option_name)


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
