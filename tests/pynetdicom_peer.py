"""pynetdicom as one who asks, without the race that loses it answers."""

import threading
from typing import Any

from pynetdicom import AE


class _Checkpoint(threading.Event):
    """Where pynetdicom's reactor stops while a request waits for its answer.

    Its own lets the reactor pass and still look paused: then the reactor takes the answer for a request, and who asked
    hears nothing (pynetdicom 3.0, seen in one of thousands of requests on a busy machine).
    """

    def __init__(self, association: Any) -> None:
        super().__init__()
        self._association = association
        self._passing = threading.Lock()

    def wait(self, timeout: float | None = None) -> bool:
        while True:
            super().wait(timeout)
            with self._passing:
                if self.is_set():
                    self._association._is_paused = False
                    return True

    def clear(self) -> None:
        with self._passing:
            super().clear()


def associated(asking: AE, port: int, **options: Any) -> Any:
    """Give an association of pynetdicom with who listens on this machine."""
    association = asking.associate("127.0.0.1", port, **options)
    checkpoint = _Checkpoint(association)
    checkpoint.set()
    association._reactor_checkpoint = checkpoint
    return association
