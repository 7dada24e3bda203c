"""Holding back: what the operator wants done with files whose text is doubtful."""

from __future__ import annotations

from tolmach.base import N_, Fault, NeedsOperator
from tolmach.repair.profile import Profile

HELD_UNSURE = Fault(
    "TLM-CLI-006",
    N_("The text is doubtful, and doubtful files were to be held back."),
    N_("Look at the file with tolmach inspect; say the code page with --from, or let it pass with --unsure pass."),
)
FAILED_UNSURE = Fault(
    "TLM-CLI-015",
    N_("The text is doubtful, and doubtful files were to count as failed."),
    N_("Look at the file with tolmach inspect; say the code page with --from, or let it pass with --unsure pass."),
)


class HeldBack(NeedsOperator):
    """The operator asked that doubtful files wait for a person, or count as failed."""


def require_passing(verdict: str, profile: Profile) -> None:
    """Let a file go on; raises `HeldBack` for a doubtful one that the profile does not let pass."""
    if verdict == "unsure" and profile.unsure != "pass":
        raise HeldBack(HELD_UNSURE if profile.unsure == "hold" else FAILED_UNSURE)
