"""Tray, menu, closing and quitting, with a tray and without; what is told when something is stuck; nothing freezes."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMessageBox, QSystemTrayIcon, QWidget
from pytestqt.qtbot import QtBot

from tests.calling import numbered, start
from tests.unit.apps.desktop.conftest import (
    WAIT,
    MakeWindow,
    configured,
    delivered,
    in_dialog,
    loaded,
    nobody,
    receiver,
)
from tolmach.adapters.sql import open_records
from tolmach.apps import watching
from tolmach.apps.configuration import user_folder
from tolmach.apps.data_folder import is_free
from tolmach.apps.desktop import leaving
from tolmach.apps.desktop.agent import AgentState
from tolmach.apps.desktop.alarms import FORGET_SECONDS, Alarms
from tolmach.apps.desktop.overview import Stuck
from tolmach.apps.desktop.presence import Presence
from tolmach.apps.desktop.remembered import load_remembered
from tolmach.apps.desktop.single_instance import FirstInstance
from tolmach.apps.desktop.window import MainWindow
from tolmach.apps.findings import STUCK
from tolmach.base import Problem

# Waiting for a station or a peer would take longer than any other work of the machine keeps the window from its turn.
FROZEN_SECONDS = 3.0


@pytest.fixture
def tray(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Give a function that lets the desktop have a tray, or none."""

    def have(is_there: bool) -> None:
        monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: is_there))

    have(True)
    return have


@pytest.fixture
def no_tray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: False))


def presence(window: MainWindow) -> Presence:
    assert window.presence is not None
    return window.presence


def messages(window: MainWindow) -> list[str]:
    """Collect what the tray says from now on."""
    told: list[str] = []
    presence(window).tray.icon.showMessage = lambda head, *_: told.append(head)  # type: ignore[method-assign]
    return told


def begun(window: MainWindow, qtbot: QtBot, kind: str = "running", *, minimised: bool = False) -> Presence:
    """Begin as the program does, and wait until the agent is so."""
    window.hide()
    one = presence(window)
    one.begin(minimised=minimised)
    qtbot.waitUntil(lambda: one.agent.state.kind == kind and one.panel.state.text() != "", timeout=WAIT)
    return one


def answer(text: str) -> Callable[[QWidget], None]:
    """Give what presses a button of the question that is asked."""

    def press(box: QWidget) -> None:
        assert isinstance(box, QMessageBox)
        next(one for one in box.buttons() if one.text() == text).click()

    return press


def ended(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: presence(window).leaving.may_close() and not window.isVisible(), timeout=WAIT)
    assert presence(window).is_ended


# Closing.


def test_closing_with_a_tray_hides_a_window_whose_agent_runs(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, tray: object
) -> None:
    window = make_window(config=configured(tmp_path))
    one, told = begun(window, qtbot), messages(window)
    assert window.isVisible()
    window.close()
    assert window.isHidden()
    assert told == ["tolmach goes on here"]
    (tmp_path / "room-1" / "one.dcm").write_bytes(numbered(1))
    qtbot.waitUntil(lambda: delivered(tmp_path) == 1, timeout=WAIT)
    one.tray.icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    assert window.isVisible()
    window.close()
    assert window.isHidden()
    assert len(told) == 1
    window.keeper.wait()
    assert load_remembered(user_folder()).told_of_tray
    one.quit_action.trigger()
    ended(window, qtbot)
    assert not one.tray.icon.isVisible()


def test_closing_without_an_agent_ends_the_program(make_window: MakeWindow, qtbot: QtBot, tray: object) -> None:
    window = make_window()
    begun(window, qtbot, "off")
    with qtbot.waitSignal(window.ended, timeout=WAIT):
        window.close()
    ended(window, qtbot)


def test_closing_without_a_tray_asks(make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, no_tray: None) -> None:
    window = make_window(config=configured(tmp_path))
    one = begun(window, qtbot)
    in_dialog(answer("Minimise"))
    window.close()
    assert window.isMinimized()
    assert one.agent.state.kind == "running"
    in_dialog(answer("Quit"))
    with qtbot.waitSignal(window.ended, timeout=WAIT):
        window.close()
    ended(window, qtbot)


def test_a_tray_that_goes_away_gives_the_window_back(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, tray: Callable[[bool], None]
) -> None:
    window = make_window(config=configured(tmp_path))
    one = begun(window, qtbot)
    window.close()
    one._check.timeout.emit()
    assert window.isHidden()
    tray(False)
    one._check.timeout.emit()
    assert window.isMinimized()
    assert window.isVisible()


def test_the_end_of_the_session_is_not_held_up(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, tray: object
) -> None:
    window = make_window(config=configured(tmp_path))
    one = begun(window, qtbot)
    one.leaving.end_now()
    assert window.close()
    assert one.is_ended
    assert one.agent.state.kind == "off"


# Quitting while work is in hand.


def ticking(window: MainWindow) -> list[float]:
    """Collect how long the window's thread was away at a time, from now on."""
    pauses, last = [0.0], [time.monotonic()]

    def tick() -> None:
        now = time.monotonic()
        pauses.append(now - last[0])
        last[0] = now

    timer = QTimer(window)
    timer.timeout.connect(tick)
    timer.start(10)
    return pauses


@pytest.mark.slow
def test_quitting_with_images_in_the_queue_asks_and_loses_nothing(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, tray: object
) -> None:
    with nobody() as port:
        config = configured(tmp_path, port=port)
        window = make_window(config=config)
        one = begun(window, qtbot)
        for number in range(3):
            (tmp_path / "room-1" / f"{number}.dcm").write_bytes(numbered(number))
        qtbot.waitUntil(lambda: delivered(tmp_path) == 3 and "Waiting: 3" in window.windowTitle(), timeout=WAIT)
        assert one.tray.mood == "working"
        assert "Waiting: 3" in one.tray.icon.toolTip()

        told: list[str] = []

        def read(box: QWidget) -> None:
            assert isinstance(box, QMessageBox)
            told.append(box.informativeText())
            answer("Go on")(box)

        in_dialog(read)
        one.quit_action.trigger()
        assert "3 images wait for delivery. Nothing is lost" in told[0]
        assert one.agent.state.kind == "running"
        assert window.isVisible()

        pauses = ticking(window)
        in_dialog(answer("Quit"))
        with qtbot.waitSignal(window.ended, timeout=WAIT):  # the peer never answers; the end comes all the same
            one.quit_action.trigger()
        assert max(pauses) < FROZEN_SECONDS
    with receiver(tmp_path / "scp") as (port, taken):
        configured(tmp_path, port=port)
        again = begun(make_window(config=config), qtbot)
        qtbot.waitUntil(lambda: len(taken) == 3, timeout=2 * WAIT)
        qtbot.waitUntil(lambda: again.agent.overview.waiting == 0, timeout=WAIT)
        again.leaving.end_now()
    with open_records(tmp_path / "data", create=False) as records:
        assert records.desk.audit().holds


def test_quitting_while_files_are_sent_asks_as_closing_does(
    make_window: MakeWindow, files: Path, qtbot: QtBot, no_tray: None
) -> None:
    with nobody() as port:
        window = loaded(make_window(port), qtbot, files, count=5)
        window.desk.send(window.desk.unsent())
        told: list[str] = []

        def read(box: QWidget) -> None:
            assert isinstance(box, QMessageBox)
            told.append(box.text())
            answer("Go on sending")(box)

        in_dialog(read)
        presence(window).quit_action.trigger()
        assert told == ["Files are being sent."]
        assert window.desk.is_working


def test_a_window_that_sends_goes_into_the_tray_and_sends_on(
    make_window: MakeWindow, tmp_path: Path, files: Path, qtbot: QtBot, tray: object
) -> None:
    with nobody() as port:
        window = loaded(make_window(port, config=configured(tmp_path)), qtbot, files, count=5)
        begun(window, qtbot)
        window.desk.send(window.desk.unsent())
        window.close()
        assert window.isHidden()
        assert window.desk.is_working


def test_a_server_that_never_answers_keeps_nobody_from_quitting(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, tray: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "AGENT_MILLISECONDS", 700)
    with nobody() as port:
        config = configured(tmp_path, more=f"database = 'postgresql://u:p@127.0.0.1:{port}/x'")
        window = make_window(config=config)
        pauses = ticking(window)
        one = begun(window, qtbot, "starting")
        with qtbot.waitSignal(window.ended, timeout=WAIT):
            one.quit_action.trigger()
        assert not one.is_ended  # the program ends its process then
        assert max(pauses) < FROZEN_SECONDS


def test_a_window_that_waits_for_its_threads_at_the_end_is_not_seen(
    make_window: MakeWindow, files: Path, qtbot: QtBot, no_tray: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "SEND_MILLISECONDS", 300)
    with nobody() as port:
        window = loaded(make_window(port), qtbot, files, count=5)
        window.desk.send(window.desk.unsent())
        seen: list[bool] = []
        close = window.desk.close

        def waits(seconds: float) -> None:
            seen.append(window.isVisible())
            close(0.0)

        monkeypatch.setattr(window.desk, "close", waits)
        in_dialog(answer("Stop and close"))
        with qtbot.waitSignal(window.ended, timeout=WAIT):
            window.close()
        assert seen == [False]


# Starting.


def test_it_begins_in_the_tray_if_so_wished(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, tray: Callable[[bool], None]
) -> None:
    window = make_window(config=configured(tmp_path))
    begun(window, qtbot, minimised=True)
    qtbot.waitUntil(window.isHidden, timeout=WAIT)


def test_it_begins_minimised_where_there_is_no_tray(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, no_tray: None
) -> None:
    window = make_window(config=configured(tmp_path))
    window.remember(starts_minimised=True)
    begun(window, qtbot)
    qtbot.waitUntil(lambda: window.isMinimized() and window.isVisible(), timeout=WAIT)


def test_the_agent_does_not_run_when_a_person_said_so(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, no_tray: None
) -> None:
    window = make_window(config=configured(tmp_path))
    presence(window).panel.runs.click()
    window.keeper.wait()
    assert not load_remembered(user_folder()).runs_agent
    one = begun(window, qtbot, "off")
    qtbot.waitUntil(lambda: one.agent.overview.watches == ("room-1",), timeout=WAIT)
    assert one.agent.state.kind == "off"
    one.panel.start.click()
    qtbot.waitUntil(lambda: one.agent.state.kind == "running", timeout=WAIT)
    qtbot.waitUntil(lambda: "127.0.0.1" in one.panel.state.text() and one.panel.start.isHidden(), timeout=WAIT)
    one.panel.stop.click()
    qtbot.waitUntil(lambda: one.panel.state.text() == "Auto-export is off", timeout=WAIT)


def test_a_second_start_opens_the_window_out_of_the_tray(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, tray: object
) -> None:
    first = FirstInstance(user_folder())
    assert first.take()
    window = make_window(config=configured(tmp_path))
    first.brought.connect(window.take_paths)
    begun(window, qtbot, minimised=True)
    qtbot.waitUntil(window.isHidden, timeout=WAIT)
    with start("desktop") as second:
        qtbot.waitUntil(window.isVisible, timeout=WAIT)
        assert second.wait(30) == 0
    window.close()
    with start("desktop", "--minimised") as third:  # as a session does that begins while it runs
        assert third.wait(30) == 0
    qtbot.wait(200)
    assert window.isHidden()
    first.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, qtbot: QtBot, number: signal.Signals) -> None:
    config = configured(tmp_path)
    with start("--config", config, "desktop", "--minimised", QT_QPA_PLATFORM="offscreen") as program:
        try:
            qtbot.waitUntil((tmp_path / "data" / "log").exists, timeout=WAIT)
            (tmp_path / "room-1" / "one.dcm").write_bytes(numbered(1))
            qtbot.waitUntil(lambda: delivered(tmp_path) == 1, timeout=WAIT)
            program.send_signal(number)
            assert program.wait(30) == 0
        finally:
            program.kill()
    assert is_free(tmp_path / "data")


# The menu.


def shown_actions(window: MainWindow) -> list[QAction]:
    return [one for one in presence(window).menu.actions() if one.isVisible() and not one.isSeparator()]


def texts(window: MainWindow) -> list[str]:
    return [one.text() for one in shown_actions(window)]


def test_all_folders_are_paused_and_resumed(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, no_tray: None
) -> None:
    window = make_window(config=configured(tmp_path, watches=("room-1", "room-2")))
    one = begun(window, qtbot)
    qtbot.waitUntil(one.pause_action.isVisible, timeout=WAIT)
    assert one.pause_action in shown_actions(window)
    one.pause_action.trigger()
    qtbot.waitUntil(lambda: texts(window)[0] == "Auto-export is paused", timeout=WAIT)
    assert not one.pause_action.isVisible()
    station = one.agent.station
    assert station is not None
    qtbot.waitUntil(lambda: not station.watching._running, timeout=WAIT)
    (tmp_path / "room-1" / "one.dcm").write_bytes(numbered(1))
    qtbot.wait(1000)
    assert delivered(tmp_path) == 0
    one.resume_action.trigger()
    qtbot.waitUntil(lambda: delivered(tmp_path) == 1, timeout=WAIT)
    qtbot.waitUntil(lambda: one.agent.overview.paused == frozenset(), timeout=WAIT)


def test_the_menu_opens_from_the_window_and_has_what_the_tray_has(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, no_tray: None
) -> None:
    window = make_window(config=configured(tmp_path))
    one = begun(window, qtbot)
    one.button.click()
    assert one.menu.isVisible()
    one.menu.close()
    in_tray = one.tray.icon.contextMenu().actions()
    missing = {action for action in in_tray if not action.isSeparator()} - set(one.menu.actions())
    assert missing == {one.open_action}
    qtbot.waitUntil(lambda: "Stop auto-export" in texts(window), timeout=WAIT)
    one.stop_action.trigger()
    qtbot.waitUntil(lambda: "Start auto-export" in texts(window), timeout=WAIT)
    one.start_action.trigger()
    qtbot.waitUntil(lambda: one.agent.state.kind == "running", timeout=WAIT)


def test_another_configuration_is_shown_everywhere(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, no_tray: None
) -> None:
    config = configured(tmp_path)
    window = make_window(config=config)
    one = begun(window, qtbot)
    configured(tmp_path, port=104)
    one.reload_action.trigger()
    qtbot.waitUntil(lambda: [peer.name for peer in window.station.peers] == ["pacs"], timeout=WAIT)
    config.write_text("[dicom]\nprot = 1\n")
    one.reload_action.trigger()
    qtbot.waitUntil(lambda: "prot" in window.log.text.toPlainText(), timeout=WAIT)
    assert one.agent.state.kind == "running"


# What is stuck.


def test_what_is_stuck_is_said_once_and_again_after_it_was_over() -> None:
    now = [0.0]
    alarms = Alarms(lambda: now[0])
    stuck = [Stuck(("stuck", "pacs"), Problem(STUCK))]
    assert alarms.news(stuck) == stuck
    for _ in range(100):
        now[0] += 30
        assert alarms.news(stuck) == []
    now[0] += FORGET_SECONDS / 2
    assert alarms.news([]) == []
    assert alarms.news(stuck) == []  # it only came and went
    now[0] += FORGET_SECONDS + 1
    assert alarms.news([]) == []
    assert alarms.news(stuck) == stuck


def test_the_tray_tells_of_a_folder_that_is_gone(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, tray: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "OWNERSHIP_SECONDS", 0.5)
    window = make_window(config=configured(tmp_path))
    one, told = begun(window, qtbot), messages(window)
    (tmp_path / "room-1").rmdir()
    qtbot.waitUntil(lambda: one.tray.mood == "attention", timeout=WAIT)
    assert len(told) == 1
    assert "room-1" in told[0]
    assert "room-1" in one.tray.icon.toolTip()
    assert len(one.tray.icon.toolTip()) <= 127
    assert window.windowTitle().startswith("⚠")
    (tmp_path / "room-1").mkdir()
    qtbot.waitUntil(lambda: one.tray.mood == "idle", timeout=WAIT)
    assert len(told) == 1


def test_a_full_disk_is_told_and_freezes_nothing(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, tray: object
) -> None:
    config = configured(tmp_path)
    config.write_text(config.read_text().replace('reserve = "0"', f'reserve = "{1 << 60}"'))
    window = make_window(config=config)
    told, pauses = messages(window), ticking(window)
    one = begun(window, qtbot)
    (tmp_path / "room-1" / "one.dcm").write_bytes(numbered(1))
    qtbot.waitUntil(lambda: one.tray.mood == "attention", timeout=WAIT)
    assert [stuck.key[0] for stuck in one.agent.overview.stuck] == ["disk"]
    assert len(told) == 1
    assert max(pauses) < FROZEN_SECONDS


def test_a_broken_configuration_is_told_once_and_the_window_works(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, tray: object
) -> None:
    config = tmp_path / "own.toml"
    config.write_text("[dicom]\nprot = 104\n")
    window = make_window(config=config)
    told = messages(window)
    one = begun(window, qtbot, "failed")
    qtbot.waitUntil(lambda: len(told) == 1, timeout=WAIT)
    one.agent.start()
    qtbot.waitUntil(lambda: one.agent.state.kind == "failed", timeout=WAIT)
    qtbot.wait(200)
    assert window.log.text.toPlainText().count("prot") == 1
    assert "prot" in one.panel.why.text()
    assert one.panel.start.isVisibleTo(one.panel)
    window.close()
    assert window.isHidden()  # it is tried again, and somebody must be able to see that
    one.quit_action.trigger()
    ended(window, qtbot)


def test_an_agent_that_cannot_run_is_no_reason_to_ask(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, no_tray: None
) -> None:
    config = tmp_path / "own.toml"
    config.write_text("[dicom]\nprot = 104\n")
    window = make_window(config=config)
    begun(window, qtbot, "failed")
    with qtbot.waitSignal(window.ended, timeout=WAIT):
        window.close()
    ended(window, qtbot)


def test_texts_of_the_agent_follow_the_language(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, no_tray: None
) -> None:
    window = make_window(config=configured(tmp_path))
    one = begun(window, qtbot)
    for language in ("uk", "ru", "en"):
        window.words.speak(language)
        assert one.quit_action.text() == window.words.gettext("Quit")
        assert one.state_action.text() == window.words.gettext("Auto-export is on")
        assert window.windowTitle() == window.base_title


# What is told.


def test_another_program_at_work_is_told_without_advice_to_stop_it(make_window: MakeWindow, tmp_path: Path) -> None:
    window = make_window(config=configured(tmp_path))
    problem = Problem(STUCK, {"destination": "pacs", "count": 1, "minutes": 5})
    presence(window).agent.changed.emit(AgentState("elsewhere", problem=problem))
    told = window.log.text.toPlainText()
    assert window.words.phrase(problem.what) in told
    assert window.words.advice(problem) not in told


def test_what_was_not_done_opens_the_log(make_window: MakeWindow, tmp_path: Path) -> None:
    window = make_window(config=configured(tmp_path))
    window.log_button.setChecked(False)
    problem = Problem(STUCK, {"destination": "pacs", "count": 1, "minutes": 5})
    presence(window).agent.refused.emit(problem)
    assert window.log_button.isChecked()
    assert window.words.advice(problem) in window.log.text.toPlainText()
