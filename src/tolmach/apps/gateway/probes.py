"""What watches over tolmach may ask: does it live, is it ready, how much of what is there.

Standard: the text format of Prometheus, version 0.0.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from tolmach.adapters.dicomweb.answers import Reply
from tolmach.apps.gateway.errors import body_of, status_of
from tolmach.base import TolmachError

_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_ABOUT: Final[Mapping[str, tuple[str, str]]] = {
    "received": ("counter", "Objects that were taken."),
    "delivered": ("gauge", "Lines of the outbox that were delivered."),
    "queued": ("gauge", "Lines of the outbox that wait for delivery."),
    "held": ("gauge", "Lines of the outbox that a person or a rule holds back."),
    "quarantined": ("gauge", "Objects and lines in quarantine."),
    "deleted": ("gauge", "Lines that a person gave up."),
    "disk_free_bytes": ("gauge", "Bytes free for the data folder."),
    "disk_size_bytes": ("gauge", "Bytes of the file system the data folder is on."),
}


class Vitals(Protocol):
    """What can be told of a running station; any thread may call."""

    def require_ready(self) -> None:
        """Return where objects would be taken and found now; raises what keeps them from it."""
        ...

    def figures(self) -> Mapping[str, float]:
        """Give the figures of `_ABOUT` that are known, by name. Raises `RecordsTrouble`."""
        ...


def live() -> Reply:
    """Answer that requests are answered."""
    return Reply(200, b'{"status":"live"}', "application/json")


def ready(vitals: Vitals) -> Reply:
    """Answer whether objects would be taken now, with the reason where they would not."""
    try:
        vitals.require_ready()
    except TolmachError as error:
        return Reply(503 if status_of(error) < 500 else status_of(error), body_of(error.problem), "application/json")
    return Reply(200, b'{"status":"ready"}', "application/json")


def metrics(vitals: Vitals) -> Reply:
    """Give the figures."""
    figures = vitals.figures()
    lines: list[str] = []
    for name, (kind, about) in _ABOUT.items():
        if name in figures:
            full = f"tolmach_{name}_total" if kind == "counter" else f"tolmach_{name}"
            lines += [f"# HELP {full} {about}", f"# TYPE {full} {kind}", f"{full} {_number(figures[name])}"]
    return Reply(200, ("\n".join(lines) + "\n").encode("ascii"), _TEXT)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def known_figures() -> Sequence[str]:
    """Give the names of the figures, for documents and tests."""
    return tuple(_ABOUT)
