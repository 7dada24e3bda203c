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
# What can be felt as a hang begins at about a second; where a busy machine makes everything take longer, a window that
# did the work itself would not answer for all of that time.
LONGEST_SECONDS, LONGEST_SHARE = 1.0, 0.1


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
        begun = time.perf_counter()
        window.take_paths([folder])
        qtbot.waitUntil(lambda: len(window.desk.model.rows) == COUNT and not window.desk.is_reading, timeout=120_000)
        reading, read_in = max(pauses), time.perf_counter() - begun
        pauses.clear()
        begun = time.perf_counter()
        window.send_view.progress.send.click()
        qtbot.waitUntil(lambda: not window.desk.is_working, timeout=120_000)
        sending, sent_in = max(pauses), time.perf_counter() - begun
        assert {row.state for row in window.desk.model.rows} == {State.SENT}
        assert len(taken) == COUNT
    assert reading < max(LONGEST_SECONDS, LONGEST_SHARE * read_in)
    assert sending < max(LONGEST_SECONDS, LONGEST_SHARE * sent_in)
