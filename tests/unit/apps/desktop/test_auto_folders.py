"""The folders of the Auto-export view: how each fares, and what a person says of it; how the agent is."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from tests.calling import IVANOV
from tests.unit.apps.desktop.auto_station import (
    AWAY,
    FakeAgent,
    MakeView,
    in_dialog,
    kept,
    settings_of,
    settle,
    shadow,
    shown_text,
    views,
)
from tests.unit.apps.desktop.conftest import WAIT, MakeWindow, receiver
from tolmach.adapters.sql import open_records
from tolmach.apps.desktop.agent import AgentState
from tolmach.apps.desktop.auto_card import FolderCard
from tolmach.apps.desktop.auto_view import AutoView
from tolmach.apps.faults import BAD_CONFIGURATION, BadConfiguration
from tolmach.base import Problem
from tolmach.intake.interfaces import Dealing, FileMark
from tolmach.repair.holding import HELD_UNSURE


@pytest.fixture
def make_view(qtbot: QtBot) -> Iterator[MakeView]:
    yield from views(qtbot)


def card(view: AutoView, name: str) -> FolderCard:
    return view.folders.cards[name]


def counts(one: FolderCard) -> dict[str, str]:
    return {key: tile.number.text() for key, tile in one.tiles.items() if not tile.isHidden()}


def press(text: str) -> None:
    """Press a button of the question that is about to be asked."""

    def act(box: QWidget) -> None:
        assert isinstance(box, QMessageBox)
        next(one for one in box.buttons() if one.text() == text).click()

    in_dialog(act)


def test_without_a_folder_it_says_what_to_do_first(make_view: MakeView, tmp_path: Path, qtbot: QtBot) -> None:
    view = make_view(FakeAgent(settings_of(tmp_path), AgentState("off")))
    assert view.folders.stack.currentWidget() is view.folders.empty
    assert "Add the folder" in view.folders.empty.about.text()
    with qtbot.waitSignal(view.folder_wanted):
        view.folders.empty.button.click()
    assert not view.agent_bar.start.isVisible()
    assert not view.agent_bar.banner.isVisible()
    for part in ("history", "queue"):
        view.show_part(part)
        settle(view, qtbot)
    assert view.history.stack.currentWidget() is view.history.empty
    assert view.queue.stack.currentWidget() is view.queue.empty
    assert not view.banner.isVisible()


def test_a_folder_shows_its_state_its_last_file_and_its_counters(make_view: MakeView, tmp_path: Path) -> None:
    with kept(tmp_path) as keeper:
        for minutes in (50, 40, 30, 20):
            keeper.take(minutes=minutes)
        keeper.deliver(count=2)
        keeper.fail(problem=AWAY, held=True)
        keeper.take(held=Problem(HELD_UNSURE), verdict="unsure")
        keeper.take(quarantine=AWAY)
        keeper.records.watched.note("room-1", [Dealing(FileMark(b"a.txt", 1, 99, 3, 3), "", None, AWAY)])
        keeper.look("room-1")
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1", "room-2", export_folder=tmp_path / "out")))
    one = card(view, "room-1")
    assert counts(one) == {
        "seen": "7",
        "taken": "6",
        "delivered": "2",
        "waiting": "1",
        "failed": "2",
        "unsure": "1",
        "passed_over": "1",
    }
    assert one.state.text() == "Running"
    assert "Щербаков^Иван^Петрович 6.dcm" in one.last.text()
    assert str(tmp_path / "in room-1") in one.place.text()
    assert one.place.text().endswith(f"pacs, {tmp_path / 'out'}")
    assert card(view, "room-2").state.text() == "Not looked at yet"
    assert card(view, "room-2").last.text() == "No file was taken yet."
    assert view.parts.buttons["folders"].text() == "Folders  2"
    assert view.parts.buttons["queue"].text() == "Queue  4"


def test_trouble_is_told_with_what_to_do(make_view: MakeView, tmp_path: Path) -> None:
    with kept(tmp_path) as keeper:
        keeper.look("room-1", problem=AWAY)
        keeper.look("gone")
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    one = card(view, "room-1")
    assert one.state.text() == "Trouble"
    assert "Connection refused. (since 2" in one.banner.head.text()
    assert one.banner.rest.text() == "Look whether it runs and whether host and port are right."
    assert card(view, "gone").state.text() == "No longer configured"
    assert not card(view, "gone").pause.isEnabled()
    assert not card(view, "gone").open.isEnabled()


def test_a_folder_nobody_looks_at_is_told(make_view: MakeView, tmp_path: Path) -> None:
    with kept(tmp_path) as keeper:
        keeper.records.watched.note_state("room-1", None, keeper.now - timedelta(hours=1))
    agent = FakeAgent(settings_of(tmp_path, "room-1"))
    view = make_view(agent)
    assert card(view, "room-1").state.text() == "Trouble"
    assert card(view, "room-1").banner.isVisible()
    agent.tell(AgentState("off"))
    assert card(view, "room-1").state.text() == "Not watched now"
    assert not card(view, "room-1").banner.isVisible()


def test_folders_are_paused_and_resumed(make_view: MakeView, tmp_path: Path, qtbot: QtBot) -> None:
    with kept(tmp_path) as keeper:
        keeper.look("room-1")
        view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
        one = card(view, "room-1")
        one.pause.click()
        settle(view, qtbot)
        assert keeper.records.watched.mode("room-1") == "paused"
        assert (one.state.text(), one.resume.isVisible(), one.pause.isVisible()) == ("Paused", True, False)
        assert view.answer.head.text() == "room-1 is paused."
        one.resume.click()
        settle(view, qtbot)
        assert keeper.records.watched.mode("room-1") == ""
        assert one.state.text() == "Running"
        (paused, resumed) = keeper.records.events()
        assert paused.actor == resumed.actor == view.desk.actor != ""


@pytest.mark.parametrize(
    ("answer", "mode", "queued"),
    [("Stay in shadow mode", "", 0), ("Only what comes from now on", "live", 0), ("With what is held", "live", 1)],
)
def test_shadow_mode_ends_as_a_person_says(
    make_view: MakeView, tmp_path: Path, qtbot: QtBot, answer: str, mode: str, queued: int
) -> None:
    with kept(tmp_path) as keeper:
        keeper.take(held=shadow("room-1"))
        keeper.look("room-1")
        view = make_view(FakeAgent(settings_of(tmp_path, "room-1", shadow=True)))
        one = card(view, "room-1")
        assert one.shadow.isChecked()
        assert one.state.text() == "Shadow mode"
        assert counts(one)["held"] == "1"
        press(answer)
        one.shadow.click()
        settle(view, qtbot)
        assert keeper.records.watched.mode("room-1") == mode
        assert one.shadow.isChecked() == (mode == "")
        assert len(keeper.records.listing.queue("pacs", "queued")) == queued


def test_shadow_mode_begins_at_once(make_view: MakeView, tmp_path: Path, qtbot: QtBot) -> None:
    with kept(tmp_path) as keeper:
        keeper.look("room-1")
        view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
        card(view, "room-1").shadow.click()
        settle(view, qtbot)
        assert keeper.records.watched.mode("room-1") == "shadow"
        assert card(view, "room-1").shadow.isChecked()
        press("Go live")
        card(view, "room-1").shadow.click()
        settle(view, qtbot)
        assert keeper.records.watched.mode("room-1") == "live"


def test_a_folder_is_opened_and_its_history_shown(make_view: MakeView, tmp_path: Path, qtbot: QtBot) -> None:
    with kept(tmp_path) as keeper:
        keeper.take("room-1")
        two = keeper.take("room-2")
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1", "room-2")))
    opened: list[Path] = []
    view.folders.open_folder = opened.append
    card(view, "room-2").open.click()
    assert opened == [tmp_path / "in room-2"]
    with qtbot.waitSignal(view.folder_wanted):
        view.folders.add.click()
    card(view, "room-2").history.click()
    settle(view, qtbot)
    assert view.part == "history"
    assert view.history.model.ids == [two]


def test_the_agent_is_told_of_and_started(make_view: MakeView, tmp_path: Path) -> None:
    agent = FakeAgent(settings_of(tmp_path, "room-1"))
    view = make_view(agent)
    bar = view.agent_bar
    assert bar.text.text() == "Auto-export is on"
    assert (bar.start.isVisible(), bar.stop.isVisible(), bar.banner.isVisible()) == (False, True, False)
    bar.stop.click()
    agent.tell(AgentState("off"))
    assert "Nobody watches" in bar.banner.head.text()
    bar.start.click()
    assert agent.asked == ["stop", "start"]
    agent.tell(AgentState("failed", problem=AWAY))
    assert bar.banner.rest.text() == "Look whether it runs and whether host and port are right."
    assert bar.start.isVisible()
    agent.tell(AgentState("elsewhere", problem=AWAY))
    assert "Another program" in bar.banner.head.text()
    assert not bar.start.isVisible()
    assert view.folders.is_watched


def test_a_configuration_that_cannot_be_used_is_told_and_forgotten_when_it_is_well(
    make_view: MakeView, tmp_path: Path, qtbot: QtBot
) -> None:
    agent = FakeAgent(settings_of(tmp_path, "room-1"))
    agent.trouble = BadConfiguration(BAD_CONFIGURATION, file="own.toml", where="watch", why="it is not so")
    view = make_view(agent)
    qtbot.waitUntil(view.banner.isVisible, timeout=WAIT)
    assert "own.toml" in view.banner.head.text()
    assert view.banner.rest.text()
    agent.trouble = None
    agent.followed.emit()
    qtbot.waitUntil(lambda: not view.banner.isVisible() and "room-1" in view.folders.cards, timeout=WAIT)


def test_new_folders_appear_when_the_configuration_is_followed(
    make_view: MakeView, tmp_path: Path, qtbot: QtBot
) -> None:
    agent = FakeAgent(settings_of(tmp_path))
    view = make_view(agent)
    agent.given = settings_of(tmp_path, "room-1")
    agent.followed.emit()
    qtbot.waitUntil(lambda: list(view.folders.cards) == ["room-1"], timeout=WAIT)
    assert view.folders.stack.currentWidget() is view.folders.area


@pytest.mark.parametrize("name", ["<b>x</b><img src=y>", "a\u202egnp.exe\u2066", "Я" * 65_536, "A\x1b[31mC{0}%s"])
def test_hostile_names_of_folders_and_files_are_text(make_view: MakeView, tmp_path: Path, name: str) -> None:
    with kept(tmp_path) as keeper:
        keeper.take(name, name=name)
        keeper.look(name)
    view = make_view(FakeAgent(settings_of(tmp_path)))
    one = card(view, name)
    for text in shown_text(one):
        assert len(text) < 2_000
        assert text.isprintable() or "\n" in text
        assert "\u202e" not in text
    assert all(label.textFormat().name == "PlainText" for label in one.findChildren(QLabel))
    assert one.last.toolTip().count("<b>") == 0
    view.grab()


def test_every_language_and_scheme(make_view: MakeView, tmp_path: Path) -> None:
    with kept(tmp_path) as keeper:
        keeper.take()
        keeper.look("room-1")
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    words, theme = view._words, view.folders._theme
    english = [text for text in shown_text(view) if text]
    for language in ("ru", "uk"):
        words.speak(language)
        view.grab()
    words.speak("en")
    assert [text for text in shown_text(view) if text] == english
    for scheme in ("dark", "contrast", "light"):
        theme.choose(scheme)
        view.grab()


def test_it_is_a_view_of_the_window(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot) -> None:
    config = tmp_path / "own.toml"
    (tmp_path / "in").mkdir()
    config.write_text(
        f'data_dir = {str(tmp_path / "data")!r}\n[dicom]\nport = 0\n[[peer]]\nname = "pacs"\nae_title = "PACS"\n'
        'host = "127.0.0.1"\nport = 104\n[[watch]]\nname = "room-1"\nto = ["pacs"]\n'
        f"folder = {str(tmp_path / 'in')!r}\n"
    )
    with open_records(tmp_path / "data"):
        pass
    window = make_window(config=config)
    view = window.views["auto"]
    assert isinstance(view, AutoView)
    window.navigation.buttons["auto"].click()
    assert window.stack.currentWidget() is view
    qtbot.waitUntil(lambda: list(view.folders.cards) == ["room-1"], timeout=WAIT)
    assert view.agent_bar.text.text() == "Auto-export is off"
    window.details_button.click()
    assert view.history.object.isHidden()
    view.folders.cards["room-1"].pause.click()
    qtbot.waitUntil(lambda: "room-1 is paused." in window.log.text.toPlainText(), timeout=WAIT)
    opened: list[QObject] = []

    def begin(dialog: QWidget) -> None:
        opened.append(dialog)

    in_dialog(begin)
    view.folders.add.click()
    qtbot.waitUntil(lambda: bool(opened), timeout=WAIT)
    in_dialog(begin)
    view.folders.cards["room-1"].change.click()
    qtbot.waitUntil(lambda: len(opened) == 2, timeout=WAIT)
    assert [type(one).__name__ for one in opened] == ["WizardWindow", "WatchDialog"]
    qtbot.waitUntil(lambda: QApplication.activeModalWidget() is None, timeout=WAIT)


def test_what_the_agent_does_is_seen(make_window: MakeWindow, files: Path, tmp_path: Path, qtbot: QtBot) -> None:
    """The whole way: files in a folder, mended, delivered; counted, listed, and shown before and after."""
    config = tmp_path / "own.toml"
    with receiver(tmp_path / "scp") as (port, taken):
        config.write_text(
            f'data_dir = "{(tmp_path / "data").as_posix()}"\n[dicom]\nport = 0\n[[peer]]\nname = "pacs"\n'
            f'ae_title = "PACS"\nhost = "127.0.0.1"\nport = {port}\n'
            f'[[watch]]\nname = "room-1"\nto = ["pacs"]\nfolder = "{files.as_posix()}"\n',
            "utf-8",
        )
        window = make_window(config=config)
        view = window.views["auto"]
        assert isinstance(view, AutoView)
        window.show_view("auto")
        qtbot.waitUntil(view.agent_bar.start.isVisible, timeout=WAIT)
        view.agent_bar.start.click()
        qtbot.waitUntil(lambda: counts(card(view, "room-1"))["delivered"] == "5", timeout=WAIT)
        assert len(taken) == 4  # two of the five have one UID, and are two versions
        qtbot.waitUntil(lambda: card(view, "room-1").state.text() == "Running", timeout=WAIT)
        card(view, "room-1").history.click()
        settle(view, qtbot)
        assert len(view.history.model.ids) == 5
        spoiled = next(one for one in view.history.model.ids if (row := view.history.model.known(one)) and row.changes)
        view.history.table.select_id(spoiled)
        qtbot.waitUntil(lambda: view.history.object.model.rowCount() > 0, timeout=WAIT)
        texts = [str(view.history.object.model.index(row, 1).data()) for row in range(4)]
        assert any(text.endswith(f"→ {IVANOV}") for text in texts)
        assert "pacs: delivered" in view.history.object.deliveries.text()
        view.agent_bar.stop.click()
        qtbot.waitUntil(lambda: view.agent_bar.text.text() == "Auto-export is off", timeout=WAIT)


Usage = namedtuple("Usage", "total used free")


def test_a_full_disk_shows_until_there_is_room_again(
    make_view: MakeView, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it can be noted in the records, which are on the same disk."""
    free = [1 << 40]
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(1 << 40, 0, free[0]))
    with kept(tmp_path) as keeper:
        keeper.look("room-1", "room-2")
        keeper.records.watched.set_mode("room-2", "paused", "otto")
        view = make_view(FakeAgent(settings_of(tmp_path, "room-1", "room-2")))
        assert card(view, "room-1").state.text() == "Running"
        assert not view.agent_bar.banner.isVisible()
        free[0] = 0
        qtbot.waitUntil(lambda: card(view, "room-1").state.text() == "Trouble", timeout=WAIT)
        assert "no space left" in card(view, "room-1").banner.head.text()
        assert card(view, "room-2").state.text() == "Paused"
        assert "no space left" in view.agent_bar.banner.head.text()
        assert "Free some space" in view.agent_bar.banner.rest.text()
        assert view.agent_bar.text.text() == "Auto-export takes nothing new"
        view.show_part("queue")
        free[0] = 1 << 40
        qtbot.waitUntil(lambda: not view.agent_bar.banner.isVisible(), timeout=WAIT)
        assert view.agent_bar.text.text() == "Auto-export is on"
        view.show_part("folders")
        assert card(view, "room-1").state.text() == "Running"


def test_while_it_stops_it_is_said_whom_it_waits_for(make_view: MakeView, tmp_path: Path, qtbot: QtBot) -> None:
    agent = FakeAgent(settings_of(tmp_path, "room-1"))
    view = make_view(agent)
    agent.awaited = ("pacs", "ris")
    agent.tell(AgentState("stopping"))
    assert view.agent_bar.banner.isVisible()
    assert "brought to an end" in view.agent_bar.banner.head.text()
    assert "pacs, ris" in view.agent_bar.banner.rest.text()
    agent.awaited = ("ris",)
    qtbot.waitUntil(lambda: "of ris," in view.agent_bar.banner.rest.text(), timeout=WAIT)
    agent.awaited = ()
    agent.tell(AgentState("off"))
    assert "ris" not in view.agent_bar.banner.rest.text()
