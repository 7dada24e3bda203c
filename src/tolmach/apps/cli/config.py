"""`tolmach init` and `tolmach config`: a commented configuration to begin with, and what the one there is says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from tolmach.apps.cli.context import Run
from tolmach.apps.configuration import FILE_NAME, configuration_file
from tolmach.base import N_

if TYPE_CHECKING:
    from tolmach.apps.sections import Section

# What nobody who looks over a shoulder shall read; the address of a webhook is often its key as well.
_SECRETS = {"token", "password", "smtp_password", "webhook_url", "webhook_token"}
SomeSection = TypeVar("SomeSection", bound="Section")


def register(program: click.Group, run: Run) -> None:
    """Add the commands."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Write a commented configuration to begin with.")))
    @click.argument("file", metavar="[FILE]", type=Path, default=Path(FILE_NAME))
    @click.option(
        "--from-ini", "ini", metavar="INI", type=Path, help=_(N_("Take over the settings of an older program."))
    )
    def init(file: Path, ini: Path | None) -> int:
        from tolmach.apps.sample_configuration import write_sample

        if ini is not None:
            return _init_from(run, file, ini)
        write_sample(file)
        run.terminal().say(N_("{file} is written; every line in it is explained there."), file=file)
        return 0

    @program.group(help=_(N_("Look at the configuration.")))
    def config() -> None:
        """Hold the commands below."""

    @config.command(help=_(N_("Try the configuration out without starting anything.")))
    def check() -> int:
        from tolmach.apps.profiles import require_usable

        require_usable(run.settings, configuration_file(run.config))
        run.terminal().say(N_("The configuration is in order: {file}"), file=configuration_file(run.config) or "-")
        return 0

    @config.command(help=_(N_("Show the values in force, as JSON.")))
    def show() -> int:
        settings = run.settings
        peers, notice = tuple(map(_without_secrets, settings.peer)), _without_secrets(settings.notice)
        shown = settings.model_copy(update={"peer": peers, "notice": notice})
        _print(run, shown.model_dump_json(indent=2, by_alias=True))
        return 0

    @config.command(help=_(N_("Print the JSON Schema of the configuration.")))
    def schema() -> int:
        import json

        from tolmach.apps.sections import Settings

        _print(run, json.dumps(Settings.model_json_schema(), ensure_ascii=False, indent=2))
        return 0


def _init_from(run: Run, file: Path, ini: Path) -> int:
    from tolmach.apps.from_ini import migrate, write_migration

    migration = migrate(ini, run.translator)
    write_migration(file, migration)
    for problem in (*migration.failures, *migration.notices):
        run.terminal().complain(problem)  # each line of the file is told, however many there are
    run.terminal().say(N_("{file} is written; every line in it is explained there."), file=file)
    return 1 if migration.failures else 0


def _without_secrets(section: SomeSection) -> SomeSection:
    secret = _SECRETS & section.model_fields_set
    return section.model_copy(update={key: "…" for key in secret if getattr(section, key)})


def _print(run: Run, text: str) -> None:
    terminal = run.terminal()
    for line in text.splitlines():
        terminal.write(line)
