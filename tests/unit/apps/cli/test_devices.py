"""`--devices` and `tolmach devices`: a file that is no memory is refused before anything is done, and left alone."""

from pathlib import Path

import pytest

from tests.calling import call, folder_of, spoiled


def test_an_empty_memory_says_how_to_fill_it(tmp_path: Path) -> None:
    called = call("devices", "list")
    assert (called.status, called.err) == (0, "")
    assert "--devices" in called.out
    assert "configuration" in called.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", "in", "--devices", "mine.txt"],
        ["fix", "in", "--out", "out", "--devices", "mine.txt"],
        ["fix", "in", "--in-place", "--devices", "mine.txt"],
        ["send", "in", "A@127.0.0.1:1", "--devices", "mine.txt"],
        ["devices", "list", "--devices", "mine.txt"],
        ["devices", "pin", "a", "cp1251", "--devices", "mine.txt"],
        ["devices", "reset", "a", "--devices", "mine.txt"],
    ],
    ids=" ".join,
)
def test_a_file_that_is_no_memory_is_a_wrong_call(tmp_path: Path, arguments: list[str]) -> None:
    folder_of(tmp_path / "in", a=spoiled())
    (tmp_path / "mine.txt").write_bytes(b"precious")
    before = sorted(tmp_path.rglob("*"))
    called = call(*arguments)
    assert (called.status, called.out, called.codes) == (2, "", ["TLM-FIL-015"])
    assert "mine.txt" in called.err
    assert "--devices" in called.err
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "mine.txt").read_bytes() == b"precious"
    assert (tmp_path / "in" / "a.dcm").read_bytes() == spoiled()
