"""Work that may hang: each piece in a thread of its own, and only the newest one is listened to.

A folder on a drive that does not answer, or a peer that says nothing, holds up its own thread and nobody else's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QObject

from tolmach.apps.desktop.mailbox import Mailbox

T = TypeVar("T")
Say = Callable[[T], None]
IsWanted = Callable[[], bool]


class Errand(QObject, Generic[T]):
    """Runs the newest piece of work. `heard` gets in the window's thread what that one says, in its order."""

    def __init__(self, heard: Callable[[T], None], parent: QObject) -> None:
        """Do nothing yet."""
        super().__init__(parent)
        self._heard = heard
        self._number = 0
        self._mailbox: Mailbox[tuple[int, T]] = Mailbox(self._deliver, self)

    def begin(self, work: Callable[[Say[T], IsWanted], None], name: str) -> None:
        """Begin a piece of work; what was begun before is not wanted any more and not listened to.

        The work says what it finds, and looks now and then whether it is still wanted.
        """
        self._number += 1
        number, mailbox = self._number, self._mailbox

        def say(message: T) -> None:
            mailbox.put((number, message))

        threading.Thread(target=work, args=(say, lambda: number == self._number), name=name, daemon=True).start()

    def drop(self) -> None:
        """Want nothing of what was begun."""
        self._number += 1

    def _deliver(self, batch: list[tuple[int, T]]) -> None:
        for number, message in batch:
            if number == self._number:
                self._heard(message)
