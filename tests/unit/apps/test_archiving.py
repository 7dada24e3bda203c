"""A station's archive as peers and programs ask it: at once after storing, and as the configuration says just then."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.test_index_rebuilt import forget_index
from tests.peers.qr_files import ROOT, image
from tests.unit.adapters.dimse.asking import LE, STUDY_FIND, Asker
from tolmach.adapters.sql.endings import SqlJourneyEnds
from tolmach.adapters.sql.faults import DISK_FULL
from tolmach.apps import archiving, serving
from tolmach.apps.faults import BadConfiguration
from tolmach.apps.sections import Settings
from tolmach.apps.wiring import Station, station
from tolmach.archive.interfaces import OneOf, Query
from tolmach.intake.faults import RecordsTrouble
from tolmach.intake.interfaces import Provenance

SECONDS = 30.0
CT = Provenance("dimse", "ct-1", "CT1", "127.0.0.1")


def settings(folder: Path, *, rights: tuple[str, ...] = ("find",), text: str | None = None, **more: Any) -> Settings:
    peer = {"name": "asker", "ae_title": "ASKER", "host": "127.0.0.1", "rights": rights, "text": text}
    return Settings.model_validate(
        {
            "data_dir": folder / "data",
            "dicom": {"port": 0},
            "http": {"enabled": False},
            "storage": {"reserve": "0"},
            "peer": [peer],
            **more,
        }
    )


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Station]:
    with station(settings(tmp_path), None) as running:
        yield running


def port(here: Station) -> int:
    return int(here.address.rpartition(":")[2])


def names(asker: Asker) -> list[str]:
    heard = asker.find({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": f"{ROOT}.1", "PatientName": ""})
    assert heard.status == 0
    return heard.values("PatientName")


def may_find(here: Station) -> bool:
    with Asker(port(here), [STUDY_FIND]) as asker:
        return asker.assoc.context_for(STUDY_FIND, LE) is not None


def test_what_was_just_stored_is_found_though_journeys_wait_for_a_pause(
    here: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "PAUSE_SECONDS", SECONDS)
    monkeypatch.setattr(serving, "LONGEST_WAIT_SECONDS", SECONDS)
    for number in range(1, 4):
        here.intake.accept_stream([image(1, 1, number)], CT)
        here.walker.bell.ring()
        began = time.monotonic()
        query = Query("instance", {"StudyInstanceUID": OneOf((f"{ROOT}.1",))})
        assert len(here.archive.index.find(query)[0]) == number
        assert time.monotonic() - began < SECONDS / 10


def test_while_nothing_can_be_written_searches_say_that_they_are_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(archiving, "LATE_SECONDS", 0.0)
    with station(settings(tmp_path), None) as here:
        _ask_while_nothing_can_be_written(here, monkeypatch, caplog)


def _ask_while_nothing_can_be_written(
    here: Station, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise RecordsTrouble(DISK_FULL, path="records")

    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": f"{ROOT}.1", "PatientName": ""}
    with Asker(port(here), [STUDY_FIND]) as asker:
        with monkeypatch.context() as patched:
            patched.setattr(SqlJourneyEnds, "finish", full)
            here.intake.accept_stream([image()], CT)
            here.walker.bell.ring()
            heard = [asker.find(keys) for _ in range(3)]
        assert [(one.status, one.answers) for one in heard] == [(0xA700, [])] * 3
        assert "cannot be found yet" in heard[0].comment
        assert sum("is not in the index yet" in one.message for one in caplog.records) == 1
        deadline = time.monotonic() + SECONDS
        here.walker.bell.ring()
        while (last := asker.find(keys)).status and time.monotonic() < deadline:
            here.walker.bell.ring()
        assert (last.status, len(last.answers)) == (0, 1)


def test_what_is_held_is_given_back_proved(here: Station) -> None:
    file = image()
    here.intake.accept_stream([file], CT)
    (held,) = here.archive.index.held(studies=[f"{ROOT}.1"])
    with here.archive.opener(held) as content:
        assert b"".join(bytes(block) for block in content.as_file()) == file
    assert here.archive.index.is_sound(held.sop_class_uid, held.sop_instance_uid) == "sound"


def test_peers_are_answered_as_the_settings_say_when_they_ask_over_the_association_they_have(
    here: Station, tmp_path: Path
) -> None:
    here.intake.accept_stream([image(1)], CT)
    with Asker(port(here), [STUDY_FIND]) as asker:
        assert names(asker) == ["Щербаков^Семён^Ильич"]
        here.change(settings(tmp_path, text="transliterate:ru-icao9303"))
        assert names(asker) == ["Shcherbakov^Semen^Ilich"]


def test_a_right_that_is_taken_away_ends_with_the_configuration(here: Station, tmp_path: Path) -> None:
    here.change(settings(tmp_path, rights=("echo",)))
    assert not may_find(here)


def test_a_station_that_keeps_nothing_lets_nobody_find_anything(here: Station, tmp_path: Path) -> None:
    here.intake.accept_stream([image(1)], CT)
    assert may_find(here)
    here.change(settings(tmp_path, archive={"enabled": False}))
    assert not may_find(here)
    assert not here._served(serves_archive=False).serves_archive


@pytest.mark.parametrize(("versions", "name"), [("newest", "Новый^Имя"), ("first", "Старый^Имя")])
def test_of_versions_the_configured_one_is_shown(versions: str, name: str, tmp_path: Path) -> None:
    with station(settings(tmp_path, archive={"versions": versions}), None) as here:
        for one in ("Старый^Имя", "Новый^Имя"):
            here.intake.accept_stream([image(1, name=one)], CT)
        found, _ = here.archive.index.find(Query("study", {}))
        assert [one.values["PatientName"] for one in found] == [(name,)]


def test_another_choice_of_versions_needs_a_new_start(here: Station, tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"archive\.versions"):
        here.change(settings(tmp_path, archive={"versions": "first"}))
    assert here.settings.archive.versions == "newest"


def test_what_was_here_before_the_index_is_indexed_in_the_background(tmp_path: Path) -> None:
    with station(settings(tmp_path), None) as here:
        for number in range(1, 31):
            here.intake.accept_stream([image(number)], CT)
        assert len(here.archive.index.find(Query("study", {}))[0]) == 30
        here._records._database.write(forget_index)
    with station(settings(tmp_path), None) as here:
        deadline = time.monotonic() + SECONDS
        while len(here.archive.index.find(Query("study", {}))[0]) < 30:
            assert time.monotonic() < deadline
            threading.Event().wait(0.02)
