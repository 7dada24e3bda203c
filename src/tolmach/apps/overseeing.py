"""What people see and say of watched folders, the queue and the history: the same for the commands and the window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tolmach.adapters.sql import (
    AgeRow,
    DeliveryRow,
    DestinationRow,
    Event,
    HistoryRow,
    QueueRow,
    Records,
    VersionRow,
    Wanted,
    WatchCount,
    WatchState,
)
from tolmach.adapters.sql.listing import MOST as MOST_LISTED
from tolmach.apps.findings import STALLED_SECONDS
from tolmach.apps.modes import shadowed_by
from tolmach.base import N_, Problem
from tolmach.journeys.faults import SHADOW
from tolmach.repair.holding import FAILED_UNSURE, HELD_UNSURE

if TYPE_CHECKING:
    from tolmach.apps.sections import Settings, WatchSettings

__all__ = [
    "FOLDER_STATES",
    "LINE_STATES",
    "MOST_LISTED",
    "AgeRow",
    "DeliveryRow",
    "DestinationRow",
    "Event",
    "FolderCounts",
    "FolderLook",
    "FolderState",
    "HistoryRow",
    "QueueRow",
    "Records",
    "Said",
    "Shadowed",
    "VersionRow",
    "Wanted",
    "aims_of",
    "folder_state",
    "folders",
    "is_stale",
    "resend",
    "retry",
    "say_mode",
    "shadowed",
]

FolderState = Literal["live", "shadow", "paused", "unconfigured"]
Said = Literal["live", "shadow", "paused"]

FOLDER_STATES = {
    "live": N_("live"),
    "shadow": N_("shadow mode"),
    "paused": N_("paused"),
    "unconfigured": N_("no longer configured"),
}
LINE_STATES = {
    "queued": N_("queued"),
    "delivered": N_("delivered"),
    "held": N_("held"),
    "quarantined": N_("quarantined"),
    "deleted": N_("deleted"),
}
_UNSURE = frozenset({HELD_UNSURE.code, FAILED_UNSURE.code})


@dataclass(frozen=True, slots=True)
class FolderCounts:
    """What became of what one folder brought.

    `seen`, `taken` and `passed_over` count states of files, ever; the others images. `failed` are those that a
    destination refused and those in quarantine; `held` those that shadow mode or a person holds.
    """

    seen: int = 0
    taken: int = 0
    passed_over: int = 0
    delivered: int = 0
    waiting: int = 0
    failed: int = 0
    unsure: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class FolderLook:
    """One watched folder as people see it, configured still or not. `is_shadow`: also while it is paused."""

    name: str
    state: FolderState
    is_shadow: bool
    folder: Path | None = None
    export_folder: Path | None = None
    to: tuple[str, ...] = ()
    looked_at: datetime | None = None
    last_taken_at: datetime | None = None
    last_file: str = ""
    trouble: Problem | None = None
    trouble_since: datetime | None = None
    counts: FolderCounts = field(default_factory=FolderCounts)

    def is_stale(self, now: datetime) -> bool:
        """Tell whether nothing was heard of it for so long that nobody can be watching it."""
        return is_stale((self.looked_at, self.last_taken_at), self.state, now)


def folder_state(settings: Settings, name: str, state: WatchState | None) -> FolderState:
    """Give how a folder is watched: live, shadow, paused, or unconfigured."""
    configured = next((one for one in settings.watch if one.name == name), None)
    if configured is None:
        return "unconfigured"
    if state is not None and state.mode:
        return state.mode
    return "shadow" if configured.shadow else "live"


def is_stale(heard: Sequence[datetime | None], state: FolderState, now: datetime) -> bool:
    """Tell whether the last that was heard of a folder is so old that nobody can be watching it."""
    known = [at for at in heard if at is not None]
    is_old = bool(known) and (now - max(known)).total_seconds() >= STALLED_SECONDS
    return is_old and state in ("live", "shadow")


def folders(settings: Settings, records: Records | None) -> list[FolderLook]:
    """Give every folder that is configured or was, by name; without records, what is configured.

    Raises `RecordsTrouble`.
    """
    known = {} if records is None else {one.name: one for one in records.watched.states()}
    found: dict[str, list[WatchCount]] = {}
    for one in [] if records is None else records.listing.watches():
        found.setdefault(one.watch, []).append(one)
    configured = {one.name: one for one in settings.watch}
    return [
        _look(settings, configured.get(name), name, known.get(name), found.get(name, ()))
        for name in sorted(configured.keys() | known.keys())
    ]


def _look(
    settings: Settings,
    watch: WatchSettings | None,
    name: str,
    state: WatchState | None,
    found: Sequence[WatchCount],
) -> FolderLook:
    counts = _counts(found, 0 if state is None else state.taken, 0 if state is None else state.passed_over)
    last = "" if state is None or state.last_path is None else state.last_path.decode("utf-8", "backslashreplace")
    return FolderLook(
        name=name,
        state=folder_state(settings, name, state),
        is_shadow=_is_shadow(watch, state),
        folder=None if watch is None else watch.folder,
        export_folder=None if watch is None else watch.export_folder,
        to=() if watch is None else aims_of(watch, settings),
        looked_at=None if state is None else state.looked_at,
        last_taken_at=None if state is None else state.last_taken_at,
        last_file=last,
        trouble=None if state is None else state.trouble,
        trouble_since=None if state is None else state.trouble_since,
        counts=counts,
    )


def _is_shadow(watch: WatchSettings | None, state: WatchState | None) -> bool:
    """Tell whether a folder is in shadow mode, also while it is paused."""
    said = "" if state is None else state.mode_before if state.mode == "paused" else state.mode
    return said == "shadow" if said else watch is not None and watch.shadow


def aims_of(watch: WatchSettings, settings: Settings) -> tuple[str, ...]:
    """Give the names of the peers that images of a watch may go to."""
    routed = (name for route in settings.route if watch.name in route.from_ for name in route.to)
    return tuple(dict.fromkeys((*watch.to, *routed)))


def _counts(found: Sequence[WatchCount], taken: int, passed_over: int) -> FolderCounts:
    counted: Counter[str] = Counter()
    for one in found:
        counted[_class_of(one)] += one.images
    return FolderCounts(
        seen=taken + passed_over,
        taken=taken,
        passed_over=passed_over,
        delivered=counted["delivered"],
        waiting=counted["waiting"],
        failed=counted["failed"],
        unsure=counted["unsure"],
        held=counted["held"],
    )


def _class_of(count: WatchCount) -> str:
    if count.state in ("queued", "walked"):
        return "waiting"
    if count.state != "held":
        return "failed" if count.state == "quarantined" else count.state
    if count.by_person or count.code == SHADOW.code:
        return "held"
    return "unsure" if count.code in _UNSURE else "failed"


# What people say ------------------------------------------------------------------------------------------------------


def say_mode(records: Records, name: str, said: Said, actor: str, *, with_held: bool = False) -> int:
    """Let a folder be live, in shadow mode or paused from now on; gives how many held lines were let go.

    `with_held` delivers also what shadow mode has held.
    """
    records.watched.set_mode(name, said, actor)
    return records.desk.release(name, SHADOW.code, actor) if with_held else 0


def retry(records: Records, ids: Sequence[int] | None, to: str | None, actor: str) -> int:
    """Try lines again now and give how many changed; see `Desk.retry`.

    What a folder in shadow mode holds is let go by going live, or by its number.
    """
    return records.desk.retry(ids, to, actor, keeps=(SHADOW.code,))


@dataclass(frozen=True, slots=True)
class Shadowed:
    """Held lines whose folders are in shadow mode: their numbers, the folders, whereto they would go, how many images.

    `others` are the lines that were asked about, still wait and are none of these. `is_mixed`: some of them are held by
    a person or for another reason than shadow mode, so that nobody but us would leave them out of all.
    """

    ids: tuple[int, ...]
    watches: tuple[str, ...]
    to: tuple[str, ...]
    images: int
    others: tuple[int, ...]
    is_mixed: bool = False


def shadowed(settings: Settings, records: Records, ids: Sequence[int], *, with_left: bool = False) -> Shadowed | None:
    """Give which of some lines are held though retrying them would send what a folder in shadow mode brought.

    Whoever holds them: shadow mode, a person, or a doubt about their text. `with_left`: also those that shadow mode has
    held and nobody released when their folder went live. None where there are none. Raises `RecordsTrouble`.
    """
    lines = records.desk.lines(ids)
    held = [line for line in lines if line.state == "held"]
    if not held:
        return None
    states = {one.name: one for one in records.watched.states()}
    watches = {one.name: one for one in settings.watch}
    objects = records.desk.objects(list(dict.fromkeys(line.object_id for line in held)))
    brought = {row.object_id: row.source for row in objects if row.entrance == "folder"}
    found: dict[int, tuple[str, QueueRow]] = {}
    for line in held:
        own = shadowed_by(line.problem)
        name = own or brought.get(line.object_id, "")
        # What is configured no more and was never said to be live is in shadow mode still, as its line tells.
        is_kept = own is not None and (with_left or (name not in watches and name not in states))
        if is_kept or _is_shadow(watches.get(name), states.get(name)):
            found[line.delivery_id] = name, line
    if not found:
        return None
    return Shadowed(
        ids=tuple(found),
        watches=tuple(sorted({name for name, _ in found.values()})),
        to=tuple(sorted({line.destination for _, line in found.values()})),
        images=len({line.object_id for _, line in found.values()}),
        others=tuple(line.delivery_id for line in lines if line.delivery_id not in found),
        is_mixed=any(shadowed_by(line.problem) is None for _, line in found.values()),
    )


def resend(records: Records, ids: Sequence[int], to: Sequence[str], actor: str, *, original: bool) -> int:
    """Deliver objects once more, to where they went before or to some destinations; gives how many lines were queued.

    Raises `NoSuchThing`, as `Resending.resend`.
    """
    return records.desk.resend(ids, to or None, actor, original=original)
