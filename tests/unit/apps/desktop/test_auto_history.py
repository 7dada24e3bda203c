"""The history of the Auto-export view: found in any letters, one object with all there is to it, sent once more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QWidget
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
    shown_text,
    views,
)
from tests.unit.apps.desktop.conftest import WAIT
from tolmach.apps.desktop.auto_dialogs import ResendDialog
from tolmach.apps.desktop.auto_filters import day_of
from tolmach.apps.desktop.auto_history_model import Column
from tolmach.apps.desktop.auto_view import AutoView
from tolmach.apps.desktop.element_model import LINE_ROLE
from tolmach.apps.desktop.element_model import Column as ElementColumn


@pytest.fixture
def make_view(qtbot: QtBot) -> Iterator[MakeView]:
    yield from views(qtbot)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    with kept(tmp_path) as keeper:
        yield keeper


def history(make_view: MakeView, tmp_path: Path, qtbot: QtBot, *names: str) -> AutoView:
    view = make_view(FakeAgent(settings_of(tmp_path, *(names or ("room-1",)))))
    view.show_part("history")
    settle(view, qtbot)
    return view


def cell(view: AutoView, row: int, column: Column) -> str:
    return str(view.history.model.index(row, column).data())


def choose(box: QComboBox, key: str) -> None:
    box.setCurrentIndex(box.findData(key))


def test_what_came_is_listed_the_newest_first(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    keeper.take(minutes=90, modality="CT")
    keeper.take(name="Іваненко^Олена", to=("pacs", "ris"))
    keeper.take(quarantine=AWAY)
    keeper.take(verdict="unsure")
    keeper.deliver()
    view = history(make_view, tmp_path, qtbot)
    assert [cell(view, row, Column.STATE) for row in range(4)] == [
        "Waiting, text unsure",
        "In quarantine",
        "Waiting",
        "Delivered",
    ]
    assert cell(view, 2, Column.PATIENT) == "Іваненко Олена"
    assert cell(view, 2, Column.DESTINATION) == "pacs, ris"
    assert cell(view, 3, Column.MODALITY) == "CT"
    assert cell(view, 3, Column.SOURCE) == "room-1"
    assert len(cell(view, 3, Column.STUDY_DATE)) == 10
    assert view.history.sum.text() == "4 images"
    why = view.history.model.index(1, Column.STATE).data(Qt.ItemDataRole.ToolTipRole)
    assert "Connection refused" in why


def test_a_patient_is_found_in_any_letters(make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot) -> None:
    one = keeper.take(name="ЩЕРБАКОВ^ИВАН")
    two = keeper.take(name="Shcherbakov^Ivan")
    three = keeper.take(name="Іваненко^Олена")
    view = history(make_view, tmp_path, qtbot)
    search = view.history.filters.search
    QTest.keyClick(view, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(search.hasFocus, timeout=WAIT)
    for asked, expected in (
        ("Shcherbakov", [two, one]),
        ("щербаков", [two, one]),
        ("Ivanenko", [three]),
        ("17-А", [three, two, one]),
        ("%", []),
        ("<b>", []),
        ("", [three, two, one]),
    ):
        search.clear()
        QTest.keyClicks(search, asked) if asked.isascii() else search.setText(asked)
        settle(view, qtbot)
        assert view.history.model.ids == expected, asked
    search.setText("nobody")
    settle(view, qtbot)
    assert view.history.stack.currentWidget() is view.history.nothing


def test_a_time_a_state_and_a_folder_are_chosen(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    day = 24 * 60
    old = keeper.take(minutes=40 * day)
    month = keeper.take(minutes=20 * day, verdict="unsure")
    week = keeper.take("room-2", minutes=5 * day, changes=False)
    today = keeper.take(minutes=5, quarantine=AWAY)
    keeper.deliver()
    view = history(make_view, tmp_path, qtbot, "room-1", "room-2")
    filters = view.history.filters
    for period, expected in (("30", [today, week, month]), ("7", [today, week]), ("1", [today]), ("", None)):
        choose(filters.period, period)
        settle(view, qtbot)
        assert view.history.model.ids == (expected or [today, week, month, old])
    for kind, expected in (
        ("delivered", [old]),
        ("waiting", [week, month]),
        ("quarantined", [today]),
        ("held", []),
        ("deleted", []),
        ("unsure", [month]),
        ("changed", [month, old]),
    ):
        choose(filters.kind, kind)
        settle(view, qtbot)
        assert view.history.model.ids == expected, kind
    choose(filters.kind, "")
    choose(filters.watch, "room-2")
    settle(view, qtbot)
    assert view.history.model.ids == [week]
    filters.clear()
    settle(view, qtbot)
    assert len(view.history.model.ids) == 4


def test_days_are_chosen_as_people_write_them(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    ids = [keeper.take(minutes=days * 24 * 60) for days in (3, 2, 1)]
    days = [keeper.records.desk.objects([one])[0].received_at.astimezone().date() for one in ids]
    view = history(make_view, tmp_path, qtbot)
    filters = view.history.filters
    assert not filters.days.isVisible()
    choose(filters.period, "chosen")
    assert filters.days.isVisible()
    filters.first.setText(days[1].isoformat())
    settle(view, qtbot)
    assert view.history.model.ids == [ids[2], ids[1]]
    filters.last.setText(days[1].strftime("%d.%m.%Y"))
    settle(view, qtbot)
    assert view.history.model.ids == [ids[1]]
    filters.last.setText("31.02.2026")
    settle(view, qtbot)
    assert filters.last.property("wrong") == "true"
    assert view.history.model.ids == [ids[2], ids[1]]
    assert day_of("9999-12-31") is not None
    filters.last.setText("9999-12-31")
    settle(view, qtbot)


def test_one_object_is_shown_whole(make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot) -> None:
    keeper.take(number=7)
    one = keeper.take(number=7, version=2, to=("pacs", "ris"))
    keeper.fail(problem=AWAY)
    keeper.fail(problem=AWAY)
    line = keeper.records.listing.queue("ris")
    keeper.records.desk.drop(line, None, "Оля", "знято двічі")
    view = history(make_view, tmp_path, qtbot)
    view.history.table.select_id(one)
    qtbot.waitUntil(lambda: view.history.object.seen is not None, timeout=WAIT)
    settle(view, qtbot)
    shown = view.history.object
    assert shown.head.text() == "Щербаков Иван Петрович"
    assert "17-А" in shown.place.text()
    first = shown.model.index(0, ElementColumn.VALUE)
    assert str(first.data()) == "Ùåðáàêîâ^Èâàí^Ïåòðîâè÷ → Щербаков^Иван^Петрович"
    assert first.data(LINE_ROLE).is_changed
    assert not shown.model.flags(first) & Qt.ItemFlag.ItemIsEditable
    assert shown.model.rowCount() == 2
    told = shown.deliveries.text()
    assert "pacs: queued" in told
    assert "1 attempt" in told
    assert "Connection refused" in told
    assert "Look whether it runs" in told
    assert "ris: dropped" in told
    assert "said by Оля" in told
    log = shown.versions.text()
    assert "Version 2, shown here" in log
    assert "Version 1" in log
    assert "Оля: dropped" in log
    assert "знято двічі" in log


def test_an_unchanged_image_says_so(make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot) -> None:
    keeper.take(changes=False, to=())
    view = history(make_view, tmp_path, qtbot)
    view.history.table.selectRow(0)
    qtbot.waitUntil(lambda: view.history.object.seen is not None, timeout=WAIT)
    assert view.history.object.unchanged.text() == "Nothing was changed in this image."
    assert view.history.object.unchanged.isVisible()
    assert "kept in the archive here" in view.history.object.deliveries.text()
    assert cell(view, 0, Column.STATE) == "Kept here"


def test_an_image_is_sent_once_more(make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot) -> None:
    one, two = keeper.take(), keeper.take()
    keeper.deliver(count=2)
    view = history(make_view, tmp_path, qtbot)
    assert not view.history.resend.isEnabled()
    view.history.table.selectAll()

    def as_before(dialog: QWidget) -> None:
        assert isinstance(dialog, ResendDialog)
        assert dialog.ok.text() == "Resend 2 images"
        dialog.accept()

    in_dialog(as_before)
    view.history.resend.click()
    settle(view, qtbot)
    assert [row.object_id for row in keeper.records.desk.queue("pacs")] == [one, two]
    assert view.answer.head.text() == "2 lines are queued."

    def to_another(dialog: QWidget) -> None:
        assert isinstance(dialog, ResendDialog)
        choose(dialog.where, "ris")
        dialog.original.setChecked(True)
        dialog.accept()

    view.history.table.select_id(two)
    qtbot.waitUntil(lambda: view.history.object.seen is not None, timeout=WAIT)
    in_dialog(to_another)
    view.history.object.resend.click()
    settle(view, qtbot)
    (row,) = keeper.records.desk.queue("ris")
    assert row.object_id == two
    assert keeper.records.desk.objects([two])[0].deliveries[1].is_original
    assert list(keeper.records.events(two))[-1].actor == view.desk.actor


def test_what_cannot_be_sent_again_is_told(make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot) -> None:
    one = keeper.take(quarantine=AWAY)
    view = history(make_view, tmp_path, qtbot)
    view.history.table.select_id(one)
    in_dialog(lambda dialog: dialog.accept())  # type: ignore[attr-defined]
    view.history.menu_for([one]).actions()[0].trigger()
    settle(view, qtbot)
    assert view.answer.isVisible()
    assert view.answer.property("tone") == "bad"
    assert view.answer.rest.text()


def test_rows_are_copied_as_text(make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot) -> None:
    one = keeper.take()
    view = history(make_view, tmp_path, qtbot)
    view.history.table.selectAll()
    view.history.menu_for([one]).actions()[1].trigger()
    text = QGuiApplication.clipboard().text()
    assert "\tЩербаков Иван Петрович\t" in text
    assert text.endswith("\tWaiting")


def test_what_comes_new_moves_nothing_that_is_looked_at(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    for _ in range(80):
        keeper.take()
    view = history(make_view, tmp_path, qtbot)
    table, bar = view.history.table, view.history.table.verticalScrollBar()
    assert bar.value() == 0
    newest = keeper.take()
    view.history.refresh()
    qtbot.waitUntil(lambda: view.history.model.ids[0] == newest, timeout=WAIT)
    assert bar.value() == 0
    table.select_id(40)
    settle(view, qtbot)
    top = table.indexAt(table.viewport().rect().topLeft()).data(Qt.ItemDataRole.UserRole)
    for _ in range(3):
        keeper.take()
    view.history.refresh()
    qtbot.waitUntil(lambda: len(view.history.model.ids) == 84, timeout=WAIT)
    assert table.selected_ids() == [40]
    assert table.current_id() == 40
    assert table.indexAt(table.viewport().rect().topLeft()).data(Qt.ItemDataRole.UserRole) == top


def test_a_state_that_changes_is_shown(make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot) -> None:
    one = keeper.take()
    view = history(make_view, tmp_path, qtbot)
    view.history.table.select_id(one)
    settle(view, qtbot)
    assert cell(view, 0, Column.STATE) == "Waiting"
    keeper.deliver()
    qtbot.waitUntil(lambda: cell(view, 0, Column.STATE) == "Delivered", timeout=WAIT)
    qtbot.waitUntil(lambda: "pacs: delivered" in view.history.object.deliveries.text(), timeout=WAIT)
    assert "the receiver’s answer" in view.history.object.deliveries.text()


@pytest.mark.parametrize(
    "name", ["<b>Ivan</b><img src=x>", "Ivan\u202egnp.exe\u2066", "Я" * 65_536, "A\x1b[31mC", "{0}%s${x}"]
)
def test_hostile_names_are_shown_as_text(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot, name: str
) -> None:
    one = keeper.take(name=name, before=name, number=5)
    keeper.records.desk.drop(keeper.records.listing.queue(), None, name, name)
    view = history(make_view, tmp_path, qtbot)
    view.history.table.select_id(one)
    qtbot.waitUntil(lambda: view.history.object.seen is not None, timeout=WAIT)
    settle(view, qtbot)
    text = cell(view, 0, Column.PATIENT)
    assert len(text) < 300
    assert text.isprintable()
    assert "\u202e" not in text
    for tab in range(3):
        view.history.object.tabs.setCurrentIndex(tab)
        for said in shown_text(view):
            assert "\u202e" not in said
            assert "\x1b" not in said
            assert len(said) < 5_000
        view.grab()
    assert all(one.textFormat().name == "PlainText" for one in view.findChildren(QLabel))
    for column in Column:
        tip = str(view.history.model.index(0, column).data(Qt.ItemDataRole.ToolTipRole))
        assert "<b>" not in tip
        assert "<img" not in tip
