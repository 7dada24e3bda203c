"""What may end a journey before its destination, and what the operator does then."""

from __future__ import annotations

from tolmach.base import N_, Fault

EXAMINATION_FAILED = Fault(
    "TLM-INT-010",
    N_("An error in tolmach kept this object from being examined and mended: {why}."),
    N_("Please report this with the line in the log. An object in quarantine goes on with tolmach queue retry."),
)
NO_ROUTE = Fault(
    "TLM-INT-012",
    N_("No route says where objects from {source} go, and the archive is switched off."),
    N_("Add a [[route]] to the configuration or enable the archive; then tolmach queue retry lets it go on."),
)
REBUILT = Fault(
    "TLM-INT-013",
    N_("The records were lost, and it is not known whether this object was delivered."),
    N_("Send it again with tolmach queue retry, which is harmless, or drop it if the PACS has it."),
)
SHADOW = Fault(
    "TLM-INT-014",
    N_("Held: the folder {watch} is in shadow mode, and nothing from it is delivered."),
    N_(
        "See what would be changed with tolmach watch report {watch}; "
        "go live with tolmach watch live {watch} --with-held."
    ),
)
"""The lines of a watched folder in shadow mode are held for it; its fact `watch` is the name of the watch."""
