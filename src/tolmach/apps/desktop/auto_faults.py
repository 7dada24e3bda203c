"""What can go wrong with looking at what the agent does."""

from __future__ import annotations

from tolmach.base import N_, Fault

LOOK_BROKE_OFF = Fault(
    "TLM-DSK-030",
    N_("Looking at the records broke off because of an error in tolmach."),
    N_("It is tried again by itself; what is taken goes on. Please report this as an error in tolmach, with the log."),
)
WORD_BROKE_OFF = Fault(
    "TLM-DSK-031",
    N_("What was asked for broke off because of an error in tolmach; part of it may be done."),
    N_("Look what it has done, and try again. Please report this as an error in tolmach, with the log."),
)
