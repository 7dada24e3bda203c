"""Destinations that fail in every way at once, each on its own; then all are well, and everything must have arrived.

One program, one destination for each kind of fault, the same objects for all of them. While the faults last nothing may
be called delivered that its destination does not keep; after they end everything arrives within twice the longest wait.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.faults.children import FeederChild, LineChild, PeerChild
from tests.faults.judging import StoredFiles, Unsettled, Verdict, expected_of, gather, judge, line_to, settle
from tests.faults.peermodes import Mode
from tests.faults.serving import Destination, Serve, Setup, Value

CAP_SECONDS = 5.0
# Short patience, so that the program has given up several times on the silent ones before they are well again.
PATIENCE: Mapping[str, Value] = {
    "connect_timeout_seconds": 2,
    "acse_timeout_seconds": 2,
    "dimse_timeout_seconds": 2,
    "network_timeout_seconds": 2,
    "associations": 2,
}
FAULT_SECONDS = 12.0
LIMIT_SECONDS = 180.0
GRACE_SECONDS = 60.0
STORM_SECONDS = 20.0
QUERY: Mapping[str, Value] = {"proof": "query"}
COMMITMENT: Mapping[str, Value] = {"proof": "commitment"}


@dataclass(frozen=True)
class Bad:
    """A way to fail, and what its destination is asked for as proof."""

    mode: Mode = Mode()  # noqa: RUF009 - frozen
    proof: Mapping[str, Value] = field(default_factory=dict)
    # How much longer it may take: whoever is asked by C-FIND may store first and find later.
    grace_seconds: float = 0.0
    # What is wrong with the line to a peer that is well.
    line: Mapping[str, object] = field(default_factory=dict)


FAULTS: Mapping[str, Bad] = {
    "refuse": Bad(Mode("refuse")),
    "blackhole": Bad(Mode("blackhole")),
    "reject": Bad(Mode("reject")),
    "no-context": Bad(Mode("no_context")),
    "abort": Bad(Mode("abort", pdu=1)),
    "cut-mid-pdu": Bad(Mode("cut_reading")),
    "stall": Bad(Mode("stall", seconds=9)),
    "status-a700": Bad(Mode("status", status=0xA700)),
    "wrong-message-id": Bad(Mode("wrong_message_id")),
    "wrong-uid": Bad(Mode("wrong_uid")),
    "ack-then-crash": Bad(Mode("ack_then_crash"), COMMITMENT),
    "half": Bad(Mode("half")),
    "abort-later": Bad(Mode("abort", pdu=4)),
    "cut-mid-answer": Bad(Mode("cut_answer")),
    "slow": Bad(Mode("slow", bytes_per_second=1024)),
    "duplicate": Bad(Mode("duplicate")),
    "drop-release": Bad(Mode("drop_release")),
    "status-a900": Bad(Mode("status", status=0xA900)),
    "status-c000": Bad(Mode("status", status=0xC000)),
    "status-b000": Bad(Mode("status", status=0xB000)),
    "status-0111": Bad(Mode("status", status=0x0111), QUERY, GRACE_SECONDS),
    "status-0122": Bad(Mode("status", status=0x0122)),
    "status-0124": Bad(Mode("status", status=0x0124)),
    "status-unknown": Bad(Mode("status", status=0x1234)),
    "crash-query": Bad(Mode("ack_then_crash"), QUERY, GRACE_SECONDS),
    "commitment-no": Bad(Mode("commitment_no"), COMMITMENT),
    "line-late": Bad(line={"latency": 0.2, "jitter": 0.2}),
    "line-slow": Bad(line={"rate": 2000}),
    "line-split": Bad(line={"split": True}),
    "line-cut": Bad(line={"cut_after": 9000}),
    "line-reset": Bad(line={"reset_after": 9000}),
    "line-deaf-up": Bad(line={"silent": "up"}),
    "line-deaf-down": Bad(line={"silent": "down"}),
}
# Faults that harm nobody, or that nobody can count.
UNCOUNTED = frozenset(name for name, bad in FAULTS.items() if bad.line) | {"refuse"}
# The twelve of the acceptance figure; the others are run beside them in the long form.
TWELVE = tuple(FAULTS)[:12]


@dataclass
class Row:
    """One kind of fault: what arrived, how long after its end, and how often something was called delivered falsely."""

    name: str
    delivered: int = 0
    faults: int = 0
    false_delivered: int = 0
    # From the end of the fault to the last delivery, the grace taken off.
    seconds: float = 0.0


@dataclass
class Table:
    """All kinds of faults in one run."""

    objects: int = 0
    rows: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def slowest_seconds(self) -> float:
        return max((row.seconds for row in self.rows), default=0.0)


def bad_peers(
    folder: Path, objects: int, names: Sequence[str] = TWELVE, *, seed: int = 2, fault_seconds: float = FAULT_SECONDS
) -> Table:
    """Send `objects` to a destination of each kind; folder and processes are gone afterwards."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        peers = {name: stack.enter_context(closing(PeerChild(folder, name, mode=FAULTS[name].mode))) for name in names}
        lines = {name: _line_to(peer, folder, stack) for name, peer in peers.items() if FAULTS[name].line}
        destinations = [
            Destination(name, lines[name].port if name in lines else peer.port, {**PATIENCE, **FAULTS[name].proof})
            for name, peer in peers.items()
        ]
        serve = Serve(Setup(folder, folder / "data", destinations, backoff_cap_seconds=CAP_SECONDS))
        stack.callback(serve.kill)
        serve.first_start()
        feeder = FeederChild(folder, serve.port, seed=seed, count=objects, large_every=0)
        stack.enter_context(closing(feeder))
        table = Table(objects, [Row(name) for name in names])
        return _Run(serve, feeder, peers, lines, table, expected_of(seed, large_every=0)).go(fault_seconds)


def _line_to(peer: PeerChild, folder: Path, stack: ExitStack) -> LineChild:
    line = stack.enter_context(closing(LineChild(folder, peer.port)))
    line.become(FAULTS[peer.name].line)
    return line


@dataclass
class Storm:
    """How long retries in quick succession took until everything had arrived, and what was wrong."""

    delivered: int = 0
    seconds: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def retry_storm(folder: Path, objects: int, rounds: int, destinations: int = 6) -> Storm:
    """Refuse every second object of destinations with many lanes and short waits, again and again.

    An outcome is written, its line falls due and is claimed anew within moments: whatever falls between two lanes then
    stays queued for as long as a lease lasts, though its destination would take it.
    """
    storm = Storm()
    for turn in range(rounds):
        with ExitStack() as stack:
            there = folder / str(turn)
            there.mkdir(parents=True)
            stack.callback(shutil.rmtree, there)
            names = [f"half-{number}" for number in range(destinations)]
            peers = {name: stack.enter_context(closing(PeerChild(there, name, Mode("half")))) for name in names}
            setup = [Destination(name, peer.port, {**PATIENCE, "associations": 8}) for name, peer in peers.items()]
            serve = Serve(Setup(there, there / "data", setup, backoff_first_seconds=0.05, backoff_cap_seconds=0.2))
            stack.callback(serve.kill)
            serve.first_start()
            feeder = stack.enter_context(closing(FeederChild(there, serve.port, count=objects, large_every=0)))
            feeder.go()
            await_fed(feeder)
            begun = time.monotonic()
            try:
                settle(serve, seconds=STORM_SECONDS)
            except Unsettled as error:
                storm.problems.append(f"round {turn + 1}: {error}")
            storm.seconds.append(time.monotonic() - begun)
            verdict = judge(
                gather(serve, [feeder], peers, StoredFiles(serve.setup.data_dir), expected_of(1, large_every=0))
            )
            storm.delivered += verdict.delivered
            storm.problems += [f"round {turn + 1}: {one}" for one in verdict.problems]
    return storm


@dataclass
class _Run:
    serve: Serve
    feeder: FeederChild
    peers: Mapping[str, PeerChild]
    lines: Mapping[str, LineChild]
    table: Table
    expected: Callable[[str], str]

    def go(self, fault_seconds: float) -> Table:
        self.feeder.go()
        await_fed(self.feeder)
        time.sleep(fault_seconds)
        during = self._judge(at_rest=False)
        self.table.problems += [f"while the faults lasted: {one}" for one in during.problems]
        for row in self.table.rows:
            row.faults = self.peers[row.name].tally()["faults"]
            if not row.faults and row.name not in UNCOUNTED:
                self.table.problems.append(f"nobody has met with {row.name}")
        healed = time.time()
        for peer in self.peers.values():
            peer.become(Mode())
        for line in self.lines.values():
            line.become({})
        try:
            settle(self.serve, seconds=LIMIT_SECONDS)
        except Unsettled as error:
            self.table.problems.append(f"after the faults: {error}")
        after = self._judge(at_rest=True, healed=healed)
        self.table.problems += [f"after the faults: {one}" for one in after.problems]
        return self.table

    def _judge(self, *, at_rest: bool, healed: float = 0.0) -> Verdict:
        evidence = gather(self.serve, [self.feeder], self.peers, StoredFiles(self.serve.setup.data_dir), self.expected)
        for row in self.table.rows:
            kept = evidence.kept[row.name]
            lines = [(one["sop_instance_uid"], line_to(one, row.name)) for one in evidence.history]
            said = {uid: line["at"] for uid, line in lines if line.get("state") == "delivered"}
            row.false_delivered += len(said.keys() - kept.keys())
            row.delivered = len(said)
            last = max((datetime.fromisoformat(at).timestamp() for at in said.values()), default=healed)
            row.seconds = max(0.0, last - healed - FAULTS[row.name].grace_seconds)
        return judge(evidence, at_rest=at_rest)


def await_fed(feeder: FeederChild, seconds: float = LIMIT_SECONDS) -> None:
    """Return when everything was acknowledged; raises `Unsettled`."""
    deadline = time.monotonic() + seconds
    while not feeder.done:
        if time.monotonic() > deadline:
            raise Unsettled(f"not everything was taken: {feeder.tally()}")
        time.sleep(0.05)
