"""Random kills: SIGKILL to the whole program at any moment, while objects come in and go out, again and again.

Every tenth time the feeding rests, everything is let arrive, and the journals of the feeder and of the destinations are
compared with what the program says and stores. One kill in five comes while the program is still starting.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.children import FeederChild, PeerChild
from tests.faults.judging import HistoryReader, StoredFiles, Unsettled, Verdict, expected_of, gather, judge, settle
from tests.faults.serving import Destination, NotStarted, Serve, Setup

LIFE_SECONDS = (0.02, 1.5)
KILLED_WHILE_STARTING = 0.2
# Now and then it is asked to stop, and must do so in time and with exit status 0; that may lose nothing either.
ASKED_TO_STOP = 0.1
JUDGED_EVERY = 10
LARGE_EVERY = 100


@dataclass
class Loop:
    """What became of many kills."""

    kills: int = 0
    acknowledged: int = 0
    missing: int = 0
    again: int = 0
    false_delivered: int = 0
    starts: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take(self, verdict: Verdict) -> None:
        self.acknowledged, self.missing = verdict.acknowledged, verdict.missing
        self.again, self.false_delivered = verdict.again, verdict.false_delivered
        self.problems += verdict.problems


@dataclass
class Bench:
    """A program with a feeder and two destinations."""

    serve: Serve
    feeder: FeederChild
    peers: dict[str, PeerChild]
    stored: StoredFiles
    history: HistoryReader
    expected: Callable[[str], str]

    def verdict(self, *, everything: bool = False) -> Verdict:
        """Let everything arrive and judge; `everything` reads and hashes afresh what was read before."""
        audit = settle(self.serve)
        history = HistoryReader(self.serve) if everything else self.history
        stored = StoredFiles(self.stored.data_dir) if everything else self.stored
        return judge(gather(self.serve, [self.feeder], self.peers, stored, self.expected, history, audit))


@contextmanager
def bench(folder: Path, seed: int, *, associations: int = 3) -> Iterator[Bench]:
    """Give a program that runs, on a folder that is gone afterwards."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        peers = {name: stack.enter_context(closing(PeerChild(folder, name))) for name in ("a", "b")}
        destinations = [Destination(name, peer.port) for name, peer in peers.items()]
        serve = Serve(Setup(folder, folder / "data", destinations))
        stack.callback(serve.kill)
        serve.first_start()
        feeder = FeederChild(
            folder, serve.port, seed=seed, associations=associations, large_every=LARGE_EVERY, per_association=40
        )
        stack.enter_context(closing(feeder))
        expected = expected_of(seed, large_every=LARGE_EVERY)
        yield Bench(serve, feeder, peers, StoredFiles(serve.setup.data_dir), HistoryReader(serve), expected)


def crash_loop(folder: Path, kills: int, *, seed: int = 1, tell: Callable[[str], None] = lambda line: None) -> Loop:
    """Kill the program `kills` times; stops early when something is wrong."""
    chance = random.Random(seed)
    loop = Loop()
    with bench(folder, seed) as made:
        made.feeder.go()
        try:
            while loop.kills < kills and not loop.problems:
                _one_kill(made, chance, loop)
                if loop.kills % JUDGED_EVERY == 0 or loop.kills == kills:
                    made.feeder.pause()
                    loop.take(made.verdict(everything=loop.kills == kills))
                    tell(f"{loop.kills} kills, {loop.acknowledged} acknowledged, {loop.missing} missing")
                    made.feeder.go()
        except (NotStarted, Unsettled) as error:
            loop.problems.append(f"after {loop.kills} kills: {error}")
    return loop


def _one_kill(made: Bench, chance: random.Random, loop: Loop) -> None:
    kill_sometime(made.serve, chance, LIFE_SECONDS, loop.problems)
    loop.kills += 1
    loop.starts.append(made.serve.start())


def kill_sometime(serve: Serve, chance: random.Random, life: tuple[float, float], problems: list[str]) -> None:
    """Let it live for a moment and kill it, now and then while it stops as it was asked to or is being started."""
    time.sleep(chance.uniform(*life))
    if chance.random() < ASKED_TO_STOP and (status := serve.stop()):
        problems.append(f"SIGTERM was answered with exit status {status}: {serve.said()}")
    serve.kill()
    if chance.random() < KILLED_WHILE_STARTING:
        serve.launch()
        time.sleep(chance.uniform(*life) / 2)
        serve.kill()
