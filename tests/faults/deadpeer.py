"""A dead destination beside a live one; thousands queued over a restart; an outage of two weeks.

Rates are compared within one run: the live destination alone, then with the dead one beside it, then alone again, so
that a machine that gets slower meanwhile is noticed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median

from tests.faults.badpeers import PATIENCE, await_fed
from tests.faults.children import FeederChild, PeerChild
from tests.faults.judging import StoredFiles, audit_of, expected_of, gather, judge, kept_by, settle
from tests.faults.peermodes import Mode
from tests.faults.serving import Destination, Serve, Setup

DEATHS = ("refuse", "blackhole")
OUTAGE_DAYS = tuple(range(1, 15))
LIBRARIES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/local/lib/faketime/libfaketime.so.1")
FEED_SECONDS = 300.0


@contextmanager
def scene(folder: Path, modes: Mapping[str, Mode], **setup: object) -> Iterator[tuple[Serve, dict[str, PeerChild]]]:
    """Give a program that runs, with a destination for each mode; everything is gone afterwards."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        peers = {name: stack.enter_context(closing(PeerChild(folder, name, mode))) for name, mode in modes.items()}
        destinations = [Destination(name, peer.port, PATIENCE) for name, peer in peers.items()]
        serve = Serve(Setup(folder, folder / "data", destinations, **setup))  # type: ignore[arg-type]
        stack.callback(serve.kill)
        serve.first_start()
        yield serve, peers


# A dead one beside a live one -----------------------------------------------------------------------------------------


@dataclass
class Rates:
    """Objects per second that reached the live destination: alone, and beside one that is dead in some way."""

    alone: list[float] = field(default_factory=list)
    beside: dict[str, list[float]] = field(default_factory=dict)

    @property
    def worst_share(self) -> float:
        return min(median(rates) for rates in self.beside.values()) / median(self.alone)


def beside_the_dead(folder: Path, objects: int, rounds: int = 3, enough: float = 0.0) -> Rates:
    """Measure how fast a backlog reaches a live destination, in turns with and without a dead one beside it.

    Ends before all rounds are done when the shares are `enough` already.
    """
    rates = Rates()
    for turn in range(rounds):
        if enough and turn and rates.worst_share >= enough:
            break
        rates.alone.append(_rate(folder / f"alone-{turn}", objects, {"live": Mode()}))
        for death in DEATHS:
            modes = {"live": Mode(), "dead": Mode(death)}
            rates.beside.setdefault(death, []).append(_rate(folder / f"{death}-{turn}", objects, modes))
    return rates


def _rate(folder: Path, objects: int, modes: Mapping[str, Mode]) -> float:
    """Fill the outbox while nobody listens, then open the live one's ears and take the time of what arrives."""
    with scene(folder, {**modes, "live": Mode("refuse")}) as (serve, peers):
        with closing(FeederChild(folder, serve.port, count=objects, large_every=0)) as feeder:
            feeder.go()
            await_fed(feeder, FEED_SECONDS)
        peers["live"].become(Mode())
        deadline = time.monotonic() + 300
        while len(kept_by(peers["live"])) < objects and time.monotonic() < deadline:
            time.sleep(0.05)
        times = sorted(_arrivals(peers["live"]))
        if len(times) < objects:
            raise AssertionError(f"only {len(times)} of {objects} arrived; serve said:\n{serve.said()}")
        # Without the first tenth: how soon somebody tries again is not what is measured here.
        tenth = objects // 10
        return (objects - tenth) / (times[objects - 1] - times[tenth - 1])


def _arrivals(peer: PeerChild) -> list[float]:
    from tests.faults.journal import read_journal

    first: dict[str, float] = {}
    for entry in read_journal(peer.journal)[0]:
        first.setdefault(entry["uid"], entry["at"])
    return list(first.values())


# Thousands queued over a restart --------------------------------------------------------------------------------------


@dataclass
class Restart:
    """How long a program with a full outbox took until it answered again, each time it was killed."""

    queued: int = 0
    seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def restart_with_queue(folder: Path, queued: int, times: int = 5, seed: int = 3) -> Restart:
    """Queue so many lines for two deaf destinations, kill and start again some times, then let everything arrive."""
    result = Restart()
    with ExitStack() as stack:
        serve, peers = stack.enter_context(scene(folder, {"a": Mode("refuse"), "b": Mode("refuse")}))
        feeder = FeederChild(folder, serve.port, seed=seed, count=queued // 2, large_every=0)
        stack.enter_context(closing(feeder))
        feeder.go()
        await_fed(feeder, FEED_SECONDS)
        deadline = time.monotonic() + 60
        while result.queued < queued and time.monotonic() < deadline:
            result.queued = _queued(serve)
        for _ in range(times):
            serve.kill()
            result.seconds.append(serve.start())
        for peer in peers.values():
            peer.become(Mode())
        settle(serve, seconds=300)
        evidence = gather(serve, [feeder], peers, StoredFiles(serve.setup.data_dir), expected_of(seed, large_every=0))
        result.problems = judge(evidence).problems
    return result


def _queued(serve: Serve) -> int:
    lines = audit_of(serve)
    return sum(int(line["queued"]) for line in lines if line.get("to"))


# Two weeks ------------------------------------------------------------------------------------------------------------


@dataclass
class Outage:
    """What happened over two weeks without a destination, and how soon it is tried once it is back."""

    attempts: int = 0
    next_try_seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def faketime_library() -> Path | None:
    """Give the library that lies about the time, or None where it is not installed."""
    found = [path for pattern in LIBRARIES for path in Path("/").glob(pattern.lstrip("/"))]
    return found[0] if found else None


class Clock:
    """A clock that programs started with `env` believe, and that can be put forward while they run."""

    def __init__(self, folder: Path, library: Path) -> None:
        self._file = folder / "faketime"
        self.days = 0.0
        self.env = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.put(0)

    def put(self, days: float) -> None:
        """Make it so many days later than it is; the file is replaced whole, since it is read all the time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"+{int(days * 86400)}\n")
        new.replace(self._file)
        self.days = days

    def now(self) -> float:
        return time.time() + int(self.days * 86400)


def outage(folder: Path, library: Path, days: Sequence[int], objects: int = 40, seed: int = 4) -> Outage:
    """Let a destination be dead till the last of `days` of a false clock, with the waits as shipped; then it is well.

    A program that runs waits by a clock that does not jump, so each jump goes with a kill and a start.
    """
    result = Outage()
    folder.mkdir(parents=True)
    try:
        clock = Clock(folder, library)
        with scene(folder / "scene", {"a": Mode("refuse")}, delivery=False) as (serve, peers):
            serve.kill()
            serve.env.update(clock.env)
            serve.start()
            with closing(FeederChild(folder, serve.port, seed=seed, count=objects, large_every=0)) as feeder:
                feeder.go()
                await_fed(feeder)
                for day in days:
                    _jump(serve, clock, day, result)
                result.next_try_seconds = _next_try(serve, clock)
                peers["a"].become(Mode())
                _jump(serve, clock, days[-1] + (result.next_try_seconds + 1) / 86400, result)
                settle(serve, seconds=60)
                stored, expected = StoredFiles(serve.setup.data_dir), expected_of(seed, large_every=0)
                result.problems += judge(gather(serve, [feeder], peers, stored, expected)).problems
    finally:
        shutil.rmtree(folder)
    return result


def _jump(serve: Serve, clock: Clock, days: float, result: Outage) -> None:
    """Make it so many days after the beginning; the destination must be tried then."""
    serve.kill()
    clock.put(days)
    serve.start()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        attempts = _attempts(serve)
        if attempts > result.attempts:
            result.attempts = attempts
            return
        time.sleep(0.1)
    result.problems.append(f"nothing was tried after {days:.1f} days: {serve.said()}")


def _next_try(serve: Serve, clock: Clock) -> float:
    """Give in how many seconds the last of all lines is to be tried again; queued without a time means at once."""
    lines = serve.ask("queue", "list")
    if stuck := [line for line in lines if line["state"] != "queued"]:
        raise AssertionError(f"not queued any more: {stuck[:3]}")
    due = [datetime.fromisoformat(line["next_attempt_at"]) for line in lines if line["next_attempt_at"]]
    return max([at.timestamp() - clock.now() for at in due] + [0.0])


def _attempts(serve: Serve) -> int:
    return sum(int(line["attempts"]) for row in serve.ask("history") for line in row["deliveries"])
