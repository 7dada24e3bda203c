"""Writing beside hashing: both leave the processor's other work alone, so two cores do them in the time of one."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from typing import Final

IDLE_SECONDS: Final = 2.0


class Job:
    """A piece of work that was given to the scribe, until `Scribe.finish`."""

    __slots__ = ("done", "error", "work")

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        # Until it has come to its end it has failed, whatever ends it.
        self.error: OSError | None = OSError(errno.EIO, os.strerror(errno.EIO))
        self.done = threading.Lock()
        self.done.acquire()

    def carry_out(self) -> None:
        """Do it, in whichever thread."""
        try:
            self.work()
            self.error = None
        except OSError as error:
            self.error = error  # which the caller hears from `Scribe.finish`
        finally:
            self.done.release()


class Scribe:
    """Writes for one caller at a time while that one does something else; any thread may call.

    Its thread comes with the first piece of work and goes when there was none for a while. It never has anybody wait
    for a processor: what it has not begun when its caller is ready, the caller does.
    """

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._called = threading.Lock()  # released to call the thread
        self._called.acquire()
        self._job: Job | None = None  # not begun yet
        self._is_taken = self._is_here = False

    def begin(self, work: Callable[[], None]) -> Job | None:
        """Have `work` done, which may raise `OSError`; None where somebody else has the scribe."""
        with self._lock:
            if self._is_taken:
                return None
            self._is_taken = True
            job = self._job = Job(work)
            if not self._is_here:
                self._is_here = self._comes()
            elif self._called.locked():
                self._called.release()
        return job

    def finish(self, job: Job) -> None:
        """Return when the work is done, raise what it raised, and let others have the scribe; once for each job."""
        with self._lock:
            is_begun = self._job is not job
            self._job = None
        try:
            if is_begun:
                job.done.acquire()
            else:
                job.carry_out()
        finally:
            with self._lock:
                self._is_taken = False
        if job.error is not None:
            raise job.error

    def _comes(self) -> bool:
        try:
            threading.Thread(target=self._write, name="scribe", daemon=True).start()
        except RuntimeError:  # no more threads to be had: the callers write
            return False
        return True

    def _write(self) -> None:
        while True:
            with self._lock:
                job, self._job = self._job, None
            if job is not None:
                job.carry_out()
            if not self._called.acquire(timeout=self._idle_seconds):
                with self._lock:
                    if not self._called.acquire(blocking=False):
                        self._is_here = False
                        return
