"""What may be deleted and how it ends: first out of sight, long afterwards out of the store, never by itself.

Deleting and purging are two rights. Deleted is what a person named with a reason; it can be restored until its bytes
are purged. Purging removes the bytes of what was deleted long ago, that nothing else refers to and that waits for no
delivery; the records stay. What is protected is neither deleted nor purged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tolmach.archive.interfaces import Level
from tolmach.base import N_, Fault, Refused

DELETING: Final = "archive.delete"
PURGING: Final = "archive.purge"
"""The rights, as access control names them."""

KEPT_FOR: Final = timedelta(days=30)
"""How long the bytes of what was deleted stay at least, unless it is configured otherwise."""

NOT_HELD = Fault(
    "TLM-ARC-020",
    N_("The archive holds no study, series or instance {uid}."),
    N_("Look the UID up in the archive; nothing was changed."),
)
PROTECTED = Fault(
    "TLM-ARC-021",
    N_("The study {uid} is protected."),
    N_("Take the protection away first, with: tolmach archive unprotect {uid}. Nothing was changed."),
)
NO_REASON = Fault(
    "TLM-ARC-022",
    N_("Nothing is deleted without a reason."),
    N_("Say why, with: --reason. Nothing was changed."),
)
NOT_DELETED = Fault(
    "TLM-ARC-023",
    N_("Nothing of {uid} is deleted, or its bytes are purged already."),
    N_("See what is deleted with: tolmach archive deleted. Nothing was changed."),
)


class RetentionRefused(Refused):
    """What was asked may not be done, or there is nothing to do it to."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion did. `waiting` are deliveries of these instances that are not concluded: they go on."""

    level: Level
    uid: str
    instances: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted, by whom and why; how many instances are deleted still, and of how many the bytes are purged."""

    level: Level
    uid: str
    at: datetime
    actor: str
    reason: str
    instances: int
    purged: int


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did. `kept` were deleted long enough ago, and wait for a delivery, are shared, or are protected."""

    instances: int
    size: int
    kept: int
