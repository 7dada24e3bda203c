"""How everything is, at a glance: for the tray, the title and the views. Looked at in a thread, every other second.

What counts as stuck is decided where messages to people are decided (`findings`); nothing is decided twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

from tolmach.apps.data_folder import may_have_records
from tolmach.apps.destinations import utc_now
from tolmach.apps.findings import Key, Seen, findings
from tolmach.apps.holding import records_by
from tolmach.apps.noticing import Stalls, observed
from tolmach.apps.overseeing import Records
from tolmach.apps.room_left import require_room
from tolmach.apps.sections import Settings
from tolmach.base import Problem, TolmachError

if TYPE_CHECKING:
    from tolmach.apps.desktop.agent import Agent

LOOK_SECONDS, LOOK_CAP_SECONDS = 2.0, 10.0  # a look that takes long is taken less often
_AGENT = ("agent", "")

Mood = Literal["idle", "working", "attention"]


@dataclass(frozen=True, slots=True)
class Stuck:
    """Something that somebody should see to: what it is about, what happened and what to do, and the cause if known."""

    key: Key | tuple[str, str]
    problem: Problem
    cause: Problem | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """How everything is at one moment.

    `waiting`, `held` and `quarantined` count lines of the queue, without those that shadow mode holds; `troubles` are
    destinations that cannot be reached just now, by name; `watches` are the names of the configured folders, `paused`
    those of them that somebody has paused.
    """

    mood: Mood = "idle"
    waiting: int = 0
    held: int = 0
    quarantined: int = 0
    stuck: tuple[Stuck, ...] = ()
    troubles: Mapping[str, Problem] = field(default_factory=dict)
    watches: tuple[str, ...] = ()
    paused: frozenset[str] = frozenset()

    @property
    def is_all_paused(self) -> bool:
        """Whether every configured folder is paused."""
        return bool(self.watches) and self.paused.issuperset(self.watches)


class Overviews:
    """Looks again and again in a thread of its own, and tells what is new."""

    def __init__(self, agent: Agent, tell: Callable[[Overview], None]) -> None:
        """Look at nothing yet; `tell` is called in that thread."""
        self._agent, self._tell = agent, tell
        self.latest = Overview()
        self._bell = threading.Condition()
        self._is_asked = self._is_ending = False
        self._thread: threading.Thread | None = None
        self._started = utc_now()
        self._stalls = Stalls(time.monotonic)

    def start(self) -> None:
        """Begin to look; may be repeated."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="overview", daemon=True)
            self._thread.start()

    def look(self) -> None:
        """Look now."""
        with self._bell:
            self._is_asked = True
            self._bell.notify_all()

    def close(self, seconds: float = 2.0) -> None:
        """End, waiting so long at most; a drive that hangs has nothing of ours in hand."""
        with self._bell:
            self._is_ending = True
            self._bell.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)

    def waits_for_delivery(self, settings: Settings) -> bool:
        """Tell whether lines wait in the records of these settings; what cannot be asked has none."""
        try:
            with records_by(settings, create=False) as records:
                return any(one.queued for one in records.desk.ages(utc_now()))
        except TolmachError:
            return False

    def _run(self) -> None:
        while not self._is_ending:
            began = time.monotonic()
            seen = self._seen()
            if seen != self.latest:
                self.latest = seen
                self._tell(seen)
            took = time.monotonic() - began
            with self._bell:
                self._bell.wait_for(
                    lambda: self._is_asked or self._is_ending, min(LOOK_CAP_SECONDS, LOOK_SECONDS + 5 * took)
                )
                self._is_asked = False

    def _seen(self) -> Overview:
        state = self._agent.state
        own = () if state.kind != "failed" or state.problem is None else (Stuck(_AGENT, state.problem),)
        try:
            settings = self._agent.settings()
        except TolmachError as error:
            return Overview("attention", stuck=own or (Stuck(_AGENT, error.problem),))
        try:
            if not may_have_records(settings):
                return Overview("attention" if own else "idle", stuck=own, watches=_names(settings))
            with records_by(settings, create=False) as records:
                return self._of_records(settings, records, own, is_watched=state.kind in ("running", "elsewhere"))
        except TolmachError as error:
            trouble = own or (Stuck(("records", ""), error.problem),)
            return Overview("attention", stuck=trouble, watches=_names(settings))

    def _of_records(
        self, settings: Settings, records: Records, own: tuple[Stuck, ...], *, is_watched: bool
    ) -> Overview:
        now = utc_now()
        if not is_watched:
            self._started, self._stalls = now, Stalls(time.monotonic)
        require = partial(require_room, settings) if is_watched else _nothing
        seen = observed(settings, records, require, now, self._started, self._stalls if is_watched else None)
        found = findings(seen, settings.notice.stuck_after_minutes * 60)
        stuck = (*own, *(Stuck(one.key, one.problem, _cause(seen, one.key)) for one in found))
        waiting = sum(one.queued for one in seen.waiting)
        return Overview(
            "attention" if stuck else "working" if waiting else "idle",
            waiting,
            sum(one.held for one in seen.waiting),
            sum(one.quarantined for one in seen.waiting),
            stuck,
            {one.destination: one.trouble for one in seen.waiting if one.trouble is not None},
            _names(settings),
            frozenset(seen.paused) & frozenset(_names(settings)),
        )


def _cause(seen: Seen, key: Key) -> Problem | None:
    """Give why, with all facts: findings leave out what may not be sent by mail, and this is not."""
    kind, name = key
    if kind == "watch":
        return next((one.trouble for one in seen.folders if one.watch == name), None)
    return next((one.trouble for one in seen.waiting if one.destination == name), None) if kind == "stuck" else None


def _nothing() -> None:
    return None


def _names(settings: Settings) -> tuple[str, ...]:
    return tuple(one.name for one in settings.watch)
