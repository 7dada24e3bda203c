"""Conditions: when a rule applies to a file. All of them must hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tolmach.dicom.paths import AttributePath
from tolmach.edit.draft import Draft
from tolmach.edit.patterns import require_short


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object came from, as far as rules may ask: `source.ae_title`, `source.watch`."""

    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one attribute or of the origin. Exactly one of the tests is set."""

    attribute: AttributePath | None = None
    origin: str = ""
    equals: str | None = None
    one_of: Sequence[str] | None = None
    matches: re.Pattern[str] | None = None
    missing: bool | None = None
    negated: Condition | None = None

    def holds(self, draft: Draft, origin: Origin) -> bool:
        """Tell whether the condition is true of a draft and its origin. An absent attribute equals nothing.

        Raises `BadValue` when a pattern is to be found in a value that is too long for it.
        """
        if self.negated is not None:
            return not self.negated.holds(draft, origin)
        text = origin.facts.get(self.origin) if self.attribute is None else draft.text(self.attribute)
        if self.missing is not None:
            present = bool(text) if self.attribute is None else draft.has_value(self.attribute)
            return present != self.missing
        if text is None:
            return False
        if self.equals is not None:
            return text == self.equals
        if self.one_of is not None:
            return text in self.one_of
        if self.matches is None:
            return False
        require_short(text, self.origin if self.attribute is None else self.attribute.shown)
        return self.matches.search(text) is not None
