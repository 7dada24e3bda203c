"""Several lanes of work side by side, their results gathered in the order of arrival."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

SECONDS_TO_STOP = 3.0

T = TypeVar("T")


def gathered(lanes: Sequence[Callable[[], Iterator[T]]], stop: Callable[[], None]) -> Iterator[T]:
    """Run lanes in threads and give what they give, in the order of arrival; `stop` is called when nobody listens.

    An error of one lane ends all and is raised. The threads are daemons, waited for `SECONDS_TO_STOP` at most: a peer
    that keeps one waiting must not keep Ctrl-C waiting.
    """
    arrivals: queue.SimpleQueue[T | _Ended] = queue.SimpleQueue()

    def work(lane: Callable[[], Iterator[T]]) -> None:
        try:
            for one in lane():
                arrivals.put(one)
        except BaseException as error:
            arrivals.put(_Ended(error))
            raise
        arrivals.put(_Ended())

    threads = [threading.Thread(target=work, args=(lane,), name="lane", daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    running = len(threads)
    try:
        while running:
            arrived = arrivals.get()
            if not isinstance(arrived, _Ended):
                yield arrived
                continue
            if arrived.error is not None:
                raise arrived.error
            running -= 1
    finally:
        if running:
            stop()
        deadline = time.monotonic() + SECONDS_TO_STOP
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


class _Ended:
    """That a lane has come to its end, or to grief."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
