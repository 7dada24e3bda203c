"""The judge is not blind: whatever is wrong with the evidence is found, and nothing is found where all is well."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.faults.judging import Evidence, StoredFiles, expected_of, judge
from tests.faults.sample_objects import as_file, sample

SEED, COUNT = 1, 4
SAMPLES = [sample(SEED, number) for number in range(COUNT)]


def row(number: int, state: str = "delivered", source: str = "feeder") -> dict[str, Any]:
    return {
        "id": number + 1,
        "sop_instance_uid": SAMPLES[number].sop_instance_uid,
        "received": {"at": "2026-11-22T10:00:00Z", "source": source},
        "deliveries": [{"id": number + 1, "to": "a", "state": state}],
        "problems": [],
    }


def evidence() -> Evidence:
    """Give evidence of four objects that were taken, kept and delivered."""
    return Evidence(
        acknowledged={one.sop_instance_uid: one.sha256 for one in SAMPLES},
        kept={"a": {one.sop_instance_uid: [one.repaired_sha256] for one in SAMPLES}},
        history=[row(number) for number in range(COUNT)],
        stored={one.sha256 for one in SAMPLES},
        audit=[{"taken": COUNT, "delivered": COUNT, "queued": 0, "held": 0, "holds": True}],
        expected=expected_of(SEED),
    )


def kept_without(uid: str) -> dict[str, dict[str, list[str]]]:
    return {"a": {one: digests for one, digests in evidence().kept["a"].items() if one != uid}}  # type: ignore[misc]


def test_all_is_well() -> None:
    verdict = judge(evidence())
    assert verdict.problems == []
    assert (verdict.acknowledged, verdict.taken, verdict.delivered, verdict.missing) == (4, 4, 4, 0)


FIRST = SAMPLES[0].sop_instance_uid
SPOILED: dict[str, tuple[Callable[[Evidence], Evidence], str]] = {
    "bytes": (lambda all_: replace(all_, stored=all_.stored - {SAMPLES[1].sha256}), "bytes are not stored"),
    "row": (lambda all_: replace(all_, history=all_.history[1:]), "history does not know"),
    "twice": (lambda all_: replace(all_, history=[*all_.history, row(2)]), "shown more than once"),
    "origin": (lambda all_: replace(all_, history=[row(0, source=""), *all_.history[1:]]), "forgotten where"),
    "liar": (lambda all_: replace(all_, kept=kept_without(FIRST)), "called delivered that a does not keep"),
    "queued": (lambda all_: replace(all_, history=[row(0, "queued"), *all_.history[1:]]), "not delivered to a"),
    "never": (lambda all_: replace(all_, kept=kept_without(FIRST)), "never reached a"),
    "other bytes": (lambda all_: replace(all_, kept={"a": {**all_.kept["a"], FIRST: ["0" * 64]}}), "other bytes"),
    "unrepaired": (
        lambda all_: replace(all_, kept={"a": {**all_.kept["a"], SAMPLES[1].sop_instance_uid: [SAMPLES[1].sha256]}}),
        "other bytes",
    ),
    "not taken": (lambda all_: replace(all_, kept={"a": {**all_.kept["a"], "1.2": ["0" * 64]}}), "never taken"),
    "audit": (lambda all_: replace(all_, audit=[{**all_.audit[0], "holds": False}]), "audit lines do not hold"),
    "no audit": (lambda all_: replace(all_, audit=[]), "audit said nothing"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_wrong_is_found(name: str) -> None:
    spoil, words = SPOILED[name]
    problems = judge(spoil(evidence())).problems
    assert any(words in problem for problem in problems), problems


def test_what_is_on_its_way_is_no_loss_before_the_end() -> None:
    on_its_way = replace(evidence(), history=[row(0, "queued"), *evidence().history[1:]], kept=kept_without(FIRST))
    assert judge(on_its_way, at_rest=False).problems == []
    assert judge(on_its_way, at_rest=True).problems != []


def test_a_lie_is_a_lie_before_the_end_too() -> None:
    verdict = judge(replace(evidence(), kept=kept_without(FIRST)), at_rest=False)
    assert verdict.false_delivered == 1
    assert verdict.problems != []


def test_stored_files_are_read_by_what_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "some name").write_bytes(as_file(SAMPLES[0]))
    (tmp_path / "no-dicom").write_bytes(b"nothing")
    rotten = tmp_path / "rotten"
    rotten.write_bytes(as_file(SAMPLES[1])[:-1] + b"\xff")
    stored = StoredFiles(tmp_path)
    assert SAMPLES[0].sha256 in stored.hashes()
    assert SAMPLES[1].sha256 not in stored.hashes()
    assert len(stored.hashes()) == 2
    rotten.write_bytes(as_file(SAMPLES[1]))
    assert stored.hashes() == {SAMPLES[0].sha256, SAMPLES[1].sha256}


def test_every_second_object_must_arrive_changed() -> None:
    assert [one.sha256 == one.repaired_sha256 for one in SAMPLES] == [True, False, True, False]
