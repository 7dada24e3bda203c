"""What every floor needs and no floor owns: faults and errors, words for people. No domain words."""

from tolmach.base.errors import NeedsOperator, Refused, Retryable, TolmachError
from tolmach.base.words import N_, Fault, Phrase, Problem

__all__ = ["N_", "Fault", "NeedsOperator", "Phrase", "Problem", "Refused", "Retryable", "TolmachError"]
