"""`tolmach token`: who may come in by HTTP. Works beside a running `serve` and without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from tolmach.apps.cli.arguments import json_option
from tolmach.apps.cli.context import Run
from tolmach.apps.cli.records import actor
from tolmach.apps.faults import USAGE, BadCall
from tolmach.apps.gateway.rights import ROLES
from tolmach.base import N_, Phrase

if TYPE_CHECKING:
    from tolmach.adapters.sql.tokens import Token

DAYS = 365
LONGEST_NAME = 64


def register(program: click.Group, run: Run) -> None:
    """Add the commands."""
    _ = run.translator.gettext

    @program.group(help=_(N_("Who may use the console and DICOMweb: make tokens, list and revoke them.")))
    def token() -> None:
        """Hold the commands below."""

    name = click.option("--name", metavar="NAME", required=True, help=_(N_("What the token is for.")))

    @token.command(help=_(N_("Make a token and print it, once: it is kept nowhere.")))
    @name
    @click.option("--role", required=True, type=click.Choice(ROLES), help=_(N_("What its bearer may do.")))
    @click.option("--days", type=click.IntRange(1, DAYS), default=DAYS, help=_(N_("How long it is valid.")))
    @json_option(run)
    def create(name: str, role: str, days: int, *, as_json: bool) -> int:
        return _create(run, name, role, timedelta(days=days), as_json=as_json)

    @token.command("list", help=_(N_("List the tokens that were made; themselves they are not known.")))
    @json_option(run)
    def list_tokens(*, as_json: bool) -> int:
        return _list(run, as_json=as_json)

    @token.command(help=_(N_("Let the bearer of a token in no more.")))
    @name
    def revoke(name: str) -> int:
        from tolmach.apps.holding import records_by

        with records_by(run.settings, create=False) as records:
            records.tokens.revoke(name, actor())
        run.terminal().say(N_("The token {name} is valid no more."), name=name)
        return 0


def _create(run: Run, name: str, role: str, life: timedelta, *, as_json: bool) -> int:
    from tolmach.apps.holding import records_by

    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:  # it stands in lists and in the history
        why = Phrase(N_("{name} cannot have that value."), {"name": "--name"})
        raise BadCall(USAGE, why=why, command="tolmach token create")
    terminal = run.terminal(as_json=as_json)
    # The first token may be made before the first start.
    with records_by(run.settings) as records:
        made = records.tokens.create(name, role, life, actor())
    if as_json:
        terminal.result({"name": name, "role": role, "token": made})
    else:
        terminal.write(made)  # and nothing else: scripts read it
    return 0


def _list(run: Run, *, as_json: bool) -> int:
    from tolmach.apps.holding import records_by

    terminal, now = run.terminal(as_json=as_json), datetime.now(UTC)
    with records_by(run.settings, create=False) as records:
        found = records.tokens.all()
    for one in found:
        if as_json:
            terminal.result(_as_json(one, now))
            continue
        state = terminal.translator.gettext(_state(one, now))
        terminal.write(f"{one.name:<24} {one.role:<12} {one.expires_at:%Y-%m-%d}  {state}")
    if not found:
        terminal.say(N_("There is no token yet."))
    return 0


def _state(one: Token, now: datetime) -> str:
    if one.revoked_at is not None:
        return N_("revoked")
    return N_("valid") if one.is_valid(now) else N_("too old")


def _as_json(one: Token, now: datetime) -> dict[str, object]:
    moments = {
        "made_at": one.made_at,
        "expires_at": one.expires_at,
        "revoked_at": one.revoked_at,
        "used_at": one.used_at,
    }
    told = {key: None if at is None else at.isoformat().replace("+00:00", "Z") for key, at in moments.items()}
    return {"name": one.name, "role": one.role, "valid": one.is_valid(now), "made_by": one.made_by, **told}
