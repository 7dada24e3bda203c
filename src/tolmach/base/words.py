"""Words for people, kept as keys and facts until the very edge.

Below `apps` nothing is translated: a text is an English msgid marked with `N_`, and its facts travel beside it.
`apps` looks the msgid up in the catalogue and fills the facts in. Only then does a sentence exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def N_(msgid: str) -> str:
    """Mark a constant text for the translation catalogue; returns it unchanged."""
    return msgid


@dataclass(frozen=True, slots=True)
class Phrase:
    """A sentence that is not yet in anybody's language: an English msgid with named placeholders, and its facts."""

    msgid: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        """Give the English sentence, for logs and for `--json`."""
        return self.msgid.format_map(self.facts)


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of thing that can go wrong: a stable code, what happened, what the operator should do next.

    Codes are `TLM-<area>-<number>` and never change their meaning; `docs/errors.md` lists them all.
    """

    code: str
    what: str
    todo: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault that was met, with the facts of this occasion."""

    fault: Fault
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The stable code of the fault."""
        return self.fault.code

    @property
    def what(self) -> Phrase:
        """What happened, with this occasion's facts."""
        return Phrase(self.fault.what, self.facts)

    @property
    def todo(self) -> Phrase:
        """What the operator should do next, with this occasion's facts."""
        return Phrase(self.fault.todo, self.facts)

    def __str__(self) -> str:
        """Give the English line: what happened and what to do."""
        return f"{self.what} {self.todo}"
