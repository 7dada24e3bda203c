"""Holding back: what the operator wants done with files whose text is doubtful."""

from __future__ import annotations

from tolmach.apps.faults import FAILED_UNSURE, HELD_UNSURE
from tolmach.base import NeedsOperator
from tolmach.repair.profile import Profile


class HeldBack(NeedsOperator):
    """The operator asked that doubtful files wait for a person, or count as failed."""


def require_passing(verdict: str, profile: Profile) -> None:
    """Let a file go on; raises `HeldBack` for a doubtful one that the profile does not let pass."""
    if verdict == "unsure" and profile.unsure != "pass":
        raise HeldBack(HELD_UNSURE if profile.unsure == "hold" else FAILED_UNSURE)
