"""The figures of several nodes on one PostgreSQL and one bucket, with their bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.faults.clusterbench import PATIENCE
from tests.faults.clusterloop import ClusterLoop, cluster_loop
from tests.faults.figures import Figure, Tell, be_quiet

MUTANT_BLOWS = 12


@dataclass(frozen=True)
class _Mutant:
    """How a broken program is run, and what tells that it was caught."""

    breaks: str = ""
    unsafe: bool = False
    blow: str = "kill"


MUTANTS: Mapping[str, _Mutant] = {
    "leases that never expire": _Mutant(breaks="leases-forever"),
    "acknowledged before it is committed": _Mutant(breaks="acknowledges-early"),
    "synchronous_commit=off": _Mutant(unsafe=True, blow="records"),
}


def kills(folder: Path, count: int, seed: int = 1, tell: Tell = be_quiet) -> list[Figure]:
    loop = cluster_loop(folder, count, seed=seed, tell=tell)
    others = ", ".join(f"{number} times {name}" for name, number in sorted(loop.blows.items()) if name != "kill")
    waits = loop.delivered_by_others or [0.0]
    stalls = (
        f"others take within {loop.took_on:.1f} s; by others alone all is delivered after {median(waits):.1f} s, at "
        f"worst {max(waits):.1f} s of {len(loop.delivered_by_others)}; longest from receipt to delivery "
        f"{loop.longest_way:.1f} s"
    )
    doubled = f"{loop.again} sent again, {loop.false_delivered} falsely delivered"
    ran = loop.kills == count and loop.acknowledged > 0
    return [
        Figure(
            f"three nodes, PostgreSQL, S3: acknowledged objects missing after {loop.kills} kills; {others}",
            f"0 after {count}",
            f"{loop.missing} of {loop.acknowledged} ({doubled})",
            ran and not loop.missing and not loop.problems,
            loop.problems,
        ),
        Figure(
            "the same: the longest that anything stalled",
            f"≤ {PATIENCE:.0f} s",
            f"{loop.longest_stall:.1f} s ({stalls})",
            ran and loop.longest_stall <= PATIENCE,
        ),
    ]


def mutants(folder: Path, tell: Tell = be_quiet) -> list[Figure]:
    figures = []
    for number, (name, mutant) in enumerate(MUTANTS.items()):
        loop = _run(folder / str(number), mutant, 100 + number, tell)
        told = caught(mutant, loop)
        words = f"caught at blow {sum(loop.blows.values())}: {told}" if told else "not caught"
        figures.append(
            Figure(f"nodes: the mutant “{name}”", f"caught within {MUTANT_BLOWS} blows", words, bool(told), ())
        )
    return figures


def _run(folder: Path, mutant: _Mutant, seed: int, tell: Tell) -> ClusterLoop:
    waits = mutant.breaks == "leases-forever"
    return cluster_loop(
        folder,
        MUTANT_BLOWS,
        seed=seed,
        every=2,
        blows=(("records", 1.0),) if mutant.blow == "records" else (),
        stays_away=float(waits),
        nodes=2,
        mutant=mutant.breaks,
        unsafe=mutant.unsafe,
        tell=tell,
    )


def caught(mutant: _Mutant, loop: ClusterLoop) -> str:
    """Give in words by what it was caught, "" when it was not; anything else that is wrong does not count."""
    if mutant.breaks == "leases-forever":
        stalled = [one for one in loop.problems if "are missing" in one]
        return f"undelivered {PATIENCE:.0f} s after a kill" if stalled else ""
    return f"{loop.missing} of {loop.acknowledged} gone" if loop.missing else ""
