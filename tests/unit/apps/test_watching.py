"""How watches are made of settings, whose folder it is, and which outputs are made."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import tolmach.apps.watching as apps_watching
from tests.calling import numbered
from tolmach.adapters.folder.faults import WatchRefused
from tolmach.adapters.objects.folder_store import FolderStore
from tolmach.adapters.sql import Records, open_records
from tolmach.apps.destinations import utc_now
from tolmach.apps.modes import Modes
from tolmach.apps.sections import Settings, WatchSettings
from tolmach.apps.watching import OwnFolder, Watching, make_outputs, manner_of
from tolmach.intake.faults import WatchTrouble
from tolmach.intake.receive import Intake
from tolmach.intake.room import Reserve

SECONDS = 30.0


def settings(folder: Path, *watches: dict[str, object]) -> Settings:
    return Settings.model_validate({"data_dir": folder / "data", "watch": watches})


def test_settings_go_over_the_preset() -> None:
    as_it_is = manner_of(WatchSettings(name="w", folder=Path("in"), preset="slow-share"))
    assert as_it_is.polling
    mixed = manner_of(
        WatchSettings(
            name="w",
            folder=Path("in"),
            preset="integris",
            ignore=("*preview*", ".bak"),
            extensions=("dcm", ".DIC", ""),
            settle_seconds=3.0,
            ignore_larger=10,
            polling=True,
        )
    )
    preset = manner_of(WatchSettings(name="w", folder=Path("in"), preset="integris"))
    assert mixed.ignore == (*preset.ignore, "*preview*", "*.bak")
    assert mixed.extensions == (".dcm", ".DIC", "")
    assert (mixed.settle_seconds, mixed.ignore_larger, mixed.polling) == (3.0, 10, True)
    assert (mixed.patience_seconds, mixed.scan_seconds) == (preset.patience_seconds, preset.scan_seconds)
    with pytest.raises(WatchRefused, match="integris"):
        manner_of(WatchSettings(name="w", folder=Path("in"), preset="integres"))


# Whose folder ---------------------------------------------------------------------------------------------------------


def test_one_agent_has_a_folder_until_it_gives_it_back(tmp_path: Path) -> None:
    one, other = OwnFolder(tmp_path), OwnFolder(tmp_path)
    one.keep()
    one.keep()
    assert one.is_kept
    with pytest.raises(WatchRefused):
        other.keep()
    one.release()
    other.keep()
    assert not one.is_kept
    other.release()


def test_another_folder_in_its_place_is_not_ours(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    own, other = OwnFolder(folder), OwnFolder(tmp_path / "away")
    with pytest.raises(WatchTrouble):
        own.keep()
    folder.mkdir()
    own.keep()
    folder.rename(tmp_path / "away")
    assert not own.is_kept
    with pytest.raises(WatchRefused):
        other.keep()  # still ours, wherever it is
    folder.mkdir()
    assert not own.is_kept
    own.keep()
    assert own.is_kept
    other.keep()
    own.release()
    other.release()


# Outputs --------------------------------------------------------------------------------------------------------------


def test_outputs_are_made_beside_something_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "drive").mkdir()
    watch = {"name": "w", "folder": "in", "after": "move"}
    make_outputs(
        settings(tmp_path, {**watch, "export_folder": tmp_path / "drive" / "out", "move_to": tmp_path / "x/y"})
    )
    assert not (tmp_path / "drive" / "out").exists()  # an empty folder may be the place of a drive that is away
    assert not (tmp_path / "x").exists()
    (tmp_path / "drive" / "here").touch()
    for _ in range(2):
        make_outputs(
            settings(tmp_path, {**watch, "export_folder": tmp_path / "drive" / "out", "move_to": tmp_path / "done"})
        )
    assert (tmp_path / "drive" / "out").is_dir()
    assert (tmp_path / "done").is_dir()
    make_outputs(settings(tmp_path, {"name": "w", "folder": "in", "move_to": tmp_path / "unused"}))
    assert not (tmp_path / "unused").exists()


def test_what_is_moved_into_a_new_folder_survives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[int, bool]] = []

    def note(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, (tmp_path / "done").is_dir()))

    monkeypatch.setattr(os, "fsync", note)
    (tmp_path / "here").touch()
    make_outputs(settings(tmp_path, {"name": "w", "folder": "in", "after": "move", "move_to": tmp_path / "done"}))
    assert synced == [(tmp_path.stat().st_ino, True)]


# Watching -------------------------------------------------------------------------------------------------------------


class Arrivals:
    """Counts what was taken."""

    def __init__(self, records: Records) -> None:
        self.records, self.rung = records, threading.Event()

    def await_count(self, count: int) -> None:
        while len(list(self.records.desk.history())) < count:
            assert self.rung.wait(SECONDS)
            self.rung.clear()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with open_records(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def arrivals(records: Records) -> Arrivals:
    return Arrivals(records)


@pytest.fixture
def modes(records: Records) -> Modes:
    return Modes(records.watched.said)


@pytest.fixture
def watching(tmp_path: Path, records: Records, arrivals: Arrivals, modes: Modes) -> Iterator[Watching]:
    store = FolderStore(tmp_path / "data")
    intake = Intake(store, records.receipts, Reserve(bytes=0), utc_now, lambda: 0.0)
    made = Watching(records, store, intake, modes, arrivals.rung.set)
    yield made
    made.stop()


def test_watches_come_and_go_with_the_configuration(tmp_path: Path, watching: Watching, arrivals: Arrivals) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one = {"name": "one", "folder": tmp_path / "a", "scan_seconds": 0.1, "settle_seconds": 0.1}
    two = {**one, "name": "two", "folder": tmp_path / "b"}
    watching.change(watching.prepare(settings(tmp_path, one)))
    (tmp_path / "a" / "1.dcm").write_bytes(numbered(1))
    arrivals.await_count(1)
    watching.change(watching.prepare(settings(tmp_path, {**one, "name": "renamed"}, two)))
    (tmp_path / "b" / "2.dcm").write_bytes(numbered(2))
    arrivals.await_count(2)
    (tmp_path / "a" / "3.dcm").write_bytes(numbered(3))
    arrivals.await_count(3)
    watching.change(watching.prepare(settings(tmp_path, two)))
    OwnFolder(tmp_path / "a").keep()  # given back
    with pytest.raises(WatchRefused):
        OwnFolder(tmp_path / "b").keep()


def test_a_link_that_leads_elsewhere_is_followed_there_paused_or_read_anew(
    tmp_path: Path,
    watching: Watching,
    modes: Modes,
    records: Records,
    arrivals: Arrivals,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apps_watching, "OWNERSHIP_SECONDS", 0.1)
    monkeypatch.setattr(apps_watching, "RETRY_SECONDS", 0.1)
    link = tmp_path / "today"
    asked = settings(tmp_path, {"name": "one", "folder": link, "scan_seconds": 0.1, "settle_seconds": 0.1})

    def lead_to(day: str, number: int) -> None:
        (tmp_path / day).mkdir()
        (tmp_path / day / "1.dcm").write_bytes(numbered(number))
        (tmp_path / "new").symlink_to(tmp_path / day)
        (tmp_path / "new").rename(link)

    lead_to("monday", 1)
    modes.configure(asked.watch)
    watching.change(watching.prepare(asked))
    arrivals.await_count(1)
    lead_to("tuesday", 2)
    arrivals.await_count(2)
    records.watched.set_mode("one", "paused", "test")
    modes.refresh()
    watching.obey()
    lead_to("wednesday", 3)
    records.watched.resume("one", "test")
    modes.refresh()
    watching.obey()
    arrivals.await_count(3)
    lead_to("thursday", 4)
    watching.change(watching.prepare(asked))
    arrivals.await_count(4)
    OwnFolder(tmp_path / "tuesday").keep()  # given back


def test_what_is_prepared_and_given_up_leaves_nothing_locked(tmp_path: Path, watching: Watching) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    watching.change(watching.prepare(settings(tmp_path, {"name": "a", "folder": tmp_path / "a"})))
    other = OwnFolder(tmp_path / "c")
    other.keep()
    three = [{"name": name, "folder": tmp_path / name} for name in ("a", "b", "c")]
    with pytest.raises(WatchRefused):
        watching.prepare(settings(tmp_path, *three))
    other.release()
    watching.prepare(settings(tmp_path, *three)).discard()
    for name in ("b", "c"):
        folder = OwnFolder(tmp_path / name)
        folder.keep()
        folder.release()
    with pytest.raises(WatchRefused):
        OwnFolder(tmp_path / "a").keep()
