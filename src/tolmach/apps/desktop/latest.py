"""Work for which only the newest request counts: a thread that drops what nobody wants any more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Latest(Generic[A, B]):
    """Does `work` for the newest request; `tell` is called in its thread, also with what was overtaken meanwhile."""

    def __init__(self, work: Callable[[A], B], tell: Callable[[B], None]) -> None:
        """Wait."""
        self._work, self._tell = work, tell
        self._bell = threading.Condition()
        self._wanted: list[A] = []
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, name="latest", daemon=True)
        self._thread.start()

    def ask(self, request: A) -> None:
        """Want this, and nothing that was asked before and not begun."""
        with self._bell:
            self._wanted = [request]
            self._bell.notify()

    def close(self, seconds: float = 2.0) -> None:
        """End the thread, waiting so long at most for the work in hand."""
        with self._bell:
            self._wanted, self._is_ending = [], True
            self._bell.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._bell:
                self._bell.wait_for(lambda: self._wanted or self._is_ending)
                if self._is_ending:
                    return
                request = self._wanted.pop()
            self._tell(self._work(request))
