"""The figures of several nodes on one PostgreSQL and one bucket, with their bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.clusterbench import PATIENCE
from tests.faults.clusterloop import ONE, STAYING, ClusterLoop, cluster_loop, told
from tests.faults.figures import Figure, Tell, be_quiet

MUTANT_BLOWS = 12


@dataclass(frozen=True)
class _Mutant:
    """How a broken program is run, and what tells that it was caught."""

    breaks: str = ""
    unsafe: bool = False
    blow: str = ONE


MUTANTS: Mapping[str, _Mutant] = {
    "leases that never expire": _Mutant(breaks="leases-forever", blow=STAYING),
    "acknowledged before it is committed": _Mutant(breaks="acknowledges-early"),
    "synchronous_commit=off": _Mutant(unsafe=True, blow="PostgreSQL away"),
}


def blows(folder: Path, count: int, seed: int = 1, tell: Tell = be_quiet) -> list[Figure]:
    loop = cluster_loop(folder, count, seed=seed, tell=tell)
    doubled = f"{loop.kills} nodes killed; {loop.again} sent again, {loop.false_delivered} falsely delivered"
    ran = loop.blows == count and loop.acknowledged > 0
    return [
        Figure(
            f"three nodes on PostgreSQL and S3: acknowledged objects missing after {loop.blows} blows",
            f"0 after {count}",
            f"{loop.missing} of {loop.acknowledged} ({doubled})",
            ran and not loop.missing and not loop.problems,
            loop.problems,
        ),
        Figure(
            "the same: until others take, and have delivered what was taken before the blow",
            f"≤ {PATIENCE:.0f} s where one thing fails",
            f"{loop.longest_stall:.1f} s at worst (times and longest: {told(loop)})",
            ran and loop.longest_stall <= PATIENCE,
        ),
    ]


def mutants(
    folder: Path, names: Sequence[str] = tuple(MUTANTS), patience: float = PATIENCE, tell: Tell = be_quiet
) -> list[Figure]:
    """Run broken programs; what is lost need not be waited for as long as what is slow."""
    figures = []
    for number, name in enumerate(names):
        mutant = MUTANTS[name]
        loop = _run(folder / str(number), mutant, 100 + number, patience, tell)
        seen = caught(mutant, loop)
        words = f"caught after {loop.blows} blows that were survived: {seen}" if seen else "not caught"
        figures.append(Figure(f"nodes: the mutant “{name}”", f"caught within {MUTANT_BLOWS} blows", words, bool(seen)))
    return figures


def _run(folder: Path, mutant: _Mutant, seed: int, patience: float, tell: Tell) -> ClusterLoop:
    return cluster_loop(
        folder,
        MUTANT_BLOWS,
        seed=seed,
        every=2,
        shares={mutant.blow: 1.0},
        nodes=2,
        mutant=mutant.breaks,
        unsafe=mutant.unsafe,
        patience=patience,
        tell=tell,
    )


def caught(mutant: _Mutant, loop: ClusterLoop) -> str:
    """Give in words by what it was caught, "" when it was not; anything else that is wrong does not count."""
    if mutant.breaks == "leases-forever":
        stalled = [one for one in loop.problems if "are missing" in one]
        return f"undelivered {PATIENCE:.0f} s after a kill" if stalled else ""
    return f"{loop.missing} of {loop.acknowledged} gone" if loop.missing else ""
