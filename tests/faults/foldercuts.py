"""Power cuts with folders as the source: what was completed is delivered, whatever the disk has forgotten.

Either only the disk of the data folder loses its power, and the watched folders are on another machine's disk that goes
on; or everything is on one disk, the vendor as well as the program. In both, one folder's files are moved to the other
disk.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.faults.children import PeerChild, VendorChild, end
from tests.faults.judging import HistoryReader, StoredFiles, Unsettled, audit_of
from tests.faults.powercut import CUTS_PER_IMAGE, MEGABYTES, Disk
from tests.faults.serving import Destination, NotStarted, Serve, Setup
from tests.faults.sources import LARGE_EVERY, FolderVerdict, SourceJudge, tables, three
from tests.faults.volumes import Mounted, copy_sparse, make_image, mount_image

# From the writing of a file to its tidying it takes longer than an object that comes over a line.
LIFE_SECONDS = (1.0, 4.0)
WAKE_SECONDS = 30.0
WRITERS = 10
SURVIVING = Disk("ext4", "")

Layout = Literal["apart", "together"]


@dataclass
class FolderCuts:
    """What became of some power cuts in a row; `verdict` counts over all of them."""

    cuts: int = 0
    verdict: FolderVerdict = field(default_factory=FolderVerdict)
    problems: list[str] = field(default_factory=list)

    def add(self, verdict: FolderVerdict) -> None:
        for name in ("completed", "missing", "again", "early", "unwhole", "removed"):
            setattr(self.verdict, name, getattr(self.verdict, name) + getattr(verdict, name))


class FolderMachine:
    """A machine whose power can be cut, beside a disk that survives it; the destinations are elsewhere."""

    def __init__(self, folder: Path, layout: Layout, disk: Disk, seed: int, env: Mapping[str, str]) -> None:
        self.folder, self.layout, self.disk, self.seed, self.env = folder, layout, disk, seed, env
        self.chance = random.Random(seed)
        self.image = folder / "disk.img"
        self._stack = ExitStack()
        try:
            self._disk = self._mount(self.image, folder / "disk", disk)
            # Before all that have files open there, so that it ends after them.
            self._stack.callback(lambda: self._disk.close())
            share = self._mount(folder / "share.img", folder / "share", SURVIVING)
            self._stack.callback(share.close)
            self._begin()
        except BaseException:
            self.close()
            raise

    def _mount(self, image: Path, place: Path, disk: Disk) -> Mounted:
        make_image(image, MEGABYTES, disk.kind)
        return mount_image(image, place, disk.options)

    def _begin(self) -> None:
        disk, share = self.folder / "disk", self.folder / "share"
        here, there = (share, disk) if self.layout == "apart" else (disk, share)
        watches = three(here / "source", there)
        self.places = {one.name: one.folder for one in watches}
        self.peers = {name: self._stack.enter_context(closing(PeerChild(self.folder, name))) for name in ("a", "b")}
        destinations = [Destination(name, peer.port) for name, peer in self.peers.items()]
        setup = Setup(self.folder, disk / "data", destinations, tables=tables(watches, list(self.peers)))
        self.serve = Serve(setup, env=self.env)
        self._stack.callback(self.serve.kill)
        self.serve.first_start()
        self.vendor = self._vendor()
        self._stack.callback(lambda: self.vendor.close())
        self.judge = SourceJudge(self.serve, watches, self.vendor.journal, self.peers, self.seed)

    def _vendor(self) -> VendorChild:
        return VendorChild(
            self.folder, self.places, seed=self.seed, large_every=LARGE_EVERY, writers=WRITERS, synced=True
        )

    def cut(self) -> FolderVerdict:
        """Let the vendor write for a while and cut the power; judges what is gone then. All is off afterwards.

        Where the vendor has the same power it is frozen and gone with the program, and another begins.
        """
        self.vendor.go()
        time.sleep(self.chance.uniform(*LIFE_SECONDS))
        self.serve.freeze()
        if self.layout == "together":
            self.vendor.freeze()
        copy = self.folder / "copy.img"
        copy_sparse(self.image, copy)
        self.serve.kill()
        if self.layout == "together":
            end(self.vendor.process)
            self.vendor.close()
        self._disk.close()
        copy.replace(self.image)
        self._disk = mount_image(self.image, self.folder / "disk", self.disk.options)
        verdict = self.judge.removals()
        if self.layout == "together":
            self.vendor = self._vendor()
        return verdict

    def wake(self) -> FolderVerdict:
        """Start on what is left, let it deliver, and judge."""
        self.serve.env.clear()  # mutants are only bad before the cut: what is judged is what they left
        self.serve.start()
        self.vendor.pause()
        problems = []
        try:
            audit = self.judge.settle(WAKE_SECONDS)
        except Unsettled as error:
            problems, audit = [str(error)], audit_of(self.serve)
        verdict = self.judge.at_rest(HistoryReader(self.serve), StoredFiles(self.serve.setup.data_dir), audit)
        verdict.problems += problems
        if self.env:
            self.serve.kill()
            self.serve.env.update(self.env)
            self.serve.start()
        return verdict

    def close(self) -> None:
        self._stack.close()


@contextmanager
def folder_machine(
    folder: Path, layout: Layout, disk: Disk, seed: int, env: Mapping[str, str]
) -> Iterator[FolderMachine]:
    """Give a machine that leaves nothing behind, neither processes nor mounts nor files."""
    folder.mkdir(parents=True)
    try:
        with closing(FolderMachine(folder, layout, disk, seed, env)) as made:
            yield made
    finally:
        shutil.rmtree(folder)


def folder_cuts(
    folder: Path,
    count: int,
    layout: Layout,
    *,
    disk: Disk | None = None,
    seed: int = 1,
    env: Mapping[str, str] | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> FolderCuts:
    """Cut the power `count` times, each time going on with what was left; new disks after every ten.

    Stops at the first cut after which something is wrong.
    """
    result = FolderCuts()
    while result.cuts < count and not result.problems:
        place = folder / f"{layout}-{result.cuts}"
        with folder_machine(place, layout, disk or Disk(), seed + result.cuts, env or {}) as made:
            verdict = FolderVerdict()
            for _ in range(min(CUTS_PER_IMAGE, count - result.cuts)):
                result.cuts += 1
                verdict = _one_cut(made, result)
                tell(f"{result.cuts} cuts {layout}, {verdict.completed} completed here, {verdict.missing} missing")
                if result.problems:
                    break
            result.add(verdict)
    return result


def _one_cut(made: FolderMachine, result: FolderCuts) -> FolderVerdict:
    verdict = made.cut()
    result.problems += verdict.problems
    if verdict.problems:
        return verdict
    try:
        verdict = made.wake()
    except NotStarted as error:
        verdict.problems.append(str(error))
    result.problems += verdict.problems
    return verdict
