"""How everything is, in words: one line for the title and the menu, some for the tooltip of the tray."""

from __future__ import annotations

from tolmach.apps.desktop.agent import AgentState
from tolmach.apps.desktop.overview import Overview
from tolmach.apps.desktop.words import Words
from tolmach.base import N_

STATES = {
    "off": N_("Auto-export is off"),
    "starting": N_("Auto-export is starting"),
    "running": N_("Auto-export is on"),
    "elsewhere": N_("Auto-export runs in another program"),
    "stopping": N_("Auto-export is stopping"),
    "failed": N_("Auto-export cannot run"),
}
PAUSED = N_("Auto-export is paused")
REFUSING = N_("Auto-export takes nothing new")


def state_line(words: Words, state: AgentState, overview: Overview) -> str:
    """Say in one line how the agent is."""
    if state.kind in ("running", "elsewhere") and overview.is_all_paused:
        return words.gettext(PAUSED)
    return words.gettext(STATES[state.kind])


def count_lines(words: Words, overview: Overview) -> list[str]:
    """Say how many lines of the queue wait, are held and in quarantine; nothing of those that are none."""
    found = []
    if overview.waiting:
        found.append(words.gettext(N_("Waiting: {count}"), count=overview.waiting))
    if overview.held:
        found.append(words.gettext(N_("Held back: {count}"), count=overview.held))
    if overview.quarantined:
        found.append(words.gettext(N_("In quarantine: {count}"), count=overview.quarantined))
    return found


def tooltip_lines(words: Words, state: AgentState, overview: Overview) -> list[str]:
    """Say what the tray tells: the counts, and the first thing that somebody should see to."""
    lines = [state_line(words, state, overview)]
    if counts := count_lines(words, overview):
        lines.append(" · ".join(counts))
    if overview.stuck:
        lines.append(words.phrase(overview.stuck[0].problem.what))
    return lines


def title_of(words: Words, base: str, overview: Overview) -> str:
    """Give the title of the window: what waits, where something does, before the name."""
    counts = count_lines(words, overview)
    mark = "⚠ " if overview.mood == "attention" else ""
    return f"{mark}{' · '.join(counts)} – {base}" if counts else f"{mark}{base}"
