"""What is sent: the same message for a letter and for a webhook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Notice:
    """A message in somebody's language, and the same for programs: what `json.dumps` takes."""

    subject: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)


def one_line(text: str) -> str:
    """Give text that cannot begin a header of its own or move a cursor: what cannot be printed becomes a space."""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()
