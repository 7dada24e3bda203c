"""The folder store: the order of its steps, what it does when the system refuses one, who may read what."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import re
import shutil
import stat
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.builders import body, part10
from tolmach.adapters.objects import FolderStore, StoreUnusable, folder_store, shards
from tolmach.intake.faults import StoreTrouble
from tolmach.intake.interfaces import Stored

PIXELS = random.Random(4).randbytes(300_000)
BODY = body((0x7FE00010, "OW", PIXELS))
FILE = part10(BODY)
SUM = hashlib.sha256(BODY).hexdigest()


def put(store: FolderStore, content: bytes = FILE) -> Stored:
    with store.spool([content]) as spooled:
        return store.place(spooled)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "data")


# The order of promise 1 -------------------------------------------------------------------------------------


def recorded(monkeypatch: pytest.MonkeyPatch, root: Path) -> list[str]:
    """Write down what is done to the disk, in order, as `sync NAME`, `rename` and `mkdir NAME`."""
    steps: list[str] = []
    fsync, replace, mkdir = os.fsync, os.replace, os.mkdir

    def watch_fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append(f"sync {named(path, root)}")
        fsync(descriptor)

    def watch_replace(source: Path, target: str) -> None:
        steps.append(f"rename {named(source, root)} {named(Path(target), root)}")
        replace(source, target)

    def watch_mkdir(path: str | Path, mode: int = 0o777) -> None:
        mkdir(path, mode)
        steps.append(f"mkdir {named(Path(path), root)}")

    monkeypatch.setattr(os, "fsync", watch_fsync)
    monkeypatch.setattr(os, "replace", watch_replace)
    monkeypatch.setattr(os, "mkdir", watch_mkdir)
    return steps


def named(path: Path, root: Path) -> str:
    name = path.relative_to(root).as_posix()
    name = name.replace(SUM, "SUM").replace(SUM[2:4], "bb").replace(SUM[:2], "aa")
    return re.sub(r"data/incoming/.+", "spool", name)


FIRST = ["mkdir data/objects/aa", "mkdir data/objects/aa/bb", "sync spool", "rename spool data/objects/aa/bb/SUM.dcm"]
FIRST += ["sync data/objects/aa/bb", "sync data/objects/aa", "sync data/objects"]
NEXT = ["sync spool", "rename spool data/objects/aa/bb/SUM.dcm", "sync data/objects/aa/bb"]
AGAIN = ["sync data/objects/aa/bb/SUM.dcm", "sync data/objects/aa/bb"]
AFTER_RESTART = [*AGAIN, "sync data/objects/aa", "sync data/objects"]


def test_a_name_is_given_after_the_bytes_are_synced_and_synced_before_anybody_hears_of_it(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = recorded(monkeypatch, tmp_path)
    put(store)
    assert steps == FIRST


def test_the_second_object_of_a_folder_costs_two_syncs(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store)
    store.path_of(SUM).unlink()
    steps = recorded(monkeypatch, tmp_path)
    put(store)
    assert steps == NEXT


def test_what_is_there_already_is_synced_again_before_it_is_believed(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store)
    steps = recorded(monkeypatch, tmp_path)
    put(store)
    assert steps == AGAIN
    restarted = FolderStore(tmp_path / "data")  # nobody knows whether the one before lived to sync
    steps.clear()
    put(restarted)
    assert steps == AFTER_RESTART


def test_the_folders_of_the_store_are_durable_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = recorded(monkeypatch, tmp_path)
    FolderStore(tmp_path / "made" / "data")
    assert [step for step in steps if step.startswith("sync")] == [
        "sync .",
        "sync made",
        "sync made/data",
        "sync made/data",
    ]


def test_the_mutant_that_syncs_nothing_syncs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = recorded(monkeypatch, tmp_path)
    store = FolderStore(tmp_path / "data", sync=False)
    put(store)
    put(store)
    assert not [step for step in steps if step.startswith("sync")]


PLACE_ONE = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from tolmach.adapters.objects import FolderStore
    store = FolderStore(Path(sys.argv[1]) / "data")
    with store.spool([Path(sys.argv[2]).read_bytes()]) as spooled:
        store.place(spooled)
    print("acknowledged", flush=True)
    """
)
CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += ")


def test_the_system_sees_the_same_order(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:  # the recording double above has seen the same
        return
    log, content = tmp_path / "log", tmp_path / "content"
    content.write_bytes(FILE)
    calls = "trace=write,fsync,fdatasync,rename,renameat,renameat2,link,linkat"
    program = [sys.executable, "-c", PLACE_ONE, str(tmp_path), str(content)]
    subprocess.run([strace, "-y", "-f", "-e", calls, "-o", log, *program], check=True, capture_output=True, timeout=60)
    steps = [step for line in log.read_text().splitlines() if (step := seen_by_system(line, tmp_path))]
    start = steps.index("write spool")
    unrepeated = [step for at, step in enumerate(steps[start:], start) if step != steps[at - 1]]
    assert unrepeated == [
        "write spool",
        "sync spool",
        "rename spool SUM.dcm",
        "sync bb",
        "sync aa",
        "sync objects",
        "acknowledged",
    ]


def seen_by_system(line: str, root: Path) -> str:
    found = CALL.match(line)
    if found is None:
        return ""
    call, given = found[1], found[2]
    if "acknowledged" in given:
        return "acknowledged"
    paths = [named(Path(path), root) for path in re.findall(rf'[<"]({re.escape(str(root))}[^>"]*)[>"]', given)]
    verb = {"fsync": "sync", "write": "write"}.get(call, "rename" if call.startswith("rename") else call)
    return " ".join([verb, *(path.rpartition("/")[2] for path in paths)]) if paths else ""


# When the system refuses ------------------------------------------------------------------------------------


def failing(monkeypatch: pytest.MonkeyPatch, name: str, error: int, at: Callable[[str], bool]) -> list[str]:
    """Let one call of the system fail for the paths that `at` tells; gives the paths it was called for."""
    original, called = getattr(os, name), list[str]()

    def call(target: int | Path | str, *more: object, **named: object) -> object:
        path = os.fspath(Path(f"/proc/self/fd/{target}").readlink() if isinstance(target, int) else target)
        called.append(path)
        if at(path):
            raise OSError(error, os.strerror(error))
        return original(target, *more, **named)

    monkeypatch.setattr(os, name, call)
    return called


@pytest.mark.parametrize(("error", "code"), [(errno.EIO, "TLM-OBJ-004"), (errno.ENOSPC, "TLM-OBJ-001")])
def test_a_sync_of_the_bytes_that_fails_is_not_tried_again_and_gives_no_name(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, error: int, code: str
) -> None:
    """M-04: EIO of fsync."""
    with monkeypatch.context() as patch:
        called = failing(patch, "fsync", error, lambda path: "incoming" in path)
        with pytest.raises(StoreTrouble, match=code):
            put(store)
        assert len([path for path in called if "incoming" in path]) == 1
    assert list(store.walk()) == []
    assert list(store.incoming.iterdir()) == []
    put(store)
    assert store.rehash(SUM) == SUM


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_sync_of_a_folder_that_fails_is_trouble_each_time_until_it_succeeds(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, depth: int
) -> None:
    folder = store.path_of(SUM).parents[depth - 1]
    with monkeypatch.context() as patch:
        failing(patch, "fsync", errno.EIO, lambda path: path == str(folder))
        for _ in range(2):
            with pytest.raises(StoreTrouble, match="TLM-OBJ-004"):
                put(store)
    before = folder.stat().st_mtime_ns
    with monkeypatch.context() as patch:
        called = failing(patch, "fsync", errno.EIO, lambda path: False)
        put(store)
        # Written anew before it is synced: a system that has forgotten the lost page would say yes to the old one.
        assert folder.stat().st_mtime_ns > before
        assert str(folder) in called
    assert [path.name for path in store.path_of(SUM).parent.iterdir()] == [f"{SUM}.dcm"]
    assert store.rehash(SUM) == SUM


@pytest.mark.parametrize(
    ("error", "code"),
    [(errno.EIO, "TLM-OBJ-003"), (errno.ENOSPC, "TLM-OBJ-001"), (errno.EROFS, "TLM-OBJ-002")],
)
def test_a_name_that_cannot_be_given_is_trouble(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, error: int, code: str
) -> None:
    with monkeypatch.context() as patch:
        failing(patch, "replace", error, lambda path: True)
        with pytest.raises(StoreTrouble, match=code):
            put(store)
    assert list(store.walk()) == []
    assert put(store).sha256 == SUM


def test_a_stored_file_that_cannot_be_synced_is_not_believed(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store)
    with monkeypatch.context() as patch:
        failing(patch, "fsync", errno.EIO, lambda path: path.endswith(".dcm"))
        with pytest.raises(StoreTrouble, match="TLM-OBJ-004"):
            put(store)
    assert store.rehash(SUM) == SUM


def test_a_folder_somebody_removed_comes_back(store: FolderStore, tmp_path: Path) -> None:
    put(store)
    shutil.rmtree(tmp_path / "data" / "objects" / SUM[:2])
    with pytest.raises(StoreTrouble):
        put(store)
    put(store)
    assert store.rehash(SUM) == SUM


def test_bytes_the_disk_cannot_read_any_more_are_replaced(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """M-04: EIO of read."""
    put(store)

    def unreadable(*_: object) -> object:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(folder_store.hashlib, "file_digest", unreadable)
        with pytest.raises(StoreTrouble, match="TLM-OBJ-003"):
            store.examine(SUM)
        before = store.path_of(SUM).stat().st_ino
        put(store)
    assert store.path_of(SUM).stat().st_ino != before
    assert store.rehash(SUM) == SUM


FILL = textwrap.dedent(
    """
    import os, resource, sys
    from pathlib import Path
    from tests.builders import body, part10
    from tolmach.adapters.objects import FolderStore
    from tolmach.intake.faults import StoreTrouble

    def take(store, number):
        with store.spool([part10(body((0x7FE00010, "OW", number.to_bytes(4, "big") * 60_000)))]) as spooled:
            return store.place(spooled).sha256

    folder, limit = Path(sys.argv[1]), sys.argv[2] == "limit"
    store, taken = FolderStore(folder / "data"), []
    if limit:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        for number in range(100):
            taken.append(take(store, number))
    except StoreTrouble as error:
        print(error.code)
    assert list(store.incoming.iterdir()) == []
    assert sorted(store.walk()) == sorted(taken)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    else:
        (folder / "ballast").unlink()
    taken.append(take(store, 1000))
    assert all(store.rehash(name) == name for name in taken)
    print(len(taken))
    """
)


def filled(folder: Path, how: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", FILL, str(folder), how],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[4],
    )
    assert not ran.returncode, ran.stderr
    return ran.stdout.split()


def test_a_limit_on_files_is_trouble_and_goes_by_itself(tmp_path: Path) -> None:
    """M-03: EFBIG."""
    assert filled(tmp_path, "limit") == ["TLM-OBJ-001", "1"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 3 MiB, a third of which can be freed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tolmach-test", str(disk)], check=True, timeout=60)
    try:
        (disk / "ballast").write_bytes(bytes(1 << 20))
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True, timeout=60)


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount a small disk; a limit on files stands in"
)
def test_a_full_disk_is_trouble_and_goes_by_itself(small_disk: Path) -> None:
    """M-03: a real disk of 3 MiB."""
    code, taken = filled(small_disk, "disk")
    assert code == "TLM-OBJ-001"
    assert int(taken) > 3


# Who may read what ------------------------------------------------------------------------------------------

ABSURD = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    from tolmach.adapters.objects import FolderStore
    os.umask(int(sys.argv[2], 8))
    store = FolderStore(Path(sys.argv[1]))
    path = store.incoming / "store-of-another-writer.part"
    with path.open("wb") as file:
        pass
    with store.spool([b"first"]) as spooled:
        store.place(spooled)
    with store.spool([b"second"]) as spooled:
        path = spooled.path
        os.chmod(path, 0o644)
        store.place(spooled)
    """
)


@pytest.mark.parametrize("umask", ["000", "022", "277"])
def test_nobody_else_may_read_whatever_the_umask(tmp_path: Path, umask: str) -> None:
    data = tmp_path / "data"
    subprocess.run([sys.executable, "-c", ABSURD, str(data), umask], check=True, timeout=60)
    folders = [data, *(path for path in data.rglob("*") if path.is_dir())]
    files = [path for path in (data / "objects").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600, 0o600]


def test_folders_on_two_file_systems_are_refused(tmp_path: Path) -> None:
    other = Path("/dev/shm") if tmp_path.stat().st_dev != Path("/dev/shm").stat().st_dev else Path.cwd()
    if other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.fail("no second file system to test with")
    data, elsewhere = tmp_path / "data", other / f"tolmach-test-{os.getpid()}"
    data.mkdir()
    elsewhere.mkdir()
    try:
        (data / "incoming").symlink_to(elsewhere)
        with pytest.raises(StoreUnusable, match="TLM-OBJ-006"):
            FolderStore(data)
    finally:
        elsewhere.rmdir()


def test_a_file_where_a_folder_should_be_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(StoreTrouble, match="TLM-OBJ"):
        FolderStore(tmp_path / "data")


# Spooling, walking, reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 131, 132, 133, 1000, 4096])
@pytest.mark.parametrize(
    "content", [FILE[:9000], BODY[:9000], FILE[:300], b"short"], ids=["file", "bare", "head", "no"]
)
def test_it_does_not_matter_how_a_stream_is_cut(store: FolderStore, content: bytes, step: int) -> None:
    def outcome(chunks: list[bytes]) -> tuple[str, int, str, bytes]:
        with store.spool(chunks) as spooled:
            return spooled.sha256, spooled.data_set_offset, spooled.sop_instance_uid, spooled.path.read_bytes()

    cut = [content[at : at + step] for at in range(0, len(content), step)]
    assert outcome(cut) == outcome([content])
    assert outcome(cut)[3] == content


def test_large_files_are_read_in_pieces_and_one_that_shrinks_is_trouble(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    content = part10(body((0x7FE00010, "OW", PIXELS * 40)))
    name = put(store, content).sha256
    with store.open(name) as source:
        assert bytes(source.read(11_000_000, 100)) == content[11_000_000:11_000_100]
        os.truncate(store.path_of(name), 1000)
        with pytest.raises(StoreTrouble, match="TLM-OBJ-003"):
            source.read(11_000_000, 100)


def plant(root: Path, count: int) -> set[str]:
    """Put files under names of the right form, quickly and not durably."""
    names = {hashlib.sha256(number.to_bytes(4, "big")).hexdigest() for number in range(count)}
    for name in names:
        folder = root / "objects" / name[:2] / name[2:4]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.dcm").touch()
    return names


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_objects_are_walked_in_order_and_in_little_memory(tmp_path: Path, count: int) -> None:
    store = FolderStore(tmp_path, sync=False)
    names = plant(tmp_path, count)
    for stray in (f"{'a' * 64}.dcm.part", f"{'a' * 63}.dcm", "aabb.txt", f"{'b' * 64}.dcm"):
        folder = tmp_path / "objects" / "aa" / "aa"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / stray).touch()
    (tmp_path / "objects" / "README").touch()
    (tmp_path / "objects" / "aa" / "zz").mkdir()
    assert list(store.walk()) == sorted(names)
    tracemalloc.start()
    try:
        for _ in store.walk():
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200_000


def test_a_walk_goes_on_beside_those_who_store(store: FolderStore) -> None:
    first = {put(store, part10(body((0x00100020, "LO", b"%04d" % number)))).sha256 for number in range(50)}
    done = threading.Event()

    def go_on() -> None:
        for number in range(50, 150):
            put(store, part10(body((0x00100020, "LO", b"%04d" % number))))
        done.set()

    thread = threading.Thread(target=go_on)
    thread.start()
    while not done.is_set():
        assert first <= set(store.walk())
    thread.join()
    assert len(list(store.walk())) == 150


def test_a_check_reads_the_disk_and_not_what_the_system_remembers(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store)
    advice: list[int] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _file, _from, _length, advised: advice.append(advised))
    store.rehash(SUM)
    assert advice == [os.POSIX_FADV_DONTNEED] * 2


def test_known_folders_take_no_memory_by_their_number(tmp_path: Path) -> None:
    known = shards.Shards(tmp_path, sync=False)
    for number in range(0, 1 << 16, 7):
        known.sync(f"{number:04x}{'0' * 60}")
    assert sys.getsizeof(known._inner) + sys.getsizeof(known._outer) < 70_000
