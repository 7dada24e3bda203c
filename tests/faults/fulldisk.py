"""A disk that gets full at any moment, by bytes or by inodes, and is emptied again.

Nothing may be acknowledged that is not there; the sender hears A700; what waits is still delivered while new objects
are refused; and when there is room again the program takes objects again by itself.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.faults.children import FeederChild, PeerChild
from tests.faults.judging import StoredFiles, Unsettled, expected_of, gather, judge, kept_by, settle
from tests.faults.peermodes import Mode
from tests.faults.serving import Destination, NotStarted, Serve, Setup
from tests.faults.volumes import Mounted, fill, fill_inodes, make_image, mount_image, mount_tmpfs

# Room enough for everything that is fed: only what takes the rest makes it full.
MEGABYTES = 160
INODES = 8192
RESERVE = 4 << 20
FULL_SECONDS = 3.0
RECOVERY_SECONDS = 30.0
LARGE_EVERY = 20
OUT_OF_RESOURCES = "A700"

Kind = Literal["bytes", "reserve", "inodes"]


@dataclass
class Full:
    """What became of a disk that was full several times."""

    times: int = 0
    acknowledged: int = 0
    refused: int = 0
    missing: int = 0
    slowest_recovery_seconds: float = 0.0
    delivered_while_full: int = 0
    problems: list[str] = field(default_factory=list)


@contextmanager
def disk(folder: Path, kind: Kind) -> Iterator[Path]:
    """Give a small file system of the kind that runs out of what it is to run out of."""
    folder.mkdir(parents=True)
    mounted: Mounted | None = None
    try:
        if kind == "inodes":
            make_image(folder / "inodes.img", MEGABYTES, options=("-N", str(INODES)))
            mounted = mount_image(folder / "inodes.img", folder / "disk")
        else:
            mounted = mount_tmpfs(folder / "disk", MEGABYTES)
        yield folder / "disk"
    finally:
        if mounted is not None:
            mounted.close()
        shutil.rmtree(folder)


class Scene:
    """A program on a small disk, with a feeder and one destination."""

    def __init__(self, folder: Path, there: Path, seed: int, stack: ExitStack) -> None:
        self.there = there
        self.seed = seed
        self.peer = stack.enter_context(closing(PeerChild(folder, "a")))
        setup = Setup(folder, there / "data", [Destination("a", self.peer.port)], reserve=str(RESERVE))
        self.serve = Serve(setup)
        stack.callback(self.serve.kill)
        self.serve.first_start()
        self.feeder = stack.enter_context(
            closing(FeederChild(folder, self.serve.port, seed=seed, large_every=LARGE_EVERY, associations=2))
        )

    def await_acknowledgement(self, seconds: float) -> float:
        """Give the seconds until one more object is taken; raises `Unsettled`."""
        begun, before = time.monotonic(), self.feeder.tally()["acknowledged"]
        while self.feeder.tally()["acknowledged"] <= before:
            if time.monotonic() - begun > seconds:
                raise Unsettled(f"nothing is taken {seconds} s after there is room: {self.serve.said()}")
            time.sleep(0.02)
        return time.monotonic() - begun


def full_disk(folder: Path, kind: Kind, times: int = 3, seed: int = 6) -> Full:
    """Fill the disk while objects come in: "bytes" to the last, "reserve" into the reserve, "inodes" all of them."""
    result = Full()
    chance = random.Random(seed)
    with disk(folder / kind, kind) as there, ExitStack() as stack:
        made = Scene(there.parent, there, seed, stack)
        try:
            made.feeder.go()
            for _ in range(times):
                time.sleep(chance.uniform(0.1, 0.6))
                _be_full(made, _filler(kind, there), result)
                result.times += 1
            made.feeder.pause()
            settle(made.serve)
            made.serve.kill()
            made.serve.start()
            settle(made.serve)
            evidence = gather(
                made.serve,
                [made.feeder],
                {"a": made.peer},
                StoredFiles(made.serve.setup.data_dir),
                expected_of(seed, large_every=LARGE_EVERY),
            )
            verdict = judge(evidence)
            result.acknowledged, result.missing = verdict.acknowledged, verdict.missing
            result.problems += verdict.problems
        except (Unsettled, NotStarted) as error:
            result.problems.append(str(error))
    return result


def _filler(kind: Kind, there: Path) -> Callable[[], Callable[[], None]]:
    if kind == "inodes":
        return lambda: fill_inodes(there)
    return lambda: fill(there, RESERVE // 2 if kind == "reserve" else 0)


def _be_full(made: Scene, take: Callable[[], Callable[[], None]], result: Full) -> None:
    """Be full for a while, with something waiting for the destination, and then not any more."""
    made.peer.become(Mode("refuse"))
    time.sleep(0.2)
    give_back = take()
    before = made.feeder.tally()
    made.peer.become(Mode())
    kept = len(kept_by(made.peer))
    time.sleep(FULL_SECONDS)
    result.delivered_while_full += len(kept_by(made.peer)) - kept
    statuses = made.feeder.tally()["statuses"]
    refused = statuses.get(OUT_OF_RESOURCES, 0) - before["statuses"].get(OUT_OF_RESOURCES, 0)
    result.refused += refused
    if not refused:
        result.problems.append(f"nobody was told A700 while the disk was full: {made.feeder.tally()}")
    if not made.serve.runs:
        result.problems.append(f"the program has ended: {made.serve.said()}")
    give_back()
    result.slowest_recovery_seconds = max(result.slowest_recovery_seconds, made.await_acknowledgement(RECOVERY_SECONDS))
