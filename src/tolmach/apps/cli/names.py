"""Names on the command line that must be those of something known: destinations and watched folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tolmach.apps.cli.context import Run
from tolmach.apps.faults import UNKNOWN_DESTINATION, BadCall
from tolmach.base import N_, Fault, Phrase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tolmach.adapters.sql import Records

UNKNOWN_WATCH = Fault(
    "TLM-CLI-030",
    N_("There is no watched folder “{name}”."),
    N_("Use one of: {known}."),
)


def require_destination(run: Run, records: Records, name: str | None) -> None:
    """Require a destination that is configured, or was when something was queued for it; raises `BadCall`."""
    known = {one.name for one in run.settings.destinations}
    if name is not None and name not in known and not (name and records.desk.knows(name)):
        raise BadCall(UNKNOWN_DESTINATION, name=name, known=_listed(known))


def require_watch(run: Run, records: Records, name: str) -> None:
    """Require a watched folder that is configured, or was when something was noted of it; raises `BadCall`."""
    known = {one.name for one in run.settings.watch} | {one.name for one in records.watched.states()}
    if name not in known:
        raise BadCall(UNKNOWN_WATCH, name=name, known=_listed(known))


def _listed(names: Iterable[str]) -> str | Phrase:
    return ", ".join(sorted(names)) or Phrase(N_("none"))
