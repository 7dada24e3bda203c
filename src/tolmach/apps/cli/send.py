"""`tolmach send`: files repaired in memory and delivered; a row is green only when the destination has confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tolmach.apps.cli.arguments import DESTINATION, PATHS, json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.repair_options import RepairOptions, memory_from, profile_from, repair_options
from tolmach.apps.faults import AS_IS_ALONE, BadCall
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Repair files and send them to a DICOM destination.")))
    @PATHS
    @DESTINATION
    @click.option("--as-is", is_flag=True, help=_(N_("Send the bytes untouched.")))
    @click.option("--associations", type=click.IntRange(1, 32), help=_(N_("How many associations at once.")))
    @click.option(
        "--proof",
        metavar="KIND",
        help=_(N_("What counts as delivered: response (its answer), commitment (it commits), query (it is asked).")),
    )
    @json_option(run)
    @repair_options(run)
    def send(
        paths: tuple[Path, ...],
        to: str,
        *,
        as_is: bool,
        associations: int | None,
        proof: str | None,
        as_json: bool,
        options: RepairOptions,
    ) -> int:
        if as_is and options.changing:
            raise BadCall(AS_IS_ALONE, option=options.changing)
        return _send(run, paths, to, options, as_is=as_is, associations=associations, proof=proof, as_json=as_json)


def _send(
    run: Run,
    paths: Sequence[Path],
    to: str,
    options: RepairOptions,
    *,
    as_is: bool,
    associations: int | None,
    proof: str | None,
    as_json: bool,
) -> int:
    from tolmach.apps.cli.destinations import destination_named
    from tolmach.apps.cli.file_rows import FileRows, found
    from tolmach.apps.sending import send_files

    destination, text = destination_named(run, to, associations, proof)
    profile = profile_from(options, run, sending=True, peer_text=text)
    terminal = run.terminal(as_json=as_json)
    files = found(paths, terminal)
    rows = FileRows(terminal, "sent")
    with memory_from(options, run, learning=True) as memory:
        reports = send_files(files.names, destination, profile, memory, as_is=as_is)
        if destination.proof == "response":
            return rows.tell(reports, files, N_("Sending"))
        from tolmach.apps.proving import Listening, Proof

        own = run.settings.dicom if run.is_configured else None
        asking = Proof(destination.proof, destination)
        where = None if own is None else Listening(own.host, own.port, own.ae_title)
        with asking.listening(where):
            return rows.tell(asking.proved(reports), files, N_("Sending"))
