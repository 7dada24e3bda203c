"""`tolmach passport`: what a machine writes, from sample files; to read, to print, and as proposed settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tolmach.apps.cli.arguments import PATHS, json_option
from tolmach.apps.cli.context import Run
from tolmach.base import N_, Fault, NeedsOperator, TolmachError

if TYPE_CHECKING:
    from tolmach.apps.cli.terminal import Terminal
    from tolmach.journeys.passport import DevicePassport, PassportMaker, Rejected

OUTPUT_THERE = Fault(
    "TLM-CLI-041",
    N_("{file} is there already and was left as it is."),
    N_("Name another file, or delete this one first."),
)
NOTHING_READABLE = Fault(
    "TLM-CLI-042",
    N_("None of the files is a readable DICOM file, so there is no passport; files looked at: {count}."),
    N_("Check that the right folder was chosen; tolmach inspect tells what is wrong with each file."),
)


class OutputThere(NeedsOperator):
    """A file that was to be written is there; exit status 2, before anything was read."""


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Tell what a machine writes and propose settings for it, from sample files.")))
    @PATHS
    @click.option("--html", metavar="FILE", type=Path, help=_(N_("Write a page to read and to print.")))
    @click.option("--toml", metavar="FILE", type=Path, help=_(N_("Write the proposed profile and watch.")))
    @json_option(run)
    def passport(paths: tuple[Path, ...], html: Path | None, toml: Path | None, *, as_json: bool) -> int:
        return _passport(run, paths, html, toml, run.terminal(as_json=as_json))


def _passport(run: Run, paths: Sequence[Path], html: Path | None, toml: Path | None, terminal: Terminal) -> int:
    from tolmach.adapters.folder import inflate
    from tolmach.journeys.passport import PassportMaker

    for file in (html, toml):
        if file is not None and (file.exists() or html == toml):
            raise OutputThere(OUTPUT_THERE, file=file)
    now = datetime.now().astimezone()
    maker = PassportMaker(inflate, now.date())
    unlisted = _read(paths, maker, terminal)
    passports, rejected = maker.passports(), maker.rejected
    if not passports:
        if not unlisted or rejected.verdicts:
            terminal.complain(NeedsOperator(NOTHING_READABLE, count=rejected.verdicts.total()))
        return 1
    _write(passports, rejected, html, toml, run, now)
    _tell(passports, rejected, terminal)
    for written in (html, toml):
        if written is not None:
            terminal.say(N_("{file} is written."), file=written)
    return 1 if unlisted or rejected.verdicts["unreadable"] else 0


def _read(paths: Sequence[Path], maker: PassportMaker, terminal: Terminal) -> int:
    """Read every file of the paths; gives how many paths could not be listed."""
    from tolmach.adapters.folder import FileReader, walk
    from tolmach.apps.reports import printable

    reader, unlisted = FileReader(), 0
    # Counted beforehand only for a person who waits: of very many files not even the names are kept.
    total = sum(1 for _file in walk(paths)) if terminal.is_one_screen else 0
    with terminal.progress(N_("Reading"), total) as step:
        for file in walk(paths):
            step()
            if isinstance(file, TolmachError):
                unlisted += 1
                terminal.complain(file)
                continue
            name = printable(file.path)
            try:
                with reader.open(file.path) as source:
                    maker.add(source, name)
            except TolmachError as error:
                maker.reject(name, error)
                if maker.rejected.named[-1][1] is error.problem:
                    terminal.complain(error, name)
    terminal.complain_of_the_rest()
    return unlisted


def _write(
    passports: Sequence[DevicePassport],
    rejected: Rejected,
    html: Path | None,
    toml: Path | None,
    run: Run,
    now: datetime,
) -> None:
    from tolmach.adapters.folder import write_file
    from tolmach.apps.passport_page import page
    from tolmach.apps.passport_toml import toml_file

    if html is not None:
        text = page(passports, rejected, run.translator, now)
        write_file(html, [text.encode("utf-8", "replace")], is_private=True)  # patients are named in it
    if toml is not None:
        write_file(toml, [toml_file(passports, run.translator).encode("utf-8", "replace")])


def _tell(passports: Sequence[DevicePassport], rejected: Rejected, terminal: Terminal) -> None:
    from tolmach.apps.passport_json import passport_as_json
    from tolmach.apps.passport_page import SUMMARY
    from tolmach.apps.passport_text import lines_of
    from tolmach.apps.passport_toml import proposals
    from tolmach.journeys.proposal import damaged_of

    for passport, proposal in zip(passports, proposals(passports), strict=True):
        if terminal.as_json:
            terminal.result(passport_as_json(passport, proposal, rejected))
            continue
        for text, colour in lines_of(passport, proposal, damaged_of(passports, rejected), terminal.translator):
            terminal.write(text, colour)
        terminal.write()
    files, left = sum(one.files for one in passports), rejected.verdicts.total()
    terminal.say(SUMMARY, devices=len(passports), files=files, rejected=left)
