"""What was acknowledged before a question was asked is found: the question waits until it is in the index."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

MOST_SECONDS: Final = 2.0
"""How long a question waits at most."""
_LOOK_SECONDS: Final = 0.02


@dataclass(slots=True)
class Settle:
    """Waits until nothing is pending that was received before now; any thread may call.

    `ring` makes whoever walks journeys begin at once. What could not be waited for once is not waited for again: an
    object whose journey does not end must not slow every question down.
    """

    oldest_pending: Callable[[], datetime | None]
    ring: Callable[[], None]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    pause: Callable[[float], object] = field(default_factory=lambda: threading.Event().wait)
    most_seconds: float = MOST_SECONDS
    _hopeless: datetime | None = None

    def __call__(self) -> None:
        """Return when all that came before this call is in the index, or after `most_seconds`."""
        asked_at, until = self.now(), self.monotonic() + self.most_seconds
        while (oldest := self.oldest_pending()) is not None and oldest <= asked_at and oldest != self._hopeless:
            if self.monotonic() >= until:
                self._hopeless = oldest
                return
            self.ring()
            self.pause(_LOOK_SECONDS)
