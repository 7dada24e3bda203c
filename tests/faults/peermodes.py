"""The ways in which a destination can be bad, by name, with what it really keeps in each of them.

`keeps` is what the judge believes: a peer that keeps nothing and says success is a liar, and whoever calls its objects
delivered has been taken in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

# Success, and the warnings of PS3.4 B.2.3 that mean "stored".
STORED_STATUSES = frozenset((0x0000, 0xB000, 0xB006, 0xB007))

NAMES = frozenset(
    "good refuse blackhole reject no_context abort cut_reading cut_answer stall status wrong_message_id wrong_uid "
    "ack_then_crash slow duplicate drop_release half commitment_no".split()
)


@dataclass(frozen=True)
class Mode:
    """One way to behave: `status` is answered, an abort comes at the `pdu`-th P-DATA PDU, a stall takes `seconds`."""

    name: str = "good"
    status: int = 0x0000
    pdu: int = 1
    seconds: float = 0.0
    bytes_per_second: int = 1024
    # Whether answers to N-ACTION come on a new association to `report_port`, as most archives do it.
    report_port: int = 0

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"no mode is called {self.name}")

    @staticmethod
    def parse(wanted: dict[str, Any]) -> Mode:
        known = {one.name for one in fields(Mode)}
        return Mode(**{key: value for key, value in wanted.items() if key in known})


@dataclass
class Turn:
    """What a peer does with one C-STORE."""

    status: int = 0x0000
    keeps: bool = True
    wait_seconds: float = 0.0
    wrong_id: bool = False
    wrong_uid: bool = False
    # How the answer leaves: whole, twice, half of it and then nothing, whole and then nothing.
    leaves: str = "whole"


Decide = Callable[[Mode, int], Turn]


def _status(mode: Mode, count: int) -> Turn:
    return Turn(status=mode.status, keeps=mode.status in STORED_STATUSES)


def _half(mode: Mode, count: int) -> Turn:
    return Turn() if count % 2 else Turn(status=mode.status or 0xA700, keeps=False)


_DECISIONS: dict[str, Decide] = {
    "status": _status,
    "half": _half,
    "stall": lambda mode, count: Turn(wait_seconds=mode.seconds),
    "wrong_message_id": lambda mode, count: Turn(keeps=False, wrong_id=True),
    "wrong_uid": lambda mode, count: Turn(keeps=False, wrong_uid=True),
    "ack_then_crash": lambda mode, count: Turn(keeps=False, leaves="then_gone"),
    "cut_answer": lambda mode, count: Turn(leaves="half"),
    "duplicate": lambda mode, count: Turn(leaves="twice"),
}


def decide(mode: Mode, count: int) -> Turn:
    """Say what becomes of the `count`-th object of this peer's life, counted from 1."""
    found = _DECISIONS.get(mode.name)
    return Turn() if found is None else found(mode, count)


@dataclass
class Tally:
    """What a peer has seen so far; `faults` counts how often somebody met with its badness."""

    faults: int = 0
    connections: int = 0
    associations: int = 0
    received: int = 0
    kept: int = 0
    kept_again: int = 0
    echoes: int = 0
    finds: int = 0
    commitments: int = 0
    errors: list[str] = field(default_factory=list)
