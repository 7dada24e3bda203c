"""The judge: what was acknowledged, against what is there, what is shown, and what the destinations really keep.

It trusts the feeder's journal and the peers' journals, which are not the product's, and reads the stored files itself.
The invariants are those of the fault model: I1 acknowledged means there, I3 delivered means kept, I4 once and not
twice, I6 conservation, I7 the original bytes are kept, I8 what arrives is what an honest repair makes of them.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.faults.children import FeederChild, PeerChild
from tests.faults.journal import read_journal
from tests.faults.sample_objects import number_of, sample
from tests.faults.serving import FEEDER, Serve

SHOWN = 5
NO_PART10 = "-"
SETTLE_SECONDS = 120.0
POLL_SECONDS = 0.2


class Unsettled(Exception):
    """Nothing more happens, and yet something is still queued."""


@dataclass
class Verdict:
    """What the judge found; `problems` says each kind once with examples, and is empty when all is well."""

    acknowledged: int = 0
    taken: int = 0
    delivered: int = 0
    again: int = 0
    missing: int = 0
    false_delivered: int = 0
    problems: list[str] = field(default_factory=list)

    def complain(self, what: str, examples: Sequence[object]) -> None:
        if examples:
            shown = ", ".join(str(one) for one in list(examples)[:SHOWN])
            self.problems.append(f"{len(examples)} {what}: {shown}")

    def require(self) -> Verdict:
        if self.problems:
            raise AssertionError("; ".join(self.problems))
        return self


class StoredFiles:
    """What lies in the data folder, whatever it is called; each file is read once, and again when told to."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._known: dict[tuple[str, int, int, int], str] = {}

    def hashes(self, *, afresh: bool = False) -> set[str]:
        """Give the sha256 of the data set of every Part 10 file."""
        before, self._known = {} if afresh else self._known, {}
        for path in self.data_dir.rglob("*"):
            if not path.is_file():
                continue
            status = path.stat()
            key = (str(path), status.st_ino, status.st_size, status.st_mtime_ns)
            self._known[key] = before.get(key) or data_set_sha256(path)
        return set(self._known.values()) - {NO_PART10}


def data_set_sha256(path: Path) -> str:
    """Give the sha256 of what follows the File Meta Information, or "-" when it is no Part 10 file."""
    with path.open("rb") as file:
        head = file.read(144)
        if head[128:136] != b"DICM\x02\x00\x00\x00":
            return NO_PART10
        file.seek(144 + int.from_bytes(head[140:144], "little"))
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@dataclass
class Evidence:
    """All that is to be compared, from one feeder or several and some peers."""

    acknowledged: dict[str, str]
    kept: Mapping[str, Mapping[str, Sequence[str]]]
    history: Sequence[Mapping[str, Any]]
    stored: set[str]
    audit: Sequence[Mapping[str, Any]]
    expected: Callable[[str], str]
    source_of: Callable[[str], str] = lambda _uid: FEEDER


def acknowledged_by(feeders: Sequence[FeederChild] | Sequence[Path]) -> dict[str, str]:
    """Give sha256 by UID of everything that was ever acknowledged."""
    journals = [one if isinstance(one, Path) else one.journal for one in feeders]
    entries = [entry for journal in journals for entry in read_journal(journal)[0]]
    return {entry["uid"]: entry["sha256"] for entry in entries if entry["status"] == 0}


def kept_by(peer: PeerChild | Path) -> dict[str, list[str]]:
    """Give what a peer kept: for each UID the sha256 of every data set that came, in order."""
    found: dict[str, list[str]] = {}
    for entry in read_journal(peer if isinstance(peer, Path) else peer.journal)[0]:
        found.setdefault(entry["uid"], []).append(entry["sha256"])
    return found


def expected_of(seed: int, *, large_every: int = 50, size: int = 0) -> Callable[[str], str]:
    """Give the function that says which data set must arrive for a UID."""
    return cache(lambda uid: sample(seed, number_of(uid), large_every=large_every, size=size).repaired_sha256)


class HistoryReader:
    """The history, read from where the last reading ended. Only at rest is what was read before read for good."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._rows: dict[int, Mapping[str, Any]] = {}
        self._since = ""

    def read(self) -> list[Mapping[str, Any]]:
        began = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        since = ("--since", self._since) if self._since else ()
        self._rows.update((row["id"], row) for row in self._serve.ask("history", *since))
        self._since = began
        return list(self._rows.values())


def judge(evidence: Evidence, *, at_rest: bool = True) -> Verdict:
    """Compare everything; `at_rest` also requires that everything taken has arrived everywhere."""
    verdict = Verdict(acknowledged=len(evidence.acknowledged), taken=len(evidence.history))
    rows: dict[str, Mapping[str, Any]] = {row["sop_instance_uid"]: row for row in evidence.history}
    _judge_receipt(verdict, evidence, rows)
    _judge_delivery(verdict, evidence, rows, at_rest=at_rest)
    if not evidence.audit:
        verdict.problems.append("audit said nothing")
    verdict.complain("audit lines do not hold", [line for line in evidence.audit if line.get("holds") is not True])
    return verdict


def _judge_receipt(verdict: Verdict, evidence: Evidence, rows: Mapping[str, Mapping[str, Any]]) -> None:
    acknowledged = evidence.acknowledged
    no_bytes = [uid for uid, digest in acknowledged.items() if digest not in evidence.stored]
    no_row = [uid for uid in acknowledged if uid not in rows]
    verdict.missing = len(set(no_bytes) | set(no_row))
    verdict.complain("acknowledged objects whose bytes are not stored", no_bytes)
    verdict.complain("acknowledged objects the history does not know", no_row)
    counted = Counter(row["sop_instance_uid"] for row in evidence.history)
    verdict.complain("objects shown more than once", [uid for uid, count in counted.items() if count > 1])
    astray = [uid for uid in acknowledged if uid in rows and rows[uid]["received"]["source"] != evidence.source_of(uid)]
    verdict.complain("acknowledged objects that have forgotten where they came from", astray)


def _judge_delivery(
    verdict: Verdict, evidence: Evidence, rows: Mapping[str, Mapping[str, Any]], *, at_rest: bool
) -> None:
    wanted = {uid: evidence.expected(uid) for uid in rows}
    for name, kept in evidence.kept.items():
        states = {uid: line_to(row, name).get("state", "nowhere") for uid, row in rows.items()}
        delivered = [uid for uid, state in states.items() if state == "delivered"]
        liars = [uid for uid in delivered if uid not in kept]
        verdict.delivered += len(delivered)
        verdict.false_delivered += len(liars)
        verdict.again += sum(len(times) - 1 for times in kept.values())
        verdict.complain(f"objects called delivered that {name} does not keep", liars)
        wrong = [uid for uid, digests in kept.items() if set(digests) != {wanted.get(uid)}]
        verdict.complain(f"objects that arrived at {name} with other bytes, or were never taken", wrong)
        if at_rest:
            left = [f"{uid} {state} {_why(rows[uid])}" for uid, state in states.items() if state != "delivered"]
            verdict.complain(f"objects not delivered to {name}", left)
            absent = [uid for uid in evidence.acknowledged if uid not in kept]
            verdict.complain(f"acknowledged objects that never reached {name}", absent)


def _why(row: Mapping[str, Any]) -> str:
    return "; ".join(str(problem["message"])[:200] for problem in row.get("problems", ())[:1])


def line_to(row: Mapping[str, Any], destination: str) -> Mapping[str, Any]:
    """Give what one line of the history says about one destination; empty when it says nothing, or more than once."""
    found = [delivery for delivery in row["deliveries"] if delivery["to"] == destination]
    return found[0] if len(found) == 1 else {}


def gather(
    serve: Serve,
    feeders: Sequence[FeederChild] | Sequence[Path],
    peers: Mapping[str, PeerChild | Path],
    stored: StoredFiles,
    expected: Callable[[str], str],
    history: HistoryReader | None = None,
    audit: Sequence[Mapping[str, Any]] = (),
) -> Evidence:
    """Read everything there is to compare; `serve` may run or not. `audit` is given by who has just read it."""
    # In this order: what is claimed may only be less than what is, while everything goes on.
    acknowledged = acknowledged_by(feeders)
    rows = (history or HistoryReader(serve)).read()
    counted = audit or audit_of(serve)
    kept = {name: kept_by(peer) for name, peer in peers.items()}
    return Evidence(acknowledged, kept, rows, stored.hashes(), counted, expected)


def audit_of(serve: Serve) -> list[dict[str, Any]]:
    """Give the lines of the audit: those of the destinations, which have "to", and the total."""
    lines = serve.ask("audit")
    return [one for line in lines for one in (*line.get("destinations", ()), line)]


def settle(serve: Serve, *, seconds: float = SETTLE_SECONDS) -> list[dict[str, Any]]:
    """Return the audit as soon as nothing is queued or held, since both are tried again; raises `Unsettled`."""
    deadline = time.monotonic() + seconds
    while True:
        audit = audit_of(serve)
        if audit and not any(line["queued"] or line["held"] for line in audit):
            return audit
        if not serve.runs or time.monotonic() > deadline:
            raise Unsettled(f"still waiting: {audit}; serve said:\n{serve.said()}")
        time.sleep(POLL_SECONDS)
