"""No faster than so many objects and so many bytes a second, for all lanes of a destination together."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Pace:
    """Counts what left and says when more may; any thread may call."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        objects_per_second: float | None = None,
        bytes_per_second: float | None = None,
    ) -> None:
        """Begin with nothing owed; None is no limit."""
        self._monotonic = monotonic
        self._seconds_per_object = 1 / objects_per_second if objects_per_second else 0.0
        self._seconds_per_byte = 1 / bytes_per_second if bytes_per_second else 0.0
        self._lock = threading.Lock()
        self._object_at = self._byte_at = monotonic()

    def seconds_until_next(self) -> float:
        """Take the next turn and give how long to wait for it."""
        with self._lock:
            now = self._monotonic()
            turn = max(now, self._object_at, self._byte_at)
            self._object_at = turn + self._seconds_per_object
            return turn - now

    def left(self, size: int) -> None:
        """Say that so many bytes left; the next turn comes when they are within the limit."""
        with self._lock:
            self._byte_at = max(self._byte_at, self._monotonic()) + size * self._seconds_per_byte
