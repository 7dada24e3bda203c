"""`tolmach echo`: whether a DICOM destination answers."""

from typing import Annotated

import typer

from tolmach.apps.cli.context import Run
from tolmach.base import N_


def register(app: typer.Typer, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @app.command(help=_(N_("Ask a DICOM destination whether it answers (C-ECHO).")))
    def echo(
        to: Annotated[str, typer.Argument(metavar="TO", help=_(N_("A configured peer or AETITLE@host:port.")))],
        as_json: Annotated[bool, typer.Option("--json", help=_(N_("Print the result as JSON.")))] = False,
    ) -> int:
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
