"""Every step of one object's path: killed, or failing with EIO or ENOSPC, on entry to the k-th system call.

A first run only counts. Then there is one run for each call and each way to fail, with a fresh data folder: the object
is sent, the blow falls, the program is started again without faults, the sender repeats what was not acknowledged, as
modalities do; and everything is judged. The same for the calls of a start that finds work left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

from tests.faults.judging import Unsettled, settle
from tests.faults.objectpath import ObjectPath, path
from tests.faults.serving import NotStarted
from tests.faults.traced import Traced

How = Literal["kill", "EIO", "ENOSPC"]
HOWS: tuple[How, ...] = ("kill", "EIO", "ENOSPC")
Walk = Literal["receipt", "start"]
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


def traced(made: ObjectPath, strike: int, how: How) -> Traced:
    return Traced(made.serve.pid, made.serve.setup.data_dir, log=made.folder / "tracer.log", strike=strike, how=how)


def receipt(made: ObjectPath, strike: int, how: How) -> tuple[Traced, bool]:
    """Walk from the C-STORE in to the word of the destination, and take a blow; says whether the object was refused."""
    with closing(traced(made, strike, how)) as tracer:
        status = made.send()
        if status == 0 or how == "kill":
            made.await_arrival(3)
        tracer.finish()
    return tracer, status != 0


def start(made: ObjectPath, strike: int, how: How) -> tuple[Traced, bool]:
    """Walk through a start after a kill that left work behind; the blow falls on the way, and nothing is refused.

    The tracer is there long before the program has read its configuration.
    """
    made.leave_work()
    made.serve.launch()
    with closing(traced(made, strike, how)) as tracer:
        made.await_ready(20)
        made.await_arrival(5)
        tracer.finish()
    return tracer, False


WALKS: Mapping[Walk, Callable[[ObjectPath, int, How], tuple[Traced, bool]]] = {"receipt": receipt, "start": start}


def calls_of(folder: Path, walk: Walk, how: How) -> list[str]:
    """Give the calls of a walk, in their order, as they count for this way to fail."""
    with path(folder) as made:
        tracer, _refused = WALKS[walk](made, 0, how)
        problems = made.problems()
    if problems:
        raise Unsettled(f"without any fault: {problems}")
    return tracer.calls


def strike(folder: Path, walk: Walk, point: int, how: How) -> tuple[str, bool, list[str]]:
    """Let one blow fall; gives the call it fell on ("" when it never came), whether it was refused, problems."""
    with path(folder) as made:
        tracer, refused = WALKS[walk](made, point, how)
        try:
            if how != "kill" and made.serve.runs:
                # Faults of the disk are over by now; the program must come round by itself.
                made.send_until_taken()
                settle(made.serve, seconds=30)
            made.serve.kill()
            made.serve.start()
            made.send_until_taken()
            problems = made.problems()
        except (Unsettled, NotStarted) as error:
            problems = [str(error)]
        return tracer.struck, refused, problems


def chosen(calls: Sequence[str], how: How, *, everything: bool, rows: tuple[str, ...] = ("mkdir",)) -> list[int]:
    """Give the points to strike at: all, or for kills every tenth and the telling ones, for errors one of the two.

    Folders that are made in a row are the same point many times over: the first, the middle and the last one count. So
    it is with all calls that begin with one of `rows`.
    """
    numbers: list[int] = []
    for row_of, row in groupby(enumerate(calls, 1), key=lambda numbered: _row_of(numbered[1], rows)):
        same = [number for number, _call in row]
        numbers += sorted({same[0], same[len(same) // 2], same[-1]}) if row_of else same
    if everything:
        return numbers
    telling = [number for number in numbers if calls[number - 1].startswith(TELLING)]
    tenth = numbers[EVERY - 1 :: EVERY]
    return {"kill": sorted({*telling, *tenth}), "EIO": telling, "ENOSPC": tenth}[how]


def _row_of(call: str, rows: tuple[str, ...]) -> str:
    """Give what the call begins with when those in a row are one point, else nothing."""
    return next((one for one in rows if call.startswith(one)), "")


def crash_points(
    folder: Path, walk: Walk, hows: Sequence[How], *, everything: bool, tell: Callable[[str], None]
) -> Points:
    """Strike at all points of a walk, or at a sample of them."""
    return strike_all(
        lambda how: calls_of(folder / "count", walk, how),
        lambda point, how: strike(folder / f"{how}-{point}", walk, point, how),
        lambda calls, how: chosen(calls, how, everything=everything),
        hows,
        lambda line: tell(f"{walk} {line}"),
    )


def strike_all(
    count: Callable[[How], list[str]],
    hit: Callable[[int, How], tuple[str, bool, list[str]]],
    choose: Callable[[Sequence[str], How], list[int]],
    hows: Sequence[How],
    tell: Callable[[str], None],
) -> Points:
    """Count the calls, choose points and strike at each, one way to fail after another."""
    result = Points()
    for how in hows:
        calls = count(how)
        result.counted[how] = len(calls)
        for point in choose(calls, how):
            struck, refused, problems = hit(point, how)
            result.struck += bool(struck)
            result.not_reached += not struck
            result.refused += refused
            result.problems += [f"{how} at {point} ({struck or calls[point - 1]}): {one}" for one in problems]
            what = f"{how} {point}/{len(calls)} {struck or 'not reached'}"
            tell(f"{what}{', refused' if refused else ''} {'; '.join(problems)[:200]}")
    return result
