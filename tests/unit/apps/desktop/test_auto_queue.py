"""The queue of the Auto-export view: how old, why, what to do; retry, hold, drop with a reason and a name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from tests.unit.apps.desktop.auto_station import (
    AWAY,
    FakeAgent,
    Keeper,
    MakeView,
    in_dialog,
    kept,
    settings_of,
    settle,
    shadow,
    views,
)
from tests.unit.apps.desktop.conftest import WAIT
from tolmach.apps.desktop.auto_dialogs import DropDialog
from tolmach.apps.desktop.auto_queue_model import Column
from tolmach.apps.desktop.auto_view import AutoView


@pytest.fixture
def make_view(qtbot: QtBot) -> Iterator[MakeView]:
    yield from views(qtbot)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    with kept(tmp_path) as keeper:
        yield keeper


def queue(make_view: MakeView, tmp_path: Path, qtbot: QtBot) -> AutoView:
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    view.show_part("queue")
    settle(view, qtbot)
    return view


def cell(view: AutoView, row: int, column: Column, role: int = Qt.ItemDataRole.DisplayRole) -> object:
    return view.queue.model.index(row, column).data(role)


def states(keeper: Keeper) -> list[str]:
    return [row.state for row in keeper.records.desk.queue()]


def press(text: str) -> None:
    def act(box: QWidget) -> None:
        assert isinstance(box, QMessageBox)
        next(one for one in box.buttons() if one.text() == text).click()

    in_dialog(act)


def test_lines_are_shown_with_age_state_and_reason(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    keeper.take(minutes=60 * 49 + 5)
    keeper.take(minutes=125)
    keeper.take(minutes=3, to=("ris",))
    keeper.take(minutes=9, held=shadow("room-1"))
    keeper.take(minutes=9, quarantine=AWAY)
    keeper.fail()
    keeper.records.outbox.note_destination("pacs", AWAY, keeper.now + timedelta(minutes=7))
    view = queue(make_view, tmp_path, qtbot)
    assert [cell(view, row, Column.AGE) for row in range(5)] == ["2 d 1 h", "2 h 5 min", "3 min", "9 min", "9 min"]
    colours = view.queue._theme.colours
    tones = [cell(view, row, Column.AGE, Qt.ItemDataRole.ForegroundRole).name() for row in range(3)]  # type: ignore[attr-defined]
    assert tones == [colours.bad, colours.doubt, colours.muted]
    assert [cell(view, row, Column.STATE) for row in range(5)] == [
        "Waiting",
        "Waiting",
        "Waiting",
        "Held",
        "In quarantine",
    ]
    assert cell(view, 0, Column.ATTEMPTS) == "1"
    assert len(str(cell(view, 0, Column.NEXT))) in (8, 16)  # the time, with the day where it is another one
    assert cell(view, 1, Column.NEXT) == "at once"
    assert cell(view, 3, Column.NEXT) == "—"
    assert "Connection refused" in str(cell(view, 0, Column.REASON))
    view.queue.table.selectRow(0)
    settle(view, qtbot)
    assert "Щербаков Иван Петрович  →  pacs" in view.queue.reason.text()
    assert "Look whether it runs" in view.queue.reason.text()
    assert "1 attempt" in view.queue.reason.text()


def test_destinations_are_chosen_and_states(make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot) -> None:
    keeper.take(minutes=200, to=("pacs", "ris"))
    keeper.take(to=("ris",), held=shadow("room-1"))
    keeper.take(quarantine=AWAY)
    keeper.records.outbox.note_destination("pacs", AWAY, keeper.now + timedelta(minutes=7))
    view = queue(make_view, tmp_path, qtbot)
    targets = view.queue.targets
    texts = [[item.text() if (item := targets.item(row, at)) else "" for at in range(6)] for row in range(4)]
    assert texts[0] == ["All destinations", "2", "1", "1", "3 h 20 min", ""]
    assert texts[1][:4] == ["(quarantine)", "–", "–", "1"]
    assert texts[2][:5] == ["pacs", "1", "–", "–", "3 h 20 min"]
    assert "Connection refused" in texts[2][5]
    assert texts[3][:4] == ["ris", "1", "1", "–"]
    assert view.queue.sum.text() == "4 lines"
    targets.selectRow(3)
    settle(view, qtbot)
    assert [cell(view, row, Column.DESTINATION) for row in range(len(view.queue.model.ids))] == ["ris", "ris"]
    view.queue.state.setCurrentIndex(view.queue.state.findData("held"))
    settle(view, qtbot)
    assert [cell(view, row, Column.STATE) for row in range(len(view.queue.model.ids))] == ["Held"]
    targets.selectRow(0)
    view.queue.state.setCurrentIndex(0)
    settle(view, qtbot)
    assert len(view.queue.model.ids) == 4


def test_lines_are_held_and_retried(make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot) -> None:
    for _ in range(3):
        keeper.take()
    view = queue(make_view, tmp_path, qtbot)
    buttons = (view.queue.retry, view.queue.hold, view.queue.drop)
    assert not any(one.isEnabled() for one in buttons)
    view.queue.table.selectAll()
    assert all(one.isEnabled() for one in buttons)
    view.queue.hold.click()
    assert not any(one.isEnabled() for one in buttons), "one word after the other"
    settle(view, qtbot)
    assert states(keeper) == ["held"] * 3
    assert view.answer.head.text() == "3 lines are held."
    assert cell(view, 0, Column.STATE) == f"Held by {view.desk.actor}"
    view.queue.table.selectRow(1)
    QTest.keyClick(view.queue.table, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    settle(view, qtbot)
    assert states(keeper) == ["held", "queued", "held"]
    view.queue.menu_for([view.queue.model.ids[0]]).actions()[0].trigger()
    settle(view, qtbot)
    assert states(keeper) == ["queued", "queued", "held"]


def test_dropping_asks_who_and_why(make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot) -> None:
    one, two = keeper.take(), keeper.take()
    view = queue(make_view, tmp_path, qtbot)

    def refuse(dialog: QWidget) -> None:
        assert isinstance(dialog, DropDialog)
        assert dialog.name.text() == view.desk.actor
        assert not dialog.ok.isEnabled()
        dialog.reason.setText("   ")
        assert not dialog.ok.isEnabled()
        dialog.reason.setText("x")
        dialog.name.clear()
        assert not dialog.ok.isEnabled()
        dialog.reject()

    view.queue.table.selectRow(0)
    in_dialog(refuse)
    view.queue.drop.click()
    settle(view, qtbot)
    assert len(view.queue.model.ids) == 2

    def agree(dialog: QWidget) -> None:
        assert isinstance(dialog, DropDialog)
        dialog.name.setText("Олена К.")
        dialog.reason.setText(" знято двічі <b> ")
        dialog.ok.click()

    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow, timeout=WAIT)
    view.queue.table.setFocus()
    in_dialog(agree)
    QTest.keyClick(view.queue.table, Qt.Key.Key_Delete)
    settle(view, qtbot)
    assert [row.object_id for row in keeper.records.desk.queue()] == [two]
    event = list(keeper.records.events(one))[-1]
    assert (event.actor, event.action, event.details["reason"]) == ("Олена К.", "dropped", "знято двічі <b>")
    assert view.answer.head.text() == "1 line is dropped."
    assert len(view.queue.model.ids) == 1


def answers(view: AutoView, text: str, qtbot: QtBot) -> list[str]:
    """Press "Retry now" for all lines and answer the question; gives what it said."""
    said: list[str] = []

    def act(box: QWidget) -> None:
        assert isinstance(box, QMessageBox)
        said.extend((box.text(), box.informativeText(), box.defaultButton().text()))
        next(one for one in box.buttons() if one.text() == text).click()

    in_dialog(act)
    view.queue.table.selectAll()
    view.queue.retry.click()
    qtbot.waitUntil(lambda: bool(said), timeout=WAIT)
    settle(view, qtbot)
    return said


def test_what_shadow_mode_holds_is_sent_only_after_a_question(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    keeper.take(held=shadow("room-1"))
    keeper.take(held=shadow("room-1"), to=("pacs", "ris"))
    keeper.records.watched.set_mode("room-1", "shadow", "otto")
    view = queue(make_view, tmp_path, qtbot)
    said = answers(view, "Leave it as it is", qtbot)
    assert said[0] == "The folder room-1 is in shadow mode. Send these 2 images all the same?"
    assert "pacs, ris" in said[1]
    assert said[2] == "Leave it as it is"
    assert states(keeper) == ["held"] * 3
    assert not view.answer.isVisible(), "nothing was done"
    assert "switch off “Shadow mode”" in view.queue.reason.text()
    assert "tolmach watch" not in view.queue.reason.text()
    answers(view, "Send all the same", qtbot)
    assert states(keeper) == ["queued"] * 3


def held_by_otto_one_of_a_shadow_folder(keeper: Keeper) -> None:
    keeper.take()
    keeper.take("room-2")
    keeper.records.desk.hold([row.delivery_id for row in keeper.records.desk.queue()], None, "otto")
    keeper.records.watched.set_mode("room-1", "shadow", "otto")


def test_what_a_person_holds_of_a_shadow_folder_is_asked_about_too_and_the_others_may_go(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    held_by_otto_one_of_a_shadow_folder(keeper)
    view = queue(make_view, tmp_path, qtbot)
    said = answers(view, "Only the others", qtbot)
    assert said[0] == "The folder room-1 is in shadow mode. Send 1 image all the same?"
    assert states(keeper) == ["held", "queued"]


def test_what_a_person_holds_of_a_live_folder_is_released_by_retry_alone(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    keeper.take(held=shadow("room-1"))
    keeper.take()
    keeper.records.desk.hold([row.delivery_id for row in keeper.records.desk.queue()], None, "otto")
    keeper.records.watched.set_mode("room-1", "live", "otto")
    view = queue(make_view, tmp_path, qtbot)
    view.queue.table.selectAll()
    view.queue.retry.click()
    settle(view, qtbot)
    assert states(keeper) == ["queued"] * 2


def test_all_of_a_state_are_retried_but_what_shadow_mode_holds(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    keeper.take(held=shadow("room-1"))
    keeper.take("room-2")
    keeper.fail(held=True)
    view = queue(make_view, tmp_path, qtbot)
    view.queue.state.setCurrentIndex(view.queue.state.findData("held"))
    settle(view, qtbot)
    press("Retry all")
    view.queue.all.click()
    settle(view, qtbot)
    assert states(keeper) == ["held", "queued"]


def test_all_are_retried_but_what_shadow_mode_holds(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    keeper.take()
    keeper.take()
    keeper.take(held=shadow("room-1"))
    keeper.fail(held=True)
    view = queue(make_view, tmp_path, qtbot)
    press("Leave it as it is")
    view.queue.all.click()
    settle(view, qtbot)
    assert sorted(states(keeper)) == ["held", "held", "queued"]
    press("Retry all")
    view.queue.all.click()
    settle(view, qtbot)
    assert sorted(states(keeper)) == ["held", "queued", "queued"]


def test_all_are_retried_but_what_a_person_holds_of_a_folder_in_shadow_mode(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    held_by_otto_one_of_a_shadow_folder(keeper)
    view = queue(make_view, tmp_path, qtbot)
    press("Retry all")
    view.queue.all.click()
    settle(view, qtbot)
    assert states(keeper) == ["held", "queued"]


def test_a_line_that_was_delivered_meanwhile_is_told(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    keeper.take()
    view = queue(make_view, tmp_path, qtbot)
    (line,) = view.queue.model.ids
    view._look.stop()
    keeper.deliver()
    view.desk.hold([line])
    qtbot.waitUntil(lambda: view.answer.isVisible() and view.answer.property("tone") == "bad", timeout=WAIT)
    qtbot.waitUntil(lambda: view.queue.model.ids == [], timeout=WAIT)
    assert view.queue.stack.currentWidget() is view.queue.empty
    assert not view.queue.why.isVisible()


def test_keys_lead_everywhere(make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot) -> None:
    keeper.take()
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    for key, part in ((Qt.Key.Key_2, "history"), (Qt.Key.Key_3, "queue"), (Qt.Key.Key_1, "folders")):
        QTest.keyClick(view, key, Qt.KeyboardModifier.AltModifier)
        assert view.part == part
        settle(view, qtbot)
    view.show_part("queue")
    settle(view, qtbot)
    qtbot.waitUntil(view.queue.table.hasFocus, timeout=WAIT)
    QTest.keyClick(view.queue.table, Qt.Key.Key_Down)
    settle(view, qtbot)
    assert view.queue.table.selected_ids() == view.queue.model.ids
    reached = set()
    for _ in range(60):
        focused = view.focusWidget()
        reached.add(focused)
        QTest.keyClick(focused, Qt.Key.Key_Tab)
    wanted = {
        "retry": view.queue.retry,
        "hold": view.queue.hold,
        "drop": view.queue.drop,
        "all": view.queue.all,
        "state": view.queue.state,
        "targets": view.queue.targets,
        "table": view.queue.table,
        "stop": view.agent_bar.stop,
    }
    assert [name for name, one in wanted.items() if one not in reached] == []
