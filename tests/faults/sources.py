"""Watched folders as the source: how they are configured, and the judge of what becomes of what lies in them.

It trusts the vendor's journal and those of the destinations, and reads the folders itself. Beside the invariants of
`judging`, with "completed by the vendor" in the place of "acknowledged": nothing is taken or sent that the vendor had
not completed, and a file is gone only when every destination keeps its image (I2), moved where it was to be moved.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from tests.faults.children import PeerChild
from tests.faults.journal import read_journal
from tests.faults.judging import (
    Evidence,
    HistoryReader,
    StoredFiles,
    Unsettled,
    Verdict,
    audit_of,
    expected_of,
    judge,
)
from tests.faults.sample_objects import sha256, uid_of
from tests.faults.serving import Serve, table

# Short, so that much happens between two kills; still what a pause of the vendor is longer than.
MANNER = {"settle_seconds": 0.3, "scan_seconds": 0.2}
LARGE_EVERY = 50
REST_SECONDS = 60.0
POLL_SECONDS = 0.2

After = Literal["keep", "delete", "move"]
Entry = dict[str, Any]
# What a file is known by before it is read: path, inode, size, time.
Mark = tuple[str, int, int, int]


@dataclass(frozen=True)
class Watched:
    """One watched folder, and what is to become of its files."""

    name: str
    folder: Path
    after: After = "keep"
    move_to: Path | None = None
    polling: bool = False

    def text(self, to: Sequence[str]) -> str:
        more = {"move_to": str(self.move_to)} if self.move_to else {}
        basis = {"name": self.name, "folder": str(self.folder), "to": list(to), "after": self.after}
        return table("[[watch]]", {**basis, **MANNER, "polling": self.polling, **more})


def tables(watches: Sequence[Watched], to: Sequence[str]) -> str:
    """Give the tables of a configuration that watches these folders."""
    return "\n".join(one.text(to) for one in watches)


def three(root: Path, far: Path | None = None) -> list[Watched]:
    """Give folders in `root` of which one is kept, one emptied, one moved; and with `far` one moved to that place."""
    found = [
        Watched("keep", root / "keep", polling=True),
        Watched("delete", root / "delete", "delete"),
        Watched("move", root / "move", "move", root / "done"),
    ]
    if far is not None:
        found.append(Watched("far", root / "far", "move", far / "done-far"))
    for one in found:
        one.folder.mkdir(parents=True)
    return found


class Following:
    """A journal that is read on from where the last reading ended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end = 0
        self._entries: list[Entry] = []

    def read(self) -> list[Entry]:
        more, self._end = read_journal(self.path, self._end)
        self._entries += more
        return self._entries


class FilesBelow:
    """What lies in a folder, by content; each file is read once for each state of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[Mark, str] = {}

    def files(self) -> dict[Mark, str]:
        """Give the sha256 of every regular file."""
        before, self._known = self._known, {}
        for path in self.folder.rglob("*"):
            try:
                if not path.is_file():
                    continue
                status = path.stat()
                mark = (str(path.relative_to(self.folder)), status.st_ino, status.st_size, status.st_mtime_ns)
                self._known[mark] = before.get(mark) or sha256(path.read_bytes())
            except FileNotFoundError:  # the vendor is at work
                continue
        return dict(self._known)


@dataclass
class FolderVerdict:
    """What the judge found; `early` are files removed too soon, `unwhole` objects taken or sent too soon."""

    completed: int = 0
    missing: int = 0
    again: int = 0
    early: int = 0
    unwhole: int = 0
    removed: int = 0
    problems: list[str] = field(default_factory=list)


class SourceJudge:
    """Compares what a vendor completed with what is there, what is shown, and what the destinations keep."""

    def __init__(
        self, serve: Serve, watches: Sequence[Watched], vendor: Path, peers: Mapping[str, PeerChild | Path], seed: int
    ) -> None:
        self.serve = serve
        self.watches = {one.name: one for one in watches}
        self._seed, self._repaired = seed, expected_of(seed, large_every=LARGE_EVERY)
        self._vendor = Following(vendor)
        journals = {name: one if isinstance(one, Path) else one.journal for name, one in peers.items()}
        self._peers = {name: Following(journal) for name, journal in journals.items()}
        self._folders = {one.name: FilesBelow(one.folder) for one in watches}
        self._moved = {one.name: FilesBelow(one.move_to) for one in watches if one.move_to}

    def expected(self, uid: str) -> str:
        """Give the sha256 of the data set that must arrive; one that nothing has where the vendor has no such image."""
        stem = uid_of(self._seed, 0).rpartition(".")[0]
        own = uid.startswith(f"{stem}.") and uid.rpartition(".")[2].isdigit()
        return self._repaired(uid) if own else "nobody's"

    # While the program is dead, at any moment -------------------------------------------------------------------------

    def removals(self) -> FolderVerdict:
        """Judge what is gone from the folders; nobody may be removing anything meanwhile.

        In this order: what the vendor completed is there unless somebody removed it, who had heard it confirmed before.
        """
        verdict = FolderVerdict()
        completed = self.completed()
        there = {name: set(found.files().values()) for name, found in self._folders.items()}
        moved = {name: set(found.files().values()) for name, found in self._moved.items()}
        kept = self.kept()
        early, lost = [], []
        for uid, entry in completed.items():
            watch = self.watches[entry["watch"]]
            if entry["file_sha256"] in there[watch.name]:
                continue
            verdict.removed += 1
            confirmed = all(self.expected(uid) in digests.get(uid, ()) for digests in kept.values())
            if watch.after == "keep" or not confirmed:
                early.append(f"{watch.name} {entry['path']!r}")
            if watch.after == "move" and entry["file_sha256"] not in moved[watch.name]:
                lost.append(f"{watch.name} {entry['path']!r}")
        verdict.early = len(early)
        _complain(verdict, "files removed before every destination had confirmed them", early)
        _complain(verdict, "files gone from their folder and not where they were to be moved", lost)
        verdict.completed = len(completed)
        return verdict

    def completed(self) -> dict[str, Entry]:
        """Give the last word of the vendor on each image it completed."""
        return {entry["uid"]: entry for entry in self._vendor.read() if entry["status"] == 0}

    def kept(self) -> dict[str, dict[str, list[str]]]:
        """Give for each destination what it kept, in order."""
        found: dict[str, dict[str, list[str]]] = {}
        for name, journal in self._peers.items():
            mine = found.setdefault(name, {})
            for entry in journal.read():
                mine.setdefault(entry["uid"], []).append(entry["sha256"])
        return found

    # At rest ----------------------------------------------------------------------------------------------------------

    def settle(self, seconds: float = REST_SECONDS) -> list[dict[str, Any]]:
        """Return the audit when all that was completed is taken and delivered, and tidied; raises `Unsettled`.

        The vendor rests meanwhile.
        """
        deadline = time.monotonic() + seconds
        completed = self.completed()
        while True:
            audit = audit_of(self.serve)
            total = next((line for line in audit if "to" not in line), {"taken": 0})
            is_idle = audit and not any(line["queued"] or line["held"] for line in audit)
            if is_idle and total["taken"] >= len(completed) and not self._untidied():
                return audit
            if not self.serve.runs or time.monotonic() > deadline:
                words = f"{len(completed)} completed, not tidied: {self._untidied()[:3]}"
                raise Unsettled(f"{words}; {audit}; serve said:\n{self.serve.said()}")
            time.sleep(POLL_SECONDS)

    def _untidied(self) -> list[str]:
        """Give what still lies in folders whose files are to be deleted or moved, be it under another name."""
        tidied = [name for name, watch in self.watches.items() if watch.after != "keep"]
        return [f"{name} {mark[0]!r}" for name in tidied for mark in self._folders[name].files()]

    def at_rest(self, history: HistoryReader, stored: StoredFiles, audit: Sequence[Mapping[str, Any]]) -> FolderVerdict:
        """Judge everything when `settle` has returned."""
        completed = self.completed()
        rows = history.read()
        kept = self.kept()
        evidence = Evidence(
            acknowledged={uid: entry["sha256"] for uid, entry in completed.items()},
            kept=kept,
            history=rows,
            stored=stored.hashes(),
            audit=audit,
            expected=self.expected,
            source_of=lambda uid: str(completed[uid]["watch"]),
        )
        usual = judge(evidence)
        verdict = replace(self.removals(), missing=usual.missing, again=usual.again)
        verdict.problems += usual.problems
        self._judge_wholeness(verdict, evidence, usual)
        self._judge_folders(verdict, completed)
        return verdict

    def _judge_wholeness(self, verdict: FolderVerdict, evidence: Evidence, usual: Verdict) -> None:
        """Nothing was stored, shown or sent that is not one of the completed images; nothing was sent before it was."""
        whole = set(evidence.acknowledged.values())
        strange = [uid for row in evidence.history if (uid := row["sop_instance_uid"]) not in evidence.acknowledged]
        torn = sorted(evidence.stored - whole)
        _complain(verdict, "objects taken that nobody completed", strange)
        _complain(verdict, "stored data sets that nobody completed", torn)
        before = self._sent_before_whole()
        _complain(verdict, "objects sent before they were whole", before)
        wrong = [
            uid
            for kept in evidence.kept.values()
            for uid, digests in kept.items()
            if set(digests) != {self.expected(uid)}
        ]
        verdict.unwhole = len({*strange, *torn, *before, *wrong})
        quarantined = [line for line in evidence.audit if line.get("quarantined")]
        _complain(verdict, "audit lines with something in quarantine", quarantined)
        if usual.taken != len(evidence.acknowledged):
            verdict.problems.append(f"{usual.taken} taken of {len(evidence.acknowledged)} completed")

    def _sent_before_whole(self) -> list[str]:
        # By the first completion: what was completed again after a power cut had been whole before it.
        whole_at: dict[str, float] = {}
        begun = Counter(entry["uid"] for entry in self._vendor.read() if entry["status"])
        for entry in self._vendor.read():
            if entry["status"] == 0:
                whole_at.setdefault(entry["uid"], entry["at"])
        return [
            f"{entry['uid']} to {name}"
            for name, journal in self._peers.items()
            for entry in journal.read()
            if begun[entry["uid"]] == 1 and entry["at"] < whole_at.get(entry["uid"], 0.0)
        ]

    def _judge_folders(self, verdict: FolderVerdict, completed: Mapping[str, Entry]) -> None:
        """What is kept is untouched, what is emptied is empty, what is moved is there once and under its name."""
        for name, watch in self.watches.items():
            mine = [entry for entry in completed.values() if entry["watch"] == name]
            found = self._folders[name].files()
            wanted = {_mark(entry) for entry in mine} if watch.after == "keep" else set()
            _complain(verdict, f"files in {name} that nobody left there", sorted(found.keys() - wanted))
            _complain(
                verdict, f"files that {name} was to keep and that are gone or touched", sorted(wanted - found.keys())
            )
            if name in self._moved:
                there = sorted((path, digest) for (path, *_), digest in self._moved[name].files().items())
                right = sorted((entry["path"], entry["file_sha256"]) for entry in mine)
                _complain(verdict, f"files of {name} not moved as they were", _differences(right, there))


def _mark(entry: Entry) -> Mark:
    return entry["path"], entry["inode"], entry["size"], entry["modified_ns"]


def _differences(one: Iterable[tuple[str, str]], other: Iterable[tuple[str, str]]) -> list[str]:
    here, there = Counter(one), Counter(other)
    return [f"no {path!r}" for path, _ in here - there] + [f"strange {path!r}" for path, _ in there - here]


def _complain(verdict: FolderVerdict, what: str, examples: Sequence[object]) -> None:
    usual = Verdict()
    usual.complain(what, examples)
    verdict.problems += usual.problems
