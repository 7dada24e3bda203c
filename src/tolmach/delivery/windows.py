"""Times of day at which a destination may be delivered to, such as 20:00-06:00."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` up to `end`, over midnight where `end` is the earlier; all day where they are the same.

    Both are wall-clock times of `zone`; None is that of the machine, whatever its summer time is by then.
    """

    start: time
    end: time
    zone: tzinfo | None

    @classmethod
    def parse(cls, text: str, zone: tzinfo | None) -> Window:
        """Understand `HH:MM-HH:MM`; raises `ValueError`."""
        found = _WINDOW.fullmatch(text.strip())
        if found is None:
            raise ValueError(text)
        start_hour, start_minute, end_hour, end_minute = map(int, found.groups())
        return cls(time(start_hour, start_minute), time(end_hour, end_minute), zone)

    def opens_at(self, now: datetime) -> datetime | None:
        """Give None while the window is open, else the moment (UTC) it opens next."""
        local = now.astimezone(self.zone)
        clock = local.time()
        if self.start == self.end or self._contains(clock):
            return None
        opening = datetime.combine(local.date(), self.start, self.zone)
        if clock >= self.start:
            opening = datetime.combine(local.date() + timedelta(days=1), self.start, self.zone)
        return opening.astimezone(UTC)

    def _contains(self, clock: time) -> bool:
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end
