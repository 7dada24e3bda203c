"""Why the archive does not answer or act, and what to do then."""

from __future__ import annotations

from tolmach.base import N_, Fault, Refused


class Unanswerable(Refused):
    """A question that cannot be answered as it is."""


LOST_LETTERS = Fault(
    "TLM-ARC-001",
    N_("The name asked for came as {name}: its letters were lost on the asking side, and any name would fit."),
    N_(
        "Ask by patient ID, date or accession number, or in Latin letters; "
        "let the asking program write UTF-8, or set text of its peer to what it writes."
    ),
)
LOST_LETTERS_IGNORED = Fault(
    "TLM-ARC-002",
    N_("The name asked for came as {name}: its letters were lost on the asking side, so it was not looked at."),
    N_("Let the asking program write UTF-8, or set text of its peer to what it writes."),
)
BAD_RANGE = Fault(
    "TLM-ARC-003",
    N_("{value} cannot be looked for in {keyword}: a date is 20260131, a time 235959, a range has - between two."),
    N_("Ask again with a date or time written so."),
)
TOO_LONG = Fault(
    "TLM-ARC-004",
    N_("What is asked of {keyword} is longer than {limit} characters, or has too many wild cards or values."),
    N_("Ask for less at once."),
)
NO_UNIQUE_KEY = Fault(
    "TLM-ARC-005",
    N_("The question names no {keyword}; it was answered over all of them."),
    N_("Nothing needs to be done; an answer comes faster when the levels above are named."),
)
