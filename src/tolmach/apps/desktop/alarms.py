"""Which of the things that are stuck are news: each once, and again when it was over for a while in between."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from tolmach.apps.desktop.overview import Stuck

FORGET_SECONDS = 60.0  # what comes and goes, as a drive with a bad cable, is one thing


class Alarms:
    """What was told already."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Have told nothing; `clock` never goes back."""
        self._clock = clock
        self._seen_at: dict[Hashable, float] = {}

    def news(self, stuck: Sequence[Stuck]) -> list[Stuck]:
        """Give what is to be told now."""
        now = self._clock()
        known = {key: at for key, at in self._seen_at.items() if now - at < FORGET_SECONDS}
        self._seen_at = known | {one.key: now for one in stuck}
        return [one for one in stuck if one.key not in known]
