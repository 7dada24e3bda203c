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
from tolmach.apps.desktop.rows import State

COUNT = 5_000
# On a machine of two busy cores; what can be felt as a hang begins at about a second.
LONGEST_SECONDS = 1.0


@pytest.fixture
def pauses() -> Iterator[list[float]]:
    """Give the times between one beat of the window's own clock and the next."""
    found: list[float] = []
    last = [time.perf_counter()]

    def beat() -> None:
        now = time.perf_counter()
        found.append(now - last[0])
        last[0] = now

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(beat)
    timer.start(5)
    yield found
    timer.stop()


@pytest.mark.slow
def test_reading_and_sending_thousands_of_files(
    make_window: MakeWindow, tmp_path: Path, qtbot: QtBot, pauses: list[float]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"{number:05}.dcm").write_bytes(numbered(number))
    sys.setswitchinterval(0.001)
    with receiver(tmp_path / "scp") as (port, taken):
        window = make_window(port)
        qtbot.wait(200)
        pauses.clear()
        window.take_paths([folder])
        qtbot.waitUntil(lambda: len(window.desk.model.rows) == COUNT and not window.desk.is_reading, timeout=120_000)
        reading = max(pauses)
        pauses.clear()
        window.send_view.progress.send.click()
        qtbot.waitUntil(lambda: not window.desk.is_working, timeout=120_000)
        sending = max(pauses)
        assert {row.state for row in window.desk.model.rows} == {State.SENT}
        assert len(taken) == COUNT
    assert reading < LONGEST_SECONDS
    assert sending < LONGEST_SECONDS
