"""What was changed: one record for each attribute, always returned, never optional."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reason = Literal["character-set", "code-string", "length", "rule", "text-policy"]


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute before and after.

    `before` is what a viewer that believes the old label shows, `after` what every viewer shows now; None where there
    was, or is, no such attribute. `raw_before` is the old value's bytes, so that nothing is ever unknowable.
    """

    path: str
    keyword: str
    vr: str
    before: str | None
    after: str | None
    reason: Reason
    raw_before: bytes | None = None
