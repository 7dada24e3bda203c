"""What can go wrong with the desktop program itself."""

from __future__ import annotations

from tolmach.base import N_, Fault, NeedsOperator, Refused

NO_QT = Fault(
    "TLM-DSK-001",
    N_("The desktop program needs PySide6, which is not installed: {why}."),
    N_(
        'Install it: pip install "tolmach[desktop]", or: pip install PySide6-Essentials. Everything else works without.'
    ),
)
NO_ANSWER_FROM_FIRST = Fault(
    "TLM-DSK-002",
    N_("The desktop program is running already, and it does not answer."),
    N_("Wait a moment and try again; if that does not help, end the other program and start it anew."),
)
NOT_KEPT = Fault(
    "TLM-DSK-003",
    N_("{path} cannot be written: {why}."),
    N_("Make sure that the folder can be written to; until then nothing is remembered."),
)
NOT_DECODED = Fault(
    "TLM-DSK-004",
    N_("The image cannot be shown: {why}."),
    N_("The file can be sent all the same; look at it with a DICOM viewer."),
)
NO_WORD = Fault(
    "TLM-DSK-005",
    N_("Sending ended before this file was confirmed."),
    N_("It counts as not sent. Send it again; a file that did arrive is not stored twice."),
)
SEND_BROKE_OFF = Fault(
    "TLM-DSK-006",
    N_("Sending broke off because of an error in tolmach."),
    N_("Send the rest again; please report this as an error in tolmach, with the log."),
)
EDITS_WITH_AS_IS = Fault(
    "TLM-DSK-007",
    N_("Some files are edited, and “As is” sends them untouched."),
    N_("Choose “Repair and edit”, or undo the edits."),
)
NO_PEER_CHOSEN = Fault(
    "TLM-DSK-008",
    N_("No destination is chosen."),
    N_("Choose one at the top, or add one with the + button."),
)


class DesktopTrouble(NeedsOperator):
    """The desktop program cannot do what was asked until a person changes something."""


class NotDecoded(Refused):
    """An image that cannot be shown; the file itself may be in order."""
