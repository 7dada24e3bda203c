"""What can go wrong with the agent inside the window."""

from __future__ import annotations

from tolmach.base import N_, Fault

AGENT_BROKE_OFF = Fault(
    "TLM-DSK-020",
    N_("Auto-export ended because of an error in tolmach."),
    N_("Start it again; nothing that was taken is lost. Please report this as an error in tolmach, with the log."),
)
OTHER_ENDED = Fault(
    "TLM-DSK-021",
    N_("The other tolmach that worked with {folder} has ended: nobody watches the folders now."),
    N_("Start it again, for example as the service; or press “Start” here."),
)
