"""`tolmach doctor`: whether everything is as it should be here, and whether the installation is safe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tolmach.apps.cli.arguments import json_option
from tolmach.apps.cli.context import Run
from tolmach.base import N_

if TYPE_CHECKING:
    from tolmach.apps.cli.terminal import Terminal
    from tolmach.apps.doctor import Looked

_STATES = {"ok": (N_("in order"), "green"), "found": (N_("look here"), "red"), "skipped": (N_("not in use"), "dim")}


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Look whether the installation, its peers, disk and clocks are in order.")))
    @click.option("--security", is_flag=True, help=_(N_("Look at what is open to whom, and who could read what.")))
    @json_option(run)
    def doctor(*, security: bool, as_json: bool) -> int:
        return _doctor(run, security=security, as_json=as_json)


def _doctor(run: Run, *, security: bool, as_json: bool) -> int:
    from tolmach.apps.configuration import configuration_file
    from tolmach.apps.doctor import Installation, examine
    from tolmach.apps.doctor_checks import INSTALLATION, SECURITY

    terminal, found, is_usable = run.terminal(as_json=as_json), 0, True
    here = Installation(run.settings, configuration_file(run.config), os.environ)
    for looked in examine(SECURITY if security else INSTALLATION, here):
        found += len(looked.findings)
        is_usable = is_usable and not (looked.check.name == "configuration" and looked.findings)
        _tell(terminal, looked)
    if found and not as_json:
        terminal.write(
            terminal.count(
                "{count} thing needs attention.",
                "{count} things need attention.",
                found,
            )
        )
    else:
        terminal.say(N_("Nothing unsafe was found.") if security else N_("Everything is in order."))
    if not is_usable:
        return 2
    return 1 if found else 0


def _tell(terminal: Terminal, looked: Looked) -> None:
    problems = [
        {"code": one.problem.code, "severity": one.severity, "message": str(one.problem)} for one in looked.findings
    ]
    if terminal.as_json:
        terminal.result({"check": looked.check.name, "state": looked.state, "problems": problems})
    else:
        _ = terminal.translator.gettext
        word, colour = _STATES[looked.state]
        terminal.write(f"{_(looked.check.title):<42} {_(word)}", colour)
    for one in looked.findings:
        terminal.complain(one.problem)
