"""Power cuts: freeze the program, copy its disk as it is at that moment, kill it, wake up on the copy.

What the program wrote but never synced is in the memory of a machine that is gone, and not in the copy. Two mutants
must be caught: one that syncs nothing, and one whose records are committed with `synchronous=NORMAL`.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.children import FeederChild, PeerChild
from tests.faults.judging import StoredFiles, Unsettled, Verdict, expected_of, gather, judge, settle
from tests.faults.serving import Destination, NotStarted, Serve, Setup
from tests.faults.volumes import copy_sparse, make_image, mount_image

MEGABYTES = 640
FEED_SECONDS = (0.3, 2.0)
LARGE_EVERY = 100
CUTS_PER_IMAGE = 10
MUTANTS: Mapping[str, Mapping[str, str]] = {
    "no fsync": {"TOLMACH_TEST_NOFSYNC": "1"},
    "synchronous=NORMAL": {"TOLMACH_TEST_SYNCHRONOUS": "NORMAL"},
}


@dataclass(frozen=True)
class Disk:
    """A file system and how it is mounted; `commit=300` keeps ext4 from syncing by itself every five seconds."""

    kind: str = "ext4"
    options: str = "commit=300"

    def __str__(self) -> str:
        return f"{self.kind} {self.options or 'as it comes'}"


@dataclass
class Cuts:
    """What became of some power cuts in a row."""

    cuts: int = 0
    acknowledged: int = 0
    missing: int = 0
    again: int = 0
    problems: list[str] = field(default_factory=list)


class Machine:
    """A machine with a disk image, whose power can be cut; the destinations are elsewhere and stay alive."""

    def __init__(self, folder: Path, disk: Disk, seed: int, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.disk = disk
        self.seed = seed
        self.chance = random.Random(seed)
        self.image = folder / "disk.img"
        self.env = env
        self._stack = ExitStack()
        make_image(self.image, MEGABYTES, disk.kind)
        folder_there = folder / "disk"
        self._mounted = mount_image(self.image, folder_there, disk.options)
        try:
            self.peers = {name: self._stack.enter_context(closing(PeerChild(folder, name))) for name in ("a", "b")}
            destinations = [Destination(name, peer.port) for name, peer in self.peers.items()]
            self.serve = Serve(Setup(folder, folder_there / "data", destinations), env=env)
            self.serve.first_start()
            self._stack.callback(self.serve.kill)
            self.feeder = self._stack.enter_context(
                closing(FeederChild(folder, self.serve.port, seed=seed, large_every=LARGE_EVERY))
            )
        except BaseException:
            self.close()
            raise

    def cut(self) -> None:
        """Feed for a while and cut the power; the machine is off afterwards, and its disk is the copy."""
        self.feeder.go()
        time.sleep(self.chance.uniform(*FEED_SECONDS))
        self.serve.freeze()
        copy = self.folder / "copy.img"
        copy_sparse(self.image, copy)
        self.serve.kill()
        self.feeder.pause()
        self._mounted.close()
        copy.replace(self.image)
        self._mounted = mount_image(self.image, self.folder / "disk", self.disk.options)

    def wake(self) -> Verdict:
        """Start on what is left, let it deliver, and judge."""
        self.serve.env.clear()  # mutants are only bad before the cut: what is judged is what they left
        self.serve.start()
        audit = settle(self.serve)
        stored = StoredFiles(self.serve.setup.data_dir)
        expected = expected_of(self.seed, large_every=LARGE_EVERY)
        verdict = judge(gather(self.serve, [self.feeder], self.peers, stored, expected, audit=audit))
        self.serve.kill()
        self.serve.env.update(self.env)
        return verdict

    def close(self) -> None:
        try:
            self._stack.close()
        finally:
            self._mounted.close()
            self.image.unlink(missing_ok=True)
            (self.folder / "copy.img").unlink(missing_ok=True)


@contextmanager
def machine(folder: Path, disk: Disk, seed: int, env: Mapping[str, str]) -> Iterator[Machine]:
    """Give a machine that leaves nothing behind, neither processes nor mounts nor files."""
    folder.mkdir(parents=True)
    try:
        with closing(Machine(folder, disk, seed, env)) as made:
            yield made
    finally:
        shutil.rmtree(folder)


def power_cuts(
    folder: Path,
    count: int,
    *,
    disk: Disk | None = None,
    seed: int = 1,
    env: Mapping[str, str] | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Cuts:
    """Cut the power `count` times, each time going on with what was left; a new disk after every ten.

    Stops at the first cut after which something is wrong: that is what mutants are run for.
    """
    result = Cuts()
    while result.cuts < count and not result.problems:
        with machine(folder / f"cuts-{result.cuts}", disk or Disk(), seed + result.cuts, env or {}) as made:
            verdict = Verdict()
            for _ in range(min(CUTS_PER_IMAGE, count - result.cuts)):
                result.cuts += 1
                made.cut()
                try:
                    verdict = made.wake()
                except (NotStarted, Unsettled) as error:
                    verdict.problems.append(str(error))
                result.problems += verdict.problems
                tell(f"{result.cuts} cuts, {verdict.acknowledged} acknowledged on this disk, {verdict.missing} missing")
                if verdict.problems:
                    break
                made.serve.start()
            result.acknowledged += verdict.acknowledged
            result.missing += verdict.missing
            result.again += verdict.again
    return result
