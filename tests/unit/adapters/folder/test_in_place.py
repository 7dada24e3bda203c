"""Fixing in place and undoing it: whatever happens in between, the bytes that came are never lost."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tolmach.adapters.folder import FileProblem, original_of, record_of, replace_in_place, undo, writing
from tolmach.base import TolmachError

CAME, FIXED = b"spoiled bytes", b"the right bytes, longer"
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
CHANGES: list[dict[str, object]] = [{"path": "00100010", "before": "Èâàíîâ", "after": "Иванов"}]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "image.dcm"
    path.write_bytes(CAME)
    return path


def fix(path: Path) -> None:
    replace_in_place(path, [FIXED], CHANGES, NOW)


def contents(path: Path) -> set[bytes]:
    return {one.read_bytes() for one in path.parent.iterdir()}


def test_undo_of_a_path_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="TLM-FIL-001"):
        undo(tmp_path / "nothere")


def test_a_fix_keeps_the_original_and_a_record(file: Path) -> None:
    fix(file)
    assert file.read_bytes() == FIXED
    assert original_of(file).read_bytes() == CAME
    note = json.loads(record_of(file).read_text("utf-8"))
    assert (note["file"], note["fixed_at"], note["changes"]) == ("image.dcm", "2026-11-22T10:00:00+00:00", CHANGES)
    assert len(list(file.parent.iterdir())) == 3


def test_undo_brings_everything_back(file: Path) -> None:
    inode = file.stat().st_ino
    fix(file)
    undo(file)
    assert [path.name for path in file.parent.iterdir()] == ["image.dcm"]
    assert (file.read_bytes(), file.stat().st_ino) == (CAME, inode)


def test_undo_of_what_was_never_fixed(file: Path) -> None:
    with pytest.raises(FileProblem, match="TLM-FIL-007"):
        undo(file)
    fix(file)
    undo(file)
    with pytest.raises(FileProblem, match="TLM-FIL-007"):
        undo(file)


def test_a_second_fix_never_overwrites_the_original(file: Path) -> None:
    fix(file)
    with pytest.raises(FileProblem, match="TLM-FIL-012"):
        replace_in_place(file, [b"other"], [], NOW)
    assert (file.read_bytes(), original_of(file).read_bytes()) == (FIXED, CAME)


def test_undo_refuses_when_something_else_changed_the_file(file: Path) -> None:
    fix(file)
    file.write_bytes(b"edited by the vendor's program")
    with pytest.raises(FileProblem, match="TLM-FIL-008"):
        undo(file)
    assert contents(file) >= {CAME, b"edited by the vendor's program"}


def test_undo_brings_a_deleted_file_back(file: Path) -> None:
    fix(file)
    file.unlink()
    undo(file)
    assert file.read_bytes() == CAME


def test_undo_refuses_a_damaged_original(file: Path) -> None:
    fix(file)
    original_of(file).write_bytes(b"damaged")
    with pytest.raises(FileProblem, match="TLM-FIL-009"):
        undo(file)
    assert file.read_bytes() == FIXED


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b"\xff", b'{"original_sha256": 5}', b"null"])
def test_undo_refuses_a_damaged_record(file: Path, record: bytes) -> None:
    fix(file)
    record_of(file).write_bytes(record)
    with pytest.raises(FileProblem, match="TLM-FIL-009"):
        undo(file)
    assert contents(file) >= {FIXED, CAME}


def test_undo_without_a_record_refuses_when_the_file_is_another(file: Path) -> None:
    fix(file)
    record_of(file).unlink()
    with pytest.raises(FileProblem, match="TLM-FIL-008"):
        undo(file)
    assert contents(file) == {FIXED, CAME}


@pytest.mark.parametrize("step", range(9))
def test_a_record_of_an_older_fix_does_not_confuse_the_next(file: Path, step: int) -> None:
    fix(file)
    stale = record_of(file).read_bytes()
    undo(file)
    record_of(file).write_bytes(stale)  # as if undo had been killed before its last step
    file.write_bytes(b"a new image under the old name")
    with dying_at(step), pytest.raises(Killed):
        fix(file)
    undo_or_nothing(file)
    assert file.read_bytes() == b"a new image under the old name"


def test_permissions_stay(file: Path) -> None:
    file.chmod(0o640)
    fix(file)
    assert file.stat().st_mode & 0o777 == 0o640
    undo(file)
    assert file.stat().st_mode & 0o777 == 0o640


def test_without_hard_links_the_original_is_copied(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", unsupported)
    fix(file)
    assert (file.read_bytes(), original_of(file).read_bytes()) == (FIXED, CAME)
    undo(file)
    assert [path.name for path in file.parent.iterdir()] == ["image.dcm"]
    assert file.read_bytes() == CAME


def test_a_link_stays_a_link_and_the_file_it_means_is_fixed(file: Path) -> None:
    link = file.with_name("link.dcm")
    link.symlink_to(file.name)
    fix(link)
    assert link.is_symlink()
    assert file.read_bytes() == link.read_bytes() == FIXED
    undo(link)
    assert link.is_symlink()
    assert file.read_bytes() == CAME
    assert sorted(path.name for path in file.parent.iterdir()) == ["image.dcm", "link.dcm"]


def test_errors_of_the_system_are_ours(tmp_path: Path) -> None:
    with pytest.raises(TolmachError, match="TLM-FIL-001"):
        fix(tmp_path / "no.dcm")
    with pytest.raises(TolmachError, match="TLM-FIL-005"):
        undo(tmp_path / ("x" * 250))


# A kill between every two steps ---------------------------------------------------------------------------------------


class Killed(BaseException):
    """The power cut: nothing after it runs that changes the disk."""


@dataclass
class Mains:
    """Counts what reaches the disk, and fails at the step it was told to fail at; what comes after fails too."""

    dies_at: int
    steps: list[str] = field(default_factory=list)

    def wrap(self, name: str, call: Callable[..., object], *, after: bool) -> Callable[..., object]:
        def watched(*args: object, **how: object) -> object:
            if len(self.steps) >= self.dies_at and not after:
                raise Killed(name)
            self.steps.append(name)
            made = call(*args, **how)
            if len(self.steps) >= self.dies_at and after:
                self.dies_at = -1
                raise Killed(name)
            return made

        return watched


PATH_CALLS = ("unlink", "replace", "mkdir")
OS_CALLS = ("link", "fsync")


@contextmanager
def dying_at(step: int, *, after: bool = False, links: bool = True) -> Iterator[Mains]:
    """Let the machine die before (or right after) the step of that number."""
    mains = Mains(step)
    with pytest.MonkeyPatch.context() as patch:
        for name in PATH_CALLS:
            patch.setattr(Path, name, mains.wrap(name, getattr(Path, name), after=after))
        for name in OS_CALLS:
            patch.setattr(os, name, mains.wrap(name, getattr(os, name), after=after))
        if not links:

            def unsupported(*_: object) -> None:
                raise OSError(errno.EPERM, "no links here")

            patch.setattr(os, "link", unsupported)
        write = writing._write

        def watched_write(part: Path, chunks: object, mode: int) -> str:
            if len(mains.steps) >= mains.dies_at and not after:
                part.write_bytes(b"ha")
                raise Killed("write")
            mains.steps.append("write")
            return write(part, chunks, mode)  # type: ignore[arg-type]

        patch.setattr(writing, "_write", watched_write)
        yield mains


def steps_of(act: Callable[[Path], None], path: Path, *, links: bool) -> int:
    with dying_at(1000, links=links) as mains:
        act(path)
    return len(mains.steps)


def undo_or_nothing(path: Path) -> None:
    if original_of(path).exists():
        undo(path)
        return
    with pytest.raises(FileProblem, match="TLM-FIL-007"):
        undo(path)


@pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
def test_a_fix_killed_anywhere_can_be_undone_and_done_again(tmp_path: Path, links: bool, after: bool) -> None:
    for way in ("undo", "fix again"):
        step = 0
        while True:
            folder = tmp_path / f"{way}-{step}"
            folder.mkdir()
            path = folder / "image.dcm"
            path.write_bytes(CAME)
            finished = False
            with dying_at(step, after=after, links=links):
                try:
                    fix(path)
                    finished = True
                except Killed:
                    pass
            assert CAME in contents(path)
            assert path.read_bytes() in (CAME, FIXED)
            if way == "undo":
                undo_or_nothing(path)
                assert path.read_bytes() == CAME
            elif path.read_bytes() == CAME:
                fix(path)
                assert (path.read_bytes(), original_of(path).read_bytes()) == (FIXED, CAME)
                undo(path)
                assert path.read_bytes() == CAME
            else:
                undo(path)
                assert path.read_bytes() == CAME
            assert not original_of(path).exists()
            if finished:
                break
            step += 1
        assert step > 5


@pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])
@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
def test_an_undo_killed_anywhere_can_be_repeated(tmp_path: Path, links: bool, after: bool) -> None:
    step = 0
    while True:
        folder = tmp_path / str(step)
        folder.mkdir()
        path = folder / "image.dcm"
        path.write_bytes(CAME)
        with dying_at(1000, links=links):
            fix(path)
        finished = False
        with dying_at(step, after=after, links=links):
            try:
                undo(path)
                finished = True
            except Killed:
                pass
        assert CAME in contents(path)
        undo_or_nothing(path)
        assert path.read_bytes() == CAME
        fix(path)
        undo(path)
        assert [one.name for one in folder.iterdir()] == ["image.dcm"]
        if finished:
            break
        step += 1
    assert step > 1


@pytest.mark.parametrize("step", range(12))
def test_a_leftover_cleared_and_killed_again_loses_nothing(tmp_path: Path, step: int) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(CAME)
    with dying_at(3), pytest.raises(Killed):
        fix(path)
    with dying_at(step), suppress(Killed):
        fix(path)
    assert CAME in contents(path)
    undo_or_nothing(path)
    assert path.read_bytes() == CAME


def test_a_record_of_names_that_are_no_text_is_json_in_utf_8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode("Ж".encode() + b"\xcf.dcm")
    path.write_bytes(b"before")
    replace_in_place(path, [b"after"], [{"before": "\udcff"}], datetime(2026, 11, 22, tzinfo=UTC))
    note = json.loads(record_of(path).read_text("utf-8"))
    assert (note["file"], note["changes"]) == (path.name, [{"before": "\udcff"}])
    assert "Ж" in record_of(path).read_text("utf-8")
    undo(path)
    assert path.read_bytes() == b"before"
