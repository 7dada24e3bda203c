"""A station that runs, and follows another configuration though its records are in trouble just then."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.calling import numbered
from tests.postgres_server import the_server
from tolmach.adapters.sql import Records
from tolmach.adapters.sql.commitments import Commitments
from tolmach.adapters.sql.outbox import SqlOutbox
from tolmach.apps.sections import Settings
from tolmach.apps.wiring import Station, station
from tolmach.intake.faults import NO_ROOM, RecordsTrouble
from tolmach.intake.interfaces import Provenance
from tolmach.intake.recovery import Recovery, Tally

SECONDS = 30.0


def settings(folder: Path, *outputs: str) -> Settings:
    """Give settings by which everything a caller brings is put into these folders."""
    for name in outputs:
        (folder / name).mkdir(exist_ok=True)
    return Settings.model_validate(
        {
            "data_dir": folder / "data",
            "dicom": {"port": 0},
            "http": {"enabled": False},
            "storage": {"reserve": "0"},
            "peer": [{"name": name, "kind": "folder", "folder": folder / name} for name in outputs],
            "route": [{"from": ["*"], "to": outputs}],
            "delivery": {"backoff_first_seconds": 0.1},
            "watch": [{"name": "room-1", "folder": folder / "in", "to": outputs[:1]}],
        }
    )


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Station]:
    with station(settings(tmp_path, "a"), None) as running:
        yield running


def raise_trouble(*_: object) -> None:
    raise RecordsTrouble(NO_ROOM, free="0", reserve="1")


def await_file(folder: Path) -> None:
    for _ in range(int(SECONDS * 20)):
        if any(path.is_file() for path in folder.rglob("*.dcm")):
            return
        threading.Event().wait(0.05)
    raise AssertionError(f"nothing came into {folder}")


def test_what_the_records_do_not_take_while_the_configuration_changes_is_done_later(
    tmp_path: Path, here: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, settled = SqlOutbox.settle_unproved, threading.Event()
    with monkeypatch.context() as patched:
        patched.setattr(SqlOutbox, "settle_unproved", raise_trouble)
        here.change(settings(tmp_path, "b"))
        assert [peer.name for peer in here.settings.peer] == ["b"]
        here.intake.accept_stream([numbered(1)], Provenance("dimse", "", "CT", "127.0.0.1"))
        here.walker.bell.ring()
        await_file(tmp_path / "b")

    def note(outbox: SqlOutbox, destination: str) -> int:
        settled.set()
        return settle(outbox, destination)

    monkeypatch.setattr(SqlOutbox, "settle_unproved", note)
    here.deliveries.settle()
    assert settled.is_set()


def test_records_in_trouble_refuse_another_configuration_before_anything_is_changed(
    tmp_path: Path, here: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, address = here.settings, here.address
    other = settings(tmp_path, "b").model_copy(update={"dicom": before.dicom.model_copy(update={"ae_title": "OTHER"})})
    with monkeypatch.context() as patched:
        patched.setattr(here.modes, "_read", raise_trouble)
        with pytest.raises(RecordsTrouble):
            here.change(other)
    assert (here.settings, here.address) == (before, address)
    here.change(other)
    assert here.address.startswith("OTHER@")


def test_a_word_of_a_person_is_not_lost_while_the_records_are_in_trouble(
    here: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, failed = iter([True]), threading.Event()

    def fail(*_: object) -> None:
        failed.set()
        raise_trouble()

    with monkeypatch.context() as patched:
        patched.setattr(here.modes, "_read", fail)
        patched.setattr(Records, "changed_elsewhere", lambda _: next(told, False))
        assert failed.wait(SECONDS)
        here._records.watched.set_mode("room-1", "paused", "me")
    for _ in range(int(SECONDS * 20)):
        if here.modes.is_paused("room-1"):
            return
        threading.Event().wait(0.05)
    raise AssertionError("nobody noticed")


def test_of_several_nodes_one_reads_everything_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds, read = threading.Semaphore(0), []
    monkeypatch.setattr(Commitments, "expire", lambda *_: rounds.release())

    def verify(*_: object) -> Tally:
        read.append(1)
        return Tally()

    monkeypatch.setattr(Recovery, "verify", verify)
    url = the_server().make("one_reads")

    def node(name: str) -> Settings:
        shared: dict[str, Any] = {"database": url, "storage": {"reserve": "0", "folder": tmp_path / "objects"}}
        own = {"data_dir": tmp_path / name, "dicom": {"port": 0}, "http": {"enabled": False}}
        return Settings.model_validate({**shared, **own})

    try:
        with station(node("a"), None), station(node("b"), None):
            for _ in range(2):
                assert rounds.acquire(timeout=SECONDS)
        assert len(read) == 1
    finally:
        the_server().sql('DROP DATABASE "one_reads" WITH (FORCE)')
