"""A station whose objects are in a bucket: receiving, delivering, and the commands on what it holds."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.calling import call, numbered
from tests.s3_proxy import Proxy, refuse, s3_proxy
from tests.s3_server import KEYS, S3Server, s3_server
from tolmach.adapters.objects.s3_store import S3Store
from tolmach.apps.holding import store_by
from tolmach.apps.sections import Settings
from tolmach.apps.settings import load_settings
from tolmach.apps.wiring import station
from tolmach.intake.faults import StoreTrouble
from tolmach.intake.interfaces import Provenance
from tolmach.journeys.arrival import MOST_TRIES

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": KEYS.access_key_id, "AWS_SECRET_ACCESS_KEY": KEYS.secret_access_key}
CT = Provenance("dimse", "", "CT", "127.0.0.1")
SECONDS = 30.0


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def proxy(server: S3Server) -> Iterator[Proxy]:
    with s3_proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def settings(server: S3Server, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Give the settings of a configured folder, with the keys in the environment."""
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "out").mkdir()
    file = tmp_path / "tolmach.toml"
    file.write_text(
        f"""
data_dir = "data"
language = "en"
objects = "s3://{server.bucket}/{tmp_path.name}?endpoint=http://127.0.0.1:{proxy.port}"
dicom.port = 0
http.enabled = false
storage.reserve = "0"
delivery.backoff_first_seconds = 0.1
[[peer]]
name = "out"
kind = "folder"
folder = "out"
[[route]]
to = ["out"]
""",
        "utf-8",
    )
    return load_settings(file, ENVIRONMENT)


def await_that(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def delivered(folder: Path) -> int:
    return len(list((folder / "out").rglob("*.dcm")))


def test_m08_what_arrives_goes_into_the_bucket_and_from_there_to_its_destination(
    settings: Settings, proxy: Proxy, tmp_path: Path
) -> None:
    with station(settings, None) as here:
        for number in range(3):
            here.intake.accept_stream([numbered(number)], CT)
        here.walker.bell.ring()
        await_that(lambda: delivered(tmp_path) == 3)
        proxy.at, proxy.always = lambda asked: asked.method == "PUT", refuse(403, "AccessDenied")
        with pytest.raises(StoreTrouble, match="TLM-OBJ-034"):
            here.intake.accept_stream([numbered(4)], CT)
        proxy.at, proxy.always = lambda asked: asked.method == "GET", None
        here.intake.accept_stream([numbered(4)], CT)
        proxy.always = refuse(403, "AccessDenied")  # nothing can be read now: it waits, and nothing is given up
        here.walker.bell.ring()
        asked = len(proxy.asked)
        await_that(lambda: len(proxy.asked) > asked + 2 * MOST_TRIES)
        proxy.always = None
        await_that(lambda: delivered(tmp_path) == 4)
    assert not (tmp_path / "data" / "objects").exists()
    assert call("audit", "--json").objects[0]["holds"] is True
    assert len(list(store_by(settings, ENVIRONMENT).walk())) == 4


@pytest.fixture
def held(settings: Settings) -> S3Store:
    """Give a store in a bucket with three objects that the records know."""
    with station(settings, None) as here:
        for number in range(3):
            here.intake.accept_stream([numbered(number)], CT)
    store = store_by(settings, ENVIRONMENT)
    assert isinstance(store, S3Store)
    return store


def spoil(server: S3Server, folder: Path, sha256: str, content: bytes | None) -> None:
    key = f"{folder.name}/objects/{sha256[:2]}/{sha256[2:4]}/{sha256}.dcm"
    if content is None:
        server.delete(key)
    else:
        server.write(key, content)


def test_verify_names_what_is_damaged_or_gone(held: S3Store, server: S3Server, tmp_path: Path) -> None:
    assert call("verify", "--json").objects[0]["checked"] == 3
    first, second, _third = held.walk()
    spoil(server, tmp_path, first, b"rotten")
    spoil(server, tmp_path, second, None)
    called = call("verify", "--json")
    assert called.status == 1
    assert called.objects[0] | {"bytes": 0} == {"checked": 3, "bytes": 0, "missing": 1, "damaged": 1, "unreadable": 0}


def test_m05_records_are_made_anew_from_the_bucket(held: S3Store, tmp_path: Path) -> None:
    for file in (tmp_path / "data").glob("tolmach.sqlite*"):
        file.unlink()
    assert "3 objects" in call("rebuild").out
    assert call("audit", "--json").objects[0]["taken"] == 3


def test_m05_a_station_does_not_begin_with_a_full_bucket_and_no_records(
    held: S3Store, settings: Settings, tmp_path: Path
) -> None:
    from tolmach.apps.faults import RecordsGone

    for file in (tmp_path / "data").glob("tolmach.sqlite*"):
        file.unlink()
    with pytest.raises(RecordsGone), station(settings, None):
        pass


def test_m06_a_backup_of_a_bucket_comes_back(held: S3Store, server: S3Server, tmp_path: Path) -> None:
    names = list(held.walk())
    assert "3 objects" in call("backup", "b.tar").out
    for name in names:
        spoil(server, tmp_path, name, None)
    (tmp_path / "data" / "tolmach.sqlite").unlink()
    restored = call("restore", "b.tar")
    assert restored.status == 0, restored.err
    assert list(held.walk()) == names
    assert call("verify").status == 0


def test_m06_what_is_missing_or_rotten_is_left_out_of_a_backup_and_what_is_out_of_reach_never(
    held: S3Store, server: S3Server, proxy: Proxy, tmp_path: Path
) -> None:
    first, second, _third = held.walk()
    spoil(server, tmp_path, first, b"rotten")
    spoil(server, tmp_path, second, None)
    called = call("backup", "part.tar")
    assert (called.status, called.codes) == (1, ["TLM-CLI-022"]), called.err
    proxy.at = lambda asked: asked.method == "GET" and ".dcm" in asked.path
    proxy.always = refuse(403, "AccessDenied")
    called = call("backup", "none.tar")
    assert (called.status, called.codes) == (1, ["TLM-OBJ-034"])
    assert not list(tmp_path.glob("*none.tar*"))
    assert call("backup", "records.tar", "--database-only").status == 0


def test_a_restore_that_cannot_reach_the_bucket_leaves_the_records(held: S3Store, proxy: Proxy, tmp_path: Path) -> None:
    call("backup", "b.tar")
    with closing(sqlite3.connect(tmp_path / "data" / "tolmach.sqlite")) as connection:
        before = connection.execute("select count(*) from sqlite_master").fetchone()
    proxy.always = refuse(403, "AccessDenied")
    called = call("restore", "b.tar")
    assert (called.status, called.codes) == (2, ["TLM-OBJ-034"])
    assert not list((tmp_path / "data").glob("*.before-*"))
    with closing(sqlite3.connect(tmp_path / "data" / "tolmach.sqlite")) as connection:
        assert connection.execute("select count(*) from sqlite_master").fetchone() == before


def test_keys_that_are_not_set_are_asked_for(held: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    called = call("verify")
    assert (called.status, called.codes) == (2, ["TLM-OBJ-032"])


@pytest.mark.parametrize(("text", "why"), [("s3", "does not begin"), ("s3://k:secret@clinic", "keys do not belong")])
def test_a_setting_that_is_no_place_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "tolmach.toml").write_text(f'objects = "{text}"\n', "utf-8")
    called = call("--config", str(tmp_path / "tolmach.toml"), "config", "check")
    assert (called.status, called.codes) == (2, ["TLM-CFG-001"])
    assert why in called.err
    assert "secret" not in called.err
