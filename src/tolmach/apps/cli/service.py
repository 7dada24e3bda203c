"""`tolmach service`: the agent runs by itself, from the start of the machine to its end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tolmach.apps.cli.context import Run
from tolmach.base import N_, Fault

if TYPE_CHECKING:
    from tolmach.apps.service_unit import Unit

NO_FILE = Fault(
    "TLM-SRV-060",
    N_("A service needs a configuration file, and there is none."),
    N_("Write one with tolmach init and edit it; then run the same with --config FILE."),
)
NO_USERS_SERVICE = Fault(
    "TLM-SRV-061",
    N_("Windows has services of the whole machine alone."),
    N_("Leave --user out, and run the same as an administrator."),
)

Decorate = Callable[[Callable[..., Any]], Callable[..., Any]]


def register(program: click.Group, run: Run) -> None:
    """Add the commands."""
    _ = run.translator.gettext

    @program.group(help=_(N_("Let tolmach serve run by itself, as a service of systemd or Windows.")))
    def service() -> None:
        """Hold the commands below."""

    name = click.option("--name", metavar="NAME", default="tolmach", help=_(N_("What the service is called.")))
    user = click.option("--user", "is_users", is_flag=True, help=_(N_("For you alone, with your own systemd.")))
    dry = click.option("--dry-run", "is_dry", is_flag=True, help=_(N_("Only show what would be done.")))

    @service.command(help=_(N_("Install the service and start it. Again: bring it in step with the configuration.")))
    @name
    @user
    @dry
    def install(name: str, *, is_users: bool, is_dry: bool) -> int:
        return _install(run, name, is_users=is_users, is_dry=is_dry)

    @service.command(help=_(N_("Stop the service and remove it. The data folder stays.")))
    @name
    @user
    @dry
    def remove(name: str, *, is_users: bool, is_dry: bool) -> int:
        return _remove(run, name, is_users=is_users, is_dry=is_dry)


def _install(run: Run, name: str, *, is_users: bool, is_dry: bool) -> int:
    from tolmach.apps.service_unit import unit_text
    from tolmach.apps.systemd import prepare, systemd_here

    terminal = run.terminal()
    if sys.platform == "win32":
        return _windows(run, name, is_users=is_users, is_dry=is_dry, is_install=True)
    if is_dry:
        sys.stdout.write(unit_text(_unit(run, name, is_users=is_users, is_dry=True)))
        return 0
    systemd = systemd_here(is_users=is_users, config_home=_config_home())
    unit = _unit(run, name, is_users=is_users, is_dry=False)
    prepare(unit)
    file = systemd.install(unit)
    terminal.say(N_("The service {name} was started; systemd starts it with the machine: {file}"), name=name, file=file)
    for path in unit.writable:
        if not path.exists():
            terminal.say(
                N_("Not there yet: {path}. Make it, then run the same again, so that it may be written."), path=path
            )
    terminal.say(N_("Its log: {command}"), command=f"journalctl {'--user ' * is_users}--unit {name} --follow")
    if is_users:
        terminal.say(N_("To let it run while you are not logged in: {command}"), command="loginctl enable-linger")
    return 0


def _unit(run: Run, name: str, *, is_users: bool, is_dry: bool) -> Unit:
    """Describe the agent of this configuration; a dry run needs no account to be there."""
    from tolmach.apps.service_unit import unit_of
    from tolmach.apps.systemd import ServiceUnusable, account_of

    config, settings, here = _config(run), run.settings, Path.cwd()
    user = None
    if not is_users:
        try:
            user = account_of(here / settings.data_dir)
        except ServiceUnusable as error:
            if not is_dry:
                raise
            run.terminal().complain(error)
            user = "tolmach"
    return unit_of(settings, config, name, user, here)


def _config(run: Run) -> Path:
    from tolmach.apps.configuration import configuration_file
    from tolmach.apps.faults import BadCall

    file = configuration_file(run.config)
    if file is None:
        raise BadCall(NO_FILE)
    return file.absolute()


def _config_home() -> Path:
    from platformdirs import user_config_path

    return user_config_path()


def _remove(run: Run, name: str, *, is_users: bool, is_dry: bool) -> int:
    from tolmach.apps.systemd import systemd_here

    terminal = run.terminal()
    if sys.platform == "win32":
        return _windows(run, name, is_users=is_users, is_dry=is_dry, is_install=False)
    systemd = systemd_here(is_users=is_users, config_home=_config_home())
    if is_dry:
        terminal.write(f"{' '.join(systemd.command)} disable --now {name}.service")
        terminal.write(f"rm {systemd.unit_file(name)}")
        return 0
    file = systemd.remove(name)
    terminal.say(N_("The service {name} was stopped and removed: {file}"), name=name, file=file)
    return 0


def _windows(run: Run, name: str, *, is_users: bool, is_dry: bool, is_install: bool) -> int:
    from tolmach.apps import windows_service
    from tolmach.apps.faults import BadCall

    terminal = run.terminal()
    if is_users:
        raise BadCall(NO_USERS_SERVICE)
    if not is_install:
        if is_dry:
            terminal.write(f"sc.exe delete {name}")
            return 0
        windows_service.remove(name)
        terminal.say(N_("The service {name} was stopped and removed."), name=name)
        return 0
    plan = windows_service.plan(run.settings, _config(run), name, Path.cwd())
    if is_dry:
        for line in plan.lines():
            terminal.write(line)
        return 0
    windows_service.install(plan)
    terminal.say(N_("The service {name} was started; Windows starts it with the machine."), name=name)
    return 0
