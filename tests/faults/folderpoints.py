"""Every step of one file's path from a folder: killed, or failing with EIO or ENOSPC, at the k-th system call.

The path is that from the file that lies there, over its copy and two destinations, to its place where files are moved
or to nowhere. Where reading fails too, that is EIO. The vendor has done its part once: nobody sends anything again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.faults.children import PeerChild
from tests.faults.crashpoints import How, Points, chosen, strike_all
from tests.faults.judging import HistoryReader, StoredFiles, Unsettled, kept_by
from tests.faults.serving import Destination, NotStarted, Serve, Setup
from tests.faults.sources import LARGE_EVERY, SourceJudge, Watched, tables, three
from tests.faults.traced import Traced
from tests.faults.vendor import Plan, Vendor
from tests.faults.volumes import mount_tmpfs

SEED, NUMBER = 5, 7  # written directly, and odd: its text is repaired
WALK_SECONDS = 8.0
QUIET_SECONDS = 0.4
# The records write many pages for one commit, and each is as good as lost without the sync that follows.
ROWS = ("mkdir", "pwrite64 data")
CHANGING = ("rename", "unlink", "link", "fsync")
COMES_ROUND_SECONDS = 40.0

FolderWalk = Literal["delete", "move", "far"]
# "far": moved to another disk, for which the file must be copied. The path of what is kept is the beginning of each.
FOLDER_WALKS: tuple[FolderWalk, ...] = ("delete", "move", "far")


@dataclass
class FilePath:
    """A program that watches one folder, and its destinations; all files of the program are below `root`."""

    folder: Path
    root: Path
    serve: Serve
    peers: dict[str, PeerChild]
    watch: Watched
    judge: SourceJudge
    journal: Path

    def drop(self) -> None:
        """Let the file lie in the folder, whole at once."""
        plan = Plan([(self.watch.name, self.watch.folder)], SEED, 0, 0, LARGE_EVERY, synced=False)
        Vendor(plan, self.journal).write(NUMBER)

    def await_tidied(self) -> None:
        """Return when the file has gone its way, or the program is gone, or that takes too long."""
        deadline = time.monotonic() + WALK_SECONDS
        while self.serve.runs and not self._is_tidied() and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.serve.runs:
            time.sleep(QUIET_SECONDS)

    def _is_tidied(self) -> bool:
        return all(kept_by(peer) for peer in self.peers.values()) and not list(self.watch.folder.iterdir())

    def problems(self) -> list[str]:
        audit = self.judge.settle(COMES_ROUND_SECONDS)
        return self.judge.at_rest(HistoryReader(self.serve), StoredFiles(self.serve.setup.data_dir), audit).problems


@contextmanager
def file_path(folder: Path, walk: FolderWalk) -> Iterator[FilePath]:
    """Give a program that runs on a new data folder and an empty watched one; everything is gone afterwards."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        root = folder / "root"
        root.mkdir()
        if walk == "far":
            stack.callback(mount_tmpfs(root / "tmpfs", 32).close)
            (root / "tmpfs" / "not-empty").touch()
        (watch,) = (one for one in three(root / "source", root / "tmpfs") if one.name == walk)
        peers = {name: stack.enter_context(closing(PeerChild(folder, name))) for name in ("a", "b")}
        destinations = [Destination(name, peer.port) for name, peer in peers.items()]
        serve = Serve(Setup(folder, root / "data", destinations, tables=tables([watch], list(peers))))
        stack.callback(serve.kill)
        serve.first_start()
        journal = folder / "written.jsonl"
        yield FilePath(folder, root, serve, peers, watch, SourceJudge(serve, [watch], journal, peers, SEED), journal)


def walked(made: FilePath, strike: int, how: How) -> Traced:
    """Let the file go its way and a blow fall on it."""
    reads = made.watch.folder if how == "EIO" else None
    log = made.folder / "tracer.log"
    with closing(Traced(made.serve.pid, made.root, log=log, strike=strike, how=how, reads=reads)) as tracer:
        made.drop()
        made.await_tidied()
        tracer.finish()
    return tracer


def calls_of(folder: Path, walk: FolderWalk, how: How) -> list[str]:
    """Give the calls of a walk, in their order, as they count for this way to fail."""
    with file_path(folder, walk) as made:
        tracer = walked(made, 0, how)
        problems = made.problems()
    if problems:
        raise Unsettled(f"without any fault: {problems}")
    return tracer.calls


def strike(folder: Path, walk: FolderWalk, point: int, how: How) -> tuple[str, bool, list[str]]:
    """Let one blow fall; gives the call it fell on ("" when it never came), that nothing was refused, problems."""
    with file_path(folder, walk) as made:
        tracer = walked(made, point, how)
        try:
            if how != "kill":
                # Faults of the disk are over by now; the program must come round by itself.
                made.judge.settle(COMES_ROUND_SECONDS)
            made.serve.kill()
            problems = made.judge.removals().problems
            made.serve.start()
            problems += made.problems()
        except (Unsettled, NotStarted) as error:
            problems = [str(error)]
        return tracer.struck, False, problems


def folder_points(
    folder: Path, walk: FolderWalk, hows: Sequence[How], *, everything: bool, tell: Callable[[str], None]
) -> Points:
    """Strike at all points of a walk, or at a sample of those that change the watched folder."""
    return strike_all(
        lambda how: calls_of(folder / "count", walk, how),
        lambda point, how: strike(folder / f"{how}-{point}", walk, point, how),
        lambda calls, how: chosen(calls, how, everything=True, rows=ROWS) if everything else _at_the_end(calls),
        hows,
        lambda line: tell(f"{walk} {line}"),
    )


def _at_the_end(calls: Sequence[str]) -> list[int]:
    """Give two calls that change something outside the data folder, behind the first, which puts the file aside."""
    changing = [number for number, call in enumerate(calls, 1) if " data" not in call and call.startswith(CHANGING)]
    return changing[1:3]
