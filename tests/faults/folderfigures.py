"""The figures of watched folders as the source, with their bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.faults.crashpoints import HOWS, How
from tests.faults.figures import Figure, Tell, be_quiet
from tests.faults.foldercuts import Layout, folder_cuts
from tests.faults.folderloop import MUTANTS, folder_loop
from tests.faults.folderpoints import FOLDER_WALKS, FolderWalk, folder_points
from tests.faults.powercut import MUTANTS as CUT_MUTANTS
from tests.faults.powercut import Disk
from tests.faults.sources import FolderVerdict

MUTANT_KILLS, MUTANT_CUTS = 20, 16
# What is removed too early is seen after any kill while a destination is away; the rest must come to rest first.
MUTANT_JUDGED_EVERY = {"early": 5, "unwhole": 2}
LAYOUTS: Sequence[Layout] = ("apart", "together")
_WHERE = {"apart": "of the data folder alone", "together": "of data folder, watched folders and vendor"}


def kills(folder: Path, count: int, seed: int = 1, tell: Tell = be_quiet) -> list[Figure]:
    loop = folder_loop(folder, count, seed=seed, tell=tell)
    slowest = max(loop.starts, default=0.0)
    times = f"ready again after {median(loop.starts or [0]):.2f} s, at worst {slowest:.2f} s"
    return _three(loop.verdict, loop.problems, f"{loop.kills} random kills", times, enough=loop.kills == count)


def cuts(
    folder: Path, count: int, layout: Layout, disk: Disk | None = None, seed: int = 1, tell: Tell = be_quiet
) -> list[Figure]:
    disk = disk or Disk()
    found = folder_cuts(folder, count, layout, disk=disk, seed=seed, tell=tell)
    after = f"{found.cuts} power cuts {_WHERE[layout]}, {disk}"
    return _three(found.verdict, found.problems, after, "", enough=found.cuts == count)


def _three(found: FolderVerdict, problems: Sequence[str], after: str, more: str, *, enough: bool) -> list[Figure]:
    """Give the three figures that must be 0; what else is wrong stands with the first."""
    ran = enough and found.completed > 0
    words = "; ".join(filter(None, (f"{found.again} sent again", more)))
    return [
        Figure(
            f"folders: completed images missing after {after}",
            "0",
            f"{found.missing} of {found.completed} ({words})",
            ran and not found.missing and not problems,
            problems,
        ),
        Figure("the same: taken or sent before they were whole", "0", str(found.unwhole), ran and not found.unwhole),
        Figure(
            "the same: source files removed before every destination had confirmed",
            "0",
            f"{found.early} of {found.removed} removed",
            ran and found.removed > 0 and not found.early,
        ),
    ]


def points(
    folder: Path,
    walks: Sequence[FolderWalk] = FOLDER_WALKS,
    hows: Sequence[How] = HOWS,
    *,
    everything: bool,
    tell: Tell = be_quiet,
) -> list[Figure]:
    figures = []
    for walk in walks:
        found = folder_points(folder / walk, walk, hows, everything=everything, tell=tell)
        counted = ", ".join(f"{how} {count}" for how, count in found.counted.items())
        figures.append(
            Figure(
                f"crash points (from a folder, {walk}) at which something is wrong afterwards, {found.struck} blows",
                f"0 ({', '.join(hows)})",
                f"{len(found.problems)} (calls that count: {counted}; {found.not_reached} points not reached)",
                found.struck > 0 and found.not_reached <= found.struck // 5 and not found.problems,
                found.problems,
            )
        )
    return figures


def mutants(folder: Path, names: Sequence[str] = tuple(MUTANTS), tell: Tell = be_quiet) -> list[Figure]:
    figures = []
    for number, name in enumerate(names):
        every = MUTANT_JUDGED_EVERY[MUTANTS[name]]
        place = folder / str(number)
        loop = folder_loop(place, MUTANT_KILLS, seed=100 + number, every=every, mutant=name, tell=tell)
        # Only what it breaks counts: anything else that is wrong would be wrong without the mutation too.
        count = int(getattr(loop.verdict, MUTANTS[name]))
        words = f"caught at kill {loop.kills}: {count} objects" if count else "not caught"
        figures.append(Figure(f"the mutant “{name}”", f"caught within {MUTANT_KILLS} kills", words, count > 0))
    return figures


def cut_mutants(folder: Path, names: Sequence[str] = tuple(CUT_MUTANTS), tell: Tell = be_quiet) -> list[Figure]:
    figures = []
    for number, name in enumerate(names):
        place, env = folder / str(number), CUT_MUTANTS[name]
        found = folder_cuts(place, MUTANT_CUTS, "apart", seed=200 + number, env=env, tell=tell)
        caught = found.verdict.missing > 0
        words = f"caught at cut {found.cuts}: {found.verdict.missing} of {found.verdict.completed} gone"
        figures.append(
            Figure(
                f"folders: the mutant “{name}”",
                f"caught within {MUTANT_CUTS} cuts",
                words if caught else "not caught",
                caught,
            )
        )
    return figures
