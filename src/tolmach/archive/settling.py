"""What was acknowledged before a question was asked is found: the question waits until it is in the index."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

MOST_SECONDS: Final = 2.0
"""How long a question waits at most."""
LATE_SECONDS: Final = 60.0
"""How long what was acknowledged may be on its way into the index before a question is told of it."""
_LOOK_SECONDS: Final = 0.02
_TOLD_AGAIN_SECONDS: Final = 60.0


@dataclass(slots=True)
class Settle:
    """Waits until nothing is pending that was received before now; any thread may call.

    `ring` makes whoever walks journeys begin at once. What could not be waited for once is not waited for again: an
    object whose journey does not end must not slow every question down. When it has been missing for `late_seconds`,
    whoever asks is told so, and `tell` is called with since when, once a minute: until then thousands that came at
    once are on their way, and a question that fails because of them would do more harm.
    """

    oldest_pending: Callable[[], datetime | None]
    ring: Callable[[], None]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    pause: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)
    tell: Callable[[datetime], object] = lambda _since: None
    most_seconds: float = MOST_SECONDS
    late_seconds: float = LATE_SECONDS
    _hopeless: datetime | None = None
    _told_at: float | None = None

    def __call__(self) -> datetime | None:
        """Return when all that came before this call is in the index, or after `most_seconds`.

        Gives when the oldest was received that is late; None where nothing is.
        """
        asked_at, until = self.now(), self.monotonic() + self.most_seconds
        while (oldest := self.oldest_pending()) is not None and oldest <= asked_at:
            if oldest == self._hopeless or self.monotonic() >= until:
                self._hopeless = oldest
                if (asked_at - oldest).total_seconds() < self.late_seconds:
                    return None
                self._tell_rarely(oldest)
                return oldest
            self.ring()
            self.pause(_LOOK_SECONDS)
        return None

    def _tell_rarely(self, since: datetime) -> None:
        now = self.monotonic()
        if self._told_at is None or now - self._told_at >= _TOLD_AGAIN_SECONDS:
            self._told_at = now
            self.tell(since)
