"""What can be wrong with a file or a data set, and what to do about it."""

from __future__ import annotations

from tolmach.base import N_, Fault, Phrase, Refused

NOT_DICOM = Fault(
    "TLM-DCM-001",
    N_("This is not a DICOM file: {why}."),
    N_("Leave it out, or check that the right folder was chosen."),
)
CUT_SHORT = Fault(
    "TLM-DCM-002",
    N_("The file is cut short: {why}."),
    N_("Wait until the machine has finished writing, or export the image from the machine again."),
)
BROKEN_STRUCTURE = Fault(
    "TLM-DCM-003",
    N_("The structure of the data set is broken at byte {offset}: {why}."),
    N_("Export the image from the machine again; if it stays so, show this line to the machine's engineer."),
)
TOO_DEEP = Fault(
    "TLM-DCM-004",
    N_("Sequences are nested deeper than {limit} levels at byte {offset}."),
    N_("No real image looks like this. Find out where the file comes from before using it."),
)
TOO_MANY_ELEMENTS = Fault(
    "TLM-DCM-005",
    N_("The data set has more than {limit} elements."),
    N_("No real image looks like this. Find out where the file comes from before using it."),
)
INFLATES_TOO_FAR = Fault(
    "TLM-DCM-006",
    N_("The compressed data set grows beyond {limit} bytes or {ratio} times its size."),
    N_("No real image looks like this. Find out where the file comes from before using it."),
)
BROKEN_DEFLATE = Fault(
    "TLM-DCM-007",
    N_("The compressed data set cannot be unpacked: {why}."),
    N_("Export the image from the machine again."),
)
IS_DICOMDIR = Fault(
    "TLM-DCM-008",
    N_("This is a DICOMDIR, the index of a disc, not an image."),
    N_("Choose the image files or the whole folder instead; the index itself is not repaired or sent."),
)
NO_SOP_UIDS = Fault(
    "TLM-DCM-009",
    N_("The data set has no {keyword}, so no archive could keep it."),
    N_("Export the image from the machine again, or give it one with a rule."),
)
BAD_PATH = Fault(
    "TLM-DCM-010",
    N_("“{path}” is not an attribute: {why}."),
    N_("Use a keyword such as PatientName, a tag such as (0010,0010), or a path such as 00400275[0].00401001."),
)
VALUE_TOO_LONG = Fault(
    "TLM-DCM-011",
    N_("The new value of {path} does not fit: {length} where {limit} are allowed."),
    N_("Shorten the value in the rule, or let this attribute be."),
)
BAD_VALUE = Fault(
    "TLM-DCM-012",
    N_("“{value}” cannot stand in {path} (VR {vr}): {why}."),
    N_("Correct the value in the rule or on the command line."),
)
CANNOT_CONVERT = Fault(
    "TLM-DCM-013",
    N_("The data set cannot be rewritten from {source} to {target}: {why}."),
    N_("Let the receiver accept the transfer syntax the file is in."),
)
TOO_MUCH_TEXT = Fault(
    "TLM-DCM-014",
    N_("The data set has more than {limit} bytes of text that is not plain ASCII."),
    N_("No real image looks like this. Find out where the file comes from before using it."),
)

NO_PIXELS = Fault(
    "TLM-DCM-015",
    N_("The image has rows and columns but no pixels: the file was probably cut."),
    N_("Wait until the machine has finished writing, or export the image from the machine again."),
)

NO_TEXT_THERE = Fault(
    "TLM-DCM-016",
    N_("{path} cannot be used as text: {why}."),
    N_("Name another attribute in the rule."),
)
NEEDED = Fault(
    "TLM-DCM-017",
    N_("{path} cannot be without a value: no archive could keep the object."),
    N_("Give it another value; new_uid makes a fresh UID."),
)

# Why a file is known to be cut short.
ANNOUNCED = N_("{expected} bytes are announced at byte {offset}, {present} are there")
CUT_INSIDE = N_("it ends at byte {size}, where more must follow")
NO_DATA_SET = N_("it ends before the data set begins")
CUT_IN_DEFLATED = N_("the compressed data set has no end")

# Noticed in passing; the file is usable all the same.
LABEL_LIES = Fault(
    "TLM-DCM-020",
    N_("The header says {declared}, but the data set is written as {found}."),
    N_("Nothing to do: it is read as it really is."),
)
NO_META = Fault(
    "TLM-DCM-021",
    N_("The file has no file meta information."),
    N_("Nothing to do: the data set is read by its own evidence."),
)
TRAILING_BYTES = Fault(
    "TLM-DCM-022",
    N_("{count} stray bytes stand after the end of the data set."),
    N_("Nothing to do: they are kept in a copy and left out when sending."),
)
ODD_LENGTH = Fault(
    "TLM-DCM-023",
    N_("{path} has an odd length."),
    N_("Nothing to do: one byte of padding was added for sending, because the network forbids an odd data set."),
)
ODD_ENCODING = Fault(
    "TLM-DCM-024",
    N_("The element at byte {offset} has no legal VR."),
    N_("Nothing to do: it is read as it must have been meant and kept as it is."),
)
STRAY_DELIMITER = Fault(
    "TLM-DCM-025",
    N_("A sequence at byte {offset} is closed wrongly."),
    N_("Nothing to do: it is read as it must have been meant and kept as it is."),
)
SHORT_PIXELS = Fault(
    "TLM-DCM-026",
    N_("The image should have {expected} bytes of pixels and has {present}."),
    N_("Look at the image: if a part of it is missing, export it from the machine again."),
)
COUNTED_LETTERS = Fault(
    "TLM-DCM-027",
    N_("The length of {attributes} is given in letters instead of bytes; the text was read to its real end."),
    N_("Nothing to do: what is written and sent has the right length. Tell the maker of the machine, if you can."),
)


class NotDicom(Refused):
    """The bytes are not a DICOM data set that could be an image or a report."""


class Damaged(Refused):
    """The bytes are DICOM, but cut short, broken, or beyond a limit."""


def cut_short(offset: int, expected: int, present: int) -> Damaged:
    """Give the error for a value whose announced length goes beyond the end of the file."""
    why = Phrase(ANNOUNCED, {"offset": offset, "expected": expected, "present": max(0, present)})
    return Damaged(CUT_SHORT, why=why)


class BadPath(Refused):
    """An attribute was named that does not exist or cannot be reached."""


class BadValue(Refused):
    """A value was given that cannot stand in that attribute."""
