"""Python's cyclic collector, in the window's thread alone.

Left to itself it runs in whatever thread allocates just then, which is mostly one of the agent's. What it finds of the
window would be deleted there, and Qt ends the program when its timers die in another thread than theirs (seen with
PySide6 6.11.3 and Python 3.11: a crash in one of three runs of the agent's tests).
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_MILLISECONDS = 250


class Collector(QObject):
    """Collects as often as Python would, as long as it lives; `parent` belongs to the window's thread."""

    def __init__(self, parent: QObject) -> None:
        """Begin."""
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(_MILLISECONDS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> None:
        """Collect the oldest generation that is due, if one is."""
        due = [count > threshold for count, threshold in zip(gc.get_count(), gc.get_threshold(), strict=True)]
        if due[0]:
            # A higher one is due by Python's rule when enough of the lower ones were done.
            gc.collect(2 if due[2] and due[1] else 1 if due[1] else 0)
