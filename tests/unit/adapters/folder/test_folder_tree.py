import errno
import os
import random
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.adapters.folder.test_path_template import NASTY
from tolmach.adapters.folder import folder_tree, open_folders
from tolmach.adapters.folder.folder_tree import FolderTree, FolderTrouble, FolderUnusable, NoPlace
from tolmach.adapters.folder.path_template import safe_name


@pytest.fixture(params=["descriptors", "paths"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take both ways of opening folders: that of POSIX systems, and that of Windows."""
    if request.param == "paths":
        monkeypatch.setattr(os, "supports_dir_fd", frozenset())
    return str(request.param)


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_file_is_put_where_it_belongs(way: str, tmp_path: Path) -> None:
    tree = FolderTree(tmp_path)
    assert tree.put(("12 Иванов", "20261122", "1.dcm"), [b"ab", memoryview(b"cd")])
    assert files(tmp_path) == {"12 Иванов/20261122/1.dcm": b"abcd"}


def test_the_same_bytes_are_not_written_twice(way: str, tmp_path: Path) -> None:
    assert FolderTree(tmp_path).put(("a", "1.dcm"), [b"same"])
    assert not FolderTree(tmp_path).put(("a", "1.dcm"), [b"same"])
    assert files(tmp_path) == {"a/1.dcm": b"same"}


def test_another_file_under_the_name_stays_and_both_are_kept_however_often(way: str, tmp_path: Path) -> None:
    for _ in range(2):
        tree = FolderTree(tmp_path)
        for content in (b"one", b"two", b"three"):
            tree.put(("1.dcm",), [content])
    assert sorted(files(tmp_path).values()) == [b"one", b"three", b"two"]
    assert files(tmp_path)["1.dcm"] == b"one"
    assert all(name.endswith(".dcm") for name in files(tmp_path))


@pytest.mark.parametrize(
    ("first", "second"),
    [("A.dcm", "a.dcm"), ("ИВАНОВ", "иванов"), ("й", "й"), ("Straße", "STRASSE"), ("É.dcm", "é.dcm")],
)
def test_twins_by_case_or_composition_are_one_name(way: str, first: str, second: str, tmp_path: Path) -> None:
    tree = FolderTree(tmp_path)
    tree.put((first, first), [b"one"])
    tree.put((second, second), [b"two"])
    names = list(files(tmp_path))
    assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == 2
    assert len({name.split("/")[0] for name in names}) == 1
    assert not tree.put((second, second), [b"two"])


def test_what_was_taken_away_makes_room_again(way: str, tmp_path: Path) -> None:
    tree = FolderTree(tmp_path)
    tree.put(("a", "1.dcm"), [b"one"])
    (tmp_path / "a" / "1.dcm").unlink()
    tree.put(("a", "1.dcm"), [b"two"])
    (tmp_path / "a" / "1.dcm").unlink()
    (tmp_path / "a").rmdir()
    tree.put(("a", "1.dcm"), [b"three"])
    assert files(tmp_path) == {"a/1.dcm": b"three"}


def test_what_others_put_there_meanwhile_stays(way: str, tmp_path: Path) -> None:
    tree = FolderTree(tmp_path)
    tree.put(("1.dcm",), [b"one"])
    (tmp_path / "2.dcm").write_bytes(b"theirs")
    tree.put(("2.dcm",), [b"ours"])
    (tmp_path / "3.dcm").mkdir()
    tree.put(("3.dcm",), [b"three"])
    assert sorted(files(tmp_path).values()) == [b"one", b"ours", b"theirs", b"three"]
    assert files(tmp_path)["2.dcm"] == b"theirs"


def test_no_link_leads_out(way: str, tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "a").symlink_to(outside, target_is_directory=True)
    (root / "1.dcm").symlink_to(outside / "1.dcm")
    tree = FolderTree(root)
    with pytest.raises(NoPlace):
        tree.put(("a", "1.dcm"), [b"x"])
    assert tree.put(("1.dcm",), [b"x"])
    assert list(outside.iterdir()) == []


def test_a_file_in_the_way_of_a_folder_is_told(way: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(NoPlace):
        FolderTree(tmp_path).put(("a", "1.dcm"), [b"x"])
    assert files(tmp_path) == {"a": b""}


def test_a_missing_folder_is_never_made(way: str, tmp_path: Path) -> None:
    root = tmp_path / "share"
    tree = FolderTree(root)
    with pytest.raises(FolderUnusable):
        tree.put(("1.dcm",), [b"x"])
    assert not root.exists()
    root.mkdir()
    assert tree.put(("1.dcm",), [b"x"])


def test_a_drive_that_is_no_longer_mounted_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = True
    monkeypatch.setattr(Path, "is_mount", lambda _path: mounted)
    tree = FolderTree(tmp_path)
    assert tree.put(("1.dcm",), [b"x"])
    mounted = False
    with pytest.raises(FolderUnusable):
        tree.put(("2.dcm",), [b"x"])
    assert list(files(tmp_path)) == ["1.dcm"]


def test_what_the_source_raises_leaves_nothing_behind(way: str, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise FolderTrouble(folder_tree.FOLDER_FULL, folder="elsewhere")

    with pytest.raises(FolderTrouble):
        FolderTree(tmp_path).put(("a", "1.dcm"), broken())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, FolderTrouble),
        (errno.EIO, FolderTrouble),
        (errno.ESTALE, FolderTrouble),
        (errno.EACCES, FolderUnusable),
        (errno.EROFS, FolderUnusable),
        (errno.ENAMETOOLONG, NoPlace),
        (errno.EINVAL, NoPlace),
    ],
)
def test_errors_of_the_system_say_whose_they_are(
    number: int, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: object, **_known: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(open_folders.os, "mkdir", fails)
    with pytest.raises(error):
        FolderTree(tmp_path).put(("a", "1.dcm"), [b"x"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_file_systems_without_links_keep_what_is_there_too(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_args: object, **_known: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(open_folders.os, "link", no_links)
    (tmp_path / "1.dcm").write_bytes(b"theirs")
    tree = FolderTree(tmp_path)
    assert tree.put(("1.dcm",), [b"ours"])
    assert tree.put(("2.dcm",), [b"ours"])
    assert sorted(files(tmp_path).values()) == [b"ours", b"ours", b"theirs"]


def test_what_a_killed_program_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    old, young = tmp_path / ".tolmach-1-1-0.tolmach-part", tmp_path / ".tolmach-1-1-1.tolmach-part"
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    os.utime(old, (1, 1))
    FolderTree(tmp_path).put(("1.dcm",), [b"x"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [young.name, "1.dcm"]


def test_names_are_durable_before_they_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("fsync", "link", "mkdir"):
        real = getattr(os, name)

        def noting(*args: object, _real: object = real, _name: str = name, **known: object) -> object:
            done.append(_name)
            return _real(*args, **known)  # type: ignore[operator]

        monkeypatch.setattr(open_folders.os, name, noting)
    FolderTree(tmp_path).put(("a", "1.dcm"), [b"x"])
    assert done == ["fsync", "mkdir", "fsync", "link", "fsync"]


def test_lanes_side_by_side_lose_nothing(tmp_path: Path) -> None:
    tree = FolderTree(tmp_path)
    errors: list[BaseException] = []

    def lane(number: int) -> None:
        try:
            for count in range(60):
                tree.put((f"p{count % 3}", "X.dcm" if count % 2 else "x.dcm"), [f"{number} {count}".encode()])
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=lane, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    contents = set(files(tmp_path).values())
    assert contents == {f"{number} {count}".encode() for number in range(4) for count in range(60)}


def hostile_texts(count: int, seed: int) -> list[str]:
    """Give texts of what attackers and careless people write, many of them alike."""
    chance = random.Random(seed)
    letters = "aAbйЙё\u0438\u0306éЩ名ıßſ.. ~/\\:\0\u202e"
    return [
        "".join(
            chance.choice(NASTY) if chance.random() < 0.5 else chance.choice(letters) * chance.choice((1, 1, 2, 60))
            for _ in range(chance.randrange(6))
        )
        for _ in range(count)
    ]


@pytest.mark.slow
def test_ten_thousand_names_stay_inside_and_none_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # names are the matter here, and the disk takes a minute
    root = tmp_path / "root"
    root.mkdir()
    tree = FolderTree(root)
    texts = hostile_texts(20_000, 7)
    for number, (folder, name) in enumerate(zip(texts[::2], texts[1::2], strict=True)):
        tree.put((safe_name(folder), safe_name(name + ".dcm")), [str(number).encode()])
    found = files(tmp_path)
    assert all(name.startswith("root/") for name in found)
    assert len(found) == 10_000
    assert set(found.values()) == {str(number).encode() for number in range(10_000)}
    assert len({unicodedata.normalize("NFC", name).casefold() for name in found}) == 10_000
