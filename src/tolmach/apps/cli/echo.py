"""`tolmach echo`: whether a DICOM destination answers."""

import click

from tolmach.apps.cli.arguments import DESTINATION, json_option
from tolmach.apps.cli.context import Run
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Ask a DICOM destination whether it answers (C-ECHO).")))
    @DESTINATION
    @json_option(run)
    def echo(to: str, *, as_json: bool) -> int:
        return _echo(run, to, as_json=as_json)


def _echo(run: Run, to: str, *, as_json: bool) -> int:
    from tolmach.adapters.dimse import verify_peer
    from tolmach.apps.cli.destinations import destination_named
    from tolmach.base import TolmachError

    destination, _text = destination_named(run, to)
    terminal = run.terminal(as_json=as_json)
    try:
        answer = verify_peer(destination.address, destination.calling_ae_title, destination.timeouts)
    except TolmachError as error:
        terminal.complain(error)
        if as_json:
            problem = {"code": error.code, "message": str(error.problem)}
            terminal.result({"to": to, "status": None, "seconds": None, "problems": [problem]})
        return 1
    if as_json:
        terminal.result({"to": to, "status": "0000", "seconds": round(answer.seconds, 6), "problems": []})
    milliseconds = f"{answer.seconds * 1000:.1f}"
    terminal.say(N_("{to} answers, {milliseconds} ms."), to=to, milliseconds=milliseconds)
    return 0
