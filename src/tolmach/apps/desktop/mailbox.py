"""From threads into the window: messages are gathered and brought in batches, so that no flood of them blocks it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal

PAUSE_MILLISECONDS = 40
_MOST_AT_ONCE = 250
_MOST_SECONDS = 0.012

T = TypeVar("T")


class Mailbox(QObject, Generic[T]):
    """Takes messages in any thread and gives them to `deliver` in the window's own."""

    _rung = Signal()

    def __init__(self, deliver: Callable[[list[T]], None], parent: QObject | None = None) -> None:
        """Belong to the thread this is called in."""
        super().__init__(parent)
        self._deliver = deliver
        self._waiting: deque[T] = deque()
        self._is_rung = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MILLISECONDS)
        self._timer.timeout.connect(self.empty)
        self._rung.connect(self._start, Qt.ConnectionType.QueuedConnection)

    def put(self, message: T) -> None:
        """Take a message; may be called in any thread."""
        self._waiting.append(message)
        if not self._is_rung:
            self._is_rung = True
            try:
                self._rung.emit()
            except RuntimeError:  # the window is gone; nobody is left to be told
                self._waiting.clear()

    def _start(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def empty(self) -> None:
        """Bring what has come, in pieces short enough not to be felt."""
        self._is_rung = False
        began = time.monotonic()
        while self._waiting and time.monotonic() - began < _MOST_SECONDS:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
            self._deliver(batch)
        if self._waiting:
            self._timer.start()
