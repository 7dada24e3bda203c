"""The figures of the reliability paper with their bars, and what is run for each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.faults import abuse, keeping
from tests.faults.badpeers import CAP_SECONDS, FAULTS, STORM_SECONDS, TWELVE, bad_peers, retry_storm
from tests.faults.callorder import receipt, wrong_order
from tests.faults.crashloop import bench, crash_loop
from tests.faults.crashpoints import HOWS, WALKS, How, Walk, crash_points
from tests.faults.deadpeer import OUTAGE_DAYS, beside_the_dead, faketime_library, outage, restart_with_queue
from tests.faults.fulldisk import RECOVERY_SECONDS, Kind, full_disk
from tests.faults.objectpath import path
from tests.faults.powercut import MUTANTS, Disk, power_cuts

RESTART_SECONDS = 5.0
SHARE = 0.8
FIRST_TRY_SECONDS = 600.0
MUTANT_CUTS = 8
FULL_KINDS: tuple[Kind, ...] = ("bytes", "reserve", "inodes")

Tell = Callable[[str], None]


def be_quiet(line: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Figure:
    """One line of the results: what was measured, the bar, what came out, whether the bar is held."""

    measure: str
    bar: str
    result: str
    holds: bool
    problems: Sequence[str] = ()

    def require(self) -> None:
        if not self.holds:
            raise AssertionError(f"{self.measure}: {self.result} (bar: {self.bar}); " + "; ".join(self.problems))


def kills(folder: Path, count: int, seed: int = 1, tell: Tell = be_quiet) -> list[Figure]:
    loop = crash_loop(folder, count, seed=seed, tell=tell)
    slowest = max(loop.starts, default=0.0)
    return [
        Figure(
            f"acknowledged objects missing after {loop.kills} random kills",
            f"0 after {count}",
            f"{loop.missing} of {loop.acknowledged} ({loop.again} sent again, {loop.false_delivered} falsely "
            f"delivered; ready again after {median(loop.starts or [0]):.2f} s, at worst {slowest:.2f} s)",
            loop.kills == count and loop.acknowledged > 0 and not loop.missing and not loop.problems,
            loop.problems,
        )
    ]


def points(
    folder: Path,
    walks: Sequence[Walk] = tuple(WALKS),
    hows: Sequence[How] = HOWS,
    *,
    everything: bool,
    tell: Tell = be_quiet,
) -> list[Figure]:
    figures = []
    for walk in walks:
        found = crash_points(folder / walk, walk, hows, everything=everything, tell=tell)
        counted = ", ".join(f"{how} {count}" for how, count in found.counted.items())
        figures.append(
            Figure(
                f"crash points ({walk}) at which something is wrong afterwards, {found.struck} blows",
                f"0 ({', '.join(hows)})",
                f"{len(found.problems)} (calls that count: {counted}; {found.refused} times refused and sent again, "
                f"{found.not_reached} points not reached)",
                found.struck > 0 and found.not_reached <= found.struck // 5 and not found.problems,
                found.problems,
            )
        )
    return figures


def cuts(folder: Path, count: int, disk: Disk | None = None, seed: int = 1, tell: Tell = be_quiet) -> list[Figure]:
    disk = disk or Disk()
    found = power_cuts(folder, count, disk=disk, seed=seed, tell=tell)
    return [
        Figure(
            f"acknowledged objects missing after {found.cuts} simulated power cuts, {disk}",
            f"0 after {count}",
            f"{found.missing} of {found.acknowledged} ({found.again} sent again)",
            found.cuts == count and found.acknowledged > 0 and not found.missing and not found.problems,
            found.problems,
        )
    ]


def mutants(folder: Path, names: Sequence[str] = tuple(MUTANTS), tell: Tell = be_quiet) -> list[Figure]:
    figures = []
    for number, name in enumerate(names):
        found = power_cuts(folder / str(number), MUTANT_CUTS, env=MUTANTS[name], seed=100 + number, tell=tell)
        # Only what is gone counts: anything else that is wrong would be wrong without the mutation too.
        caught = found.missing > 0
        words = f"caught at cut {found.cuts}: {found.missing} of {found.acknowledged} gone" if caught else "not caught"
        figures.append(Figure(f"the mutant “{name}”", f"caught within {MUTANT_CUTS} cuts", words, caught))
    return figures


def peers(folder: Path, objects: int, names: Sequence[str] = TWELVE) -> list[Figure]:
    table = bad_peers(folder, objects, names)
    limit, slowest = 2 * CAP_SECONDS, table.slowest_seconds
    arrived = sum(row.delivered for row in table.rows)
    false = sum(row.false_delivered for row in table.rows)
    times = ", ".join(f"{row.name} {row.seconds:.1f} s" for row in table.rows)
    wanted = objects * len(names)
    return [
        Figure(
            f"{len(names)} kinds of faults × {objects} objects: delivered after the faults end",
            f"100 %, within {limit:.0f} s (2 × backoff cap)",
            f"{100 * arrived / wanted:.1f} %, within {slowest:.1f} s ({times})",
            arrived == wanted and slowest <= limit and not table.problems,
            table.problems,
        ),
        Figure("the same: falsely called delivered", "0", str(false), not false),
    ]


def storm(folder: Path, objects: int, rounds: int) -> list[Figure]:
    found = retry_storm(folder, objects, rounds)
    return [
        Figure(
            f"retries in quick succession, 6 destinations with 8 lanes, {rounds} rounds of {objects} objects",
            f"100 %, within {STORM_SECONDS:.0f} s of the last acknowledgement",
            f"{found.delivered} delivered, within {max(found.seconds):.1f} s",
            not found.problems,
            found.problems,
        )
    ]


def all_peers(folder: Path, objects: int) -> list[Figure]:
    return peers(folder, objects, tuple(FAULTS))


def share(folder: Path, objects: int, rounds: int = 3) -> list[Figure]:
    rates = beside_the_dead(folder, objects, rounds, enough=SHARE)
    beside = ", ".join(
        f"beside one that is dead by {name}: {median(found):.0f}" for name, found in rates.beside.items()
    )
    return [
        Figure(
            "a live destination's rate beside a dead one",
            f"≥ {SHARE:.0%} of alone",
            f"{rates.worst_share:.0%} (objects/s, medians: alone {median(rates.alone):.0f}, {beside})",
            rates.worst_share >= SHARE,
        )
    ]


def restart(folder: Path, queued: int, times: int = 5) -> list[Figure]:
    found = restart_with_queue(folder, queued, times)
    worst = max(found.seconds, default=0.0)
    return [
        Figure(
            f"restart after a kill with {found.queued} queued until C-ECHO is answered",
            f"≤ {RESTART_SECONDS:.0f} s with {queued}",
            f"{median(found.seconds or [0]):.2f} s, at worst {worst:.2f} s of {len(found.seconds)}",
            found.queued >= queued and 0 < worst <= RESTART_SECONDS and not found.problems,
            found.problems,
        )
    ]


def two_weeks(folder: Path, days: Sequence[int] = OUTAGE_DAYS) -> list[Figure]:
    library = faketime_library()
    if library is None:
        words = "not run: libfaketime is not installed (Debian: faketime)"
        return [Figure(f"a {days[-1]}-day outage", "everything delivered", words, holds=False, problems=[words])]
    found = outage(folder, library, days)
    return [
        Figure(
            f"a {days[-1]}-day outage by a false clock, then the destination returns",
            f"everything delivered; first try ≤ {FIRST_TRY_SECONDS / 60:.0f} min after return",
            f"{'everything delivered' if not found.problems else 'not well'}; first try "
            f"{found.next_try_seconds / 60:.1f} min after return ({found.attempts} attempts)",
            found.next_try_seconds <= FIRST_TRY_SECONDS and not found.problems,
            found.problems,
        )
    ]


def full(folder: Path, times: int, kinds: Sequence[Kind] = FULL_KINDS) -> list[Figure]:
    figures = []
    for kind in kinds:
        found = full_disk(folder, kind, times)
        figures.append(
            Figure(
                f"disk full ({kind}), {found.times} times",
                f"0 false acknowledgements; recovers ≤ {RECOVERY_SECONDS:.0f} s after space returns",
                f"{found.missing} of {found.acknowledged}; recovered within {found.slowest_recovery_seconds:.1f} s "
                f"({found.refused} times A700, {found.delivered_while_full} delivered while full)",
                found.times == times and not found.missing and not found.problems,
                found.problems,
            )
        )
    return figures


def order(folder: Path) -> list[Figure]:
    with path(folder, delivers=False) as made:
        wrong = wrong_order(receipt(made))
    return [
        Figure(
            "order of system calls at a receipt (strace)",
            "bytes synced, named, folder synced, records synced, answered",
            "as it must be" if not wrong else "; ".join(wrong),
            not wrong,
            wrong,
        )
    ]


def hostile(folder: Path, names: Sequence[str] = tuple(abuse.CASES)) -> list[Figure]:
    figures = []
    with bench(folder, 1) as made:
        for name in names:
            found = abuse.CASES[name](made.serve)
            figures.append(
                Figure(
                    f"abuse: {name}",
                    f"C-ECHO ≤ {abuse.ECHO_LIMIT_SECONDS:.0f} s, sockets closed ≤ {abuse.LIFE_LIMIT_SECONDS:.0f} s, "
                    f"growth ≤ {abuse.MEMORY_LIMIT >> 20} MiB",
                    f"C-ECHO {found.slowest_echo:.2f} s at worst of {len(found.echoes)}; {found.at_once} sockets at "
                    f"once, closed within {found.longest_life:.1f} s; growth {found.growth / (1 << 20):.1f} MiB",
                    not found.problems,
                    found.problems,
                )
            )
    return figures


def rot(folder: Path) -> list[Figure]:
    found = keeping.rot(folder)
    return [
        Figure(
            "a flipped byte in a stored object",
            "found by `tolmach verify`, reaches nobody, healed when it is sent again",
            f"found in {found.seconds:.1f} s, healed" if not found.problems else "; ".join(found.problems)[:200],
            not found.problems,
            found.problems,
        )
    ]


def rebuild(folder: Path, objects: int) -> list[Figure]:
    found = keeping.rebuild(folder, objects)
    return [
        Figure(
            f"records made anew from the files alone, {found.objects} objects",
            "identical answers to 20 queries",
            f"{'identical' if not found.problems else 'not identical'}, in {found.seconds:.1f} s",
            not found.problems,
            found.problems,
        )
    ]


def inbound(folder: Path) -> list[Figure]:
    found = keeping.inbound_lines(folder)
    return [
        Figure(
            f"senders on bad lines ({', '.join(keeping.LINES)}): acknowledged objects that are missing",
            "0",
            f"{'0' if not found.problems else 'some'} of {found.objects}",
            found.objects > 0 and not found.problems,
            found.problems,
        )
    ]
