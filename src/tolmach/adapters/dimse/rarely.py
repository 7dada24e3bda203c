"""Telling the same thing once in a while, however often it happens."""

from __future__ import annotations

import threading
from collections import OrderedDict

from tolmach.adapters.dimse.stream import Clock

AGAIN_AFTER_SECONDS = 60.0
REMEMBERED = 256
TOLD_PER_MINUTE = 30


class Rarely:
    """Decides what is news: each thing once a minute, and so many things in all; any thread may ask."""

    def __init__(self, clock: Clock) -> None:
        """Remember nothing yet."""
        self._clock = clock
        self._told: OrderedDict[tuple[str, ...], float] = OrderedDict()
        self._minute_ends = 0.0
        self._told_this_minute = 0
        self._lock = threading.Lock()

    def is_news(self, *thing: str) -> bool:
        """Tell whether this is to be told now; the caller then tells it."""
        now = self._clock()
        with self._lock:
            if now >= self._minute_ends:
                self._minute_ends, self._told_this_minute = now + 60.0, 0
            told_at = self._told.get(thing)
            is_old = told_at is not None and now < told_at + AGAIN_AFTER_SECONDS
            if is_old or self._told_this_minute >= TOLD_PER_MINUTE:
                return False
            self._told_this_minute += 1
            self._told[thing] = now
            self._told.move_to_end(thing)
            while len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
            return True
