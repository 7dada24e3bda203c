"""`tolmach serve`: everything the configuration enables, until it is told to stop."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

import click

from tolmach.apps.cli.context import Run
from tolmach.base import N_, TolmachError

if TYPE_CHECKING:
    from tolmach.apps.cli.terminal import Terminal
    from tolmach.apps.sections import Settings, WatchSettings
    from tolmach.apps.wiring import Station

_LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Receive, repair and deliver until told to stop.")))
    def serve() -> int:
        return _serve(run)


def _serve(run: Run) -> int:
    from tolmach.apps.configuration import configuration_file
    from tolmach.apps.serving import orders_by_signal
    from tolmach.apps.wiring import station

    # A thread that waits for an acknowledgement shall not wait 5 ms, Python's usual slice, for one that mends text.
    sys.setswitchinterval(0.0005)
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT, stream=sys.stderr)
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # its own affairs, at each upgrade
    terminal = run.terminal()
    file = configuration_file(run.config)
    with orders_by_signal() as orders, station(run.settings, file) as here:
        terminal.say(
            N_("tolmach is listening as {address}; its data is in {folder}. It runs until Ctrl-C or SIGTERM."),
            address=here.address,
            folder=run.settings.data_dir.absolute(),
        )
        _tell(terminal, here)
        while orders.wait():
            _reload(run.terminal(), here)
        terminal.say(N_("Stopping: what is in hand is finished or stays queued."))
    return 0


def _reload(terminal: Terminal, here: Station) -> None:
    """Run by what the configuration says now; where it cannot be used, go on as before and say why."""
    from tolmach.apps.settings import load_settings

    try:
        here.change(load_settings(here.file, os.environ))
    except TolmachError as error:
        terminal.complain(error)
        terminal.say(N_("The configuration was not changed: everything goes on as before."))
        return
    terminal.say(N_("The configuration was read anew; tolmach is listening as {address}."), address=here.address)
    _tell(terminal, here)


def _aims_of(watch: WatchSettings, settings: Settings) -> list[str]:
    """Give where what a watch brings may go, for people."""
    routed = (name for route in settings.route if watch.name in route.from_ for name in route.to)
    aims = [*watch.to, *routed]
    if watch.export_folder is not None:
        aims.append(str(watch.export_folder.absolute()))
    return list(dict.fromkeys(aims))


def _tell(terminal: Terminal, here: Station) -> None:
    """Say which folders are watched, where DICOMweb is, and what the operator should know."""
    for watch in here.settings.watch:
        folder, purpose = watch.folder.absolute(), ", ".join(_aims_of(watch, here.settings)) or "-"
        if here.modes.is_paused(watch.name):
            terminal.say(N_("Paused: {folder} ({watch})."), folder=folder, watch=watch.name)
        elif here.modes.is_shadow(watch.name):
            said = N_("Watching {folder} ({watch}) in shadow mode: nothing is delivered to {to}.")
            terminal.say(said, folder=folder, watch=watch.name, to=purpose)
        else:
            terminal.say(N_("Watching {folder} ({watch}) for {to}."), folder=folder, watch=watch.name, to=purpose)
    if here.url:
        terminal.say(N_("DICOMweb is at {url}/dicom-web, for callers with a token."), url=here.url)
    for problem in here.remarks:
        terminal.complain(problem)
