"""The repair options, which several commands share: declared once, understood once."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from tolmach.apps.cli.context import Run
from tolmach.apps.faults import BAD_ASSIGNMENT, USAGE, BadCall
from tolmach.base import N_

if TYPE_CHECKING:
    from tolmach.repair.profile import Profile


@dataclass(frozen=True, slots=True)
class RepairOptions:
    """The repair options as they were given; None and empty where they were not."""

    profile: str | None = None
    rules: Path | None = None
    from_: str | None = None
    text: str | None = None
    set: tuple[str, ...] = ()
    set_if_missing: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    unsure: str | None = None


# name: (flag, what it holds, help)
_OPTIONS: dict[str, tuple[str, object, str]] = {
    "profile": ("--profile", str | None, N_("Use this profile of the configuration.")),
    "rules": ("--rules", Path | None, N_("Carry out the rules of this TOML file.")),
    "from_": ("--from", str | None, N_("Code page of the text: auto, cp1251, cp866, koi8-r, koi8-u, iso-8859-5, …")),
    "text": ("--text", str | None, N_("Write text as: utf-8, iso_ir_144, cp1251, transliterate:RULE, as-is")),
    "set": ("--set", list[str], N_("KEYWORD=VALUE: give an attribute a value. May be repeated.")),
    "set_if_missing": ("--set-if-missing", list[str], N_("KEYWORD=VALUE: the same, when it is absent or empty.")),
    "delete": ("--delete", list[str], N_("KEYWORD or (gggg,eeee): remove an attribute. May be repeated.")),
    "unsure": ("--unsure", str | None, N_("Files whose text is doubtful: pass, hold or fail.")),
}


def taking_repair_options(run: Run) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a decorator that adds the repair options to a command, which receives them as `options`."""

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        signature = inspect.signature(command)
        own = [parameter for name, parameter in signature.parameters.items() if name != "options"]
        added = [_parameter(name, run) for name in _OPTIONS]

        @functools.wraps(command)
        def wrapper(**given: Any) -> int:
            taken = {field.name: given.pop(field.name) for field in fields(RepairOptions)}
            options = RepairOptions(
                **{key: tuple(value) if isinstance(value, list) else value for key, value in taken.items()}
            )
            return command(**given, options=options)

        wrapper.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
        wrapper.__annotations__ = {one.name: one.annotation for one in (*own, *added)}
        return wrapper

    return decorate


def _parameter(name: str, run: Run) -> inspect.Parameter:
    flag, kind, about = _OPTIONS[name]
    option = typer.Option(flag, help=run.translator.gettext(about), show_default=False)
    default: list[str] | None = [] if kind == list[str] else None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def profile_from(options: RepairOptions, run: Run, *, sending: bool = False, peer_text: str | None = None) -> "Profile":
    """Give the profile the options ask for: the named one, or the default, with every option over it.

    `peer_text` is what the destination can read; an option says it louder. Raises errors that mean exit status 2.
    """
    from tolmach.apps.settings import load_rules_file, load_table, profile_named
    from tolmach.edit.rules import parse_rules
    from tolmach.repair.profile import Profile, Unsure, parse_code_page, parse_text_policy

    profile = profile_named(run.settings, options.profile) if options.profile else Profile()
    if options.from_ is not None:
        profile = replace(profile, code_page=parse_code_page(options.from_))
    text = options.text if options.text is not None else peer_text
    if text is not None:
        profile = replace(profile, text=parse_text_policy(text, converts=sending or text.lower() != "utf-8"))
    if options.unsure is not None:
        if options.unsure not in get_args(Unsure):
            why = run.translator.gettext(
                N_("“{value}” is not one of: {known}."), value=options.unsure, known="pass, hold, fail"
            )
            raise BadCall(USAGE, why=why, command="")
        profile = replace(profile, unsure=cast("Unsure", options.unsure))
    rules = list(profile.rules)
    if options.rules is not None:
        rules += parse_rules(load_rules_file(options.rules), load_table, str(options.rules))
    steps = _steps(options)
    if steps:
        rules += parse_rules([{"do": steps}], load_table, "--set, --delete")
    return replace(profile, rules=tuple(rules))


def _steps(options: RepairOptions) -> list[dict[str, str]]:
    """Give the operations of `--set`, `--set-if-missing` and `--delete`."""
    steps = []
    for verb, texts in (("set", options.set), ("set_if_missing", options.set_if_missing)):
        for text in texts:
            keyword, equals, value = text.partition("=")
            if not equals:
                raise BadCall(BAD_ASSIGNMENT, text=text)
            steps.append({verb: keyword.strip(), "value": value})
    steps += [{"delete": text.strip()} for text in options.delete]
    return steps
