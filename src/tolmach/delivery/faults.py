"""What can go wrong on the way out, and what the operator does then. Codes 001 to 029 are delivery's own."""

from __future__ import annotations

from datetime import datetime

from tolmach.base import N_, Fault, Refused, Retryable

OBJECT_ROTTEN = Fault(
    "TLM-DLV-001",
    N_("The stored object {sha256} is not what it was when it was taken: {why}. It was not sent."),
    N_("Check the disk, run tolmach verify, and restore the object from a backup; it goes out by itself then."),
)
UNEXPECTED = Fault(
    "TLM-DLV-002",
    N_("Something unforeseen happened with this object: {why}."),
    N_("It is held, and tried again from time to time. Please report this as an error in tolmach, with this line."),
)
ALREADY_THERE = Fault(
    "TLM-DLV-003",
    N_("{destination} says that it has this instance already, and nobody has proved that it is the same. {said}"),
    N_(
        "Compare with the image in the PACS: if it is the same, drop this one with tolmach queue drop. "
        'With proof = "query" tolmach asks the PACS itself.'
    ),
)
PROOF_FAILED = Fault(
    "TLM-DLV-004",
    N_("{destination} said that it stores this instance, but does not have it. {said}"),
    N_("Nothing to do now: it is sent again. If it comes back, look into the log of the PACS."),
)
NOT_CALLED_FOR = Fault(
    "TLM-DLV-005",
    N_("{destination} gets objects only in its time window, which opens at {opens_at}."),
    N_("Nothing to do: delivery goes on by itself then."),
)
DRY_RUN = Fault(
    "TLM-DLV-006",
    N_("{destination} is on a dry run: this would be sent, and stays queued."),
    N_("Look at the list, then switch the dry run of this peer off."),
)
NO_IDENTITY = Fault(
    "TLM-DLV-007",
    N_("The object has no usable {keyword}, and this destination takes DICOM objects only."),
    N_("Leave such objects out of this destination, or give them one with a rule."),
)
NO_ANSWER_YET = Fault(
    "TLM-DLV-008",
    N_("{destination} has not proved for {seconds} s that it has this instance."),
    N_("Nothing to do: it is asked again and again. If it lasts, check the proof settings of this peer."),
)


class ObjectRotten(Refused):
    """The stored bytes, or the record of how to change them, are not what they were."""


class NoIdentity(Refused):
    """The object lacks what the destination keeps objects by."""


class NotNow(Retryable):
    """Nothing may be tried before `until`, a moment in UTC; nobody is to blame and no attempt is counted."""

    def __init__(self, fault: Fault, until: datetime, **facts: object) -> None:
        """Keep the moment beside the facts that people read."""
        super().__init__(fault, **facts)
        self.until = until
