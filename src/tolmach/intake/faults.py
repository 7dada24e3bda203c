"""What can go wrong when something arrives, and what the operator does then."""

from __future__ import annotations

from tolmach.base import N_, Fault, NeedsOperator, Retryable


class StoreTrouble(Retryable):
    """The bytes could not be made durable or could not be read; nothing may be acknowledged."""


class StoreAway(StoreTrouble):
    """The whole store cannot be reached, or refuses whoever asks: it says nothing of the object that was asked for."""


class DiskFull(Retryable):
    """Something could not be written because a disk is full; it goes on by itself when there is space."""


class StoreFull(StoreTrouble, DiskFull):
    """There is no space left for the bytes."""


class ObjectMissing(NeedsOperator):
    """The records know an object whose bytes are not there."""


class RecordsTrouble(Retryable):
    """The records could not be written or read; nothing may be acknowledged."""


class RecordsFull(RecordsTrouble, DiskFull):
    """There is no space left for the records."""


class NoRoom(Retryable):
    """Too little disk space is free to take anything more."""


NO_ROOM = Fault(
    "TLM-INT-001",
    N_("Only {free} of disk space are free, and {reserve} are kept in reserve: nothing new is taken."),
    N_("Free some space in the data folder; receiving goes on by itself."),
)

# Why an object waits in quarantine, besides what the faults of `dicom` say ----------------------------------

NOT_THE_ONE_SAID = Fault(
    "TLM-INT-020",
    N_("The sender called it {said}, and its {keyword} is {found}."),
    N_("Ask the machine's engineer why it names images wrongly. If the image is right, release it from quarantine."),
)
BAD_UID = Fault(
    "TLM-INT-021",
    N_("Its {keyword} is not a UID: “{found}”."),
    N_("Ask the machine's engineer for a correct export; no archive could find this object again."),
)
TOO_MUCH_TO_READ = Fault(
    "TLM-INT-022",
    N_("Reading it needs more memory than there is."),
    N_("No real image looks like this. Find out where it comes from before releasing it."),
)
UNFORESEEN_BYTES = Fault(
    "TLM-INT-023",
    N_("Reading it failed in a way nobody foresaw ({why})."),
    N_("Keep the file and send it, without a patient's data, to the makers of tolmach."),
)
TOO_MUCH_TEXT = Fault(
    "TLM-INT-024",
    N_("It has more than {limit} of text."),
    N_("No real image looks like this. Find out where it comes from before releasing it."),
)

# What is stored against what the records know ---------------------------------------------------------------

FILE_MISSING = Fault(
    "TLM-INT-030",
    N_("The stored file of object {sha256} is not there."),
    N_("Restore it from a backup, or have the image sent again: it takes its place by itself."),
)
FILE_ROTTEN = Fault(
    "TLM-INT-031",
    N_("The stored file of object {sha256} holds other bytes than those that came."),
    N_("Check the disk. Restore the file from a backup, or have the image sent again: it takes its place by itself."),
)
FILE_RESIZED = Fault(
    "TLM-INT-032",
    N_("The stored file of object {sha256} should have {expected} bytes and has {present}."),
    N_("Check the disk. Restore the file from a backup, or have the image sent again: it takes its place by itself."),
)
ADOPTED = Fault(
    "TLM-INT-033",
    N_("Object {sha256} was stored, and the records did not know it: it was added to them."),
    N_("Nothing to do: nobody was told that it had arrived, and now it has."),
)
STORE_EMPTY = Fault(
    "TLM-INT-034",
    N_("The records know stored objects, and the data folder holds none at all."),
    N_("Check that the disk of the data folder is connected and mounted. Nothing was changed."),
)
OTHER_HEAD = Fault(
    "TLM-INT-035",
    N_("Object {sha256} is whole, in a file with another head than the records knew; they know it now."),
    N_("Nothing to do: after a restore this may happen, and the image is the one that came."),
)

# Watched folders --------------------------------------------------------------------------------------------

SOURCE_CHANGED = Fault(
    "TLM-INT-040",
    N_("{path} was changed while it was read."),
    N_("Nothing to do: it is taken when it has come to rest."),
)
SOURCE_GONE = Fault(
    "TLM-INT-041",
    N_("{path} is not there any more."),
    N_("Nothing to do, unless it should be there."),
)
SOURCE_UNREADABLE = Fault(
    "TLM-INT-042",
    N_("{path} cannot be read: {why}."),
    N_("Give the user that runs tolmach the right to read it, or close the program that keeps it; it is tried again."),
)
STILL_OPEN = Fault(
    "TLM-INT-043",
    N_("{path} is still open for writing."),
    N_("Nothing to do: it is taken when it is closed."),
)
ENDS_IN_ZEROS = Fault(
    "TLM-INT-044",
    N_("{path} ends in zeros, as a file does that is not completely written yet."),
    N_("Nothing to do: it is taken when it has not changed for longer."),
)
NOT_TAKEN = Fault(
    "TLM-INT-045",
    N_("{path} could not be taken, in a way nobody foresaw ({why})."),
    N_("It is tried again by itself. Send the log to the makers of tolmach, without a patient's data."),
)
WATCHED_ELSEWHERE = Fault(
    "TLM-INT-046",
    N_("{folder} is watched by another node, {node}."),
    N_("Nothing to do: this node takes over when that one is gone."),
)


class WatchTrouble(Retryable):
    """A watched folder cannot be looked at this time, or a file in it cannot be dealt with."""


class SourceChanged(Retryable):
    """A file is not what it was when it was seen; nothing of it was taken."""


class SourceGone(Retryable):
    """A file is not there any more, or something else than a file has its name."""


class SourceUnreadable(Retryable):
    """A file is there and cannot be read."""


class StoreEmpty(NeedsOperator):
    """The stored files have gone all at once, which is a missing disk and not missing files."""
