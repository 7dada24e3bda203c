"""`tolmach serve`: everything the configuration enables, until it is told to stop."""

from __future__ import annotations

import logging
import sys

import click

from tolmach.apps.cli.context import Run
from tolmach.base import N_

_LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Receive, repair and deliver until told to stop.")))
    def serve() -> int:
        return _serve(run)


def _serve(run: Run) -> int:
    import threading

    from tolmach.apps.configuration import configuration_file
    from tolmach.apps.serving import told_to_stop
    from tolmach.apps.wiring import station

    # A thread that waits for an acknowledgement shall not wait 5 ms, Python's usual slice, for one that mends text.
    sys.setswitchinterval(0.0005)
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT, stream=sys.stderr)
    terminal = run.terminal()
    stopping = threading.Event()
    with told_to_stop(stopping), station(run.settings, configuration_file(run.config)) as here:
        for problem in here.remarks:
            terminal.complain(problem)
        terminal.say(
            N_("tolmach is listening as {address}; its data is in {folder}. It runs until Ctrl-C or SIGTERM."),
            address=here.address,
            folder=run.settings.data_dir.absolute(),
        )
        while not stopping.wait(1.0):  # in slices: on Windows a wait without an end does not hear Ctrl-C
            pass
        terminal.say(N_("Stopping: what is in hand is finished or stays queued."))
    return 0
