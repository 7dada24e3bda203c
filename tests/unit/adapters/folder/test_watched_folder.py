"""Seeing and opening files in a watched folder: no link followed, no name too odd, no two files mixed."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.watch_double import NOW_NS, Scene, image
from tolmach.adapters.folder.watched_folder import MOST_NESTED, WatchedFolder
from tolmach.base import Problem
from tolmach.intake.faults import SourceChanged, SourceGone, WatchTrouble
from tolmach.intake.interfaces import Dealing, FileMark
from tolmach.intake.stability import Manner, Seen

MANNER = Manner(extensions=("*",), ignore=())


def watched(root: Path, manner: Manner = MANNER, **options: object) -> WatchedFolder:
    return WatchedFolder(root, manner, lambda: NOW_NS, **options)  # type: ignore[arg-type]


def scanned(folder: WatchedFolder) -> list[bytes]:
    return sorted(one.path for one in folder.scan() if isinstance(one, FileMark))


def mark_in(folder: WatchedFolder, path: bytes) -> FileMark:
    mark = folder.look(path)
    assert mark is not None
    return mark


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    root.mkdir()
    return root


def test_names_of_any_bytes_are_seen_and_opened(root: Path) -> None:
    names = ["Снимок.dcm".encode("cp1251"), b"new\nline", "Снимок-2".encode(), b"a b'\"$(x).dcm", b"\xff\xfe"]
    for name in names:
        with open(os.path.join(os.fsencode(root), name), "wb") as file:  # noqa: PTH118, PTH123
            file.write(b"content of " + name)
    folder = watched(root)
    assert scanned(folder) == sorted(names)
    for name in names:
        with folder.open(mark_in(folder, name)) as opened:
            assert b"".join(bytes(chunk) for chunk in opened.chunks()) == b"content of " + name


def test_fifty_folders_deep_and_not_without_an_end(root: Path) -> None:
    deep = root.joinpath(*["d"] * 50)
    deep.mkdir(parents=True)
    (deep / "1.dcm").write_bytes(b"x")
    folder = watched(root)
    path = b"d/" * 50 + b"1.dcm"
    assert scanned(folder) == [path]
    assert mark_in(folder, path).size == 1
    deeper = root.joinpath(*["d"] * (MOST_NESTED + 5))
    deeper.mkdir(parents=True)
    problems = [one.code for one in folder.scan() if isinstance(one, Problem)]
    assert problems == ["TLM-FIL-025"]
    assert scanned(folder) == [path]


def test_only_the_folder_itself_when_that_is_wanted(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "2.dcm").write_bytes(b"x")
    (root / "1.dcm").write_bytes(b"x")
    folder = watched(root, recursive=False)
    assert scanned(folder) == [b"1.dcm"]
    assert folder.look(b"sub/2.dcm") is None


def test_links_devices_pipes_sockets_and_loops_are_passed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "2.dcm").write_bytes(b"x")
    (root / "1.dcm").write_bytes(b"x")
    (root / "link.dcm").symlink_to(tmp_path / "secret")
    (root / "own-link.dcm").symlink_to("1.dcm")
    (root / "dangling.dcm").symlink_to("nowhere")
    (root / "folder-link").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(".")
    os.mkfifo(root / "pipe.dcm")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "s.dcm"))
        folder = watched(root)
        assert scanned(folder) == [b"1.dcm"]
        for path in (
            b"link.dcm",
            b"pipe.dcm",
            b"s.dcm",
            b"folder-link/2.dcm",
            b"loop/1.dcm",
            b"../secret",
            b"/etc/passwd",
        ):
            assert folder.look(path) is None, path


@pytest.mark.parametrize("what", ["link", "pipe", "folder", "nothing", "other file", "other content"])
def test_what_has_become_something_else_since_is_not_opened(root: Path, tmp_path: Path, what: str) -> None:
    (tmp_path / "secret").write_bytes(b"12345678")
    path = root / "1.dcm"
    path.write_bytes(b"content!")
    folder = watched(root)
    mark = mark_in(folder, b"1.dcm")
    if what == "other content":
        path.write_bytes(b"new content")
    else:
        path.unlink()
    if what == "link":
        path.symlink_to(tmp_path / "secret")
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "other file":
        (root / "keeps-the-inode").write_bytes(b"x")
        path.write_bytes(b"content!")
        os.utime(path, ns=(mark.modified_ns + 1, mark.modified_ns + 1))
    with pytest.raises((SourceGone, SourceChanged)), folder.open(mark):
        pass


def test_a_folder_on_the_way_that_becomes_a_link_is_not_followed(root: Path, tmp_path: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "1.dcm").write_bytes(b"x")
    folder = watched(root)
    mark = mark_in(folder, b"sub/1.dcm")
    (root / "sub").rename(tmp_path / "away")
    (root / "sub").symlink_to(tmp_path / "away")
    with pytest.raises(SourceGone), folder.open(mark):
        pass
    assert folder.look(b"sub/1.dcm") is None


def test_a_link_the_operator_named_is_followed_once(root: Path, tmp_path: Path) -> None:
    (root / "1.dcm").write_bytes(b"x")
    other = tmp_path / "other"
    other.mkdir()
    (other / "2.dcm").write_bytes(b"x")
    link = tmp_path / "link"
    link.symlink_to(root)
    folder = watched(link)
    assert scanned(folder) == [b"1.dcm"]
    link.unlink()
    link.symlink_to(other)
    assert scanned(folder) == [b"1.dcm"]
    folder.look_up()
    assert scanned(folder) == [b"2.dcm"]


def test_folders_that_are_left_out_are_not_entered_whatever_they_are_called(root: Path) -> None:
    out = root / "sub" / "export"
    out.mkdir(parents=True)
    (out / "1.dcm").write_bytes(b"x")
    (root / "2.dcm").write_bytes(b"x")
    folder = watched(root, leave_out=[root / "sub" / ".." / "sub" / "export", root / "not-there"])
    assert scanned(folder) == [b"2.dcm"]
    assert folder.look(b"sub/export/1.dcm") is None
    out.rename(root / "renamed")
    assert scanned(watched(root, leave_out=[root / "renamed"])) == [b"2.dcm"]


def test_another_file_system_below_is_entered_only_when_that_was_asked_for(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tolmach.adapters.folder.inner_folders as inner_folders

    (root / "mount").mkdir()
    (root / "mount" / "1.dcm").write_bytes(b"x")
    (root / "2.dcm").write_bytes(b"x")
    inode = (root / "mount").stat().st_ino

    def elsewhere(folder: inner_folders._ByDescriptor) -> tuple[int, int]:
        device, number = os.fstat(folder.descriptor).st_dev, os.fstat(folder.descriptor).st_ino
        return (device + 1 if number == inode else device), number

    monkeypatch.setattr(inner_folders._ByDescriptor, "identity", property(elsewhere))
    assert scanned(watched(root)) == [b"2.dcm"]
    assert watched(root).look(b"mount/1.dcm") is None
    assert scanned(watched(root, cross_file_systems=True)) == [b"2.dcm", b"mount/1.dcm"]


def test_a_drive_that_has_another_number_after_a_restart_holds_the_same_files(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tolmach.adapters.folder.watched_folder as module

    (root / "1.dcm").write_bytes(b"x")
    before = mark_in(watched(root), b"1.dcm")
    real = module.mark_of

    def renumbered(path: bytes, status: os.stat_result, device: int) -> FileMark:
        fields = list(status)
        fields[2] += 7
        return real(path, os.stat_result(fields, _nanoseconds(status)), device + 7)

    monkeypatch.setattr(module, "mark_of", renumbered)
    assert mark_in(watched(root), b"1.dcm") == before


def _nanoseconds(status: os.stat_result) -> dict[str, int]:
    return {"st_atime_ns": status.st_atime_ns, "st_mtime_ns": status.st_mtime_ns, "st_ctime_ns": status.st_ctime_ns}


def test_a_folder_below_that_cannot_be_read_is_told_of_and_the_others_are_seen(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tolmach.adapters.folder.inner_folders as inner_folders

    for name in ("a", "b", "c"):
        (root / name).mkdir()
        (root / name / "1.dcm").write_bytes(b"x")
    real = inner_folders._ByDescriptor.inner

    def refuse(folder: inner_folders._ByDescriptor, name: bytes) -> inner_folders.InnerFolder:
        if name == b"b":
            raise PermissionError(13, "Permission denied")
        return real(folder, name)

    monkeypatch.setattr(inner_folders._ByDescriptor, "inner", refuse)
    found = list(watched(root).scan())
    assert [str(one.facts["path"]) for one in found if isinstance(one, Problem)] == ["b"]
    assert len(found) == 3


def test_a_missing_folder_is_trouble_and_has_everything(root: Path) -> None:
    folder = watched(root)
    (root / "1.dcm").write_bytes(b"x")
    assert folder.has(b"1.dcm")
    assert not folder.has(b"2.dcm")
    assert not folder.has(b"sub/2.dcm")
    root.rename(root.with_name("away"))
    for ask in (lambda: list(folder.scan()), lambda: folder.look(b"1.dcm"), lambda: folder.has(b"1.dcm")):
        with pytest.raises(WatchTrouble):
            ask()


def test_links_in_a_circle_are_trouble_like_any_other(root: Path, tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(tmp_path / "one")
    with pytest.raises(WatchTrouble) as trouble:
        scanned(watched(tmp_path / "one"))
    assert trouble.value.code == "TLM-FIL-022"


def test_a_drive_that_was_mounted_there_and_is_no_more_is_missing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = watched(root)
    monkeypatch.setattr(os.path, "ismount", lambda _: True)
    assert scanned(folder) == []
    monkeypatch.setattr(os.path, "ismount", lambda _: False)
    with pytest.raises(WatchTrouble):
        list(folder.scan())


def test_large_files_are_read_piece_by_piece_and_noticed_when_they_change(root: Path) -> None:
    content = os.urandom(9 << 20)
    (root / "1").write_bytes(content)
    folder = watched(root)
    mark = mark_in(folder, b"1")
    with folder.open(mark) as opened:
        chunks = [bytes(chunk) for chunk in opened.chunks()]
        opened.require_unchanged()
        assert max(map(len, chunks)) <= 1 << 20
        assert b"".join(chunks) == content
    with folder.open(mark) as opened:
        rest = opened.chunks()
        next(rest)
        os.truncate(root / "1", 5 << 20)
        with pytest.raises(SourceChanged):
            list(rest)
    assert folder.look(b"1") != mark


def test_a_change_that_hides_its_time_is_noticed_all_the_same(root: Path) -> None:
    path = root / "1"
    path.write_bytes(b"old content")
    folder = watched(root)
    mark = mark_in(folder, b"1")
    with folder.open(mark) as opened:
        list(opened.chunks())
        path.write_bytes(b"new content")
        os.utime(path, ns=(mark.modified_ns, mark.modified_ns))
        with pytest.raises(SourceChanged):
            opened.require_unchanged()


def test_writers_are_seen_where_the_system_tells(root: Path) -> None:
    path = root / "1"
    path.write_bytes(b"x" * 10_000)
    folder = watched(root)
    with folder.open(mark_in(folder, b"1")) as opened:
        assert opened.is_being_written is False
        with path.open("rb"):
            assert opened.is_being_written is False
        with path.open("r+b"):
            assert opened.is_being_written is True
        with path.open("r+b") as writer:  # nobody is kept from the file afterwards
            writer.write(b"y")
        assert opened.is_being_written is False


def test_holes_are_seen_where_the_system_tells(root: Path) -> None:
    (root / "full").write_bytes(b"x" * 100_000)
    (root / "holes").write_bytes(b"x" * 100)
    os.truncate(root / "holes", 1 << 20)
    folder = watched(root)
    found = {}
    for name in (b"full", b"holes"):
        with folder.open(mark_in(folder, name)) as opened:
            found[name] = opened.has_holes
    assert found == {b"full": False, b"holes": True}


def test_a_scan_that_is_broken_off_leaves_no_folder_open(root: Path) -> None:
    for number in range(20):
        (root / f"d{number}" / "e").mkdir(parents=True)
        (root / f"d{number}" / "e" / "1.dcm").write_bytes(b"x")
    folder = watched(root)
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(5):
        scan = folder.scan()
        next(scan)
        scan.close()  # type: ignore[attr-defined]
        assert len(scanned(folder)) == 20
    assert len([*Path("/proc/self/fd").iterdir()]) == before


@pytest.mark.parametrize("enough", [20, pytest.param(500, marks=pytest.mark.slow)])
def test_a_name_that_is_swapped_all_the_time_gives_one_file_or_the_other_and_never_a_link(
    tmp_path: Path, enough: int
) -> None:
    scene = Scene(tmp_path, Manner())
    since = scene.clock() - 100  # it has been quiet for long, says the watch
    contents = [image(number, pixels=bytes([number]) * 30_000) for number in (1, 2)]
    secret = tmp_path / "secret.dcm"
    secret.write_bytes(image(3, pixels=b"\3" * 30_000))
    name, spare = scene.root / "1.dcm", tmp_path / "spare"
    name.write_bytes(contents[0])
    stop = threading.Event()

    def swap() -> None:
        choose = random.Random(1)
        while not stop.is_set():
            what = choose.randrange(4)
            if what == 0:
                spare.symlink_to(secret)
            else:
                spare.write_bytes(contents[what % 2])
            spare.replace(name)

    swapper = threading.Thread(target=swap)
    swapper.start()
    taken = missed = 0
    try:
        while taken < enough or missed < enough:
            mark = scene.folder.look(b"1.dcm")
            if mark is not None:
                is_taken = isinstance(scene.taker.take(Seen(mark, since, since, True)), Dealing)
                taken, missed = taken + is_taken, missed + (not is_taken)
    finally:
        stop.set()
        swapper.join()
    assert scene.stored() <= set(contents)
    assert list(scene.store.incoming.iterdir()) == []


@pytest.mark.slow
def test_a_file_that_is_written_anew_in_its_place_again_and_again_is_never_taken_in_parts(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Manner(settle_seconds=0.1, closed_seconds=0.1, scan_seconds=0.01))
    scene.watch.clock = scene.taker._clock = time.monotonic
    contents = [image(number, pixels=bytes([number]) * 2_000_000) for number in (1, 2, 3)]
    name = scene.root / "1.dcm"
    stop = threading.Event()

    def write() -> None:
        choose = random.Random(1)
        while not stop.wait(choose.choice((0.0, 0.05, 0.1, 0.101, 0.105, 0.11, 0.15, 0.2))):
            name.write_bytes(choose.choice(contents))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(scene.taken()) < 12:
            stop.wait(min(0.01, scene.watch.round()))
    finally:
        stop.set()
        writer.join()
    assert scene.stored() <= set(contents)
