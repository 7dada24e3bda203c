"""Thousands of files are read and sent while the window goes on answering."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from pytestqt.qtbot import QtBot

from tests.calling import numbered
from tests.unit.apps.desktop.conftest import MakeWindow, receiver
from tolmach.apps.desktop.collecting import Collector
from tolmach.apps.desktop.rows import State

COUNT = 5_000
# What can be felt as a hang begins at about a second of the window's own work. How long it then really takes is up to
# whatever else the machine does; but a window that waited for the work would not answer for all of the time.
LONGEST_SECONDS, LONGEST_SHARE = 1.0, 0.1


@pytest.fixture
def pauses() -> Iterator[list[tuple[float, float]]]:
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


def longest(pauses: list[tuple[float, float]]) -> tuple[float, float]:
    return max(work for work, _wall in pauses), max(wall for _work, wall in pauses)


@pytest.mark.slow
def test_reading_and_sending_thousands_of_files(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, pauses: list[tuple[float, float]]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"{number:05}.dcm").write_bytes(numbered(number))
    sys.setswitchinterval(0.001)
    with receiver(tmp_path / "scp") as (port, taken):
        window = make_window(port)
        Collector(window)
        qtbot.wait(200)
        pauses.clear()
        begun = time.perf_counter()
        window.take_paths([folder])
        qtbot.waitUntil(lambda: len(window.desk.model.rows) == COUNT and not window.desk.is_reading, timeout=120_000)
        reading, read_in = longest(pauses), time.perf_counter() - begun
        pauses.clear()
        begun = time.perf_counter()
        window.send_view.progress.send.click()
        qtbot.waitUntil(lambda: not window.desk.is_working, timeout=120_000)
        sending, sent_in = longest(pauses), time.perf_counter() - begun
        assert {row.state for row in window.desk.model.rows} == {State.SENT}
        assert len(taken) == COUNT
    for (work, wall), in_all in ((reading, read_in), (sending, sent_in)):
        assert work < LONGEST_SECONDS
        assert wall < max(LONGEST_SECONDS, LONGEST_SHARE * in_all)
