"""Nodes that are killed at random while the others go on, and PostgreSQL and the bucket that go away now and then.

Three nodes share one PostgreSQL and one bucket, behind a balancer, and are fed all the time. After every blow somebody
must take images again, and everything acknowledged by then must be delivered, within half a minute; a node that was
killed comes back at once, or not before. Every so often all is judged: the journals of the feeders against the records,
the bucket and the destination.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.faults.clusterbench import PATIENCE, Cluster, Place, Plan, bucket
from tests.faults.judging import SETTLE_SECONDS, Evidence, HistoryReader, Unsettled, Verdict, judge, kept_by, settle
from tests.faults.sample_objects import number_of, sample
from tests.faults.serving import NotStarted
from tests.postgres_server import PostgresServer
from tests.s3_proxy import Wrong, lose_answer, lose_request, refuse

LIFE_SECONDS = (0.3, 2.0)
AWAY_SECONDS = (0.5, 4.0)
FROZEN_SECONDS = 25.0
JUDGED_EVERY = 10
ONE, STAYING, TWO = "killed", "killed and gone", "two killed and gone"
MOST_SECONDS = 90.0  # after two at once; one must not take longer than `PATIENCE`
# Few enough that what waits is what waits for somebody who died, and not for a processor.
REST_SECONDS = 0.15
# What is done how often; a node that is killed and not gone is started again at once.
SHARES: Mapping[str, float] = {
    ONE: 0.3,
    STAYING: 0.32,
    TWO: 0.08,
    "frozen": 0.06,
    "bucket away": 0.12,
    "PostgreSQL away": 0.12,
}
BUCKET_FAULTS: Sequence[Wrong] = (refuse(503, "SlowDown"), refuse(403, "AccessDenied"), lose_request, lose_answer)


@dataclass
class ClusterLoop:
    """What became of many blows. `waits` are the seconds each kind of blow kept images or callers waiting."""

    kills: int = 0
    waits: dict[str, list[float]] = field(default_factory=dict)
    acknowledged: int = 0
    missing: int = 0
    again: int = 0
    false_delivered: int = 0
    problems: list[str] = field(default_factory=list)

    def take(self, verdict: Verdict) -> None:
        self.acknowledged, self.missing = verdict.acknowledged, verdict.missing
        self.again, self.false_delivered = verdict.again, verdict.false_delivered
        self.problems += verdict.problems

    @property
    def blows(self) -> int:
        return sum(len(times) for times in self.waits.values())

    @property
    def longest_stall(self) -> float:
        """The longest that one thing going wrong kept anything waiting."""
        return max([0.0, *(max(times) for name, times in self.waits.items() if name != TWO)])


@dataclass
class ClusterBench:
    """A cluster with what it depends on."""

    cluster: Cluster
    server: PostgresServer
    place: Place

    def verdict(self, *, everything: bool = False, seconds: float = SETTLE_SECONDS) -> Verdict:
        """Let everything arrive and judge; `everything` reads the whole bucket afresh."""
        cluster = self.cluster
        audit = settle(cluster.alive, seconds=seconds)
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
    blows: int,
    *,
    seed: int = 1,
    every: int = JUDGED_EVERY,
    shares: Mapping[str, float] = SHARES,
    order: Sequence[str] = (),
    nodes: int = 3,
    mutant: str = "",
    unsafe: bool = False,
    patience: float = PATIENCE,
    tell: Callable[[str], None] = lambda line: None,
) -> ClusterLoop:
    """Strike so often, first in an `order`; stops early when something is wrong, or others have to wait too long."""
    chance, loop = random.Random(seed), ClusterLoop()
    with cluster_bench(folder, nodes=nodes, mutant=mutant, unsafe=unsafe) as made:
        made.cluster.feed()
        try:
            while loop.blows < blows and not loop.problems:
                time.sleep(chance.uniform(*LIFE_SECONDS))
                (name,) = order[loop.blows :][:1] or chance.choices(list(shares), list(shares.values()))
                loop.waits.setdefault(name, []).append(_strike(made, loop, chance, name, patience))
                if loop.blows % every == 0 or loop.blows == blows:
                    made.cluster.rest()
                    loop.take(made.verdict(everything=loop.blows == blows))
                    tell(f"{loop.blows} blows, {loop.acknowledged} acknowledged, {loop.missing} missing, {told(loop)}")
                    made.cluster.feed()
        except (NotStarted, Unsettled, AssertionError) as error:
            loop.problems.append(f"after {loop.blows} blows: {error}"[:3000])
            with suppress(NotStarted, Unsettled):  # then that is what is wrong
                made.cluster.rest()
                loop.take(made.verdict(seconds=patience))
    return loop


def told(loop: ClusterLoop) -> str:
    """Say how often everything was done, and how long others had to wait at worst."""
    return ", ".join(f"{name} {len(times)} × {max(times):.1f} s" for name, times in sorted(loop.waits.items()))


def _strike(made: ClusterBench, loop: ClusterLoop, chance: random.Random, name: str, patience: float) -> float:
    """Do one thing to the cluster, and give for how long it kept callers waiting, or what they had sent by then.

    Where something was away, the seconds count from its return.
    """
    cluster = made.cluster
    victims = chance.sample(cluster.nodes, 2 if name == TWO else 1)
    begun = time.monotonic()
    if name == "bucket away":
        made.place.proxy.always = chance.choice(BUCKET_FAULTS)
        time.sleep(chance.uniform(*AWAY_SECONDS))
        made.place.proxy.always = None
        begun = time.monotonic()
    elif name == "PostgreSQL away":
        made.server.stop(chance.choice(("immediate", "fast")))
        time.sleep(chance.uniform(*AWAY_SECONDS))
        made.server.start()
        begun = time.monotonic()
    elif name == "frozen":
        victims[0].freeze()
    else:
        for victim in victims:
            victim.kill()
            loop.kills += 1
    if name == ONE:
        victims[0].start()
    sent = set(cluster.acknowledged())
    most = patience if name != TWO else MOST_SECONDS
    cluster.await_acknowledged(3, most)
    cluster.await_delivered(most, of=sent)
    waited = time.monotonic() - begun
    if name == "frozen":  # long enough to be dead for the others, as a virtual machine that is moved; then it goes on
        time.sleep(max(0.0, FROZEN_SECONDS - waited))
        victims[0].thaw()
    elif name in (STAYING, TWO):
        for victim in victims:
            victim.start()
    return waited
