"""`tolmach peers`: who called and was turned away, ready to be added to the configuration."""

from __future__ import annotations

import json

import click

from tolmach.apps.cli.arguments import json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.queue import short_time
from tolmach.apps.cli.records import records_of
from tolmach.base import N_


def register(program: click.Group, run: Run) -> None:
    """Add the command."""
    _ = run.translator.gettext

    @program.command(help=_(N_("Who called and was turned away. Ready to be copied into the configuration.")))
    @json_option(run)
    def peers(*, as_json: bool) -> int:
        return _peers(run, as_json=as_json)


def _peers(run: Run, *, as_json: bool) -> int:
    terminal = run.terminal(as_json=as_json)
    with records_of(run) as records:
        turned_away = records.unknown_peers.list()
    for peer in turned_away:
        if as_json:
            terminal.result(
                {
                    "ae_title": peer.ae_title,
                    "host": peer.host,
                    "first_seen_at": peer.first_seen_at.isoformat(),
                    "last_seen_at": peer.last_seen_at.isoformat(),
                    "times": peer.times,
                }
            )
            continue
        terminal.say(
            N_("# last seen {when}; if you know it, add to the configuration:"), when=short_time(peer.last_seen_at)
        )
        terminal.write("[[peer]]")
        terminal.write('name = "…"')
        # A stranger's words: what JSON writes for a text, TOML reads as the same text.
        terminal.write(f"ae_title = {json.dumps(peer.ae_title)}")
        terminal.write(f"host = {json.dumps(peer.host)}")
        terminal.write('rights = ["echo", "store"]')
        terminal.write()
    if not turned_away:
        terminal.say(N_("Nobody was turned away."))
    return 0
