"""Behind the Auto-export view: read what is seen, when it has changed; whatever the records do, the window answers."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from pytestqt.qtbot import QtBot

from tests.unit.apps.desktop.auto_station import AWAY, FakeAgent, Keeper, MakeView, kept, settings_of, settle, views
from tests.unit.apps.desktop.conftest import WAIT
from tolmach.apps.desktop import auto_desk
from tolmach.apps.desktop.agent import AgentState
from tolmach.apps.desktop.auto_history_model import Column
from tolmach.apps.desktop.auto_rows import HistoryLine, QueueLine
from tolmach.apps.desktop.auto_source import AutoSource
from tolmach.apps.desktop.auto_view import AutoView
from tolmach.apps.faults import NO_CONFIGURATION, BadConfiguration
from tolmach.apps.overseeing import Wanted
from tolmach.intake.faults import RecordsTrouble

MANY = 100_000
LONGEST_SECONDS = 0.5  # of the window's own work between two beats


@pytest.fixture
def make_view(qtbot: QtBot) -> Iterator[MakeView]:
    yield from views(qtbot)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    with kept(tmp_path) as keeper:
        yield keeper


class Calls:
    """Counts what is asked of a source."""

    def __init__(self, source: AutoSource, *names: str) -> None:
        self.counted = dict.fromkeys(names, 0)
        for name in names:
            setattr(source, name, self._counting(name, getattr(source, name)))

    def _counting(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **more: object) -> object:
            self.counted[name] += 1
            return real(*arguments, **more)

        return call


@pytest.fixture
def beats() -> Iterator[list[tuple[float, float]]]:
    """Give the times between one beat of the window's clock and the next: of its own work, and of all that went by."""
    found: list[tuple[float, float]] = []
    last = [(time.thread_time(), time.perf_counter())]

    def beat() -> None:
        now = time.thread_time(), time.perf_counter()
        found.append((now[0] - last[0][0], now[1] - last[0][1]))
        last[0] = now

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(beat)
    timer.start(5)
    yield found
    timer.stop()


def ticks(view: AutoView, qtbot: QtBot, count: int) -> None:
    """Let the view look so often, as by its clock."""
    view._look.stop()
    for _ in range(count):
        for known in view.desk._known.values():
            known.rests_until = 0.0
        view._tick()
        settle(view, qtbot)


def test_only_what_is_seen_is_read_and_only_when_it_has_changed(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    keeper.take()
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    calls = Calls(view.desk.source, "folders", "history", "history_lines", "queue", "one")
    ticks(view, qtbot, 3)
    assert set(calls.counted.values()) == {0}
    keeper.take()
    ticks(view, qtbot, 2)
    assert calls.counted == {"folders": 1, "history": 0, "history_lines": 0, "queue": 0, "one": 0}
    assert view.folders.cards["room-1"].tiles["taken"].number.text() == "2"
    view.show_part("history")
    settle(view, qtbot)
    calls.counted = dict.fromkeys(calls.counted, 0)
    ticks(view, qtbot, 3)
    assert set(calls.counted.values()) == {0}
    keeper.take()
    ticks(view, qtbot, 2)
    assert calls.counted == {"folders": 1, "history": 1, "history_lines": 1, "queue": 0, "one": 0}
    view.hide()
    assert not view._look.isActive()


def test_what_takes_long_is_read_less_often(make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot) -> None:
    keeper.take()
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    view._look.stop()
    real, begun = view.desk.source.folders, []

    def slowly() -> object:
        begun.append(time.monotonic())
        time.sleep(0.3)
        return real()

    view.desk.source.folders = slowly  # type: ignore[method-assign, assignment]
    view.desk.look_folders(force=True)
    qtbot.waitUntil(lambda: not view.desk._known["folders"].is_asked, timeout=WAIT)
    keeper.take()
    view.desk.look_folders()
    assert not view.desk._known["folders"].is_asked, "it rests"

    def is_read_again() -> bool:
        view.desk.look_folders()
        return len(begun) == 2

    qtbot.waitUntil(is_read_again, timeout=WAIT)
    assert begun[1] - begun[0] > 1.0
    settle(view, qtbot)


def test_a_database_that_is_locked_never_freezes_the_window(
    make_view: MakeView,
    keeper: Keeper,
    tmp_path: Path,
    qtbot: QtBot,
    beats: list[tuple[float, float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auto_desk, "SLOW_SECONDS", 0.5)
    keeper.take()
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    view.show_part("queue")
    settle(view, qtbot)
    with closing(sqlite3.connect(tmp_path / "data" / "tolmach.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        beats.clear()
        view.queue.table.selectAll()
        view.queue.hold.click()
        qtbot.waitUntil(lambda: view.banner.isVisible(), timeout=WAIT)
        assert "have not answered" in view.banner.head.text()
        view.show_part("folders")
        view.show_part("queue")
        view.grab()
        assert not view.queue.hold.isEnabled()
        assert max(work for work, _wall in beats) < LONGEST_SECONDS
        other.execute("ROLLBACK")
    settle(view, qtbot)
    qtbot.waitUntil(lambda: not view.banner.isVisible(), timeout=WAIT)
    assert [row.state for row in keeper.records.desk.queue()] == ["held"]


def test_records_that_cannot_be_read_are_told_and_read_again_when_they_can(
    make_view: MakeView, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "tolmach.sqlite"
    file.write_bytes(b"no database at all" * 500)
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    qtbot.waitUntil(view.banner.isVisible, timeout=WAIT)
    assert view.banner.head.text()
    assert view.banner.rest.text()
    assert view.folders.waiting.isVisible()
    assert view.folders.waiting.text().startswith(view.banner.head.text()), "not that it is being read"
    assert "tried again by itself" in view.folders.waiting.text()
    view.show_part("history")
    view.show_part("queue")
    settle(view, qtbot)
    file.unlink()
    with kept(tmp_path) as keeper:
        keeper.take()
        qtbot.waitUntil(lambda: not view.banner.isVisible() and len(view.queue.model.ids) == 1, timeout=WAIT)


def test_folders_that_could_not_be_read_at_first_are_shown_when_they_can(
    make_view: MakeView, tmp_path: Path, qtbot: QtBot
) -> None:
    agent = FakeAgent(settings_of(tmp_path, "room-1"))
    agent.trouble = RecordsTrouble(AWAY.fault, **AWAY.facts)
    view = make_view(agent)
    assert "Connection refused" in view.folders.waiting.text()
    agent.trouble = None
    qtbot.waitUntil(lambda: "room-1" in view.folders.cards, timeout=WAIT)
    assert not view.folders.waiting.isVisible()
    assert not view.banner.isVisible()


def test_a_line_that_cannot_be_read_says_why_until_it_can(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    keeper.take()
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    trouble = [RecordsTrouble(AWAY.fault, **AWAY.facts)]
    real = view.desk.source.queue_lines

    def lines(ids: Sequence[int]) -> dict[int, QueueLine]:
        if trouble:
            raise trouble[0]
        return real(ids)

    view.desk.source.queue_lines = lines  # type: ignore[method-assign]
    view.show_part("queue")
    qtbot.waitUntil(lambda: bool(view.queue.model.ids), timeout=WAIT)
    view.queue.table.selectRow(0)
    qtbot.waitUntil(lambda: "Connection refused" in view.queue.reason.text(), timeout=WAIT)
    trouble.clear()
    qtbot.waitUntil(lambda: "Щербаков" in view.queue.reason.text(), timeout=WAIT)
    qtbot.waitUntil(lambda: not view.banner.isVisible(), timeout=WAIT)


def test_saying_something_where_nothing_ever_came_is_answered(
    make_view: MakeView, tmp_path: Path, qtbot: QtBot
) -> None:
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    view.folders.cards["room-1"].pause.click()
    settle(view, qtbot)
    assert view.answer.property("tone") == "bad"
    assert view.answer.rest.text()


def test_what_the_agent_cannot_do_is_said_once(make_view: MakeView, tmp_path: Path, qtbot: QtBot) -> None:
    agent = FakeAgent(settings_of(tmp_path, "room-1"))
    agent.trouble = BadConfiguration(NO_CONFIGURATION, file="tolmach.toml", why="no end")
    view = make_view(agent)
    qtbot.waitUntil(view.banner.isVisible, timeout=WAIT)
    agent.tell(AgentState("failed", problem=agent.trouble.problem))
    assert view.agent_bar.banner.isVisible()
    assert not view.banner.isVisible()
    agent.tell(AgentState("off"))
    assert view.banner.isVisible()


def test_what_was_done_is_no_news_in_another_part(make_view: MakeView, tmp_path: Path, qtbot: QtBot) -> None:
    with kept(tmp_path) as keeper:
        keeper.look("room-1")
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    qtbot.waitUntil(lambda: "room-1" in view.folders.cards, timeout=WAIT)
    view.folders.cards["room-1"].pause.click()
    qtbot.waitUntil(view.answer.isVisible, timeout=WAIT)
    assert view.answer.property("tone") == "good"
    view.show_part("queue")
    assert not view.answer.isVisible()


def test_records_that_appear_later_are_opened(make_view: MakeView, tmp_path: Path, qtbot: QtBot) -> None:
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    assert not view.banner.isVisible()
    assert view.folders.cards["room-1"].state.text() == "Not looked at yet"
    with kept(tmp_path) as keeper:
        keeper.take()
        keeper.look("room-1")
        qtbot.waitUntil(lambda: view.folders.cards["room-1"].state.text() == "Running", timeout=WAIT)


def test_another_data_folder_is_followed(make_view: MakeView, tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "other").mkdir()
    with kept(tmp_path) as keeper, kept(tmp_path / "other") as other:
        keeper.take()
        other.take()
        other.take()
        agent = FakeAgent(settings_of(tmp_path, "room-1"))
        view = make_view(agent)
        tile = view.folders.cards["room-1"].tiles["taken"].number
        assert tile.text() == "1"
        agent.given = settings_of(tmp_path / "other", "room-1")
        agent.followed.emit()
        qtbot.waitUntil(lambda: tile.text() == "2", timeout=WAIT)


def test_a_view_that_hangs_is_closed_all_the_same(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    gate = threading.Event()
    view.desk.source.folders = lambda: gate.wait(30)  # type: ignore[method-assign, assignment, return-value]
    view.desk.look_folders(force=True)
    began = time.monotonic()
    view.close_down()
    assert time.monotonic() - began < 8
    gate.set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_nobody_foresaw_is_told_and_looking_goes_on(
    make_view: MakeView, keeper: Keeper, tmp_path: Path, qtbot: QtBot
) -> None:
    view = make_view(FakeAgent(settings_of(tmp_path, "room-1")))
    real_folders, real_pause = view.desk.source.folders, view.desk.source.pause

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    view.desk.source.folders = broken  # type: ignore[method-assign, assignment]
    view.desk.source.pause = broken  # type: ignore[method-assign, assignment]
    view.desk.look_folders(force=True)
    qtbot.waitUntil(view.banner.isVisible, timeout=WAIT)
    assert "an error in tolmach" in view.banner.head.text()
    view.folders.cards["room-1"].pause.click()
    qtbot.waitUntil(lambda: view.answer.isVisible() and not view.desk.is_working, timeout=WAIT)
    assert view.answer.property("tone") == "bad"
    view.desk.source.folders = real_folders  # type: ignore[method-assign]
    view.desk.source.pause = real_pause  # type: ignore[method-assign]
    qtbot.waitUntil(lambda: not view.banner.isVisible(), timeout=WAIT)
    keeper.take()
    tile = view.folders.cards["room-1"].tiles["taken"].number
    qtbot.waitUntil(lambda: tile.text() == "1", timeout=WAIT)


class LongSource(AutoSource):
    """A hundred thousand objects that no disk has."""

    def __init__(self, opener: FakeAgent) -> None:
        super().__init__(opener)
        self.count = MANY
        self.read: list[int] = []

    def stamp(self) -> int:
        return self.count

    def history(self, wanted: Wanted, newer_than: int = 0) -> list[int]:
        if wanted.patient:
            return list(range(self.count, newer_than, -10))
        return list(range(self.count, newer_than, -1))

    def history_lines(self, ids: Sequence[int]) -> dict[int, HistoryLine]:
        self.read += ids
        at = datetime(2026, 11, 22, tzinfo=UTC)
        return {
            one: HistoryLine(
                one, at + timedelta(seconds=one), f"Name {one}", "2026-11-22", "DX", "room-1", "pacs", "delivered",
                False, 1, None,
            )
            for one in ids
        }  # fmt: skip


def test_a_hundred_thousand_rows_stay_responsive(
    make_view: MakeView, tmp_path: Path, qtbot: QtBot, beats: list[tuple[float, float]]
) -> None:
    sys.setswitchinterval(0.001)
    agent = FakeAgent(settings_of(tmp_path, "room-1"))
    view = make_view(agent)
    source = view.desk.source = LongSource(agent)
    beats.clear()
    view.show_part("history")
    settle(view, qtbot)
    model, table = view.history.model, view.history.table
    assert model.rowCount() == MANY
    assert len(source.read) < 1_000
    bar = table.verticalScrollBar()
    for place in (50_000, 99_999, 10, 70_000):
        bar.setValue(place)
        settle(view, qtbot)
        top = table.indexAt(table.viewport().rect().topLeft())
        assert str(top.siblingAtColumn(Column.PATIENT).data()) == f"Name {MANY - top.row()}"
    table.selectAll()
    assert len(table.selected_ids()) == MANY
    table.select_id(MANY // 2)
    source.count += 3
    view.history.refresh()
    qtbot.waitUntil(lambda: model.rowCount() == MANY + 3, timeout=WAIT)
    settle(view, qtbot)
    assert table.selected_ids() == [MANY // 2]
    view.history.filters.search.setText("x")
    settle(view, qtbot)
    assert model.rowCount() == MANY // 10 + 1
    assert len(source.read) < 5_000
    assert max(work for work, _wall in beats) < LONGEST_SECONDS
    assert len(model._rows) < 6_001
