"""`tolmach send`: files repaired in memory and delivered; a row is green only when the destination has confirmed."""

from pathlib import Path
from typing import Annotated

import typer

from tolmach.apps.cli.context import Run
from tolmach.apps.cli.repair_options import RepairOptions, profile_from, taking_repair_options
from tolmach.apps.faults import PROOF_NOT_YET, BadCall
from tolmach.base import N_


def register(app: typer.Typer, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @app.command(help=_(N_("Repair files and send them to a DICOM destination.")))
    @taking_repair_options(run)
    def send(
        paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help=_(N_("Files and folders.")))],
        to: Annotated[str, typer.Argument(metavar="TO", help=_(N_("A configured peer or AETITLE@host:port.")))],
        as_is: Annotated[bool, typer.Option("--as-is", help=_(N_("Send the bytes untouched.")))] = False,
        associations: Annotated[
            int | None,
            typer.Option(min=1, max=32, help=_(N_("How many associations at once.")), show_default=False),
        ] = None,
        proof: Annotated[str, typer.Option(help=_(N_("What counts as delivered: response.")))] = "response",
        as_json: Annotated[bool, typer.Option("--json", help=_(N_("Print one JSON object for each file.")))] = False,
        *,
        options: RepairOptions,
    ) -> int:
        if proof != "response":
            raise BadCall(PROOF_NOT_YET, proof=proof)
        return _send(run, paths, to, options, as_is=as_is, associations=associations, as_json=as_json)


def _send(
    run: Run,
    paths: list[Path],
    to: str,
    options: RepairOptions,
    *,
    as_is: bool,
    associations: int | None,
    as_json: bool,
) -> int:
    from tolmach.apps.cli.destinations import destination_named
    from tolmach.apps.cli.file_rows import FileRows, found
    from tolmach.apps.sending import send_files

    destination, text = destination_named(run, to, associations)
    profile = profile_from(options, run, sending=True, peer_text=text)
    terminal = run.terminal(as_json=as_json)
    files = found(paths, terminal)
    rows = FileRows(terminal, "sent")
    with terminal.progress(N_("Sending"), len(files.names)) as step:
        for report in send_files(files.names, destination, profile, as_is=as_is):
            rows.add(report)
            step()
    return rows.finish(files)
