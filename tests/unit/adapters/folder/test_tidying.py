"""Moving and deleting in a watched folder: only what was taken, byte for byte, and never over anything."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest

import tolmach.adapters.folder.inner_folders as inner_folders
from tests.watch_double import NOW_NS, listing
from tolmach.adapters.folder.leftovers import aside_name, numbered
from tolmach.adapters.folder.tidying import Tidier
from tolmach.adapters.folder.watched_folder import WatchedFolder
from tolmach.intake.faults import WatchTrouble
from tolmach.intake.interfaces import FileMark, Tidying
from tolmach.intake.stability import Manner

MANNER = Manner(extensions=("*",), ignore=())
CONTENT = b"an image" * 1000


class Place:
    def __init__(self, folder: Path) -> None:
        self.root, self.done = folder / "in", folder / "done"
        self.root.mkdir()
        self.done.mkdir()
        self.folder = WatchedFolder(self.root, MANNER, lambda: NOW_NS)

    def taken(self, name: str, content: bytes = CONTENT) -> Tidying:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        mark = self.folder.look(name.encode())
        assert mark is not None
        return Tidying(mark, hashlib.sha256(content).hexdigest(), 7)

    def contents(self, folder: Path) -> dict[str, bytes]:
        return {name: content for name, (content, *_) in listing(folder).items()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def refuse_links(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)


def refuse(number: int):  # type: ignore[no-untyped-def]
    def method(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return method


def test_a_taken_file_is_deleted_and_that_may_be_repeated(place: Place) -> None:
    one = place.taken("sub/1.dcm")
    place.taken("sub/2.dcm")
    tidier = Tidier(place.root)
    for _ in range(2):
        dealing = tidier.tidy(one)
        assert (dealing.mark, dealing.sha256, dealing.object_id, dealing.problem) == (one.mark, one.sha256, 7, None)
        assert list(listing(place.root)) == ["sub/2.dcm"]


def test_a_taken_file_is_moved_with_its_folders(place: Place) -> None:
    one = place.taken("sub/er/1.dcm")
    inode = one.mark.inode
    assert Tidier(place.root, place.done).tidy(one).problem is None
    assert listing(place.root) == {}
    ((name, (content, moved, _)),) = listing(place.done).items()
    assert (name, content, moved) == ("sub/er/1.dcm", CONTENT, inode)


def test_nothing_is_moved_over_another_file_and_the_same_bytes_are_not_kept_twice(place: Place) -> None:
    (place.done / "1.dcm").write_bytes(b"something else")
    tidier = Tidier(place.root, place.done)
    for _ in range(2):
        assert tidier.tidy(place.taken("1.dcm")).problem is None
    assert place.contents(place.done) == {"1.dcm": b"something else", "1~1.dcm": CONTENT}
    assert listing(place.root) == {}


def test_a_moved_file_has_its_new_name_for_good_before_it_loses_the_old_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = place.done.stat().st_ino
    order: list[str] = []
    link, unlink, fsync = os.link, os.unlink, os.fsync

    def note_link(*arguments: object, **more: object) -> None:
        order.append("named")
        link(*arguments, **more)  # type: ignore[arg-type]

    def note_unlink(*arguments: object, **more: object) -> None:
        order.append("unnamed")
        unlink(*arguments, **more)  # type: ignore[arg-type]

    def note_fsync(descriptor: int) -> None:
        order.append("synced" if os.fstat(descriptor).st_ino == done else "source synced")
        fsync(descriptor)

    for name, noting in (("link", note_link), ("unlink", note_unlink), ("fsync", note_fsync)):
        monkeypatch.setattr(os, name, noting)
    assert Tidier(place.root, place.done).tidy(place.taken("1.dcm")).problem is None
    assert order == ["named", "synced", "unnamed", "source synced"]


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM])
def test_moving_where_links_do_not_reach(place: Place, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    refuse_links(monkeypatch, number)
    (place.done / "1.dcm").write_bytes(b"something else")
    if number == errno.EXDEV:
        # Restoring needs links within one file system, which are not refused there.
        monkeypatch.setattr(inner_folders._ByDescriptor, "give", _give_across(place.done))
    one = place.taken("1.dcm")
    assert Tidier(place.root, place.done).tidy(one).problem is None
    assert place.contents(place.done) == {"1.dcm": b"something else", "1~1.dcm": CONTENT}
    assert listing(place.root) == {}


def _give_across(done: Path):  # type: ignore[no-untyped-def]
    """Give a `give` that knows two file systems: the one of `done`, and the other."""

    def give(folder: inner_folders._ByDescriptor, own: bytes, target: inner_folders._ByDescriptor, name: bytes) -> None:
        if target.identity != folder.identity:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        if any(entry.name == name for entry in target.entries()):
            raise FileExistsError(name)
        os.rename(own, name, src_dir_fd=folder.descriptor, dst_dir_fd=target.descriptor)

    return give


def test_moving_to_another_file_system_for_real(tmp_path: Path) -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        other = None
    else:
        import tempfile

        other = tempfile.TemporaryDirectory(dir=shm)
    place = Place(tmp_path)
    done = place.done if other is None else Path(other.name)
    try:
        assert Tidier(place.root, done).tidy(place.taken("sub/1.dcm")).problem is None
        assert place.contents(done) == {"sub/1.dcm": CONTENT}
        assert listing(place.root) == {}
    finally:
        if other is not None:
            other.cleanup()


def test_two_folders_moved_to_one_place_on_another_file_system_keep_out_of_each_others_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one, other = Place(tmp_path / "a"), Place(tmp_path / "b")
    monkeypatch.setattr(inner_folders._ByDescriptor, "give", _give_across(one.done))
    first, second = one.taken("1.dcm"), other.taken("2.dcm", CONTENT[::-1])
    written, go_on = threading.Event(), threading.Event()
    sync = os.fsync

    def wait_in_the_second(descriptor: int) -> None:
        if threading.current_thread() is thread and not written.is_set():
            written.set()
            go_on.wait(10)
        sync(descriptor)

    def move_the_second() -> None:
        Tidier(other.root, one.done).tidy(second)

    thread = threading.Thread(target=move_the_second)
    monkeypatch.setattr(os, "fsync", wait_in_the_second)
    thread.start()
    assert written.wait(10)
    try:
        assert Tidier(one.root, one.done).tidy(first).problem is None
    finally:
        go_on.set()
        thread.join()
    assert one.contents(one.done) == {"1.dcm": CONTENT, "2.dcm": CONTENT[::-1]}
    assert (listing(one.root), listing(other.root)) == ({}, {})


@pytest.mark.parametrize("named", [False, True])
def test_what_a_killed_program_has_copied_to_another_file_system_does_not_stay_beside_it(
    place: Place, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    class Killed(BaseException):
        pass

    def be_killed(
        folder: inner_folders._ByDescriptor, own: bytes, target: inner_folders._ByDescriptor, name: bytes
    ) -> None:
        if target.identity != folder.identity:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        if named:
            os.link(own, name, src_dir_fd=folder.descriptor, dst_dir_fd=target.descriptor)
        raise Killed

    one = place.taken("1.dcm")
    with monkeypatch.context() as patched:
        patched.setattr(inner_folders._ByDescriptor, "give", be_killed)
        patched.setattr(inner_folders._ByDescriptor, "remove", lambda *_: None)
        patched.setattr("tolmach.adapters.folder.tidying.restore", lambda *_: None)
        with pytest.raises(Killed):
            Tidier(place.root, place.done).tidy(one)
    assert len(listing(place.done)) == 1 + named
    monkeypatch.setattr(os, "getpid", lambda: -1)  # the next one is another process
    list(place.folder.scan())
    monkeypatch.setattr(inner_folders._ByDescriptor, "give", _give_across(place.done))
    assert Tidier(place.root, place.done).tidy(one).problem is None
    assert place.contents(place.done) == {"1.dcm": CONTENT}
    assert listing(place.root) == {}


@pytest.mark.parametrize("change", ["longer", "same size and time", "another file", "a link", "a folder"])
@pytest.mark.parametrize("is_move", [True, False])
def test_what_is_not_the_file_that_was_taken_stays(place: Place, change: str, is_move: bool) -> None:
    one = place.taken("1.dcm")
    path = place.root / "1.dcm"
    if change == "longer":
        path.write_bytes(CONTENT + b"more")
    elif change == "same size and time":
        path.write_bytes(CONTENT.replace(b"image", b"imaGe"))
        os.utime(path, ns=(one.mark.modified_ns, one.mark.modified_ns))
    else:
        path.rename(place.root / "kept")
        if change == "another file":
            path.write_bytes(CONTENT)
        elif change == "a link":
            path.symlink_to("kept")
        else:
            path.mkdir()
    before = listing(place.root)
    dealing = Tidier(place.root, place.done if is_move else None).tidy(one)
    assert listing(place.root) == before
    assert listing(place.done) == {}
    if change not in ("a link", "a folder"):
        assert dealing.problem is not None
        assert dealing.problem.code == "TLM-FIL-028"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_without_the_right_to_change_the_folder_the_file_stays_until_it_is_given(
    place: Place, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    one = place.taken("1.dcm")
    with monkeypatch.context() as patched:
        patched.setattr(inner_folders._ByDescriptor, "set_aside", refuse(number))
        with pytest.raises(WatchTrouble) as trouble:
            Tidier(place.root).tidy(one)
    assert trouble.value.code == "TLM-FIL-029"
    assert place.contents(place.root) == {"1.dcm": CONTENT}
    assert Tidier(place.root).tidy(one).problem is None
    assert listing(place.root) == {}


@pytest.mark.parametrize("method", ["remove", "sync", "set_aside", "open"])
def test_trouble_of_the_disk_leaves_the_file_and_is_tried_again(
    place: Place, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    one = place.taken("1.dcm")
    with monkeypatch.context() as patched:
        patched.setattr(inner_folders._ByDescriptor, method, refuse(errno.EIO))
        with pytest.raises(WatchTrouble):
            Tidier(place.root).tidy(one)
    if method != "sync":
        assert place.contents(place.root)["1.dcm"] == CONTENT
    assert Tidier(place.root).tidy(one).problem is None
    assert listing(place.root) == {}


@pytest.mark.parametrize("missing", ["in", "done"])
def test_a_folder_that_is_away_is_trouble(place: Place, missing: str) -> None:
    one = place.taken("1.dcm")
    away = place.root.parent / missing
    away.rename(away.with_name("away"))
    with pytest.raises(WatchTrouble):
        Tidier(place.root, place.done).tidy(one)
    away.with_name("away").rename(away)
    assert place.contents(place.root) == {"1.dcm": CONTENT}


@pytest.mark.parametrize("step", ["give", "remove", "sync"])
@pytest.mark.parametrize("is_move", [True, False])
def test_a_crash_at_any_step_loses_nothing_and_is_mended_by_the_next_scan(
    place: Place, monkeypatch: pytest.MonkeyPatch, step: str, is_move: bool
) -> None:
    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    one = place.taken("1.dcm")
    tidier = Tidier(place.root, place.done if is_move else None)
    with monkeypatch.context() as patched:
        patched.setattr(inner_folders._ByDescriptor, step, crash)
        patched.setattr("tolmach.adapters.folder.tidying.restore", lambda *_: None)
        if is_move or step != "give":
            with pytest.raises(Crash):
                tidier.tidy(one)
    found = [*place.contents(place.root).values(), *place.contents(place.done).values()]
    assert set(found) == (set() if not is_move and step == "sync" else {CONTENT})
    list(place.folder.scan())
    assert tidier.tidy(one).problem is None
    assert listing(place.root) == {}
    assert list(place.contents(place.done).values()) == ([CONTENT] if is_move else [])


def test_what_a_crash_has_left_gets_a_name_of_its_own_where_its_name_is_taken(place: Place) -> None:
    aside = aside_name(b"1.dcm")
    assert aside is not None
    (place.root / aside.decode()).write_bytes(b"older")
    (place.root / "1.dcm").write_bytes(b"newer")
    list(place.folder.scan())
    assert place.contents(place.root) == {"1.dcm": b"newer", "1~1.dcm": b"older"}


def test_names_as_long_as_can_be_are_tidied_too(place: Place) -> None:
    name = "я" * 125 + ".dcm"
    assert len(name.encode()) == 254
    assert Tidier(place.root).tidy(place.taken(name)).problem is None
    assert listing(place.root) == {}


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        (b"a.dcm", 0, b"a.dcm"),
        (b"a.dcm", 2, b"a~2.dcm"),
        (b"1.2.840.3", 1, b"1.2.840.3~1"),
        (b"a", 1, b"a~1"),
        (b".a", 1, b".a~1"),
        (b"x" * 251 + b".dcm", 1, b"x" * 249 + b"~1.dcm"),
    ],
)
def test_numbered_names(name: bytes, number: int, expected: bytes) -> None:
    assert numbered(name, number) == expected


def test_a_file_that_is_swapped_while_it_is_deleted_is_never_lost(place: Place) -> None:
    """Every file with other bytes than those that were taken must be there in the end, under some name."""
    root, spare = place.root, place.root.parent / "spare"
    stop = threading.Event()
    put: list[bytes] = []

    def swap() -> None:
        number = 0
        while not stop.is_set():
            content = b"new %d" % number
            spare.write_bytes(content)
            try:
                os.link(spare, root / "1.dcm")  # never over another: what it puts there is there until we remove it
            except FileExistsError:
                continue
            finally:
                spare.unlink()
            put.append(content)
            number += 1

    tidier = Tidier(root)
    one = place.taken("1.dcm")
    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for number in range(500):
            tidier.tidy(one)
            if (root / "1.dcm").exists():
                (root / "1.dcm").rename(root / f"seen-{number}")
            one = _again(place, one)
    finally:
        stop.set()
        swapper.join()
    list(place.folder.scan())
    assert put
    assert set(put) <= set(place.contents(root).values())


def _again(place: Place, one: Tidying) -> Tidying:
    """Put a file there that was taken, unless somebody was faster; what is deleted then must be that alone."""
    path = place.root / "1.dcm"
    own = place.root.parent / "own"
    own.write_bytes(CONTENT)
    try:
        os.link(own, path)
    except FileExistsError:
        return one
    finally:
        status = own.stat()
        own.unlink()
    mark = FileMark(b"1.dcm", 0, status.st_ino, status.st_size, status.st_mtime_ns)
    return Tidying(mark, one.sha256, 7)
