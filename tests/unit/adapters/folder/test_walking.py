"""Finding files: order, links, depth, names of any kind, and what is left out."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tolmach.adapters.folder import FoundFile, walk, walk_fixed, walking
from tolmach.base import TolmachError


def made(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def names(*paths: Path, leave_out: Path | None = None) -> list[str]:
    """Give what is found below the paths, errors as their codes."""
    return [one.code if isinstance(one, TolmachError) else one.relative.as_posix() for one in walk(paths, leave_out)]


def test_files_of_a_folder_come_before_its_folders_each_by_name(tmp_path: Path) -> None:
    made(tmp_path, "b/2", "b/1", "a/z/9", "a/5", "c", "B")
    assert names(tmp_path) == ["B", "c", "a/5", "a/z/9", "b/1", "b/2"]


def test_named_files_come_as_they_are_named_and_once(tmp_path: Path) -> None:
    made(tmp_path, "in/x", "in/y")
    found = list(walk([tmp_path / "in" / "y", tmp_path / "in" / "x", tmp_path / "in" / "y"]))
    assert found == [
        FoundFile(tmp_path / "in" / "y", Path("y")),
        FoundFile(tmp_path / "in" / "x", Path("x")),
    ]


def test_a_folder_named_twice_is_walked_once(tmp_path: Path) -> None:
    made(tmp_path, "x")
    assert names(tmp_path, tmp_path) == ["x"]


def test_a_missing_path_is_told_and_the_walk_goes_on(tmp_path: Path) -> None:
    made(tmp_path, "x")
    assert names(tmp_path / "no", tmp_path / "x" / "below", tmp_path) == ["TLM-FIL-001", "TLM-FIL-001", "x"]


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    made(tmp_path, "in/x", "elsewhere/y", "elsewhere/z")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "file").symlink_to(tmp_path / "elsewhere" / "y")
    (tmp_path / "in" / "up").symlink_to("..")
    assert names(tmp_path / "in") == ["file", "x"]


def test_a_link_that_was_named_is_followed(tmp_path: Path) -> None:
    made(tmp_path, "real/x")
    (tmp_path / "link").symlink_to("real")
    assert names(tmp_path / "link") == ["x"]


def test_a_link_to_itself_does_not_stop_the_walk(tmp_path: Path) -> None:
    made(tmp_path, "in/a", "in/z")
    (tmp_path / "in" / "loop").symlink_to("loop")
    assert names(tmp_path / "in") == ["a", "loop", "z"]
    assert names(tmp_path / "in" / "loop", tmp_path / "in" / "a") == ["TLM-FIL-005", "a"]


def test_a_dangling_link_is_somebodys_missing_image(tmp_path: Path) -> None:
    made(tmp_path, "in/a")
    (tmp_path / "in" / "gone").symlink_to("nowhere")
    assert names(tmp_path / "in") == ["a", "gone"]


def deepened(folder: Path, levels: int) -> None:
    """Make folders inside one another, deeper than one path may be long."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that is removed afterwards by a program which does not recurse, as pytest's own cleaning does."""
    folder = tmp_path / "in"
    folder.mkdir()
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_a_thousand_levels_are_walked(deep: Path) -> None:
    deepened(deep, 1000)
    assert names(deep) == ["d/" * 1000 + "x"]


def test_three_thousand_levels_are_told_and_the_walk_goes_on(deep: Path) -> None:
    made(deep, "e/good")
    deepened(deep, 3000)
    assert names(deep) == ["TLM-FIL-005", "e/good"]


def test_names_that_are_no_text_are_found(tmp_path: Path) -> None:
    raw = [
        b"\xc8\xe2\xe0\xed\xee\xe2.dcm",
        b"\xff\xfe",
        b"a\nb\x1b[2J",
        "Їжак.dcm".encode(),
        b"-rf",
        b"con\xe2\x80\xae",
    ]
    for name in raw:
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    assert {os.fsencode(Path(one.path.name)) for one in walk([tmp_path]) if isinstance(one, FoundFile)} == set(raw)


def test_what_tolmach_leaves_beside_files_is_no_input(tmp_path: Path) -> None:
    made(tmp_path, "x", "x.tolmach-original", "x.tolmach-undo.json", ".x.77.tolmach-part")
    assert names(tmp_path) == ["x"]


def test_files_fixed_in_place_are_known_by_their_originals(tmp_path: Path) -> None:
    made(tmp_path, "in/x", "in/x.tolmach-original", "in/y", "in/deep/gone.tolmach-original", "in/.tolmach-original")
    found = list(walk_fixed([tmp_path / "in", tmp_path / "in" / "y", tmp_path / "in" / "no"]))
    assert [one.path.relative_to(tmp_path / "in").as_posix() for one in found if isinstance(one, FoundFile)] == [
        "x",
        "deep/gone",
        "y",
        "no",
    ]


def test_the_folder_of_the_copies_is_left_out(tmp_path: Path) -> None:
    made(tmp_path, "in/x", "in/out/x", "in/out/deep/x")
    assert names(tmp_path / "in", leave_out=tmp_path / "in" / "out") == ["x"]
    assert names(tmp_path / "in", leave_out=tmp_path / "in" / "out" / ".." / "out") == ["x"]


def test_a_folder_nobody_may_list_is_told_and_the_walk_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, "a/x", "b/y")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "a":
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(walking.os, "scandir", refuse)
    assert names(tmp_path) == ["TLM-FIL-002", "b/y"]


def test_a_path_that_cannot_even_be_looked_at_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, "x")
    assert names(tmp_path / ("n" * 300), tmp_path) == ["TLM-FIL-005", "x"]
    stat = os.stat

    def refuse(path: Path, **how: bool) -> os.stat_result:
        if str(path).endswith("secret"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return stat(path, **how)

    monkeypatch.setattr(os, "stat", refuse)
    assert names(tmp_path / "secret", tmp_path) == ["TLM-FIL-002", "x"]
