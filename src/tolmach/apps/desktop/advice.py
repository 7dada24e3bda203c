"""What to do next, said with the window's own buttons where the fault names a command: nobody types one here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tolmach.adapters.sql.faults import (
    CONCLUDED_LINES,
    NOT_READY_TO_RESEND,
    NOWHERE,
    UNKNOWN_LINES,
    UNKNOWN_OBJECTS,
)
from tolmach.apps import faults as apps
from tolmach.apps import findings
from tolmach.base import N_, Fault, Phrase, Problem
from tolmach.delivery.faults import ALREADY_THERE
from tolmach.journeys.faults import EXAMINATION_FAILED, NO_ROUTE, REBUILT, SHADOW

ADVICE: Final[Mapping[Fault, str]] = {
    SHADOW: N_(
        "See under “History” what would be changed. To deliver, switch off “Shadow mode” of this folder under "
        "“Folders”; you are asked whether what is held goes too."
    ),
    EXAMINATION_FAILED: N_("Please report this with the line in the log. “Retry now” in the queue lets it go on."),
    NO_ROUTE: N_(
        "Add a [[route]] to the configuration or enable the archive; then “Retry now” in the queue lets it go on."
    ),
    REBUILT: N_("Send it again with “Retry now” in the queue, which is harmless, or drop it there if the PACS has it."),
    ALREADY_THERE: N_(
        "Compare with the image in the PACS: if it is the same, drop this one with “Drop…” in the queue. "
        'With proof = "query" tolmach asks the PACS itself.'
    ),
    findings.STUCK: N_("Look whether it runs and can be reached; the queue says why. It goes on by itself then."),
    findings.HELD: N_("See why in the queue; when the cause is gone, “Retry now” there lets them go on."),
    findings.QUARANTINED: N_("See why in the queue; “Retry now” there releases an image."),
    apps.NOBODY_THERE: N_("Configure a [[peer]] of that name, or give these lines up with “Drop…” in the queue."),
    UNKNOWN_LINES: N_("It was concluded or removed meanwhile; the list is read anew. Nothing was changed."),
    CONCLUDED_LINES: N_("To send an image once more use “Resend…” in the history. Nothing was changed."),
    UNKNOWN_OBJECTS: N_("It was removed meanwhile; the list is read anew. Nothing was changed."),
    NOT_READY_TO_RESEND: N_(
        "Wait until they are looked through; “Retry now” in the queue releases quarantined ones. Nothing was changed."
    ),
    NOWHERE: N_("Choose a destination when you send it once more. Nothing was changed."),
}


def advice(problem: Problem) -> Phrase:
    """Give what to do next as people at the window do it."""
    own = ADVICE.get(problem.fault)
    return problem.todo if own is None else Phrase(own, problem.facts)
