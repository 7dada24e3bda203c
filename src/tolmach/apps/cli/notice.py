"""`tolmach notice`: whether those who shall be told when something is stuck would be."""

from __future__ import annotations

import click

from tolmach.apps.cli.context import Run
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the commands."""
    _ = run.translator.gettext

    @program.group(help=_(N_("Messages to people when something is stuck or a folder has gone silent.")))
    def notice() -> None:
        """Hold the command below."""

    @notice.command("test", help=_(N_("Send a test message now, and say whether it went.")))
    def test_notice() -> int:
        return _test(run)


def _test(run: Run) -> int:
    from tolmach.apps.noticing import send_test

    terminal, status = run.terminal(), 0
    for where, problem in send_test(run.settings):
        if problem is None:
            terminal.say(N_("A test message went to {where}."), where=where)
        else:
            terminal.complain(problem)
            status = 1
    return status
