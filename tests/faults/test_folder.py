"""Folders as the source, in short: nothing lost, nothing sent before it is whole, nothing removed too early.

Two mutants show that the harness would notice; so does evidence that is spoiled by hand.
"""

import json
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import folderfigures
from tests.faults.children import VendorChild
from tests.faults.foldercuts import Layout
from tests.faults.folderloop import MUTANTS
from tests.faults.journal import Journal, read_journal
from tests.faults.judging import HistoryReader, StoredFiles
from tests.faults.sample_objects import as_file, sample, sha256
from tests.faults.serving import Serve, Setup
from tests.faults.sources import SourceJudge, Watched
from tests.faults.vendor import MANNERS, Plan, Vendor

KILLS = 3


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_random_kills_lose_nothing(there: Path) -> None:
    for figure in folderfigures.kills(there, KILLS):
        figure.require()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(there: Path, name: str) -> None:
    for figure in folderfigures.mutants(there, [name]):
        figure.require()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("own_disks")
@pytest.mark.parametrize("layout", folderfigures.LAYOUTS)
def test_a_power_cut_loses_nothing(there: Path, layout: Layout) -> None:
    for figure in folderfigures.cuts(there, 1, layout):
        figure.require()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the tracer writes the registers of an x86-64")
def test_no_step_of_the_tidying_loses_anything(there: Path) -> None:
    for figure in folderfigures.points(there, ["delete"], ["kill"], everything=False):
        figure.require()


# The vendor -----------------------------------------------------------------------------------------------------------


def test_the_vendor_writes_in_every_manner_and_notes_what_it_completed(tmp_path: Path) -> None:
    room = tmp_path / "room"
    room.mkdir()
    count = 2 * len(MANNERS)
    with closing(VendorChild(tmp_path, {"room": room}, count=count, writers=count, synced=True)) as vendor:
        vendor.go()
        deadline = time.monotonic() + 30
        while not vendor.done and time.monotonic() < deadline:
            time.sleep(0.02)
        assert vendor.pause() == {"completed": count, "errors": []}
    entries = [entry for entry in read_journal(vendor.journal)[0] if entry["status"] == 0]
    assert {entry["uid"] for entry in entries} == {sample(1, number).sop_instance_uid for number in range(count)}
    for entry in entries:
        path = room / entry["path"]
        status = path.stat()
        assert sha256(path.read_bytes()) == entry["file_sha256"]
        assert (status.st_ino, status.st_size, status.st_mtime_ns) == (
            entry["inode"],
            entry["size"],
            entry["modified_ns"],
        )
    assert len(list(room.iterdir())) == count


def test_a_vendor_that_was_cut_off_writes_what_it_had_begun_anew(tmp_path: Path) -> None:
    plan, journal = Plan([("room", tmp_path)], 1, 0, 1, 0, synced=False), tmp_path / "journal"
    Vendor(plan, journal).write(0)
    with closing(Journal(journal)) as begun:
        begun.write({"uid": sample(1, 3).sop_instance_uid, "status": 1})
    (tmp_path / "3.dcm").write_bytes(b"half")
    vendor = Vendor(plan, journal)
    vendor.start()
    vendor.pause()
    completed = [entry["uid"] for entry in read_journal(journal)[0] if entry["status"] == 0]
    assert completed == [sample(1, 0).sop_instance_uid, sample(1, 3).sop_instance_uid]


# The judge ------------------------------------------------------------------------------------------------------------

SEED = 1


class Case:
    """What a vendor has written into three folders, and two destinations that keep all of it, as a judge finds it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.watches = [
            Watched("keep", folder / "keep"),
            Watched("delete", folder / "delete", "delete"),
            Watched("move", folder / "move", "move", folder / "done"),
        ]
        places = [(one.name, one.folder) for one in self.watches]
        for path in (*(place for _name, place in places), folder / "done", folder / "data"):
            path.mkdir()
        vendor = Vendor(Plan(places, SEED, 0, 0, 50, synced=False), folder / "written")
        for number in range(3):
            vendor.write(number)
        self.samples = [sample(SEED, number) for number in range(3)]
        for name in ("a", "b"):
            self.keep(name, *range(3))
        (folder / "delete" / "1.dcm").unlink()
        (folder / "move" / "2.dcm").rename(folder / "done" / "2.dcm")
        for one in self.samples:
            (folder / "data" / one.sop_instance_uid).write_bytes(as_file(one))
        self.rows = [self.row(number) for number in range(3)]

    def keep(self, name: str, *numbers: int, **more: object) -> None:
        with closing(Journal(self.folder / name)) as journal:
            for number in numbers:
                made = self.samples[number]
                entry = {"uid": made.sop_instance_uid, "sha256": made.repaired_sha256, "at": time.time()}
                journal.write({**entry, **more})

    def forget(self, name: str, number: int) -> None:
        path = self.folder / name
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if self.samples[number].sop_instance_uid not in line))

    def row(self, number: int) -> dict[str, object]:
        return {
            "id": number + 1,
            "sop_instance_uid": self.samples[number].sop_instance_uid,
            "received": {"at": "2026-11-22T10:00:00Z", "source": self.watches[number].name},
            "deliveries": [{"id": number + 1, "to": name, "state": "delivered"} for name in ("a", "b")],
            "problems": [],
        }

    def problems(self) -> list[str]:
        serve = Serve(Setup(self.folder, self.folder / "data"))
        peers = {name: self.folder / name for name in ("a", "b")}
        judge = SourceJudge(serve, self.watches, self.folder / "written", peers, SEED)
        history = HistoryReader(serve)
        history.read = lambda: self.rows  # type: ignore[method-assign, assignment, return-value]
        audit = [{"taken": len(self.rows), "queued": 0, "held": 0, "holds": True}]
        return judge.at_rest(history, StoredFiles(self.folder / "data"), audit).problems


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    return Case(tmp_path)


def test_all_is_well(case: Case) -> None:
    assert case.problems() == []


def early_copy(case: Case) -> None:
    lines = [json.loads(line) for line in (case.folder / "a").read_text().splitlines()]
    lines[0]["at"] -= 3600
    (case.folder / "a").write_text("".join(json.dumps(line) + "\n" for line in lines))


def torn(case: Case) -> None:
    (case.folder / "data" / "torn").write_bytes(as_file(case.samples[0])[:-100])


SPOILED: dict[str, tuple[Callable[[Case], object], str]] = {
    "removed early": (lambda case: case.forget("b", 1), "removed before every destination"),
    "moved early": (lambda case: case.forget("a", 2), "removed before every destination"),
    "not to be removed": (lambda case: (case.folder / "keep" / "0.dcm").unlink(), "removed before every destination"),
    "moved nowhere": (lambda case: (case.folder / "done" / "2.dcm").unlink(), "not where they were to be moved"),
    "moved twice": (
        lambda case: (case.folder / "done" / "2~1.dcm").write_bytes(as_file(case.samples[2])),
        "not moved as they were",
    ),
    "touched": (lambda case: (case.folder / "keep" / "0.dcm").touch(), "gone or touched"),
    "left behind": (lambda case: (case.folder / "delete" / "x.tolmach-part").touch(), "nobody left there"),
    "not stored": (lambda case: (case.folder / "data" / case.samples[1].sop_instance_uid).unlink(), "are not stored"),
    "torn": (torn, "stored data sets that nobody completed"),
    "sent early": (early_copy, "sent before they were whole"),
    "other bytes": (lambda case: case.keep("a", 0, sha256="0" * 64), "other bytes"),
    "unknown": (lambda case: case.rows.append({**case.rows[0], "sop_instance_uid": ""}), "taken that nobody completed"),
    "twice": (lambda case: case.rows.append(case.rows[0]), "shown more than once"),
    "not taken": (lambda case: case.rows.pop(), "2 taken of 3 completed"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_wrong_is_found(case: Case, name: str) -> None:
    spoil, words = SPOILED[name]
    spoil(case)
    problems = case.problems()
    assert any(words in problem for problem in problems), problems
