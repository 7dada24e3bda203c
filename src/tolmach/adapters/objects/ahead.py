"""The beginnings of objects, asked for before they are opened: a bucket answers late, and many questions at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from tolmach.base import TolmachError

LANES = 8

T = TypeVar("T")


class Ahead(Generic[T]):
    """Asks several at a time, in the order in which they will be wanted. One thread expects, any thread takes.

    The threads end with the questions, and with the program; what is not taken is forgotten by the next call.
    """

    def __init__(self, ask: Callable[[str], T], lanes: int = LANES) -> None:
        """Ask nothing yet."""
        self._ask, self._lanes = ask, lanes
        self._lock = threading.Lock()
        self._asked: dict[str, Future[T]] = {}

    def expect(self, names: Sequence[str]) -> None:
        """Begin to ask for these, and return at once."""
        with self._lock:
            before, self._asked = self._asked, {name: Future() for name in names}
            questions = iter(list(self._asked.items()))
        for future in before.values():
            future.cancel()
        for _ in range(min(self._lanes, len(names))):
            threading.Thread(target=self._work, args=(questions,), name="ahead", daemon=True).start()

    def take(self, name: str) -> T:
        """Give what was asked for, or ask now where nobody has begun to. Raises what asking raises."""
        with self._lock:
            future = self._asked.pop(name, None)
        if future is None or future.cancel():
            return self._ask(name)
        return future.result()

    def _work(self, questions: Iterator[tuple[str, Future[T]]]) -> None:
        while True:
            with self._lock:
                name, future = next(questions, ("", None))
            if future is None:
                return
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._ask(name))
            except TolmachError as error:
                future.set_exception(error)
