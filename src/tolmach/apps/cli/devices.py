"""`tolmach devices`: what is remembered of the code page each machine writes; see it, pin it, forget it."""

from __future__ import annotations

from pathlib import Path

import click

from tolmach.apps.cli.arguments import json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.memory import kept_memory
from tolmach.apps.faults import UNKNOWN_DEVICE, BadCall
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the commands."""
    _ = run.translator.gettext

    @program.group(help=_(N_("What is remembered of the code page each machine writes.")))
    def devices() -> None:
        """Hold the commands below."""

    file = click.option("--devices", "file", metavar="FILE", type=Path, help=_(N_("The file they are remembered in.")))

    @devices.command("list", help=_(N_("List the machines met so far.")))
    @file
    @json_option(run)
    def list_devices(file: Path | None, *, as_json: bool) -> int:
        return _list(run, file, as_json=as_json)

    @devices.command(help=_(N_("Say in which code page a machine writes; DEVICE as listed.")))
    @click.argument("device", metavar="DEVICE")
    @click.argument("code_page", metavar="CODE_PAGE")
    @file
    def pin(device: str, code_page: str, file: Path | None) -> int:
        return _pin(run, file, device, code_page)

    @devices.command(help=_(N_("Forget what is remembered of a machine.")))
    @click.argument("device", metavar="DEVICE")
    @file
    def reset(device: str, file: Path | None) -> int:
        return _reset(run, file, device)


def _list(run: Run, file: Path | None, *, as_json: bool) -> int:
    terminal = run.terminal(as_json=as_json)
    with kept_memory(run, file) as kept:
        memory = kept.load()
    for key, device in sorted(memory.devices.items()):
        if as_json:
            terminal.result({"device": device.name(key), "key": key, "counts": device.counts, "pinned": device.pinned})
            continue
        counts = ", ".join(f"{page} {count}" for page, count in sorted(device.counts.items()))
        pinned = terminal.translator.gettext(N_("pinned: {page}"), page=device.pinned) if device.pinned else ""
        terminal.write("  ".join(part for part in (device.name(key), counts, pinned) if part))
    if not memory.devices:
        terminal.say(N_("No machine is remembered yet: fix or send files with --devices FILE or a configuration."))
    return 0


def _pin(run: Run, file: Path | None, device: str, code_page: str) -> int:
    from tolmach.repair.profile import parse_code_page

    with kept_memory(run, file) as kept:
        kept.pin(kept.load().key_of(device), parse_code_page(code_page))
    run.terminal().say(N_("{device} is taken to write {page}."), device=device, page=code_page)
    return 0


def _reset(run: Run, file: Path | None, device: str) -> int:
    with kept_memory(run, file) as kept:
        if not kept.reset(kept.load().key_of(device)):
            raise BadCall(UNKNOWN_DEVICE, device=device)
    run.terminal().say(N_("{device} is forgotten."), device=device)
    return 0
