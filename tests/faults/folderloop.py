"""Random kills with folders as the source: SIGKILL at any moment while a vendor writes and destinations come and go.

After every kill, while nobody can remove anything, what is gone from the folders is compared with what the destinations
keep; after every tenth the vendor rests, everything is let arrive, and all is judged.
"""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.children import PeerChild, VendorChild
from tests.faults.crashloop import kill_sometime
from tests.faults.judging import HistoryReader, StoredFiles, Unsettled
from tests.faults.mutants import BREAKS
from tests.faults.peermodes import Mode
from tests.faults.serving import PROGRAM, Destination, NotStarted, Serve, Setup
from tests.faults.sources import LARGE_EVERY, FolderVerdict, SourceJudge, tables, three

# As long as it takes from the vendor to the tidying, and a bit more.
LIFE_SECONDS = (0.02, 2.5)
JUDGED_EVERY = 10
WRITERS = 10
# Of ten kills, one destination is away during these: whatever is tidied then is tidied too early.
AWAY = range(1, 5)
MUTANTS: Mapping[str, str] = {"tidies before it is confirmed": "early", "takes what is not whole": "unwhole"}
_BREAK_OF = dict(zip(MUTANTS, BREAKS, strict=False))  # the others are of several nodes


@dataclass
class FolderLoop:
    """What became of many kills."""

    kills: int = 0
    verdict: FolderVerdict = field(default_factory=FolderVerdict)
    starts: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take(self, verdict: FolderVerdict) -> None:
        self.verdict = verdict
        self.problems += verdict.problems


@dataclass
class FolderBench:
    """A program that watches three folders, their vendor, two destinations."""

    serve: Serve
    vendor: VendorChild
    peers: Mapping[str, PeerChild]
    judge: SourceJudge
    stored: StoredFiles
    history: HistoryReader

    def verdict(self, *, everything: bool = False) -> FolderVerdict:
        """Let everything arrive and judge; `everything` reads and hashes afresh what was read before."""
        audit = self.judge.settle()
        history = HistoryReader(self.serve) if everything else self.history
        stored = StoredFiles(self.stored.data_dir) if everything else self.stored
        return self.judge.at_rest(history, stored, audit)


@contextmanager
def folder_bench(folder: Path, seed: int, *, mutant: str = "") -> Iterator[FolderBench]:
    """Give a program that runs, `mutant` if that is named, on folders that are gone afterwards."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        peers = {name: stack.enter_context(closing(PeerChild(folder, name))) for name in ("a", "b")}
        watches = three(folder / "source")
        destinations = [Destination(name, peer.port) for name, peer in peers.items()]
        setup = Setup(folder, folder / "data", destinations, tables=tables(watches, list(peers)))
        program = (sys.executable, "-m", "tests.faults.mutants", _BREAK_OF[mutant]) if mutant else PROGRAM
        serve = Serve(setup, program=program)
        stack.callback(serve.kill)
        serve.first_start()
        places = {one.name: one.folder for one in watches}
        vendor = VendorChild(folder, places, seed=seed, large_every=LARGE_EVERY, writers=WRITERS)
        stack.enter_context(closing(vendor))
        judge = SourceJudge(serve, watches, vendor.journal, peers, seed)
        yield FolderBench(serve, vendor, peers, judge, StoredFiles(serve.setup.data_dir), HistoryReader(serve))


def folder_loop(
    folder: Path,
    kills: int,
    *,
    seed: int = 1,
    every: int = JUDGED_EVERY,
    mutant: str = "",
    tell: Callable[[str], None] = lambda line: None,
) -> FolderLoop:
    """Kill the program `kills` times, judging all after every so many; stops early when something is wrong."""
    chance = random.Random(seed)
    loop = FolderLoop()
    with folder_bench(folder, seed, mutant=mutant) as made:
        made.vendor.go()
        try:
            while loop.kills < kills and not loop.problems:
                made.peers["b"].become(Mode("refuse" if loop.kills % JUDGED_EVERY in AWAY else "good"))
                _one_kill(made, chance, loop)
                if loop.problems:
                    break
                if loop.kills % every == 0 or loop.kills == kills:
                    made.peers["b"].become(Mode())
                    made.vendor.pause()
                    loop.take(made.verdict(everything=loop.kills == kills))
                    tell(f"{loop.kills} kills, {loop.verdict.completed} completed, {loop.verdict.missing} missing")
                    made.vendor.go()
        except (NotStarted, Unsettled) as error:
            loop.problems.append(f"after {loop.kills} kills: {error}")
    return loop


def _one_kill(made: FolderBench, chance: random.Random, loop: FolderLoop) -> None:
    kill_sometime(made.serve, chance, LIFE_SECONDS, loop.problems)
    loop.kills += 1
    loop.take(made.judge.removals())
    loop.starts.append(made.serve.start())
