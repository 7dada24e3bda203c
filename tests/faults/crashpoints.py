"""Every step of one object's path: killed, or failing with EIO or ENOSPC, on entry to the k-th system call.

A first run only counts. Then there is one run for each call and each way to fail, with a fresh data folder: the object
is sent, the blow falls, the program is started again without faults, the sender repeats what was not acknowledged, as
modalities do; and everything is judged.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

from tests.faults import plainwire as wire
from tests.faults.children import PeerChild
from tests.faults.journal import Journal
from tests.faults.judging import StoredFiles, Unsettled, expected_of, gather, judge, kept_by, settle
from tests.faults.sample_objects import sample
from tests.faults.serving import AE_TITLE, Destination, NotStarted, Serve, Setup
from tests.faults.traced import Traced

How = Literal["kill", "EIO", "ENOSPC"]
HOWS: tuple[How, ...] = ("kill", "EIO", "ENOSPC")
SEED, NUMBER = 5, 1  # an odd number: its text is repaired, so that the delta is part of the path
ANSWER_SECONDS = 10.0
QUIET_SECONDS = 0.3
TELLING = ("fsync", "fdatasync", "rename", "link", "unlink")
EVERY = 10


@dataclass
class Points:
    """What became of all the blows."""

    counted: dict[str, int] = field(default_factory=dict)
    struck: int = 0
    not_reached: int = 0
    refused: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class ObjectPath:
    """One object's path through one program, from a sender that is not the product's to a peer that is not either."""

    folder: Path
    serve: Serve
    peer: PeerChild
    answered: Path
    acknowledged: bool = False

    def send(self) -> int | None:
        """Send the object once; gives the status, None when no answer came, and writes down an acknowledgement."""
        made = sample(SEED, NUMBER)
        command: wire.Command = {wire.FIELD: wire.C_STORE, wire.PRIORITY: 0, wire.SOP_CLASS: wire.CT_IMAGE}
        contexts = [wire.Proposed(1, wire.CT_IMAGE, [wire.EXPLICIT_LE])]
        try:
            calling = wire.call(self.serve.port, AE_TITLE, "FEEDER", contexts, seconds=ANSWER_SECONDS)
        except (OSError, wire.Gone):
            return None
        try:
            answer = calling.request(1, {**command, wire.INSTANCE: made.sop_instance_uid}, made.data_set)
            calling.release()
        except (OSError, wire.Gone):
            return None
        finally:
            calling.line.close()
        status = int(answer.command[wire.STATUS])
        with closing(Journal(self.answered)) as journal:
            journal.write({"uid": made.sop_instance_uid, "sha256": made.sha256, "status": status, "at": time.time()})
        self.acknowledged |= status == 0
        return status

    def send_until_taken(self, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not self.acknowledged:
            if time.monotonic() > deadline:
                raise Unsettled(f"the object is not taken; serve said:\n{self.serve.said()}")
            if self.send() != 0:
                time.sleep(0.05)

    def await_arrival(self, seconds: float) -> None:
        """Return when the peer kept the object and nothing more is to be written, or the program is gone."""
        deadline = time.monotonic() + seconds
        while self.serve.runs and not kept_by(self.peer) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(QUIET_SECONDS)

    def problems(self) -> list[str]:
        audit = settle(self.serve, seconds=30)
        verdict = judge(
            gather(
                self.serve,
                [self.answered],
                {"a": self.peer},
                StoredFiles(self.serve.setup.data_dir),
                expected_of(SEED),
                audit=audit,
            )
        )
        return verdict.problems


@contextmanager
def path(folder: Path, *, delivers: bool = True) -> Iterator[ObjectPath]:
    """Give a program that runs on a new data folder; everything is gone afterwards."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        peer = stack.enter_context(closing(PeerChild(folder, "a")))
        serve = Serve(Setup(folder, folder / "data", [Destination("a", peer.port)] if delivers else []))
        stack.callback(serve.kill)
        serve.first_start()
        yield ObjectPath(folder, serve, peer, folder / "answered.jsonl")


def traced(made: ObjectPath, strike: int, how: How) -> Traced:
    return Traced(made.serve.pid, made.serve.setup.data_dir, log=made.folder / "tracer.log", strike=strike, how=how)


def calls_of(folder: Path, how: How) -> list[str]:
    """Give the calls of one object's path, in their order, as they count for this way to fail."""
    with path(folder) as made, closing(traced(made, 0, how)) as tracer:
        made.send_until_taken()
        made.await_arrival(20)
        tracer.finish()
        problems = made.problems()
    if problems:
        raise Unsettled(f"without any fault: {problems}")
    return tracer.calls


def strike(folder: Path, point: int, how: How) -> tuple[str, bool, list[str]]:
    """Let one blow fall; gives the call it fell on ("" when it never came), whether it was refused, problems."""
    with path(folder) as made, closing(traced(made, point, how)) as tracer:
        status = made.send()
        if status == 0 or how == "kill":
            made.await_arrival(3)
        tracer.finish()
        try:
            if how != "kill":
                # Faults of the disk are over by now; the program must come round by itself.
                made.send_until_taken()
                settle(made.serve, seconds=30)
            made.serve.kill()
            made.serve.start()
            made.send_until_taken()
            problems = made.problems()
        except (Unsettled, NotStarted) as error:
            problems = [str(error)]
        return tracer.struck, status != 0, problems


def chosen(calls: Sequence[str], how: How, *, everything: bool) -> list[int]:
    """Give the points to strike at: all, or for kills every tenth and the telling ones, for errors one of the two.

    Folders that are made in a row are the same point many times over: the first, the middle and the last one count.
    """
    numbers: list[int] = []
    for name, row in groupby(enumerate(calls, 1), key=lambda numbered: numbered[1].partition(" ")[0]):
        same = [number for number, _call in row]
        numbers += sorted({same[0], same[len(same) // 2], same[-1]}) if name.startswith("mkdir") else same
    if everything:
        return numbers
    telling = [number for number in numbers if calls[number - 1].startswith(TELLING)]
    tenth = numbers[EVERY - 1 :: EVERY]
    return {"kill": sorted({*telling, *tenth}), "EIO": telling, "ENOSPC": tenth}[how]


def crash_points(
    folder: Path,
    hows: Sequence[How] = HOWS,
    *,
    everything: bool,
    tell: Callable[[str], None] = lambda line: None,
) -> Points:
    """Strike at all points, or at a sample of them."""
    result = Points()
    for how in hows:
        calls = calls_of(folder / "count", how)
        result.counted[how] = len(calls)
        for point in chosen(calls, how, everything=everything):
            struck, refused, problems = strike(folder / f"{how}-{point}", point, how)
            result.struck += bool(struck)
            result.not_reached += not struck
            result.refused += refused
            result.problems += [f"{how} at {point} ({struck or calls[point - 1]}): {one}" for one in problems]
            tell(f"{how} {point}/{len(calls)} {struck}{' refused' if refused else ''} {'; '.join(problems)[:200]}")
    return result
