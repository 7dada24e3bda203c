"""The repair options, which several commands share: declared once, understood once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tolmach.apps.cli.context import Run
from tolmach.apps.configuration import configuration_file
from tolmach.apps.faults import BAD_ASSIGNMENT, BadCall
from tolmach.base import N_, Phrase

if TYPE_CHECKING:
    from tolmach.repair.memory import DeviceMemory
    from tolmach.repair.profile import Profile, Unsure


@dataclass(frozen=True, slots=True)
class RepairOptions:
    """The repair options as they were given; None and empty where they were not."""

    profile: str | None
    rules: Path | None
    code_page: str | None
    text: str | None
    sets: tuple[str, ...]
    sets_if_missing: tuple[str, ...]
    deletes: tuple[str, ...]
    unsure: Unsure | None
    devices: Path | None

    @property
    def changing(self) -> str:
        """The first option that says what becomes of the bytes, or nothing."""
        given = {
            "--profile": self.profile,
            "--rules": self.rules,
            "--from": self.code_page,
            "--text": self.text,
            "--set": self.sets,
            "--set-if-missing": self.sets_if_missing,
            "--delete": self.deletes,
            "--unsure": self.unsure,
        }
        return next((name for name, value in given.items() if value), "")


_DECLARED: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("--profile", "profile", {"metavar": "NAME"}, N_("Use this profile of the configuration.")),
    ("--rules", "rules", {"metavar": "FILE", "type": Path}, N_("Carry out the rules of this TOML file.")),
    (
        "--from",
        "code_page",
        {"metavar": "CODE PAGE"},
        N_("Code page of the text: auto, cp1251, cp866, koi8-r, koi8-u, iso-8859-5, …"),
    ),
    (
        "--text",
        "text",
        {"metavar": "FORM"},
        N_("Write text as: utf-8, iso_ir_144, cp1251, transliterate:RULE, as-is"),
    ),
    (
        "--set",
        "sets",
        {"metavar": "KEYWORD=VALUE", "multiple": True},
        N_("Give an attribute a value. May be repeated."),
    ),
    (
        "--set-if-missing",
        "sets_if_missing",
        {"metavar": "KEYWORD=VALUE", "multiple": True},
        N_("The same, when it is absent or empty."),
    ),
    (
        "--delete",
        "deletes",
        {"metavar": "KEYWORD", "multiple": True},
        N_("Remove an attribute, also written (gggg,eeee). May be repeated."),
    ),
    (
        "--unsure",
        "unsure",
        {"type": click.Choice(["pass", "hold", "fail"])},
        N_("Files whose text is doubtful: let them pass (the default), hold them back, or fail."),
    ),
    (
        "--devices",
        "devices",
        {"metavar": "FILE", "type": Path},
        N_("Remember in this file which code page each machine writes."),
    ),
)


def repair_options(run: Run) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a decorator that adds the repair options to a command, which receives them together as `options`."""

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        def taking(**given: Any) -> int:
            taken = {field.name: given.pop(field.name) for field in fields(RepairOptions)}
            return command(**given, options=RepairOptions(**taken))

        taking.__name__ = command.__name__
        taking.__click_params__ = list(getattr(command, "__click_params__", ()))  # type: ignore[attr-defined]
        decorated: Callable[..., int] = taking
        for flag, name, kind, about in reversed(_DECLARED):
            decorated = click.option(flag, name, help=run.translator.gettext(about), **kind)(decorated)
        return decorated

    return decorate


def profile_from(options: RepairOptions, run: Run, *, sending: bool = False, peer_text: str | None = None) -> Profile:
    """Give the profile the options ask for: the named one, or the default, with every option over it.

    `peer_text` is what the destination can read; an option says it louder. Raises errors that mean exit status 2.
    """
    from tolmach.repair.profile import Profile, parse_code_page, parse_text_policy

    profile = Profile()
    if options.profile:
        from tolmach.apps.profiles import profile_named

        profile = profile_named(run.settings, options.profile, configuration_file(run.config))
    if options.code_page is not None:
        profile = replace(profile, code_page=parse_code_page(options.code_page))
    text = options.text if options.text is not None else peer_text
    if text is not None:
        profile = replace(profile, text=parse_text_policy(text, converts=sending or text.lower() != "utf-8"))
    if options.unsure is not None:
        profile = replace(profile, unsure=options.unsure)
    steps = _steps(options)
    if options.rules is None and not steps:
        return profile
    from tolmach.apps.profiles import load_rules_file, tables_beside
    from tolmach.edit.faults import BadRule
    from tolmach.edit.rules import parse_rules

    rules = list(profile.rules)
    if options.rules is not None:
        rules += load_rules_file(options.rules)
    try:
        rules += parse_rules([{"do": steps}] if steps else [], tables_beside(None), "")
    except BadRule as error:
        place = Phrase(N_("the command line"))
        raise BadRule(error.problem.fault, **{**error.problem.facts, "where": place}) from error
    return replace(profile, rules=tuple(rules))


@contextmanager
def memory_from(options: RepairOptions, run: Run, *, learning: bool) -> Iterator[DeviceMemory | None]:
    """Give the memory of devices, if one is kept, and keep what was learned, also when the work was interrupted.

    It is kept in the file named with `--devices`, else in the configuration's `data_dir`; a plain call has none, so
    that its verdicts depend on nothing but the files.
    """
    if options.devices is None and not run.is_configured:
        yield None
        return
    from tolmach.apps.cli.memory import kept_memory

    with kept_memory(run, options.devices) as kept:
        memory = kept.load()
        try:
            yield memory
        finally:
            if learning:
                kept.save(memory)


def _steps(options: RepairOptions) -> list[dict[str, str]]:
    """Give the operations of `--set`, `--set-if-missing` and `--delete`."""
    steps = []
    for verb, texts in (("set", options.sets), ("set_if_missing", options.sets_if_missing)):
        for text in texts:
            keyword, equals, value = text.partition("=")
            if not equals:
                raise BadCall(BAD_ASSIGNMENT, text=text)
            steps.append({verb: keyword.strip(), "value": value})
    steps += [{"delete": text.strip()} for text in options.deletes]
    return steps
