"""What `main` runs: finds the command, speaks the user's language, turns errors into one line and an exit status.

Exit status 0: everything asked for was done; 1: something failed, was held or is unsure; 2: the command or the
configuration is wrong. Commands import what they need when they run, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from tolmach import __version__
from tolmach.apps.cli import (
    archive,
    audit,
    backup,
    config,
    demo,
    desktop,
    detect,
    devices,
    doctor,
    echo,
    find,
    fix,
    fold,
    get,
    history,
    inspect,
    notice,
    passport,
    peers,
    queue,
    send,
    serve,
    service,
    token,
    translit,
    undo,
    watch,
)
from tolmach.apps.cli.context import Run, start
from tolmach.apps.cli.usage import explained, require_command
from tolmach.apps.cli.wording import SpokenGroup
from tolmach.apps.faults import INTERRUPTED, OUTPUT_LOST
from tolmach.base import N_, Problem, Retryable, TolmachError

OK, SOMETHING_FAILED, WRONG_CALL, INTERRUPTED_STATUS = 0, 1, 2, 130

COMMANDS = (
    *(inspect, fix, undo, send, echo, find, get, serve, service, watch, queue, history, audit, archive, backup, peers),
    *(doctor,),
    *(detect, translit, fold, devices, passport, notice, config, demo, desktop, token),
)


def run(arguments: Sequence[str]) -> int:
    """Run one command; gives its exit status."""
    rest, context = start(arguments)
    terminal = context.terminal()
    try:
        context.require_usable()
        program = build(context)
        require_command(rest, program.commands)
        status = program.main(rest or ["--help"], prog_name="tolmach", standalone_mode=False, obj=context.translator)
        sys.stdout.flush()
    except (_Interrupted, click.Abort, KeyboardInterrupt):
        terminal.complain(Problem(INTERRUPTED))
        return INTERRUPTED_STATUS
    except click.ClickException as error:
        terminal.complain(explained(error))
        return WRONG_CALL
    except TolmachError as error:
        terminal.complain(error)
        return _status_of(error)
    except OSError as error:
        # Files and the network have errors of ours; what is left and names no file is what we write to.
        if isinstance(error, BrokenPipeError) or error.filename is not None:
            raise
        terminal.complain(Problem(OUTPUT_LOST, {"why": error.strerror or error}))
        return SOMETHING_FAILED
    return status if isinstance(status, int) else OK


def _status_of(error: TolmachError) -> int:
    """Give the exit status of an error that ended everything: the world's fault, or the call's."""
    from tolmach.adapters.folder import FileProblem
    from tolmach.apps.demo import DemoFailed

    return SOMETHING_FAILED if isinstance(error, Retryable | FileProblem | DemoFailed) else WRONG_CALL


class _Interrupted(Exception):
    """Ctrl-C, kept from click, which would write an empty line among the errors."""


class _Program(SpokenGroup):
    """All commands together."""

    group_class = SpokenGroup

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out the command that was called."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise _Interrupted from error


def build(context: Run) -> click.Group:
    """Give the program with all its commands, their help in the user's language."""
    _ = context.translator.gettext

    @click.group(cls=_Program, help=_(N_("Repairs the text of almost-DICOM files and delivers them to a PACS.")))
    @click.option("--lang", metavar="ru|uk|en", help=_(N_("Language of messages.")), expose_value=False)
    @click.option("--config", metavar="FILE", help=_(N_("Configuration file.")), expose_value=False)
    @click.version_option(__version__, message="%(prog)s %(version)s", help=_(N_("Show the version.")))
    def program() -> None:
        """Take what concerns every command; `start` has understood it already."""

    for command in COMMANDS:
        command.register(program, context)
    return program
