"""Nodes that are killed at random while the others go on, and PostgreSQL and the bucket that go away now and then.

Three nodes share one PostgreSQL and one bucket, behind a balancer. Some of the killed come back at once; some stay away
until the others have delivered everything that was acknowledged by then, which is what must not take longer than half a
minute. Every so often all is judged: the feeders' journals against the records, the bucket and the destination.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.faults.clusterbench import PATIENCE, Cluster, Place, Plan, bucket
from tests.faults.judging import Evidence, HistoryReader, Unsettled, Verdict, judge, kept_by, settle
from tests.faults.sample_objects import number_of, sample
from tests.faults.serving import NotStarted, Serve
from tests.postgres_server import PostgresServer
from tests.s3_proxy import Wrong, lose_answer, lose_request, refuse

LIFE_SECONDS = (0.3, 2.0)
AWAY_SECONDS = (0.5, 4.0)
FROZEN_SECONDS = 25.0
JUDGED_EVERY = 10
# Few enough that what waits is what waits for somebody who died, and not for a processor.
REST_SECONDS = 0.15
STAYS_AWAY = 0.3  # of the kills
# Of all blows, those that are no kill.
AWAY: Sequence[tuple[str, float]] = (("bucket", 0.12), ("records", 0.12), ("frozen", 0.04))
BUCKET_FAULTS: Sequence[Wrong] = (refuse(503, "SlowDown"), refuse(403, "AccessDenied"), lose_request, lose_answer)


@dataclass
class ClusterLoop:
    """What became of many blows; seconds are the longest of their kind."""

    kills: int = 0
    blows: dict[str, int] = field(default_factory=dict)
    acknowledged: int = 0
    missing: int = 0
    again: int = 0
    false_delivered: int = 0
    took_on: float = 0.0
    delivered_by_others: list[float] = field(default_factory=list)
    longest_way: float = 0.0
    problems: list[str] = field(default_factory=list)

    def take(self, verdict: Verdict) -> None:
        self.acknowledged, self.missing = verdict.acknowledged, verdict.missing
        self.again, self.false_delivered = verdict.again, verdict.false_delivered
        self.problems += verdict.problems

    @property
    def longest_stall(self) -> float:
        """The longest that anything taken had to wait for its delivery, or a caller for somebody who takes."""
        return max([self.took_on, self.longest_way, *self.delivered_by_others])


@dataclass
class ClusterBench:
    """A cluster with what it depends on."""

    cluster: Cluster
    server: PostgresServer
    place: Place

    def verdict(self, *, everything: bool = False) -> Verdict:
        """Let everything arrive and judge; `everything` reads the whole bucket afresh."""
        cluster = self.cluster
        audit = settle(cluster.alive)
        acknowledged = cluster.acknowledged()
        stored = self.place.hashes(acknowledged.values(), afresh=everything)
        rows = HistoryReader(cluster.alive).read()
        kept = {"pacs": kept_by(cluster.peer)}
        return judge(Evidence(acknowledged, kept, rows, stored, audit, expected))


@cache
def expected(uid: str) -> str:
    """Give the sha256 of the data set that must arrive; the UID says which feeder's it is."""
    return sample(int(uid.split(".")[-2]), number_of(uid), large_every=0).repaired_sha256


@contextmanager
def cluster_bench(folder: Path, *, nodes: int = 3, mutant: str = "", unsafe: bool = False) -> Iterator[ClusterBench]:
    """Give a cluster that runs, `mutant` if that is named, on a folder that is gone afterwards."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        server = PostgresServer()
        stack.callback(server.remove)
        place = stack.enter_context(bucket("loop"))
        env = {"TOLMACH_TEST_SYNCHRONOUS": "NORMAL"} if unsafe else {}
        plan = Plan(
            server.make("loop"), place, nodes, balanced=True, associations=2, rest=REST_SECONDS, mutant=mutant, env=env
        )
        yield ClusterBench(Cluster(folder / "cluster", stack, plan), server, place)


def cluster_loop(
    folder: Path,
    kills: int,
    *,
    seed: int = 1,
    every: int = JUDGED_EVERY,
    blows: Sequence[tuple[str, float]] = AWAY,
    stays_away: float = STAYS_AWAY,
    nodes: int = 3,
    mutant: str = "",
    unsafe: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> ClusterLoop:
    """Strike until `kills` nodes were killed, or so often where none is; stops early when something is wrong."""
    chance, loop = random.Random(seed), ClusterLoop()
    with cluster_bench(folder, nodes=nodes, mutant=mutant, unsafe=unsafe) as made:
        made.cluster.feed()
        try:
            while _is_left(loop, kills, blows) and not loop.problems:
                time.sleep(chance.uniform(*LIFE_SECONDS))
                _strike(made, loop, chance, blows, stays_away)
                is_last = not _is_left(loop, kills, blows)
                if sum(loop.blows.values()) % every == 0 or is_last:
                    made.cluster.rest()
                    loop.take(made.verdict(everything=is_last))
                    loop.longest_way = made.cluster.longest_way() if not loop.problems else loop.longest_way
                    tell(
                        f"{loop.kills} kills, {loop.blows}, {loop.acknowledged} acknowledged, {loop.missing} missing, "
                        f"longest stall {loop.longest_stall:.1f} s"
                    )
                    made.cluster.feed()
        except (NotStarted, Unsettled, AssertionError) as error:
            loop.problems.append(f"after {loop.kills} kills: {error}"[:3000])
    return loop


def _is_left(loop: ClusterLoop, kills: int, blows: Sequence[tuple[str, float]]) -> bool:
    has_kills = sum(share for _name, share in blows) < 1
    return (loop.kills if has_kills else sum(loop.blows.values())) < kills


def _strike(
    made: ClusterBench,
    loop: ClusterLoop,
    chance: random.Random,
    blows: Sequence[tuple[str, float]],
    stays_away: float,
) -> None:
    """Do one thing to the cluster, and note how long others had to wait."""
    draw, name = chance.random(), "kill"
    for one, share in blows:
        if draw < share:
            name = one
            break
        draw -= share
    loop.blows[name] = loop.blows.get(name, 0) + 1
    victim = chance.choice(made.cluster.nodes)
    if name == "bucket":
        made.place.proxy.always = chance.choice(BUCKET_FAULTS)
        time.sleep(chance.uniform(*AWAY_SECONDS))
        made.place.proxy.always = None
    elif name == "records":
        made.server.stop(chance.choice(("immediate", "fast")))
        time.sleep(chance.uniform(*AWAY_SECONDS))
        made.server.start()
    elif name == "frozen":
        _freeze(made, victim)
    else:
        _kill(made, loop, victim, stays=chance.random() < stays_away)
    loop.took_on = max(loop.took_on, made.cluster.await_acknowledged(3, PATIENCE))


def _freeze(made: ClusterBench, victim: Serve) -> None:
    """Let a node stand still, as a virtual machine does that is moved, for longer than it counts as alive."""
    victim.freeze()
    time.sleep(FROZEN_SECONDS)
    victim.thaw()


def _kill(made: ClusterBench, loop: ClusterLoop, victim: Serve, *, stays: bool) -> None:
    victim.kill()
    loop.kills += 1
    loop.took_on = max(loop.took_on, made.cluster.await_acknowledged(3, PATIENCE))
    if stays:
        made.cluster.rest()
        loop.delivered_by_others.append(made.cluster.await_delivered(PATIENCE))
        made.cluster.feed()
    victim.start()
