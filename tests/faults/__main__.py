"""The long form of the fault tests: every figure with its bar, written to a file that can be committed.

    python -m tests.faults --kills 1000 --cuts 200 --crashpoints all --modes 200 --out docs/reliability-results.md

Needs root for disks of its own, strace, and libfaketime. Exit status 0: every bar is held.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.faults import clusterfigures, figures, folderfigures
from tests.faults.figures import Figure
from tests.faults.folderpoints import FOLDER_WALKS, FolderWalk
from tests.faults.powercut import Disk
from tests.faults.volumes import knows_xfs

Part = Callable[[Path], list[Figure]]


def parts_of(wanted: argparse.Namespace) -> dict[str, Part]:
    """Give what is to be run, by name, in order; a number of 0 leaves a part out."""
    everything = wanted.crashpoints == "all"
    parts: dict[str, Part | None] = {
        "order": figures.order,
        "kills": (lambda there: figures.kills(there, wanted.kills, tell=tell)) if wanted.kills else None,
        "crashpoints": (lambda there: figures.points(there, everything=everything, tell=tell))
        if wanted.crashpoints != "none"
        else None,
        "cuts": (lambda there: _all_cuts(there, wanted.cuts)) if wanted.cuts else None,
        "mutants": (lambda there: figures.mutants(there, tell=tell)) if wanted.cuts else None,
        "full": lambda there: figures.full(there, 5),
        "modes": (lambda there: figures.peers(there / "12", wanted.modes)) if wanted.modes else None,
        "allmodes": (lambda there: figures.all_peers(there / "all", wanted.modes // 4)) if wanted.modes else None,
        "storm": (lambda there: figures.storm(there, 60, 10)) if wanted.modes else None,
        "share": (lambda there: figures.share(there, wanted.modes * 10)) if wanted.modes else None,
        "restart": (lambda there: figures.restart(there, wanted.queued, 10)) if wanted.queued else None,
        "outage": figures.two_weeks,
        "inbound": figures.inbound,
        "rot": figures.rot,
        "rebuild": (lambda there: figures.rebuild(there, wanted.queued)) if wanted.queued else None,
        "abuse": figures.hostile,
        "folder-kills": (lambda there: folderfigures.kills(there, wanted.folder_kills, tell=tell))
        if wanted.folder_kills
        else None,
        "folder-cuts": (lambda there: _folder_cuts(there, wanted.folder_cuts)) if wanted.folder_cuts else None,
        "folder-mutants": _folder_mutants if wanted.folder_cuts else None,
        "cluster-blows": (lambda there: clusterfigures.blows(there, wanted.cluster_blows, tell=tell))
        if wanted.cluster_blows
        else None,
        "cluster-mutants": (lambda there: clusterfigures.mutants(there, tell=tell)) if wanted.cluster_blows else None,
        **{f"folder-points-{walk}": _folder_points(walk, wanted.crashpoints) for walk in FOLDER_WALKS},
    }
    chosen = wanted.only.split(",") if wanted.only else list(parts)
    # One name may be that of several: folder-points are all that begin with it.
    groups = {one: [name for name in parts if name == one or name.startswith(f"{one}-")] for one in chosen}
    if unknown := [one for one, names in groups.items() if not names]:
        sys.exit(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    asked = {name for names in groups.values() for name in names}
    return {name: part for name, part in parts.items() if part is not None and name in asked}


def _all_cuts(there: Path, count: int) -> list[Figure]:
    """Most cuts on ext4 that never syncs by itself, some as it comes, some on XFS."""
    some = max(1, count // 10)
    found = figures.cuts(there / "long", count, tell=tell)
    found += figures.cuts(there / "default", some, Disk("ext4", ""), seed=5001, tell=tell)
    if knows_xfs():
        found += figures.cuts(there / "xfs", some, Disk("xfs", ""), seed=6001, tell=tell)
    return found


def _folder_cuts(there: Path, count: int) -> list[Figure]:
    """Cut the power of the data folder alone, and of everything, on ext4 that never syncs by itself; some on XFS."""
    half = max(1, count // 2)
    found = []
    for number, layout in enumerate(folderfigures.LAYOUTS):
        found += folderfigures.cuts(there / layout, half, layout, seed=1 + 1000 * number, tell=tell)
        if knows_xfs():
            some, xfs = max(1, count // 10), Disk("xfs", "")
            found += folderfigures.cuts(there / f"xfs-{layout}", some, layout, xfs, seed=7001 + number, tell=tell)
    return found


def _folder_mutants(there: Path) -> list[Figure]:
    return [
        *folderfigures.mutants(there / "kills", tell=tell),
        *folderfigures.cut_mutants(there / "cuts", tell=tell),
    ]


def _folder_points(walk: FolderWalk, which: str) -> Part | None:
    if which == "none":
        return None
    return lambda there: folderfigures.points(there, [walk], everything=which == "all", tell=tell)


def tell(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


def machine_in_words() -> str:
    """Say what kind of machine this is, without its name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    kernel = ".".join(platform.release().split("-")[0].split(".")[:2])
    return (
        f"{os.cpu_count()} processors ({platform.machine()}), {memory:.0f} GiB of memory, "
        f"{platform.system()} {kernel}, Python {platform.python_version()}"
    )


def page(results: Sequence[Figure], command: str, seconds: float) -> str:
    """Give the results as a page."""
    rows = "\n".join(
        f"| {one.measure} | {one.bar} | {one.result.replace('|', '/')} | {'yes' if one.holds else '**no**'} |"
        for one in results
    )
    problems = "\n".join(f"* {one.measure}: {problem}" for one in results for problem in one.problems)
    return (
        "# Reliability: what was measured\n\n"
        f"Date: {datetime.now(UTC):%Y-%m-%d}. Command: `{command}` ({seconds / 60:.0f} minutes).\n"
        f"Machine: {machine_in_words()}.\n\n"
        "The bars are those of the fault model; the harness is in `tests/faults`, and the command above repeats all "
        "of it.\n\n"
        f"| measure | bar | result | held |\n|---|---|---|---|\n{rows}\n"
        + (f"\n## What went wrong\n\n{problems}\n" if problems else "")
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--crashpoints", choices=("all", "sample", "none"), default="all")
    parser.add_argument("--modes", type=int, default=200, help="objects for each kind of bad destination")
    parser.add_argument("--queued", type=int, default=10_000)
    parser.add_argument("--folder-kills", type=int, default=200, help="kills with folders as the source")
    parser.add_argument("--folder-cuts", type=int, default=40, help="power cuts with folders as the source")
    parser.add_argument("--cluster-blows", type=int, default=100, help="of nodes on PostgreSQL and S3")
    parser.add_argument("--only", default="", help="names of parts, with commas; folder-points means all that begin so")
    parser.add_argument("--out", type=Path, help="file for the results; absent: stdout")
    wanted = parser.parse_args()
    # An end by signal unwinds too, so that nothing stays mounted.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    results: list[Figure] = []
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    command = " ".join(["python -m tests.faults", *sys.argv[1:]])
    text = ""
    try:
        for name, part in parts_of(wanted).items():
            results += _run(name, part, folder / name)
            text = page(results, command, time.monotonic() - begun).replace(str(folder), "…")
            if wanted.out:  # after each part: hours are not lost with the last one
                wanted.out.write_text(text, "utf-8")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not wanted.out:
        print(text)
    return 0 if all(one.holds for one in results) else 1


def _run(name: str, part: Part, folder: Path) -> list[Figure]:
    """Run one part; what breaks in it is a bar not held, and the others still run."""
    tell(f"{name} …")
    begun = time.monotonic()
    try:
        found = part(folder)
    except Exception as error:  # noqa: BLE001 - a runner: told below, and counted as failed
        found = [Figure(name, "runs to its end", f"{type(error).__name__}: {error}"[:500], holds=False)]
    for one in found:
        tell(f"{'held' if one.holds else 'NOT HELD'}: {one.measure}: {one.result}")
        for problem in one.problems:
            tell(f"  {problem[:1000]}")
    tell(f"{name}: {time.monotonic() - begun:.0f} s")
    return found


if __name__ == "__main__":
    sys.exit(main())
