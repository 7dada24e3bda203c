"""What every floor needs and no floor owns: faults and errors, words for people. No domain words."""

from tolmach.base.errors import NeedsOperator, Refused, Retryable, TolmachError
from tolmach.base.words import Fault, N_, Phrase, Problem

__all__ = ["Fault", "N_", "NeedsOperator", "Phrase", "Problem", "Refused", "Retryable", "TolmachError"]
