"""A file whose lengths count letters, through the commands: looked at, fixed, fixed in place and put back."""

from pathlib import Path

import pytest

from benchmarks._recipes import cases
from benchmarks._spoilt_files import Case, make
from tests.builders import read_back
from tests.calling import call


@pytest.fixture(scope="module")
def spoilt() -> Case:
    """Give the first file of the recipe that says rightly it is in UTF-8 and has a nested text."""
    found = (case for case in cases() if case.counts == "letters" and case.label == "ISO_IR 192")
    return next(case for case in found if any("/" in value.place for value in case.values))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: Case) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").write_bytes(make(spoilt))
    return tmp_path


def require_right(file: bytes, case: Case) -> None:
    data_set = read_back(file)
    for value in case.values:
        sequence, _, keyword = value.place.rpartition("/")
        assert str((data_set[sequence][0] if sequence else data_set)[keyword].value) == value.truth


def test_it_is_repairable_and_says_what_was_wrong(spoilt: Case) -> None:
    called = call("inspect", "in", "--json")
    (report,) = called.objects
    assert (called.status, report["verdict"]) == (0, "repairable")
    assert [problem["code"] for problem in report["problems"]] == ["TLM-DCM-027"]
    truths = {value.place.rpartition("/")[2]: value.truth for value in spoilt.values if not value.truth.isascii()}
    assert {change["keyword"]: change["after"] for change in report["changes"]} == truths
    for change in report["changes"]:
        assert change["reason"] == "length"
        assert change["after"].startswith(change["before"].rstrip("\ufffd"))
        assert len(change["before"]) < len(change["after"])


def test_the_copy_is_right_and_needs_nothing_more(folder: Path, spoilt: Case) -> None:
    assert call("fix", "in", "--out", "out").status == 0
    copy = (folder / "out" / "a.dcm").read_bytes()
    require_right(copy, spoilt)
    assert [one["verdict"] for one in call("inspect", "out", "--json").objects] == ["clean"]
    assert (folder / "in" / "a.dcm").read_bytes() == make(spoilt)


def test_in_place_and_back(folder: Path, spoilt: Case) -> None:
    assert call("fix", "in", "--in-place").status == 0
    require_right((folder / "in" / "a.dcm").read_bytes(), spoilt)
    assert call("undo", "in").status == 0
    assert (folder / "in" / "a.dcm").read_bytes() == make(spoilt)
    assert [path.name for path in (folder / "in").iterdir()] == ["a.dcm"]
