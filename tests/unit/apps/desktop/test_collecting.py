"""Garbage of the window is collected in its own thread."""

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from tests.unit.apps.desktop.conftest import WAIT
from tolmach.apps.desktop.collecting import Collector


class Knot(QObject):
    """Something of Qt that only the collector can find."""

    def __init__(self, died_in: list[int]) -> None:
        super().__init__()
        self.me = self
        weakref.finalize(self, lambda: died_in.append(threading.get_ident()))


@pytest.fixture
def owner() -> Iterator[QObject]:
    one = QObject()
    yield one
    gc.enable()


def test_what_nobody_owns_dies_in_the_windows_thread(owner: QObject, qtbot: QtBot) -> None:
    Collector(owner)
    died_in: list[int] = []
    Knot(died_in)
    stop = threading.Event()

    def allocate() -> None:
        kept: list[list[object]] = []
        while not stop.is_set():
            kept = [[kept[:1]] for _ in range(2000)]
            stop.wait(0.001)

    busy = threading.Thread(target=allocate)
    busy.start()
    try:
        qtbot.waitUntil(lambda: bool(died_in), timeout=WAIT)
    finally:
        stop.set()
        busy.join()
    assert died_in == [threading.get_ident()]
