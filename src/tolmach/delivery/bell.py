"""A bell that wakes one sleeping worker, and tells all of them when it is time to stop."""

from __future__ import annotations

import threading


class Bell:
    """Rung by whoever brings work; a ring that nobody heard is heard by the next who would sleep. Any thread may call.

    One ring wakes one worker. A worker that finds work rings again, so that as many wake as there is work for.
    """

    def __init__(self) -> None:
        """Begin silent."""
        lock = threading.Lock()
        # Apart, so that a ring wakes nobody who would only go on pausing: the ringer may be in a hurry.
        self._ringing, self._ending = threading.Condition(lock), threading.Condition(lock)
        self._rung = False
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether everybody shall stop."""
        return self._stopped

    def ring(self) -> None:
        """Wake one sleeper, or keep the next from falling asleep."""
        if self._rung:  # whoever hears that looks for work afterwards, and finds ours
            return
        with self._ringing:
            self._rung = True
            self._ringing.notify()

    def stop(self) -> None:
        """Wake everybody for good; may be repeated."""
        with self._ringing:
            self._stopped = True
            self._ringing.notify_all()
            self._ending.notify_all()

    def sleep(self, seconds: float) -> bool:
        """Sleep until rung, stopped, or the time is over; True when rung or stopped."""
        with self._ringing:
            heard = self._ringing.wait_for(lambda: self._rung or self._stopped, seconds)
            self._rung = False
            return heard

    def pause(self, seconds: float) -> None:
        """Sleep though rung, which is kept for later; only stopping ends it early."""
        with self._ending:
            self._ending.wait_for(lambda: self._stopped, seconds)
