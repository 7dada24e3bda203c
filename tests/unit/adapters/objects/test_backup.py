"""Backup and restore: online, whole or not at all, checked before anything is touched, hostile files refused."""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import stat
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.builders import EXPLICIT_LE, body, meta, part10
from tolmach.adapters.objects import (
    FolderStore,
    Manifest,
    NotABackup,
    StoreUnusable,
    back_up,
    check_backup,
    replace_database,
    require_finished,
    restore,
)
from tolmach.adapters.objects import backup as backup_module
from tolmach.intake.faults import StoreTrouble
from tolmach.intake.interfaces import KnownObject, Spooled

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
VERSIONS = {"tolmach": "0.4", "schema": "0007"}


class Clinic:
    """A data folder with stored objects and a database that knows them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.database = folder, folder / "tolmach.db"
        self.store = FolderStore(folder, sync=False)
        with self.connected() as connection:
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=off")
            connection.execute("create table if not exists object (sha256 text primary key, size integer)")

    def connected(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.database, isolation_level=None, timeout=30))

    def take(self, number: int) -> str:
        with self.store.spool([content(number)]) as spooled:
            stored = self.store.place(spooled)
        with self.connected() as connection:
            connection.execute("insert or ignore into object values (?, ?)", (stored.sha256, stored.size))
        return stored.sha256

    def objects(self) -> Iterator[KnownObject]:
        with self.connected() as connection:
            for sha256, size in connection.execute("select sha256, size from object order by sha256").fetchall():
                yield KnownObject(sha256, size)

    def online_backup(self, path: Path) -> None:
        with self.connected() as connection, closing(sqlite3.connect(path)) as copy:
            connection.backup(copy)

    def back_up(self, target: Path, **more: object) -> Manifest:
        return back_up(
            target,
            self.store,
            self.online_backup,
            self.objects,
            versions=VERSIONS,
            now=NOW,
            **more,  # type: ignore[arg-type]
        )

    def restore(self, archive: Path, **more: object) -> object:
        def install(path: Path) -> None:
            replace_database(path, self.database, NOW)

        return restore(archive, self.store, install, **more)  # type: ignore[arg-type]


def content(number: int) -> bytes:
    return part10(body((0x00200013, "IS", b"%-6d" % number), (0x7FE00010, "OW", bytes([number % 256]) * 3000)))


def names_in(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return tar.getnames()


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    clinic = Clinic(tmp_path / "data")
    for number in range(20):
        clinic.take(number)
    return clinic


@pytest.fixture
def bare(tmp_path: Path) -> Clinic:
    """Give a data folder without an object."""
    return Clinic(tmp_path / "data")


@pytest.fixture
def archive(clinic: Clinic, tmp_path: Path) -> Path:
    clinic.back_up(tmp_path / "clinic.tar")
    return tmp_path / "clinic.tar"


# Backing up -------------------------------------------------------------------------------------------------


def test_a_backup_holds_everything_and_says_so(clinic: Clinic, archive: Path) -> None:
    manifest = check_backup(archive)
    assert (manifest.objects, manifest.left_out, manifest.has_database) == (20, 0, True)
    assert (manifest.versions, manifest.created) == (VERSIONS, "2026-03-04T05:06:07+00:00")
    assert manifest.object_bytes == sum(known.size for known in clinic.objects())
    names = names_in(archive)
    assert names[0] == "database"
    assert names[-2:] == ["SHA256SUMS", "manifest.json"]
    assert names[1:-2] == [
        clinic.store.path_of(name).relative_to(clinic.folder).as_posix() for name in clinic.store.walk()
    ]


def test_other_programs_can_read_and_check_it(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "-xf", str(archive), "-C", str(out)], check=True, timeout=60)
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], check=True, cwd=out, timeout=60)
    with closing(sqlite3.connect(out / "database")) as copy:
        assert copy.execute("pragma integrity_check").fetchall() == [("ok",)]


def test_nobody_else_may_read_it_and_nothing_lies_beside_it(archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert sorted(path.name for path in archive.parent.iterdir()) == ["clinic.tar", "data"]


def test_a_backup_that_is_there_is_not_replaced(clinic: Clinic, archive: Path) -> None:
    before = archive.read_bytes()
    with pytest.raises(StoreUnusable, match="TLM-OBJ-020"):
        clinic.back_up(archive)
    assert archive.read_bytes() == before


def test_records_alone_can_be_backed_up(clinic: Clinic, tmp_path: Path) -> None:
    manifest = clinic.back_up(tmp_path / "records.tar", database_only=True)
    assert (manifest.objects, manifest.has_database) == (0, True)
    assert names_in(tmp_path / "records.tar") == ["database", "SHA256SUMS", "manifest.json"]
    assert check_backup(tmp_path / "records.tar") == manifest


def test_missing_and_rotten_files_are_left_out_and_counted(clinic: Clinic, tmp_path: Path) -> None:
    """M-04, M-06."""
    missing, rotten, unreadable, *_ = clinic.store.walk()
    clinic.store.path_of(missing).unlink()
    clinic.store.path_of(rotten).write_bytes(content(99))
    clinic.store.path_of(unreadable).unlink()
    clinic.store.path_of(unreadable).mkdir()
    manifest = clinic.back_up(tmp_path / "clinic.tar")
    assert (manifest.objects, manifest.left_out) == (17, 3)
    assert manifest.left_out_names == [missing, rotten, unreadable]
    assert check_backup(tmp_path / "clinic.tar") == manifest


def test_what_fails_leaves_nothing(clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_path: Path) -> None:
        raise StoreTrouble(backup_module.SYSTEM_ERROR, path="", why="no")

    with pytest.raises(StoreTrouble):
        back_up(tmp_path / "a.tar", clinic.store, failing, clinic.objects, versions={}, now=NOW)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreTrouble, match="TLM-OBJ-001"):
        clinic.back_up(tmp_path / "a.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_it_is_durable_before_it_has_its_name(clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def watch_fsync(descriptor: int) -> None:
        steps.append("sync " + Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def watch_replace(path: Path, target: Path) -> Path:
        steps.append(f"rename {target.name}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", watch_fsync)
    monkeypatch.setattr(Path, "replace", watch_replace)
    clinic.back_up(tmp_path / "a.tar")
    assert steps == ["sync part", "rename a.tar", f"sync {tmp_path.name}"]


def test_receiving_goes_on_and_the_backup_is_whole_all_the_same(clinic: Clinic, tmp_path: Path) -> None:
    """M-06: a backup beside a running program."""
    stop, more = threading.Event(), threading.Semaphore(0)

    def go_on() -> None:
        number = 100
        while not stop.is_set():
            clinic.take(number)
            number += 1
            more.release()

    def copied_while_others_arrive(path: Path) -> None:
        for moment in (lambda: None, lambda: clinic.online_backup(path), lambda: None):
            for _ in range(3):
                assert more.acquire(timeout=30)
            moment()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        backups = [
            back_up(
                tmp_path / f"{number}.tar",
                clinic.store,
                copied_while_others_arrive,
                clinic.objects,
                versions=VERSIONS,
                now=NOW,
            )
            for number in range(3)
        ]
    finally:
        stop.set()
        thread.join()
    assert backups[-1].objects > backups[0].objects > 20
    assert [manifest.left_out for manifest in backups] == [0] * 3
    for number in range(3):
        restored = Clinic(tmp_path / f"restored {number}")
        restored.restore(tmp_path / f"{number}.tar")
        known = list(restored.objects())
        assert len(known) > 20
        # Nothing that the restored records know is missing.
        assert all(restored.store.rehash(one.sha256) == one.sha256 for one in known)


# Restoring --------------------------------------------------------------------------------------------------


def test_an_empty_folder_becomes_what_was_backed_up(clinic: Clinic, archive: Path, tmp_path: Path) -> None:
    other = Clinic(tmp_path / "other")
    other.database.unlink()
    restored = other.restore(archive)
    assert (restored.placed, restored.already_there, restored.unsound) == (20, 0, 0)  # type: ignore[attr-defined]
    assert list(other.objects()) == list(clinic.objects())
    assert list(other.store.walk()) == list(clinic.store.walk())
    for name in other.store.walk():
        assert other.store.path_of(name).read_bytes() == clinic.store.path_of(name).read_bytes()
    assert list(other.store.incoming.iterdir()) == []
    require_finished(other.database)


def test_nothing_that_is_there_is_deleted_and_the_old_records_are_kept(clinic: Clinic, archive: Path) -> None:
    """M-06: an older backup restored over newer objects."""
    newer = clinic.take(500)
    rotten, missing, *_ = (name for name in clinic.store.walk() if name != newer)
    clinic.store.path_of(rotten).write_bytes(b"rotten")
    clinic.store.path_of(missing).unlink()
    restored = clinic.restore(archive)
    assert (restored.placed, restored.already_there) == (2, 18)  # type: ignore[attr-defined]
    assert clinic.store.rehash(newer) == newer
    assert newer not in [known.sha256 for known in clinic.objects()]
    kept = clinic.folder / "tolmach.db.before-20260304T050607Z"
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("select count(*) from object").fetchone() == (21,)
    again = clinic.restore(archive)
    assert again.already_there == 20  # type: ignore[attr-defined]
    assert (clinic.folder / "tolmach.db.before-20260304T050607Z-2").exists()


def test_versions_may_be_refused_before_anything_is_touched(clinic: Clinic, archive: Path) -> None:
    before = tree(clinic.folder)

    def refuse(manifest: Manifest) -> None:
        raise KeyError(manifest.versions["schema"])

    with pytest.raises(KeyError, match="0007"):
        clinic.restore(archive, accept=refuse)
    assert tree(clinic.folder) == before


def test_a_log_of_the_old_database_is_not_mixed_into_the_new_one(tmp_path: Path) -> None:
    new, database = tmp_path / "new", tmp_path / "tolmach.db"
    new.write_bytes(b"new")
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"tolmach.db{suffix}").write_bytes(b"old" + suffix.encode())
    kept = replace_database(new, database, NOW)
    assert tree(tmp_path) == {
        "tolmach.db": b"new",
        "tolmach.db.before-20260304T050607Z": b"old",
        "tolmach.db.before-20260304T050607Z-wal": b"old-wal",
        "tolmach.db.before-20260304T050607Z-shm": b"old-shm",
    }
    assert kept == tmp_path / "tolmach.db.before-20260304T050607Z"


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("at", range(8))
def test_a_restore_that_is_cut_off_is_noticed_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """M-06."""
    database, steps = tmp_path / "tolmach.db", 0
    for suffix in ("", "-wal"):
        (tmp_path / f"tolmach.db{suffix}").write_bytes(b"old" + suffix.encode())

    def counted(original: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object) -> object:
            nonlocal steps
            steps += 1
            if steps > at:
                raise Killed
            return original(*given)

        return call

    (tmp_path / "new").write_bytes(b"new")
    with monkeypatch.context() as patch:
        for name in ("touch", "rename", "replace", "unlink"):
            patch.setattr(Path, name, counted(getattr(Path, name)))
        with suppress(Killed):
            replace_database(tmp_path / "new", database, NOW)
    if tree(tmp_path).get("tolmach.db") != b"old" and at < 6:
        with pytest.raises(StoreUnusable, match="TLM-OBJ-022"):
            require_finished(database)
    (tmp_path / "new").write_bytes(b"new")
    replace_database(tmp_path / "new", database, NOW)
    require_finished(database)
    after = tree(tmp_path)
    assert after.pop("tolmach.db") == b"new"
    assert sorted(content for content in after.values() if content != b"new") == [b"old", b"old-wal"]


def test_an_object_from_the_network_with_a_second_head_comes_back(clinic: Clinic, tmp_path: Path) -> None:
    head, data_set = part10(b""), meta(EXPLICIT_LE) + body()
    sha256 = hashlib.sha256(data_set).hexdigest()
    path = clinic.store.incoming / "from the network"
    with path.open("w+b", buffering=0) as file:
        file.write(head + data_set)
        clinic.store.place(Spooled(path, file, len(head + data_set), len(head), sha256, "", "", ""))
    with clinic.connected() as connection:
        connection.execute("insert into object values (?, ?)", (sha256, len(head + data_set)))
    assert clinic.back_up(tmp_path / "a.tar").objects == 21
    other = Clinic(tmp_path / "other")
    assert other.restore(tmp_path / "a.tar").placed == 21  # type: ignore[attr-defined]
    assert other.store.rehash(sha256) == sha256


# What is no backup ------------------------------------------------------------------------------------------


def refused(clinic: Clinic, archive: Path) -> str:
    """Give why an archive is refused, and see to it that nothing was touched for it."""
    before = tree(clinic.folder.parent)
    with pytest.raises(NotABackup, match="TLM-OBJ-021") as found:
        clinic.restore(archive)
    assert tree(clinic.folder.parent) == before
    return str(found.value.problem.facts["why"])


def test_one_changed_byte_anywhere_is_noticed(clinic: Clinic, archive: Path) -> None:
    whole = archive.read_bytes()
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    places = [members[0].offset_data + 100, members[3].offset_data + 700, members[5].offset + 60]
    places += [members[-2].offset_data + 3, members[-1].offset_data + 30, members[4].offset + 124]
    for place in places:
        spoiled = bytearray(whole)
        spoiled[place] ^= 1
        archive.write_bytes(spoiled)
        refused(clinic, archive)


def test_one_cut_short_anywhere_is_noticed(clinic: Clinic, archive: Path) -> None:
    whole = archive.read_bytes()
    for length in (0, 1, 511, 512, 5000, len(whole) // 2, len(whole) - 1025):
        archive.write_bytes(whole[:length])
        refused(clinic, archive)


@pytest.mark.parametrize("other", [b"PK\x03\x04", bytes(4096), b"SQLite format 3\0" + bytes(4096), part10(body())])
def test_other_files_are_no_backups(bare: Clinic, tmp_path: Path, other: bytes) -> None:
    (tmp_path / "other").write_bytes(other)
    refused(bare, tmp_path / "other")


@dataclass
class Forged:
    """An archive made to look like a backup, with sums and manifest that fit."""

    members: list[tuple[tarfile.TarInfo, bytes]]

    def write(self, path: Path, *, form: int = tarfile.GNU_FORMAT, **changed: object) -> Path:
        lines = [f"{hashlib.sha256(raw).hexdigest()}  {member.name}\n" for member, raw in self.members]
        sums = "".join(lines).encode()
        count = sum(member.name != "database" for member, _raw in self.members)
        manifest = Manifest(NOW.isoformat(), VERSIONS, True, count, 0, 0, [], hashlib.sha256(sums).hexdigest())
        for name, value in changed.items():
            setattr(manifest, name, value)
        more = [plain("SHA256SUMS", sums), plain("manifest.json", manifest.encode())]
        with tarfile.open(path, "w", format=form) as tar:
            for member, raw in [*self.members, *more]:
                tar.addfile(member, io.BytesIO(raw))
        return path


def plain(name: str, raw: bytes, **more: object) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(raw)
    for key, value in more.items():
        setattr(member, key, value)
    return member, raw


GOOD = part10(body())
GOOD_SUM = hashlib.sha256(body()).hexdigest()
GOOD_NAME = f"objects/{GOOD_SUM[:2]}/{GOOD_SUM[2:4]}/{GOOD_SUM}.dcm"
BASE = [plain("database", b"database"), plain(GOOD_NAME, GOOD)]


def test_a_forged_one_that_fits_is_taken(bare: Clinic, tmp_path: Path) -> None:
    assert bare.restore(Forged(BASE).write(tmp_path / "a.tar")).placed == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "hostile",
    [
        plain("../evil", b"x"),
        plain("objects/../../evil.dcm", b"x"),
        plain("/tmp/evil", b"x"),
        plain("objects\\..\\evil", b"x"),
        plain("C:evil", b"x"),
        plain("tolmach.toml", b"x"),
        plain(GOOD_NAME.replace("/", "//"), GOOD),
        plain(f"objects/00/00/{GOOD_SUM}.dcm", GOOD),
        plain(GOOD_NAME.upper(), GOOD),
        plain(GOOD_NAME, GOOD),
        plain("database", b"another"),
        plain("SHA256SUMS", b""),
        plain("z" * 300, b"x"),
        plain("база", b"x"),
        plain(f"{GOOD_NAME}\n", GOOD),
        plain(GOOD_NAME, b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        plain(GOOD_NAME, b"", type=tarfile.LNKTYPE, linkname="database"),
        plain(GOOD_NAME, b"", type=tarfile.DIRTYPE),
        plain(GOOD_NAME, b"", type=tarfile.FIFOTYPE),
        plain(GOOD_NAME, b"", type=tarfile.CHRTYPE, devmajor=1, devminor=5),
        plain(GOOD_NAME, GOOD, type=tarfile.CONTTYPE),
        plain("objects", b"x", pax_headers={"path": GOOD_NAME, "comment": "x" * 100}),
    ],
    ids=lambda hostile: f"{hostile[0].name[:24]} {hostile[0].type.decode()}",
)
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_hostile_members_are_refused(
    bare: Clinic, tmp_path: Path, hostile: tuple[tarfile.TarInfo, bytes], form: int
) -> None:
    refused(bare, Forged([*BASE, hostile]).write(tmp_path / "a.tar", form=form))


@pytest.mark.parametrize(
    "changed",
    [
        {"objects": 7},
        {"objects": "1"},
        {"sums_sha256": "0" * 64},
        {"format": 2},
        {"versions": ["0.4"]},
        {"left_out_names": "x"},
        {"format": True},
    ],
    ids=str,
)
def test_a_manifest_that_lies_is_refused(bare: Clinic, tmp_path: Path, changed: dict[str, object]) -> None:
    refused(bare, Forged(BASE).write(tmp_path / "a.tar", **changed))


@pytest.mark.parametrize(
    "manifest", [b"", b"{}", b"[" * 200_000, b"\xff", b'{"objects": 1e999}', b"[" + b"1," * (1 << 20)]
)
def test_a_manifest_that_is_none_is_refused(bare: Clinic, tmp_path: Path, manifest: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for member, raw in (*BASE, plain("manifest.json", manifest)):
            tar.addfile(member, io.BytesIO(raw))
    refused(bare, tmp_path / "a.tar")


def test_a_length_that_lies_holds_no_memory(bare: Clinic, tmp_path: Path) -> None:
    member = tarfile.TarInfo("manifest.json")
    member.size = 1 << 60
    (tmp_path / "a.tar").write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    refused(bare, tmp_path / "a.tar")


def test_bytes_under_another_objects_name_are_not_stored(bare: Clinic, tmp_path: Path) -> None:
    wrong = "0" * 64
    forged = Forged([BASE[0], plain(f"objects/00/00/{wrong}.dcm", GOOD)]).write(tmp_path / "a.tar")
    restored = bare.restore(forged)
    assert (restored.unsound, restored.placed) == (1, 0)  # type: ignore[attr-defined]
    assert bare.store.size_of(wrong) is None
    assert GOOD_SUM not in bare.store.walk()


def test_one_that_is_not_there_is_an_error_of_ours(bare: Clinic, tmp_path: Path) -> None:
    with pytest.raises(StoreTrouble):
        check_backup(tmp_path / "none.tar")
