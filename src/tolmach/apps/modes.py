"""Which watched folders are live, in shadow mode or paused: as configured, or as a person has said since."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from tolmach.adapters.sql import NoSuchThing, Records
from tolmach.apps.sections import WatchSettings
from tolmach.base import Problem
from tolmach.delivery.interfaces import Ending
from tolmach.journeys.faults import SHADOW

ACTOR = "tolmach serve"


@dataclass(frozen=True, slots=True)
class Held:
    """What holds for the watches of one configuration, as the records said at one moment."""

    configured: Mapping[str, bool] = field(default_factory=dict)  # whether in shadow mode, by name
    shadows: frozenset[str] = frozenset()
    paused: frozenset[str] = frozenset()


class Modes:
    """What holds for each watch now; any thread may ask."""

    def __init__(self, read: Callable[[str], tuple[str, str]]) -> None:
        """Know no watch yet.

        `read` gives what a person has said of one, and what before a pause; empty where nobody has said anything.
        """
        self._read = read
        self._lock = threading.Lock()
        self._held = Held()

    def configure(self, watches: Iterable[WatchSettings]) -> None:
        """Know these watches from now on. Raises `RecordsTrouble`, as `ask`."""
        self.change(self.ask(watches))

    def ask(self, watches: Iterable[WatchSettings]) -> Held:
        """Give what holds for these watches, for `change`; raises `RecordsTrouble`, and nothing has changed."""
        return self._asked({watch.name: watch.shadow for watch in watches})

    def change(self, held: Held) -> None:
        """Know those watches from now on, which were asked about just now."""
        with self._lock:
            self._held = held

    def refresh(self) -> None:
        """Ask the records anew; raises `RecordsTrouble`."""
        with self._lock:
            self._held = self._asked(self._held.configured)

    def _asked(self, configured: Mapping[str, bool]) -> Held:
        shadows, paused = set(), set()
        for name, is_shadow in configured.items():
            mode, before = self._read(name)
            if mode == "paused":
                paused.add(name)
                mode = before  # what it brought before goes on as it would have
            if mode == "shadow" or (not mode and is_shadow):
                shadows.add(name)
        return Held(configured, frozenset(shadows), frozenset(paused))

    def is_shadow(self, name: str) -> bool:
        """Tell whether nothing of what a watch brings may be delivered."""
        return name in self._held.shadows

    def is_paused(self, name: str) -> bool:
        """Tell whether a watch takes nothing at present."""
        return name in self._held.paused


class EndsByMode:
    """`JourneyEnds` that let nothing wait in shadow mode that ended while its folder went live.

    A person who switches a folder to live releases what is held, or leaves it; what a journey holds a moment later,
    because it was under way, nobody would look for.
    """

    def __init__(self, records: Records, modes: Modes) -> None:
        """End journeys in the records."""
        self._records, self._modes = records, modes

    def finish(self, endings: Sequence[Ending]) -> None:
        """Commit the ends of journeys; see `JourneyEnds.finish`."""
        self._records.ends.finish(endings)
        held = {
            ending.object_id: name
            for ending in endings
            for line in ending.deliveries
            if (name := shadowed_by(line.held_for)) is not None
        }
        if not held:
            return
        self._modes.refresh()
        late = [number for number, name in held.items() if not self._modes.is_shadow(name)]
        lines = [
            line.delivery_id
            for row in self._records.desk.objects(late)
            for line in row.deliveries
            if line.state == "held" and shadowed_by(line.problem) is not None
        ]
        for line in lines:
            with suppress(NoSuchThing):  # it was released and delivered by now
                self._records.desk.retry([line], None, ACTOR)


def shadowed_by(problem: Problem | None) -> str | None:
    """Give the watch whose shadow mode a line is held for, if it is."""
    return str(problem.facts.get("watch", "")) if problem is not None and problem.code == SHADOW.code else None
