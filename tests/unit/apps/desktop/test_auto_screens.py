"""How the Auto-export view looks: in every language, light, dark and with high contrast, narrow and wide.

The pictures are kept in build/screenshots, to be looked at; what is asserted is that nothing is cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from tests.conftest import ROOT
from tests.unit.apps.desktop.auto_station import (
    AWAY,
    FakeAgent,
    MakeView,
    kept,
    settings_of,
    settle,
    shadow,
    views,
)
from tolmach.apps.desktop.agent import AgentState
from tolmach.apps.desktop.auto_history_model import Column as HistoryColumn
from tolmach.apps.desktop.auto_queue_model import Column as QueueColumn
from tolmach.apps.desktop.auto_view import AutoView
from tolmach.base import Problem
from tolmach.repair.holding import HELD_UNSURE

PICTURES = ROOT / "build" / "screenshots"
SIZES = ((678, 560), (1158, 760))  # what the window's navigation leaves of 800 and 1280
NAMES = ("Щербаков^Иван^Петрович", "Іваненко^Олена", "Кім^Олександр^Вікторович", "ПЕТРЕНКО^ЮЛІЯ")


@pytest.fixture
def make_view(qtbot: QtBot) -> Iterator[MakeView]:
    yield from views(qtbot)


@pytest.fixture
def filled(make_view: MakeView, tmp_path: Path) -> AutoView:
    """Give a view in which there is something of everything."""
    with kept(tmp_path) as keeper:
        for number in range(24):
            keeper.take("room-1" if number % 2 else "Флюорограф", NAMES[number % 4], minutes=70 * number + 3)
        keeper.deliver(count=14)
        keeper.fail(count=2)
        keeper.fail(held=True)
        keeper.take("room-1", "Doe^?", minutes=2, held=Problem(HELD_UNSURE), verdict="unsure")
        keeper.take("Флюорограф", quarantine=AWAY)
        keeper.take("травма 2", held=shadow("травма 2"))
        keeper.records.outbox.note_destination("pacs", AWAY, keeper.now + timedelta(minutes=7))
        keeper.look("room-1", "травма 2")
        keeper.look("Флюорограф", problem=AWAY)
    settings = settings_of(tmp_path, "room-1", "Флюорограф", "травма 2", export_folder=tmp_path / "out")
    return make_view(FakeAgent(settings))


def cut_off(view: QWidget) -> list[str]:
    """Give the buttons and fields that are seen and have too little room for their words."""
    found = []
    for one in view.findChildren(QWidget):
        if not isinstance(one, QPushButton | QToolButton | QCheckBox | QComboBox) or not one.isVisible():
            continue
        if one.objectName().startswith("qt_"):
            continue
        place = QRect(one.mapTo(view, QPoint(0, 0)), one.size())
        is_narrow = one.width() < one.minimumSizeHint().width()
        if is_narrow or place.left() < 0 or place.right() > view.width():
            found.append(f"{type(one).__name__} {one.accessibleName() or getattr(one, 'text', str)()}: {place}")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("language", ["ru", "uk", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark", "contrast"])
def test_nothing_is_cut_off(filled: AutoView, qtbot: QtBot, language: str, scheme: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    filled._words.speak(language)
    filled.folders._theme.choose(scheme)
    for width, height in SIZES:
        filled.resize(width, height)
        for part in ("folders", "history", "queue"):
            filled.show_part(part)
            settle(filled, qtbot)
            if part == "history":
                filled.history.table.selectRow(3)
            if part == "queue":
                filled.queue.table.selectRow(0)
            settle(filled, qtbot)
            filled.grab().save(str(PICTURES / f"auto-{part}-{language}-{scheme}-{width}.png"))
            assert cut_off(filled) == []
            if part != "folders":
                page = filled.history if part == "history" else filled.queue
                assert page.table.horizontalScrollBar().maximum() < 80, "the columns fit, or nearly so"


@pytest.mark.parametrize("kind", ["off", "failed", "elsewhere", "empty"])
def test_states_of_the_agent(make_view: MakeView, tmp_path: Path, qtbot: QtBot, kind: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    settings = settings_of(tmp_path, *(() if kind == "empty" else ("room-1",)))
    state = AgentState("off") if kind == "empty" else AgentState(kind, problem=AWAY)  # type: ignore[arg-type]
    view = make_view(FakeAgent(settings, state))
    view.resize(*SIZES[0])
    settle(view, qtbot)
    view.grab().save(str(PICTURES / f"auto-agent-{kind}.png"))
    assert cut_off(view) == []


@pytest.mark.parametrize("language", ["ru", "uk", "en"])
def test_states_are_read_whole_in_lists(filled: AutoView, qtbot: QtBot, language: str) -> None:
    filled._words.speak(language)
    for width, height in SIZES:
        filled.resize(width, height)
        for part, column in (("history", HistoryColumn.STATE), ("queue", QueueColumn.STATE)):
            filled.show_part(part)
            settle(filled, qtbot)
            page = filled.history if part == "history" else filled.queue
            model, table = page.model, page.table
            cells = [model.index(row, column) for row in range(model.rowCount())]
            if part == "history":
                assert filled._words.gettext("Waiting, is retried") in [one.data() for one in cells]
            cut = [one.data() for one in cells if table.sizeHintForIndex(one).width() > table.columnWidth(column)]
            unsure = filled._words.gettext("text unsure")  # the doubt beside the state may be cut; the tooltip has it
            cut = [one for one in cut if unsure not in one]
            assert cut == [], (part, width, table.columnWidth(column))
            tips = [(str(one.data()), str(one.data(Qt.ItemDataRole.ToolTipRole))) for one in cells]
            assert [one for one in tips if one[0] not in one[1]] == []
