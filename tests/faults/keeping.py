"""What is stored and how it is known: a byte that rots, records that are gone, senders on bad lines.

A rotten object is found by `tolmach verify`, reaches nobody, and is whole again when its sender repeats it. Records
that are lost are made anew from the stored files alone, and answer as before.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.badpeers import await_fed
from tests.faults.children import FeederChild, LineChild
from tests.faults.deadpeer import scene
from tests.faults.judging import StoredFiles, data_set_sha256, expected_of, gather, judge, kept_by, settle
from tests.faults.peermodes import Mode
from tests.faults.sample_objects import NAMES, sample
from tests.faults.serving import Serve

SEED = 8
LINES: Mapping[str, Mapping[str, object]] = {
    "late": {"latency": 0.1, "jitter": 0.1},
    "slow": {"rate": 20_000},
    "split": {"split": True},
    "cut": {"cut_after": 9000},
    "reset": {"reset_after": 9000},
    "good": {},
}
LINE_SECONDS = 3.0


@dataclass
class Kept:
    """What was found out; empty `problems` mean that all is well."""

    objects: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


# Rot ------------------------------------------------------------------------------------------------------------------


def rot(folder: Path, objects: int = 12) -> Kept:
    """Flip one byte of one object while it waits; then its destination gets well, and the sender repeats it."""
    result = Kept(objects)
    with ExitStack() as stack:
        serve, peers = stack.enter_context(scene(folder, {"a": Mode("refuse")}))
        feeder = stack.enter_context(closing(_feeder(folder, serve, objects)))
        feeder.go()
        await_fed(feeder)
        victim = sample(SEED, objects // 2, large_every=0)
        _flip(serve, victim.sha256)
        begun = time.monotonic()
        said = serve.call("verify", "--json")
        result.seconds = time.monotonic() - begun
        if said.status != 1 or victim.sha256 not in said.out + said.err:
            result.problems.append(f"verify did not name the rotten object: {said.status} {said.out} {said.err}")
        peers["a"].become(Mode())
        deadline = time.monotonic() + 60
        while len(kept_by(peers["a"])) < objects - 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        if victim.sop_instance_uid in kept_by(peers["a"]):
            result.problems.append("the rotten object was delivered")
        _repeat(folder, serve)
        settle(serve)
        stored, expected = StoredFiles(serve.setup.data_dir), expected_of(SEED, large_every=0)
        result.problems += judge(gather(serve, [feeder], peers, stored, expected)).problems
    return result


def _feeder(folder: Path, serve: Serve, objects: int) -> FeederChild:
    return FeederChild(folder, serve.port, seed=SEED, count=objects, large_every=0)


def _repeat(folder: Path, serve: Serve) -> None:
    """Let the sender begin again from the first object, as if it had never sent anything."""
    count = len(serve.ask("history"))
    again = folder / "again"
    again.mkdir()
    with closing(FeederChild(again, serve.port, seed=SEED, count=count, large_every=0)) as feeder:
        feeder.go()
        await_fed(feeder)


def _flip(serve: Serve, digest: str) -> None:
    """Change the last byte of the file with this data set, and nothing else of it."""
    found = [path for path in serve.setup.data_dir.rglob("*") if path.is_file() and data_set_sha256(path) == digest]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} files hold {digest}")
    path = found[0]
    path.chmod(0o600)
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + bytes((raw[-1] ^ 1,)))


# Records made anew ----------------------------------------------------------------------------------------------------


def rebuild(folder: Path, objects: int) -> Kept:
    """Delete the records, make them anew from the files, and ask the same questions as before."""
    result = Kept(objects)
    with scene(folder, {"a": Mode()}) as (serve, _peers):
        with closing(_feeder(folder, serve, objects)) as feeder:
            feeder.go()
            await_fed(feeder, 300)
        settle(serve, seconds=300)
        serve.stop()
        before = _answers(serve)
        records = [path for path in serve.setup.data_dir.glob("*.sqlite*") if path.is_file()]
        for path in records:
            path.unlink()
        begun = time.monotonic()
        said = serve.call("rebuild")
        result.seconds = time.monotonic() - begun
        if said.status or not records:
            result.problems.append(f"rebuild ended with {said.status}: {said.err}")
        _examine_all(serve, objects)
        after = _answers(serve)
        result.problems += [f"another answer to {name}" for name, answer in before.items() if after[name] != answer]
        if len(before["everything"]) != objects:
            result.problems.append(f"only {len(before['everything'])} objects were known before")
        if serve.call("verify", "--json").status:
            result.problems.append("verify is not content with the new records")
    return result


def _examine_all(serve: Serve, objects: int) -> None:
    """Start the program again and return when it has examined everything, which `rebuild` leaves to it."""
    serve.start()
    deadline = time.monotonic() + 300
    while sum(row["verdict"] is not None for row in serve.ask("history")) < objects and time.monotonic() < deadline:
        time.sleep(0.2)


def _answers(serve: Serve) -> dict[str, Sequence[object]]:
    """Ask twenty questions: for everything, and for patients by name and number."""
    questions = {"everything": [], "nobody": ["--patient", "НИКТО"]}
    questions |= {f"name {name}": ["--patient", name.partition("^")[0]] for name in NAMES}
    questions |= {f"number {number}": ["--patient", f"P{SEED}-{number}"] for number in range(10)}
    facts = ("sop_instance_uid", "study_instance_uid", "patient_name", "patient_id", "verdict")
    return {
        name: sorted(tuple(str(row[fact]) for fact in facts) for row in serve.ask("history", *arguments))
        for name, arguments in questions.items()
    }


# Senders on bad lines -------------------------------------------------------------------------------------------------


def inbound_lines(folder: Path) -> Kept:
    """Feed over a line that is bad in one way after another; whatever is acknowledged is there and arrives."""
    result = Kept()
    with ExitStack() as stack:
        serve, peers = stack.enter_context(scene(folder, {"a": Mode()}))
        line = stack.enter_context(closing(LineChild(folder, serve.port)))
        feeder = stack.enter_context(closing(FeederChild(folder, line.port, seed=SEED, large_every=0, seconds=5)))
        feeder.go()
        for name, bad in LINES.items():
            line.become(bad)
            before = feeder.tally()
            time.sleep(LINE_SECONDS)
            after = feeder.tally()
            moved = after["acknowledged"] > before["acknowledged"] or after["broken"] > before["broken"]
            if not moved:
                result.problems.append(f"nothing came over a line that is {name}: {after}")
        result.objects = feeder.pause()["acknowledged"]
        audit = settle(serve)
        stored, expected = StoredFiles(serve.setup.data_dir), expected_of(SEED, large_every=0)
        result.problems += judge(gather(serve, [feeder], peers, stored, expected, audit=audit)).problems
    return result
