"""Errors with two axes: the class says what happened, the base says what may follow.

    TolmachError
    ├── Retryable       the same attempt may succeed later (network, busy peer)
    ├── NeedsOperator   a person must change something first (configuration, peer's settings)
    └── Refused         this input will never be accepted as it is (damaged file, limit reached)

Every error carries a `Problem`: a stable code, the facts, and a hint that says what to do next. Foreign exceptions are
mapped to these at the adapters and nowhere else.
"""

from __future__ import annotations

from tolmach.base.words import Fault, Problem


class TolmachError(Exception):
    """Something went wrong that a person can be told about in one line."""

    def __init__(self, fault: Fault, **facts: object) -> None:
        """Keep the fault and the facts; the English line becomes the exception's text."""
        self.problem = Problem(fault, facts)
        super().__init__(f"{fault.code}: {self.problem}")

    @property
    def code(self) -> str:
        """The stable code of the fault."""
        return self.problem.code


class Retryable(TolmachError):
    """The same attempt may succeed later without anybody changing anything."""


class NeedsOperator(TolmachError):
    """A person must change something (a setting, a peer, a permission) before it can succeed."""


class Refused(TolmachError):
    """This input cannot be accepted as it is, however often it is tried."""
