"""Who called without being allowed to: told once in a while, so that an operator can add them, and never a flood."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from tolmach.adapters.dimse.stream import Clock

TOLD_AGAIN_SECONDS = 60.0
REMEMBERED = 256
TOLD_PER_MINUTE = 30

# Takes the AE title (printable ASCII, not trusted otherwise) and the address of somebody who was turned away.
OnUnknown = Callable[[str, str], None]


class UnknownCallers:
    """Passes on who was turned away: each pair once a minute, and so many in all; any thread may call."""

    def __init__(self, on_unknown: OnUnknown | None, clock: Clock) -> None:
        """Remember nobody yet; `on_unknown` is called in the thread of the connection and must be quick."""
        self._on_unknown = on_unknown
        self._clock = clock
        self._told: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._minute_ends = 0.0
        self._told_this_minute = 0
        self._lock = threading.Lock()

    def note(self, ae_title: str, host: str) -> None:
        """Tell of somebody unless that was done a moment ago."""
        key = (ascii(ae_title)[1:-1], host)
        if self._on_unknown is not None and self._is_news(key):
            self._on_unknown(*key)

    def _is_news(self, key: tuple[str, str]) -> bool:
        now = self._clock()
        with self._lock:
            if now >= self._minute_ends:
                self._minute_ends, self._told_this_minute = now + 60.0, 0
            told_at = self._told.get(key)
            if (
                told_at is not None and now < told_at + TOLD_AGAIN_SECONDS
            ) or self._told_this_minute >= TOLD_PER_MINUTE:
                return False
            self._told_this_minute += 1
            self._told[key] = now
            self._told.move_to_end(key)
            while len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
            return True
