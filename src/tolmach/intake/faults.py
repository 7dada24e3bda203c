"""What can go wrong when something arrives, and what the operator does then."""

from __future__ import annotations

from tolmach.base import N_, Fault, NeedsOperator, Retryable


class StoreTrouble(Retryable):
    """The bytes could not be made durable or could not be read; nothing may be acknowledged."""


class ObjectMissing(NeedsOperator):
    """The records know an object whose bytes are not there."""


class RecordsTrouble(Retryable):
    """The records could not be written or read; nothing may be acknowledged."""


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


class StoreEmpty(NeedsOperator):
    """The stored files have gone all at once, which is a missing disk and not missing files."""
