"""What is worth telling people who are not in front of the machine, and when: decided from what is seen and was told.

Nothing here has patient data: counts, names of the configuration, folders, ages, and what to do next. Facts of problems
of other parts come through a list of what is harmless.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from tolmach.base import N_, Fault, Phrase, Problem

HOUR, DAY = 3600, 86_400
STALLED_SECONDS: Final = 900.0  # a folder that is watched is looked at, and noted so, every minute
QUIET_SECONDS: Final = 3600.0  # what only grows is told again no sooner
SETTLED_SECONDS: Final = 600.0  # what is over may begin again: it is told when it stays over

Kind = Literal["stuck", "held", "quarantined", "watch", "silent", "disk"]
Key = tuple[Kind, str]
Change = Literal["new", "worse", "repeated", "over"]

STUCK = Fault(
    "TLM-SRV-020",
    N_("Images wait for “{name}”: {count}, over 1 hour: {over_hour}, over 24 hours: {over_day}; the oldest: {age}."),
    N_("Look whether it runs and can be reached; tolmach queue list --to {name} says why. It goes on by itself then."),
)
HELD = Fault(
    "TLM-SRV-021",
    N_("Images held for “{name}”: {count}. They wait for somebody to decide."),
    N_("See why with tolmach queue list --to {name}; when the cause is gone: tolmach queue retry --to {name}."),
)
QUARANTINED = Fault(
    "TLM-SRV-022",
    N_("Images in quarantine: {count}. They are kept and go nowhere."),
    N_("See why with tolmach queue list; tolmach queue retry ID releases one."),
)
WATCH_TROUBLE = Fault(
    "TLM-SRV-023",
    N_("The folder of “{name}” cannot be watched: {folder}."),
    N_("Look whether the folder is there and may be read. Its files are taken as soon as it is; none is lost."),
)
SILENT = Fault(
    "TLM-SRV-024",
    N_("Nothing new has come into the folder of “{name}” for {age}: {folder}."),
    N_("Look whether the machine is at work today and still writes its images there."),
)

STALLED = Fault(
    "TLM-SRV-025",
    N_("For more than 15 minutes nobody has been able to look into it, and no error came either."),
    N_("Look whether the drive or the network share answers; then restart tolmach serve. No file is lost by it."),
)

OVER: Final[Mapping[Kind, str]] = {
    "stuck": N_("Nothing waits too long for “{name}” any more."),
    "held": N_("Nothing is held for “{name}” any more."),
    "quarantined": N_("Nothing is in quarantine any more."),
    "watch": N_("The folder of “{name}” is watched again: {folder}."),
    "silent": N_("New files come into the folder of “{name}” again: {folder}."),
    "disk": N_("There is room on the disk again."),
}

_DAYS, _HOURS, _MINUTES = N_("{days} d {hours} h"), N_("{hours} h {minutes} min"), N_("{minutes} min")
# Facts that say where and why, and nothing of what was sent: the words of a server or a path may name a patient.
_HARMLESS: Final = frozenset(
    "address ae_title called calling detail free host peer port reason reserve result seconds source status watch "
    "why".split()
)
_HIDDEN: Final = "…"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for one destination: lines by age and state, and what keeps it from being reached."""

    destination: str
    queued: int = 0
    over_hour: int = 0
    over_day: int = 0
    oldest_seconds: float = 0.0
    held: int = 0
    quarantined: int = 0
    trouble: Problem | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """One watched folder; `silent_seconds` says how long nothing came, None where nobody wants to know."""

    watch: str
    folder: str
    trouble: Problem | None = None
    silent_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """How everything is at one moment. `paused` are watches whose folders nobody looks at because somebody said so."""

    waiting: Sequence[Waiting] = ()
    folders: Sequence[Folder] = ()
    disk: Problem | None = None
    paused: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that somebody should know: told again at a higher `level`, or, where it `grows`, with more of it."""

    kind: Kind
    name: str
    problem: Problem
    level: int = 0
    count: int = 0
    seconds: float = 0.0
    grows: bool = False
    cause: Problem | None = None

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.kind, self.name


@dataclass(frozen=True, slots=True)
class Told:
    """What was told, when (seconds of a clock that never goes back), and since when it is not so any more."""

    finding: Finding
    at: float
    absent_since: float | None = None


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell, and what is new about it."""

    change: Change
    finding: Finding


@dataclass(frozen=True, slots=True)
class Decision:
    """What to tell now, in one message; and what was told then, if that message goes (`sent`) or not (`unsent`)."""

    news: Sequence[News] = ()
    sent: Mapping[Key, Told] = field(default_factory=dict)
    unsent: Mapping[Key, Told] = field(default_factory=dict)


def findings(seen: Seen, stuck_after_seconds: float) -> list[Finding]:
    """Give what is not as it should be, the most urgent first."""
    found = [] if seen.disk is None else [Finding("disk", "", harmless(seen.disk))]
    for folder in seen.folders:
        found += _of_folder(folder)
    for waiting in seen.waiting:
        found += _of_destination(waiting, stuck_after_seconds)
    quarantined = sum(waiting.quarantined for waiting in seen.waiting)
    if quarantined:
        problem = Problem(QUARANTINED, {"count": quarantined})
        found.append(Finding("quarantined", "", problem, count=quarantined, grows=True))
    return found


def decide(
    found: Sequence[Finding], told: Mapping[Key, Told], now: float, repeat_seconds: float, paused: Collection[str] = ()
) -> Decision:
    """Decide what to tell: once, again when it is worse or has lasted, and when it is over for good.

    Where something is due to be repeated, what was told long ago is repeated with it: one message, not one for each.
    """
    present = {finding.key: finding for finding in found}
    known = {key: _kept(one, present.get(key), now) for key, one in told.items() if not _is_paused(key, paused)}
    is_repeated = any(_is_due(one, now, repeat_seconds) for one in known.values())
    news = []
    for key, finding in present.items():
        change = _change(finding, known.get(key), now, repeat_seconds / 2 if is_repeated else repeat_seconds)
        if change is not None:
            news.append(News(change, finding))
    over = [
        key for key, one in known.items() if one.absent_since is not None and now - one.absent_since >= SETTLED_SECONDS
    ]
    news += [News("over", known[key].finding) for key in over]
    sent = {key: one for key, one in known.items() if key not in over}
    sent |= {one.finding.key: Told(one.finding, now) for one in news if one.change != "over"}
    return Decision(news, sent, known)


def _change(finding: Finding, told: Told | None, now: float, repeat_seconds: float) -> Change | None:
    if told is None:
        return "new"
    is_more = finding.grows and finding.count > told.finding.count and now - told.at >= QUIET_SECONDS
    if finding.level > told.finding.level or is_more:
        return "worse"
    return "repeated" if now - told.at >= repeat_seconds else None


def _kept(told: Told, finding: Finding | None, now: float) -> Told:
    """Give what was told as it is to be compared next: at its best since, so that a relapse is worse again."""
    if finding is None:
        return told if told.absent_since is not None else replace(told, absent_since=now)
    best = replace(
        told.finding, level=min(told.finding.level, finding.level), count=min(told.finding.count, finding.count)
    )
    return replace(told, finding=best, absent_since=None)


def _is_due(told: Told, now: float, repeat_seconds: float) -> bool:
    return told.absent_since is None and now - told.at >= repeat_seconds


def _is_paused(key: Key, paused: Collection[str]) -> bool:
    return key[0] in ("watch", "silent") and key[1] in paused


def _of_folder(folder: Folder) -> Iterator[Finding]:
    facts = {"name": folder.watch, "folder": folder.folder}
    if folder.trouble is not None:
        yield Finding("watch", folder.watch, Problem(WATCH_TROUBLE, facts), cause=harmless(folder.trouble))
    elif folder.silent_seconds is not None:  # a folder that cannot be looked at is silent for that reason
        problem = Problem(SILENT, {**facts, "age": age(folder.silent_seconds)})
        yield Finding("silent", folder.watch, problem, seconds=folder.silent_seconds)


def _of_destination(waiting: Waiting, stuck_after_seconds: float) -> Iterator[Finding]:
    name, seconds = waiting.destination, waiting.oldest_seconds
    if waiting.queued and seconds >= stuck_after_seconds:
        facts = {
            "name": name,
            "count": waiting.queued,
            "over_hour": waiting.over_hour,
            "over_day": waiting.over_day,
            "age": age(seconds),
        }
        level = (seconds >= HOUR) + (seconds >= DAY)
        cause = None if waiting.trouble is None else harmless(waiting.trouble)
        yield Finding("stuck", name, Problem(STUCK, facts), level, waiting.queued, seconds, cause=cause)
    if waiting.held:
        problem = Problem(HELD, {"name": name, "count": waiting.held})
        yield Finding("held", name, problem, count=waiting.held, grows=True)


def age(seconds: float) -> Phrase:
    """Give a time as people say it: 12 min, 3 h 5 min, 2 d 4 h."""
    minutes = max(0, int(seconds)) // 60
    if minutes < 60:
        return Phrase(_MINUTES, {"minutes": minutes})
    if minutes < 24 * 60:
        return Phrase(_HOURS, {"hours": minutes // 60, "minutes": minutes % 60})
    return Phrase(_DAYS, {"days": minutes // (24 * 60), "hours": minutes // 60 % 24})


def harmless(problem: Problem) -> Problem:
    """Give a problem without facts that could name a patient: file names, values, the words of somebody's server."""
    return Problem(problem.fault, _harmless(problem.facts))


def _harmless(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: _shown(fact) if name in _HARMLESS else _HIDDEN for name, fact in facts.items()}


def _shown(fact: object) -> object:
    return Phrase(fact.msgid, _harmless(fact.facts)) if isinstance(fact, Phrase) else fact
